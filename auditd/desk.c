#include "auditd/desk.h"

#include "auditd/alert/derive.h"
#include "auditd/finding/scoring.h"
#include "auditd/finding/settle.h"
#include "auditd/labels.h"
#include "auditd/policy/rule.h"
#include "auditd/store/due.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

static int desk_enter_policy(struct desk *desk, const struct policy *policy)
{
    const struct store_policy row = {
        .hash = policy_hash(policy),
        .name = policy_name(policy),
        .source = policy_source(policy),
        .baseline = policy_baseline(policy),
    };

    return store_policy_put(desk->store, &row, wall_now_ms(), &desk->policy_id);
}

/* What a scan saw before a crash is judged even when nobody asks for that scan again. */
static int desk_settle_pending(const struct desk *desk, const struct settings *settings)
{
    struct settle_options options = settle_options_default();
    uint64_t count;

    options.policy = settings->policy;
    options.policy_id = desk->policy_id;
    return settle_pending(desk->store, &options, &count);
}

/* What was judged before a crash and after it, and not scored. */
static int desk_score_pending(const struct desk *desk, const struct settings *settings)
{
    const struct scoring_options options = {
        .policy_id = desk->policy_id, .max_age_ms = settings->config.max_age_ms, .now_ms = wall_now_ms()};

    return scoring_catch_up(desk->store, &options);
}

int desk_rule_ended(const struct desk *desk, const struct settings *settings, bool *ret_ended)
{
    int64_t policy_id;
    int64_t judged_at;
    int64_t end = 0;
    int rc = store_policy_current(desk->store, &policy_id, &judged_at);

    if (rc == 0) {
        end = rule_set_next_end(policy_rules(settings->policy), judged_at);
    }
    if (rc < 0 && rc != -ENOENT) {
        return rc;
    }
    *ret_ended = end != 0 && end <= wall_now_ms();
    return 0;
}

/* NULL: nothing that is stored would be judged otherwise now. */
static int desk_find_reason(const struct desk *desk, const struct settings *settings, bool tags_changed,
                            const char **ret_reason)
{
    int64_t policy_id;
    int64_t judged_at;
    bool rule_ended = false;
    int rc = store_policy_current(desk->store, &policy_id, &judged_at);

    *ret_reason = NULL;
    if (rc < 0) {
        return rc == -ENOENT ? 0 : rc;
    }
    rc = desk_rule_ended(desk, settings, &rule_ended);
    if (policy_id != desk->policy_id) {
        *ret_reason = "the policy changed";
    } else if (tags_changed) {
        *ret_reason = "tags changed";
    } else if (rule_ended) {
        *ret_reason = "a rule ended";
    }
    return rc;
}

static int desk_rejudge(const struct desk *desk, const struct settings *settings, const char *reason,
                        struct rejudge_result *ret_result)
{
    struct rejudge_options options = rejudge_options_default();
    struct scoring_options scoring = {
        .policy_id = desk->policy_id, .max_age_ms = settings->config.max_age_ms, .now_ms = options.now_ms};
    int rc;

    options.policy = settings->policy;
    options.policy_id = desk->policy_id;
    options.reason = reason;
    options.max_age_ms = settings->config.max_age_ms;
    rc = rejudge_run(desk->store, &options, ret_result);
    /* Where no finding changes, groups may. */
    return rc == 0 ? scoring_update(desk->store, &scoring) : rc;
}

int desk_judge(const struct desk *desk, const struct settings *settings, struct rejudge_result *ret_result)
{
    struct rejudge_result result = {0};
    const char *reason;
    int rc = labels_apply(desk->store, &settings->config, wall_now_ms());

    if (rc >= 0) {
        rc = desk_find_reason(desk, settings, rc > 0, &reason);
    }
    if (rc == 0 && reason != NULL) {
        rc = desk_rejudge(desk, settings, reason, &result);
    }
    if (rc < 0) {
        return rc;
    }
    if (reason != NULL && result.endpoints > 0) {
        log_notice("%s: %" PRIu64 " open ports judged anew, without a scan: %" PRIu64 " findings opened, %" PRIu64
                   " allowed, %" PRIu64 " altered",
                   reason, result.endpoints, result.opened, result.allowed, result.altered);
    }
    *ret_result = result;
    return 0;
}

int desk_open(const struct settings *settings, struct desk *ret_desk, struct store_error *ret_error)
{
    struct store_options options = store_options_default();
    struct desk desk = {0};
    bool is_new = access(settings->db, F_OK) != 0 && errno == ENOENT;
    int64_t orphans = 0;
    int rc;

    options.create = true;
    options.create_folders = settings->db_is_default;
    rc = store_open(settings->db, &options, &desk.store, ret_error);
    if (rc < 0) {
        return rc;
    }
    if (is_new) {
        log_notice("made the database %s", settings->db);
    }
    rc = store_due_set(desk.store, settings->config.due_ms);
    if (rc < 0) {
        *ret_error = *store_last_error(desk.store);
        store_close(desk.store);
        return rc;
    }
    rc = derive_attach(desk.store, &settings->config.alerts);
    if (rc == 0) {
        rc = store_scan_end_orphans(desk.store, "crash", wall_now_ms(), &orphans);
    }
    if (rc == 0) {
        rc = desk_enter_policy(&desk, settings->policy);
    }
    if (rc == 0) {
        rc = desk_settle_pending(&desk, settings);
    }
    if (rc == 0) {
        rc = desk_judge(&desk, settings, &desk.rejudged);
    }
    if (rc == 0) {
        rc = desk_score_pending(&desk, settings);
    }
    if (rc < 0) {
        *ret_error = *store_last_error(desk.store);
        store_close(desk.store);
        return rc;
    }
    if (orphans > 0) {
        log_notice("%" PRId64 " scans had been cut off by a crash; what they saw is kept", orphans);
    }
    *ret_desk = desk;
    return 0;
}

void desk_close(struct desk *desk)
{
    sqlite3_stmt *statement;

    /* A reader that is in the middle keeps a part of the log back: nothing is lost by that. */
    if (store_query(desk->store, &statement, "PRAGMA wal_checkpoint(TRUNCATE)", "") == 0 &&
        store_step(desk->store, statement) > 0) {
        store_walked(statement);
    }
    store_close(desk->store);
    *desk = (struct desk){0};
}
