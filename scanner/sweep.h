/* Works one slab: draws its probes in the permutation's order, sends as pacer and ceilings allow, takes answers, tries
 * the unanswered again in later passes, and ends by itself. Makes no system call: time, I/O and events go through
 * arguments and tables of functions, so that a test simulates the network. Knows neither sockets nor output formats. */
#ifndef LEASTPORT_SCANNER_SWEEP_H
#define LEASTPORT_SCANNER_SWEEP_H

#include "lib/clock.h"
#include "scanner/pacer.h"
#include "scanner/permutation.h"
#include "scanner/probe.h"
#include "scanner/slab.h"

#include <stdbool.h>
#include <stdint.h>

/* A port that has just been seen open. */
struct sweep_found {
    uint32_t probe;
    uint32_t host;
    uint32_t tries;
    bool has_rtt;
    uint32_t rtt_us;
    const char *proof; /* as sweep_answer has it */
};

/* What the sweep tells; none may call back into it. */
struct sweep_listener {
    void (*found_open)(void *context, const struct sweep_found *found);
    /* Nothing about the host changes any more; its probes that were sent are those that have an answer or were tried.
     */
    void (*host_done)(void *context, uint32_t host);
    /* Its answers slow, stop or get lost under the scan: it is asked more gently from now on. Once for each host. */
    void (*host_eased)(void *context, uint32_t host);
    void *context;
};

/* Where a probe goes. */
struct sweep_map {
    void (*locate)(const void *context, uint32_t probe, struct addr *ret_addr, uint16_t *ret_port);
    const void *context;
};

/* Pointers are borrowed for the sweep's life. */
struct sweep_options {
    struct slab *slab;
    const struct permutation *order; /* over slab_probes() */
    uint32_t shard_index;            /* from 0: positions shard_index, + shard_count, … are sent */
    uint32_t shard_count;
    uint32_t retries;
    uint32_t ceiling;    /* how many may be on their way at first: sweep_ceiling() of the one before; 0: few */
    struct pacer *pacer; /* outlives the slab */
    const struct pacer_rate *rate; /* may change between steps */
    struct pacer_rate host_rate;
    struct sweep_map map;
    const struct probe_engine_ops *ops;
    void *engine;
    struct sweep_listener listener;
};

struct sweep;

/* A slab that slab_restore() filled is gone on with where it stood. -ENOMEM. The caller owns the result. */
MUST_USE int sweep_create(const struct sweep_options *options, struct sweep **ret_sweep);
/* Cancels what is on its way. */
void sweep_destroy(struct sweep *sweep);

/* Ends what is out of time and sends what may be sent, a bounded number. -errno from the engine, or -ENOBUFS when this
 * machine has had no room for SWEEP_STARVED_S seconds, in which no probe came to its end. */
enum { SWEEP_STARVED_S = 60 };
MUST_USE int sweep_step(struct sweep *sweep, struct mono_time now);

/* An answer. `from_host`: the packet came from the host itself, neither from a router before it nor from this machine;
 * only such an answer is a measure of the host, and only a host that gave one is eased off. Duplicates and answers to
 * tries that are out of time are welcome; the latter count as long as the host is not done. The engine has released the
 * handle of the try that answered. */
struct sweep_answer {
    uint32_t probe;
    enum probe_answer answer;
    enum reason reason;
    bool from_host;
    const char *proof; /* what a datagram's answer proves itself by, as observation_port has it; NULL: nothing to say */
    uint8_t try_number; /* from 0, which a raw answer says; the sweep of connects does not ask */
    /* From the packet to its answer, where the engine has measured it; 0: from send() to now. */
    uint64_t took_ns;
};
void sweep_take(struct sweep *sweep, const struct sweep_answer *answer, struct mono_time now);

/* This machine had no room for a probe of which the engine's send() had said that it was on its way: it is sent again
 * later, as one for which send() was -EAGAIN. The engine has released its handle. */
void sweep_take_back(struct sweep *sweep, uint32_t probe, struct mono_time now);

/* This machine has lost packets of its own: what is on its way now may never have left. Whatever of it stays silent is
 * sent again, as if it had not been tried; but in all not more than SWEEP_TAINTED_TRIES times as many as there are
 * probes, so that a machine that keeps losing ends a scan all the same. How many are concerned. */
enum { SWEEP_TAINTED_TRIES = 4 };
uint32_t sweep_taint(struct sweep *sweep);

/* When the next step is due if no answer comes before; in the past: at once. */
struct mono_time sweep_wakeup(const struct sweep *sweep);

/* Sends nothing more: it is done when the probes on their way have answered or run out of time. */
void sweep_stop(struct sweep *sweep);
bool sweep_is_done(const struct sweep *sweep);
/* All hosts are done, rather than stopped half-way. */
bool sweep_is_complete(const struct sweep *sweep);
/* How many may be on their way by now: it grows with every probe that ends, and falls when this machine runs out. */
uint32_t sweep_ceiling(const struct sweep *sweep);
uint32_t sweep_in_flight(const struct sweep *sweep);
/* (host, port) pairs whose state is settled. */
uint64_t sweep_settled(const struct sweep *sweep);

#endif
