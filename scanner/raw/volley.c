#include "scanner/raw/volley.h"

#include "scanner/raw/volley_inner.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

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
            volley_feed_again(volley, host);
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

/* Between two tries of a place shall lie APART_US, so that one burst of loss does not take both. Sending the next round
 * is part of it. No silence is final before the last pass: what comes later than the next try has left costs a probe.
 */
static uint64_t apart_us(const struct volley *volley, uint64_t next_round)
{
    enum { APART_US = RTT_RTO_MIN_US, LEAST_US = 25000 };
    struct rate_figures figures = rate_figures(volley->options.rate);
    uint64_t next_us = figures.highest_pps > 0 ? next_round * 1000000 / figures.highest_pps : 0;

    return next_us + LEAST_US < APART_US ? APART_US - next_us : LEAST_US;
}

/* Which hosts want another pass; about how many probes that is. */
static uint64_t find_wanting(struct volley *volley)
{
    uint64_t probes = 0;

    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        struct volley_host *entry = &volley->hosts[host];
        if (entry->stage == HOST_ASKED) {
            entry->wants = slab_host(volley->options.slab, host)->pass < volley_last_pass(volley, host);
            volley->wanting += entry->wants ? 1 : 0;
            probes += entry->wants ? entry->left : 0;
        }
    }
    return probes;
}

/* Where one answer of a host is all that is wanted, loss is measured by when hosts were first heard. Those that answer
 * several kinds of questions are hardly ever lost and make it look small; so as long as a later try still finds
 * somebody, some more follow. */
static void find_heard(struct volley *volley)
{
    enum { TRIES_MORE = 3 };
    struct loss_counts loss = {0};
    uint32_t last = 0;

    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        const struct slab_host *facts = slab_host(volley->options.slab, host);
        loss.answers[facts->pass] += facts->heard ? 1 : 0;
        last = facts->heard && facts->pass > last ? facts->pass : last;
    }
    volley->tries = loss_tries(&loss, volley->options.retries + 1);
    if (last > 0 && volley->tries < last + 1 + TRIES_MORE) {
        volley->tries = last + 1 + TRIES_MORE;
    }
}

static void finish_heard(struct volley *volley)
{
    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        if (volley->hosts[host].stage == HOST_ASKED && slab_host(volley->options.slab, host)->heard) {
            volley_finish_host(volley, host);
        }
    }
}

/* All of the round has left: each host's time-out begins. */
static void end_round(struct volley *volley, struct mono_time now)
{
    volley->sending = false;
    volley->round_ns = now.ns - volley->round_ns;
    volley->round_end_ns = now.ns;
    if (atomic_load_explicit(&volley->round, memory_order_relaxed) == 1) {
        volley->first_round_ns = now.ns - volley->begun_ns;
    } else {
        volley_judge_later(volley, now);
    }
    if (volley->options.kinds > 0) {
        find_heard(volley);
        finish_heard(volley);
    } else {
        find_fewest(volley);
    }
    volley->apart_us = apart_us(volley, find_wanting(volley));
    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        struct volley_host *entry = &volley->hosts[host];
        const struct slab_host *facts = slab_host(volley->options.slab, host);
        if (entry->stage == HOST_ASKED) {
            entry->stage = HOST_WAITING;
            timers_set(volley->timers, host, mono_add_ns(now, volley_time_out_ns(volley, facts, entry->wants, now)));
        }
    }
}

/* What was measured since the round ended may tell that a host needs longer. */
static bool needs_longer(struct volley *volley, uint32_t host, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];
    const struct slab_host *facts = slab_host(volley->options.slab, host);
    struct mono_time end = {volley->round_end_ns};
    struct mono_time due;

    if (volley->sending || entry->round != (uint8_t)atomic_load_explicit(&volley->round, memory_order_relaxed)) {
        return false;
    }
    due = mono_add_ns(end, volley_time_out_ns(volley, facts, false, end));
    if (due.ns > now.ns) {
        timers_set(volley->timers, host, due);
    }
    return due.ns > now.ns;
}

static void host_time_out(struct volley *volley, uint32_t host, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];

    if (slab_host(volley->options.slab, host)->pass >= volley_last_pass(volley, host)) {
        if (!needs_longer(volley, host, now)) {
            volley_finish_host(volley, host);
        }
        return;
    }
    timers_clear(volley->timers, host);
    if (entry->was_eased) {
        volley_judge_round(volley, host, now);
    }
    volley_leave_stage(volley, entry);
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
        } else if (!volley_feed_host(volley, host, now)) {
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
            volley_feed_again(volley, host);
        }
    }
}

