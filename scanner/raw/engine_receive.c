/* Frames that come in, and what becomes of them. */
#include "scanner/raw/engine_inner.h"

#include <string.h>

/* How often this machine's own losses are asked for. */
static const uint64_t LOSSES_EVERY_NS = UINT64_C(2) * 1000 * 1000;
static const uint64_t ALLOWANCE_EVERY_NS = UINT64_C(50) * 1000 * 1000;

static int64_t find_probe(const struct raw_engine *engine, uint32_t link, struct answer *answer)
{
    const struct raw_engine_map *map = &engine->slab.map;

    if ((engine->phase != PROBING && engine->phase != WAITING) || answer->probe != engine->options.probe) {
        return -1;
    }
    answer->host.zone = paths_zone(engine->paths, link, &answer->host, &answer->local);
    return map->find(map->context, &answer->host, answer->port);
}

/* A source port stands for a try; one that was not made yet is an accident, or made up. */
static bool knows_try(const struct raw_engine *engine, uint32_t probe, uint8_t try_number)
{
    uint32_t host = slab_host_of(engine->slab.slab, probe);

    return engine->phase == WAITING ? patience_knows_try(engine->patience, host, try_number)
                                    : try_number <= slab_host(engine->slab.slab, host)->pass;
}

static void take_gathered(struct raw_engine *engine)
{
    if (engine->taken_count > 0) {
        /* Taking takes time, and what is taken last may have left after the step began. */
        engine->now = mono_now();
        volley_take(engine->volley, engine->taken, engine->taken_count, engine->now);
        engine->taken_count = 0;
    }
}

/* The latest of those that are gathered. */
static void give_answer(struct raw_engine *engine)
{
    if (engine->phase == WAITING) {
        patience_take(engine->patience, &engine->taken[0], engine->now);
        return;
    }
    engine->taken_count++;
    if (engine->taken_count == VOLLEY_BATCH) {
        take_gathered(engine);
    }
}

static void refuse(struct raw_engine *engine, enum answer_refusal why, const struct answer *answer)
{
    if (why == ANSWER_COOKIE && engine->refused[why] == 0) {
        engine->stranger = answer->responder;
    }
    engine->refused[why]++;
}

/* To none of the slab's probes. By chance a stranger's port may be that of a try of his own. */
static void miss(struct raw_engine *engine, uint32_t link, const struct answer *answer)
{
    const struct addr *canary = engine->options.canary;
    struct addr host = answer->host;

    host.zone = paths_zone(engine->paths, link, &host, &answer->local);
    if (space_has(engine->options.space, &host, answer->port) || (canary != NULL && addr_equal(canary, &host))) {
        engine->late++;
    } else {
        refuse(engine, ANSWER_COOKIE, answer);
    }
}

static void take_answer(struct raw_engine *engine, uint32_t link, struct answer *answer)
{
    static const char *const proofs[] = {
        [PAYLOAD_FOREIGN] = "port", [PAYLOAD_PLAUSIBLE] = "port", [PAYLOAD_PROVEN] = "id"};
    static const enum probe_answer weights[] = {[ANSWER_SYN_ACK] = PROBE_SYN_ACK,
                                                [ANSWER_RST] = PROBE_RST,
                                                [ANSWER_ICMP] = PROBE_ICMP,
                                                [ANSWER_UDP] = PROBE_SYN_ACK};
    int64_t probe = find_probe(engine, link, answer);
    /* Filled where it stays: a copy would wait until all its parts are stored. */
    struct sweep_answer *taken = &engine->taken[engine->taken_count];

    if (probe < 0) {
        miss(engine, link, answer);
        return;
    }
    if (!knows_try(engine, (uint32_t)probe, answer->try_number)) {
        refuse(engine, ANSWER_COOKIE, answer);
        return;
    }
    taken->probe = (uint32_t)probe;
    taken->answer = weights[answer->kind];
    taken->reason = answer->reason;
    taken->from_host = answer->from_host;
    taken->try_number = answer->try_number;
    taken->proof = answer->kind == ANSWER_UDP ? proofs[answer->verdict] : NULL;
    /* The port itself says that nothing listens (RFC 1122, 4.1.3.1): closed, for UDP. */
    if (answer->kind == ANSWER_ICMP && engine->options.probe == PACKET_UDP && answer->from_host &&
        answer->reason == REASON_PORT_UNREACH) {
        taken->answer = PROBE_RST;
    }
    engine->foreign += answer->from_host ? 0 : 1;
    if (answer->kind == ANSWER_SYN_ACK && answer->window == 0 &&
        slab_answer(engine->slab.slab, taken->probe) != PROBE_SYN_ACK) {
        engine->options.listener.zero_window(engine->options.listener.context,
                                             slab_host_of(engine->slab.slab, taken->probe));
    }
    give_answer(engine);
}

