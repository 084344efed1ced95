/* Who reaches what by a cloud's rules, as intervals of what auditd/reach worked out. Knows rows, not what they mean. */
#ifndef LEASTPORT_AUDITD_STORE_CLOUD_VERDICT_H
#define LEASTPORT_AUDITD_STORE_CLOUD_VERDICT_H

#include "auditd/store/store.h"
#include "lib/addr.h"

enum { STORE_CLOUD_ID_SIZE = 288, STORE_CLOUD_WORD_SIZE = 16, STORE_CLOUD_REASON_SIZE = 256 };

/* Ports of one address of an interface for which the same holds. Texts as in the migration 0018. */
struct store_cloud_verdict {
    char address[ADDR_TEXT_SIZE];
    char public_address[ADDR_TEXT_SIZE];
    char way[STORE_CLOUD_ID_SIZE];
    char sources[STORE_CLOUD_WORD_SIZE];
    int64_t family;
    int64_t protocol;
    int64_t first_port, last_port;
    char verdict[STORE_CLOUD_WORD_SIZE];
    double share;
    char stage[STORE_CLOUD_WORD_SIZE];
    char record[STORE_CLOUD_ID_SIZE];
    char reason[STORE_CLOUD_REASON_SIZE];
};

/* {0} is empty; ended by store_cloud_verdicts_done(). */
struct store_cloud_verdicts {
    struct store_cloud_verdict *items;
    size_t count;
};

/* A new last one, zeroed; NULL when out of memory. */
struct store_cloud_verdict *store_cloud_verdicts_add(struct store_cloud_verdicts *verdicts);
void store_cloud_verdicts_done(struct store_cloud_verdicts *verdicts);

struct store_cloud_verdict_change {
    size_t begun;
    size_t ended;
};

/* The source by its name, and whether its verdicts are older than its records. -ENOENT. */
MUST_USE int store_cloud_verdicts_due(struct store *store, const char *name, int64_t *ret_source_id, bool *ret_due);

/* They are those of the records that stand. Inside the transaction that wrote them. */
MUST_USE int store_cloud_verdicts_made(struct store *store, int64_t source_id, int64_t now_ms);

/* What holds of an interface from now on: rows that are the same go on, others end or begin; counted on top of *change.
 * Its host is that of the source's inventories which has it now, else the one that had it. Inside a transaction. */
struct store_cloud_verdict_write {
    int64_t source_id;
    const char *interface;
    int64_t now_ms;
};
MUST_USE int store_cloud_verdicts_set(struct store *store, const struct store_cloud_verdict_write *write,
                                      const struct store_cloud_verdicts *verdicts,
                                      struct store_cloud_verdict_change *change);

/* What stands of an interface, appended. -ENOMEM. */
MUST_USE int store_cloud_verdicts_of(struct store *store, int64_t source_id, const char *interface,
                                     struct store_cloud_verdicts *verdicts);

/* The first interface behind `last` ("" at first) that has rows that stand: -ENOENT behind the last. */
MUST_USE int store_cloud_verdicts_next(struct store *store, int64_t source_id, const char *last,
                                       char ret_interface[STORE_CLOUD_ID_SIZE]);

/* What held of an asset at `at_ms`, 0: now. `port` -1: of all ports and protocols. Appended. -ENOMEM. */
struct store_cloud_verdict_ask {
    int64_t asset_id;
    int64_t at_ms;
    int64_t protocol; /* matters with a port only */
    int port;
};
MUST_USE int store_cloud_verdicts_load(struct store *store, const struct store_cloud_verdict_ask *ask,
                                       struct store_cloud_verdicts *verdicts);

/* What holds now of a port that was seen at an address: of the host's interfaces, and of those that have the address as
 * their public one, whosoever they are. */
struct store_cloud_verdict_seen {
    int64_t asset_id;
    const char *address;
    int64_t protocol;
    int64_t port;
};
MUST_USE int store_cloud_verdicts_seen(struct store *store, const struct store_cloud_verdict_seen *seen,
                                       struct store_cloud_verdicts *verdicts);

/* What held of it before it became UNKNOWN. */
MUST_USE int store_cloud_verdicts_last_known(struct store *store, const struct store_cloud_verdict_seen *seen,
                                             struct store_cloud_verdicts *verdicts);

/* Whether anything stands at all. */
MUST_USE int store_cloud_verdicts_any(struct store *store, bool *ret_any);

#endif
