/* The drift of the read-only store: what findings were at two moments, from their log. */
#include "auditd/store/query.h"

#include <math.h>
#include <string.h>

#define DRIFT_COUNTS(presence) presence " IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED')"

#define DRIFT_WORD(column) "(SELECT became FROM finding_event WHERE id = e." column ")"
#define DRIFT_PRESENCE(end)                                                                                            \
    "iif(" DRIFT_WORD("sight_" end) " = 'RETIRED', 'RETIRED', coalesce(" DRIFT_WORD("presence_" end) ", ''))"

/* ?1 is the earlier moment, ?2 the later. Of each finding the last events before either, and what changed between; an
 * id grows with the order in which things happened, whatever the clock said. Of which nothing is told between the two
 * moments was the same at both: only the others are looked at, found by finding_event_by_time. */
#define DRIFT_ENDS                                                                                                     \
    "SELECT x.finding_id AS id, max(iif(x.what = 'presence' AND x.at <= ?1, x.id, NULL)) AS presence_a,"               \
    " max(iif(x.what = 'presence', x.id, NULL)) AS presence_b,"                                                        \
    " max(iif(x.what = 'sight' AND x.at <= ?1, x.id, NULL)) AS sight_a,"                                               \
    " max(iif(x.what = 'sight', x.id, NULL)) AS sight_b,"                                                              \
    " group_concat(DISTINCT iif(x.at > ?1 AND x.what IN ('severity', 'breadth', 'service', 'rule'), x.what, NULL))"    \
    " AS changes FROM finding_event x WHERE x.at <= ?2 AND x.finding_id IN (SELECT c.finding_id FROM finding_event c"  \
    " WHERE c.at > ?1 AND c.at <= ?2) GROUP BY x.finding_id"
#define DRIFT_WORDS                                                                                                    \
    "SELECT e.id, e.changes, " DRIFT_PRESENCE("a") " AS was, " DRIFT_PRESENCE("b") " AS became FROM ends e"
#define DRIFT_KINDS                                                                                                    \
    "SELECT w.*, CASE WHEN NOT " DRIFT_COUNTS("w.was") " AND " DRIFT_COUNTS(                                           \
        "w.became") " THEN 0"                                                                                          \
                    " WHEN " DRIFT_COUNTS("w.was") " AND NOT " DRIFT_COUNTS(                                           \
                        "w.became") " THEN 1"                                                                          \
                                    " WHEN " DRIFT_COUNTS(                                                             \
                                        "w.became") " AND w.changes IS NOT NULL THEN 2 END AS kind FROM words w"
#define DRIFT_COLUMNS                                                                                                  \
    "k.kind, f.fingerprint, r.name, " STORE_FINDING_ADDRESS                                                            \
    ", " STORE_ASSET_IDENTITY("f.asset_id", "name") ", f.proto, f.service, f.severity, f.owner, f.uuid, a.uuid, "      \
                                                    "f.title, k.was, k.became, k.changes, f.port,"                     \
                                                    " f.first_seen, f.last_seen, f.id"
static const char drift_select[] = "WITH ends AS (" DRIFT_ENDS "), words AS (" DRIFT_WORDS "), kinds AS (" DRIFT_KINDS
                                   ") SELECT " DRIFT_COLUMNS " FROM kinds k JOIN finding f ON f.id = k.id"
                                   " JOIN asset a ON a.id = f.asset_id JOIN realm r ON r.id = a.realm_id"
                                   " WHERE k.kind IS NOT NULL";
static const char drift_worst_first[] = " ORDER BY k.kind, f.severity_rank DESC, f.penalty DESC, f.id";
static const char drift_by_id[] = " ORDER BY k.kind, f.id";

struct drift_target {
    store_drift_fn *fn;
    void *context;
};

static int drift_row(struct store_row *row, void *context)
{
    struct drift_target *target = context;
    struct store_drift drift;

    drift.kind = (enum store_drift_kind)store_row_number(row);
    drift.fingerprint = store_row_text(row);
    drift.realm = store_row_text(row);
    drift.address = store_row_text(row);
    drift.name = store_row_text(row);
    drift.proto = store_row_text(row);
    drift.service = store_row_text(row);
    drift.severity = store_row_text(row);
    drift.owner = store_row_text(row);
    drift.uuid = store_row_text(row);
    drift.host = store_row_text(row);
    drift.title = store_row_text(row);
    drift.was = store_row_text(row);
    drift.became = store_row_text(row);
    drift.changes = store_row_text(row);
    drift.port = store_row_number(row);
    drift.first_seen = store_row_number(row);
    drift.last_seen = store_row_number(row);
    drift.id = store_row_number(row);
    return target->fn(target->context, &drift);
}

static int drift_run(struct store_reader *reader, const char *sql, const int64_t ends[2], store_row_fn *fn,
                     void *context)
{
    struct store_query query;
    int rc;

    store_query_init(&query, sql);
    (void)store_query_number(&query, ends[0]);
    (void)store_query_number(&query, ends[1]);
    rc = store_query_run(&query, reader, fn, context);
    store_query_done(&query);
    return rc;
}

int store_read_drift(struct store_reader *reader, int64_t since, int64_t until, store_drift_fn *fn, void *context)
{
    return store_list_drift(reader, &(struct store_drift_ends){.since = since, .until = until}, fn, context);
}

int store_list_drift(struct store_reader *reader, const struct store_drift_ends *ends, store_drift_fn *fn,
                     void *context)
{
    struct drift_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, drift_select);
    (void)store_query_number(&query, ends->since);
    (void)store_query_number(&query, ends->until);
    if (ends->realm != NULL) {
        store_query_add(&query, " AND r.name = ?%d", store_query_text(&query, ends->realm));
    }
    store_query_add(&query, "%s", ends->by_id ? drift_by_id : drift_worst_first);
    rc = store_query_run(&query, reader, drift_row, &target);
    store_query_done(&query);
    return rc;
}

struct drift_fixes {
    int64_t count;
    double mean_ms;
};

static int drift_fix_row(struct store_row *row, void *context)
{
    struct drift_fixes *fixes = context;

    fixes->count = store_row_number(row);
    fixes->mean_ms = store_row_real(row);
    return 0;
}

int store_read_time_to_fix(struct store_reader *reader, int64_t since, int64_t until, int64_t *ret_count,
                           double *ret_mean_ms)
{
    static const char sql[] =
        "SELECT count(*), avg(x.at - (SELECT o.at FROM finding_event o WHERE o.finding_id = x.finding_id AND o.id <"
        " x.id AND o.what = 'presence' AND (o.became IN ('NEW', 'REAPPEARED') OR o.was = 'ALLOWED') ORDER BY o.id DESC"
        " LIMIT 1)) FROM finding_event x WHERE x.what = 'presence' AND x.became = 'FIXED' AND x.at > ?1 AND x.at <= ?2";
    struct drift_fixes fixes = {0, NAN};
    const int64_t ends[] = {since, until};
    int rc = drift_run(reader, sql, ends, drift_fix_row, &fixes);

    if (rc == 0) {
        *ret_count = fixes.count;
        *ret_mean_ms = fixes.mean_ms;
    }
    return rc;
}
