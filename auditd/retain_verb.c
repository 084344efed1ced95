#include "auditd/retain_verb.h"

#include "auditd/control.h"
#include "auditd/protocol.h"
#include "auditd/settings.h"
#include "auditd/store/retention.h"
#include "auditd/store/room.h"
#include "auditd/upkeep.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum retain_key { KEY_CONFIG = 0x100, KEY_DB, KEY_DRY_RUN, KEY_COMPACT };

enum { RETAIN_GIVE_PAGES = 4096 };

struct retain_command {
    const char *config;
    const char *db;
    bool dry_run;
    bool compact;
};

static void retain_say(const struct retention *retention, bool dry_run)
{
    char before[WALL_TEXT_SIZE];

    for (int i = 0; i < RETENTION_KINDS; i++) {
        const char *name = retention_name((enum retention_kind)i);
        if (retention->before_ms[i] == 0) {
            printf("%-13s %10d kept for ever\n", name, 0);
            continue;
        }
        printf("%-13s %10" PRId64 " %s, from before %s\n", name, retention->gone[i], dry_run ? "would go" : "went",
               wall_format(retention->before_ms[i], before));
    }
}

static int retain_open(const struct retain_command *command, const char *db, struct store **ret_store)
{
    struct store_options options = store_options_default();
    struct store_error error;
    int rc;

    options.create = false;
    rc = command->dry_run ? store_open_read_only(db, ret_store, &error) : store_open(db, &options, ret_store, &error);
    if (rc < 0) {
        log_error("%s", error.text);
    }
    return rc;
}

/* A file that is written anew is written beside the old one first, where there is room for it: SQLite's own choice
 * would be /var/tmp. Read when SQLite starts. */
static int retain_write_beside(const char *db)
{
    char folder[PATH_MAX];
    char *slash;

    snprintf(folder, sizeof(folder), "%s", db);
    slash = strrchr(folder, '/');
    if (slash == NULL) {
        return setenv("SQLITE_TMPDIR", ".", 1);
    }
    slash[slash == folder ? 1 : 0] = '\0';
    return setenv("SQLITE_TMPDIR", folder, 1);
}

/* The room that is free now goes back to the disk. */
static int retain_give(const struct retain_command *command, struct store *store, struct room *ret_after)
{
    int rc = command->compact ? room_compact(store) : 0;

    rc = rc == 0 ? room_look(store, ret_after) : rc;
    while (rc == 0 && ret_after->gives_back && ret_after->free_pages > 0) {
        rc = room_give(store, RETAIN_GIVE_PAGES);
        rc = rc == 0 ? room_look(store, ret_after) : rc;
    }
    return rc == 0 ? room_settle(store) : rc;
}

/* Of a file that cannot give room back this says how it could. */
static int retain_record(struct store *store, const char *db, const struct retention *retention,
                         const struct room *before, const struct room *after)
{
    int64_t before_kib = before->pages * before->page_bytes / 1024;
    int64_t after_kib = after->pages * after->page_bytes / 1024;
    char actor[96];
    char room[96];
    bool is_idle = before_kib == after_kib;

    for (int i = 0; i < RETENTION_KINDS; i++) {
        is_idle = is_idle && retention->gone[i] == 0;
    }
    snprintf(room, sizeof(room), "the database has %" PRId64 " KiB, %" PRId64 " before", after_kib, before_kib);
    log_notice("%s: %s", db, room);
    if (!after->gives_back && after->free_pages > 0) {
        log_notice("%" PRId64 " KiB of it are empty and are used again. The file was made by an earlier version: "
                   "leastport retain --compact makes it smaller, and able to become so by itself from then on",
                   after->free_pages * after->page_bytes / 1024);
    }
    control_name_user(getuid(), getpid(), actor, sizeof(actor));
    return is_idle ? 0 : upkeep_record(store, actor, retention, room);
}

static int retain_all(const struct retain_command *command, struct store *store, struct retention *retention)
{
    int rc;

    do {
        rc = retention_step(store, command->dry_run, retention);
    } while (rc == 1);
    if (rc < 0) {
        log_error("not all was looked at: %s", store_last_error(store)->text);
    }
    return rc;
}

static int retain_run(const struct retain_command *command, const struct settings *settings)
{
    struct retention retention = {0};
    struct room before = {0};
    struct room after = {0};
    struct store *store = NULL;
    int rc;

    if (command->compact && retain_write_beside(settings->db) < 0) {
        log_error("cannot begin: out of memory");
        return -ENOMEM;
    }
    rc = retain_open(command, settings->db, &store);
    if (rc < 0) {
        return rc;
    }
    keeping_before(&settings->config, wall_now_ms(), retention.before_ms);
    rc = room_look(store, &before);
    rc = rc == 0 ? retain_all(command, store, &retention) : rc;
    retain_say(&retention, command->dry_run);
    if (rc == 0 && !command->dry_run) {
        rc = retain_give(command, store, &after);
        rc = rc == 0 ? retain_record(store, settings->db, &retention, &before, &after) : rc;
        if (rc < 0) {
            log_error("what is old went; its room is not given back: %s", store_last_error(store)->text);
        }
    }
    store_close(store);
    return rc;
}

static error_t retain_option(int key, char *arg, struct argp_state *state)
{
    struct retain_command *command = state->input;

    switch (key) {
    case KEY_CONFIG:
        command->config = arg;
        return 0;
    case KEY_DB:
        command->db = arg;
        return 0;
    case KEY_DRY_RUN:
        command->dry_run = true;
        return 0;
    case KEY_COMPACT:
        command->compact = true;
        return 0;
    case ARGP_KEY_END:
        if (command->dry_run && command->compact) {
            argp_error(state, "--dry-run changes nothing, and --compact writes the file anew: choose one");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int retain_verb_main(int argc, char **argv)
{
    const struct argp_option table[] = {
        {"dry-run", KEY_DRY_RUN, NULL, 0, "Only count what would go, beside a running daemon too", 0},
        {"compact", KEY_COMPACT, NULL, 0, "Write the file anew, too, without empty room: needs as much again on disk",
         0},
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML): `retention` has the ages", 0},
        {"db", KEY_DB, "FILE", 0, "The database; else the configuration's, else the default one", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = retain_option,
        .doc = "Deletes the history of what is over and old: ended intervals, events of findings that are not open, "
               "former scores, certificates that nobody shows, delivered alerts, plans of scans, the audit log. Open, "
               "acknowledged and waived findings keep all of theirs. A daemon does this by itself; this is for a "
               "database without one.\v"
               "Exit status: 0, or 2 for error or misuse.",
    };
    struct retain_command command = {0};
    struct settings settings;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &command);
    if (settings_load_paths(&(struct settings_sources){.config = command.config, .db = command.db}, &settings) < 0) {
        return AUDIT_EXIT_ERROR;
    }
    rc = retain_run(&command, &settings);
    settings_done(&settings);
    return rc < 0 || fflush(stdout) != 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}
