/* What a scan has counted over its finished slabs, with its form in the state file. */
#ifndef LEASTPORT_SCANNER_TOTALS_H
#define LEASTPORT_SCANNER_TOTALS_H

#include "lib/addr.h"
#include "scanner/loss.h"

#include <stddef.h>
#include <stdint.h>

struct totals {
    uint64_t sent;
    uint64_t elapsed_ms;
    struct loss_counts loss;
};

/* As text, on the heap; the caller frees it. NULL when out of memory. */
char *totals_format(const struct totals *totals);
/* Size 0 is all zero. -EBADMSG, -ENOMEM. */
MUST_USE int totals_parse(const void *text, size_t size, struct totals *ret_totals);

#endif
