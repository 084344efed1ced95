#include "auditd/store/score.h"

#include "auditd/store/sql.h"
#include "lib/portset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows that come by asset ---- */

/* Stands at a row, or at the end. */
struct score_cursor {
    sqlite3_stmt *row;
    bool is_open;
    int64_t asset_id;
};

static int score_cursor_next(struct store *store, struct score_cursor *cursor)
{
    int rc = store_step(store, cursor->row);

    cursor->is_open = rc == 1;
    cursor->asset_id = rc == 1 ? sqlite3_column_int64(cursor->row, 0) : 0;
    return rc < 0 ? rc : 0;
}

static int score_cursor_open(struct store *store, struct score_cursor *cursor, const char *sql)
{
    int rc = store_query(store, &cursor->row, sql, "");

    return rc < 0 ? rc : score_cursor_next(store, cursor);
}

static void score_cursor_close(struct score_cursor *cursor)
{
    if (cursor->is_open) {
        store_walked(cursor->row);
        cursor->is_open = false;
    }
}

/* Rows of assets that have ended are passed over: 1 where it stands at one of this asset. */
static int score_cursor_at(struct store *store, struct score_cursor *cursor, int64_t asset_id)
{
    int rc = 0;

    while (rc == 0 && cursor->is_open && cursor->asset_id < asset_id) {
        rc = score_cursor_next(store, cursor);
    }
    return rc < 0 ? rc : cursor->is_open && cursor->asset_id == asset_id;
}

struct score_walk {
    struct store *store;
    const struct score_walk_options *options;
    const struct score_visitor *visitor;
    struct score_cursor assets;
    struct score_cursor findings;
    struct score_cursor tags;
    struct score_cursor coverage;
    struct score_places *places;
};

static int score_walk_findings(struct score_walk *walk, int64_t asset_id)
{
    sqlite3_stmt *row = walk->findings.row;
    int rc;

    while ((rc = score_cursor_at(walk->store, &walk->findings, asset_id)) == 1) {
        const struct score_item item = {
            .waived = sqlite3_column_int(row, 1) != 0,
            .service_weight = sqlite3_column_double(row, 2),
            .breadth = sqlite3_column_double(row, 3),
            .evidence = sqlite3_column_double(row, 4),
            .need = sqlite3_column_double(row, 5),
            .penalty = sqlite3_column_double(row, 6),
            .kind = store_text(row, 7),
            .service = store_text(row, 8),
            .breadth_class = store_text(row, 9),
            .count = 1,
        };
        rc = walk->visitor->finding(walk->visitor->context, &item);
        rc = rc < 0 ? rc : score_cursor_next(walk->store, &walk->findings);
        if (rc < 0) {
            return rc;
        }
    }
    return rc;
}

static int score_walk_tags(struct score_walk *walk, int64_t asset_id)
{
    int rc;

    while ((rc = score_cursor_at(walk->store, &walk->tags, asset_id)) == 1) {
        rc = walk->visitor->tag(walk->visitor->context, store_text(walk->tags.row, 1), store_text(walk->tags.row, 2));
        rc = rc < 0 ? rc : score_cursor_next(walk->store, &walk->tags);
        if (rc < 0) {
            return rc;
        }
    }
    return rc;
}

/* ---- how much was looked at ---- */

/* One (asset, vantage, protocol): which ports are planned, and which of them were judged lately. */
struct score_places {
    int64_t vantage_id;
    bool is_udp;
    struct portset planned;
    struct portset judged;
    struct portset row;
};

static void score_close_place(struct score_places *places, struct score_asset *asset)
{
    asset->planned += portset_count(&places->planned);
    asset->judged += portset_count(&places->judged);
    memset(&places->planned, 0, sizeof(places->planned));
    memset(&places->judged, 0, sizeof(places->judged));
}

