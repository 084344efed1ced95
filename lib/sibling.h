/* Where the other programs of this installation stand: beside our own, else on PATH. Knows paths, starts nothing. */
#ifndef LEASTPORT_LIB_SIBLING_H
#define LEASTPORT_LIB_SIBLING_H

#include "lib/addr.h"

#include <stddef.h>

/* Writes the path of an executable file called `program` to `path`, which holds `size` bytes. The folder of our own
 * program (/proc/self/exe) comes first, so that a build is never mixed with what is installed. -ENOENT when there is
 * none, -ENAMETOOLONG when a path does not fit. */
MUST_USE int sibling_find(const char *program, char *path, size_t size);

/* The same with the places given: `self` is the path of our own program, `search` folders with colons between; either
 * may be NULL. */
MUST_USE int sibling_find_in(const char *program, const char *self, const char *search, char *path, size_t size);

#endif
