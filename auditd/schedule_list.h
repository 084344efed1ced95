/* The schedules as JSON (schema/control.schema.json, "schedule"): what the configuration says, when each runs next, and
 * what the database knows of its runs. */
#ifndef LEASTPORT_AUDITD_SCHEDULE_LIST_H
#define LEASTPORT_AUDITD_SCHEDULE_LIST_H

#include "auditd/config/config.h"

#include <jansson.h>

struct schedule_list_options {
    int64_t now_ms;
    int64_t next_count; /* of coming runs for each; at least 1 is told */
};

/* `db` may name a database that is not there yet, or be NULL: then nothing is known of runs. -errno with what is wrong
 * in `ret_error`. The caller owns *ret_list. */
MUST_USE int schedule_list(const struct config *config, const char *db, const struct schedule_list_options *options,
                           json_t **ret_list, char ret_error[512]);

#endif
