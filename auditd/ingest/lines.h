/* Cuts a stream of bytes into lines of bounded length: the scanner's output, the control socket. Pure: knows neither
 * where the bytes come from nor what the lines mean. */
#ifndef LEASTPORT_AUDITD_INGEST_LINES_H
#define LEASTPORT_AUDITD_INGEST_LINES_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines;

/* Takes one line: `length` bytes without the newline, then a NUL that `length` does not count; the bytes may hold NULs
 * of their own. Borrowed for the call. Anything but 0 ends lines_feed(), which returns it. */
typedef int (*lines_take)(void *context, const char *line, size_t length);

/* A line may be `max_bytes` long, its newline included. NULL when out of memory. The caller owns it: lines_destroy().
 */
struct lines *lines_create(size_t max_bytes);
void lines_destroy(struct lines *lines);

/* Calls `take` for each line that the bytes complete, in order. Memory is bounded by max_bytes: the bytes of a longer
 * line are dropped up to its newline and the line is counted as overlong. -ENOMEM, or what `take` returned; what came
 * after that line in `bytes` is then lost. */
MUST_USE int lines_feed(struct lines *lines, const char *bytes, size_t count, lines_take take, void *context);

/* How many lines were dropped for their length; one that is still going on counts already. */
uint64_t lines_overlong(const struct lines *lines);

/* Bytes of the line that has no newline yet. At the end of a stream anything but 0 is a half line. */
size_t lines_pending(const struct lines *lines);

#endif
