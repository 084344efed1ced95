/* What works a slab's probes, behind one table: connects under their sweep (prober_connect.c), or raw packets under
 * their volley (prober_raw.c). Keeps the slab's books and tells what it finds; knows neither checkpoints nor output. */
#ifndef LEASTPORT_SCANNER_PROBER_H
#define LEASTPORT_SCANNER_PROBER_H

#include "lib/clock.h"
#include "scanner/pacer.h"
#include "scanner/permutation.h"
#include "scanner/problem.h"
#include "scanner/report.h"
#include "scanner/scope.h"
#include "scanner/slab.h"
#include "scanner/sweep.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* All borrowed for the prober's life. */
struct prober_options {
    const struct plan *plan;
    const struct scope *scope;
    struct report *report; /* notices go there */
    uint32_t threads;      /* 0: as many as there are processors */
    const char *link;      /* of raw packets; NULL: the best */
    int wake_fd;           /* a step ends when it is readable; -1: none */
};

/* Why this machine cannot send to an address. */
static inline const char *prober_error_text(int error)
{
    return error == EINVAL
               ? "its route is a black hole, or it is link-local and lacks its interface (as in fe80::1%eth0)"
               : strerror(error);
}

/* Whom a slab's probes go to. Any thread may ask. */
struct prober_map {
    uint32_t hosts;
    void (*host)(const void *context, uint32_t host, struct addr *ret_addr);
    void (*locate)(const void *context, uint32_t probe, uint32_t *ret_host, struct addr *ret_addr, uint16_t *ret_port);
    /* The probe, or -1 when it is none of the slab's. */
    int64_t (*find)(const void *context, const struct addr *addr, uint16_t port);
    /* The host, or -1. */
    int64_t (*find_host)(const void *context, const struct addr *addr);
    /* Its ports are asked whether it answers discovery or not. */
    bool (*is_known)(const void *context, uint32_t host);
    const void *context;
};

/* Borrowed until end(). */
struct prober_slab {
    struct slab *slab;
    const struct permutation *order;
    uint32_t shard_index; /* from 0 */
    uint32_t shard_count;
    uint32_t retries;
    struct sweep_listener listener;
    struct prober_map map;
    bool quiet; /* the canary's: what becomes of its host is told elsewhere */
};

struct prober;

struct prober_ops {
    /* -errno with *problem. The caller owns the result. */
    int (*create)(const struct prober_options *options, struct prober **ret_prober, struct problem *problem);
    void (*destroy)(struct prober *prober);
    /* The slab before must have ended. -errno with *problem. */
    int (*begin)(struct prober *prober, const struct prober_slab *slab, struct problem *problem);
    /* Sends and takes what there is, waits at most until `until`. -errno with *problem. */
    int (*step)(struct prober *prober, struct mono_time until, struct problem *problem);
    /* Looks at what this machine's limits say; a few times a second. */
    void (*tick)(struct prober *prober);
    /* Packets a second that connection tracking on this machine bears; 0: any. */
    void (*limit)(struct prober *prober, uint64_t most_pps);
    /* Connection tracking has lost packets: what is on its way is not taken for silent. How many probes that is. */
    uint32_t (*taint)(struct prober *prober);
    void (*stop)(struct prober *prober);
    bool (*is_done)(const struct prober *prober);
    bool (*is_complete)(const struct prober *prober);
    uint64_t (*settled)(const struct prober *prober);
    /* The scan is over: tells what is to be said of all of it. NULL: nothing. */
    void (*conclude)(struct prober *prober);
    /* The slab's books are as a checkpoint needs them. Also after an error, and without a slab. */
    void (*end)(struct prober *prober);
};

extern const struct prober_ops prober_connect;
extern const struct prober_ops prober_raw;

#endif