static int score_take_coverage(struct score_walk *walk, struct score_asset *asset)
{
    struct score_places *places = walk->places;
    sqlite3_stmt *row = walk->coverage.row;
    int64_t vantage_id = sqlite3_column_int64(row, 1);
    bool is_udp = strcmp(store_text(row, 2), "udp") == 0;
    size_t offset;

    if (places->vantage_id != vantage_id || places->is_udp != is_udp) {
        score_close_place(places, asset);
        places->vantage_id = vantage_id;
        places->is_udp = is_udp;
    }
    if (portset_parse(store_text(row, 3), &places->row, &offset) < 0) {
        return store_fail(walk->store, STORE_FAULT_CORRUPT, -EUCLEAN, "the coverage of asset %lld is no list of ports",
                          (long long)asset->id);
    }
    portset_union(&places->planned, &places->row);
    if (sqlite3_column_int64(row, 4) >= walk->options->judged_since_ms) {
        portset_union(&places->judged, &places->row);
    }
    return 0;
}

static int score_walk_coverage(struct score_walk *walk, struct score_asset *asset)
{
    bool is_any = false;
    int rc;

    while ((rc = score_cursor_at(walk->store, &walk->coverage, asset->id)) == 1) {
        rc = score_take_coverage(walk, asset);
        rc = rc < 0 ? rc : score_cursor_next(walk->store, &walk->coverage);
        if (rc < 0) {
            return rc;
        }
        is_any = true;
    }
    if (is_any) {
        score_close_place(walk->places, asset);
    }
    return rc;
}

/* ---- assets ---- */

static int score_walk_asset(struct score_walk *walk)
{
    sqlite3_stmt *row = walk->assets.row;
    struct score_asset asset = {
        .id = walk->assets.asset_id,
        .uuid = store_text(row, 1),
        .realm = store_text(row, 2),
        .is_touched = sqlite3_column_int(row, 3) != 0,
        .is_host = sqlite3_column_int(row, 4) != 0,
    };
    int rc = score_walk_findings(walk, asset.id);

    if (rc == 0) {
        rc = score_walk_tags(walk, asset.id);
    }
    if (rc == 0) {
        rc = score_walk_coverage(walk, &asset);
    }
    if (rc == 0) {
        rc = walk->visitor->asset(walk->visitor->context, &asset);
    }
    return rc < 0 ? rc : score_cursor_next(walk->store, &walk->assets);
}

static int score_walk_open(struct score_walk *walk)
{
    struct store *store = walk->store;
    int rc = store_query(
        store, &walk->assets.row,
        "SELECT a.id, a.uuid, r.name, (?1 = 0 OR EXISTS (SELECT 1 FROM asset_state s"
        " WHERE s.asset_id = a.id AND s.last_seen >= ?1)) AND (?2 = 0 OR a.id IN (SELECT f.asset_id"
        " FROM finding f WHERE f.changed_at >= ?2)), a.kind = 'host' FROM asset a JOIN realm r ON r.id = a.realm_id"
        " WHERE a.ended_at IS NULL ORDER BY a.id",
        "ii", walk->options->since_ms, walk->options->changed_since_ms);

    rc = rc < 0 ? rc : score_cursor_next(store, &walk->assets);
    /* The index by asset, which also says what counts: sorting them by themselves would copy them all. */
    rc = rc < 0 ? rc
                : score_cursor_open(
                      store, &walk->findings,
                      "SELECT asset_id, disposition = 'WAIVED', service_weight, breadth, evidence, need, penalty, kind,"
                      " service, breadth_class FROM finding INDEXED BY finding_by_asset WHERE presence IN ('NEW',"
                      " 'OPEN', 'VERIFYING', 'REAPPEARED') AND sight <> 'RETIRED' ORDER BY asset_id");
    rc = rc < 0 ? rc
                : score_cursor_open(store, &walk->tags,
                                    "SELECT asset_id, key, value FROM asset_tag WHERE valid_to IS NULL"
                                    " ORDER BY asset_id, key, value");
    return rc < 0 ? rc
                  : score_cursor_open(store, &walk->coverage,
                                      "SELECT asset_id, vantage_id, proto, ports, coalesce(judged_at, -1) FROM coverage"
                                      " ORDER BY asset_id, vantage_id, proto");
}

