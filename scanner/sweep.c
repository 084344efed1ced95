#include "scanner/sweep.h"

#include "scanner/timers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
    /* Bounds of one step, so that answers are read in between: limits.md's best batch. */
    STEP_SENDS = 64,
    STEP_DRAWS = 512,
    HOST_CEILING_FIRST = 64,
    HOST_CEILING_MIN = 8,
    HOST_CEILING_MAX = 1024,
    /* Growth is one for each probe that ends, so the number on their way at most doubles in a round trip. */
    CEILING_FIRST = 4096,
    CEILING_MIN = 1,
    /* After this machine ran out of room once, it is filled again this much more slowly. */
    GROWTH_AFTER_EXHAUSTION = 16,
};

static const uint64_t NS_PER_MS = 1000000;
static const uint64_t NS_PER_US = 1000;
static const uint64_t EXHAUSTION_PAUSE_NS = UINT64_C(10) * 1000 * 1000;

struct list {
    uint32_t head;
    uint32_t tail;
};

struct sweep_host {
    struct list queue; /* to be sent in this pass */
    struct list retry; /* out of time in this pass */
    uint32_t undrawn;  /* of the first pass, still in the permutation */
    uint32_t pending;  /* of this pass: undrawn, queued, on their way */
    uint32_t ring_next;
    bool in_ring;
    bool roomy;
    bool was_eased;
    struct pacer pacer;
    uint32_t ended;      /* probes that the host answered or that ran out of time */
    uint32_t answered;   /* of these, answered */
    uint32_t silent_run; /* ran out of time since the last answer */
    uint32_t growth_hold;
    uint32_t least_srtt_us;
    uint64_t eased_ms;
};

struct flight {
    uint32_t probe;
    uint32_t host;
    uint32_t handle;
    uint64_t sent_ns;
    bool active;
    bool tainted;
};

struct sweep {
    struct sweep_options options;
    struct sweep_host *hosts;
    uint32_t *next; /* in its list; of a probe on its way, its flight */
    struct flight *flights;
    uint32_t *free_flights;
    uint32_t flight_room;
    uint32_t in_flight;
    uint32_t ceiling;
    uint32_t growth;
    uint32_t growth_due;
    uint64_t cursor;  /* position in the permutation */
    struct list ring; /* hosts with something queued and room for it */
    uint32_t roomy;   /* hosts that the permutation could still feed */
    uint32_t hosts_left;
    uint64_t settled;
    struct timers *timers; /* flights, then hosts that wait for their pacer */
    struct rtt seed;
    uint64_t tries_answers; /* and losses, when loss_tries() was asked last */
    uint64_t tries_losses;
    uint32_t tries;
    bool started;
    bool stopping;
    bool turn;
    bool more;
    uint64_t paused_until_ns;
    uint64_t starved_since_ns; /* there was no room, and nothing has come to its end since; 0: not so */
    bool starved;              /* for too long */
    uint64_t tainted_tries;
};

static const uint32_t NOWHERE = UINT32_MAX;

static void probe_append(struct sweep *sweep, struct list *list, uint32_t probe)
{
    sweep->next[probe] = NOWHERE;
    if (list->head == NOWHERE) {
        list->head = probe;
    } else {
        sweep->next[list->tail] = probe;
    }
    list->tail = probe;
}

static void probe_prepend(struct sweep *sweep, struct list *list, uint32_t probe)
{
    sweep->next[probe] = list->head;
    if (list->head == NOWHERE) {
        list->tail = probe;
    }
    list->head = probe;
}

static uint32_t probe_pop(struct sweep *sweep, struct list *list)
{
    uint32_t probe = list->head;

    if (probe != NOWHERE) {
        list->head = sweep->next[probe];
        sweep->next[probe] = NOWHERE;
    }
    return probe;
}

static void ring_push(struct sweep *sweep, uint32_t host)
{
    struct sweep_host *entry = &sweep->hosts[host];

    entry->in_ring = true;
    entry->ring_next = NOWHERE;
    if (sweep->ring.head == NOWHERE) {
        sweep->ring.head = host;
    } else {
        sweep->hosts[sweep->ring.tail].ring_next = host;
    }
    sweep->ring.tail = host;
}

