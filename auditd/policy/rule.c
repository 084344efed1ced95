#include "auditd/policy/rule.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* Kleene's logic of three values. */
static void free_list(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(items[i]);
    }
    free(items);
}

static void rule_done(struct rule *rule)
{
    for (size_t i = 0; i < rule->source_count; i++) {
        free(rule->sources[i].text);
    }
    free(rule->sources);
    for (size_t i = 0; i < rule->condition_count; i++) {
        condition_done(&rule->conditions[i]);
    }
    free(rule->conditions);
    free(rule->id);
    free(rule->proto);
    free(rule->service);
    free(rule->why);
    free(rule->fix);
    free(rule->owner);
}

static void rule_list_done(struct rule_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        rule_done(&list->items[i]);
    }
    free(list->items);
}

void rule_set_done(struct rule_set *set)
{
    for (size_t i = 0; i < set->group_count; i++) {
        struct rule_group *group = &set->groups[i];
        free(group->name);
        free(group->prefixes);
        free_list(group->realms, group->realm_count);
        free_list(group->name_globs, group->name_glob_count);
    }
    free(set->groups);
    rule_list_done(&set->allow);
    rule_list_done(&set->forbid);
    free(set->owner);
    memset(set, 0, sizeof(*set));
}

static const struct {
    const char *text;
    bool unknown;
} ANSWERS[] = {
    [RULE_APPLIES] = {"it applies", false},
    [RULE_OTHER_HOST] = {"it is for other hosts", false},
    [RULE_OTHER_PORT] = {"it is for other ports", false},
    [RULE_OTHER_SERVICE] = {"it is for another service", false},
    [RULE_OTHER_SOURCE] = {"it is for other sources", false},
    [RULE_OTHER_FACT] = {"its condition (when) does not hold", false},
    [RULE_EXPIRED] = {"its end has passed", false},
    [RULE_UNKNOWN_HOST] = {"whether the host has these tags is not known", true},
    [RULE_UNKNOWN_SERVICE] = {"which service answers is not known", true},
    [RULE_UNKNOWN_SOURCE] = {"whether the vantage stands inside its sources is not known", true},
    [RULE_UNKNOWN_FACT] = {"the facts that its condition (when) asks for are not known", true},
};

const char *rule_answer_text(enum rule_answer answer)
{
    return ANSWERS[answer].text;
}

bool rule_answer_is_unknown(enum rule_answer answer)
{
    return ANSWERS[answer].unknown;
}

static bool has_realm(const struct rule_group *group, const char *realm)
{
    for (size_t i = 0; i < group->realm_count; i++) {
        if (strcmp(group->realms[i], realm) == 0) {
            return true;
        }
    }
    return group->realm_count == 0;
}

static bool has_address(const struct rule_group *group, const struct exposure *exposure)
{
    for (size_t i = 0; i < group->prefix_count; i++) {
        for (size_t j = 0; j < exposure->address_count; j++) {
            if (prefix_contains(&group->prefixes[i], &exposure->addresses[j])) {
                return true;
            }
        }
    }
    return group->prefix_count == 0;
}

static bool has_name(const struct rule_group *group, const struct exposure *exposure)
{
    for (size_t i = 0; i < group->name_glob_count; i++) {
        for (size_t j = 0; j < exposure->name_count; j++) {
            if (fnmatch(group->name_globs[i], exposure->names[j], FNM_CASEFOLD) == 0) {
                return true;
            }
        }
    }
    return group->name_glob_count == 0;
}

static enum truth is_member(const struct rule_group *group, const struct exposure *exposure)
{
    if (!has_realm(group, exposure->realm) || !has_address(group, exposure) || !has_name(group, exposure)) {
        return TRUTH_NO;
    }
    return group->has_tags ? TRUTH_UNKNOWN : TRUTH_YES;
}

static enum truth is_target(const struct rule_set *set, const struct rule *rule, const struct exposure *exposure)
{
    enum truth member = is_member(&set->groups[rule->to], exposure);

    return rule->to_not ? (enum truth)(TRUTH_YES - member) : member;
}

static enum truth is_service(const struct rule *rule, const struct rule_view *view)
{
    enum truth truth = TRUTH_UNKNOWN;

    if (rule->service[0] == '\0') {
        return TRUTH_YES;
    }
    for (size_t i = 0; i < sizeof(view->services) / sizeof(*view->services); i++) {
        if (view->services[i] != NULL && strcmp(view->services[i], rule->service) == 0) {
            return TRUTH_YES;
        }
        truth = view->services[i] != NULL ? TRUTH_NO : truth;
    }
    return truth;
}

