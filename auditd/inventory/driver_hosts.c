/* Hosts that stand in the configuration. */
#include "auditd/inventory/driver.h"

static bool driver_hosts_has(const struct config_inventory *config)
{
    return config->has_hosts;
}

static int driver_hosts_read(const struct config_inventory *config, struct inventory *room,
                             const struct inventory **ret_inventory, char reason[INVENTORY_REASON_SIZE])
{
    (void)room;
    (void)reason;
    *ret_inventory = &config->hosts;
    return 0;
}

const struct inventory_driver inventory_driver_hosts = {"hosts", driver_hosts_has, driver_hosts_read};
