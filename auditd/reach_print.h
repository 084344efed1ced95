/* How answers about reachability look: text for people, lines of JSON for programs. */
#ifndef LEASTPORT_AUDITD_REACH_PRINT_H
#define LEASTPORT_AUDITD_REACH_PRINT_H

#include "auditd/reach/flaw.h"
#include "auditd/reach/proof.h"
#include "auditd/reach/surface.h"

#include <jansson.h>
#include <stdio.h>

struct reach_printer {
    FILE *out;
    const struct reach_model *model;
    bool json;
};

/* One row. `type` is "reach", "opens" or "closes"; `from` is what was asked for; `proof` may be NULL. -EIO, -ENOMEM. */
MUST_USE int reach_print_row(const struct reach_printer *printer, const char *type, const char *from,
                             const struct reach_row *row, const struct reach_proof *proof);

/* A row as programs take it; the first `sources_most` prefixes of its sources. A new reference; NULL out of memory. */
json_t *reach_row_json(const struct reach_model *model, const struct reach_row *row, const char *from,
                       const struct reach_proof *proof, size_t sources_most);

/* A flaw as programs take it. A new reference; NULL out of memory. */
json_t *reach_flaw_json(const struct reach_model *model, const struct reach_flaw *flaw);

/* A flaw: its network, its kind, its record and what is wrong. -EIO, -ENOMEM. */
MUST_USE int reach_print_flaw(const struct reach_printer *printer, const struct reach_flaw *flaw);

/* The heading of a table of rows; nothing in JSON. */
void reach_print_heading(const struct reach_printer *printer);

#endif
