#include "auditd/store/score.h"

#include "auditd/store/finding.h"
#include "auditd/store/sql.h"
#include "lib/portset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One statement for each scope: with one for all ("?1 IS NULL OR ..."), SQLite would walk the whole store for each
 * host. */
enum { SCORE_FLEET, SCORE_REALM, SCORE_HOST, SCORE_SCOPES };

#define SCORE_OF_FLEET "?1 = ?1"
#define SCORE_OF_REALM "a.realm_id = (SELECT id FROM realm WHERE name = ?1)"
#define SCORE_OF_HOST "a.id = (SELECT id FROM asset WHERE uuid = ?1)"

static const char *score_query(const struct score_subject *subject, const char *const queries[SCORE_SCOPES])
{
    if (strcmp(subject->scope, "host") == 0) {
        return queries[SCORE_HOST];
    }
    return queries[strcmp(subject->scope, "realm") == 0 ? SCORE_REALM : SCORE_FLEET];
}

#define SCORE_FINDINGS(of)                                                                                             \
    "SELECT f.id, f.proto, f.port, f.presence, f.disposition, f.sight, f.severity, f.service_weight,"                  \
    " f.breadth, f.evidence, f.need, f.penalty, f.kind, f.service, f.rule_id, f.breadth_class,"                        \
    " f.evidence_kind, f.need_kind, f.owner, f.title, f.why, f.fix, f.controls FROM finding f"                         \
    " JOIN asset a ON a.id = f.asset_id AND a.ended_at IS NULL"                                                        \
    " WHERE f.presence IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED') AND f.sight <> 'RETIRED' AND " of                 \
    " ORDER BY f.penalty DESC, f.id"

static const char *const score_findings[SCORE_SCOPES] = {
    SCORE_FINDINGS(SCORE_OF_FLEET),
    SCORE_FINDINGS(SCORE_OF_REALM),
    SCORE_FINDINGS(SCORE_OF_HOST),
};

#define SCORE_COVERAGE(of)                                                                                             \
    "SELECT c.asset_id, c.vantage_id, c.proto, c.ports, coalesce(c.judged_at, -1) FROM coverage c"                     \
    " JOIN asset a ON a.id = c.asset_id AND a.ended_at IS NULL WHERE " of                                              \
    " ORDER BY c.asset_id, c.vantage_id, c.proto"

static const char *const score_coverages[SCORE_SCOPES] = {
    SCORE_COVERAGE(SCORE_OF_FLEET),
    SCORE_COVERAGE(SCORE_OF_REALM),
    SCORE_COVERAGE(SCORE_OF_HOST),
};

static int score_read(struct store *store, sqlite3_stmt *row, struct score_finding *ret_finding)
{
    struct score_finding *finding = ret_finding;

    finding->id = sqlite3_column_int64(row, 0);
    finding->is_udp = strcmp(store_text(row, 1), "udp") == 0;
    finding->port = (uint16_t)sqlite3_column_int(row, 2);
    if (presence_parse(store_text(row, 3), &finding->presence) < 0 ||
        disposition_parse(store_text(row, 4), &finding->disposition) < 0 ||
        sight_parse(store_text(row, 5), &finding->sight) < 0) {
        return store_fail(store, STORE_FAULT_CORRUPT, -EUCLEAN, "finding %lld is in no known state",
                          (long long)finding->id);
    }
    store_finding_read_verdict(row, 6, &finding->verdict);
    return 0;
}

int store_score_findings(struct store *store, const struct score_subject *subject,
                         int (*each)(void *context, const struct score_finding *finding), void *context)
{
    struct score_finding finding;
    sqlite3_stmt *row;
    int rc;

    rc = store_query(store, &row, score_query(subject, score_findings), "t", subject->subject);
    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = score_read(store, row, &finding);
        if (rc == 0) {
            rc = each(context, &finding);
        }
        if (rc != 0) {
            store_walked(row);
        }
    }
    return rc;
}

/* One (asset, vantage, protocol): which ports are planned, and which of them were judged lately. */
struct score_place {
    int64_t asset_id;
    int64_t vantage_id;
    bool is_udp;
    struct portset planned;
    struct portset judged;
};

struct score_coverage {
    struct score_place place;
    struct portset row;
    uint64_t planned;
    uint64_t judged;
};

static void score_close_place(struct score_coverage *coverage)
{
    coverage->planned += portset_count(&coverage->place.planned);
    coverage->judged += portset_count(&coverage->place.judged);
    memset(&coverage->place, 0, sizeof(coverage->place));
}

static int score_take_coverage(struct store *store, sqlite3_stmt *row, int64_t since_ms,
                               struct score_coverage *coverage)
{
    struct score_place *place = &coverage->place;
    int64_t asset_id = sqlite3_column_int64(row, 0);
    int64_t vantage_id = sqlite3_column_int64(row, 1);
    bool is_udp = strcmp(store_text(row, 2), "udp") == 0;
    size_t offset;

