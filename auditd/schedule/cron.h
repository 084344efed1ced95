/* Five-field cron expressions: "30 2 * * mon-fri", "@daily". Pure: the caller gives time and zone.
 *
 * Fields and lists are POSIX's (crontab(1)): minute 0-59, hour 0-23, day of month 1-31, month 1-12, day of week 0-6
 * with Sunday 0. From Vixie's cron, whose way everybody knows, come steps, names (jan, mon; three letters, any case), 7
 * for Sunday, @hourly,
 * @daily (@midnight), @weekly, @monthly, @yearly (@annually), and the rule for days: when both fields of days are
 * restricted either of them will do; a field that begins with * is not restricted. */
#ifndef LEASTPORT_AUDITD_SCHEDULE_CRON_H
#define LEASTPORT_AUDITD_SCHEDULE_CRON_H

#include "auditd/schedule/zone.h"

#include <stdbool.h>

struct cron {
    uint64_t minutes; /* bit n: minute n */
    uint32_t hours;
    uint32_t days; /* bit 1 to 31 */
    uint16_t months;
    uint8_t weekdays; /* bit 0: Sunday */
    bool either_day;
};

struct cron_fault {
    size_t column; /* from 1, in characters */
    char text[192];
};

/* -EINVAL with what was expected where. */
MUST_USE int cron_parse(const char *text, struct cron *ret_cron, struct cron_fault *ret_fault);

/* When it is due next after `after_s` (seconds since 1970 UTC).
 *
 * An expression that names hours means local times, and each happens once, as in Vixie's cron, cron(8): one that the
 * clocks skip is due right after the gap (several of them: once), of one that comes twice the first counts. An
 * expression for every hour (24 hours in its field) means the time that passes: nothing is made up for a gap, and in
 * both passes of an hour that comes twice it is due. (Vixie's cron calls each expression whose minute or hour begins
 * with * such a one.) */
int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_s);

#endif