static uint32_t ring_pop(struct sweep *sweep)
{
    uint32_t host = sweep->ring.head;

    if (host != NOWHERE) {
        sweep->ring.head = sweep->hosts[host].ring_next;
        sweep->hosts[host].in_ring = false;
    }
    return host;
}

/* Whether the host may be sent to now; sees to it that it is looked at again when it may not. */
static bool host_has_room(struct sweep *sweep, uint32_t host, struct mono_time now)
{
    struct sweep_host *entry = &sweep->hosts[host];
    const struct slab_host *facts = slab_host(sweep->options.slab, host);

    if (facts->done || facts->in_flight >= facts->ceiling) {
        return false;
    }
    if (!pacer_ready(&entry->pacer, &sweep->options.host_rate, now)) {
        timers_set(sweep->timers, sweep->flight_room + host, pacer_next(&entry->pacer, &sweep->options.host_rate));
        return false;
    }
    return true;
}

/* After anything about a host has changed: is it in the ring, can the permutation feed it? */
static void host_update(struct sweep *sweep, uint32_t host, struct mono_time now)
{
    struct sweep_host *entry = &sweep->hosts[host];
    bool wanting = entry->queue.head != NOWHERE || entry->undrawn > 0;
    bool room = wanting && host_has_room(sweep, host, now);
    bool roomy = room && entry->queue.head == NOWHERE;

    if (room && entry->queue.head != NOWHERE && !entry->in_ring) {
        ring_push(sweep, host);
    }
    if (roomy != entry->roomy) {
        sweep->roomy += roomy ? 1U : UINT32_MAX;
        entry->roomy = roomy;
    }
}

/* How many tries the loss measured so far asks for. Asked again only after an eighth more answers or losses: it is no
 * cheap sum. */
static uint32_t wanted_tries(struct sweep *sweep)
{
    const struct loss_counts *loss = &slab_totals(sweep->options.slab)->loss;
    uint64_t answers = 0;
    uint64_t losses = 0;

    for (uint32_t pass = 0; pass < LOSS_PASSES_MAX; pass++) {
        answers += loss->answers[pass];
        losses += loss->answers[pass] * pass;
    }
    if (answers > sweep->tries_answers + sweep->tries_answers / 8 ||
        losses > sweep->tries_losses + sweep->tries_losses / 8) {
        sweep->tries_answers = answers;
        sweep->tries_losses = losses;
        sweep->tries = loss_tries(loss, sweep->options.retries + 1);
    }
    return sweep->tries;
}

/* The last pass that silence of the host is given: the plan's, more where loss was measured, counted from when it was
 * there. A plan without retries measures no loss and stays with one try. */
static uint32_t host_last_pass(struct sweep *sweep, const struct slab_host *facts)
{
    uint32_t last = sweep->options.retries;
    uint32_t tries;

    if (last > 0) {
        tries = wanted_tries(sweep);
        last = facts->away + (tries > last + 1 ? tries - 1 : last);
    }
    if (last >= LOSS_PASSES_MAX) {
        last = LOSS_PASSES_MAX - 1;
    }
    return last > facts->pass ? last : facts->pass;
}

/* Begins the next pass over what is still unanswered; false when there is nothing more to do. */
static bool host_next_pass(struct sweep *sweep, uint32_t host)
{
    struct sweep_host *entry = &sweep->hosts[host];
    struct slab_host *facts = slab_host(sweep->options.slab, host);
    uint32_t probe;

    if (facts->pass >= host_last_pass(sweep, facts)) {
        return false;
    }
    while ((probe = probe_pop(sweep, &entry->retry)) != NOWHERE) {
        if (slab_answer(sweep->options.slab, probe) == PROBE_NONE) {
            slab_set_tried(sweep->options.slab, probe, false);
            probe_append(sweep, &entry->queue, probe);
            entry->pending++;
        }
    }
    if (entry->pending == 0) {
        return false;
    }
    facts->pass++;
    return true;
}

/* At the end of the last pass the silent probes stand in the retry list. */
static uint64_t count_silent(const struct sweep *sweep, const struct list *retry)
{
    uint64_t count = 0;

    for (uint32_t probe = retry->head; probe != NOWHERE; probe = sweep->next[probe]) {
        count += slab_answer(sweep->options.slab, probe) == PROBE_NONE ? 1 : 0;
    }
    return count;
}

