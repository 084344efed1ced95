/* What a run of auditd works by: the configuration with the command line over it, the policy, the paths. */
#ifndef LEASTPORT_AUDITD_SETTINGS_H
#define LEASTPORT_AUDITD_SETTINGS_H

#include "auditd/config/config.h"
#include "auditd/policy/policy.h"

struct settings {
    struct config config;
    struct policy *policy;
    char *db;           /* absolute */
    bool db_is_default; /* nobody named it */
    char *control;      /* the control socket's path */
};

/* What the command line says; NULL: nothing. */
struct settings_sources {
    const char *config;
    const char *db;
    const char *policy;
    const char *listen;
};

/* Reads configuration and policy; what is wrong with them is printed to stderr, with line and column. -errno; the
 * caller ends it with settings_done() otherwise. */
MUST_USE int settings_load(const struct settings_sources *sources, struct settings *ret_settings);

/* The same without the policy, for who only looks at a database: `policy` stays NULL. */
MUST_USE int settings_load_paths(const struct settings_sources *sources, struct settings *ret_settings);
void settings_done(struct settings *settings);

#endif
