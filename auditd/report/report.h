/* What a person reads in ten seconds, and the findings as JSON Lines. Reads the store, changes nothing. */
#ifndef LEASTPORT_AUDITD_REPORT_REPORT_H
#define LEASTPORT_AUDITD_REPORT_REPORT_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum report_format { REPORT_TABLE, REPORT_JSONL };

struct report_options {
    enum report_format format;
    bool colour;
    unsigned width;     /* columns, at least 40 */
    unsigned worst_max; /* kinds of exposures that are shown with why and fix, 5; the next ones get a line */
    bool explain;       /* every term of the score, not the worst few */
    int64_t now_ms;
};

struct report_options report_options_default(void);

/* Width and colour for what `fd` is: of the terminal, COLUMNS, NO_COLOR. */
void report_options_for(struct report_options *options, int fd);

/* "table", "jsonl"; -EINVAL. */
MUST_USE int report_format_parse(const char *name, enum report_format *ret_format);

/* The newest state of the database at `db_path`. -errno; what went wrong is written to `ret_error`, which holds at
 * least `error_size` bytes, in words for a person. */
MUST_USE int report_write(const char *db_path, const struct report_options *options, FILE *out, char *ret_error,
                          size_t error_size);

#endif
