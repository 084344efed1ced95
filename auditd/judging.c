#include "auditd/judging.h"

#include "auditd/alert/vigil.h"
#include "auditd/ephemeral.h"
#include "auditd/finding/rejudge.h"
#include "auditd/finding/scoring.h"
#include "auditd/finding/settle.h"
#include "auditd/labels.h"
#include "auditd/policy/policy.h"
#include "auditd/policy/rule.h"
#include "auditd/store/inventory.h"
#include "auditd/store/scan.h"
#include "lib/clock.h"

#include <errno.h>

/* Whether a rule ended since everything was judged last. */
static int judging_rule_ended(const struct judging *this, int64_t now_ms, bool *ret_ended)
{
    int64_t policy_id;
    int64_t judged_at;
    int64_t end = 0;
    int rc = store_policy_current(this->store, &policy_id, &judged_at);

    if (rc == 0) {
        end = rule_set_next_end(policy_rules(this->policy), judged_at);
    }
    *ret_ended = end != 0 && end <= now_ms;
    return rc == -ENOENT ? 0 : rc;
}

/* What no scan has looked at, too. */
static int judging_again(const struct judging *this, const char *reason, struct scoring_options *scoring)
{
    struct rejudge_options options = rejudge_options_default();
    struct rejudge_result result;
    int rc;

    options.policy = this->policy;
    options.policy_id = this->policy_id;
    options.reason = reason;
    options.max_age_ms = scoring->max_age_ms;
    options.now_ms = scoring->now_ms;
    rc = rejudge_run(this->store, &options, &result);
    if (rc == 0 && result.ports > 0) {
        scoring->since_ms = 0;
    }
    return rc;
}

static struct scoring_options judging_scoring(const struct judging *this)
{
    return (struct scoring_options){
        .policy_id = this->policy_id,
        .max_age_ms = this->config->max_age_ms,
        .since_ms = this->since_ms,
        .now_ms = wall_now_ms(),
    };
}

int judging_score(const struct judging *this)
{
    const struct scoring_options scoring = judging_scoring(this);

    return scoring_update(this->store, &scoring);
}

int judging_scan(const struct judging *this, const char *scan_uuid)
{
    struct settle_options settle = settle_options_default();
    struct scoring_options scoring = judging_scoring(this);
    struct settle_result result;
    bool rule_ended;
    bool tags_changed;
    int rc;

    settle.policy = this->policy;
    settle.policy_id = this->policy_id;
    settle.now_ms = scoring.now_ms;
    settle.max_age_ms = scoring.max_age_ms;
    rc = judging_rule_ended(this, settle.now_ms, &rule_ended);
    if (rc == 0) {
        rc = labels_apply(this->store, this->config, settle.now_ms);
    }
    tags_changed = rc > 0;
    if (rc >= 0) {
        rc = store_inventory_attach(this->store, settle.now_ms);
        tags_changed = tags_changed || rc > 0;
    }
    if (rc >= 0) {
        rc = settle_scan(this->store, scan_uuid, &settle, &result);
    }
    if (rc == 0) {
        rc = ephemeral_settle(this->store, this->config, scan_uuid, settle.now_ms);
        rc = rc > 0 ? 0 : rc;
    }
    if (rc == 0 && (tags_changed || rule_ended)) {
        rc = judging_again(this, tags_changed ? "tags changed" : "a rule ended", &scoring);
    }
    if (rc == 0 && (!this->more || scoring.since_ms != this->since_ms)) {
        rc = scoring_update(this->store, &scoring);
    }
    return rc < 0 ? rc : vigil_look(this->store, scoring.max_age_ms, wall_now_ms());
}

int judging_hosts(const struct judging *this)
{
    struct scoring_options scoring = {
        .policy_id = this->policy_id,
        .max_age_ms = this->config->max_age_ms,
        .now_ms = wall_now_ms(),
    };
    int rc = judging_again(this, "an inventory changed", &scoring);

    return rc < 0 ? rc : scoring_update(this->store, &scoring);
}
