#include "auditd/options.h"

#include "auditd/policy/port_expression.h"
#include "auditd/protocol.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum options_key {
    KEY_ASK_AGAIN = 0x100,
    KEY_CONFIG,
    KEY_DB,
    KEY_EXCLUDE,
    KEY_EXPLAIN,
    KEY_FAIL_ON,
    KEY_FRESH,
    KEY_HELP_ALL,
    KEY_HOST_RATE,
    KEY_JSON,
    KEY_LISTEN,
    KEY_NEW_TENANT,
    KEY_NO_DOOR_CHECKS,
    KEY_ASK_PRINTERS,
    KEY_NO_SERVICES,
    KEY_NO_VERIFY,
    KEY_SYN,
    KEY_CONNECT,
    KEY_POLICY,
    KEY_RATE,
    KEY_REALM,
    KEY_RETRIES,
    KEY_SCOPE,
    KEY_VANTAGE,
};

/* Rows that several verbs have. */
#define OPTION_CONFIG                                                                                                  \
    {                                                                                                                  \
        "config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0                                           \
    }
#define OPTION_DB                                                                                                      \
    {                                                                                                                  \
        "db", KEY_DB, "FILE", 0,                                                                                       \
            "The database; else the configuration's, else $XDG_STATE_HOME/leastport/leastport.db, for root "           \
            "/var/lib/leastport/leastport.db",                                                                         \
            0,                                                                                                         \
    }

static const struct argp_option option_end = {0};

void options_list_done(struct options_list *list)
{
    free(list->items);
    *list = (struct options_list){0};
}

static void options_add(struct argp_state *state, struct options_list *list, char *item)
{
    char **items;

    if (item[0] == '\0') {
        argp_error(state, "a target is empty");
    }
    if ((list->count & (list->count - 1)) == 0) {
        items = reallocarray(list->items, list->count == 0 ? 1 : list->count * 2, sizeof(*items));
        if (items == NULL) {
            argp_failure(state, AUDIT_EXIT_ERROR, ENOMEM, "too many targets");
            return;
        }
        list->items = items;
    }
    list->items[list->count++] = item;
}

static int64_t options_number(struct argp_state *state, const char *name, const char *text, int64_t maximum)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || text[0] == ' ' || number > maximum) {
        argp_error(state, "--%s \"%s\" is no whole number from 0 to %" PRId64, name, text, maximum);
    }
    return number;
}

int options_parse_output(const char *text, struct options_output *ret_output)
{
    const char *colon = strchr(text, ':');
    char name[16];
    struct options_output output = {.path = colon == NULL ? NULL : colon + 1};

    if (colon == NULL || colon[1] == '\0' || (size_t)(colon - text) >= sizeof(name)) {
        return -EINVAL;
    }
    memcpy(name, text, (size_t)(colon - text));
    name[colon - text] = '\0';
    if (report_format_parse(name, &output.format) < 0) {
        output.driver = export_find(name);
        if (output.driver == NULL) {
            return -EINVAL;
        }
    }
    *ret_output = output;
    return 0;
}

static void options_output(struct argp_state *state, const char *text, struct options_output *ret_output)
{
    if (options_parse_output(text, ret_output) < 0) {
        argp_error(
            state,
            "-o \"%s\" is not FORMAT:FILE with a FORMAT of table, jsonl, csv, sarif, ocsf, defectdojo, xml or html "
            "and a FILE, - for standard output",
            text);
    }
}

static void options_vantage(struct argp_state *state, char *text, struct audit_options *options)
{
    enum vantage_class vantage_class;
    char *colon = strrchr(text, ':');

    options->vantage = text;
    if (colon == NULL) {
        return;
    }
    if (colon == text || vantage_class_parse(colon + 1, &vantage_class) < 0) {
        argp_error(state,
                   "--vantage \"%s\" is not NAME:CLASS with a CLASS of self, own-vpc, vpn, peer, public-range or world",
                   text);
    }
    options->vantage_class = colon + 1;
    *colon = '\0';
}

