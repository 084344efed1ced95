#include "auditd/store/due.h"

#include "auditd/store/sql.h"

int store_due_set(struct store *store, const int64_t after_ms[SEVERITY_CRITICAL + 1])
{
    int rc = 0;

    for (int severity = SEVERITY_LOW; severity <= SEVERITY_CRITICAL && rc == 0; severity++) {
        rc = store_run(store, "UPDATE due SET after_ms = ?1 WHERE severity = ?2 AND after_ms <> ?1", "it",
                       after_ms[severity], severity_name((enum severity)severity));
    }
    return rc;
}
