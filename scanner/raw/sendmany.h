/* sendmmsg(2) for whole frames: what the drivers that send by sockets share. */
#ifndef LEASTPORT_SCANNER_RAW_SENDMANY_H
#define LEASTPORT_SCANNER_RAW_SENDMANY_H

#include "lib/addr.h"

#include <stdint.h>
#include <sys/socket.h>

/* More in one call gains nothing (limits of the kernel's own path: the per-call cost is spread by then). */
enum { SENDMANY_BATCH = 64, SENDMANY_STALL_MS = 100 };

struct sendmany {
    int fd; /* borrowed */
    struct mmsghdr messages[SENDMANY_BATCH];
    const struct iovec *frames; /* which so many messages point to, in order and without names; NULL: none */
    uint32_t filled;
};

/* Sets how long a call may wait for room: SENDMANY_STALL_MS. -errno. */
MUST_USE int sendmany_init(struct sendmany *many, int fd);

/* A frame's destination, for sockets that are told it. */
struct sendmany_name {
    struct sockaddr_storage sockaddr;
    socklen_t length;
};

/* At most SENDMANY_BATCH frames; `names` has one for each, or is NULL. How many left; 0 when there is no room, which is
 * counted in *refusals; -errno when the socket is of no use any more. */
MUST_USE int sendmany(struct sendmany *many, const struct iovec *frames, const struct sendmany_name *names,
                      uint32_t count, _Atomic uint64_t *refusals);

#endif
