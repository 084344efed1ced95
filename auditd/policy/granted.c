#include "auditd/policy/granted.h"

#include "auditd/policy/decision.h"
#include "auditd/policy/policy.h"
#include "auditd/policy/rule_index.h"

static int each_rule(const struct rule_set *set, bool forbids, const struct rule_view *view, granted_fn *each,
                     void *context)
{
    const struct rule_numbers numbers =
        rule_index_find(set->index, forbids, view->exposure->proto, view->exposure->port);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < numbers.count; i++) {
        const struct rule *rule = &(forbids ? &set->forbid : &set->allow)->items[numbers.items[i]];
        enum rule_answer answer = rule_means(set, rule, view);
        if (answer == RULE_APPLIES || (!forbids && rule_answer_is_unknown(answer))) {
            rc = each(context, rule, forbids);
        }
    }
    return rc;
}

int granted_each(const struct policy *policy, const struct exposure *exposure, granted_fn *each, void *context)
{
    const struct rule_set *set = policy_rules(policy);
    struct decision decision;
    struct rule_view view;
    int rc;

    decision_make(policy, exposure, &decision);
    if (decision.kind == DECISION_HARD || decision.kind == DECISION_DOOR) {
        return 0;
    }
    decision_view(policy, exposure, &view);
    rc = decision.kind == DECISION_REDIRECT ? each(context, NULL, false) : 0;
    rc = rc == 0 ? each_rule(set, false, &view, each, context) : rc;
    return rc == 0 ? each_rule(set, true, &view, each, context) : rc;
}
