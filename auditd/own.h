/* This machine's own addresses, as targets. */
#ifndef LEASTPORT_AUDITD_OWN_H
#define LEASTPORT_AUDITD_OWN_H

#include "lib/addr.h"

#include <jansson.h>

/* Each address of each interface that is up, loopback first, as a JSON array of texts without repeats. Link-local IPv6
 * addresses are left out and counted: they are the same listeners once more, one address for each interface.
 * -errno; the caller owns *ret_targets. */
MUST_USE int own_targets(json_t **ret_targets, size_t *ret_left_out);

#endif
