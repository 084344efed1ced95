#include "auditd/store/tag.h"

#include "auditd/store/sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void store_tags_done(struct host_tag *tags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)tags[i].key);
        free((void *)(uintptr_t)tags[i].value);
    }
    free(tags);
}

/* A key and its value, copied. */
static int tag_add(struct host_tag **tags, size_t *count, const char *key, const char *value)
{
    struct host_tag *grown = reallocarray(*tags, *count + 1, sizeof(*grown));
    char *copies[2];

    if (grown == NULL) {
        return -ENOMEM;
    }
    *tags = grown;
    copies[0] = strdup(key);
    copies[1] = strdup(value);
    if (copies[0] == NULL || copies[1] == NULL) {
        free(copies[0]);
        free(copies[1]);
        return -ENOMEM;
    }
    grown[(*count)++] = (struct host_tag){copies[0], copies[1]};
    return 0;
}

/* `source` NULL: of all. */
static int tags_read(struct store *store, int64_t asset_id, const char *source, struct host_tag **ret_tags,
                     size_t *ret_count)
{
    struct host_tag *tags = NULL;
    size_t count = 0;
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT key, value FROM asset_tag WHERE asset_id = ?1 AND valid_to IS NULL"
                         " AND (?2 IS NULL OR source = ?2) ORDER BY source, key",
                         "it", asset_id, source);

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = tag_add(&tags, &count, store_text(row, 0), store_text(row, 1));
        if (rc < 0) {
            store_walked(row);
        }
    }
    if (rc < 0) {
        store_tags_done(tags, count);
        return rc == -ENOMEM ? store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory") : rc;
    }
    *ret_tags = tags;
    *ret_count = count;
    return 0;
}

int store_tags_load(struct store *store, int64_t asset_id, struct host_tag **ret_tags, size_t *ret_count)
{
    return tags_read(store, asset_id, NULL, ret_tags, ret_count);
}

static bool tags_have(const struct host_tag *tags, size_t count, const struct host_tag *tag)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tags[i].key, tag->key) == 0 && strcmp(tags[i].value, tag->value) == 0) {
            return true;
        }
    }
    return false;
}

static int tag_end(struct store *store, int64_t asset_id, const char *source, const char *key, int64_t at_ms)
{
    return store_run(store,
                     "UPDATE asset_tag SET valid_to = max(valid_from, ?) WHERE asset_id = ? AND source = ? AND key = ?"
                     " AND valid_to IS NULL",
                     "iitt", at_ms, asset_id, source, key);
}

static int tag_begin(struct store *store, int64_t asset_id, const char *source, const struct host_tag *tag,
                     int64_t at_ms)
{
    int rc = tag_end(store, asset_id, source, tag->key, at_ms);

    return rc < 0 ? rc
                  : store_run(store,
                              "INSERT INTO asset_tag (asset_id, source, key, value, valid_from) VALUES (?, ?, ?, ?, ?)",
                              "ittti", asset_id, source, tag->key, tag->value, at_ms);
}

int store_tags_set(struct store *store, int64_t asset_id, const char *source, const struct host_tag *tags, size_t count,
                   int64_t at_ms)
{
    struct host_tag *known = NULL;
    size_t known_count = 0;
    int changes = 0;
    int rc = tags_read(store, asset_id, source, &known, &known_count);

    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < known_count && rc == 0; i++) {
        if (!tags_have(tags, count, &known[i])) {
            rc = tag_end(store, asset_id, source, known[i].key, at_ms);
            changes++;
        }
    }
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (!tags_have(known, known_count, &tags[i])) {
            rc = tag_begin(store, asset_id, source, &tags[i], at_ms);
            changes++;
        }
    }
    store_tags_done(known, known_count);
    return rc < 0 ? rc : changes;
}
