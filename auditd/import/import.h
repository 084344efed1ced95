/* What a file says was seen, as a scan's lines to ingest: so it is stored and judged as our own scans are. */
#ifndef LEASTPORT_AUDITD_IMPORT_IMPORT_H
#define LEASTPORT_AUDITD_IMPORT_IMPORT_H

#include "auditd/import/answers.h"
#include "auditd/store/store.h"

enum { IMPORT_REASON_SIZE = 512 };

struct import_place {
    const char *realm;
    const char *vantage;
    const char *tool; /* of the file, for the plan */
};

/* Where an import stands. */
struct import_progress {
    size_t next; /* the first host that is not stored yet */
    char scan_uuid[STORE_UUID_SIZE];
    char reason[IMPORT_REASON_SIZE]; /* of -EPROTO */
};

/* Stores the hosts from progress->next on, as many as one scan's plan holds. Of a scan that was not finished only open
 * ports are taken: what it did not see, it may not have looked at. -errno of the store, or -EPROTO for a line that
 * ingest refused; nothing of the part but its scan, incomplete, is then stored. */
MUST_USE int import_part(struct store *store, const struct import_place *place, const struct answers *answers,
                         struct import_progress *progress);

#endif
