/* What inventories said: their hosts, which assets those are, and what is gone. */
#ifndef LEASTPORT_AUDITD_STORE_INVENTORY_H
#define LEASTPORT_AUDITD_STORE_INVENTORY_H

#include "auditd/inventory/inventory.h"
#include "auditd/store/store.h"

#include <jansson.h>

struct store_inventory_read {
    const char *name;
    const char *realm;
    const struct inventory *inventory;
    const struct host_tag *tags; /* of hosts that have no other value for the key */
    size_t tag_count;
    /* A person says that what is not in it is gone, however much that is and even if it does not say where it ends. */
    bool is_confirmed;
    const char *actor;
    int64_t now_ms;
};

struct store_inventory_change {
    size_t hosts;
    size_t added;
    size_t changed;  /* new ones too: addresses, name or tags differ from the last read's */
    size_t gone;     /* whose findings are RETIRED now */
    size_t withheld; /* which it does not have, and which are kept until somebody confirms it */
};

/* Takes a good read, in one transaction. Hosts find their assets by id, address or name, or make them; what they are
 * known by and their tags follow. Hosts that it no longer has are gone when it is complete and they are a fifth at
 * most, or when it is confirmed; an asset that no inventory has any more is retired: its findings are, and no scan of
 * it is planned. */
MUST_USE int store_inventory_apply(struct store *store, const struct store_inventory_read *read,
                                   struct store_inventory_change *ret_change);

/* It could not be read; what it said last stays. `read` gives name, realm and time. */
MUST_USE int store_inventory_failed(struct store *store, const struct store_inventory_read *read, const char *error);

/* Hosts that were known by name alone: those that a scan has resolved get their assets, which get their tags. How
 * many, or an error. */
MUST_USE int store_inventory_attach(struct store *store, int64_t now_ms);

/* What a scan of all its hosts has for targets: addresses, and names of hosts without any. A new array. */
MUST_USE int store_inventory_targets(struct store *store, const char *name, json_t **ret_targets);

/* What is known of each that was ever read, newest state: name, realm, hosts, withheld, read_at, error (null: none),
 * error_at. A new array. */
MUST_USE int store_inventory_list(struct store *store, json_t **ret_list);

#endif
