#include "scanner/plan.h"

#include "scanner/plan_doc.h"
#include "scanner/protocol.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of the observations carries the plan, and other things, within SCAN_LINE_MAX_BYTES. */
enum { PLAN_JSON_MAX = SCAN_LINE_MAX_BYTES - 4096 };

/* An address that a name gave. */
struct plan_host {
    struct addr addr;
    const char *name; /* the key in doc.resolved */
    bool skipped;
};

struct plan_watch {
    struct addr addr;
    uint16_t port;
};

struct plan {
    struct plan_doc doc;
    char *ports;
    char *json;
    char hash[PLAN_HASH_SIZE];
    struct plan_host *hosts; /* by address; of one that several names gave the first */
    size_t host_count;
    struct plan_watch *watch; /* by address and port */
    size_t watch_count;
    struct addr canary;
    struct space *space;
    uint64_t never_scan_hosts;
    struct addr never_scan_named[PLAN_NAMED_MOST];
    size_t never_scan_named_count;
};

struct plan_options plan_options_default(void)
{
    return (struct plan_options){.realm = "default",
                                 .vantage = "local",
                                 .ports = "common",
                                 .retries = PLAN_RETRIES_DEFAULT,
                                 .shard_index = 1,
                                 .shard_count = 1};
}

struct plan_means plan_means_default(void)
{
    return (struct plan_means){.resolver = resolver_system()};
}

static int plan_out_of_memory(struct problem *problem)
{
    return problem_set(problem, -ENOMEM, "out of memory");
}

/* Told, or an error, as plan_means says. */
static int plan_unresolved(const struct plan_means *means, const char *name, int rc, bool vital,
                           struct problem *problem)
{
    char message[PLAN_DOC_HOST_SIZE + 128];

    if (vital || means->notice == NULL || rc == -ENOMEM) {
        return problem_set(problem, rc, "%s does not resolve to an address: %s", name,
                           rc == -ENOENT ? "no such name, or one without addresses; correct it or leave it out"
                                         : strerror(-rc));
    }
    snprintf(message, sizeof(message), "%s does not resolve to an address (%s): it is left out", name,
             rc == -ENOENT ? "no such name, or one without addresses" : strerror(-rc));
    means->notice(means->context, "name-unresolved", name, message);
    return 0;
}

/* `vital`: without its addresses the plan would do what was not meant. */
static int plan_resolve_name(struct plan *plan, const struct plan_means *means, const char *name, bool vital,
                             struct problem *problem)
{
    const json_t *known = json_object_get(plan->doc.resolved, name);
    struct addr addrs[RESOLVER_MAX_ADDRS];
    size_t count = 0;
    json_t *array;
    int rc;

    if (known != NULL) {
        return vital && json_array_size(known) == 0 ? plan_unresolved(means, name, -ENOENT, true, problem) : 0;
    }
    rc = means->resolver.resolve(means->resolver.context, name, addrs, &count);
    if (rc < 0) {
        rc = plan_unresolved(means, name, rc, vital, problem);
        count = 0;
    }
    if (rc < 0) {
        return rc;
    }
    array = json_array();
    for (size_t i = 0; i < count; i++) {
        char text[ADDR_TEXT_SIZE];
        if (json_array_append_new(array, json_string(addr_format(&addrs[i], text))) < 0) {
            json_decref(array);
            return plan_out_of_memory(problem);
        }
    }
    return json_object_set_new(plan->doc.resolved, name, array) < 0 ? plan_out_of_memory(problem) : 0;
}

static int plan_resolve_targets(struct plan *plan, const struct plan_means *means, const struct targets *targets,
                                bool vital, struct problem *problem)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < targets_count(targets); i++) {
        if (targets_at(targets, i)->name != NULL) {
            rc = plan_resolve_name(plan, means, targets_at(targets, i)->name, vital, problem);
        }
    }
    return rc;
}

