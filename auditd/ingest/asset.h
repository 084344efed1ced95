/* Whose address is it? Joins what a line says of a host (its address, the name it was given by) to an asset. */
#ifndef LEASTPORT_AUDITD_INGEST_ASSET_H
#define LEASTPORT_AUDITD_INGEST_ASSET_H

#include "auditd/ingest/known.h"
#include "auditd/store/store.h"

struct scan_plan;

struct ingest_place {
    const struct scan_plan *plan;
    struct ingest_known *known; /* borrowed; of this scan's lines alone, for none but them changes assets meanwhile */
    int64_t realm_id;
    int64_t vantage_id;
    int64_t scan_id;
    int64_t started_at;
    char scanner[288]; /* "scanner:VANTAGE", what the scanner's own host is known by */
};

struct ingest_host {
    const struct addr *address;
    const char *name; /* "" without one */
    bool self;        /* the scanner said that the address is its own host's */
    int64_t at_ms;
};

/* Whether the host is known by more than an address, so that its line may show two assets to be one. */
bool ingest_may_join(const struct ingest_host *host);

/* Which asset is it? The scanner's own host is one asset with all its addresses, as its kernel is the inventory of
 * them; its loopback is nobody else's. Else the asset that holds the address; with `create` it is made when there is
 * none, else -ENOENT. A name joins the asset when it stands for at most one IPv4 and one IPv6 address: those two are
 * one host. A name of several hosts is nobody's. Where a name now stands for another address, the asset of the old one
 * does not keep it. */
MUST_USE int ingest_asset(struct store *store, const struct ingest_place *place, const struct ingest_host *host,
                          bool create, struct ingest_known_asset *ret_asset);

#endif
