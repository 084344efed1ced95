#include "auditd/reach/through.h"

#include "auditd/reach/leg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct through {
    struct reach_engine *engine;
    const struct reach_model *model;
    const struct reach_question *question;
    const struct reach_passage *passage;
    const struct reach_balancer *balancer;
    const struct reach_listener *listener;
    const struct reach_targets *targets;
    const struct reach_target *target;
    bool is_ipv6;            /* the clients */
    uint32_t target_address; /* the one that the balancer uses */
    struct reach_answer *answer;
};

/* Sources with at least that verdict. */
static void at_least(const struct reach_cell *cell, enum reach_verdict verdict, struct span_set *set)
{
    for (int better = REACH_REACHABLE; better >= (int)verdict; better--) {
        span_set_or(set, &cell->sources[better]);
    }
}

/* Of two parts of one way the worse decides, source by source. `first` becomes the result. */
static void cell_chain(struct reach_cell *first, const struct reach_cell *second)
{
    struct reach_cell chained = {.ports = second->ports, .return_share = first->return_share * second->return_share};
    struct span_set better = {0};

    for (int verdict = REACH_REACHABLE; verdict > REACH_BLOCKED; verdict--) {
        struct span_set far = {0};
        at_least(first, (enum reach_verdict)verdict, &chained.sources[verdict]);
        at_least(second, (enum reach_verdict)verdict, &far);
        span_set_and(&chained.sources[verdict], &far);
        span_set_minus(&chained.sources[verdict], &better);
        span_set_or(&better, &chained.sources[verdict]);
        span_set_done(&far);
    }
    reach_cell_done(first);
    span_set_done(&better);
    *first = chained;
}

/* All of the cell's sources that are not blocked become no better than UNKNOWN. */
static void cell_doubt(struct reach_cell *cell)
{
    for (int verdict = REACH_REACHABLE; verdict > REACH_UNKNOWN; verdict--) {
        span_set_or(&cell->sources[REACH_UNKNOWN], &cell->sources[verdict]);
        span_set_done(&cell->sources[verdict]);
    }
}

/* Where two ways of reading it agree, that; else UNKNOWN. `a` becomes the result. */
static void cell_agree(struct reach_cell *a, const struct reach_cell *b)
{
    struct span_set doubtful = {0};
    struct span_set agreed = {0};

    at_least(a, REACH_BLOCKED_RETURN, &doubtful);
    at_least(b, REACH_BLOCKED_RETURN, &doubtful);
    for (int verdict = REACH_REACHABLE; verdict > REACH_BLOCKED; verdict--) {
        span_set_and(&a->sources[verdict], &b->sources[verdict]);
        span_set_or(&agreed, &a->sources[verdict]);
    }
    span_set_minus(&doubtful, &agreed);
    span_set_or(&a->sources[REACH_UNKNOWN], &doubtful);
    span_set_done(&doubtful);
    span_set_done(&agreed);
}

/* The balancer's node opens the connection itself: all clients share its verdict. */
static int second_by_node(struct through *through, uint32_t node, struct reach_cell *ret_cell)
{
    struct reach_question question = {
        .from = REACH_FROM_ENI,
        .source = node,
        .eni = through->target->eni.at,
        .address = through->target_address,
        .proto = through->passage->proto,
        .ports = {through->target->port, through->target->port},
        .client = {1024, UINT16_MAX},
    };
    struct reach_answer answer;
    int rc = reach_ask(through->engine, &question, &answer);

    if (rc < 0) {
        return rc;
    }
    *ret_cell = (struct reach_cell){.ports = question.ports, .return_share = answer.cells[0].return_share};
    if (answer.cells[0].verdict != REACH_BLOCKED) {
        span_set_add(&ret_cell->sources[answer.cells[0].verdict], span_all(through->is_ipv6));
    }
    reach_answer_done(&answer);
    return 0;
}

/* The peering between the node's and the target's VPC; false when there is no way at all. */
static bool second_peering(const struct through *through, const struct reach_eni *node, uint32_t *ret_peering)
{
    const struct reach_model *model = through->model;
    uint32_t from = reach_model_vpc_of(model, node);
    uint32_t to = reach_model_vpc_of(model, &model->enis.items[through->target->eni.at]);

    *ret_peering = REACH_NONE;
    for (size_t i = 0; from != to && i < model->peerings.count; i++) {
        const struct reach_peering *peering = &model->peerings.items[i];
        uint32_t a = peering->sides[0].vpc.at;
        uint32_t b = peering->sides[1].vpc.at;
        if (peering->active && ((a == from && b == to) || (a == to && b == from))) {
            *ret_peering = (uint32_t)i;
        }
    }
    if (from == REACH_NONE || to == REACH_NONE) {
        return from == to || model->unread[REACH_SUBNET];
    }
    return from == to || *ret_peering != REACH_NONE;
}

