/* Another policy for a daemon that runs: asked for over the control socket, judged by at once. */
#ifndef LEASTPORT_AUDITD_POLICY_CHANGE_H
#define LEASTPORT_AUDITD_POLICY_CHANGE_H

#include "auditd/control.h"
#include "auditd/desk.h"

/* Answers a request "policy". `busy`: audits run or wait, which borrow the policy that there is: refused. The policy in
 * *settings is another one then, until the daemon ends: what it begins with is its configuration's. */
void policy_change_request(struct desk *desk, struct settings *settings, bool busy, struct control_client *client,
                           const json_t *request);

#endif
