/* The read-only side of the store: lists and single records, streamed row by row, for web and for reports.
 * Never writes, never migrates; works while auditd runs and while it is stopped. Knows neither HTTP nor JSON.
 *
 * Rows are handed to a function one by one. Their text is borrowed for that call, is never NULL ('' where the store
 * has nothing) and may hold whatever a hostile host sent. A function that returns non-zero ends the list, and that
 * value is what the reading function returns. Otherwise reading returns 0, -EBUSY (locked for longer than a second),
 * -EUCLEAN (corrupt), -ENOMEM, -ENOENT (no such record) or -EIO, with store_reader_error() saying more.
 * Times are milliseconds since 1970 UTC; 0 is "not yet", and in a filter "no bound". */
#ifndef LEASTPORT_AUDITD_STORE_READ_H
#define LEASTPORT_AUDITD_STORE_READ_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The schema version (PRAGMA user_version) that this reader reads. */
enum { STORE_READ_SCHEMA_VERSION = 20, STORE_READ_ERROR_SIZE = 512 };

/* Once, before the first reader of a process with threads: SQLite counts no memory then, which takes a lock for each
 * allocation. Harmless where SQLite runs already. */
void store_readers_prepare(void);

/* A connection. Used by one thread at a time: one for each thread. */
struct store_reader;

/* -ENOENT: no such file. -EAGAIN: it is there, but nothing is in it yet. -EMEDIUMTYPE: not a Leastport database.
 * -EPROTO: of a newer version. -ESTALE: of an older one (auditd migrates it). -EUCLEAN: corrupt. -EBUSY: locked.
 * -EACCES: not allowed, or -wal and -shm are missing and cannot be made. In `error` stands what is wrong and what to
 * do. The caller owns the result: store_reader_close(). */
MUST_USE int store_reader_open(const char *path, char error[STORE_READ_ERROR_SIZE], struct store_reader **ret_reader);
void store_reader_close(struct store_reader *reader);
/* What the last reading function failed of; borrowed until the next call. */
const char *store_reader_error(const struct store_reader *reader);
/* True when the path now names another file than the open one: close and open again. */
bool store_reader_is_replaced(const struct store_reader *reader);
/* Between the two all lists see one moment. A lasting snapshot keeps the WAL from being cut: keep it short. */
MUST_USE int store_reader_begin(struct store_reader *reader);
void store_reader_end(struct store_reader *reader);
/* Within a snapshot: a number that stays the same for as long as nobody has changed the database. Of this reader alone:
 * what another says compares with nothing. */
MUST_USE int store_reader_version(struct store_reader *reader, int64_t *ret_version);

/* Any one of these; an empty list does not filter. Borrowed for the call. */
struct store_texts {
    const char *const *values;
    size_t count;
};

struct store_numbers {
    const int64_t *values;
    size_t count;
};

/* Of hosts of any of these realms that have any of these tags (KEY=VALUE) now; an empty list does not limit. */
struct store_reach {
    struct store_texts realms, tags;
};

/* From now on every reading function sees of the database what the reach has in it, and nothing else, as if that were
 * all there is: counts, cursors and filters, too. Not within a snapshot; once in a reader's life. -EPROTO when the
 * database has a table of which it is not known what a reach means; else as reading functions. */
MUST_USE int store_reader_limit(struct store_reader *reader, const struct store_reach *reach);

/* Where a list goes on: after the row with this sort key and id (both stand in each row). */
struct store_position {
    bool is_set;
    double key;
    int64_t id;
};

/* Order and size of a list. `sort` is one of the list's own enum, its 0 the list's natural order; ties go by id. */
struct store_page {
    int sort;
    bool is_descending;
    uint32_t limit; /* 0: all */
    struct store_position after;
};

/* ---- waivers ---- */

/* Of one finding (`rule_id` is '', `uuid` its fingerprint), or of a rule on some hosts (JSON). */
struct store_waiver {
    const char *uuid, *rule_id, *hosts, *owner, *reason, *actor;
    int64_t until, created_at;
    double accepted_breadth;
    int64_t findings; /* that it covers now */
    const char *realm, *address, *proto, *service;
    int64_t port;
    int64_t id;
    double sort_key;
};

/* `id` and `sort_key` are store_list_waivers()'s. */
typedef int store_waiver_fn(void *context, const struct store_waiver *waiver);
/* Those that have not ended, the first to end first. */
MUST_USE int store_read_waivers(struct store_reader *reader, store_waiver_fn *fn, void *context);

