#include "auditd/suggest.h"

#include "auditd/finding/survey.h"
#include "auditd/policy/decision.h"
#include "lib/clock.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* An id is a group's name, a port, whom for, a protocol and a number: 48 characters at most. */
enum { GROUPS_MOST = 1500, RULES_MOST = 4500, NAME_MOST = 18, SERVICE_MOST = 63, VALUE_MOST = 240, FROM_SIZE = 96 };

/* {KEY: {"realm", "tags" or "addresses", "hosts": n, "ports": {KEY: {"proto", "port", "service", "from", "widest",
 * "forbidden", "label", "hosts": n}}}}: in the order in which they were met. */
struct suggestion {
    const struct policy *policy;
    json_t *groups;
    struct suggested counts;
    /* The host at hand. */
    int64_t asset_id;
    char address[ADDR_TEXT_SIZE];
    char realm[256];
    bool several_realms; /* so far */
    json_t *tags;        /* object; NULL: none */
    json_t *ports;       /* object of its ports */
    json_t *names;       /* of groups that were written; object */
    json_t *ids;         /* of rules: how often; object */
};

/* ---- gathering ---- */

static int add_host_to(struct suggestion *this, json_t *group)
{
    json_t *ports = json_object_get(group, "ports");
    const char *key;
    json_t *port;

    if (this->tags == NULL &&
        json_array_append_new(json_object_get(group, "addresses"), json_string(this->address)) < 0) {
        return -ENOMEM;
    }
    json_object_set_new(group, "hosts", json_integer(json_integer_value(json_object_get(group, "hosts")) + 1));
    json_object_foreach(this->ports, key, port)
    {
        json_t *known = json_object_get(ports, key);
        if (known == NULL && json_object_set(ports, key, port) < 0) {
            return -ENOMEM;
        }
        if (known != NULL) {
            json_object_set_new(known, "hosts", json_integer(json_integer_value(json_object_get(known, "hosts")) + 1));
        }
    }
    return 0;
}

