/* leastport-auditd VERB ARGS: hands each verb to its module. */
#include "auditd/alert_verb.h"
#include "auditd/audit.h"
#include "auditd/aws_verb.h"
#include "auditd/backup_verb.h"
#include "auditd/changes_verb.h"
#include "auditd/check_verb.h"
#include "auditd/child.h"
#include "auditd/disposition_verb.h"
#include "auditd/export_verb.h"
#include "auditd/import_aws_verb.h"
#include "auditd/import_verb.h"
#include "auditd/inventory_verb.h"
#include "auditd/keyring.h"
#include "auditd/outputs.h"
#include "auditd/policy_verb.h"
#include "auditd/protocol.h"
#include "auditd/reach_verb.h"
#include "auditd/retain_verb.h"
#include "auditd/schedule_verb.h"
#include "auditd/score_verb.h"
#include "auditd/serve.h"
#include "auditd/settings.h"
#include "auditd/token_verb.h"
#include "lib/log.h"
#include "lib/stdfds.h"

#include <argp.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int main_audit(int argc, char **argv)
{
    struct audit_options options;
    struct keyring *keyring;
    int status;

    /* What it starts needs no keys of AWS. */
    if (keyring_take(&keyring) == 0) {
        keyring_destroy(keyring);
    }
    options_parse_audit(argc, argv, &options);
    status = audit_run(&options);
    options_list_done(&options.targets);
    options_list_done(&options.exclude);
    options_list_done(&options.scope);
    options_list_done(&options.new_tenants);
    return status;
}

static int main_serve(int argc, char **argv)
{
    struct serve_options options;

    options_parse_serve(argc, argv, &options);
    return serve_run(&options);
}

static int main_report(int argc, char **argv)
{
    struct report_command command;
    struct settings settings;
    int rc;

    options_parse_report(argc, argv, &command);
    rc = settings_load_paths(&(struct settings_sources){.config = command.config, .db = command.db}, &settings);
    if (rc == 0) {
        rc = outputs_write(settings.db, &command.output, command.explain);
        settings_done(&settings);
    }
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}

static int main_export(int argc, char **argv)
{
    struct export_command command;
    int status;

    options_parse_export(argc, argv, &command);
    status = export_verb_run(&command);
    options_export_done(&command);
    return status;
}

static int main_import(int argc, char **argv)
{
    struct import_command command;
    int status;

    if (argc > 1 && strcmp(argv[1], "aws") == 0) {
        return import_aws_verb_main(argc, argv);
    }
    options_parse_import(argc, argv, &command);
    status = import_verb_run(&command);
    options_list_done(&command.scope);
    return status;
}

static int main_policy(int argc, char **argv)
{
    struct policy_command command;

    options_parse_policy(argc, argv, &command);
    return policy_verb_run(&command);
}

static int main_inventory(int argc, char **argv)
{
    struct inventory_command command;

    options_parse_inventory(argc, argv, &command);
    return inventory_verb_run(&command);
}

static int main_token(int argc, char **argv)
{
    struct token_command command;
    int status;

    options_parse_token(argc, argv, &command);
    status = token_verb_run(&command);
    options_token_done(&command);
    return status;
}

static int main_schedule(int argc, char **argv)
{
    struct schedule_command command;

    options_parse_schedule(argc, argv, &command);
    return schedule_verb_run(&command);
}

static int main_disposition(int argc, char **argv, enum disposition_verb verb)
{
    struct disposition_command command;
    int status;

    options_parse_disposition(argc, argv, verb, &command);
    status = disposition_verb_run(&command);
    options_disposition_done(&command);
    return status;
}

static int main_acknowledge(int argc, char **argv)
{
    return main_disposition(argc, argv, VERB_ACKNOWLEDGE);
}

static int main_unacknowledge(int argc, char **argv)
{
    return main_disposition(argc, argv, VERB_UNACKNOWLEDGE);
}

static int main_waive(int argc, char **argv)
{
    return main_disposition(argc, argv, VERB_WAIVE);
}

static int main_unwaive(int argc, char **argv)
{
    return main_disposition(argc, argv, VERB_UNWAIVE);
}

