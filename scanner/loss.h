/* How many probes get lost, and what may have been missed, from the passes that answers came in. Pure statistics. */
#ifndef LEASTPORT_SCANNER_LOSS_H
#define LEASTPORT_SCANNER_LOSS_H

#include <stdbool.h>
#include <stdint.h>

enum { LOSS_PASSES_MAX = 21 };

/* First answers by pass: answers[0] came to the first try, answers[1] only to the second, …. */
struct loss_counts {
    uint64_t answers[LOSS_PASSES_MAX];
};

struct loss_estimate {
    /* Share of tries that get no answer from a port that answers: maximum likelihood, and its 95 % interval. */
    double share;
    double share_low;
    double share_high;
};

struct loss_missed {
    double low;
    double high;
};

void loss_add(struct loss_counts *total, const struct loss_counts *more);

/* Each try is lost with the same chance, independently of the others: an answered probe is taken out of the passes that
 * follow, which makes it the removal method of capture-recapture (Moran, Biometrika 38 (1951) 307; Zippin, Biometrics
 * 12 (1956) 163). The interval is the profile likelihood's (-1.92). False when it cannot be known: fewer than two
 * passes, or no answer at all. */
bool loss_estimate(const struct loss_counts *counts, uint32_t passes, struct loss_estimate *ret_estimate);

/* How many ports that would have answered did not in any of `passes` tries, when `found` were: with a share `l` of
 * tries lost a port is missed with l^passes, and the number missed follows a negative binomial distribution; the ends
 * take the share's interval along, so the interval is on the wide side. */
struct loss_missed loss_missed(const struct loss_estimate *estimate, uint32_t passes, uint64_t found);

#endif
