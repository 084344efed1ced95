/* Questions to the running daemon over its control socket, and the answers. Blocks. */
#ifndef LEASTPORT_AUDITD_ASK_H
#define LEASTPORT_AUDITD_ASK_H

#include "lib/addr.h"

#include <jansson.h>

/* Sends `request` as a line and reads one. -ENOENT or -ECONNREFUSED when nobody listens there, -EPROTO when the answer
 * is no object with "ok", -ETIMEDOUT after half a minute, else what the kernel said. The caller owns *ret_answer. */
MUST_USE int ask_daemon(const char *control_path, const json_t *request, json_t **ret_answer);

/* The same for a command: what goes wrong, and what the daemon refuses (-EPROTO), is said on standard error.
 * `otherwise` says what can be done without a daemon; NULL: nothing. Takes `request`, which may be NULL: out of memory.
 */
MUST_USE int ask_and_say(const char *control_path, json_t *request, const char *otherwise, json_t **ret_answer);

/* A connection for several questions, by blocking calls. */
struct ask;

/* An answer is waited for so long. -ENOENT or -ECONNREFUSED when nobody listens there, -ENAMETOOLONG, -ENOMEM, else
 * what the kernel said. The caller owns it: ask_close(). */
MUST_USE int ask_open(const char *control_path, unsigned patience_s, struct ask **ret_ask);

/* As ask_daemon(), of a daemon that answered before; -EPROTO also when it went away. Takes `request`, which may be
 * NULL: -ENOMEM. */
MUST_USE int ask_tell(struct ask *ask, json_t *request, json_t **ret_answer);

/* Takes NULL. */
void ask_close(struct ask *ask);

#endif
