/* What the files of the volley share: its state, and what they do for each other. Nobody else includes it. */
#ifndef LEASTPORT_SCANNER_RAW_VOLLEY_INNER_H
#define LEASTPORT_SCANNER_RAW_VOLLEY_INNER_H

#include "scanner/raw/feed.h"
#include "scanner/raw/slots.h"
#include "scanner/raw/volley.h"
#include "scanner/timers.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Places number the positions of this shard: place k is position shard_index + k * shard_count. Of each place is kept:
 *   todo  one bit: it is to be asked in this round and nobody has claimed it; whoever clears the bit sees it through
 *   over  one bit: it is answered (or its host is done), and asked no more
 *   sent  when its last try left and in which round, as a stamp (below)
 * A round asks every unanswered place of the hosts that take part in it; to a host, it is one pass. */

enum {
    WORD_BITS = 64,
    /* What one draw looks at at most, so that a stretch that is over keeps no sender from its packets. */
    DRAW_LOOKS = 4096,
    /* A sender's own: refused by this machine, or too early for its host. */
    HOLD_ROOM = 4 * VOLLEY_BATCH,
    PATIENCE_US = 60000,
    BATCHES_PER_S = 20000,
};

static const uint32_t NOWHERE = UINT32_MAX;
static const uint32_t GAP_DONE = UINT32_MAX;
static const uint32_t GAP_OUT = UINT32_MAX - 1;
static const uint64_t NS_PER_S = UINT64_C(1000000000);
static const uint64_t NS_PER_MS = 1000000;
static const uint64_t NS_PER_US = 1000;
/* How often senders look for a new round, and the bookkeeper at what they did. */
static const uint64_t SENDER_IDLE_NS = 1000000;
static const uint64_t TICK_NS = 500000;
/* Probes of a host with a ceiling are handed to the senders so long before they may leave. */
static const uint64_t FEED_AHEAD_NS = 3000000;
static const uint64_t SLACK_MOST_NS = 10000000;
static const uint64_t REFUSED_PAUSE_NS = 200000;
static const uint64_t RESCAN_NS = 20000000;

/* The time in microseconds since the slab began (31 bits; 0 and 1 are no times), then the round's lowest bit. 0: it was
 * never tried. It wraps after 35 minutes, which would matter only to an answer that comes so late. */
enum { STAMP_UNKNOWN_US = 1, STAMP_FIRST_US = 2 };
static const uint32_t STAMP_MASK = UINT32_MAX >> 1;

enum host_stage {
    HOST_ASKED,   /* takes part in the round */
    HOST_WAITING, /* all is sent: its time-out runs */
    HOST_READY,   /* for the next round */
    HOST_DONE,
};

struct volley_host {
    _Atomic uint64_t sent_due_ns; /* of a host with a ceiling: before this nothing leaves to it */
    _Atomic uint32_t gap_ns;      /* its ceiling, 0 for none; GAP_OUT: takes no part; GAP_DONE */
    _Atomic uint8_t pass;         /* as the slab has it; for senders */
    /* All below is the bookkeeper's. */
    uint32_t limit_ns;      /* the ceiling while it takes part */
    uint64_t due_ns;        /* when the next may be handed out */
    uint32_t left;          /* unanswered, of this shard */
    uint32_t fed;           /* how many of its probes were looked at in this round */
    float asked;            /* in windows that were judged: about how many probes left to it in the first round, */
    float answered;         /* how many of these it answered, */
    float answered_at;      /* and how many had left when the last of these did */
    float missing;          /* answers that it would have given since its last, while it was asked gently */
    uint32_t pace_ns;       /* at which it was asked before */
    uint32_t late;          /* answers to later tries */
    uint32_t round_left;    /* unanswered when the round began, */
    uint32_t round_answers; /* and what it brought */
    uint32_t least_srtt_us;
    uint16_t window_answers[2];
    uint16_t window_fed[2];
    uint8_t stage;
    uint8_t round; /* that it took part in last */
    bool wants;    /* another pass, as far as is known while it waits */
    bool was_eased;
    bool is_gone;
};

struct sender {
    uint8_t apart[64];
    uint64_t bits; /* of the word that it has claimed */
    uint32_t word;
    struct permutation_row row;
    uint32_t out; /* drawn, neither sent nor put back */
    uint64_t stamp_us;
    bool checks;
    bool first_round;
    uint32_t parity;
    uint32_t holding;
    struct feed_item hold[HOLD_ROOM];
    _Atomic uint64_t sent;
    _Atomic uint64_t gone; /* sent or dropped: out of the round */
    _Atomic uint64_t refused;
    uint8_t aside[64];
};

