/* The drift of the read-only store: what findings were at two moments, from their log. */
#include "auditd/store/query.h"

#include <math.h>
#include <string.h>

#define DRIFT_COUNTS(presence) presence " IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED')"

/* ?1 is the earlier moment, ?2 the later. Of each finding the last events before either, and what changed between; an
 * id grows with the order in which things happened, whatever the clock said. */
static const char drift_select[] = "WITH ends AS (SELECT x.finding_id AS id,"
                                   " max(iif(x.what = 'presence' AND x.at <= ?1, x.id, NULL)) AS presence_a,"
                                   " max(iif(x.what = 'presence', x.id, NULL)) AS presence_b,"
                                   " max(iif(x.what = 'sight' AND x.at <= ?1, x.id, NULL)) AS sight_a,"
                                   " max(iif(x.what = 'sight', x.id, NULL)) AS sight_b,"
                                   " group_concat(DISTINCT iif(x.at > ?1 AND x.what IN ('severity', 'breadth', "
                                   "'service', 'rule'), x.what, NULL)) AS"
                                   " changes FROM finding_event x WHERE x.at <= ?2 GROUP BY x.finding_id),"
                                   " words AS (SELECT e.id, e.changes,"
                                   " iif((SELECT became FROM finding_event WHERE id = e.sight_a) = 'RETIRED', "
                                   "'RETIRED',"
                                   " coalesce((SELECT became FROM finding_event WHERE id = e.presence_a), '')) AS was,"
                                   " iif((SELECT became FROM finding_event WHERE id = e.sight_b) = 'RETIRED', "
                                   "'RETIRED',"
                                   " coalesce((SELECT became FROM finding_event WHERE id = e.presence_b), '')) AS "
                                   "became FROM ends e),"
                                   " kinds AS (SELECT w.*, CASE WHEN NOT " DRIFT_COUNTS("w.was") " AND " DRIFT_COUNTS("w.became") " THEN 0 WHEN " DRIFT_COUNTS(
                                       "w.was") " AND NOT " DRIFT_COUNTS("w.became") " THEN 1"
                                                                                     " WHEN " DRIFT_COUNTS(
                                                                                         "w.became") " AND w.changes "
                                                                                                     "IS NOT NULL THEN "
                                                                                                     "2 END AS kind "
                                                                                                     "FROM words w)"
                                                                                                     " SELECT k.kind, "
                                                                                                     "f.fingerprint, "
                                                                                                     "r.name,"
                                                                                                     " " STORE_FINDING_ADDRESS
                                                                                                     ","
                                                                                                     " " STORE_ASSET_IDENTITY(
                                                                                                         "f.asset_id",
                                                                                                         "name") ", "
                                                                                                                 "f."
                                                                                                                 "proto"
                                                                                                                 ", "
                                                                                                                 "f."
                                                                                                                 "servi"
                                                                                                                 "ce, "
                                                                                                                 "f."
                                                                                                                 "sever"
                                                                                                                 "ity, "
                                                                                                                 "f."
                                                                                                                 "owner"
                                                                                                                 ", "
                                                                                                                 "k."
                                                                                                                 "was, "
                                                                                                                 "k."
                                                                                                                 "becam"
                                                                                                                 "e, "
                                                                                                                 "k."
                                                                                                                 "chang"
                                                                                                                 "es, "
                                                                                                                 "f."
                                                                                                                 "port,"
                                                                                                                 " f."
                                                                                                                 "first"
                                                                                                                 "_seen"
                                                                                                                 ", "
                                                                                                                 "f."
                                                                                                                 "last_"
                                                                                                                 "seen"
                                                                                                                 " FROM"
                                                                                                                 " kind"
                                                                                                                 "s k "
                                                                                                                 "JOIN "
                                                                                                                 "findi"
                                                                                                                 "ng f "
                                                                                                                 "ON "
                                                                                                                 "f.id "
                                                                                                                 "= "
                                                                                                                 "k.id "
                                                                                                                 "JOIN "
                                                                                                                 "asset"
                                                                                                                 " a "
                                                                                                                 "ON "
                                                                                                                 "a.id "
                                                                                                                 "= "
                                                                                                                 "f."
                                                                                                                 "asset"
                                                                                                                 "_id "
                                                                                                                 "JOIN "
                                                                                                                 "realm"
                                                                                                                 " r "
                                                                                                                 "ON "
                                                                                                                 "r.id "
                                                                                                                 "= "
                                                                                                                 "a."
                                                                                                                 "realm"
                                                                                                                 "_id"
                                                                                                                 " WHER"
                                                                                                                 "E "
                                                                                                                 "k."
                                                                                                                 "kind "
                                                                                                                 "IS "
                                                                                                                 "NOT "
                                                                                                                 "NULL "
                                                                                                                 "ORDER"
                                                                                                                 " BY "
                                                                                                                 "k."
                                                                                                                 "kind,"
                                                                                                                 " f."
                                                                                                                 "sever"
                                                                                                                 "ity_"
                                                                                                                 "rank "
                                                                                                                 "DESC,"
                                                                                                                 " f."
                                                                                                                 "penal"
                                                                                                                 "ty "
                                                                                                                 "DESC,"
                                                                                                                 " f."
                                                                                                                 "id";

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
    drift.was = store_row_text(row);
    drift.became = store_row_text(row);
    drift.changes = store_row_text(row);
    drift.port = store_row_number(row);
    drift.first_seen = store_row_number(row);
    drift.last_seen = store_row_number(row);
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
    struct drift_target target = {fn, context};
    const int64_t ends[] = {since, until};

    return drift_run(reader, drift_select, ends, drift_row, &target);
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
