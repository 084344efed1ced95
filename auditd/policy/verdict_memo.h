/* Verdicts that were put into words already: very many endpoints come to few of them. Of one policy. */
#ifndef LEASTPORT_AUDITD_POLICY_VERDICT_MEMO_H
#define LEASTPORT_AUDITD_POLICY_VERDICT_MEMO_H

#include "auditd/policy/judge.h"

struct verdict_memo;

/* NULL when out of memory. The caller owns the result: verdict_memo_destroy(), before the policy goes. */
struct verdict_memo *verdict_memo_create(const struct policy *policy);
void verdict_memo_destroy(struct verdict_memo *memo);

/* As judge_exposure() has it, and its verdict_hash(); borrowed until the next call. NULL when out of memory. */
const struct verdict *verdict_memo_judge(struct verdict_memo *memo, const struct exposure *exposure, int64_t *ret_hash);

#endif