struct volley {
    struct volley_options options;
    uint64_t begun_ns;
    uint32_t places;
    uint32_t wave; /* places of a kind of questions; all of them where there are no kinds */
    uint32_t wave_at;
    uint32_t words;
    _Atomic uint32_t *sent;
    _Atomic uint64_t *todo;
    _Atomic uint64_t *over;
    struct volley_host *hosts;
    struct sender *senders;
    struct feed *feed;
    struct slots *slots;
    uint8_t apart[64];
    _Atomic uint64_t due_ns; /* of the common pace */
    uint8_t aside[64];
    _Atomic uint32_t cursor; /* the next word to be claimed */
    uint8_t beyond[64];
    _Atomic uint32_t round; /* from 1 */
    _Atomic bool watched;   /* hosts must be looked at one by one */
    _Atomic bool stopping;
    /* All below is the bookkeeper's. */
    struct timers *timers; /* of a host that is asked: when it is fed; of one that waits: its time-out */
    bool started;
    bool resumed;
    bool sending;
    bool rested;
    uint64_t round_total;
    uint64_t round_gone; /* before this round */
    uint64_t own_gone;   /* dropped by the bookkeeper */
    uint64_t round_ns;   /* when it began; later: how long it took to send */
    uint64_t round_end_ns;
    uint64_t apart_us; /* a host that wants another is waited for at least so long */
    uint64_t rescan_ns;
    uint64_t sent_before;
    uint64_t refused_seen;
    uint64_t tick_ns;
    uint64_t heard_ns; /* volley_heard(); 0: it was not said */
    uint64_t feed_pause_ns;
    uint64_t stop_ns;
    uint64_t first_round_ns;
    uint32_t hosts_left;
    uint32_t wanting; /* hosts that wait and want another pass */
    uint32_t ready;
    uint64_t settled;
    struct rtt seed;
    uint32_t measured_hosts;
    uint32_t slowest_us; /* round-trip time with its spread, over all hosts */
    uint32_t fewest;     /* answers of a host that answered at all; 0: none did */
    uint64_t tries_answers;
    uint64_t tries_losses;
    uint32_t tries;
    uint64_t aimed_pps;
    /* Windows of hosts: [cut_from, cut) is the one to be judged, all from cut on the next. */
    uint64_t cut_from;
    uint64_t cut;
    uint64_t cut_sent;
    uint64_t cut_answered;
    uint32_t cut_parity; /* of the one to be judged */
    uint64_t heard_sent;
    uint64_t heard_answered;
};

static inline uint64_t now_us(const struct volley *volley, struct mono_time now)
{
    return (now.ns > volley->begun_ns ? (now.ns - volley->begun_ns) / NS_PER_US : 0) + STAMP_FIRST_US;
}

static inline uint32_t make_stamp(uint64_t us, uint32_t parity)
{
    uint32_t low = (uint32_t)us & STAMP_MASK;

    return (low < STAMP_FIRST_US ? STAMP_FIRST_US : low) << 1 | parity;
}

static inline uint32_t probe_at(const struct volley *volley, uint32_t place)
{
    const struct volley_options *options = &volley->options;

    if (options->kinds > 0) {
        return (uint32_t)permutation_index(options->order, place % volley->wave) * options->kinds +
               place / volley->wave;
    }
    return (uint32_t)permutation_index(options->order, options->shard_index + (uint64_t)place * options->shard_count);
}

/* NOWHERE when another shard asks it. */
static inline uint32_t place_of(const struct volley *volley, uint32_t probe)
{
    const struct volley_options *options = &volley->options;
    uint64_t position;

    if (options->kinds > 0) {
        return probe % options->kinds * volley->wave +
               (uint32_t)permutation_position(options->order, probe / options->kinds);
    }
    position = permutation_position(options->order, probe);
    if (options->shard_count <= 1) {
        return (uint32_t)position;
    }
    if (position % options->shard_count != options->shard_index) {
        return NOWHERE;
    }
    return (uint32_t)(position / options->shard_count);
}

static inline uint64_t bit_of(uint32_t place)
{
    return UINT64_C(1) << (place % WORD_BITS);
}

static inline bool is_over(const struct volley *volley, uint32_t place)
{
    return (atomic_load_explicit(&volley->over[place / WORD_BITS], memory_order_relaxed) & bit_of(place)) != 0;
}

