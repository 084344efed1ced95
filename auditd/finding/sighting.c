#include "auditd/finding/sighting.h"

enum { BOUND_LOOPBACK, BOUND_ADDRESS, BOUND_WILDCARD, BOUND_UNKNOWN };

/* Not known counts as everywhere. */
static int rank_bound(const char *text, struct addr *ret_bound)
{
    if (text[0] == '\0' || addr_parse(text, ret_bound) < 0) {
        return BOUND_UNKNOWN;
    }
    return addr_is_unspecified(ret_bound) ? BOUND_WILDCARD
           : addr_is_loopback(ret_bound)  ? BOUND_LOOPBACK
                                          : BOUND_ADDRESS;
}

static size_t find(const struct sighting *sighting, int64_t vantage_id)
{
    size_t at = 0;

    while (at < sighting->count && sighting->vantage_ids[at] != vantage_id) {
        at++;
    }
    return at;
}

static void set(struct sighting *sighting, size_t at, const struct sighting_place *place, const struct addr *bound,
                int rank)
{
    sighting->vantage_ids[at] = place->vantage_id;
    sighting->bounds[at] = *bound;
    sighting->ranks[at] = rank;
    sighting->sights[at] = (struct exposure_sight){
        .vantage_class = place->vantage_class,
        .vantage = place->vantage,
        .open = true,
        .bound = rank == BOUND_UNKNOWN ? NULL : &sighting->bounds[at],
        .host = place->standing != NULL && place->standing->is_known ? &place->standing->host : NULL,
    };
}

void sighting_add_open(struct sighting *sighting, const struct sighting_place *place)
{
    struct addr bound = {0};
    int rank = rank_bound(place->bound, &bound);
    size_t at = find(sighting, place->vantage_id);

    if (at == SIGHTINGS_MAX) {
        return;
    }
    if (at == sighting->count) {
        sighting->count++;
    } else if (sighting->sights[at].vantage_class > place->vantage_class ||
               (sighting->sights[at].vantage_class == place->vantage_class && sighting->ranks[at] >= rank)) {
        return;
    }
    set(sighting, at, place, &bound, rank);
}

void sighting_add_lookers(struct sighting *sighting, const struct standings *standings, const struct lookers *lookers,
                          bool is_udp, uint16_t port)
{
    for (size_t i = 0; i < standings->count && sighting->count < SIGHTINGS_MAX; i++) {
        const struct standing *standing = &standings->items[i];
        if (find(sighting, standing->vantage_id) < sighting->count ||
            !lookers_has(lookers, standing->vantage_id, is_udp, port)) {
            continue;
        }
        sighting->vantage_ids[sighting->count] = standing->vantage_id;
        sighting->sights[sighting->count++] = (struct exposure_sight){
            .vantage_class = standing->vantage_class,
            .vantage = standing->name,
            .host = standing->is_known ? &standing->host : NULL,
        };
    }
}

size_t sighting_widest(const struct sighting *sighting)
{
    size_t widest = SIGHTINGS_MAX;

    for (size_t i = 0; i < sighting->count; i++) {
        const struct exposure_sight *sight = &sighting->sights[i];
        if (sight->open && (widest == SIGHTINGS_MAX || sight->vantage_class > sighting->sights[widest].vantage_class ||
                            (sight->vantage_class == sighting->sights[widest].vantage_class &&
                             sighting->ranks[i] > sighting->ranks[widest]))) {
            widest = i;
        }
    }
    return widest;
}

void sighting_expose(const struct sighting *sighting, struct exposure *exposure)
{
    size_t widest = sighting_widest(sighting);

    exposure->sights = sighting->sights;
    exposure->sight_count = sighting->count;
    if (widest < SIGHTINGS_MAX) {
        exposure->vantage_class = sighting->sights[widest].vantage_class;
        exposure->vantage = sighting->sights[widest].vantage;
        exposure->from = sighting->sights[widest].host;
        exposure->bound = sighting->sights[widest].bound;
    }
}
