/* How a packet leaves for an address: asked of the kernel by netlink for each target, never "the default gateway". */
#ifndef LEASTPORT_SCANNER_RAW_ROUTE_H
#define LEASTPORT_SCANNER_RAW_ROUTE_H

#include "lib/addr.h"
#include "scanner/problem.h"
#include "scanner/raw/link.h"

#include <stdbool.h>
#include <stdint.h>

enum { ROUTE_MAC = 6, ROUTE_NAME = 16 };

struct route {
    uint32_t ifindex;
    char interface[ROUTE_NAME];
    enum link_layer layer;
    struct addr source;
    struct addr next_hop; /* the gateway, or the address itself when it is on link */
    bool on_link;
    bool local; /* an address of this machine: through the loopback interface */
    uint32_t mtu;
    uint8_t source_mac[ROUTE_MAC]; /* with LINK_ETHERNET */
};

struct router;

/* Opens its netlink sockets, and hears of changes from then on. `protocol`: IPPROTO_TCP or IPPROTO_UDP, whose routes
 * are asked for, as policy rules have them (ip-rule(8)); 0: of none. -errno with *problem. */
MUST_USE int router_create(uint8_t protocol, struct router **ret_router, struct problem *problem);
void router_destroy(struct router *router);

/* Whether a policy rule routes the protocol by ports: what router_find() says holds for none of them in particular. */
bool router_minds_ports(const struct router *router);

/* The kernel's answer for `addr` and, in *ret_last, how far up it holds: no route, in any table, and no rule begins or
 * ends between the two, so a range of targets costs a question for each stretch and not for each address (IPv4 and IPv6
 * apart; an address with a zone, and all when the tables are huge: itself). -ENETUNREACH (no route), -EHOSTUNREACH,
 * -EACCES (a prohibiting route), -EINVAL (a black hole; a link-local address without a zone), others, with *problem;
 * *ret_last is set even then. */
MUST_USE int router_find(struct router *router, const struct addr *addr, struct route *ret_route, struct addr *ret_last,
                         struct problem *problem);
/* Whether the route's source address is another interface's than the one that packets leave by, where answers may then
 * come in; of that *ret_home has what link.h needs. */
bool router_home(struct router *router, const struct route *route, struct route *ret_home);
/* The next hop's hardware address from the kernel's table, and whether it was put there to stay; false when it is not
 * there (then it is to be asked: ARP, RFC 826; neighbour discovery, RFC 4861). */
bool router_neighbour(struct router *router, const struct route *route, uint8_t ret_mac[ROUTE_MAC], bool *ret_fixed);

/* Readable when routes, addresses, links or neighbours changed; router_changed() reads what came and says whether a
 * route or address or link did. */
int router_descriptor(const struct router *router);
bool router_changed(struct router *router);

#endif
