#include "auditd/store/inventory.h"

#include "auditd/store/asset.h"
#include "auditd/store/endpoint.h"
#include "auditd/store/finding.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"
#include "auditd/store/tag.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One that loses more than a fifth in one read retires nothing until somebody confirms it. */
enum { INVENTORY_LOSS_PARTS = 5 };

/* A host on its way into the store. */
struct entering {
    struct store *store;
    const struct store_inventory_read *read;
    const struct inventory_host *host;
    int64_t inventory_id;
    int64_t realm_id;
    int64_t reads;
    int64_t row_id;   /* 0: not known yet */
    int64_t asset_id; /* 0: none */
    char *key;
    char *addresses; /* JSON */
    char *tags;      /* JSON */
    bool is_same;    /* as the last read had it */
};

/* ---- which asset it is ---- */

static int entering_find(const struct entering *entering, const char *kind, const char *value, int64_t *ret_asset_id)
{
    return store_asset_find(entering->store, entering->realm_id, kind, value, ret_asset_id);
}

/* An asset that is known by another id is another machine, whatever address it has. */
static int entering_is_other(const struct entering *entering, int64_t asset_id, bool *ret_is)
{
    int64_t other = 0;
    int rc = store_query_int(entering->store, &other,
                             "SELECT EXISTS (SELECT 1 FROM asset_identity WHERE asset_id = ?1 AND kind = 'instance'"
                             " AND source = 'inventory' AND valid_to IS NULL AND value <> ?2)",
                             "it", asset_id, entering->host->id == NULL ? "" : entering->host->id);

    *ret_is = entering->host->id != NULL && other != 0;
    return rc;
}

static int entering_find_by_address(struct entering *entering)
{
    char text[ADDR_TEXT_SIZE];

    for (size_t i = 0; entering->asset_id == 0 && i < entering->host->address_count; i++) {
        int64_t found = 0;
        bool is_other = true;
        int rc = entering_find(entering, "address", addr_format(&entering->host->addresses[i], text), &found);
        if (rc == 0) {
            rc = entering_is_other(entering, found, &is_other);
        }
        if (rc < 0 && rc != -ENOENT) {
            return rc;
        }
        entering->asset_id = rc == 0 && !is_other ? found : 0;
    }
    return 0;
}

static int entering_find_asset(struct entering *entering)
{
    const struct inventory_host *host = entering->host;
    int64_t found = 0;
    int rc = host->id == NULL ? -ENOENT : entering_find(entering, "instance", host->id, &found);

    if (rc == 0) {
        entering->asset_id = found;
        return 0;
    }
    rc = rc == -ENOENT ? entering_find_by_address(entering) : rc;
    if (rc == 0 && entering->asset_id == 0 && host->name != NULL && host->address_count == 0) {
        rc = entering_find(entering, "name", host->name, &found);
        entering->asset_id = rc == 0 ? found : 0;
        rc = rc == -ENOENT ? 0 : rc;
    }
    if (rc == 0 && entering->asset_id == 0 && host->address_count > 0) {
        rc = store_asset_create(entering->store, entering->realm_id, entering->read->now_ms, &entering->asset_id);
    }
    return rc;
}

/* ---- what it is known by ---- */

static int entering_know(const struct entering *entering, const char *kind, const char *value)
{
    const struct stored_identity identity = {
        .asset_id = entering->asset_id,
        .realm_id = entering->realm_id,
        .kind = kind,
        .value = value,
        .source = "inventory",
    };
    int rc = store_identity_add(entering->store, &identity, entering->read->now_ms);

    return rc == -EEXIST ? 0 : rc;
}

/* Whoever had the address before has it no longer: the inventory knows better. */
static int entering_take_address(const struct entering *entering, const char *address)
{
    int64_t holder = 0;
    int rc = entering_find(entering, "address", address, &holder);

    if (rc == 0 && holder != entering->asset_id) {
        rc = store_identity_end(entering->store, entering->realm_id, "address", address, entering->read->now_ms);
        rc = rc < 0 ? rc : store_endpoint_follow(entering->store, holder, entering->read->now_ms);
    }
    return rc < 0 && rc != -ENOENT ? rc : entering_know(entering, "address", address);
}

