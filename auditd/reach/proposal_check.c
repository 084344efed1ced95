/* Whether a proposal holds what it promises, by the module's own answers. */
#include "auditd/reach/proposal.h"
#include "auditd/reach/surface.h"

#include "auditd/reach/diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
    const struct reach_model *before;
    const struct reach_needs *needs;
    struct reach_proposal *proposal;
    struct reach_model after; /* shares all but the array of groups, and the changed ones' rules */
    struct reach_engine *engines[2];
    struct reach_surface *surfaces[2];
    bool failed; /* a change did, in this round */
};

static void check_done(struct check *check)
{
    for (int i = 0; i < 2; i++) {
        reach_surface_destroy(check->surfaces[i]);
        reach_engine_destroy(check->engines[i]);
    }
    for (size_t i = 0; check->after.groups.items != NULL && i < check->before->groups.count; i++) {
        if (check->after.groups.items[i].rules.items != check->before->groups.items[i].rules.items) {
            free(check->after.groups.items[i].rules.items);
        }
    }
    free(check->after.groups.items);
}

/* ---- the model after it ---- */

static int put_rules(struct check *check, size_t group)
{
    const struct reach_advice *advice = &check->proposal->items[group];
    const struct reach_group *old = &check->before->groups.items[group];
    struct reach_group *new = &check->after.groups.items[group];

    if (advice->kind != REACH_ADVICE_CHANGE) {
        return 0;
    }
    new->rules.items = calloc(advice->count + old->rules.count + 1, sizeof(*new->rules.items));
    new->rules.count = 0;
    if (new->rules.items == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < advice->count; i++) {
        new->rules.items[new->rules.count++] = advice->rules[i];
    }
    for (size_t i = 0; i < old->rules.count; i++) {
        if (old->rules.items[i].egress) {
            new->rules.items[new->rules.count++] = old->rules.items[i];
        }
    }
    reach_model_finish_group(&check->after, new);
    return 0;
}

static int check_open(struct check *check)
{
    const struct reach_model *models[2] = {check->before, &check->after};
    int rc = 0;

    check->after = *check->before;
    check->after.groups.items = calloc(check->before->groups.count + 1, sizeof(*check->after.groups.items));
    if (check->after.groups.items == NULL) {
        return -ENOMEM;
    }
    if (check->before->groups.count > 0) {
        memcpy(check->after.groups.items, check->before->groups.items,
               check->before->groups.count * sizeof(*check->after.groups.items));
    }
    for (size_t i = 0; rc == 0 && i < check->proposal->count; i++) {
        rc = put_rules(check, i);
    }
    for (int i = 0; rc == 0 && i < 2; i++) {
        check->engines[i] = reach_engine_create(models[i]);
        rc = check->engines[i] == NULL ? -ENOMEM : reach_surface_create(check->engines[i], &check->surfaces[i]);
    }
    return rc;
}

/* The group keeps what it has. */
static int fail_group(struct check *check, uint32_t group, const char *why)
{
    struct reach_advice *advice = &check->proposal->items[group];
    struct reach_group *new = &check->after.groups.items[group];

    if (advice->kind != REACH_ADVICE_CHANGE) {
        return 0;
    }
    check->failed = true;
    advice->kind = REACH_ADVICE_FAILED;
    snprintf(advice->why, sizeof(advice->why), "%s", why);
    free(new->rules.items);
    new->rules.items = check->before->groups.items[group].rules.items;
    new->rules.count = check->before->groups.items[group].rules.count;
    return reach_surface_refresh(check->surfaces[1], group);
}

static int fail_eni(struct check *check, uint32_t eni, const char *why)
{
    const struct reach_eni *record = &check->before->enis.items[eni];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < record->groups.count; i++) {
        rc = record->groups.items[i].at == REACH_NONE ? 0 : fail_group(check, record->groups.items[i].at, why);
    }
    return rc;
}

/* ---- does a group admit more? ---- */

/* Whether somebody of `set` is not among the other's. */
static bool exceeds(const struct span_set *set, const struct span_set *other)
{
    struct span_set more = {0};
    bool is_more;

    span_set_copy(&more, set);
    span_set_minus(&more, other);
    is_more = more.failed || more.count > 0;
    span_set_done(&more);
    return is_more;
}

