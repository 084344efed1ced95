#include "scanner/service/candidates.h"

#include <assert.h>
#include <string.h>

void candidates_init(struct candidates *candidates, const struct protocol *const *table, size_t count, uint16_t port)
{
    assert(count <= CANDIDATES_MAX);
    *candidates = (struct candidates){.table = table, .count = count, .port = port};
}

static uint64_t place_of(const struct candidates *candidates, const struct protocol *protocol)
{
    for (size_t i = 0; i < candidates->count; i++) {
        if (candidates->table[i] == protocol) {
            return UINT64_C(1) << i;
        }
    }
    return 0;
}

bool candidates_tried(const struct candidates *candidates, const struct protocol *protocol)
{
    return (candidates->tried[candidates->secured] & place_of(candidates, protocol)) != 0;
}

void candidates_set_tried(struct candidates *candidates, const struct protocol *protocol)
{
    candidates->tried[candidates->secured] |= place_of(candidates, protocol);
}

void candidates_clear_tried(struct candidates *candidates, const struct protocol *protocol)
{
    candidates->tried[candidates->secured] &= ~place_of(candidates, protocol);
}

void candidates_clear_waiting(struct candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        if (candidates->table[i]->waits) {
            candidates_clear_tried(candidates, candidates->table[i]);
        }
    }
}

bool candidates_is_likely(const struct candidates *candidates, const struct protocol *protocol)
{
    return protocol_is_likely(protocol, candidates->port, false) ||
           (candidates->secured && protocol_is_likely(protocol, candidates->port, true));
}

/* Rank 0 is the last: it is there only because something suggests it. */
static bool comes_before(const struct protocol *a, const struct protocol *b)
{
    return b == NULL || (uint8_t)(a->rank - 1) < (uint8_t)(b->rank - 1);
}

const struct protocol *candidates_likely(const struct candidates *candidates)
{
    const struct protocol *best = NULL;

    for (size_t i = 0; i < candidates->count; i++) {
        const struct protocol *protocol = candidates->table[i];
        if (protocol->ask != NULL && candidates_is_likely(candidates, protocol) &&
            !candidates_tried(candidates, protocol) && comes_before(protocol, best)) {
            best = protocol;
        }
    }
    return best;
}

const struct protocol *candidates_http(const struct candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        if (strcmp(candidates->table[i]->name, "http") == 0 && !candidates_tried(candidates, candidates->table[i])) {
            return candidates->table[i];
        }
    }
    return NULL;
}

const struct protocol *candidates_ranked(const struct candidates *candidates)
{
    const struct protocol *best = NULL;

    for (size_t i = 0; i < candidates->count; i++) {
        const struct protocol *protocol = candidates->table[i];
        if (protocol->ask != NULL && protocol->rank > 0 && !candidates_tried(candidates, protocol) &&
            comes_before(protocol, best)) {
            best = protocol;
        }
    }
    return best;
}

const struct protocol *candidates_maybe(const struct candidates *candidates, struct span bytes)
{
    const struct protocol *best = NULL;

    for (size_t i = 0; i < candidates->count; i++) {
        const struct protocol *protocol = candidates->table[i];
        if (!candidates_tried(candidates, protocol) && protocol->recognise(bytes) == PROTOCOL_MAYBE &&
            (best == NULL || (candidates_is_likely(candidates, protocol) && !candidates_is_likely(candidates, best)))) {
            best = protocol;
        }
    }
    return best;
}

const struct protocol *candidates_recognise(const struct candidates *candidates, struct span bytes, bool *ret_maybe)
{
    *ret_maybe = false;
    for (size_t i = 0; i < candidates->count; i++) {
        enum protocol_match match = candidates->table[i]->recognise(bytes);
        if (match == PROTOCOL_YES) {
            return candidates->table[i];
        }
        *ret_maybe |= match == PROTOCOL_MAYBE;
    }
    return NULL;
}

bool candidates_expect_greeting(const struct candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        if (candidates->table[i]->greets && candidates_is_likely(candidates, candidates->table[i])) {
            return true;
        }
    }
    return false;
}

bool candidates_expect_delicate(const struct candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        if (candidates->table[i]->delicate && candidates_is_likely(candidates, candidates->table[i])) {
            return true;
        }
    }
    return false;
}

bool candidates_expect_tls(const struct candidates *candidates)
{
    bool expected = false;

    for (size_t i = 0; i < candidates->count; i++) {
        if (protocol_is_likely(candidates->table[i], candidates->port, false)) {
            return false;
        }
        expected |= protocol_is_likely(candidates->table[i], candidates->port, true);
    }
    return expected;
}
