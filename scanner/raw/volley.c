#include "scanner/raw/volley.h"

#include "scanner/raw/feed.h"
#include "scanner/raw/slots.h"
#include "scanner/timers.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

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
static const uint64_t SENDER_IDLE_NS = 2000000;
static const uint64_t TICK_NS = 1000000;
/* Probes of a host with a ceiling are handed to the senders so long before they may leave. */
static const uint64_t FEED_AHEAD_NS = 3000000;
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
    uint32_t late;          /* answers to later tries */
    uint32_t round_left;    /* unanswered when the round began, */
    uint32_t round_answers; /* and what it brought */
    uint32_t least_rtt_us;
    uint32_t least_srtt_us;
    uint16_t window_answers[2];
    uint16_t window_fed[2];
    uint8_t stage;
    uint8_t round; /* that it took part in last */
    bool wants;    /* another pass, as far as is known while it waits */
    bool was_eased;
};

struct sender {
    uint8_t apart[64];
    uint64_t bits; /* of the word that it has claimed */
    uint32_t word;
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
    uint64_t rescan_ns;
    uint64_t sent_before;
    uint64_t refused_seen;
    uint64_t tick_ns;
    uint64_t feed_pause_ns;
    uint64_t stop_ns;
    uint64_t first_round_ns;
    uint32_t hosts_left;
    uint32_t wanting; /* hosts that wait and want another pass */
    uint32_t ready;
    uint64_t settled;
    struct rtt seed;
    uint32_t least_seed_us;
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

static uint64_t now_us(const struct volley *volley, struct mono_time now)
{
    return (now.ns > volley->begun_ns ? (now.ns - volley->begun_ns) / NS_PER_US : 0) + STAMP_FIRST_US;
}

static uint32_t make_stamp(uint64_t us, uint32_t parity)
{
    uint32_t low = (uint32_t)us & STAMP_MASK;

    return (low < STAMP_FIRST_US ? STAMP_FIRST_US : low) << 1 | parity;
}

static uint32_t probe_at(const struct volley *volley, uint32_t place)
{
    const struct volley_options *options = &volley->options;

    return (uint32_t)permutation_index(options->order, options->shard_index + (uint64_t)place * options->shard_count);
}

/* NOWHERE when another shard asks it. */
static uint32_t place_of(const struct volley *volley, uint32_t probe)
{
    const struct volley_options *options = &volley->options;
    uint64_t position = permutation_position(options->order, probe);

    if (options->shard_count == 1) {
        return (uint32_t)position;
    }
    if (position % options->shard_count != options->shard_index) {
        return NOWHERE;
    }
    return (uint32_t)(position / options->shard_count);
}

static uint64_t bit_of(uint32_t place)
{
    return UINT64_C(1) << (place % WORD_BITS);
}

static bool is_over(const struct volley *volley, uint32_t place)
{
    return (atomic_load_explicit(&volley->over[place / WORD_BITS], memory_order_relaxed) & bit_of(place)) != 0;
}

static void set_over(struct volley *volley, uint32_t place)
{
    atomic_fetch_or_explicit(&volley->over[place / WORD_BITS], bit_of(place), memory_order_relaxed);
}

/* Counters with one writer. */
static void count_up(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more, memory_order_release);
}

/* ---- senders ---- */

static uint64_t spacing_ns(uint64_t packets, uint64_t pps)
{
    return (packets * NS_PER_S + pps - 1) / (pps > 0 ? pps : 1);
}

static uint32_t batch_at(uint64_t pps)
{
    uint64_t batch = pps / BATCHES_PER_S;

    return batch < 1 ? 1 : batch > VOLLEY_BATCH ? VOLLEY_BATCH : (uint32_t)batch;
}

