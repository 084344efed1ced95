/* Logins of browsers, as the web server has them in memory. A cookie's value is not kept, only its hash; auditd keeps
 * the same, so that a session outlasts the server. Safe from several threads. */
#ifndef LEASTPORT_WEB_SESSION_H
#define LEASTPORT_WEB_SESSION_H

#include "auditd/protocol.h"
#include "lib/clock.h"
#include "lib/token.h"

#include <stdbool.h>

struct session_table;

enum {
    SESSION_MAX = CONTROL_SESSIONS_MAX,
    SESSION_ID_SIZE = 65,
    SESSION_HASH_SIZE = 65,
    SESSION_CSRF_SIZE = 33,
    SESSION_IDLE_MS = CONTROL_SESSION_IDLE_MS,
    SESSION_LIFE_MS = CONTROL_SESSION_LIFE_MS,
    SESSION_TELL_MS = 60 * 1000,
};

struct session {
    char token[TOKEN_ID_SIZE];
    char csrf[SESSION_CSRF_SIZE];
    uint32_t left_ms; /* until it ends in any case */
    bool is_to_tell;  /* at most once in SESSION_TELL_MS: auditd should know that it was used */
};

/* `port` is the server's: another server's cookies open nothing here. NULL when out of memory. The caller owns it:
 * session_table_destroy(). */
struct session_table *session_table_create(uint16_t port);
void session_table_destroy(struct session_table *table);

/* What is kept of a cookie's value: BLAKE2b-256 of it and the port, hexadecimal. */
void session_hash(const struct session_table *table, const char *id, char ret_hash[SESSION_HASH_SIZE]);

/* A new session of this token, and the cookie's value. When there are SESSION_MAX the one that was quiet for longest
 * gives way. */
void session_begin(struct session_table *table, const char *token, struct mono_time now, char ret_id[SESSION_ID_SIZE]);
/* One that is not in memory and was begun `age_ms` ago. Nothing when it is there by now, or has ended. */
void session_recall(struct session_table *table, const char *id, const char *token, uint64_t age_ms,
                    struct mono_time now);
/* Looks at it, which keeps it from ending of idleness. -ENOENT when nothing is known of it here; -ESTALE when it has
 * ended. */
MUST_USE int session_find(struct session_table *table, const char *id, struct mono_time now,
                          struct session *ret_session);
/* It opens nothing any more, whoever else remembers it. */
void session_end(struct session_table *table, const char *id, struct mono_time now);
/* Whether there is one, without looking at it in that sense. */
bool session_lives(struct session_table *table, const char *id, struct mono_time now);
/* Another number than before: one has ended before its time. */
uint32_t session_ends(const struct session_table *table);

#endif
