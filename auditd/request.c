#include "auditd/request.h"

#include "auditd/hosts.h"
#include "auditd/policy/port_expression.h"
#include "lib/prefix_list.h"
#include "scanner/protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_NAME_MAX = 128, REQUEST_RETRIES_MAX = 20 };

enum request_type {
    REQUEST_ADDRESSES,
    REQUEST_PORTS,
    REQUEST_TEXT,
    REQUEST_TEXTS,
    REQUEST_COUNT,
    REQUEST_FLAG,
    REQUEST_CLASS,
    REQUEST_PROBE
};

static const struct request_field {
    const char *name;
    enum request_type type;
    json_int_t maximum; /* of a count, or of a text's length */
} request_fields[] = {
    {"targets", REQUEST_TEXTS, REQUEST_TARGETS_MAX},
    {"exclude", REQUEST_TEXTS, REQUEST_TARGETS_MAX},
    {"new_tenant", REQUEST_ADDRESSES, REQUEST_TARGETS_MAX},
    {"ports", REQUEST_PORTS, 65536},
    {"realm", REQUEST_TEXT, REQUEST_NAME_MAX},
    {"vantage", REQUEST_TEXT, REQUEST_NAME_MAX},
    {"vantage_class", REQUEST_CLASS, 0},
    {"probe", REQUEST_PROBE, 0},
    {"rate_pps", REQUEST_COUNT, UINT32_MAX},
    {"host_rate_pps", REQUEST_COUNT, UINT32_MAX},
    {"retries", REQUEST_COUNT, REQUEST_RETRIES_MAX},
    {"verify", REQUEST_FLAG, 0},
    {"services", REQUEST_FLAG, 0},
    {"door_checks", REQUEST_FLAG, 0},
    {"printers", REQUEST_FLAG, 0},
    {"ask_again", REQUEST_FLAG, 0},
    {"fresh", REQUEST_FLAG, 0},
    {"follow", REQUEST_FLAG, 0},
};

static int request_refuse(char *reason, const char *name, const char *what)
{
    snprintf(reason, REQUEST_REASON_SIZE, "\"%s\" %s", name, what);
    return -EINVAL;
}

static bool request_is_text(const json_t *value, json_int_t max_length)
{
    return json_is_string(value) && json_string_length(value) > 0 && json_string_length(value) <= (size_t)max_length;
}

static int request_check_texts(const struct request_field *field, const json_t *value, char *reason)
{
    size_t index;
    json_t *item;

    if (!json_is_array(value) || json_array_size(value) > (size_t)field->maximum) {
        return request_refuse(reason, field->name, "must be a list of at most 10000 targets");
    }
    json_array_foreach(value, index, item)
    {
        if (!request_is_text(item, 4096)) {
            return request_refuse(reason, field->name, "must hold texts that are not empty");
        }
    }
    return 0;
}

static int request_check_addresses(const struct request_field *field, const json_t *value, char *reason)
{
    size_t index;
    json_t *item;
    struct addr address;
    int rc = request_check_texts(field, value, reason);

    json_array_foreach(value, index, item)
    {
        if (rc == 0 && addr_parse(json_string_value(item), &address) < 0) {
            rc = request_refuse(reason, field->name, "must hold addresses, such as 10.0.0.5");
        }
    }
    return rc;
}

static int request_check_class(const struct request_field *field, const json_t *value, char *reason)
{
    enum vantage_class vantage_class;

    if (!json_is_string(value) || vantage_class_parse(json_string_value(value), &vantage_class) < 0) {
        return request_refuse(reason, field->name, "must be one of self, own-vpc, vpn, peer, public-range, world");
    }
    return 0;
}

