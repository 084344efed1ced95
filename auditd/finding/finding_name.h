/* How people name findings: by uuid, by the beginning of a fingerprint, or by ADDRESS:PORT[/udp]. */
#ifndef LEASTPORT_AUDITD_FINDING_FINDING_NAME_H
#define LEASTPORT_AUDITD_FINDING_FINDING_NAME_H

#include "auditd/store/finding.h"

enum { FINDING_NAME_REASON_SIZE = 320, FINDING_NAME_MAX = 64 };

struct finding_name {
    const char *text;
    const char *realm; /* of an address; NULL: whichever has it, as long as it is one */
};

/* The findings of that name by id: of a port they may be several. -EINVAL when it is no such name, -ENOENT when nobody
 * has it, -ENOTUNIQ when it may mean several, each with `ret_reason`; else the store's errors. */
MUST_USE int finding_name_find(struct store *store, const struct finding_name *name, int64_t ids[FINDING_NAME_MAX],
                               size_t *ret_count, char ret_reason[FINDING_NAME_REASON_SIZE]);

#endif
