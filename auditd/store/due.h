/* By when findings are to be fixed, by severity. */
#ifndef LEASTPORT_AUDITD_STORE_DUE_H
#define LEASTPORT_AUDITD_STORE_DUE_H

#include "auditd/policy/judge.h"
#include "auditd/store/store.h"

/* So long after it opened, for each severity by its number; 0: never. What stands there already is not written. */
MUST_USE int store_due_set(struct store *store, const int64_t after_ms[SEVERITY_CRITICAL + 1]);

#endif