/* What stands in a plan for it, as JSON; NULL when there is no such way. */
static const char *request_probes(const char *probe)
{
    static const char *const rows[][2] = {
        {"auto", "[\"syn\",\"connect\"]"}, {"syn", "[\"syn\"]"}, {"connect", "[\"connect\"]"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (strcmp(probe, rows[i][0]) == 0) {
            return rows[i][1];
        }
    }
    return NULL;
}

static int request_check_ports(const struct request_field *field, const json_t *value, char *reason)
{
    char what[PORT_EXPRESSION_REASON_SIZE + 16] = "hold ";

    if (!request_is_text(value, field->maximum)) {
        return request_refuse(reason, field->name, "must be a text such as 22,80-90,https");
    }
    if (!port_expression_check(value, "tcp", what + strlen(what), sizeof(what) - strlen(what))) {
        return request_refuse(reason, field->name, what);
    }
    return 0;
}

static int request_check_field(const struct request_field *field, const json_t *value, char *reason)
{
    char what[96];

    switch (field->type) {
    case REQUEST_TEXTS:
        return request_check_texts(field, value, reason);
    case REQUEST_ADDRESSES:
        return request_check_addresses(field, value, reason);
    case REQUEST_PORTS:
        return request_check_ports(field, value, reason);
    case REQUEST_CLASS:
        return request_check_class(field, value, reason);
    case REQUEST_PROBE:
        return json_is_string(value) && request_probes(json_string_value(value)) != NULL
                   ? 0
                   : request_refuse(reason, field->name, "must be one of auto, syn, connect");
    case REQUEST_FLAG:
        return json_is_boolean(value) ? 0 : request_refuse(reason, field->name, "must be true or false");
    case REQUEST_COUNT:
        if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= field->maximum) {
            return 0;
        }
        snprintf(what, sizeof(what), "must be a whole number from 0 to %" JSON_INTEGER_FORMAT, field->maximum);
        return request_refuse(reason, field->name, what);
    case REQUEST_TEXT:
        if (request_is_text(value, field->maximum)) {
            return 0;
        }
        snprintf(what, sizeof(what), "must be a text of 1 to %" JSON_INTEGER_FORMAT " bytes", field->maximum);
        return request_refuse(reason, field->name, what);
    }
    return -EINVAL;
}

