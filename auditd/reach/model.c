#include "auditd/reach/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Memory that ends with the model. Lists double, so what they leave behind is less than what they hold. */
struct reach_block {
    struct reach_block *next;
    size_t used, size;
    max_align_t bytes[];
};

enum { MODEL_BLOCK_BYTES = 1 << 18 };

void reach_model_done(struct reach_model *model)
{
    while (model->blocks != NULL) {
        struct reach_block *next = model->blocks->next;
        free(model->blocks);
        model->blocks = next;
    }
    *model = (struct reach_model){0};
}

static void *model_take(struct reach_model *model, size_t size)
{
    struct reach_block *block = model->blocks;
    void *taken;

    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (block == NULL || block->size - block->used < size) {
        size_t room = size > MODEL_BLOCK_BYTES ? size : MODEL_BLOCK_BYTES;
        block = calloc(1, sizeof(*block) + room);
        if (block == NULL) {
            model->failed = true;
            return NULL;
        }
        block->size = room;
        block->next = model->blocks;
        model->blocks = block;
    }
    taken = (char *)block->bytes + block->used;
    block->used += size;
    return taken;
}

const char *reach_model_text(struct reach_model *model, const char *text)
{
    size_t size = text == NULL ? 0 : strlen(text) + 1;
    char *copy = text == NULL ? NULL : model_take(model, size);

    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

void *reach_model_room(struct reach_model *model, void *items, size_t count, size_t size)
{
    void *room;

    if ((count & (count - 1)) != 0) {
        return items;
    }
    room = model_take(model, (count == 0 ? 1 : count * 2) * size);
    if (room != NULL && count > 0) {
        memcpy(room, items, count * size);
    }
    return room;
}

/* ---- by id ---- */

struct model_records {
    const void *items;
    size_t count, size;
};

static struct model_records model_records(const struct reach_model *model, enum reach_kind kind)
{
    switch (kind) {
    case REACH_VPC:
        return (struct model_records){model->vpcs.items, model->vpcs.count, sizeof(*model->vpcs.items)};
    case REACH_SUBNET:
        return (struct model_records){model->subnets.items, model->subnets.count, sizeof(*model->subnets.items)};
    case REACH_ACL:
        return (struct model_records){model->acls.items, model->acls.count, sizeof(*model->acls.items)};
    case REACH_GROUP:
        return (struct model_records){model->groups.items, model->groups.count, sizeof(*model->groups.items)};
    case REACH_TABLE:
        return (struct model_records){model->tables.items, model->tables.count, sizeof(*model->tables.items)};
    case REACH_GATEWAY:
        return (struct model_records){model->gateways.items, model->gateways.count, sizeof(*model->gateways.items)};
    case REACH_PEERING:
        return (struct model_records){model->peerings.items, model->peerings.count, sizeof(*model->peerings.items)};
    case REACH_LIST:
        return (struct model_records){model->lists.items, model->lists.count, sizeof(*model->lists.items)};
    case REACH_ENI:
        return (struct model_records){model->enis.items, model->enis.count, sizeof(*model->enis.items)};
    case REACH_BALANCER:
        return (struct model_records){model->balancers.items, model->balancers.count, sizeof(*model->balancers.items)};
    case REACH_TARGETS:
        return (struct model_records){model->targets.items, model->targets.count, sizeof(*model->targets.items)};
    case REACH_BLOCK:
    case REACH_DATABASE:
    case REACH_KINDS:
        break;
    }
    return (struct model_records){0};
}

/* The first member of every record is its id. */
static const char *model_id(const struct model_records *records, size_t at)
{
    const char *const *id = (const void *)((const char *)records->items + at * records->size);

    return *id == NULL ? "" : *id;
}

static int model_order(const void *a, const void *b, void *context)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    int order = strcmp(model_id(context, left), model_id(context, right));

    return order != 0 ? order : (left > right) - (left < right);
}

static void model_sort(struct reach_model *model, enum reach_kind kind)
{
    struct model_records records = model_records(model, kind);
    uint32_t *order = model_take(model, (records.count + 1) * sizeof(*order));

    if (order == NULL) {
        return;
    }
    for (size_t i = 0; i < records.count; i++) {
        order[i] = (uint32_t)i;
    }
    if (records.count > 0) {
        qsort_r(order, records.count, sizeof(*order), model_order, &records);
    }
    model->order[kind] = order;
}

