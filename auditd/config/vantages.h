/* The configuration's vantages beside its own: other places that it scans from. Knows the document. */
#ifndef LEASTPORT_AUDITD_CONFIG_VANTAGES_H
#define LEASTPORT_AUDITD_CONFIG_VANTAGES_H

#include "auditd/config/schedules.h"
#include "auditd/policy/judge.h"

struct config;

enum { CONFIG_VANTAGES_MAX = 100, CONFIG_RUN_WORDS_MAX = 64 };

struct config_vantage {
    char *name;
    bool has_class;
    enum vantage_class vantage_class; /* declared; else worked out for each target */
    char *realm;                      /* in which it stands; NULL: the configuration's */
    struct config_list addresses;     /* of the machine that scans */
    struct host_tag *tags;
    size_t tag_count;
    /* The command that starts the scanner there; what we have to say to it follows. Empty: the scanner beside us. */
    struct config_list run;
};

extern const struct validate_schema vantages_schema;

/* As schedules_read() (config/schedules.h). */
MUST_USE int vantages_read(const struct yaml_node *node, struct config *config, struct problems *problems);
void vantages_done(struct config_vantage *vantages, size_t count);

/* The configuration's own or one of these, borrowed from `config`. -ENOENT: nothing is said of one of that name. */
MUST_USE int vantages_find(const struct config *config, const char *name, struct config_vantage *ret_vantage);

#endif