static int main_adopt(int argc, char **argv)
{
    return main_disposition(argc, argv, VERB_ADOPT);
}

static int main_changes(int argc, char **argv)
{
    struct changes_command command;

    options_parse_changes(argc, argv, &command);
    return changes_verb_run(&command);
}

static int main_alert(int argc, char **argv)
{
    struct alert_command command;

    options_parse_alert(argc, argv, &command);
    return alert_verb_run(&command);
}

static const struct {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} verbs[] = {
    {"audit", "sweep, store, judge and score", main_audit},
    {"serve", "run audits that are handed over, and the dashboard", main_serve},
    {"report", "print the newest state", main_report},
    {"export", "write the newest state for other tools", main_export},
    {"import", "store what another scanner saw", main_import},
    {"inventory", "show what inventories say, confirm a loss", main_inventory},
    {"score", "scores now and over time, with every term", score_verb_main},
    {"changes", "what opened, closed and changed between two scans or dates", main_changes},
    {"adopt", "take over what is open now, without alerts", main_adopt},
    {"acknowledge", "somebody knows of a finding and works on it", main_acknowledge},
    {"unacknowledge", "take that back", main_unacknowledge},
    {"waive", "accept a finding until a date, or list what is", main_waive},
    {"unwaive", "end a waiver", main_unwaive},
    {"schedule", "show what runs when, run it now, pause it", main_schedule},
    {"alert", "show alerts, try them again, drop them, send a test", main_alert},
    {"reach", "who reaches what, as the cloud declares it", reach_verb_main},
    {"aws", "read what an AWS account declares, or print the policy for it", aws_verb_main},
    {"token", "who gets in: make tokens, list and revoke them", main_token},
    {"policy", "check, test, explain, draft or apply a policy", main_policy},
    {"check", "look whether the database is whole", check_verb_main},
    {"backup", "copy the database while it is written", backup_verb_main},
    {"restore", "bring a backup back", restore_verb_main},
    {"retain", "delete the history of what is over", retain_verb_main},
};

static int main_help(FILE *stream, int status)
{
    fputs("Usage: " AUDITD_PROGRAM " VERB [ARGUMENT...]\n\nVerbs:\n", stream);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
        fprintf(stream, "  %-13s %s\n", verbs[i].name, verbs[i].summary);
    }
    fputs("\n`" AUDITD_PROGRAM " VERB --help` tells what a verb takes.\n", stream);
    return status;
}

/* What argp calls the program in help and errors: "leastport audit" when leastport handed over to us. */
static int main_run(size_t verb, int argc, char **argv)
{
    static char title[64];
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash == NULL ? argv[0] : slash + 1;

    if (strncmp(name, "leastport ", strlen("leastport ")) == 0) {
        snprintf(title, sizeof(title), "%.60s", name);
    } else {
        snprintf(title, sizeof(title), AUDITD_PROGRAM " %s", verbs[verb].name);
    }
    argv[1] = title;
    return verbs[verb].run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    argp_program_version = "leastport " LEASTPORT_VERSION;
    argp_err_exit_status = AUDIT_EXIT_ERROR;
    /* Without the note on short options the help fits a screen. */
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
    log_init("leastport", LOG_FORMAT_TEXT, LOG_LEVEL_NOTICE);
    if (stdfds_fill() < 0) {
        log_error("/dev/null cannot be opened in place of a standard descriptor that is closed");
        return AUDIT_EXIT_ERROR;
    }
    if (argc < 2) {
        return main_help(stderr, AUDIT_EXIT_ERROR);
    }
    if (strcmp(argv[1], CHILD_VERB) == 0) {
        return child_run(argc - 1, argv + 1);
    }
    /* A reader that goes away is an error of write() to us. Only now: a child would inherit it. */
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(argv[1], "--help") == 0) {
        return main_help(stdout, EXIT_SUCCESS);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts(AUDITD_PROGRAM " " LEASTPORT_VERSION);
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return main_run(i, argc, argv);
        }
    }
    log_error("there is no verb \"%s\". `" AUDITD_PROGRAM " --help` lists the verbs.", argv[1]);
    return AUDIT_EXIT_ERROR;
}