enum store_waiver_sort { STORE_WAIVER_BY_END, STORE_WAIVER_BY_START };

struct store_waiver_filter {
    struct store_texts uuids, rules, owners, realms;
    int64_t until_since, until_before;
    struct store_page page;
};

/* The same, page by page. Those of a rule are in no realm. */
MUST_USE int store_list_waivers(struct store_reader *reader, const struct store_waiver_filter *filter,
                                store_waiver_fn *fn, void *context);

/* ---- drift: what became of findings between two moments ---- */

enum store_drift_kind { STORE_DRIFT_OPENED, STORE_DRIFT_CLOSED, STORE_DRIFT_CHANGED };

struct store_drift {
    enum store_drift_kind kind;
    const char *fingerprint, *realm, *address, *name, *proto, *service, *severity, *owner;
    const char *uuid, *host, *title; /* the finding's, its host's uuid */
    const char *was, *became;        /* presence at either end, '' before it was there; RETIRED too */
    const char *changes;             /* of severity, breadth, service, rule: which, with commas between */
    int64_t port, first_seen, last_seen, id;
};

typedef int store_condition_fn(void *context, const char *text);
/* Where too much was gone at once, so that nothing turns FIXED (finding/hold.h), the oldest first: what a person is
 * told of it. */
MUST_USE int store_read_holds(struct store_reader *reader, store_condition_fn *fn, void *context);

typedef int store_drift_fn(void *context, const struct store_drift *drift);
/* Those that count at one end only, and those that count at both and whose attributes changed between: opened first,
 * then closed, then changed, worst first. */
MUST_USE int store_read_drift(struct store_reader *reader, int64_t since, int64_t until, store_drift_fn *fn,
                              void *context);

struct store_drift_ends {
    int64_t since, until;
    const char *realm; /* NULL: of all */
    bool by_id;        /* within a kind by id, which stays as it is, instead of worst first */
};

MUST_USE int store_list_drift(struct store_reader *reader, const struct store_drift_ends *ends, store_drift_fn *fn,
                              void *context);

/* How many moves to FIXED there were after `since` up to `until`, and their mean time from when it opened (NAN: none).
 */
MUST_USE int store_read_time_to_fix(struct store_reader *reader, int64_t since, int64_t until, int64_t *ret_count,
                                    double *ret_mean_ms);

/* ---- scans ---- */

struct store_scan {
    int64_t id;
    double sort_key;
    const char *uuid, *realm, *vantage, *policy, *policy_hash, *plan, *plan_hash, *state, *cause, *canary;
    int64_t started_at, ended_at, judged_at;
    int64_t slabs_done, slabs_total, probes_planned, probes_done, probes_sent, hosts_up, hosts_down, ports_open;
    double loss, missed_low, missed_high; /* NAN: not known */
    const char *request;                  /* what was asked for; '' for a scan that only verifies another */
};

enum store_scan_sort { STORE_SCAN_BY_START };

struct store_scan_filter {
    struct store_texts uuids, realms, vantages, states;
    int64_t started_since, started_before;
    struct store_page page;
};

typedef int store_scan_fn(void *context, const struct store_scan *scan);
MUST_USE int store_read_scans(struct store_reader *reader, const struct store_scan_filter *filter, store_scan_fn *fn,
                              void *context);

/* How many inventories there are, and how many of them could not be read, or not wholly, the last time. */
MUST_USE int store_read_inventory_counts(struct store_reader *reader, int64_t *ret_count, int64_t *ret_failed);

/* ---- hosts: assets with what is known of them ---- */

struct store_host {
    int64_t id;
    double sort_key;
    const char *uuid, *realm, *end_reason;
    const char *kind;           /* "host"; "network": what is found of a network's rules */
    const char *address, *name; /* IPv4 first, then the youngest; '' when none */
    const char *state;          /* up when any vantage has it up, else down; '' when never looked */
    const char *grade;          /* '' when never scored */
    double score, exposure, coverage;
    bool is_ephemeral;
    int64_t created_at, ended_at, last_up; /* last_up: the last answer to any vantage */
    int64_t ports_open;
    int64_t findings[4]; /* that count: low, medium, high, critical */
};

enum store_host_sort { STORE_HOST_BY_ID, STORE_HOST_BY_EXPOSURE, STORE_HOST_BY_SCORE, STORE_HOST_BY_LAST_UP };

struct store_host_filter {
    struct store_texts uuids, realms, addresses, names, states, grades;
    /* With addresses or names: who held them then. Without: the assets that lived then. */
    int64_t as_of;
    int64_t up_since, up_before;
    bool with_ended;
    struct store_page page;
};

