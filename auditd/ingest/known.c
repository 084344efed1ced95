#include "auditd/ingest/known.h"

#include <stdlib.h>
#include <string.h>

/* As many hosts as a slab has by default: their ports come mixed. */
enum { INGEST_KNOWN_SLOTS = 16384 };

struct ingest_known_slot {
    struct addr address;
    struct ingest_known_asset asset; /* id 0: empty */
};

struct ingest_known {
    bool any;
    struct ingest_known_slot slots[INGEST_KNOWN_SLOTS];
};

struct ingest_known *ingest_known_create(void)
{
    return calloc(1, sizeof(struct ingest_known));
}

void ingest_known_destroy(struct ingest_known *known)
{
    free(known);
}

/* Neighbours fall into slots of their own. */
static size_t ingest_known_slot(const struct addr *address)
{
    uint64_t hash = address->zone;

    for (size_t i = 0; i < sizeof(address->bytes); i++) {
        hash = hash * 257 + address->bytes[i];
    }
    return hash % INGEST_KNOWN_SLOTS;
}

struct ingest_known_asset ingest_known_find(const struct ingest_known *known, const struct addr *address)
{
    const struct ingest_known_slot *slot = &known->slots[ingest_known_slot(address)];
    const struct ingest_known_asset none = {0};

    return slot->asset.id != 0 && addr_equal(&slot->address, address) ? slot->asset : none;
}

void ingest_known_put(struct ingest_known *known, const struct addr *address, struct ingest_known_asset asset)
{
    known->any = true;
    known->slots[ingest_known_slot(address)] = (struct ingest_known_slot){*address, asset};
}

void ingest_known_clear(struct ingest_known *known)
{
    if (known->any) {
        memset(known, 0, sizeof(*known));
    }
}