/* The vital ones first: a name may be both. */
static int plan_resolve(struct plan *plan, const struct plan_means *means, struct problem *problem)
{
    int rc = plan_resolve_targets(plan, means, plan->doc.exclude, true, problem);

    if (rc == 0 && plan->doc.has_canary && plan->doc.canary.is_name) {
        rc = plan_resolve_name(plan, means, plan->doc.canary.host, true, problem);
    }
    if (rc == 0) {
        rc = plan_resolve_targets(plan, means, plan->doc.targets, false, problem);
    }
    for (size_t i = 0; rc == 0 && i < plan->doc.watch_count; i++) {
        if (plan->doc.watch[i].is_name) {
            rc = plan_resolve_name(plan, means, plan->doc.watch[i].host, false, problem);
        }
    }
    return rc;
}

/* Address `index` of a name; false past the last. What stands in `resolved` was checked or written by ourselves. */
static bool plan_resolved(const struct plan *plan, const char *name, size_t index, struct addr *ret_addr)
{
    const char *text = json_string_value(json_array_get(json_object_get(plan->doc.resolved, name), index));

    return text != NULL && addr_parse(text, ret_addr) == 0;
}

/* Calls back for each range that a target stands for. */
typedef int plan_range_fn(struct space_builder *builder, const struct addr *first, const struct addr *last,
                          const struct portset *ports);

static int plan_add_target(const struct plan *plan, struct space_builder *builder, const struct target *target,
                           const struct portset *otherwise, plan_range_fn *add)
{
    struct portset own;
    const struct portset *ports = otherwise;
    struct addr addr;
    size_t offset;
    int rc = 0;

    if (target->ports != NULL) {
        rc = portset_parse(target->ports, &own, &offset);
        ports = &own;
    }
    if (rc == 0 && target->name == NULL) {
        return add(builder, &target->first, &target->last, ports);
    }
    for (size_t i = 0; rc == 0 && plan_resolved(plan, target->name, i, &addr); i++) {
        rc = add(builder, &addr, &addr, ports);
    }
    return rc;
}

/* A link-local range without a zone stands for that range on every interface: it is excluded in each zone that a target
 * has. */
static int plan_exclude(const struct plan *plan, struct space_builder *builder, const struct addr *first,
                        const struct addr *last, const struct portset *ports)
{
    uint32_t done = 0;
    int rc = space_builder_exclude(builder, first, last, ports);

    if (first->zone != 0 || !first->is_ipv6) {
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < targets_count(plan->doc.targets); i++) {
        struct addr from = *first;
        struct addr to = *last;
        from.zone = targets_at(plan->doc.targets, i)->first.zone;
        to.zone = from.zone;
        if (from.zone != 0 && from.zone != done) {
            rc = space_builder_exclude(builder, &from, &to, ports);
            done = from.zone;
        }
    }
    return rc;
}

static int plan_exclude_target(const struct plan *plan, struct space_builder *builder, const struct target *target)
{
    struct portset own;
    size_t offset;
    int rc;

    if (target->name != NULL) {
        return plan_add_target(plan, builder, target, NULL, space_builder_exclude);
    }
    if (target->ports == NULL) {
        return plan_exclude(plan, builder, &target->first, &target->last, NULL);
    }
    rc = portset_parse(target->ports, &own, &offset);
    return rc < 0 ? rc : plan_exclude(plan, builder, &target->first, &target->last, &own);
}

/* Within a range or a prefix they are left out without a word: who writes 10.0.0.0/8 or ::/64 means its hosts. */
static int plan_exclude_hostless(struct space_builder *builder)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && scope_hostless_at(i) != NULL; i++) {
        const struct prefix *prefix = &scope_hostless_at(i)->prefix;
        struct addr last = prefix_last(prefix);
        rc = space_builder_exclude(builder, &prefix->addr, &last, NULL);
    }
    return rc;
}