/* One bucket for all senders (GCRA, as in pacer.h), a batch at a time; who comes late may make up for two of them. */
static uint32_t pace_take(struct volley *volley, struct mono_time now, uint32_t want)
{
    uint64_t pps = rate_pps(volley->options.rate);
    uint64_t due = atomic_load_explicit(&volley->due_ns, memory_order_relaxed);
    uint64_t slack;
    uint64_t next;

    if (pps == RATE_UNLIMITED) {
        return due > now.ns ? 0 : want;
    }
    want = want < batch_at(pps) ? want : batch_at(pps);
    slack = spacing_ns(2 * (uint64_t)batch_at(pps), pps);
    do {
        if (due > now.ns) {
            return 0;
        }
        next = (now.ns > slack && due < now.ns - slack ? now.ns - slack : due) + spacing_ns(want, pps);
    } while (!atomic_compare_exchange_weak_explicit(&volley->due_ns, &due, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return want;
}

static void pace_give_back(struct volley *volley, uint32_t packets)
{
    uint64_t pps = rate_pps(volley->options.rate);

    if (packets > 0 && pps != RATE_UNLIMITED) {
        atomic_fetch_sub_explicit(&volley->due_ns, spacing_ns(packets, pps), memory_order_relaxed);
    }
}

/* Called after something of the round was claimed, so that it is this round's. */
static void learn_round(struct volley *volley, struct sender *me)
{
    uint32_t round = atomic_load_explicit(&volley->round, memory_order_relaxed);

    me->parity = round & 1;
    me->first_round = round == 1;
}

static bool claim_word(struct volley *volley, struct sender *me)
{
    while (atomic_load_explicit(&volley->cursor, memory_order_acquire) < volley->words) {
        uint32_t word = atomic_fetch_add_explicit(&volley->cursor, 1, memory_order_acq_rel);
        if (word >= volley->words) {
            return false;
        }
        me->bits = atomic_exchange_explicit(&volley->todo[word], 0, memory_order_relaxed);
        if (me->bits != 0) {
            me->word = word;
            learn_round(volley, me);
            return true;
        }
    }
    return false;
}

static uint8_t try_of(const struct volley *volley, uint32_t host)
{
    return atomic_load_explicit(&volley->hosts[host].pass, memory_order_relaxed);
}

/* A host with a ceiling is the bookkeeper's to feed: the place is left to it. */
static bool may_walk(struct volley *volley, struct sender *me, struct volley_shot *shot)
{
    uint32_t place = shot->place;
    uint32_t host;
    uint32_t gap;

    if (is_over(volley, place)) {
        count_up(&me->gone, 1);
        return false;
    }
    host = slab_host_of(volley->options.slab, shot->probe);
    shot->try_number = try_of(volley, host);
    gap = atomic_load_explicit(&volley->hosts[host].gap_ns, memory_order_relaxed);
    if (gap == 0) {
        return true;
    }
    if (gap == GAP_DONE) {
        set_over(volley, place);
    }
    if (gap == GAP_DONE || gap == GAP_OUT) {
        count_up(&me->gone, 1);
        return false;
    }
    atomic_fetch_or_explicit(&volley->todo[place / WORD_BITS], bit_of(place), memory_order_relaxed);
    return false;
}

static void shoot(struct volley *volley, const struct sender *me, struct volley_shot shot, struct volley_shot *slot)
{
    /* Before it leaves: where the target runs on this machine, its answer may be read before send() returns. */
    atomic_store_explicit(&volley->sent[shot.place], make_stamp(me->stamp_us, me->parity), memory_order_relaxed);
    *slot = shot;
}

static uint32_t draw_walk(struct volley *volley, struct sender *me, struct volley_shot *shots, uint32_t room)
{
    uint32_t count = 0;

    for (uint32_t looks = 0; count < room && looks < DRAW_LOOKS && (me->bits != 0 || claim_word(volley, me)); looks++) {
        struct volley_shot shot = {0};
        shot.place = me->word * WORD_BITS + (uint32_t)__builtin_ctzll(me->bits);
        me->bits &= me->bits - 1;
        shot.probe = probe_at(volley, shot.place);
        if (!me->checks || may_walk(volley, me, &shot)) {
            shoot(volley, me, shot, &shots[count++]);
        }
    }
    return count;
}

enum leave { LEAVE_NOW, LEAVE_LATER, LEAVE_NEVER };

/* Of a probe that is handed out one by one: may it leave? *when is set for LEAVE_LATER. */
static enum leave may_leave(struct volley *volley, const struct feed_item *item, struct mono_time now, uint64_t *when)
{
    uint64_t tolerance = volley->options.host_rate.tolerance_ns;
    struct volley_host *entry;
    uint32_t gap;
    uint64_t due;
    uint64_t next;

    if (is_over(volley, item->place)) {
        return LEAVE_NEVER;
    }
    entry = &volley->hosts[item->host];
    gap = atomic_load_explicit(&entry->gap_ns, memory_order_relaxed);
    if (gap == GAP_DONE || gap == GAP_OUT) {
        return LEAVE_NEVER;
    }
    due = atomic_load_explicit(&entry->sent_due_ns, memory_order_relaxed);
    do {
        if (gap > 0 && due > now.ns + tolerance) {
            *when = due - tolerance;
            return LEAVE_LATER;
        }
        next = (due > now.ns ? due : now.ns) + gap;
    } while (gap > 0 && !atomic_compare_exchange_weak_explicit(&entry->sent_due_ns, &due, next, memory_order_relaxed,
                                                               memory_order_relaxed));
    return LEAVE_NOW;
}

static struct volley_shot shot_of(const struct volley *volley, const struct feed_item *item)
{
    return (struct volley_shot){.probe = item->probe, .place = item->place, .try_number = try_of(volley, item->host)};
}

static uint32_t draw_held(struct volley *volley, struct sender *me, struct mono_time now, struct volley_shot *shots,
                          uint32_t room)
{
    uint32_t count = 0;
    uint32_t at = 0;

    while (at < me->holding && count < room) {
        struct feed_item *item = &me->hold[at];
        enum leave leave;
        if (item->not_before_ns > now.ns) {
            at++;
            continue;
        }
        leave = may_leave(volley, item, now, &item->not_before_ns);
        if (leave == LEAVE_LATER) {
            at++;
            continue;
        }
        if (leave == LEAVE_NOW) {
            shoot(volley, me, shot_of(volley, item), &shots[count++]);
        } else {
            count_up(&me->gone, 1);
        }
        *item = me->hold[--me->holding];
    }
    return count;
}

static uint32_t draw_fed(struct volley *volley, struct sender *me, struct mono_time now, struct volley_shot *shots,
                         uint32_t room)
{
    struct feed_item item;
    uint32_t count = 0;

    /* Room is kept for a whole batch that is put back. */
    while (count < room && me->holding < HOLD_ROOM - VOLLEY_BATCH && feed_take(volley->feed, now.ns, &item)) {
        enum leave leave = may_leave(volley, &item, now, &item.not_before_ns);
        learn_round(volley, me);
        if (leave == LEAVE_NOW) {
            shoot(volley, me, shot_of(volley, &item), &shots[count++]);
        } else if (leave == LEAVE_LATER) {
            me->hold[me->holding++] = item;
        } else {
            count_up(&me->gone, 1);
        }
    }
    return count;
}

uint32_t volley_draw(struct volley *volley, uint32_t sender, struct mono_time now, struct volley_shot *shots,
                     uint32_t want)
{
    struct sender *me = &volley->senders[sender];
    uint32_t room;
    uint32_t count;

    assert(want <= VOLLEY_BATCH && me->out == 0);
    if (atomic_load_explicit(&volley->stopping, memory_order_relaxed)) {
        return 0;
    }
    room = pace_take(volley, now, want);
    if (room == 0) {
        return 0;
    }
    me->stamp_us = now_us(volley, now);
    me->checks = atomic_load_explicit(&volley->watched, memory_order_relaxed);
    count = me->holding > 0 ? draw_held(volley, me, now, shots, room) : 0;
    count += draw_fed(volley, me, now, shots + count, room - count);
    count += draw_walk(volley, me, shots + count, room - count);
    pace_give_back(volley, room - count);
    me->out = count;
    return count;
}

void volley_sent(struct volley *volley, uint32_t sender, struct mono_time now, const struct volley_shot *shots,
                 uint32_t count)
{
    struct sender *me = &volley->senders[sender];

    (void)now;
    (void)shots;
    assert(count <= me->out);
    me->out -= count;
    if (me->first_round) {
        slots_sent(volley->slots, sender, me->stamp_us, count);
    }
    count_up(&me->sent, count);
    count_up(&me->gone, count);
}

void volley_put_back(struct volley *volley, uint32_t sender, struct mono_time now, const struct volley_shot *shots,
                     uint32_t count)
{
    struct sender *me = &volley->senders[sender];
    uint64_t due = atomic_load_explicit(&volley->due_ns, memory_order_relaxed);

    assert(count <= me->out && me->holding + count <= HOLD_ROOM);
    for (uint32_t i = 0; i < count; i++) {
        struct feed_item item = {.not_before_ns = now.ns,
                                 .place = shots[i].place,
                                 .probe = shots[i].probe,
                                 .host = slab_host_of(volley->options.slab, shots[i].probe)};
        uint32_t before = me->first_round ? 0 : STAMP_UNKNOWN_US << 1 | (me->parity ^ 1);
        atomic_store_explicit(&volley->sent[item.place], before, memory_order_relaxed);
        me->hold[me->holding++] = item;
    }
    me->out -= count;
    count_up(&me->refused, count);
    if (count > 0 && due < now.ns + REFUSED_PAUSE_NS) {
        atomic_compare_exchange_strong_explicit(&volley->due_ns, &due, now.ns + REFUSED_PAUSE_NS, memory_order_relaxed,
                                                memory_order_relaxed);
    }
}

static bool has_something(const struct volley *volley, const struct sender *me)
{
    return me->bits != 0 || atomic_load_explicit(&volley->cursor, memory_order_relaxed) < volley->words;
}

struct mono_time volley_sender_wakeup(const struct volley *volley, uint32_t sender, struct mono_time now)
{
    const struct sender *me = &volley->senders[sender];
    uint64_t idle = now.ns + SENDER_IDLE_NS;
    uint64_t work = has_something(volley, me) ? now.ns : feed_due_ns(volley->feed);
    uint64_t due = atomic_load_explicit(&volley->due_ns, memory_order_relaxed);

    if (atomic_load_explicit(&volley->stopping, memory_order_relaxed)) {
        return (struct mono_time){idle};
    }
    for (uint32_t i = 0; i < me->holding; i++) {
        work = me->hold[i].not_before_ns < work ? me->hold[i].not_before_ns : work;
    }
    work = work > due ? work : due;
    return (struct mono_time){work < idle ? work : idle};
}

/* ---- the bookkeeper ---- */

static uint64_t sum_gone(const struct volley *volley)
{
    uint64_t sum = volley->own_gone;

    for (uint32_t i = 0; i < volley->options.senders; i++) {
        sum += atomic_load_explicit(&volley->senders[i].gone, memory_order_acquire);
    }
    return sum;
}

static uint32_t host_size(const struct volley *volley, uint32_t host)
{
    struct slab *slab = volley->options.slab;

    return slab_host(slab, host + 1)->first_probe - slab_host(slab, host)->first_probe;
}

static bool is_tried_now(const struct volley *volley, uint32_t host, uint32_t stamp)
{
    uint32_t round = atomic_load_explicit(&volley->round, memory_order_relaxed);

    return stamp != 0 && (volley->hosts[host].stage != HOST_ASKED || (stamp & 1) == (round & 1));
}

static uint32_t stamp_at(const struct volley *volley, uint32_t place)
{
    return atomic_load_explicit(&volley->sent[place], memory_order_relaxed);
}

/* How long ago; -1 when it is not known. */
static int64_t age_us(const struct volley *volley, uint32_t stamp, struct mono_time now)
{
    uint32_t age = ((uint32_t)now_us(volley, now) - (stamp >> 1)) & STAMP_MASK;

    if (stamp >> 1 <= STAMP_UNKNOWN_US) {
        return -1;
    }
    /* A sender's clock may have been read a moment after the bookkeeper's. */
    return age > STAMP_MASK / 2 ? 0 : age;
}

/* As sweep.c: how many tries the loss measured so far asks for. */
static uint32_t wanted_tries(struct volley *volley)
{
    const struct loss_counts *loss = &slab_totals(volley->options.slab)->loss;
    uint64_t answers = 0;
    uint64_t losses = 0;

    for (uint32_t pass = 0; pass < LOSS_PASSES_MAX; pass++) {
        answers += loss->answers[pass];
        losses += loss->answers[pass] * pass;
    }
    if (answers > volley->tries_answers + volley->tries_answers / 8 ||
        losses > volley->tries_losses + volley->tries_losses / 8) {
        volley->tries_answers = answers;
        volley->tries_losses = losses;
        volley->tries = loss_tries(loss, volley->options.retries + 1);
    }
    return volley->tries;
}

/* The last pass that silence of the host is given: the plan's, more where loss was measured, counted from when it was
 * there, and one more as long as a host that was eased off has new answers to give. Of a host that was never heard each
 * of its ports would have to be lost in each try: where all others gave at least `fewest` answers each, a `fewest`-th
 * of the tries leaves it as unlikely to be missed. */
static uint32_t host_last_pass(struct volley *volley, uint32_t host)
{
    const struct volley_host *entry = &volley->hosts[host];
    const struct slab_host *facts = slab_host(volley->options.slab, host);
    uint32_t plan = volley->options.retries + 1;
    uint32_t tries;
    uint32_t last;

    if (plan == 1) {
        return facts->pass;
    }
    tries = wanted_tries(volley);
    if (!facts->heard && volley->fewest > 1) {
        tries = (tries + volley->fewest - 1) / volley->fewest;
    }
    last = facts->away + (tries > plan ? tries : plan) - 1;
    if (entry->was_eased && entry->round_answers > 0 && last <= facts->pass) {
        last = facts->pass + 1U;
    }
    if (last >= LOSS_PASSES_MAX) {
        last = LOSS_PASSES_MAX - 1;
    }
    return last > facts->pass ? last : facts->pass;
}

/* What reports and checkpoints read: whether each of the host's unanswered probes was tried in its pass. */
static void write_tried(struct volley *volley, uint32_t host)
{
    struct slab *slab = volley->options.slab;
    uint32_t end = slab_host(slab, host + 1)->first_probe;

    for (uint32_t probe = slab_host(slab, host)->first_probe; probe < end; probe++) {
        uint32_t place = slab_answer(slab, probe) == PROBE_NONE ? place_of(volley, probe) : NOWHERE;
        if (place != NOWHERE) {
            slab_set_tried(slab, probe, is_tried_now(volley, host, stamp_at(volley, place)));
        }
    }
}

static void count_limit(struct volley *volley, uint32_t host)
{
    const struct slab_host *facts = slab_host(volley->options.slab, host);
    uint32_t last = host_last_pass(volley, host);

    slab_totals(volley->options.slab)->loss.limits[last > facts->away ? last - facts->away : 0] +=
        facts->counts[PROBE_RST] + facts->counts[PROBE_SYN_ACK];
}

static void leave_stage(struct volley *volley, struct volley_host *entry)
{
    if (entry->stage == HOST_WAITING && entry->wants) {
        volley->wanting--;
    }
    if (entry->stage == HOST_READY) {
        volley->ready--;
    }
}

static void host_finish(struct volley *volley, uint32_t host)
{
    struct volley_host *entry = &volley->hosts[host];
    struct slab_host *facts = slab_host(volley->options.slab, host);

    write_tried(volley, host);
    count_limit(volley, host);
    leave_stage(volley, entry);
    entry->stage = HOST_DONE;
    atomic_store_explicit(&entry->gap_ns, GAP_DONE, memory_order_relaxed);
    timers_clear(volley->timers, host);
    facts->done = true;
    volley->hosts_left--;
    volley->settled += entry->left;
    volley->options.listener.host_done(volley->options.listener.context, host);
}

/* A host that was never heard is given what the slowest of its neighbours took several times over, once enough of them
 * are known; before, as sweep.c, up to the full initial time-out in its last pass. */
static uint64_t time_out_ns(struct volley *volley, const struct slab_host *facts, bool wants)
{
    enum { NEIGHBOURS = 16, TIMES = 3, TIMES_LAST = 6, LEAST_LAST_US = 200000 };
    struct rtt expected = facts->rtt;
    uint64_t slow = (uint64_t)volley->slowest_us * (wants ? TIMES : TIMES_LAST);
    uint64_t least = wants ? RTT_RTO_MIN_US : LEAST_LAST_US;

    if (expected.measured) {
        return expected.rto_us * NS_PER_US;
    }
    if (volley->measured_hosts >= NEIGHBOURS) {
        slow = slow < least ? least : slow;
        return (slow > RTT_RTO_INITIAL_US ? RTT_RTO_INITIAL_US : slow) * NS_PER_US;
    }
    if (wants || volley->options.retries == 0) {
        rtt_init(&expected, &volley->seed);
    }
    return expected.rto_us * NS_PER_US;
}

/* ---- hosts with a ceiling ---- */

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The n-th probe of the host in an order that asks no two neighbours in a row: steps of about the golden section. */
static uint32_t fed_probe(struct volley *volley, uint32_t host, uint32_t n)
{
    uint32_t size = host_size(volley, host);
    uint32_t step = (uint32_t)((uint64_t)size * 618034 / 1000000) | 1;

    while (common_divisor(size, step) != 1) {
        step++;
    }
    return slab_host(volley->options.slab, host)->first_probe + (uint32_t)(((uint64_t)n + 1) * step % size);
}

/* Its next probe that nobody has claimed in this round; false when there is none. */
static bool next_fed(struct volley *volley, uint32_t host, struct feed_item *item)
{
    struct volley_host *entry = &volley->hosts[host];
    uint32_t size = host_size(volley, host);

    while (entry->fed < size) {
        uint32_t probe = fed_probe(volley, host, entry->fed++);
        uint32_t place = place_of(volley, probe);
        uint64_t had = 0;
        if (place != NOWHERE) {
            had = atomic_fetch_and_explicit(&volley->todo[place / WORD_BITS], ~bit_of(place), memory_order_relaxed);
        }
        if (place == NOWHERE || (had & bit_of(place)) == 0) {
            continue;
        }
        if (!is_over(volley, place)) {
            *item = (struct feed_item){.place = place, .probe = probe, .host = host};
            return true;
        }
        volley->own_gone++;
    }
    return false;
}

static void feed_again(struct volley *volley, uint32_t host)
{
    uint64_t early = volley->options.host_rate.tolerance_ns + FEED_AHEAD_NS;
    uint64_t due = volley->hosts[host].due_ns;

    timers_set(volley->timers, host, (struct mono_time){due > early ? due - early : 0});
}

/* False when the senders are too far behind to be handed more. */
static bool feed_host(struct volley *volley, uint32_t host, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];
    uint64_t tolerance = volley->options.host_rate.tolerance_ns;
    struct feed_item item;
    uint16_t *fed;
    uint64_t slot;
    uint64_t leaves = entry->due_ns > tolerance ? entry->due_ns - tolerance : 0;

    if (now.ns > TICK_NS && feed_due_ns(volley->feed) < now.ns - TICK_NS) {
        return false;
    }
    if (!next_fed(volley, host, &item)) {
        timers_clear(volley->timers, host);
        return true;
    }
    item.not_before_ns = leaves > now.ns ? leaves : now.ns;
    if (!feed_put(volley->feed, &item)) {
        entry->fed--;
        atomic_fetch_or_explicit(&volley->todo[item.place / WORD_BITS], bit_of(item.place), memory_order_relaxed);
        return false;
    }
    entry->due_ns = (entry->due_ns > item.not_before_ns ? entry->due_ns : item.not_before_ns) + entry->limit_ns;
    slot = now_us(volley, (struct mono_time){item.not_before_ns}) >> SLOTS_US_SHIFT;
    fed = &entry->window_fed[slot >= volley->cut ? volley->cut_parity ^ 1 : volley->cut_parity];
    *fed = (uint16_t)(*fed + (*fed < UINT16_MAX ? 1 : 0));
    feed_again(volley, host);
    return true;
}

static void set_limit(struct volley *volley, uint32_t host, uint64_t limit_ns, struct mono_time now)
{
    enum { LIMIT_LEAST_NS = 10000, LIMIT_MOST_NS = 500000000 };
    static const uint64_t REST_NS = UINT64_C(20) * 1000 * 1000 * 1000;
    struct volley_host *entry = &volley->hosts[host];
    uint64_t most = entry->left > 0 ? REST_NS / entry->left : LIMIT_MOST_NS;
    bool fresh = entry->limit_ns == 0;

    /* However slow: what is left of a pass ends within 20 s. */
    limit_ns = limit_ns < most ? limit_ns : most;
    limit_ns = limit_ns < LIMIT_MOST_NS ? limit_ns : LIMIT_MOST_NS;
    limit_ns = limit_ns > LIMIT_LEAST_NS ? limit_ns : LIMIT_LEAST_NS;
    if (limit_ns < volley->options.host_rate.interval_ns) {
        limit_ns = volley->options.host_rate.interval_ns;
    }
    entry->limit_ns = (uint32_t)(limit_ns < GAP_OUT ? limit_ns : GAP_OUT - 1);
    if (entry->stage != HOST_ASKED) {
        return;
    }
    atomic_store_explicit(&entry->gap_ns, entry->limit_ns, memory_order_relaxed);
    atomic_store_explicit(&volley->watched, true, memory_order_relaxed);
    if (fresh && volley->sending) {
        entry->fed = 0;
        entry->due_ns = now.ns + entry->limit_ns;
        feed_again(volley, host);
    }
}

static void host_ease(struct volley *volley, uint32_t host, uint64_t limit_ns, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];

    set_limit(volley, host, limit_ns, now);
    if (!entry->was_eased) {
        entry->was_eased = true;
        volley->options.listener.host_eased(volley->options.listener.context, host);
    }
}

