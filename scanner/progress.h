/* How far a scan is, as one line on a terminal that updates itself. Knows numbers and a stream. */
#ifndef LEASTPORT_SCANNER_PROGRESS_H
#define LEASTPORT_SCANNER_PROGRESS_H

#include "lib/clock.h"
#include "scanner/observation.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Turns counters into a rate and the time left. */
struct progress_meter {
    struct mono_time started;
    struct mono_time measured;
    uint64_t sent_then;
    uint64_t done_then;
    double rate_pps;
    double done_per_s;
};

void progress_meter_init(struct progress_meter *meter, struct mono_time now, uint64_t done, uint64_t sent);
/* Fills rate_pps and eta_s (-1 as long as it is not known) of *progress from its counters. At most a few times a
 * second: the figures are smoothed over about three seconds. */
void progress_meter_update(struct progress_meter *meter, struct mono_time now, struct observation_progress *progress);

enum { PROGRESS_TEXT_SIZE = 160 };
/* "41% 61,440 of 150,000  9,870/s  9 s left  12 open" into `buffer` of PROGRESS_TEXT_SIZE bytes. */
const char *progress_format(const struct observation_progress *progress, char *buffer);

struct progress {
    FILE *stream; /* NULL: nothing is ever shown */
    bool colour;
    bool shown;
};

/* Shows on `stream` if that is a terminal; without colour when NO_COLOR is set or TERM is "dumb". */
void progress_init(struct progress *progress, FILE *stream);
void progress_show(struct progress *progress, const struct observation_progress *figures);
/* Before anything else is written to the terminal, and at the end. */
void progress_clear(struct progress *progress);

#endif
