#include "scanner/raw/route.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BUFFER_BYTES = 32768,
    /* More routes than this are not learnt: each address is then asked for. */
    EDGES_MAX = 400000,
    ATTRIBUTES = 64,
};

/* The first address of a prefix, or the first behind it: where an answer may change. */
struct edge {
    bool is_ipv6;
    uint8_t bytes[16];
};

struct router {
    struct mnl_socket *ask;
    struct mnl_socket *hear;
    uint32_t sequence;
    struct edge *edges;
    size_t edge_count;
    size_t edge_room;
    bool edges_known;
    uint8_t protocol;
    bool minds_ports;
};

static uint8_t family_of(const struct addr *addr)
{
    return addr->is_ipv6 ? AF_INET6 : AF_INET;
}

static size_t size_of(bool is_ipv6)
{
    return is_ipv6 ? 16 : 4;
}

/* ---- questions ------------------------------------------------------------------------------------------------- */

struct attributes {
    const struct nlattr *at[ATTRIBUTES];
};

static int keep_attribute(const struct nlattr *attribute, void *context)
{
    struct attributes *attributes = context;
    uint16_t type = mnl_attr_get_type(attribute);

    if (type < ATTRIBUTES) {
        attributes->at[type] = attribute;
    }
    return MNL_CB_OK;
}

static struct attributes attributes_of(const struct nlmsghdr *header, size_t offset)
{
    struct attributes attributes = {{0}};

    mnl_attr_parse(header, (unsigned int)offset, keep_attribute, &attributes);
    return attributes;
}

/* Sends the question and gives each message of the answer to `take`. 0, or -errno: the kernel's refusal too. */
static int ask(struct router *router, struct nlmsghdr *question, mnl_cb_t take, void *context)
{
    char buffer[BUFFER_BYTES];
    uint32_t sequence = ++router->sequence;
    unsigned int port = mnl_socket_get_portid(router->ask);
    int rc = MNL_CB_OK;

    question->nlmsg_seq = sequence;
    if (mnl_socket_sendto(router->ask, question, question->nlmsg_len) < 0) {
        return -errno;
    }
    while (rc > MNL_CB_STOP) {
        ssize_t length = mnl_socket_recvfrom(router->ask, buffer, sizeof(buffer));
        if (length < 0) {
            return -errno;
        }
        rc = mnl_cb_run(buffer, (size_t)length, sequence, port, take, context);
        if (rc < 0) {
            return -errno;
        }
        if ((question->nlmsg_flags & (NLM_F_DUMP | NLM_F_ACK)) == 0) {
            break;
        }
    }
    return 0;
}

static struct nlmsghdr *begin(void *buffer, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);

    header->nlmsg_type = type;
    header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    return header;
}

/* ---- where answers may change ------------------------------------------------------------------------------------ */

static void add_edge(struct router *router, const struct edge *edge)
{
    if (router->edge_count == router->edge_room) {
        size_t wanted = router->edge_room == 0 ? 256 : 2 * router->edge_room;
        struct edge *grown = wanted <= EDGES_MAX ? realloc(router->edges, wanted * sizeof(*grown)) : NULL;
        if (grown == NULL) {
            router->edges_known = false;
            return;
        }
        router->edges = grown;
        router->edge_room = wanted;
    }
    router->edges[router->edge_count++] = *edge;
}

/* One more in bit `bit` (from 1), as a number; false when it was the last address there is. */
static bool step(uint8_t *bytes, unsigned int bit)
{
    size_t at = (bit - 1) / 8;
    unsigned int carry = 1U << (7 - (bit - 1) % 8);

    for (;;) {
        carry += bytes[at];
        bytes[at] = (uint8_t)carry;
        carry >>= 8;
        if (carry == 0 || at == 0) {
            break;
        }
        at--;
    }
    return carry == 0;
}

