/* What answers otherwise than it did since the last audit began, an endpoint a line. */
#ifndef LEASTPORT_AUDITD_REPORT_ANSWER_CHANGES_H
#define LEASTPORT_AUDITD_REPORT_ANSWER_CHANGES_H

#include "auditd/store/read.h"

#include <stddef.h>

enum { ANSWER_CHANGES_MAX = 20 };

struct report_answer_changes {
    char **lines; /* the first ANSWER_CHANGES_MAX, youngest first: "22/tcp at 10.0.0.5: version changed from 9 to 10" */
    size_t count;
    size_t endpoints; /* in all */
};

/* Within the reader's transaction. -errno. The caller ends it with report_answer_changes_done(), if it was read. */
MUST_USE int report_answer_changes_read(struct store_reader *reader, int64_t since,
                                        struct report_answer_changes *ret_changes);
void report_answer_changes_done(struct report_answer_changes *changes);

#endif