/* Addresses of the last read that it has no more. */
static int entering_leave_addresses(const struct entering *entering, const char *before)
{
    json_t *old = json_loads(before, 0, NULL);
    size_t index;
    json_t *item;
    int rc = 0;

    json_array_foreach(old, index, item)
    {
        const char *address = json_string_value(item);
        int64_t holder = 0;
        bool stays = false;
        for (size_t i = 0; i < entering->host->address_count; i++) {
            char text[ADDR_TEXT_SIZE];
            stays = stays || strcmp(addr_format(&entering->host->addresses[i], text), address) == 0;
        }
        if (rc < 0 || stays) {
            continue;
        }
        rc = entering_find(entering, "address", address, &holder);
        if (rc == 0 && holder == entering->asset_id) {
            rc = store_identity_end(entering->store, entering->realm_id, "address", address, entering->read->now_ms);
        }
        rc = rc == -ENOENT ? 0 : rc;
    }
    json_decref(old);
    return rc;
}

static int entering_identify(const struct entering *entering, const char *before)
{
    const struct inventory_host *host = entering->host;
    char text[ADDR_TEXT_SIZE];
    int rc = entering_leave_addresses(entering, before);

    if (rc == 0 && host->id != NULL) {
        rc = entering_know(entering, "instance", host->id);
    }
    for (size_t i = 0; rc == 0 && i < host->address_count; i++) {
        rc = entering_take_address(entering, addr_format(&host->addresses[i], text));
    }
    rc = rc < 0 ? rc : store_endpoint_follow(entering->store, entering->asset_id, entering->read->now_ms);
    return rc == 0 && host->name != NULL ? entering_know(entering, "name", host->name) : rc;
}

/* ---- tags ---- */

static int inventory_put_tags(struct store *store, int64_t asset_id, const char *text, int64_t now_ms)
{
    json_t *json = json_loads(text, 0, NULL);
    struct host_tag tags[STORE_TAGS_MAX];
    size_t count = 0;
    const char *key;
    json_t *value;
    int rc;

    json_object_foreach(json, key, value)
    {
        if (count < STORE_TAGS_MAX) {
            tags[count++] = (struct host_tag){.key = key, .value = json_string_value(value)};
        }
    }
    rc = store_tags_set(store, asset_id, "inventory", (struct host_tags){tags, count}, now_ms);
    json_decref(json);
    return rc < 0 ? rc : 0;
}

static char *entering_tags(const struct entering *entering)
{
    const struct store_inventory_read *read = entering->read;
    json_t *json = json_object();
    char *text;

    for (size_t i = 0; i < read->tag_count; i++) {
        json_object_set_new(json, read->tags[i].key, json_string(read->tags[i].value));
    }
    for (size_t i = 0; i < entering->host->tag_count; i++) {
        json_object_set_new(json, entering->host->tags[i].key, json_string(entering->host->tags[i].value));
    }
    text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    return text;
}

