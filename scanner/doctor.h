/* What this machine lacks for a good scan, and for each the command that mends it. */
#ifndef LEASTPORT_SCANNER_DOCTOR_H
#define LEASTPORT_SCANNER_DOCTOR_H

#include "lib/addr.h"
#include "scanner/limits.h"
#include "scanner/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { DOCTOR_CHECKS = 6, DOCTOR_TEXT_SIZE = 256 };

enum doctor_verdict {
    DOCTOR_WELL,
    DOCTOR_LOW,
    /* There is no such limit here, or it cannot be read. */
    DOCTOR_UNKNOWN,
};

struct doctor_check {
    const char *id;
    enum doctor_verdict verdict;
    char found[DOCTOR_TEXT_SIZE];
    char meaning[DOCTOR_TEXT_SIZE];
    char mend[DOCTOR_TEXT_SIZE]; /* a command; "" when nothing is to be done */
};

/* Pure: limits in, checks out. */
void doctor_examine(const struct limits *limits, const char *program, struct doctor_check checks[DOCTOR_CHECKS]);

/* Reads the limits and prints, as a table or JSON. Returns the exit status: 0 all well, 1 something is low; -errno with
 * *problem. */
MUST_USE int doctor_run(FILE *stream, bool json, struct problem *problem);

#endif
