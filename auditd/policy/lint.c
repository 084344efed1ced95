#include "auditd/policy/lint.h"

#include "auditd/policy/cover.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_TELNET = 23 };

/* Comparing all of them takes a second at most. */
static const uint64_t STEPS_MOST = UINT64_C(1) << 28;

enum emptiness { EMPTY_UNKNOWN, EMPTY_NO, EMPTY_YES };

struct lint {
    const struct rule_set *set;
    struct problems *problems;
    struct cover *cover;
    /* Of each group. */
    uint8_t *empty; /* enum emptiness */
    uint8_t *memo;
    uint32_t *marks; /* the selector that named it last */
    uint32_t selectors;
};

static void warn(struct problems *problems, const struct rule *rule, const char *what, const struct rule *other,
                 const char *then)
{
    const struct mark mark = {rule->line, rule->column};

    problems_add(problems, PROBLEM_WARNING, mark, NULL, "the rule \"%s\" %s the rule \"%s\" (line %u)%s", rule->id,
                 what, other->id, other->line, then);
}

/* ---- rules against each other ---- */

/* A narrower forbid is an exception, and meant; one that covers the whole of an allow leaves nothing of it. */
static void check_contradictions(struct lint *lint, const struct rule *allow)
{
    const struct rule_list *list = &lint->set->forbid;

    for (size_t i = 0; i < list->count && !cover_is_spent(lint->cover); i++) {
        const struct rule *forbid = &list->items[i];
        const struct rule_source *source =
            cover_has_target(lint->cover, forbid, allow) ? cover_forbidden_source(lint->cover, forbid, allow) : NULL;
        char then[160];
        if (source != NULL) {
            snprintf(then, sizeof(then), ", which forbids all of it from %.100s: the forbid wins", source->text);
            warn(lint->problems, allow, "contradicts", forbid, then);
        }
    }
}

static void check_shadows(struct lint *lint, const struct rule_list *list, size_t at)
{
    const struct rule *rule = &list->items[at];

    for (size_t i = 0; i < at && !cover_is_spent(lint->cover); i++) {
        const struct rule *before = &list->items[i];
        bool same_word = list == &lint->set->allow || before->severity >= rule->severity;
        if (same_word && cover_has_target(lint->cover, before, rule) && cover_has_sources(lint->cover, before, rule)) {
            warn(lint->problems, rule, "never decides: all that it means is decided by", before, "");
            return;
        }
    }
}

static void compare_rule(struct lint *lint, const struct rule_list *list, size_t at)
{
    const struct rule *rule = &list->items[at];
    const struct mark mark = {rule->line, rule->column};

    if (cover_is_spent(lint->cover)) {
        return;
    }
    check_shadows(lint, list, at);
    if (list == &lint->set->allow) {
        check_contradictions(lint, rule);
    }
    if (cover_is_spent(lint->cover)) {
        problems_add(lint->problems, PROBLEM_WARNING, mark, NULL,
                     "too much to compare each rule with each: whether the rule \"%s\" and those after it contradict "
                     "others was not looked at",
                     rule->id);
    }
}

/* ---- a rule by itself ---- */

/* Conditions that exclude each other. Only where no choice could be made otherwise. */
static bool has_choice(const struct rule_group *groups, const struct selector *selector)
{
    if (selector->kind == SELECTOR_NOT || (selector->kind == SELECTOR_OR && selector->child_count > 1) ||
        selector->text_count > 1 || selector->kind == SELECTOR_CIDR) {
        return true;
    }
    for (size_t i = 0; i < selector->text_count; i++) {
        if (strpbrk(selector->texts[i], "*?[\\") != NULL) {
            return true;
        }
    }
    for (size_t i = 0; i < selector->child_count; i++) {
        if (has_choice(groups, &selector->children[i])) {
            return true;
        }
    }
    return selector->kind == SELECTOR_GROUP && has_choice(groups, &groups[selector->group].selector);
}

/* The group that the selector leaves out; 0 (all) when it is nothing of the kind. */
static size_t left_out(const struct selector *selector)
{
    while (selector->kind == SELECTOR_AND && selector->child_count == 1) {
        selector = &selector->children[0];
    }
    return selector->kind == SELECTOR_NOT && selector->children[0].kind == SELECTOR_GROUP ? selector->children[0].group
                                                                                          : 0;
}

/* What stands behind names and brackets that change nothing. */
static const struct selector *plain(const struct lint *lint, const struct selector *selector)
{
    for (;;) {
        if (selector->kind == SELECTOR_GROUP) {
            selector = &lint->set->groups[selector->group].selector;
        } else if ((selector->kind == SELECTOR_AND || selector->kind == SELECTOR_OR) && selector->child_count == 1) {
            selector = &selector->children[0];
        } else {
            return selector;
        }
    }
}

/* "{cidr: 10.0.0.0/24, not: {cidr: 10.0.0.0/8}}": a part of what is left out. Among a few, which is what people write.
 */
static bool excludes_ranges(const struct lint *lint, const struct selector *selector)
{
    enum { FEW = 64 };

    if (selector->kind != SELECTOR_AND || selector->child_count > FEW) {
        return false;
    }
    for (size_t i = 0; i < selector->child_count; i++) {
        const struct selector *negated = plain(lint, &selector->children[i]);
        const struct selector *out = negated->kind == SELECTOR_NOT ? plain(lint, &negated->children[0]) : NULL;
        for (size_t k = 0; out != NULL && out->kind == SELECTOR_CIDR && k < selector->child_count; k++) {
            const struct selector *in = plain(lint, &selector->children[k]);
            if (in->kind == SELECTOR_CIDR && prefix_set_covers(out->prefixes, in->prefixes)) {
                return true;
            }
        }
    }
    return false;
}

