/* Assets, what they are known by, whether they are up, and which of their ports were judged. */
#ifndef LEASTPORT_AUDITD_STORE_ASSET_H
#define LEASTPORT_AUDITD_STORE_ASSET_H

#include "auditd/policy/host.h"
#include "auditd/store/store.h"

/* The living asset that holds the identity now. -ENOENT. `kind` and `source` as the schema has them. */
MUST_USE int store_asset_find(struct store *store, int64_t realm_id, const char *kind, const char *value,
                              int64_t *ret_asset_id);

MUST_USE int store_asset_create(struct store *store, int64_t realm_id, int64_t at_ms, int64_t *ret_asset_id);

struct stored_identity {
    int64_t asset_id;
    int64_t realm_id;
    const char *kind;
    const char *value;
    const char *source;
};

/* -EEXIST when a living asset (this one too) holds it. */
MUST_USE int store_identity_add(struct store *store, const struct stored_identity *identity, int64_t at_ms);

/* The living holder, if there is one, is no longer known by it. */
MUST_USE int store_identity_end(struct store *store, int64_t realm_id, const char *kind, const char *value,
                                int64_t at_ms);

/* Whether it is known as a scanner's or an inventory's instance. */
MUST_USE int store_asset_is_instance(struct store *store, int64_t asset_id, bool *ret_is);

/* Whether `test` holds for one of its addresses; `test` must not call the store. */
MUST_USE int store_asset_any_address(struct store *store, int64_t asset_id,
                                     bool (*test)(void *context, const char *address), void *context, bool *ret_any);

struct store_event;

/* Ends an asset: its identities and intervals end, its findings are RETIRED, its waivers end. What was granted to it
 * passes to nobody. Inside a transaction. */
MUST_USE int store_asset_end(struct store *store, int64_t asset_id, const char *reason, const char *actor,
                             int64_t at_ms);

/* The inventory no longer has it, or it has not been seen for too long: its findings are RETIRED, until something of it
 * is seen open again, and nothing of it counts as planned or is judged without a scan until it returns. It stays the
 * asset that it is. Inside a transaction. */
MUST_USE int store_asset_retire(struct store *store, int64_t asset_id, const struct store_event *event);

/* It was seen up, or an inventory has it again. Nothing where it never was away. */
MUST_USE int store_asset_returns(struct store *store, int64_t asset_id);

/* Another tenant has the address, as a person or an inventory says: ends its living asset; the next observation makes a
 * new one. `why` gives reason, actor and time. -ENOENT when no living asset holds it. Opens a transaction when none is
 * open. */
MUST_USE int store_asset_replace(struct store *store, const char *realm, const char *address,
                                 const struct store_event *why);

/* Names and addresses by which an asset is known now, and its tags. End it with store_known_done(). */
struct store_known {
    char uuid[STORE_UUID_SIZE];
    char **names;
    size_t name_count;
    struct addr *addresses;
    size_t address_count;
    struct host_tag *tags;
    size_t tag_count;
};

MUST_USE int store_asset_known(struct store *store, int64_t asset_id, struct store_known *ret_known);
void store_known_done(struct store_known *known);

/* What to call it in a sentence. */
struct store_asset_label {
    char realm[256];
    char address[ADDR_TEXT_SIZE]; /* the first that it has now; "" without one */
};

/* -ENOENT. */
MUST_USE int store_asset_label(struct store *store, int64_t asset_id, struct store_asset_label *ret_label);

struct store_sight_of_asset {
    int64_t asset_id;
    int64_t vantage_id;
    int64_t scan_id;
    const char *address;
    bool up;
    const char *reason;
    int64_t at_ms;
};

/* Moves the interval's last_seen, or ends it and begins another. */
MUST_USE int store_asset_seen(struct store *store, const struct store_sight_of_asset *seen);

struct store_coverage {
    int64_t asset_id;
    int64_t vantage_id;
    int64_t scan_id;
    bool is_udp;
    const char *ports;
    const char *silent; /* those of them from which nothing came, the same way */
    int64_t planned_at;
    int64_t judged_at; /* 0: planned, not judged; an earlier judgement stays */
};

/* Nothing for an asset that is retired. */
MUST_USE int store_coverage_put(struct store *store, const struct store_coverage *coverage);

/* Both ends are within. */
struct store_window {
    int64_t since_ms;
    int64_t until_ms;
};

/* Whether a scan, or within the window another vantage, had an answer of the asset itself (not of a router before it).
 */
MUST_USE int store_asset_running(struct store *store, int64_t asset_id, int64_t scan_id,
                                 const struct store_window *window, bool *ret_running);

#endif
