#include "auditd/group_needs.h"

#include "auditd/census.h"
#include "auditd/finding/lookers.h"
#include "auditd/finding/standing.h"
#include "auditd/finding/survey.h"
#include "auditd/group_places.h"
#include "auditd/group_sources.h"
#include "auditd/policy/rule.h"
#include "auditd/store/scan.h"
#include "lib/portset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const int64_t LOOKS_MS = INT64_C(7) * 24 * 3600 * 1000;

/* The ports of an interface at which some look counts: TCP's and UDP's. */
struct looked {
    struct portset ports[2];
};

static const uint16_t PROTOS[2] = {REACH_TCP, REACH_UDP};

struct gathering {
    struct store *store;
    const struct policy *policy;
    const struct reach_model *model;
    struct reach_engine *engine;
    struct group_places *places;
    struct group_sources *sources;
    struct standings standings;
    struct looked **looked; /* of each interface; NULL: nothing is known of it */
    struct group_needs needs;
    int64_t now_ms;
};

static int push_need(struct gathering *this, const struct reach_need *need)
{
    struct reach_needs *needs = &this->needs.needs;
    struct reach_need *items = reallocarray(needs->items, needs->count + 1, sizeof(*items));

    if (items == NULL) {
        return -ENOMEM;
    }
    needs->items = items;
    items[needs->count++] = *need;
    return 0;
}

/* ---- where looks count ---- */

/* Adds the ports that the question's sources reach for certain. */
static int add_reached(struct gathering *this, const struct reach_question *question, struct portset *ports)
{
    struct reach_answer answer;
    int rc = reach_ask(this->engine, question, &answer);

    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; answer.asked.count > 0 && i < answer.count; i++) {
        const struct reach_cell *cell = &answer.cells[i];
        if (cell->verdict == REACH_REACHABLE) {
            portset_add_range(ports, cell->ports.first, cell->ports.last);
        }
    }
    reach_answer_done(&answer);
    return 0;
}

/* As an interface where the vantage is one, so that its groups count. */
static int stand_at(struct gathering *this, const struct standing *standing, const struct addr *addr,
                    struct reach_question *question)
{
    struct addr copy = *addr;
    const struct store_known one = {.addresses = &copy, .address_count = 1};
    uint32_t *enis;
    size_t count;
    int rc = group_places_find(this->places, standing->realm, &one, &enis, &count);

    if (rc < 0) {
        return rc;
    }
    question->from = count == 1 ? REACH_FROM_ENI : REACH_FROM_PREFIX;
    question->source = count == 1 ? enis[0] : 0;
    question->prefix = (struct prefix){*addr, addr->is_ipv6 != 0 ? 128 : 32};
    free(enis);
    return 0;
}

static int add_reached_by(struct gathering *this, const struct standing *standing, struct reach_question *question,
                          struct portset *ports)
{
    int rc = 0;

    if (standing->is_declared && standing->vantage_class == VANTAGE_WORLD) {
        question->from = REACH_FROM_WORLD;
        return add_reached(this, question, ports);
    }
    for (size_t i = 0; rc == 0 && i < standing->host.address_count; i++) {
        rc = stand_at(this, standing, &standing->host.addresses[i], question);
        rc = rc == 0 ? add_reached(this, question, ports) : rc;
    }
    return rc;
}

/* The vantage is the host's own machine: groups are not between them. */
static bool is_own(const struct standing *standing, const struct store_known *known)
{
    if (standing->is_declared && standing->vantage_class == VANTAGE_SELF) {
        return true;
    }
    for (size_t i = 0; i < standing->host.address_count; i++) {
        for (size_t j = 0; j < known->address_count; j++) {
            if (addr_equal(&standing->host.addresses[i], &known->addresses[j])) {
                return true;
            }
        }
    }
    return false;
}