/* What has answered there would have been given so many passes. */
static void count_limit(struct sweep *sweep, const struct slab_host *facts)
{
    uint32_t last = host_last_pass(sweep, facts);

    slab_totals(sweep->options.slab)->loss.limits[last > facts->away ? last - facts->away : 0] +=
        facts->counts[PROBE_RST] + facts->counts[PROBE_SYN_ACK];
}

static void host_advance(struct sweep *sweep, uint32_t host, struct mono_time now)
{
    struct sweep_host *entry = &sweep->hosts[host];
    struct slab_host *facts = slab_host(sweep->options.slab, host);

    if (!facts->done && entry->pending == 0 && !host_next_pass(sweep, host)) {
        count_limit(sweep, facts);
        facts->done = true;
        sweep->hosts_left--;
        sweep->settled += count_silent(sweep, &entry->retry);
        timers_clear(sweep->timers, sweep->flight_room + host);
        sweep->options.listener.host_done(sweep->options.listener.context, host);
    }
    host_update(sweep, host, now);
}

static void host_ease(struct sweep *sweep, uint32_t host, uint32_t ceiling, struct mono_time now)
{
    struct sweep_host *entry = &sweep->hosts[host];
    struct slab_host *facts = slab_host(sweep->options.slab, host);

    facts->ceiling = ceiling > HOST_CEILING_MIN ? ceiling : HOST_CEILING_MIN;
    entry->eased_ms = now.ns / NS_PER_MS;
    if (!entry->was_eased) {
        entry->was_eased = true;
        sweep->options.listener.host_eased(sweep->options.listener.context, host);
    }
}

static void host_grow(struct sweep *sweep, uint32_t host)
{
    struct sweep_host *entry = &sweep->hosts[host];
    struct slab_host *facts = slab_host(sweep->options.slab, host);

    if (entry->growth_hold > 0) {
        entry->growth_hold--;
    } else if (facts->ceiling < HOST_CEILING_MAX) {
        facts->ceiling++;
    }
}

/* A host that answered a share p of its probes and then none of r in a row has stopped with 1 - (1-p)^r: eased off at
 * (1-p)^r < e^-12. What ran out of time meanwhile is tried again in a later pass. */
static void host_heed_silence(struct sweep *sweep, uint32_t host, struct mono_time now)
{
    struct sweep_host *entry = &sweep->hosts[host];
    struct slab_host *facts = slab_host(sweep->options.slab, host);
    uint64_t before = entry->ended - entry->silent_run;

    if (entry->answered < 8 || (uint64_t)entry->silent_run * entry->answered <= 12 * before) {
        return;
    }
    entry->silent_run = 0;
    entry->answered = 0;
    entry->ended = 0;
    rtt_back_off(&facts->rtt);
    host_ease(sweep, host, facts->ceiling / 8, now);
    entry->growth_hold = 4 * facts->ceiling;
}

/* An answer that only a retransmission brought is loss, and answers that take four times as long as they did are a
 * queue filling up: both ask for fewer at once, at most once a round trip. */
static void host_heed_answer(struct sweep *sweep, uint32_t host, struct mono_time now)
{
    struct sweep_host *entry = &sweep->hosts[host];
    struct slab_host *facts = slab_host(sweep->options.slab, host);
    bool lost = facts->pass > 0;
    bool slow;

    if (!facts->heard || !facts->rtt.measured) {
        return;
    }
    if (entry->least_srtt_us == 0 || facts->rtt.srtt_us < entry->least_srtt_us) {
        entry->least_srtt_us = facts->rtt.srtt_us;
    }
    slow = facts->rtt.srtt_us > 4 * (uint64_t)entry->least_srtt_us + 50000;
    if ((lost || slow) && now.ns / NS_PER_MS > entry->eased_ms + facts->rtt.rto_us / 1000) {
        host_ease(sweep, host, facts->ceiling / 4 * 3, now);
    }
}

static void flight_release(struct sweep *sweep, uint32_t slot)
{
    struct flight *flight = &sweep->flights[slot];

    flight->active = false;
    timers_clear(sweep->timers, slot);
    sweep->free_flights[sweep->flight_room - sweep->in_flight] = slot;
    sweep->in_flight--;
    slab_host(sweep->options.slab, flight->host)->in_flight--;
}

