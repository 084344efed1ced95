/* The line that shows on a terminal how far a scan is. Draws nothing elsewhere. */
#ifndef LEASTPORT_AUDITD_METER_H
#define LEASTPORT_AUDITD_METER_H

#include "lib/addr.h"

#include <stdio.h>

struct meter {
    FILE *terminal; /* NULL: not shown */
    bool drawn;
};

struct meter_reading {
    const char *what; /* "scan", "verify", "import" */
    const char *unit; /* what is counted; NULL: probes */
    int64_t probes_done;
    int64_t probes;
    int64_t rate_pps;
    int64_t open;
    int64_t eta_s; /* -1: not known */
};

enum { METER_TEXT_SIZE = 160 };

/* `stream` is borrowed; it is drawn on only when it is a terminal that can move its cursor. */
void meter_init(struct meter *meter, FILE *stream);
void meter_show(struct meter *meter, const struct meter_reading *reading);
/* Takes the line away, so that other text can stand there. */
void meter_clear(struct meter *meter);

/* "scan  45 %  1200 of 2660 probes, 800/s, 12 s left, 3 open" into `text` of METER_TEXT_SIZE bytes, which it returns.
 * Pure. */
const char *meter_format(const struct meter_reading *reading, char *text);

#endif