int request_check(const json_t *request, char ret_reason[REQUEST_REASON_SIZE])
{
    if (json_array_size(json_object_get(request, "targets")) == 0) {
        return request_refuse(ret_reason, "targets", "must be a list of at least one target");
    }
    if (json_object_get(request, "scope") != NULL || json_object_get(request, "never_scan") != NULL) {
        return request_refuse(ret_reason, "scope", "is the configuration's to set, not a request's");
    }
    for (size_t i = 0; i < sizeof(request_fields) / sizeof(*request_fields); i++) {
        const json_t *value = json_object_get(request, request_fields[i].name);
        int rc = value == NULL ? 0 : request_check_field(&request_fields[i], value, ret_reason);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

bool request_flag(const json_t *request, const char *name, bool otherwise)
{
    const json_t *value = json_object_get(request, name);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

/* ---- the plan ---- */

/* `request`'s list, then the configuration's where `both`, or only when the request has none. NULL out of memory. */
static json_t *request_list(const json_t *given, const struct config_list *configured, bool both)
{
    json_t *list = json_array();
    size_t index;
    json_t *item;
    bool failed = list == NULL;

    json_array_foreach(given, index, item)
    {
        failed = failed || json_array_append(list, item) != 0;
    }
    if (both || json_array_size(given) == 0) {
        for (size_t i = 0; i < configured->count; i++) {
            failed = failed || json_array_append_new(list, json_string(configured->items[i])) != 0;
        }
    }
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static int request_append_prefixes(const struct prefix_list *prefixes, json_t *list)
{
    char text[PREFIX_TEXT_SIZE];

    for (size_t i = 0; i < prefixes->count; i++) {
        if (json_array_append_new(list, json_string(prefix_format(&prefixes->items[i], text))) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int request_never_scan(const char *path, json_t *list, char *reason)
{
    struct prefix_list prefixes = {0};
    struct prefix_list_fault fault;
    FILE *file = fopen(path, "re");
    int rc = file == NULL ? -errno : prefix_list_read(&prefixes, file, &fault);

    if (rc == -EBADMSG) {
        snprintf(reason, REQUEST_REASON_SIZE,
                 "%s:%lu: \"%s\" is no address and no prefix such as 10.0.0.0/8; nothing is scanned until the "
                 "never-scan list can be read",
                 path, fault.line, fault.word);
        rc = -EINVAL;
    } else if (rc < 0) {
        snprintf(reason, REQUEST_REASON_SIZE,
                 "cannot read the never-scan list %s: %s; nothing is scanned until it can be read", path,
                 strerror(-rc));
    } else {
        rc = request_append_prefixes(&prefixes, list);
    }
    if (file != NULL) {
        fclose(file);
    }
    prefix_list_done(&prefixes);
    return rc;
}

static const char *request_text(const json_t *request, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(request, name));

    return text != NULL ? text : otherwise;
}

static json_int_t request_count(const json_t *request, const char *name, json_int_t otherwise)
{
    const json_t *value = json_object_get(request, name);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* An empty list is left out: for the plan, no scope is the default scope. Takes `list`. */
static int request_put_list(json_t *plan, const char *name, json_t *list)
{
    int rc = 0;

    if (list == NULL) {
        return -ENOMEM;
    }
    if (json_array_size(list) > 0) {
        rc = json_object_set(plan, name, list) == 0 ? 0 : -ENOMEM;
    }
    json_decref(list);
    return rc;
}

static int request_put_guards(json_t *plan, const struct config *config, char *reason)
{
    json_t *never_scan = json_array();
    int rc = request_put_list(plan, "scope", request_list(NULL, &config->scope, true));

    if (rc == 0 && never_scan == NULL) {
        rc = -ENOMEM;
    }
    if (rc == 0 && config->never_scan != NULL) {
        rc = request_never_scan(config->never_scan, never_scan, reason);
    }
    if (rc < 0) {
        json_decref(never_scan);
        return rc;
    }
    return request_put_list(plan, "never_scan", never_scan);
}

/* Numbers: the scanner and the judge then mean the same ports, whatever name stood there. This release scans TCP. */
static int request_put_ports(json_t *plan, const char *expression, char *reason)
{
    char why[PORT_EXPRESSION_REASON_SIZE];
    struct portset set;
    char *numbers;
    int rc = port_expression_parse(expression, "tcp", &set, why);

    if (rc < 0) {
        snprintf(reason, REQUEST_REASON_SIZE, "ports: %s", why);
        return rc;
    }
    numbers = portset_format(&set);
    rc = numbers != NULL && json_object_set_new(plan, "ports", json_string(numbers)) == 0 ? 0 : -ENOMEM;
    free(numbers);
    return rc;
}

/* Raw probes ask whom connects would have asked, all of them: what discovery does not hear of is still audited. */
static int request_put_probes(json_t *plan, const char *probe)
{
    const char *text = request_probes(probe);
    json_t *probes = text == NULL ? NULL : json_loads(text, 0, NULL);
    bool raw = probes != NULL && strcmp(probe, "connect") != 0;

    return json_object_set_new(plan, "probes", probes) == 0 &&
                   (!raw || json_object_set_new(plan, "discovery", json_false()) == 0)
               ? 0
               : -ENOMEM;
}

static int request_put_services(json_t *plan, const json_t *request, const struct config *config)
{
    bool doors = request_flag(request, "door_checks", config->door_checks);

    json_t *services;

    if (!request_flag(request, "services", config->services)) {
        return 0;
    }
    services = json_pack("{s:b}", "doors", (int)doors);
    if (request_flag(request, "printers", config->printers) &&
        json_object_set_new(services, "printers", json_true()) != 0) {
        json_decref(services);
        return -ENOMEM;
    }
    return json_object_set_new(plan, "services", services) == 0 ? 0 : -ENOMEM;
}

int request_plan(const json_t *request, const struct config *config, json_t **ret_plan,
                 char ret_reason[REQUEST_REASON_SIZE])
{
    json_t *plan = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "schema", SCAN_PLAN_SCHEMA, "realm",
                             request_text(request, "realm", config->realm), "vantage",
                             request_text(request, "vantage", config->vantage), "rate_pps",
                             request_count(request, "rate_pps", config->rate_pps), "host_rate_pps",
                             request_count(request, "host_rate_pps", config->host_rate_pps), "retries",
                             request_count(request, "retries", config->retries));
    int rc = plan == NULL ? -ENOMEM : 0;

    ret_reason[0] = '\0';
    if (rc == 0) {
        rc = request_put_probes(plan, request_text(request, "probe", config->probe != NULL ? config->probe : "auto"));
    }
    if (rc == 0) {
        rc = request_put_ports(plan, request_text(request, "ports", config->ports), ret_reason);
    }
    if (rc == 0) {
        rc = request_put_list(plan, "targets",
                              request_list(json_object_get(request, "targets"), &config->targets, false));
    }
    if (rc == 0) {
        rc = request_put_list(plan, "exclude",
                              request_list(json_object_get(request, "exclude"), &config->exclude, true));
    }
    if (rc == 0) {
        rc = request_put_services(plan, request, config);
    }
    if (rc == 0) {
        rc = request_put_guards(plan, config, ret_reason);
    }
    if (rc < 0) {
        if (ret_reason[0] == '\0') {
            snprintf(ret_reason, REQUEST_REASON_SIZE, "%s", strerror(-rc));
        }
        json_decref(plan);
        return rc;
    }
    *ret_plan = plan;
    return 0;
}

char *request_plan_key(const json_t *plan)
{
    return json_dumps(plan, JSON_SORT_KEYS | JSON_COMPACT);
}

/* "10.0.0.5:443", "[fd00::1]:443" */
static json_t *request_endpoint_target(const json_t *endpoint)
{
    const char *host = json_string_value(json_object_get(endpoint, "host"));
    json_int_t port = json_integer_value(json_object_get(endpoint, "port"));

    if (host == NULL) {
        return NULL;
    }
    return json_sprintf(strchr(host, ':') == NULL ? "%s:%" JSON_INTEGER_FORMAT : "[%s]:%" JSON_INTEGER_FORMAT, host,
                        port);
}

/* Of the names that `plan` has resolved, those that stand in its exclusions: the scanner wants no others. NULL when out
 * of memory. */
static json_t *request_excluded_names(const json_t *plan)
{
    const json_t *resolved = json_object_get(plan, "resolved");
    json_t *names = json_object();
    size_t index;
    json_t *item;

    json_array_foreach(json_object_get(plan, "exclude"), index, item)
    {
        char *bare = hosts_bare(json_string_value(item));
        json_t *addresses = bare == NULL ? NULL : json_object_get(resolved, bare);
        if (bare == NULL || (addresses != NULL && json_object_set(names, bare, addresses) != 0)) {
            json_decref(names);
            names = NULL;
        }
        free(bare);
    }
    return names;
}

json_t *request_verify_plan(const json_t *plan, const json_t *endpoints)
{
    const json_t *first = json_object_get(json_array_get(endpoints, 0), "port");
    json_t *verify = json_deep_copy(plan);
    json_t *targets = json_array();
    size_t index;
    json_t *endpoint;
    bool failed = verify == NULL || targets == NULL;

    json_array_foreach(endpoints, index, endpoint)
    {
        failed = failed || json_array_append_new(targets, request_endpoint_target(endpoint)) != 0;
    }
    /* Each target has its port; the plan's own would be those of targets without, and may not be empty. */
    failed =
        failed || json_object_set(verify, "targets", targets) != 0 ||
        json_object_set_new(verify, "watch", json_deep_copy(endpoints)) != 0 ||
        /* Whether a port is open is looked at twice; a server is asked once. */
        (json_object_get(verify, "services") != NULL && json_object_del(verify, "services") != 0) ||
        json_object_set_new(verify, "resolved", request_excluded_names(plan)) != 0 ||
        json_object_set_new(verify, "ports", json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(first))) != 0;
    json_decref(targets);
    if (failed) {
        json_decref(verify);
        return NULL;
    }
    return verify;
}