/* ---- what windows show of hosts ---- */

/* Chernoff's bound for a Poisson tail: -ln P(X <= got) or, above the mean, -ln P(X >= got). */
static double surprise(double expected, double got)
{
    if (expected <= 0) {
        return got > 0 ? INFINITY : 0;
    }
    return expected - got + (got > 0 ? got * log(got / expected) : 0);
}

static const double SURPRISED = 12;
enum { JUDGED_ANSWERS = 8 };

struct host_window {
    double got;   /* of the host at hand: answers, */
    double asked; /* and about how many probes left to it */
    double sent;  /* in the window, to all hosts */
    double sent_before;
    double answered;
    double answered_before;
    double span_ns;
};

/* How the answers of all the others did in the window, 1 for as well as before: what the network loses is not the
 * host's doing. */
static double others_share(const struct host_window *window, double before)
{
    enum { OTHERS_LEAST = 50 };
    double expected = (window->answered_before - before) * window->sent / window->sent_before;

    if (window->answered_before - before < OTHERS_LEAST || expected <= 0) {
        return 1;
    }
    return fmin(1, (window->answered - window->got) / expected);
}

/* How many probes left to the host in the window: where nothing holds it back, its share of all. */
static double host_sent(const struct volley *volley, uint32_t host, const struct host_window *window, uint32_t fed)
{
    if (volley->hosts[host].limit_ns > 0) {
        return fed;
    }
    return window->sent * host_size(volley, host) / slab_probes(volley->options.slab);
}

