/* The report as a person reads it on a terminal. */
#ifndef LEASTPORT_AUDITD_REPORT_TABLE_H
#define LEASTPORT_AUDITD_REPORT_TABLE_H

#include "auditd/report.h"
#include "auditd/report_data.h"

void report_table_print(const struct report_data *data, const struct report_options *options, FILE *out);

#endif
