#include "auditd/store/cloud.h"

#include "auditd/store/sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct applying {
    struct store *store;
    const json_t *snapshot;
    int64_t source_id;
    int64_t now_ms;
    struct store_cloud_change change;
    size_t lists; /* that are read now and were not, or the other way round, or differ in whether they are whole */
};

/* ---- lists ---- */

static int apply_list(struct applying *applying, const char *document, const char *list, bool whole)
{
    int64_t before = 0;
    int rc = store_query_int(applying->store, &before,
                             "SELECT whole FROM cloud_list WHERE source_id = ?1 AND document = ?2 AND list = ?3"
                             " AND valid_to IS NULL",
                             "itt", applying->source_id, document, list);

    if (rc == 0 && before == (int64_t)whole) {
        return 0;
    }
    applying->lists++;
    if (rc == 0) {
        rc = store_run(applying->store,
                       "UPDATE cloud_list SET valid_to = ?4 WHERE source_id = ?1 AND document = ?2 AND list = ?3"
                       " AND valid_to IS NULL",
                       "itti", applying->source_id, document, list, applying->now_ms);
    }
    return rc < 0 && rc != -ENOENT
               ? rc
               : store_run(applying->store,
                           "INSERT INTO cloud_list (source_id, document, list, whole, valid_from)"
                           " VALUES (?1, ?2, ?3, ?4, ?5)",
                           "ittii", applying->source_id, document, list, (int64_t)whole, applying->now_ms);
}

static const json_t *list_of(const struct applying *applying, const char *document, const char *list)
{
    return json_object_get(json_object_get(applying->snapshot, document), list);
}

static int end_lists(struct applying *applying)
{
    int64_t last = 0;
    int rc = 0;

    while (rc == 0) {
        sqlite3_stmt *row;
        bool is_read;
        rc = store_query(applying->store, &row,
                         "SELECT id, document, list FROM cloud_list WHERE source_id = ?1 AND valid_to IS NULL"
                         " AND id > ?2 ORDER BY id LIMIT 1",
                         "ii", applying->source_id, last);
        rc = rc < 0 ? rc : store_step(applying->store, row);
        if (rc <= 0) {
            return rc;
        }
        last = sqlite3_column_int64(row, 0);
        is_read = list_of(applying, store_text(row, 1), store_text(row, 2)) != NULL;
        store_walked(row);
        applying->lists += !is_read;
        rc = is_read ? 0
                     : store_run(applying->store, "UPDATE cloud_list SET valid_to = ?2 WHERE id = ?1", "ii", last,
                                 applying->now_ms);
    }
    return rc;
}

/* ---- records ---- */

static int end_record(struct applying *applying, int64_t id, const char *reason)
{
    return store_run(applying->store, "UPDATE cloud_record SET valid_to = ?2, end_reason = ?3 WHERE id = ?1", "iit", id,
                     applying->now_ms, reason);
}

struct place {
    const char *document;
    const char *list;
    const char *key;
};

/* The living row, 0 for none, and whether it says the same. */
static int find_record(struct applying *applying, const struct place *place, const char *body, int64_t *ret_id,
                       bool *ret_same)
{
    sqlite3_stmt *row;
    int rc = store_query(applying->store, &row,
                         "SELECT id, body = ?5 FROM cloud_record WHERE source_id = ?1 AND document = ?2 AND list = ?3"
                         " AND key = ?4 AND valid_to IS NULL",
                         "itttt", applying->source_id, place->document, place->list, place->key, body);

    *ret_id = 0;
    *ret_same = false;
    rc = rc < 0 ? rc : store_step(applying->store, row);
    if (rc == 1) {
        *ret_id = sqlite3_column_int64(row, 0);
        *ret_same = sqlite3_column_int(row, 1) != 0;
        store_walked(row);
    }
    return rc < 0 ? rc : 0;
}