static int plan_fill_space(const struct plan *plan, struct space_builder *builder)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < targets_count(plan->doc.targets); i++) {
        rc = plan_add_target(plan, builder, targets_at(plan->doc.targets, i), &plan->doc.ports, space_builder_add);
    }
    for (size_t i = 0; rc == 0 && i < plan->watch_count; i++) {
        struct portset port = {0};
        portset_add(&port, plan->watch[i].port);
        rc = space_builder_add(builder, &plan->watch[i].addr, &plan->watch[i].addr, &port);
    }
    for (size_t i = 0; rc == 0 && i < targets_count(plan->doc.exclude); i++) {
        rc = plan_exclude_target(plan, builder, targets_at(plan->doc.exclude, i));
    }
    return rc == 0 ? plan_exclude_hostless(builder) : rc;
}

/* The first range of the space from *index on that ends at `at` or behind it; false when there is none. */
static bool plan_range_from(const struct space *space, size_t *index, const struct addr *at, struct addr *ret_first,
                            struct addr *ret_last)
{
    for (; *index < space_ranges(space); ++*index) {
        space_range(space, *index, ret_first, ret_last);
        if (addr_compare(ret_last, at) >= 0) {
            return true;
        }
    }
    return false;
}

/* Appends to `named` what of first..last is not in the space; false when there is no room for all. */
static bool plan_name_gaps(struct plan *plan, size_t *index, const struct addr *first, const struct addr *last)
{
    struct addr at = *first;
    bool more = true;

    while (more && addr_compare(&at, last) <= 0) {
        struct addr from;
        struct addr to;
        if (plan_range_from(plan->space, index, &at, &from, &to) && addr_compare(&from, &at) <= 0) {
            at = to;
        } else if (plan->never_scan_named_count == PLAN_NAMED_MOST) {
            return false;
        } else {
            plan->never_scan_named[plan->never_scan_named_count++] = at;
        }
        more = addr_add(&at, 1);
    }
    return true;
}

static void plan_name_never_scan(struct plan *plan, const struct space *before)
{
    size_t index = 0;
    bool room = plan->never_scan_hosts <= PLAN_NAMED_MOST;

    for (size_t i = 0; room && i < space_ranges(before); i++) {
        struct addr first;
        struct addr last;
        space_range(before, i, &first, &last);
        room = plan_name_gaps(plan, &index, &first, &last);
    }
    if (!room || plan->never_scan_named_count != plan->never_scan_hosts) {
        plan->never_scan_named_count = 0;
    }
}

/* The never-scan list comes last, so that what it takes away can be counted. */
static int plan_build_never_scan(struct plan *plan, struct space_builder *builder, struct problem *problem)
{
    uint64_t hosts = space_hosts(plan->space);
    struct space *before = plan->space;
    int rc = 0;

    if (plan->doc.never_scan.count == 0) {
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < plan->doc.never_scan.count; i++) {
        struct addr last = prefix_last(&plan->doc.never_scan.items[i]);
        rc = plan_exclude(plan, builder, &plan->doc.never_scan.items[i].addr, &last, NULL);
    }
    if (rc < 0) {
        return plan_out_of_memory(problem);
    }
    plan->space = NULL;
    rc = space_build(builder, plan->doc.slab, &plan->space, problem);
    if (rc == 0) {
        plan->never_scan_hosts = hosts != UINT64_MAX ? hosts - space_hosts(plan->space) : UINT64_MAX;
        plan_name_never_scan(plan, before);
    }
    space_destroy(before);
    return rc;
}

static int plan_build_space(struct plan *plan, struct problem *problem)
{
    struct space_builder *builder = space_builder_create();
    int rc;

    if (builder == NULL) {
        return plan_out_of_memory(problem);
    }
    rc = plan_fill_space(plan, builder);
    if (rc < 0) {
        rc = plan_out_of_memory(problem);
        goto done;
    }
    rc = space_build(builder, plan->doc.slab, &plan->space, problem);
    if (rc == 0) {
        rc = plan_build_never_scan(plan, builder, problem);
    }
    if (rc == 0 && space_slabs(plan->space) == 0) {
        rc = problem_set(problem, -EINVAL,
                         plan->never_scan_hosts > 0
                             ? "nothing is left to scan: every target is excluded or on the never-scan list"
                             : "nothing is left to scan: every target is excluded or has no address");
    }
done:
    space_builder_destroy(builder);
    return rc;
}

