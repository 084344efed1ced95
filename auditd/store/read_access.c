/* Tokens, sessions and the audit log of the read-only store. */
#include "auditd/store/query.h"

#include <stdio.h>
#include <string.h>

#define ACCESS_LIMITS(kind)                                                                                            \
    "COALESCE((SELECT group_concat(l.value, char(10)) FROM token_limit l WHERE l.token_id = t.id AND l.kind = '" kind  \
    "'), '')"

static const char token_select[] =
    "SELECT t.id, t.public_id, t.kind, t.name, t.hash, t.role, t.scopes, " ACCESS_LIMITS("realm") ", " ACCESS_LIMITS(
        "tag") ", t.created_at, t.created_by, t.expires_at, t.last_used_at, t.taken_at, t.revoked_at, t.revoked_by"
               " FROM token t WHERE 1";

struct token_target {
    store_read_token_fn *fn;
    void *context;
};

static int token_row(struct store_row *row, void *context)
{
    struct token_target *target = context;
    struct store_read_token token;

    token.id = store_row_number(row);
    token.sort_key = (double)token.id;
    token.public_id = store_row_text(row);
    token.kind = store_row_text(row);
    token.name = store_row_text(row);
    token.hash = store_row_text(row);
    token.role = store_row_text(row);
    token.scopes = store_row_text(row);
    token.realms = store_row_text(row);
    token.tags = store_row_text(row);
    token.created_at = store_row_number(row);
    token.created_by = store_row_text(row);
    token.expires_at = store_row_number(row);
    token.last_used_at = store_row_number(row);
    token.taken_at = store_row_number(row);
    token.revoked_at = store_row_number(row);
    token.revoked_by = store_row_text(row);
    return target->fn(target->context, &token);
}

int store_read_tokens(struct store_reader *reader, const struct store_token_filter *filter, store_read_token_fn *fn,
                      void *context)
{
    struct token_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, token_select);
    store_query_among(&query, "t.public_id", &filter->public_ids);
    store_query_among(&query, "t.kind", &filter->kinds);
    store_query_among(&query, "t.name", &filter->names);
    store_query_among(&query, "t.role", &filter->roles);
    if (!filter->with_ended) {
        store_query_add(&query, " AND t.revoked_at IS NULL");
    }
    store_query_page(&query, &filter->page, "t.id", "t.id");
    rc = store_query_run(&query, reader, token_row, &target);
    store_query_done(&query);
    return rc;
}

/* ---- sessions ---- */

static int session_row(struct store_row *row, void *context)
{
    struct store_read_session *session = context;

    snprintf(session->token, sizeof(session->token), "%s", store_row_text(row));
    session->begun_at = store_row_number(row);
    session->seen_at = store_row_number(row);
    return 0;
}

int store_read_session(struct store_reader *reader, const char *hash, struct store_read_session *ret_session)
{
    struct store_read_session session = {.begun_at = 0};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT t.public_id, s.begun_at, s.seen_at FROM session s JOIN token t ON t.id = "
                             "s.token_id WHERE 1");
    store_query_add(&query, " AND s.hash = ?%d", store_query_text(&query, hash));
    rc = store_query_run(&query, reader, session_row, &session);
    store_query_done(&query);
    if (rc < 0 || session.begun_at == 0) {
        return rc;
    }
    *ret_session = session;
    return 1;
}

/* ---- the audit log ---- */

struct log_target {
    store_read_log_fn *fn;
    void *context;
};

static int log_row(struct store_row *row, void *context)
{
    struct log_target *target = context;
    struct store_read_log log;

    log.id = store_row_number(row);
    log.sort_key = (double)log.id;
    log.at = store_row_number(row);
    log.actor = store_row_text(row);
    log.address = store_row_text(row);
    log.what = store_row_text(row);
    log.outcome = store_row_text(row);
    log.detail = store_row_text(row);
    return target->fn(target->context, &log);
}

int store_read_log(struct store_reader *reader, const struct store_log_filter *filter, store_read_log_fn *fn,
                   void *context)
{
    struct log_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query,
                     "SELECT g.id, g.at, g.actor, g.address, g.what, g.outcome, g.detail FROM audit_log g WHERE 1");
    store_query_among(&query, "g.actor", &filter->actors);
    store_query_among(&query, "g.address", &filter->addresses);
    store_query_among(&query, "g.what", &filter->whats);
    store_query_among(&query, "g.outcome", &filter->outcomes);
    store_query_between(&query, "g.at", filter->since, filter->before);
    store_query_page(&query, &filter->page, "g.id", "g.id");
    rc = store_query_run(&query, reader, log_row, &target);
    store_query_done(&query);
    return rc;
}
