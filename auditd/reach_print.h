/* How answers about reachability look: text for people, lines of JSON for programs. */
#ifndef LEASTPORT_AUDITD_REACH_PRINT_H
#define LEASTPORT_AUDITD_REACH_PRINT_H

#include "auditd/reach/proof.h"
#include "auditd/reach/surface.h"

#include <stdio.h>

struct reach_printer {
    FILE *out;
    const struct reach_model *model;
    bool json;
};

/* One row. `type` is "reach", "opens" or "closes"; `from` is what was asked for; `proof` may be NULL. -EIO, -ENOMEM. */
MUST_USE int reach_print_row(const struct reach_printer *printer, const char *type, const char *from,
                             const struct reach_row *row, const struct reach_proof *proof);

/* The heading of a table of rows; nothing in JSON. */
void reach_print_heading(const struct reach_printer *printer);

#endif
