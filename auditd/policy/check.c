#include "auditd/policy/policy.h"

#include "auditd/policy/lint.h"
#include "auditd/policy/rule.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdlib.h>

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* A group that nobody is in is likely misspelt somewhere, in its tags or in the inventory's. */
static int check_groups(const struct policy *policy, policy_census_fn *census, void *context, struct problems *problems)
{
    const struct rule_set *set = policy_rules(policy);
    bool *has = calloc(set->group_count + 1, sizeof(*has));
    int rc = has == NULL ? -ENOMEM : census(context, policy, has);

    for (size_t i = 1; i < set->group_count && rc == 0; i++) {
        const struct rule_group *group = &set->groups[i];
        const struct mark mark = {group->line, group->column};
        if (!has[i]) {
            problems_add(problems, PROBLEM_WARNING, mark, NULL, "no known host is in the group %s", group->name);
        }
    }
    free(has);
    return rc;
}

static size_t count_named(const struct rule_set *set)
{
    size_t count = 0;

    for (size_t i = 0; i < set->group_count; i++) {
        count += set->groups[i].is_named ? 1 : 0;
    }
    return count;
}

int policy_check(const char *path, policy_census_fn *census, void *context, FILE *out)
{
    struct problems problems;
    struct policy *policy = NULL;
    const struct rule_set *rules;
    size_t named;
    int rc;

    problems_init(&problems);
    rc = policy_load(path, &problems, &policy);
    if (rc == 0) {
        rc = lint_rules(policy_rules(policy), wall_now_ms(), &problems);
        if (rc == 0 && census != NULL) {
            rc = check_groups(policy, census, context, &problems);
        }
        if (rc == -ENOMEM) {
            problems_add(&problems, PROBLEM_ERROR, (struct mark){0}, NULL, "out of memory");
        }
    }
    problems_print(&problems, path, out);
    if (rc != 0) {
        fprintf(out, "%s: %zu error%s, %zu warning%s\n", path, problems.error_count, plural(problems.error_count),
                problems.warning_count, plural(problems.warning_count));
        policy_destroy(policy);
        return rc;
    }
    rules = policy_rules(policy);
    named = count_named(rules);
    fprintf(out, "%s: good: %zu allow, %zu forbid, %zu group%s, baseline %u; %zu warning%s\n", path, rules->allow.count,
            rules->forbid.count, named, plural(named), policy_baseline(policy), problems.warning_count,
            plural(problems.warning_count));
    policy_destroy(policy);
    return 0;
}
