/* What a report tells, read from the store and summed up. Knows nothing of how it is shown. */
#ifndef LEASTPORT_AUDITD_REPORT_DATA_H
#define LEASTPORT_AUDITD_REPORT_DATA_H

#include "auditd/policy/judge.h"
#include "auditd/report/answer_changes.h"
#include "auditd/report/answers.h"
#include "auditd/report/due.h"
#include "auditd/report/holds.h"
#include "auditd/store/read.h"

#include <jansson.h>

enum { REPORT_HOSTS_NAMED = 3, REPORT_PLACE_SIZE = 360 };

/* Findings of the same rule, port, breadth and severity: one line however many hosts have it. Owns its text. */
struct report_group {
    char *title, *why, *fix, *rule_id, *proto, *breadth_class, *evidence_kind, *controls;
    int64_t port;
    enum severity severity;
    double penalty; /* of one */
    double sum;
    uint64_t count;
    uint64_t new_count;
    uint64_t back_count;
    uint64_t stale_count;
    uint64_t acknowledged_count;
    char owner[DUE_OWNER_SIZE]; /* of the first */
    bool has_other_owners;
    int64_t due_at;                                     /* the first to be due; 0: none */
    char places[REPORT_HOSTS_NAMED][REPORT_PLACE_SIZE]; /* the first hosts, "10.0.0.5 (web-1)" */
};

enum report_change_kind {
    REPORT_CHANGE_NEW,
    REPORT_CHANGE_BACK,
    REPORT_CHANGE_FIXED,
    REPORT_CHANGE_ALLOWED,
    REPORT_CHANGE_VERIFYING,
    REPORT_CHANGE_STALE,
    REPORT_CHANGE_RETIRED,
    REPORT_CHANGE_KINDS,
};

/* Where a finding got to between the last audit's start and now. */
struct report_change {
    char *finding; /* uuid */
    char *what;    /* "6379/tcp redis" */
    char place[REPORT_PLACE_SIZE];
    enum severity severity;
    bool began; /* its first event is among them */
    char presence[16];
    char sight[16];
    enum report_change_kind kind;
};

struct report_audit {
    bool is_set;
    int64_t started_at;
    char state[16];
    char cause[64];
    char realm[160];
    char vantage[160];
    char canary[16];
    int64_t hosts_up, hosts_down, probes_done, probes_planned;
    double missed_high;
};

struct report_data {
    bool has_score;
    double score, exposure, waived, coverage;
    char grade[4];
    char policy[300];
    char policy_hash[65];
    struct due due;
    struct report_holds holds;
    json_t *caps;  /* array of texts */
    json_t *terms; /* as score_terms_json() writes them */
    struct report_audit last;
    struct report_audit imported; /* the youngest that nobody asked for here: the last one where there is no other */
    struct report_audit pending;  /* the youngest that nothing was judged of yet */
    struct report_audit before;
    uint64_t severities[SEVERITY_CRITICAL + 1];
    uint64_t finding_count;
    uint64_t stale_count;
    uint64_t waived_count;
    uint64_t host_count;
    bool only_self;              /* nothing was looked at from another host */
    struct report_group *groups; /* worst first */
    size_t group_count;
    struct report_change *changes; /* by kind, then worst first */
    size_t change_count;
    uint64_t change_counts[REPORT_CHANGE_KINDS];
    struct report_answers answers;
    struct report_answer_changes answer_changes;
};

/* All of one moment. -errno as store_read.h has it. The caller ends it with report_data_done(). */
MUST_USE int report_data_read(struct store_reader *reader, int64_t now_ms, struct report_data *ret_data);
void report_data_done(struct report_data *data);

/* "10.0.0.5 (web-1)", with the realm where it is not "default". Not escaped. */
void report_place(const char *address, const char *name, const char *realm, char buffer[REPORT_PLACE_SIZE]);

#endif
