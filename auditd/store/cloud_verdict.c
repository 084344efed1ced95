#include "auditd/store/cloud_verdict.h"

#include "auditd/store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERDICT_COLUMNS                                                                                                \
    "address, public_address, way, sources, verdict, stage, record, reason, family, protocol, first_port, last_port,"  \
    " share"

/* ---- lists ---- */

struct store_cloud_verdict *store_cloud_verdicts_add(struct store_cloud_verdicts *verdicts)
{
    /* Room doubles: it is full whenever the count is a power of two. */
    if ((verdicts->count & (verdicts->count - 1)) == 0) {
        size_t room = verdicts->count == 0 ? 1 : 2 * verdicts->count;
        struct store_cloud_verdict *items = realloc(verdicts->items, room * sizeof(*items));
        if (items == NULL) {
            return NULL;
        }
        verdicts->items = items;
    }
    memset(&verdicts->items[verdicts->count], 0, sizeof(*verdicts->items));
    return &verdicts->items[verdicts->count++];
}

void store_cloud_verdicts_done(struct store_cloud_verdicts *verdicts)
{
    free(verdicts->items);
    *verdicts = (struct store_cloud_verdicts){0};
}

static void verdict_read(sqlite3_stmt *row, int column, struct store_cloud_verdict *verdict)
{
    const struct {
        char *text;
        size_t size;
    } texts[] = {
        {verdict->address, sizeof(verdict->address)}, {verdict->public_address, sizeof(verdict->public_address)},
        {verdict->way, sizeof(verdict->way)},         {verdict->sources, sizeof(verdict->sources)},
        {verdict->verdict, sizeof(verdict->verdict)}, {verdict->stage, sizeof(verdict->stage)},
        {verdict->record, sizeof(verdict->record)},   {verdict->reason, sizeof(verdict->reason)},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        snprintf(texts[i].text, texts[i].size, "%s", store_text(row, column++));
    }
    verdict->family = sqlite3_column_int64(row, column++);
    verdict->protocol = sqlite3_column_int64(row, column++);
    verdict->first_port = sqlite3_column_int64(row, column++);
    verdict->last_port = sqlite3_column_int64(row, column++);
    verdict->share = sqlite3_column_double(row, column);
}

static bool verdict_same(const struct store_cloud_verdict *a, const struct store_cloud_verdict *b)
{
    return a->family == b->family && a->protocol == b->protocol && a->first_port == b->first_port &&
           a->last_port == b->last_port && !(a->share < b->share) && !(a->share > b->share) &&
           strcmp(a->address, b->address) == 0 && strcmp(a->public_address, b->public_address) == 0 &&
           strcmp(a->way, b->way) == 0 && strcmp(a->sources, b->sources) == 0 && strcmp(a->verdict, b->verdict) == 0 &&
           strcmp(a->stage, b->stage) == 0 && strcmp(a->record, b->record) == 0 && strcmp(a->reason, b->reason) == 0;
}

/* ---- sources ---- */

int store_cloud_verdicts_due(struct store *store, const char *name, int64_t *ret_source_id, bool *ret_due)
{
    int64_t due = 0;
    int rc = store_query_int(store, ret_source_id, "SELECT id FROM cloud_source WHERE name = ?", "t", name);

    rc = rc < 0 ? rc
                : store_query_int(store, &due, "SELECT verdicts_at IS NULL FROM cloud_source WHERE id = ?", "i",
                                  *ret_source_id);
    *ret_due = due != 0;
    return rc;
}

int store_cloud_verdicts_made(struct store *store, int64_t source_id, int64_t now_ms)
{
    return store_run(store, "UPDATE cloud_source SET verdicts_at = ?2 WHERE id = ?1", "ii", source_id, now_ms);
}

/* ---- writing ---- */

struct stored_row {
    int64_t id;
    int64_t asset_id;
    bool stands;
    struct store_cloud_verdict verdict;
};

struct stored_rows {
    struct stored_row *items;
    size_t count;
};

