/* How many probes get lost, and what may have been missed, from the passes that answers came in. Pure statistics. */
#ifndef LEASTPORT_SCANNER_LOSS_H
#define LEASTPORT_SCANNER_LOSS_H

#include <stdbool.h>
#include <stdint.h>

enum { LOSS_PASSES_MAX = 21 };

struct loss_counts {
    /* First answers by pass: answers[0] came to the first try, answers[1] only to the second, …. */
    uint64_t answers[LOSS_PASSES_MAX];
    /* Of these, the ones of hosts that are done, by the last pass that silence would have been given there. */
    uint64_t limits[LOSS_PASSES_MAX];
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
 * 12 (1956) 163). The interval is the profile likelihood's (-1.92). `passes` is the number of tries where `limits` does
 * not say. False when it cannot be known: fewer than two passes, or no answer at all. */
bool loss_estimate(const struct loss_counts *counts, uint32_t passes, struct loss_estimate *ret_estimate);

/* How many ports that would have answered did not in any of their tries, when `found` were: with a share `l` of
 * tries lost a port is missed with l^passes, and the number missed follows a negative binomial distribution; the ends
 * take the share's interval along, so the interval is on the wide side. Of ports with different numbers of tries
 * (`counts`, `passes` as above) the mean chance stands for each. */
struct loss_missed loss_missed(const struct loss_estimate *estimate, const struct loss_counts *counts, uint32_t passes,
                               uint64_t found);

/* How many tries bring the number of answers that are missed below LOSS_MISSED_AIM at the worst loss that the answers
 * allow for; at most LOSS_PASSES_MAX. 0 when nothing was lost so far, or it cannot be known. */
#define LOSS_MISSED_AIM 0.001
uint32_t loss_tries(const struct loss_counts *counts, uint32_t passes);

#endif