/* Whether it may be asked faster again, or must be asked still more gently. */
static void judge_eased(struct volley *volley, uint32_t host, const struct host_window *window, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];
    double expected = entry->answered / fmax(1, entry->asked) * window->asked;

    if (window->asked >= JUDGED_ANSWERS && expected >= 1 && window->got >= 0.7 * expected) {
        set_limit(volley, host, entry->limit_ns / 2, now);
    } else if (window->got < expected / 2 && surprise(expected, window->got) > SURPRISED) {
        set_limit(volley, host, 2 * (uint64_t)entry->limit_ns, now);
    }
}

/* A queue that fills up before the host. When all take longer it is this machine, or the way that they share. */
static bool is_slow(const struct volley *volley, uint32_t host)
{
    enum { SLOW_US = 50000, TIMES = 4 };
    const struct volley_host *entry = &volley->hosts[host];
    const struct rtt *rtt = &slab_host(volley->options.slab, host)->rtt;
    uint64_t more = rtt->srtt_us - entry->least_srtt_us;
    uint64_t all_more = volley->seed.srtt_us - volley->least_seed_us;

    if (!rtt->measured || entry->least_srtt_us == 0 || rtt->srtt_us <= entry->least_srtt_us) {
        return false;
    }
    if (volley->measured_hosts > 1 && volley->seed.srtt_us > volley->least_seed_us && more < TIMES * all_more) {
        return false;
    }
    return more > (TIMES - 1) * (uint64_t)entry->least_srtt_us + SLOW_US;
}

static void judge_host(struct volley *volley, uint32_t host, const struct host_window *window, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];
    struct rtt *rtt = &slab_host(volley->options.slab, host)->rtt;
    /* What it answered so far is itself a draw: its share is taken at the lower end of what that leaves open. */
    double least = fmax(0, 1 - 2.5 / sqrt((double)entry->answered));
    double since = window->got > 0 ? window->asked / entry->asked
                                   : (entry->asked + window->asked - entry->answered_at) / entry->answered_at;
    double expected = entry->answered * least * since * others_share(window, entry->answered);
    double pace_ns = window->span_ns / fmax(1, window->asked);

    if (window->got <= 0 && expected > SURPRISED) {
        rtt_back_off(rtt);
        host_ease(volley, host, (uint64_t)(8 * pace_ns), now);
    } else if (window->got > 0 && window->got < expected / 2 && surprise(expected, window->got) > SURPRISED) {
        host_ease(volley, host, (uint64_t)(2 * pace_ns * expected / window->got), now);
    } else if (is_slow(volley, host)) {
        host_ease(volley, host, (uint64_t)(2 * pace_ns), now);
    }
}

