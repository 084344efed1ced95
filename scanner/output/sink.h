/* A file or stdout that bytes go to, whole or not at all. Knows no format. The program must ignore SIGPIPE. */
#ifndef LEASTPORT_SCANNER_OUTPUT_SINK_H
#define LEASTPORT_SCANNER_OUTPUT_SINK_H

#include "lib/addr.h"
#include "scanner/problem.h"

#include <stdbool.h>
#include <stddef.h>

struct sink;

/* `path` "-" is stdout. With `beside` the bytes go to `path`.part, which sink_commit() renames (-EBUSY: another program
 * is at it);
 * without, an old file keeps its content until the first write. -errno with *problem. The caller owns the result. */
MUST_USE int sink_create(const char *path, bool beside, struct sink **ret_sink, struct problem *problem);

/* All of `bytes`, after what is held, or -errno; what a failed write left in a regular file is cut off again. */
MUST_USE int sink_write(struct sink *sink, const char *bytes, size_t size);
/* A line, with its newline, that need not be out at once: it may be held until sink_flush(), the next sink_write() or
 * sink_commit(), or until there is no room to hold more. -errno, and of what was held only whole lines are left in a
 * regular file. */
MUST_USE int sink_hold(struct sink *sink, const char *line, size_t size);
/* Writes what is held. -errno as sink_hold(). */
MUST_USE int sink_flush(struct sink *sink);

/* Writes what is held and closes; after this only sink_destroy(). -errno when the file could not be closed or renamed.
 */
MUST_USE int sink_commit(struct sink *sink);

/* Removes what sink_commit() has not renamed; what is held is lost. Takes NULL. */
void sink_destroy(struct sink *sink);

/* As it was given, "standard output" for "-"; borrowed until sink_destroy(). */
const char *sink_name(const struct sink *sink);
bool sink_is_stdout(const struct sink *sink);
/* Both write to the same file. */
bool sink_same(const struct sink *a, const struct sink *b);

#endif
