#include "auditd/reach_asking.h"

struct asking {
    struct reach_engine *engine;
    const struct reach_surface *surface; /* NULL: to be made */
    const struct reach_model *model;
    const struct reach_goal *goal;
    reach_row_fn *take;
    void *context;
};

/* A source that the verdict is about, for the proof. */
static bool witness(const struct reach_answer *answer, const struct reach_cell *cell, span_value *ret_source)
{
    const struct span_set *set = &cell->sources[REACH_REACHABLE];

    set = set->count > 0 ? set : &cell->sources[cell->verdict];
    set = set->count > 0 ? set : &answer->asked;
    if (set->count > 0) {
        *ret_source = set->items[0].first;
    }
    return set->count > 0;
}

/* A row for each cell, BLOCKED too, with a proof each. */
static int take_answer(const struct asking *asking, const struct reach_question *question, struct reach_answer *answer)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < answer->count; i++) {
        struct reach_row row = {
            .eni = question->eni,
            .address = question->address,
            .proto = question->proto,
            .balancer = REACH_NONE,
            .is_ipv6 = answer->is_ipv6,
            .asked = span_set_size(&answer->asked),
            .cell = answer->cells[i],
        };
        struct reach_proof proof;
        span_value source;
        bool proven = witness(answer, &row.cell, &source);
        rc = proven ? reach_prove(asking->engine, question, source, row.cell.ports, &proof) : 0;
        rc = rc == 0 ? asking->take(asking->context, asking->goal, &row, proven ? &proof : NULL) : rc;
    }
    return rc;
}

static int ask_address(const struct asking *asking, struct reach_question question)
{
    uint16_t protos[REACH_PROTO_UNNAMED + 1] = {asking->goal->proto};
    bool is_ipv6 = asking->model->enis.items[question.eni].addresses.items[question.address].prefix.addr.is_ipv6;
    size_t count = asking->goal->has_ports ? 1 : reach_surface_protos(asking->model, question.eni, is_ipv6, protos);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct reach_answer answer;
        question.proto = protos[i];
        rc = reach_ask(asking->engine, &question, &answer);
        if (rc == 0) {
            /* Sources of the other family ask nothing. */
            rc = answer.asked.count > 0 ? take_answer(asking, &question, &answer) : 0;
            reach_answer_done(&answer);
        }
    }
    return rc;
}

static int ask_sources(const struct asking *asking, struct reach_question question)
{
    const struct reach_goal *goal = asking->goal;
    int rc = 0;

    if (goal->from != REACH_FROM_ENI) {
        return ask_address(asking, question);
    }
    for (size_t i = 0; rc == 0 && i < goal->source_count; i++) {
        question.source = goal->sources[i];
        rc = ask_address(asking, question);
    }
    return rc;
}

static int ask_targets(const struct asking *asking)
{
    const struct reach_goal *goal = asking->goal;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < goal->to_count; i++) {
        const struct reach_eni *eni = &asking->model->enis.items[goal->to[i]];
        for (uint32_t j = 0; rc == 0 && j < eni->addresses.count; j++) {
            struct reach_question question = {
                .from = goal->from, .prefix = goal->prefix, .eni = goal->to[i], .address = j, .ports = goal->ports};
            rc = reach_goal_means(goal, &eni->addresses.items[j]) ? ask_sources(asking, question) : 0;
        }
    }
    return rc;
}

bool reach_asking_wants(const struct reach_goal *goal, const struct reach_row *row)
{
    for (size_t i = 0; i < goal->to_count; i++) {
        if (goal->to[i] == row->eni &&
            (!goal->has_ports || (row->proto == goal->proto && row->cell.ports.first <= goal->ports.last &&
                                  row->cell.ports.last >= goal->ports.first))) {
            return true;
        }
    }
    return goal->to_count == 0;
}

/* What balancers bring to the targets from the world. */
static int ask_balancers(const struct asking *asking)
{
    bool is_needed = asking->surface == NULL && asking->model->balancers.count > 0;
    struct reach_surface *own = NULL;
    int rc = is_needed ? reach_surface_create(asking->engine, &own) : 0;
    const struct reach_surface *surface = asking->surface != NULL ? asking->surface : own;

    for (uint32_t i = 0; surface != NULL && rc == 0 && i < asking->model->balancers.count; i++) {
        const struct reach_rows *rows = reach_surface_through(surface, i);
        for (size_t j = 0; rc == 0 && j < rows->count; j++) {
            rc = reach_asking_wants(asking->goal, &rows->items[j])
                     ? asking->take(asking->context, asking->goal, &rows->items[j], NULL)
                     : 0;
        }
    }
    reach_surface_destroy(own);
    return rc;
}

int reach_asking(struct reach_engine *engine, const struct reach_surface *surface, const struct reach_goal *goal,
                 reach_row_fn *take, void *context)
{
    const struct asking asking = {.engine = engine,
                                  .surface = surface,
                                  .model = reach_engine_model(engine),
                                  .goal = goal,
                                  .take = take,
                                  .context = context};
    int rc = ask_targets(&asking);

    return rc == 0 && goal->from == REACH_FROM_WORLD ? ask_balancers(&asking) : rc;
}
