/* Judges all that is open anew, without a scan: after a change of policy or of tags. Finds what would change by reading
 * alone; what does not differ is not written. */
#ifndef LEASTPORT_AUDITD_FINDING_REJUDGE_H
#define LEASTPORT_AUDITD_FINDING_REJUDGE_H

#include "auditd/policy/judge.h"
#include "auditd/store/endpoint.h"

/* One finding that would change. "" where it has no finding, or none any more; text is borrowed for the call. */
struct rejudge_change {
    const char *realm;
    const char *address;
    const char *name; /* of the host; "" without one */
    struct store_port port;
    const char *kind;
    const char *was_rule;
    const char *was_severity;
    const char *was_need;
    const char *was_owner;
    const char *rule;
    const char *severity;
    const char *need;
    const char *owner;
    const char *title;
};

struct rejudge_options {
    const struct policy *policy;
    int64_t policy_id; /* store_policy_put(); not looked at by a dry run */
    const char *reason;
    const char *actor;
    int64_t now_ms;
    int64_t max_age_ms; /* a look from elsewhere that is older proves nothing */
    /* From so many altered findings on, and from a quarter of all, indices are built anew afterwards. */
    size_t put_off_from;
    bool dry_run; /* writes nothing: a store that only reads will do */
    /* Each change, of a dry run; may be NULL. */
    void (*on_change)(void *context, const struct rejudge_change *change);
    void *context;
};

/* No policy, "the policy changed", "auditd", now, 7 days, 20,000. */
struct rejudge_options rejudge_options_default(void);

struct rejudge_result {
    uint64_t endpoints; /* open ports of assets */
    uint64_t ports;     /* of them, those of which a finding changes */
    uint64_t opened;    /* findings that begin, or are open again */
    uint64_t allowed;   /* findings that the policy allows now */
    uint64_t altered;   /* findings whose rule, severity or words change */
};

/* One transaction. The store's errors, -ENOMEM. */
MUST_USE int rejudge_run(struct store *store, const struct rejudge_options *options, struct rejudge_result *ret_result);

#endif
