#include "auditd/config/paths.h"

#include "auditd/protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct paths_environment paths_environment_now(void)
{
    return (struct paths_environment){
        .state_directory = getenv("STATE_DIRECTORY"),
        .xdg_state_home = getenv("XDG_STATE_HOME"),
        .home = getenv("HOME"),
        .is_root = geteuid() == 0,
    };
}

/* The XDG specification: a relative path is to be ignored. */
static bool paths_usable(const char *path)
{
    return path != NULL && path[0] == '/';
}

static char *paths_join(const char *folder, size_t length, const char *rest)
{
    char *path;

    return asprintf(&path, "%.*s%s", (int)length, folder, rest) < 0 ? NULL : path;
}

char *paths_database(const struct paths_environment *environment)
{
    if (paths_usable(environment->state_directory)) {
        /* Several folders stand with colons between; the first is the state's. */
        return paths_join(environment->state_directory, strcspn(environment->state_directory, ":"), "/leastport.db");
    }
    if (paths_usable(environment->xdg_state_home)) {
        return paths_join(environment->xdg_state_home, strlen(environment->xdg_state_home), "/leastport/leastport.db");
    }
    if (environment->is_root) {
        return strdup("/var/lib/leastport/leastport.db");
    }
    if (paths_usable(environment->home)) {
        return paths_join(environment->home, strlen(environment->home), "/.local/state/leastport/leastport.db");
    }
    return NULL;
}

char *paths_control(const char *database)
{
    return paths_join(database, strlen(database), CONTROL_PATH_SUFFIX);
}
