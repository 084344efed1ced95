/* The findings that count as JSON Lines, schema leastport.finding/1, the last line the score. */
#ifndef LEASTPORT_AUDITD_REPORT_JSONL_H
#define LEASTPORT_AUDITD_REPORT_JSONL_H

#include "auditd/store/read.h"

#include <stdio.h>

/* -errno as store_read.h has it, -ENOMEM. Each line is flushed whole. */
MUST_USE int report_jsonl_print(struct store_reader *reader, FILE *out);

/* Lines of the findings that the filter lists, and nothing else; within the reader's transaction. */
MUST_USE int report_jsonl_findings(struct store_reader *reader, const struct store_finding_filter *filter, FILE *out);

/* The endpoints that the filter lists, schema leastport.endpoint/1, with the facts where somebody asked. */
MUST_USE int report_jsonl_endpoints(struct store_reader *reader, const struct store_endpoint_filter *filter, FILE *out);

#endif
