/* Why nothing of a realm turns FIXED: too much was gone at once, and nobody has confirmed it. Knows nothing of how it
 * is shown. */
#ifndef LEASTPORT_AUDITD_REPORT_HOLDS_H
#define LEASTPORT_AUDITD_REPORT_HOLDS_H

#include "auditd/store/condition.h"
#include "auditd/store/read.h"

struct report_holds {
    uint64_t count;
    char first[STORE_CONDITION_TEXT_SIZE]; /* the oldest, for a person: where, how much, and how it ends */
};

/* Those that are in force. -errno as store_read.h has it. */
MUST_USE int report_holds_read(struct store_reader *reader, struct report_holds *ret_holds);

#endif
