/* What a policy file may hold: the table that the validator goes by, and the words of the language. Knows nothing of
 * what rules mean. */
#ifndef LEASTPORT_AUDITD_POLICY_SHAPE_H
#define LEASTPORT_AUDITD_POLICY_SHAPE_H

#include "auditd/config/validate.h"

/* schema/policy.schema.json says the same to editors; tests hold the two together. */
extern const struct validate_schema policy_shape;

/* Words that no group can be called: any, world, public-range, peer, vpn, own-vpc, self. NULL ends them. */
extern const char *const policy_words[];

/* A date; the day after it, at 0:00 UTC: a date counts to its end. -EINVAL. */
MUST_USE int policy_until_parse(const char *text, int64_t *ret_ms);

#endif
