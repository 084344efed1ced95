/* Names that stand in the configuration. Which addresses they have, the scanner asks anew at the start of each scan: a
 * name that nobody can resolve just then is a host all the same. */
#include "auditd/inventory/driver.h"

static bool driver_dns_has(const struct config_inventory *config)
{
    return config->has_dns;
}

static int driver_dns_read(const struct config_inventory *config, struct inventory *room,
                           const struct inventory **ret_inventory, char reason[INVENTORY_REASON_SIZE])
{
    (void)room;
    (void)reason;
    *ret_inventory = &config->dns;
    return 0;
}

const struct inventory_driver inventory_driver_dns = {"dns", driver_dns_has, driver_dns_read};
