#include "auditd/finding/standing.h"

#include "auditd/store/sql.h"
#include "auditd/store/tag.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void standing_done(struct standing *standing)
{
    free(standing->host.memo);
    store_known_done(&standing->known);
}

void standings_done(struct standings *standings)
{
    for (size_t i = 0; i < standings->count; i++) {
        standing_done(&standings->items[i]);
    }
    free(standings->items);
    *standings = (struct standings){0};
}

const struct standing *standings_find(const struct standings *standings, int64_t vantage_id)
{
    for (size_t i = 0; i < standings->count; i++) {
        if (standings->items[i].vantage_id == vantage_id) {
            return &standings->items[i];
        }
    }
    return NULL;
}

static int standing_add_address(struct standing *standing, const char *text)
{
    struct store_known *known = &standing->known;
    struct addr *grown = reallocarray(known->addresses, known->address_count + 1, sizeof(*grown));

    if (grown == NULL) {
        return -ENOMEM;
    }
    known->addresses = grown;
    if (addr_parse(text, &grown[known->address_count]) == 0) {
        known->address_count++;
    }
    return 0;
}

static int standing_add_tag(struct standing *standing, const char *key, const char *value)
{
    struct store_known *known = &standing->known;
    struct host_tag *grown = reallocarray(known->tags, known->tag_count + 1, sizeof(*grown));
    struct host_tag tag = {strdup(key), strdup(value)};

    if (grown != NULL) {
        known->tags = grown;
    }
    if (grown == NULL || tag.key == NULL || tag.value == NULL) {
        free((void *)(uintptr_t)tag.key);
        free((void *)(uintptr_t)tag.value);
        return -ENOMEM;
    }
    grown[known->tag_count++] = tag;
    return 0;
}

/* The asset that the scanner's machine is, by what it said of itself, or by its address in the realm. */
static int standing_find_asset(struct store *store, const struct standing *standing, const json_t *stands,
                               int64_t *ret_asset_id)
{
    const char *address = json_string_value(json_array_get(json_object_get(stands, "addresses"), 0));
    char instance[160];
    int rc;

    snprintf(instance, sizeof(instance), "scanner:%s", standing->name);
    rc = store_query_int(store, ret_asset_id,
                         "SELECT asset_id FROM asset_identity WHERE kind = 'instance' AND value = ?"
                         " AND valid_to IS NULL ORDER BY id LIMIT 1",
                         "t", instance);
    if (rc != -ENOENT || address == NULL || standing->realm[0] == '\0') {
        return rc;
    }
    return store_query_int(store, ret_asset_id,
                           "SELECT asset_id FROM asset_identity WHERE kind = 'address' AND value = ?"
                           " AND valid_to IS NULL AND realm_id = (SELECT id FROM realm WHERE name = ?)",
                           "tt", address, standing->realm);
}

static int standing_configured(struct standing *standing, const json_t *stands)
{
    const json_t *addresses = json_object_get(stands, "addresses");
    const char *key;
    const json_t *value;
    int rc = 0;

    for (size_t i = 0; i < json_array_size(addresses) && rc == 0; i++) {
        const char *text = json_string_value(json_array_get(addresses, i));
        rc = text == NULL ? 0 : standing_add_address(standing, text);
    }
    json_object_foreach((json_t *)(uintptr_t)json_object_get(stands, "tags"), key, value)
    {
        rc = rc == 0 && json_is_string(value) ? standing_add_tag(standing, key, json_string_value(value)) : rc;
    }
    return rc;
}

static int standing_load(struct store *store, struct standing *standing, const json_t *stands)
{
    const char *realm = json_string_value(json_object_get(stands, "realm"));
    bool has_asset;
    int64_t asset_id;
    int rc;

    snprintf(standing->realm, sizeof(standing->realm), "%s", realm == NULL ? "" : realm);
    rc = standing_find_asset(store, standing, stands, &asset_id);
    has_asset = rc == 0;
    if (has_asset) {
        rc = store_asset_known(store, asset_id, &standing->known);
    }
    if (rc == 0 || rc == -ENOENT) {
        rc = standing_configured(standing, stands);
    }
    if (rc < 0) {
        return rc;
    }
    standing->host.realm = standing->realm[0] == '\0' ? NULL : standing->realm;
    standing->host.names = (const char *const *)standing->known.names;
    standing->host.name_count = standing->known.name_count;
    standing->host.addresses = standing->known.addresses;
    standing->host.address_count = standing->known.address_count;
    standing->host.tags = standing->known.tags;
    standing->host.tag_count = standing->known.tag_count;
    /* Nobody tags a machine with nothing: without any tag it is not known which it has. */
    standing->host.tags_unknown = standing->known.tag_count == 0;
    standing->host.names_unknown = standing->known.name_count == 0;
    standing->is_known = standing->known.address_count > 0 || standing->known.tag_count > 0;
    return 0;
}

/* The rows first: a statement that is being walked must not be asked for again. */
static int standings_read(struct store *store, struct standings *standings, json_t *all)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row, "SELECT id, name, declared_class, stands FROM vantage ORDER BY id", "");

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        struct standing *grown = reallocarray(standings->items, standings->count + 1, sizeof(*grown));
        json_t *stands = json_loads(store_text(row, 3), 0, NULL);
        rc = grown == NULL || json_array_append_new(all, stands == NULL ? json_object() : stands) < 0 ? -ENOMEM : 0;
        standings->items = grown == NULL ? standings->items : grown;
        if (rc < 0) {
            store_walked(row);
            return rc;
        }
        grown[standings->count] =
            (struct standing){.vantage_id = sqlite3_column_int64(row, 0), .vantage_class = VANTAGE_OWN_VPC};
        snprintf(grown[standings->count].name, sizeof(grown->name), "%s", store_text(row, 1));
        grown[standings->count].is_declared =
            vantage_class_parse(store_text(row, 2), &grown[standings->count].vantage_class) == 0;
        standings->count++;
    }
    return rc;
}

int standings_load(struct store *store, size_t group_count, struct standings *ret_standings)
{
    struct standings standings = {0};
    json_t *all = json_array();
    int rc = all == NULL ? -ENOMEM : standings_read(store, &standings, all);

    for (size_t i = 0; i < standings.count && rc == 0; i++) {
        struct standing *standing = &standings.items[i];
        rc = standing_load(store, standing, json_array_get(all, i));
        if (rc == 0) {
            standing->host.memo = malloc(group_count + 1);
            rc = standing->host.memo == NULL ? -ENOMEM : 0;
        }
        if (rc == 0) {
            memset(standing->host.memo, HOST_MEMO_UNKNOWN, group_count + 1);
        }
    }
    json_decref(all);
    if (rc < 0) {
        standings_done(&standings);
        return rc;
    }
    *ret_standings = standings;
    return 0;
}
