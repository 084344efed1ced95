/* How the dashboard is served, beside its address and certificate: names, proxies, limits. A part of config.h. */
#ifndef LEASTPORT_AUDITD_CONFIG_WEB_H
#define LEASTPORT_AUDITD_CONFIG_WEB_H

#include "auditd/config/schedules.h"
#include "auditd/config/validate.h"

extern const struct validate_schema web_schema;

/* Adds what `node` ("web", NULL: none) says to *flags, as leastport-web's options: "--name=audit.example.com". -ENOMEM.
 */
MUST_USE int web_read(const struct yaml_node *node, struct config_list *flags);

#endif
