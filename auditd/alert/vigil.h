/* Looks from time to time at what Leastport must say about itself: realms that are scanned no more, canaries that are
 * silent, waivers that end soon. The words are store/condition.h's. */
#ifndef LEASTPORT_AUDITD_ALERT_VIGIL_H
#define LEASTPORT_AUDITD_ALERT_VIGIL_H

#include "auditd/store/store.h"

#include <uv.h>

/* Once, in a transaction. */
MUST_USE int vigil_look(struct store *store, int64_t max_age_ms, int64_t now_ms);

struct vigil;

struct vigil_options {
    struct store *store; /* borrowed until vigil_destroy() */
    int64_t max_age_ms;
    /* Whether the store may be written to now. */
    bool (*may_write)(void *context);
    void *context;
};

/* At once, and then every minute. NULL when out of memory. */
struct vigil *vigil_create(uv_loop_t *loop, const struct vigil_options *options);
/* Looks no more. Takes NULL; a second call does nothing. */
void vigil_stop(struct vigil *vigil);
/* After the loop has run its closing callbacks. Takes NULL. */
void vigil_destroy(struct vigil *vigil);

#endif
