/* A rule's conditions on what answers: "tls.version" is to be ">=1.2". Three answers, for an unknown fact never
 * satisfies a condition. Pure; knows neither YAML nor rules. */
#ifndef LEASTPORT_AUDITD_POLICY_CONDITION_H
#define LEASTPORT_AUDITD_POLICY_CONDITION_H

#include "auditd/policy/judge.h"
#include "auditd/policy/truth.h"
#include "lib/fact.h"

#include <jansson.h>
#include <stddef.h>

enum condition_relation {
    CONDITION_IS,
    CONDITION_IS_NOT,
    CONDITION_LESS,
    CONDITION_AT_MOST,
    CONDITION_MORE,
    CONDITION_AT_LEAST,
};

struct condition {
    const struct fact_kind *kind;
    enum condition_relation relation;
    char *text;     /* what it is compared to: of FACT_TEXT, FACT_VERSION; "true" and "false" of FACT_TRUTH */
    int64_t number; /* of FACT_NUMBER */
};

enum { CONDITION_REASON_SIZE = 256 };

/* From a scalar: text, or text after one of = != < <= > >=, a number, true or false. -EINVAL with a sentence about the
 * value in `ret_reason` (CONDITION_REASON_SIZE bytes); -ENOMEM. The caller owns *ret_condition: condition_done(). */
MUST_USE int condition_parse(const struct fact_kind *kind, const json_t *value, struct condition *ret_condition,
                             char *ret_reason);
void condition_done(struct condition *condition);

enum truth condition_holds(const struct condition *condition, const struct exposure *exposure);

/* As a person writes it before the value: ">=", …; "" for CONDITION_IS. */
const char *condition_sign(enum condition_relation relation);

enum { EXPOSURE_FACT_SIZE = 24 };

/* What is known of it, also what follows from other facts; NULL when it is not known. `buffer` has EXPOSURE_FACT_SIZE
 * bytes, which may be used. */
const char *exposure_fact(const struct exposure *exposure, const char *name, char *buffer);

#endif
