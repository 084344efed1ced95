/* Where the database and its control socket are when nobody says. Pure: the environment comes in as an argument. */
#ifndef LEASTPORT_AUDITD_CONFIG_PATHS_H
#define LEASTPORT_AUDITD_CONFIG_PATHS_H

#include "lib/addr.h"

#include <stdbool.h>

/* Values of environment variables; NULL or "" when not set. */
struct paths_environment {
    const char *state_directory; /* STATE_DIRECTORY: systemd's folder for this service */
    const char *xdg_state_home;
    const char *home;
    bool is_root;
};

struct paths_environment paths_environment_now(void);

/* A service's folder, or a person's; /var/lib/leastport for root. NULL when out of memory, or when there is no HOME;
 * the caller frees it. */
char *paths_database(const struct paths_environment *environment);

/* The control socket beside a database. NULL when out of memory; the caller frees it. */
char *paths_control(const char *database);

#endif
