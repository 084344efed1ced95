/* Rows of realm, vantage, policy and scan, and the checkpoint of a scan. */
#ifndef LEASTPORT_AUDITD_STORE_SCAN_H
#define LEASTPORT_AUDITD_STORE_SCAN_H

#include "auditd/store/store.h"

/* The id of the row of that name, made when it is missing. */
MUST_USE int store_realm_put(struct store *store, const char *name, int64_t now_ms, int64_t *ret_id);
/* The caller frees *ret_name. -ENOENT. */
MUST_USE int store_realm_name(struct store *store, int64_t realm_id, char **ret_name);
MUST_USE int store_vantage_put(struct store *store, const char *name, int64_t now_ms, int64_t *ret_id);

/* `declared_class` as the schema has it; NULL takes the declaration away. */
MUST_USE int store_vantage_declare(struct store *store, const char *name, const char *declared_class, int64_t now_ms);

/* Where the machine stands that scans from there: JSON as the schema has it. */
MUST_USE int store_vantage_stands(struct store *store, const char *name, const char *stands, int64_t now_ms);

struct store_policy {
    const char *hash;
    const char *name;
    const char *source; /* "" for the built-in baseline alone */
    int64_t baseline;   /* its number */
};

/* The id of the policy with that hash, made when it is missing. */
MUST_USE int store_policy_put(struct store *store, const struct store_policy *policy, int64_t now_ms, int64_t *ret_id);

enum { STORE_SCAN_WORD_SIZE = 16 };

struct stored_scan {
    int64_t id;
    int64_t realm_id;
    int64_t vantage_id;
    char uuid[STORE_UUID_SIZE];
    char state[STORE_SCAN_WORD_SIZE];
    char canary[STORE_SCAN_WORD_SIZE];
    int64_t started_at;
    int64_t ended_at; /* 0 while it runs */
    int64_t slabs_done;
    int64_t slabs_total;
    int64_t hosts_up;
    double loss;       /* -1 when not known */
    int64_t judged_at; /* 0 before */
};

/* -ENOENT. */
MUST_USE int store_scan_find(struct store *store, const char *uuid, struct stored_scan *ret_scan);

/* Plan and hash of a scan; the caller frees both. */
MUST_USE int store_scan_plan(struct store *store, int64_t scan_id, char **ret_plan, char **ret_hash);

/* When the newest scan of the realm from the vantage began. -ENOENT when there is none. */
MUST_USE int store_scan_newest(struct store *store, const char *realm, const char *vantage, int64_t *ret_started_at);

/* Under which policy the store was judged last, by a scan or without one, and when. -ENOENT when it never was. */
MUST_USE int store_policy_current(struct store *store, int64_t *ret_policy_id, int64_t *ret_at_ms);

struct store_scan_start {
    const char *uuid;
    int64_t realm_id;
    int64_t vantage_id;
    const char *plan;
    const char *plan_hash;
    int64_t slabs_total;
    int64_t probes_planned;
    int64_t started_at;
};

MUST_USE int store_scan_insert(struct store *store, const struct store_scan_start *start, int64_t *ret_id);

/* A resumed scan runs again. */
MUST_USE int store_scan_continue(struct store *store, int64_t scan_id);

MUST_USE int store_scan_checkpoint(struct store *store, int64_t scan_id, int64_t slabs_done, int64_t probes_done,
                                   int64_t probes_sent);

/* `answered` at the start stands only until the end is silent: silent is never taken back within a scan. */
MUST_USE int store_scan_canary(struct store *store, int64_t scan_id, bool answered);

struct store_scan_end {
    const char *state; /* "complete", "incomplete", "failed" */
    const char *cause;
    int64_t ended_at;
    int64_t probes_done; /* -1: stays as it is */
    int64_t probes_sent;
    int64_t hosts_up; /* -1, or less than what is stored (a resumed scan tells of its last part): what is stored */
    int64_t hosts_down;
    int64_t ports_open;
    double loss; /* -1 when not known */
    bool has_missed;
    double missed_low;
    double missed_high;
};

MUST_USE int store_scan_finish(struct store *store, int64_t scan_id, const struct store_scan_end *end);

MUST_USE int store_scan_judged(struct store *store, int64_t scan_id, int64_t policy_id, int64_t now_ms);

/* The oldest scan that ended, was never judged, and after which no scan of its realm and vantage was. -ENOENT. */
MUST_USE int store_scan_unjudged(struct store *store, char ret_uuid[STORE_UUID_SIZE]);

/* At start of the daemon: scans that a crash left 'running' become 'incomplete' with that cause. How many. */
MUST_USE int store_scan_end_orphans(struct store *store, const char *cause, int64_t now_ms, int64_t *ret_count);

#endif
