/* The configuration's inventories: who says which hosts there are. Knows the document; auditd/inventory/ what is read.
 */
#ifndef LEASTPORT_AUDITD_CONFIG_INVENTORIES_H
#define LEASTPORT_AUDITD_CONFIG_INVENTORIES_H

#include "auditd/config/aws.h"
#include "auditd/config/validate.h"
#include "auditd/inventory/inventory.h"

struct config;

enum { CONFIG_INVENTORIES_MAX = 100 };

/* Exactly one of hosts, path and dns is there, and says which driver it is (auditd/inventory/driver.h); or cloud or
 * live, whose records are kept, too (auditd/cloud_entry.h). */
struct config_inventory {
    char *name;
    char *realm;            /* NULL: the configuration's */
    struct inventory hosts; /* complete */
    bool has_hosts;
    char *path;           /* absolute, or relative to the working folder */
    struct inventory dns; /* hosts of a name each */
    bool has_dns;
    char *cloud;             /* the folder of what an AWS account declares, as `path` */
    struct config_aws *live; /* AWS accounts that are asked */
    struct host_tag *tags;   /* of all its hosts, unless they say otherwise */
    size_t tag_count;
};

extern const struct validate_schema inventories_schema;

/* As schedules_read() (config/schedules.h); relative paths are relative to `folder`. */
MUST_USE int inventories_read(const struct yaml_node *node, const char *folder, struct config *config,
                              struct problems *problems);
void inventories_done(struct config_inventory *inventories, size_t count);

/* NULL when there is none of that name. */
const struct config_inventory *inventories_find(const struct config *config, const char *name);

#endif
