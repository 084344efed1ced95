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

/* Whose tags, as who says, when. */
struct tag_scope {
    struct store *store;
    int64_t asset_id;
    const char *source;
    int64_t at_ms;
};

/* The key, whatever its value. */
static int tag_end(const struct tag_scope *scope, const struct host_tag *tag)
{
    return store_run(scope->store,
                     "UPDATE asset_tag SET valid_to = max(valid_from, ?) WHERE asset_id = ? AND source = ? AND key = ?"
                     " AND valid_to IS NULL",
                     "iitt", scope->at_ms, scope->asset_id, scope->source, tag->key);
}

static int tag_begin(const struct tag_scope *scope, const struct host_tag *tag)
{
    int rc = tag_end(scope, tag);

    return rc < 0 ? rc
                  : store_run(scope->store,
                              "INSERT INTO asset_tag (asset_id, source, key, value, valid_from) VALUES (?, ?, ?, ?, ?)",
                              "ittti", scope->asset_id, scope->source, tag->key, tag->value, scope->at_ms);
}

/* Moves what `from` has and `other` has not. How many, or an error. */
static int tags_move(const struct tag_scope *scope, struct host_tags from, struct host_tags other,
                     int (*move)(const struct tag_scope *, const struct host_tag *))
{
    int moved = 0;

    for (size_t i = 0; i < from.count; i++) {
        if (!tags_have(other.tags, other.count, &from.tags[i])) {
            int rc = move(scope, &from.tags[i]);
            if (rc < 0) {
                return rc;
            }
            moved++;
        }
    }
    return moved;
}

int store_tags_set(struct store *store, int64_t asset_id, const char *source, struct host_tags said, int64_t at_ms)
{
    const struct tag_scope scope = {store, asset_id, source, at_ms};
    struct host_tag *tags = NULL;
    struct host_tags known = {0};
    int begun = 0;
    int ended = tags_read(store, asset_id, source, &tags, &known.count);

    if (ended < 0) {
        return ended;
    }
    known.tags = tags;
    ended = tags_move(&scope, known, said, tag_end);
    if (ended >= 0) {
        begun = tags_move(&scope, said, known, tag_begin);
    }
    store_tags_done(tags, known.count);
    return ended < 0 ? ended : begun < 0 ? begun : ended + begun;
}
