/* Where an inventory is read from: a driver for each kind, a file each. */
#ifndef LEASTPORT_AUDITD_INVENTORY_DRIVER_H
#define LEASTPORT_AUDITD_INVENTORY_DRIVER_H

#include "auditd/config/inventories.h"

struct inventory_driver {
    const char *name;
    bool (*has)(const struct config_inventory *config);
    /* The hosts, borrowed from `config` or from *room, which the caller ends by inventory_done() in each case. -errno
     * with what is wrong, in words, in `reason`: nothing is known then. */
    int (*read)(const struct config_inventory *config, struct inventory *room, const struct inventory **ret_inventory,
                char reason[INVENTORY_REASON_SIZE]);
};

extern const struct inventory_driver inventory_driver_hosts;
extern const struct inventory_driver inventory_driver_file;
extern const struct inventory_driver inventory_driver_dns;

const struct inventory_driver *inventory_driver_of(const struct config_inventory *config);

#endif
