#include "auditd/group_verb.h"

#include "auditd/cloud_open.h"
#include "auditd/group_needs.h"
#include "auditd/group_print.h"
#include "auditd/policy_verb.h"
#include "auditd/protocol.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>

struct grouping {
    const struct policy_command *command;
    struct policy *policy;
    struct store *store;
    struct cloud cloud;
    struct group_needs needs;
    struct reach_proposal proposal;
};

static int group_open(struct grouping *this)
{
    const struct policy_command *command = this->command;
    const struct cloud_source source = {
        .folder = command->aws,
        .stored = {.config = command->config, .db = command->db, .name = command->inventory},
    };
    int rc;

    this->policy = policy_verb_load(command->policy);
    rc = this->policy == NULL ? -EINVAL : policy_verb_open(command, &this->store);
    rc = rc == 0 ? cloud_open(&source, &this->cloud) : rc;
    if (rc == 0) {
        cloud_say_missing(&this->cloud);
    }
    if (rc == 0 && command->policy == NULL) {
        log_warning("without --policy FILE nothing is allowed but what the baseline allows: what is open is not kept");
    }
    return rc;
}

static int group_work_out(struct grouping *this)
{
    const struct reach_model *model = &this->cloud.model;
    int rc = group_needs_gather(this->store, this->policy, model, wall_now_ms(), &this->needs);

    if (rc < 0) {
        log_error("%s", rc == -ENOMEM ? "out of memory" : store_last_error(this->store)->text);
        return rc;
    }
    rc = reach_proposal_make(model, &this->needs.needs, &this->proposal);
    rc = rc == 0 ? reach_proposal_check(model, &this->needs.needs, &this->proposal) : rc;
    if (rc < 0) {
        log_error("out of memory");
    }
    return rc;
}

static int group_tell(struct grouping *this)
{
    const struct reach_model *model = &this->cloud.model;
    size_t changes = 0;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < this->proposal.count; i++) {
        const struct reach_advice *advice = &this->proposal.items[i];
        changes += advice->kind == REACH_ADVICE_CHANGE;
        if (advice->kind == REACH_ADVICE_FAILED) {
            log_warning("%s: a change is not proposed: %s", model->groups.items[i].id, advice->why);
        }
        rc = group_print(stdout, this->command->group_format, model, i, advice);
    }
    if (rc < 0) {
        log_error("%s", rc == -ENOMEM ? "out of memory" : "cannot write to standard output");
        return rc;
    }
    log_notice("looks count at %zu of %zu interfaces; ports open there: %zu, of which nothing allows %zu; groups that "
               "could admit less: %zu of %zu",
               this->needs.seen, model->enis.count, this->needs.open, this->needs.forbidden, changes,
               this->proposal.count);
    return 0;
}

int group_verb_run(const struct policy_command *command)
{
    struct grouping this = {.command = command};
    int rc = group_open(&this);

    rc = rc == 0 ? group_work_out(&this) : rc;
    rc = rc == 0 ? group_tell(&this) : rc;
    reach_proposal_done(&this.proposal);
    reach_needs_done(&this.needs.needs);
    cloud_close(&this.cloud);
    store_close(this.store);
    policy_destroy(this.policy);
    return rc == 0 && fflush(stdout) == 0 ? 0 : AUDIT_EXIT_ERROR;
}
