/* What people ask of the outbox: a test, another try, an end; and that a hold be lifted (finding/hold.h). Through the
 * daemon or, where none runs, on the database itself. */
#ifndef LEASTPORT_AUDITD_ALERT_POST_H
#define LEASTPORT_AUDITD_ALERT_POST_H

#include "auditd/config/config.h"
#include "auditd/control.h"
#include "auditd/store/store.h"

enum { POST_REASON_SIZE = 256 };

/* A test for `receiver` (NULL: for each); *ret_ids, a new reference, are the alerts. -ENOENT with `ret_reason`. */
MUST_USE int post_test(struct store *store, const struct config_alerts *alerts, const char *receiver, json_t **ret_ids,
                       char ret_reason[POST_REASON_SIZE]);

/* CONTROL_ALERT_RETRY or CONTROL_ALERT_DROP, of `uuid` or its beginning (NULL: of all that are dead), or
 * CONTROL_ALERT_LIFT of the place that `uuid` names, by `actor`. How many. -EINVAL, or the store's errors, with
 * `ret_reason`: nothing is of that name, or nobody would deliver it. */
struct post_wish {
    const char *what;
    const char *uuid;
    const char *actor;
};
MUST_USE int post_decide(struct store *store, const struct config_alerts *alerts, const struct post_wish *wish,
                         int64_t *ret_count, char ret_reason[POST_REASON_SIZE]);

/* Answers an "alert" of the control socket. The actor is who the kernel says the client is. */
void post_request(struct store *store, const struct config_alerts *alerts, struct control_client *client,
                  const json_t *request);

#endif
