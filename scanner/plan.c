#include "scanner/plan_inner.h"

#include "scanner/protocol.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of the observations carries the plan, and other things, within SCAN_LINE_MAX_BYTES. */
enum { PLAN_JSON_MAX = SCAN_LINE_MAX_BYTES - 4096 };

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

int plan_out_of_memory(struct problem *problem)
{
    return problem_set(problem, -ENOMEM, "out of memory");
}

static int plan_watch_compare(const void *left, const void *right)
{
    const struct plan_watch *a = left;
    const struct plan_watch *b = right;
    int order = addr_compare(&a->addr, &b->addr);

    return order != 0 ? order : (a->port > b->port) - (a->port < b->port);
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
