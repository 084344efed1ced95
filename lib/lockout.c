#include "lib/lockout.h"

#include <string.h>

static const char *const services[] = {
    "cassandra", "mongodb", "mssql", "mysql", "oracle", "postgresql", "vnc",
};

const char *const *lockout_services(size_t *ret_count)
{
    *ret_count = sizeof(services) / sizeof(*services);
    return services;
}

bool lockout_has(const char *service)
{
    for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
        if (strcmp(services[i], service) == 0) {
            return true;
        }
    }
    return false;
}
