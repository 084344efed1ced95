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

static void fill_message(struct msghdr *message, const struct iovec *frame, const struct sendmany_name *name)
{
    union {
        const struct iovec *borrowed;
        struct iovec *part;
    } part = {.borrowed = frame};
    union {
        const struct sockaddr_storage *borrowed;
        void *name;
    } to = {.borrowed = name != NULL ? &name->sockaddr : NULL};

    message->msg_iov = part.part;
    message->msg_iovlen = 1;
    message->msg_name = to.name;
    message->msg_namelen = name != NULL ? name->length : 0;
}

/* What the call before has left is not filled in again: frames mostly stand where the last ones stood. */
static void fill_messages(struct sendmany *many, const struct iovec *frames, const struct sendmany_name *names,
                          uint32_t count)
{
    if (names != NULL || frames != many->frames) {
        many->filled = 0;
    }
    for (uint32_t i = many->filled; i < count; i++) {
        fill_message(&many->messages[i].msg_hdr, &frames[i], names != NULL ? &names[i] : NULL);
    }
    many->frames = names == NULL ? frames : NULL;
    many->filled = many->filled > count ? many->filled : count;
}

int sendmany(struct sendmany *many, const struct iovec *frames, const struct sendmany_name *names, uint32_t count,
             _Atomic uint64_t *refusals)
{
    int sent;

    assert(count >= 1 && count <= SENDMANY_BATCH);
    fill_messages(many, frames, names, count);
    sent = sendmmsg(many->fd, many->messages, count, 0);
    if (sent < 0 && !is_no_room(errno)) {
        return -errno;
    }
    if (sent < (int)count) {
        *refusals += count - (sent > 0 ? (uint32_t)sent : 0);
    }
    return sent > 0 ? sent : 0;
}
