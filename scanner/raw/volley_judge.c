#include "scanner/raw/volley_inner.h"

#include <math.h>
#include <stddef.h>

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
    double slower_us; /* by how much all hosts together answer later than they did at their best, */
    double measured;  /* and how many hosts that are */
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

/* Who gave nothing for so long, however gently it was asked, is gone: what is left is asked as everybody's, so that it
 * does not hold up the slab. When it answers after all it is judged as before, and gets another pass. */
static bool judge_gone(struct volley *volley, uint32_t host, const struct host_window *window, double expected,
                       struct mono_time now)
{
    static const uint64_t GONE_MS = 2000;
    struct volley_host *entry = &volley->hosts[host];
    struct slab_host *facts = slab_host(volley->options.slab, host);

    if (window->got > 0) {
        entry->missing = 0;
        entry->is_gone = false;
        return false;
    }
    entry->missing += (float)expected;
    if (!entry->is_gone && entry->missing > 2 * SURPRISED && now.ns / NS_PER_MS > facts->last_answer_ms + GONE_MS) {
        entry->is_gone = true;
        facts->rtt.rto_us = facts->rtt.rto_us > RTT_RTO_INITIAL_US ? facts->rtt.rto_us : RTT_RTO_INITIAL_US;
        volley_set_limit(volley, host, entry->pace_ns, now);
    }
    return entry->is_gone;
}

/* Whether it may be asked faster again, or must be asked still more gently. */
static void judge_eased(struct volley *volley, uint32_t host, const struct host_window *window, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];
    double expected = entry->answered / fmax(1, entry->asked) * window->asked;

    if (judge_gone(volley, host, window, expected, now)) {
        return;
    }
    if (window->asked >= JUDGED_ANSWERS && expected >= 1 && window->got >= 0.7 * expected) {
        volley_set_limit(volley, host, entry->limit_ns / 2, now);
    } else if (window->got < expected / 2 && surprise(expected, window->got) > SURPRISED) {
        volley_set_limit(volley, host, 2 * (uint64_t)entry->limit_ns, now);
    }
}

static uint32_t slower_us(const struct volley *volley, uint32_t host)
{
    const struct rtt *rtt = &slab_host(volley->options.slab, host)->rtt;
    uint32_t least = volley->hosts[host].least_srtt_us;

    return rtt->measured && least > 0 && rtt->srtt_us > least ? rtt->srtt_us - least : 0;
}

/* A queue that fills up before the host. When the others take longer too it is this machine, which did not read what
 * had come, or the way that they share. */
static bool is_slow(const struct volley *volley, uint32_t host, const struct host_window *window)
{
    enum { SLOW_US = 50000, TIMES = 4 };
    double more = slower_us(volley, host);
    double others = window->measured > 1 ? (window->slower_us - more) / (window->measured - 1) : 0;

    return more > (TIMES - 1) * (double)volley->hosts[host].least_srtt_us + SLOW_US && more >= TIMES * others;
}

static void judge_host(struct volley *volley, uint32_t host, const struct host_window *window, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];
    /* What it answered so far is itself a draw: its share is taken at the lower end of what that leaves open. */
    double least = fmax(0, 1 - 2.5 / sqrt((double)entry->answered));
    double since = window->got > 0 ? window->asked / entry->asked
                                   : (entry->asked + window->asked - entry->answered_at) / entry->answered_at;
    double expected = entry->answered * least * since * others_share(window, entry->answered);
    double pace_ns = window->span_ns / fmax(1, window->asked);

    entry->pace_ns = (uint32_t)fmin(pace_ns, (double)UINT32_MAX);
    if (window->got <= 0 && expected > SURPRISED) {
        volley_ease_host(volley, host, (uint64_t)(8 * pace_ns), now);
    } else if (window->got > 0 && window->got < expected / 2 && surprise(expected, window->got) > SURPRISED) {
        volley_ease_host(volley, host, (uint64_t)(2 * pace_ns * expected / window->got), now);
    } else if (is_slow(volley, host, window)) {
        volley_ease_host(volley, host, (uint64_t)(2 * pace_ns), now);
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
        window.slower_us += slower_us(volley, host);
        window.measured += volley->hosts[host].least_srtt_us > 0 ? 1 : 0;
    }
    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        if (window.sent > 0) {
            look_at_host(volley, host, &window, now);
        }
        volley->hosts[host].window_answers[parity] = 0;
        volley->hosts[host].window_fed[parity] = 0;
    }
}

/* A host that gave many of its answers only to later tries, where others did not, was asked too fast. */
void volley_judge_later(struct volley *volley, struct mono_time now)
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
            entry->pace_ns = (uint32_t)fmin((double)volley->first_round_ns / host_size(volley, host), UINT32_MAX);
            volley_ease_host(volley, host, 2 * (uint64_t)entry->pace_ns, now);
        }
    }
}

/* The pace of a host that was eased off, for its next round: that of the answers that it gave in this one. Where these
 * were none it is gone, or what is left of it is filtered: patience is of no use. */
void volley_judge_round(struct volley *volley, uint32_t host, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];
    uint64_t limit_ns = entry->limit_ns;

    if (entry->round_answers == 0 || entry->is_gone) {
        entry->is_gone = false;
        volley_set_limit(volley, host, entry->pace_ns, now);
    } else if (entry->round_answers >= entry->round_left / 4 * 3) {
        volley_set_limit(volley, host, limit_ns / 4 * 3, now);
    } else if (limit_ns < volley->round_ns / entry->round_answers) {
        volley_set_limit(volley, host, volley->round_ns / entry->round_answers, now);
    }
}

static uint64_t settle_us(const struct volley *volley)
{
    enum { SETTLE_UNKNOWN_US = 200000, SETTLE_LEAST_US = 1000 };
    uint64_t settle = volley->seed.srtt_us + 4 * (uint64_t)volley->seed.rttvar_us + SETTLE_LEAST_US;

    return volley->seed.measured ? settle : SETTLE_UNKNOWN_US;
}

static void cut_hosts(struct volley *volley, uint64_t slot, struct mono_time now)
{
    enum { HOST_WINDOW_SLOTS = 64 };
    uint64_t length = (volley->cut - volley->cut_from) * 2;

    length = length < HOST_WINDOW_SLOTS ? length : HOST_WINDOW_SLOTS;
    judge_hosts(volley, now);
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
void volley_hear_windows(struct volley *volley, struct mono_time heard, struct mono_time now)
{
    uint64_t slot = now_us(volley, heard) >> SLOTS_US_SHIFT;
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
            cut_hosts(volley, now_us(volley, now) >> SLOTS_US_SHIFT, now);
        }
    }
}

void volley_hear_refusals(struct volley *volley, struct mono_time now)
{
    uint64_t refused = 0;

    for (uint32_t i = 0; i < volley->options.senders; i++) {
        refused += atomic_load_explicit(&volley->senders[i].refused, memory_order_relaxed);
    }
    rate_hear_lost_here(volley->options.rate, refused - volley->refused_seen, now);
    volley->refused_seen = refused;
}

void volley_note_aim(struct volley *volley, struct mono_time now)
{
    uint64_t pps = rate_pps(volley->options.rate);

    slots_aim(volley->slots, now_us(volley, now), volley->aimed_pps, pps);
    volley->aimed_pps = pps;
}