static char *entering_addresses(const struct entering *entering)
{
    json_t *json = json_array();
    char address[ADDR_TEXT_SIZE];
    char *text;

    for (size_t i = 0; i < entering->host->address_count; i++) {
        json_array_append_new(json, json_string(addr_format(&entering->host->addresses[i], address)));
    }
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

/* ---- one host ---- */

/* Whether the asset still has all of its addresses: another machine may have taken one meanwhile. */
static int entering_holds(const struct entering *entering, int64_t asset_id, bool *ret_holds)
{
    int64_t held = 0;
    int rc = store_query_int(entering->store, &held,
                             "SELECT count(*) FROM asset_identity i JOIN json_each(?2) a ON a.value = i.value WHERE"
                             " i.asset_id = ?1 AND i.kind = 'address' AND i.valid_to IS NULL",
                             "it", asset_id, entering->addresses);

    *ret_holds = held == (int64_t)entering->host->address_count;
    return rc;
}

/* The row of the last read, and the addresses that it had then. The caller frees *ret_before. */
static int entering_recall(struct entering *entering, char **ret_before)
{
    sqlite3_stmt *row;
    int rc = store_query(
        entering->store, &row,
        "SELECT iif(h.gone_at IS NULL, h.id, 0), h.addresses, h.tags, h.name, coalesce(a.id, 0) FROM inventory_host h"
        " LEFT JOIN asset a ON a.id = h.asset_id AND a.ended_at IS NULL"
        " WHERE h.inventory_id = ?1 AND h.key = ?2 ORDER BY h.id DESC LIMIT 1",
        "it", entering->inventory_id, entering->key);
    const char *name = entering->host->name == NULL ? "" : entering->host->name;
    int64_t asset_id;

    rc = rc < 0 ? rc : store_step(entering->store, row);
    if (rc <= 0) {
        *ret_before = rc < 0 ? NULL : strdup("[]");
        return rc < 0 ? rc : *ret_before == NULL ? -ENOMEM : 0;
    }
    /* 0 when it was gone: it begins anew, but leaves the addresses that it had. */
    entering->row_id = sqlite3_column_int64(row, 0);
    *ret_before = strdup(store_text(row, 1));
    entering->is_same = entering->row_id != 0 && strcmp(store_text(row, 1), entering->addresses) == 0 &&
                        strcmp(store_text(row, 2), entering->tags) == 0 && strcmp(store_text(row, 3), name) == 0 &&
                        sqlite3_column_int64(row, 4) != 0;
    asset_id = sqlite3_column_int64(row, 4);
    store_walked(row);
    if (*ret_before == NULL) {
        return -ENOMEM;
    }
    return entering->is_same ? entering_holds(entering, asset_id, &entering->is_same) : 0;
}

static int entering_write(const struct entering *entering)
{
    const char *name = entering->host->name == NULL ? "" : entering->host->name;
    int rc;

    if (entering->row_id != 0) {
        return store_run(entering->store,
                         "UPDATE inventory_host SET name = ?2, addresses = ?3, tags = ?4, asset_id = nullif(?5, 0),"
                         " seen_read = ?6 WHERE id = ?1",
                         "itttii", entering->row_id, name, entering->addresses, entering->tags, entering->asset_id,
                         entering->reads);
    }
    rc = entering->asset_id == 0 ? 0 : store_asset_returns(entering->store, entering->asset_id);
    return rc < 0
               ? rc
               : store_run(
                     entering->store,
                     "INSERT INTO inventory_host (inventory_id, key, name, addresses, tags, asset_id, seen_read, since)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, nullif(?6, 0), ?7, ?8)",
                     "ittttiii", entering->inventory_id, entering->key, name, entering->addresses, entering->tags,
                     entering->asset_id, entering->reads, entering->read->now_ms);
}

static int entering_settle(struct entering *entering, const char *before)
{
    int rc;

    if (entering->is_same) {
        return store_run(entering->store, "UPDATE inventory_host SET seen_read = ?2 WHERE id = ?1", "ii",
                         entering->row_id, entering->reads);
    }
    rc = entering_find_asset(entering);
    if (rc == 0 && entering->asset_id != 0) {
        rc = entering_identify(entering, before);
        rc = rc == 0 ? inventory_put_tags(entering->store, entering->asset_id, entering->tags, entering->read->now_ms)
                     : rc;
    }
    return rc == 0 ? entering_write(entering) : rc;
}

static int inventory_enter_host(struct entering *entering, struct store_inventory_change *change)
{
    char address[ADDR_TEXT_SIZE];
    char *before = NULL;
    int rc = -ENOMEM;

    entering->key = strdup(inventory_key(entering->host, address));
    entering->addresses = entering_addresses(entering);
    entering->tags = entering_tags(entering);
    if (entering->key != NULL && entering->addresses != NULL && entering->tags != NULL) {
        rc = entering_recall(entering, &before);
        change->added += rc == 0 && entering->row_id == 0;
        change->changed += rc == 0 && !entering->is_same;
        rc = rc == 0 ? entering_settle(entering, before) : rc;
    }
    free(before);
    free(entering->key);
    free(entering->addresses);
    free(entering->tags);
    return rc;
}

/* ---- what is gone ---- */

static int inventory_retire_asset(struct store *store, const struct store_inventory_read *read, int64_t asset_id)
{
    char reason[256];
    const struct store_event event = {.at_ms = read->now_ms, .actor = read->actor, .reason = reason, .evidence = "{}"};
    int64_t held = 0;
    int rc = store_query_int(store, &held,
                             "SELECT EXISTS (SELECT 1 FROM inventory_host WHERE asset_id = ? AND gone_at IS NULL)", "i",
                             asset_id);

    if (rc < 0 || held != 0) {
        return rc;
    }
    snprintf(reason, sizeof(reason), "the inventory %.200s no longer has it", read->name);
    rc = store_asset_retire(store, asset_id, &event);
    if (rc == 0) {
        rc = store_tags_set(store, asset_id, "inventory", (struct host_tags){0}, read->now_ms);
    }
    return rc < 0 ? rc : 0;
}

static int inventory_retire(struct store *store, const struct store_inventory_read *read, int64_t id, int64_t reads,
                            size_t *ret_gone)
{
    for (*ret_gone = 0;; (*ret_gone)++) {
        int64_t row_id = 0;
        int64_t asset_id = 0;
        int rc = store_query_int(store, &row_id,
                                 "SELECT id FROM inventory_host WHERE inventory_id = ?1 AND gone_at IS NULL"
                                 " AND seen_read < ?2 LIMIT 1",
                                 "ii", id, reads);
        if (rc < 0) {
            return rc == -ENOENT ? 0 : rc;
        }
        rc = store_query_int(store, &asset_id, "SELECT asset_id FROM inventory_host WHERE id = ?", "i", row_id);
        rc = rc == 0
                 ? store_run(store, "UPDATE inventory_host SET gone_at = ?2 WHERE id = ?1", "ii", row_id, read->now_ms)
                 : rc;
        rc = rc == 0 && asset_id != 0 ? inventory_retire_asset(store, read, asset_id) : rc;
        if (rc < 0) {
            return rc;
        }
    }
}

static int inventory_lose(struct store *store, const struct store_inventory_read *read, int64_t id, int64_t reads,
                          struct store_inventory_change *change)
{
    int64_t before = 0;
    int64_t lost = 0;
    int rc = store_query_int(
        store, &before, "SELECT count(*) FROM inventory_host WHERE inventory_id = ?1 AND gone_at IS NULL", "i", id);

    rc = rc < 0 ? rc
                : store_query_int(store, &lost,
                                  "SELECT count(*) FROM inventory_host WHERE inventory_id = ?1 AND gone_at IS NULL"
                                  " AND seen_read < ?2",
                                  "ii", id, reads);
    if (rc < 0 || lost == 0) {
        return rc;
    }
    before -= (int64_t)change->added;
    if (!read->is_confirmed && (!read->inventory->is_complete || lost * INVENTORY_LOSS_PARTS > before)) {
        change->withheld = (size_t)lost;
        return 0;
    }
    return inventory_retire(store, read, id, reads, &change->gone);
}

/* ---- the whole ---- */

static int inventory_put(struct store *store, const struct store_inventory_read *read, int64_t *ret_id,
                         int64_t *ret_realm_id)
{
    int rc = store_realm_put(store, read->realm, read->now_ms, ret_realm_id);

    rc = rc < 0 ? rc
                : store_run(store,
                            "INSERT INTO inventory (name, realm_id) VALUES (?1, ?2)"
                            " ON CONFLICT (name) DO UPDATE SET realm_id = ?2",
                            "ti", read->name, *ret_realm_id);
    return rc < 0 ? rc : store_query_int(store, ret_id, "SELECT id FROM inventory WHERE name = ?", "t", read->name);
}

static int inventory_apply(struct store *store, const struct store_inventory_read *read,
                           struct store_inventory_change *change)
{
    struct entering entering = {.store = store, .read = read};
    int rc = inventory_put(store, read, &entering.inventory_id, &entering.realm_id);

    rc = rc < 0 ? rc
                : store_query_int(store, &entering.reads, "SELECT reads + 1 FROM inventory WHERE id = ?", "i",
                                  entering.inventory_id);
    for (size_t i = 0; rc == 0 && i < read->inventory->count; i++) {
        struct entering each = entering;
        each.host = &read->inventory->hosts[i];
        rc = inventory_enter_host(&each, change);
    }
    change->hosts = read->inventory->count;
    rc = rc < 0 ? rc : inventory_lose(store, read, entering.inventory_id, entering.reads, change);
    return rc < 0
               ? rc
               : store_run(store,
                           "UPDATE inventory SET reads = ?2, read_at = ?3, error = '', error_at = NULL, withheld = ?4"
                           " WHERE id = ?1",
                           "iiii", entering.inventory_id, entering.reads, read->now_ms, (int64_t)change->withheld);
}

int store_inventory_apply(struct store *store, const struct store_inventory_read *read,
                          struct store_inventory_change *ret_change)
{
    struct store_inventory_change change = {0};
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    rc = inventory_apply(store, read, &change);
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    rc = store_commit(store);
    if (rc == 0) {
        *ret_change = change;
    }
    return rc;
}

int store_inventory_failed(struct store *store, const struct store_inventory_read *read, const char *error)
{
    int64_t realm_id;
    int64_t id;
    int rc = inventory_put(store, read, &id, &realm_id);

    return rc < 0 ? rc
                  : store_run(store, "UPDATE inventory SET error = ?2, error_at = ?3 WHERE id = ?1", "iti", id, error,
                              read->now_ms);
}

static int inventory_attach_next(struct store *store, int64_t *last_id, int64_t now_ms)
{
    int64_t asset_id = 0;
    char *tags = NULL;
    sqlite3_stmt *row;
    int rc =
        store_query(store, &row,
                    "SELECT h.id, i.asset_id, h.tags FROM inventory_host h JOIN inventory v ON v.id = h.inventory_id"
                    " JOIN asset_identity i ON i.realm_id = v.realm_id AND i.kind = 'name' AND i.value = h.name"
                    " AND i.valid_to IS NULL WHERE h.gone_at IS NULL AND h.asset_id IS NOT i.asset_id"
                    " AND h.addresses = '[]' AND h.name <> '' AND h.id > ? ORDER BY h.id LIMIT 1",
                    "i", *last_id);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *last_id = sqlite3_column_int64(row, 0);
    asset_id = sqlite3_column_int64(row, 1);
    tags = strdup(store_text(row, 2));
    store_walked(row);
    rc = tags == NULL ? -ENOMEM : inventory_put_tags(store, asset_id, tags, now_ms);
    free(tags);
    return rc < 0 ? rc
                  : store_run(store, "UPDATE inventory_host SET asset_id = ?2 WHERE id = ?1", "ii", *last_id, asset_id);
}

int store_inventory_attach(struct store *store, int64_t now_ms)
{
    int64_t last_id = 0;
    int count = 0;
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    while ((rc = inventory_attach_next(store, &last_id, now_ms)) == 0) {
        count++;
    }
    if (rc != -ENOENT) {
        store_rollback(store);
        return rc;
    }
    rc = store_commit(store);
    return rc < 0 ? rc : count;
}

int store_inventory_targets(struct store *store, const char *name, json_t **ret_targets)
{
    json_t *targets = json_array();
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT h.addresses, h.name FROM inventory_host h JOIN inventory i ON i.id = h.inventory_id"
                         " WHERE i.name = ? AND h.gone_at IS NULL ORDER BY h.id",
                         "t", name);

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        json_t *addresses = json_loads(store_text(row, 0), 0, NULL);
        rc = 0;
        if (json_array_size(addresses) > 0) {
            json_array_extend(targets, addresses);
        } else if (store_text(row, 1)[0] != '\0') {
            json_array_append_new(targets, json_string(store_text(row, 1)));
        }
        json_decref(addresses);
    }
    if (rc < 0 || targets == NULL) {
        json_decref(targets);
        return rc < 0 ? rc : -ENOMEM;
    }
    *ret_targets = targets;
    return 0;
}

