#include "auditd/import_aws_verb.h"

#include "auditd/ask.h"
#include "auditd/cloud/folder.h"
#include "auditd/cloud/snapshot.h"
#include "auditd/cloud_entry.h"
#include "auditd/desk.h"
#include "auditd/ingest/field.h"
#include "auditd/judging.h"
#include "auditd/protocol.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A large snapshot is stored and judged within the first. A piece stays below a request's ceiling, also when each of
 * its bytes is escaped. */
enum { AWS_PATIENCE_S = 600, AWS_PIECE_BYTES = CONTROL_LINE_MAX_BYTES / 2 - 1024, AWS_NAME_MAX = 64 };

struct import_aws {
    const char *folder;
    const char *inventory;
    const char *config;
    const char *db;
    const char *policy;
    bool confirm;
    struct settings settings;
    struct aws *aws;
    struct cloud_entered entered;
};

/* ---- here ---- */

static int enter_here(struct import_aws *import)
{
    char reason[CLOUD_REASON_SIZE] = "";
    struct store_error error;
    struct desk desk;
    struct cloud_entry entry = {
        .name = import->inventory, .actor = "import", .is_confirmed = import->confirm, .now_ms = wall_now_ms()};
    int rc = desk_open(&import->settings, &desk, &error);

    if (rc < 0) {
        log_error("%s is not imported: %s", import->folder, error.text);
        return rc;
    }
    entry.store = desk.store;
    rc = cloud_entry_run(&entry, import->aws, &import->entered, reason);
    if (rc < 0) {
        log_error("%s is not imported: %s", import->folder, reason);
    } else if (cloud_entered_matters(&import->entered)) {
        const struct judging judging = {.store = desk.store,
                                        .config = &import->settings.config,
                                        .policy = import->settings.policy,
                                        .policy_id = desk.policy_id};
        rc = judging_hosts(&judging);
        if (rc < 0) {
            log_error("%s is imported, but cannot be judged now: %s", import->folder,
                      store_last_error(desk.store)->text);
        }
    }
    desk_close(&desk);
    return rc;
}

/* ---- the daemon ---- */

/* Takes `request`. */
static int tell(const struct import_aws *import, struct ask *ask, json_t *request, json_t **ret_answer)
{
    json_t *answer = NULL;
    const char *error;
    int rc = ask_tell(ask, request, &answer);

    if (rc < 0) {
        log_error("%s is not imported: %s", import->folder,
                  rc == -ENOMEM ? "out of memory" : "the daemon went away, or does not answer");
        return rc;
    }
    if (!json_is_true(json_object_get(answer, "ok"))) {
        error = json_string_value(json_object_get(answer, "error"));
        log_error("%s is not imported: %s", import->folder,
                  error == NULL ? "the daemon refused it and did not say why" : error);
        json_decref(answer);
        return -EPROTO;
    }
    if (ret_answer != NULL) {
        *ret_answer = answer;
    } else {
        json_decref(answer);
    }
    return 0;
}

static int send_text(const struct import_aws *import, struct ask *ask, const char *text)
{
    size_t size = strlen(text);
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < size; at += AWS_PIECE_BYTES) {
        size_t length = size - at < AWS_PIECE_BYTES ? size - at : AWS_PIECE_BYTES;
        rc = tell(import, ask,
                  json_pack("{s:s, s:s, s:s%}", "op", CONTROL_OP_IMPORT, "do", CONTROL_IMPORT_LINES, "text", text + at,
                            length),
                  NULL);
    }
    return rc;
}

