#include "auditd/export_verb.h"

#include "auditd/outputs.h"
#include "auditd/protocol.h"
#include "auditd/settings.h"

#include <stdlib.h>

/* All targets are open before the first is written: one that cannot be costs no work and leaves no other. */
static int export_verb_write(const struct export_command *command, const char *db)
{
    struct target *targets[OPTIONS_OUTPUTS_MAX] = {NULL};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < command->output_count; i++) {
        rc = target_open(command->outputs[i].path, &targets[i]);
    }
    for (size_t i = 0; rc == 0 && i < command->output_count; i++) {
        rc = outputs_print(db, &command->outputs[i], false, targets[i]);
    }
    for (size_t i = 0; i < command->output_count; i++) {
        if (rc == 0) {
            rc = target_commit(targets[i]);
        } else {
            target_abort(targets[i]);
        }
    }
    return rc;
}

int export_verb_run(const struct export_command *command)
{
    struct settings settings;
    int rc = settings_load_paths(&(struct settings_sources){.config = command->config, .db = command->db}, &settings);

    if (rc == 0) {
        rc = export_verb_write(command, settings.db);
        settings_done(&settings);
    }
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}
