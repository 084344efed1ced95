#include "auditd/finding/declared.h"

#include "auditd/store/cloud_verdict.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

struct declared {
    struct store_cloud_verdicts verdicts;
};

/* From what keeps most out to what lets most in. */
static const struct {
    const char *stored;
    const char *fact;
} RANKS[] = {{"BLOCKED", "blocked"},
             {"BLOCKED_RETURN", "blocked-return"},
             {"UNKNOWN", "unknown"},
             {"CONDITIONAL", "conditional"},
             {"REACHABLE", "reachable"}};

enum { RANK_COUNT = sizeof(RANKS) / sizeof(*RANKS) };

int declared_load(struct store *store, int64_t asset_id, struct declared **ret_declared)
{
    const struct store_cloud_verdict_ask ask = {.asset_id = asset_id, .port = -1};
    struct declared *declared = calloc(1, sizeof(*declared));
    int rc = declared == NULL ? store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory")
                              : store_cloud_verdicts_load(store, &ask, &declared->verdicts);

    if (rc < 0) {
        declared_destroy(declared);
        return rc;
    }
    *ret_declared = declared;
    return 0;
}

void declared_destroy(struct declared *declared)
{
    if (declared != NULL) {
        store_cloud_verdicts_done(&declared->verdicts);
        free(declared);
    }
}

static size_t rank_of(const char *verdict)
{
    size_t rank = 0;

    while (rank < RANK_COUNT && strcmp(RANKS[rank].stored, verdict) != 0) {
        rank++;
    }
    return rank;
}

const char *declared_of(const struct declared *declared, bool is_udp, uint16_t port)
{
    size_t best = RANK_COUNT;

    for (size_t i = 0; declared != NULL && i < declared->verdicts.count; i++) {
        const struct store_cloud_verdict *verdict = &declared->verdicts.items[i];
        size_t rank = rank_of(verdict->verdict);
        if (strcmp(verdict->sources, "world") == 0 && verdict->protocol == (is_udp ? PROTO_UDP : PROTO_TCP) &&
            verdict->first_port <= port && port <= verdict->last_port && rank < RANK_COUNT &&
            (best == RANK_COUNT || rank > best)) {
            best = rank;
        }
    }
    return best == RANK_COUNT ? NULL : RANKS[best].fact;
}
