/* By which link, from which address and to which next hop each host of a slab is reached. Asks the kernel for routes
 * and the neighbours for their hardware addresses. */
#ifndef LEASTPORT_SCANNER_RAW_PATHS_H
#define LEASTPORT_SCANNER_RAW_PATHS_H

#include "scanner/packet/answer.h"
#include "scanner/packet/template.h"
#include "scanner/raw/links.h"
#include "scanner/raw/route.h"
#include "scanner/space.h"

#include <stdbool.h>
#include <stdint.h>

/* All borrowed for the paths' life. */
struct paths_options {
    struct links *links;
    struct router *router; /* NULL: there is no network (a capture file): all hosts by link 0 */
    const uint8_t *key;
    struct cookie_ports ports;
    const struct space *space; /* hosts behind a slab are asked for ahead; NULL: none are */
    uint32_t sender;           /* of the links, by which neighbours are asked */
    /* Nothing can be sent to the host, as raw_engine_listener has it. */
    void (*unreachable)(void *context, uint32_t host, int error);
    /* A next hop has another hardware address than it had; from paths_end_doubt(). */
    void (*moved)(void *context, const struct addr *hop, const uint8_t mac[ROUTE_MAC]);
    /* It answers from none any more; of the first of a scan. */
    void (*gone)(void *context, const struct addr *hop);
    void *context;
};

/* Whether a way to the space's hosts, or to `canary` (NULL: none), leads to a neighbour that the kernel does not know:
 * hosts on link, a gateway that was not used lately. Then their answers get a ring. */
bool paths_want_neighbours(struct router *router, const struct space *space, const struct addr *canary);

struct paths;

/* NULL when out of memory. The caller owns the result. */
struct paths *paths_create(const struct paths_options *options);
void paths_destroy(struct paths *paths);

/* Before capabilities are given up: opens the links of all routes of the space and, if not NULL, of `canary`, and those
 * of the interfaces that their source addresses belong to. What has no route is passed over. -errno with *problem. */
MUST_USE int paths_open_links(struct paths *paths, const struct space *space, const struct addr *canary,
                              struct problem *problem);

/* A slab's hosts, borrowed until the next are resolved; those that are `skipped` get no way. */
struct paths_hosts {
    uint32_t count;
    void (*host)(const void *context, uint32_t host, struct addr *ret_addr);
    const void *context;
    bool (*skipped)(void *of, uint32_t host);
    void *of;
};

/* Finds their ways. -ENOTUNIQ: a route leads by an interface that was not opened; others; with *problem. */
MUST_USE int paths_resolve(struct paths *paths, const struct paths_hosts *hosts, struct problem *problem);
/* True when the kernel would now send one of the slab's hosts another way. */
bool paths_changed(struct paths *paths);
/* What was asked ahead may not hold any more. */
void paths_forget_ahead(struct paths *paths);

/* Asks for hardware addresses what is due: of the slab's hosts, and of those that come next. -errno of a link, with
 * *problem. */
MUST_USE int paths_ask(struct paths *paths, struct mono_time now, struct problem *problem);
void paths_take(struct paths *paths, uint32_t link, const struct answer *answer);
/* When it wants to ask again. */
struct mono_time paths_wakeup(const struct paths *paths, struct mono_time now);
/* True when all have answered, or will not: then hosts without an answer have been told as unreachable, and frames may
 * be made. */
bool paths_settle(struct paths *paths, struct mono_time now);

/* Once settled, whether next hops still have the hardware address that probes go to (doubt.h). */

/* Whether there is one whose address is its own, and was not put into the kernel's table to stay. */
bool paths_may_move(const struct paths *paths, uint32_t host);
/* Asks the host's again, beside the others that are doubted; only before the first of them has been asked. -ENOMEM. */
MUST_USE int paths_doubt(struct paths *paths, uint32_t host);
/* The same for a next hop that was heard to have another address since, if there is one. */
MUST_USE int paths_doubt_heard(struct paths *paths);
bool paths_is_doubting(const struct paths *paths);
bool paths_doubt_is_over(const struct paths *paths, struct mono_time now);
bool paths_has_moved(const struct paths *paths, uint32_t host);
/* Probes go to where hosts are now. While no sender works, if one has moved. */
void paths_end_doubt(struct paths *paths);

/* The zone of an address that answered to `local` by this link: a link-local one has that of the path it was asked by.
 */
uint32_t paths_zone(const struct paths *paths, uint32_t link, const struct addr *addr, const struct addr *local);

struct paths_frame {
    uint8_t *bytes;                  /* borrowed: TEMPLATE_FRAME_MAX of them */
    const struct template *template; /* that wrote them last; NULL, too, when ways may have changed since */
    uint32_t link;
    uint32_t length; /* 0: the host is unreachable */
};
/* Writes the probe's frame, and whom it goes to on link into `target`; any thread, once settled. */
void paths_frame(const struct paths *paths, uint32_t host, enum packet_probe probe, struct template_target *target,
                 struct paths_frame *frame);
/* Whether the host is known to be there: this machine itself, or one on link, which has answered for its address and
 * not for many others; once settled. */
bool paths_is_near(const struct paths *paths, uint32_t host);

#endif
