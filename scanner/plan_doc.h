/* A plan as a document (schema/plan.schema.json): strict validation of JSON into values, and canonical JSON back.
 * Knows neither names' addresses nor how slabs are cut: that is plan.c. */
#ifndef LEASTPORT_SCANNER_PLAN_DOC_H
#define LEASTPORT_SCANNER_PLAN_DOC_H

#include "lib/addr.h"
#include "lib/portset.h"
#include "lib/service.h"
#include "scanner/permutation.h"
#include "scanner/plan_known.h"
#include "scanner/problem.h"
#include "scanner/space.h"
#include "scanner/targets.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAN_DOC_HOST_SIZE = 256 };

/* How a plan's ports are asked: by plain connects, or by raw packets of their own. */
enum plan_probe { PLAN_PROBE_CONNECT, PLAN_PROBE_SYN, PLAN_PROBE_UDP };

/* "connect", "syn", "udp". */
const char *plan_probe_name(enum plan_probe probe);
/* "tcp" or "udp". */
const char *plan_probe_proto(enum plan_probe probe);

struct plan_doc_endpoint {
    char host[PLAN_DOC_HOST_SIZE]; /* an address, or a name as targets_at()->name has it */
    bool is_name;
    struct addr addr; /* without a name */
    uint16_t port;
};

struct plan_doc_prefixes {
    struct prefix *items;
    size_t count;
};

/* Owns all that it points to. */
struct plan_doc {
    char *realm;
    char *vantage;
    struct targets *targets;
    struct targets *exclude;
    json_t *resolved; /* object: name -> array of addresses as text, checked; may be empty */
    struct portset ports;
    enum plan_probe probe;
    bool probe_was_open; /* the document left it to this machine */
    struct plan_doc_endpoint *watch;
    size_t watch_count;
    struct plan_doc_endpoint canary;
    bool has_canary;
    uint64_t rate_pps;
    uint64_t host_rate_pps;
    uint32_t retries;
    bool unbraked;
    bool services;            /* open ports are asked what answers there … */
    bool doors;               /* … and whether they let a stranger in */
    bool printers;            /* … also where printers print what they are sent */
    struct plan_known *known; /* but not these; NULL: there are none */
    bool discovers;
    bool discovery_unsaid; /* nor is it written */
    bool has_seed;
    uint8_t seed[PERMUTATION_SEED_BYTES];
    struct plan_doc_prefixes scope;
    struct plan_doc_prefixes never_scan;
    uint32_t shard_index;
    uint32_t shard_count;
    struct space_geometry slab; /* the default when the document has none */
};

/* Fills `doc` (uninitialised before) from the object `json`. `raw`: what a document that leaves it open becomes.
 * Whatever it returns, plan_doc_done() is due. */
MUST_USE int plan_doc_read(struct plan_doc *doc, const json_t *json, const struct services *services, bool raw,
                           struct problem *problem);
void plan_doc_done(struct plan_doc *doc);

/* NULL when out of memory. The caller owns the reference. */
json_t *plan_doc_write(const struct plan_doc *doc);

#endif