static json_t *inventory_time(sqlite3_stmt *row, int column)
{
    char text[WALL_TEXT_SIZE];

    return sqlite3_column_type(row, column) == SQLITE_NULL
               ? json_null()
               : json_string(wall_format(sqlite3_column_int64(row, column), text));
}

static json_t *inventory_text(const char *text)
{
    return text[0] == '\0' ? json_null() : json_string(text);
}

int store_inventory_list(struct store *store, json_t **ret_list)
{
    json_t *list = json_array();
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT i.name, r.name, (SELECT count(*) FROM inventory_host h WHERE h.inventory_id = i.id"
                         " AND h.gone_at IS NULL), i.withheld, i.read_at, i.error, i.error_at"
                         " FROM inventory i JOIN realm r ON r.id = i.realm_id ORDER BY i.name",
                         "");

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = json_array_append_new(
                 list, json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o}", "name", store_text(row, 0), "realm",
                                 store_text(row, 1), "hosts", (json_int_t)sqlite3_column_int64(row, 2), "withheld",
                                 (json_int_t)sqlite3_column_int64(row, 3), "read_at", inventory_time(row, 4), "error",
                                 inventory_text(store_text(row, 5)), "error_at", inventory_time(row, 6))) == 0
                 ? 0
                 : -ENOMEM;
        if (rc < 0) {
            store_walked(row);
        }
    }
    if (rc < 0) {
        json_decref(list);
        return rc;
    }
    *ret_list = list;
    return 0;
}
