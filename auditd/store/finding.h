/* Findings, the vantages that see them, and the log of their lives. */
#ifndef LEASTPORT_AUDITD_STORE_FINDING_H
#define LEASTPORT_AUDITD_STORE_FINDING_H

#include "auditd/finding/life.h"
#include "auditd/policy/judge.h"
#include "auditd/store/store.h"

#include <sqlite3.h>

enum { STORE_FINGERPRINT_SIZE = 65 };

/* For store_score.c: severity, service_weight, breadth, evidence, need, penalty, kind, service, rule_id, breadth_class,
 * evidence_kind, need_kind, owner, title, why, fix, controls stand in this order from `column` on. */
void store_finding_read_verdict(sqlite3_stmt *row, int column, struct verdict *ret_verdict);

/* BLAKE2b-256, hexadecimal, of asset uuid, proto, port and kind. */
void store_fingerprint(const char *asset_uuid, bool is_udp, uint16_t port, const char *kind,
                       char ret_fingerprint[STORE_FINGERPRINT_SIZE]);

struct stored_finding {
    int64_t id;
    int64_t asset_id;
    int64_t policy_id;
    int64_t first_scan_id; /* 0: no scan has seen it, as the next */
    int64_t last_scan_id;
    int64_t last_seen;
    bool is_udp;
    uint16_t port;
    enum presence presence;
    enum disposition disposition;
    enum sight sight;
    struct verdict verdict; /* as stored; verdict.verdict follows from its need_kind */
};

/* The finding with that fingerprint. -ENOENT. */
MUST_USE int store_finding_find(struct store *store, const char *fingerprint, struct stored_finding *ret_finding);

MUST_USE int store_finding_get(struct store *store, int64_t id, struct stored_finding *ret_finding);

/* Walks an asset's findings by id: the first after `after_id`. -ENOENT at the end. */
MUST_USE int store_finding_next(struct store *store, int64_t asset_id, int64_t after_id,
                                struct stored_finding *ret_finding);

struct store_port;

/* The findings of one port of an asset, of its listeners as scans saw them: ascending ids, the caller's to free(). */
MUST_USE int store_findings_of_port(struct store *store, const struct store_port *port, int64_t **ret_ids,
                                    size_t *ret_count);

struct store_finding_new {
    const char *fingerprint;
    int64_t asset_id;
    bool is_udp;
    uint16_t port;
    int64_t policy_id;
    int64_t scan_id; /* 0: no scan has seen it */
    int64_t at_ms;
};

/* Inserts it as NEW, NONE, FRESH, with its first event. */
MUST_USE int store_finding_insert(struct store *store, const struct store_finding_new *new_finding,
                                  const struct verdict *verdict, const char *evidence,
                                  struct stored_finding *ret_finding);

struct store_event {
    int64_t finding_id;
    int64_t scan_id; /* 0: none */
    int64_t at_ms;
    const char *actor; /* "auditd", "cli:name", … */
    const char *what;
    const char *was;
    const char *became;
    const char *reason;
    const char *evidence; /* JSON */
};

/* The id of its last event: it grows with whatever happens to the finding. */
MUST_USE int store_finding_last_event(struct store *store, int64_t finding_id, int64_t *ret_event);
MUST_USE int store_event_add(struct store *store, const struct store_event *event);

/* Writes the attributes that differ, an event for each that a person reads (severity, breadth, service, rule, need).
 * How many events, or an error. `event` gives all but what, was and became. */
MUST_USE int store_finding_update(struct store *store, struct stored_finding *finding, const struct verdict *verdict,
                                  int64_t policy_id, const struct store_event *event);

struct store_finding_revision {
    const struct verdict *verdict;
    int64_t hash; /* verdict_hash() of it */
    int64_t policy_id;
};

/* The same in two steps, for a finding that nobody has read. First the events, of event->finding_id: how many, and
 * whether something differs that lists are sorted and counted by. -ENOENT. */
MUST_USE int store_finding_log_revision(struct store *store, const struct store_finding_revision *revision,
                                        const struct store_event *event, bool *ret_listed);
/* Then its row. `changed_ms` 0: no event. */
MUST_USE int store_finding_revise(struct store *store, int64_t finding_id,
                                  const struct store_finding_revision *revision, int64_t changed_ms, bool listed);

/* Move and log; 1 moved, 0 stood there already, -EPERM illegal. `event` gives all but what, was and became. */
MUST_USE int store_finding_presence(struct store *store, struct stored_finding *finding, enum presence to,
                                    const struct store_event *event);
MUST_USE int store_finding_sight(struct store *store, struct stored_finding *finding, enum sight to,
                                 const struct store_event *event);

/* ACKNOWLEDGED remembers the breadth and the service as they are now. */
MUST_USE int store_finding_disposition(struct store *store, struct stored_finding *finding, enum disposition to,
                                       const struct store_event *event);

/* Walks what counts and was not adopted yet, by id; `realm` NULL: of all. -ENOENT at the end. */
MUST_USE int store_finding_adoptable(struct store *store, const char *realm, int64_t after_id,
                                     struct stored_finding *ret_finding);
/* Marks it and logs that. `event` gives all but what, was and became. */
MUST_USE int store_finding_adopt(struct store *store, const struct stored_finding *finding,
                                 const struct store_event *event);

/* The finding of an asset that stands for its listeners which came and went; at port 0, which no listener has. */
#define STORE_KIND_EPHEMERAL "ephemeral-listeners"
/* The one that stands for all ports of a host of which every port accepts; at port 0, too. */
#define STORE_KIND_EVERY_PORT "every-port"

/* Kinds that no scan sees: of what a cloud declares (finding/claim.h). As SQL has them in a list. */
#define STORE_KINDS_CLAIMED                                                                                            \
    "'empty-room', 'declared-silent', 'declared-unlooked', 'acl-trap', 'managed-login', 'wide-database',"              \
    " 'plain-listener', 'shadowed-rule', 'dead-reference', 'unused-group'"
bool store_kind_is_claimed(const char *kind);

/* The findings of an asset that no scan has seen: ascending ids, the caller's to free(). */
MUST_USE int store_findings_claimed(struct store *store, int64_t asset_id, int64_t **ret_ids, size_t *ret_count);

/* Whether a second probe ever found it open: it was OPEN or REAPPEARED. */
MUST_USE int store_finding_was_confirmed(struct store *store, int64_t finding_id, bool *ret_was);

/* Complete scans in a row that saw nothing of it: one more, or none since now. *ret_scans is what it is then. */
MUST_USE int store_finding_unseen(struct store *store, int64_t finding_id, bool again, int64_t *ret_scans);

/* Seen: last_seen and last_scan_id (0: by no scan). */
MUST_USE int store_finding_seen(struct store *store, int64_t finding_id, int64_t scan_id, int64_t at_ms);

/* The vantage sees it open from `at_ms` on (class: as the schema of vantage has it), or no longer. */
MUST_USE int store_finding_vantage(struct store *store, int64_t finding_id, int64_t vantage_id,
                                   const char *vantage_class, int64_t at_ms);
MUST_USE int store_finding_vantage_end(struct store *store, int64_t finding_id, int64_t vantage_id, int64_t at_ms);
/* No vantage sees it any more. */
MUST_USE int store_finding_vantages_end(struct store *store, int64_t finding_id, int64_t at_ms);
MUST_USE int store_finding_has_vantage(struct store *store, int64_t finding_id, int64_t vantage_id, bool *ret_has);

#endif
