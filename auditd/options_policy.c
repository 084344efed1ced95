/* `leastport policy`: a part of options.h. */
#include "auditd/options.h"

#include "auditd/protocol.h"

#include <argp.h>
#include <string.h>

enum policy_key {
    KEY_CONFIG = 0x100,
    KEY_DB,
    KEY_DRY_RUN,
    KEY_NAME,
    KEY_POLICY,
    KEY_REALM,
    KEY_VANTAGE,
    KEY_GROUPS,
    KEY_FORMAT,
    KEY_AWS,
    KEY_INVENTORY,
};

static const struct {
    const char *name;
    enum policy_action action;
    unsigned arguments_least; /* with its own name */
    unsigned arguments_most;
} policy_actions[] = {
    {"check", POLICY_CHECK, 2, 2},     {"explain", POLICY_EXPLAIN, 2, 3}, {"test", POLICY_TEST, 2, 2},
    {"suggest", POLICY_SUGGEST, 1, 1}, {"apply", POLICY_APPLY, 2, 2},
};

static void options_policy_action(struct argp_state *state, const char *arg, struct policy_command *command)
{
    for (size_t i = 0; i < sizeof(policy_actions) / sizeof(*policy_actions); i++) {
        if (strcmp(policy_actions[i].name, arg) == 0) {
            command->action = policy_actions[i].action;
            return;
        }
    }
    argp_error(state, "there is no \"policy %s\": check, explain, test, suggest or apply", arg);
}

static void options_policy_verb(struct argp_state *state, const char *arg, struct policy_command *command)
{
    if (state->arg_num == 0) {
        options_policy_action(state, arg, command);
        return;
    }
    if (state->arg_num >= policy_actions[command->action].arguments_most) {
        argp_error(state, "one argument too many: \"%s\"", arg);
    }
    if (command->action != POLICY_EXPLAIN) {
        command->policy = arg;
    } else if (state->arg_num == 1) {
        command->target = arg;
    } else {
        command->port = arg;
    }
}

static void options_policy_end(struct argp_state *state, const struct policy_command *command)
{
    if (state->arg_num == 0 || state->arg_num < policy_actions[command->action].arguments_least) {
        argp_error(state, "needs: check FILE, explain HOST PORT, test FILE, suggest, or apply FILE");
    }
    if (command->groups && command->action != POLICY_SUGGEST) {
        argp_error(state, "--groups goes with suggest");
    }
    if (!command->groups && (command->aws != NULL || command->inventory != NULL)) {
        argp_error(state, "--aws and --inventory go with suggest --groups");
    }
    if (command->aws != NULL && command->inventory != NULL) {
        argp_error(state, "--aws FOLDER asks the folder, --inventory NAME what is stored");
    }
}

static error_t options_policy_groups(int key, char *arg, struct argp_state *state)
{
    struct policy_command *command = state->input;

    switch (key) {
    case KEY_GROUPS:
        command->groups = true;
        return 0;
    case KEY_FORMAT:
        if (group_format_parse(arg, &command->group_format) < 0) {
            argp_error(state, "--format \"%s\" is none of cli, terraform, json", arg);
        }
        return 0;
    case KEY_AWS:
        command->aws = arg;
        return 0;
    case KEY_INVENTORY:
        command->inventory = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t options_policy_more(int key, char *arg, struct argp_state *state)
{
    struct policy_command *command = state->input;

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
    case ARGP_KEY_ARG:
        options_policy_verb(state, arg, command);
        return 0;
    case ARGP_KEY_END:
        options_policy_end(state, command);
        return 0;
    default:
        return options_policy_groups(key, arg, state);
    }
}

static error_t options_policy_one(int key, char *arg, struct argp_state *state)
{
    struct policy_command *command = state->input;

    switch (key) {
    case KEY_POLICY:
        command->policy = arg;
        return 0;
    case KEY_REALM:
        command->realm = arg;
        return 0;
    case KEY_NAME:
        command->name = arg;
        return 0;
    case KEY_VANTAGE:
        if (vantage_class_parse(arg, &command->vantage_class) < 0) {
            argp_error(state, "--from \"%s\" is none of self, own-vpc, vpn, peer, public-range, world", arg);
        }
        command->has_class = true;
        return 0;
    default:
        return options_policy_more(key, arg, state);
    }
}

void options_parse_policy(int argc, char **argv, struct policy_command *ret_command)
{
    const struct argp_option table[] = {
        {"policy", KEY_POLICY, "FILE", 0,
         "explain: the policy; else what judged last, else the built-in baseline alone. suggest: leave out what it "
         "allows",
         0},
        {"from", KEY_VANTAGE, "CLASS", 0,
         "explain: as if seen from self, own-vpc (default), vpn, peer, public-range or world, whatever is known", 0},
        {"realm", KEY_REALM, "NAME", 0, "explain: the address space (default)", 0},
        {"name", KEY_NAME, "NAME", 0, "explain: a host name of the address", 0},
        {"groups", KEY_GROUPS, NULL, 0, "suggest: the cloud's security groups, cut down to what is needed", 0},
        {"format", KEY_FORMAT, "FORMAT", 0, "--groups as cli (default), terraform or json", 0},
        {"aws", KEY_AWS, "FOLDER", 0, "--groups of the cloud in this folder, not of the stored one", 0},
        {"inventory", KEY_INVENTORY, "NAME", 0, "--groups of the stored cloud with this name", 0},
        {"dry-run", KEY_DRY_RUN, NULL, 0, "apply: only show which findings would change", 0},
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0},
        {"db", KEY_DB, "FILE", 0, "The database, as of audit; check: warn of groups that no known host is in", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = options_policy_one,
        .args_doc = "check FILE\ntest FILE\nexplain HOST PORT[/udp]\nexplain ADDRESS:PORT[/udp]\nsuggest\napply FILE",
        .doc =
            "check: is this policy file right, and if not, where? test: do the tests in it pass? explain: which rules "
            "were looked at for a port, and what decided. suggest: draft allow rules from what is open now. apply: "
            "judge "
            "all that is known anew by this policy.\v"
            "Exit status: 0; 1 when a test fails; 2 when the file is wrong, for error or misuse.",
    };

    *ret_command = (struct policy_command){.vantage_class = VANTAGE_OWN_VPC};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}
