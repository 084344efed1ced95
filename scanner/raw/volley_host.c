#include "scanner/raw/volley_inner.h"

#include <stddef.h>

/* As sweep.c: how many tries the loss measured so far asks for. */
static uint32_t wanted_tries(struct volley *volley)
{
    const struct loss_counts *loss = &slab_totals(volley->options.slab)->loss;
    uint64_t answers = 0;
    uint64_t losses = 0;

    if (volley->options.kinds > 0) {
        return volley->tries;
    }
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
uint32_t volley_last_pass(struct volley *volley, uint32_t host)
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
void volley_write_tried(struct volley *volley, uint32_t host)
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
    uint32_t last = volley_last_pass(volley, host);

    slab_totals(volley->options.slab)->loss.limits[last > facts->away ? last - facts->away : 0] +=
        (slab_tells_loss(volley->options.slab, PROBE_RST) ? facts->counts[PROBE_RST] : 0) +
        facts->counts[PROBE_SYN_ACK];
}

void volley_leave_stage(struct volley *volley, struct volley_host *entry)
{
    if (entry->stage == HOST_WAITING && entry->wants) {
        volley->wanting--;
    }
    if (entry->stage == HOST_READY) {
        volley->ready--;
    }
}

void volley_finish_host(struct volley *volley, uint32_t host)
{
    struct volley_host *entry = &volley->hosts[host];
    struct slab_host *facts = slab_host(volley->options.slab, host);

    volley_write_tried(volley, host);
    count_limit(volley, host);
    volley_leave_stage(volley, entry);
    entry->stage = HOST_DONE;
    atomic_store_explicit(&entry->gap_ns, GAP_DONE, memory_order_relaxed);
    timers_clear(volley->timers, host);
    facts->done = true;
    volley->hosts_left--;
    volley->settled += entry->left;
    volley->options.listener.host_done(volley->options.listener.context, host);
}

/* Who is slow only at first, since it wakes up or looks for its neighbour, has been waited for for so long since its
 * first try. */
static uint64_t least_last_us(const struct volley *volley, struct mono_time now)
{
    enum { FIRST_US = 300000 };
    uint64_t since_us = (now.ns - volley->begun_ns - volley->first_round_ns) / NS_PER_US;

    return since_us + RTT_RTO_MIN_US < FIRST_US ? FIRST_US - since_us : RTT_RTO_MIN_US;
}

/* Of a host that was never heard its neighbours tell, once enough of them are known: in its last pass twice the slowest
 * of them, so that what is as far away is heard; before, all of them together, lest a single one that was slow, or a
 * moment in which this machine stood still, holds up all the others. Without neighbours, as sweep.c, up to the full
 * initial time-out in its last pass. */
uint64_t volley_time_out_ns(struct volley *volley, const struct slab_host *facts, bool wants, struct mono_time now)
{
    enum { NEIGHBOURS = 16, TIMES_LAST = 2 };
    struct rtt expected = facts->rtt;
    const struct rtt *known = expected.measured ? &facts->rtt : &volley->seed;
    uint64_t wait_us =
        wants ? known->srtt_us + 4 * (uint64_t)known->rttvar_us : TIMES_LAST * (uint64_t)volley->slowest_us;
    uint64_t least_us = wants ? volley->apart_us : least_last_us(volley, now);

    if (!expected.measured && volley->measured_hosts < NEIGHBOURS) {
        if (wants || volley->options.retries == 0) {
            rtt_init(&expected, &volley->seed);
        }
        return expected.rto_us * NS_PER_US;
    }
    if (expected.measured && (!wants || expected.rto_us > RTT_RTO_MIN_US)) {
        return expected.rto_us * NS_PER_US;
    }
    wait_us = wait_us > least_us ? wait_us : least_us;
    return (wait_us < RTT_RTO_INITIAL_US ? wait_us : RTT_RTO_INITIAL_US) * NS_PER_US;
}
