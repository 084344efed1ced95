/* What auditd/embed_compliance.cmake writes. Internal to compliance.c. */
#ifndef LEASTPORT_AUDITD_POLICY_COMPLIANCE_TABLE_H
#define LEASTPORT_AUDITD_POLICY_COMPLIANCE_TABLE_H

#include <stddef.h>

/* Lists have blanks between and around: " world public-range ". */
struct compliance_row {
    const char *rules; /* " * ": of every exposure */
    const char *reach; /* "": whatever */
    const char *family;
    const char *controls;
};

extern const struct compliance_row compliance_table[];
extern const size_t compliance_table_count;

#endif