static int enter_daemon(struct import_aws *import, struct ask *ask)
{
    json_t *snapshot = cloud_snapshot_of(import->aws);
    /* ASCII: a piece may end anywhere. */
    char *text = snapshot == NULL ? NULL : json_dumps(snapshot, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_t *answer = NULL;
    int rc = text == NULL ? -ENOMEM : 0;

    json_decref(snapshot);
    if (rc < 0) {
        log_error("out of memory");
    }
    rc = rc < 0 ? rc
                : tell(import, ask,
                       json_pack("{s:s, s:s, s:s, s:b}", "op", CONTROL_OP_IMPORT, "do", CONTROL_IMPORT_CLOUD,
                                 "inventory", import->inventory, "confirm", import->confirm),
                       NULL);
    rc = rc < 0 ? rc : send_text(import, ask, text);
    rc = rc < 0
             ? rc
             : tell(import, ask, json_pack("{s:s, s:s}", "op", CONTROL_OP_IMPORT, "do", CONTROL_IMPORT_STORE), &answer);
    if (rc == 0) {
        cloud_entered_read(answer, &import->entered);
    }
    json_decref(answer);
    free(text);
    return rc;
}

/* Beside a daemon the database is its own, and so is the policy. */
static int enter(struct import_aws *import)
{
    struct ask *ask = NULL;
    int rc = ask_open(import->settings.control, AWS_PATIENCE_S, &ask);

    if (rc == -ENOENT || rc == -ECONNREFUSED || rc == -ENAMETOOLONG || rc == -ENOTDIR) {
        return enter_here(import);
    }
    if (rc < 0) {
        log_error("the daemon at %s: %s", import->settings.control, strerror(-rc));
        return rc;
    }
    if (import->policy != NULL || import->config != NULL) {
        log_error("--policy and --config are the daemon's to set while it runs: leave them out, or end the daemon "
                  "first");
        rc = -EINVAL;
    }
    rc = rc == 0 ? enter_daemon(import, ask) : rc;
    ask_close(ask);
    return rc;
}

/* ---- the verb ---- */

/* What is wrong with the folder is said with its files' names, before anything is stored. */
static int take_folder(struct import_aws *import)
{
    struct reach_model model;
    struct aws_fault fault = {""};
    int rc;

    import->aws = aws_create();
    rc = import->aws == NULL ? -ENOMEM : cloud_folder_take(import->aws, import->folder);
    if (rc < 0) {
        return rc;
    }
    rc = aws_model(import->aws, &model, &fault);
    reach_model_done(&model);
    if (rc < 0) {
        log_error("%s. Nothing was imported.", fault.text[0] != '\0' ? fault.text : "out of memory");
    }
    return rc;
}

static int import_aws_run(struct import_aws *import)
{
    const struct settings_sources sources = {.config = import->config, .db = import->db, .policy = import->policy};
    int rc = settings_load(&sources, &import->settings);

    if (rc < 0) {
        return AUDIT_EXIT_ERROR;
    }
    rc = take_folder(import);
    rc = rc == 0 ? enter(import) : rc;
    if (rc == 0) {
        cloud_entry_say(import->inventory, &import->entered);
        log_notice("imported %zu records of the cloud %s", import->entered.records.records, import->inventory);
    }
    aws_destroy(import->aws);
    settings_done(&import->settings);
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}

enum { KEY_CONFIG = 0x200, KEY_DB, KEY_POLICY, KEY_INVENTORY, KEY_CONFIRM };

static void check_name(const struct argp_state *state, const char *name)
{
    if (name[0] == '\0' || strlen(name) > AWS_NAME_MAX || strchr(name, '/') != NULL || !field_is_printable(name)) {
        argp_error(state, "--inventory \"%s\" is no name of 1 to %d bytes without /", name, AWS_NAME_MAX);
    }
}

static void take_argument(const struct argp_state *state, char *arg, struct import_aws *import)
{
    if (state->arg_num == 0) {
        return; /* "aws" */
    }
    if (import->folder != NULL) {
        argp_error(state, "one folder at a time: \"%s\" is one too many", arg);
    }
    import->folder = arg;
}

static error_t import_aws_one(int key, char *arg, struct argp_state *state)
{
    struct import_aws *import = state->input;

    switch (key) {
    case KEY_CONFIG:
        import->config = arg;
        return 0;
    case KEY_DB:
        import->db = arg;
        return 0;
    case KEY_POLICY:
        import->policy = arg;
        return 0;
    case KEY_INVENTORY:
        check_name(state, arg);
        import->inventory = arg;
        return 0;
    case KEY_CONFIRM:
        import->confirm = true;
        return 0;
    case ARGP_KEY_ARG:
        take_argument(state, arg, import);
        return 0;
    case ARGP_KEY_END:
        if (import->folder == NULL) {
            argp_error(state, "which FOLDER? docs/reachability.md has the commands that fill one");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int import_aws_verb_main(int argc, char **argv)
{
    const struct argp_option table[] = {
        {"inventory", KEY_INVENTORY, "NAME", 0, "What the account is called here (aws)", 0},
        {"confirm", KEY_CONFIRM, NULL, 0, "What is no longer in it is gone, however much that is", 0},
        {"policy", KEY_POLICY, "FILE", 0, "Judge by this policy, not the baseline alone", 0},
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0},
        {"db", KEY_DB, "FILE", 0, "The database, as of audit", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = import_aws_one,
        .args_doc = "aws FOLDER",
        .doc =
            "Stores what an AWS account declares, from files as `aws ... describe-* --output json` prints them: rules "
            "with their history, hosts in a realm for each VPC.\v"
            "`leastport reach` without --aws asks what is stored. Exit status: 0, or 2 when the folder is refused, "
            "for error or misuse.",
    };
    struct import_aws import = {.inventory = "aws"};

    argp_parse(&argp, argc, argv, 0, NULL, &import);
    return import_aws_run(&import);
}
