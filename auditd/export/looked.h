/* What the youngest look at a finding's port saw: drivers of findings show it beside them. */
#ifndef LEASTPORT_AUDITD_EXPORT_LOOKED_H
#define LEASTPORT_AUDITD_EXPORT_LOOKED_H

#include "auditd/store/read.h"

struct looked {
    char state[16];
    char reason[64];
    char vantage[160];
};

/* "" where nothing is known. -errno of the reader. */
MUST_USE int looked_read(struct store_reader *reader, const struct store_finding *finding, struct looked *ret_looked);

#endif
