#include "auditd/store/finding_past.h"

#include <assert.h>

/* What the log calls an attribute, and the column that has it now. */
static const struct {
    const char *what;
    const char *column;
} past_words[] = {
    {"presence", "presence"}, {"disposition", "disposition"}, {"sight", "sight"},
    {"severity", "severity"}, {"service", "service"},         {"rule", "rule_id"},
    {"owner", "owner"},       {"breadth", "breadth_class"},   {"evidence", "evidence_kind"},
    {"need", "need_kind"},
};

/* Each attribute is what the first event behind the moment says that it was before; without one, what it is now. An id
 * grows with the order in which things happened, whatever the clock said. */
static void past_add_words(struct store_query *query)
{
    for (size_t i = 0; i < sizeof(past_words) / sizeof(*past_words); i++) {
        const char *column = past_words[i].column;
        store_query_add(
            query,
            ", iif(f.id IN past_moved, coalesce((SELECT e.was FROM finding_event e WHERE e.finding_id = f.id "
            "AND e.what = '%s' AND e.at > past_at ORDER BY e.id LIMIT 1), f.%s), f.%s) AS %s",
            past_words[i].what, column, column, column);
    }
}

/* Neither is kept as a table of its own: of a page's few rows alone all columns are worked out. */
void finding_past_define(struct store_query *query, int64_t as_of_ms)
{
    int moment = store_query_number(query, as_of_ms);

    assert(moment == FINDING_PAST_MOMENT);
    store_query_add(query,
                    "WITH past_moment AS MATERIALIZED (SELECT ?%d AS past_at), past_moved AS MATERIALIZED (SELECT "
                    "DISTINCT x.finding_id FROM finding_event x WHERE x.at > ?%d), ",
                    moment, moment);
    store_query_add(
        query, "past_told AS NOT MATERIALIZED (SELECT f.id, f.uuid, f.fingerprint, f.asset_id, f.proto, f.port, "
               "f.kind, f.policy_id, f.title, f.why, f.fix, f.controls, f.first_seen, f.first_scan_id, "
               "f.last_scan_id, f.opened_at, f.adopted_at, coalesce((SELECT max(e.at) FROM finding_event e WHERE "
               "e.finding_id = f.id AND e.at <= past_at), f.first_seen) AS changed_at, (SELECT max(e.at) FROM "
               "finding_event e WHERE e.finding_id = f.id AND e.at <= past_at AND e.what = 'presence') AS moved_at");
    past_add_words(query);
    store_query_add(query, " FROM finding f CROSS JOIN past_moment WHERE f.first_seen <= past_at), ");
    store_query_add(query,
                    "finding_past AS NOT MATERIALIZED (SELECT f.*, iif(f.presence = 'FIXED', f.moved_at, NULL) AS "
                    "fixed_at, CASE f.severity WHEN 'low' THEN 1 WHEN 'medium' THEN 2 WHEN 'high' THEN 3 ELSE 4 END AS "
                    "severity_rank, NULL AS penalty, NULL AS service_weight, NULL AS breadth, NULL AS evidence, "
                    "NULL AS need, NULL AS last_seen FROM past_told f WHERE f.presence <> '') ");
}
