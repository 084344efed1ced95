#include "auditd/inventory/driver.h"

#include <stddef.h>

static const struct inventory_driver *const drivers[] = {&inventory_driver_hosts, &inventory_driver_file,
                                                         &inventory_driver_dns};

const struct inventory_driver *inventory_driver_of(const struct config_inventory *config)
{
    for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
        if (drivers[i]->has(config)) {
            return drivers[i];
        }
    }
    return NULL;
}
