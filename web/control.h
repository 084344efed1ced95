/* Asks auditd over its control socket: how it is, or for something. With time-outs: a page never waits for a hung
 * daemon. */
#ifndef LEASTPORT_WEB_CONTROL_H
#define LEASTPORT_WEB_CONTROL_H

#include "lib/addr.h"

#include <jansson.h>

enum control_state {
    CONTROL_UNKNOWN, /* no socket was named */
    CONTROL_STOPPED, /* nobody listens there */
    CONTROL_SILENT,  /* it listens but gave no good answer in time */
    CONTROL_RUNNING,
};

enum { CONTROL_TIMEOUT_MS = 300, CONTROL_HINDRANCE_SIZE = 256 };

/* `path` may be NULL. What keeps the daemon from writing its database is written to `ret_hindrance`; "" for nothing, or
 * when it does not say. */
enum control_state control_ask(const char *path, char ret_hindrance[CONTROL_HINDRANCE_SIZE]);
/* Sends a line and reads one, of at most 8 MiB. -ECONNREFUSED when nobody listens there, -ETIMEDOUT when no good answer
 * came in `patience_ms`, -ENOMEM. The caller owns *ret_answer. */
MUST_USE int control_request(const char *path, const json_t *request, uint32_t patience_ms, json_t **ret_answer);
const char *control_state_name(enum control_state state);

#endif