static const char *options_ports(struct argp_state *state, const char *text)
{
    char reason[PORT_EXPRESSION_REASON_SIZE];
    struct portset set;

    /* This release scans TCP alone. */
    if (port_expression_parse(text, "tcp", &set, reason) < 0) {
        argp_error(state, "-p \"%s\": %s", text, reason);
    }
    return text;
}

static void options_new_tenant(struct argp_state *state, struct options_list *list, char *text)
{
    struct addr address;

    if (addr_parse(text, &address) < 0) {
        argp_error(state, "--new-tenant \"%s\" is no address such as 10.0.0.5", text);
    }
    options_add(state, list, text);
}

static void options_fail_on(struct argp_state *state, const char *text, enum severity *ret_severity)
{
    if (severity_parse(text, ret_severity) < 0) {
        argp_error(state, "--fail-on \"%s\" is none of low, medium, high, critical", text);
    }
}

/* ---- audit ---- */

static void options_audit_output(struct argp_state *state, const char *text, struct audit_options *options)
{
    if (options->output_count == OPTIONS_OUTPUTS_MAX) {
        argp_error(state, "-o can be given %d times at most", OPTIONS_OUTPUTS_MAX);
    }
    options_output(state, text, &options->outputs[options->output_count]);
    options->output_count++;
}

/* Hidden ones are what --help-all adds: --help fits a screen. */
static const struct argp_option audit_rows[] = {
    {"ports", 'p', "PORTS", 0, "Numbers, ranges, names, common (default), all", 0},
    {"policy", KEY_POLICY, "FILE", 0, "Judge by this policy, not the baseline alone", 0},
    OPTION_CONFIG,
    OPTION_DB,
    {"realm", KEY_REALM, "NAME", 0, "The address space: a VPC, a site (default)", 0},
    {"vantage", KEY_VANTAGE, "NAME[:CLASS]", OPTION_HIDDEN,
     "Where this scanner stands; CLASS: self, own-vpc, vpn, peer, public-range, world", 0},
    {"exclude", KEY_EXCLUDE, "TARGET", 0, "Leave this out; repeats", 0},
    {"scope", KEY_SCOPE, "CIDR", 0, "What may be probed, beside private; repeats", 0},
    {"rate", KEY_RATE, "PPS", 0, "Ceiling of probes a second", 0},
    {"host-rate", KEY_HOST_RATE, "PPS", OPTION_HIDDEN, "The same for each host", 0},
    {"retries", KEY_RETRIES, "N", OPTION_HIDDEN, "Further tries of what did not answer", 0},
    {"fail-on", KEY_FAIL_ON, "SEVERITY", 0, "Exit with 1 from this on (medium)", 0},
    {"output", 'o', "FORMAT:FILE", 0, "Write table, jsonl, html, ... to FILE or -", 0},
    {"new-tenant", KEY_NEW_TENANT, "ADDRESS", OPTION_HIDDEN,
     "Another machine has this address now: what was found on the old one is retired; repeats", 0},
    {"no-services", KEY_NO_SERVICES, NULL, 0, "Do not ask open ports what answers there", 0},
    {"no-door-checks", KEY_NO_DOOR_CHECKS, NULL, OPTION_HIDDEN,
     "Ask no questions that show whether a server lets a stranger in", 0},
    {"ask-printers", KEY_ASK_PRINTERS, NULL, OPTION_HIDDEN,
     "Ask ports 9100-9107 too, where printers print what they are sent", 0},
    {"ask-again", KEY_ASK_AGAIN, NULL, OPTION_HIDDEN,
     "Ask databases and others that lock out who asks often although they were asked less than 7 days ago", 0},
    {"syn", KEY_SYN, NULL, OPTION_HIDDEN, "Probe by raw SYNs (default where CAP_NET_RAW is)", 0},
    {"connect", KEY_CONNECT, NULL, OPTION_HIDDEN, "Probe by plain connects (default without)", 0},
    {"no-verify", KEY_NO_VERIFY, NULL, OPTION_HIDDEN, "Do not look a second time at what changed", 0},
    {"fresh", KEY_FRESH, NULL, OPTION_HIDDEN, "Start over although an interrupted audit of the same could go on", 0},
    {"help-all", KEY_HELP_ALL, NULL, 0, "Help with every option", -1},
    {0},
};

