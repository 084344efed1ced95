#include "auditd/policy/rule.h"

#include "auditd/policy/rule_index.h"

#include <stdlib.h>
#include <string.h>

static void sources_done(struct rule_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(sources[i].text);
    }
    free(sources);
}

static void rule_done(struct rule *rule)
{
    sources_done(rule->sources, rule->source_count);
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
    free(rule->controls);
}

static void rule_test_done(struct rule_test *test)
{
    sources_done(test->sources, test->source_count);
    free(test->service);
    for (size_t i = 0; i < test->fact_count; i++) {
        /* The value is the test's own, the name lib/fact.h's. */
        free((void *)(uintptr_t)test->facts[i].value);
    }
    free(test->facts);
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
        free(set->groups[i].name);
        selector_done(&set->groups[i].selector);
    }
    free(set->groups);
    rule_list_done(&set->allow);
    rule_list_done(&set->forbid);
    for (size_t i = 0; i < set->test_count; i++) {
        rule_test_done(&set->tests[i]);
    }
    free(set->tests);
    rule_index_destroy(set->index);
    free(set->owner);
    memset(set, 0, sizeof(*set));
}

static int64_t next_end(const struct rule_list *list, int64_t now_ms, int64_t next)
{
    for (size_t i = 0; i < list->count; i++) {
        int64_t until = list->items[i].until_ms;
        if (until > now_ms && (next == 0 || until < next)) {
            next = until;
        }
    }
    return next;
}

int64_t rule_set_next_end(const struct rule_set *set, int64_t now_ms)
{
    return next_end(&set->forbid, now_ms, next_end(&set->allow, now_ms, 0));
}

/* ASIDE: it decides nothing, but is worth saying. */
enum sureness { SURE, ASIDE, UNPROVEN, UNVERIFIED };

static const struct {
    const char *text;
    enum sureness sureness;
} ANSWERS[] = {
    [RULE_APPLIES] = {"it applies", SURE},
    [RULE_OTHER_HOST] = {"it is for other hosts", SURE},
    [RULE_OTHER_PORT] = {"it is for other ports", SURE},
    [RULE_OTHER_SERVICE] = {"it is for another service", SURE},
    [RULE_OTHER_SOURCE] = {"it is for other sources", SURE},
    [RULE_OTHER_FACT] = {"its condition (when) does not hold", SURE},
    [RULE_EXPIRED] = {"its end has passed", SURE},
    [RULE_UNKNOWN_HOST] = {"whether the host is one of its own is not known", ASIDE},
    [RULE_UNKNOWN_SERVICE] = {"which service answers is not known", ASIDE},
    [RULE_UNKNOWN_FACT] = {"the facts that its condition (when) asks for are not known", UNPROVEN},
    [RULE_UNKNOWN_SOURCE] = {"whether the vantage stands inside its sources is not known", UNVERIFIED},
    [RULE_UNVERIFIED_SOURCE] = {"no vantage outside its sources has looked", UNVERIFIED},
};

const char *rule_answer_text(enum rule_answer answer)
{
    return ANSWERS[answer].text;
}

bool rule_answer_is_unknown(enum rule_answer answer)
{
    return ANSWERS[answer].sureness != SURE;
}

bool rule_answer_is_aside(enum rule_answer answer)
{
    return ANSWERS[answer].sureness == ASIDE;
}

