#include "scanner/raw/sendmany.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>

int sendmany_init(struct sendmany *many, int fd)
{
    static const struct timeval stall = {.tv_usec = SENDMANY_STALL_MS * 1000L};

    memset(many, 0, sizeof(*many));
    many->fd = fd;
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof(stall)) < 0 ? -errno : 0;
}

/* Room comes back by itself. */
static bool is_no_room(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM || error == EINTR;
}

int sendmany(struct sendmany *many, const struct iovec *frames, const struct sendmany_name *names, uint32_t count,
             _Atomic uint64_t *refusals)
{
    int sent;

    assert(count >= 1 && count <= SENDMANY_BATCH);
    for (uint32_t i = 0; i < count; i++) {
        union {
            const struct iovec *borrowed;
            struct iovec *part;
        } frame = {.borrowed = &frames[i]};
        union {
            const struct sockaddr_storage *borrowed;
            void *name;
        } name = {.borrowed = names != NULL ? &names[i].sockaddr : NULL};
        many->messages[i].msg_hdr.msg_iov = frame.part;
        many->messages[i].msg_hdr.msg_iovlen = 1;
        many->messages[i].msg_hdr.msg_name = name.name;
        many->messages[i].msg_hdr.msg_namelen = names != NULL ? names[i].length : 0;
    }
    sent = sendmmsg(many->fd, many->messages, count, 0);
    if (sent < 0 && !is_no_room(errno)) {
        return -errno;
    }
    if (sent < (int)count) {
        *refusals += count - (sent > 0 ? (uint32_t)sent : 0);
    }
    return sent > 0 ? sent : 0;
}
