/* Endpoints and the intervals of their states. Only endpoints that were open at some time have rows. */
#ifndef LEASTPORT_AUDITD_STORE_ENDPOINT_H
#define LEASTPORT_AUDITD_STORE_ENDPOINT_H

#include "auditd/finding/life.h"
#include "auditd/store/store.h"

struct store_endpoint_key {
    int64_t asset_id;
    int64_t vantage_id;
    const char *address;
    bool is_udp;
    uint16_t port;
};

/* -ENOENT when it was never seen open. */
MUST_USE int store_endpoint_find(struct store *store, const struct store_endpoint_key *key, int64_t *ret_id);

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

/* After addresses of the asset have changed: what was seen at one that is no longer its is, with all that is known of
 * it, at its oldest of the same family from now on, or ends where that one has an endpoint of its own. Where it has
 * none of that family left everything stays, and nothing is known of whether it is up. Inside a transaction. */
MUST_USE int store_endpoint_follow(struct store *store, int64_t asset_id, int64_t at_ms);

struct portset;

/* The same for every endpoint of the asset at that address whose port is in `ports`; `key->port` is not used. */
MUST_USE int store_endpoint_seen_all(struct store *store, const struct store_endpoint_key *key,
                                     const struct portset *ports, const struct store_endpoint_seen *seen);

/* `at_ms`: the time of the look that moved it. */
MUST_USE int store_endpoint_prove(struct store *store, int64_t endpoint_id, const struct endpoint_proof *proof,
                                  int64_t at_ms);

/* One port of one asset, whoever sees it and at whichever of its addresses. */
struct store_port {
    int64_t asset_id;
    bool is_udp;
    uint16_t port;
};

/* Walks the ports that the vantage ever saw open on living assets of the realm: the first after `after` (NULL: the very
 * first). -ENOENT at the end. */
MUST_USE int store_port_next(struct store *store, int64_t realm_id, int64_t vantage_id, const struct store_port *after,
                             struct store_port *ret_port);

enum { STORE_PLACE_NAME_SIZE = 132, STORE_PLACE_WORD_SIZE = 48 };

/* A place from which a port was seen open at some time, and what it says of it now. */
struct store_place {
    int64_t endpoint_id;
    int64_t vantage_id;
    char vantage[STORE_PLACE_NAME_SIZE];
    char declared_class[STORE_PLACE_WORD_SIZE]; /* "" without one */
    char address[ADDR_TEXT_SIZE];
    char bound[ADDR_TEXT_SIZE];
    char reason[STORE_PLACE_WORD_SIZE];
    enum port_state state;
    bool self;
    int64_t tries;
    int64_t answers;
    int64_t last_seen;
    int64_t last_scan_id;
    int64_t proved_at;
    struct endpoint_proof proof;
};

/* Whether the vantage had, in that scan, an open answer of an endpoint other than this one, which had answered in an
 * earlier scan already. */
MUST_USE int store_other_answered(struct store *store, const struct store_place *place, int64_t scan_id,
                                  bool *ret_answered);

/* All places of a port. The caller frees *ret_places. */
MUST_USE int store_port_places(struct store *store, const struct store_port *port, struct store_place **ret_places,
                               size_t *ret_count);

#endif
