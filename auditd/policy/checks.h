/* What is wrong with a service although it may be reached: findings of kinds of their own beside the exposure. Pure. */
#ifndef LEASTPORT_AUDITD_POLICY_CHECKS_H
#define LEASTPORT_AUDITD_POLICY_CHECKS_H

#include "auditd/policy/cloud_declared.h"
#include "auditd/policy/judge.h"

#include <stddef.h>

enum { CHECKS_OWN = 4, CHECKS_MAX = CHECKS_OWN + DECLARED_KINDS };

/* `exposure_verdict` is judge_exposure()'s of the same. Returns how many of *ret_verdicts were filled in, each a
 * finding of another kind: "old-tls", "certificate", "cleartext", "proxy-bypass", and those
 * of cloud_declared_judge(). */
size_t checks_judge(const struct exposure *exposure, const struct verdict *exposure_verdict,
                    struct verdict ret_verdicts[CHECKS_MAX]);

#endif
