/* A port as the policy is asked about it: from the places that see it open, with what is known to answer there.
 * A part of settle.c; moves no finding. */
#ifndef LEASTPORT_AUDITD_FINDING_SETTLE_JUDGE_H
#define LEASTPORT_AUDITD_FINDING_SETTLE_JUDGE_H

#include "auditd/finding/settle_port.h"
#include "auditd/finding/sighting.h"
#include "auditd/store/answer.h"

/* What this scan made of one place. */
struct settle_look {
    bool looked;  /* this scan has a look at it */
    bool planned; /* it should have had one */
    bool settled; /* it was proven closed before: unless it is open again, looking at it tells nothing new */
    enum look look;
    enum vantage_class vantage_class;
    bool open; /* its last answer was open, and nothing counts against it */
};

/* A port of an asset with all its places. Borrows. */
struct settle_view {
    const struct settle_scan *scan;
    const struct store_known *known;
    const struct store_port *port;
    const struct store_place *places;
    const struct settle_look *looks; /* one for each place; `open` and `vantage_class` count */
    size_t count;
    const struct declared *declared; /* NULL: nobody asks */
    const struct lookers *lookers;   /* NULL: who looked from elsewhere matters not */
    uint8_t *memo;                   /* of the asset, as struct host_view has it; may be NULL */
};

struct settle_exposed {
    struct exposure exposure; /* borrows from the view and from what is below */
    const char *address;      /* of the widest place */
    struct sighting sighting;
    struct store_facts stored;
    struct exposure_fact *items;
};

bool settle_place_is_open(const struct store_place *place);
enum vantage_class settle_classify(const struct settle_scan *scan, const struct store_place *place);

/* -ENOENT when no place sees it open, -ENOMEM, the store's errors. In place, for it points into itself; the caller ends
 * it with settle_exposed_done(), whatever came of it. */
MUST_USE int settle_expose(const struct settle_view *view, struct settle_exposed *exposed);
void settle_exposed_done(struct settle_exposed *exposed);

#endif