static bool bands_exceed(const struct reach_bands *after, const struct reach_bands *before)
{
    for (size_t i = 0, j = 0; i < after->count && j < before->count;) {
        const struct reach_band *new = &after->items[i];
        const struct reach_band *old = &before->items[j];
        if (exceeds(&new->open, &old->open) || exceeds(&new->members, &old->members) ||
            (new->open_unsure && !old->open_unsure) || (new->members_unsure && !old->members_unsure)) {
            return true;
        }
        i += new->ports.last <= old->ports.last;
        j += old->ports.last <= new->ports.last;
    }
    return false;
}

static int group_exceeds(const struct check *check, uint32_t group, struct reach_aspect aspect, bool *exceeds_it)
{
    const struct reach_model *models[2] = {check->before, &check->after};
    struct reach_bands bands[2] = {{0}, {0}};
    int rc = 0;

    for (int i = 0; rc == 0 && i < 2; i++) {
        rc = reach_bands_of_group(models[i], &models[i]->groups.items[group], aspect, &bands[i]);
    }
    *exceeds_it = rc == 0 && (*exceeds_it || bands_exceed(&bands[1], &bands[0]));
    reach_bands_done(&bands[0]);
    reach_bands_done(&bands[1]);
    return rc;
}

static int check_group(struct check *check, uint32_t group)
{
    bool named[REACH_PROTO_UNNAMED + 1] = {[REACH_TCP] = true, [REACH_UDP] = true, [REACH_PROTO_UNNAMED] = true};
    bool more = false;
    int rc = 0;

    for (int i = 0; i < 2; i++) {
        const struct reach_group *record =
            i == 0 ? &check->before->groups.items[group] : &check->after.groups.items[group];
        for (size_t j = 0; j < record->rules.count; j++) {
            named[record->rules.items[j].proto < 0 ? REACH_PROTO_UNNAMED : record->rules.items[j].proto] = true;
        }
    }
    for (int proto = 0; proto <= REACH_PROTO_UNNAMED; proto++) {
        for (int family = 0; rc == 0 && named[proto] && family < 2; family++) {
            const struct reach_aspect aspect = {.proto = (uint16_t)proto, .is_ipv6 = family == 1};
            rc = group_exceeds(check, group, aspect, &more);
        }
    }
    return rc == 0 && more ? fail_group(check, group, "the group would admit somebody whom it does not admit now") : rc;
}

/* ---- does the internet reach more? ---- */

/* How many rows open; fails the changes behind them. */
static int check_rows(struct check *check, const struct reach_rows *before, const struct reach_rows *after)
{
    static const char why[] = "the internet would reach a port that it does not reach now";
    struct reach_rows opens;
    int rc = reach_diff(before, after, &opens);

    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < opens.count; i++) {
        const struct reach_row *row = &opens.items[i];
        const struct reach_balancer *balancer =
            row->balancer == REACH_NONE ? NULL : &check->before->balancers.items[row->balancer];
        rc = fail_eni(check, row->eni, why);
        for (size_t j = 0; rc == 0 && balancer != NULL && j < balancer->nodes.count; j++) {
            rc = balancer->nodes.items[j].at == REACH_NONE ? 0 : fail_eni(check, balancer->nodes.items[j].at, why);
        }
    }
    reach_rows_done(&opens);
    return rc;
}

/* ---- does it stay? ---- */

/* Those of the cell with that verdict or a better one. */
static void at_least(const struct reach_cell *cell, enum reach_verdict verdict, struct span_set *set)
{
    for (int better = REACH_REACHABLE; better >= (int)verdict; better--) {
        span_set_or(set, &cell->sources[better]);
    }
}

/* Whether somebody of `from`, NULL for all, had the verdict in the one and has a worse one in the other. */
static bool cell_loses(const struct reach_cell *before, const struct reach_cell *after, const struct span_set *from)
{
    bool loses = false;

    for (int verdict = REACH_UNKNOWN; !loses && verdict <= REACH_REACHABLE; verdict++) {
        struct span_set had = {0};
        struct span_set has = {0};
        at_least(before, (enum reach_verdict)verdict, &had);
        at_least(after, (enum reach_verdict)verdict, &has);
        if (from != NULL) {
            span_set_and(&had, from);
        }
        loses = exceeds(&had, &has);
        span_set_done(&had);
        span_set_done(&has);
    }
    return loses;
}

