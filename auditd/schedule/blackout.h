/* Windows of local time in which no scheduled scan may run. Pure. */
#ifndef LEASTPORT_AUDITD_SCHEDULE_BLACKOUT_H
#define LEASTPORT_AUDITD_SCHEDULE_BLACKOUT_H

#include "auditd/schedule/zone.h"

#include <stdbool.h>
#include <stddef.h>

/* Either times of day on certain weekdays, or whole days from one date to another. */
struct blackout {
    bool is_dates;
    uint8_t weekdays; /* on which a window begins; bit 0: Sunday */
    int from_minute;  /* of the day */
    int to_minute;    /* the first one that is free again; at or before from_minute: of the next day */
    int64_t from_day; /* days since 1970; both are dark */
    int64_t to_day;
};

/* "08:00" to "24:00". -EINVAL. */
MUST_USE int blackout_parse_time(const char *text, int *ret_minute);
/* "2026-12-24". -EINVAL. */
MUST_USE int blackout_parse_date(const char *text, int64_t *ret_day);

/* Which of `count` windows holds at `at_s`, by the clocks of `zone`; `count` when none does. */
size_t blackout_holds(const struct blackout *windows, size_t count, const struct zone *zone, int64_t at_s);

/* The first minute at or after `at_s` in which none holds; INT64_MAX when there is none within two years. */
int64_t blackout_free_at(const struct blackout *windows, size_t count, const struct zone *zone, int64_t at_s);

#endif
