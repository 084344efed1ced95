#include "auditd/reach/surface.h"

#include "auditd/reach/through.h"

#include <errno.h>
#include <stdlib.h>

struct reach_surface {
    struct reach_engine *engine;
    const struct reach_model *model;
    struct reach_rows *direct;  /* for each interface */
    struct reach_rows *through; /* for each balancer */
};

enum { PROTO_NUMBERS = 256 };

void reach_rows_done(struct reach_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        reach_cell_done(&rows->items[i].cell);
    }
    free(rows->items);
    *rows = (struct reach_rows){0};
}

int reach_rows_take(struct reach_rows *rows, const struct reach_row *like, struct reach_answer *answer)
{
    size_t more = 0;
    struct reach_row *items;

    for (size_t i = 0; i < answer->count; i++) {
        more += answer->cells[i].verdict != REACH_BLOCKED;
    }
    items = more == 0 ? rows->items : realloc(rows->items, (rows->count + more) * sizeof(*items));
    if (more > 0 && items == NULL) {
        reach_answer_done(answer);
        return -ENOMEM;
    }
    rows->items = items;
    for (size_t i = 0; i < answer->count; i++) {
        if (answer->cells[i].verdict != REACH_BLOCKED) {
            struct reach_row *row = &items[rows->count++];
            *row = *like;
            row->is_ipv6 = answer->is_ipv6;
            row->asked = span_set_size(&answer->asked);
            row->cell = answer->cells[i];
            for (int verdict = 0; verdict < REACH_VERDICTS; verdict++) {
                span_set_trim(&row->cell.sources[verdict]);
            }
            answer->cells[i] = (struct reach_cell){.verdict = REACH_BLOCKED};
        }
    }
    reach_answer_done(answer);
    return 0;
}

/* ---- an interface ---- */

static void protos_name(bool *named, int16_t proto)
{
    if (proto != REACH_PROTO_ALL) {
        named[proto] = true;
    }
}

size_t reach_surface_protos(const struct reach_model *model, uint32_t eni, bool is_ipv6, uint16_t *protos)
{
    const struct reach_eni *record = &model->enis.items[eni];
    uint32_t acl = record->subnet.at == REACH_NONE ? REACH_NONE : model->subnets.items[record->subnet.at].acl.at;
    bool named[PROTO_NUMBERS] = {[REACH_TCP] = true, [REACH_UDP] = true};
    size_t count = 0;

    for (size_t i = 0; i < record->groups.count; i++) {
        const struct reach_group *group =
            record->groups.items[i].at == REACH_NONE ? NULL : &model->groups.items[record->groups.items[i].at];
        for (size_t j = 0; group != NULL && j < group->rules.count; j++) {
            protos_name(named, group->rules.items[j].proto);
        }
    }
    for (size_t i = 0; acl != REACH_NONE && i < model->acls.items[acl].entries.count; i++) {
        protos_name(named, model->acls.items[acl].entries.items[i].proto);
    }
    named[REACH_ICMP] = !is_ipv6;
    named[REACH_ICMPV6] = is_ipv6;
    for (int proto = 0; proto < PROTO_NUMBERS; proto++) {
        if (named[proto]) {
            protos[count++] = (uint16_t)proto;
        }
    }
    protos[count++] = REACH_PROTO_UNNAMED;
    return count;
}

static int direct_address(struct reach_surface *surface, uint32_t eni, uint32_t address)
{
    bool is_ipv6 = surface->model->enis.items[eni].addresses.items[address].prefix.addr.is_ipv6;
    uint16_t protos[PROTO_NUMBERS + 1];
    size_t count = reach_surface_protos(surface->model, eni, is_ipv6, protos);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct reach_question question = {
            .from = REACH_FROM_WORLD,
            .eni = eni,
            .address = address,
            .proto = protos[i],
            .ports = {0, UINT16_MAX},
        };
        struct reach_row like = {.eni = eni, .address = address, .proto = protos[i], .balancer = REACH_NONE};
        struct reach_answer answer;
        rc = reach_ask(surface->engine, &question, &answer);
        rc = rc == 0 ? reach_rows_take(&surface->direct[eni], &like, &answer) : rc;
    }
    return rc;
}

