/* From what the places say of a port to the sights of its exposure: one for each vantage. Pure. */
#ifndef LEASTPORT_AUDITD_FINDING_SIGHTING_H
#define LEASTPORT_AUDITD_FINDING_SIGHTING_H

#include "auditd/finding/lookers.h"
#include "auditd/finding/standing.h"
#include "auditd/policy/judge.h"

/* A policy's vantages are few; what is past this many is left out, the last named first. */
enum { SIGHTINGS_MAX = 64 };

struct sighting {
    int64_t vantage_ids[SIGHTINGS_MAX];
    struct addr bounds[SIGHTINGS_MAX];
    int ranks[SIGHTINGS_MAX]; /* how widely the listener is bound there */
    struct exposure_sight sights[SIGHTINGS_MAX];
    size_t count;
};

/* A vantage that finds it open; `bound` is the listener's text, "" when it is not known. Of the places of one vantage
 * the widest counts. `standing` may be NULL; it is borrowed, as is `vantage`. */
struct sighting_place {
    int64_t vantage_id;
    const char *vantage;
    enum vantage_class vantage_class;
    const char *bound;
    const struct standing *standing;
};

void sighting_add_open(struct sighting *sighting, const struct sighting_place *place);

/* Those that looked at the port and did not find it open. */
void sighting_add_lookers(struct sighting *sighting, const struct standings *standings, const struct lookers *lookers,
                          bool is_udp, uint16_t port);

/* The widest that finds it open: its number, or SIGHTINGS_MAX when none does. */
size_t sighting_widest(const struct sighting *sighting);

/* Makes the sights the exposure's, which borrows them, and the widest the one that stands in it. */
void sighting_expose(const struct sighting *sighting, struct exposure *exposure);

#endif
