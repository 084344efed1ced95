#include "auditd/store/invariant.h"

#include "auditd/store/sql.h"

#include <stdio.h>

/* Of rows that begin and end: each begins after the one before it, of the same `key`, has ended. */
#define OVERLAPS(table, key, begin, end)                                                                               \
    "SELECT '" table " ' || id FROM (SELECT id, " begin " AS began, lag(id) OVER of_key AS prior, lag(" end            \
    ") OVER of_key AS ended FROM " table " WINDOW of_key AS (PARTITION BY " key                                        \
    " ORDER BY id)) WHERE prior IS NOT NULL AND (ended IS NULL OR ended > began)"

#define FINDING "'finding ' || f.uuid"

static const struct store_invariant invariants[] = {
    {"endpoint-intervals", "the states of an endpoint follow each other and do not overlap",
     OVERLAPS("endpoint_state", "endpoint_id", "first_seen", "ended_at")},
    {"asset-intervals", "a vantage's word on a host, up or down, does not overlap the next one",
     OVERLAPS("asset_state", "asset_id, vantage_id, address", "first_seen", "ended_at")},
    {"fact-intervals", "the values of a fact of an endpoint do not overlap",
     OVERLAPS("endpoint_fact", "endpoint_id, name", "since", "ended_at")},
    {"score-intervals", "a score begins when the one before it has ended",
     OVERLAPS("score", "scope, subject", "first_at", "ended_at")},
    {"interval-order", "no interval ends, or was seen last, before it began",
     "SELECT 'endpoint_state ' || id FROM endpoint_state WHERE last_seen < first_seen OR ended_at < first_seen"
     " UNION ALL SELECT 'asset_state ' || id FROM asset_state WHERE last_seen < first_seen OR ended_at < first_seen"
     " UNION ALL SELECT 'endpoint_fact ' || id FROM endpoint_fact WHERE ended_at < since"
     " UNION ALL SELECT 'score ' || id FROM score WHERE last_at < first_at OR ended_at < first_at"},
    {"severity-rank", "the rank that lists sort by is the severity's",
     "SELECT " FINDING " FROM finding f WHERE f.severity_rank <> CASE f.severity WHEN 'critical' THEN 4"
     " WHEN 'high' THEN 3 WHEN 'medium' THEN 2 ELSE 1 END"},
    {"penalty", "a penalty is service x breadth x evidence x need",
     "SELECT " FINDING " FROM finding f"
     " WHERE abs(f.penalty - f.service_weight * f.breadth * f.evidence * f.need) > 0.000001"},
    {"seen-order", "no finding was seen last before it was seen first",
     "SELECT " FINDING " FROM finding f WHERE f.last_seen < f.first_seen"},
    {"fixed-date", "what is fixed has the time when it was",
     "SELECT " FINDING " FROM finding f WHERE f.presence = 'FIXED' AND f.fixed_at IS NULL"},
    {"open-seen", "what is open was seen: its port has an interval that lasts",
     "SELECT " FINDING " FROM finding f WHERE f.kind = 'exposure' AND f.port > 0 AND f.sight <> 'RETIRED'"
     " AND f.presence IN ('NEW', 'OPEN', 'REAPPEARED') AND NOT EXISTS (SELECT 1 FROM endpoint e"
     " JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL"
     " WHERE e.asset_id = f.asset_id AND e.proto = f.proto AND e.port = f.port)"},
    /* Of a scan that is not judged yet nothing follows. */
    {"fixed-closed", "no port of a fixed exposure stands as open",
     "SELECT " FINDING " FROM finding f JOIN endpoint e ON e.asset_id = f.asset_id AND e.proto = f.proto"
     " AND e.port = f.port JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL AND s.state = 'open'"
     " JOIN scan c ON c.id = s.last_scan_id AND c.judged_at IS NOT NULL"
     " WHERE f.kind = 'exposure' AND f.presence = 'FIXED' AND f.sight <> 'RETIRED' AND f.port > 0"},
    {"vantage-order", "no vantage ceased to see a finding before it began to",
     "SELECT " FINDING " FROM finding_vantage v JOIN finding f ON f.id = v.finding_id WHERE v.until < v.since"},
    {"waived-has-waiver", "a finding is waived if, and only if, a waiver of it is in force",
     "SELECT " FINDING " FROM finding f WHERE (f.disposition = 'WAIVED') <>"
     " EXISTS (SELECT 1 FROM waiver w WHERE w.finding_id = f.id AND w.ended_at IS NULL)"},
    {"waiver-terms", "a waiver has an owner, a reason and an end after its beginning",
     "SELECT 'waiver ' || id FROM waiver WHERE owner = '' OR reason = '' OR until <= created_at"
     " UNION ALL SELECT 'grant ' || uuid FROM waiver_grant WHERE owner = '' OR reason = '' OR until <= created_at"},
    {"waiver-grant", "a waiver from a rule's ends with that one",
     "SELECT 'waiver ' || w.id FROM waiver w JOIN waiver_grant g ON g.id = w.grant_id"
     " WHERE w.ended_at IS NULL AND g.ended_at IS NOT NULL"},
    {"acknowledged-as", "what is acknowledged remembers the breadth and service that were",
     "SELECT " FINDING " FROM finding f WHERE f.disposition = 'ACKNOWLEDGED'"
     " AND (f.acknowledged_breadth IS NULL OR f.acknowledged_service IS NULL)"},
    {"identity-ended", "a host that ended is known by nothing any more",
     "SELECT 'asset ' || a.uuid FROM asset a JOIN asset_identity i ON i.asset_id = a.id AND i.valid_to IS NULL"
     " WHERE a.ended_at IS NOT NULL"},
    {"identity-order", "no identity or tag ended before it began",
     "SELECT 'asset_identity ' || id FROM asset_identity WHERE valid_to < valid_from"
     " UNION ALL SELECT 'asset_tag ' || id FROM asset_tag WHERE valid_to < valid_from"},
    {"scan-ended", "a scan that does not run has ended, and did no more parts than it has",
     "SELECT 'scan ' || uuid FROM scan WHERE (state <> 'running' AND ended_at IS NULL)"
     " OR slabs_done > slabs_total OR slabs_done < 0"},
    {"alert-lines", "each alert says something, and what was delivered has the time of it",
     "SELECT 'alert ' || uuid FROM alert a WHERE (state = 'delivered') <> (delivered_at IS NOT NULL)"
     " OR NOT EXISTS (SELECT 1 FROM alert_line l WHERE l.alert_id = a.id)"},
    {"alert-cursor", "no event counts as told before it happened",
     "SELECT 'event ' || event_id FROM alert_cursor"
     " WHERE event_id > (SELECT coalesce(max(id), 0) FROM finding_event)"},
    {NULL, NULL, NULL},
};

const struct store_invariant *store_invariant_table(void)
{
    return invariants;
}

int store_invariant_ask(struct store *store, const struct store_invariant *invariant, int64_t *ret_count,
                        char ret_where[STORE_BREACH_WHERE_SIZE])
{
    sqlite3_stmt *row;
    int64_t count = 0;
    int rc = store_query(store, &row, invariant->sql, "");

    if (rc < 0) {
        return rc;
    }
    while ((rc = store_step(store, row)) == 1) {
        if (count == 0) {
            snprintf(ret_where, STORE_BREACH_WHERE_SIZE, "%.150s", store_text(row, 0));
        }
        count++;
    }
    if (rc == 0) {
        *ret_count = count;
    }
    return rc;
}