static void look_at_host(struct volley *volley, uint32_t host, struct host_window *window, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];
    const struct rtt *rtt = &slab_host(volley->options.slab, host)->rtt;

    window->got = entry->window_answers[volley->cut_parity];
    window->asked = host_sent(volley, host, window, entry->window_fed[volley->cut_parity]);
    if ((entry->stage != HOST_ASKED && entry->stage != HOST_WAITING) || window->asked <= 0) {
        return;
    }
    if (entry->was_eased) {
        judge_eased(volley, host, window, now);
        return;
    }
    if (entry->answered >= JUDGED_ANSWERS && entry->left > 0) {
        judge_host(volley, host, window, now);
    }
    if (rtt->measured && (entry->least_srtt_us == 0 || rtt->srtt_us < entry->least_srtt_us)) {
        entry->least_srtt_us = rtt->srtt_us;
    }
    entry->asked += (float)window->asked;
    if (window->got > 0) {
        entry->answered += (float)window->got;
        entry->answered_at = entry->asked;
    }
}

static void judge_hosts(struct volley *volley, struct mono_time now)
{
    uint32_t parity = volley->cut_parity;
    struct host_window window = {
        .sent = (double)(volley->heard_sent - volley->cut_sent),
        .sent_before = (double)volley->cut_sent,
        .answered = (double)(volley->heard_answered - volley->cut_answered),
        .answered_before = (double)volley->cut_answered,
        .span_ns = (double)((volley->cut - volley->cut_from) << SLOTS_US_SHIFT) * (double)NS_PER_US,
    };

    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        if (window.sent > 0) {
            look_at_host(volley, host, &window, now);
        }
        volley->hosts[host].window_answers[parity] = 0;
        volley->hosts[host].window_fed[parity] = 0;
    }
}

/* A host that gave many of its answers only to later tries, where others did not, was asked too fast. */
static void judge_later(struct volley *volley, struct mono_time now)
{
    const struct loss_counts *loss = &slab_totals(volley->options.slab)->loss;
    double first = (double)loss->answers[0];
    double later = 0;

    for (uint32_t pass = 1; pass < LOSS_PASSES_MAX; pass++) {
        later += (double)loss->answers[pass];
    }
    for (uint32_t host = 0; host < slab_hosts(volley->options.slab) && later > 0; host++) {
        struct volley_host *entry = &volley->hosts[host];
        const struct slab_host *facts = slab_host(volley->options.slab, host);
        double all = facts->counts[PROBE_RST] + facts->counts[PROBE_SYN_ACK];
        double others = (later - entry->late) / fmax(1, first + later - all);
        double expected = fmax(1, others * all);
        if (entry->stage != HOST_DONE && !entry->was_eased && entry->late >= JUDGED_ANSWERS &&
            entry->late > 2 * expected && surprise(expected, entry->late) > SURPRISED) {
            host_ease(volley, host, 2 * volley->first_round_ns / host_size(volley, host), now);
        }
    }
}

/* The pace of a host that was eased off, for its next round: that of the answers that it gave in this one. */
static void judge_round(struct volley *volley, uint32_t host, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];
    uint64_t limit_ns = entry->limit_ns;

    if (entry->round_answers == 0) {
        set_limit(volley, host, 2 * limit_ns, now);
    } else if (entry->round_answers >= entry->round_left / 4 * 3) {
        set_limit(volley, host, limit_ns / 4 * 3, now);
    } else if (limit_ns < volley->round_ns / entry->round_answers) {
        set_limit(volley, host, volley->round_ns / entry->round_answers, now);
    }
}

/* ---- windows of the rate ---- */

static uint64_t settle_us(const struct volley *volley)
{
    enum { SETTLE_UNKNOWN_US = 200000, SETTLE_LEAST_US = 1000 };
    uint64_t settle = volley->seed.srtt_us + 4 * (uint64_t)volley->seed.rttvar_us + SETTLE_LEAST_US;

    return volley->seed.measured ? settle : SETTLE_UNKNOWN_US;
}

static void cut_hosts(struct volley *volley, uint64_t slot, struct mono_time now)
{
    enum { HOST_WINDOW_SLOTS = 32 };
    uint64_t length = (volley->cut - volley->cut_from) * 2;

    length = length < HOST_WINDOW_SLOTS ? length : HOST_WINDOW_SLOTS;
    judge_hosts(volley, now);
    if (volley->seed.measured && (volley->least_seed_us == 0 || volley->seed.srtt_us < volley->least_seed_us)) {
        volley->least_seed_us = volley->seed.srtt_us;
    }
    volley->cut_sent = volley->heard_sent;
    volley->cut_answered = volley->heard_answered;
    volley->cut_from = volley->cut;
    volley->cut = slot + 1 > volley->cut + length ? slot + 1 : volley->cut + length;
    volley->cut_parity ^= 1;
}

static void hear_window(struct volley *volley, const struct rate_window *window, uint64_t slots, struct mono_time now)
{
    slots_take(volley->slots, slots);
    volley->heard_sent += window->sent;
    volley->heard_answered += window->answered;
    if (window->aimed_pps != 0) {
        rate_hear_window(volley->options.rate, window, now);
    }
}

static uint64_t window_slots(const struct volley *volley)
{
    uint64_t slots = (volley->seed.srtt_us + volley->seed.srtt_us / 2) >> SLOTS_US_SHIFT;

    return slots < 2 ? 2 : slots > SLOTS_KEPT / 4 ? SLOTS_KEPT / 4 : slots;
}

/* A window counts when answers to it have had their time; one that looks like loss is waited for a little longer. */
static void hear_windows(struct volley *volley, struct mono_time now)
{
    uint64_t slot = now_us(volley, now) >> SLOTS_US_SHIFT;
    uint64_t late = settle_us(volley) >> SLOTS_US_SHIFT;
    uint64_t patience = (settle_us(volley) + PATIENCE_US) >> SLOTS_US_SHIFT;
    uint64_t end = slot > late ? slot - late : 0;

    while (slots_next(volley->slots) < end) {
        uint64_t stop = end < volley->cut ? end : volley->cut;
        struct slots_sum sum;
        struct rate_window window;
        if ((slots_next(volley->slots) + window_slots(volley) > stop && stop != volley->cut) ||
            !slots_peek(volley->slots, window_slots(volley), stop, &sum)) {
            break;
        }
        window = (struct rate_window){.sent = sum.sent,
                                      .answered = sum.answered,
                                      .span_ns = (sum.slots << SLOTS_US_SHIFT) * NS_PER_US,
                                      .aimed_pps = sum.aimed_pps};
        if (rate_doubts(volley->options.rate, &window) && slots_next(volley->slots) + sum.slots + patience > slot) {
            break;
        }
        hear_window(volley, &window, sum.slots, now);
        if (slots_next(volley->slots) >= volley->cut) {
            cut_hosts(volley, slot, now);
        }
    }
}

static void hear_refusals(struct volley *volley, struct mono_time now)
{
    uint64_t refused = 0;

    for (uint32_t i = 0; i < volley->options.senders; i++) {
        refused += atomic_load_explicit(&volley->senders[i].refused, memory_order_relaxed);
    }
    rate_hear_lost_here(volley->options.rate, refused - volley->refused_seen, now);
    volley->refused_seen = refused;
}

static void note_aim(struct volley *volley, struct mono_time now)
{
    uint64_t pps = rate_pps(volley->options.rate);

    slots_aim(volley->slots, now_us(volley, now), volley->aimed_pps, pps);
    volley->aimed_pps = pps;
}

/* ---- rounds ---- */

static uint64_t valid_bits(const struct volley *volley, uint32_t word)
{
    uint32_t rest = volley->places - word * WORD_BITS;

    return rest >= WORD_BITS ? UINT64_MAX : (UINT64_C(1) << rest) - 1;
}

