/* The descriptors of standard input, output and error, which whoever started the program may have closed. Knows nothing
 * of what is read or printed. */
#ifndef LEASTPORT_LIB_STDFDS_H
#define LEASTPORT_LIB_STDFDS_H

#include "lib/addr.h"

/* Takes up those of 0, 1 and 2 that are closed: else the next file or socket to be opened gets the number, and what is
 * printed ends in it. Reading from one that was closed fails with EBADF, and so does writing, as before. Before
 * anything is opened; -errno when /dev/null cannot be had. */
MUST_USE int stdfds_fill(void);

#endif
