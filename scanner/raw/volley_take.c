#include "scanner/raw/volley_inner.h"

#include <assert.h>
#include <stddef.h>

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

void volley_note_slow(struct volley *volley, const struct rtt *rtt)
{
    uint32_t slow = rtt->measured ? rtt->srtt_us + 4 * rtt->rttvar_us : 0;

    volley->slowest_us = slow > volley->slowest_us ? slow : volley->slowest_us;
}

static void measure(struct volley *volley, uint32_t host, uint32_t rtt_us)
{
    struct rtt *rtt = &slab_host(volley->options.slab, host)->rtt;

    volley->measured_hosts += rtt->measured ? 0 : 1;
    rtt_sample(rtt, rtt_us);
    rtt_sample(&volley->seed, rtt_us);
    volley_note_slow(volley, rtt);
}

static void tell_open(struct volley *volley, const struct sweep_answer *answer, uint32_t host, int64_t rtt_us)
{
    struct sweep_found found = {
        .probe = answer->probe,
        .host = host,
        .tries = slab_tries(volley->options.slab, answer->probe),
        .has_rtt = rtt_us >= 0,
        .rtt_us = rtt_us >= 0 ? (uint32_t)rtt_us : 0,
        .proof = answer->proof,
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
    uint32_t tries;  /* from 1; 0: none that this process knows of */
    uint32_t latest; /* that has left */
    int64_t age_us;  /* of the first round's try that it answers; else -1 */
    int64_t rtt_us;  /* -1 when it is not known */
};

/* The stamp is the latest try's: an answer to an earlier one is not measured (Karn's rule, RFC 6298 section 3). */
static struct landing land(const struct volley *volley, const struct sweep_answer *answer, uint32_t host,
                           uint32_t place, struct mono_time now)
{
    const struct slab_host *facts = slab_host(volley->options.slab, host);
    uint32_t stamp = stamp_at(volley, place);
    uint32_t latest = facts->pass + (is_tried_now(volley, host, stamp) ? 1U : 0U);
    int64_t age = age_us(volley, stamp, now);
    struct landing landing = {.host = host,
                              .place = place,
                              .tries = answer->try_number < latest ? answer->try_number + 1U : latest,
                              .latest = latest,
                              .age_us = age,
                              .rtt_us = answer->try_number + 1U == latest ? age : -1};

    if (landing.tries < latest || atomic_load_explicit(&volley->round, memory_order_relaxed) != 1) {
        landing.age_us = -1;
    }
    return landing;
}

/* An answer to an earlier try than the latest, whose time of departure is kept no more: the tries lie about
 * RTT_RTO_MIN_US apart. It tells how long the others must be waited for, and is no sample. */
static void note_slow(struct volley *volley, const struct landing *landing, struct mono_time now)
{
    int64_t age = age_us(volley, stamp_at(volley, landing->place), now);
    uint64_t slow_us = (uint64_t)(age > 0 ? age : 0) + (uint64_t)(landing->latest - landing->tries) * RTT_RTO_MIN_US;

    slow_us = slow_us < RTT_RTO_MAX_US ? slow_us : RTT_RTO_MAX_US;
    volley->slowest_us = slow_us > volley->slowest_us ? (uint32_t)slow_us : volley->slowest_us;
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
        settle_place(volley, landing->place);
        entry->left--;
        entry->round_answers++;
        volley->settled++;
    }
    if (!slab_tells_loss(slab, before) && slab_tells_loss(slab, answer->answer)) {
        entry->late += landing->tries > 1 ? 1 : 0;
        if (landing->age_us >= 0) {
            count_answer(volley, landing->host, landing->age_us, now);
        }
    }
    if (answer->answer == PROBE_SYN_ACK) {
        tell_open(volley, answer, landing->host, before == PROBE_NONE ? landing->rtt_us : -1);
    }
}

/* It has answered: what has not left yet need not. */
static void spare(struct volley *volley, uint32_t host)
{
    uint32_t first = slab_host(volley->options.slab, host)->first_probe;

    for (uint32_t probe = first; probe < first + host_size(volley, host); probe++) {
        set_over(volley, place_of(volley, probe));
    }
}

static void take_at(struct volley *volley, const struct sweep_answer *answer, uint32_t place, struct mono_time now)
{
    struct slab *slab = volley->options.slab;
    uint32_t host = slab_host_of(slab, answer->probe);
    struct slab_host *facts = slab_host(slab, host);
    enum probe_answer before = slab_answer(slab, answer->probe);
    struct landing landing;

    if (facts->done || place == NOWHERE || stamp_at(volley, place) == 0) {
        return;
    }
    landing = land(volley, answer, host, place, now);
    if (answer->from_host && landing.rtt_us >= 0 && before == PROBE_NONE) {
        measure(volley, host, landing.rtt_us < RTT_RTO_MAX_US ? (uint32_t)landing.rtt_us : RTT_RTO_MAX_US);
    }
    if (answer->from_host && landing.tries < landing.latest && before == PROBE_NONE) {
        note_slow(volley, &landing, now);
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
    if (volley->options.kinds > 0 && facts->heard) {
        spare(volley, host);
    }
    if (volley->hosts[host].left == 0 ||
        (volley->options.kinds > 0 && facts->heard && volley->hosts[host].stage != HOST_ASKED)) {
        volley_finish_host(volley, host);
    }
}

/* What is kept of a probe lies anywhere in megabytes: it is fetched for all answers side by side, not for one after the
 * other. */
void volley_take(struct volley *volley, const struct sweep_answer *answers, uint32_t count, struct mono_time now)
{
    uint32_t places[VOLLEY_BATCH];

    assert(count <= VOLLEY_BATCH);
    if (!volley->started) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        places[i] = place_of(volley, answers[i].probe);
        if (places[i] != NOWHERE) {
            __builtin_prefetch(&volley->sent[places[i]]);
            __builtin_prefetch(&volley->over[places[i] / WORD_BITS], 1);
            slab_prefetch(volley->options.slab, answers[i].probe);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        take_at(volley, &answers[i], places[i], now);
    }
}

void volley_lost_here(struct volley *volley, uint64_t packets, struct mono_time now)
{
    rate_hear_lost_here(volley->options.rate, packets, now);
    volley_note_aim(volley, now);
}
