/* Load balancers, their listeners, and the targets behind them. */
#include "auditd/cloud/reading.h"

#include <stdio.h>
#include <string.h>

static bool is_text(const char *text, const char *wanted)
{
    return text != NULL && strcmp(text, wanted) == 0;
}

/* What follows the last "KIND/" of an ARN: "app/web/50dc6c495c0c9188" of a balancer's. */
static const char *arn_tail(const char *arn, const char *kind)
{
    const char *found = arn == NULL ? NULL : strstr(arn, kind);

    return found == NULL ? "" : found + strlen(kind);
}

/* ---- balancers ---- */

/* A balancer's interfaces are known by their description, "ELB app/web/50dc6c495c0c9188". */
static void add_nodes(struct reading *reading, struct reach_balancer *balancer, struct reach_asset *asset,
                      bool admits_all)
{
    char description[READING_NAME_SIZE];

    snprintf(description, sizeof(description), "ELB %.200s", arn_tail(balancer->id, ":loadbalancer/"));
    for (size_t i = 0; i < reading->model->enis.count; i++) {
        struct reach_eni *eni = &reading->model->enis.items[i];
        struct reach_ref *node;
        struct reach_ref *ref;
        if (!is_text(eni->owner, description)) {
            continue;
        }
        eni->admits_all = admits_all && eni->groups.count == 0;
        node = REACH_PUSH(reading->model, &balancer->nodes);
        ref = REACH_PUSH(reading->model, &asset->enis);
        if (node != NULL && ref != NULL) {
            *node = *ref = (struct reach_ref){.id = eni->id, .at = REACH_NONE};
        }
    }
}

static void take_balancer(struct reading *reading, json_t *item)
{
    const char *id = reading_id(reading, item, "LoadBalancerArn");
    struct reach_balancer *balancer = id == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->balancers);
    struct reach_asset *asset = balancer == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->assets);
    const char *type = reading_text(reading, item, "Type");

    if (asset == NULL) {
        return;
    }
    balancer->id = id;
    balancer->name = reading_keep(reading, item, "LoadBalancerName");
    /* An Application Load Balancer's nodes always cross zones; a Network Load Balancer's when they are told to. */
    balancer->cross_zone = is_text(type, "application") ? REACH_YES : REACH_PERHAPS;
    asset->id = id;
    asset->name = balancer->name;
    add_nodes(reading, balancer, asset, is_text(type, "network"));
}

static struct reach_balancer *find_balancer(struct reading *reading, const char *arn)
{
    for (size_t i = 0; arn != NULL && i < reading->model->balancers.count; i++) {
        if (strcmp(reading->model->balancers.items[i].id, arn) == 0) {
            return &reading->model->balancers.items[i];
        }
    }
    return NULL;
}

/* ---- listeners ---- */

struct listening {
    struct reach_balancer *balancer;
    size_t listener;
};

static void add_targets(struct reading *reading, const struct listening *at, const char *arn)
{
    struct reach_listener *listener = &at->balancer->listeners.items[at->listener];
    struct reach_ref *ref;

    for (size_t i = 0; arn != NULL && i < listener->targets.count; i++) {
        if (strcmp(listener->targets.items[i].id, arn) == 0) {
            return;
        }
    }
    ref = arn == NULL ? NULL : REACH_PUSH(reading->model, &listener->targets);
    if (ref != NULL) {
        *ref = (struct reach_ref){.id = reach_model_text(reading->model, arn), .at = REACH_NONE};
    }
}

static void take_forward(struct reading *reading, json_t *item, void *context)
{
    add_targets(reading, context, reading_text(reading, item, "TargetGroupArn"));
}

static void take_action(struct reading *reading, json_t *item, void *context)
{
    take_forward(reading, item, context);
    reading_list(reading, reading_object(reading, item, "ForwardConfig"), "TargetGroups", context, take_forward);
}

static void take_listener(struct reading *reading, json_t *item)
{
    const char *id = reading_id(reading, item, "ListenerArn");
    struct listening at = {.balancer = find_balancer(reading, reading_text(reading, item, "LoadBalancerArn"))};
    const char *protocol = reading_text(reading, item, "Protocol");
    struct reach_listener *listener =
        id == NULL || at.balancer == NULL ? NULL : REACH_PUSH(reading->model, &at.balancer->listeners);

    if (listener == NULL) {
        return;
    }
    at.listener = at.balancer->listeners.count - 1;
    listener->port = (uint16_t)reading_number(reading, item, "Port", (struct reading_range){1, UINT16_MAX, 0});
    listener->udp = is_text(protocol, "UDP") || is_text(protocol, "TCP_UDP");
    listener->tcp = !is_text(protocol, "UDP");
    reading_list(reading, item, "DefaultActions", &at, take_action);
}

/* A rule's ARN begins as its listener's, but for "listener-rule": which listener of the balancer it is, its port aside,
 * makes no difference to what its targets see. All of the balancer's listeners get them. */
static void take_rule(struct reading *reading, json_t *item)
{
    const char *tail = arn_tail(reading_text(reading, item, "RuleArn"), ":listener-rule/");

    for (size_t i = 0; i < reading->model->balancers.count; i++) {
        struct reach_balancer *balancer = &reading->model->balancers.items[i];
        const char *own = arn_tail(balancer->id, ":loadbalancer/");
        if (own[0] == '\0' || strncmp(tail, own, strlen(own)) != 0 || tail[strlen(own)] != '/') {
            continue;
        }
        for (size_t j = 0; j < balancer->listeners.count; j++) {
            struct listening at = {balancer, j};
            reading_list(reading, item, "Actions", &at, take_action);
        }
    }
}

