/* Turns what happened into alerts, by the configuration's rules, within the transaction in which it happened. Knows no
 * receiver's kind and sends nothing. */
#ifndef LEASTPORT_AUDITD_ALERT_DERIVE_H
#define LEASTPORT_AUDITD_ALERT_DERIVE_H

#include "auditd/config/config.h"
#include "auditd/store/store.h"

/* From now on each commit of `store` writes the alerts of what it commits. Nothing without rules. `alerts` is borrowed
 * for the store's life. What happened before the first time is not told. The store's errors. */
MUST_USE int derive_attach(struct store *store, const struct config_alerts *alerts);

/* For store_on_commit(): `context` is the struct config_alerts. */
MUST_USE int derive_run(void *context, struct store *store);

/* When what happens at `now_ms` may be sent by that rule: gathered, with the digest, and not in quiet hours. Pure. */
int64_t derive_next_at(const struct config_alert_rule *rule, int64_t now_ms);

/* A message to show that one arrives; `ret_uuid` names it. -ENOENT when no receiver has that name. */
MUST_USE int derive_test(struct store *store, const struct config_alerts *alerts, const char *receiver,
                         char ret_uuid[STORE_UUID_SIZE]);

#endif
