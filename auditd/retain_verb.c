#include "auditd/retain_verb.h"

#include "auditd/protocol.h"
#include "auditd/settings.h"
#include "auditd/store/retention.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum retain_key { KEY_CONFIG = 0x100, KEY_DB, KEY_DRY_RUN };

struct retain_command {
    const char *config;
    const char *db;
    bool dry_run;
};

/* A line that was told is remembered for as long as a rule may ask whether it was. */
static int64_t retain_alerts_ms(const struct config *config)
{
    int64_t longest_ms = config->retention_ms[RETENTION_ALERTS];

    for (size_t i = 0; i < config->alerts.rule_count; i++) {
        if (config->alerts.rules[i].dedup_ms > longest_ms) {
            longest_ms = config->alerts.rules[i].dedup_ms;
        }
    }
    return longest_ms;
}

static void retain_say(const struct retention *retention, bool dry_run)
{
    char before[WALL_TEXT_SIZE];

    for (int i = 0; i < RETENTION_KINDS; i++) {
        printf("%-13s %10" PRId64 " %s, from before %s\n", retention_name((enum retention_kind)i), retention->gone[i],
               dry_run ? "would go" : "went", wall_format(retention->before_ms[i], before));
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

static int retain_run(const struct retain_command *command, const struct settings *settings)
{
    struct retention retention = {0};
    int64_t now_ms = wall_now_ms();
    struct store *store = NULL;
    int rc = retain_open(command, settings->db, &store);

    if (rc < 0) {
        return rc;
    }
    for (int i = 0; i < RETENTION_KINDS; i++) {
        retention.before_ms[i] = now_ms - settings->config.retention_ms[i];
    }
    retention.before_ms[RETENTION_ALERTS] = now_ms - retain_alerts_ms(&settings->config);
    do {
        rc = retention_step(store, command->dry_run, &retention);
    } while (rc == 1);
    if (rc < 0) {
        log_error("not all was looked at: %s", store_last_error(store)->text);
    }
    store_close(store);
    retain_say(&retention, command->dry_run);
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
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int retain_verb_main(int argc, char **argv)
{
    const struct argp_option table[] = {
        {"dry-run", KEY_DRY_RUN, NULL, 0, "Only count what would go, beside a running daemon too", 0},
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML): `retention` has the ages", 0},
        {"db", KEY_DB, "FILE", 0, "The database; else the configuration's, else the default one", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = retain_option,
        .doc = "Deletes the history of what is over and old: ended intervals, events of findings that are not open, "
               "former scores, certificates that nobody shows, delivered alerts, plans of scans. Open, acknowledged "
               "and waived findings keep all of theirs.\v"
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
