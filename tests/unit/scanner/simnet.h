/* A simulated network under the raw engine's core: virtual time, senders that take turns as a seed decides, hosts of
 * many kinds, loss, bursts, reordering, duplicates, limits and this machine's own shortages. The invariants are checked
 * as it runs: whatever it does to packets, no probe is sent too often, none too early, and no state is made up. */
#ifndef LEASTPORT_TESTS_UNIT_SCANNER_SIMNET_H
#define LEASTPORT_TESTS_UNIT_SCANNER_SIMNET_H

#include "scanner/raw/rate.h"
#include "scanner/raw/volley.h"
#include "tests/unit/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIM_MS UINT64_C(1000000)
#define SIM_S UINT64_C(1000000000)

enum { SIM_SENDERS_MAX = 4 };

enum sim_kind {
    SIM_MIXED,
    SIM_SILENT,
    SIM_REJECTING, /* a router before it says no, at a limited rate */
    SIM_DYING,
    SIM_RISING,
    SIM_SLOWING,
    SIM_ABSENT, /* this machine says that no neighbour answers */
    SIM_LIMITED,
    SIM_KINDS
};

/* A token bucket that drops. A rate of 0 lets everything through. */
struct sim_bucket {
    double rate_pps;
    double burst;
    double tokens;
    uint64_t at_ns;
};

struct sim_host {
    enum sim_kind kind;
    uint64_t rtt_ns;
    uint64_t jitter_ns;
    uint64_t changes_ns; /* dies or rises */
    uint32_t answered;
    struct sim_bucket bucket;
    uint64_t due_ns; /* by its ceiling */
    uint32_t done;
    uint32_t eased;
    uint32_t sent_eased; /* since it was eased off */
};

struct sim_packet {
    uint64_t at_ns;
    uint64_t order;
    struct sweep_answer answer;
};

struct sim_sender {
    uint64_t next_ns;
    struct volley_shot shots[VOLLEY_BATCH];
    uint32_t out; /* handed to the network, not yet reported */
    uint32_t refused;
};

struct sim {
    uint64_t seed;
    uint64_t random;
    uint64_t now_ns;
    uint64_t begun_ns;
    uint32_t hosts;
    uint32_t probes;
    uint32_t *first_probes;
    struct sim_host *host;
    uint8_t *truth;
    uint8_t *heard;
    uint8_t *told;
    uint32_t *sent;
    /* The path. */
    double loss;     /* each way */
    double bad_loss; /* Gilbert-Elliott: in the bad state, */
    double to_bad;   /* into it, a packet, */
    double to_good;  /* and out of it */
    bool bad;
    double duplicates;
    double forged;
    struct sim_bucket policer;
    struct sim_bucket icmp;
    double ring_drops;
    double refusals;
    uint32_t lost_here;
    uint64_t sender_ns;      /* a packet costs a sender */
    uint64_t late_ns;        /* a sender may oversleep */
    uint64_t stall_until_ns; /* before this no answer comes in */
    uint64_t reader_ns;      /* before this the reader neither takes what has come nor looks at its books */
    uint32_t taken;          /* in a row */
    struct sim_packet *flying;
    size_t flying_count;
    size_t flying_room;
    uint64_t flown;
    uint32_t senders;
    struct sim_sender sender[SIM_SENDERS_MAX];
    uint64_t total_sent;
    uint64_t first_sent; /* of first tries */
    uint64_t last_first_ns;
    uint64_t *left_ns;     /* a probe's latest try */
    uint64_t least_gap_ns; /* between two tries of any probe */
    struct permutation order;
    struct slab *slab;
    struct volley *volley;
    struct rate *rate;
    struct volley_options options;
};

