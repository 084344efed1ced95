#include "auditd/handed_over.h"

#include "auditd/request.h"
#include "auditd/store/scan.h"

#include <string.h>

/* What waited or was under way for longer when a daemon begins is nobody's wish any more. */
static const int64_t handed_over_keep_ms = INT64_C(24) * 3600 * 1000;

static bool handed_over_is_done(struct store *store, const struct store_handed_over *audit)
{
    struct stored_scan scan;

    return audit->scan_uuid[0] != '\0' && store_scan_find(store, audit->scan_uuid, &scan) == 0 &&
           strcmp(scan.state, "complete") == 0;
}

const char *handed_over_why_not(struct store *store, const struct store_handed_over *audit, int64_t now_ms)
{
    char reason[REQUEST_REASON_SIZE];

    if (handed_over_is_done(store, audit)) {
        return "its scan was complete";
    }
    if (now_ms - audit->accepted_at > handed_over_keep_ms) {
        return "it was asked for more than a day ago";
    }
    return audit->request == NULL || request_check(audit->request, reason) < 0 ? "its request cannot be read any more"
                                                                               : NULL;
}
