/* Public addresses as identities of a cloud's hosts, in the realm of their VPC: a part of cloud.h. */
#include "auditd/store/asset.h"
#include "auditd/store/cloud.h"
#include "auditd/store/endpoint.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <stdio.h>

struct publishing {
    struct store *store;
    int64_t realm_id;
    int64_t now_ms;
};

static int publishing_begin(struct publishing *publishing, const char *realm)
{
    int rc = store_begin(publishing->store);

    if (rc < 0) {
        return rc;
    }
    rc = store_realm_put(publishing->store, realm, publishing->now_ms, &publishing->realm_id);
    if (rc < 0) {
        store_rollback(publishing->store);
    }
    return rc;
}

static int publishing_end(struct publishing *publishing, int rc)
{
    if (rc < 0) {
        store_rollback(publishing->store);
        return rc;
    }
    return store_commit(publishing->store);
}

static int publishing_find(const struct publishing *publishing, const char *kind, const char *value,
                           int64_t *ret_asset_id)
{
    return store_asset_find(publishing->store, publishing->realm_id, kind, value, ret_asset_id);
}

static int publishing_know(const struct publishing *publishing, int64_t asset_id, const char *kind, const char *value)
{
    const struct stored_identity identity = {
        .asset_id = asset_id, .realm_id = publishing->realm_id, .kind = kind, .value = value, .source = "inventory"};

    return store_identity_add(publishing->store, &identity, publishing->now_ms);
}

/* ---- who was seen by a public address before ---- */

/* Whether something has the host already: its id, or one of its own addresses. */
static int join_is_known(const struct publishing *publishing, const struct inventory_host *host, bool *ret_is)
{
    char text[ADDR_TEXT_SIZE];
    int64_t found;
    int rc = publishing_find(publishing, "instance", host->id, &found);

    for (size_t i = 0; rc == -ENOENT && i < host->address_count; i++) {
        rc = publishing_find(publishing, "address", addr_format(&host->addresses[i], text), &found);
    }
    if (rc == 0 || rc == -ENOENT) {
        *ret_is = rc == 0;
        rc = 0;
    }
    return rc;
}

static int join_host(const struct publishing *publishing, const struct inventory_host *host, const char *address)
{
    int64_t seen = 0;
    bool is_known = false;
    bool is_other = false;
    int rc = join_is_known(publishing, host, &is_known);

    if (rc < 0 || is_known) {
        return rc;
    }
    rc = publishing_find(publishing, "address", address, &seen);
    rc = rc == 0 ? store_asset_is_instance(publishing->store, seen, &is_other) : rc;
    if (rc == 0 && !is_other) {
        rc = publishing_know(publishing, seen, "instance", host->id);
    }
    return rc == -ENOENT ? 0 : rc;
}

int store_cloud_join(struct store *store, const char *realm, const struct store_cloud_hosts *hosts, int64_t now_ms)
{
    struct publishing publishing = {.store = store, .now_ms = now_ms};
    json_t *by_host = json_object();
    const char *address;
    json_t *host;
    int rc = by_host == NULL ? -ENOMEM : 0;

    json_object_foreach(hosts->publics, address, host)
    {
        /* Of several the first. */
        if (rc == 0 && json_object_get(by_host, json_string_value(host)) == NULL) {
            rc = json_object_set_new(by_host, json_string_value(host), json_string(address)) == 0 ? 0 : -ENOMEM;
        }
    }
    rc = rc == 0 ? publishing_begin(&publishing, realm) : rc;
    if (rc < 0) {
        json_decref(by_host);
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < hosts->inventory->count; i++) {
        const struct inventory_host *item = &hosts->inventory->hosts[i];
        address = item->id == NULL ? NULL : json_string_value(json_object_get(by_host, item->id));
        rc = address == NULL ? 0 : join_host(&publishing, item, address);
    }
    json_decref(by_host);
    return publishing_end(&publishing, rc);
}

/* ---- who has which now ---- */