int store_score_walk(struct store *store, const struct score_walk_options *options, const struct score_visitor *visitor)
{
    struct score_walk walk = {.store = store, .options = options, .visitor = visitor};
    int rc;

    walk.places = calloc(1, sizeof(*walk.places));
    rc = walk.places == NULL ? store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory") : score_walk_open(&walk);
    while (rc == 0 && walk.assets.is_open) {
        rc = score_walk_asset(&walk);
    }
    score_cursor_close(&walk.assets);
    score_cursor_close(&walk.findings);
    score_cursor_close(&walk.tags);
    score_cursor_close(&walk.coverage);
    free(walk.places);
    return rc;
}

static int score_names(struct store *store, const char *sql, int (*each)(void *context, const char *name),
                       void *context)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row, sql, "");

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = each(context, store_text(row, 0));
        if (rc < 0) {
            store_walked(row);
        }
    }
    return rc;
}

int store_score_realms(struct store *store, int (*each)(void *context, const char *realm), void *context)
{
    return score_names(store, "SELECT name FROM realm ORDER BY id", each, context);
}

int store_score_groups(struct store *store, int (*each)(void *context, const char *group), void *context)
{
    return score_names(store, "SELECT subject FROM score WHERE scope = 'group' AND ended_at IS NULL", each, context);
}

int store_score_policy_source(struct store *store, int64_t policy_id, char **ret_source)
{
    sqlite3_stmt *row = NULL;
    char *source;
    int rc = store_query(store, &row, "SELECT source FROM policy WHERE id = ?", "i", policy_id);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    source = strdup(store_text(row, 0));
    store_walked(row);
    if (source == NULL) {
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    *ret_source = source;
    return 0;
}

/* ---- the table ---- */

int store_score_policy(struct store *store, int64_t *ret_policy_id)
{
    return store_query_int(store, ret_policy_id,
                           "SELECT policy_id FROM score WHERE scope = 'fleet' AND ended_at IS NULL", "");
}

int store_score_unscored(struct store *store, int64_t *ret_since_ms)
{
    int64_t since_ms;
    int rc = store_query_int(store, &since_ms,
                             "SELECT coalesce(min(started_at), -1) FROM scan WHERE judged_at > coalesce((SELECT last_at"
                             " FROM score WHERE scope = 'fleet' AND ended_at IS NULL), -1)",
                             "");

    if (rc < 0) {
        return rc;
    }
    if (since_ms < 0) {
        return -ENOENT;
    }
    *ret_since_ms = since_ms;
    return 0;
}

int store_score_end(struct store *store, const struct score_subject *subject, int64_t at_ms)
{
    return store_run(store,
                     "UPDATE score SET ended_at = max(last_at, ?1) WHERE scope = ?2 AND subject = ?3 AND ended_at IS"
                     " NULL",
                     "itt", at_ms, subject->scope, subject->subject);
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
    rc = store_score_end(store, &record->subject, record->at_ms);
    if (rc < 0) {
        return rc;
    }
    return store_run(store,
                     "INSERT INTO score (scope, subject, score, grade, caps, exposure, waived, coverage, terms,"
                     " policy_id, first_at, last_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, begin, begin"
                     " FROM (SELECT max(?11, coalesce(max(ended_at), ?11)) AS begin FROM score WHERE scope = ?1"
                     " AND subject = ?2)",
                     "ttrttrrrtii", record->subject.scope, record->subject.subject, record->score, record->grade,
                     record->caps, record->exposure, record->waived, record->coverage, record->terms, record->policy_id,
                     record->at_ms);
}

int store_score_end_hosts(struct store *store, int64_t at_ms)
{
    return store_run(store,
                     "UPDATE score SET ended_at = max(last_at, ?) WHERE scope = 'host' AND ended_at IS NULL"
                     " AND NOT EXISTS (SELECT 1 FROM asset WHERE uuid = score.subject AND ended_at IS NULL)",
                     "i", at_ms);
}