static void flight_end(struct sweep *sweep, uint32_t slot)
{
    flight_release(sweep, slot);
    sweep->hosts[sweep->flights[slot].host].pending--;
    sweep->starved_since_ns = 0;
    if (--sweep->growth_due == 0) {
        sweep->growth_due = sweep->growth;
        sweep->ceiling += sweep->ceiling < sweep->flight_room ? 1 : 0;
    }
}

/* A host that has never answered is given the time that its neighbours took, in its last pass the full initial one. */
static uint64_t time_out_ns(const struct sweep *sweep, const struct slab_host *facts)
{
    struct rtt expected = facts->rtt;

    if (!expected.measured && (facts->pass < sweep->options.retries || sweep->options.retries == 0)) {
        rtt_init(&expected, &sweep->seed);
    }
    return expected.rto_us * NS_PER_US;
}

static bool is_waiting(const struct sweep *sweep, uint32_t slot)
{
    const struct probe_engine_ops *ops = sweep->options.ops;

    return ops->is_waiting != NULL && ops->is_waiting(sweep->options.engine, sweep->flights[slot].handle);
}

/* Silence that says nothing: the probe waits to be sent again. */
static void try_again(struct sweep *sweep, const struct flight *flight, struct mono_time now)
{
    struct sweep_host *entry = &sweep->hosts[flight->host];

    sweep->tainted_tries++;
    slab_set_tried(sweep->options.slab, flight->probe, false);
    probe_append(sweep, &entry->queue, flight->probe);
    entry->pending++;
    host_update(sweep, flight->host, now);
}

static void time_out(struct sweep *sweep, uint32_t slot, struct mono_time now)
{
    struct flight flight = sweep->flights[slot];
    struct sweep_host *entry = &sweep->hosts[flight.host];

    if (is_waiting(sweep, slot)) {
        sweep->flights[slot].sent_ns = now.ns;
        timers_set(sweep->timers, slot,
                   mono_add_ns(now, time_out_ns(sweep, slab_host(sweep->options.slab, flight.host))));
        return;
    }
    sweep->options.ops->cancel(sweep->options.engine, flight.handle);
    flight_end(sweep, slot);
    if (flight.tainted && sweep->tainted_tries < (uint64_t)SWEEP_TAINTED_TRIES * slab_probes(sweep->options.slab)) {
        try_again(sweep, &flight, now);
        return;
    }
    probe_append(sweep, &entry->retry, flight.probe);
    entry->ended++;
    entry->silent_run++;
    host_grow(sweep, flight.host);
    host_heed_silence(sweep, flight.host, now);
    host_advance(sweep, flight.host, now);
}

static void expire(struct sweep *sweep, struct mono_time now)
{
    struct mono_time deadline;
    uint32_t thing;

    while (timers_first(sweep->timers, &thing, &deadline) && deadline.ns <= now.ns) {
        if (thing < sweep->flight_room) {
            time_out(sweep, thing, now);
        } else {
            timers_clear(sweep->timers, thing);
            host_update(sweep, thing - sweep->flight_room, now);
        }
    }
}

/* The next of a host whose turn it is, or NOWHERE. */
static uint32_t next_queued(struct sweep *sweep, struct mono_time now)
{
    uint32_t host;

    while ((host = ring_pop(sweep)) != NOWHERE) {
        struct sweep_host *entry = &sweep->hosts[host];
        uint32_t probe = NOWHERE;
        if (host_has_room(sweep, host, now)) {
            probe = probe_pop(sweep, &entry->queue);
        }
        if (probe != NOWHERE && slab_answer(sweep->options.slab, probe) == PROBE_NONE) {
            return probe;
        }
        if (probe != NOWHERE) {
            /* A late answer came while it waited. */
            entry->pending--;
            host_advance(sweep, host, now);
        }
    }
    return NOWHERE;
}

