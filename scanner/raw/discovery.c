#include "scanner/raw/discovery.h"

#include <stdlib.h>
#include <string.h>

struct kind {
    enum packet_probe probe;
    uint16_t port;
};

/* By how many they find and how little they disturb: 443, 80 and 22 are what is let through most; an echo is answered
 * unless it is filtered; an ACK passes filters that keep no state, and is answered by a RST; a datagram is answered by
 * the service or by an error. The last is the host's own port of the plan. */
static const struct kind kinds[DISCOVERY_KINDS - 1] = {
    {PACKET_TCP_SYN, 443}, {PACKET_ECHO, 0}, {PACKET_TCP_ACK, 80}, {PACKET_TCP_SYN, 80},
    {PACKET_TCP_SYN, 22},  {PACKET_UDP, 53}, {PACKET_UDP, 161},
};

struct discovery {
    enum packet_probe probe;
    uint32_t asked;
    uint16_t *ports; /* of the plan; of each host */
    struct slab *slab;
    struct permutation order;
};

static bool is_kind(enum packet_probe probe, uint16_t port)
{
    for (size_t i = 0; i < DISCOVERY_KINDS - 1; i++) {
        if (kinds[i].probe == probe && kinds[i].port == port) {
            return true;
        }
    }
    return false;
}

/* One that is not asked anyway; a host that is asked has more ports than there are kinds. */
static uint16_t choose_port(const struct discovery_options *options, uint32_t host)
{
    uint16_t port = 0;

    for (uint32_t turn = 0; turn < DISCOVERY_KINDS; turn++) {
        port = options->port(options->context, host, turn);
        if (!is_kind(options->probe, port)) {
            break;
        }
    }
    return port;
}

static bool fill(struct discovery *discovery, const struct discovery_options *options)
{
    uint32_t *first_probes = calloc((size_t)options->hosts + 1, sizeof(*first_probes));
    int rc;

    discovery->ports = calloc((size_t)options->hosts + 1, sizeof(*discovery->ports));
    if (first_probes == NULL || discovery->ports == NULL) {
        free(first_probes);
        return false;
    }
    for (uint32_t host = 0; host < options->hosts; host++) {
        bool asks = options->asks(options->context, host);
        first_probes[host + 1] = first_probes[host] + (asks ? DISCOVERY_KINDS : 0);
        if (asks) {
            discovery->asked++;
            discovery->ports[host] = choose_port(options, host);
        }
    }
    rc = slab_create(first_probes, options->hosts, &discovery->slab);
    free(first_probes);
    return rc == 0;
}

struct discovery *discovery_create(const struct discovery_options *options)
{
    struct discovery *discovery = calloc(1, sizeof(*discovery));

    if (discovery == NULL) {
        return NULL;
    }
    discovery->probe = options->probe;
    if (!fill(discovery, options)) {
        discovery_destroy(discovery);
        return NULL;
    }
    slab_expect_limits(discovery->slab);
    if (discovery->asked > 0) {
        permutation_init(&discovery->order, options->seed, 0, discovery->asked);
    }
    return discovery;
}

void discovery_destroy(struct discovery *discovery)
{
    if (discovery == NULL) {
        return;
    }
    slab_destroy(discovery->slab);
    free(discovery->ports);
    free(discovery);
}

uint32_t discovery_asked(const struct discovery *discovery)
{
    return discovery->asked;
}

struct slab *discovery_slab(const struct discovery *discovery)
{
    return discovery->slab;
}

const struct permutation *discovery_order(const struct discovery *discovery)
{
    return &discovery->order;
}

struct discovery_question discovery_question(const struct discovery *discovery, uint32_t probe)
{
    /* Each host that is asked has as many, so a probe's kind is its rest. */
    uint32_t kind = probe % DISCOVERY_KINDS;
    struct discovery_question question = {.host = slab_host_of(discovery->slab, probe)};

    if (kind == DISCOVERY_KINDS - 1) {
        question.probe = discovery->probe;
        question.port = discovery->ports[question.host];
    } else {
        question.probe = kinds[kind].probe;
        question.port = kinds[kind].port;
    }
    return question;
}

int64_t discovery_find(const struct discovery *discovery, const struct discovery_question *question)
{
    uint32_t first = slab_host(discovery->slab, question->host)->first_probe;

    if (slab_host(discovery->slab, question->host + 1)->first_probe == first) {
        return -1;
    }
    for (uint32_t kind = 0; kind < DISCOVERY_KINDS - 1; kind++) {
        if (kinds[kind].probe == question->probe && kinds[kind].port == question->port) {
            return (int64_t)first + kind;
        }
    }
    return question->probe == discovery->probe && question->port == discovery->ports[question->host]
               ? (int64_t)first + DISCOVERY_KINDS - 1
               : -1;
}

bool discovery_is_up(const struct discovery *discovery, uint32_t host, enum reason *ret_reason)
{
    uint32_t end = slab_host(discovery->slab, host + 1)->first_probe;
    enum probe_answer best = PROBE_NONE;

    *ret_reason = REASON_NO_RESPONSE;
    for (uint32_t probe = slab_host(discovery->slab, host)->first_probe; probe < end; probe++) {
        enum probe_answer answer = slab_answer(discovery->slab, probe);
        if (answer > best) {
            best = answer;
            *ret_reason = slab_reason(discovery->slab, probe);
        }
    }
    return best >= PROBE_RST;
}