/* The first behind `address` ("" at first) that a host of an inventory is known by, that is none of its own addresses,
 * and that nobody has in public now. -ENOENT after the last. */
static int publics_next_lost(const struct publishing *publishing, const json_t *publics, char address[ADDR_TEXT_SIZE])
{
    for (;;) {
        sqlite3_stmt *row;
        bool stands;
        int rc = store_query(publishing->store, &row,
                             "SELECT i.value FROM asset_identity i WHERE i.realm_id = ?1 AND i.kind = 'address'"
                             " AND i.source = 'inventory' AND i.valid_to IS NULL AND i.value > ?2"
                             " AND EXISTS (SELECT 1 FROM inventory_host h WHERE h.asset_id = i.asset_id"
                             " AND h.gone_at IS NULL)"
                             " AND NOT EXISTS (SELECT 1 FROM inventory_host h, json_each(h.addresses) a"
                             " WHERE h.asset_id = i.asset_id AND h.gone_at IS NULL AND a.value = i.value)"
                             " ORDER BY i.value LIMIT 1",
                             "it", publishing->realm_id, address);
        rc = rc < 0 ? rc : store_step(publishing->store, row);
        if (rc <= 0) {
            return rc < 0 ? rc : -ENOENT;
        }
        snprintf(address, ADDR_TEXT_SIZE, "%s", store_text(row, 0));
        stands = json_object_get(publics, address) != NULL;
        store_walked(row);
        if (!stands) {
            return 0;
        }
    }
}

/* Nobody has it any more; what was seen there goes with the machine. */
static int publics_leave(const struct publishing *publishing, const char *address)
{
    int64_t holder = 0;
    int rc = publishing_find(publishing, "address", address, &holder);

    rc = rc < 0 ? rc
                : store_identity_end(publishing->store, publishing->realm_id, "address", address, publishing->now_ms);
    return rc < 0 ? rc : store_endpoint_follow(publishing->store, holder, publishing->now_ms);
}

static int publics_take(const struct publishing *publishing, const char *address, const char *instance)
{
    int64_t asset_id = 0;
    int64_t holder = 0;
    int rc = publishing_find(publishing, "instance", instance, &asset_id);

    if (rc < 0) {
        /* Of a host that no inventory has taken: nothing to say. */
        return rc == -ENOENT ? 0 : rc;
    }
    rc = publishing_find(publishing, "address", address, &holder);
    if (rc == 0 && holder == asset_id) {
        /* A scan may have said so first; when it ends the inventory says. */
        return store_run(publishing->store,
                         "UPDATE asset_identity SET source = 'inventory' WHERE realm_id = ?1 AND kind = 'address'"
                         " AND value = ?2 AND valid_to IS NULL AND source <> 'inventory'",
                         "it", publishing->realm_id, address);
    }
    rc = rc == 0 ? publics_leave(publishing, address) : rc;
    rc = rc < 0 && rc != -ENOENT ? rc : publishing_know(publishing, asset_id, "address", address);
    return rc < 0 ? rc : store_endpoint_follow(publishing->store, asset_id, publishing->now_ms);
}

int store_cloud_publics(struct store *store, const char *realm, const json_t *publics, int64_t now_ms)
{
    struct publishing publishing = {.store = store, .now_ms = now_ms};
    char lost[ADDR_TEXT_SIZE] = "";
    const char *address;
    json_t *instance;
    int rc = publishing_begin(&publishing, realm);

    if (rc < 0) {
        return rc;
    }
    while (rc == 0 && (rc = publics_next_lost(&publishing, publics, lost)) == 0) {
        rc = publics_leave(&publishing, lost);
    }
    rc = rc == -ENOENT ? 0 : rc;
    json_object_foreach((json_t *)(uintptr_t)publics, address, instance)
    {
        rc = rc < 0 ? rc : publics_take(&publishing, address, json_string_value(instance));
    }
    return publishing_end(&publishing, rc);
}
