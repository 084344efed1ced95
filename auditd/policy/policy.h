/* A policy: the rules a person wrote over a numbered baseline, as judge_exposure() reads them. Immutable once loaded;
 * any thread may read it. Knows neither store nor findings. */
#ifndef LEASTPORT_AUDITD_POLICY_POLICY_H
#define LEASTPORT_AUDITD_POLICY_POLICY_H

#include "auditd/config/problem.h"
#include "auditd/policy/judge.h"

struct policy;
struct rule_set;

enum { POLICY_HASH_SIZE = 65 };

/* The baseline alone. NULL when out of memory. The caller owns the result: policy_destroy(). */
struct policy *policy_create_builtin(void);

/* -EBADMSG with errors in *problems, -ENOMEM. Warnings do not keep it from loading. `name` is copied: what lists call
 * it. The caller owns the result: policy_destroy(). */
MUST_USE int policy_parse(const char *text, size_t size, const char *name, struct problems *problems,
                          struct policy **ret_policy);

/* policy_parse() of a file, named by its path. An unreadable file is -errno and an error in *problems. */
MUST_USE int policy_load(const char *path, struct problems *problems, struct policy **ret_policy);
void policy_destroy(struct policy *policy);

/* BLAKE2b-256 of the source in hexadecimal. All borrowed until policy_destroy(). */
const char *policy_hash(const struct policy *policy);
const char *policy_name(const struct policy *policy);
/* "" for the built-in one. */
const char *policy_source(const struct policy *policy);
uint32_t policy_baseline(const struct policy *policy);
const struct rule_set *policy_rules(const struct policy *policy);

/* Says of each group of the policy (rule.h) whether a known host is of it, in ret_has. 0 or -errno, which it has said.
 */
typedef int policy_census_fn(void *context, const struct policy *policy, bool *ret_has);

/* `policy check`: errors and warnings of a file, a line each, then a line that sums up. 0 when it can be loaded
 * (warnings or not), else -errno, all said on `out`. `census` may be NULL: then no host is known. */
MUST_USE int policy_check(const char *path, policy_census_fn *census, void *context, FILE *out);

/* `policy explain`: every rule looked at and what it said, then which decided and the terms of the penalty. */
void policy_explain(const struct policy *policy, const struct exposure *exposure, FILE *out);

#endif