static void add_prefix(struct router *router, bool is_ipv6, const struct nlattr *destination, unsigned int length)
{
    struct edge edge = {.is_ipv6 = is_ipv6};
    size_t size = size_of(is_ipv6);

    if (length == 0 || length > 8 * size || (destination != NULL && mnl_attr_get_payload_len(destination) != size)) {
        return;
    }
    if (destination != NULL) {
        memcpy(edge.bytes, mnl_attr_get_payload(destination), size);
    }
    add_edge(router, &edge);
    if (step(edge.bytes, length)) {
        add_edge(router, &edge);
    }
}

static bool rules_by_ports(const struct router *router, const struct attributes *rule)
{
    const struct nlattr *protocol = rule->at[FRA_IP_PROTO];

    return (rule->at[FRA_SPORT_RANGE] != NULL || rule->at[FRA_DPORT_RANGE] != NULL) &&
           (protocol == NULL || mnl_attr_get_u8(protocol) == router->protocol);
}

/* Routes and rules begin with the same bytes: family and length of the destination. */
static int take_prefix(const struct nlmsghdr *header, void *context)
{
    struct router *router = context;

    if (header->nlmsg_type == RTM_NEWROUTE) {
        const struct rtmsg *route = mnl_nlmsg_get_payload(header);
        struct attributes attributes = attributes_of(header, sizeof(*route));
        add_prefix(router, route->rtm_family == AF_INET6, attributes.at[RTA_DST], route->rtm_dst_len);
    } else if (header->nlmsg_type == RTM_NEWRULE) {
        const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(header);
        struct attributes attributes = attributes_of(header, sizeof(*rule));
        add_prefix(router, rule->family == AF_INET6, attributes.at[FRA_DST], rule->dst_len);
        router->minds_ports |= rules_by_ports(router, &attributes);
    }
    return MNL_CB_OK;
}

