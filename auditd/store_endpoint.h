/* Endpoints and the intervals of their states. Only endpoints that were open at some time have rows. */
#ifndef LEASTPORT_AUDITD_STORE_ENDPOINT_H
#define LEASTPORT_AUDITD_STORE_ENDPOINT_H

#include "auditd/life.h"
#include "auditd/store.h"

struct store_endpoint_key {
    int64_t asset_id;
    int64_t vantage_id;
    const char *address;
    bool is_udp;
    uint16_t port;
};

struct store_endpoint_seen {
    enum port_state state;
    const char *reason;
    const char *service;
    const char *bound;
    bool self;
    int64_t tries;
    int64_t answers;
    int64_t at_ms;
    int64_t scan_id;
};

/* Moves the interval's last_seen, or ends it and begins another. What was never open and is not open now leaves no row.
 * 1 when a row was touched, 0 when not. */
MUST_USE int store_endpoint_seen(struct store *store, const struct store_endpoint_key *key,
                                 const struct store_endpoint_seen *seen);

struct portset;

/* The same for every endpoint of the asset at that address whose port is in `ports`; `key->port` is not used. */
MUST_USE int store_endpoint_seen_all(struct store *store, const struct store_endpoint_key *key,
                                     const struct portset *ports, const struct store_endpoint_seen *seen);

MUST_USE int store_endpoint_prove(struct store *store, int64_t endpoint_id, const struct endpoint_proof *proof);

#endif
