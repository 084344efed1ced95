#include "auditd/settings.h"

#include "auditd/config/paths.h"
#include "lib/log.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int settings_override(char **value, const char *given)
{
    char *copy;

    if (given == NULL) {
        return 0;
    }
    copy = strdup(given);
    if (copy == NULL) {
        return -ENOMEM;
    }
    free(*value);
    *value = copy;
    return 0;
}

/* Relative to the folder we stand in: a service manager's is another. */
static char *settings_absolute(const char *path)
{
    char folder[PATH_MAX];
    char *absolute;

    if (path[0] == '/') {
        return strdup(path);
    }
    if (getcwd(folder, sizeof(folder)) == NULL || asprintf(&absolute, "%s/%s", folder, path) < 0) {
        return NULL;
    }
    return absolute;
}

static int settings_place(struct settings *settings)
{
    struct paths_environment environment = paths_environment_now();

    if (settings->config.db != NULL) {
        settings->db = settings_absolute(settings->config.db);
    } else {
        settings->db_is_default = true;
        settings->db = paths_database(&environment);
        if (settings->db == NULL && (environment.home == NULL || environment.home[0] != '/')) {
            log_error("there is no place for the database: HOME is %s. Name one by --db FILE.",
                      environment.home == NULL ? "not set" : "no absolute path");
            return -ENOENT;
        }
    }
    if (settings->db == NULL) {
        return -ENOMEM;
    }
    settings->control = paths_control(settings->db);
    return settings->control == NULL ? -ENOMEM : 0;
}

static int settings_load_config(const struct settings_sources *sources, struct settings *settings)
{
    struct problems problems;
    int rc;

    if (sources->config == NULL) {
        return config_init_default(&settings->config);
    }
    problems_init(&problems);
    rc = config_load(sources->config, &problems, &settings->config);
    problems_print(&problems, sources->config, stderr);
    return rc;
}

int settings_load_paths(const struct settings_sources *sources, struct settings *ret_settings)
{
    struct settings settings = {0};
    int rc = settings_load_config(sources, &settings);

    if (rc < 0) {
        return rc;
    }
    rc = settings_override(&settings.config.db, sources->db);
    if (rc == 0) {
        rc = settings_override(&settings.config.policy, sources->policy);
    }
    if (rc == 0) {
        rc = settings_override(&settings.config.listen, sources->listen);
    }
    if (rc == 0) {
        rc = settings_place(&settings);
    }
    if (rc < 0) {
        settings_done(&settings);
        return rc;
    }
    *ret_settings = settings;
    return 0;
}

static int settings_load_policy(struct settings *settings)
{
    struct policy *policy = NULL;
    struct problems problems;
    int rc;

    if (settings->config.policy == NULL) {
        settings->policy = policy_create_builtin();
        return settings->policy == NULL ? -ENOMEM : 0;
    }
    problems_init(&problems);
    rc = policy_load(settings->config.policy, &problems, &policy);
    problems_print(&problems, settings->config.policy, stderr);
    settings->policy = policy;
    return rc;
}

int settings_load(const struct settings_sources *sources, struct settings *ret_settings)
{
    struct settings settings;
    int rc = settings_load_paths(sources, &settings);

    if (rc < 0) {
        return rc;
    }
    rc = settings_load_policy(&settings);
    if (rc < 0) {
        settings_done(&settings);
        return rc;
    }
    *ret_settings = settings;
    return 0;
}

void settings_done(struct settings *settings)
{
    policy_destroy(settings->policy);
    config_done(&settings->config);
    free(settings->db);
    free(settings->control);
    *settings = (struct settings){0};
}
