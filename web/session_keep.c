#include "web/session_keep.h"

#include "web/exchange.h"
#include "web/journal.h"

#include <errno.h>

/* `token` NULL: it has ended. */
static void session_keep_tell(struct session_table *table, struct journal *journal, const char *id, const char *token,
                              uint32_t left_ms)
{
    char hash[SESSION_HASH_SIZE];
    struct journal_session told = {
        .hash = hash, .token = token, .begun_ms = wall_now_ms() + (int64_t)left_ms - SESSION_LIFE_MS};

    session_hash(table, id, hash);
    journal_tell(journal, &told);
}

void session_keep_begin(struct session_table *table, struct journal *journal, const char *token,
                        char ret_id[SESSION_ID_SIZE])
{
    session_begin(table, token, mono_now(), ret_id);
    session_keep_tell(table, journal, ret_id, token, SESSION_LIFE_MS);
}

/* One that began ahead of a clock that was set back since would last for too long. */
static bool session_keep_is_good(const struct store_read_session *kept, int64_t now_ms)
{
    int64_t age_ms = now_ms - kept->begun_at;

    return age_ms >= -(int64_t)CONTROL_SESSION_SKEW_MS && age_ms < SESSION_LIFE_MS &&
           now_ms - kept->seen_at < SESSION_IDLE_MS;
}

/* False with the problem set when it cannot be read. */
static bool session_keep_recall(struct session_table *table, struct exchange *exchange, const char *id)
{
    struct store_read_session kept;
    char hash[SESSION_HASH_SIZE];
    int64_t now_ms = wall_now_ms();
    int rc;

    session_hash(table, id, hash);
    rc = store_read_session(exchange->reader, hash, &kept);
    if (rc < 0) {
        exchange_fail(exchange, rc);
        exchange->problem.status = 503;
        problem_point(&exchange->problem, "database", "unusable", "%s", store_reader_error(exchange->reader));
        return false;
    }
    if (rc > 0 && session_keep_is_good(&kept, now_ms)) {
        session_recall(table, id, kept.token, now_ms > kept.begun_at ? (uint64_t)(now_ms - kept.begun_at) : 0,
                       mono_now());
    }
    return true;
}

int session_keep_find(struct session_table *table, struct journal *journal, struct exchange *exchange, const char *id,
                      struct session *ret_session)
{
    int rc = session_find(table, id, mono_now(), ret_session);

    if (rc == -ENOENT && session_keep_recall(table, exchange, id)) {
        rc = session_find(table, id, mono_now(), ret_session);
    }
    if (rc == 0 && ret_session->is_to_tell) {
        session_keep_tell(table, journal, id, ret_session->token, ret_session->left_ms);
    }
    return rc;
}

void session_keep_end(struct session_table *table, struct journal *journal, const char *id)
{
    session_end(table, id, mono_now());
    session_keep_tell(table, journal, id, NULL, 0);
}
