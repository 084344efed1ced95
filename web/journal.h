/* What web tells auditd of who came in: entries for the audit log, which tokens were used, and browsers' sessions. A
 * thread sends them, so that no request waits; while auditd is away they wait, and what finds no room is counted. */
#ifndef LEASTPORT_WEB_JOURNAL_H
#define LEASTPORT_WEB_JOURNAL_H

#include "lib/addr.h"

#include <stdbool.h>

struct journal;

struct journal_entry {
    const char *actor;
    const char *address;
    const char *what;
    bool refused;
    const char *detail;
};

/* `control_path` is borrowed; NULL: nothing is kept. The caller owns it: journal_destroy(). */
MUST_USE int journal_create(const char *control_path, struct journal **ret_journal);
/* Sends what waits, once. Takes NULL. */
void journal_destroy(struct journal *journal);

/* Copied. Bytes that are no UTF-8 become question marks; auditd escapes the rest. */
void journal_write(struct journal *journal, const struct journal_entry *entry);
/* Sent at most once a minute for each token. */
void journal_use(struct journal *journal, const char *token);

struct journal_session {
    const char *hash;
    const char *token; /* its public id; NULL: the session has ended */
    int64_t begun_ms;  /* since 1970 */
};

/* A session that began, was used again, or has ended: of each the last word is sent. */
void journal_tell(struct journal *journal, const struct journal_session *session);

#endif
