#include "scanner/loss.h"

#include <assert.h>
#include <math.h>

/* Half of the 95 % quantile of chi-square with one degree of freedom. */
static const double LIKELIHOOD_DROP = 1.9207;
static const double SHARE_MAX = 1 - 1e-9;

void loss_add(struct loss_counts *total, const struct loss_counts *more)
{
    for (int pass = 0; pass < LOSS_PASSES_MAX; pass++) {
        total->answers[pass] += more->answers[pass];
        total->limits[pass] += more->limits[pass];
    }
}

/* The answers by the number of tries at their hosts, and the sum of their passes: sufficient for the truncated
 * geometric distribution. */
struct sums {
    double answers;
    double lost;
    double with_tries[LOSS_PASSES_MAX + 1];
};

static struct sums sum_up(const struct loss_counts *counts, uint32_t passes)
{
    struct sums sums = {0};
    double done = 0;

    assert(passes <= LOSS_PASSES_MAX);
    for (uint32_t pass = 0; pass < LOSS_PASSES_MAX; pass++) {
        sums.answers += (double)counts->answers[pass];
        sums.lost += (double)counts->answers[pass] * pass;
        sums.with_tries[pass + 1] = (double)counts->limits[pass];
        done += (double)counts->limits[pass];
    }
    sums.with_tries[passes] += fmax(0, sums.answers - done);
    return sums;
}

static double log_likelihood(const struct sums *sums, double share)
{
    double value = sums->answers * log1p(-share);

    for (uint32_t tries = 1; tries <= LOSS_PASSES_MAX; tries++) {
        if (sums->with_tries[tries] > 0) {
            value -= sums->with_tries[tries] * log1p(-pow(share, tries));
        }
    }
    return sums->lost > 0 ? value + sums->lost * log(share) : value;
}

/* The likelihood has one maximum: golden-section search (Kiefer 1953). */
static double likeliest(const struct sums *sums)
{
    const double ratio = 0.6180339887498949;
    double low = 0;
    double high = SHARE_MAX;

    for (int i = 0; i < 80; i++) {
        double left = high - ratio * (high - low);
        double right = low + ratio * (high - low);
        if (log_likelihood(sums, left) < log_likelihood(sums, right)) {
            low = left;
        } else {
            high = right;
        }
    }
    return (low + high) / 2;
}

/* Where the likelihood has dropped between `inside` (the maximum) and `outside`. */
static double drop_point(const struct sums *sums, double inside, double outside)
{
    double least = log_likelihood(sums, inside) - LIKELIHOOD_DROP;

    if (log_likelihood(sums, outside) >= least) {
        return outside;
    }
    for (int i = 0; i < 80; i++) {
        double middle = (inside + outside) / 2;
        if (log_likelihood(sums, middle) >= least) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    return (inside + outside) / 2;
}

bool loss_estimate(const struct loss_counts *counts, uint32_t passes, struct loss_estimate *ret_estimate)
{
    struct sums sums = sum_up(counts, passes);

    if (passes < 2 || sums.answers <= 0) {
        return false;
    }
    ret_estimate->share = sums.lost > 0 ? likeliest(&sums) : 0;
    ret_estimate->share_low = sums.lost > 0 ? drop_point(&sums, ret_estimate->share, 1e-12) : 0;
    ret_estimate->share_high = drop_point(&sums, ret_estimate->share, SHARE_MAX);
    return true;
}

uint32_t loss_tries(const struct loss_counts *counts, uint32_t passes)
{
    struct sums sums = sum_up(counts, passes);
    struct loss_estimate estimate;
    double tries;

    if (sums.lost <= 0 || !loss_estimate(counts, passes, &estimate)) {
        return 0;
    }
    tries = ceil(log(LOSS_MISSED_AIM / sums.answers) / log(estimate.share_high));
    return tries < LOSS_PASSES_MAX ? (uint32_t)tries : LOSS_PASSES_MAX;
}

/* The smallest m with P(M <= m) >= level, M failures before `successes` successes, each failing with `miss`. */
static double quantile(double successes, double miss, double level)
{
    double mean = successes * miss / (1 - miss);
    double spread = sqrt(mean / (1 - miss));
    double term;
    double sum;

    if (mean > 500) {
        /* Normal approximation: the exact sum would take long and lose precision. */
        return fmax(0, floor(mean + (level < 0.5 ? -1.96 : 1.96) * spread));
    }
    term = exp(successes * log1p(-miss));
    sum = term;
    for (uint32_t m = 1; m <= 100000; m++) {
        if (sum >= level) {
            return m - 1;
        }
        term *= miss * (successes + m - 1) / m;
        sum += term;
    }
    return mean;
}

static double mean_miss(const struct sums *sums, double share)
{
    double miss = 0;
    double all = 0;

    for (uint32_t tries = 1; tries <= LOSS_PASSES_MAX; tries++) {
        double weight = fmax(0, sums->with_tries[tries]);
        miss += weight * pow(fmin(share, SHARE_MAX), tries);
        all += weight;
    }
    return all > 0 ? miss / all : 0;
}

struct loss_missed loss_missed(const struct loss_estimate *estimate, const struct loss_counts *counts, uint32_t passes,
                               uint64_t found)
{
    struct sums sums = sum_up(counts, passes);
    struct loss_missed missed;

    /* found + 1 successes: a flat prior over the number there are, so that finding none does not claim none. */
    missed.low = quantile((double)found + 1, mean_miss(&sums, estimate->share_low), 0.025);
    missed.high = quantile((double)found + 1, mean_miss(&sums, estimate->share_high), 0.975);
    return missed;
}