/* Of a slab that was worked before, what was tried in the pass at hand stood as over. */
static void forget_tried(struct volley *volley)
{
    for (uint32_t place = 0; place < volley->places; place++) {
        if (slab_answer(volley->options.slab, probe_at(volley, place)) == PROBE_NONE) {
            atomic_fetch_and_explicit(&volley->over[place / WORD_BITS], ~bit_of(place), memory_order_relaxed);
        }
    }
    volley->resumed = false;
}

static void fill_round(struct volley *volley)
{
    volley->round_total = 0;
    for (uint32_t word = 0; word < volley->words; word++) {
        uint64_t bits = ~atomic_load_explicit(&volley->over[word], memory_order_relaxed) & valid_bits(volley, word);
        atomic_store_explicit(&volley->todo[word], bits, memory_order_relaxed);
        volley->round_total += (uint64_t)__builtin_popcountll(bits);
    }
}

/* Hands the round to the senders; hosts with a ceiling are fed. Where all have one, the senders' walk has something to
 * do only when there are places of hosts that take no part. */
static void open_round(struct volley *volley, struct mono_time now)
{
    bool all_fed =
        volley->options.host_rate.interval_ns > 0 && atomic_load_explicit(&volley->round, memory_order_relaxed) == 1;

    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        struct volley_host *entry = &volley->hosts[host];
        uint32_t gap = entry->stage == HOST_ASKED ? entry->limit_ns : entry->stage == HOST_DONE ? GAP_DONE : GAP_OUT;
        if (entry->stage == HOST_ASKED) {
            entry->round_left = entry->left;
            entry->round_answers = 0;
        }
        atomic_store_explicit(&entry->gap_ns, gap, memory_order_relaxed);
        if (entry->stage == HOST_ASKED && gap > 0) {
            entry->fed = 0;
            entry->due_ns = entry->due_ns > now.ns ? entry->due_ns : now.ns;
            feed_again(volley, host);
        }
    }
    volley->round_gone = sum_gone(volley);
    volley->rescan_ns = now.ns;
    volley->round_ns = now.ns;
    volley->sending = true;
    fill_round(volley);
    atomic_store_explicit(&volley->cursor, all_fed ? volley->words : 0, memory_order_release);
}

/* Stamps tell this round from the one before by a bit: a host that left one out has them turned. */
static void turn_stamps(struct volley *volley, uint32_t host)
{
    const struct slab *slab = volley->options.slab;
    uint32_t first = slab_host(volley->options.slab, host)->first_probe;

    for (uint32_t probe = first; probe < first + host_size(volley, host); probe++) {
        uint32_t place = slab_answer(slab, probe) == PROBE_NONE ? place_of(volley, probe) : NOWHERE;
        if (place != NOWHERE) {
            atomic_fetch_xor_explicit(&volley->sent[place], 1, memory_order_relaxed);
        }
    }
}

static void begin_round(struct volley *volley, struct mono_time now)
{
    uint32_t round = atomic_load_explicit(&volley->round, memory_order_relaxed);

    if (volley->resumed) {
        forget_tried(volley);
    }
    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        struct volley_host *entry = &volley->hosts[host];
        if (entry->stage == HOST_READY) {
            if ((entry->round & 1) == ((round + 1) & 1)) {
                turn_stamps(volley, host);
            }
            entry->stage = HOST_ASKED;
            entry->round = (uint8_t)(round + 1);
            slab_host(volley->options.slab, host)->pass++;
            atomic_store_explicit(&entry->pass, slab_host(volley->options.slab, host)->pass, memory_order_relaxed);
        }
    }
    volley->ready = 0;
    atomic_store_explicit(&volley->round, round + 1, memory_order_relaxed);
    atomic_store_explicit(&volley->watched, true, memory_order_relaxed);
    open_round(volley, now);
}

static void find_fewest(struct volley *volley)
{
    volley->fewest = 0;
    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        const struct slab_host *facts = slab_host(volley->options.slab, host);
        uint32_t answers = facts->counts[PROBE_RST] + facts->counts[PROBE_SYN_ACK];
        if (answers > 0 && (volley->fewest == 0 || answers < volley->fewest)) {
            volley->fewest = answers;
        }
    }
}

/* All of the round has left: each host's time-out begins. */
static void end_round(struct volley *volley, struct mono_time now)
{
    volley->sending = false;
    volley->round_ns = now.ns - volley->round_ns;
    if (atomic_load_explicit(&volley->round, memory_order_relaxed) == 1) {
        volley->first_round_ns = now.ns - volley->begun_ns;
    } else {
        judge_later(volley, now);
    }
    find_fewest(volley);
    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        struct volley_host *entry = &volley->hosts[host];
        const struct slab_host *facts = slab_host(volley->options.slab, host);
        if (entry->stage != HOST_ASKED) {
            continue;
        }
        entry->stage = HOST_WAITING;
        entry->wants = facts->pass < host_last_pass(volley, host);
        volley->wanting += entry->wants ? 1 : 0;
        timers_set(volley->timers, host, mono_add_ns(now, time_out_ns(volley, facts, entry->wants)));
    }
}

static void host_time_out(struct volley *volley, uint32_t host, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];
    const struct slab_host *facts = slab_host(volley->options.slab, host);

    timers_clear(volley->timers, host);
    if (facts->pass >= host_last_pass(volley, host)) {
        host_finish(volley, host);
        return;
    }
    if (entry->was_eased) {
        judge_round(volley, host, now);
    }
    leave_stage(volley, entry);
    entry->stage = HOST_READY;
    volley->ready++;
}

static void expire(struct volley *volley, struct mono_time now)
{
    struct mono_time deadline;
    uint32_t host;

    if (now.ns < volley->feed_pause_ns) {
        return;
    }
    while (timers_first(volley->timers, &host, &deadline) && deadline.ns <= now.ns) {
        if (volley->hosts[host].stage == HOST_WAITING) {
            host_time_out(volley, host, now);
        } else if (!feed_host(volley, host, now)) {
            volley->feed_pause_ns = now.ns + TICK_NS;
            return;
        }
    }
}

/* Of a host that was eased off in the middle of a round, a sender may have left a place behind after it was looked at:
 * whoever has a ceiling is looked through once more when nothing else remains. */
static void rescan(struct volley *volley, struct mono_time now)
{
    struct mono_time deadline;
    uint32_t host;

    if (timers_first(volley->timers, &host, &deadline) && volley->hosts[host].stage == HOST_ASKED) {
        volley->rescan_ns = now.ns;
    }
    if (atomic_load_explicit(&volley->cursor, memory_order_relaxed) < volley->words ||
        feed_due_ns(volley->feed) != UINT64_MAX || now.ns < volley->rescan_ns + RESCAN_NS) {
        return;
    }
    volley->rescan_ns = now.ns;
    for (host = 0; host < slab_hosts(volley->options.slab); host++) {
        struct volley_host *entry = &volley->hosts[host];
        if (entry->stage == HOST_ASKED && entry->limit_ns > 0) {
            entry->fed = 0;
            feed_again(volley, host);
        }
    }
}

static void start(struct volley *volley, struct mono_time now)
{
    volley->started = true;
    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        if (volley->hosts[host].stage != HOST_DONE && volley->hosts[host].left == 0) {
            host_finish(volley, host);
        }
    }
    open_round(volley, now);
}

static bool is_round_due(const struct volley *volley)
{
    return !volley->sending && volley->wanting == 0 && volley->ready > 0;
}

static void count_sent(struct volley *volley)
{
    uint64_t sum = volley->sent_before;

    for (uint32_t i = 0; i < volley->options.senders; i++) {
        sum += atomic_load_explicit(&volley->senders[i].sent, memory_order_relaxed);
    }
    slab_totals(volley->options.slab)->sent = sum;
}

