#include "auditd/policy_change.h"

#include "auditd/policy_ask.h"
#include "auditd/policy_tell.h"
#include "auditd/protocol.h"
#include "auditd/store/scan.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <string.h>

static int policy_change_enter(struct desk *desk, struct settings *settings, struct policy *policy,
                               struct rejudge_result *ret_result)
{
    const struct store_policy row = {
        .hash = policy_hash(policy),
        .name = policy_name(policy),
        .source = policy_source(policy),
        .baseline = policy_baseline(policy),
    };
    struct policy *was = settings->policy;
    int64_t was_id = desk->policy_id;
    int rc = store_policy_put(desk->store, &row, wall_now_ms(), &desk->policy_id);

    if (rc == 0) {
        settings->policy = policy;
        rc = desk_judge(desk, settings, ret_result);
    }
    if (rc < 0) {
        settings->policy = was;
        desk->policy_id = was_id;
        return rc;
    }
    policy_destroy(was);
    return 0;
}

static void policy_change_answer(struct control_client *client, const struct rejudge_result *result)
{
    control_send(client, json_pack("{s:b, s:I, s:I, s:I, s:I}", "ok", 1, "endpoints", (json_int_t)result->endpoints,
                                   "opened", (json_int_t)result->opened, "allowed", (json_int_t)result->allowed,
                                   "altered", (json_int_t)result->altered));
}

/* Whether the policy is the one that who asks knows. */
static bool policy_change_is_expected(const struct settings *settings, const json_t *request)
{
    const char *expected = json_string_value(json_object_get(request, "expected"));

    return expected == NULL || strcmp(expected, policy_hash(settings->policy)) == 0;
}

static void policy_change_apply(struct desk *desk, struct settings *settings, bool busy, struct control_client *client,
                                const json_t *request);

void policy_change_request(struct desk *desk, struct settings *settings, bool busy, struct control_client *client,
                           const json_t *request)
{
    const char *word = json_string_value(json_object_get(request, "do"));

    if (word == NULL || strcmp(word, CONTROL_POLICY_APPLY) == 0) {
        policy_change_apply(desk, settings, busy, client, request);
    } else if (strcmp(word, CONTROL_POLICY_EXPLAIN) == 0) {
        policy_tell_explain(settings, client, request);
    } else if (strcmp(word, CONTROL_POLICY_TEST) == 0) {
        policy_tell_test(settings, client, request);
    } else if (strcmp(word, CONTROL_POLICY_SUGGEST) == 0) {
        policy_tell_suggest(settings, client, request);
    } else if (!json_is_string(json_object_get(request, "policy"))) {
        control_refuse_for(client, -EINVAL, "\"policy\" must be a text: the policy");
    } else if (strcmp(word, CONTROL_POLICY_CHECK) == 0) {
        policy_ask_check(client, request);
    } else if (strcmp(word, CONTROL_POLICY_DRY_RUN) == 0) {
        policy_ask_dry_run(settings, client, request);
    } else {
        control_refuse_for(client, -EINVAL, "\"do\" of \"policy\" is check, test, dry-run, explain, suggest or apply");
    }
}

static void policy_change_apply(struct desk *desk, struct settings *settings, bool busy, struct control_client *client,
                                const json_t *request)
{
    const char *text = json_string_value(json_object_get(request, "policy"));
    const char *name = json_string_value(json_object_get(request, "name"));
    struct rejudge_result result = {0};
    struct policy *policy = NULL;
    struct problems problems;

    if (text == NULL || name == NULL) {
        control_refuse_for(client, -EINVAL,
                           "\"policy\" and \"name\" must be texts: the policy, and what lists call it");
        return;
    }
    if (busy) {
        control_refuse_for(client, -EPERM, "audits run or wait: apply the policy when they have ended");
        return;
    }
    if (!policy_change_is_expected(settings, request)) {
        control_refuse_for(client, -ESTALE, "another policy judges by now: %.200s", policy_name(settings->policy));
        return;
    }
    problems_init(&problems);
    if (policy_parse(text, strlen(text), name, &problems, &policy) < 0) {
        control_refuse_for(client, -EINVAL, "line %u, column %u: %.300s", problems.errors[0].mark.line,
                           problems.errors[0].mark.column, problems.errors[0].message);
        return;
    }
    if (policy_change_enter(desk, settings, policy, &result) < 0) {
        control_refuse_for(client, -EIO, "%.400s", store_last_error(desk->store)->text);
        policy_destroy(policy);
        return;
    }
    log_notice("another policy judges from now on: %s", name);
    policy_change_answer(client, &result);
}