static int plan_host_compare(const void *left, const void *right)
{
    const struct plan_host *a = left;
    const struct plan_host *b = right;
    int order = addr_compare(&a->addr, &b->addr);

    return order != 0 ? order : strcmp(a->name, b->name);
}

static int plan_watch_compare(const void *left, const void *right)
{
    const struct plan_watch *a = left;
    const struct plan_watch *b = right;
    int order = addr_compare(&a->addr, &b->addr);

    return order != 0 ? order : (a->port > b->port) - (a->port < b->port);
}

static int plan_index_hosts(struct plan *plan, struct problem *problem)
{
    const char *name;
    json_t *addrs;
    size_t room = 1;

    json_object_foreach(plan->doc.resolved, name, addrs)
    {
        room += json_array_size(addrs);
    }
    plan->hosts = calloc(room, sizeof(*plan->hosts));
    if (plan->hosts == NULL) {
        return plan_out_of_memory(problem);
    }
    json_object_foreach(plan->doc.resolved, name, addrs)
    {
        struct addr addr;
        for (size_t i = 0; plan_resolved(plan, name, i, &addr); i++) {
            plan->hosts[plan->host_count++] = (struct plan_host){.addr = addr, .name = name};
        }
    }
    qsort(plan->hosts, plan->host_count, sizeof(*plan->hosts), plan_host_compare);
    return 0;
}

static int plan_index_watch(struct plan *plan, struct problem *problem)
{
    size_t room = 1;

    for (size_t i = 0; i < plan->doc.watch_count; i++) {
        const struct plan_doc_endpoint *endpoint = &plan->doc.watch[i];
        room += endpoint->is_name ? json_array_size(json_object_get(plan->doc.resolved, endpoint->host)) : 1;
    }
    plan->watch = calloc(room, sizeof(*plan->watch));
    if (plan->watch == NULL) {
        return plan_out_of_memory(problem);
    }
    for (size_t i = 0; i < plan->doc.watch_count; i++) {
        const struct plan_doc_endpoint *endpoint = &plan->doc.watch[i];
        struct plan_watch watch = {.addr = endpoint->addr, .port = endpoint->port};
        if (!endpoint->is_name) {
            plan->watch[plan->watch_count++] = watch;
        }
        for (size_t j = 0; endpoint->is_name && plan_resolved(plan, endpoint->host, j, &watch.addr); j++) {
            plan->watch[plan->watch_count++] = watch;
        }
    }
    qsort(plan->watch, plan->watch_count, sizeof(*plan->watch), plan_watch_compare);
    return 0;
}

static int plan_finish(struct plan *plan, struct problem *problem)
{
    uint8_t hash[crypto_generichash_BYTES];
    json_t *json = plan_doc_write(&plan->doc);

    _Static_assert(2 * sizeof(hash) + 1 == PLAN_HASH_SIZE, "BLAKE2b-256");
    plan->json = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    plan->ports = portset_format(&plan->doc.ports);
    if (plan->json == NULL || plan->ports == NULL) {
        return plan_out_of_memory(problem);
    }
    if (strlen(plan->json) > PLAN_JSON_MAX) {
        return problem_set(
            problem, -E2BIG,
            "the plan is longer than %d bytes; write ranges or prefixes instead of single addresses, or scan "
            "in parts",
            PLAN_JSON_MAX);
    }
    crypto_generichash(hash, sizeof(hash), (const unsigned char *)plan->json, strlen(plan->json), NULL, 0);
    sodium_bin2hex(plan->hash, sizeof(plan->hash), hash, sizeof(hash));
    return 0;
}

/* Notes a name that something in the plan bears, where `resolved` has it. */
static int plan_note_borne(const struct plan *plan, const char *name, json_t *borne)
{
    if (name == NULL || json_object_get(plan->doc.resolved, name) == NULL) {
        return 0;
    }
    return json_object_set_new(borne, name, json_true()) < 0 ? -ENOMEM : 0;
}