static int apply_record(struct applying *applying, const struct place *place, const json_t *record)
{
    char *body = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    int64_t id = 0;
    bool same = false;
    int rc = body == NULL ? -ENOMEM : find_record(applying, place, body, &id, &same);

    applying->change.records++;
    if (rc == 0 && !same) {
        applying->change.added += id == 0;
        applying->change.changed += id != 0;
        rc = id == 0 ? 0 : end_record(applying, id, "changed");
        rc = rc < 0 ? rc
                    : store_run(applying->store,
                                "INSERT INTO cloud_record (source_id, document, list, key, body, valid_from)"
                                " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                                "itttti", applying->source_id, place->document, place->list, place->key, body,
                                applying->now_ms);
    }
    free(body);
    return rc;
}

static int apply_lists(struct applying *applying, const char *document, const json_t *lists)
{
    const char *list;
    json_t *entry;
    int rc = 0;

    json_object_foreach((json_t *)(uintptr_t)lists, list, entry)
    {
        const char *key;
        json_t *record;
        rc = rc < 0 ? rc : apply_list(applying, document, list, json_is_true(json_object_get(entry, "whole")));
        json_object_foreach(json_object_get(entry, "records"), key, record)
        {
            const struct place place = {document, list, key};
            rc = rc < 0 ? rc : apply_record(applying, &place, record);
        }
    }
    return rc;
}

/* What the snapshot lacks: gone where its list was read to the end. Each step goes on in the order of the rows: the
 * index of those that stand would be walked and sorted for each. */
static int end_records(struct applying *applying)
{
    int64_t last = 0;
    int rc = 0;

    while (rc == 0) {
        sqlite3_stmt *row;
        const json_t *list;
        bool stands;
        rc = store_query(applying->store, &row,
                         "SELECT id, document, list, key FROM cloud_record NOT INDEXED WHERE source_id = ?1"
                         " AND valid_to IS NULL AND id > ?2 ORDER BY id LIMIT 1",
                         "ii", applying->source_id, last);
        rc = rc < 0 ? rc : store_step(applying->store, row);
        if (rc <= 0) {
            return rc;
        }
        last = sqlite3_column_int64(row, 0);
        list = list_of(applying, store_text(row, 1), store_text(row, 2));
        stands = json_object_get(json_object_get(list, "records"), store_text(row, 3)) != NULL;
        store_walked(row);
        if (!stands) {
            bool gone = json_is_true(json_object_get(list, "whole"));
            applying->change.gone += gone;
            applying->change.unread += !gone;
            rc = end_record(applying, last, gone ? "gone" : "unread");
        } else {
            rc = 0;
        }
    }
    return rc;
}

/* ---- a snapshot ---- */

/* What was worked out of other records is not theirs. */
static int outdate_verdicts(const struct applying *applying)
{
    const struct store_cloud_change *change = &applying->change;

    if (change->added + change->changed + change->gone + change->unread + applying->lists == 0) {
        return 0;
    }
    return store_run(applying->store, "UPDATE cloud_source SET verdicts_at = NULL WHERE id = ?", "i",
                     applying->source_id);
}

static int apply_source(struct applying *applying, const struct store_cloud_read *read)
{
    const char *document;
    json_t *lists;
    int rc = store_run(applying->store,
                       "INSERT INTO cloud_source (name, first_read_at, read_at) VALUES (?1, ?2, ?2)"
                       " ON CONFLICT (name) DO UPDATE SET read_at = max(read_at, ?2)",
                       "ti", read->name, read->now_ms);

    rc = rc < 0 ? rc
                : store_query_int(applying->store, &applying->source_id, "SELECT id FROM cloud_source WHERE name = ?",
                                  "t", read->name);
    /* A clock that was set back must not make intervals that end before they begin. */
    rc = rc < 0 ? rc
                : store_query_int(applying->store, &applying->now_ms, "SELECT read_at FROM cloud_source WHERE id = ?",
                                  "i", applying->source_id);
    json_object_foreach((json_t *)(uintptr_t)applying->snapshot, document, lists)
    {
        rc = rc < 0 ? rc : apply_lists(applying, document, lists);
    }
    rc = rc < 0 ? rc : end_records(applying);
    rc = rc < 0 ? rc : end_lists(applying);
    return rc < 0 ? rc : outdate_verdicts(applying);
}

