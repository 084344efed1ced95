/* reach_all [INTERFACES [GROUPS [ACLS]]]: makes a cloud of that size (20000, 5000, 500), works out all that the
 * internet reaches, then changes groups one at a time. Says what the whole took in wall and processor seconds, its peak
 * memory in MiB, how many rows there are, and what one change took at the median and at most, in milliseconds. */
#include "auditd/reach/surface.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { VPCS = 40, BALANCERS = 200, LISTS = 100, LIST_ENTRIES = 50, CHANGES = 500, RULES = 8 };

/* A bench has the memory. */
static void *made_item(void *item)
{
    if (item == NULL) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return item;
}

#define MADE_PUSH(model, list) ((__typeof__((list)->items))made_item(REACH_PUSH((model), (list))))

struct size {
    uint32_t enis, groups, acls, subnets;
};

/* A constant sequence: each run makes the same cloud (Numerical Recipes' generator). */
static uint32_t draw(uint32_t below)
{
    static uint64_t state = 1;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % below;
}

static double seconds_of(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct reach_ref ref(struct reach_model *model, const char *kind, uint32_t number)
{
    char id[32];

    snprintf(id, sizeof(id), "%s-%05u", kind, number);
    return (struct reach_ref){.id = reach_model_text(model, id), .at = REACH_NONE};
}

static struct prefix net(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t bits)
{
    return (struct prefix){.addr = {.bytes = {a, b, c, d}}, .bits = bits};
}

static struct prefix net6(uint8_t vpc, uint8_t subnet, uint16_t host, uint8_t bits)
{
    return (struct prefix){
        .addr = {.bytes = {0x26, 0, 0, 1, 0, 0, vpc, subnet, [14] = (uint8_t)(host >> 8), [15] = (uint8_t)host},
                 .is_ipv6 = 1},
        .bits = bits};
}

static void make_vpcs(struct reach_model *model)
{
    for (uint32_t i = 0; i < VPCS; i++) {
        struct reach_vpc *vpc = MADE_PUSH(model, &model->vpcs);
        struct reach_gateway *gateway = MADE_PUSH(model, &model->gateways);
        struct reach_table *table = MADE_PUSH(model, &model->tables);
        vpc->id = ref(model, "vpc", i).id;
        *MADE_PUSH(model, &vpc->prefixes) = net(10, (uint8_t)i, 0, 0, 16);
        *MADE_PUSH(model, &vpc->prefixes) = net6((uint8_t)i, 0, 0, 56);
        gateway->id = ref(model, "igw", i).id;
        gateway->vpc = ref(model, "vpc", i);
        table->id = ref(model, "rtb", i).id;
        table->vpc = ref(model, "vpc", i);
        table->is_main = true;
        for (int j = 0; j < 4; j++) {
            struct reach_route *route = MADE_PUSH(model, &table->routes);
            route->hop = j < 2 ? REACH_HOP_LOCAL : REACH_HOP_INTERNET;
            route->via = ref(model, "igw", i);
            route->prefix = vpc->prefixes.items[j % 2];
            if (j >= 2) {
                route->prefix = (struct prefix){.addr.is_ipv6 = (uint8_t)(j % 2)};
            }
        }
    }
}

static void make_acls(struct reach_model *model, const struct size *size)
{
    for (uint32_t i = 0; i < size->acls; i++) {
        struct reach_acl *acl = MADE_PUSH(model, &model->acls);
        acl->id = ref(model, "acl", i).id;
        for (uint32_t j = 0; j < 20; j++) {
            struct reach_entry *entry = MADE_PUSH(model, &acl->entries);
            bool last = j >= 16;
            *entry = (struct reach_entry){
                .number = 100 + j,
                .proto = last ? REACH_PROTO_ALL : REACH_TCP,
                .egress = j % 2 == 1,
                .allow = last || draw(2) == 0,
                .ports = {(uint16_t)(last ? 0 : draw(1000)), (uint16_t)(last ? 65535 : 1000 + draw(3000))},
                .prefix = net((uint8_t)(1 + draw(200)), 0, 0, 0, 8),
            };
            if (last) {
                entry->prefix = (struct prefix){.addr.is_ipv6 = (uint8_t)(j / 2 % 2)};
            }
        }
    }
}

static void make_subnets(struct reach_model *model, const struct size *size)
{
    for (uint32_t i = 0; i < size->subnets; i++) {
        struct reach_subnet *subnet = MADE_PUSH(model, &model->subnets);
        uint8_t vpc = (uint8_t)(i % VPCS);
        subnet->id = ref(model, "subnet", i).id;
        subnet->vpc = ref(model, "vpc", vpc);
        subnet->acl = ref(model, "acl", i % size->acls);
        subnet->zone = "eu-central-1a";
        *MADE_PUSH(model, &subnet->prefixes) = net(10, vpc, (uint8_t)(i / VPCS), 0, 24);
        *MADE_PUSH(model, &subnet->prefixes) = net6(vpc, (uint8_t)(i / VPCS), 0, 64);
    }
}

/* A tenth of the lists could not be read, as another account's may not be. */
static void make_lists(struct reach_model *model)
{
    for (uint32_t i = 0; i < LISTS; i++) {
        struct reach_list *list = MADE_PUSH(model, &model->lists);
        list->id = ref(model, "pl", i).id;
        list->is_read = i % 10 != 9;
        for (uint32_t j = 0; list->is_read && j < LIST_ENTRIES; j++) {
            *MADE_PUSH(model, &list->entries) =
                i % 2 == 0 ? net((uint8_t)(11 + draw(100)), (uint8_t)draw(256), (uint8_t)draw(256), 0, 24)
                           : net6((uint8_t)draw(VPCS), (uint8_t)draw(25), 0, 64);
        }
    }
}

static enum reach_peer draw_peer(void)
{
    uint32_t drawn = draw(8);

    return drawn < 2 ? REACH_PEER_GROUP : drawn == 2 ? REACH_PEER_LIST : REACH_PEER_PREFIX;
}

static void make_groups(struct reach_model *model, const struct size *size)
{
    static const uint16_t ports[] = {22, 80, 443, 3306, 5432, 6379, 8080, 9092};

    for (uint32_t i = 0; i < size->groups; i++) {
        struct reach_group *group = MADE_PUSH(model, &model->groups);
        group->id = ref(model, "sg", i).id;
        group->vpc = ref(model, "vpc", i % VPCS);
        for (int j = 0; j < RULES; j++) {
            struct reach_rule *rule = MADE_PUSH(model, &group->rules);
            *rule = (struct reach_rule){.proto = draw(10) == 0 ? REACH_UDP : REACH_TCP};
            rule->ports.first = rule->ports.last = ports[draw(8)];
            rule->peer = draw_peer();
            /* Three references of four are to a group of the same VPC, as most are. */
            rule->ref = rule->peer == REACH_PEER_LIST ? ref(model, "pl", draw(LISTS))
                        : draw(4) == 0                ? ref(model, "sg", draw(size->groups))
                                                      : ref(model, "sg", draw(size->groups / VPCS) * VPCS + i % VPCS);
            if (draw(2) == 0) {
                rule->prefix = net((uint8_t)(11 + draw(100)), (uint8_t)draw(256), 0, 0, 16);
            } else {
                rule->prefix = (struct prefix){.addr.is_ipv6 = draw(3) == 0};
            }
        }
    }
}

static void make_enis(struct reach_model *model, const struct size *size)
{
    for (uint32_t i = 0; i < size->enis; i++) {
        struct reach_eni *eni = MADE_PUSH(model, &model->enis);
        uint32_t subnet = i % size->subnets;
        uint8_t vpc = (uint8_t)(subnet % VPCS);
        uint8_t row = (uint8_t)(subnet / VPCS);
        uint16_t host = (uint16_t)(4 + i / size->subnets);
        eni->id = ref(model, "eni", i).id;
        eni->subnet = ref(model, "subnet", subnet);
        eni->attached = true;
        *MADE_PUSH(model, &eni->addresses) =
            (struct reach_address){.prefix = net(10, vpc, row, (uint8_t)host, 32), .is_public = true};
        *MADE_PUSH(model, &eni->addresses) =
            (struct reach_address){.prefix = net6(vpc, row, host, 128), .is_public = true};
        for (uint32_t j = 0; j < 3; j++) {
            *MADE_PUSH(model, &eni->groups) = ref(model, "sg", draw(size->groups / VPCS) * VPCS + subnet % VPCS);
        }
    }
}

static void make_balancers(struct reach_model *model, const struct size *size)
{
    for (uint32_t i = 0; i < BALANCERS; i++) {
        struct reach_balancer *balancer = MADE_PUSH(model, &model->balancers);
        struct reach_listener *listener = MADE_PUSH(model, &balancer->listeners);
        struct reach_targets *targets = MADE_PUSH(model, &model->targets);
        balancer->id = ref(model, "lb", i).id;
        balancer->cross_zone = REACH_YES;
        *listener = (struct reach_listener){.port = 443, .tcp = true};
        *MADE_PUSH(model, &listener->targets) = ref(model, "tg", i);
        targets->id = ref(model, "tg", i).id;
        targets->preserve = i % 2 == 0 ? REACH_YES : REACH_NO;
        targets->is_read = true;
        for (uint32_t j = 0; j < 2; j++) {
            *MADE_PUSH(model, &balancer->nodes) = ref(model, "eni", i % VPCS + j * VPCS);
        }
        for (uint32_t j = 0; j < 10; j++) {
            *MADE_PUSH(model, &targets->targets) =
                (struct reach_target){ref(model, "eni", (i % VPCS + draw(400) * VPCS) % size->enis), 8080};
        }
    }
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static int change(struct reach_model *model, struct reach_surface *surface)
{
    static double took[CHANGES];

    for (int i = 0; i < CHANGES; i++) {
        uint32_t group = draw((uint32_t)model->groups.count);
        double begun;
        model->groups.items[group].rules.items[draw(RULES)].ports = (struct reach_ports){(uint16_t)draw(1000), 2000};
        begun = seconds_of(CLOCK_MONOTONIC);
        reach_model_finish_group(model, &model->groups.items[group]);
        if (reach_surface_refresh(surface, group) < 0) {
            return 1;
        }
        took[i] = (seconds_of(CLOCK_MONOTONIC) - begun) * 1000;
    }
    qsort(took, CHANGES, sizeof(*took), compare);
    printf("changed group: median %.2f ms, most %.2f ms\n", took[CHANGES / 2], took[CHANGES - 1]);
    return 0;
}

int main(int argc, char **argv)
{
    struct size size = {.enis = argc > 1 ? (uint32_t)atoi(argv[1]) : 20000,  /* NOLINT(cert-err34-c): our own runner */
                        .groups = argc > 2 ? (uint32_t)atoi(argv[2]) : 5000, /* NOLINT(cert-err34-c) */
                        .acls = argc > 3 ? (uint32_t)atoi(argv[3]) : 500};   /* NOLINT(cert-err34-c) */
    struct reach_model model = {0};
    struct reach_engine *engine;
    struct reach_surface *surface;
    struct rusage usage;
    double wall = seconds_of(CLOCK_MONOTONIC);
    double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    size_t rows = 0;

    size.subnets = size.acls * 2;
    make_vpcs(&model);
    make_acls(&model, &size);
    make_subnets(&model, &size);
    make_lists(&model);
    make_groups(&model, &size);
    make_enis(&model, &size);
    make_balancers(&model, &size);
    if (reach_model_finish(&model) < 0) {
        return 1;
    }
    engine = reach_engine_create(&model);
    if (engine == NULL || reach_surface_create(engine, &surface) < 0) {
        return 1;
    }
    for (uint32_t i = 0; i < size.enis; i++) {
        rows += reach_surface_direct(surface, i)->count;
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("whole surface: %.2f s, processor %.2f s, %ld MiB, %zu rows\n", seconds_of(CLOCK_MONOTONIC) - wall,
           seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu, usage.ru_maxrss / 1024, rows);
    return change(&model, surface);
}