typedef int store_host_fn(void *context, const struct store_host *host);
MUST_USE int store_read_hosts(struct store_reader *reader, const struct store_host_filter *filter, store_host_fn *fn,
                              void *context);

struct store_identity {
    const char *kind, *value, *source;
    int64_t valid_from, valid_to;
};

typedef int store_identity_fn(void *context, const struct store_identity *identity);
/* What a host is and was known by, youngest first. */
MUST_USE int store_read_identities(struct store_reader *reader, int64_t host_id, store_identity_fn *fn, void *context);

/* ---- endpoints: intervals of ports ---- */

/* What is known of what answers, named as lib/fact.h has it; the value as the table endpoint_fact has it. */
struct store_endpoint_fact {
    const char *name, *value;
};

struct store_endpoint {
    int64_t id; /* of the interval */
    double sort_key;
    const char *host, *realm, *vantage, *vantage_class, *address, *proto, *state, *reason, *bound;
    const char *service; /* what answers; where nobody asked, what the number is registered for */
    int64_t port, first_seen, last_seen, ended_at;
    /* With `with_facts`, of an interval in which it was open; else nobody asked. */
    bool was_asked;
    int64_t asked_at;     /* last; 0 of a past moment */
    const char *evidence; /* JSON; '' of a past moment that knew other facts */
    const struct store_endpoint_fact *facts;
    size_t fact_count; /* ascending by name */
};

/* The value; NULL when it is not known. */
const char *store_endpoint_fact(const struct store_endpoint *endpoint, const char *name);

enum store_endpoint_sort { STORE_ENDPOINT_BY_ID, STORE_ENDPOINT_BY_PORT, STORE_ENDPOINT_BY_LAST_SEEN };

struct store_endpoint_filter {
    struct store_texts hosts, realms, vantages, vantage_classes, addresses, protos, states, services, auths;
    struct store_numbers ports;
    bool with_facts; /* of each row; filters ask for facts in any case */
    int64_t as_of;   /* 0: now */
    bool with_ended; /* every interval there was; not with as_of */
    int64_t first_seen_since, first_seen_before, last_seen_since, last_seen_before;
    struct store_page page;
};

typedef int store_endpoint_fn(void *context, const struct store_endpoint *endpoint);
MUST_USE int store_read_endpoints(struct store_reader *reader, const struct store_endpoint_filter *filter,
                                  store_endpoint_fn *fn, void *context);

/* ---- coverage ---- */

/* One realm as one vantage looked at it. A port counts for each host and protocol that it was planned for. */
struct store_place_coverage {
    const char *realm, *vantage; /* vantage: '' where nobody has looked at the realm */
    int64_t hosts_known;         /* in the realm */
    int64_t hosts_planned, hosts_judged;
    int64_t ports_planned, ports_judged;
    int64_t last_judged; /* 0: never */
};

/* Judged since then counts. */
struct store_coverage_filter {
    struct store_texts realms, vantages;
    int64_t since;
};

typedef int store_coverage_fn(void *context, const struct store_place_coverage *place);
/* By realm, then by vantage. */
MUST_USE int store_read_coverage(struct store_reader *reader, const struct store_coverage_filter *filter,
                                 store_coverage_fn *fn, void *context);

/* ---- certificates ---- */

struct store_shown_certificate {
    int64_t id;
    double sort_key;
    const char *sha256, *subject, *issuer, *names, *key, *signature; /* names with blanks between */
    int64_t not_before, not_after, key_bits, first_seen;             /* 0: not known */
    int64_t endpoint_count;                                          /* open ones that show it now */
};

enum store_certificate_sort { STORE_CERTIFICATE_BY_END, STORE_CERTIFICATE_BY_FIRST_SEEN, STORE_CERTIFICATE_BY_ID };

/* Those that an open endpoint shows now, unless `with_unseen` asks for all that were ever seen. */
struct store_certificate_filter {
    struct store_texts sha256s, names;
    const char *subject, *issuer;               /* part of it, whatever the case; NULL: any */
    struct store_texts hosts, realms, verdicts; /* of an endpoint that shows it */
    int64_t not_after_since, not_after_before, first_seen_since, first_seen_before;
    bool with_unseen;
    bool weak; /* only with a weak key or signature, as an endpoint's facts say */
    struct store_page page;
};

