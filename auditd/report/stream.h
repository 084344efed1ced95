/* A stream to a file that keeps why the first write failed: the C library's own keep only that one did, and errno is
 * another's by the time a whole report has been printed. Knows of no report. */
#ifndef LEASTPORT_AUDITD_REPORT_STREAM_H
#define LEASTPORT_AUDITD_REPORT_STREAM_H

#include "lib/addr.h"

#include <stdio.h>

struct stream;

/* Writes to `fd`, which stays the caller's to close. -ENOMEM. The caller owns the result: stream_close(). */
MUST_USE int stream_open(int fd, struct stream **ret_stream);

/* To print to; borrowed until stream_close(). */
FILE *stream_file(const struct stream *stream);

/* Writes what is left. 0, or the -errno of the first write that failed; after one nothing more was written. */
MUST_USE int stream_close(struct stream *stream);

#endif