static int plan_note_all_borne(const struct plan *plan, json_t *borne)
{
    const struct targets *const lists[] = {plan->doc.targets, plan->doc.exclude};
    int rc = plan->doc.has_canary && plan->doc.canary.is_name ? plan_note_borne(plan, plan->doc.canary.host, borne) : 0;

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        for (size_t j = 0; rc == 0 && j < targets_count(lists[i]); j++) {
            rc = plan_note_borne(plan, targets_at(lists[i], j)->name, borne);
        }
    }
    for (size_t i = 0; rc == 0 && i < plan->doc.watch_count; i++) {
        rc = plan_note_borne(plan, plan->doc.watch[i].is_name ? plan->doc.watch[i].host : NULL, borne);
    }
    return rc;
}

/* Names in `resolved` that nothing in the plan bears would be probed by nobody: a mistake. */
static int plan_check_resolved(const struct plan *plan, struct problem *problem)
{
    json_t *borne = json_object();
    int rc = borne == NULL ? -ENOMEM : plan_note_all_borne(plan, borne);
    bool all = json_object_size(borne) == json_object_size(plan->doc.resolved);

    json_decref(borne);
    if (rc < 0) {
        return plan_out_of_memory(problem);
    }
    return all ? 0
               : problem_set(problem, -EINVAL,
                             "plan/resolved: has names that no target, exclusion, watch or canary has");
}

/* A target that holds nothing but addresses of no host was meant otherwise. */
static int plan_check_targets(const struct plan *plan, struct problem *problem)
{
    for (size_t i = 0; i < targets_count(plan->doc.targets); i++) {
        const struct target *target = targets_at(plan->doc.targets, i);
        const struct scope_hostless *hostless = target->name != NULL ? NULL : scope_hostless_find(&target->first);
        if (hostless != NULL && prefix_contains(&hostless->prefix, &target->last)) {
            return problem_set(problem, -EINVAL, "target \"%s\": %s", target->text, hostless->hint);
        }
    }
    return 0;
}

static int plan_from_object(const json_t *json, const struct plan_means *means, struct plan **ret_plan,
                            struct problem *problem)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    int rc;

    if (plan == NULL) {
        return plan_out_of_memory(problem);
    }
    rc = plan_doc_read(&plan->doc, json, means->services, means->raw, problem);
    if (rc == 0 && means->is_kept && json_object_get(json, "discovery") == NULL) {
        plan->doc.discovers = false;
        plan->doc.discovery_unsaid = true;
    }
    if (rc == 0) {
        rc = plan_check_targets(plan, problem);
    }
    if (rc == 0) {
        rc = plan_check_resolved(plan, problem);
    }
    if (rc == 0) {
        rc = plan_resolve(plan, means, problem);
    }
    if (rc == 0) {
        rc = plan_index_hosts(plan, problem);
    }
    if (rc == 0) {
        rc = plan_index_watch(plan, problem);
    }
    if (rc == 0) {
        rc = plan_build_space(plan, problem);
    }
    if (rc < 0) {
        goto fail;
    }
    plan->canary = plan->doc.canary.addr;
    if (plan->doc.has_canary && plan->doc.canary.is_name &&
        !plan_resolved(plan, plan->doc.canary.host, 0, &plan->canary)) {
        rc = problem_set(problem, -EINVAL, "plan/canary/host: has no address");
        goto fail;
    }
    if (!plan->doc.has_seed) {
        memcpy(plan->doc.seed, means->seed, sizeof(plan->doc.seed));
    }
    rc = plan_finish(plan, problem);
    if (rc < 0) {
        goto fail;
    }
    *ret_plan = plan;
    return 0;
fail:
    plan_destroy(plan);
    return rc;
}

int plan_from_json(const char *text, size_t size, const struct plan_means *means, struct plan **ret_plan,
                   struct problem *problem)
{
    json_error_t error;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    int rc;

