/* Interfaces as identities of assets, and the inventories of VPCs: a part of cloud.h. */
#include "auditd/store/asset.h"
#include "auditd/store/cloud.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <string.h>

struct knowing {
    struct store *store;
    int64_t realm_id;
    int64_t now_ms;
};

static int know_interface(const struct knowing *knowing, const char *interface, const char *instance)
{
    struct stored_identity identity = {
        .realm_id = knowing->realm_id, .kind = "interface", .value = interface, .source = "inventory"};
    int64_t holder = 0;
    int rc = instance == NULL
                 ? -ENOENT
                 : store_asset_find(knowing->store, knowing->realm_id, "instance", instance, &identity.asset_id);

    if (rc < 0) {
        /* Of a host that no inventory has taken: nothing to say. */
        return rc == -ENOENT ? 0 : rc;
    }
    rc = store_asset_find(knowing->store, knowing->realm_id, "interface", interface, &holder);
    if (rc == 0 && holder == identity.asset_id) {
        return 0;
    }
    rc = rc == 0 ? store_identity_end(knowing->store, knowing->realm_id, "interface", interface, knowing->now_ms) : rc;
    return rc < 0 && rc != -ENOENT ? rc : store_identity_add(knowing->store, &identity, knowing->now_ms);
}

/* The first behind `value` ("" at first) that is known and is not in `interfaces`, or -ENOENT. */
static int next_lost(const struct knowing *knowing, const json_t *interfaces, char *value, size_t size)
{
    for (;;) {
        sqlite3_stmt *row;
        bool stands;
        int rc = store_query(knowing->store, &row,
                             "SELECT value FROM asset_identity WHERE realm_id = ?1 AND kind = 'interface'"
                             " AND source = 'inventory' AND valid_to IS NULL AND value > ?2 ORDER BY value LIMIT 1",
                             "it", knowing->realm_id, value);
        rc = rc < 0 ? rc : store_step(knowing->store, row);
        if (rc <= 0) {
            return rc < 0 ? rc : -ENOENT;
        }
        stands = json_object_get(interfaces, store_text(row, 0)) != NULL;
        snprintf(value, size, "%s", store_text(row, 0));
        store_walked(row);
        if (!stands) {
            return 0;
        }
    }
}

static int know_all(const struct knowing *knowing, const json_t *interfaces)
{
    const char *interface;
    json_t *instance;
    char lost[256] = "";
    int rc = 0;

    while (rc == 0 && (rc = next_lost(knowing, interfaces, lost, sizeof(lost))) == 0) {
        rc = store_identity_end(knowing->store, knowing->realm_id, "interface", lost, knowing->now_ms);
    }
    rc = rc == -ENOENT ? 0 : rc;
    json_object_foreach((json_t *)(uintptr_t)interfaces, interface, instance)
    {
        rc = rc < 0 ? rc : know_interface(knowing, interface, json_string_value(instance));
    }
    return rc;
}

int store_cloud_interfaces(struct store *store, const char *realm, const json_t *interfaces, int64_t now_ms)
{
    struct knowing knowing = {.store = store, .now_ms = now_ms};
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    rc = store_realm_put(store, realm, now_ms, &knowing.realm_id);
    rc = rc < 0 ? rc : know_all(&knowing, interfaces);
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    return store_commit(store);
}

int store_cloud_realms(struct store *store, const char *name, json_t **ret_realms)
{
    json_t *realms = json_array();
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT substr(name, length(?1) + 2) FROM inventory"
                         " WHERE substr(name, 1, length(?1) + 1) = ?1 || '/' ORDER BY name",
                         "t", name);

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = json_array_append_new(realms, json_string(store_text(row, 0))) == 0 ? 0 : -ENOMEM;
        if (rc < 0) {
            store_walked(row);
        }
    }
    if (rc < 0 || realms == NULL) {
        json_decref(realms);
        return rc < 0 ? rc : -ENOMEM;
    }
    *ret_realms = realms;
    return 0;
}

int store_cloud_is_well(struct store *store, const char *name)
{
    /* Its hosts are its VPCs': under its own name nothing was ever read. */
    return store_run(store, "DELETE FROM inventory WHERE name = ? AND reads = 0", "t", name);
}