/* The question that it answers, or -1. */
static int64_t find_question(const struct raw_engine *engine, uint32_t link, struct answer *answer)
{
    const struct raw_engine_map *map = &engine->slab.map;
    struct discovery_question question = {.probe = answer->probe, .port = answer->port};
    int64_t host;

    answer->host.zone = paths_zone(engine->paths, link, &answer->host, &answer->local);
    host = map->find_host(map->context, &answer->host);
    if (host < 0) {
        return -1;
    }
    question.host = (uint32_t)host;
    return discovery_find(engine->discovery, &question);
}

/* Whatever the host itself says shows that it is there, and only that; its ports are asked later. */
static void take_discovered(struct raw_engine *engine, uint32_t link, struct answer *answer)
{
    int64_t probe = find_question(engine, link, answer);
    struct slab *slab = discovery_slab(engine->discovery);
    bool echo = answer->kind == ANSWER_ECHO;

    if (probe < 0) {
        engine->late++;
        return;
    }
    if (answer->try_number > slab_host(slab, slab_host_of(slab, (uint32_t)probe))->pass) {
        engine->refused[ANSWER_COOKIE]++;
        return;
    }
    engine->taken[engine->taken_count] = (struct sweep_answer){.probe = (uint32_t)probe,
                                                               .answer = answer->kind != ANSWER_ICMP ? PROBE_SYN_ACK
                                                                         : answer->from_host         ? PROBE_RST
                                                                                                     : PROBE_ICMP,
                                                               .reason = echo ? REASON_ECHO_REPLY : answer->reason,
                                                               .from_host = echo || answer->from_host,
                                                               .try_number = answer->try_number};
    give_answer(engine);
}

void engine_take_frame(void *context, uint32_t link, const struct link_frame *frame)
{
    struct raw_engine *engine = context;
    unsigned int flags = (links_layer(engine->links, link) == LINK_ETHERNET ? ANSWER_ETHERNET : 0U) |
                         (frame->checksum_pending ? ANSWER_UNVERIFIED : 0U);
    struct answer answer;

    engine->frames++;
    answer_read(&engine->reader, frame->bytes, frame->length, flags, &answer);
    switch (answer.kind) {
    case ANSWER_SYN_ACK:
    case ANSWER_RST:
    case ANSWER_ICMP:
    case ANSWER_UDP:
    case ANSWER_ECHO:
        if (engine->phase == DISCOVERING) {
            take_discovered(engine, link, &answer);
        } else if (answer.kind != ANSWER_ECHO) {
            take_answer(engine, link, &answer);
        }
        break;
    case ANSWER_ARP:
    case ANSWER_NEIGHBOUR:
        paths_take(engine->paths, link, &answer);
        break;
    case ANSWER_REFUSED:
        /* Any program here may have sent an echo. */
        if (answer.probe != PACKET_ECHO) {
            refuse(engine, answer.refusal, &answer);
        }
        break;
    case ANSWER_OTHER:
        break;
    }
}

void engine_hear_allowance(struct raw_engine *engine)
{
    uint64_t before = engine->allowance_exceeded;

    if (mono_elapsed_ns(engine->allowance_asked, engine->now) < ALLOWANCE_EVERY_NS) {
        return;
    }
    engine->allowance_asked = engine->now;
    engine->allowance_exceeded = links_allowance_exceeded(engine->links, &engine->allowance_name);
    if (engine->volley != NULL && engine->allowance_exceeded > before) {
        volley_lost_here(engine->volley, engine->allowance_exceeded - before, engine->now);
    }
}

void engine_hear_losses(struct raw_engine *engine)
{
    struct link_losses before = engine->losses;

    if (mono_elapsed_ns(engine->losses_asked, engine->now) < LOSSES_EVERY_NS) {
        return;
    }
    engine->losses_asked = engine->now;
    engine->losses = links_losses(engine->links);
    if (engine->volley != NULL && engine->losses.receive_drops > before.receive_drops) {
        volley_lost_here(engine->volley, engine->losses.receive_drops - before.receive_drops, engine->now);
    }
}

static int receive(struct raw_engine *engine, struct problem *problem)
{
    uint32_t link = 0;
    int rc = links_receive(engine->links, TAKE_AT_ONCE, engine_take_frame, engine, &link);

    take_gathered(engine);
    return rc < 0 ? problem_set(problem, rc, "%s: receiving: %s", links_interface(engine->links, link), strerror(-rc))
                  : 0;
}

/* What had come in before it began is taken, unless it is too much for once. */
int engine_hear(struct raw_engine *engine, struct problem *problem)
{
    struct mono_time begun = engine->now;
    int rc = receive(engine, problem);

    if (engine->frames < TAKE_AT_ONCE) {
        engine->heard = begun;
    }
    if (engine->volley != NULL) {
        volley_heard(engine->volley, engine->heard);
    }
    return rc;
}