/* What its group is known by: its tags, else which ports it has open to whom. */
static char *group_key(const struct suggestion *this)
{
    const char *key;
    const json_t *port;
    json_t *what = this->tags == NULL ? json_array() : json_incref(this->tags);
    char *text;
    char *joined = NULL;

    if (this->tags == NULL) {
        json_object_foreach(this->ports, key, port)
        {
            json_array_append_new(what, json_string(key));
        }
    }
    text = what == NULL ? NULL : json_dumps(what, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(what);
    if (text == NULL || asprintf(&joined, "%s %s", this->realm, text) < 0) {
        joined = NULL;
    }
    free(text);
    return joined;
}

static json_t *group_new(const struct suggestion *this)
{
    return this->tags != NULL
               ? json_pack("{s:s, s:O, s:i, s:{}}", "realm", this->realm, "tags", this->tags, "hosts", 0, "ports")
               : json_pack("{s:s, s:[], s:i, s:{}}", "realm", this->realm, "addresses", "hosts", 0, "ports");
}

static int end_host(struct suggestion *this)
{
    char *key;
    json_t *group;
    int rc = 0;

    if (json_object_size(this->ports) > 0) {
        key = group_key(this);
        group = key == NULL ? NULL : json_object_get(this->groups, key);
        if (key != NULL && group == NULL && json_object_set_new(this->groups, key, group_new(this)) == 0) {
            group = json_object_get(this->groups, key);
        }
        free(key);
        rc = group == NULL ? -ENOMEM : add_host_to(this, group);
        this->counts.hosts++;
    }
    json_decref(this->tags);
    this->tags = NULL;
    json_object_clear(this->ports);
    return rc;
}

/* A value that stands for itself where globs are read; of one that is longer than a policy takes, its beginning. */
static json_t *literal(const char *value)
{
    char text[VALUE_MOST + 8];
    size_t length = 0;
    bool inside = true; /* of a character of several bytes, that is to be whole */

    for (; *value != '\0' && (length < VALUE_MOST || inside); value++) {
        if (strchr("*?[\\", *value) != NULL) {
            text[length++] = '\\';
        }
        text[length++] = *value;
        inside = ((unsigned char)value[1] & 0xc0) == 0x80;
    }
    if (*value != '\0') {
        text[length++] = '*';
    }
    text[length] = '\0';
    return json_string(text);
}

static int begin_host(struct suggestion *this, const struct survey_port *port)
{
    this->asset_id = port->port.asset_id;
    snprintf(this->address, sizeof(this->address), "%s", port->address);
    this->several_realms = this->several_realms || (this->realm[0] != '\0' && strcmp(this->realm, port->realm) != 0);
    snprintf(this->realm, sizeof(this->realm), "%s", port->realm);
    if (port->known->tag_count == 0) {
        return 0;
    }
    this->tags = json_object();
    for (size_t i = 0; i < port->known->tag_count; i++) {
        if (json_object_set_new(this->tags, port->known->tags[i].key, literal(port->known->tags[i].value)) < 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static const char *fact_of(const struct exposure *exposure, const char *name)
{
    const char *value = decision_fact(exposure, name);

    return value == NULL ? "" : value;
}

/* Of whoever sees it open: only a rule that grants all of them leaves nothing to find. In `ret_from` as YAML, at least
 * FROM_SIZE bytes. */
static void list_classes(const struct exposure *exposure, char *ret_from)
{
    unsigned classes = 0;
    size_t count = 0;
    size_t length = 0;

    if (exposure->sight_count == 0) {
        classes = 1U << exposure->vantage_class;
    }
    for (size_t i = 0; i < exposure->sight_count; i++) {
        classes |= exposure->sights[i].open ? 1U << exposure->sights[i].vantage_class : 0;
    }
    /* From the host itself nothing is known but that it listens: to its own network, at the least. */
    classes &= ~(1U << VANTAGE_SELF);
    classes = classes == 0 ? 1U << VANTAGE_OWN_VPC : classes;
    classes = (classes & 1U << VANTAGE_WORLD) != 0 ? 1U << VANTAGE_WORLD : classes;
    for (unsigned class = 0; class <= (unsigned)VANTAGE_WORLD; class ++) {
        if ((classes & 1U << class) != 0) {
            length += (size_t)snprintf(ret_from + length, FROM_SIZE - length, "%s%s", count++ > 0 ? ", " : "[",
                                       vantage_class_name((enum vantage_class) class));
        }
    }
    (void)snprintf(ret_from + length, FROM_SIZE - length, "]");
}

static bool is_forbidden(const struct decision *decision, const struct exposure *exposure)
{
    return decision->kind == DECISION_HARD || decision->kind == DECISION_DOOR || decision->kind == DECISION_FORBID ||
           (decision->kind == DECISION_ROW && exposure->vantage_class >= VANTAGE_PUBLIC_RANGE);
}

static int on_port(void *context, const struct survey_port *port)
{
    struct suggestion *this = context;
    const struct exposure *exposure = port->exposure;
    const char *service = fact_of(exposure, "service");
    struct decision decision;
    char from[FROM_SIZE];
    char key[FROM_SIZE + SERVICE_MOST + 32];
    char label[VERDICT_NAME_SIZE];
    const char *widest;
    bool forbidden;
    int rc = 0;

    if (port->port.asset_id != this->asset_id) {
        rc = end_host(this);
        rc = rc < 0 ? rc : begin_host(this, port);
    }
    decision_make(this->policy, exposure, &decision);
    if (rc < 0 || decision.verdict == VERDICT_ALLOWED) {
        return rc;
    }
    service = strlen(service) > SERVICE_MOST ? "" : service;
    list_classes(exposure, from);
    snprintf(label, sizeof(label), "%s%s", decision.kind == DECISION_FORBID ? "@" : "",
             decision.kind == DECISION_FORBID ? decision.rule->id
             : decision.row != NULL           ? decision.row->label
                                              : "");
    widest = exposure->vantage_class == VANTAGE_SELF ? "own-vpc" : vantage_class_name(exposure->vantage_class);
    forbidden = is_forbidden(&decision, exposure);
    snprintf(key, sizeof(key), "%s %05u %s %s%s", exposure->proto, exposure->port, service, from,
             forbidden ? " forbidden" : "");
    return json_object_set_new(this->ports, key,
                               json_pack("{s:s, s:i, s:s, s:s, s:s, s:b, s:s, s:i}", "proto", exposure->proto, "port",
                                         (int)exposure->port, "service", service, "from", from, "widest", widest,
                                         "forbidden", forbidden ? 1 : 0, "label", label, "hosts", 1)) < 0
               ? -ENOMEM
               : 0;
}

/* ---- writing ---- */

/* Letters, digits and dashes; from the values of the tags, else a number. */
static void name_group(struct suggestion *this, json_t *group, size_t number)
{
    const json_t *tags = json_object_get(group, "tags");
    char name[NAME_MOST + 32] = "";
    size_t length = 0;
    const char *key;
    const json_t *value;

    json_object_foreach((json_t *)(uintptr_t)tags, key, value)
    {
        for (const char *at = json_string_value(value); *at != '\0' && length < NAME_MOST; at++) {
            if (isalnum((unsigned char)*at) != 0) {
                name[length++] = (char)tolower((unsigned char)*at);
            } else if (length > 0 && name[length - 1] != '-') {
                name[length++] = '-';
            }
        }
        if (length > 0 && length < NAME_MOST && name[length - 1] != '-') {
            name[length++] = '-';
        }
    }
    while (length > 0 && name[length - 1] == '-') {
        length--;
    }
    name[length] = '\0';
    if (length == 0 || isdigit((unsigned char)name[0]) != 0 || strlen(name) < 3 ||
        json_object_get(this->names, name) != NULL || strcmp(name, "any") == 0 || strcmp(name, "world") == 0 ||
        strcmp(name, "peer") == 0 || strcmp(name, "vpn") == 0 || strcmp(name, "self") == 0 ||
        strcmp(name, "own-vpc") == 0 || strcmp(name, "public-range") == 0) {
        do {
            snprintf(name, sizeof(name), "hosts-%zu", number++);
        } while (json_object_get(this->names, name) != NULL);
    }
    json_object_set_new(this->names, name, json_true());
    json_object_set_new(group, "name", json_string(name));
}

/* JSON is YAML, and quotes whatever a tag or a realm holds. */
static void write_group(const struct suggestion *this, const json_t *group, FILE *out)
{
    const char *realm = json_string_value(json_object_get(group, "realm"));
    const json_t *tags = json_object_get(group, "tags");
    json_t *selector = json_object();
    char *text;

    if (this->several_realms || strcmp(realm, "default") != 0) {
        json_object_set_new(selector, "realm", json_string(realm));
    }
    json_object_set(selector, tags != NULL ? "tags" : "cidr",
                    (json_t *)(uintptr_t)(tags != NULL ? tags : json_object_get(group, "addresses")));
    text = json_dumps(selector, 0);
    fprintf(out, "  %s: %s\n", json_string_value(json_object_get(group, "name")), text == NULL ? "{any: true}" : text);
    free(text);
    json_decref(selector);
}

/* Behind the id of the second and further rules for one port: another service, or other sources. */
static json_int_t count_id(struct suggestion *this, const char *id)
{
    json_int_t count = json_integer_value(json_object_get(this->ids, id)) + 1;

    json_object_set_new(this->ids, id, json_integer(count));
    return count;
}

static void write_rule(struct suggestion *this, const json_t *group, const json_t *port, FILE *out)
{
    const char *name = json_string_value(json_object_get(group, "name"));
    const char *service = json_string_value(json_object_get(port, "service"));
    const char *proto = json_string_value(json_object_get(port, "proto"));
    const char *label = json_string_value(json_object_get(port, "label"));
    json_int_t number = json_integer_value(json_object_get(port, "port"));
    bool struck = json_is_true(json_object_get(port, "forbidden"));
    json_t *quoted = json_string(service);
    char *service_text = json_dumps(quoted, JSON_ENCODE_ANY);
    char id[64];
    char more[24] = "";
    json_int_t count;

    snprintf(id, sizeof(id), "%.26s-%" JSON_INTEGER_FORMAT "-%s%s", name, number,
             json_string_value(json_object_get(port, "widest")), strcmp(proto, "udp") == 0 ? "-udp" : "");
    count = count_id(this, id);
    if (count > 1) {
        snprintf(more, sizeof(more), "-%" JSON_INTEGER_FORMAT, count);
    }
    if (struck && label[0] == '@') {
        fprintf(out, "  # The policy's own rule %s forbids this: close it, or change that rule.\n", label + 1);
    } else if (struck) {
        fprintf(out, "  # The baseline forbids this (%s): close it rather than allow it.\n",
                label[0] != '\0' ? label : "it answers without a credential");
    }
    fprintf(out,
            "  %s- {id: %s%s, to: %s, ports: %" JSON_INTEGER_FORMAT
            ", proto: %s%s%s, from: %s, why: \"UNANSWERED: who needs it? Open on %" JSON_INTEGER_FORMAT
            " of %" JSON_INTEGER_FORMAT " hosts\"}\n",
            struck ? "# " : "", id, more, name, number, proto,
            service[0] == '\0' ? "" : ", service: ", service[0] == '\0' || service_text == NULL ? "" : service_text,
            json_string_value(json_object_get(port, "from")), json_integer_value(json_object_get(port, "hosts")),
            json_integer_value(json_object_get(group, "hosts")));
    if (struck) {
        this->counts.struck++;
    } else {
        this->counts.rules++;
    }
    free(service_text);
    json_decref(quoted);
}

/* The narrower one first: a rule for one service before one for all, few sources before many. */
static int compare_ports(const void *a, const void *b)
{
    const json_t *one = *(const json_t *const *)a;
    const json_t *other = *(const json_t *const *)b;
    static const char *const texts[] = {"proto", "service", "from"};
    json_int_t port[2] = {json_integer_value(json_object_get(one, "port")),
                          json_integer_value(json_object_get(other, "port"))};

    if (port[0] != port[1]) {
        return port[0] < port[1] ? -1 : 1;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        const char *text[2] = {json_string_value(json_object_get(one, texts[i])),
                               json_string_value(json_object_get(other, texts[i]))};
        int order = strcmp(text[0], text[1]);
        if (i == 1 && (text[0][0] == '\0') != (text[1][0] == '\0')) {
            return text[0][0] == '\0' ? 1 : -1;
        }
        if (i == 2 && strlen(text[0]) != strlen(text[1]) && strcmp(text[0], "[world]") != 0 &&
            strcmp(text[1], "[world]") != 0) {
            return strlen(text[0]) < strlen(text[1]) ? -1 : 1;
        }
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static int write_rules(struct suggestion *this, const json_t *group, FILE *out)
{
    json_t *ports = json_object_get(group, "ports");
    const json_t **sorted = calloc(json_object_size(ports) + 1, sizeof(*sorted));
    size_t count = 0;
    const char *key;
    json_t *port;

    if (sorted == NULL) {
        return -ENOMEM;
    }
    json_object_foreach(ports, key, port)
    {
        sorted[count++] = port;
    }
    qsort(sorted, count, sizeof(*sorted), compare_ports);
    for (size_t i = 0; i < count; i++) {
        if (this->counts.rules < RULES_MOST) {
            write_rule(this, group, sorted[i], out);
        } else {
            this->counts.left_out++;
        }
    }
    free(sorted);
    return 0;
}

static int write_all(struct suggestion *this, int64_t now_ms, FILE *out)
{
    char now[WALL_TEXT_SIZE];
    size_t number = 0;
    const char *key;
    json_t *group;
    int rc = 0;

    fprintf(
        out,
        "# A draft of %.10s, from what is open on %llu hosts now. Each rule is a question: who needs this, and why? "
        "Write the\n# answer down, narrow \"from\", name an owner, and strike out what nobody can answer for: what no "
        "rule allows is a finding.\nversion: 1\nbaseline: %u\ngroups:%s\n",
        wall_format(now_ms, now), (unsigned long long)this->counts.hosts, policy_baseline(this->policy),
        json_object_size(this->groups) == 0 ? " {}" : "");
    json_object_foreach(this->groups, key, group)
    {
        if (number < GROUPS_MOST) {
            name_group(this, group, ++number);
            write_group(this, group, out);
        }
    }
    fprintf(out, "allow:\n");
    json_object_foreach(this->groups, key, group)
    {
        if (json_object_get(group, "name") != NULL) {
            rc = rc < 0 ? rc : write_rules(this, group, out);
        } else {
            this->counts.left_out += json_object_size(json_object_get(group, "ports"));
        }
    }
    if (this->counts.rules == 0) {
        fprintf(out, "  []\n");
    }
    return rc;
}

int suggest_write(struct store *store, const struct policy *policy, int64_t now_ms, FILE *out,
                  struct suggested *ret_suggested)
{
    struct suggestion this = {.policy = policy,
                              .groups = json_object(),
                              .ports = json_object(),
                              .names = json_object(),
                              .ids = json_object()};
    struct survey_options options = survey_options_default();
    int rc = this.groups == NULL || this.ports == NULL || this.names == NULL || this.ids == NULL ? -ENOMEM : 0;

    options.policy = policy;
    options.now_ms = now_ms;
    if (rc == 0) {
        rc = survey_walk(store, &options, on_port, &this);
    }
    if (rc == 0) {
        rc = end_host(&this);
    }
    if (rc == 0) {
        rc = write_all(&this, now_ms, out);
        *ret_suggested = this.counts;
    }
    json_decref(this.tags);
    json_decref(this.groups);
    json_decref(this.ports);
    json_decref(this.names);
    json_decref(this.ids);
    return rc;
}
