#include "auditd/store/retention.h"

#include "auditd/store/sql.h"

#define OPEN "(f.presence IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED') OR f.disposition <> 'NONE')"
/* A finding at port 0 speaks of all ports of its host. */
#define OF_NOTHING_OPEN                                                                                                \
    " AND NOT EXISTS (SELECT 1 FROM endpoint e JOIN finding f ON f.asset_id = e.asset_id AND f.proto = e.proto"        \
    " AND f.port = e.port WHERE e.id = t.endpoint_id AND " OPEN ")"                                                    \
    " AND NOT EXISTS (SELECT 1 FROM endpoint e JOIN finding f ON f.asset_id = e.asset_id AND f.proto IN ('tcp', "      \
    "'udp')"                                                                                                           \
    " AND f.port = 0 WHERE e.id = t.endpoint_id AND " OPEN ")"
/* The last word on something stays, even when nothing followed it. */
#define STATE_OVER                                                                                                     \
    "t.ended_at < ?1 AND EXISTS (SELECT 1 FROM endpoint_state n WHERE n.endpoint_id = t.endpoint_id AND n.id > t.id)"
#define FACT_OVER "t.ended_at < ?1"
#define HOST_OVER                                                                                                      \
    "t.ended_at < ?1 AND EXISTS (SELECT 1 FROM asset_state n WHERE n.asset_id = t.asset_id AND n.state = t.state"      \
    " AND n.id > t.id) AND NOT EXISTS (SELECT 1 FROM finding f WHERE f.asset_id = t.asset_id AND " OPEN ")"
/* The newest row stays, so that no number is given twice. */
#define SCORE_OVER "t.ended_at < ?1 AND t.id < (SELECT max(id) FROM score)"
/* The newest event of all stays: its number tells which were told. Of a finding there stay the last event of each
 * column, and all from the one on that confirmed it last: its life goes on without a gap from there. Of a column none
 * goes before an older one, which a clock that was set back may have dated later. */
#define EVENT_OVER                                                                                                     \
    "t.at < ?1 AND t.id < (SELECT max(id) FROM finding_event)"                                                         \
    " AND t.id <= coalesce((SELECT event_id FROM alert_cursor), t.id)"                                                 \
    " AND EXISTS (SELECT 1 FROM finding f WHERE f.id = t.finding_id AND NOT " OPEN ")"                                 \
    " AND EXISTS (SELECT 1 FROM finding_event n WHERE n.finding_id = t.finding_id AND n.id > t.id AND n.at < ?1"       \
    " AND n.what = 'presence' AND n.became IN ('FIXED', 'ALLOWED', 'FOLDED'))"                                         \
    " AND EXISTS (SELECT 1 FROM finding_event n WHERE n.finding_id = t.finding_id AND n.id > t.id AND n.what = "       \
    "t.what)"                                                                                                          \
    " AND t.id < (SELECT coalesce(max(iif(n.became IN ('OPEN', 'REAPPEARED'), n.id, NULL)), max(n.id))"                \
    " FROM finding_event n WHERE n.finding_id = t.finding_id AND n.what = 'presence')"                                 \
    " AND NOT EXISTS (SELECT 1 FROM finding_event n WHERE n.finding_id = t.finding_id AND n.id < t.id"                 \
    " AND n.what = t.what AND n.at >= ?1)"
#define CERTIFICATE_OVER                                                                                               \
    "t.first_seen < ?1 AND NOT EXISTS (SELECT 1 FROM endpoint_answer n WHERE n.certificate_id = t.id)"
#define ALERT_OVER "t.state IN ('delivered', 'dropped') AND coalesce(t.delivered_at, t.tried_at, t.created_at) < ?1"
/* What can still go on, or is to be judged, needs its plan. */
#define PLAN_OVER                                                                                                      \
    "t.started_at < ?1 AND t.plan <> '{}' AND t.state <> 'running' AND t.judged_at IS NOT NULL"                        \
    " AND EXISTS (SELECT 1 FROM scan n WHERE n.realm_id = t.realm_id AND n.vantage_id = t.vantage_id"                  \
    " AND n.started_at > t.started_at) AND (t.state <> 'incomplete' OR EXISTS (SELECT 1 FROM scan n"                   \
    " WHERE n.request = t.request AND n.started_at > t.started_at))"

#define LOG_OVER "t.at < ?1"

#define SLICE " t.id BETWEEN ?2 AND ?3 AND "
#define ALERTS_OVER "(SELECT t.id FROM alert t WHERE" SLICE ALERT_OVER ")"
#define STEP(kind, table, over)                                                                                        \
    {                                                                                                                  \
        kind, "SELECT coalesce(max(id), 0) FROM " table, "SELECT count(*) FROM " table " t WHERE" SLICE over,          \
            "DELETE FROM " table " AS t WHERE" SLICE over                                                              \
    }

