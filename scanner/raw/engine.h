/* The raw engine: one slab after another by volley (who is asked when), links (how packets leave and come), paths (by
 * which link, to whom) and the packet codecs. Opens what needs CAP_NET_RAW when it is created, and nothing later. */
#ifndef LEASTPORT_SCANNER_RAW_ENGINE_H
#define LEASTPORT_SCANNER_RAW_ENGINE_H

#include "scanner/packet/answer.h"
#include "scanner/raw/rate.h"
#include "scanner/raw/volley.h"
#include "scanner/scope.h"
#include "scanner/space.h"

#include <stdbool.h>
#include <stdint.h>

enum { RAW_ENGINE_SENDERS_MAX = 64, RAW_ENGINE_PORTS = 32 };

/* What the engine tells; from its own thread, within its calls. */
struct raw_engine_listener {
    void (*link_opened)(void *context, const char *interface, const char *driver, const char *reason,
                        size_t ring_bytes);
    /* No way there, or nobody on link has the address: nothing is sent to the host, and its ports are filtered. errno:
     * EHOSTDOWN (nobody answered ARP or neighbour discovery), ENETUNREACH, EHOSTUNREACH, EACCES (routes), others. */
    void (*unreachable)(void *context, uint32_t host, int error);
    /* A SYN-ACK of the slab's host has a window of zero: whatever it is, it takes no data. Once for each port. */
    void (*zero_window)(void *context, uint32_t host);
    /* Routes changed under the slab: it goes on by the new ones, as long as none of its hosts has lost its way. */
    void (*rerouted)(void *context);
    /* A policy rule of this machine routes by ports: probes go where packets to no port in particular do. */
    void (*ports_ruled)(void *context);
    /* A next hop has another hardware address: what it left unanswered is asked again there. */
    void (*moved)(void *context, const struct addr *hop, const uint8_t mac[6]);
    /* It answers for its hardware address no more; of the first eight of a scan. */
    void (*gone)(void *context, const struct addr *hop);
    /* UDP: as patience_listener has them. */
    void (*limited)(void *context, uint32_t host, double errors_per_s, uint32_t silent);
    void (*undecided)(void *context, uint32_t host, uint32_t silent);
    void *context;
};

/* All borrowed for the engine's life. */
struct raw_engine_options {
    const struct space *space; /* for which routes links are opened … */
    const struct addr *canary; /* … and for this address; NULL: none */
    const struct scope *scope; /* the guard */
    enum packet_probe probe;   /* PACKET_TCP_SYN, PACKET_UDP */
    bool discovers;            /* hosts that are to get many probes are first asked whether they are there */
    const char *driver;        /* of the links; NULL: the best */
    const char *record;        /* of the driver "pcap" */
    const char *replay;
    const uint8_t *key;  /* COOKIE_KEY_BYTES; NULL: random */
    uint32_t senders;    /* 0: one for each processor that this process may run on */
    bool connects;       /* TCP sockets can still be made afterwards */
    uint32_t ring_bytes; /* of each receive ring; 0: by the number of probes */
    struct rate_options rate;
    struct raw_engine_listener listener;
};

struct raw_engine;

/* Opens everything, gives up all capabilities and confines the process (privilege.h), then starts the senders. -EPERM
 * without CAP_NET_RAW, others, with *problem. The caller owns the result. */
MUST_USE int raw_engine_create(const struct raw_engine_options *options, struct raw_engine **ret_engine,
                               struct problem *problem);
void raw_engine_destroy(struct raw_engine *engine);

/* A slab's probes: who they go to. Borrowed until raw_engine_end(). */
struct raw_engine_map {
    uint32_t hosts;
    void (*host)(const void *context, uint32_t host, struct addr *ret_addr);
    /* Any thread. */
    void (*locate)(const void *context, uint32_t probe, uint32_t *ret_host, struct addr *ret_addr, uint16_t *ret_port);
    /* The probe, or -1 when it is none of the slab's. */
    int64_t (*find)(const void *context, const struct addr *addr, uint16_t port);
    /* The host, or -1. */
    int64_t (*find_host)(const void *context, const struct addr *addr);
    /* Its ports are asked whether it answers discovery or not. */
    bool (*is_known)(const void *context, uint32_t host);
    const void *context;
};

struct raw_engine_slab {
    struct slab *slab;
    const struct permutation *order;
    uint32_t shard_index;
    uint32_t shard_count;
    uint32_t retries;
    struct pacer_rate host_rate;
    struct sweep_listener listener;
    struct raw_engine_map map;
};

/* Begins a slab; the one before must have ended. -errno with *problem. */
MUST_USE int raw_engine_begin(struct raw_engine *engine, const struct raw_engine_slab *slab, struct problem *problem);
/* Takes what came, for a bounded time, or waits until something comes or `until`, or `wake_fd` (-1: none) is readable.
 * -EPERM, -EACCES: the guard refused a probe that the plan should not have held; others of links and routes, with
 * *problem. */
MUST_USE int raw_engine_step(struct raw_engine *engine, struct mono_time until, int wake_fd, struct problem *problem);
void raw_engine_stop(struct raw_engine *engine);
bool raw_engine_is_done(const struct raw_engine *engine);
bool raw_engine_is_complete(const struct raw_engine *engine);
uint64_t raw_engine_settled(const struct raw_engine *engine);
/* Nothing is sent any more, and the slab holds what a checkpoint needs. Also after an error, and without a slab. */
void raw_engine_end(struct raw_engine *engine);

/* A new ceiling in packets a second, such as the room of a table; 0: the options'. */
void raw_engine_limit(struct raw_engine *engine, uint64_t ceiling_pps);

struct raw_engine_figures {
    struct rate_figures rate;
    uint64_t receive_drops; /* answers that this machine lost */
    uint64_t send_refusals;
    uint64_t allowance_exceeded; /* packets that the cloud's network threw away … */
    const char *allowance_name;  /* … and the counter that says so, borrowed; NULL: none */
    uint64_t unsendable;
    int unsendable_errno;
    uint64_t refused[ANSWER_REFUSALS]; /* packets to our ports, or about them, that were no answers: by why */
    struct addr stranger;              /* who sent the first of them by ANSWER_COOKIE */
    uint64_t foreign;                  /* answers that a router or another address gave for a host */
    uint64_t late;                     /* answers to probes of slabs that were over */
};
struct raw_engine_figures raw_engine_figures(const struct raw_engine *engine);

#endif
