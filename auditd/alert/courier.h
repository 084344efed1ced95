/* Delivers the outbox: one attempt at a time for each receiver, all of them on the loop by libcurl's multi interface.
 * Knows the order of steps and when to try again; drivers know the receivers. */
#ifndef LEASTPORT_AUDITD_ALERT_COURIER_H
#define LEASTPORT_AUDITD_ALERT_COURIER_H

#include "auditd/config/config.h"
#include "auditd/store/store.h"

#include <stdbool.h>
#include <uv.h>

struct courier;

struct courier_options {
    const struct config_alerts *alerts; /* borrowed, as is the store */
    struct store *store;
    /* Whether the store may be written to now: nobody else is in the middle of a transaction. NULL: always. */
    bool (*may_write)(void *context);
    /* Only what is due when it begins, once each. */
    bool is_once;
    /* Called each time that nothing is under way and nothing is due. May be NULL. */
    void (*on_idle)(void *context);
    void *context;
};

/* -errno. What waits for receivers that the configuration has not is dead, and said. The caller owns the result:
 * courier_stop(), then courier_destroy() when the loop has run. */
MUST_USE int courier_create(uv_loop_t *loop, const struct courier_options *options, struct courier **ret_courier);
/* What is under way is given up; it is tried again by the next one. Takes NULL. */
void courier_stop(struct courier *courier);
void courier_destroy(struct courier *courier);

/* How long to wait after that many attempts: doubled with each up to the longest, less up to a quarter by `random`. */
int64_t courier_wait_ms(const struct config_alerts *alerts, int64_t attempts, uint32_t random);

/* After a failure at `now_ms`: tried for long enough, and often enough. The time alone may have passed while no daemon
 * ran, or be a clock that was set. */
bool courier_gives_up(const struct config_alerts *alerts, int64_t attempts, int64_t tried_since_ms, int64_t now_ms);

#endif
