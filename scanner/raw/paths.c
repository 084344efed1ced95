#include "scanner/raw/paths_inner.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Routes beyond this many stretches of the space are left to each slab: their links may then not be open. */
    STRETCHES_MAX = 65536,
    TEMPLATES_BARE = 3,
    PATHS_MAX = UINT16_MAX - 2,
};

static void forget_slab(struct paths *paths)
{
    free(paths->ways);
    free(paths->hops);
    free(paths->macs);
    neighbours_destroy(paths->neighbours);
    doubt_destroy(paths->doubt);
    paths->doubt = NULL;
    paths->heard = -1;
    paths->ways = NULL;
    paths->hops = NULL;
    paths->macs = NULL;
    paths->neighbours = NULL;
    paths->hosts = (struct paths_hosts){0};
    paths->settled = false;
    paths->leaning = false;
}

void paths_destroy(struct paths *paths)
{
    if (paths == NULL) {
        return;
    }
    forget_slab(paths);
    ahead_destroy(paths->ahead);
    for (uint32_t i = 0; i < paths->count; i++) {
        free(paths->paths[i].templates);
    }
    free(paths->paths);
    free(paths);
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

/* One for each payload, for none, and for what is asked without one. */
static size_t template_count(void)
{
    return payload_table_size + 1 + TEMPLATES_BARE;
}

static size_t template_number(enum packet_probe probe, const struct payload *payload)
{
    switch (probe) {
    case PACKET_UDP:
        return payload == &payload_none ? payload_table_size : (size_t)(payload - payload_table);
    case PACKET_TCP_SYN:
        return payload_table_size + 1;
    case PACKET_TCP_ACK:
        return payload_table_size + 2;
    case PACKET_ECHO:
        break;
    }
    return payload_table_size + 3;
}

static void make_templates(const struct paths *paths, struct path *path)
{
    static const enum packet_probe bare[TEMPLATES_BARE] = {PACKET_TCP_SYN, PACKET_TCP_ACK, PACKET_ECHO};
    static const uint8_t nobody[ETHERNET_ADDRESS_SIZE] = {0};
    struct ethernet_header link = {.destination = nobody, .source = path->source_mac};
    struct template_options options = {.probe = PACKET_UDP,
                                       .source = &path->source,
                                       .link = path->layer == LINK_ETHERNET ? &link : NULL,
                                       .key = paths->options.key,
                                       .ports = paths->options.ports};

    for (size_t i = 0; i <= payload_table_size; i++) {
        options.payload = i < payload_table_size ? &payload_table[i] : &payload_none;
        template_init(&path->templates[template_number(PACKET_UDP, options.payload)], &options);
    }
    options.payload = NULL;
    for (size_t i = 0; i < TEMPLATES_BARE; i++) {
        options.probe = bare[i];
        template_init(&path->templates[template_number(bare[i], NULL)], &options);
    }
}

static bool is_path(const struct path *path, const struct route *route)
{
    return path->ifindex == route->ifindex && addr_equal(&path->source, &route->source) &&
           memcmp(path->source_mac, route->source_mac, ROUTE_MAC) == 0;
}

static int add_path(struct paths *paths, const struct route *route, uint32_t link, uint32_t *ret_number)
{
    struct path *path;

    if (paths->count == paths->room) {
        uint32_t wanted = paths->room == 0 ? 8 : 2 * paths->room;
        struct path *grown = wanted <= PATHS_MAX ? realloc(paths->paths, wanted * sizeof(*grown)) : NULL;
        if (grown == NULL) {
            return -ENOMEM;
        }
        paths->paths = grown;
        paths->room = wanted;
    }
    path = &paths->paths[paths->count];
    *path = (struct path){.link = link,
                          .ifindex = route->ifindex,
                          .source = route->source,
                          .layer = links_layer(paths->options.links, link),
                          .templates = calloc(template_count(), sizeof(struct template))};
    memcpy(path->source_mac, route->source_mac, ROUTE_MAC);
    if (path->templates == NULL) {
        return -ENOMEM;
    }
    make_templates(paths, path);
    *ret_number = paths->count++;
    return 0;
}

/* -ENOENT: its link is not open. */
static int find_path(struct paths *paths, const struct route *route, uint32_t *ret_number)
{
    uint32_t link;
    int rc;

    for (uint32_t i = 0; i < paths->count; i++) {
        if (is_path(&paths->paths[i], route)) {
            *ret_number = i;
            return 0;
        }
    }
    rc = links_find(paths->options.links, route->ifindex, &link);
    return rc < 0 ? rc : add_path(paths, route, link, ret_number);
}

/* ---- routes ------------------------------------------------------------------------------------------------------ */

/* Without a network: from an address of the documentation's (RFC 5737, RFC 3849). */
static void documentation_route(const struct addr *addr, struct route *route, struct addr *ret_last)
{
    static const uint8_t four[4] = {192, 0, 2, 1};
    static const uint8_t six[4] = {0x20, 0x01, 0x0d, 0xb8};

    *route = (struct route){.interface = "pcap", .source.is_ipv6 = addr->is_ipv6, .next_hop = *addr};
    memcpy(route->source.bytes, addr->is_ipv6 ? six : four, 4);
    route->source.bytes[15] = addr->is_ipv6 ? 1 : 0;
    *ret_last = *addr;
    memset(ret_last->bytes, 0xff, addr->is_ipv6 ? 16 : 4);
}

static int find_route(struct paths *paths, const struct addr *addr, struct route *ret_route, struct addr *ret_last,
                      struct problem *problem)
{
    if (paths->options.router == NULL) {
        documentation_route(addr, ret_route, ret_last);
        return 0;
    }
    return router_find(paths->options.router, addr, ret_route, ret_last, problem);
}

/* Answers come to the source address, and may come in by the interface that has it. */
static int open_home(struct paths *paths, const struct route *route, struct problem *problem)
{
    struct origin *origins = paths->origins;
    struct route home;
    uint32_t link;

    for (uint32_t i = 0; i < paths->origin_count; i++) {
        if (origins[i].ifindex == route->ifindex && addr_equal(&origins[i].source, &route->source)) {
            return 0;
        }
    }
    if (paths->options.router == NULL || route->local || paths->origin_count == ORIGINS_MAX) {
        return 0;
    }
    origins[paths->origin_count++] = (struct origin){.ifindex = route->ifindex, .source = route->source};
    return router_home(paths->options.router, route, &home) ? links_open(paths->options.links, &home, &link, problem)
                                                            : 0;
}

static int open_link_to(void *context, const struct addr *addr, struct addr *ret_last, struct problem *problem)
{
    struct paths *paths = context;
    struct route route;
    struct problem no_way;
    uint32_t link;
    int rc;

    if (find_route(paths, addr, &route, ret_last, &no_way) < 0) {
        return 0;
    }
    rc = links_open(paths->options.links, &route, &link, problem);
    return rc == 0 ? open_home(paths, &route, problem) : rc;
}

typedef int stretch_fn(void *context, const struct addr *first, struct addr *ret_last, struct problem *problem);

/* Each stretch of the space's ranges that one route holds for, and the canary. */
static int each_stretch(const struct space *space, const struct addr *canary, stretch_fn *visit, void *context,
                        struct problem *problem)
{
    uint32_t stretches = 0;
    struct addr last;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < space_ranges(space); i++) {
        struct addr at;
        struct addr end;
        bool more = true;
        space_range(space, i, &at, &end);
        while (rc == 0 && more && stretches++ < STRETCHES_MAX) {
            rc = visit(context, &at, &last, problem);
            at = last;
            more = addr_compare(&last, &end) < 0 && addr_add(&at, 1);
        }
    }
    return rc == 0 && canary != NULL ? visit(context, canary, &last, problem) : rc;
}

