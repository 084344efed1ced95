/* The neighbours that a slab's probes go by: asked for, heard, settled. */
#include "scanner/raw/paths_inner.h"

#include "scanner/packet/arp.h"
#include "scanner/packet/icmp6.h"

#include <assert.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUESTIONS_AT_ONCE = 64,
    /* Addresses of a slab that one hardware address may have, and still be theirs. */
    SHARED_MOST = 8,
};

static size_t arp_frame(const struct path *path, const struct neighbour_question *question, uint8_t *frame)
{
    static const uint8_t all[ETHERNET_ADDRESS_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct ethernet_header ethernet = {.destination = all, .source = path->source_mac, .type = ETHERTYPE_ARP};
    struct arp_message message = {.operation = ARP_REQUEST,
                                  .sender_link = path->source_mac,
                                  .sender = question->source.bytes,
                                  .target = question->addr.bytes};
    size_t length = ethernet_build(frame, &ethernet);

    return length + arp_build(frame + length, &message);
}

static size_t solicitation_frame(const struct path *path, const struct neighbour_question *question, uint8_t *frame)
{
    uint8_t group[16];
    uint8_t group_link[ETHERNET_ADDRESS_SIZE];
    struct ethernet_header ethernet = {.destination = group_link, .source = path->source_mac, .type = ETHERTYPE_IPV6};
    struct ip_header ip = {.is_ipv6 = true,
                           .source = question->source.bytes,
                           .destination = group,
                           .protocol = IPPROTO_ICMPV6,
                           .ttl = ICMP6_HOP_LIMIT};
    struct icmp6_neighbour message = {.target = question->addr.bytes, .link = path->source_mac};
    size_t body;

    icmp6_solicited_node(question->addr.bytes, group, group_link);
    ethernet_build(frame, &ethernet);
    body = icmp6_build(frame + ETHERNET_HEADER_SIZE + IP6_HEADER_SIZE, &ip, &message);
    ip_build(frame + ETHERNET_HEADER_SIZE, &ip, body);
    return ETHERNET_HEADER_SIZE + IP6_HEADER_SIZE + body;
}

/* With a gateway of the other family (RFC 5549) the source is an address by which no probe leaves: any path of the link
 * has its hardware address. */
static const struct path *path_of(const struct paths *paths, const struct neighbour_question *question)
{
    const struct path *of_link = NULL;

    for (uint32_t i = 0; i < paths->count; i++) {
        if (paths->paths[i].link == question->link && paths->paths[i].source.is_ipv6 == question->source.is_ipv6 &&
            addr_equal(&paths->paths[i].source, &question->source)) {
            return &paths->paths[i];
        }
        of_link = paths->paths[i].link == question->link ? &paths->paths[i] : of_link;
    }
    return of_link;
}

static int ask_one(struct paths *paths, const struct neighbour_question *question, struct problem *problem)
{
    uint8_t frame[ETHERNET_HEADER_SIZE + IP6_HEADER_SIZE + ICMP6_NEIGHBOUR_SIZE];
    const struct path *path = path_of(paths, question);
    struct iovec part = {.iov_base = frame};
    int sent;

    assert(path != NULL);
    if (question->addr.is_ipv6 != question->source.is_ipv6) {
        return 0; /* no address to ask a gateway of the other family from */
    }
    part.iov_len =
        question->addr.is_ipv6 ? solicitation_frame(path, question, frame) : arp_frame(path, question, frame);
    sent = links_send(paths->options.links, question->link, paths->options.sender, &part, 1);
    if (sent < 0) {
        return problem_set(problem, sent, "%s: %s", links_interface(paths->options.links, question->link),
                           strerror(-sent));
    }
    /* One that found no room is asked again in the next round. */
    return 0;
}

/* The slab's own first. */
static bool next_question(struct paths *paths, struct mono_time now, struct neighbour_question *ret_question)
{
    return (!paths->settled && neighbours_next(paths->neighbours, now, ret_question)) ||
           (paths->doubt != NULL && doubt_next(paths->doubt, now, ret_question)) ||
           (paths->ahead != NULL && ahead_next(paths->ahead, now, ret_question));
}

int paths_ask(struct paths *paths, struct mono_time now, struct problem *problem)
{
    struct neighbour_question question;
    int rc = 0;

    for (int i = 0; rc == 0 && i < QUESTIONS_AT_ONCE && next_question(paths, now, &question); i++) {
        rc = ask_one(paths, &question, problem);
    }
    return rc;
}

/* Nobody is believed who was not asked: it is a reason to ask. */
static void hear_unasked(struct paths *paths, uint32_t link, const struct answer *answer)
{
    int64_t number = neighbours_find(paths->neighbours, link, &answer->host);
    const uint8_t *mac = number >= 0 ? neighbours_mac(paths->neighbours, number) : NULL;

    if (mac != NULL && !neighbours_is_fixed(paths->neighbours, number) && memcmp(mac, answer->link, ROUTE_MAC) != 0) {
        paths->heard = number;
    }
}

void paths_take(struct paths *paths, uint32_t link, const struct answer *answer)
{
    if (paths->neighbours != NULL && answer->has_link && !paths->settled) {
        neighbours_learn(paths->neighbours, link, &answer->host, answer->link);
    } else if (paths->doubt != NULL && answer->has_link) {
        doubt_learn(paths->doubt, link, &answer->host, answer->link);
    } else if (paths->neighbours != NULL && answer->has_link) {
        hear_unasked(paths, link, answer);
    }
    if (paths->ahead != NULL && answer->has_link) {
        ahead_learn(paths->ahead, link, &answer->host, answer->link);
    }
}

struct mono_time paths_wakeup(const struct paths *paths, struct mono_time now)
{
    struct mono_time first = {.ns = UINT64_MAX};
    struct mono_time due = first;

    if (paths->ahead != NULL) {
        first = ahead_wakeup(paths->ahead, now);
    }
    if (!paths->settled && !neighbours_done(paths->neighbours, now)) {
        due = neighbours_wakeup(paths->neighbours);
    } else if (paths->doubt != NULL) {
        due = doubt_wakeup(paths->doubt);
    }
    return due.ns < first.ns ? due : first;
}

static bool is_on_link_and_there(const struct paths *paths, uint32_t host)
{
    return paths->ways[host].near && paths->hops[host] != NO_HOP && paths->ways[host].path < SKIPPED;
}

static uint64_t mac_number(const uint8_t mac[ROUTE_MAC])
{
    uint64_t number = 0;

    for (size_t i = 0; i < ROUTE_MAC; i++) {
        number = number << 8 | mac[i];
    }
    return number;
}

static int compare_macs(const void *one, const void *other)
{
    const uint64_t *a = one;
    const uint64_t *b = other;

    return (*a > *b) - (*a < *b);
}

/* Whether more than SHARED_MOST of them, sorted, are this one. */
static bool is_shared(const uint64_t *macs, uint32_t count, uint64_t mac)
{
    uint32_t low = 0;
    uint32_t high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (macs[middle] < mac) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return count - low > SHARED_MOST && macs[low + SHARED_MOST] == mac;
}

/* Who answers for many addresses answers, most likely, for all: proxy ARP (RFC 1027), which is how some clouds have
 * their subnets. That shows of none of them that it is there. */
static void doubt_shared(struct paths *paths)
{
    uint32_t count = 0;

    for (uint32_t host = 0; host < paths->hosts.count; host++) {
        if (is_on_link_and_there(paths, host)) {
            paths->macs[count++] = mac_number(paths->ways[host].mac);
        }
    }
    qsort(paths->macs, count, sizeof(*paths->macs), compare_macs);
    for (uint32_t host = 0; host < paths->hosts.count; host++) {
        if (is_on_link_and_there(paths, host) && is_shared(paths->macs, count, mac_number(paths->ways[host].mac))) {
            paths->ways[host].near = false;
            paths->ways[host].proxied = true;
        }
    }
    free(paths->macs);
    paths->macs = NULL;
}

bool paths_settle(struct paths *paths, struct mono_time now)
{
    if (paths->settled || !neighbours_done(paths->neighbours, now) ||
        (paths->leaning && !ahead_is_done(paths->ahead, now))) {
        return paths->settled;
    }
    for (uint32_t host = 0; host < paths->hosts.count; host++) {
        const uint8_t *mac = paths->hops[host] != NO_HOP ? neighbours_mac(paths->neighbours, paths->hops[host]) : NULL;
        if (mac != NULL) {
            memcpy(paths->ways[host].mac, mac, ROUTE_MAC);
        } else if (paths->hops[host] != NO_HOP) {
            paths->ways[host].path = NO_PATH;
            paths->options.unreachable(paths->options.context, host, EHOSTDOWN);
        }
    }
    doubt_shared(paths);
    paths->settled = true;
    return true;
}
