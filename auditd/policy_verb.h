/* `leastport policy check|explain|test|suggest|apply`. */
#ifndef LEASTPORT_AUDITD_POLICY_VERB_H
#define LEASTPORT_AUDITD_POLICY_VERB_H

#include "auditd/options.h"

/* Returns the exit status. */
int policy_verb_run(const struct policy_command *command);

struct policy;
struct store;

/* Opens the command's database to read alone. Says what is wrong. */
MUST_USE int policy_verb_open(const struct policy_command *command, struct store **ret_store);

/* The file's policy, the built-in one for NULL. NULL when it is wrong, which was said. The caller owns the result. */
struct policy *policy_verb_load(const char *path);

/* "10.0.0.5:443", "[fd00::1]:53/udp": -EINVAL for anything else. Pure. */
MUST_USE int policy_verb_parse_target(const char *text, struct addr *ret_address, uint16_t *ret_port,
                                      const char **ret_proto);

#endif