static int surface_direct(struct reach_surface *surface, uint32_t eni)
{
    const struct reach_eni *record = &surface->model->enis.items[eni];
    int rc = 0;

    reach_rows_done(&surface->direct[eni]);
    for (uint32_t i = 0; rc == 0 && i < record->addresses.count; i++) {
        rc = record->addresses.items[i].is_public ? direct_address(surface, eni, i) : 0;
    }
    return rc;
}

/* ---- balancers ---- */

static int through_one(struct reach_surface *surface, const struct reach_passage *passage, bool is_ipv6)
{
    const struct reach_target *target = &surface->model->targets.items[passage->targets].targets.items[passage->target];
    struct reach_question question = {.from = REACH_FROM_WORLD};
    struct reach_row like = {
        .eni = target->eni.at,
        .proto = passage->proto,
        .balancer = passage->balancer,
        .listener = passage->listener,
    };
    struct reach_answer answer;
    int rc = reach_through(surface->engine, &question, is_ipv6, passage, &answer);

    if (rc < 0) {
        return rc == -ENOENT ? 0 : rc;
    }
    return reach_rows_take(&surface->through[passage->balancer], &like, &answer);
}

static int through_targets(struct reach_surface *surface, struct reach_passage passage, const struct reach_ref *targets)
{
    int rc = 0;

    if (targets->at == REACH_NONE) {
        return 0;
    }
    passage.targets = targets->at;
    for (uint32_t i = 0; rc == 0 && i < surface->model->targets.items[targets->at].targets.count; i++) {
        passage.target = i;
        for (int family = 0; rc == 0 && family < 2; family++) {
            rc = through_one(surface, &passage, family == 1);
        }
    }
    return rc;
}

static int surface_through(struct reach_surface *surface, uint32_t balancer)
{
    const struct reach_balancer *record = &surface->model->balancers.items[balancer];
    int rc = 0;

    reach_rows_done(&surface->through[balancer]);
    for (uint32_t i = 0; rc == 0 && i < record->listeners.count; i++) {
        const struct reach_listener *listener = &record->listeners.items[i];
        for (size_t j = 0; rc == 0 && j < listener->targets.count; j++) {
            struct reach_passage passage = {.balancer = balancer, .listener = i};
            passage.proto = REACH_TCP;
            rc = listener->tcp ? through_targets(surface, passage, &listener->targets.items[j]) : 0;
            passage.proto = REACH_UDP;
            rc = rc == 0 && listener->udp ? through_targets(surface, passage, &listener->targets.items[j]) : rc;
        }
    }
    return rc;
}

static bool row_is_open(const struct reach_row *row)
{
    return row->cell.verdict == REACH_REACHABLE || row->cell.verdict == REACH_CONDITIONAL;
}

/* Direct rows to the port that a balancer's row leads to. */
static void mark_bypasses(struct reach_surface *surface, const struct reach_row *balanced)
{
    struct reach_rows *direct = &surface->direct[balanced->eni];

    for (size_t i = 0; row_is_open(balanced) && i < direct->count; i++) {
        struct reach_row *row = &direct->items[i];
        if (row_is_open(row) && row->proto == balanced->proto && row->cell.ports.first <= balanced->cell.ports.first &&
            row->cell.ports.last >= balanced->cell.ports.last) {
            row->is_bypass = true;
        }
    }
}

static void surface_bypasses(struct reach_surface *surface)
{
    for (size_t i = 0; i < surface->model->enis.count; i++) {
        for (size_t j = 0; j < surface->direct[i].count; j++) {
            surface->direct[i].items[j].is_bypass = false;
        }
    }
    for (size_t i = 0; i < surface->model->balancers.count; i++) {
        for (size_t j = 0; j < surface->through[i].count; j++) {
            mark_bypasses(surface, &surface->through[i].items[j]);
        }
    }
}