typedef int store_certificate_fn(void *context, const struct store_shown_certificate *certificate);
MUST_USE int store_read_certificates(struct store_reader *reader, const struct store_certificate_filter *filter,
                                     store_certificate_fn *fn, void *context);

/* Truths as facts have them: "true", "false", '' where it is not known. */
struct store_certificate_endpoint {
    const char *host, *realm, *address, *proto, *vantage, *verdict, *name_mismatch, *weak;
    int64_t port, since;
};

typedef int store_certificate_endpoint_fn(void *context, const struct store_certificate_endpoint *endpoint);
/* The open endpoints that show it now, `limit` at most. */
MUST_USE int store_read_certificate_endpoints(struct store_reader *reader, const char *sha256, uint32_t limit,
                                              store_certificate_endpoint_fn *fn, void *context);

/* ---- findings ---- */

struct store_finding {
    int64_t id;
    double sort_key;
    const char *uuid, *fingerprint, *host, *realm, *address, *name, *proto, *kind;
    int64_t port;
    const char *presence, *disposition, *sight, *severity, *service, *rule_id, *policy, *policy_hash;
    double service_weight, breadth, evidence, need, penalty;
    const char *breadth_class, *evidence_kind, *need_kind;
    const char *title, *why, *fix, *owner;
    const char *controls; /* ids of lib/standard.h, with blanks between */
    int64_t first_seen, last_seen, changed_at, fixed_at;
    int64_t opened_at;  /* since when it is open this time */
    int64_t due_at;     /* 0: never, as it is waived, does not count, or nothing is said of its severity */
    int64_t adopted_at; /* 0: it was not */
    const char *scan;   /* uuid of the last scan that saw it open */
};

enum store_finding_sort {
    STORE_FINDING_BY_ID,
    STORE_FINDING_BY_SEVERITY,
    STORE_FINDING_BY_PENALTY,
    STORE_FINDING_BY_PORT,
    STORE_FINDING_BY_FIRST_SEEN,
    STORE_FINDING_BY_LAST_SEEN,
    STORE_FINDING_BY_CHANGE,
};

/* Without presences, sights, uuids and changed_since only what counts now is listed: NEW, OPEN, VERIFYING or
 * REAPPEARED, and not RETIRED. */
struct store_finding_filter {
    /* As they stood then: kind, title, why, fix, controls and how the host is called stand as now; penalty and its
     * terms are not known (NAN), last_seen is 0. Further back than what the retention keeps, what was the oldest that
     * is kept. */
    int64_t as_of;
    struct store_texts uuids, hosts, realms, addresses, vantages, protos, services, kinds, rules, owners;
    struct store_texts tags; /* "KEY=VALUE": of hosts that have any of them */
    struct store_texts presences, dispositions, sights, severities, breadth_classes;
    struct store_numbers ports;
    int severity_min; /* 1 low … 4 critical; 0: all */
    int64_t first_seen_since, first_seen_before, last_seen_since, last_seen_before, changed_since, changed_before;
    int64_t due_since, due_before; /* not beside as_of */
    struct store_texts adopted;    /* "true", "false"; not beside as_of */
    struct store_page page;
};

typedef int store_finding_fn(void *context, const struct store_finding *finding);
MUST_USE int store_read_findings(struct store_reader *reader, const struct store_finding_filter *filter,
                                 store_finding_fn *fn, void *context);

/* What findings are counted by; the text of each is the name in `group_by`. */
enum store_finding_group {
    STORE_GROUP_SEVERITY,
    STORE_GROUP_PRESENCE,
    STORE_GROUP_DISPOSITION,
    STORE_GROUP_SIGHT,
    STORE_GROUP_REALM,
    STORE_GROUP_SERVICE,
    STORE_GROUP_PORT,
    STORE_GROUP_RULE,
    STORE_GROUP_HOST,
    STORE_GROUP_OWNER,
    STORE_GROUP_TAG, /* a finding counts for each tag of its host */
    STORE_GROUP_COUNT,
};

struct store_group {
    const char *values[STORE_GROUP_COUNT]; /* in the order that was asked for */
    int64_t count;
    double penalty; /* their sum */
    int64_t first_seen_mean;
};

typedef int store_group_fn(void *context, const struct store_group *group);
/* 1 to STORE_GROUP_COUNT of them. Borrowed for the call. */
struct store_group_keys {
    const enum store_finding_group *values;
    size_t count;
};

/* Largest first; of the filter's page only the limit counts. */
MUST_USE int store_read_finding_groups(struct store_reader *reader, const struct store_finding_filter *filter,
                                       struct store_group_keys keys, store_group_fn *fn, void *context);

