#include "scanner/plan_doc.h"

#include "scanner/plan.h"
#include "scanner/ports.h"
#include "scanner/protocol.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLAN_DOC_TEXT_MAX = 128 };

struct plan_doc_reader {
    struct plan_doc *doc;
    const struct services *services;
    bool raw;
    struct problem *problem;
};

/* One key of the document; a new one is a new row. */
struct plan_doc_key {
    const char *name;
    bool required;
    int (*read)(const struct plan_doc_reader *reader, const json_t *value);
};

static int plan_doc_out_of_memory(struct problem *problem)
{
    return problem_set(problem, -ENOMEM, "out of memory");
}

static const char *plan_doc_type(const json_t *value)
{
    static const char *const names[] = {"an object",  "an array", "a string", "a whole number",
                                        "a fraction", "true",     "false",    "null"};
    return names[json_typeof(value)];
}

static int plan_doc_expect(const struct plan_doc_reader *reader, const char *pointer, const json_t *value,
                           json_type type, const char *wanted)
{
    if (json_typeof(value) == type) {
        return 0;
    }
    return problem_set(reader->problem, -EINVAL, "plan%s: %s stands where %s belongs", pointer, plan_doc_type(value),
                       wanted);
}

/* A string without NUL bytes, which C text cannot hold. */
static int plan_doc_text(const struct plan_doc_reader *reader, const char *pointer, const json_t *value,
                         const char **ret_text)
{
    int rc = plan_doc_expect(reader, pointer, value, JSON_STRING, "a string");

    if (rc < 0) {
        return rc;
    }
    if (strlen(json_string_value(value)) != json_string_length(value)) {
        return problem_set(reader->problem, -EINVAL, "plan%s: the text has a NUL character in it", pointer);
    }
    *ret_text = json_string_value(value);
    return 0;
}

struct plan_doc_bounds {
    int64_t low;
    int64_t high;
};

static int plan_doc_integer(const struct plan_doc_reader *reader, const char *pointer, const json_t *value,
                            struct plan_doc_bounds bounds, int64_t *ret_number)
{
    int rc = plan_doc_expect(reader, pointer, value, JSON_INTEGER, "a whole number");

    if (rc < 0) {
        return rc;
    }
    if (json_integer_value(value) < bounds.low || json_integer_value(value) > bounds.high) {
        return problem_set(reader->problem, -ERANGE, "plan%s: %lld is not in %lld to %lld", pointer,
                           (long long)json_integer_value(value), (long long)bounds.low, (long long)bounds.high);
    }
    *ret_number = json_integer_value(value);
    return 0;
}

static int plan_doc_read_schema(const struct plan_doc_reader *reader, const json_t *value)
{
    const char *text;
    int rc = plan_doc_text(reader, "/schema", value, &text);

    if (rc == 0 && strcmp(text, SCAN_PLAN_SCHEMA) != 0) {
        return problem_set(reader->problem, -EINVAL, "plan/schema: \"%.40s\" is not %s, which this version reads", text,
                           SCAN_PLAN_SCHEMA);
    }
    return rc;
}

static int plan_doc_read_label(const struct plan_doc_reader *reader, const char *pointer, const json_t *value,
                               char **field)
{
    const char *text;
    int rc = plan_doc_text(reader, pointer, value, &text);

    if (rc < 0) {
        return rc;
    }
    if (text[0] == '\0' || strlen(text) > PLAN_DOC_TEXT_MAX) {
        return problem_set(reader->problem, -EINVAL, "plan%s: must have 1 to %d bytes", pointer, PLAN_DOC_TEXT_MAX);
    }
    for (const char *byte = text; *byte != '\0'; byte++) {
        if ((unsigned char)*byte < 0x20 || *byte == 0x7f) {
            return problem_set(reader->problem, -EINVAL, "plan%s: must hold no control characters", pointer);
        }
    }
    *field = strdup(text);
    return *field == NULL ? plan_doc_out_of_memory(reader->problem) : 0;
}

static int plan_doc_read_realm(const struct plan_doc_reader *reader, const json_t *value)
{
    return plan_doc_read_label(reader, "/realm", value, &reader->doc->realm);
}