/* The target sees the clients' own addresses. */
static int second_by_clients(struct through *through, uint32_t node, span_value node_address,
                             struct reach_cell *ret_cell)
{
    const struct reach_eni *eni = &through->model->enis.items[node];
    struct reach_leg leg = {
        .place = REACH_AT_BALANCER,
        .subnet = eni->subnet.at,
        .source = node,
        .node = node_address,
        .eni = through->target->eni.at,
        .address = through->target_address,
        .proto = through->passage->proto,
        .ports = {through->target->port, through->target->port},
        .client = {1024, UINT16_MAX},
    };
    struct reach_cells cells = {0};
    int rc;

    if (!second_peering(through, eni, &leg.peering)) {
        *ret_cell = (struct reach_cell){.ports = leg.ports};
        return 0;
    }
    span_set_add(&leg.sources, span_all(through->is_ipv6));
    rc = leg.sources.failed ? -ENOMEM : reach_leg_cells(through->engine, &leg, &cells);
    reach_leg_done(&leg);
    if (rc < 0) {
        return rc;
    }
    *ret_cell = cells.items[0];
    free(cells.items);
    return 0;
}

static int second(struct through *through, uint32_t node, span_value node_address, struct reach_cell *ret_cell)
{
    const struct reach_eni *target = &through->model->enis.items[through->target->eni.at];
    bool same_family = target->addresses.items[through->target_address].prefix.addr.is_ipv6 == through->is_ipv6;
    enum reach_maybe preserve = same_family ? through->targets->preserve : REACH_NO;
    struct reach_cell cell = {0};
    int rc = preserve == REACH_NO ? second_by_node(through, node, ret_cell)
                                  : second_by_clients(through, node, node_address, ret_cell);

    if (rc < 0 || preserve != REACH_PERHAPS) {
        return rc;
    }
    rc = second_by_node(through, node, &cell);
    if (rc == 0) {
        cell_agree(ret_cell, &cell);
    }
    reach_cell_done(&cell);
    return rc;
}

static enum reach_maybe through_zone(const struct through *through, const struct reach_eni *node)
{
    const struct reach_model *model = through->model;
    const struct reach_eni *target = &model->enis.items[through->target->eni.at];
    const char *a = node->subnet.at == REACH_NONE ? NULL : model->subnets.items[node->subnet.at].zone;
    const char *b = target->subnet.at == REACH_NONE ? NULL : model->subnets.items[target->subnet.at].zone;

    if (a == NULL || b == NULL) {
        return through->balancer->cross_zone == REACH_YES ? REACH_YES : REACH_PERHAPS;
    }
    return strcmp(a, b) == 0 ? REACH_YES : through->balancer->cross_zone;
}

/* Takes what one address of a node adds. */
static int through_take(struct through *through, struct reach_answer *first, struct reach_cell *second_cell,
                        enum reach_maybe zone)
{
    struct reach_answer *answer = through->answer;
    struct reach_cells held = {answer->cells, answer->count};
    struct reach_cells more = {first->cells, 1};
    struct reach_cells both = {0};
    int rc = 0;

    cell_chain(&first->cells[0], second_cell);
    if (zone == REACH_PERHAPS) {
        cell_doubt(&first->cells[0]);
    }
    span_set_or(&answer->asked, &first->asked);
    if (answer->count == 0) {
        answer->cells = first->cells;
        answer->count = 1;
        first->cells = NULL;
        first->count = 0;
        return 0;
    }
    rc = reach_cells_overlay(&held, &more, &both);
    if (rc == 0) {
        reach_cells_done(&held);
        answer->cells = both.items;
        answer->count = both.count;
    }
    return rc;
}

