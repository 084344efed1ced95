/* Has a running daemon do an audit: asks over its control socket and follows it to the end. */
#ifndef LEASTPORT_AUDITD_HANDOVER_H
#define LEASTPORT_AUDITD_HANDOVER_H

#include "auditd/meter.h"
#include "auditd/tally.h"

#include <stdbool.h>

struct handover_result {
    bool complete;
    bool interrupted; /* by us: the first SIGINT asked the daemon to cancel */
    struct tally tally;
    char message[512];
};

/* `request` is the audit's object without "op" and "follow"; it is not changed. Notices go to stderr, progress to the
 * meter. SIGINT asks the daemon to cancel; a second one leaves at once: -EINTR. -errno of connecting (nobody is there:
 * -ECONNREFUSED, -ENOENT), -EPROTO with `ret_result->message` when the daemon refuses or goes away. */
MUST_USE int handover_run(const char *control_path, const json_t *request, struct meter *meter,
                          struct handover_result *ret_result);

#endif
