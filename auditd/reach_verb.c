#include "auditd/reach_verb.h"

#include "auditd/cloud_open.h"
#include "auditd/protocol.h"
#include "auditd/reach/change.h"
#include "auditd/reach/flaw.h"
#include "auditd/reach_asking.h"
#include "auditd/reach_print.h"
#include "lib/log.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_AWS = 0x100,
    KEY_TO,
    KEY_FROM,
    KEY_ALL,
    KEY_FLAWS,
    KEY_WHAT_IF,
    KEY_JSON,
    KEY_CONFIG,
    KEY_DB,
    KEY_INVENTORY,
    KEY_AT
};

struct reach_command {
    const char *aws; /* NULL: what is stored */
    const char *config;
    const char *db;
    const char *inventory;
    const char *at;
    const char *to;
    const char *from;
    const char *what_if;
    bool all;
    bool flaws;
    bool json;
};

/* ---- reading ---- */

static int reach_open(const struct reach_command *command, const char *what_if, struct cloud *cloud)
{
    const struct cloud_source source = {
        .folder = command->aws,
        .stored = {.config = command->config, .db = command->db, .name = command->inventory, .at = command->at},
        .what_if = what_if,
    };

    return cloud_open(&source, cloud);
}

/* ---- asking ---- */

static int print_asked(void *context, const struct reach_goal *goal, const struct reach_row *row,
                       const struct reach_proof *proof)
{
    return reach_print_row(context, "reach", goal->from_text, row, proof);
}

static int print_rows(const struct reach_printer *printer, const char *type, const struct reach_goal *goal,
                      const struct reach_rows *rows)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < rows->count; i++) {
        rc = reach_asking_wants(goal, &rows->items[i]) ? reach_print_row(printer, type, "world", &rows->items[i], NULL)
                                                       : 0;
    }
    return rc;
}

/* ---- all ---- */

static int print_surface(const struct reach_printer *printer, struct cloud *cloud)
{
    const struct reach_goal all = {.to_count = 0};
    struct reach_surface *surface = NULL;
    int rc = reach_surface_create(cloud->engine, &surface);

    reach_print_heading(printer);
    for (uint32_t i = 0; rc == 0 && i < cloud->model.enis.count; i++) {
        rc = print_rows(printer, "reach", &all, reach_surface_direct(surface, i));
    }
    for (uint32_t i = 0; rc == 0 && i < cloud->model.balancers.count; i++) {
        rc = print_rows(printer, "reach", &all, reach_surface_through(surface, i));
    }
    reach_surface_destroy(surface);
    return rc;
}

/* ---- flaws ---- */

static int print_flaw(void *context, const struct reach_flaw *flaw)
{
    return reach_print_flaw(context, flaw);
}

static int print_flaws(const struct reach_printer *printer)
{
    const struct reach_model *model = printer->model;

    for (int kind = 0; kind < REACH_FLAW_KINDS; kind++) {
        if (!reach_flaw_is_known(model, (enum reach_flaw_kind)kind)) {
            log_warning("%s: not told, for what it depends on was not read to the end",
                        reach_flaw_name((enum reach_flaw_kind)kind));
        }
    }
    return reach_flaws(model, print_flaw, (void *)(uintptr_t)printer);
}

/* ---- what changes ---- */

struct change_print {
    const struct reach_printer *printer;
    const struct reach_goal *goal;
    struct reach_engine *before, *after;
};

/* The table has a line for each, and no room for why. */
static int print_changed(void *context, bool opens, const struct reach_row *row)
{
    const struct change_print *print = context;
    struct reach_proof proof;
    int rc = -ENOENT;

    if (!reach_asking_wants(print->goal, row)) {
        return 0;
    }
    if (print->printer->json) {
        rc = reach_change_prove(opens ? print->after : print->before, row, &proof);
    }
    return rc == -ENOMEM
               ? rc
               : reach_print_row(print->printer, opens ? "opens" : "closes", "world", row, rc == 0 ? &proof : NULL);
}

static int print_change(const struct reach_printer *printer, struct cloud *before, struct cloud *after,
                        const struct reach_goal *goal)
{
    struct change_print print = {printer, goal, before->engine, after->engine};
    struct reach_surface *old = NULL;
    struct reach_surface *new = NULL;
    int rc;

    if (!reach_change_is_of_rules(&before->model, &after->model)) {
        log_error("--what-if may change security groups and network ACLs only");
        return -EINVAL;
    }
    rc = reach_surface_create(before->engine, &old);
    rc = rc == 0 ? reach_surface_create(after->engine, &new) : rc;
    reach_print_heading(printer);
    if (rc == 0) {
        const struct reach_change_side sides[] = {{&before->model, old}, {&after->model, new}};
        rc = reach_change_tell(&sides[0], &sides[1], print_changed, &print);
    }
    reach_surface_destroy(old);
    reach_surface_destroy(new);
    return rc;
}

/* ---- the verb ---- */

