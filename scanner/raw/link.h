/* Where frames leave and come in: one network interface behind a table of functions, a driver a file. Knows neither
 * probes nor plans. */
#ifndef LEASTPORT_SCANNER_RAW_LINK_H
#define LEASTPORT_SCANNER_RAW_LINK_H

#include "lib/clock.h"
#include "scanner/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* What a frame begins with. */
enum link_layer { LINK_ETHERNET, LINK_IP };

/* What this machine lost; all since the link was opened. */
struct link_losses {
    uint64_t receive_drops; /* PACKET_STATISTICS: the ring was full */
    uint64_t send_refusals; /* ENOBUFS and EAGAIN */
    /* Frames that this machine does not let out at all, such as EPERM of its own firewall; they count as sent. */
    uint64_t unsendable;
    int unsendable_errno; /* of the latest */
};

/* What may answer us, for the filter in the kernel: source ports of our probes, and ARP, ICMP and neighbour discovery.
 */
struct link_filter {
    uint16_t first_port;
    uint16_t last_port;
    bool ipv4;
    bool ipv6;
    bool tcp;
    bool udp;
    bool arp;      /* and neighbour discovery, with ipv6 */
    bool arp_ring; /* many of them: ARP has a receive ring of its own */
};

/* Text is borrowed for the call. */
struct link_options {
    const char *interface;
    uint32_t ifindex;
    struct link_filter filter;
    uint32_t ring_bytes; /* for each protocol that is received, at most; 0: the driver's default */
    /* Rings that share them, so that processors which take packets in at the same time do not wait for each other; 0 is
     * one. */
    uint32_t ring_shares;
    /* How many answers at most are to be expected of a scan that is over soon: a receiver that holds them and is opened
     * and closed faster may stand for the rings. 0: as many as may be. */
    uint32_t answers;
    const char *record; /* of link_pcap: what is sent goes to this file */
    const char *replay; /* and what this one holds is received; either may be NULL */
};

struct link_frame {
    const uint8_t *bytes;
    size_t length;         /* captured */
    bool truncated;        /* the frame was longer */
    bool checksum_pending; /* came from this machine before a checksum was computed: not to be verified */
};
typedef void link_take_fn(void *context, const struct link_frame *frame);

struct link;
struct link_sender;

struct link_ops {
    const char *name; /* as --link takes it */
    /* -errno with *problem. */
    int (*open)(const struct link_options *options, struct link **ret_link, struct problem *problem);
    void (*close)(struct link *link);
    enum link_layer (*layer)(const struct link *link);
    /* Senders are used by one thread each. -errno with *problem. */
    int (*sender_open)(struct link *link, struct link_sender **ret_sender, struct problem *problem);
    void (*sender_close)(struct link_sender *sender);
    /* Hands over `count` whole frames (one iovec each), in order. How many the kernel took, 0 when it has no room now,
     * or -errno when the link is of no use any more (-ENETDOWN, -ENXIO). */
    int (*send)(struct link_sender *sender, const struct iovec *frames, uint32_t count);
    /* Gives all frames that are there to `take`, at most `most`; -errno. Never waits. */
    int (*receive)(struct link *link, uint32_t most, link_take_fn *take, void *context);
    /* Readable when receive() would find something; -1: it must be asked. */
    int (*descriptor)(const struct link *link);
    struct link_losses (*losses)(struct link *link);
    /* Memory of the rings. */
    size_t (*ring_bytes)(const struct link *link);
};

extern const struct link_ops link_packet;        /* AF_PACKET: sendmmsg(), TPACKET_V3 */
extern const struct link_ops link_packet_bypass; /* the same past the queueing discipline (PACKET_QDISC_BYPASS) */
extern const struct link_ops link_ip;            /* a raw IP socket, where there is no Ethernet */
extern const struct link_ops link_pcap;          /* a file: records what is sent, replays what it holds */

#endif