static void start(struct volley *volley, struct mono_time now)
{
    volley->started = true;
    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        uint32_t ceiling = volley->resumed ? slab_host(volley->options.slab, host)->ceiling : 0;
        if (volley->hosts[host].stage == HOST_DONE) {
            continue;
        }
        if (volley->hosts[host].left == 0) {
            volley_finish_host(volley, host);
        } else if (ceiling > 0) {
            volley->hosts[host].pace_ns = ceiling;
            volley_ease_host(volley, host, ceiling, now);
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

/* Those of the first round. Where hosts are done by one answer, what comes after the round is heard of nobody who has
 * answered: it would look like loss. */
static bool judges_windows(const struct volley *volley)
{
    return atomic_load_explicit(&volley->round, memory_order_relaxed) == 1 &&
           (volley->sending || volley->options.kinds == 0);
}

/* Who has answered is not asked the next kind, so each kind has a share of answers of its own. */
static void watch_wave(struct volley *volley, struct mono_time now)
{
    enum { CLAIMED = 16 * WORD_BITS };
    uint64_t place = (uint64_t)atomic_load_explicit(&volley->cursor, memory_order_relaxed) * WORD_BITS;
    uint32_t at = volley->wave_at;

    /* Twice for each: what senders have claimed of the kind before leaves after this. */
    if (volley->options.kinds > 0 && place < volley->places) {
        at = (uint32_t)place / volley->wave + ((uint32_t)place + volley->wave - CLAIMED % volley->wave) / volley->wave;
    }
    if (at != volley->wave_at) {
        volley->wave_at = at;
        rate_begin_wave(volley->options.rate, now);
    }
}

static void wait_to_stop(struct volley *volley, struct mono_time now, struct mono_time heard)
{
    if (volley->stop_ns == 0) {
        uint64_t wait = volley->seed.measured ? volley->seed.rto_us : RTT_RTO_INITIAL_US;
        volley->stop_ns = now.ns + wait * NS_PER_US;
    }
    volley->rested = heard.ns >= volley->stop_ns;
}

void volley_heard(struct volley *volley, struct mono_time until)
{
    volley->heard_ns = until.ns;
}

static struct mono_time heard_until(const struct volley *volley, struct mono_time now)
{
    uint64_t least_ns = now.ns > VOLLEY_UNHEARD_MS * NS_PER_MS ? now.ns - VOLLEY_UNHEARD_MS * NS_PER_MS : 0;

    if (volley->heard_ns == 0 || volley->heard_ns > now.ns) {
        return now;
    }
    return (struct mono_time){volley->heard_ns > least_ns ? volley->heard_ns : least_ns};
}

void volley_tick(struct volley *volley, struct mono_time now)
{
    struct mono_time heard = heard_until(volley, now);

    volley->tick_ns = now.ns;
    count_sent(volley);
    if (atomic_load_explicit(&volley->stopping, memory_order_relaxed)) {
        wait_to_stop(volley, now, heard);
        return;
    }
    if (!volley->started) {
        start(volley, now);
    }
    volley_hear_refusals(volley, now);
    if (judges_windows(volley)) {
        watch_wave(volley, now);
        volley_note_aim(volley, now); /* after a long sleep there is nothing to be judged of before */
        volley_hear_windows(volley, heard, now);
    }
    volley_note_aim(volley, now);
    expire(volley, heard);
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
    return judges_windows(volley) && volley->cut_sent < volley->round_total;
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
    rate_keep_due(volley->options.rate,
                  (struct mono_time){atomic_load_explicit(&volley->due_ns, memory_order_relaxed)});
    for (uint32_t host = 0; host < slab_hosts(volley->options.slab); host++) {
        const struct volley_host *entry = &volley->hosts[host];
        if (entry->stage != HOST_DONE) {
            volley_write_tried(volley, host);
            slab_host(volley->options.slab, host)->ceiling = entry->was_eased ? entry->limit_ns : 0;
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
        volley_note_slow(volley, &facts->rtt);
        some_done |= facts->done;
    }
    volley->resumed = slab_totals(slab)->sent > volley->options.asked_before;
    for (uint32_t host = 0; host < slab_hosts(slab); host++) {
        if (volley->resumed || slab_host(slab, host)->done) {
            restore_host(volley, host);
        }
    }
    atomic_store_explicit(&volley->watched, volley->resumed || some_done || volley->options.kinds > 0,
                          memory_order_relaxed);
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
    assert(options->retries < LOSS_PASSES_MAX);
    assert(options->kinds == 0 ? options->order->count == probes
                               : options->order->count * options->kinds == probes && options->shard_count == 1);
    assert(options->host_rate.interval_ns < GAP_OUT);
    if (volley == NULL) {
        return -ENOMEM;
    }
    volley->options = *options;
    volley->begun_ns = now.ns;
    atomic_store_explicit(&volley->due_ns, rate_due(options->rate, now).ns, memory_order_relaxed);
    if (probes > options->shard_index) {
        volley->places = (uint32_t)((probes - options->shard_index - 1) / options->shard_count + 1);
    }
    volley->wave = options->kinds > 0 ? volley->places / options->kinds : volley->places;
    if (!allocate(volley)) {
        volley_destroy(volley);
        return -ENOMEM;
    }
    rtt_init(&volley->seed, NULL);
    volley->sent_before = slab_totals(options->slab)->sent;
    volley->cut = 8;
    hosts_init(volley);
    atomic_store_explicit(&volley->round, 1, memory_order_relaxed);
    atomic_store_explicit(&volley->cursor, volley->words, memory_order_relaxed);
    if (options->asked_before > 0) {
        rate_begin_heard(options->rate, now);
    } else {
        rate_begin_slab(options->rate, now);
    }
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