static int edge_order(const void *left, const void *right)
{
    const struct edge *a = left;
    const struct edge *b = right;

    if (a->is_ipv6 != b->is_ipv6) {
        return a->is_ipv6 ? 1 : -1;
    }
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int learn_edges(struct router *router)
{
    static const uint16_t kinds[] = {RTM_GETROUTE, RTM_GETRULE};
    static const uint8_t families[] = {AF_INET, AF_INET6};

    router->edge_count = 0;
    router->edges_known = true;
    router->minds_ports = false;
    for (size_t i = 0; i < 4; i++) {
        union {
            char bytes[256];
            struct nlmsghdr align;
        } buffer;
        struct nlmsghdr *question = begin(buffer.bytes, kinds[i / 2], NLM_F_DUMP);
        struct rtmsg *route = mnl_nlmsg_put_extra_header(question, sizeof(*route));
        int rc;
        route->rtm_family = families[i % 2];
        rc = ask(router, question, take_prefix, router);
        /* A kernel without rules, or without IPv6, has none. */
        if (rc < 0 && rc != -EOPNOTSUPP && rc != -EAFNOSUPPORT) {
            return rc;
        }
    }
    if (router->edge_count > 0) {
        qsort(router->edges, router->edge_count, sizeof(*router->edges), edge_order);
    }
    return 0;
}

/* The address before the first edge behind `addr`. */
static struct addr stretch_end(const struct router *router, const struct addr *addr)
{
    struct edge wanted = {.is_ipv6 = addr->is_ipv6};
    struct addr last = *addr;
    size_t size = size_of(addr->is_ipv6);
    size_t low = 0;
    size_t high = router->edge_count;

    if (!router->edges_known || addr->zone != 0) {
        return last;
    }
    memcpy(wanted.bytes, addr->bytes, size);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (edge_order(&router->edges[middle], &wanted) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == router->edge_count || router->edges[low].is_ipv6 != addr->is_ipv6) {
        memset(last.bytes, 0xff, size);
        return last;
    }
    memcpy(last.bytes, router->edges[low].bytes, size);
    for (size_t i = size; i-- > 0;) {
        if (last.bytes[i]-- != 0) {
            break;
        }
    }
    return last;
}

/* ---- one route -----------------------------------------------------------------------------------------------------
 */

static bool take_addr(const struct nlattr *attribute, bool is_ipv6, struct addr *ret_addr)
{
    size_t size = size_of(is_ipv6);

    if (attribute == NULL || mnl_attr_get_payload_len(attribute) != size) {
        return false;
    }
    *ret_addr = (struct addr){.is_ipv6 = is_ipv6};
    memcpy(ret_addr->bytes, mnl_attr_get_payload(attribute), size);
    return true;
}

struct finding {
    const struct addr *addr;
    struct route *route;
    int error;
};

static int take_link(const struct nlmsghdr *header, void *context)
{
    struct finding *finding = context;
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
    struct attributes attributes = attributes_of(header, sizeof(*link));
    const struct nlattr *mac = attributes.at[IFLA_ADDRESS];

    if (attributes.at[IFLA_IFNAME] == NULL) {
        return MNL_CB_OK;
    }
    snprintf(finding->route->interface, ROUTE_NAME, "%s", mnl_attr_get_str(attributes.at[IFLA_IFNAME]));
    finding->route->mtu = attributes.at[IFLA_MTU] != NULL ? mnl_attr_get_u32(attributes.at[IFLA_MTU]) : 0;
    /* Without ARP, as ipvlan's in layer 3, nobody can be asked for a hardware address. */
    finding->route->layer =
        link->ifi_type == ARPHRD_ETHER && (link->ifi_flags & IFF_NOARP) == 0 ? LINK_ETHERNET : LINK_IP;
    finding->error = (link->ifi_flags & IFF_UP) != 0 && (link->ifi_flags & IFF_LOWER_UP) != 0 ? 0 : -ENETDOWN;
    if (mac != NULL && mnl_attr_get_payload_len(mac) == ROUTE_MAC) {
        memcpy(finding->route->source_mac, mnl_attr_get_payload(mac), ROUTE_MAC);
    }
    return MNL_CB_OK;
}

static int find_link(struct router *router, struct route *route)
{
    union {
        char bytes[256];
        struct nlmsghdr align;
    } buffer;
    struct nlmsghdr *question = begin(buffer.bytes, RTM_GETLINK, 0);
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(question, sizeof(*link));
    struct finding finding = {.route = route, .error = -ENODEV};
    int rc;

    link->ifi_family = AF_UNSPEC;
    link->ifi_index = (int)route->ifindex;
    rc = ask(router, question, take_link, &finding);
    return rc < 0 ? rc : finding.error;
}

static int error_of(uint8_t type)
{
    switch (type) {
    case RTN_UNICAST:
    case RTN_LOCAL:
        return 0;
    case RTN_PROHIBIT:
        return -EACCES;
    case RTN_UNREACHABLE:
        return -EHOSTUNREACH;
    default: /* a black hole, a broadcast, a multicast: nowhere that a probe could go */
        return -ENETUNREACH;
    }
}

/* The next hop of an IPv4 route may be an IPv6 address (RFC 5549): RTA_VIA. */
static void take_next_hop(const struct attributes *attributes, const struct addr *addr, struct route *route)
{
    const struct nlattr *via = attributes->at[RTA_VIA];

    route->on_link = false;
    if (take_addr(attributes->at[RTA_GATEWAY], addr->is_ipv6, &route->next_hop)) {
        return;
    }
    if (via != NULL && mnl_attr_get_payload_len(via) == sizeof(struct rtvia) + 16) {
        const struct rtvia *hop = mnl_attr_get_payload(via);
        route->next_hop = (struct addr){.is_ipv6 = true};
        memcpy(route->next_hop.bytes, hop->rtvia_addr, 16);
        return;
    }
    route->next_hop = *addr;
    route->on_link = true;
}

static int take_route(const struct nlmsghdr *header, void *context)
{
    struct finding *finding = context;
    const struct rtmsg *message = mnl_nlmsg_get_payload(header);
    struct attributes attributes = attributes_of(header, sizeof(*message));
    struct route *route = finding->route;

    finding->error = error_of(message->rtm_type);
    if (finding->error < 0 || attributes.at[RTA_OIF] == NULL) {
        return MNL_CB_OK;
    }
    route->ifindex = mnl_attr_get_u32(attributes.at[RTA_OIF]);
    route->local = message->rtm_type == RTN_LOCAL;
    take_next_hop(&attributes, finding->addr, route);
    if (!take_addr(attributes.at[RTA_PREFSRC], finding->addr->is_ipv6, &route->source)) {
        finding->error = -EADDRNOTAVAIL;
    }
    if (finding->addr->zone != 0) {
        route->source.zone = finding->addr->zone;
    }
    return MNL_CB_OK;
}

static int find_route(struct router *router, const struct addr *addr, struct route *route)
{
    union {
        char bytes[256];
        struct nlmsghdr align;
    } buffer;
    struct nlmsghdr *question = begin(buffer.bytes, RTM_GETROUTE, 0);
    struct rtmsg *message = mnl_nlmsg_put_extra_header(question, sizeof(*message));
    struct finding finding = {.addr = addr, .route = route, .error = -ENETUNREACH};
    int rc;

    message->rtm_family = family_of(addr);
    message->rtm_dst_len = (uint8_t)(8 * size_of(addr->is_ipv6));
    mnl_attr_put(question, RTA_DST, size_of(addr->is_ipv6), addr->bytes);
    if (addr->zone != 0) {
        mnl_attr_put_u32(question, RTA_OIF, addr->zone);
    }
    /* The user is this process's, without being named. */
    if (router->protocol != 0) {
        mnl_attr_put_u8(question, RTA_IP_PROTO, router->protocol);
    }
    rc = ask(router, question, take_route, &finding);
    return rc < 0 ? rc : finding.error;
}

static bool lacks_zone(const struct addr *addr)
{
    return addr->is_ipv6 && addr->zone == 0 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

int router_find(struct router *router, const struct addr *addr, struct route *ret_route, struct addr *ret_last,
                struct problem *problem)
{
    char text[ADDR_TEXT_SIZE];
    int rc;

    *ret_last = stretch_end(router, addr);
    memset(ret_route, 0, sizeof(*ret_route));
    /* As connect(2): the kernel would take any of its links. */
    rc = lacks_zone(addr) ? -EINVAL : find_route(router, addr, ret_route);
    if (rc == 0) {
        rc = find_link(router, ret_route);
    }
    if (rc < 0) {
        return problem_set(problem, rc, "%s: no way there: %s", addr_format(addr, text), strerror(-rc));
    }
    return 0;
}

/* ---- source addresses -------------------------------------------------------------------------------------------- */

struct homes {
    const struct route *route;
    uint32_t ifindex; /* 0: none was found */
    bool is_own;
};

static int take_home(const struct nlmsghdr *header, void *context)
{
    struct homes *homes = context;
    const struct ifaddrmsg *message = mnl_nlmsg_get_payload(header);
    struct attributes attributes = attributes_of(header, sizeof(*message));
    /* Of a point-to-point link IFA_ADDRESS is the other end's. */
    const struct nlattr *local =
        attributes.at[IFA_LOCAL] != NULL ? attributes.at[IFA_LOCAL] : attributes.at[IFA_ADDRESS];
    struct addr addr;

    if (!take_addr(local, message->ifa_family == AF_INET6, &addr) ||
        memcmp(addr.bytes, homes->route->source.bytes, size_of(addr.is_ipv6)) != 0) {
        return MNL_CB_OK;
    }
    homes->is_own |= message->ifa_index == homes->route->ifindex;
    homes->ifindex = message->ifa_index;
    return MNL_CB_OK;
}

bool router_home(struct router *router, const struct route *route, struct route *ret_home)
{
    union {
        char bytes[256];
        struct nlmsghdr align;
    } buffer;
    struct nlmsghdr *question = begin(buffer.bytes, RTM_GETADDR, NLM_F_DUMP);
    struct ifaddrmsg *message = mnl_nlmsg_put_extra_header(question, sizeof(*message));
    struct homes homes = {.route = route};
    struct route home = {.source = route->source};

    message->ifa_family = family_of(&route->source);
    if (ask(router, question, take_home, &homes) < 0 || homes.ifindex == 0 || homes.is_own) {
        return false;
    }
    home.ifindex = homes.ifindex;
    if (find_link(router, &home) < 0) {
        return false;
    }
    *ret_home = home;
    return true;
}

/* ---- neighbours ------------------------------------------------------------------------------------------------- */

struct neighbour {
    uint8_t *mac;
    bool found;
    bool fixed;
};

static int take_neighbour(const struct nlmsghdr *header, void *context)
{
    struct neighbour *neighbour = context;
    const struct ndmsg *message = mnl_nlmsg_get_payload(header);
    struct attributes attributes = attributes_of(header, sizeof(*message));
    const struct nlattr *mac = attributes.at[NDA_LLADDR];
    const unsigned int valid = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

    if ((message->ndm_state & valid) != 0 && mac != NULL && mnl_attr_get_payload_len(mac) == ROUTE_MAC) {
        memcpy(neighbour->mac, mnl_attr_get_payload(mac), ROUTE_MAC);
        neighbour->found = true;
        neighbour->fixed = (message->ndm_state & (NUD_PERMANENT | NUD_NOARP)) != 0;
    }
    return MNL_CB_OK;
}

bool router_neighbour(struct router *router, const struct route *route, uint8_t ret_mac[ROUTE_MAC], bool *ret_fixed)
{
    union {
        char bytes[256];
        struct nlmsghdr align;
    } buffer;
    struct nlmsghdr *question = begin(buffer.bytes, RTM_GETNEIGH, 0);
    struct ndmsg *message = mnl_nlmsg_put_extra_header(question, sizeof(*message));
    struct neighbour neighbour = {.mac = ret_mac};

    message->ndm_family = family_of(&route->next_hop);
    message->ndm_ifindex = (int)route->ifindex;
    mnl_attr_put(question, NDA_DST, size_of(route->next_hop.is_ipv6), route->next_hop.bytes);
    if (ask(router, question, take_neighbour, &neighbour) < 0 || !neighbour.found) {
        return false;
    }
    *ret_fixed = neighbour.fixed;
    return true;
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

static int hear(struct router *router)
{
    const unsigned int groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                                RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE | 1U << (RTNLGRP_IPV6_RULE - 1);

    router->hear = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (router->hear == NULL || mnl_socket_bind(router->hear, groups, MNL_SOCKET_AUTOPID) < 0) {
        return -errno;
    }
    return 0;
}

bool router_minds_ports(const struct router *router)
{
    return router->minds_ports;
}

int router_create(uint8_t protocol, struct router **ret_router, struct problem *problem)
{
    struct router *router = calloc(1, sizeof(*router));
    int rc;

    if (router == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    router->protocol = protocol;
    router->sequence = (uint32_t)time(NULL);
    /* Hearing comes first, so that no change falls between the two. */
    rc = hear(router);
    if (rc == 0) {
        router->ask = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        rc = router->ask == NULL || mnl_socket_bind(router->ask, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
    }
    if (rc == 0) {
        rc = learn_edges(router);
    }
    if (rc < 0) {
        router_destroy(router);
        return problem_set(problem, rc, "asking the kernel for its routes: %s", strerror(-rc));
    }
    *ret_router = router;
    return 0;
}

void router_destroy(struct router *router)
{
    if (router == NULL) {
        return;
    }
    if (router->ask != NULL) {
        mnl_socket_close(router->ask);
    }
    if (router->hear != NULL) {
        mnl_socket_close(router->hear);
    }
    free(router->edges);
    free(router);
}

int router_descriptor(const struct router *router)
{
    return mnl_socket_get_fd(router->hear);
}

/* What overran the socket's buffer counts as a change: something was. */
bool router_changed(struct router *router)
{
    char buffer[BUFFER_BYTES];
    bool changed = false;

    while (mnl_socket_recvfrom(router->hear, buffer, sizeof(buffer)) > 0 || errno == ENOBUFS || errno == ENOSPC) {
        changed = true;
    }
    if (changed && learn_edges(router) < 0) {
        router->edges_known = false;
    }
    return changed;
}