static int rows_load(struct store *store, const struct store_cloud_verdict_write *write, struct stored_rows *rows)
{
    sqlite3_stmt *row;
    int64_t count = 0;
    int rc = store_query_int(store, &count,
                             "SELECT count(*) FROM cloud_verdict WHERE source_id = ?1 AND interface = ?2"
                             " AND valid_to IS NULL",
                             "it", write->source_id, write->interface);

    if (rc < 0) {
        return rc;
    }
    rows->items = calloc((size_t)count + 1, sizeof(*rows->items));
    rc = rows->items == NULL ? -ENOMEM : 0;
    rc = rc < 0 ? rc
                : store_query(store, &row,
                              "SELECT id, coalesce(asset_id, 0), " VERDICT_COLUMNS
                              " FROM cloud_verdict WHERE source_id = ?1 AND interface = ?2 AND valid_to IS NULL",
                              "it", write->source_id, write->interface);
    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        struct stored_row *item = &rows->items[rows->count++];
        item->id = sqlite3_column_int64(row, 0);
        item->asset_id = sqlite3_column_int64(row, 1);
        verdict_read(row, 2, &item->verdict);
        rc = 0;
    }
    return rc;
}

/* 0 where it has none. */
static int find_asset(struct store *store, const struct store_cloud_verdict_write *write,
                      const struct stored_rows *rows, int64_t *ret_asset_id)
{
    int rc = store_query_int(store, ret_asset_id,
                             "SELECT i.asset_id FROM asset_identity i JOIN cloud_source s ON s.id = ?1"
                             " WHERE i.kind = 'interface' AND i.value = ?2 AND i.valid_to IS NULL AND i.realm_id IN"
                             " (SELECT v.realm_id FROM inventory v WHERE substr(v.name, 1, length(s.name) + 1) ="
                             " s.name || '/') ORDER BY i.id DESC",
                             "it", write->source_id, write->interface);

    if (rc == -ENOENT) {
        *ret_asset_id = rows->count > 0 ? rows->items[0].asset_id : 0;
        return 0;
    }
    return rc;
}

static struct stored_row *rows_find(const struct stored_rows *rows, const struct store_cloud_verdict *verdict,
                                    int64_t asset_id)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct stored_row *row = &rows->items[i];
        if (!row->stands && row->asset_id == asset_id && verdict_same(&row->verdict, verdict)) {
            return row;
        }
    }
    return NULL;
}

static int row_begin(struct store *store, const struct store_cloud_verdict_write *write, int64_t asset_id,
                     const struct store_cloud_verdict *verdict)
{
    return store_run(store,
                     "INSERT INTO cloud_verdict (source_id, interface, asset_id, valid_from, " VERDICT_COLUMNS
                     ") VALUES (?1, ?2, nullif(?3, 0), ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
                     "itiittttttttiiiir", write->source_id, write->interface, asset_id, write->now_ms, verdict->address,
                     verdict->public_address, verdict->way, verdict->sources, verdict->verdict, verdict->stage,
                     verdict->record, verdict->reason, verdict->family, verdict->protocol, verdict->first_port,
                     verdict->last_port, verdict->share);
}

int store_cloud_verdicts_set(struct store *store, const struct store_cloud_verdict_write *write,
                             const struct store_cloud_verdicts *verdicts, struct store_cloud_verdict_change *change)
{
    struct stored_rows rows = {0};
    int64_t asset_id = 0;
    int rc = rows_load(store, write, &rows);

    rc = rc < 0 ? rc : find_asset(store, write, &rows, &asset_id);
    for (size_t i = 0; rc == 0 && i < verdicts->count; i++) {
        struct stored_row *row = rows_find(&rows, &verdicts->items[i], asset_id);
        if (row != NULL) {
            row->stands = true;
        } else {
            rc = row_begin(store, write, asset_id, &verdicts->items[i]);
            change->begun++;
        }
    }
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        if (!rows.items[i].stands) {
            rc = store_run(store, "UPDATE cloud_verdict SET valid_to = max(valid_from, ?2) WHERE id = ?1", "ii",
                           rows.items[i].id, write->now_ms);
            change->ended++;
        }
    }
    free(rows.items);
    return rc;
}

/* ---- reading ---- */

