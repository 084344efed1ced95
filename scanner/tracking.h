/* How fast a scan may send beside the kernel's connection tracking: from how full its table is, and from what it lost
 * for want of room. Pure: readings in, a pace out; knows neither files nor pacers. */
#ifndef LEASTPORT_SCANNER_TRACKING_H
#define LEASTPORT_SCANNER_TRACKING_H

#include "scanner/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* How often the caller looks: a pace holds until the next look. */
enum { TRACKING_LOOKS_PER_S = 10, TRACKING_TRICKLE_PPS = 20 };

/* Zeroed it is ready for use. Its fields are its own. */
struct tracking {
    bool looked;
    bool near;
    uint64_t lost;
    uint64_t sent;
    uint64_t eased_pps; /* 0: nothing was lost lately */
};

struct tracking_reading {
    struct limits_table table;
    bool lost_known;
    uint64_t lost; /* limits_conntrack_lost() */
    uint64_t sent; /* probes of this scan so far */
};

struct tracking_pace {
    uint64_t most_pps; /* 0: the table sets no bound */
    bool nears;        /* it begins to be nearly full: to be said */
    uint64_t lost;     /* since the look before: probes on their way may be among it */
};

void tracking_look(struct tracking *tracking, const struct tracking_reading *reading, struct tracking_pace *ret_pace);

#endif
