/* Whether an audit that an earlier daemon had promised is still to be done. */
#ifndef LEASTPORT_AUDITD_HANDED_OVER_H
#define LEASTPORT_AUDITD_HANDED_OVER_H

#include "auditd/store/handed_over.h"

/* NULL when it is to go on; else why not, for a person. */
const char *handed_over_why_not(struct store *store, const struct store_handed_over *audit, int64_t now_ms);

#endif
