#include "cli/verbs.h"

#include "auditd/protocol.h"
#include "scanner/protocol.h"

#include <string.h>

static const struct verb verbs[] = {
    {"scan", SCAN_PROGRAM, NULL, "sweep TARGETs and print what is open"},
    {"audit", AUDITD_PROGRAM, "audit", "sweep, store, judge and score: which open ports need not be open?"},
    {"serve", AUDITD_PROGRAM, "serve", "keep auditing, with a dashboard at http://127.0.0.1:8480/"},
    {"report", AUDITD_PROGRAM, "report", "print the last state: score, worst exposures, what changed"},
    {"inventory", AUDITD_PROGRAM, "inventory", "show the inventories of hosts, confirm that hosts are gone"},
    {"score", AUDITD_PROGRAM, "score", "show scores now and over time, every term, what would raise them most"},
    {"changes", AUDITD_PROGRAM, "changes", "what opened, closed and changed between any two scans or dates"},
    {"adopt", AUDITD_PROGRAM, "adopt", "take over what a first scan found, without alerts"},
    {"acknowledge", AUDITD_PROGRAM, "acknowledge", "say that somebody knows of a finding and works on it"},
    {"unacknowledge", AUDITD_PROGRAM, "unacknowledge", "take that back"},
    {"waive", AUDITD_PROGRAM, "waive", "accept findings until a date, with owner and reason; list what is"},
    {"unwaive", AUDITD_PROGRAM, "unwaive", "end a waiver"},
    {"export", AUDITD_PROGRAM, "export",
     "write the last state for other tools: CSV, SARIF, OCSF, nmap's XML, HTML, ..."},
    {"import", AUDITD_PROGRAM, "import", "store and judge what nmap or masscan saw"},
    {"schedule", AUDITD_PROGRAM, "schedule", "show what is audited when and how it went, run it now, pause it"},
    {"alert", AUDITD_PROGRAM, "alert", "show what was told to whom and what was not, try it again, send a test"},
    {"reach", AUDITD_PROGRAM, "reach", "who reaches what in a cloud, by which rules, and what a change would open"},
    {"aws", AUDITD_PROGRAM, "aws", "read what an AWS account declares, print the IAM policy that this needs"},
    {"policy", AUDITD_PROGRAM, "policy", "check, test, explain, draft or apply a policy"},
    {"check", AUDITD_PROGRAM, "check", "look whether the database is whole, and what to do when it is not"},
    {"backup", AUDITD_PROGRAM, "backup", "copy the database to a file, also while it is written"},
    {"restore", AUDITD_PROGRAM, "restore", "bring a backup back, also in place of a damaged database"},
    {"retain", AUDITD_PROGRAM, "retain", "delete the old history of what is over; --dry-run counts it"},
    {"token", AUDITD_PROGRAM, "token", "who gets in: make tokens, list and revoke them, a link to log in"},
    {"doctor", SCAN_PROGRAM, "--doctor", "what this machine lacks for a good scan, and what mends it"},
};

enum { VERB_COUNT = sizeof(verbs) / sizeof(*verbs), VERB_NAME_MAX = 16, VERB_SLIP_MAX = 2 };

const struct verb *verb_table(size_t *ret_count)
{
    *ret_count = VERB_COUNT;
    return verbs;
}

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Both are at most VERB_NAME_MAX long. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t cost[VERB_NAME_MAX + 1][VERB_NAME_MAX + 1];
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);

    for (size_t i = 0; i <= a_length; i++) {
        cost[i][0] = i;
    }
    for (size_t j = 0; j <= b_length; j++) {
        cost[0][j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        for (size_t j = 1; j <= b_length; j++) {
            size_t change = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            cost[i][j] = least(change, least(cost[i - 1][j], cost[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[a_length][b_length];
}

const struct verb *verb_suggest(const char *name)
{
    const struct verb *nearest = NULL;
    size_t nearest_distance = VERB_SLIP_MAX + 1;
    size_t length = strlen(name);

    if (length < 2 || length > VERB_NAME_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < VERB_COUNT; i++) {
        size_t distance = edit_distance(name, verbs[i].name);
        if (strncmp(name, verbs[i].name, length) == 0) {
            return &verbs[i];
        }
        /* Two slips in a word of three letters leave nothing of it. */
        if (distance < nearest_distance && distance < length) {
            nearest = &verbs[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}
