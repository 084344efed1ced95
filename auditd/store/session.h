/* Rows of browsers' sessions: what web saw of them, so that they outlast it. All inside a transaction of the caller's.
 */
#ifndef LEASTPORT_AUDITD_STORE_SESSION_H
#define LEASTPORT_AUDITD_STORE_SESSION_H

#include "auditd/store/store.h"

/* A session of the token with that public id, or that it was used again; nothing when there is no such token, or it was
 * revoked. `hash` is 64 digits. */
MUST_USE int store_session_put(struct store *store, const char *hash, const char *token, int64_t begun_ms,
                               int64_t seen_ms);
MUST_USE int store_session_end(struct store *store, const char *hash);
/* All of a token's. */
MUST_USE int store_sessions_end(struct store *store, int64_t token_id);
/* Those whose time is over go, and of too many those that were quiet for longest. */
MUST_USE int store_sessions_sweep(struct store *store, int64_t now_ms);

#endif