    if (json == NULL) {
        return problem_set(problem, -EINVAL, "plan, line %d, column %d: not JSON: %s", error.line, error.column,
                           error.text);
    }
    rc = plan_from_object(json, means, ret_plan, problem);
    json_decref(json);
    return rc;
}

static json_t *plan_options_targets(const struct targets *targets)
{
    json_t *array = json_array();

    for (size_t i = 0; targets != NULL && i < targets_count(targets); i++) {
        json_array_append_new(array, json_string(targets_at(targets, i)->text));
    }
    return array;
}

static json_t *plan_options_prefixes(const struct prefix *prefixes, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        char text[PREFIX_TEXT_SIZE];
        json_array_append_new(array, json_string(prefix_format(&prefixes[i], text)));
    }
    return array;
}

static json_t *plan_options_endpoint(const struct plan_endpoint *endpoint)
{
    return json_pack("{s:s, s:s, s:i}", "host", endpoint->host, "proto", endpoint->proto, "port", endpoint->port);
}

static json_t *plan_options_object(const struct plan_options *options)
{
    char seed[2 * PERMUTATION_SEED_BYTES + 1];
    json_t *watch = json_array();
    json_t *json;

    for (size_t i = 0; i < options->watch_count; i++) {
        json_array_append_new(watch, plan_options_endpoint(&options->watch[i]));
    }
    sodium_bin2hex(seed, sizeof(seed), options->seed, sizeof(options->seed));
    json = json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:[s], s:o, s:I, s:I, s:i, s:s, s:o, s:{s:i, s:i}, s:b}", "schema",
                     SCAN_PLAN_SCHEMA, "realm", options->realm, "vantage", options->vantage, "targets",
                     plan_options_targets(options->targets), "exclude", plan_options_targets(options->exclude), "ports",
                     options->ports, "probes", plan_probe_name(options->probe), "watch", watch, "rate_pps",
                     (json_int_t)options->rate_pps, "host_rate_pps", (json_int_t)options->host_rate_pps, "retries",
                     (int)options->retries, "seed", seed, "never_scan",
                     plan_options_prefixes(options->never_scan, options->never_scan_count), "shard", "index",
                     (int)options->shard_index, "count", (int)options->shard_count, "unbraked", (int)options->unbraked);
    if (json != NULL && options->undiscovered) {
        json_object_set_new(json, "discovery", json_false());
    }
    if (json != NULL && options->slab.slab_probes != 0) {
        json_object_set_new(
            json, "slab",
            json_pack("{s:i, s:i}", "probes", (int)options->slab.slab_probes, "hosts", (int)options->slab.slab_hosts));
    }
    if (json != NULL && options->services) {
        json_object_set_new(json, "services",
                            json_pack("{s:b, s:b}", "doors", (int)options->doors, "printers", (int)options->printers));
    }
    if (json != NULL && options->scope_count > 0) {
        json_object_set_new(json, "scope", plan_options_prefixes(options->scope, options->scope_count));
    }
    if (json != NULL && options->canary != NULL) {
        json_object_set_new(json, "canary", plan_options_endpoint(options->canary));
    }
    return json;
}

int plan_create(const struct plan_options *options, const struct plan_means *means, struct plan **ret_plan,
                struct problem *problem)
{
    json_t *json = plan_options_object(options);
    int rc;

    if (json == NULL) {
        return problem_set(problem, -EINVAL, "realm, vantage, ports and hosts must be UTF-8 text");
    }
    rc = plan_from_object(json, means, ret_plan, problem);
    json_decref(json);
    return rc;
}

void plan_destroy(struct plan *plan)
{
    if (plan == NULL) {
        return;
    }
    plan_doc_done(&plan->doc);
    free(plan->ports);
    free(plan->json);
    free(plan->hosts);
    free(plan->watch);
    space_destroy(plan->space);
    free(plan);
}

const char *plan_json(const struct plan *plan)
{
    return plan->json;
}

const char *plan_hash(const struct plan *plan)
{
    return plan->hash;
}