/* splitmix64 (Steele, Lea & Flood 2014). */
static inline uint64_t sim_draw(struct sim *sim)
{
    uint64_t z = sim->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint32_t sim_below(struct sim *sim, uint32_t bound)
{
    return (uint32_t)(sim_draw(sim) % bound);
}

static inline bool sim_chance(struct sim *sim, double p)
{
    return p > 0 && (double)(sim_draw(sim) >> 11) / 9007199254740992.0 < p;
}

static inline uint32_t sim_host_of(const struct sim *sim, uint32_t probe)
{
    uint32_t low = 0;
    uint32_t high = sim->hosts;

    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (sim->first_probes[middle] <= probe) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static inline bool sim_passes(struct sim_bucket *bucket, uint64_t now_ns)
{
    if (bucket->rate_pps <= 0) {
        return true;
    }
    if (bucket->at_ns == 0) {
        bucket->tokens = bucket->burst;
    } else {
        bucket->tokens += (double)(now_ns - bucket->at_ns) * bucket->rate_pps / 1e9;
    }
    bucket->at_ns = now_ns;
    bucket->tokens = bucket->tokens < bucket->burst ? bucket->tokens : bucket->burst;
    if (bucket->tokens < 1) {
        return false;
    }
    bucket->tokens -= 1;
    return true;
}

static inline bool sim_is_lost(struct sim *sim)
{
    if (sim->to_bad > 0) {
        sim->bad = sim->bad ? !sim_chance(sim, sim->to_good) : sim_chance(sim, sim->to_bad);
    }
    return sim_chance(sim, sim->bad ? sim->bad_loss : sim->loss);
}

static inline bool sim_earlier(const struct sim_packet *a, const struct sim_packet *b)
{
    return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

static inline void sim_fly(struct sim *sim, uint64_t at_ns, const struct sweep_answer *answer)
{
    struct sim_packet packet = {
        .at_ns = at_ns > sim->stall_until_ns ? at_ns : sim->stall_until_ns, .order = sim->flown++, .answer = *answer};
    size_t at;

    if (sim->flying_count == sim->flying_room) {
        sim->flying_room = sim->flying_room * 2 + 64;
        sim->flying = realloc(sim->flying, sim->flying_room * sizeof(*sim->flying));
        assert_non_null(sim->flying);
    }
    at = sim->flying_count++;
    while (at > 0 && sim_earlier(&packet, &sim->flying[(at - 1) / 2])) {
        sim->flying[at] = sim->flying[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    sim->flying[at] = packet;
}

static inline struct sim_packet sim_land(struct sim *sim)
{
    struct sim_packet first = sim->flying[0];
    struct sim_packet last = sim->flying[--sim->flying_count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < sim->flying_count && sim_earlier(&sim->flying[child + 1], &sim->flying[child])) {
            child++;
        }
        if (child >= sim->flying_count || !sim_earlier(&sim->flying[child], &last)) {
            break;
        }
        sim->flying[at] = sim->flying[child];
        at = child;
    }
    sim->flying[at] = last;
    return first;
}

static inline enum reason sim_reason(enum probe_answer answer)
{
    return answer == PROBE_SYN_ACK ? REASON_SYN_ACK : answer == PROBE_RST ? REASON_CONN_REFUSED : REASON_PORT_UNREACH;
}

/* Whether the host, or who speaks for it, answers at all at this moment. */
static inline bool sim_host_answers(struct sim *sim, struct sim_host *host, enum probe_answer truth)
{
    switch (host->kind) {
    case SIM_DYING:
        return sim->now_ns < host->changes_ns;
    case SIM_RISING:
        return sim->now_ns >= host->changes_ns;
    case SIM_LIMITED:
        return sim_passes(&host->bucket, sim->now_ns);
    case SIM_REJECTING:
        return sim_passes(&sim->icmp, sim->now_ns);
    case SIM_SILENT:
        return false;
    case SIM_MIXED:
    case SIM_SLOWING:
    case SIM_ABSENT:
    case SIM_KINDS:
        break;
    }
    return truth != PROBE_NONE;
}

/* What the network does with a probe: nothing, one answer, or several, later. */
static inline void sim_answer_later(struct sim *sim, const struct volley_shot *shot, uint64_t leaves_ns)
{
    uint32_t probe = shot->probe;
    struct sim_host *host = &sim->host[sim_host_of(sim, probe)];
    struct sweep_answer answer = {.probe = probe,
                                  .answer = (enum probe_answer)sim->truth[probe],
                                  .from_host = host->kind != SIM_ABSENT && host->kind != SIM_REJECTING,
                                  .try_number = shot->try_number};
    uint64_t delay = host->rtt_ns + (host->jitter_ns > 0 ? sim_draw(sim) % host->jitter_ns : 0);

    if (!sim_passes(&sim->policer, sim->now_ns) || sim_is_lost(sim) || answer.answer == PROBE_NONE ||
        !sim_host_answers(sim, host, answer.answer) || sim_is_lost(sim)) {
        return;
    }
    if (host->kind == SIM_SLOWING) {
        delay += host->answered++ * SIM_MS;
    }
    answer.reason = sim_reason(answer.answer);
    sim_fly(sim, leaves_ns + delay, &answer);
    while (sim_chance(sim, sim->duplicates)) {
        struct sweep_answer other = answer;
        /* A weaker answer to the same probe must change nothing. */
        other.answer = sim_chance(sim, 0.5) ? PROBE_ICMP : answer.answer;
        other.reason = sim_reason(other.answer);
        sim_fly(sim, leaves_ns + delay + sim_draw(sim) % (3 * SIM_S), &other);
    }
}

static inline bool sim_in_shard(const struct sim *sim, uint32_t probe)
{
    return sim->options.kinds > 0 ||
           permutation_position(&sim->order, probe) % sim->options.shard_count == sim->options.shard_index;
}

/* A probe leaves: it must be this shard's, unanswered, not too often, and not too early for its host. */
static inline void sim_leave(struct sim *sim, const struct volley_shot *shot, uint64_t leaves_ns)
{
    uint32_t probe = shot->probe;
    const struct pacer_rate *ceiling = &sim->options.host_rate;
    uint32_t index = sim_host_of(sim, probe);
    struct sim_host *host = &sim->host[index];

    assert_true(probe < sim->probes);
    assert_int_equal(slab_answer(sim->slab, probe), PROBE_NONE);
    assert_int_equal(host->done, 0);
    if (sim->sent[probe]++ == 0) {
        assert_true(sim_in_shard(sim, probe));
        sim->first_sent++;
        sim->last_first_ns = sim->now_ns;
    }
    assert_true(sim->sent[probe] <= slab_host(sim->slab, index)->pass + 1U);
    if (sim->sent[probe] > 1 && sim->now_ns - sim->left_ns[probe] < sim->least_gap_ns) {
        sim->least_gap_ns = sim->now_ns - sim->left_ns[probe];
    }
    sim->left_ns[probe] = sim->now_ns;
    if (ceiling->interval_ns > 0) {
        assert_true(host->due_ns <= sim->now_ns + ceiling->tolerance_ns);
        host->due_ns = (host->due_ns > sim->now_ns ? host->due_ns : sim->now_ns) + ceiling->interval_ns;
    }
    host->sent_eased += host->eased > 0 ? 1 : 0;
    sim->total_sent++;
    assert_int_equal(shot->try_number, slab_host(sim->slab, index)->pass);
    sim_answer_later(sim, shot, leaves_ns);
}

static inline void sim_open_told(void *context, const struct sweep_found *found)
{
    struct sim *sim = context;

    assert_int_equal(found->host, sim_host_of(sim, found->probe));
    assert_true(found->tries >= 1 && found->tries <= sim->sent[found->probe]);
    assert_int_equal(sim->told[found->probe], 0);
    sim->told[found->probe] = 1;
}

static inline void sim_done_told(void *context, uint32_t host)
{
    ((struct sim *)context)->host[host].done++;
}

static inline void sim_eased_told(void *context, uint32_t host)
{
    struct sim *sim = context;

    assert_true(host < sim->hosts);
    assert_int_equal(sim->host[host].eased, 0);
    sim->host[host].eased++;
}

/* First the batch of before is reported, as far as this machine took it; then the next is drawn. Answers to what was
 * drawn may come before it is reported. */
static inline void sim_step_sender(struct sim *sim, uint32_t index)
{
    struct sim_sender *sender = &sim->sender[index];
    struct mono_time now = {sim->now_ns};
    uint32_t taken = sender->out - sender->refused;
    uint64_t wakeup;

    if (sender->out > 0) {
        volley_sent(sim->volley, index, now, sender->shots, taken);
        volley_put_back(sim->volley, index, now, sender->shots + taken, sender->refused);
    }
    sender->refused = 0;
    sender->out = volley_draw(sim->volley, index, now, sender->shots, 1 + sim_below(sim, VOLLEY_BATCH));
    if (sender->out > 0 && sim_chance(sim, sim->refusals)) {
        sender->refused = 1 + sim_below(sim, sender->out);
    }
    for (uint32_t i = 0; i < sender->out - sender->refused; i++) {
        sim_leave(sim, &sender->shots[i], sim->now_ns + i * sim->sender_ns);
    }
    if (sender->out > 0) {
        sender->next_ns = sim->now_ns + sender->out * sim->sender_ns + 1;
        return;
    }
    wakeup = volley_sender_wakeup(sim->volley, index, now).ns;
    assert_true(wakeup <= sim->now_ns + 5 * SIM_MS);
    wakeup = wakeup > sim->now_ns ? wakeup : sim->now_ns + 1000;
    sender->next_ns = wakeup + (sim->late_ns > 0 ? sim_draw(sim) % sim->late_ns : 0);
}

/* A sender holds it at this moment: only then may the volley take an answer for what never left. */
static inline bool sim_is_drawn(const struct sim *sim, uint32_t probe)
{
    for (uint32_t i = 0; i < sim->senders; i++) {
        for (uint32_t k = 0; k < sim->sender[i].out; k++) {
            if (sim->sender[i].shots[k].probe == probe) {
                return true;
            }
        }
    }
    return false;
}

static inline void sim_tick(struct sim *sim)
{
    struct mono_time now = {sim->now_ns};

    if (sim->lost_here > 0) {
        volley_lost_here(sim->volley, sim->lost_here, now);
        sim->lost_here = 0;
    }
    if (sim->flying_count == 0 || sim->flying[0].at_ns > sim->now_ns) {
        volley_heard(sim->volley, now);
    }
    sim->taken = 0;
    volley_tick(sim->volley, now);
}

/* As the engine does: what is behind is taken for a bounded time, then the books are looked at. */
static inline void sim_take_time(struct sim *sim)
{
    enum { TAKE_AT_ONCE = 2048, TAKE_NS = 2000 };

    if (sim->now_ns > sim->flying[0].at_ns + SIM_MS) {
        sim->now_ns += TAKE_NS;
    }
    if (++sim->taken == TAKE_AT_ONCE) {
        sim_tick(sim);
    }
}

static inline void sim_deliver(struct sim *sim)
{
    struct sim_packet packet;
    uint32_t probe;

    sim_take_time(sim);
    packet = sim_land(sim);
    probe = packet.answer.probe;
    if (sim_chance(sim, sim->ring_drops)) {
        sim->lost_here++;
        return;
    }
    if (sim->host[sim_host_of(sim, probe)].done == 0 && sim->sent[probe] > 0 &&
        packet.answer.answer > (enum probe_answer)sim->heard[probe]) {
        sim->heard[probe] = (uint8_t)packet.answer.answer;
    }
    volley_take(sim->volley, &packet.answer, 1, (struct mono_time){sim->now_ns});
    if (sim_chance(sim, sim->forged)) {
        /* Nobody asked for it: it must change nothing. */
        uint32_t other = sim_below(sim, sim->probes);
        if (sim->sent[other] == 0 && !sim_is_drawn(sim, other)) {
            struct sweep_answer answer = {
                .probe = other, .answer = PROBE_SYN_ACK, .reason = REASON_SYN_ACK, .from_host = true};
            volley_take(sim->volley, &answer, 1, (struct mono_time){sim->now_ns});
            assert_int_equal(slab_answer(sim->slab, other), PROBE_NONE);
        }
    }
}

/* The next thing that happens, by `limit_ns` at the latest. */
static inline void sim_step(struct sim *sim, uint64_t limit_ns)
{
    uint64_t next = volley_wakeup(sim->volley).ns;
    uint32_t who = SIM_SENDERS_MAX;

    next = next > sim->now_ns ? next : sim->now_ns;
    next = next > sim->reader_ns ? next : sim->reader_ns;
    for (uint32_t i = 0; i < sim->senders; i++) {
        if (sim->sender[i].next_ns < next || (sim->sender[i].next_ns == next && sim_chance(sim, 0.5))) {
            next = sim->sender[i].next_ns;
            who = i;
        }
    }
    if (sim->flying_count > 0 && sim->flying[0].at_ns <= next && sim->reader_ns <= next) {
        next = sim->flying[0].at_ns > sim->reader_ns ? sim->flying[0].at_ns : sim->reader_ns;
        who = SIM_SENDERS_MAX + 1;
    }
    if (next > limit_ns) {
        sim->now_ns = limit_ns;
        return;
    }
    sim->now_ns = next > sim->now_ns ? next : sim->now_ns;
    if (who == SIM_SENDERS_MAX) {
        sim_tick(sim);
        /* A bookkeeper that has nothing to do yet is not asked again at the same moment. */
        sim->now_ns++;
    } else if (who > SIM_SENDERS_MAX) {
        sim_deliver(sim);
    } else {
        sim_step_sender(sim, who);
    }
}

/* What was drawn is seen through: sent, as far as nothing refuses it. */
static inline void sim_rest_senders(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->senders; i++) {
        struct sim_sender *sender = &sim->sender[i];
        uint32_t taken = sender->out - sender->refused;
        volley_sent(sim->volley, i, (struct mono_time){sim->now_ns}, sender->shots, taken);
        volley_put_back(sim->volley, i, (struct mono_time){sim->now_ns}, sender->shots + taken, sender->refused);
        sender->out = 0;
        sender->refused = 0;
    }
}

static inline void sim_open(struct sim *sim)
{
    sim->options.slab = sim->slab;
    sim->options.order = &sim->order;
    sim->options.rate = sim->rate;
    sim->options.senders = sim->senders;
    sim->options.listener = (struct sweep_listener){sim_open_told, sim_done_told, sim_eased_told, sim};
    assert_int_equal(volley_create(&sim->options, (struct mono_time){sim->now_ns}, &sim->volley), 0);
    for (uint32_t i = 0; i < sim->senders; i++) {
        sim->sender[i] = (struct sim_sender){.next_ns = sim->now_ns + sim_draw(sim) % SIM_MS};
    }
}

/* `hosts` with `ports` each, all closed and close; the caller changes what it wants, then calls sim_start(). */
static inline void sim_init(struct sim *sim, uint64_t seed, uint32_t hosts, uint32_t ports)
{
    memset(sim, 0, sizeof(*sim));
    seed_at_hand = seed;
    sim->seed = seed;
    sim->random = seed;
    sim->now_ns = SIM_S + sim_draw(sim) % SIM_S;
    sim->hosts = hosts;
    sim->probes = hosts * ports;
    sim->first_probes = calloc(hosts + 1, sizeof(*sim->first_probes));
    sim->host = calloc(hosts, sizeof(*sim->host));
    sim->truth = calloc(sim->probes + 1, 1);
    sim->heard = calloc(sim->probes + 1, 1);
    sim->told = calloc(sim->probes + 1, 1);
    sim->sent = calloc(sim->probes + 1, sizeof(*sim->sent));
    sim->left_ns = calloc(sim->probes + 1, sizeof(*sim->left_ns));
    for (uint32_t i = 0; i < hosts; i++) {
        sim->first_probes[i + 1] = (i + 1) * ports;
        sim->host[i] = (struct sim_host){.kind = SIM_MIXED, .rtt_ns = 200000, .jitter_ns = 100000};
    }
    memset(sim->truth, PROBE_RST, sim->probes);
    sim->least_gap_ns = UINT64_MAX;
    sim->senders = 2;
    sim->sender_ns = 550;
    sim->options.shard_count = 1;
    sim->options.retries = 2;
}

static inline void sim_start(struct sim *sim, const struct rate_options *rate)
{
    uint8_t key[PERMUTATION_SEED_BYTES] = {0};

    memcpy(key, &sim->seed, sizeof(sim->seed));
    sim->begun_ns = sim->now_ns;
    permutation_init(&sim->order, key, 0, sim->options.kinds > 0 ? sim->probes / sim->options.kinds : sim->probes);
    sim->rate = rate_create(rate);
    assert_non_null(sim->rate);
    assert_int_equal(slab_create(sim->first_probes, sim->hosts, &sim->slab), 0);
    sim_open(sim);
}

static inline void sim_close(struct sim *sim)
{
    volley_destroy(sim->volley);
    slab_destroy(sim->slab);
    rate_destroy(sim->rate);
    free(sim->first_probes);
    free(sim->host);
    free(sim->truth);
    free(sim->heard);
    free(sim->told);
    free(sim->sent);
    free(sim->left_ns);
    free(sim->flying);
}

static inline void sim_run(struct sim *sim, uint64_t most_ns)
{
    uint64_t end = sim->now_ns + most_ns;

    while (!volley_is_done(sim->volley)) {
        sim_step(sim, UINT64_MAX / 4);
        assert_true(sim->now_ns < end);
    }
    sim_rest_senders(sim);
}

static inline void sim_check_probe(const struct sim *sim, uint32_t probe)
{
    enum probe_answer answer = slab_answer(sim->slab, probe);
    uint32_t host = sim_host_of(sim, probe);
    uint32_t tries = slab_host(sim->slab, host)->pass + 1U;

    assert_int_equal(answer, (enum probe_answer)sim->heard[probe]);
    assert_int_equal(sim->told[probe], answer == PROBE_SYN_ACK ? 1 : 0);
    assert_in_range(sim->sent[probe], 1, sim->options.retries > 0 ? LOSS_PASSES_MAX : 1);
    assert_true(slab_tries(sim->slab, probe) >= 1 && slab_tries(sim->slab, probe) <= sim->sent[probe]);
    if (answer == PROBE_NONE) {
        assert_int_equal(sim->sent[probe], tries);
        assert_true(tries > sim->options.retries);
        assert_true(slab_tried(sim->slab, probe));
        assert_int_equal(slab_tries(sim->slab, probe), tries);
    }
}

static inline void sim_check_end(const struct sim *sim)
{
    uint64_t expected = 0;

    assert_true(volley_is_complete(sim->volley));
    for (uint32_t host = 0; host < sim->hosts; host++) {
        assert_int_equal(sim->host[host].done, 1);
    }
    for (uint32_t probe = 0; probe < sim->probes; probe++) {
        if (!sim_in_shard(sim, probe)) {
            assert_int_equal(sim->sent[probe], 0);
            assert_int_equal(slab_answer(sim->slab, probe), PROBE_NONE);
            continue;
        }
        expected++;
        sim_check_probe(sim, probe);
    }
    assert_int_equal(volley_settled(sim->volley), expected);
    volley_suspend(sim->volley);
    assert_int_equal(slab_totals(sim->slab)->sent, sim->total_sent);
}

/* Stops, keeps what a checkpoint keeps, and goes on in what is another process. */
static inline void sim_suspend_and_resume(struct sim *sim)
{
    uint8_t *bytes;
    size_t size;

    volley_stop(sim->volley);
    sim_run(sim, 10 * SIM_S);
    volley_suspend(sim->volley);
    assert_int_equal(slab_serialise(sim->slab, &bytes, &size), 0);
    volley_destroy(sim->volley);
    slab_destroy(sim->slab);
    assert_int_equal(slab_create(sim->first_probes, sim->hosts, &sim->slab), 0);
    assert_int_equal(slab_restore(sim->slab, bytes, size), 0);
    free(bytes);
    for (uint32_t host = 0; host < sim->hosts; host++) {
        sim->host[host].eased = 0;
        sim->host[host].due_ns = 0;
    }
    sim_open(sim);
}

#endif