bool rule_answer_is_unverified(enum rule_answer answer)
{
    return ANSWERS[answer].sureness == UNVERIFIED;
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

/* Whether who stands there is one of the source's own. The world is wider than any group or range. */
static enum truth is_inside(const struct rule_set *set, const struct rule_source *source,
                            enum vantage_class vantage_class, const struct host_view *host)
{
    enum truth truth = TRUTH_NO;

    if (vantage_class == VANTAGE_WORLD) {
        return TRUTH_NO;
    }
    if (host == NULL) {
        return TRUTH_UNKNOWN;
    }
    if (source->kind == RULE_SOURCE_GROUP) {
        return group_holds(set->groups, source->group, host);
    }
    for (size_t i = 0; i < host->address_count; i++) {
        truth = prefix_contains(&source->prefix, &host->addresses[i]) ? TRUTH_YES : truth;
    }
    return host->address_count == 0 ? TRUTH_UNKNOWN : truth;
}

static bool is_enclosed(const struct rule_source *source)
{
    return source->kind == RULE_SOURCE_GROUP || source->kind == RULE_SOURCE_PREFIX;
}

static enum truth grants(const struct rule_set *set, const struct rule_source *source, enum vantage_class reach,
                         const struct host_view *host)
{
    if (source->kind == RULE_SOURCE_ANYONE) {
        return reach == VANTAGE_SELF ? TRUTH_NO : TRUTH_YES;
    }
    if (is_enclosed(source)) {
        return is_inside(set, source, reach, host);
    }
    return source->vantage_class == VANTAGE_WORLD || source->vantage_class == reach ? TRUTH_YES : TRUTH_NO;
}

static enum truth forbids(const struct rule_set *set, const struct rule_source *source, enum vantage_class reach,
                          const struct host_view *host)
{
    if (reach == VANTAGE_WORLD) {
        return TRUTH_YES;
    }
    if (source->kind == RULE_SOURCE_ANYONE) {
        return reach == VANTAGE_SELF ? TRUTH_NO : TRUTH_YES;
    }
    if (is_enclosed(source)) {
        return is_inside(set, source, reach, host);
    }
    return source->vantage_class == reach ? TRUTH_YES : TRUTH_NO;
}

/* A vantage that is none of the sources' own has looked, and did not find it open. */
static bool is_closed_outside(const struct rule_set *set, const struct rule *rule, const struct exposure *exposure)
{
    for (size_t i = 0; i < exposure->sight_count; i++) {
        const struct exposure_sight *sight = &exposure->sights[i];
        bool outside = !sight->open && sight->vantage_class != VANTAGE_SELF;
        for (size_t j = 0; outside && j < rule->source_count; j++) {
            outside = grants(set, &rule->sources[j], sight->vantage_class, sight->host) == TRUTH_NO;
        }
        if (outside) {
            return true;
        }
    }
    return false;
}

/* From the host itself nobody else's reach is seen: a rule that grants the port to anyone but the host is met. */
static enum rule_answer allows_self(const struct rule *rule, enum vantage_class reach)
{
    enum rule_answer answer = rule->source_count == 0 ? RULE_APPLIES : RULE_OTHER_SOURCE;

    for (size_t i = 0; i < rule->source_count && answer != RULE_APPLIES; i++) {
        const struct rule_source *source = &rule->sources[i];
        if (is_enclosed(source)) {
            answer = RULE_UNVERIFIED_SOURCE;
        } else if (source->kind != RULE_SOURCE_CLASS || source->vantage_class != VANTAGE_SELF ||
                   reach == VANTAGE_SELF) {
            answer = RULE_APPLIES;
        }
    }
    return answer;
}

static enum rule_answer allows_source(const struct rule_set *set, const struct rule *rule, const struct rule_view *view)
{
    enum truth enclosed = TRUTH_NO;

    if (view->exposure->vantage_class == VANTAGE_SELF) {
        return allows_self(rule, view->reach);
    }
    for (size_t i = 0; i < rule->source_count; i++) {
        const struct rule_source *source = &rule->sources[i];
        enum truth truth = grants(set, source, view->reach, view->from);
        if (truth == TRUTH_YES && !is_enclosed(source)) {
            return RULE_APPLIES;
        }
        enclosed = truth_or(enclosed, truth);
    }
    if (enclosed == TRUTH_NO) {
        return rule->source_count == 0 ? RULE_APPLIES : RULE_OTHER_SOURCE;
    }
    if (enclosed == TRUTH_UNKNOWN) {
        return RULE_UNKNOWN_SOURCE;
    }
    return is_closed_outside(set, rule, view->exposure) ? RULE_APPLIES : RULE_UNVERIFIED_SOURCE;
}

static enum rule_answer forbids_source(const struct rule_set *set, const struct rule *rule,
                                       const struct rule_view *view)
{
    enum truth best = rule->source_count == 0 ? TRUTH_YES : TRUTH_NO;

    for (size_t i = 0; i < rule->source_count && best != TRUTH_YES; i++) {
        best = truth_or(best, forbids(set, &rule->sources[i], view->reach, view->from));
    }
    return best == TRUTH_YES ? RULE_APPLIES : best == TRUTH_UNKNOWN ? RULE_UNKNOWN_SOURCE : RULE_OTHER_SOURCE;
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

/* Of what keeps the rule from it, a plain no is said before what is not known, in the order of these steps. */
static enum rule_answer answer(const struct rule_set *set, const struct rule *rule, const struct rule_view *view,
                               enum rule_answer source)
{
    const struct exposure *exposure = view->exposure;
    enum truth target;
    enum truth service;
    enum truth conditions;

    if (!portset_has(&rule->ports, exposure->port) ||
        (rule->proto[0] != '\0' && strcmp(rule->proto, exposure->proto) != 0)) {
        /* Whoever reads the answers asks for hosts first. */
        return group_holds(set->groups, rule->to, &view->host) == TRUTH_NO ? RULE_OTHER_HOST : RULE_OTHER_PORT;
    }
    target = group_holds(set->groups, rule->to, &view->host);
    if (target == TRUTH_NO) {
        return RULE_OTHER_HOST;
    }
    service = is_service(rule, view);
    conditions = is_met(rule, exposure);
    if (service == TRUTH_NO) {
        return RULE_OTHER_SERVICE;
    }
    if (source == RULE_OTHER_SOURCE) {
        return source;
    }
    if (conditions == TRUTH_NO) {
        return RULE_OTHER_FACT;
    }
    if (rule->until_ms != 0 && exposure->now_ms >= rule->until_ms) {
        return RULE_EXPIRED;
    }
    if (target == TRUTH_UNKNOWN) {
        return RULE_UNKNOWN_HOST;
    }
    if (service == TRUTH_UNKNOWN) {
        return RULE_UNKNOWN_SERVICE;
    }
    return conditions == TRUTH_UNKNOWN ? RULE_UNKNOWN_FACT : source;
}

enum rule_answer rule_allows(const struct rule_set *set, const struct rule *rule, const struct rule_view *view)
{
    return answer(set, rule, view, allows_source(set, rule, view));
}

enum rule_answer rule_forbids(const struct rule_set *set, const struct rule *rule, const struct rule_view *view)
{
    return answer(set, rule, view, forbids_source(set, rule, view));
}

enum rule_answer rule_means(const struct rule_set *set, const struct rule *rule, const struct rule_view *view)
{
    return answer(set, rule, view, RULE_APPLIES);
}