const char *plan_realm(const struct plan *plan)
{
    return plan->doc.realm;
}

const char *plan_vantage(const struct plan *plan)
{
    return plan->doc.vantage;
}

const char *plan_ports(const struct plan *plan)
{
    return plan->ports;
}

uint64_t plan_rate_pps(const struct plan *plan)
{
    return plan->doc.rate_pps;
}

uint64_t plan_host_rate_pps(const struct plan *plan)
{
    return plan->doc.host_rate_pps;
}

bool plan_is_unbraked(const struct plan *plan)
{
    return plan->doc.unbraked;
}

const uint8_t *plan_seed(const struct plan *plan)
{
    return plan->doc.seed;
}

bool plan_asks_services(const struct plan *plan)
{
    return plan->doc.services;
}

bool plan_asks_doors(const struct plan *plan)
{
    return plan->doc.doors;
}

bool plan_asks_printers(const struct plan *plan)
{
    return plan->doc.printers;
}

bool plan_is_known(const struct plan *plan, const struct addr *addr, uint16_t port)
{
    return plan_known_has(plan->doc.known, addr, port);
}

bool plan_discovers(const struct plan *plan)
{
    return plan->doc.discovers;
}

bool plan_probe_was_open(const struct plan *plan)
{
    return plan->doc.probe_was_open;
}

enum plan_probe plan_probe(const struct plan *plan)
{
    return plan->doc.probe;
}

uint32_t plan_retries(const struct plan *plan)
{
    return plan->doc.retries;
}

uint32_t plan_shard_index(const struct plan *plan)
{
    return plan->doc.shard_index;
}

uint32_t plan_shard_count(const struct plan *plan)
{
    return plan->doc.shard_count;
}

bool plan_canary(const struct plan *plan, struct addr *ret_addr, uint16_t *ret_port)
{
    if (!plan->doc.has_canary) {
        return false;
    }
    *ret_addr = plan->canary;
    *ret_port = plan->doc.canary.port;
    return true;
}

bool plan_is_watched(const struct plan *plan, const struct addr *addr, uint16_t port)
{
    struct plan_watch key;

    if (plan->watch_count == 0) {
        return false;
    }
    key = (struct plan_watch){.addr = *addr, .port = port};
    return bsearch(&key, plan->watch, plan->watch_count, sizeof(key), plan_watch_compare) != NULL;
}

bool plan_watches_host(const struct plan *plan, const struct addr *addr)
{
    size_t low = 0;
    size_t high = plan->watch_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (addr_compare(&plan->watch[middle].addr, addr) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < plan->watch_count && addr_equal(&plan->watch[low].addr, addr);
}

/* The first entry of that address, or NULL. */
static struct plan_host *plan_find_host(const struct plan *plan, const struct addr *addr)
{
    size_t low = 0;
    size_t high = plan->host_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (addr_compare(&plan->hosts[middle].addr, addr) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < plan->host_count && addr_equal(&plan->hosts[low].addr, addr) ? &plan->hosts[low] : NULL;
}

const char *plan_name(const struct plan *plan, const struct addr *addr)
{
    const struct plan_host *host = plan_find_host(plan, addr);

    return host == NULL ? NULL : host->name;
}

uint64_t plan_never_scan_hosts(const struct plan *plan)
{
    return plan->never_scan_hosts;
}

const struct addr *plan_never_scan_named(const struct plan *plan, size_t *ret_count)
{
    *ret_count = plan->never_scan_named_count;
    return plan->never_scan_named;
}

const struct space *plan_space(const struct plan *plan)
{
    return plan->space;
}

struct permutation plan_permutation(const struct plan *plan, uint64_t slab, uint32_t probes)
{
    struct permutation permutation;

    permutation_init(&permutation, plan->doc.seed, slab, probes);
    return permutation;
}

uint64_t plan_probes(const struct plan *plan)
{
    return space_shard_probes(plan->space, plan->doc.shard_index - 1, plan->doc.shard_count);
}

uint64_t plan_probes_before(const struct plan *plan, uint64_t slab)
{
    return space_probes_before(plan->space, slab, plan->doc.shard_index - 1, plan->doc.shard_count);
}

int plan_scope(const struct plan *plan, const struct addr *own, size_t own_count, struct scope **ret_scope)
{
    struct scope_options options = {.allowed = plan->doc.scope.items,
                                    .allowed_count = plan->doc.scope.count,
                                    .own = own,
                                    .own_count = own_count,
                                    .never = plan->doc.never_scan.items,
                                    .never_count = plan->doc.never_scan.count};

    return scope_create(&options, ret_scope);
}

int plan_check_scope(const struct plan *plan, const struct scope *scope, struct problem *problem)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < space_ranges(plan->space); i++) {
        struct addr first;
        struct addr last;
        space_range(plan->space, i, &first, &last);
        rc = scope_permits_range(scope, &first, &last, problem);
    }
    if (rc == 0 && plan->doc.has_canary) {
        rc = scope_permits(scope, &plan->canary, problem);
    }
    return rc;
}

