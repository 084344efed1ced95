/* Answers that are written while they are sent, by a thread of their own into a bounded buffer: what is written waits
 * for who reads, and whoever goes away or stops reading ends the writing. Knows neither HTTP nor what is written. */
#ifndef LEASTPORT_WEB_DOWNLOAD_H
#define LEASTPORT_WEB_DOWNLOAD_H

#include "lib/addr.h"

#include <stdio.h>
#include <sys/types.h>

/* Written at once, of everybody and of one token; whose turn has not come waits. There at all, of everybody and of one
 * token; and how much of each is written and not yet read. */
enum { DOWNLOAD_WRITERS = 4, DOWNLOAD_TOKEN_WRITERS = 2, DOWNLOAD_MAX = 64, DOWNLOAD_TOKEN_MAX = 32 };
enum { DOWNLOAD_BYTES = 1 << 17 };

/* The threads, and who has them. */
struct download_crew;
struct download;

/* `stall_ms`: how long a writer waits for room before it gives up. The caller owns the result:
 * download_crew_destroy(). A negative errno when threads cannot be had. */
MUST_USE int download_crew_create(uint32_t stall_ms, struct download_crew **ret_crew);
/* Ends all writing and takes no more from now on. When it returns nothing is written any more, and no reader is told to
 * sleep again. Takes NULL. */
void download_crew_stop(struct download_crew *crew);
/* After download_crew_stop() and the last download_drop(). Takes NULL. */
void download_crew_destroy(struct download_crew *crew);

/* What is to be written. */
struct download_job {
    int (*write)(void *context, FILE *out); /* on a thread of the crew; what it writes ends early once it returns an
                                               error, and the stream fails once nobody reads */
    void (*done)(void *context);            /* frees the context; once, whatever comes */
    void *context;
    const char *token; /* whose share it is; borrowed for the call */
};

/* Begins to write when it is its turn. -EBUSY: there are DOWNLOAD_MAX; -EDQUOT: DOWNLOAD_TOKEN_MAX of this token;
 * -ENOMEM. Then, too, the job's context is done. The caller owns the result: download_drop(). */
MUST_USE int download_open(struct download_crew *crew, const struct download_job *job, struct download **ret_download);
/* Nobody reads any more. Takes NULL. */
void download_drop(struct download *download);

/* How a reader that found nothing is sent to sleep and woken: both are called under the download's lock, sleep() within
 * download_read(), and wake() from another thread, once for each sleep(). */
struct download_rest {
    void (*sleep)(void *context);
    void (*wake)(void *context);
    void *context;
};

/* Up to `size` bytes: how many; 0 when there are none yet, and the reader sleeps; -ENODATA: that was all; -EIO: what
 * was read is not all. By one reader at a time. */
MUST_USE ssize_t download_read(struct download *download, char *bytes, size_t size, const struct download_rest *rest);

#endif