static int verdicts_walk(struct store *store, sqlite3_stmt *row, struct store_cloud_verdicts *verdicts)
{
    int rc;

    while ((rc = store_step(store, row)) == 1) {
        struct store_cloud_verdict *verdict = store_cloud_verdicts_add(verdicts);
        if (verdict == NULL) {
            store_walked(row);
            return -ENOMEM;
        }
        verdict_read(row, 0, verdict);
    }
    return rc;
}

int store_cloud_verdicts_of(struct store *store, int64_t source_id, const char *interface,
                            struct store_cloud_verdicts *verdicts)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT " VERDICT_COLUMNS
                         " FROM cloud_verdict WHERE source_id = ?1 AND interface = ?2 AND valid_to IS NULL ORDER BY id",
                         "it", source_id, interface);

    return rc < 0 ? rc : verdicts_walk(store, row, verdicts);
}

int store_cloud_verdicts_next(struct store *store, int64_t source_id, const char *last,
                              char ret_interface[STORE_CLOUD_ID_SIZE])
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT interface FROM cloud_verdict WHERE source_id = ?1 AND valid_to IS NULL"
                         " AND interface > ?2 ORDER BY interface LIMIT 1",
                         "it", source_id, last);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    snprintf(ret_interface, STORE_CLOUD_ID_SIZE, "%s", store_text(row, 0));
    store_walked(row);
    return 0;
}

int store_cloud_verdicts_load(struct store *store, const struct store_cloud_verdict_ask *ask,
                              struct store_cloud_verdicts *verdicts)
{
    sqlite3_stmt *row;
    int rc =
        store_query(store, &row,
                    "SELECT " VERDICT_COLUMNS
                    " FROM cloud_verdict WHERE asset_id = ?1 AND valid_from <= ?2 AND (valid_to IS NULL OR"
                    " valid_to > ?2) AND (?4 < 0 OR (protocol = ?3 AND ?4 BETWEEN first_port AND last_port))"
                    " ORDER BY address, way, family, protocol, first_port",
                    "iiii", ask->asset_id, ask->at_ms == 0 ? INT64_MAX : ask->at_ms, ask->protocol, (int64_t)ask->port);

    return rc < 0 ? rc : verdicts_walk(store, row, verdicts);
}

#define VERDICT_SEEN                                                                                                   \
    " FROM cloud_verdict WHERE id IN (SELECT id FROM cloud_verdict WHERE asset_id = ?1 AND protocol = ?3 AND"          \
    " first_port <= ?4 UNION SELECT id FROM cloud_verdict WHERE public_address = ?2 AND public_address <> '' AND"      \
    " protocol = ?3) AND first_port <= ?4 AND last_port >= ?4"
#define VERDICT_SEEN_KNOWN VERDICT_SEEN " AND valid_to IS NOT NULL AND verdict <> 'UNKNOWN'"
#define VERDICT_SEEN_ORDER " ORDER BY address, way, family, id"

int store_cloud_verdicts_seen(struct store *store, const struct store_cloud_verdict_seen *seen,
                              struct store_cloud_verdicts *verdicts)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row, "SELECT " VERDICT_COLUMNS VERDICT_SEEN " AND valid_to IS NULL" VERDICT_SEEN_ORDER,
                         "itii", seen->asset_id, seen->address, seen->protocol, seen->port);

    return rc < 0 ? rc : verdicts_walk(store, row, verdicts);
}

int store_cloud_verdicts_last_known(struct store *store, const struct store_cloud_verdict_seen *seen,
                                    struct store_cloud_verdicts *verdicts)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT " VERDICT_COLUMNS VERDICT_SEEN_KNOWN
                         " AND valid_to = (SELECT max(valid_to)" VERDICT_SEEN_KNOWN ")" VERDICT_SEEN_ORDER,
                         "itii", seen->asset_id, seen->address, seen->protocol, seen->port);

    return rc < 0 ? rc : verdicts_walk(store, row, verdicts);
}

int store_cloud_verdicts_any(struct store *store, bool *ret_any)
{
    int64_t any = 0;
    int rc = store_query_int(store, &any, "SELECT EXISTS (SELECT 1 FROM cloud_verdict)", "");

    *ret_any = any != 0;
    return rc;
}