/* ---- all ---- */

int reach_surface_create(struct reach_engine *engine, struct reach_surface **ret_surface)
{
    struct reach_surface *surface = calloc(1, sizeof(*surface));
    int rc = 0;

    if (surface == NULL) {
        return -ENOMEM;
    }
    surface->engine = engine;
    surface->model = reach_engine_model(engine);
    surface->direct = calloc(surface->model->enis.count + 1, sizeof(*surface->direct));
    surface->through = calloc(surface->model->balancers.count + 1, sizeof(*surface->through));
    rc = surface->direct == NULL || surface->through == NULL ? -ENOMEM : 0;
    for (uint32_t i = 0; rc == 0 && i < surface->model->enis.count; i++) {
        rc = surface_direct(surface, i);
    }
    for (uint32_t i = 0; rc == 0 && i < surface->model->balancers.count; i++) {
        rc = surface_through(surface, i);
    }
    if (rc < 0) {
        reach_surface_destroy(surface);
        return rc;
    }
    surface_bypasses(surface);
    *ret_surface = surface;
    return 0;
}

void reach_surface_destroy(struct reach_surface *surface)
{
    if (surface == NULL) {
        return;
    }
    for (size_t i = 0; surface->direct != NULL && i < surface->model->enis.count; i++) {
        reach_rows_done(&surface->direct[i]);
    }
    for (size_t i = 0; surface->through != NULL && i < surface->model->balancers.count; i++) {
        reach_rows_done(&surface->through[i]);
    }
    free(surface->direct);
    free(surface->through);
    free(surface);
}

static bool eni_holds(const struct reach_model *model, uint32_t eni, uint32_t group)
{
    for (size_t i = 0; eni != REACH_NONE && i < model->enis.items[eni].groups.count; i++) {
        if (model->enis.items[eni].groups.items[i].at == group) {
            return true;
        }
    }
    return false;
}

static bool targets_hold(const struct reach_model *model, const struct reach_ref *ref, uint32_t group)
{
    const struct reach_targets *targets = ref->at == REACH_NONE ? NULL : &model->targets.items[ref->at];

    for (size_t i = 0; targets != NULL && i < targets->targets.count; i++) {
        if (eni_holds(model, targets->targets.items[i].eni.at, group)) {
            return true;
        }
    }
    return false;
}

/* Whether one of its nodes or targets holds the group. */
static bool balancer_holds(const struct reach_model *model, const struct reach_balancer *balancer, uint32_t group)
{
    for (size_t i = 0; i < balancer->nodes.count; i++) {
        if (eni_holds(model, balancer->nodes.items[i].at, group)) {
            return true;
        }
    }
    for (size_t i = 0; i < balancer->listeners.count; i++) {
        const struct reach_listener *listener = &balancer->listeners.items[i];
        for (size_t j = 0; j < listener->targets.count; j++) {
            if (targets_hold(model, &listener->targets.items[j], group)) {
                return true;
            }
        }
    }
    return false;
}

int reach_surface_refresh(struct reach_surface *surface, uint32_t group)
{
    const struct reach_group *record = &surface->model->groups.items[group];
    int rc = 0;

    reach_engine_forget_group(surface->engine, group);
    for (size_t i = 0; rc == 0 && i < record->holders.count; i++) {
        rc = surface_direct(surface, record->holders.items[i]);
    }
    for (uint32_t i = 0; rc == 0 && i < surface->model->balancers.count; i++) {
        if (balancer_holds(surface->model, &surface->model->balancers.items[i], group)) {
            rc = surface_through(surface, i);
        }
    }
    if (rc == 0) {
        surface_bypasses(surface);
    }
    return rc;
}

const struct reach_rows *reach_surface_direct(const struct reach_surface *surface, uint32_t eni)
{
    return &surface->direct[eni];
}

const struct reach_rows *reach_surface_through(const struct reach_surface *surface, uint32_t balancer)
{
    return &surface->through[balancer];
}
