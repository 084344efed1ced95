/* Answers of several legs, laid over each other. */
#include "auditd/reach/leg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const VERDICT_NAMES[REACH_VERDICTS] = {
    [REACH_BLOCKED] = "BLOCKED",         [REACH_BLOCKED_RETURN] = "BLOCKED_RETURN", [REACH_UNKNOWN] = "UNKNOWN",
    [REACH_CONDITIONAL] = "CONDITIONAL", [REACH_REACHABLE] = "REACHABLE",
};

const char *reach_verdict_name(enum reach_verdict verdict)
{
    return VERDICT_NAMES[verdict];
}

enum reach_verdict reach_verdict_parse(const char *name)
{
    for (int verdict = REACH_BLOCKED; verdict < REACH_VERDICTS; verdict++) {
        if (strcmp(VERDICT_NAMES[verdict], name) == 0) {
            return (enum reach_verdict)verdict;
        }
    }
    return REACH_UNKNOWN;
}

enum reach_verdict reach_cell_verdict_of(const struct reach_cell *cell, span_value source)
{
    for (int verdict = REACH_REACHABLE; verdict > REACH_BLOCKED; verdict--) {
        if (span_set_has(&cell->sources[verdict], source)) {
            return (enum reach_verdict)verdict;
        }
    }
    return REACH_BLOCKED;
}

void reach_answer_done(struct reach_answer *answer)
{
    struct reach_cells cells = {answer->cells, answer->count};

    span_set_done(&answer->asked);
    reach_cells_done(&cells);
    *answer = (struct reach_answer){0};
}

enum reach_verdict reach_cell_judge(const struct reach_cell *cell, const struct span_set *asked)
{
    if (asked->count > 0 && span_set_equal(&cell->sources[REACH_REACHABLE], asked)) {
        return REACH_REACHABLE;
    }
    if (cell->sources[REACH_REACHABLE].count + cell->sources[REACH_CONDITIONAL].count > 0) {
        return REACH_CONDITIONAL;
    }
    if (cell->sources[REACH_UNKNOWN].count > 0) {
        return REACH_UNKNOWN;
    }
    return cell->sources[REACH_BLOCKED_RETURN].count > 0 ? REACH_BLOCKED_RETURN : REACH_BLOCKED;
}

static double cell_open(const struct reach_cell *cell)
{
    return span_set_size(&cell->sources[REACH_REACHABLE]) + span_set_size(&cell->sources[REACH_CONDITIONAL]);
}

/* The better verdict counts for a source that both have. `cell` takes both parts' sources. */
static void cell_overlay(const struct reach_cell *a, const struct reach_cell *b, struct reach_cell *cell)
{
    struct span_set better = {0};
    double open = cell_open(a) + cell_open(b);

    for (int verdict = REACH_REACHABLE; verdict > REACH_BLOCKED; verdict--) {
        span_set_copy(&cell->sources[verdict], &a->sources[verdict]);
        span_set_or(&cell->sources[verdict], &b->sources[verdict]);
        span_set_minus(&cell->sources[verdict], &better);
        span_set_or(&better, &cell->sources[verdict]);
    }
    cell->return_share = open > 0 ? (a->return_share * cell_open(a) + b->return_share * cell_open(b)) / open : 0;
    span_set_done(&better);
}

int reach_cells_overlay(const struct reach_cells *a, const struct reach_cells *b, struct reach_cells *ret_cells)
{
    struct reach_cells cells = {.items = calloc(a->count + b->count + 1, sizeof(*cells.items))};
    bool failed = cells.items == NULL;

    for (size_t i = 0, j = 0; !failed && i < a->count && j < b->count;) {
        const struct reach_cell *left = &a->items[i];
        const struct reach_cell *right = &b->items[j];
        struct reach_cell *cell = &cells.items[cells.count++];
        cell->ports.first = left->ports.first > right->ports.first ? left->ports.first : right->ports.first;
        cell->ports.last = left->ports.last < right->ports.last ? left->ports.last : right->ports.last;
        cell_overlay(left, right, cell);
        for (int verdict = 0; verdict < REACH_VERDICTS; verdict++) {
            failed |= cell->sources[verdict].failed;
        }
        i += left->ports.last == cell->ports.last;
        j += right->ports.last == cell->ports.last;
    }
    if (failed) {
        reach_cells_done(&cells);
        return -ENOMEM;
    }
    *ret_cells = cells;
    return 0;
}

/* Takes the cells. */
static int answer_take(struct reach_answer *answer, struct reach_cells *cells)
{
    struct reach_cells held = {answer->cells, answer->count};
    struct reach_cells both = {0};
    int rc;

    if (answer->count == 0) {
        answer->cells = cells->items;
        answer->count = cells->count;
        return 0;
    }
    rc = reach_cells_overlay(&held, cells, &both);
    reach_cells_done(cells);
    if (rc == 0) {
        reach_cells_done(&held);
        answer->cells = both.items;
        answer->count = both.count;
    }
    return rc;
}

/* Where nobody can ask, all is blocked. */
static int answer_empty(const struct reach_question *question, struct reach_answer *answer)
{
    free(answer->cells);
    answer->cells = calloc(1, sizeof(*answer->cells));
    if (answer->cells == NULL) {
        return -ENOMEM;
    }
    answer->cells[0].ports = question->ports;
    answer->count = 1;
    return 0;
}

int reach_ask(struct reach_engine *engine, const struct reach_question *question, struct reach_answer *ret_answer)
{
    const struct reach_eni *eni = &reach_engine_model(engine)->enis.items[question->eni];
    struct reach_answer answer = {.is_ipv6 = eni->addresses.items[question->address].prefix.addr.is_ipv6};
    struct reach_leg *legs = NULL;
    size_t count = 0;
    int rc = reach_legs_of(engine, question, &legs, &count);

    for (size_t i = 0; i < count; i++) {
        struct reach_cells cells = {0};
        span_set_or(&answer.asked, &legs[i].sources);
        rc = rc == 0 ? reach_leg_cells(engine, &legs[i], &cells) : rc;
        rc = rc == 0 ? answer_take(&answer, &cells) : rc;
        reach_leg_done(&legs[i]);
    }
    free(legs);
    rc = rc == 0 && answer.count == 0 ? answer_empty(question, &answer) : rc;
    rc = rc == 0 && answer.asked.failed ? -ENOMEM : rc;
    if (rc < 0) {
        reach_answer_done(&answer);
        return rc;
    }
    for (size_t i = 0; i < answer.count; i++) {
        answer.cells[i].verdict = reach_cell_judge(&answer.cells[i], &answer.asked);
    }
    *ret_answer = answer;
    return 0;
}
