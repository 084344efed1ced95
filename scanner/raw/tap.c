#include "scanner/raw/tap.h"

#include "scanner/raw/filter.h"
#include "scanner/raw/ingress.h"
#include "scanner/raw/queues.h"
#include "scanner/raw/together.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

enum {
    QUEUES_MAX = 2,
    PROTOCOLS = 3, /* IPv4, IPv6, ARP */
    SHARES_MAX = 8,
    RINGS_MAX = PROTOCOLS * SHARES_MAX,
    /* A block is handed over when it is full or RETIRE_MS old, whatever it holds. So it is their number that says for
     * how long a reader may be kept from reading while little comes, and their size while much does. */
    BLOCKS = 64,
    BLOCK_BYTES_LEAST = 8 * 1024,
    BLOCK_BYTES_MOST = 128 * 1024,
    RING_BYTES_DEFAULT = BLOCKS * BLOCK_BYTES_MOST,
    RING_BYTES_ARP = 1024 * 1024,
    FRAME_BYTES = 2048, /* asked for by the interface, without a meaning for version 3 */
    RETIRE_MS = 1,
};

/* A ring's blocks are handed over whole; `left` frames of the one at hand are still to be given. */
struct ring {
    int fd;
    uint16_t ethertype;
    uint32_t wanted_bytes;
    int made; /* 0, or -errno */
    uint8_t *blocks;
    size_t bytes;
    uint32_t block_bytes;
    uint32_t count;
    uint32_t at;
    uint32_t left;
    const uint8_t *frame;
};

struct tap {
    const struct link_options *options; /* while it is opened */
    enum link_layer layer;
    struct ring rings[RINGS_MAX];
    size_t ring_count;
    size_t turn;                       /* which ring is read first */
    struct queues *queues[QUEUES_MAX]; /* instead of rings, of a protocol each */
    size_t queue_count;
    int ingress_fd; /* -1: resets go on to this machine's IP */
    int epoll_fd;
    uint64_t drops;
};

static int say(struct problem *problem, int error, const char *what, const char *interface)
{
    return problem_set(problem, -error, "%s: %s: %s", interface, what, strerror(error));
}

