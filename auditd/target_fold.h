/* Many targets in few words: neighbouring addresses as ranges. Pure. */
#ifndef LEASTPORT_AUDITD_TARGET_FOLD_H
#define LEASTPORT_AUDITD_TARGET_FOLD_H

#include "lib/addr.h"

#include <jansson.h>

/* Of an array of addresses and names: the names as they are, the addresses sorted, neighbours as FIRST-LAST. -ENOMEM.
 * The caller owns *ret_targets. */
MUST_USE int target_fold(const json_t *all, json_t **ret_targets);

#endif
