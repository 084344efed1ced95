/* Where routes lead, and whether the internet's door to an interface is open. */
#include "auditd/reach/leg.h"

#include <errno.h>
#include <string.h>

void reach_tri_done(struct reach_tri *tri)
{
    span_set_done(&tri->sure);
    span_set_done(&tri->maybe);
}

void reach_tri_and(struct reach_tri *tri, const struct reach_tri *other)
{
    span_set_and(&tri->sure, &other->sure);
    span_set_and(&tri->maybe, &other->maybe);
}

void reach_tri_limit(struct reach_tri *tri, enum reach_maybe may)
{
    if (may != REACH_YES) {
        span_set_done(&tri->sure);
    }
    if (may == REACH_NO) {
        span_set_done(&tri->maybe);
    }
}

void reach_tri_fill(struct reach_tri *tri, const struct span_set *set)
{
    span_set_copy(&tri->sure, set);
    span_set_copy(&tri->maybe, set);
}

enum reach_maybe reach_tri_at(const struct reach_tri *tri, span_value value)
{
    if (span_set_has(&tri->sure, value)) {
        return REACH_YES;
    }
    return span_set_has(&tri->maybe, value) ? REACH_PERHAPS : REACH_NO;
}

/* ---- routes ---- */

uint32_t reach_subnet_table(const struct reach_model *model, uint32_t subnet)
{
    const struct reach_subnet *record = subnet == REACH_NONE ? NULL : &model->subnets.items[subnet];

    if (record == NULL || record->table.id != NULL) {
        return record == NULL ? REACH_NONE : record->table.at;
    }
    return record->vpc.at == REACH_NONE ? REACH_NONE : model->vpcs.items[record->vpc.at].main_table;
}

enum reach_maybe reach_route_leads(const struct reach_model *model, const struct reach_route *route,
                                   struct reach_exit way_out)
{
    enum reach_hop hop = way_out.hop;
    enum reach_kind kind = hop == REACH_HOP_PEERING ? REACH_PEERING : REACH_GATEWAY;

    if (route->blackhole) {
        return REACH_NO;
    }
    if (route->hop == REACH_HOP_UNMODELED) {
        return REACH_PERHAPS;
    }
    if (route->hop != hop || hop == REACH_HOP_LOCAL) {
        return route->hop == hop ? REACH_YES : REACH_NO;
    }
    if (route->via.at == REACH_NONE) {
        return model->unread[kind] ? REACH_PERHAPS : REACH_NO;
    }
    if (hop == REACH_HOP_INTERNET && way_out.via == REACH_NONE) {
        /* Which gateway is the VPC's is not known; where it has none, its door says so. */
        return REACH_PERHAPS;
    }
    return route->via.at == way_out.via ? REACH_YES : REACH_NO;
}

/* A list that cannot be read may take any address over; a service's holds public addresses only. */
static void ways_doubt(const struct reach_model *model, const struct reach_ways *ways, struct reach_exit way_out,
                       const struct span_set *whole, struct reach_tri *tri)
{
    const struct reach_route *route;

    for (size_t i = 0; (route = reach_ways_unread(model, ways->table, i)) != NULL; i++) {
        enum reach_maybe leads = reach_route_leads(model, route, way_out);
        if (way_out.hop == REACH_HOP_LOCAL && route->hop == REACH_HOP_SERVICE) {
            continue;
        }
        if (leads != REACH_YES) {
            span_set_done(&tri->sure);
        }
        if (leads != REACH_NO) {
            span_set_copy(&tri->maybe, whole);
        }
    }
}

int reach_routes_by(struct reach_engine *engine, uint32_t subnet, bool is_ipv6, struct reach_exit way_out,
                    struct reach_tri *tri)
{
    const struct reach_model *model = reach_engine_model(engine);
    uint32_t table = reach_subnet_table(model, subnet);
    const struct reach_ways *ways = table == REACH_NONE ? NULL : reach_engine_ways(engine, table, is_ipv6);
    struct span all = span_all(is_ipv6);
    struct span_set whole = span_set_of(&all);

