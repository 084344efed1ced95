/* Logins of browsers, in memory: they end with the program. A cookie's value is not kept, only its hash. Safe from
 * several threads. */
#ifndef LEASTPORT_WEB_SESSION_H
#define LEASTPORT_WEB_SESSION_H

#include "lib/clock.h"
#include "lib/token.h"

#include <stdbool.h>

struct session_table;

enum {
    SESSION_MAX = 4096,
    SESSION_ID_SIZE = 65,
    SESSION_CSRF_SIZE = 33,
    SESSION_IDLE_MS = 60 * 60 * 1000,
    SESSION_LIFE_MS = 12 * 60 * 60 * 1000,
};

struct session {
    char token[TOKEN_ID_SIZE];
    char csrf[SESSION_CSRF_SIZE];
    uint32_t left_ms; /* until it ends in any case */
};

/* NULL when out of memory. The caller owns it: session_table_destroy(). */
struct session_table *session_table_create(void);
void session_table_destroy(struct session_table *table);

/* A new session of this token, and the cookie's value. When there are SESSION_MAX the one that was quiet for longest
 * gives way. */
void session_begin(struct session_table *table, const char *token, struct mono_time now, char ret_id[SESSION_ID_SIZE]);
/* Looks at it, which keeps it from ending of idleness. -ENOENT when there is none, or none any more. */
MUST_USE int session_find(struct session_table *table, const char *id, struct mono_time now,
                          struct session *ret_session);
void session_end(struct session_table *table, const char *id);
/* Whether there is one, without looking at it in that sense. */
bool session_lives(struct session_table *table, const char *id, struct mono_time now);
/* Another number than before: one has ended before its time. */
uint32_t session_ends(const struct session_table *table);

#endif
