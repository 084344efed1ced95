/* How many findings count now among the hosts of a plan, by severity: what an audit's exit status follows. */
#ifndef LEASTPORT_AUDITD_TALLY_H
#define LEASTPORT_AUDITD_TALLY_H

#include "auditd/policy/judge.h"

#include <jansson.h>

struct tally {
    uint64_t by_severity[SEVERITY_CRITICAL + 1]; /* [0] is not used */
};

/* Reads the database at `db_path` for the hosts of `scan_uuid`'s plan. -errno with what went wrong, in words, in
 * `ret_error` of `error_size` bytes. */
MUST_USE int tally_scan(const char *db_path, const char *scan_uuid, struct tally *ret_tally, char *ret_error,
                        size_t error_size);

uint64_t tally_at_least(const struct tally *tally, enum severity severity);

/* {"low":…,"medium":…,"high":…,"critical":…}; a new reference, NULL when out of memory. */
json_t *tally_json(const struct tally *tally);
/* The reverse; what is missing or wrong is 0. */
struct tally tally_from_json(const json_t *json);

#endif
