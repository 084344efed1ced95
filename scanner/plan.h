/* A scan's plan: immutable, hashed, complete: names resolved, defaults filled in (schema/plan.schema.json).
 * Knows what is to be probed and in which order, not how. */
#ifndef LEASTPORT_SCANNER_PLAN_H
#define LEASTPORT_SCANNER_PLAN_H

#include "lib/portset.h"
#include "lib/service.h"
#include "scanner/permutation.h"
#include "scanner/plan_doc.h"
#include "scanner/problem.h"
#include "scanner/resolver.h"
#include "scanner/scope.h"
#include "scanner/space.h"
#include "scanner/targets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PLAN_HASH_SIZE = 65,
    PLAN_RETRIES_DEFAULT = 2,
    PLAN_RETRIES_MAX = 20,
    PLAN_SHARDS_MAX = 65536,
    PLAN_NAMED_MOST = 5
};

/* `host` is an address or a name; `proto` the one that the plan's probe asks by. */
struct plan_endpoint {
    const char *host;
    const char *proto;
    uint16_t port;
};

/* All borrowed for the call. */
struct plan_options {
    const char *realm;             /* default "default" */
    const char *vantage;           /* default "local" */
    const struct targets *targets; /* at least one */
    const struct targets *exclude; /* may be NULL */
    const char *ports;             /* port expression, default "common" */
    enum plan_probe probe;         /* default PLAN_PROBE_CONNECT */
    const struct plan_endpoint *watch;
    size_t watch_count;
    const struct plan_endpoint *canary; /* may be NULL */
    uint64_t rate_pps;                  /* 0: none */
    uint64_t host_rate_pps;             /* 0: none */
    uint32_t retries;
    uint8_t seed[PERMUTATION_SEED_BYTES];
    const struct prefix *scope; /* count 0: the default scope */
    size_t scope_count;
    const struct prefix *never_scan;
    size_t never_scan_count;
    uint32_t shard_index;       /* from 1 */
    uint32_t shard_count;       /* 1: not sharded */
    struct space_geometry slab; /* all 0: what suits the probe */
    bool unbraked;              /* the raw engine's rate is not held back by losses */
    bool services;              /* open TCP ports are asked what answers there … */
    bool doors;                 /* … and whether they let a stranger in */
    bool printers;              /* … and ports are asked at which printers print what they are sent */
    bool undiscovered;          /* the raw engine asks hosts that do not answer discovery too */
};

struct plan_options plan_options_default(void);

/* Something a person should know: a code, the host or name that it is about, a sentence. */
typedef void plan_notice_fn(void *context, const char *code, const char *host, const char *message);

/* What a plan needs from outside. */
struct plan_means {
    const struct services *services; /* may be NULL */
    struct resolver resolver;
    uint8_t seed[PERMUTATION_SEED_BYTES]; /* for a plan in JSON that has no seed */
    bool raw;                             /* SYNs can be sent: for a plan in JSON that leaves its probe open */
    /* From a state: one that says nothing of discovery is from before there was any, and stays as it is. */
    bool is_kept;
    /* With it a target's or watched name that does not resolve is told and left out (`resolved` has it without
     * addresses); without, it is an error. A name among the exclusions, or the canary's, must always resolve. */
    plan_notice_fn *notice;
    void *context;
};

struct plan_means plan_means_default(void);

struct plan;

/* -EINVAL, -ENOENT (a name that does not resolve), -EOVERFLOW, -ENOMEM and others, always with *problem: what was
 * wrong, where, what would be right. An empty plan (all excluded) and a target of no host (scope_hostless_find()) are
 * errors; such addresses within a range are left out. The caller owns the result:
 * plan_destroy(). */
MUST_USE int plan_create(const struct plan_options *options, const struct plan_means *means, struct plan **ret_plan,
                         struct problem *problem);

/* The same from JSON. Strict: unknown keys, wrong types and ranges are errors that name the place as a JSON pointer
 * ("/watch/3/port: …"). Names that stand in `resolved` are not resolved again; the others are. */