int store_cloud_apply(struct store *store, const struct store_cloud_read *read, const json_t *snapshot,
                      struct store_cloud_change *ret_change)
{
    struct applying applying = {.store = store, .snapshot = snapshot};
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    rc = apply_source(&applying, read);
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    rc = store_commit(store);
    if (rc == 0) {
        *ret_change = applying.change;
    }
    return rc;
}

/* ---- what stood ---- */

struct moment {
    int64_t source_id;
    int64_t at_ms;
};

static int find_moment(struct store *store, const char *name, int64_t at_ms, struct moment *ret_moment)
{
    int rc = store_query_int(store, &ret_moment->source_id,
                             "SELECT id FROM cloud_source WHERE name = ?1 AND (?2 = 0 OR first_read_at <= ?2)", "ti",
                             name, at_ms);

    ret_moment->at_ms = at_ms == 0 ? INT64_MAX : at_ms;
    return rc;
}

static int load_records(struct store *store, const struct moment *moment, const struct place *place, json_t *records)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT key, body FROM cloud_record WHERE source_id = ?1 AND document = ?2 AND list = ?3"
                         " AND valid_from <= ?4 AND (valid_to IS NULL OR valid_to > ?4) ORDER BY key",
                         "itti", moment->source_id, place->document, place->list, moment->at_ms);

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        json_t *body = json_loads(store_text(row, 1), JSON_DECODE_ANY, NULL);
        rc = body == NULL || json_object_set_new(records, store_text(row, 0), body) != 0 ? -EUCLEAN : 0;
    }
    if (rc == -EUCLEAN) {
        store_walked(row);
    }
    return rc;
}

/* The list behind `last`: 1, or 0 when there is none. */
static int next_list(struct store *store, const struct moment *moment, int64_t *last, json_t **ret_list)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT id, document, list, whole FROM cloud_list WHERE source_id = ?1 AND valid_from <= ?2"
                         " AND (valid_to IS NULL OR valid_to > ?2) AND id > ?3 ORDER BY id LIMIT 1",
                         "iii", moment->source_id, moment->at_ms, *last);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc == 1) {
        *last = sqlite3_column_int64(row, 0);
        *ret_list = json_pack("{s:s, s:s, s:b, s:{}}", "document", store_text(row, 1), "list", store_text(row, 2),
                              "whole", sqlite3_column_int(row, 3), "records");
        store_walked(row);
        rc = *ret_list == NULL ? -ENOMEM : 1;
    }
    return rc;
}

int store_cloud_load(struct store *store, const char *name, int64_t at_ms, store_cloud_list take, void *context)
{
    struct moment moment;
    int64_t last = 0;
    json_t *list = NULL;
    int rc = find_moment(store, name, at_ms, &moment);

    while (rc == 0 && (rc = next_list(store, &moment, &last, &list)) == 1) {
        const struct place place = {.document = json_string_value(json_object_get(list, "document")),
                                    .list = json_string_value(json_object_get(list, "list"))};
        json_t *records = json_object_get(list, "records");
        rc = load_records(store, &moment, &place, records);
        rc = rc < 0 ? rc
                    : take(context, place.document, place.list, json_is_true(json_object_get(list, "whole")), records);
        json_decref(list);
    }
    return rc;
}

int store_cloud_only(struct store *store, char **ret_name)
{
    sqlite3_stmt *row;
    int rc =
        store_query(store, &row, "SELECT name FROM cloud_source WHERE (SELECT count(*) FROM cloud_source) = 1", "");

    *ret_name = NULL;
    rc = rc < 0 ? rc : store_step(store, row);
    if (rc == 1) {
        *ret_name = strdup(store_text(row, 0));
        store_walked(row);
        rc = *ret_name == NULL ? -ENOMEM : 0;
    }
    return rc;
}
