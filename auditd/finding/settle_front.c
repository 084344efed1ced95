#include "auditd/finding/settle_front.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A page that so many hosts show is nobody's own: what a distribution ships, an appliance's login. */
enum { SETTLE_FRONT_ASSETS_MAX = 16 };

struct front_search {
    const struct settle_view *back;
    struct front_page page; /* of the back end */
    struct front best;
    uint16_t best_port;
    bool paired; /* the page is that of the host's port 443, too */
};

/* Best sign first, then the lowest port, so that the same pages always give the same answer. */
static void front_take(struct front_search *search, enum front_sign sign, const struct settle_exposed *exposed,
                       const struct verdict *verdict)
{
    uint16_t port = exposed->exposure.port;

    if (sign > search->best.sign || (sign == search->best.sign && port >= search->best_port)) {
        return;
    }
    search->best.sign = sign;
    search->best_port = port;
    snprintf(search->best.address, sizeof(search->best.address), "%s", exposed->address);
    snprintf(search->best.subject, sizeof(search->best.subject), "%s", verdict->subject);
}

static void front_weigh(struct front_search *search, int64_t asset_id, const struct settle_exposed *exposed)
{
    const struct settle_options *options = search->back->scan->options;
    struct front_page page;
    struct verdict verdict;
    enum front_sign sign;

    options->judge(options->policy, &exposed->exposure, &verdict);
    page = front_page_of(asset_id, &exposed->exposure, &verdict);
    search->paired = search->paired || front_is_pair(&search->page, &page);
    sign = front_sign(&page, &search->page);
    if (sign != FRONT_NONE) {
        front_take(search, sign, exposed, &verdict);
    }
}

static int front_look(struct front_search *search, struct settle_view *view)
{
    struct settle_look *looks = calloc(view->count + 1, sizeof(*looks));
    struct settle_exposed exposed;
    int rc;

    if (looks == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < view->count; i++) {
        looks[i].open = settle_place_is_open(&view->places[i]);
        looks[i].vantage_class = settle_classify(view->scan, &view->places[i]);
    }
    view->looks = looks;
    rc = settle_expose(view, &exposed);
    if (rc == 0) {
        front_weigh(search, view->port->asset_id, &exposed);
    }
    settle_exposed_done(&exposed);
    free(looks);
    return rc == -ENOENT ? 0 : rc;
}

static int front_try(struct front_search *search, const struct store_port *port)
{
    struct store *store = search->back->scan->store;
    struct settle_view view = {.scan = search->back->scan, .port = port};
    struct store_known known = {0};
    struct store_place *places = NULL;
    int rc = store_asset_known(store, port->asset_id, &known);

    if (rc == 0) {
        rc = store_port_places(store, port, &places, &view.count);
    }
    if (rc == 0) {
        view.known = &known;
        view.places = places;
        rc = front_look(search, &view);
    }
    free(places);
    store_known_done(&known);
    return rc;
}

static size_t front_count_assets(const struct store_port *pages, size_t count)
{
    size_t assets = 0;

    for (size_t i = 0; i < count; i++) {
        assets += i == 0 || pages[i].asset_id != pages[i - 1].asset_id;
    }
    return assets;
}

int settle_front(const struct settle_view *view, const struct settle_exposed *exposed, const struct verdict *verdict,
                 struct front *ret_front)
{
    struct front_search search = {.back = view,
                                  .page = front_page_of(view->port->asset_id, &exposed->exposure, verdict),
                                  .best = {.sign = FRONT_NONE},
                                  .best_port = UINT16_MAX};
    const char *sha256 = store_facts_get(&exposed->stored, "http.body_sha256");
    struct store_port *pages;
    size_t count;
    int rc;

    if (sha256 == NULL || verdict->verdict != VERDICT_FINDING) {
        return 0;
    }
    rc = store_answer_pages(view->scan->store, view->scan->scan.realm_id, sha256, &pages, &count);
    if (rc < 0) {
        return rc;
    }
    if (front_count_assets(pages, count) <= SETTLE_FRONT_ASSETS_MAX) {
        for (size_t i = 0; rc == 0 && i < count; i++) {
            rc = front_try(&search, &pages[i]);
        }
    }
    free(pages);
    if (rc < 0 || search.best.sign == FRONT_NONE || search.paired) {
        return rc;
    }
    *ret_front = search.best;
    return 1;
}
