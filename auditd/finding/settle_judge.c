#include "auditd/finding/settle_judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool settle_place_is_open(const struct store_place *place)
{
    return place->state == PORT_STATE_OPEN && life_word(&place->proof) == ENDPOINT_WORD_OPEN;
}

enum vantage_class settle_classify(const struct settle_scan *scan, const struct store_place *place)
{
    struct addr address = {0};
    const struct settle_place asked = {
        .realm = scan->realm,
        .vantage = place->vantage,
        .declared_class = place->declared_class[0] == '\0' ? NULL : place->declared_class,
        .address = &address,
        .self = place->self,
    };
    enum vantage_class vantage_class = VANTAGE_OWN_VPC;

    if (scan->options->classify != NULL && addr_parse(place->address, &address) == 0) {
        return scan->options->classify(scan->options->context, &asked);
    }
    if (place->self) {
        return VANTAGE_SELF;
    }
    return asked.declared_class != NULL && vantage_class_parse(asked.declared_class, &vantage_class) == 0
               ? vantage_class
               : VANTAGE_OWN_VPC;
}

/* One sight for each vantage that finds it open, and for each that looked and did not. */
static void settle_sight(const struct settle_view *view, struct sighting *sighting)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct store_place *place = &view->places[i];
        const struct sighting_place seen = {
            .vantage_id = place->vantage_id,
            .vantage = place->vantage,
            .vantage_class = view->looks[i].vantage_class,
            .bound = place->bound,
            .standing = standings_find(view->scan->standings, place->vantage_id),
        };
        if (view->looks[i].open) {
            sighting_add_open(sighting, &seen);
        }
    }
    if (view->lookers != NULL) {
        sighting_add_lookers(sighting, view->scan->standings, view->lookers, view->port->is_udp, view->port->port);
    }
}

/* The first place of the vantage that sees it open from the widest; `view->count` when none does. */
static size_t settle_widest(const struct settle_view *view, const struct sighting *sighting)
{
    size_t widest = sighting_widest(sighting);

    for (size_t i = 0; widest < SIGHTINGS_MAX && i < view->count; i++) {
        if (view->looks[i].open && view->places[i].vantage_id == sighting->vantage_ids[widest] &&
            view->looks[i].vantage_class == sighting->sights[widest].vantage_class) {
            return i;
        }
    }
    return view->count;
}

/* What answers, as it answers to the widest place that asked; who sees it from elsewhere may see less. */
static int settle_know(const struct settle_view *view, size_t widest, struct settle_exposed *exposed)
{
    struct store *store = view->scan->store;
    struct store_facts *stored = &exposed->stored;
    int rc = store_answer_facts(store, view->places[widest].endpoint_id, stored);

    for (size_t i = 0; rc == 0 && stored->count == 0 && i < view->count; i++) {
        store_facts_done(stored);
        rc = view->looks[i].open ? store_answer_facts(store, view->places[i].endpoint_id, stored) : 0;
    }
    if (rc < 0 || stored->count == 0) {
        return rc;
    }
    exposed->items = calloc(stored->count, sizeof(*exposed->items));
    if (exposed->items == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < stored->count; i++) {
        exposed->items[i] = (struct exposure_fact){stored->items[i].name, stored->items[i].value};
    }
    exposed->exposure.asked = true;
    exposed->exposure.facts = exposed->items;
    exposed->exposure.fact_count = stored->count;
    return 0;
}

int settle_expose(const struct settle_view *view, struct settle_exposed *exposed)
{
    const struct store_place *place;
    size_t widest;

    memset(exposed, 0, sizeof(*exposed));
    settle_sight(view, &exposed->sighting);
    widest = settle_widest(view, &exposed->sighting);
    if (widest == view->count) {
        return -ENOENT;
    }
    place = &view->places[widest];
    exposed->address = place->address;
    exposed->exposure = (struct exposure){
        .realm = view->scan->realm,
        .names = (const char *const *)view->known->names,
        .name_count = view->known->name_count,
        .addresses = view->known->addresses,
        .address_count = view->known->address_count,
        .tags = view->known->tags,
        .tag_count = view->known->tag_count,
        .memo = view->memo,
        .proto = view->port->is_udp ? "udp" : "tcp",
        .port = view->port->port,
        .now_ms = view->scan->options->now_ms,
        .declared = declared_of(view->declared, view->port->is_udp, view->port->port),
    };
    sighting_expose(&exposed->sighting, &exposed->exposure);
    return settle_know(view, widest, exposed);
}

void settle_exposed_done(struct settle_exposed *exposed)
{
    free(exposed->items);
    store_facts_done(&exposed->stored);
}
