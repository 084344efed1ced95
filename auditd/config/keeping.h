/* How long what is over is kept, and how often the daemon looks for it. A part of config.h. */
#ifndef LEASTPORT_AUDITD_CONFIG_KEEPING_H
#define LEASTPORT_AUDITD_CONFIG_KEEPING_H

#include "auditd/config/validate.h"
#include "auditd/store/retention.h"

struct config_keeping {
    int64_t kept_ms[RETENTION_KINDS]; /* 0: for ever */
    int64_t every_ms;
};

struct config;

extern const struct validate_schema keeping_schema;

struct config_keeping keeping_default(void);

/* What `node` ("retention", NULL: none) says over what *keeping has. -ENOMEM. */
MUST_USE int keeping_read(const struct yaml_node *node, struct config_keeping *keeping);

/* From before when what is over goes, as of `now_ms`; 0: nothing does. Alerts stay for as long as a rule may ask
 * whether they were told (its dedup). */
void keeping_before(const struct config *config, int64_t now_ms, int64_t ret_before_ms[RETENTION_KINDS]);

#endif
