/* Reads a cloud account as its services describe it, region by region: the documents that the AWS CLI would print, and
 * a list of what could not be read. What was not read is never taken for gone. Blocks; holds keys while it runs: give
 * it a process of its own (`leastport aws read`). */
#ifndef LEASTPORT_AUDITD_AWS_INVENTORY_H
#define LEASTPORT_AUDITD_AWS_INVENTORY_H

#include "auditd/aws/session.h"

/* Called with each document, by a name as auditd/cloud/aws.h wants it, with ".json". Beside what the CLI prints a
 * document has "LeastportOf": {"Account", "Region", and, of answers that are about one thing, "Of": its ARN or id}.
 * What is not known comes in documents of {"LeastportGaps": [{"Account", "Region", "Action", "List", "Reason"}]}: List
 * is the member that is not, or not wholly, there. Borrows the document. Below 0 ends the reading. */
typedef int inventory_take(void *context, const char *name, json_t *document);

struct inventory_options {
    const char *const *regions; /* none: every region that is on for the account */
    size_t region_count;
    long request_ms;    /* for one request */
    long deadline_ms;   /* for all */
    unsigned pages_max; /* of one list */
    inventory_take *take;
    void *context;
};

struct inventory_options inventory_options_default(void);

struct inventory_sum {
    size_t regions, documents, records, gaps;
};

/* Reads one account, that of the session's keys, after session_log_in(). Gaps are no errors. -EACCES with *ret_fault
 * when not even the account is known, -ENOMEM, or what `take` said. */
MUST_USE int inventory_read(struct session *session, struct wire *wire, const struct inventory_options *options,
                            struct inventory_sum *ret_sum, struct session_fault *ret_fault);

#endif