static int through_address(struct through *through, uint32_t node, uint32_t address)
{
    const struct reach_eni *eni = &through->model->enis.items[node];
    struct reach_question question = *through->question;
    struct reach_answer first = {0};
    struct reach_cell cell = {0};
    enum reach_maybe zone = through_zone(through, eni);
    int rc;

    question.eni = node;
    question.address = address;
    question.proto = through->passage->proto;
    question.ports = (struct reach_ports){through->listener->port, through->listener->port};
    rc = zone == REACH_NO ? 0 : reach_ask(through->engine, &question, &first);
    if (rc < 0 || zone == REACH_NO) {
        return rc;
    }
    rc = second(through, node, span_value_of(&eni->addresses.items[address].prefix.addr), &cell);
    rc = rc == 0 ? through_take(through, &first, &cell, zone) : rc;
    reach_cell_done(&cell);
    reach_answer_done(&first);
    return rc;
}

static int through_nodes(struct through *through, bool *ret_known)
{
    int rc = 0;

    *ret_known = through->balancer->nodes.count > 0;
    for (size_t i = 0; rc == 0 && i < through->balancer->nodes.count; i++) {
        uint32_t node = through->balancer->nodes.items[i].at;
        if (node == REACH_NONE) {
            *ret_known = false;
            continue;
        }
        for (uint32_t j = 0; rc == 0 && j < through->model->enis.items[node].addresses.count; j++) {
            const struct reach_address *own = &through->model->enis.items[node].addresses.items[j];
            rc = own->prefix.addr.is_ipv6 == through->is_ipv6 ? through_address(through, node, j) : 0;
        }
    }
    return rc;
}

/* No node has an address of the family, or all lie in zones whence the target is not served; or nodes are missing. */
static int through_finish(struct through *through, bool known)
{
    struct reach_answer *answer = through->answer;

    if (answer->count == 0) {
        answer->cells = calloc(1, sizeof(*answer->cells));
        if (answer->cells == NULL) {
            return -ENOMEM;
        }
        answer->count = 1;
        answer->cells[0].ports = (struct reach_ports){through->target->port, through->target->port};
    }
    if (!known) {
        struct reach_cell *cell = &answer->cells[0];
        struct span_set sure = {0};
        span_set_done(&answer->asked);
        span_set_add(&answer->asked, span_all(through->is_ipv6));
        at_least(cell, REACH_CONDITIONAL, &sure);
        span_set_copy(&cell->sources[REACH_UNKNOWN], &answer->asked);
        span_set_minus(&cell->sources[REACH_UNKNOWN], &sure);
        span_set_done(&cell->sources[REACH_BLOCKED_RETURN]);
        cell->sources[REACH_UNKNOWN].failed |= sure.failed;
        span_set_done(&sure);
    }
    for (int verdict = 0; verdict < REACH_VERDICTS; verdict++) {
        if (answer->cells[0].sources[verdict].failed || answer->asked.failed) {
            return -ENOMEM;
        }
    }
    answer->cells[0].verdict = reach_cell_judge(&answer->cells[0], &answer->asked);
    return 0;
}

/* Balancers use a target's first IPv4 address, and IPv6 where it has no other. */
static bool target_address(const struct reach_eni *eni, uint32_t *ret_address)
{
    for (int family = 0; family < 2; family++) {
        for (size_t i = 0; i < eni->addresses.count; i++) {
            if (eni->addresses.items[i].prefix.addr.is_ipv6 == family) {
                *ret_address = (uint32_t)i;
                return true;
            }
        }
    }
    return false;
}

int reach_through(struct reach_engine *engine, const struct reach_question *question, bool is_ipv6,
                  const struct reach_passage *passage, struct reach_answer *ret_answer)
{
    const struct reach_model *model = reach_engine_model(engine);
    struct reach_answer answer = {.is_ipv6 = is_ipv6};
    struct through through = {
        .engine = engine,
        .model = model,
        .question = question,
        .passage = passage,
        .balancer = &model->balancers.items[passage->balancer],
        .listener = &model->balancers.items[passage->balancer].listeners.items[passage->listener],
        .targets = &model->targets.items[passage->targets],
        .target = &model->targets.items[passage->targets].targets.items[passage->target],
        .is_ipv6 = is_ipv6,
        .answer = &answer,
    };
    bool known;
    int rc;

    if (through.target->eni.at == REACH_NONE ||
        !target_address(&model->enis.items[through.target->eni.at], &through.target_address)) {
        return -ENOENT;
    }
    rc = through_nodes(&through, &known);
    rc = rc == 0 ? through_finish(&through, known) : rc;
    if (rc < 0) {
        reach_answer_done(&answer);
        return rc;
    }
    *ret_answer = answer;
    return 0;
}