/* "{and: [x, {not: x}]}", whatever else it asks. */
static bool excludes_itself(struct lint *lint, const struct selector *selector)
{
    uint32_t mark = ++lint->selectors;

    for (size_t i = 0; selector->kind == SELECTOR_AND && i < selector->child_count; i++) {
        if (selector->children[i].kind == SELECTOR_GROUP) {
            lint->marks[selector->children[i].group] = mark;
        }
    }
    for (size_t i = 0; selector->kind == SELECTOR_AND && i < selector->child_count; i++) {
        size_t out = left_out(&selector->children[i]);
        if (out != 0 && lint->marks[out] == mark) {
            return true;
        }
    }
    for (size_t i = 0; selector->kind == SELECTOR_AND && i < selector->child_count; i++) {
        if (excludes_itself(lint, &selector->children[i])) {
            return true;
        }
    }
    return excludes_ranges(lint, selector);
}

static bool is_empty(struct lint *lint, size_t at)
{
    const struct rule_group *groups = lint->set->groups;
    struct selector_sample sample;
    bool empty;

    if (lint->empty[at] == EMPTY_UNKNOWN) {
        memset(lint->memo, HOST_MEMO_UNKNOWN, lint->set->group_count);
        empty = excludes_itself(lint, &groups[at].selector) ||
                (!group_sample(groups, at, lint->memo, &sample) && !has_choice(groups, &groups[at].selector));
        lint->empty[at] = empty ? EMPTY_YES : EMPTY_NO;
    }
    return lint->empty[at] == EMPTY_YES;
}

static void check_group(struct lint *lint, const struct rule *rule)
{
    const struct mark mark = {rule->line, rule->column};

    if (is_empty(lint, rule->to)) {
        problems_add(lint->problems, PROBLEM_WARNING, mark, NULL,
                     "the rule \"%s\" can never match: the conditions of %s exclude each other", rule->id,
                     lint->set->groups[rule->to].name);
    }
}

static void check_service(const struct rule *rule, struct problems *problems)
{
    const struct mark mark = {rule->line, rule->column};

    for (size_t i = 0; i < rule->condition_count && rule->service[0] != '\0'; i++) {
        const struct condition *condition = &rule->conditions[i];
        bool same = strcmp(condition->text, rule->service) == 0;
        if (strcmp(condition->kind->name, "service") == 0 && condition->relation == CONDITION_IS && !same) {
            problems_add(problems, PROBLEM_WARNING, mark, NULL,
                         "the rule \"%s\" can never match: it asks for the service %s and for the service %s", rule->id,
                         rule->service, condition->text);
        }
    }
}

/* The one service that nothing but a waiver lets be. */
static void check_hard(const struct rule *rule, struct problems *problems)
{
    const struct mark mark = {rule->line, rule->column};
    bool telnet = strcmp(rule->service, "telnet") == 0 ||
                  (portset_count(&rule->ports) == 1 && portset_has(&rule->ports, PORT_TELNET) &&
                   strcmp(rule->proto, "udp") != 0 && rule->service[0] == '\0');

    if (telnet) {
        problems_add(
            problems, PROBLEM_WARNING, mark, NULL,
            "the rule \"%s\" never decides: Telnet is forbidden by a hard rule of the baseline, which yields to "
            "waivers alone",
            rule->id);
    }
}

static bool has_ended(const struct rule *rule, int64_t now_ms, struct problems *problems)
{
    const struct mark mark = {rule->line, rule->column};
    char day[WALL_TEXT_SIZE];

    if (rule->until_ms == 0 || rule->until_ms > now_ms) {
        return false;
    }
    wall_format(rule->until_ms - 1, day);
    problems_add(problems, PROBLEM_WARNING, mark, NULL, "the rule \"%s\" ended on %.10s and decides nothing any more",
                 rule->id, day);
    return true;
}

static void check_list(struct lint *lint, const struct rule_list *list, int64_t now_ms)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct rule *rule = &list->items[i];
        if (has_ended(rule, now_ms, lint->problems)) {
            continue;
        }
        check_group(lint, rule);
        check_service(rule, lint->problems);
        if (list == &lint->set->allow) {
            check_hard(rule, lint->problems);
        }
        compare_rule(lint, list, i);
    }
}

int lint_rules(const struct rule_set *set, int64_t now_ms, struct problems *problems)
{
    struct lint lint = {
        .set = set,
        .problems = problems,
        .cover = cover_create(set, STEPS_MOST),
        .empty = calloc(set->group_count + 1, sizeof(*lint.empty)),
        .memo = calloc(set->group_count + 1, sizeof(*lint.memo)),
        .marks = calloc(set->group_count + 1, sizeof(*lint.marks)),
    };
    int rc = lint.cover == NULL || lint.empty == NULL || lint.memo == NULL || lint.marks == NULL ? -ENOMEM : 0;

    if (rc == 0) {
        check_list(&lint, &set->allow, now_ms);
        check_list(&lint, &set->forbid, now_ms);
    }
    cover_destroy(lint.cover);
    free(lint.empty);
    free(lint.memo);
    free(lint.marks);
    return rc;
}
