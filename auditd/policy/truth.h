/* Kleene's logic of three values: what is not known is neither so nor not so. */
#ifndef LEASTPORT_AUDITD_POLICY_TRUTH_H
#define LEASTPORT_AUDITD_POLICY_TRUTH_H

enum truth { TRUTH_NO, TRUTH_UNKNOWN, TRUTH_YES };

static inline enum truth truth_not(enum truth truth)
{
    return (enum truth)(TRUTH_YES - truth);
}

static inline enum truth truth_and(enum truth a, enum truth b)
{
    return a < b ? a : b;
}

static inline enum truth truth_or(enum truth a, enum truth b)
{
    return a > b ? a : b;
}

#endif
