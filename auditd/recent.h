/* The audits that ended last, as the control socket's "status" tells of them: who started one over the API asks later
 * what became of it. In memory: a new daemon has none. */
#ifndef LEASTPORT_AUDITD_RECENT_H
#define LEASTPORT_AUDITD_RECENT_H

#include "auditd/job.h"

#include <jansson.h>

struct recent;

enum { RECENT_MAX = 256 };

/* NULL when out of memory. The caller owns it: recent_destroy(), which takes NULL. */
struct recent *recent_create(void);
void recent_destroy(struct recent *recent);

/* `job` is what "status" said of it while it ran, taken; NULL counts as out of memory, and nothing is kept. */
void recent_put(struct recent *recent, json_t *job, const struct job_result *result, bool is_cancelled);

/* The last to end first; a new reference, NULL when out of memory. */
json_t *recent_list(const struct recent *recent);

#endif