void volley_tick(struct volley *volley, struct mono_time now)
{
    volley->tick_ns = now.ns;
    count_sent(volley);
    if (atomic_load_explicit(&volley->stopping, memory_order_relaxed)) {
        if (volley->stop_ns == 0) {
            uint64_t wait = volley->seed.measured ? volley->seed.rto_us : RTT_RTO_INITIAL_US;
            volley->stop_ns = now.ns + wait * NS_PER_US;
        }
        volley->rested = now.ns >= volley->stop_ns;
        return;
    }
    if (!volley->started) {
        start(volley, now);
    }
    hear_refusals(volley, now);
    if (atomic_load_explicit(&volley->round, memory_order_relaxed) == 1) {
        hear_windows(volley, now);
    }
    note_aim(volley, now);
    expire(volley, now);
    if (volley->sending && sum_gone(volley) - volley->round_gone == volley->round_total) {
        end_round(volley, now);
    } else if (volley->sending) {
        rescan(volley, now);
    }
    if (is_round_due(volley)) {
        begin_round(volley, now);
    }
}

/* Whether what the first round brought is still to be judged. */
static bool has_windows(const struct volley *volley)
{
    return atomic_load_explicit(&volley->round, memory_order_relaxed) == 1 && volley->cut_sent < volley->round_total;
}

struct mono_time volley_wakeup(const struct volley *volley)
{
    struct mono_time wakeup = {.ns = UINT64_MAX};
    uint32_t host;

    if (atomic_load_explicit(&volley->stopping, memory_order_relaxed)) {
        return (struct mono_time){volley->stop_ns};
    }
    if (!volley->started || is_round_due(volley)) {
        return (struct mono_time){0};
    }
    (void)timers_first(volley->timers, &host, &wakeup);
    if (wakeup.ns < volley->feed_pause_ns) {
        wakeup.ns = volley->feed_pause_ns;
    }
    if ((volley->sending || has_windows(volley)) && wakeup.ns > volley->tick_ns + TICK_NS) {
        wakeup.ns = volley->tick_ns + TICK_NS;
    }
    return wakeup;
}

/* ---- answers ---- */

/* As sweep.c: what was over before the host's first answer went to a host that may not have been there. */
static void host_first_answer(struct volley *volley, uint32_t host, uint32_t answered, struct mono_time now)
{
    struct slab *slab = volley->options.slab;
    const struct slab_host *facts = slab_host(slab, host);
    uint32_t end = slab_host(slab, host + 1)->first_probe;

    if (facts->counts[PROBE_RST] + facts->counts[PROBE_SYN_ACK] > 0 ||
        (facts->pass == 0 && now.ns - volley->begun_ns <= facts->rtt.rto_us * NS_PER_US)) {
        return;
    }
    for (uint32_t probe = facts->first_probe; probe < end; probe++) {
        uint32_t place;
        uint32_t stamp;
        int64_t age;
        bool over;
        if (probe == answered || slab_answer(slab, probe) != PROBE_NONE ||
            (place = place_of(volley, probe)) == NOWHERE) {
            continue;
        }
        stamp = stamp_at(volley, place);
        age = age_us(volley, stamp, now);
        over = is_tried_now(volley, host, stamp) && (age < 0 || age > facts->rtt.rto_us);
        slab_set_away(slab, probe, facts->pass + (over ? 1U : 0U));
    }
}

static void measure(struct volley *volley, uint32_t host, uint32_t rtt_us)
{
    struct volley_host *entry = &volley->hosts[host];
    struct rtt *rtt = &slab_host(volley->options.slab, host)->rtt;
    uint32_t slow;

    volley->measured_hosts += rtt->measured ? 0 : 1;
    rtt_sample(rtt, rtt_us);
    rtt_sample(&volley->seed, rtt_us);
    slow = rtt->srtt_us + 4 * rtt->rttvar_us;
    volley->slowest_us = slow > volley->slowest_us ? slow : volley->slowest_us;
    if (entry->least_rtt_us == 0 || rtt_us < entry->least_rtt_us) {
        entry->least_rtt_us = rtt_us > 0 ? rtt_us : 1;
    }
}

static void tell_open(struct volley *volley, uint32_t probe, uint32_t host, int64_t rtt_us)
{
    struct sweep_found found = {
        .probe = probe,
        .host = host,
        .tries = slab_tries(volley->options.slab, probe),
        .has_rtt = rtt_us >= 0,
        .rtt_us = rtt_us >= 0 ? (uint32_t)rtt_us : 0,
    };

    volley->options.listener.found_open(volley->options.listener.context, &found);
}

/* For the windows: what the first round brought. */
static void count_answer(struct volley *volley, uint32_t host, int64_t age, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];
    uint64_t sent_us = now_us(volley, now) - (age > 0 ? (uint64_t)age : 0);
    uint32_t parity = sent_us >> SLOTS_US_SHIFT >= volley->cut ? volley->cut_parity ^ 1 : volley->cut_parity;

    slots_answered(volley->slots, sent_us);
    if (sent_us >> SLOTS_US_SHIFT >= volley->cut_from && entry->window_answers[parity] < UINT16_MAX) {
        entry->window_answers[parity]++;
    }
}

/* Which try an answer belongs to, and how long it took. */
struct landing {
    uint32_t host;
    uint32_t place;
    uint32_t tries; /* from 1; 0: none that this process knows of */
    int64_t age_us; /* of the first round's try that it answers; else -1 */
    int64_t rtt_us; /* -1 when it is not known */
};

/* An answer that names no try belongs to the latest, unless it came sooner than the host ever answered; then nothing is
 * measured but first tries (Karn's rule, RFC 6298 section 3). The stamp is the latest try's. */
static struct landing land(const struct volley *volley, const struct sweep_answer *answer, uint32_t host,
                           uint32_t place, struct mono_time now)
{
    const struct slab_host *facts = slab_host(volley->options.slab, host);
    uint32_t stamp = stamp_at(volley, place);
    uint32_t latest = facts->pass + (is_tried_now(volley, host, stamp) ? 1U : 0U);
    int64_t age = age_us(volley, stamp, now);
    struct landing landing = {.host = host, .place = place, .tries = latest, .age_us = age, .rtt_us = -1};

    if (answer->names_try) {
        landing.tries = answer->try_number < latest ? answer->try_number + 1U : latest;
        landing.rtt_us = answer->try_number + 1U == latest ? age : -1;
    } else if (latest > 1 && age >= 0 && age < volley->hosts[host].least_rtt_us / 2) {
        landing.tries = latest - 1;
    } else if (latest == 1) {
        landing.rtt_us = age;
    }
    if (landing.tries < latest || atomic_load_explicit(&volley->round, memory_order_relaxed) != 1) {
        landing.age_us = -1;
    }
    return landing;
}

static void upgrade(struct volley *volley, const struct sweep_answer *answer, const struct landing *landing,
                    struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[landing->host];
    struct slab *slab = volley->options.slab;
    enum probe_answer before = slab_answer(slab, answer->probe);

    if (!slab_upgrade_try(slab, answer->probe, answer->answer, answer->reason, landing->tries)) {
        return;
    }
    if (before == PROBE_NONE) {
        set_over(volley, landing->place);
        entry->left--;
        entry->round_answers++;
        volley->settled++;
    }
    if (before < PROBE_RST && answer->answer >= PROBE_RST) {
        entry->late += landing->tries > 1 ? 1 : 0;
        if (landing->age_us >= 0) {
            count_answer(volley, landing->host, landing->age_us, now);
        }
    }
    if (answer->answer == PROBE_SYN_ACK) {
        tell_open(volley, answer->probe, landing->host, before == PROBE_NONE ? landing->rtt_us : -1);
    }
}