static uint32_t next_drawn(struct sweep *sweep, struct mono_time now)
{
    const struct sweep_options *options = &sweep->options;

    for (int draws = 0; sweep->roomy > 0 && sweep->cursor < options->order->count; draws++) {
        uint32_t probe;
        uint32_t host;
        bool free_to_go;
        if (draws == STEP_DRAWS) {
            sweep->more = true;
            break;
        }
        probe = (uint32_t)permutation_index(options->order, sweep->cursor);
        sweep->cursor += options->shard_count;
        host = slab_host_of(options->slab, probe);
        free_to_go = sweep->hosts[host].roomy && host_has_room(sweep, host, now);
        sweep->hosts[host].undrawn--;
        if (free_to_go) {
            return probe;
        }
        probe_append(sweep, &sweep->hosts[host].queue, probe);
        host_update(sweep, host, now);
    }
    return NOWHERE;
}

/* In turns, so that neither those that wait in queues nor those still in the permutation starve. */
static uint32_t next_probe(struct sweep *sweep, struct mono_time now)
{
    uint32_t probe;

    sweep->turn = !sweep->turn;
    probe = sweep->turn ? next_queued(sweep, now) : next_drawn(sweep, now);
    if (probe == NOWHERE) {
        probe = sweep->turn ? next_drawn(sweep, now) : next_queued(sweep, now);
    }
    return probe;
}

/* There was no room for the probe: it is the host's next again. */
static void exhausted(struct sweep *sweep, uint32_t probe, uint32_t host, struct mono_time now)
{
    pacer_put_back(sweep->options.pacer, sweep->options.rate);
    pacer_put_back(&sweep->hosts[host].pacer, &sweep->options.host_rate);
    probe_prepend(sweep, &sweep->hosts[host].queue, probe);
    sweep->ceiling = sweep->in_flight * 3 / 4 > CEILING_MIN ? sweep->in_flight * 3 / 4 : CEILING_MIN;
    sweep->growth = GROWTH_AFTER_EXHAUSTION;
    sweep->paused_until_ns = now.ns + EXHAUSTION_PAUSE_NS;
    if (sweep->starved_since_ns == 0) {
        sweep->starved_since_ns = now.ns;
    }
    sweep->starved |= now.ns - sweep->starved_since_ns > SWEEP_STARVED_S * 1000ULL * NS_PER_MS;
    host_update(sweep, host, now);
}

static int send_probe(struct sweep *sweep, uint32_t probe, struct mono_time now)
{
    const struct sweep_options *options = &sweep->options;
    uint32_t host = slab_host_of(options->slab, probe);
    struct slab_host *facts = slab_host(options->slab, host);
    uint32_t slot = sweep->free_flights[sweep->flight_room - sweep->in_flight - 1];
    struct flight *flight = &sweep->flights[slot];
    struct addr addr;
    uint16_t port;
    int rc;

    pacer_take(options->pacer, options->rate, now, 1);
    pacer_take(&sweep->hosts[host].pacer, &options->host_rate, now, 1);
    options->map.locate(options->map.context, probe, &addr, &port);
    rc = options->ops->send(options->engine, probe, &addr, port, &flight->handle);
    if (rc == -EAGAIN) {
        exhausted(sweep, probe, host, now);
    }
    if (rc < 0) {
        return rc;
    }
    flight->probe = probe;
    flight->host = host;
    flight->sent_ns = now.ns;
    flight->active = true;
    flight->tainted = false;
    sweep->next[probe] = slot;
    sweep->in_flight++;
    facts->in_flight++;
    slab_set_tried(options->slab, probe, true);
    slab_totals(options->slab)->sent++;
    timers_set(sweep->timers, slot, mono_add_ns(now, time_out_ns(sweep, facts)));
    host_update(sweep, host, now);
    return 0;
}