/* A group or a range: the world is wider than both; for the rest the vantage's own address would have to be known. */
static enum truth grants(const struct rule_source *source, enum vantage_class reach)
{
    if (source->kind == RULE_SOURCE_ANYONE) {
        return reach == VANTAGE_SELF ? TRUTH_NO : TRUTH_YES;
    }
    if (source->kind != RULE_SOURCE_CLASS) {
        return reach == VANTAGE_WORLD ? TRUTH_NO : TRUTH_UNKNOWN;
    }
    return source->vantage_class == VANTAGE_WORLD || source->vantage_class == reach ? TRUTH_YES : TRUTH_NO;
}

static enum truth forbids(const struct rule_source *source, enum vantage_class reach)
{
    if (reach == VANTAGE_WORLD) {
        return TRUTH_YES;
    }
    if (source->kind == RULE_SOURCE_ANYONE) {
        return reach == VANTAGE_SELF ? TRUTH_NO : TRUTH_YES;
    }
    if (source->kind != RULE_SOURCE_CLASS) {
        return TRUTH_UNKNOWN;
    }
    return source->vantage_class == reach ? TRUTH_YES : TRUTH_NO;
}

static enum truth is_source(const struct rule *rule, enum vantage_class reach,
                            enum truth (*one)(const struct rule_source *source, enum vantage_class reach))
{
    enum truth best = rule->source_count == 0 ? TRUTH_YES : TRUTH_NO;

    for (size_t i = 0; i < rule->source_count; i++) {
        enum truth truth = one(&rule->sources[i], reach);
        best = truth > best ? truth : best;
    }
    return best;
}

static enum truth is_met(const struct rule *rule, const struct exposure *exposure)
{
    enum truth worst = TRUTH_YES;

    for (size_t i = 0; i < rule->condition_count; i++) {
        enum truth truth = condition_holds(&rule->conditions[i], exposure);
        worst = truth < worst ? truth : worst;
    }
    return worst;
}

static enum rule_answer answer(const struct rule_set *set, const struct rule *rule, const struct rule_view *view,
                               enum truth source)
{
    const struct exposure *exposure = view->exposure;
    enum truth target = is_target(set, rule, exposure);
    enum truth service = is_service(rule, view);
    enum truth conditions = is_met(rule, exposure);
    bool proto = rule->proto[0] == '\0' || strcmp(rule->proto, exposure->proto) == 0;
    const struct {
        bool holds;
        enum rule_answer answer;
    } steps[] = {
        {target == TRUTH_NO, RULE_OTHER_HOST},
        {!proto || !portset_has(&rule->ports, exposure->port), RULE_OTHER_PORT},
        {service == TRUTH_NO, RULE_OTHER_SERVICE},
        {source == TRUTH_NO, RULE_OTHER_SOURCE},
        {conditions == TRUTH_NO, RULE_OTHER_FACT},
        {rule->until_ms != 0 && exposure->now_ms >= rule->until_ms, RULE_EXPIRED},
        {target == TRUTH_UNKNOWN, RULE_UNKNOWN_HOST},
        {service == TRUTH_UNKNOWN, RULE_UNKNOWN_SERVICE},
        {source == TRUTH_UNKNOWN, RULE_UNKNOWN_SOURCE},
        {conditions == TRUTH_UNKNOWN, RULE_UNKNOWN_FACT},
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        if (steps[i].holds) {
            return steps[i].answer;
        }
    }
    return RULE_APPLIES;
}

/* From the host itself nobody else's reach is seen: a rule that grants the port to anyone but the host is met. */
static enum truth grants_unseen(const struct rule *rule, enum vantage_class reach)
{
    for (size_t i = 0; i < rule->source_count; i++) {
        const struct rule_source *source = &rule->sources[i];
        if (source->kind != RULE_SOURCE_CLASS || source->vantage_class != VANTAGE_SELF) {
            return TRUTH_YES;
        }
    }
    return is_source(rule, reach, grants);
}

enum rule_answer rule_allows(const struct rule_set *set, const struct rule *rule, const struct rule_view *view)
{
    bool self = view->exposure->vantage_class == VANTAGE_SELF;

    return answer(set, rule, view, self ? grants_unseen(rule, view->reach) : is_source(rule, view->reach, grants));
}

enum rule_answer rule_forbids(const struct rule_set *set, const struct rule *rule, const struct rule_view *view)
{
    return answer(set, rule, view, is_source(rule, view->reach, forbids));
}
