/* `leastport policy check|explain`. */
#ifndef LEASTPORT_AUDITD_POLICY_VERB_H
#define LEASTPORT_AUDITD_POLICY_VERB_H

#include "auditd/options.h"

/* Returns the exit status. */
int policy_verb_run(const struct policy_command *command);

/* "10.0.0.5:443", "[fd00::1]:53/udp": -EINVAL for anything else. Pure. */
MUST_USE int policy_verb_parse_target(const char *text, struct addr *ret_address, uint16_t *ret_port,
                                      const char **ret_proto);

#endif
