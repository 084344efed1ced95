/* A list of rules cut along the port axis at every boundary: in each band the same rules decide, so that what they
 * admit is one set of addresses. And a route table cut along the address axis. Pure. */
#ifndef LEASTPORT_AUDITD_REACH_BANDS_H
#define LEASTPORT_AUDITD_REACH_BANDS_H

#include "auditd/reach/model.h"
#include "auditd/reach/span.h"

/* What of the addresses is sure, and what may be: `sure` lies within `maybe`. */
struct reach_tri {
    struct span_set sure, maybe;
};

struct reach_band {
    struct reach_ports ports;
    struct span_set open;    /* by prefixes and prefix lists */
    struct span_set members; /* by groups: the addresses of those that hold them */
    bool open_unsure;        /* a list could not be read: any address may be in */
    bool members_unsure;     /* likewise a group's members */
};

/* Ascending, from 0 to 65535 without a gap. */
struct reach_bands {
    struct reach_band *items;
    size_t count;
};

/* What is asked of the rules. `proto` is 0 to 255, or REACH_PROTO_UNNAMED for one that no rule names. */
struct reach_aspect {
    uint16_t proto;
    bool egress, is_ipv6;
};

void reach_bands_done(struct reach_bands *bands);

/* Entries in ascending order, the first match decides, and what none matches is denied. -ENOMEM. */
MUST_USE int reach_bands_of_acl(const struct reach_acl *acl, struct reach_aspect aspect, struct reach_bands *ret_bands);

/* The union of all rules. -ENOMEM. */
MUST_USE int reach_bands_of_group(const struct reach_model *model, const struct reach_group *group,
                                  struct reach_aspect aspect, struct reach_bands *ret_bands);

/* The union of several. -ENOMEM. */
MUST_USE int reach_bands_join(const struct reach_bands *const *parts, size_t count, struct reach_bands *ret_bands);

/* The band of a port. */
const struct reach_band *reach_bands_at(const struct reach_bands *bands, uint16_t port);

/* The addresses that one route carries. */
struct reach_way {
    const struct reach_route *route; /* borrowed from the model */
    struct span_set set;
    bool torn; /* lists with the same prefix lead elsewhere, too: which one counts cannot be known */
};

/* In descending order of precedence, disjoint. */
struct reach_ways {
    struct reach_way *items;
    size_t count;
    const struct reach_table *table;
};

void reach_ways_done(struct reach_ways *ways);

/* The longest prefix, then static before propagated, a prefix before a list. Lists that cannot be read carry nothing
 * here: reach_ways_unread() has them. -ENOMEM. */
MUST_USE int reach_ways_of(const struct reach_model *model, const struct reach_table *table, bool is_ipv6,
                           struct reach_ways *ret_ways);

/* NULL when no route carries it. */
const struct reach_way *reach_ways_at(const struct reach_ways *ways, span_value value);

/* The n-th route whose list cannot be read; NULL behind the last. */
const struct reach_route *reach_ways_unread(const struct reach_model *model, const struct reach_table *table, size_t n);

#endif
