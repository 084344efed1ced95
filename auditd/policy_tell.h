/* What a policy says, at length: the control socket's "policy" with "do" explain, test or suggest. By the policy that
 * the request brings, or the one that judges. Writes nothing. */
#ifndef LEASTPORT_AUDITD_POLICY_TELL_H
#define LEASTPORT_AUDITD_POLICY_TELL_H

#include "auditd/control.h"
#include "auditd/settings.h"

/* Why a port of a host is judged as it is: each that is known to be open, or one that is supposed to be. */
void policy_tell_explain(const struct settings *settings, struct control_client *client, const json_t *request);
/* Whether the cases that stand in the policy come out as they say. */
void policy_tell_test(const struct settings *settings, struct control_client *client, const json_t *request);
/* A draft of rules for what is open now. */
void policy_tell_suggest(const struct settings *settings, struct control_client *client, const json_t *request);

#endif
