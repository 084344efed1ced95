#include "auditd/backup_verb.h"

#include "auditd/protocol.h"
#include "auditd/settings.h"
#include "auditd/store/backup.h"
#include "lib/log.h"

#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>

enum backup_key { KEY_CONFIG = 0x100, KEY_DB };

struct backup_command {
    const char *config;
    const char *db;
    const char *file;
};

static error_t backup_option(int key, char *arg, struct argp_state *state)
{
    struct backup_command *command = state->input;

    switch (key) {
    case KEY_CONFIG:
        command->config = arg;
        return 0;
    case KEY_DB:
        command->db = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0 || arg[0] == '\0') {
            argp_error(state, "takes one file");
        }
        command->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (command->file == NULL) {
            argp_error(state, "which file?");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option backup_rows[] = {
    {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0},
    {"db", KEY_DB, "FILE", 0, "The database; else the configuration's, else the default one", 0},
    {0},
};

/* Which file and which database. */
static int backup_begin(const struct argp *argp, int argc, char **argv, struct backup_command *ret_command,
                        struct settings *ret_settings)
{
    *ret_command = (struct backup_command){0};
    argp_parse(argp, argc, argv, 0, NULL, ret_command);
    return settings_load_paths(&(struct settings_sources){.config = ret_command->config, .db = ret_command->db},
                               ret_settings);
}

int backup_verb_main(int argc, char **argv)
{
    static const struct argp argp = {
        .options = backup_rows,
        .parser = backup_option,
        .args_doc = "FILE",
        .doc = "Copies the database to FILE, as it is at this moment, also while a daemon or an audit writes it. The "
               "copy is looked through before it takes its name; a FILE that is there already stays until then.\v"
               "Exit status: 0, or 2 for error or misuse.",
    };
    struct backup_command command;
    struct settings settings;
    struct store_error error;
    int64_t bytes;
    int rc;

    if (backup_begin(&argp, argc, argv, &command, &settings) < 0) {
        return AUDIT_EXIT_ERROR;
    }
    rc = store_backup_take(settings.db, command.file, &bytes, &error);
    if (rc < 0) {
        log_error("no backup was made: %s", error.text);
    } else {
        log_notice("%s holds %s: %" PRId64 " KiB, looked through", command.file, settings.db, (bytes + 1023) / 1024);
    }
    settings_done(&settings);
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}

int restore_verb_main(int argc, char **argv)
{
    static const struct argp argp = {
        .options = backup_rows,
        .parser = backup_option,
        .args_doc = "FILE",
        .doc = "Brings back what `leastport backup` wrote to FILE, also in place of a damaged database, and up to this "
               "version. What was there is kept beside it. The daemon must not run.\v"
               "Exit status: 0, or 2 for error or misuse; then the database is as it was.",
    };
    char kept[BACKUP_NAME_SIZE] = "";
    struct backup_command command;
    struct settings settings;
    struct store_error error;
    int rc;

    if (backup_begin(&argp, argc, argv, &command, &settings) < 0) {
        return AUDIT_EXIT_ERROR;
    }
    rc = store_backup_restore(command.file, settings.db, kept, &error);
    if (rc < 0) {
        log_error("%s was not brought back: %s", command.file, error.text);
    } else {
        log_notice("%s is what %s holds", settings.db, command.file);
    }
    if (kept[0] != '\0') {
        log_notice("what was there before is kept as %s", kept);
    }
    settings_done(&settings);
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}
