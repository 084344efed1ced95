/* Two clocks that cannot be mixed up: monotonic time for time-outs, wall time (UTC) for records. */
#ifndef LEASTPORT_LIB_CLOCK_H
#define LEASTPORT_LIB_CLOCK_H

#include "lib/addr.h"

#include <stdint.h>

struct mono_time {
    uint64_t ns;
};

struct mono_time mono_now(void);
struct mono_time mono_add_ns(struct mono_time time, uint64_t ns);
/* later - earlier; 0 when `later` is before `earlier`. */
uint64_t mono_elapsed_ns(struct mono_time earlier, struct mono_time later);

/* Milliseconds since 1970-01-01T00:00:00Z, as every record keeps it. */
int64_t wall_now_ms(void);

enum { WALL_TEXT_SIZE = 32 };

/* RFC 3339 in UTC with milliseconds, "2026-11-22T11:05:00.123Z", into `buffer` of at least WALL_TEXT_SIZE bytes. */
const char *wall_format(int64_t time_ms, char *buffer);

/* RFC 3339 with any offset and 0 to 9 decimals of the second (cut to milliseconds). -EINVAL when it is no such time. */
MUST_USE int wall_parse(const char *text, int64_t *ret_time_ms);

#endif
