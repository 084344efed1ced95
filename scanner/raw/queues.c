#include "scanner/raw/queues.h"

#include "scanner/raw/filter.h"
#include "scanner/raw/together.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* Closed by a thread each. */
    SOCKETS_MAX = 32,
    /* What the kernel counts for a short frame in its own buffers; those of some cards count for more. */
    ANSWER_BYTES = 1024,
    BATCH = 32,
    /* The longest that receive offloading makes of several. */
    FRAME_MOST = 68 * 1024,
};

struct slot {
    uint8_t bytes[FRAME_MOST];
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
};

struct queues {
    int fds[SOCKETS_MAX];
    uint32_t count;
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct slot *slots; /* BATCH of them */
};

/* What the kernel grants of `bytes`; the doubling of SO_RCVBUF is its own. */
static uint32_t set_room(int fd, uint32_t bytes)
{
    const int half = (int)(bytes / 2);
    int granted = 0;
    socklen_t length = sizeof(granted);

    if ((setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)) < 0 &&
         setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &half, sizeof(half)) < 0) ||
        getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &length) < 0) {
        return 0;
    }
    return granted > 0 ? (uint32_t)granted : 0;
}

/* How many sockets hold `bytes`; 0: too many. One of another kind is asked, since a packet socket's end is a wait. */
static uint32_t sockets_for(uint32_t bytes)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint32_t granted = fd < 0 ? 0 : set_room(fd, bytes);
    uint32_t count;

    if (fd >= 0) {
        close(fd);
    }
    if (granted == 0 || granted >= bytes) {
        return granted == 0 ? 0 : 1;
    }
    /* The next one takes over when three quarters are full. */
    granted = granted / 4 * 3;
    count = bytes / granted + 1;
    return count <= SOCKETS_MAX ? count : 0;
}

static int join(const struct queues *queues, int fd)
{
    const int type = PACKET_FANOUT_CPU | PACKET_FANOUT_FLAG_ROLLOVER;
    int wanted = (type | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
    socklen_t length = sizeof(wanted);

    if (fd != queues->fds[0]) {
        if (getsockopt(queues->fds[0], SOL_PACKET, PACKET_FANOUT, &wanted, &length) < 0) {
            return -errno;
        }
        wanted = (wanted & UINT16_MAX) | type << 16;
    }
    return setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &wanted, sizeof(wanted)) < 0 ? -errno : 0;
}

/* The filter stands before the socket is bound: nothing else ever gets in. */
static int add_socket(struct queues *queues, const struct link_options *options, enum link_layer layer,
                      uint16_t ethertype, uint32_t bytes)
{
    static const int on = 1;
    struct sockaddr_ll name = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ethertype), .sll_ifindex = (int)options->ifindex};
    struct sock_filter rows[FILTER_MAX];
    struct sock_fprog program = {.filter = rows};
    int fd = socket(AF_PACKET, (layer == LINK_ETHERNET ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    queues->fds[queues->count++] = fd;
    program.len =
        (unsigned short)filter_build(&options->filter, ethertype, layer == LINK_ETHERNET ? ETHER_HDR_LEN : 0, rows);
    (void)set_room(fd, bytes);
    if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
        bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0) {
        return -errno;
    }
    return 0;
}

static void prepare(struct queues *queues)
{
    for (int i = 0; i < BATCH; i++) {
        queues->parts[i] = (struct iovec){.iov_base = queues->slots[i].bytes, .iov_len = FRAME_MOST};
        queues->messages[i].msg_hdr =
            (struct msghdr){.msg_iov = &queues->parts[i], .msg_iovlen = 1, .msg_control = queues->slots[i].control};
    }
}

int queues_open(const struct link_options *options, enum link_layer layer, uint16_t ethertype, uint32_t answers,
                struct queues **ret_queues)
{
    uint32_t bytes = answers <= INT32_MAX / ANSWER_BYTES ? answers * ANSWER_BYTES : INT32_MAX;
    uint32_t count = sockets_for(bytes);
    struct queues *queues;
    int rc = 0;

    if (count == 0) {
        return -ENOBUFS;
    }
    count = count < options->ring_shares && options->ring_shares <= SOCKETS_MAX ? options->ring_shares : count;
    queues = calloc(1, sizeof(*queues));
    if (queues == NULL || (queues->slots = calloc(BATCH, sizeof(*queues->slots))) == NULL) {
        free(queues);
        return -ENOMEM;
    }
    prepare(queues);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = add_socket(queues, options, layer, ethertype, bytes);
        if (rc == 0 && count > 1) {
            rc = join(queues, queues->fds[i]);
        }
    }
    if (rc < 0) {
        queues_close(queues);
        return rc;
    }
    *ret_queues = queues;
    return 0;
}

static void close_socket(void *thing)
{
    const int *fd = thing;

    close(*fd);
}

void queues_close(struct queues *queues)
{
    if (queues == NULL) {
        return;
    }
    together(close_socket, queues->fds, sizeof(queues->fds[0]), queues->count);
    free(queues->slots);
    free(queues);
}

int queues_watch(const struct queues *queues, int epoll_fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    for (uint32_t i = 0; i < queues->count; i++) {
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, queues->fds[i], &event) < 0) {
            return -errno;
        }
    }
    return 0;
}

static void give(struct mmsghdr *message, const struct slot *slot, link_take_fn *take, void *context)
{
    struct link_frame frame = {
        .bytes = slot->bytes, .length = message->msg_len, .truncated = (message->msg_hdr.msg_flags & MSG_TRUNC) != 0};
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message->msg_hdr);

    if (header != NULL && header->cmsg_level == SOL_PACKET && header->cmsg_type == PACKET_AUXDATA) {
        struct tpacket_auxdata facts;
        memcpy(&facts, CMSG_DATA(header), sizeof(facts));
        frame.checksum_pending = (facts.tp_status & TP_STATUS_CSUMNOTREADY) != 0;
    }
    take(context, &frame);
}

/* How many came, or -errno; 0: it is empty. */
static int receive_batch(struct queues *queues, int fd, uint32_t most, link_take_fn *take, void *context)
{
    uint32_t room = most < BATCH ? most : BATCH;
    int count;

    for (uint32_t i = 0; i < room; i++) {
        queues->messages[i].msg_hdr.msg_controllen = sizeof(queues->slots[i].control);
    }
    count = recvmmsg(fd, queues->messages, room, MSG_DONTWAIT, NULL);
    if (count < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    for (int i = 0; i < count; i++) {
        give(&queues->messages[i], &queues->slots[i], take, context);
    }
    return count;
}

int queues_receive(struct queues *queues, uint32_t most, link_take_fn *take, void *context, uint32_t *given)
{
    for (uint32_t i = 0; i < queues->count; i++) {
        int count = 1;
        while (count > 0 && *given < most) {
            count = receive_batch(queues, queues->fds[i], most - *given, take, context);
            if (count < 0) {
                return count;
            }
            *given += (uint32_t)count;
            count = count == BATCH ? count : 0;
        }
    }
    return 0;
}

uint64_t queues_drops(const struct queues *queues)
{
    uint64_t drops = 0;

    for (uint32_t i = 0; i < queues->count; i++) {
        /* Reading them sets them to zero. */
        struct tpacket_stats stats = {0};
        socklen_t length = sizeof(stats);
        if (getsockopt(queues->fds[i], SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0) {
            drops += stats.tp_drops;
        }
    }
    return drops;
}