uint32_t reach_model_find(const struct reach_model *model, enum reach_kind kind, const char *id)
{
    struct model_records records = model_records(model, kind);
    const uint32_t *order = model->order[kind];
    size_t low = 0;
    size_t high = order == NULL || id == NULL ? 0 : records.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(model_id(&records, order[middle]), id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (order == NULL || id == NULL || low == records.count || strcmp(model_id(&records, order[low]), id) != 0) {
        return REACH_NONE;
    }
    return order[low];
}

static void model_resolve(const struct reach_model *model, enum reach_kind kind, struct reach_ref *ref)
{
    ref->at = reach_model_find(model, kind, ref->id);
}

/* ---- what belongs together ---- */

static bool model_has_ports(int16_t proto)
{
    return proto == REACH_TCP || proto == REACH_UDP || proto == REACH_ICMP || proto == REACH_ICMPV6;
}

void reach_model_finish_group(const struct reach_model *model, struct reach_group *group)
{
    for (size_t i = 0; i < group->rules.count; i++) {
        struct reach_rule *rule = &group->rules.items[i];
        if (!model_has_ports(rule->proto)) {
            rule->ports = (struct reach_ports){0, UINT16_MAX};
        }
        model_resolve(model, rule->peer == REACH_PEER_GROUP ? REACH_GROUP : REACH_LIST, &rule->ref);
    }
}

static int model_by_number(const void *a, const void *b)
{
    const struct reach_entry *left = a;
    const struct reach_entry *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

static void model_finish_acls(struct reach_model *model)
{
    for (size_t i = 0; i < model->acls.count; i++) {
        struct reach_acl *acl = &model->acls.items[i];
        model_resolve(model, REACH_VPC, &acl->vpc);
        for (size_t j = 0; j < acl->entries.count; j++) {
            if (!model_has_ports(acl->entries.items[j].proto)) {
                acl->entries.items[j].ports = (struct reach_ports){0, UINT16_MAX};
            }
        }
        if (acl->entries.count > 0) {
            qsort(acl->entries.items, acl->entries.count, sizeof(*acl->entries.items), model_by_number);
        }
    }
}

static void model_finish_vpcs(struct reach_model *model)
{
    for (size_t i = 0; i < model->vpcs.count; i++) {
        model->vpcs.items[i].main_table = REACH_NONE;
        model->vpcs.items[i].gateway = REACH_NONE;
    }
    for (size_t i = 0; i < model->gateways.count; i++) {
        struct reach_gateway *gateway = &model->gateways.items[i];
        gateway->edge_table = REACH_NONE;
        model_resolve(model, REACH_VPC, &gateway->vpc);
        if (gateway->vpc.at != REACH_NONE) {
            model->vpcs.items[gateway->vpc.at].gateway = (uint32_t)i;
        }
    }
    for (size_t i = 0; i < model->subnets.count; i++) {
        model_resolve(model, REACH_VPC, &model->subnets.items[i].vpc);
        model_resolve(model, REACH_ACL, &model->subnets.items[i].acl);
        model_resolve(model, REACH_TABLE, &model->subnets.items[i].table);
    }
    for (size_t i = 0; i < model->peerings.count; i++) {
        model_resolve(model, REACH_VPC, &model->peerings.items[i].sides[0].vpc);
        model_resolve(model, REACH_VPC, &model->peerings.items[i].sides[1].vpc);
    }
}

static void model_finish_tables(struct reach_model *model)
{
    for (size_t i = 0; i < model->tables.count; i++) {
        struct reach_table *table = &model->tables.items[i];
        model_resolve(model, REACH_VPC, &table->vpc);
        model_resolve(model, REACH_GATEWAY, &table->edge);
        if (table->is_main && table->vpc.at != REACH_NONE) {
            model->vpcs.items[table->vpc.at].main_table = (uint32_t)i;
        }
        if (table->edge.at != REACH_NONE) {
            model->gateways.items[table->edge.at].edge_table = (uint32_t)i;
        }
        for (size_t j = 0; j < table->routes.count; j++) {
            struct reach_route *route = &table->routes.items[j];
            model_resolve(model, REACH_LIST, &route->list);
            model_resolve(model, route->hop == REACH_HOP_PEERING ? REACH_PEERING : REACH_GATEWAY, &route->via);
        }
    }
}

static void model_finish_enis(struct reach_model *model)
{
    for (size_t i = 0; i < model->enis.count; i++) {
        struct reach_eni *eni = &model->enis.items[i];
        model_resolve(model, REACH_SUBNET, &eni->subnet);
        for (size_t j = 0; j < eni->groups.count; j++) {
            struct reach_ref *group = &eni->groups.items[j];
            uint32_t *holder;
            model_resolve(model, REACH_GROUP, group);
            holder = group->at == REACH_NONE ? NULL : REACH_PUSH(model, &model->groups.items[group->at].holders);
            if (holder != NULL) {
                *holder = (uint32_t)i;
            }
        }
    }
}

static void model_finish_balancers(struct reach_model *model)
{
    for (size_t i = 0; i < model->targets.count; i++) {
        for (size_t j = 0; j < model->targets.items[i].targets.count; j++) {
            model_resolve(model, REACH_ENI, &model->targets.items[i].targets.items[j].eni);
        }
    }
    for (size_t i = 0; i < model->balancers.count; i++) {
        struct reach_balancer *balancer = &model->balancers.items[i];
        for (size_t j = 0; j < balancer->nodes.count; j++) {
            model_resolve(model, REACH_ENI, &balancer->nodes.items[j]);
        }
        for (size_t j = 0; j < balancer->listeners.count; j++) {
            struct reach_listener *listener = &balancer->listeners.items[j];
            for (size_t k = 0; k < listener->targets.count; k++) {
                model_resolve(model, REACH_TARGETS, &listener->targets.items[k]);
            }
        }
    }
    for (size_t i = 0; i < model->assets.count; i++) {
        for (size_t j = 0; j < model->assets.items[i].enis.count; j++) {
            model_resolve(model, REACH_ENI, &model->assets.items[i].enis.items[j]);
        }
    }
}

int reach_model_finish(struct reach_model *model)
{
    for (int kind = 0; kind < REACH_KINDS; kind++) {
        model_sort(model, (enum reach_kind)kind);
    }
    model_finish_acls(model);
    model_finish_vpcs(model);
    model_finish_tables(model);
    for (size_t i = 0; i < model->groups.count; i++) {
        model_resolve(model, REACH_VPC, &model->groups.items[i].vpc);
        reach_model_finish_group(model, &model->groups.items[i]);
    }
    model_finish_enis(model);
    model_finish_balancers(model);
    return model->failed ? -ENOMEM : 0;
}

uint32_t reach_model_vpc_of(const struct reach_model *model, const struct reach_eni *eni)
{
    return eni->subnet.at == REACH_NONE ? REACH_NONE : model->subnets.items[eni->subnet.at].vpc.at;
}
