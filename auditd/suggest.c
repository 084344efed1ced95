#include "auditd/suggest.h"

#include "auditd/finding/survey.h"
#include "auditd/policy/decision.h"
#include "lib/clock.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS_MOST = 1500, RULES_MOST = 4500, NAME_MOST = 26, TEXT_SIZE = 512 };

/* {KEY: {"realm", "tags" or "addresses", "hosts": n, "ports": {KEY: {"proto", "port", "service", "from", "rule",
 * "to_whom", "hosts": n}}}}: in the order in which they were met. */
struct suggestion {
    const struct policy *policy;
    json_t *groups;
    struct suggested counts;
    /* The host at hand. */
    int64_t asset_id;
    char address[ADDR_TEXT_SIZE];
    char realm[256];
    json_t *tags;  /* object; NULL: none */
    json_t *ports; /* object of its ports */
    json_t *names; /* of groups that were written; object */
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

/* A value that stands for itself where globs are read. */
static json_t *literal(const char *value)
{
    char text[TEXT_SIZE];
    size_t length = 0;

    for (; *value != '\0' && length + 3 < sizeof(text); value++) {
        if (strchr("*?[\\", *value) != NULL) {
            text[length++] = '\\';
        }
        text[length++] = *value;
    }
    text[length] = '\0';
    return json_string(text);
}

static int begin_host(struct suggestion *this, const struct survey_port *port)
{
    this->asset_id = port->port.asset_id;
    snprintf(this->address, sizeof(this->address), "%s", port->address);
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

static int on_port(void *context, const struct survey_port *port)
{
    struct suggestion *this = context;
    const struct exposure *exposure = port->exposure;
    struct decision decision;
    const char *from;
    char key[160];
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
    from = exposure->vantage_class == VANTAGE_SELF ? "own-vpc" : vantage_class_name(exposure->vantage_class);
    forbidden = decision.kind == DECISION_HARD || decision.kind == DECISION_DOOR ||
                (decision.kind == DECISION_ROW && exposure->vantage_class >= VANTAGE_PUBLIC_RANGE);
    snprintf(key, sizeof(key), "%s %05u %.63s %s", exposure->proto, exposure->port, fact_of(exposure, "service"), from);
    return json_object_set_new(this->ports, key,
                               json_pack("{s:s, s:i, s:s, s:s, s:b, s:s, s:i}", "proto", exposure->proto, "port",
                                         (int)exposure->port, "service", fact_of(exposure, "service"), "from", from,
                                         "forbidden", forbidden ? 1 : 0, "label",
                                         decision.row != NULL ? decision.row->label : "", "hosts", 1)) < 0
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
        snprintf(name, sizeof(name), "hosts-%zu", number);
    }
    json_object_set_new(this->names, name, json_true());
    json_object_set_new(group, "name", json_string(name));
}

/* JSON is YAML, and quotes whatever a tag or a realm holds. */
static void write_group(const json_t *group, FILE *out)
{
    const char *realm = json_string_value(json_object_get(group, "realm"));
    const json_t *tags = json_object_get(group, "tags");
    json_t *selector = json_object();
    char *text;

    if (strcmp(realm, "default") != 0) {
        json_object_set_new(selector, "realm", json_string(realm));
    }
    json_object_set(selector, tags != NULL ? "tags" : "cidr",
                    (json_t *)(uintptr_t)(tags != NULL ? tags : json_object_get(group, "addresses")));
    text = json_dumps(selector, 0);
    fprintf(out, "  %s: %s\n", json_string_value(json_object_get(group, "name")), text == NULL ? "{any: true}" : text);
    free(text);
    json_decref(selector);
}

static void write_rule(struct suggestion *this, const json_t *group, const json_t *port, FILE *out)
{
    const char *name = json_string_value(json_object_get(group, "name"));
    const char *service = json_string_value(json_object_get(port, "service"));
    const char *proto = json_string_value(json_object_get(port, "proto"));
    const char *from = json_string_value(json_object_get(port, "from"));
    const char *label = json_string_value(json_object_get(port, "label"));
    json_int_t number = json_integer_value(json_object_get(port, "port"));
    bool struck = json_is_true(json_object_get(port, "forbidden"));
    json_t *quoted = json_string(service);
    char *service_text = json_dumps(quoted, JSON_ENCODE_ANY);

    if (struck) {
        fprintf(out, "  # The baseline forbids this (%s): close it rather than allow it.\n",
                label[0] != '\0' ? label : "it answers without a credential");
    }
    fprintf(out,
            "  %s- {id: %s-%" JSON_INTEGER_FORMAT "-%s%s, to: %s, ports: %" JSON_INTEGER_FORMAT
            ", proto: %s%s%s, from: %s, why: \"UNANSWERED: who needs it? Open on %" JSON_INTEGER_FORMAT
            " of %" JSON_INTEGER_FORMAT " hosts\"}\n",
            struck ? "# " : "", name, number, from, strcmp(proto, "udp") == 0 ? "-udp" : "", name, number, proto,
            service[0] == '\0' ? "" : ", service: ", service[0] == '\0' || service_text == NULL ? "" : service_text,
            from, json_integer_value(json_object_get(port, "hosts")),
            json_integer_value(json_object_get(group, "hosts")));
    if (struck) {
        this->counts.struck++;
    } else {
        this->counts.rules++;
    }
    free(service_text);
    json_decref(quoted);
}

/* Two services on one port are two rules of one name: the second would need an id of its own, and is left out. */
static bool is_first(struct suggestion *this, const json_t *group, const json_t *port)
{
    char id[128];

    snprintf(id, sizeof(id), "%s %s %" JSON_INTEGER_FORMAT " %s", json_string_value(json_object_get(group, "name")),
             json_string_value(json_object_get(port, "proto")), json_integer_value(json_object_get(port, "port")),
             json_string_value(json_object_get(port, "from")));
    if (json_object_get(this->names, id) != NULL) {
        return false;
    }
    return json_object_set_new(this->names, id, json_true()) == 0;
}

static void write_rules(struct suggestion *this, const json_t *group, FILE *out)
{
    const char *key;
    const json_t *port;

    json_object_foreach(json_object_get(group, "ports"), key, port)
    {
        if (this->counts.rules < RULES_MOST && is_first(this, group, port)) {
            write_rule(this, group, port, out);
        } else {
            this->counts.left_out++;
        }
    }
}

static void write_all(struct suggestion *this, int64_t now_ms, FILE *out)
{
    char now[WALL_TEXT_SIZE];
    size_t number = 0;
    const char *key;
    json_t *group;

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
            write_group(group, out);
        }
    }
    fprintf(out, "allow:\n");
    json_object_foreach(this->groups, key, group)
    {
        if (json_object_get(group, "name") != NULL) {
            write_rules(this, group, out);
        } else {
            this->counts.left_out += json_object_size(json_object_get(group, "ports"));
        }
    }
    if (this->counts.rules == 0) {
        fprintf(out, "  []\n");
    }
}

int suggest_write(struct store *store, const struct policy *policy, int64_t now_ms, FILE *out,
                  struct suggested *ret_suggested)
{
    struct suggestion this = {
        .policy = policy, .groups = json_object(), .ports = json_object(), .names = json_object()};
    struct survey_options options = survey_options_default();
    int rc = this.groups == NULL || this.ports == NULL || this.names == NULL ? -ENOMEM : 0;

    options.policy = policy;
    options.now_ms = now_ms;
    if (rc == 0) {
        rc = survey_walk(store, &options, on_port, &this);
    }
    if (rc == 0) {
        rc = end_host(&this);
    }
    if (rc == 0) {
        write_all(&this, now_ms, out);
        *ret_suggested = this.counts;
    }
    json_decref(this.tags);
    json_decref(this.groups);
    json_decref(this.ports);
    json_decref(this.names);
    return rc;
}
