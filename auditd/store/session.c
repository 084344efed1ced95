#include "auditd/store/session.h"

#include "auditd/protocol.h"
#include "auditd/store/sql.h"

int store_session_put(struct store *store, const char *hash, const char *token, int64_t begun_ms, int64_t seen_ms)
{
    return store_run(store,
                     "INSERT INTO session (hash, token_id, begun_at, seen_at)"
                     " SELECT ?, id, ?, ? FROM token WHERE public_id = ? AND revoked_at IS NULL"
                     " ON CONFLICT (hash) DO UPDATE SET seen_at = max(seen_at, excluded.seen_at)",
                     "tiit", hash, begun_ms, seen_ms, token);
}

int store_session_end(struct store *store, const char *hash)
{
    return store_run(store, "DELETE FROM session WHERE hash = ?", "t", hash);
}

int store_sessions_end(struct store *store, int64_t token_id)
{
    return store_run(store, "DELETE FROM session WHERE token_id = ?", "i", token_id);
}

int store_sessions_sweep(struct store *store, int64_t now_ms)
{
    int rc =
        store_run(store, "DELETE FROM session WHERE begun_at <= ? OR seen_at <= ? OR begun_at > ?", "iii",
                  now_ms - CONTROL_SESSION_LIFE_MS, now_ms - CONTROL_SESSION_IDLE_MS, now_ms + CONTROL_SESSION_SKEW_MS);

    return rc < 0 ? rc
                  : store_run(store,
                              "DELETE FROM session WHERE hash IN"
                              " (SELECT hash FROM session ORDER BY seen_at DESC LIMIT -1 OFFSET ?)",
                              "i", (int64_t)CONTROL_SESSIONS_MAX);
}
