/* VPCs, subnets, gateways, route tables, peerings, and whether public access is blocked. */
#include "auditd/cloud/reading.h"

#include <stdlib.h>
#include <string.h>

static void add_prefix(struct reading *reading, json_t *object, const char *key, struct reach_prefixes *prefixes)
{
    struct prefix prefix;
    struct prefix *place;

    if (!reading_prefix(reading, object, key, &prefix)) {
        return;
    }
    for (size_t i = 0; i < prefixes->count; i++) {
        if (prefixes->items[i].bits == prefix.bits && addr_equal(&prefixes->items[i].addr, &prefix.addr)) {
            return;
        }
    }
    place = REACH_PUSH(reading->model, prefixes);
    if (place != NULL) {
        *place = prefix;
    }
}

static void take_prefix4(struct reading *reading, json_t *item, void *context)
{
    add_prefix(reading, item, "CidrBlock", context);
}

static void take_prefix6(struct reading *reading, json_t *item, void *context)
{
    add_prefix(reading, item, "Ipv6CidrBlock", context);
}

static void take_vpc(struct reading *reading, json_t *item)
{
    const char *id = reading_id(reading, item, "VpcId");
    struct reach_vpc *vpc = id == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->vpcs);

    if (vpc == NULL) {
        return;
    }
    vpc->id = id;
    add_prefix(reading, item, "CidrBlock", &vpc->prefixes);
    reading_list(reading, item, "CidrBlockAssociationSet", &vpc->prefixes, take_prefix4);
    reading_list(reading, item, "Ipv6CidrBlockAssociationSet", &vpc->prefixes, take_prefix6);
}

static void take_subnet(struct reading *reading, json_t *item)
{
    const char *id = reading_id(reading, item, "SubnetId");
    struct reach_subnet *subnet = id == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->subnets);

    if (subnet == NULL) {
        return;
    }
    subnet->id = id;
    subnet->zone = reading_keep(reading, item, "AvailabilityZone");
    subnet->vpc = reading_ref(reading, item, "VpcId");
    add_prefix(reading, item, "CidrBlock", &subnet->prefixes);
    reading_list(reading, item, "Ipv6CidrBlockAssociationSet", &subnet->prefixes, take_prefix6);
}

static void take_attachment(struct reading *reading, json_t *item, void *context)
{
    struct reach_gateway *gateway = context;
    const char *state = reading_text(reading, item, "State");

    /* The API says "available" of a gateway that is attached. */
    if (state == NULL || strcmp(state, "available") == 0 || strcmp(state, "attached") == 0) {
        gateway->vpc = reading_ref(reading, item, "VpcId");
    }
}

static void take_gateway(struct reading *reading, json_t *item)
{
    const char *id = reading_id(reading, item, "InternetGatewayId");
    struct reach_gateway *gateway = id == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->gateways);

    if (gateway != NULL) {
        gateway->id = id;
        reading_list(reading, item, "Attachments", gateway, take_attachment);
    }
}

/* ---- routes ---- */

static enum reach_hop gateway_hop(const char *id, bool by_list)
{
    if (strcmp(id, "local") == 0) {
        return REACH_HOP_LOCAL;
    }
    if (strncmp(id, "igw-", strlen("igw-")) == 0) {
        return REACH_HOP_INTERNET;
    }
    /* A gateway endpoint is reached by its service's list, a Gateway Load Balancer's by a prefix. */
    return by_list && strncmp(id, "vpce-", strlen("vpce-")) == 0 ? REACH_HOP_SERVICE : REACH_HOP_UNMODELED;
}