static int send_some(struct sweep *sweep, struct mono_time now)
{
    for (int sends = 0; sweep->in_flight < sweep->ceiling; sends++) {
        uint32_t probe;
        int rc;
        if (sends == STEP_SENDS) {
            sweep->more = true;
            break;
        }
        if (!pacer_ready(sweep->options.pacer, sweep->options.rate, now)) {
            break;
        }
        probe = next_probe(sweep, now);
        if (probe == NOWHERE) {
            break;
        }
        rc = send_probe(sweep, probe, now);
        if (rc == -EAGAIN) {
            return sweep->starved ? -ENOBUFS : 0;
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int sweep_step(struct sweep *sweep, struct mono_time now)
{
    if (!sweep->started) {
        sweep->started = true;
        for (uint32_t host = 0; host < slab_hosts(sweep->options.slab); host++) {
            host_advance(sweep, host, now);
        }
    }
    sweep->more = false;
    expire(sweep, now);
    if (sweep->starved) {
        return -ENOBUFS;
    }
    if (sweep->stopping || now.ns < sweep->paused_until_ns) {
        return 0;
    }
    return send_some(sweep, now);
}

/* The try of the probe that is on its way, or NULL. */
static const struct flight *flight_of(const struct sweep *sweep, uint32_t probe)
{
    uint32_t slot = sweep->next[probe];

    if (slot >= sweep->flight_room || !sweep->flights[slot].active || sweep->flights[slot].probe != probe) {
        return NULL;
    }
    return &sweep->flights[slot];
}

/* The host's first answer: what was over before it went to a host that may not have been there. Over is also what is
 * on its way for longer than the answer shows to be right. */
static void host_first_answer(struct sweep *sweep, uint32_t host, uint32_t answered, struct mono_time now)
{
    struct slab *slab = sweep->options.slab;
    const struct slab_host *facts = slab_host(slab, host);
    uint32_t end = slab_host(slab, host + 1)->first_probe;

    if (facts->counts[PROBE_RST] + facts->counts[PROBE_SYN_ACK] > 0) {
        return;
    }
    for (uint32_t probe = facts->first_probe; probe < end; probe++) {
        const struct flight *flight = flight_of(sweep, probe);
        bool late = flight != NULL && now.ns - flight->sent_ns > facts->rtt.rto_us * NS_PER_US;
        if (slab_answer(slab, probe) == PROBE_NONE && probe != answered) {
            slab_set_away(slab, probe, facts->pass + (late ? 1U : 0U));
        }
    }
    for (uint32_t probe = sweep->hosts[host].retry.head; probe != NOWHERE; probe = sweep->next[probe]) {
        if (probe != answered && slab_answer(slab, probe) == PROBE_NONE) {
            slab_set_away(slab, probe, facts->pass + 1U);
        }
    }
}

static void tell_open(struct sweep *sweep, uint32_t probe, uint32_t host, int64_t rtt_us)
{
    struct sweep_found found = {
        .probe = probe,
        .host = host,
        .tries = slab_tries(sweep->options.slab, probe),
        .has_rtt = rtt_us >= 0,
        .rtt_us = rtt_us >= 0 ? (uint32_t)rtt_us : 0,
    };

    sweep->options.listener.found_open(sweep->options.listener.context, &found);
}

/* Ends the flight that the answer belongs to; its round-trip time in µs, or -1 when it had none or it is not to be
 * trusted: where tries cannot be told apart, only first tries are measured (Karn's rule). What others say of a host, or
 * this machine where no neighbour answers to the address (RFC 826 knows no "no"), is no measure of the host. */
static int64_t land(struct sweep *sweep, const struct sweep_answer *answer, uint32_t host, struct mono_time now)
{
    const struct flight *flight = flight_of(sweep, answer->probe);
    struct sweep_host *entry = &sweep->hosts[host];
    int64_t rtt_us;

    if (flight == NULL) {
        return -1;
    }
    rtt_us = (int64_t)((answer->took_ns > 0 ? answer->took_ns : now.ns - flight->sent_ns) / NS_PER_US);
    flight_end(sweep, (uint32_t)(flight - sweep->flights));
    host_grow(sweep, host);
    if (!answer->from_host) {
        return -1;
    }
    entry->ended++;
    entry->answered++;
    entry->silent_run = 0;
    return sweep->options.ops->tells_tries_apart || slab_host(sweep->options.slab, host)->pass == 0 ? rtt_us : -1;
}

void sweep_take(struct sweep *sweep, const struct sweep_answer *answer, struct mono_time now)
{
    uint32_t host = slab_host_of(sweep->options.slab, answer->probe);
    struct slab_host *facts = slab_host(sweep->options.slab, host);
    enum probe_answer before = slab_answer(sweep->options.slab, answer->probe);
    int64_t rtt_us;

    if (facts->done) {
        return;
    }
    rtt_us = land(sweep, answer, host, now);
    if (rtt_us >= 0) {
        rtt_sample(&facts->rtt, rtt_us > UINT32_MAX ? UINT32_MAX : (uint32_t)rtt_us);
        rtt_sample(&sweep->seed, rtt_us > UINT32_MAX ? UINT32_MAX : (uint32_t)rtt_us);
    }
    if (answer->answer >= PROBE_RST) {
        host_first_answer(sweep, host, answer->probe, now);
    }
    facts->heard |= answer->from_host;
    facts->last_answer_ms = now.ns / NS_PER_MS;
    if (slab_upgrade(sweep->options.slab, answer->probe, answer->answer, answer->reason)) {
        sweep->settled += before == PROBE_NONE ? 1 : 0;
        if (before <= PROBE_ICMP) {
            host_heed_answer(sweep, host, now);
        }
        if (answer->answer == PROBE_SYN_ACK) {
            tell_open(sweep, answer->probe, host, rtt_us);
        }
    }
    host_advance(sweep, host, now);
}

uint32_t sweep_taint(struct sweep *sweep)
{
    uint32_t count = 0;

    for (uint32_t slot = 0; slot < sweep->flight_room && count < sweep->in_flight; slot++) {
        if (sweep->flights[slot].active) {
            sweep->flights[slot].tainted = true;
            count++;
        }
    }
    return count;
}

void sweep_take_back(struct sweep *sweep, uint32_t probe, struct mono_time now)
{
    const struct flight *flight = flight_of(sweep, probe);
    uint32_t host;

    if (flight == NULL) {
        return;
    }
    host = flight->host;
    flight_release(sweep, (uint32_t)(flight - sweep->flights));
    slab_set_tried(sweep->options.slab, probe, false);
    slab_totals(sweep->options.slab)->sent--;
    exhausted(sweep, probe, host, now);
}

struct mono_time sweep_wakeup(const struct sweep *sweep)
{
    struct mono_time wakeup = {.ns = UINT64_MAX};
    struct mono_time due;
    uint32_t thing;

    if (sweep->more || !sweep->started) {
        return (struct mono_time){0};
    }
    if (timers_first(sweep->timers, &thing, &due)) {
        wakeup = due;
    }
    if (sweep->stopping || sweep->in_flight >= sweep->ceiling ||
        (sweep->ring.head == NOWHERE && (sweep->roomy == 0 || sweep->cursor >= sweep->options.order->count))) {
        return wakeup;
    }
    due = pacer_next(sweep->options.pacer, sweep->options.rate);
    if (due.ns < sweep->paused_until_ns) {
        due.ns = sweep->paused_until_ns;
    }
    return due.ns < wakeup.ns ? due : wakeup;
}

void sweep_stop(struct sweep *sweep)
{
    sweep->stopping = true;
    sweep->more = false;
}

bool sweep_is_done(const struct sweep *sweep)
{
    return sweep->hosts_left == 0 || (sweep->stopping && sweep->in_flight == 0);
}

bool sweep_is_complete(const struct sweep *sweep)
{
    return sweep->hosts_left == 0;
}

uint32_t sweep_ceiling(const struct sweep *sweep)
{
    return sweep->ceiling;
}

uint32_t sweep_in_flight(const struct sweep *sweep)
{
    return sweep->in_flight;
}

uint64_t sweep_settled(const struct sweep *sweep)
{
    return sweep->settled;
}

/* How many probes of each host this shard sends. */
static void count_undrawn(struct sweep *sweep)
{
    const struct sweep_options *options = &sweep->options;

    if (options->shard_count == 1) {
        for (uint32_t host = 0; host < slab_hosts(options->slab); host++) {
            sweep->hosts[host].undrawn =
                slab_host(options->slab, host + 1)->first_probe - slab_host(options->slab, host)->first_probe;
        }
        return;
    }
    for (uint64_t at = options->shard_index; at < options->order->count; at += options->shard_count) {
        sweep->hosts[slab_host_of(options->slab, (uint32_t)permutation_index(options->order, at))].undrawn++;
    }
}

/* Of a slab that was worked before: everything unanswered goes into its host's lists, in the permutation's order. */
static void requeue(struct sweep *sweep)
{
    const struct sweep_options *options = &sweep->options;

    for (; sweep->cursor < options->order->count; sweep->cursor += options->shard_count) {
        uint32_t probe = (uint32_t)permutation_index(options->order, sweep->cursor);
        uint32_t host = slab_host_of(options->slab, probe);
        struct sweep_host *entry = &sweep->hosts[host];
        entry->undrawn--;
        if (slab_answer(options->slab, probe) != PROBE_NONE) {
            sweep->settled++;
        } else if (slab_host(options->slab, host)->done) {
            sweep->settled++;
        } else if (slab_tried(options->slab, probe)) {
            probe_append(sweep, &entry->retry, probe);
        } else {
            probe_append(sweep, &entry->queue, probe);
            entry->pending++;
        }
    }
}

static void hosts_init(struct sweep *sweep)
{
    struct slab *slab = sweep->options.slab;

    for (uint32_t host = 0; host < slab_hosts(slab); host++) {
        struct sweep_host *entry = &sweep->hosts[host];
        entry->queue = (struct list){NOWHERE, NOWHERE};
        entry->retry = (struct list){NOWHERE, NOWHERE};
        if (slab_host(slab, host)->ceiling < HOST_CEILING_MIN) {
            slab_host(slab, host)->ceiling = HOST_CEILING_FIRST;
        }
        sweep->hosts_left += slab_host(slab, host)->done ? 0 : 1;
    }
    count_undrawn(sweep);
    if (slab_totals(slab)->sent > 0) {
        requeue(sweep);
    } else {
        for (uint32_t host = 0; host < slab_hosts(slab); host++) {
            sweep->hosts[host].pending = sweep->hosts[host].undrawn;
        }
    }
}

int sweep_create(const struct sweep_options *options, struct sweep **ret_sweep)
{
    struct sweep *sweep = calloc(1, sizeof(*sweep));
    uint32_t hosts = slab_hosts(options->slab);

    assert(options->shard_count >= 1 && options->shard_index < options->shard_count);
    assert(options->retries < LOSS_PASSES_MAX && options->order->count == slab_probes(options->slab));
    if (sweep == NULL) {
        return -ENOMEM;
    }
    sweep->options = *options;
    sweep->flight_room = options->ops->capacity(options->engine);
    sweep->ceiling = options->ceiling != 0 ? options->ceiling : CEILING_FIRST;
    sweep->ceiling = sweep->flight_room < sweep->ceiling ? sweep->flight_room : sweep->ceiling;
    sweep->growth = 1;
    sweep->growth_due = 1;
    sweep->cursor = options->shard_index;
    sweep->ring = (struct list){NOWHERE, NOWHERE};
    rtt_init(&sweep->seed, NULL);
    sweep->hosts = calloc((size_t)hosts + 1, sizeof(*sweep->hosts));
    sweep->next = calloc((size_t)slab_probes(options->slab) + 1, sizeof(*sweep->next));
    sweep->flights = calloc(sweep->flight_room, sizeof(*sweep->flights));
    sweep->free_flights = calloc(sweep->flight_room, sizeof(*sweep->free_flights));
    sweep->timers = timers_create(sweep->flight_room + hosts);
    if (sweep->hosts == NULL || sweep->next == NULL || sweep->flights == NULL || sweep->free_flights == NULL ||
        sweep->timers == NULL) {
        sweep_destroy(sweep);
        return -ENOMEM;
    }
    for (uint32_t slot = 0; slot < sweep->flight_room; slot++) {
        sweep->free_flights[slot] = sweep->flight_room - 1 - slot;
    }
    hosts_init(sweep);
    *ret_sweep = sweep;
    return 0;
}

void sweep_destroy(struct sweep *sweep)
{
    if (sweep == NULL) {
        return;
    }
    for (uint32_t slot = 0; sweep->flights != NULL && slot < sweep->flight_room; slot++) {
        if (sweep->flights[slot].active) {
            sweep->options.ops->cancel(sweep->options.engine, sweep->flights[slot].handle);
        }
    }
    timers_destroy(sweep->timers);
    free(sweep->free_flights);
    free(sweep->flights);
    free(sweep->next);
    free(sweep->hosts);
    free(sweep);
}
