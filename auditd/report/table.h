/* The report as a person reads it on a terminal. */
#ifndef LEASTPORT_AUDITD_REPORT_TABLE_H
#define LEASTPORT_AUDITD_REPORT_TABLE_H

#include "auditd/report/data.h"
#include "auditd/report/report.h"

void report_table_print(const struct report_data *data, const struct report_options *options, FILE *out);

#endif