/* 1: there is one, and no need to look further. */
static int find_unknown_neighbour(void *context, const struct addr *first, struct addr *ret_last,
                                  struct problem *problem)
{
    struct router *router = context;
    struct route route;
    uint8_t mac[ROUTE_MAC];
    bool fixed;
    bool unknown = router_find(router, first, &route, ret_last, problem) == 0 && route.layer == LINK_ETHERNET &&
                   !route.local && (route.on_link || !router_neighbour(router, &route, mac, &fixed));

    return unknown ? 1 : 0;
}

bool paths_want_neighbours(struct router *router, const struct space *space, const struct addr *canary)
{
    struct problem problem;

    return each_stretch(space, canary, find_unknown_neighbour, router, &problem) == 1;
}

int paths_open_links(struct paths *paths, const struct space *space, const struct addr *canary, struct problem *problem)
{
    return each_stretch(space, canary, open_link_to, paths, problem);
}

static bool is_on_link(void *context, const struct addr *addr, struct neighbour_question *ret_question,
                       struct addr *ret_last)
{
    struct paths *paths = context;
    struct route route;
    struct problem no_way;
    uint32_t path;

    if (find_route(paths, addr, &route, ret_last, &no_way) < 0 || !route.on_link || route.local ||
        find_path(paths, &route, &path) < 0 || paths->paths[path].layer != LINK_ETHERNET) {
        return false;
    }
    *ret_question = (struct neighbour_question){.source = route.source, .link = paths->paths[path].link};
    return true;
}