static int reach_run(const struct reach_command *command)
{
    struct cloud cloud;
    struct cloud changed = {0};
    struct reach_goal goal = {.to_count = 0};
    char reason[REACH_GOAL_REASON_SIZE] = "";
    int rc = reach_open(command, NULL, &cloud);
    struct reach_printer printer = {.out = stdout, .model = &cloud.model, .json = command->json};

    if (rc == 0) {
        cloud_say_missing(&cloud);
        rc = command->to == NULL ? 0 : reach_goal_parse(&cloud.model, command->to, command->from, &goal, reason);
        if (rc < 0 && reason[0] != '\0') {
            log_error("%s", reason);
        }
    }
    if (rc == 0 && command->what_if != NULL) {
        rc = reach_open(command, command->what_if, &changed);
        rc = rc == 0 ? print_change(&printer, &cloud, &changed, &goal) : rc;
    } else if (rc == 0 && command->flaws) {
        rc = print_flaws(&printer);
    } else if (rc == 0 && command->all) {
        rc = print_surface(&printer, &cloud);
    } else if (rc == 0) {
        reach_print_heading(&printer);
        rc = reach_asking(cloud.engine, NULL, &goal, print_asked, &printer);
    }
    if (rc == -ENOMEM) {
        log_error("out of memory");
    } else if (fflush(stdout) != 0 || rc == -EIO) {
        log_error("cannot write to standard output");
        rc = -EIO;
    }
    reach_goal_done(&goal);
    cloud_close(&changed);
    cloud_close(&cloud);
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}

static void reach_check(struct argp_state *state, const struct reach_command *command)
{
    if (command->aws != NULL &&
        (command->db != NULL || command->config != NULL || command->inventory != NULL || command->at != NULL)) {
        argp_error(state, "--aws FOLDER asks the folder: --db, --config, --inventory and --at are of what is stored");
    }
    if (command->flaws ? command->all || command->to != NULL || command->what_if != NULL
                       : (command->to == NULL) == !command->all && (command->all || command->what_if == NULL)) {
        argp_error(state, "one of --to ASSET[:PORT], --all and --flaws");
    }
    if (command->from != NULL && (command->to == NULL || command->what_if != NULL)) {
        argp_error(state, "--from goes with --to alone: all else is asked from the world");
    }
}

static error_t reach_place(int key, char *arg, struct reach_command *command)
{
    switch (key) {
    case KEY_AWS:
        command->aws = arg;
        return 0;
    case KEY_CONFIG:
        command->config = arg;
        return 0;
    case KEY_DB:
        command->db = arg;
        return 0;
    case KEY_INVENTORY:
        command->inventory = arg;
        return 0;
    case KEY_AT:
        command->at = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t reach_one(int key, char *arg, struct argp_state *state)
{
    struct reach_command *command = state->input;

    switch (key) {
    case KEY_TO:
        command->to = arg;
        return 0;
    case KEY_FROM:
        command->from = arg;
        return 0;
    case KEY_ALL:
        command->all = true;
        return 0;
    case KEY_FLAWS:
        command->flaws = true;
        return 0;
    case KEY_WHAT_IF:
        command->what_if = arg;
        return 0;
    case KEY_JSON:
        command->json = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "what is \"%s\"? The asset goes with --to", arg);
        return 0;
    case ARGP_KEY_END:
        reach_check(state, command);
        return 0;
    default:
        return reach_place(key, arg, command);
    }
}

int reach_verb_main(int argc, char **argv)
{
    const struct argp_option table[] = {
        {"aws", KEY_AWS, "FOLDER", 0, "Ask what `aws ... describe-*` printed, not the store", 0},
        {"to", KEY_TO, "ASSET[:PORT[/PROTO]]", 0,
         "By id, name or address; PORT may be a range, PROTO is tcp, udp or a number", 0},
        {"from", KEY_FROM, "SOURCE", 0, "world (the default), a CIDR, or an asset", 0},
        {"all", KEY_ALL, NULL, 0, "All that the internet reaches", 0},
        {"flaws", KEY_FLAWS, NULL, 0, "What is wrong with the rules themselves", 0},
        {"what-if", KEY_WHAT_IF, "FILE", 0, "Groups or network ACLs changed so: what opens", 0},
        {"at", KEY_AT, "TIME", 0, "The store as it was then: a date, or RFC 3339", 0},
        {"inventory", KEY_INVENTORY, "NAME", 0, "Which of several accounts that are stored", 0},
        {"db", KEY_DB, "FILE", 0, "The database, as of audit", 0},
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0},
        {"json", KEY_JSON, NULL, 0, "Lines of JSON instead of a table", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = reach_one,
        .doc = "Says who reaches what by the cloud's configuration, and by which rules.\v"
               "Verdicts: REACHABLE, CONDITIONAL (a share of the sources, or of the ports that answers go to), UNKNOWN "
               "(something was not read or cannot be modelled), BLOCKED_RETURN (the answer cannot leave), BLOCKED. "
               "Exit status: 0, or 2 for error or misuse.",
    };
    struct reach_command command = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &command);
    return reach_run(&command);
}
