#include "auditd/check_verb.h"

#include "auditd/protocol.h"
#include "auditd/report/typeset.h"
#include "auditd/settings.h"
#include "auditd/soundness.h"
#include "lib/log.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beside what protocol.h has for audits: a flaw is this verb's finding. */
enum { CHECK_EXIT_WHOLE = 0, CHECK_EXIT_FLAWED = 1 };

enum check_key { KEY_CONFIG = 0x100, KEY_DB, KEY_JSON, KEY_LIST };

struct check_command {
    const char *config;
    const char *db;
    bool json;
    bool list;
};

struct checking {
    const struct check_command *command;
    size_t flaws;
    bool damaged;
};

static void check_on_flaw(void *context, const struct soundness_flaw *flaw)
{
    struct checking *checking = context;
    char where[SOUNDNESS_WHERE_SIZE * 4];
    json_t *line;

    checking->flaws++;
    checking->damaged = checking->damaged || strcmp(flaw->name, soundness_name(0)) == 0;
    typeset_escape(flaw->where, where, sizeof(where));
    if (!checking->command->json) {
        printf("%s: it does not hold that %s: %" PRId64 " time%s, first %s\n", flaw->name, flaw->holds, flaw->count,
               flaw->count == 1 ? "" : "s", where);
        return;
    }
    line = json_pack("{s:s, s:s, s:s, s:I, s:s}", "type", "flaw", "name", flaw->name, "holds", flaw->holds, "count",
                     (json_int_t)flaw->count, "first", where);
    if (line != NULL && json_dumpf(line, stdout, JSON_COMPACT) == 0) {
        putchar('\n');
    }
    json_decref(line);
}

static void check_advise(const struct checking *checking, const char *db)
{
    if (checking->damaged) {
        log_error("the file %s is damaged. Stop the daemon, keep a copy of it with its -wal and -shm, and bring back a "
                  "backup: leastport restore BACKUP --db %s",
                  db, db);
    } else {
        log_error("%s can be read, but what it says about the rows above cannot be relied upon. Keep a copy (leastport "
                  "backup FILE), bring back an older backup if there is one, and report this as a bug",
                  db);
    }
}

static size_t check_count(void)
{
    size_t count = 0;

    while (soundness_name(count) != NULL) {
        count++;
    }
    return count;
}

static bool check_is_damage(const struct store_error *error)
{
    return error->fault == STORE_FAULT_CORRUPT || error->fault == STORE_FAULT_NOT_DATABASE;
}

static int check_look(struct checking *checking, struct store *store, const char *db)
{
    int rc = soundness_look(store, check_on_flaw, checking);

    if (rc < 0) {
        log_error("%s", store_last_error(store)->text);
        checking->damaged = check_is_damage(store_last_error(store));
        if (!checking->damaged) {
            return AUDIT_EXIT_ERROR;
        }
    }
    if (checking->flaws > 0 || checking->damaged) {
        check_advise(checking, db);
        return CHECK_EXIT_FLAWED;
    }
    if (checking->command->json) {
        printf("{\"type\":\"whole\",\"looked_at\":%zu}\n", check_count());
    } else {
        printf("%s is whole: %zu things were looked at\n", db, check_count());
    }
    return CHECK_EXIT_WHOLE;
}

static int check_database(const struct check_command *command, const char *db)
{
    struct checking checking = {.command = command};
    struct store_error error = {0};
    struct store *store;
    int status;

    if (store_open_read_only(db, &store, &error) < 0) {
        log_error("%s", error.text);
        if (error.fault == STORE_FAULT_NOT_DATABASE) {
            log_error(
                "If it was one, something wrote over its beginning: keep a copy, and bring back a backup by leastport "
                "restore BACKUP --db %s. Else --db names the wrong file",
                db);
            return CHECK_EXIT_FLAWED;
        }
        checking.damaged = check_is_damage(&error);
        if (!checking.damaged) {
            return AUDIT_EXIT_ERROR;
        }
        check_advise(&checking, db);
        return CHECK_EXIT_FLAWED;
    }
    status = check_look(&checking, store, db);
    store_close(store);
    return fflush(stdout) == 0 ? status : AUDIT_EXIT_ERROR;
}

static error_t check_option(int key, char *arg, struct argp_state *state)
{
    struct check_command *command = state->input;

    switch (key) {
    case KEY_CONFIG:
        command->config = arg;
        return 0;
    case KEY_DB:
        command->db = arg;
        return 0;
    case KEY_JSON:
        command->json = true;
        return 0;
    case KEY_LIST:
        command->list = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int check_verb_main(int argc, char **argv)
{
    const struct argp_option table[] = {
        {"list", KEY_LIST, NULL, 0, "Name what is looked at, and look at nothing", 0},
        {"json", KEY_JSON, NULL, 0, "A JSON object for each flaw, one a line", 0},
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0},
        {"db", KEY_DB, "FILE", 0, "The database; else the configuration's, else the default one", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = check_option,
        .doc = "Looks whether the database is whole: the file itself, references between rows, and what must hold of "
               "findings, waivers, policies and scans. Changes nothing; a daemon may go on beside it.\v"
               "Exit status: 0 whole, 1 flaws or damage, 2 it could not be looked at, or misuse.",
    };
    struct check_command command = {0};
    struct settings settings;
    int status;

    argp_parse(&argp, argc, argv, 0, NULL, &command);
    for (size_t i = 0; command.list && soundness_name(i) != NULL; i++) {
        printf("%-19s %s\n", soundness_name(i), soundness_holds(i));
    }
    if (command.list) {
        return fflush(stdout) == 0 ? EXIT_SUCCESS : AUDIT_EXIT_ERROR;
    }
    if (settings_load_paths(&(struct settings_sources){.config = command.config, .db = command.db}, &settings) < 0) {
        return AUDIT_EXIT_ERROR;
    }
    status = check_database(&command, settings.db);
    settings_done(&settings);
    return status;
}