static void route_hop(struct reading *reading, json_t *item, struct reach_route *route)
{
    static const struct {
        const char *key;
        enum reach_hop hop;
    } others[] = {
        {"NatGatewayId", REACH_HOP_NAT},
        {"EgressOnlyInternetGatewayId", REACH_HOP_EGRESS_ONLY},
        {"VpcPeeringConnectionId", REACH_HOP_PEERING},
        {"TransitGatewayId", REACH_HOP_UNMODELED},
        {"NetworkInterfaceId", REACH_HOP_UNMODELED},
        {"InstanceId", REACH_HOP_UNMODELED},
        {"LocalGatewayId", REACH_HOP_UNMODELED},
        {"CarrierGatewayId", REACH_HOP_UNMODELED},
        {"CoreNetworkArn", REACH_HOP_UNMODELED},
    };

    route->via = reading_ref(reading, item, "GatewayId");
    if (route->via.id != NULL) {
        route->hop = gateway_hop(route->via.id, route->list.id != NULL);
        return;
    }
    route->hop = REACH_HOP_UNMODELED;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others) && route->via.id == NULL; i++) {
        route->via = reading_ref(reading, item, others[i].key);
        route->hop = others[i].hop;
    }
}

static void take_route(struct reading *reading, json_t *item, void *context)
{
    struct reach_table *table = context;
    struct reach_route *route = REACH_PUSH(reading->model, &table->routes);
    const char *state = reading_text(reading, item, "State");
    const char *origin = reading_text(reading, item, "Origin");

    if (route == NULL) {
        return;
    }
    route->list = reading_ref(reading, item, "DestinationPrefixListId");
    if (route->list.id == NULL && !reading_prefix(reading, item, "DestinationCidrBlock", &route->prefix) &&
        !reading_prefix(reading, item, "DestinationIpv6CidrBlock", &route->prefix)) {
        reading_fail(reading, "DestinationCidrBlock", "a route needs a destination");
    }
    route->blackhole = state != NULL && strcmp(state, "blackhole") == 0;
    route->rank = origin != NULL && strcmp(origin, "EnableVgwRoutePropagation") == 0 ? REACH_PROPAGATED
                  : route->list.id != NULL                                           ? REACH_STATIC_LIST
                                                                                     : REACH_STATIC_PREFIX;
    route_hop(reading, item, route);
}

static void take_association(struct reading *reading, json_t *item, void *context)
{
    struct reach_table *table = context;
    const char *subnet = reading_text(reading, item, "SubnetId");
    struct reach_ref gateway = reading_ref(reading, item, "GatewayId");

    table->is_main |= reading_bool(reading, item, "Main");
    if (gateway.id != NULL) {
        table->edge = gateway;
    }
    for (size_t i = 0; subnet != NULL && i < reading->model->subnets.count; i++) {
        if (strcmp(reading->model->subnets.items[i].id, subnet) == 0) {
            reading->model->subnets.items[i].table = (struct reach_ref){.id = table->id, .at = REACH_NONE};
        }
    }
}

static void take_table(struct reading *reading, json_t *item)
{
    const char *id = reading_id(reading, item, "RouteTableId");
    struct reach_table *table = id == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->tables);

    if (table == NULL) {
        return;
    }
    table->id = id;
    table->vpc = reading_ref(reading, item, "VpcId");
    reading_list(reading, item, "Associations", table, take_association);
    reading_list(reading, item, "Routes", table, take_route);
}

/* ---- peerings ---- */

static void take_side(struct reading *reading, json_t *item, const char *key, struct reach_side *side)
{
    json_t *info = reading_object(reading, item, key);

    side->vpc = reading_ref(reading, info, "VpcId");
    side->region = reading_keep(reading, info, "Region");
    add_prefix(reading, info, "CidrBlock", &side->prefixes);
    reading_list(reading, info, "CidrBlockSet", &side->prefixes, take_prefix4);
    reading_list(reading, info, "Ipv6CidrBlockSet", &side->prefixes, take_prefix6);
}

static void take_peering(struct reading *reading, json_t *item)
{
    const char *id = reading_id(reading, item, "VpcPeeringConnectionId");
    struct reach_peering *peering = id == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->peerings);
    const char *code = reading_text(reading, reading_object(reading, item, "Status"), "Code");

    if (peering == NULL) {
        return;
    }
    peering->id = id;
    peering->active = code != NULL && strcmp(code, "active") == 0;
    take_side(reading, item, "RequesterVpcInfo", &peering->sides[0]);
    take_side(reading, item, "AccepterVpcInfo", &peering->sides[1]);
}

