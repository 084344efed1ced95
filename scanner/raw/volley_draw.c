#include "scanner/raw/volley_inner.h"

#include <assert.h>

static uint64_t spacing_ns(uint64_t packets, uint64_t pps)
{
    return (packets * NS_PER_S + pps - 1) / (pps > 0 ? pps : 1);
}

static uint32_t batch_at(uint64_t pps)
{
    uint64_t batch = pps / BATCHES_PER_S;

    return batch < 1 ? 1 : batch > VOLLEY_BATCH ? VOLLEY_BATCH : (uint32_t)batch;
}

/* One bucket for all senders (GCRA, as in pacer.h), a batch at a time; who comes late may make up for two of them, as
 * far as senders are that late: a packet a second is never two. */
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
    slack = slack < SLACK_MOST_NS ? slack : SLACK_MOST_NS;
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

/* Before it leaves: where the target runs on this machine, its answer may be read before send() returns. */
static void stamp(struct volley *volley, const struct sender *me, uint32_t place)
{
    atomic_store_explicit(&volley->sent[place], make_stamp(me->stamp_us, me->parity), memory_order_relaxed);
}

static inline uint32_t probe_near(const struct volley *volley, struct sender *me, uint32_t place)
{
    const struct volley_options *options = &volley->options;
    uint64_t position = options->shard_index + (uint64_t)place * options->shard_count;

    return options->kinds > 0 ? probe_at(volley, place)
                              : (uint32_t)permutation_index_near(options->order, position, &me->row);
}

static uint32_t draw_walk(struct volley *volley, struct sender *me, struct volley_shot *shots, uint32_t room)
{
    uint32_t count = 0;

    for (uint32_t looks = 0; count < room && looks < DRAW_LOOKS && (me->bits != 0 || claim_word(volley, me)); looks++) {
        /* Filled where it stays: a copy would wait for its parts to be stored. */
        struct volley_shot *shot = &shots[count];
        shot->place = me->word * WORD_BITS + (uint32_t)__builtin_ctzll(me->bits);
        me->bits &= me->bits - 1;
        shot->probe = probe_near(volley, me, shot->place);
        shot->try_number = 0;
        if (!me->checks || may_walk(volley, me, shot)) {
            stamp(volley, me, shot->place);
            count++;
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
            stamp(volley, me, item->place);
            shots[count++] = shot_of(volley, item);
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
            stamp(volley, me, item.place);
            shots[count++] = shot_of(volley, &item);
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
