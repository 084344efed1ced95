#include "auditd/ingest/asset.h"

#include "auditd/scan_plan.h"
#include "auditd/store/asset.h"

#include <errno.h>

struct ingest_name {
    const struct scan_plan *plan;
    const char *name;
};

static bool ingest_name_stands_for(void *context, const char *address)
{
    const struct ingest_name *name = context;
    struct addr parsed;

    return addr_parse(address, &parsed) == 0 && scan_plan_name_has(name->plan, name->name, &parsed);
}

/* One name, one IPv4, one IPv6: one host. More of a family are several hosts behind one name. */
static bool ingest_name_is_one_host(const struct ingest_name *name)
{
    return scan_plan_name_count(name->plan, name->name, false) <= 1 &&
           scan_plan_name_count(name->plan, name->name, true) <= 1;
}

static int ingest_add(struct store *store, const struct stored_identity *identity, int64_t at_ms)
{
    int rc = store_identity_add(store, identity, at_ms);

    return rc == -EEXIST ? 0 : rc;
}

/* The asset that a name leads to, when one of its addresses is still the name's; else -ENOENT, and who held the name
 * does so no longer. */
static int ingest_find_by_name(struct store *store, const struct ingest_place *place, const struct ingest_host *host,
                               int64_t *ret_asset_id)
{
    struct ingest_name name = {place->plan, host->name};
    int64_t holder;
    bool holds = false;
    int rc = store_asset_find(store, place->realm_id, "name", host->name, &holder);

    if (rc == 0) {
        rc = store_asset_any_address(store, holder, ingest_name_stands_for, &name, &holds);
    }
    if (rc < 0) {
        return rc;
    }
    if (holds && ingest_name_is_one_host(&name)) {
        *ret_asset_id = holder;
        return 0;
    }
    rc = store_identity_end(store, place->realm_id, "name", host->name, host->at_ms);
    return rc < 0 ? rc : -ENOENT;
}

/* Two assets turn out to be one: the older stays, and the other's identities are free for it. */
static int ingest_join(struct store *store, int64_t one, int64_t other, const char *reason, int64_t at_ms)
{
    return one == other ? 0 : store_asset_end(store, one > other ? one : other, reason, "auditd", at_ms);
}

static int ingest_identify(struct store *store, const struct ingest_place *place, const struct ingest_host *host,
                           int64_t asset_id)
{
    const struct ingest_name name = {place->plan, host->name};
    char text[ADDR_TEXT_SIZE];
    struct stored_identity identity = {
        .asset_id = asset_id,
        .realm_id = place->realm_id,
        .kind = "address",
        .value = addr_format(host->address, text),
        .source = "scan",
    };
    int rc = ingest_add(store, &identity, host->at_ms);

    if (rc == 0 && host->self) {
        identity.kind = "instance";
        identity.value = place->scanner;
        rc = ingest_add(store, &identity, host->at_ms);
    }
    if (rc < 0 || host->name[0] == '\0' || !scan_plan_name_has(place->plan, host->name, host->address) ||
        !ingest_name_is_one_host(&name)) {
        return rc;
    }
    identity.kind = "name";
    identity.value = host->name;
    identity.source = "resolver";
    return ingest_add(store, &identity, host->at_ms);
}

/* The scanner's own host, as an earlier line or scan of this vantage showed it. -ENOENT: not known, or not this host.
 */
static int ingest_find_self(struct store *store, const struct ingest_place *place, const struct ingest_host *host,
                            int64_t *ret_asset_id)
{
    return host->self ? store_asset_find(store, place->realm_id, "instance", place->scanner, ret_asset_id) : -ENOENT;
}

/* -ENOENT also for a loopback address that is another scanner's: each host has its own. */
static int ingest_find_by_address(struct store *store, const struct ingest_place *place, const struct ingest_host *host,
                                  int64_t *ret_asset_id)
{
    char text[ADDR_TEXT_SIZE];
    int64_t asset_id;
    bool others = false;
    int rc = store_asset_find(store, place->realm_id, "address", addr_format(host->address, text), &asset_id);

    if (rc == 0 && host->self && addr_is_loopback(host->address)) {
        rc = store_asset_is_instance(store, asset_id, &others);
    }
    if (rc < 0) {
        return rc;
    }
    *ret_asset_id = asset_id;
    return others ? -ENOENT : 0;
}

/* By the strongest of what a line says: the scanner's own host, the name, the address. */
static int ingest_resolve(struct store *store, const struct ingest_place *place, const struct ingest_host *host,
                          int64_t *ret_asset_id)
{
    const char *reason = "it is the scanner's own host";
    int64_t by_address = 0;
    int64_t stronger;
    int known;
    int rc = ingest_find_self(store, place, host, &stronger);

    if (rc == -ENOENT && host->name[0] != '\0' && scan_plan_name_has(place->plan, host->name, host->address)) {
        /* What stands in a line of a name counts only as far as the plan resolved it. */
        reason = "its name showed that it is another asset's second address";
        rc = ingest_find_by_name(store, place, host, &stronger);
    }
    if (rc < 0 && rc != -ENOENT) {
        return rc;
    }
    known = ingest_find_by_address(store, place, host, &by_address);
    if (known < 0 && known != -ENOENT) {
        return known;
    }
    if (rc == -ENOENT) {
        *ret_asset_id = by_address;
        return known;
    }
    *ret_asset_id = known == 0 && by_address < stronger ? by_address : stronger;
    return known == 0 ? ingest_join(store, by_address, stronger, reason, host->at_ms) : 0;
}

static int ingest_asset_of_line(struct store *store, const struct ingest_place *place, const struct ingest_host *host,
                                bool create, struct ingest_known_asset *ret_asset)
{
    struct ingest_known_asset asset = {0};
    int rc = ingest_resolve(store, place, host, &asset.id);

    if (rc == -ENOENT && create) {
        rc = store_asset_create(store, place->realm_id, host->at_ms, &asset.id);
        asset.is_new = true;
    }
    if (rc == 0) {
        rc = ingest_identify(store, place, host, asset.id);
    }
    if (rc == 0) {
        *ret_asset = asset;
    }
    return rc;
}

bool ingest_may_join(const struct ingest_host *host)
{
    return host->self || host->name[0] != '\0';
}

int ingest_asset(struct store *store, const struct ingest_place *place, const struct ingest_host *host, bool create,
                 struct ingest_known_asset *ret_asset)
{
    /* An address alone adds nothing to what is known of it. More than that may join assets. */
    bool bare = !ingest_may_join(host);
    struct ingest_known_asset asset = {0};
    int rc;

    if (bare) {
        asset = ingest_known_find(place->known, host->address);
    } else {
        ingest_known_clear(place->known);
    }
    if (asset.id != 0) {
        *ret_asset = asset;
        return 0;
    }
    rc = ingest_asset_of_line(store, place, host, create, &asset);
    if (rc < 0) {
        return rc;
    }
    if (bare) {
        ingest_known_put(place->known, host->address, asset);
    }
    *ret_asset = asset;
    return 0;
}
