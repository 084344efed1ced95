/* The configuration's schedules: what is scanned when. Knows the document; cron.h what its expressions mean. */
#ifndef LEASTPORT_AUDITD_CONFIG_SCHEDULES_H
#define LEASTPORT_AUDITD_CONFIG_SCHEDULES_H

#include "auditd/config/validate.h"
#include "auditd/schedule/blackout.h"
#include "auditd/schedule/cron.h"

struct config;

enum { CONFIG_SCHEDULES_MAX = 1000, CONFIG_BLACKOUTS_MAX = 100 };

struct config_list {
    char **items;
    size_t count;
};

/* NULL, or an empty list: what the configuration says for all. */
struct config_schedule {
    char *name;
    char *cron_text;
    struct cron cron;
    struct zone *zone;
    char *inventory; /* NULL: targets are named */
    struct config_list targets;
    struct config_list exclude;
    char *ports;
    char *realm;
    char *vantage;
    char *probe; /* NULL: the configuration's */
    int64_t jitter_ms;
    int64_t deadline_ms; /* after it was due; 0: none */
    bool catches_up;     /* after a time without a daemon: run once; else leave it out */
    struct blackout *blackouts;
    size_t blackout_count;
};

extern const struct validate_schema schedules_schema;

/* Reads the validated list `node` into `config`. -EBADMSG when an error was added to *problems, -ENOMEM; what was read
 * is in `config` in each case, to be freed by schedules_done(). `config->targets` has been set. */
MUST_USE int schedules_read(const struct yaml_node *node, struct config *config, struct problems *problems);
void schedules_done(struct config_schedule *schedules, size_t count);

/* NULL when there is none of that name. */
const struct config_schedule *schedules_find(const struct config *config, const char *name);

/* ---- what other parts of the configuration have too ---- */

extern const struct validate_schema schedule_cron;
extern const struct validate_schema schedule_zone;
extern const struct validate_schema blackouts_schema;

/* Windows of time; `list` NULL: none. -EBADMSG with an error in *problems, -ENOMEM; the caller frees *windows in each
 * case. */
MUST_USE int blackouts_read(const struct yaml_node *list, const struct zone *zone, struct problems *problems,
                            struct blackout **windows, size_t *count);

/* ---- what config.c reads alike ---- */

void config_list_done(struct config_list *list);
MUST_USE int config_read_text(const struct yaml_node *node, const char *key, char **text);
MUST_USE int config_read_list(const struct yaml_node *node, const char *key, struct config_list *list);
MUST_USE int config_read_duration(const struct yaml_node *node, const char *key, int64_t *ms);
MUST_USE int config_read_ports(const struct yaml_node *node, char **ports);

#endif
