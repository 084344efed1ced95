/* Waivers as CSV (RFC 4180): a header names the columns, in any order. From text to the entries of a request; what the
 * entries mean is decide.h's. Pure. */
#ifndef LEASTPORT_AUDITD_FINDING_WAIVER_CSV_H
#define LEASTPORT_AUDITD_FINDING_WAIVER_CSV_H

#include "lib/addr.h"

#include <jansson.h>

enum { WAIVER_CSV_REASON_SIZE = 320, WAIVER_CSV_ROWS_MAX = 10000 };

/* Columns: owner, reason, until, and finding (with realm), or rule with realm, cidr, name, tag (lists with blanks
 * between; tag KEY=VALUE). *ret_entries is an array of objects as "waive" takes them, each with its "line", owned by
 * the caller. -EBADMSG with "line L, column C: …" in `ret_reason`, -ENOMEM. */
MUST_USE int waiver_csv_parse(const char *text, size_t size, json_t **ret_entries,
                              char ret_reason[WAIVER_CSV_REASON_SIZE]);

#endif