/* What both have, added. */
static void add_common(struct portset *sum, const struct portset *a, const struct portset *b)
{
    for (int32_t port = portset_next(a, 0); port >= 0; port = portset_next(a, (uint32_t)port + 1)) {
        if (portset_has(b, (uint16_t)port)) {
            portset_add(sum, (uint16_t)port);
        }
    }
}

/* A host that is looked at by a vantage. */
struct looking {
    const struct standing *standing;
    const struct store_known *known;
    const struct portset *ports;
};

/* All addresses of the interface: which one was looked at does not matter to its groups, but routes do. */
static int look_by(struct gathering *this, const struct looking *look, struct reach_question question,
                   struct portset *sum)
{
    const struct reach_eni *eni = &this->model->enis.items[question.eni];
    int rc = 0;

    if (is_own(look->standing, look->known)) {
        portset_union(sum, look->ports);
        return 0;
    }
    for (uint32_t i = 0; rc == 0 && i < eni->addresses.count; i++) {
        struct portset reached;
        portset_clear(&reached);
        question.address = i;
        rc = add_reached_by(this, look->standing, &question, &reached);
        add_common(sum, &reached, look->ports);
    }
    return rc;
}

static int look_at(struct gathering *this, uint32_t eni, const struct store_known *known, const struct lookers *lookers)
{
    struct looked *looked = this->looked[eni];
    int rc = 0;

    if (looked == NULL) {
        looked = this->looked[eni] = calloc(1, sizeof(*looked));
    }
    if (looked == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; rc == 0 && i < this->standings.count; i++) {
        const struct standing *standing = &this->standings.items[i];
        for (int udp = 0; rc == 0 && udp < 2; udp++) {
            const struct looking look = {standing, known, lookers_ports(lookers, standing->vantage_id, udp == 1)};
            const struct reach_question question = {.eni = eni, .proto = PROTOS[udp], .ports = {0, UINT16_MAX}};
            rc = look.ports == NULL ? 0 : look_by(this, &look, question, &looked->ports[udp]);
        }
    }
    return rc;
}

static int take_asset(struct gathering *this, int64_t asset_id, int64_t realm_id)
{
    struct store_known known = {0};
    struct lookers *lookers = NULL;
    char *realm = NULL;
    uint32_t *enis = NULL;
    size_t count = 0;
    int rc = store_asset_known(this->store, asset_id, &known);

    rc = rc == 0 ? store_realm_name(this->store, realm_id, &realm) : rc;
    rc = rc == 0 ? group_places_find(this->places, realm, &known, &enis, &count) : rc;
    rc = rc == 0 && count > 0 ? lookers_load(this->store, asset_id, this->now_ms - LOOKS_MS, &lookers) : rc;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = look_at(this, enis[i], &known, lookers);
    }
    lookers_destroy(lookers);
    store_known_done(&known);
    free(realm);
    free(enis);
    return rc;
}

static int take_looks(struct gathering *this)
{
    int64_t asset_id = 0;
    int64_t realm_id = 0;
    int rc = 0;

    while (rc == 0 && (rc = census_next(this->store, &asset_id, &realm_id)) == 0) {
        rc = take_asset(this, asset_id, realm_id);
    }
    return rc == -ENOENT ? 0 : rc;
}

/* Ports at which no look counts. */
static int need_unlooked(struct gathering *this, uint32_t eni, int udp)
{
    const struct portset *looked = &this->looked[eni]->ports[udp];
    struct portset rest;
    int rc = 0;

    portset_clear(&rest);
    portset_add_range(&rest, 0, UINT16_MAX);
    portset_subtract(&rest, looked);
    for (int32_t port = portset_next(&rest, 0); rc == 0 && port >= 0;) {
        uint16_t last = portset_run_end(&rest, (uint16_t)port);
        const struct reach_need need = {.eni = eni, .proto = (int16_t)PROTOS[udp], .ports = {(uint16_t)port, last}};
        rc = push_need(this, &need);
        port = last == UINT16_MAX ? -1 : portset_next(&rest, last + 1U);
    }
    return rc;
}

