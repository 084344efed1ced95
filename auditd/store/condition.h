/* What Leastport has to say about itself: from when to when something is amiss. A row for each time that it begins. */
#ifndef LEASTPORT_AUDITD_STORE_CONDITION_H
#define LEASTPORT_AUDITD_STORE_CONDITION_H

#include "auditd/store/store.h"

#include <jansson.h>

enum { STORE_CONDITION_NAME_SIZE = 160, STORE_CONDITION_TEXT_SIZE = 480 };

/* A realm had no complete scan for too long, or none of a fifth of its hosts; the subject is its name. */
#define STORE_CONDITION_STALE "stale-realm"
/* The canary of a place gave no answer; REALM/VANTAGE. */
#define STORE_CONDITION_CANARY "silent-canary"
/* Waivers end soon: OWNER and date, or the uuid of one by rule and hosts. */
#define STORE_CONDITION_WAIVER "waiver-ends"
/* A scan saw far fewer open endpoints than the one before it; REALM/VANTAGE. While it holds nothing of the realm turns
 * FIXED (finding/hold.h). */
#define STORE_CONDITION_FEWER "fewer-open"

/* It holds from now on; nothing when it held already. `text` says it to a person. Within a transaction, as all here
 * that write. */
MUST_USE int store_condition_raise(struct store *store, const char *kind, const char *subject, const char *text,
                                   int64_t now_ms);
struct store_condition_ending {
    const char *kind;
    const char *subject;
    const char *actor; /* who ends it; "" when it ends by itself */
    int64_t now_ms;
};

MUST_USE int store_condition_end(struct store *store, const struct store_condition_ending *ending, bool *ret_held);
MUST_USE int store_condition_holds(struct store *store, const char *kind, const char *subject, bool *ret_holds);
/* Whether one of STORE_CONDITION_FEWER holds for a vantage of the realm. */
MUST_USE int store_condition_realm_is_held(struct store *store, const char *realm, bool *ret_held);

/* Raises and ends those of the first three kinds, as the store says now. */
MUST_USE int store_condition_look(struct store *store, int64_t max_age_ms, int64_t now_ms);

struct stored_condition {
    char kind[STORE_CONDITION_NAME_SIZE];
    char subject[STORE_CONDITION_NAME_SIZE];
    char text[STORE_CONDITION_TEXT_SIZE];
};

/* The first that nobody was told of, which counts as told from now on. -ENOENT. */
MUST_USE int store_condition_take(struct store *store, struct stored_condition *ret_condition);

/* Those that hold, the oldest first: {"kind", "subject", "text", "since"}; a new reference. */
MUST_USE int store_condition_list(struct store *store, json_t **ret_list);

#endif