static int set_filter(int fd, const struct link_filter *wanted, uint16_t ethertype, enum link_layer layer)
{
    struct sock_filter rows[FILTER_MAX];
    struct sock_fprog program = {.filter = rows};

    program.len = (unsigned short)filter_build(wanted, ethertype, layer == LINK_ETHERNET ? ETHER_HDR_LEN : 0, rows);
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

/* A power of two, as pages are handed out. */
static uint32_t block_bytes_of(uint32_t bytes)
{
    uint32_t block = BLOCK_BYTES_LEAST;

    while (block < BLOCK_BYTES_MOST && block < bytes / BLOCKS) {
        block *= 2;
    }
    return block;
}

static int set_ring(struct ring *ring)
{
    static const int version = TPACKET_V3;
    uint32_t block = block_bytes_of(ring->wanted_bytes);
    uint32_t blocks = ring->wanted_bytes / block < 2 ? 2 : ring->wanted_bytes / block;
    struct tpacket_req3 request = {.tp_block_size = block,
                                   .tp_block_nr = blocks,
                                   .tp_frame_size = FRAME_BYTES,
                                   .tp_frame_nr = blocks * (block / FRAME_BYTES),
                                   .tp_retire_blk_tov = RETIRE_MS};
    void *mapped;

    if (setsockopt(ring->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
        setsockopt(ring->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0) {
        return -errno;
    }
    ring->count = blocks;
    ring->block_bytes = block;
    ring->bytes = (size_t)blocks * block;
    mapped = mmap(NULL, ring->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
    if (mapped == MAP_FAILED) {
        return -errno;
    }
    ring->blocks = mapped;
    return 0;
}

/* What waits for the kernel's readers once, each: a ring, or the ingress where there is none. */
struct part {
    struct tap *tap;
    struct ring *ring;
};

static void make_part(void *thing)
{
    const struct part *part = thing;

    if (part->ring != NULL) {
        part->ring->made = set_ring(part->ring);
    } else {
        part->tap->ingress_fd = ingress_open(part->tap->options);
    }
}

static size_t list_parts(struct tap *tap, bool with_ingress, struct part parts[RINGS_MAX + 1])
{
    size_t count = 0;

    for (size_t i = 0; i < tap->ring_count; i++) {
        parts[count++] = (struct part){.tap = tap, .ring = &tap->rings[i]};
    }
    if (with_ingress) {
        parts[count++] = (struct part){.tap = tap};
    }
    return count;
}

/* The filter stands before the socket is bound: nothing else ever gets in. */
static int ring_open(struct tap *tap, uint16_t ethertype, uint32_t bytes, struct problem *problem)
{
    struct ring *ring = &tap->rings[tap->ring_count];
    int rc;

    *ring =
        (struct ring){.fd = socket(AF_PACKET, (tap->layer == LINK_ETHERNET ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC, 0),
                      .ethertype = ethertype,
                      .wanted_bytes = bytes};
    if (ring->fd < 0) {
        return say(problem, errno, "opening a packet socket", tap->options->interface);
    }
    tap->ring_count++;
    rc = set_filter(ring->fd, &tap->options->filter, ethertype, tap->layer);
    return rc < 0 ? say(problem, -rc, "setting the filter", tap->options->interface) : 0;
}

static uint32_t shares_of(const struct link_options *options)
{
    return options->ring_shares < 1 ? 1 : options->ring_shares > SHARES_MAX ? SHARES_MAX : options->ring_shares;
}

static int open_shares(struct tap *tap, uint16_t ethertype, struct problem *problem)
{
    uint32_t bytes = tap->options->ring_bytes == 0 ? RING_BYTES_DEFAULT : tap->options->ring_bytes;
    uint32_t shares = shares_of(tap->options);
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < shares; i++) {
        rc = ring_open(tap, ethertype, bytes / shares, problem);
    }
    return rc;
}

static int open_rings(struct tap *tap, struct problem *problem)
{
    const struct link_options *options = tap->options;
    uint32_t arp =
        options->ring_bytes != 0 && options->ring_bytes < RING_BYTES_ARP ? options->ring_bytes : RING_BYTES_ARP;
    int rc = options->filter.ipv4 ? open_shares(tap, ETH_P_IP, problem) : 0;

    if (rc == 0 && options->filter.ipv6) {
        rc = open_shares(tap, ETH_P_IPV6, problem);
    }
    if (rc == 0 && options->filter.arp_ring && options->filter.ipv4 && tap->layer == LINK_ETHERNET) {
        rc = ring_open(tap, ETH_P_ARP, arp, problem);
    }
    return rc;
}

/* The processor that takes a packet in says which of the shares it goes to; what has no room there goes to another. The
 * first names the group, the kernel numbers it. */
static int join(const struct ring *ring, const struct ring *first, bool sees_all)
{
    const int type =
        PACKET_FANOUT_CPU | PACKET_FANOUT_FLAG_ROLLOVER | (sees_all ? PACKET_FANOUT_FLAG_IGNORE_OUTGOING : 0);
    int wanted = (type | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
    socklen_t length = sizeof(wanted);

    if (ring != first) {
        if (getsockopt(first->fd, SOL_PACKET, PACKET_FANOUT, &wanted, &length) < 0) {
            return -errno;
        }
        wanted = (wanted & UINT16_MAX) | type << 16;
    }
    return setsockopt(ring->fd, SOL_PACKET, PACKET_FANOUT, &wanted, sizeof(wanted)) < 0 ? -errno : 0;
}

/* Before the ingress, where resets end there: of all protocols, of which the filter takes one. */
static int listen_by(const struct tap *tap, const struct ring *ring)
{
    static const int on = 1;
    bool sees_all = tap->ingress_fd >= 0 && ring->ethertype != ETH_P_ARP;
    struct sockaddr_ll name = {.sll_family = AF_PACKET,
                               .sll_protocol = htons(sees_all ? ETH_P_ALL : ring->ethertype),
                               .sll_ifindex = (int)tap->options->ifindex};
    struct epoll_event event = {.events = EPOLLIN};
    const struct ring *first = ring;
    int rc = sees_all && setsockopt(ring->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ? -errno : 0;

    if (rc == 0 && bind(ring->fd, (const struct sockaddr *)&name, sizeof(name)) < 0) {
        rc = -errno;
    }

    while (first > tap->rings && first[-1].ethertype == ring->ethertype) {
        first--;
    }
    if (rc == 0 && ring->ethertype != ETH_P_ARP && shares_of(tap->options) > 1) {
        rc = join(ring, first, sees_all);
    }
    if (rc == 0 && epoll_ctl(tap->epoll_fd, EPOLL_CTL_ADD, ring->fd, &event) < 0) {
        rc = -errno;
    }
    return rc;
}

static int set_up(struct tap *tap, struct problem *problem)
{
    bool with_ingress = tap->layer == LINK_ETHERNET && tap->options->filter.tcp;
    struct part parts[RINGS_MAX + 1];
    int rc = open_rings(tap, problem);

    if (rc < 0) {
        return rc;
    }
    together(make_part, parts, sizeof(parts[0]), list_parts(tap, with_ingress, parts));
    for (size_t i = 0; i < tap->ring_count; i++) {
        if (tap->rings[i].made < 0) {
            return say(problem, -tap->rings[i].made, "making the receive ring", tap->options->interface);
        }
        rc = listen_by(tap, &tap->rings[i]);
        if (rc < 0) {
            return say(problem, -rc, "listening", tap->options->interface);
        }
    }
    return 0;
}

static void close_queues(struct tap *tap)
{
    while (tap->queue_count > 0) {
        queues_close(tap->queues[--tap->queue_count]);
    }
}

static int open_queue(struct tap *tap, uint16_t ethertype)
{
    struct queues **queues = &tap->queues[tap->queue_count];
    int rc = queues_open(tap->options, tap->layer, ethertype, tap->options->answers, queues);

    if (rc == 0) {
        tap->queue_count++;
        rc = queues_watch(*queues, tap->epoll_fd);
    }
    return rc;
}

/* A ring pays where many answers come in. False: there is to be one after all. */
static bool goes_without_rings(struct tap *tap)
{
    const struct link_filter *filter = &tap->options->filter;
    int rc = 0;

    if (tap->options->answers == 0 || (filter->arp_ring && filter->ipv4 && tap->layer == LINK_ETHERNET)) {
        return false;
    }
    if (filter->ipv4) {
        rc = open_queue(tap, ETH_P_IP);
    }
    if (rc == 0 && filter->ipv6) {
        rc = open_queue(tap, ETH_P_IPV6);
    }
    if (rc < 0) {
        close_queues(tap);
    }
    return rc == 0;
}

int tap_open(const struct link_options *options, enum link_layer layer, struct tap **ret_tap, struct problem *problem)
{
    struct tap *tap = calloc(1, sizeof(*tap));
    int rc;

    if (tap == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    tap->options = options;
    tap->layer = layer;
    tap->ingress_fd = -1;
    tap->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    rc = tap->epoll_fd < 0 ? say(problem, errno, "opening an event queue", options->interface) : 0;
    if (rc == 0 && !goes_without_rings(tap)) {
        rc = set_up(tap, problem);
    }
    if (rc < 0) {
        tap_close(tap);
        return rc;
    }
    *ret_tap = tap;
    return 0;
}

static void close_part(void *thing)
{
    const struct part *part = thing;
    const struct ring *ring = part->ring;

    if (ring == NULL) {
        close(part->tap->ingress_fd);
        return;
    }
    if (ring->blocks != NULL) {
        munmap(ring->blocks, ring->bytes);
    }
    close(ring->fd);
}

void tap_close(struct tap *tap)
{
    struct part parts[RINGS_MAX + 1];

    if (tap == NULL) {
        return;
    }
    together(close_part, parts, sizeof(parts[0]), list_parts(tap, tap->ingress_fd >= 0, parts));
    close_queues(tap);
    if (tap->epoll_fd >= 0) {
        close(tap->epoll_fd);
    }
    free(tap);
}

/* The kernel lays its headers into the mapping, aligned for them. */
static struct tpacket_block_desc *block_at(const struct ring *ring, uint32_t index)
{
    void *block = ring->blocks + (size_t)index * ring->block_bytes;

    return block;
}

static const struct tpacket3_hdr *header_at(const uint8_t *frame)
{
    const void *header = frame;

    return header;
}

/* The status word is what the kernel and we hand a block over by: read before, and written after, all else in it. */
static bool block_is_ours(const struct tpacket_block_desc *block)
{
    return (__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0;
}

static void block_give_back(struct tpacket_block_desc *block)
{
    __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}

static void give(const struct tpacket3_hdr *header, link_take_fn *take, void *context)
{
    const uint8_t *bytes = (const uint8_t *)header;
    struct link_frame frame = {.bytes = bytes + header->tp_mac,
                               .length = header->tp_snaplen,
                               .truncated = header->tp_snaplen < header->tp_len,
                               .checksum_pending = (header->tp_status & TP_STATUS_CSUMNOTREADY) != 0};

    take(context, &frame);
}

/* At most `most` frames of one ring; how many it were. */
static uint32_t ring_receive(struct ring *ring, uint32_t most, link_take_fn *take, void *context)
{
    uint32_t given = 0;

    while (given < most) {
        struct tpacket_block_desc *block = block_at(ring, ring->at);
        if (ring->left == 0) {
            if (!block_is_ours(block)) {
                break;
            }
            ring->left = block->hdr.bh1.num_pkts;
            ring->frame = (const uint8_t *)block + block->hdr.bh1.offset_to_first_pkt;
        }
        for (; ring->left > 0 && given < most; given++) {
            const struct tpacket3_hdr *header = header_at(ring->frame);
            give(header, take, context);
            ring->frame += header->tp_next_offset;
            ring->left--;
        }
        if (ring->left == 0) {
            block_give_back(block);
            ring->at = (ring->at + 1) % ring->count;
        }
    }
    return given;
}

static int pending_error(const struct ring *ring)
{
    int error = 0;
    socklen_t length = sizeof(error);

    return getsockopt(ring->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? -errno : -error;
}

int tap_receive(struct tap *tap, uint32_t most, link_take_fn *take, void *context)
{
    uint32_t given = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < tap->queue_count; i++) {
        rc = queues_receive(tap->queues[i], most, take, context, &given);
    }
    /* In turns, so that one that is never empty keeps no other waiting. */
    tap->turn++;
    for (size_t i = 0; i < tap->ring_count; i++) {
        given += ring_receive(&tap->rings[(tap->turn + i) % tap->ring_count], most - given, take, context);
    }
    /* An interface that went down shows in the socket, not in the ring. */
    for (size_t i = 0; given == 0 && rc == 0 && i < tap->ring_count; i++) {
        rc = pending_error(&tap->rings[i]);
    }
    return rc;
}

int tap_descriptor(const struct tap *tap)
{
    return tap->epoll_fd;
}

uint64_t tap_drops(struct tap *tap)
{
    for (size_t i = 0; i < tap->ring_count; i++) {
        /* Reading them sets them to zero. */
        struct tpacket_stats_v3 stats = {0};
        socklen_t length = sizeof(stats);
        if (getsockopt(tap->rings[i].fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0) {
            tap->drops += stats.tp_drops;
        }
    }
    for (size_t i = 0; i < tap->queue_count; i++) {
        tap->drops += queues_drops(tap->queues[i]);
    }
    return tap->drops;
}

size_t tap_bytes(const struct tap *tap)
{
    size_t bytes = 0;

    for (size_t i = 0; i < tap->ring_count; i++) {
        bytes += tap->rings[i].bytes;
    }
    return bytes;
}
