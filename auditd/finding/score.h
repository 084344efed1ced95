/* The score: findings' terms in, score out. Pure. Every term comes back, so that the sum can be printed. */
#ifndef LEASTPORT_AUDITD_FINDING_SCORE_H
#define LEASTPORT_AUDITD_FINDING_SCORE_H

#include "auditd/policy/judge.h"

#include <jansson.h>

/* Findings of one kind that count: NEW, OPEN, VERIFYING or REAPPEARED, not RETIRED. Text is borrowed for the call. */
struct score_item {
    const char *kind; /* of the verdict */
    const char *service;
    const char *breadth_class;
    double service_weight;
    double breadth;
    double evidence;
    double need;
    double penalty;
    bool waived;    /* summed apart, and in no term */
    uint64_t count; /* how many there are of it */
};

/* Findings of one kind. term = penalty x min(2, 1 + 0.25 log10 count); cost = term x weight (1, 1/2, 1/4, …). */
struct score_term {
    char service[VERDICT_NAME_SIZE];
    char breadth_class[VERDICT_NAME_SIZE];
    double service_weight;
    double breadth;
    double evidence;
    double need;
    double penalty;
    uint64_t count;
    double term;
    double weight;
    double cost;
};

enum { SCORE_CAPS_MAX = 3 };

struct score {
    double score; /* 0 to 100 */
    char grade[2];
    const char *caps[SCORE_CAPS_MAX]; /* why the grade is held down, static text */
    size_t cap_count;
    double exposure;
    double waived;
    double coverage;          /* 0 to 1 */
    struct score_term *terms; /* worst first; owned */
    size_t term_count;
};

/* -ENOMEM. `coverage` is the share of (asset, planned port, vantage) judged within max_age. End with score_done(). */
MUST_USE int score_compute(const struct score_item *items, size_t count, double coverage, struct score *ret_score);
void score_done(struct score *score);

/* As the table `score` keeps them; new references, NULL when out of memory. */
json_t *score_terms_json(const struct score *score);
json_t *score_caps_json(const struct score *score);

#endif
