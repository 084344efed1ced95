/* The scanners as JSON (schema/control.schema.json, "scanners"): from which addresses probes of a realm come, in which
 * windows, and which come now; for whoever watches the network. */
#ifndef LEASTPORT_AUDITD_SCANNER_LIST_H
#define LEASTPORT_AUDITD_SCANNER_LIST_H

#include "auditd/config/config.h"

#include <jansson.h>

enum { SCANNER_LIST_ERROR_SIZE = 512 };

struct scanner_list_options {
    const struct config *config;
    const char *db;
    int64_t now_ms;
};

/* One for each realm and vantage that the configuration scans, by a schedule or without, and that `jobs` are of.
 * `jobs`, which it takes, is queue_status(); NULL counts as out of memory. -errno with what is wrong in `ret_error`;
 * the caller owns *ret_list. */
MUST_USE int scanner_list(const struct scanner_list_options *options, json_t *jobs, json_t **ret_list,
                          char ret_error[SCANNER_LIST_ERROR_SIZE]);

#endif
