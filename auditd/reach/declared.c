#include "auditd/reach/declared.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void reach_declareds_done(struct reach_declareds *declareds)
{
    free(declareds->items);
    *declareds = (struct reach_declareds){0};
}

static double cell_share(const struct reach_cell *cell, double asked)
{
    double open = span_set_size(&cell->sources[REACH_REACHABLE]) + span_set_size(&cell->sources[REACH_CONDITIONAL]);

    return asked > 0 ? open / asked : 0;
}

static bool declared_continues(const struct reach_declared *last, const struct reach_declared *next)
{
    return last->address == next->address && last->proto == next->proto && last->balancer == next->balancer &&
           last->listener == next->listener && last->is_ipv6 == next->is_ipv6 && last->verdict == next->verdict &&
           last->ports.last + 1 == next->ports.first && !(last->share < next->share) && !(last->share > next->share) &&
           last->decided.id == next->decided.id && strcmp(last->decided.stage, next->decided.stage) == 0 &&
           strcmp(last->decided.text, next->decided.text) == 0;
}

/* Joined with the last one where the same holds. */
static int declareds_add(struct reach_declareds *declareds, const struct reach_declared *declared)
{
    struct reach_declared *items;

    if (declareds->count > 0 && declared_continues(&declareds->items[declareds->count - 1], declared)) {
        declareds->items[declareds->count - 1].ports.last = declared->ports.last;
        return 0;
    }
    items = realloc(declareds->items, (declareds->count + 1) * sizeof(*items));
    if (items == NULL) {
        return -ENOMEM;
    }
    declareds->items = items;
    items[declareds->count++] = *declared;
    return 0;
}

/* ---- directly ---- */

/* The rule that lets it in, where it gets in; else the last step, which does not let it pass. */
static void decide(const struct reach_proof *proof, struct reach_step *decided)
{
    bool gets_in = proof->verdict == REACH_REACHABLE || proof->verdict == REACH_CONDITIONAL;

    for (size_t i = 0; i < proof->count; i++) {
        const struct reach_step *step = &proof->steps[i];
        if (!gets_in || (strcmp(step->stage, "group") == 0 && !step->is_answer) || i == 0) {
            *decided = *step;
        }
    }
}

static int declare_cell(struct reach_engine *engine, const struct reach_question *question,
                        const struct reach_answer *answer, const struct reach_cell *cell,
                        struct reach_declared *declared)
{
    const struct span_set *set = &cell->sources[REACH_REACHABLE];
    struct reach_proof proof;
    int rc;

    declared->ports = cell->ports;
    declared->verdict = cell->verdict;
    declared->share = cell_share(cell, span_set_size(&answer->asked));
    declared->decided = (struct reach_step){.stage = "source", .text = "nobody of the internet asks"};
    set = set->count > 0 ? set : &cell->sources[cell->verdict];
    set = set->count > 0 ? set : &answer->asked;
    if (set->count == 0) {
        return 0;
    }
    rc = reach_prove(engine, question, set->items[0].first, cell->ports, &proof);
    if (rc == 0) {
        decide(&proof, &declared->decided);
    }
    return rc == -ENOENT ? 0 : rc;
}

static int declare_proto(struct reach_engine *engine, const struct reach_question *question,
                         struct reach_declareds *declareds)
{
    bool keeps_blocked = question->proto == REACH_TCP || question->proto == REACH_UDP;
    struct reach_answer answer;
    int rc = reach_ask(engine, question, &answer);

    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < answer.count; i++) {
        struct reach_declared declared = {
            .address = question->address,
            .proto = question->proto,
            .balancer = REACH_NONE,
            .is_ipv6 = answer.is_ipv6,
        };
        if (keeps_blocked || answer.cells[i].verdict != REACH_BLOCKED) {
            rc = declare_cell(engine, question, &answer, &answer.cells[i], &declared);
            rc = rc == 0 ? declareds_add(declareds, &declared) : rc;
        }
    }
    reach_answer_done(&answer);
    return rc;
}

static int declare_address(struct reach_engine *engine, uint32_t eni, uint32_t address,
                           struct reach_declareds *declareds)
{
    const struct reach_model *model = reach_engine_model(engine);
    bool is_ipv6 = model->enis.items[eni].addresses.items[address].prefix.addr.is_ipv6;
    uint16_t protos[REACH_PROTO_UNNAMED + 1];
    size_t count = reach_surface_protos(model, eni, is_ipv6, protos);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct reach_question question = {
            .from = REACH_FROM_WORLD,
            .eni = eni,
            .address = address,
            .proto = protos[i],
            .ports = {0, UINT16_MAX},
        };
        rc = declare_proto(engine, &question, declareds);
    }
    return rc;
}

/* ---- by way of a balancer ---- */

static int declare_row(const struct reach_model *model, const struct reach_row *row, struct reach_declareds *declareds)
{
    const struct reach_balancer *balancer = &model->balancers.items[row->balancer];
    struct reach_declared declared = {
        .address = row->address,
        .proto = row->proto,
        .balancer = row->balancer,
        .listener = balancer->listeners.items[row->listener].port,
        .is_ipv6 = row->is_ipv6,
        .ports = row->cell.ports,
        .verdict = row->cell.verdict,
        .share = cell_share(&row->cell, row->asked),
        .decided = {.stage = "balancer", .id = balancer->id, .text = "a listener leads there"},
    };

    return declareds_add(declareds, &declared);
}

static int declare_through(const struct reach_model *model, const struct reach_surface *surface, uint32_t eni,
                           struct reach_declareds *declareds)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < model->balancers.count; i++) {
        const struct reach_rows *rows = reach_surface_through(surface, i);
        for (size_t j = 0; rc == 0 && j < rows->count; j++) {
            rc = rows->items[j].eni == eni ? declare_row(model, &rows->items[j], declareds) : 0;
        }
    }
    return rc;
}

int reach_declare(struct reach_engine *engine, const struct reach_surface *surface, uint32_t eni,
                  struct reach_declareds *ret_declareds)
{
    const struct reach_model *model = reach_engine_model(engine);
    int rc = 0;

    *ret_declareds = (struct reach_declareds){0};
    for (uint32_t i = 0; rc == 0 && i < model->enis.items[eni].addresses.count; i++) {
        rc = declare_address(engine, eni, i, ret_declareds);
    }
    return rc == 0 ? declare_through(model, surface, eni, ret_declareds) : rc;
}
