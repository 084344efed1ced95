/* What the files of the paths share: their state. Nobody else includes it. */
#ifndef LEASTPORT_SCANNER_RAW_PATHS_INNER_H
#define LEASTPORT_SCANNER_RAW_PATHS_INNER_H

#include "scanner/raw/ahead.h"
#include "scanner/raw/doubt.h"
#include "scanner/raw/neighbour.h"
#include "scanner/raw/paths.h"

enum {
    /* Source addresses of which it is looked whose they are. */
    ORIGINS_MAX = 64,
    GONE_TOLD = 8,
};

/* In way.path: there is none, and the host is not asked. */
static const uint16_t NO_PATH = UINT16_MAX;
static const uint16_t SKIPPED = UINT16_MAX - 1;
/* In paths.hops. */
static const uint32_t NO_HOP = UINT32_MAX;

/* One source address on one link: its probes differ in destination and next hop only. */
struct path {
    uint32_t link;
    uint32_t ifindex;
    struct addr source;
    uint8_t source_mac[ROUTE_MAC];
    enum link_layer layer;
    struct template *templates; /* template_number() */
};

struct origin {
    uint32_t ifindex;
    struct addr source;
};

struct way {
    uint16_t path;
    bool near;
    bool proxied; /* its hardware address is many others' too */
    uint8_t mac[ROUTE_MAC];
};

struct paths {
    struct paths_options options;
    struct path *paths;
    uint32_t count;
    uint32_t room;
    struct origin origins[ORIGINS_MAX]; /* by what probes leave */
    uint32_t origin_count;
    struct addr gone[GONE_TOLD];
    uint32_t gone_count;
    /* Of the slab at hand. */
    struct way *ways;
    uint32_t *hops; /* numbers of neighbours */
    uint64_t *macs; /* of those on link, until it is settled */
    struct paths_hosts hosts;
    uint64_t digest; /* of its routes */
    struct neighbours *neighbours;
    bool settled;
    bool leaning;        /* on what was asked ahead and has not answered yet */
    struct doubt *doubt; /* NULL: there is none */
    int64_t heard;       /* a neighbour that is said to be elsewhere; -1: none */
    struct ahead *ahead;
    struct pacer pacer; /* of all questions */
};

#endif