/* ---- VPC Block Public Access ---- */

static void take_exclusion(struct reading *reading, json_t *item)
{
    const char *arn = reading_text(reading, item, "ResourceArn");
    const char *mode = reading_text(reading, item, "InternetGatewayExclusionMode");
    const char *state = reading_text(reading, item, "State");
    const char *slash = arn == NULL ? NULL : strrchr(arn, '/');
    struct reach_exclusion *exclusion;

    if (slash == NULL || mode == NULL || (state != NULL && strstr(state, "complete") == NULL) ||
        (state != NULL && strncmp(state, "delete", strlen("delete")) == 0)) {
        return;
    }
    exclusion = REACH_PUSH(reading->model, &reading->model->exclusions);
    if (exclusion != NULL) {
        exclusion->id = reach_model_text(reading->model, slash + 1);
        exclusion->inbound = strcmp(mode, "allow-bidirectional") == 0;
    }
}

static void take_block(struct reading *reading, const struct document *document)
{
    json_t *options;
    const char *mode;

    reading->name = document->name;
    reading->path[0] = '\0';
    options = reading_object(reading, document->root, "VpcBlockPublicAccessOptions");
    mode = reading_text(reading, options, "InternetGatewayBlockMode");
    reading->model->blocks_public |= mode != NULL && strcmp(mode, "off") != 0;
}

static struct reach_vpc *find_vpc(const struct reach_model *model, const char *id)
{
    for (size_t i = 0; i < model->vpcs.count; i++) {
        if (strcmp(model->vpcs.items[i].id, id) == 0) {
            return &model->vpcs.items[i];
        }
    }
    return NULL;
}

/* A VPC that was not read stands as far as its subnets tell of it: what leads to it by its id is not lost. */
static void assume_vpcs(struct reading *reading)
{
    struct reach_model *model = reading->model;
    size_t read = model->vpcs.count;

    for (size_t i = 0; !reading->failed && i < model->subnets.count; i++) {
        const struct reach_subnet *subnet = &model->subnets.items[i];
        struct reach_vpc *vpc = subnet->vpc.id == NULL ? NULL : find_vpc(model, subnet->vpc.id);
        if (subnet->vpc.id == NULL || (vpc != NULL && vpc < model->vpcs.items + read)) {
            continue;
        }
        if (vpc == NULL) {
            vpc = REACH_PUSH(model, &model->vpcs);
        }
        for (size_t j = 0; vpc != NULL && j < subnet->prefixes.count; j++) {
            struct prefix *prefix = REACH_PUSH(model, &vpc->prefixes);
            if (prefix != NULL) {
                *prefix = subnet->prefixes.items[j];
            }
        }
        if (vpc != NULL) {
            vpc->id = subnet->vpc.id;
        }
    }
}

void reading_vpcs(struct reading *reading)
{
    bool has_exclusions = false;

    for (size_t i = 0; !reading->failed && i < reading->document_count; i++) {
        take_block(reading, &reading->documents[i]);
        has_exclusions |= json_object_get(reading->documents[i].root, "VpcBlockPublicAccessExclusions") != NULL;
    }
    /* What is excluded matters only where something is blocked. */
    reading->model->unread[REACH_BLOCK] |= reading->model->blocks_public && !has_exclusions;
    reading_each(reading, "VpcBlockPublicAccessExclusions", take_exclusion);
    reading_each(reading, "Vpcs", take_vpc);
    reading_each(reading, "Subnets", take_subnet);
    if (reading->model->unread[REACH_VPC]) {
        assume_vpcs(reading);
    }
    reading_each(reading, "InternetGateways", take_gateway);
    reading_each(reading, "RouteTables", take_table);
    reading_each(reading, "VpcPeeringConnections", take_peering);
}