void volley_take(struct volley *volley, const struct sweep_answer *answer, struct mono_time now)
{
    struct slab *slab = volley->options.slab;
    uint32_t host = slab_host_of(slab, answer->probe);
    struct slab_host *facts = slab_host(slab, host);
    enum probe_answer before = slab_answer(slab, answer->probe);
    struct landing landing;
    uint32_t place;

    if (facts->done || !volley->started) {
        return;
    }
    place = place_of(volley, answer->probe);
    if (place == NOWHERE || stamp_at(volley, place) == 0) {
        return;
    }
    landing = land(volley, answer, host, place, now);
    if (answer->from_host && landing.rtt_us >= 0 && before == PROBE_NONE) {
        measure(volley, host, landing.rtt_us < RTT_RTO_MAX_US ? (uint32_t)landing.rtt_us : RTT_RTO_MAX_US);
    }
    facts->heard |= answer->from_host;
    facts->last_answer_ms = now.ns / NS_PER_MS;
    if (answer->answer <= before) {
        return;
    }
    if (answer->answer >= PROBE_RST) {
        host_first_answer(volley, host, answer->probe, now);
    }
    upgrade(volley, answer, &landing, now);
    if (volley->hosts[host].left == 0) {
        host_finish(volley, host);
    }
}

void volley_lost_here(struct volley *volley, uint64_t packets, struct mono_time now)
{
    rate_hear_lost_here(volley->options.rate, packets, now);
    note_aim(volley, now);
}

/* ---- its life ---- */

void volley_stop(struct volley *volley)
{
    atomic_store_explicit(&volley->stopping, true, memory_order_relaxed);
}

bool volley_is_done(const struct volley *volley)
{
    return volley->hosts_left == 0 || volley->rested;
}

bool volley_is_complete(const struct volley *volley)
{
    return volley->hosts_left == 0;
}

uint64_t volley_settled(const struct volley *volley)
{
    return volley->settled;
}

void volley_suspend(struct volley *volley)
{
    count_sent(volley);
    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        if (volley->hosts[host].stage != HOST_DONE) {
            write_tried(volley, host);
        }
    }
}

/* What a slab that was worked before knows of the probe, or that its host is not to be asked at all. */
static void restore_probe(struct volley *volley, uint32_t host, uint32_t probe)
{
    const struct slab *slab = volley->options.slab;
    const struct slab_host *facts = slab_host(volley->options.slab, host);
    uint32_t place = place_of(volley, probe);
    bool answered = slab_answer(slab, probe) != PROBE_NONE;
    bool tried = slab_tried(slab, probe);

    if (place == NOWHERE) {
        return;
    }
    if (answered || facts->done) {
        volley->settled++;
        volley->hosts[host].left--;
    }
    if (answered || facts->done || tried) {
        set_over(volley, place);
    }
    if (answered || tried) {
        atomic_store_explicit(&volley->sent[place], STAMP_UNKNOWN_US << 1 | 1, memory_order_relaxed);
    } else if (facts->pass > 0) {
        atomic_store_explicit(&volley->sent[place], STAMP_UNKNOWN_US << 1, memory_order_relaxed);
    }
}

static void restore_host(struct volley *volley, uint32_t host)
{
    uint32_t first = slab_host(volley->options.slab, host)->first_probe;

    for (uint32_t probe = first; probe < first + host_size(volley, host); probe++) {
        restore_probe(volley, host, probe);
    }
}

static void count_left(struct volley *volley)
{
    if (volley->options.shard_count > 1) {
        for (uint32_t place = 0; place < volley->places; place++) {
            volley->hosts[slab_host_of(volley->options.slab, probe_at(volley, place))].left++;
        }
        return;
    }
    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        volley->hosts[host].left = host_size(volley, host);
    }
}

static void hosts_init(struct volley *volley)
{
    struct slab *slab = volley->options.slab;
    bool some_done = false;

    count_left(volley);
    for (uint32_t host = 0; host < slab_hosts(slab); host++) {
        struct volley_host *entry = &volley->hosts[host];
        const struct slab_host *facts = slab_host(slab, host);
        entry->stage = facts->done ? HOST_DONE : HOST_ASKED;
        entry->round = 1;
        entry->limit_ns = (uint32_t)volley->options.host_rate.interval_ns;
        atomic_store_explicit(&entry->pass, facts->pass, memory_order_relaxed);
        volley->hosts_left += facts->done ? 0 : 1;
        volley->measured_hosts += facts->rtt.measured ? 1 : 0;
        some_done |= facts->done;
    }
    volley->resumed = slab_totals(slab)->sent > 0;
    for (uint32_t host = 0; host < slab_hosts(slab); host++) {
        if (volley->resumed || slab_host(slab, host)->done) {
            restore_host(volley, host);
        }
    }
    atomic_store_explicit(&volley->watched, volley->resumed || some_done, memory_order_relaxed);
}

static bool allocate(struct volley *volley)
{
    volley->words = volley->places / WORD_BITS + (volley->places % WORD_BITS != 0 ? 1 : 0);
    volley->sent = calloc((size_t)volley->places + 1, sizeof(*volley->sent));
    volley->todo = calloc((size_t)volley->words + 1, sizeof(*volley->todo));
    volley->over = calloc((size_t)volley->words + 1, sizeof(*volley->over));
    volley->hosts = calloc((size_t)slab_hosts(volley->options.slab) + 1, sizeof(*volley->hosts));
    volley->senders = calloc(volley->options.senders, sizeof(*volley->senders));
    volley->feed = feed_create();
    volley->slots = slots_create(volley->options.senders);
    volley->timers = timers_create(slab_hosts(volley->options.slab));
    return volley->sent != NULL && volley->todo != NULL && volley->over != NULL && volley->hosts != NULL &&
           volley->senders != NULL && volley->feed != NULL && volley->slots != NULL && volley->timers != NULL;
}

int volley_create(const struct volley_options *options, struct mono_time now, struct volley **ret_volley)
{
    struct volley *volley = calloc(1, sizeof(*volley));
    uint64_t probes = slab_probes(options->slab);

    assert(options->shard_count >= 1 && options->shard_index < options->shard_count && options->senders >= 1);
    assert(options->retries < LOSS_PASSES_MAX && options->order->count == probes);
    assert(options->host_rate.interval_ns < GAP_OUT);
    if (volley == NULL) {
        return -ENOMEM;
    }
    volley->options = *options;
    volley->begun_ns = now.ns;
    if (probes > options->shard_index) {
        volley->places = (uint32_t)((probes - options->shard_index - 1) / options->shard_count + 1);
    }
    if (!allocate(volley)) {
        volley_destroy(volley);
        return -ENOMEM;
    }
    rtt_init(&volley->seed, NULL);
    volley->sent_before = slab_totals(options->slab)->sent;
    volley->cut = 4;
    hosts_init(volley);
    atomic_store_explicit(&volley->round, 1, memory_order_relaxed);
    atomic_store_explicit(&volley->cursor, volley->words, memory_order_relaxed);
    rate_begin_slab(options->rate, now);
    volley->aimed_pps = rate_pps(options->rate);
    *ret_volley = volley;
    return 0;
}

void volley_destroy(struct volley *volley)
{
    if (volley == NULL) {
        return;
    }
    timers_destroy(volley->timers);
    slots_destroy(volley->slots);
    feed_destroy(volley->feed);
    free(volley->senders);
    free(volley->hosts);
    free(volley->over);
    free(volley->todo);
    free(volley->sent);
    free(volley);
}