struct store_finding_vantage {
    const char *vantage, *vantage_class;
    int64_t since, until;
};

typedef int store_finding_vantage_fn(void *context, const struct store_finding_vantage *vantage);
MUST_USE int store_read_finding_vantages(struct store_reader *reader, int64_t finding_id, store_finding_vantage_fn *fn,
                                         void *context);

/* ---- changes: the events of findings ---- */

struct store_change {
    int64_t id;
    double sort_key;
    int64_t at;
    const char *actor, *what, *was, *became, *reason, *evidence, *scan; /* evidence: JSON; scan: uuid */
    const char *finding, *host, *realm, *address, *name, *proto, *kind, *service, *severity, *title;
    int64_t port;
};

enum store_change_sort { STORE_CHANGE_BY_ID };

/* What an event did, by STORE_TURNS: `opened`: what was not open is; `closed`: it is proven closed; `confirmed`: what
 * was open still is, seen once more; `otherwise`: any other. */
#define STORE_TURNS "opened", "closed", "confirmed", "otherwise"

/* "What changed since scan S" is since_scan = S: what was judged after it. "What did scan S change" is scans = {S}. */
struct store_change_filter {
    struct store_texts findings, hosts, realms, scans, whats, becames;
    struct store_texts turns; /* of STORE_TURNS */
    const char *since_scan;   /* uuid; NULL: none. -ENOENT when there is no such scan. */
    int64_t since, before;
    struct store_page page;
};

typedef int store_change_fn(void *context, const struct store_change *change);
MUST_USE int store_read_changes(struct store_reader *reader, const struct store_change_filter *filter,
                                store_change_fn *fn, void *context);

/* ---- changes of what answers ---- */

/* Facts of an endpoint that was asked before: what one was and what it became; '' is not known. */
struct store_service_change {
    int64_t id;
    double sort_key;
    int64_t at;
    const char *fact, *was, *became, *scan; /* scan: uuid; '' when it was only known no more */
    const char *host, *realm, *address, *name, *proto, *vantage, *service;
    int64_t port;
};

enum store_service_change_sort { STORE_SERVICE_CHANGE_BY_TIME };

/* Of the facts whose change matters to people: service, product, version, auth, tls.version, cert.sha256. */
struct store_service_change_filter {
    struct store_texts hosts, realms, facts;
    struct store_numbers ports;
    int64_t since, before;
    struct store_page page;
};

/* What people call it: "service changed", "certificate renewed", … */
const char *store_service_change_what(const struct store_service_change *change);

typedef int store_service_change_fn(void *context, const struct store_service_change *change);
MUST_USE int store_read_service_changes(struct store_reader *reader, const struct store_service_change_filter *filter,
                                        store_service_change_fn *fn, void *context);

/* ---- who gets in, and what was done ---- */

/* `hash`: BLAKE2b-512 in hexadecimal. `realms`, `tags`: what it is limited to, a line each; '' for all.
 */
struct store_read_token {
    int64_t id;
    double sort_key;
    const char *public_id, *kind, *name, *hash, *role, *scopes, *realms, *tags, *created_by, *revoked_by;
    int64_t created_at, expires_at, last_used_at, taken_at, revoked_at;
};

enum store_token_sort { STORE_TOKEN_BY_ID };

struct store_token_filter {
    struct store_texts public_ids, kinds, names, roles;
    bool with_ended; /* revoked ones too */
    struct store_page page;
};

typedef int store_read_token_fn(void *context, const struct store_read_token *token);
MUST_USE int store_read_tokens(struct store_reader *reader, const struct store_token_filter *filter,
                               store_read_token_fn *fn, void *context);

struct store_read_session {
    char token[32]; /* its public id */
    int64_t begun_at, seen_at;
};

/* The browser's session of this hash: 1, or 0 when there is none. */
MUST_USE int store_read_session(struct store_reader *reader, const char *hash, struct store_read_session *ret_session);

struct store_read_log {
    int64_t id;
    double sort_key;
    int64_t at;
    const char *actor, *address, *what, *outcome, *detail;
};

enum store_log_sort { STORE_LOG_BY_ID };

struct store_log_filter {
    struct store_texts actors, addresses, whats, outcomes;
    int64_t since, before;
    struct store_page page;
};

typedef int store_read_log_fn(void *context, const struct store_read_log *log);
MUST_USE int store_read_log(struct store_reader *reader, const struct store_log_filter *filter, store_read_log_fn *fn,
                            void *context);

