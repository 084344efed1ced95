/* Which runs of a schedule are due: pure arithmetic over cron.h, for one who may have been away. */
#ifndef LEASTPORT_AUDITD_SCHEDULE_DUE_H
#define LEASTPORT_AUDITD_SCHEDULE_DUE_H

#include "auditd/schedule/cron.h"

enum { DUE_COUNTED_MAX = 1000 };

/* What was due after `after_s` and up to `now_s`. */
struct due {
    uint64_t count;   /* at most DUE_COUNTED_MAX: then there may have been more */
    int64_t newest_s; /* of count > 0 */
};

struct due due_between(const struct cron *cron, const struct zone *zone, int64_t after_s, int64_t now_s);

/* 0 to `most_ms` - 1: the same for the same schedule (its `seed`) and run, and unlike those of others. */
int64_t due_jitter_ms(uint64_t seed, int64_t due_s, int64_t most_ms);

#endif
