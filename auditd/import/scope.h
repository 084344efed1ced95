/* Whose hosts a file may tell of: the configured scope, else what is private and this machine's own. */
#ifndef LEASTPORT_AUDITD_IMPORT_SCOPE_H
#define LEASTPORT_AUDITD_IMPORT_SCOPE_H

#include "auditd/config/config.h"
#include "lib/prefix_list.h"

/* `more` are prefixes that a person names beside the configured ones. -EINVAL with *ret_wrong, borrowed from one of the
 * two, for what is no prefix; -ENOMEM, -errno of looking at the interfaces. prefix_list_done() in any case. */
MUST_USE int import_scope_load(const struct config_list *configured, char *const *more, size_t more_count,
                               struct prefix_list *scope, const char **ret_wrong);

bool import_scope_has(const struct prefix_list *scope, const struct addr *address);

#endif