static const struct {
    enum retention_kind kind;
    const char *last;
    const char *count;
    const char *clear;
} retention_steps[] = {
    STEP(RETENTION_INTERVALS, "endpoint_state", STATE_OVER OF_NOTHING_OPEN),
    STEP(RETENTION_INTERVALS, "endpoint_fact", FACT_OVER OF_NOTHING_OPEN),
    STEP(RETENTION_INTERVALS, "asset_state", HOST_OVER),
    STEP(RETENTION_EVENTS, "finding_event", EVENT_OVER),
    STEP(RETENTION_SCORES, "score", SCORE_OVER),
    STEP(RETENTION_CERTIFICATES, "certificate", CERTIFICATE_OVER),
    STEP(RETENTION_ALERTS, "alert", ALERT_OVER),
    {RETENTION_PLANS, "SELECT coalesce(max(id), 0) FROM scan", "SELECT count(*) FROM scan t WHERE" SLICE PLAN_OVER,
     "UPDATE scan AS t SET plan = '{}' WHERE" SLICE PLAN_OVER},
    STEP(RETENTION_LOG, "audit_log", LOG_OVER),
};

enum { RETENTION_STEPS = sizeof(retention_steps) / sizeof(*retention_steps) };

const char *retention_name(enum retention_kind kind)
{
    static const char *const names[] = {[RETENTION_INTERVALS] = "intervals", [RETENTION_EVENTS] = "events",
                                        [RETENTION_SCORES] = "scores",       [RETENTION_CERTIFICATES] = "certificates",
                                        [RETENTION_ALERTS] = "alerts",       [RETENTION_PLANS] = "plans",
                                        [RETENTION_LOG] = "audit_log"};

    return names[kind];
}

/* An alert's lines, and what they were made from, go before it. */
static int retention_clear_lines(struct store *store, int64_t before_ms, int64_t first, int64_t last)
{
    int rc = store_run(store,
                       "DELETE FROM alert_item WHERE line_id IN (SELECT l.id FROM alert_line l WHERE l.alert_id IN"
                       " " ALERTS_OVER ")",
                       "iii", before_ms, first, last);

    return rc < 0 ? rc
                  : store_run(store, "DELETE FROM alert_line WHERE alert_id IN " ALERTS_OVER, "iii", before_ms, first,
                              last);
}

static int retention_clear(struct store *store, struct retention *retention, int64_t last)
{
    enum retention_kind kind = retention_steps[retention->step].kind;
    int64_t before_ms = retention->before_ms[kind];
    int64_t gone = 0;
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    if (kind == RETENTION_ALERTS) {
        rc = retention_clear_lines(store, before_ms, retention->next_id, last);
    }
    if (rc == 0) {
        rc = store_run(store, retention_steps[retention->step].clear, "iii", before_ms, retention->next_id, last);
        gone = store_changes(store);
    }
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    rc = store_commit(store);
    retention->gone[kind] += rc == 0 ? gone : 0;
    return rc;
}

static int retention_count(struct store *store, struct retention *retention, int64_t last)
{
    enum retention_kind kind = retention_steps[retention->step].kind;
    int64_t count = 0;
    int rc = store_query_int(store, &count, retention_steps[retention->step].count, "iii", retention->before_ms[kind],
                             retention->next_id, last);

    retention->gone[kind] += count;
    return rc;
}

int retention_step(struct store *store, bool dry, struct retention *retention)
{
    int64_t slice = retention->slice == 0 ? RETENTION_SLICE_MAX : retention->slice;
    int64_t last;
    int rc = 0;

    while (retention->step < RETENTION_STEPS && retention->before_ms[retention_steps[retention->step].kind] == 0) {
        retention->step++;
    }
    if (retention->step == RETENTION_STEPS) {
        return 0;
    }
    if (retention->next_id == 0) {
        rc = store_query_int(store, &retention->last_id, retention_steps[retention->step].last, "");
        retention->next_id = 1;
    }
    last = retention->next_id + slice - 1;
    if (rc == 0 && retention->next_id <= retention->last_id) {
        rc = dry ? retention_count(store, retention, last) : retention_clear(store, retention, last);
    }
    if (rc < 0) {
        return rc;
    }
    retention->next_id = last + 1;
    if (retention->next_id > retention->last_id) {
        retention->next_id = 0;
        retention->step++;
    }
    return 1;
}
