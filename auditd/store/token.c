#include "auditd/store/token.h"

#include "auditd/report/typeset.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <stdio.h>

enum { TOKEN_USED_EVERY_MS = 60000 };

int store_token_put(struct store *store, const struct store_new_token *token, int64_t *ret_id)
{
    char scopes[SCOPES_TEXT_SIZE];
    int rc =
        store_run(store,
                  "INSERT INTO token (public_id, kind, name, hash, role, scopes, created_at, created_by, expires_at)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0)) ON CONFLICT DO NOTHING",
                  "ttttttiti", token->public_id, token->kind, token->name, token->hash, role_name(token->role),
                  scopes_format(token->scopes, scopes), token->created_at, token->created_by, token->expires_at);

    if (rc == 0 && store_changes(store) == 0) {
        return -EEXIST;
    }
    if (rc == 0) {
        *ret_id = store_last_id(store);
    }
    return rc;
}

int store_token_limit(struct store *store, int64_t token_id, const char *kind, const char *value)
{
    return store_run(store, "INSERT OR IGNORE INTO token_limit (token_id, kind, value) VALUES (?, ?, ?)", "itt",
                     token_id, kind, value);
}

int store_token_find(struct store *store, const char *name, int64_t *ret_id, char ret_public_id[16])
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT id, public_id FROM token WHERE revoked_at IS NULL AND (public_id = ?1 OR name = ?1)"
                         " ORDER BY public_id = ?1 DESC, kind = 'token' DESC LIMIT 1",
                         "t", name);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *ret_id = sqlite3_column_int64(row, 0);
    snprintf(ret_public_id, 16, "%s", store_text(row, 1));
    store_walked(row);
    return 0;
}

int store_token_revoke(struct store *store, int64_t token_id, const char *by, int64_t at_ms)
{
    return store_run(store, "UPDATE token SET revoked_at = ?, revoked_by = ? WHERE id = ? AND revoked_at IS NULL",
                     "iti", at_ms, by, token_id);
}

int store_token_used(struct store *store, const char *public_id, int64_t at_ms)
{
    return store_run(store,
                     "UPDATE token SET last_used_at = ?1 WHERE public_id = ?2"
                     " AND (last_used_at IS NULL OR last_used_at <= ?3 OR last_used_at > ?1)",
                     "iti", at_ms, public_id, at_ms - TOKEN_USED_EVERY_MS);
}

int store_link_take(struct store *store, const char *public_id, int64_t at_ms)
{
    int rc = store_run(store,
                       "UPDATE token SET taken_at = ?1, last_used_at = ?1 WHERE public_id = ?2 AND kind = 'link'"
                       " AND taken_at IS NULL AND revoked_at IS NULL AND expires_at > ?1",
                       "it", at_ms, public_id);

    if (rc < 0) {
        return rc;
    }
    return store_changes(store) == 1 ? 0 : -ENOENT;
}

int store_links_end(struct store *store, int64_t at_ms)
{
    return store_run(store,
                     "UPDATE token SET revoked_at = ?, revoked_by = 'another link' WHERE kind = 'link'"
                     " AND taken_at IS NULL AND revoked_at IS NULL",
                     "i", at_ms);
}

int store_token_has_admin(struct store *store, int64_t now_ms, bool *ret_has)
{
    int64_t count = 0;
    int rc = store_query_int(store, &count,
                             "SELECT count(*) FROM token WHERE kind <> 'link' AND role = 'admin' AND revoked_at IS NULL"
                             " AND (expires_at IS NULL OR expires_at > ?)",
                             "i", now_ms);

    if (rc == 0) {
        *ret_has = count > 0;
    }
    return rc;
}

int store_log_put(struct store *store, const struct store_log_entry *entry)
{
    char actor[STORE_LOG_TEXT_MAX];
    char address[STORE_LOG_TEXT_MAX];
    char what[STORE_LOG_TEXT_MAX];
    char detail[STORE_LOG_TEXT_MAX];

    typeset_escape(entry->actor, actor, sizeof(actor));
    typeset_escape(entry->address, address, sizeof(address));
    typeset_escape(entry->what, what, sizeof(what));
    typeset_escape(entry->detail, detail, sizeof(detail));
    return store_run(store,
                     "INSERT INTO audit_log (at, actor, address, what, outcome, detail) VALUES (?, ?, ?, ?, ?, ?)",
                     "ittttt", entry->at_ms, actor, address, what, entry->refused ? "refused" : "done", detail);
}