/* ---- targets ---- */

static void add_target(struct reading *reading, struct reach_targets *targets, const char *id, uint16_t port)
{
    struct prefix address;
    bool is_address = prefix_parse(id, &address) == 0;

    for (size_t i = 0; i < reading->model->enis.count; i++) {
        const struct reach_eni *eni = &reading->model->enis.items[i];
        bool hit = eni->owner != NULL && strcmp(eni->owner, id) == 0;
        for (size_t j = 0; is_address && !hit && j < eni->addresses.count; j++) {
            hit = addr_equal(&eni->addresses.items[j].prefix.addr, &address.addr);
        }
        if (hit) {
            struct reach_target *target = REACH_PUSH(reading->model, &targets->targets);
            if (target != NULL) {
                *target = (struct reach_target){.eni = {.id = eni->id, .at = REACH_NONE}, .port = port};
            }
            return;
        }
    }
}

struct health {
    struct reach_targets *targets;
    uint16_t port; /* of the group, where a target has none of its own */
};

static void take_health(struct reading *reading, json_t *item, void *context)
{
    struct health *health = context;
    json_t *target = reading_object(reading, item, "Target");
    const char *id = reading_text(reading, target, "Id");

    if (id != NULL) {
        add_target(
            reading, health->targets, id,
            (uint16_t)reading_number(reading, target, "Port", (struct reading_range){1, UINT16_MAX, health->port}));
    }
}

/* Documents that are named after the target group, or balancer. */
struct named {
    const char *begin;
    const char *key; /* of their list */
    const char *name;
    const char *arn;
};

/* What was read live says it by the ARN: names are used again in other regions and accounts. */
static bool document_is_of(const struct document *document, const struct named *named)
{
    const char *arn = json_string_value(json_object_get(json_object_get(document->root, "LeastportOf"), "Of"));
    char of[READING_NAME_SIZE];

    if (!reading_name_of(document->name, named->begin, of)) {
        return false;
    }
    return arn != NULL && named->arn != NULL ? strcmp(arn, named->arn) == 0 : strcmp(of, named->name) == 0;
}

static bool take_named(struct reading *reading, const struct named *named, void *context,
                       void (*take)(struct reading *reading, json_t *item, void *context))
{
    const char *document = reading->name;
    bool found = false;
    char path[READING_PATH_SIZE];

    memcpy(path, reading->path, sizeof(path));
    for (size_t i = 0; named->name != NULL && !reading->failed && i < reading->document_count; i++) {
        if (document_is_of(&reading->documents[i], named)) {
            reading->name = reading->documents[i].name;
            reading->path[0] = '\0';
            reading_list(reading, reading->documents[i].root, named->key, context, take);
            found = true;
        }
    }
    reading->name = document;
    memcpy(reading->path, path, sizeof(path));
    return found;
}

struct attribute {
    const char *key;
    enum reach_maybe *value;
};

static void take_attribute(struct reading *reading, json_t *item, void *context)
{
    const struct attribute *attribute = context;

    if (is_text(reading_text(reading, item, "Key"), attribute->key)) {
        *attribute->value = is_text(reading_text(reading, item, "Value"), "true") ? REACH_YES : REACH_NO;
    }
}

/* Whether a target sees the clients' addresses, where no attribute says so. */
static enum reach_maybe preserves(const char *protocol)
{
    if (is_text(protocol, "HTTP") || is_text(protocol, "HTTPS")) {
        return REACH_NO;
    }
    /* Of TCP and TLS it can be told either way. */
    return is_text(protocol, "UDP") || is_text(protocol, "TCP_UDP") ? REACH_YES : REACH_PERHAPS;
}

static void take_targets(struct reading *reading, json_t *item)
{
    const char *id = reading_id(reading, item, "TargetGroupArn");
    struct reach_targets *targets = id == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->targets);
    const char *name = reading_text(reading, item, "TargetGroupName");
    const char *protocol = reading_text(reading, item, "Protocol");
    struct attribute preserve = {.key = "preserve_client_ip.enabled"};
    struct health health = {.targets = targets};
    struct named attributes = {"target-group-attributes", "Attributes", name, id};
    struct named healths = {"target-health", "TargetHealthDescriptions", name, id};

    if (targets == NULL) {
        return;
    }
    targets->id = id;
    targets->preserve = preserves(protocol);
    health.port = (uint16_t)reading_number(reading, item, "Port", (struct reading_range){1, UINT16_MAX, 0});
    preserve.value = &targets->preserve;
    (void)take_named(reading, &attributes, &preserve, take_attribute);
    targets->is_read = take_named(reading, &healths, &health, take_health);
    reading->model->unread[REACH_TARGETS] |= !targets->is_read;
}

static void take_balancer_attributes(struct reading *reading)
{
    for (size_t i = 0; !reading->failed && i < reading->model->balancers.count; i++) {
        struct reach_balancer *balancer = &reading->model->balancers.items[i];
        struct attribute cross = {"load_balancing.cross_zone.enabled", &balancer->cross_zone};
        struct named attributes = {"load-balancer-attributes", "Attributes", balancer->name, balancer->id};
        (void)take_named(reading, &attributes, &cross, take_attribute);
    }
}

void reading_balancers(struct reading *reading)
{
    reading_each(reading, "LoadBalancers", take_balancer);
    reading_each(reading, "Listeners", take_listener);
    reading_each(reading, "Rules", take_rule);
    reading_each(reading, "TargetGroups", take_targets);
    take_balancer_attributes(reading);
}
