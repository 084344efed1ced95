/* The findings that count as JSON Lines, schema leastport.finding/1, the last line the score. */
#ifndef LEASTPORT_AUDITD_REPORT_JSONL_H
#define LEASTPORT_AUDITD_REPORT_JSONL_H

#include "auditd/store/read.h"

#include <stdio.h>

/* -errno as store_read.h has it, -ENOMEM. Each line is flushed whole. */
MUST_USE int report_jsonl_print(struct store_reader *reader, FILE *out);

#endif
