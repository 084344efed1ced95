/* The same call for several things side by side, each in a thread of its own where one can be had: for calls of which
 * each waits for the kernel for some milliseconds and does nothing. */
#ifndef LEASTPORT_SCANNER_RAW_TOGETHER_H
#define LEASTPORT_SCANNER_RAW_TOGETHER_H

#include <stddef.h>

/* call() for each of `count` things of `size` bytes from `first` on; comes back when all are done. */
void together(void (*call)(void *thing), void *first, size_t size, size_t count);

#endif