static bool plan_covers_range(const struct plan *plan, const struct addr *addr)
{
    for (size_t i = 0; i < targets_count(plan->doc.targets); i++) {
        const struct target *target = targets_at(plan->doc.targets, i);
        if (target->name == NULL && target->first.zone == addr->zone && addr_compare(&target->first, addr) <= 0 &&
            addr_compare(addr, &target->last) <= 0) {
            return true;
        }
    }
    return false;
}

/* Marks the addresses of `name` that it has no more. */
static void plan_refresh_name(struct plan *plan, const char *name, const struct addr *addrs, size_t count)
{
    struct addr addr;

    for (size_t i = 0; plan_resolved(plan, name, i, &addr); i++) {
        struct plan_host *host = plan_find_host(plan, &addr);
        bool still = false;
        for (size_t j = 0; !still && j < count; j++) {
            still = addr_equal(&addrs[j], &addr);
        }
        still = still || plan_covers_range(plan, &addr);
        for (; host < plan->hosts + plan->host_count && addr_equal(&host->addr, &addr); host++) {
            host->skipped = host->name == name ? !still : host->skipped;
        }
    }
}

/* An address is skipped only when every name that gave it has lost it. */
bool plan_is_skipped(const struct plan *plan, const struct addr *addr)
{
    const struct plan_host *host = plan_find_host(plan, addr);

    if (host == NULL) {
        return false;
    }
    for (; host < plan->hosts + plan->host_count && addr_equal(&host->addr, addr); host++) {
        if (!host->skipped) {
            return false;
        }
    }
    return true;
}

int plan_refresh(struct plan *plan, const struct resolver *resolver, plan_notice_fn *notice, void *context)
{
    const char *name;
    json_t *old;

    json_object_foreach(plan->doc.resolved, name, old)
    {
        struct addr addrs[RESOLVER_MAX_ADDRS];
        size_t count = 0;
        int rc = resolver->resolve(resolver->context, name, addrs, &count);
        char message[PLAN_DOC_HOST_SIZE + 128];
        if (rc == -ENOMEM) {
            return rc;
        }
        if (rc < 0) {
            count = 0;
            snprintf(message, sizeof(message), "%s does not resolve now (%s): its addresses are not probed", name,
                     strerror(-rc));
            notice(context, "name-unresolved", name, message);
        }
        plan_refresh_name(plan, name, addrs, count);
    }
    for (size_t i = 0; i < plan->host_count; i++) {
        const struct plan_host *host = &plan->hosts[i];
        char text[ADDR_TEXT_SIZE];
        char message[PLAN_DOC_HOST_SIZE + 128];
        bool first = i == 0 || !addr_equal(&plan->hosts[i - 1].addr, &host->addr);
        if (first && plan_is_skipped(plan, &host->addr)) {
            addr_format(&host->addr, text);
            snprintf(message, sizeof(message), "%s is no longer an address of %s: it is not probed", text, host->name);
            notice(context, "address-gone", text, message);
        }
    }
    return 0;
}
