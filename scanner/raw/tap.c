#include "scanner/raw/tap.h"

#include "scanner/raw/filter.h"

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

enum {
    RINGS = 3, /* IPv4, IPv6, ARP */
    /* A block is handed over when it is full or RETIRE_MS old, whatever it holds. So it is their number that says for
     * how long a reader may be kept from reading while little comes, and their size while much does. */
    BLOCKS = 32,
    BLOCK_BYTES_LEAST = 16 * 1024,
    BLOCK_BYTES_MOST = 256 * 1024,
    RING_BYTES_DEFAULT = BLOCKS * BLOCK_BYTES_MOST,
    RING_BYTES_ARP = 1024 * 1024,
    FRAME_BYTES = 2048, /* asked for by the interface, without a meaning for version 3 */
    RETIRE_MS = 4,
};

/* A ring's blocks are handed over whole; `left` frames of the one at hand are still to be given. */
struct ring {
    int fd;
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
    struct ring rings[RINGS];
    size_t ring_count;
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

static int set_ring(struct ring *ring, uint32_t bytes)
{
    static const int version = TPACKET_V3;
    uint32_t block = block_bytes_of(bytes);
    uint32_t blocks = bytes / block < 2 ? 2 : bytes / block;
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

static uint32_t bytes_of(const struct link_options *options, uint16_t ethertype)
{
    uint32_t most = options->ring_bytes == 0 ? RING_BYTES_DEFAULT : options->ring_bytes;

    return ethertype == ETH_P_ARP && most > RING_BYTES_ARP ? RING_BYTES_ARP : most;
}

/* The filter stands before the socket is bound: nothing else ever gets in. */
static int ring_set_up(struct tap *tap, struct ring *ring, uint16_t ethertype, const char **ret_what)
{
    struct sockaddr_ll name = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ethertype), .sll_ifindex = (int)tap->options->ifindex};
    struct epoll_event event = {.events = EPOLLIN};
    int rc = set_filter(ring->fd, &tap->options->filter, ethertype, tap->layer);

    *ret_what = "setting the filter";
    if (rc == 0) {
        *ret_what = "making the receive ring";
        rc = set_ring(ring, bytes_of(tap->options, ethertype));
    }
    if (rc == 0) {
        *ret_what = "listening";
        rc = bind(ring->fd, (const struct sockaddr *)&name, sizeof(name)) < 0 ||
                     epoll_ctl(tap->epoll_fd, EPOLL_CTL_ADD, ring->fd, &event) < 0
                 ? -errno
                 : 0;
    }
    return rc;
}

static int ring_open(struct tap *tap, uint16_t ethertype, struct problem *problem)
{
    struct ring *ring = &tap->rings[tap->ring_count];
    const char *what;
    int rc;

    *ring =
        (struct ring){.fd = socket(AF_PACKET, (tap->layer == LINK_ETHERNET ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC, 0)};
    if (ring->fd < 0) {
        return say(problem, errno, "opening a packet socket", tap->options->interface);
    }
    tap->ring_count++;
    rc = ring_set_up(tap, ring, ethertype, &what);
    return rc < 0 ? say(problem, -rc, what, tap->options->interface) : 0;
}

int tap_open(const struct link_options *options, enum link_layer layer, struct tap **ret_tap, struct problem *problem)
{
    const struct link_filter *wanted = &options->filter;
    struct tap *tap = calloc(1, sizeof(*tap));
    int rc = 0;

    if (tap == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    tap->options = options;
    tap->layer = layer;
    tap->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (tap->epoll_fd < 0) {
        rc = say(problem, errno, "opening an event queue", options->interface);
    }
    if (rc == 0 && wanted->ipv4) {
        rc = ring_open(tap, ETH_P_IP, problem);
    }
    if (rc == 0 && wanted->ipv6) {
        rc = ring_open(tap, ETH_P_IPV6, problem);
    }
    if (rc == 0 && wanted->arp && wanted->ipv4 && layer == LINK_ETHERNET) {
        rc = ring_open(tap, ETH_P_ARP, problem);
    }
    if (rc < 0) {
        tap_close(tap);
        return rc;
    }
    *ret_tap = tap;
    return 0;
}

void tap_close(struct tap *tap)
{
    if (tap == NULL) {
        return;
    }
    for (size_t i = 0; i < tap->ring_count; i++) {
        if (tap->rings[i].blocks != NULL) {
            munmap(tap->rings[i].blocks, tap->rings[i].bytes);
        }
        close(tap->rings[i].fd);
    }
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

    for (size_t i = 0; i < tap->ring_count; i++) {
        given += ring_receive(&tap->rings[i], most - given, take, context);
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
