/* Whether a database is whole: its pages and indices, its references, and what must hold of a finding's life, of
 * policies and of fingerprints. Reads one moment of it, beside who writes too; changes nothing. */
#ifndef LEASTPORT_AUDITD_SOUNDNESS_H
#define LEASTPORT_AUDITD_SOUNDNESS_H

#include "auditd/store/store.h"

enum { SOUNDNESS_WHERE_SIZE = 320 };

struct soundness_flaw {
    const char *name;                 /* "integrity", "references", or an invariant's */
    const char *holds;                /* what does not hold; lives for ever */
    int64_t count;                    /* how often */
    char where[SOUNDNESS_WHERE_SIZE]; /* the first */
};

typedef void soundness_fn(void *context, const struct soundness_flaw *flaw);

/* Calls `each` for each kind of flaw; with damaged pages for these alone, since nothing that is read from them would
 * mean anything. 0 also with flaws, -errno when it could not be looked (the store's last error says why; -EUCLEAN when
 * that is the damage itself). */
MUST_USE int soundness_look(struct store *store, soundness_fn *each, void *context);

/* Names and meanings of all that is looked at, in its order; NULL behind the last. */
const char *soundness_name(size_t index);
const char *soundness_holds(size_t index);

#endif
