/* What the next plan must look at whatever happens: endpoints stored as open, the canary, what waits for a second
 * probe. */
#ifndef LEASTPORT_AUDITD_WATCH_H
#define LEASTPORT_AUDITD_WATCH_H

#include "auditd/store/store.h"

#include <jansson.h>

struct watch_place {
    const char *realm;
    const char *vantage;
};

/* NULL `within` takes every address. */
struct watch_filter {
    bool (*within)(void *context, const struct addr *address);
    void *context;
    /* At most so many: a plan is one line of at most SCAN_LINE_MAX_BYTES. */
    size_t limit;
};

enum { WATCH_LIMIT_DEFAULT = 8192 };

/* A new JSON array of {"host","proto","port"} for the plan's `watch`: endpoints of living assets whose finding or
 * interval is not closed for good, from this realm and vantage. The caller owns *ret_watch. `ret_left_out` counts what
 * `limit` cut. */
MUST_USE int watch_list(struct store *store, const struct watch_place *place, const struct watch_filter *filter,
                        json_t **ret_watch, size_t *ret_left_out);

/* What a short scan should probe a second time right now: endpoints that refused once, and open ones whose finding is
 * NEW. Same shape. */
MUST_USE int watch_to_verify(struct store *store, const struct watch_place *place, const struct watch_filter *filter,
                             json_t **ret_endpoints);

enum { WATCH_KNOWN_LIMIT = 2048 };

/* How an endpoint was asked that need not be asked again. */
struct watch_asked {
    int64_t since_ms;
    bool doors; /* by questions, too, that show whether a stranger is let in */
};

/* What needs not be asked again: open endpoints of that place whose servers shut out who asks often (lib/lockout.h),
 * were asked so, and have not been seen other than open since. A new array of
 * {"host","proto","port","service","asked"}, as the plan's `services.known` has it; the caller owns it. */
MUST_USE int watch_known(struct store *store, const struct watch_place *place, const struct watch_filter *filter,
                         const struct watch_asked *asked, json_t **ret_known);

/* The plan's `canary`, a new {"host","proto","port"}: the configured one, else the endpoint that has been open longest
 * in that place. -ENOENT when there is none. A configured canary is put into the store by watch_canary_set(). */
MUST_USE int watch_canary(struct store *store, const struct watch_place *place, json_t **ret_canary);

MUST_USE int watch_canary_set(struct store *store, const struct watch_place *place, const struct addr *host,
                              bool is_udp, uint16_t port);

struct watch_answer {
    int64_t realm_id;
    int64_t vantage_id;
    const struct addr *host;
    bool is_udp;
    uint16_t port;
    int64_t at_ms;
};

/* The canary answered: its row, made when it is missing, remembers when. */
MUST_USE int watch_canary_answered(struct store *store, const struct watch_answer *answer);

#endif
