/* Asks auditd over its control socket how it is. Short time-outs: a page never waits for a hung daemon. */
#ifndef LEASTPORT_WEB_CONTROL_H
#define LEASTPORT_WEB_CONTROL_H

enum control_state {
    CONTROL_UNKNOWN, /* no socket was named */
    CONTROL_STOPPED, /* nobody listens there */
    CONTROL_SILENT,  /* it listens but gave no good answer in time */
    CONTROL_RUNNING,
};

enum { CONTROL_TIMEOUT_MS = 300 };

/* `path` may be NULL. */
enum control_state control_ask(const char *path);
const char *control_state_name(enum control_state state);

#endif