static bool answer_loses(const struct reach_answer answers[2], const struct reach_need *need)
{
    const struct span_set *from = need->is_seen ? &need->from[answers[0].is_ipv6] : NULL;

    for (size_t i = 0, j = 0; i < answers[0].count && j < answers[1].count;) {
        const struct reach_cell *before = &answers[0].cells[i];
        const struct reach_cell *after = &answers[1].cells[j];
        bool asked = before->ports.first <= need->ports.last && before->ports.last >= need->ports.first &&
                     after->ports.first <= need->ports.last && after->ports.last >= need->ports.first;
        if (asked && cell_loses(before, after, from)) {
            return true;
        }
        i += before->ports.last <= after->ports.last;
        j += after->ports.last <= before->ports.last;
    }
    return false;
}

/* All that is needed of the interface's address by the protocol. */
static int check_question(struct check *check, const struct reach_question *question)
{
    struct reach_answer answers[2] = {{0}, {0}};
    bool loses = false;
    size_t count;
    const struct reach_need *needs = reach_needs_of(check->needs, question->eni, &count);
    int rc = 0;

    for (int i = 0; rc == 0 && i < 2; i++) {
        rc = reach_ask(check->engines[i], question, &answers[i]);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        loses = loses || ((needs[i].proto == question->proto || needs[i].proto == REACH_PROTO_ALL) &&
                          answer_loses(answers, &needs[i]));
    }
    reach_answer_done(&answers[0]);
    reach_answer_done(&answers[1]);
    return rc == 0 && loses
               ? fail_eni(check, question->eni, "a needed port would no longer be reached by all who reach it now")
               : rc;
}

static bool is_touched(const struct check *check, uint32_t eni)
{
    const struct reach_eni *record = &check->before->enis.items[eni];

    for (size_t i = 0; i < record->groups.count; i++) {
        uint32_t group = record->groups.items[i].at;
        if (group != REACH_NONE && check->proposal->items[group].kind == REACH_ADVICE_CHANGE) {
            return true;
        }
    }
    return false;
}

/* From the internet, and from any address in whatever place it has. */
static int check_eni(struct check *check, uint32_t eni)
{
    static const uint16_t protos[] = {REACH_TCP, REACH_UDP};
    const struct reach_eni *record = &check->before->enis.items[eni];
    int rc = 0;

    for (uint32_t i = 0; i < record->addresses.count; i++) {
        for (int j = 0; rc == 0 && j < 4 && is_touched(check, eni); j++) {
            const struct reach_question question = {
                .from = j < 2 ? REACH_FROM_WORLD : REACH_FROM_PREFIX,
                .prefix.addr.is_ipv6 = record->addresses.items[i].prefix.addr.is_ipv6,
                .eni = eni,
                .address = i,
                .proto = protos[j % 2],
                .ports = {0, UINT16_MAX},
            };
            rc = check_question(check, &question);
        }
    }
    return rc;
}

/* ---- all ---- */

static int check_round(struct check *check)
{
    int rc = 0;

    check->failed = false;
    for (uint32_t i = 0; rc == 0 && i < check->proposal->count; i++) {
        rc = check->proposal->items[i].kind == REACH_ADVICE_CHANGE ? check_group(check, i) : 0;
    }
    for (uint32_t i = 0; rc == 0 && i < check->before->enis.count; i++) {
        rc = is_touched(check, i) ? check_rows(check, reach_surface_direct(check->surfaces[0], i),
                                               reach_surface_direct(check->surfaces[1], i))
                                  : 0;
        rc = rc == 0 && is_touched(check, i) ? check_eni(check, i) : rc;
    }
    for (uint32_t i = 0; rc == 0 && i < check->before->balancers.count; i++) {
        rc = check_rows(check, reach_surface_through(check->surfaces[0], i),
                        reach_surface_through(check->surfaces[1], i));
    }
    return rc;
}

int reach_proposal_check(const struct reach_model *model, const struct reach_needs *needs,
                         struct reach_proposal *proposal)
{
    struct check check = {.before = model, .needs = needs, .proposal = proposal};
    int rc = check_open(&check);

    /* Each round but the last takes a change back. */
    for (size_t round = 0; rc == 0 && round <= model->groups.count && (round == 0 || check.failed); round++) {
        rc = check_round(&check);
    }
    check_done(&check);
    return rc;
}