    if (ways == NULL) {
        span_set_copy(&tri->maybe, &whole);
        return table == REACH_NONE ? 0 : -ENOMEM;
    }
    for (size_t i = 0; i < ways->count; i++) {
        const struct reach_way *way = &ways->items[i];
        enum reach_maybe leads = way->torn ? REACH_PERHAPS : reach_route_leads(model, way->route, way_out);
        if (leads == REACH_YES) {
            span_set_or(&tri->sure, &way->set);
        }
        if (leads != REACH_NO) {
            span_set_or(&tri->maybe, &way->set);
        }
    }
    ways_doubt(model, ways, way_out, &whole, tri);
    return 0;
}

/* ---- the internet's door ---- */

static enum reach_maybe door_block(const struct reach_model *model, const struct reach_subnet *subnet, const char *vpc)
{
    bool excluded = false;

    if (model->unread[REACH_BLOCK]) {
        return REACH_PERHAPS;
    }
    for (size_t i = 0; i < model->exclusions.count; i++) {
        const struct reach_exclusion *exclusion = &model->exclusions.items[i];
        excluded |= exclusion->inbound && (strcmp(exclusion->id, vpc) == 0 || strcmp(exclusion->id, subnet->id) == 0);
    }
    return !model->blocks_public || excluded ? REACH_YES : REACH_NO;
}

/* A route table of the gateway itself may send what comes in to a middlebox. */
static enum reach_maybe door_edge(struct reach_engine *engine, const struct reach_gateway *gateway,
                                  const struct prefix *address)
{
    const struct reach_ways *ways;
    const struct reach_way *way;

    if (gateway->edge_table == REACH_NONE) {
        return REACH_YES;
    }
    ways = reach_engine_ways(engine, gateway->edge_table, address->addr.is_ipv6);
    if (ways == NULL || reach_ways_unread(reach_engine_model(engine), ways->table, 0) != NULL) {
        return REACH_PERHAPS;
    }
    way = reach_ways_at(ways, span_value_of(&address->addr));
    if (way == NULL || (!way->torn && way->route->hop == REACH_HOP_LOCAL)) {
        return REACH_YES;
    }
    return way->route->blackhole && !way->torn ? REACH_NO : REACH_PERHAPS;
}

enum reach_maybe reach_internet_door(struct reach_engine *engine, uint32_t eni, uint32_t address,
                                     const char **ret_stage)
{
    const struct reach_model *model = reach_engine_model(engine);
    const struct reach_eni *record = &model->enis.items[eni];
    const struct reach_address *own = &record->addresses.items[address];
    uint32_t vpc = reach_model_vpc_of(model, record);
    uint32_t gateway = vpc == REACH_NONE ? REACH_NONE : model->vpcs.items[vpc].gateway;
    enum reach_maybe may = REACH_YES;
    enum reach_maybe stages[4];
    static const char *const names[] = {"address", "gateway", "block", "edge"};

    stages[0] = record->attached && own->is_public ? REACH_YES : REACH_NO;
    stages[1] = gateway != REACH_NONE                               ? REACH_YES
                : vpc == REACH_NONE || model->unread[REACH_GATEWAY] ? REACH_PERHAPS
                                                                    : REACH_NO;
    stages[2] = vpc == REACH_NONE
                    ? REACH_PERHAPS
                    : door_block(model, &model->subnets.items[record->subnet.at], model->vpcs.items[vpc].id);
    stages[3] = gateway == REACH_NONE ? REACH_YES : door_edge(engine, &model->gateways.items[gateway], &own->prefix);
    *ret_stage = NULL;
    for (int i = 0; i < 4; i++) {
        if (stages[i] < may) {
            may = stages[i];
            *ret_stage = names[i];
        }
    }
    return may;
}
