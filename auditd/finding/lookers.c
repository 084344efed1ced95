#include "auditd/finding/lookers.h"

#include "auditd/store/sql.h"
#include "lib/portset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct look_at {
    int64_t vantage_id;
    bool is_udp;
    struct portset ports;
};

struct lookers {
    struct look_at *items;
    size_t count;
};

void lookers_destroy(struct lookers *lookers)
{
    if (lookers != NULL) {
        free(lookers->items);
        free(lookers);
    }
}

const struct portset *lookers_ports(const struct lookers *lookers, int64_t vantage_id, bool is_udp)
{
    for (size_t i = 0; i < lookers->count; i++) {
        if (lookers->items[i].vantage_id == vantage_id && lookers->items[i].is_udp == is_udp) {
            return &lookers->items[i].ports;
        }
    }
    return NULL;
}

bool lookers_has(const struct lookers *lookers, int64_t vantage_id, bool is_udp, uint16_t port)
{
    const struct portset *ports = lookers_ports(lookers, vantage_id, is_udp);

    return ports != NULL && portset_has(ports, port);
}

/* Rows of one vantage and protocol are one item. */
static struct look_at *lookers_item(struct lookers *lookers, int64_t vantage_id, bool is_udp)
{
    struct look_at *last = lookers->count == 0 ? NULL : &lookers->items[lookers->count - 1];
    struct look_at *grown;

    if (last != NULL && last->vantage_id == vantage_id && last->is_udp == is_udp) {
        return last;
    }
    grown = reallocarray(lookers->items, lookers->count + 1, sizeof(*grown));
    if (grown == NULL) {
        return NULL;
    }
    lookers->items = grown;
    last = &grown[lookers->count++];
    *last = (struct look_at){.vantage_id = vantage_id, .is_udp = is_udp};
    return last;
}

static int lookers_take(struct store *store, sqlite3_stmt *row, struct lookers *lookers)
{
    struct look_at *item = lookers_item(lookers, sqlite3_column_int64(row, 0), strcmp(store_text(row, 1), "udp") == 0);
    struct portset ports;
    size_t offset;

    if (item == NULL) {
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    if (portset_parse(store_text(row, 2), &ports, &offset) < 0) {
        return store_fail(store, STORE_FAULT_CORRUPT, -EUCLEAN, "a row of coverage is no list of ports");
    }
    portset_union(&item->ports, &ports);
    return 0;
}

int lookers_load(struct store *store, int64_t asset_id, int64_t since_ms, struct lookers **ret_lookers)
{
    struct lookers *lookers = calloc(1, sizeof(*lookers));
    sqlite3_stmt *row;
    int rc;

    if (lookers == NULL) {
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    rc = store_query(store, &row,
                     "SELECT vantage_id, proto, ports FROM coverage WHERE asset_id = ? AND judged_at >= ?"
                     " ORDER BY vantage_id, proto",
                     "ii", asset_id, since_ms);
    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = lookers_take(store, row, lookers);
        if (rc < 0) {
            store_walked(row);
        }
    }
    if (rc < 0) {
        lookers_destroy(lookers);
        return rc;
    }
    *ret_lookers = lookers;
    return 0;
}
