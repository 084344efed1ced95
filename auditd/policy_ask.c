#include "auditd/policy_ask.h"

#include "auditd/finding/rejudge.h"
#include "auditd/policy/lint.h"
#include "auditd/policy/policy.h"
#include "auditd/policy/rule.h"
#include "lib/clock.h"

#include <errno.h>
#include <string.h>

enum { POLICY_ASK_CHANGES_MOST = 500 };

/* Both quote what a person or a host wrote: that may be no UTF-8. */
static json_t *policy_ask_text(const char *text)
{
    json_t *value = json_string(text);

    return value == NULL ? json_string("(not UTF-8)") : value;
}

json_t *policy_ask_problems(const struct problems *problems, enum problem_level level)
{
    const struct problem *list = level == PROBLEM_ERROR ? problems->errors : problems->warnings;
    size_t count = level == PROBLEM_ERROR ? problems->error_count : problems->warning_count;
    json_t *array = json_array();

    for (size_t i = 0; i < count && i < PROBLEMS_KEPT_MAX && array != NULL; i++) {
        json_array_append_new(array,
                              json_pack("{s:I, s:I, s:o, s:o}", "line", (json_int_t)list[i].mark.line, "column",
                                        (json_int_t)list[i].mark.column, "pointer", policy_ask_text(list[i].pointer),
                                        "message", policy_ask_text(list[i].message)));
    }
    return array;
}

static int policy_ask_parse(const json_t *request, struct problems *problems, struct policy **ret_policy)
{
    const json_t *text = json_object_get(request, "policy");
    const char *name = json_string_value(json_object_get(request, "name"));

    problems_init(problems);
    return policy_parse(json_string_value(text), json_string_length(text), name == NULL ? "policy" : name, problems,
                        ret_policy);
}

/* ---- check ---- */

static size_t policy_ask_groups(const struct rule_set *set)
{
    size_t count = 0;

    for (size_t i = 0; i < set->group_count; i++) {
        count += set->groups[i].is_named ? 1 : 0;
    }
    return count;
}

void policy_ask_check(struct control_client *client, const json_t *request)
{
    struct problems problems;
    struct policy *policy = NULL;
    const struct rule_set *set = NULL;
    int rc = policy_ask_parse(request, &problems, &policy);

    if (rc == 0) {
        set = policy_rules(policy);
        rc = lint_rules(set, wall_now_ms(), &problems);
    }
    if (rc == -ENOMEM) {
        control_refuse_for(client, rc, "out of memory");
    } else {
        control_send(client, json_pack("{s:b, s:b, s:o, s:o, s:I, s:I, s:I, s:I}", "ok", 1, "good", rc == 0, "errors",
                                       policy_ask_problems(&problems, PROBLEM_ERROR), "warnings",
                                       policy_ask_problems(&problems, PROBLEM_WARNING), "allow",
                                       (json_int_t)(set == NULL ? 0 : set->allow.count), "forbid",
                                       (json_int_t)(set == NULL ? 0 : set->forbid.count), "groups",
                                       (json_int_t)(set == NULL ? 0 : policy_ask_groups(set)), "baseline",
                                       (json_int_t)(policy == NULL ? 0 : policy_baseline(policy))));
    }
    policy_destroy(policy);
}

/* ---- dry-run ---- */

struct policy_ask_listing {
    json_t *changes;
    uint64_t total;
};

/* null: no finding. */
static json_t *policy_ask_side(const char *rule, const char *severity, const char *need)
{
    return rule[0] == '\0'
               ? json_null()
               : json_pack("{s:o, s:s, s:s}", "rule_id", policy_ask_text(rule), "severity", severity, "need", need);
}

static void policy_ask_on_change(void *context, const struct rejudge_change *change)
{
    struct policy_ask_listing *listing = context;

    if (listing->total++ >= POLICY_ASK_CHANGES_MOST) {
        return;
    }
    json_array_append_new(listing->changes,
                          json_pack("{s:o, s:o, s:o, s:s, s:i, s:s, s:o, s:o, s:o}", "realm",
                                    policy_ask_text(change->realm), "address", policy_ask_text(change->address), "name",
                                    policy_ask_text(change->name), "proto", change->port.is_udp ? "udp" : "tcp", "port",
                                    (int)change->port.port, "kind", change->kind, "was",
                                    policy_ask_side(change->was_rule, change->was_severity, change->was_need),
                                    "becomes", policy_ask_side(change->rule, change->severity, change->need), "title",
                                    policy_ask_text(change->title)));
}

static int policy_ask_rejudge(const struct settings *settings, const struct policy *policy,
                              struct policy_ask_listing *listing, struct rejudge_result *ret_result,
                              struct store_error *ret_error)
{
    struct rejudge_options options = rejudge_options_default();
    struct store *store;
    int rc = store_open_read_only(settings->db, &store, ret_error);

    if (rc < 0) {
        return rc;
    }
    options.policy = policy;
    options.max_age_ms = settings->config.max_age_ms;
    options.dry_run = true;
    options.on_change = policy_ask_on_change;
    options.context = listing;
    rc = rejudge_run(store, &options, ret_result);
    if (rc < 0) {
        *ret_error = *store_last_error(store);
    }
    store_close(store);
    return rc;
}

void policy_ask_dry_run(const struct settings *settings, struct control_client *client, const json_t *request)
{
    struct policy_ask_listing listing = {.changes = json_array()};
    struct rejudge_result result = {0};
    struct policy *policy = NULL;
    struct store_error error;
    struct problems problems;

    problems_init(&problems);
    if (listing.changes == NULL || policy_ask_parse(request, &problems, &policy) < 0) {
        control_refuse_for(client, -EINVAL, "line %u, column %u: %.300s", problems.errors[0].mark.line,
                           problems.errors[0].mark.column, problems.errors[0].message);
    } else if (policy_ask_rejudge(settings, policy, &listing, &result, &error) < 0) {
        control_refuse_for(client, -EIO, "%.400s", error.text);
    } else {
        control_send(client, json_pack("{s:b, s:I, s:I, s:I, s:I, s:O, s:I}", "ok", 1, "endpoints",
                                       (json_int_t)result.endpoints, "opened", (json_int_t)result.opened, "allowed",
                                       (json_int_t)result.allowed, "altered", (json_int_t)result.altered, "changes",
                                       listing.changes, "change_count", (json_int_t)listing.total));
    }
    json_decref(listing.changes);
    policy_destroy(policy);
}
