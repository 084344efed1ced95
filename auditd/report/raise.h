/* What would raise a score most: of each term, what closing all its findings would gain. Pure. */
#ifndef LEASTPORT_AUDITD_REPORT_RAISE_H
#define LEASTPORT_AUDITD_REPORT_RAISE_H

#include "lib/addr.h"

#include <jansson.h>
#include <stdio.h>

/* `terms` as score_terms_json() writes them, worst first. An array of {"service", "breadth_class", "count", "score",
 * "exposure"}: by how much the score rises and the exposure falls, the most first. A new reference; NULL when out of
 * memory. */
json_t *raise_json(const json_t *terms);

/* The first `most` of them as a section of the report; nothing where there is no term. -ENOMEM. */
MUST_USE int raise_print(const json_t *terms, size_t most, unsigned width, FILE *out);

#endif