static const char audit_doc[] =
    "Sweeps TARGETs (addresses, CIDR, ranges, host names; else this machine's own addresses), stores what is open, "
    "judges and scores it, prints a report.\v"
    "Exit status: 0 clean, 1 findings at or above --fail-on, 3 incomplete or unanswered and no such finding, 2 error "
    "or misuse.";

static void options_audit_all_help(const struct argp_state *state)
{
    struct argp_option shown[sizeof(audit_rows) / sizeof(*audit_rows)];
    struct argp all = {.options = shown, .args_doc = "[TARGET...]", .doc = audit_doc};

    memcpy(shown, audit_rows, sizeof(audit_rows));
    for (struct argp_option *row = shown; row->name != NULL; row++) {
        row->flags &= ~OPTION_HIDDEN;
    }
    argp_help(&all, stdout, ARGP_HELP_STD_HELP & ~(unsigned)ARGP_HELP_EXIT_OK, state->name);
    exit(EXIT_SUCCESS);
}

static error_t options_audit_flag(int key, struct audit_options *options)
{
    switch (key) {
    case KEY_NO_VERIFY:
        options->no_verify = true;
        return 0;
    case KEY_SYN:
        options->probe = "syn";
        return 0;
    case KEY_CONNECT:
        options->probe = "connect";
        return 0;
    case KEY_NO_SERVICES:
        options->no_services = true;
        return 0;
    case KEY_NO_DOOR_CHECKS:
        options->no_door_checks = true;
        return 0;
    case KEY_ASK_PRINTERS:
        options->ask_printers = true;
        return 0;
    case KEY_ASK_AGAIN:
        options->ask_again = true;
        return 0;
    case KEY_FRESH:
        options->fresh = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t options_audit_more(int key, char *arg, struct argp_state *state)
{
    struct audit_options *options = state->input;

    switch (key) {
    case KEY_EXCLUDE:
        options_add(state, &options->exclude, arg);
        return 0;
    case KEY_SCOPE:
        options_add(state, &options->scope, arg);
        return 0;
    case KEY_NEW_TENANT:
        options_new_tenant(state, &options->new_tenants, arg);
        return 0;
    case KEY_RATE:
        options->rate_pps = options_number(state, "rate", arg, UINT32_MAX);
        return 0;
    case KEY_HOST_RATE:
        options->host_rate_pps = options_number(state, "host-rate", arg, UINT32_MAX);
        return 0;
    case KEY_RETRIES:
        options->retries = options_number(state, "retries", arg, 20);
        return 0;
    case KEY_HELP_ALL:
        options_audit_all_help(state);
        return 0;
    case ARGP_KEY_ARG:
        options_add(state, &options->targets, arg);
        return 0;
    default:
        return options_audit_flag(key, options);
    }
}

static error_t options_audit_one(int key, char *arg, struct argp_state *state)
{
    struct audit_options *options = state->input;

    switch (key) {
    case 'p':
        options->ports = options_ports(state, arg);
        return 0;
    case 'o':
        options_audit_output(state, arg, options);
        return 0;
    case KEY_POLICY:
        options->policy = arg;
        return 0;
    case KEY_CONFIG:
        options->config = arg;
        return 0;
    case KEY_DB:
        options->db = arg;
        return 0;
    case KEY_REALM:
        options->realm = arg;
        return 0;
    case KEY_VANTAGE:
        options_vantage(state, arg, options);
        return 0;
    case KEY_FAIL_ON:
        options_fail_on(state, arg, &options->fail_on);
        return 0;
    default:
        return options_audit_more(key, arg, state);
    }
}

void options_parse_audit(int argc, char **argv, struct audit_options *ret_options)
{
    static const struct argp argp = {
        .options = audit_rows, .parser = options_audit_one, .args_doc = "[TARGET...]", .doc = audit_doc};

    *ret_options =
        (struct audit_options){.rate_pps = -1, .host_rate_pps = -1, .retries = -1, .fail_on = SEVERITY_MEDIUM};
    argp_parse(&argp, argc, argv, 0, NULL, ret_options);
}

/* ---- serve ---- */

static error_t options_serve_one(int key, char *arg, struct argp_state *state)
{
    struct serve_options *options = state->input;

    switch (key) {
    case KEY_CONFIG:
        options->config = arg;
        return 0;
    case KEY_DB:
        options->db = arg;
        return 0;
    case KEY_LISTEN:
        options->listen = arg;
        return 0;
    case KEY_POLICY:
        options->policy = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void options_parse_serve(int argc, char **argv, struct serve_options *ret_options)
{
    const struct argp_option table[] = {
        OPTION_CONFIG,
        OPTION_DB,
        {"listen", KEY_LISTEN, "ADDR:PORT", 0,
         "Where the dashboard listens (127.0.0.1:8480); beyond loopback with TLS, see tls_certificate in the "
         "configuration",
         0},
        {"policy", KEY_POLICY, "FILE", 0, "Judge by this policy (YAML); else by the configuration's, else the baseline",
         0},
        option_end,
    };
    const struct argp argp = {
        .options = table,
        .parser = options_serve_one,
        .doc = "Serves the dashboard and the API, runs the configuration's schedules and the audits that `leastport "
               "audit` hands "
               "over, until SIGTERM or Ctrl-C.\v"
               "Exit status: 0 when it was asked to end, 2 error or misuse.",
    };

    *ret_options = (struct serve_options){0};
    argp_parse(&argp, argc, argv, 0, NULL, ret_options);
}

/* ---- report ---- */

static error_t options_report_one(int key, char *arg, struct argp_state *state)
{
    struct report_command *command = state->input;

    switch (key) {
    case KEY_CONFIG:
        command->config = arg;
        return 0;
    case KEY_DB:
        command->db = arg;
        return 0;
    case 'o':
        options_output(state, arg, &command->output);
        return 0;
    case KEY_EXPLAIN:
        command->explain = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void options_parse_report(int argc, char **argv, struct report_command *ret_command)
{
    const struct argp_option table[] = {
        OPTION_CONFIG,
        OPTION_DB,
        {"output", 'o', "FORMAT:FILE", 0,
         "Write table, jsonl, csv, sarif, ocsf, defectdojo, xml or html to FILE (- is standard output)", 0},
        {"explain", KEY_EXPLAIN, NULL, 0, "Print every term of the score", 0},
        option_end,
    };
    const struct argp argp = {
        .options = table,
        .parser = options_report_one,
        .doc = "Prints the newest state: score and grade, the worst exposures with why and how to fix them, what "
               "changed.\v"
               "Exit status: 0, or 2 for error or misuse.",
    };

    *ret_command = (struct report_command){.output = {.format = REPORT_TABLE, .path = "-"}};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}

/* ---- schedule ---- */

static const struct {
    const char *name;
    bool needs_name;
} options_schedule_actions[] = {
    [SCHEDULE_LIST] = {"list", false},  [SCHEDULE_NEXT] = {"next", false},    [SCHEDULE_RUN] = {"run", true},
    [SCHEDULE_PAUSE] = {"pause", true}, [SCHEDULE_RESUME] = {"resume", true}, [SCHEDULE_CHECK] = {"check", false},
};

static void options_schedule_word(struct argp_state *state, const char *arg, struct schedule_command *command)
{
    if (state->arg_num == 1) {
        command->name = arg;
        return;
    }
    if (state->arg_num > 1) {
        argp_error(state, "one argument too many: \"%s\"", arg);
    }
    for (size_t i = 0; i < sizeof(options_schedule_actions) / sizeof(*options_schedule_actions); i++) {
        if (strcmp(options_schedule_actions[i].name, arg) == 0) {
            command->action = (enum schedule_action)i;
            return;
        }
    }
    argp_error(state, "there is no \"schedule %s\": list, next, run, pause, resume or check", arg);
}

static void options_schedule_end(struct argp_state *state, const struct schedule_command *command)
{
    const char *action = options_schedule_actions[command->action].name;

    if (options_schedule_actions[command->action].needs_name && command->name == NULL) {
        argp_error(state, "schedule %s needs the NAME of a schedule", action);
    }
    if (command->action == SCHEDULE_CHECK && command->config == NULL) {
        argp_error(state, "schedule check needs --config FILE");
    }
}

static error_t options_schedule_one(int key, char *arg, struct argp_state *state)
{
    struct schedule_command *command = state->input;

    switch (key) {
    case KEY_CONFIG:
        command->config = arg;
        return 0;
    case KEY_DB:
        command->db = arg;
        return 0;
    case 'n':
        command->count = options_number(state, "count", arg, SCHEDULE_NEXT_MAX);
        return 0;
    case KEY_JSON:
        command->json = true;
        return 0;
    case ARGP_KEY_ARG:
        options_schedule_word(state, arg, command);
        return 0;
    case ARGP_KEY_END:
        options_schedule_end(state, command);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void options_parse_schedule(int argc, char **argv, struct schedule_command *ret_command)
{
    const struct argp_option table[] = {
        {"config", KEY_CONFIG, "FILE", 0,
         "list, next, check: of this configuration (YAML) instead of the running daemon's", 0},
        OPTION_DB,
        {"count", 'n', "N", 0, "next: so many runs of each (5)", 0},
        {"json", KEY_JSON, NULL, 0, "list, next: a JSON object for each schedule, one a line", 0},
        option_end,
    };
    const struct argp argp = {
        .options = table,
        .parser = options_schedule_one,
        .args_doc = "[list [NAME]]\nnext [NAME]\nrun NAME\npause NAME\nresume NAME\ncheck",
        .doc = "list: when each schedule runs next, and how it went last. next: the coming runs, by the clock of the "
               "schedule's zone. run: now, beside the plan. pause, resume: until resumed nothing is due. check: is the "
               "configuration right, and if not, where?\v"
               "Exit status: 0, or 2 when the file is wrong, for error or misuse.",
    };

    *ret_command = (struct schedule_command){.action = SCHEDULE_LIST, .count = 5};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}

/* ---- inventory ---- */

static error_t options_inventory_word(struct argp_state *state, const char *arg, struct inventory_command *command)
{
    if (state->arg_num == 0 && (strcmp(arg, "confirm") == 0 || strcmp(arg, "read") == 0)) {
        command->what = arg;
    } else if (state->arg_num == 1 && command->what != NULL) {
        command->inventory = arg;
    } else if (state->arg_num > 0 || strcmp(arg, "list") != 0) {
        argp_error(state, "\"%s\" is not expected: list, confirm NAME or read NAME", arg);
    }
    return 0;
}

static error_t options_inventory_one(int key, char *arg, struct argp_state *state)
{
    struct inventory_command *command = state->input;

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
    case ARGP_KEY_ARG:
        return options_inventory_word(state, arg, command);
    case ARGP_KEY_END:
        if (command->what != NULL && command->inventory == NULL) {
            argp_error(state, "inventory %s needs the NAME of an inventory", command->what);
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void options_parse_inventory(int argc, char **argv, struct inventory_command *ret_command)
{
    const struct argp_option table[] = {
        OPTION_CONFIG,
        OPTION_DB,
        {"json", KEY_JSON, NULL, 0, "list: a JSON object for each inventory, one a line", 0},
        option_end,
    };
    const struct argp argp = {
        .options = table,
        .parser = options_inventory_one,
        .args_doc = "[list]\nconfirm NAME\nread NAME",
        .doc =
            "list: how many hosts each inventory of the running daemon has, when it was read, what is wrong with it. "
            "confirm: hosts that it lacks are gone indeed; their findings are RETIRED. Nobody needs to confirm a loss "
            "of "
            "at most a fifth of an inventory that says itself where it ends. "
            "read: an AWS account that is read live is read now.\v"
            "Exit status: 0, or 2 for error or misuse.",
    };

    *ret_command = (struct inventory_command){0};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}
