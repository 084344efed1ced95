#include "auditd/policy/lint.h"

#include "lib/clock.h"

#include <string.h>

enum { PORT_TELNET = 23 };

static void warn(struct problems *problems, const struct rule *rule, const char *what, const struct rule *other,
                 const char *then)
{
    const struct mark mark = {rule->line, rule->column};

    problems_add(problems, PROBLEM_WARNING, mark, NULL, "the rule \"%s\" %s the rule \"%s\" (line %u)%s", rule->id,
                 what, other->id, other->line, then);
}

/* ---- whether one rule's part holds all of another's ---- */

static bool covers_ports(const struct rule *outer, const struct rule *inner)
{
    struct portset rest = inner->ports;

    portset_subtract(&rest, &outer->ports);
    return portset_count(&rest) == 0 && (outer->proto[0] == '\0' || strcmp(outer->proto, inner->proto) == 0);
}

static bool covers_service(const struct rule *outer, const struct rule *inner)
{
    return outer->service[0] == '\0' || strcmp(outer->service, inner->service) == 0;
}

static bool is_any(const struct rule_set *set, size_t group)
{
    return group == 0 || set->groups[group].selector.kind == SELECTOR_ANY;
}

/* The same hosts, or all there are; or the group is one of those that the other is made of, or excludes it. */
static bool covers_hosts(const struct rule_set *set, size_t outer, size_t inner)
{
    const struct selector *selector = &set->groups[outer].selector;

    if (is_any(set, outer) || outer == inner || strcmp(set->groups[outer].name, set->groups[inner].name) == 0) {
        return true;
    }
    if (selector->kind == SELECTOR_AND && selector->child_count == 1) {
        selector = &selector->children[0];
    }
    for (size_t i = 0; selector->kind == SELECTOR_OR && i < selector->child_count; i++) {
        const struct selector *child = &selector->children[i];
        if (child->kind == SELECTOR_GROUP && child->group == inner) {
            return true;
        }
    }
    return selector->kind == SELECTOR_GROUP && selector->group == inner;
}

/* Whether what one source stands for is a part of what the other does. */
static bool covers_source(const struct rule_source *outer, const struct rule_source *inner, bool forbids)
{
    if (outer->kind == RULE_SOURCE_ANYONE) {
        return inner->kind != RULE_SOURCE_CLASS || inner->vantage_class != VANTAGE_SELF;
    }
    /* A port that the world may reach may be reached by all; one that it may not is forbidden to it alone. */
    if (outer->kind == RULE_SOURCE_CLASS && outer->vantage_class == VANTAGE_WORLD && !forbids) {
        return true;
    }
    return outer->kind == inner->kind && strcmp(outer->text, inner->text) == 0;
}

static const struct rule_source *covered_source(const struct rule *outer, const struct rule *inner, bool forbids)
{
    for (size_t i = 0; i < inner->source_count; i++) {
        if (outer->source_count == 0) {
            return &inner->sources[i];
        }
        for (size_t j = 0; j < outer->source_count; j++) {
            if (covers_source(&outer->sources[j], &inner->sources[i], forbids)) {
                return &inner->sources[i];
            }
        }
    }
    return NULL;
}

static bool covers_sources(const struct rule *outer, const struct rule *inner)
{
    for (size_t i = 0; i < inner->source_count; i++) {
        bool covered = outer->source_count == 0;
        for (size_t j = 0; j < outer->source_count && !covered; j++) {
            covered = covers_source(&outer->sources[j], &inner->sources[i], false);
        }
        if (!covered) {
            return false;
        }
    }
    return inner->source_count > 0 || outer->source_count == 0;
}

/* Whether it applies at all times to all that its ports, hosts and sources mean. */
static bool is_unconditional(const struct rule *rule)
{
    return rule->condition_count == 0 && rule->until_ms == 0;
}

static bool covers(const struct rule_set *set, const struct rule *outer, const struct rule *inner)
{
    return is_unconditional(outer) && covers_service(outer, inner) && covers_hosts(set, outer->to, inner->to) &&
           covers_ports(outer, inner);
}

/* ---- the warnings ---- */

/* A narrower forbid is an exception, and meant; one that covers the whole of an allow leaves nothing of it. */
static void check_contradictions(const struct rule_set *set, const struct rule *allow, struct problems *problems)
{
    for (size_t i = 0; i < set->forbid.count; i++) {
        const struct rule *forbid = &set->forbid.items[i];
        const struct rule_source *source = covers(set, forbid, allow) ? covered_source(forbid, allow, true) : NULL;
        char then[160];
        if (source != NULL) {
            snprintf(then, sizeof(then), ", which forbids all of it from %.100s: the forbid wins", source->text);
            warn(problems, allow, "contradicts", forbid, then);
        }
    }
}

static void check_shadows(const struct rule_set *set, const struct rule_list *list, size_t at,
                          struct problems *problems)
{
    const struct rule *rule = &list->items[at];

    for (size_t i = 0; i < at; i++) {
        const struct rule *before = &list->items[i];
        bool same_word = list == &set->allow || before->severity >= rule->severity;
        if (same_word && covers(set, before, rule) && covers_sources(before, rule)) {
            warn(problems, rule, "never decides: all that it means is decided by", before, "");
            return;
        }
    }
}

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

/* "{and: [x, {not: x}]}", whatever else it asks. */
static bool excludes_itself(const struct selector *selector)
{
    for (size_t i = 0; selector->kind == SELECTOR_AND && i < selector->child_count; i++) {
        for (size_t j = 0; j < selector->child_count; j++) {
            const struct selector *no = &selector->children[j];
            while (no->kind == SELECTOR_AND && no->child_count == 1) {
                no = &no->children[0];
            }
            if (no->kind == SELECTOR_NOT && no->children[0].kind == SELECTOR_GROUP &&
                selector->children[i].kind == SELECTOR_GROUP && no->children[0].group == selector->children[i].group) {
                return true;
            }
        }
    }
    for (size_t i = 0; selector->kind == SELECTOR_AND && i < selector->child_count; i++) {
        if (excludes_itself(&selector->children[i])) {
            return true;
        }
    }
    return false;
}

static void check_group(const struct rule_set *set, const struct rule *rule, struct problems *problems)
{
    const struct rule_group *group = &set->groups[rule->to];
    const struct mark mark = {rule->line, rule->column};
    struct selector_sample sample;
    bool empty = excludes_itself(&group->selector) ||
                 (!group_sample(set->groups, rule->to, &sample) && !has_choice(set->groups, &group->selector));

    if (empty) {
        problems_add(problems, PROBLEM_WARNING, mark, NULL,
                     "the rule \"%s\" can never match: the conditions of %s exclude each other", rule->id, group->name);
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

static void check_list(const struct rule_set *set, const struct rule_list *list, int64_t now_ms,
                       struct problems *problems)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct rule *rule = &list->items[i];
        if (has_ended(rule, now_ms, problems)) {
            continue;
        }
        check_group(set, rule, problems);
        check_service(rule, problems);
        check_shadows(set, list, i, problems);
        if (list == &set->allow) {
            check_hard(rule, problems);
            check_contradictions(set, rule, problems);
        }
    }
}

void lint_rules(const struct rule_set *set, int64_t now_ms, struct problems *problems)
{
    check_list(set, &set->allow, now_ms, problems);
    check_list(set, &set->forbid, now_ms, problems);
}
