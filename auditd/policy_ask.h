/* What a policy is worth before anybody judges by it: the control socket's "policy" with "do" check or dry-run. Writes
 * nothing. */
#ifndef LEASTPORT_AUDITD_POLICY_ASK_H
#define LEASTPORT_AUDITD_POLICY_ASK_H

#include "auditd/config/problem.h"
#include "auditd/control.h"
#include "auditd/settings.h"

/* Errors and warnings, each with line, column, pointer and message; a new reference, NULL out of memory. */
json_t *policy_ask_problems(const struct problems *problems, enum problem_level level);

void policy_ask_check(struct control_client *client, const json_t *request);
/* What would change, over all that is stored as open, at once. */
void policy_ask_dry_run(const struct settings *settings, struct control_client *client, const json_t *request);

#endif