static int need_unknown(struct gathering *this)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < this->model->enis.count; i++) {
        const struct looked *looked = this->looked[i];
        if (looked == NULL || (portset_count(&looked->ports[0]) == 0 && portset_count(&looked->ports[1]) == 0)) {
            rc = push_need(this, &(struct reach_need){.eni = i, .proto = REACH_PROTO_ALL, .ports = {0, UINT16_MAX}});
            continue;
        }
        this->needs.seen++;
        rc = need_unlooked(this, i, 0);
        rc = rc == 0 ? need_unlooked(this, i, 1) : rc;
    }
    return rc;
}

/* ---- what is open ---- */

static int need_port(struct gathering *this, uint32_t eni, const struct survey_port *port)
{
    struct reach_need need = {
        .eni = eni,
        .proto = port->port.is_udp ? REACH_UDP : REACH_TCP,
        .ports = {port->port.port, port->port.port},
        .is_seen = true,
    };
    int rc = group_sources_of(this->sources, port->exposure, &need);
    bool is_needed = need.from[0].count > 0 || need.from[1].count > 0 || need.ranges || need.group_count > 0;

    this->needs.open++;
    this->needs.forbidden += !is_needed;
    rc = rc == 0 && is_needed ? push_need(this, &need) : rc;
    if (rc < 0 || !is_needed) {
        span_set_done(&need.from[0]);
        span_set_done(&need.from[1]);
        free(need.groups);
    }
    return rc;
}

static int on_port(void *context, const struct survey_port *port)
{
    struct gathering *this = context;
    uint32_t *enis;
    size_t count;
    int rc = group_places_find(this->places, port->realm, port->known, &enis, &count);

    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = need_port(this, enis[i], port);
    }
    free(enis);
    return rc;
}

static int take_open(struct gathering *this)
{
    struct survey_options options = survey_options_default();

    options.policy = this->policy;
    options.now_ms = this->now_ms;
    return survey_walk(this->store, &options, on_port, this);
}

/* ---- all ---- */

static int by_eni(const void *a, const void *b)
{
    uint32_t left = ((const struct reach_need *)a)->eni;
    uint32_t right = ((const struct reach_need *)b)->eni;

    return (left > right) - (left < right);
}

static void gathering_done(struct gathering *this)
{
    for (size_t i = 0; this->looked != NULL && i < this->model->enis.count; i++) {
        free(this->looked[i]);
    }
    free(this->looked);
    standings_done(&this->standings);
    group_sources_destroy(this->sources);
    group_places_destroy(this->places);
    reach_engine_destroy(this->engine);
}

int group_needs_gather(struct store *store, const struct policy *policy, const struct reach_model *model,
                       int64_t now_ms, struct group_needs *ret_needs)
{
    struct gathering this = {.store = store, .policy = policy, .model = model, .now_ms = now_ms};
    int rc;

    this.engine = reach_engine_create(model);
    this.places = group_places_create(model);
    this.looked = calloc(model->enis.count + 1, sizeof(*this.looked));
    rc = this.engine == NULL || this.places == NULL || this.looked == NULL ? -ENOMEM : 0;
    rc = rc == 0 ? group_sources_create(store, policy, model, &this.sources) : rc;
    rc = rc == 0 ? standings_load(store, policy_rules(policy)->group_count, &this.standings) : rc;
    rc = rc == 0 ? take_looks(&this) : rc;
    rc = rc == 0 ? need_unknown(&this) : rc;
    rc = rc == 0 ? take_open(&this) : rc;
    gathering_done(&this);
    if (rc < 0) {
        reach_needs_done(&this.needs.needs);
        return rc;
    }
    if (this.needs.needs.count > 0) {
        qsort(this.needs.needs.items, this.needs.needs.count, sizeof(*this.needs.needs.items), by_eni);
    }
    *ret_needs = this.needs;
    return 0;
}