MUST_USE int plan_from_json(const char *text, size_t size, const struct plan_means *means, struct plan **ret_plan,
                            struct problem *problem);
void plan_destroy(struct plan *plan);

/* Canonical: compact, keys sorted, ports as numbers. Borrowed until plan_destroy(). */
const char *plan_json(const struct plan *plan);
/* BLAKE2b-256 of plan_json(), 64 hexadecimal digits. */
const char *plan_hash(const struct plan *plan);

const char *plan_realm(const struct plan *plan);
const char *plan_vantage(const struct plan *plan);
/* The plan's ports as numbers and ranges, without those of single targets. */
const char *plan_ports(const struct plan *plan);
uint64_t plan_rate_pps(const struct plan *plan);
uint64_t plan_host_rate_pps(const struct plan *plan);
enum plan_probe plan_probe(const struct plan *plan);
/* The document left it to this machine (plan_means.raw). */
bool plan_probe_was_open(const struct plan *plan);
bool plan_is_unbraked(const struct plan *plan);
/* PERMUTATION_SEED_BYTES; borrowed until plan_destroy(). */
const uint8_t *plan_seed(const struct plan *plan);
bool plan_asks_services(const struct plan *plan);
bool plan_asks_doors(const struct plan *plan);
bool plan_asks_printers(const struct plan *plan);
/* It is known what answers there: it is not asked. */
bool plan_is_known(const struct plan *plan, const struct addr *addr, uint16_t port);
/* Hosts are asked whether they are there before many of their ports are; never by plain connects. */
bool plan_discovers(const struct plan *plan);
uint32_t plan_retries(const struct plan *plan);
uint32_t plan_shard_index(const struct plan *plan);
uint32_t plan_shard_count(const struct plan *plan);
/* False without a canary. */
bool plan_canary(const struct plan *plan, struct addr *ret_addr, uint16_t *ret_port);
bool plan_is_watched(const struct plan *plan, const struct addr *addr, uint16_t port);
/* Whether any of its ports is watched. */
bool plan_watches_host(const struct plan *plan, const struct addr *addr);
/* The host name that the address was given by, NULL when it was given as an address. Borrowed until plan_destroy(). */
const char *plan_name(const struct plan *plan, const struct addr *addr);
/* Addresses that the never-scan list took out of the targets; UINT64_MAX when as many or more. */
uint64_t plan_never_scan_hosts(const struct plan *plan);
/* All of these when they are few enough to be named (at most PLAN_NAMED_MOST), else none. Borrowed until
 * plan_destroy(). */
const struct addr *plan_never_scan_named(const struct plan *plan, size_t *ret_count);

/* The probes, shards not yet applied; borrowed until plan_destroy(). */
const struct space *plan_space(const struct plan *plan);

/* The order of one slab, over hostgroup_probes() of it. A shard sends positions shard_index - 1, + shard_count, …. */
struct permutation plan_permutation(const struct plan *plan, uint64_t slab, uint32_t probes);

/* Probes of this plan's shard: all, and in the slabs before `slab`. UINT64_MAX when as many or more. */
uint64_t plan_probes(const struct plan *plan);
uint64_t plan_probes_before(const struct plan *plan, uint64_t slab);

/* The guard of this plan; `own` are this machine's addresses. The caller owns the result: scope_destroy(). */
MUST_USE int plan_scope(const struct plan *plan, const struct addr *own, size_t own_count, struct scope **ret_scope);
/* Before the first probe: is all of it (and the canary) in scope? -EPERM or -EACCES with *problem. */
MUST_USE int plan_check_scope(const struct plan *plan, const struct scope *scope, struct problem *problem);

/* For a resume: resolves the plan's names again. An address that is no longer its name's, and that no other target
 * covers, is from now on plan_is_skipped(); `notice` hears of each, and of names that do not resolve now (whose
 * addresses are skipped too). -ENOMEM. */
MUST_USE int plan_refresh(struct plan *plan, const struct resolver *resolver, plan_notice_fn *notice, void *context);
bool plan_is_skipped(const struct plan *plan, const struct addr *addr);

#endif