static int plan_doc_read_vantage(const struct plan_doc_reader *reader, const json_t *value)
{
    return plan_doc_read_label(reader, "/vantage", value, &reader->doc->vantage);
}

static int plan_doc_read_targets(const struct plan_doc_reader *reader, const json_t *value, const char *key,
                                 struct targets *targets)
{
    char pointer[64];
    const json_t *item;
    size_t i;
    int rc;

    snprintf(pointer, sizeof(pointer), "/%s", key);
    rc = plan_doc_expect(reader, pointer, value, JSON_ARRAY, "an array of target expressions");
    if (rc < 0) {
        return rc;
    }
    json_array_foreach(value, i, item)
    {
        const char *text;
        snprintf(pointer, sizeof(pointer), "/%s/%zu", key, i);
        rc = plan_doc_text(reader, pointer, item, &text);
        if (rc == 0) {
            rc = targets_add(targets, text, reader->services, reader->problem);
            if (rc < 0) {
                problem_prefix(reader->problem, rc, "plan%s", pointer);
            }
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int plan_doc_read_target(const struct plan_doc_reader *reader, const json_t *value)
{
    int rc = plan_doc_read_targets(reader, value, "targets", reader->doc->targets);

    if (rc == 0 && json_array_size(value) == 0) {
        return problem_set(reader->problem, -EINVAL, "plan/targets: is empty; name at least one target");
    }
    return rc;
}

static int plan_doc_read_exclude(const struct plan_doc_reader *reader, const json_t *value)
{
    return plan_doc_read_targets(reader, value, "exclude", reader->doc->exclude);
}

static int plan_doc_read_resolved_name(const struct plan_doc_reader *reader, const char *name, const json_t *value)
{
    char pointer[PLAN_DOC_HOST_SIZE + 32];
    json_t *addrs = json_array();
    const json_t *item;
    int rc;

    snprintf(pointer, sizeof(pointer), "/resolved/%s", name);
    rc = plan_doc_expect(reader, pointer, value, JSON_ARRAY, "an array of addresses");
    for (size_t i = 0; rc == 0 && i < json_array_size(value); i++) {
        char buffer[ADDR_TEXT_SIZE];
        const char *text;
        struct addr addr;
        item = json_array_get(value, i);
        rc = plan_doc_text(reader, pointer, item, &text);
        if (rc == 0 && addr_parse(text, &addr) < 0) {
            rc = problem_set(reader->problem, -EINVAL, "plan%s/%zu: \"%.60s\" is not an address", pointer, i, text);
        }
        if (rc == 0 && json_array_append_new(addrs, json_string(addr_format(&addr, buffer))) < 0) {
            rc = plan_doc_out_of_memory(reader->problem);
        }
    }
    if (rc == 0 && json_object_set(reader->doc->resolved, name, addrs) < 0) {
        rc = plan_doc_out_of_memory(reader->problem);
    }
    json_decref(addrs);
    return rc;
}

static int plan_doc_read_resolved(const struct plan_doc_reader *reader, const json_t *value)
{
    int rc = plan_doc_expect(reader, "/resolved", value, JSON_OBJECT, "an object of names and their addresses");
    void *iter;

    if (rc < 0) {
        return rc;
    }
    for (iter = json_object_iter((json_t *)(uintptr_t)value); iter != NULL;
         iter = json_object_iter_next((json_t *)(uintptr_t)value, iter)) {
        const char *name = json_object_iter_key(iter);
        if (strlen(name) >= PLAN_DOC_HOST_SIZE) {
            return problem_set(reader->problem, -EINVAL, "plan/resolved: \"%.40s…\" is too long for a host name", name);
        }
        rc = plan_doc_read_resolved_name(reader, name, json_object_iter_value(iter));
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int plan_doc_read_ports(const struct plan_doc_reader *reader, const json_t *value)
{
    const char *text;
    int rc = plan_doc_text(reader, "/ports", value, &text);

    if (rc < 0) {
        return rc;
    }
    rc =
        ports_parse(text, reader->services, plan_probe_proto(reader->doc->probe), &reader->doc->ports, reader->problem);
    return rc < 0 ? problem_prefix(reader->problem, rc, "plan/ports") : 0;
}

static const char *const plan_probe_names[] = {
    [PLAN_PROBE_CONNECT] = "connect", [PLAN_PROBE_SYN] = "syn", [PLAN_PROBE_UDP] = "udp"};

const char *plan_probe_name(enum plan_probe probe)
{
    return plan_probe_names[probe];
}

const char *plan_probe_proto(enum plan_probe probe)
{
    return probe == PLAN_PROBE_UDP ? "udp" : "tcp";
}

/* By raw SYNs where this machine can, else by connects: the plan then has the one that was taken, and no other. */
static bool plan_doc_is_open(const json_t *value)
{
    const char *first = json_string_value(json_array_get(value, 0));
    const char *second = json_string_value(json_array_get(value, 1));

    return json_array_size(value) == 2 && first != NULL && second != NULL &&
           strcmp(first, plan_probe_names[PLAN_PROBE_SYN]) == 0 &&
           strcmp(second, plan_probe_names[PLAN_PROBE_CONNECT]) == 0;
}

static void plan_doc_set_probe(const struct plan_doc_reader *reader, enum plan_probe probe)
{
    reader->doc->probe = probe;
    targets_use_proto(reader->doc->targets, plan_probe_proto(probe));
    targets_use_proto(reader->doc->exclude, plan_probe_proto(probe));
}

static int plan_doc_read_probes(const struct plan_doc_reader *reader, const json_t *value)
{
    const char *text;
    int rc = plan_doc_expect(reader, "/probes", value, JSON_ARRAY, "an array of probe types");

    if (rc == 0 && plan_doc_is_open(value)) {
        reader->doc->probe_was_open = true;
        plan_doc_set_probe(reader, reader->raw ? PLAN_PROBE_SYN : PLAN_PROBE_CONNECT);
        return 0;
    }
    if (rc == 0 && json_array_size(value) != 1) {
        return problem_set(reader->problem, -EINVAL,
                           "plan/probes: must be one of [\"connect\"], [\"syn\"], [\"udp\"], since a scan asks in one "
                           "way, or [\"syn\", \"connect\"]: by connects where raw SYNs cannot be sent");
    }
    if (rc == 0) {
        rc = plan_doc_text(reader, "/probes/0", json_array_get(value, 0), &text);
    }
    for (size_t i = 0; rc == 0 && i < sizeof(plan_probe_names) / sizeof(char *); i++) {
        if (strcmp(text, plan_probe_names[i]) == 0) {
            plan_doc_set_probe(reader, (enum plan_probe)i);
            return 0;
        }
    }
    return rc < 0
               ? rc
               : problem_set(reader->problem, -EINVAL, "plan/probes/0: \"%.40s\" is none of connect, syn, udp", text);
}

static int plan_doc_unknown_key(const struct plan_doc_reader *reader, const char *pointer, const char *key,
                                const char *known)
{
    return problem_set(reader->problem, -EINVAL, "plan%s: unknown key \"%.40s\"; known are %s", pointer, key, known);
}

static int plan_doc_endpoint_host(const struct plan_doc_reader *reader, const char *pointer, const char *text,
                                  struct plan_doc_endpoint *endpoint)
{
    struct targets *targets = targets_create();
    const struct target *target;
    int rc;

    if (targets == NULL) {
        return plan_doc_out_of_memory(reader->problem);
    }
    rc = targets_add(targets, text, NULL, reader->problem);
    if (rc < 0) {
        problem_prefix(reader->problem, rc, "plan%s/host", pointer);
        goto done;
    }
    target = targets_at(targets, 0);
    if (target->ports != NULL || (target->name == NULL && !addr_equal(&target->first, &target->last))) {
        rc = problem_set(reader->problem, -EINVAL, "plan%s/host: \"%.60s\" is not one address or host name", pointer,
                         text);
        goto done;
    }
    endpoint->is_name = target->name != NULL;
    if (endpoint->is_name) {
        snprintf(endpoint->host, sizeof(endpoint->host), "%s", target->name);
    } else {
        endpoint->addr = target->first;
        addr_format(&target->first, endpoint->host);
    }
done:
    targets_destroy(targets);
    return rc;
}

static int plan_doc_endpoint_proto(const struct plan_doc_reader *reader, const char *pointer, const char *proto)
{
    const char *own = plan_probe_proto(reader->doc->probe);

    if (strcmp(proto, own) == 0) {
        return 0;
    }
    if (strcmp(proto, "tcp") == 0 || strcmp(proto, "udp") == 0) {
        return problem_set(reader->problem, -EINVAL, "plan%s/proto: \"%s\" cannot be asked by the probe \"%s\"",
                           pointer, proto, plan_probe_name(reader->doc->probe));
    }
    return problem_set(reader->problem, -EINVAL, "plan%s/proto: \"%.20s\" is not \"%s\"", pointer, proto, own);
}

static int plan_doc_read_endpoint(const struct plan_doc_reader *reader, const char *pointer, const json_t *value,
                                  struct plan_doc_endpoint *endpoint)
{
    static const char *const keys[] = {"host", "proto", "port"};
    char below[80];
    const char *host;
    const char *proto;
    int64_t port;
    int rc = plan_doc_expect(reader, pointer, value, JSON_OBJECT, "an object with host, proto and port");

    for (size_t i = 0; rc == 0 && i < 3; i++) {
        if (json_object_get(value, keys[i]) == NULL) {
            rc = problem_set(reader->problem, -EINVAL, "plan%s: \"%s\" is missing", pointer, keys[i]);
        }
    }
    if (rc == 0 && json_object_size(value) > 3) {
        rc = plan_doc_unknown_key(reader, pointer, "…", "host, proto, port");
    }
    if (rc == 0) {
        snprintf(below, sizeof(below), "%s/host", pointer);
        rc = plan_doc_text(reader, below, json_object_get(value, "host"), &host);
    }
    if (rc == 0) {
        rc = plan_doc_endpoint_host(reader, pointer, host, endpoint);
    }
    if (rc == 0) {
        snprintf(below, sizeof(below), "%s/proto", pointer);
        rc = plan_doc_text(reader, below, json_object_get(value, "proto"), &proto);
    }
    if (rc == 0) {
        rc = plan_doc_endpoint_proto(reader, pointer, proto);
    }
    if (rc == 0) {
        snprintf(below, sizeof(below), "%s/port", pointer);
        rc = plan_doc_integer(reader, below, json_object_get(value, "port"), (struct plan_doc_bounds){0, UINT16_MAX},
                              &port);
    }
    if (rc == 0) {
        endpoint->port = (uint16_t)port;
    }
    return rc;
}

static int plan_doc_read_watch(const struct plan_doc_reader *reader, const json_t *value)
{
    int rc = plan_doc_expect(reader, "/watch", value, JSON_ARRAY, "an array of endpoints");

    if (rc < 0) {
        return rc;
    }
    reader->doc->watch = calloc(json_array_size(value) + 1, sizeof(*reader->doc->watch));
    if (reader->doc->watch == NULL) {
        return plan_doc_out_of_memory(reader->problem);
    }
    for (size_t i = 0; rc == 0 && i < json_array_size(value); i++) {
        char pointer[40];
        snprintf(pointer, sizeof(pointer), "/watch/%zu", i);
        rc = plan_doc_read_endpoint(reader, pointer, json_array_get(value, i), &reader->doc->watch[i]);
        reader->doc->watch_count++;
    }
    return rc;
}

static int plan_doc_read_canary(const struct plan_doc_reader *reader, const json_t *value)
{
    int rc = plan_doc_read_endpoint(reader, "/canary", value, &reader->doc->canary);

    reader->doc->has_canary = rc == 0;
    return rc;
}

static int plan_doc_read_rate(const struct plan_doc_reader *reader, const json_t *value)
{
    int64_t number;
    int rc = plan_doc_integer(reader, "/rate_pps", value, (struct plan_doc_bounds){0, INT64_MAX}, &number);

    if (rc == 0) {
        reader->doc->rate_pps = (uint64_t)number;
    }
    return rc;
}

static int plan_doc_read_host_rate(const struct plan_doc_reader *reader, const json_t *value)
{
    int64_t number;
    int rc = plan_doc_integer(reader, "/host_rate_pps", value, (struct plan_doc_bounds){0, INT64_MAX}, &number);

    if (rc == 0) {
        reader->doc->host_rate_pps = (uint64_t)number;
    }
    return rc;
}

static int plan_doc_read_retries(const struct plan_doc_reader *reader, const json_t *value)
{
    int64_t number;
    int rc = plan_doc_integer(reader, "/retries", value, (struct plan_doc_bounds){0, PLAN_RETRIES_MAX}, &number);

    if (rc == 0) {
        reader->doc->retries = (uint32_t)number;
    }
    return rc;
}

static int plan_doc_read_seed(const struct plan_doc_reader *reader, const json_t *value)
{
    enum { DIGITS = 2 * PERMUTATION_SEED_BYTES };
    const char *text;
    int rc = plan_doc_text(reader, "/seed", value, &text);

    if (rc < 0) {
        return rc;
    }
    if (strlen(text) != DIGITS || strspn(text, "0123456789abcdef") != DIGITS ||
        sodium_hex2bin(reader->doc->seed, sizeof(reader->doc->seed), text, DIGITS, NULL, NULL, NULL) != 0) {
        return problem_set(reader->problem, -EINVAL, "plan/seed: must be %d hexadecimal digits, lower case", DIGITS);
    }
    reader->doc->has_seed = true;
    return 0;
}

static int plan_doc_read_prefixes(const struct plan_doc_reader *reader, const json_t *value, const char *key,
                                  struct plan_doc_prefixes *prefixes)
{
    char pointer[40];
    int rc;

    snprintf(pointer, sizeof(pointer), "/%s", key);
    rc = plan_doc_expect(reader, pointer, value, JSON_ARRAY, "an array of prefixes");
    if (rc < 0) {
        return rc;
    }
    prefixes->items = calloc(json_array_size(value) + 1, sizeof(*prefixes->items));
    if (prefixes->items == NULL) {
        return plan_doc_out_of_memory(reader->problem);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *text;
        snprintf(pointer, sizeof(pointer), "/%s/%zu", key, i);
        rc = plan_doc_text(reader, pointer, json_array_get(value, i), &text);
        if (rc < 0) {
            return rc;
        }
        if (prefix_parse(text, &prefixes->items[i]) < 0) {
            return problem_set(reader->problem, -EINVAL, "plan%s: \"%.60s\" is not a prefix; write 10.0.0.0/8", pointer,
                               text);
        }
        prefixes->count++;
    }
    return 0;
}

static int plan_doc_read_scope(const struct plan_doc_reader *reader, const json_t *value)
{
    int rc = plan_doc_read_prefixes(reader, value, "scope", &reader->doc->scope);

    if (rc == 0 && reader->doc->scope.count == 0) {
        return problem_set(reader->problem, -EINVAL, "plan/scope: is empty; leave it out for the default scope");
    }
    return rc;
}

static int plan_doc_read_never_scan(const struct plan_doc_reader *reader, const json_t *value)
{
    return plan_doc_read_prefixes(reader, value, "never_scan", &reader->doc->never_scan);
}

static int plan_doc_read_slab(const struct plan_doc_reader *reader, const json_t *value)
{
    const json_t *probes;
    const json_t *hosts;
    int64_t number;
    int rc = plan_doc_expect(reader, "/slab", value, JSON_OBJECT, "an object with probes and hosts");

    if (rc < 0) {
        return rc;
    }
    probes = json_object_get(value, "probes");
    hosts = json_object_get(value, "hosts");
    if (probes == NULL || hosts == NULL || json_object_size(value) != 2) {
        return problem_set(reader->problem, -EINVAL, "plan/slab: must have \"probes\" and \"hosts\" and nothing else");
    }
    rc = plan_doc_integer(reader, "/slab/probes", probes,
                          (struct plan_doc_bounds){SPACE_SLAB_PROBES_LEAST, SPACE_SLAB_PROBES_MOST}, &number);
    if (rc < 0) {
        return rc;
    }
    reader->doc->slab.slab_probes = (uint32_t)number;
    rc = plan_doc_integer(reader, "/slab/hosts", hosts, (struct plan_doc_bounds){1, SPACE_SLAB_HOSTS_MOST}, &number);
    if (rc == 0) {
        reader->doc->slab.slab_hosts = (uint32_t)number;
    }
    return rc;
}

static int plan_doc_read_shard(const struct plan_doc_reader *reader, const json_t *value)
{
    const json_t *index;
    const json_t *count;
    int64_t number;
    int rc = plan_doc_expect(reader, "/shard", value, JSON_OBJECT, "an object with index and count");

    if (rc < 0) {
        return rc;
    }
    index = json_object_get(value, "index");
    count = json_object_get(value, "count");
    if (index == NULL || count == NULL || json_object_size(value) != 2) {
        return problem_set(reader->problem, -EINVAL, "plan/shard: must have \"index\" and \"count\" and nothing else");
    }
    rc = plan_doc_integer(reader, "/shard/count", count, (struct plan_doc_bounds){1, PLAN_SHARDS_MAX}, &number);
    if (rc < 0) {
        return rc;
    }
    reader->doc->shard_count = (uint32_t)number;
    rc = plan_doc_integer(reader, "/shard/index", index, (struct plan_doc_bounds){1, number}, &number);
    if (rc == 0) {
        reader->doc->shard_index = (uint32_t)number;
    }
    return rc;
}

static int plan_doc_read_unbraked(const struct plan_doc_reader *reader, const json_t *value)
{
    if (!json_is_boolean(value)) {
        return problem_set(reader->problem, -EINVAL, "plan/unbraked: must be true or false");
    }
    reader->doc->unbraked = json_is_true(value);
    return 0;
}

static int plan_doc_read_services(const struct plan_doc_reader *reader, const json_t *value)
{
    const json_t *doors;
    const json_t *printers;
    const json_t *known;
    int rc = plan_doc_expect(reader, "/services", value, JSON_OBJECT, "an object with doors");

    if (rc < 0) {
        return rc;
    }
    doors = json_object_get(value, "doors");
    printers = json_object_get(value, "printers");
    known = json_object_get(value, "known");
    if (!json_is_boolean(doors) || (printers != NULL && !json_is_boolean(printers)) ||
        json_object_size(value) != 1U + (printers != NULL) + (known != NULL)) {
        return problem_set(
            reader->problem, -EINVAL,
            "plan/services: must have \"doors\", true or false, may have \"printers\", true or false, and "
            "\"known\", and nothing else");
    }
    if (reader->doc->probe == PLAN_PROBE_UDP) {
        return problem_set(reader->problem, -EINVAL,
                           "plan/services: only TCP ports can be asked; leave it out with the probe udp");
    }
    reader->doc->services = true;
    reader->doc->doors = json_is_true(doors);
    reader->doc->printers = json_is_true(printers);
    return known == NULL ? 0 : plan_known_read(known, &reader->doc->known, reader->problem);
}

static int plan_doc_read_discovery(const struct plan_doc_reader *reader, const json_t *value)
{
    if (!json_is_boolean(value)) {
        return problem_set(reader->problem, -EINVAL, "plan/discovery: must be true or false");
    }
    if (reader->doc->probe == PLAN_PROBE_CONNECT && json_is_true(value)) {
        return problem_set(reader->problem, -EINVAL,
                           "plan/discovery: plain connects discover nothing; ask by \"syn\" or \"udp\"");
    }
    reader->doc->discovers = json_is_true(value);
    return 0;
}

static const struct plan_doc_key plan_doc_keys[] = {
    {"schema", true, plan_doc_read_schema},        {"realm", true, plan_doc_read_realm},
    {"vantage", true, plan_doc_read_vantage},      {"probes", true, plan_doc_read_probes}, /* before all with ports */
    {"targets", true, plan_doc_read_target},       {"exclude", false, plan_doc_read_exclude},
    {"resolved", false, plan_doc_read_resolved},   {"ports", true, plan_doc_read_ports},
    {"watch", false, plan_doc_read_watch},         {"canary", false, plan_doc_read_canary},
    {"rate_pps", false, plan_doc_read_rate},       {"host_rate_pps", false, plan_doc_read_host_rate},
    {"retries", false, plan_doc_read_retries},     {"seed", false, plan_doc_read_seed},
    {"scope", false, plan_doc_read_scope},         {"never_scan", false, plan_doc_read_never_scan},
    {"shard", false, plan_doc_read_shard},         {"slab", false, plan_doc_read_slab},
    {"unbraked", false, plan_doc_read_unbraked},   {"services", false, plan_doc_read_services},
    {"discovery", false, plan_doc_read_discovery},
};

enum { PLAN_DOC_KEY_COUNT = sizeof(plan_doc_keys) / sizeof(*plan_doc_keys) };

static int plan_doc_check_known(const struct plan_doc_reader *reader, const json_t *json)
{
    void *iter;

    for (iter = json_object_iter((json_t *)(uintptr_t)json); iter != NULL;
         iter = json_object_iter_next((json_t *)(uintptr_t)json, iter)) {
        size_t i = 0;
        while (i < PLAN_DOC_KEY_COUNT && strcmp(plan_doc_keys[i].name, json_object_iter_key(iter)) != 0) {
            i++;
        }
        if (i == PLAN_DOC_KEY_COUNT) {
            return plan_doc_unknown_key(
                reader, "", json_object_iter_key(iter),
                "schema, realm, vantage, targets, exclude, resolved, ports, probes, watch, canary, "
                "rate_pps, host_rate_pps, retries, seed, scope, never_scan, shard, slab, unbraked, services, "
                "discovery");
        }
    }
    return 0;
}

static int plan_doc_read_keys(const struct plan_doc_reader *reader, const json_t *json)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < PLAN_DOC_KEY_COUNT; i++) {
        const json_t *value = json_object_get(json, plan_doc_keys[i].name);
        if (value != NULL) {
            rc = plan_doc_keys[i].read(reader, value);
        } else if (plan_doc_keys[i].required) {
            rc = problem_set(reader->problem, -EINVAL, "plan: \"%s\" is missing", plan_doc_keys[i].name);
        }
    }
    if (rc == 0 && json_object_get(json, "discovery") == NULL) {
        reader->doc->discovers = reader->doc->probe != PLAN_PROBE_CONNECT;
    }
    if (rc == 0 && json_object_get(json, "slab") == NULL) {
        reader->doc->slab = reader->doc->probe == PLAN_PROBE_CONNECT ? space_geometry_default() : space_geometry_raw();
    }
    return rc;
}

int plan_doc_read(struct plan_doc *doc, const json_t *json, const struct services *services, bool raw,
                  struct problem *problem)
{
    struct plan_doc_reader reader = {.doc = doc, .services = services, .raw = raw, .problem = problem};
    int rc;

    memset(doc, 0, sizeof(*doc));
    doc->retries = PLAN_RETRIES_DEFAULT;
    doc->shard_index = 1;
    doc->shard_count = 1;
    doc->targets = targets_create();
    doc->exclude = targets_create();
    doc->resolved = json_object();
    if (doc->targets == NULL || doc->exclude == NULL || doc->resolved == NULL) {
        return plan_doc_out_of_memory(problem);
    }
    rc = plan_doc_expect(&reader, "", json, JSON_OBJECT, "an object");
    if (rc == 0) {
        rc = plan_doc_check_known(&reader, json);
    }
    if (rc == 0) {
        rc = plan_doc_read_keys(&reader, json);
    }
    return rc;
}

void plan_doc_done(struct plan_doc *doc)
{
    free(doc->realm);
    free(doc->vantage);
    targets_destroy(doc->targets);
    targets_destroy(doc->exclude);
    json_decref(doc->resolved);
    free(doc->watch);
    plan_known_destroy(doc->known);
    free(doc->scope.items);
    free(doc->never_scan.items);
    memset(doc, 0, sizeof(*doc));
}

static json_t *plan_doc_write_targets(const struct targets *targets)
{
    json_t *array = json_array();

    for (size_t i = 0; i < targets_count(targets); i++) {
        if (json_array_append_new(array, json_string(targets_at(targets, i)->text)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *plan_doc_write_endpoint(const struct plan_doc *doc, const struct plan_doc_endpoint *endpoint)
{
    return json_pack("{s:s, s:s, s:i}", "host", endpoint->host, "proto", plan_probe_proto(doc->probe), "port",
                     endpoint->port);
}

static json_t *plan_doc_write_watch(const struct plan_doc *doc)
{
    json_t *array = json_array();

    for (size_t i = 0; i < doc->watch_count; i++) {
        if (json_array_append_new(array, plan_doc_write_endpoint(doc, &doc->watch[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *plan_doc_write_prefixes(const struct plan_doc_prefixes *prefixes)
{
    json_t *array = json_array();

    for (size_t i = 0; i < prefixes->count; i++) {
        char text[PREFIX_TEXT_SIZE];
        if (json_array_append_new(array, json_string(prefix_format(&prefixes->items[i], text))) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* What is written only when it is there. */
static int plan_doc_write_optional(const struct plan_doc *doc, json_t *json)
{
    int rc = 0;

    if (doc->has_canary) {
        rc |= json_object_set_new(json, "canary", plan_doc_write_endpoint(doc, &doc->canary));
    }
    if (doc->scope.count > 0) {
        rc |= json_object_set_new(json, "scope", plan_doc_write_prefixes(&doc->scope));
    }
    if (doc->probe != PLAN_PROBE_CONNECT && !doc->discovery_unsaid) {
        rc |= json_object_set_new(json, "discovery", json_boolean(doc->discovers));
    }
    if (doc->unbraked) {
        rc |= json_object_set_new(json, "unbraked", json_true());
    }
    if (doc->services) {
        json_t *asked = json_pack("{s:b}", "doors", (int)doc->doors);
        rc |= json_object_set_new(json, "services", asked);
        rc |= doc->printers ? json_object_set_new(asked, "printers", json_true()) : 0;
        rc |= doc->known == NULL ? 0 : json_object_set_new(asked, "known", plan_known_write(doc->known));
    }
    if (doc->shard_count > 1) {
        rc |= json_object_set_new(
            json, "shard", json_pack("{s:i, s:i}", "index", (int)doc->shard_index, "count", (int)doc->shard_count));
    }
    return rc;
}

json_t *plan_doc_write(const struct plan_doc *doc)
{
    char seed[2 * PERMUTATION_SEED_BYTES + 1];
    char *ports = portset_format(&doc->ports);
    json_t *json;

    if (ports == NULL) {
        return NULL;
    }
    sodium_bin2hex(seed, sizeof(seed), doc->seed, sizeof(doc->seed));
    json = json_pack("{s:s, s:s, s:s, s:o, s:o, s:O, s:s, s:[s], s:o, s:I, s:I, s:i, s:s, s:o, s:{s:i, s:i}}", "schema",
                     SCAN_PLAN_SCHEMA, "realm", doc->realm, "vantage", doc->vantage, "targets",
                     plan_doc_write_targets(doc->targets), "exclude", plan_doc_write_targets(doc->exclude), "resolved",
                     doc->resolved, "ports", ports, "probes", plan_probe_name(doc->probe), "watch",
                     plan_doc_write_watch(doc), "rate_pps", (json_int_t)doc->rate_pps, "host_rate_pps",
                     (json_int_t)doc->host_rate_pps, "retries", (int)doc->retries, "seed", seed, "never_scan",
                     plan_doc_write_prefixes(&doc->never_scan), "slab", "probes", (int)doc->slab.slab_probes, "hosts",
                     (int)doc->slab.slab_hosts);
    free(ports);
    if (json != NULL && plan_doc_write_optional(doc, json) != 0) {
        json_decref(json);
        json = NULL;
    }
    return json;
}