    if (place->asset_id != asset_id || place->vantage_id != vantage_id || place->is_udp != is_udp) {
        score_close_place(coverage);
        place->asset_id = asset_id;
        place->vantage_id = vantage_id;
        place->is_udp = is_udp;
    }
    if (portset_parse(store_text(row, 3), &coverage->row, &offset) < 0) {
        return store_fail(store, STORE_FAULT_CORRUPT, -EUCLEAN, "the coverage of asset %lld is no list of ports",
                          (long long)asset_id);
    }
    portset_union(&place->planned, &coverage->row);
    if (sqlite3_column_int64(row, 4) >= since_ms) {
        portset_union(&place->judged, &coverage->row);
    }
    return 0;
}

static int score_walk_coverage(struct store *store, const struct score_subject *subject, int64_t since_ms,
                               struct score_coverage *coverage)
{
    sqlite3_stmt *row;
    int rc;

    rc = store_query(store, &row, score_query(subject, score_coverages), "t", subject->subject);
    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = score_take_coverage(store, row, since_ms, coverage);
        if (rc < 0) {
            store_walked(row);
        }
    }
    score_close_place(coverage);
    return rc;
}

int store_score_coverage(struct store *store, const struct score_subject *subject, int64_t now_ms, int64_t max_age_ms,
                         double *ret_coverage)
{
    struct score_coverage *coverage = calloc(1, sizeof(*coverage));
    int rc;

    if (coverage == NULL) {
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    rc = score_walk_coverage(store, subject, now_ms - max_age_ms, coverage);
    if (rc == 0) {
        *ret_coverage = coverage->planned == 0 ? 0 : (double)coverage->judged / (double)coverage->planned;
    }
    free(coverage);
    return rc;
}

/* A name or uuid, copied: the callback may use the store. */
struct score_name {
    int64_t id;
    char text[256];
};

/* The next one by id. */
static int score_next(struct store *store, const char *sql, const int64_t since[2], struct score_name *name)
{
    sqlite3_stmt *row = NULL;
    int rc = store_query(store, &row, sql, "iii", name->id, since[0], since[1]);

    if (rc == 0) {
        rc = store_step(store, row);
    }
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    name->id = sqlite3_column_int64(row, 0);
    snprintf(name->text, sizeof(name->text), "%s", store_text(row, 1));
    store_walked(row);
    return 0;
}

int store_score_policy(struct store *store, int64_t *ret_policy_id)
{
    return store_query_int(store, ret_policy_id,
                           "SELECT policy_id FROM score WHERE scope = 'fleet' AND ended_at IS NULL", "");
}

int store_score_subjects(struct store *store, int64_t since_ms, int64_t changed_since_ms,
                         int (*each)(void *context, const struct score_subject *subject), void *context)
{
    static const struct {
        const char *scope;
        const char *sql;
    } walks[] = {
        {"realm", "SELECT id, name FROM realm WHERE id > ?1 AND ?2 = ?2 AND ?3 = ?3 ORDER BY id LIMIT 1"},
        {"host",
         "SELECT id, uuid FROM asset a WHERE id > ?1 AND ended_at IS NULL AND (?2 = 0 OR EXISTS (SELECT 1 FROM"
         " asset_state s WHERE s.asset_id = a.id AND s.last_seen >= ?2)) AND (?3 = 0 OR a.id IN (SELECT f.asset_id"
         " FROM finding f WHERE f.changed_at >= ?3)) ORDER BY id LIMIT 1"},
    };
    const int64_t since[] = {since_ms, changed_since_ms};
    int rc = each(context, &(struct score_subject){"fleet", ""});

    for (size_t i = 0; rc == 0 && i < sizeof(walks) / sizeof(*walks); i++) {
        struct score_name name = {0};
        const struct score_subject subject = {walks[i].scope, name.text};
        while ((rc = score_next(store, walks[i].sql, since, &name)) == 0) {
            rc = each(context, &subject);
            if (rc != 0) {
                return rc;
            }
        }
        rc = rc == -ENOENT ? 0 : rc;
    }
    return rc;
}

int store_score_put(struct store *store, const struct score_record *record)
{
    int rc = store_run(store,
                       "UPDATE score SET last_at = max(last_at, ?1) WHERE scope = ?2 AND subject = ?3"
                       " AND ended_at IS NULL AND score = ?4 AND grade = ?5 AND caps = ?6 AND exposure = ?7"
                       " AND waived = ?8 AND coverage = ?9 AND terms = ?10 AND policy_id = ?11",
                       "ittrttrrrti", record->at_ms, record->subject.scope, record->subject.subject, record->score,
                       record->grade, record->caps, record->exposure, record->waived, record->coverage, record->terms,
                       record->policy_id);

    if (rc < 0 || store_changes(store) > 0) {
        return rc;
    }
    rc = store_run(
        store, "UPDATE score SET ended_at = max(last_at, ?1) WHERE scope = ?2 AND subject = ?3 AND ended_at IS NULL",
        "itt", record->at_ms, record->subject.scope, record->subject.subject);
    if (rc < 0) {
        return rc;
    }
    return store_run(store,
                     "INSERT INTO score (scope, subject, score, grade, caps, exposure, waived, coverage, terms,"
                     " policy_id, first_at, last_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)",
                     "ttrttrrrtii", record->subject.scope, record->subject.subject, record->score, record->grade,
                     record->caps, record->exposure, record->waived, record->coverage, record->terms, record->policy_id,
                     record->at_ms);
}
