/* Works one slab by raw probes: senders draw what is to leave, each in a thread of its own; answers come in; what
 * stayed unanswered is asked again in later passes; it ends by itself. The counterpart of sweep.h for probes that hold
 * no socket: nothing is kept for a probe on its way but the time at which it left. Makes no system call: time and
 * packets go through arguments, so that a test simulates the network. Knows neither links nor packets nor output
 * formats.
 *
 * Threads: volley_draw(), volley_sent(), volley_put_back() and volley_sender_wakeup() may be called by all senders at
 * once, each with its own number; all other functions by one thread, the reader's, which is the only one that writes
 * answers and calls the listener. Senders see answers with relaxed atomics: one that is seen late costs a probe, never
 * a result.
 *
 * Rounds: each asks the unanswered places of the hosts that take part, and to a host is one of its passes. The next
 * begins when all of this one has left and the time-outs of the hosts that want another are over, which keep two tries
 * of a place 100 ms apart; a host that does not is done by its own time-out, and one that has answered everything at
 * once. */
#ifndef LEASTPORT_SCANNER_RAW_VOLLEY_H
#define LEASTPORT_SCANNER_RAW_VOLLEY_H

#include "lib/clock.h"
#include "scanner/pacer.h"
#include "scanner/permutation.h"
#include "scanner/raw/rate.h"
#include "scanner/slab.h"
#include "scanner/sweep.h"

#include <stdbool.h>
#include <stdint.h>

/* What one call draws at most: limits.md's best batch is the field's, 64 frames a sendmmsg(). */
enum { VOLLEY_BATCH = 64 };

/* Pointers are borrowed for the volley's life. */
struct volley_options {
    struct slab *slab;
    const struct permutation *order; /* over slab_probes() */
    uint32_t shard_index;            /* from 0: positions shard_index, + shard_count, … are sent */
    uint32_t shard_count;
    uint32_t retries;
    uint32_t senders;  /* >= 1 */
    struct rate *rate; /* of all senders together; outlives the slab */
    struct pacer_rate host_rate;
    /* Of a volley that asks whether hosts are there, by so many kinds of questions: those of a host follow each other
     * in the slab, best first, and `order` is of hosts that are asked. One answer of its own ends a host: all are asked
     * the first kind, then who has not answered yet the second, and so on. 0: a volley of ports. */
    uint32_t kinds;
    /* Of the packets that the slab counts as sent: those of a volley of its own that found out which of these hosts
     * answer. The rate goes on from what that proved. */
    uint64_t asked_before;
    struct sweep_listener listener; /* called from volley_take() and volley_tick() only */
};

struct volley;

/* A slab that slab_restore() filled is gone on with where it stood: what was tried in its host's current pass is not
 * asked again in it, and who was eased off is asked as gently. Nothing is drawn before the first volley_tick().
 * `host_rate` is kept by each host to the nanosecond of the times given here, but knows nothing of what an earlier
 * process sent. -ENOMEM. The caller owns the result: volley_destroy(). */
MUST_USE int volley_create(const struct volley_options *options, struct mono_time now, struct volley **ret_volley);
void volley_destroy(struct volley *volley);

/* One probe that is to leave now. `place` is the volley's own. */
struct volley_shot {
    uint32_t probe;
    uint32_t place;
    uint8_t try_number; /* from 0: its host's pass; goes into the packet, so that the answer names the try */
};

/* Up to `want` (<= VOLLEY_BATCH) probes that pass, rate and hosts let leave now; 0: none now. Batches shrink with the
 * rate, so that what leaves in one burst fits the bucket of a policer. Each shot is either sent or put back before the
 * sender draws again; its time of departure is `now`, and its answer may be taken from this moment on. */
uint32_t volley_draw(struct volley *volley, uint32_t sender, struct mono_time now, struct volley_shot *shots,
                     uint32_t want);
/* They have left. */
void volley_sent(struct volley *volley, uint32_t sender, struct mono_time now, const struct volley_shot *shots,
                 uint32_t count);
/* This machine had no room for them: they are drawn again, and the rate falls. */
void volley_put_back(struct volley *volley, uint32_t sender, struct mono_time now, const struct volley_shot *shots,
                     uint32_t count);
/* When the sender should draw again; at most 1 ms ahead, so that it hears of new passes and of the end. */
struct mono_time volley_sender_wakeup(const struct volley *volley, uint32_t sender, struct mono_time now);

/* Up to VOLLEY_BATCH answers, each as sweep_take() has it; duplicates, late ones and downgrades are welcome and change
 * nothing, nor do answers to what this shard has not sent. Each names its try, and is measured and counted for that
 * one: neither loss nor round-trip times rest on a guess. `now` is read after they came in: one that left after it
 * would count for an earlier window, and its own would look like loss. */
void volley_take(struct volley *volley, const struct sweep_answer *answers, uint32_t count, struct mono_time now);
/* What this machine lost on the way in or refused on the way out since the last call. */
void volley_lost_here(struct volley *volley, uint64_t packets, struct mono_time now);

/* All that came in until then has been taken. Silence is judged up to that moment and no further, so that what still
 * waits to be taken, since this process stood still, is neither loss nor a host's silence; who never says so is
 * believed to have taken everything at each tick. Who cannot keep up is waited for no longer than VOLLEY_UNHEARD_MS. */
enum { VOLLEY_UNHEARD_MS = 1000 };
void volley_heard(struct volley *volley, struct mono_time until);

/* Judges windows, sets the rate, feeds the senders with probes of hosts that have a ceiling, ends passes and hosts.
 * Cheap; due at volley_wakeup(), every millisecond while probes leave. */
void volley_tick(struct volley *volley, struct mono_time now);
struct mono_time volley_wakeup(const struct volley *volley);

/* Sends nothing more: it is done when what is on its way has answered or run out of time. */
void volley_stop(struct volley *volley);
bool volley_is_done(const struct volley *volley);
/* All hosts are done, rather than stopped half-way. */
bool volley_is_complete(const struct volley *volley);
/* (host, port) pairs whose state is settled. */
uint64_t volley_settled(const struct volley *volley);
/* Writes into the slab what a checkpoint needs to know of what was sent; only when all senders rest. */
void volley_suspend(struct volley *volley);

#endif