static inline void set_over(struct volley *volley, uint32_t place)
{
    atomic_fetch_or_explicit(&volley->over[place / WORD_BITS], bit_of(place), memory_order_relaxed);
}

/* The bookkeeper's. Senders write there only while hosts are watched; before, no lock of the bus is needed, which would
 * wait for all that was stored until then. */
static inline void settle_place(struct volley *volley, uint32_t place)
{
    _Atomic uint64_t *word = &volley->over[place / WORD_BITS];

    if (atomic_load_explicit(&volley->watched, memory_order_relaxed)) {
        set_over(volley, place);
        return;
    }
    atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) | bit_of(place), memory_order_relaxed);
}

/* Counters with one writer. */
static inline void count_up(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more, memory_order_release);
}

static inline uint64_t sum_gone(const struct volley *volley)
{
    uint64_t sum = volley->own_gone;

    for (uint32_t i = 0; i < volley->options.senders; i++) {
        sum += atomic_load_explicit(&volley->senders[i].gone, memory_order_acquire);
    }
    return sum;
}

static inline uint32_t host_size(const struct volley *volley, uint32_t host)
{
    struct slab *slab = volley->options.slab;

    return slab_host(slab, host + 1)->first_probe - slab_host(slab, host)->first_probe;
}

static inline bool is_tried_now(const struct volley *volley, uint32_t host, uint32_t stamp)
{
    uint32_t round = atomic_load_explicit(&volley->round, memory_order_relaxed);

    return stamp != 0 && (volley->hosts[host].stage != HOST_ASKED || (stamp & 1) == (round & 1));
}

static inline uint32_t stamp_at(const struct volley *volley, uint32_t place)
{
    return atomic_load_explicit(&volley->sent[place], memory_order_relaxed);
}

/* How long ago; -1 when it is not known. */
static inline int64_t age_us(const struct volley *volley, uint32_t stamp, struct mono_time now)
{
    uint32_t age = ((uint32_t)now_us(volley, now) - (stamp >> 1)) & STAMP_MASK;

    if (stamp >> 1 <= STAMP_UNKNOWN_US) {
        return -1;
    }
    /* A sender's clock may have been read a moment after the bookkeeper's. */
    return age > STAMP_MASK / 2 ? 0 : age;
}

/* volley_host.c: what is kept of a host. */

/* The last pass that silence of the host is given, as far as is known now. */
uint32_t volley_last_pass(struct volley *volley, uint32_t host);
/* What reports and checkpoints read: whether each of the host's unanswered probes was tried in its pass. */
void volley_write_tried(struct volley *volley, uint32_t host);
/* Nothing changes about it any more; the listener is told. */
void volley_finish_host(struct volley *volley, uint32_t host);
/* How long the host is waited for after its last probe has left. `wants`: another pass follows. */
uint64_t volley_time_out_ns(struct volley *volley, const struct slab_host *facts, bool wants, struct mono_time now);
/* It waits no more, and is not ready either: the counts of both follow. */
void volley_leave_stage(struct volley *volley, struct volley_host *entry);

/* volley_take.c: what answers show. */

/* For the time-outs of hosts that were never heard; nothing when it is not measured. */
void volley_note_slow(struct volley *volley, const struct rtt *rtt);

/* volley_feed.c: hosts with a ceiling. */

/* The host is fed when its next probe is nearly due. */
void volley_feed_again(struct volley *volley, uint32_t host);
/* Hands out its next probe. False when the senders are too far behind to be handed more. */
bool volley_feed_host(struct volley *volley, uint32_t host, struct mono_time now);
/* A ceiling of its own, one packet each `limit_ns`, within bounds. */
void volley_set_limit(struct volley *volley, uint32_t host, uint64_t limit_ns, struct mono_time now);
/* The same for a host that shows strain; the listener is told once. */
void volley_ease_host(struct volley *volley, uint32_t host, uint64_t limit_ns, struct mono_time now);

/* volley_judge.c: what windows show of the rate and of hosts. */

/* After a later round: hosts that gave many of their answers only now. */
void volley_judge_later(struct volley *volley, struct mono_time now);
/* The pace of a host that was eased off, for its next round. */
void volley_judge_round(struct volley *volley, uint32_t host, struct mono_time now);
/* `heard`: answers that came in by then have been taken. */
void volley_hear_windows(struct volley *volley, struct mono_time heard, struct mono_time now);
void volley_hear_refusals(struct volley *volley, struct mono_time now);
/* Which rate was set until now; due after anything that may have changed it. */
void volley_note_aim(struct volley *volley, struct mono_time now);

#endif
