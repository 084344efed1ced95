/* The links of a scan: one for each interface that its targets are reached by, each with the driver that suits it best.
 * Opened before capabilities are given up, and numbered from 0. */
#ifndef LEASTPORT_SCANNER_RAW_LINKS_H
#define LEASTPORT_SCANNER_RAW_LINKS_H

#include "lib/clock.h"
#include "scanner/raw/link.h"
#include "scanner/raw/route.h"

#include <stdbool.h>
#include <stdint.h>

enum { LINKS_MAX = 64 };

/* Text is borrowed for the links' life. */
struct links_options {
    const char *driver; /* a link_ops' name; NULL: the best one for each interface */
    uint32_t senders;
    struct link_filter filter;
    uint32_t ring_bytes; /* as link_options has them */
    uint32_t ring_shares;
    uint32_t answers;
    const char *record; /* with the driver "pcap" */
    const char *replay;
    /* Said once for each link: which driver, and why. */
    void (*opened)(void *context, const char *interface, const char *driver, const char *reason, size_t ring_bytes);
    void *context;
};

/* Whether there is a driver of that name. */
bool links_has_driver(const char *name);
/* Their names, separated by ", ": for an error. */
const char *links_driver_names(void);

struct links;

/* -EINVAL for a driver that is not there, -ENOMEM, with *problem. The caller owns the result. */
MUST_USE int links_create(const struct links_options *options, struct links **ret_links, struct problem *problem);
void links_destroy(struct links *links);

/* The route's link, opened with all its senders when it was not. -errno with *problem. */
MUST_USE int links_open(struct links *links, const struct route *route, uint32_t *ret_number, struct problem *problem);
/* The same among those that are open: -ENOENT. */
MUST_USE int links_find(const struct links *links, uint32_t ifindex, uint32_t *ret_number);
enum link_layer links_layer(const struct links *links, uint32_t number);
const char *links_interface(const struct links *links, uint32_t number);

/* As link_ops has it. Each sender from one thread. */
MUST_USE int links_send(struct links *links, uint32_t number, uint32_t sender, const struct iovec *frames,
                        uint32_t count);

typedef void links_take_fn(void *context, uint32_t number, const struct link_frame *frame);
/* At most `most` frames of each link that are there. -errno: *ret_number is the link that failed. */
MUST_USE int links_receive(struct links *links, uint32_t most, links_take_fn *take, void *context,
                           uint32_t *ret_number);
/* What neighbours said where ARP has no ring (link_filter.arp_ring); has to be asked. */
void links_hear(struct links *links, links_take_fn *take, void *context);
/* Until one of the links, or of the descriptors (-1: none), has something to read, or `until`. */
void links_wait(const struct links *links, struct mono_time until, const int *fds, size_t fd_count);
/* The same, but what comes in meanwhile lies in the rings: while much comes, it is cheaper to be taken together. */
void links_nap(struct mono_time until, const int *fds, size_t fd_count);
/* The sum over all links. */
struct link_losses links_losses(struct links *links);
/* Packets that the cloud's network threw away for being above this machine's allowance, since the links were opened,
 * and the counter that says so (borrowed; NULL: none). Costs some microseconds: a few times a second. */
uint64_t links_allowance_exceeded(struct links *links, const char **ret_name);

#endif
