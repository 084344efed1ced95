/* Findings that stay what they are, with another verdict: very many come to few of them. A part of rejudge.c. */
#ifndef LEASTPORT_AUDITD_FINDING_REJUDGE_ALTERED_H
#define LEASTPORT_AUDITD_FINDING_REJUDGE_ALTERED_H

#include "auditd/policy/judge.h"
#include "auditd/store/finding.h"

struct rejudge_altered;

/* NULL when out of memory. The caller owns the result: rejudge_altered_destroy(), which takes NULL. */
struct rejudge_altered *rejudge_altered_create(void);
void rejudge_altered_destroy(struct rejudge_altered *altered);

/* `hash`: verdict_hash() of the verdict, which is copied. -ENOSPC when there are too many different ones, -ENOMEM. */
MUST_USE int rejudge_altered_add(struct rejudge_altered *altered, int64_t finding_id, const struct verdict *verdict,
                                 int64_t hash);

size_t rejudge_altered_count(const struct rejudge_altered *altered);
/* Forgets all but the first `count`. */
void rejudge_altered_cut(struct rejudge_altered *altered, size_t count);

struct rejudge_altered_options {
    int64_t policy_id;
    const struct store_event *event; /* time, actor, reason and evidence */
    size_t put_off_from;             /* so many, and indices are built anew after them */
};

/* Writes them: first the events, in the order in which the findings came, then the rows. The store's errors. */
MUST_USE int rejudge_altered_write(const struct rejudge_altered *altered, struct store *store,
                                   const struct rejudge_altered_options *options);

#endif
