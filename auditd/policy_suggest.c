#include "auditd/policy_suggest.h"

#include "auditd/policy_verb.h"
#include "auditd/protocol.h"
#include "auditd/store/store.h"
#include "auditd/suggest.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>

static int suggest_run(struct store *store, const struct policy *policy)
{
    struct suggested counts = {0};
    int rc = suggest_write(store, policy, wall_now_ms(), stdout, &counts);

    if (rc < 0) {
        log_error("%s", rc == -ENOMEM ? "out of memory" : store_last_error(store)->text);
        return rc;
    }
    log_notice("drafted rules: %" PRIu64 ", for hosts: %" PRIu64 "; struck out, for they are forbidden: %" PRIu64,
               counts.rules, counts.hosts, counts.struck);
    if (counts.left_out > 0) {
        log_warning("%" PRIu64 " more were left out: a policy takes no more rules", counts.left_out);
    }
    return 0;
}

int policy_suggest_run(const struct policy_command *command)
{
    struct policy *policy = policy_verb_load(command->policy);
    struct store *store = NULL;
    int rc = policy == NULL ? -EINVAL : policy_verb_open(command, &store);

    if (rc == 0) {
        rc = suggest_run(store, policy);
    }
    store_close(store);
    policy_destroy(policy);
    return rc == 0 && fflush(stdout) == 0 ? 0 : AUDIT_EXIT_ERROR;
}