/* ---- policies ---- */

struct store_read_policy {
    const char *hash, *name;
    const char *source; /* '' for the built-in baseline alone */
    /* Of store_list_policies() alone. */
    int64_t id, baseline, loaded_at;
    double sort_key;
    bool judges; /* it is the one that judged last */
};

typedef int store_read_policy_fn(void *context, const struct store_read_policy *policy);
/* The one of that hash; none is no error. */
MUST_USE int store_read_policy(struct store_reader *reader, const char *hash, store_read_policy_fn *fn, void *context);

struct store_policy_filter {
    struct store_texts hashes, names;
    bool judging; /* only the one that judged last */
    struct store_page page;
};

/* Every policy that there was, by when it came first. */
MUST_USE int store_list_policies(struct store_reader *reader, const struct store_policy_filter *filter,
                                 store_read_policy_fn *fn, void *context);

/* ---- schedules ---- */

/* Times of a run that there is not are 0, its texts ''. */
struct store_read_run {
    int64_t due_at, begin_at, begun_at, ended_at;
    const char *state, *message, *actor, *scan;
};

/* A schedule that is configured, as the daemon last knew it. */
struct store_read_schedule {
    const char *name, *paused_by;
    int64_t seed, decided_until, paused_at;
    struct store_read_run open; /* waits or runs */
    struct store_read_run last; /* has ended, and was not left out because of another */
};

typedef int store_read_schedule_fn(void *context, const struct store_read_schedule *schedule);
MUST_USE int store_read_schedules(struct store_reader *reader, store_read_schedule_fn *fn, void *context);

/* ---- score ---- */

struct store_score {
    int64_t id;
    double sort_key;
    const char *scope, *subject, *grade;
    const char *label; /* the fleet's '', the realm's name, the host's name or address */
    double score, exposure, waived, coverage;
    const char *caps, *terms; /* JSON arrays */
    const char *policy, *policy_hash;
    int64_t first_at, last_at, ended_at;
};

enum store_score_sort { STORE_SCORE_BY_ID, STORE_SCORE_BY_TIME, STORE_SCORE_BY_SCORE, STORE_SCORE_BY_EXPOSURE };

/* Now, unless `as_of` is set or `with_ended` asks for the history. */
struct store_score_filter {
    struct store_texts scopes, subjects;
    int64_t as_of;
    bool with_ended;
    int64_t since, before; /* intervals that touch this time */
    struct store_page page;
};

typedef int store_score_fn(void *context, const struct store_score *score);
MUST_USE int store_read_scores(struct store_reader *reader, const struct store_score_filter *filter, store_score_fn *fn,
                               void *context);

/* ---- streams: what happened, in the order in which it was committed ---- */

/* A place in the stream: the last event of findings, the last row of scores and the last event of scans that were told.
 * Their numbers only grow. `mark` is made of these rows' content: another database, or one that was brought back from a
 * backup, has another at the same numbers. */
struct store_stream_place {
    int64_t change, score, scan;
    int64_t mark;
};

/* How many rows may lie between a place and now: whoever missed more is better off with lists. */
enum { STORE_STREAM_SPAN = 50000, STORE_STREAM_KEY_BYTES = 32 };

/* Where the stream stands now, whatever the reader is limited to. */
MUST_USE int store_read_stream_head(struct store_reader *reader, struct store_stream_place *ret_head);
/* Makes the mark of a place whose numbers are those of rows that were read. */
MUST_USE int store_read_stream_mark(struct store_reader *reader, struct store_stream_place *place);
/* -ESTALE when not everything that came after the place is there any more (retention), the database is another one, or
 * STORE_STREAM_SPAN rows are not enough. */
MUST_USE int store_read_stream_check(struct store_reader *reader, const struct store_stream_place *place);
/* What covers the places of limited readers. */
MUST_USE int store_read_stream_key(struct store_reader *reader, unsigned char ret_key[STORE_STREAM_KEY_BYTES]);
/* Another number than before: somebody committed something. Not within a snapshot. */
MUST_USE int store_read_version(struct store_reader *reader, int64_t *ret_version);

struct store_scan_event {
    int64_t id;
    const char *what; /* begun, ended, judged */
    const char *scan; /* uuid */
};

typedef int store_scan_event_fn(void *context, const struct store_scan_event *event);
/* Those after number `after`, oldest first, `limit` at most. */
MUST_USE int store_read_scan_events(struct store_reader *reader, int64_t after, uint32_t limit, store_scan_event_fn *fn,
                                    void *context);

#endif