struct paths *paths_create(const struct paths_options *options)
{
    struct paths *paths = calloc(1, sizeof(*paths));
    struct ahead_options ahead = {.space = options->space, .on_link = is_on_link, .context = paths};

    if (paths == NULL) {
        return NULL;
    }
    paths->options = *options;
    paths->heard = -1;
    ahead.pacer = &paths->pacer;
    if (options->space != NULL) {
        paths->ahead = ahead_create(&ahead);
    }
    if (options->space != NULL && paths->ahead == NULL) {
        free(paths);
        return NULL;
    }
    return paths;
}

/* ---- a slab ------------------------------------------------------------------------------------------------------ */

/* FNV-1a: enough to see that something changed. */
static uint64_t mix(uint64_t digest, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < size; i++) {
        digest = (digest ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return digest;
}

static uint64_t mix_route(uint64_t digest, const struct addr *first, int rc, const struct route *route)
{
    digest = mix(digest, first->bytes, sizeof(first->bytes));
    digest = mix(digest, &rc, sizeof(rc));
    if (rc == 0) {
        digest = mix(digest, &route->ifindex, sizeof(route->ifindex));
        digest = mix(digest, route->source.bytes, sizeof(route->source.bytes));
        digest = mix(digest, &route->on_link, sizeof(route->on_link));
        digest = mix(digest, route->source_mac, sizeof(route->source_mac));
        if (!route->on_link) {
            digest = mix(digest, route->next_hop.bytes, sizeof(route->next_hop.bytes));
        }
    }
    return digest;
}

/* What one route says of the hosts of its stretch. */
struct stretch {
    struct route route;
    struct addr last;
    int rc;
    uint32_t path;
    uint32_t hop; /* of all its hosts, when they are behind a gateway */
    bool begun;
};

/* True when the address begins a new stretch. */
static bool enter_stretch(struct paths *paths, const struct addr *addr, struct stretch *stretch, uint64_t *digest)
{
    struct problem no_way;

    if (stretch->begun && addr->is_ipv6 == stretch->last.is_ipv6 && addr_compare(addr, &stretch->last) <= 0) {
        return false;
    }
    stretch->begun = true;
    stretch->rc = find_route(paths, addr, &stretch->route, &stretch->last, &no_way);
    *digest = mix_route(*digest, addr, stretch->rc, &stretch->route);
    return true;
}

static int choose_path(struct paths *paths, struct stretch *stretch, struct problem *problem)
{
    int rc = find_path(paths, &stretch->route, &stretch->path);

    if (rc == -ENOENT) {
        return problem_set(problem, -ENOTUNIQ,
                           "a route leads by %s now, which was not opened when the scan began: resume the scan",
                           stretch->route.interface);
    }
    return rc < 0 ? problem_set(problem, rc, "out of memory") : 0;
}

/* Who was asked ahead is not asked again. */
static void look_ahead(struct paths *paths, const struct neighbour_question *question, int64_t number)
{
    const uint8_t *mac;

    if (paths->ahead == NULL || !ahead_find(paths->ahead, question->link, &question->addr, &mac)) {
        return;
    }
    if (mac != NULL) {
        neighbours_learn(paths->neighbours, question->link, &question->addr, mac);
        return;
    }
    neighbours_spare(paths->neighbours, number);
    paths->leaning = true;
}

/* A gateway of the other family (RFC 5549) is asked from an address of its own: the one that would be taken for it. */
static void choose_source(const struct paths *paths, const struct route *route, struct neighbour_question *question)
{
    struct addr gateway = question->addr;
    struct addr last;
    struct route way;
    struct problem no_way;

    gateway.zone = route->ifindex;
    if (gateway.is_ipv6 != question->source.is_ipv6 &&
        router_find(paths->options.router, &gateway, &way, &last, &no_way) == 0) {
        question->source = way.source;
        question->source.zone = 0;
    }
}

static int add_hop(struct paths *paths, uint32_t host, const struct addr *addr, struct stretch *stretch)
{
    struct route route = stretch->route;
    struct neighbour_question question = {.addr = route.on_link ? *addr : route.next_hop,
                                          .source = route.source,
                                          .link = paths->paths[stretch->path].link};
    uint8_t mac[ROUTE_MAC];
    bool fixed;
    int64_t number;

    question.addr.zone = 0; /* the link says it */
    choose_source(paths, &route, &question);
    number = neighbours_add(paths->neighbours, &question);
    if (number < 0) {
        return (int)number;
    }
    paths->hops[host] = (uint32_t)number;
    stretch->hop = (uint32_t)number;
    route.next_hop = question.addr;
    if (route.on_link) {
        look_ahead(paths, &question, number);
    }
    /* What is on link is asked anew, because the kernel's table may be old; a gateway that the kernel uses is there. */
    if (!route.on_link && neighbours_mac(paths->neighbours, number) == NULL &&
        router_neighbour(paths->options.router, &route, mac, &fixed)) {
        neighbours_learn(paths->neighbours, question.link, &question.addr, mac);
        if (fixed) {
            neighbours_fix(paths->neighbours, number);
        }
    }
    return 0;
}

static int resolve_host(struct paths *paths, uint32_t host, struct stretch *stretch, struct problem *problem)
{
    struct addr addr;
    bool entered;
    int rc;

    paths->hosts.host(paths->hosts.context, host, &addr);
    entered = enter_stretch(paths, &addr, stretch, &paths->digest);
    paths->ways[host].path = NO_PATH;
    if (stretch->rc < 0) {
        paths->options.unreachable(paths->options.context, host, -stretch->rc);
        return 0;
    }
    rc = entered ? choose_path(paths, stretch, problem) : 0;
    if (rc < 0) {
        return rc;
    }
    paths->ways[host].path = (uint16_t)stretch->path;
    paths->ways[host].near = stretch->route.local;
    if (paths->paths[stretch->path].layer != LINK_ETHERNET || paths->options.router == NULL) {
        return 0;
    }
    paths->ways[host].near |= stretch->route.on_link;
    if (!entered && !stretch->route.on_link) {
        paths->hops[host] = stretch->hop;
        return 0;
    }
    rc = add_hop(paths, host, &addr, stretch);
    return rc < 0 ? problem_set(problem, rc, "out of memory") : 0;
}

static int make_room(struct paths *paths, const struct paths_hosts *hosts, struct problem *problem)
{
    forget_slab(paths);
    paths->ways = calloc((size_t)hosts->count + 1, sizeof(*paths->ways));
    paths->hops = calloc((size_t)hosts->count + 1, sizeof(*paths->hops));
    paths->macs = calloc((size_t)hosts->count + 1, sizeof(*paths->macs));
    paths->neighbours = neighbours_create(&paths->pacer);
    if (paths->ways == NULL || paths->hops == NULL || paths->macs == NULL || paths->neighbours == NULL) {
        forget_slab(paths);
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    paths->hosts = *hosts;
    for (uint32_t i = 0; i < hosts->count; i++) {
        paths->ways[i].path = SKIPPED;
        paths->hops[i] = NO_HOP;
    }
    return 0;
}

/* Those behind the slab's last host, if that one is on link: asked for while this slab is sent. */
static int follow(struct paths *paths, const struct stretch *stretch, struct mono_time now, struct problem *problem)
{
    struct addr last;

    if (paths->ahead == NULL || !stretch->begun || stretch->rc < 0 || !stretch->route.on_link) {
        return 0;
    }
    paths->hosts.host(paths->hosts.context, paths->hosts.count - 1, &last);
    return ahead_follow(paths->ahead, &last, now) < 0 ? problem_set(problem, -ENOMEM, "out of memory") : 0;
}

int paths_resolve(struct paths *paths, const struct paths_hosts *hosts, struct problem *problem)
{
    struct stretch stretch = {.begun = false};
    struct mono_time now = mono_now();
    int rc = make_room(paths, hosts, problem);

    paths->digest = 0;
    if (paths->ahead != NULL) {
        ahead_begin(paths->ahead, now);
    }
    for (uint32_t i = 0; rc == 0 && i < hosts->count; i++) {
        if (!hosts->skipped(hosts->of, i)) {
            rc = resolve_host(paths, i, &stretch, problem);
        }
    }
    return rc == 0 ? follow(paths, &stretch, now, problem) : rc;
}

void paths_forget_ahead(struct paths *paths)
{
    if (paths->ahead != NULL) {
        ahead_forget(paths->ahead);
    }
}

bool paths_changed(struct paths *paths)
{
    struct stretch stretch = {.begun = false};
    uint64_t digest = 0;

    for (uint32_t i = 0; i < paths->hosts.count; i++) {
        struct addr addr;
        paths->hosts.host(paths->hosts.context, i, &addr);
        if (paths->ways[i].path != SKIPPED) {
            enter_stretch(paths, &addr, &stretch, &digest);
        }
    }
    return digest != paths->digest;
}

/* ---- probes ------------------------------------------------------------------------------------------------------ */

uint32_t paths_zone(const struct paths *paths, uint32_t link, const struct addr *addr, const struct addr *local)
{
    bool link_local = addr->is_ipv6 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;

    for (uint32_t i = 0; link_local && i < paths->count; i++) {
        const struct path *path = &paths->paths[i];
        if (path->link == link && path->source.zone != 0 && path->source.is_ipv6 &&
            memcmp(path->source.bytes, local->bytes, sizeof(local->bytes)) == 0) {
            return path->source.zone;
        }
    }
    return 0;
}

bool paths_is_near(const struct paths *paths, uint32_t host)
{
    return paths->ways[host].near;
}

void paths_frame(const struct paths *paths, uint32_t host, enum packet_probe probe, struct template_target *target,
                 struct paths_frame *frame)
{
    const struct way *way = &paths->ways[host];
    const struct template *template;
    const struct path *path;

    frame->length = 0;
    frame->link = 0;
    if (way->path >= SKIPPED) {
        return;
    }
    path = &paths->paths[way->path];
    template = &path->templates[template_number(
        probe, probe == PACKET_UDP ? payload_for(target->port, target->try_number) : NULL)];
    target->link = path->layer == LINK_ETHERNET ? way->mac : NULL;
    frame->link = path->link;
    frame->length = (uint32_t)(frame->template == template ? template_patch_again(template, target, frame->bytes)
                                                           : template_patch(template, target, frame->bytes));
    frame->template = template;
}
