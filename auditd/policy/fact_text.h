/* The facts that a rule's answer rests on, in words: "tls.version is 1.0, and must be >=1.2". Pure. */
#ifndef LEASTPORT_AUDITD_POLICY_FACT_TEXT_H
#define LEASTPORT_AUDITD_POLICY_FACT_TEXT_H

#include "auditd/policy/rule.h"

enum { FACT_TEXT_SIZE = 320 };

/* Of those of the rule's conditions that the answer rests on, semicolons between; of one that holds only what is. ""
 * for an answer that rests on none. `today`: with what changes from day to day, too. What does not fit is left out. */
void fact_text_of_rule(const struct rule *rule, enum rule_answer answer, const struct exposure *exposure, bool today,
                       char ret_text[FACT_TEXT_SIZE]);

#endif
