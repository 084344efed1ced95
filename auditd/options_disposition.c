/* `leastport acknowledge`, `unacknowledge`, `waive`, `unwaive`: a part of options.h. */
#include "auditd/options.h"

#include "auditd/protocol.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum disposition_key {
    KEY_CIDR = 0x100,
    KEY_CONFIG,
    KEY_DB,
    KEY_GROUP,
    KEY_IMPORT,
    KEY_JSON,
    KEY_LIST,
    KEY_NAME,
    KEY_OWNER,
    KEY_REALM,
    KEY_REASON,
    KEY_RULE,
    KEY_TAG,
    KEY_UNTIL,
    KEY_WAIVER,
};

#define DISPOSITION_COMMON                                                                                             \
    {"realm", KEY_REALM, "NAME", 0, "The address space that an ADDRESS is in, where it is in several", 0},             \
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0},                                        \
        {"db", KEY_DB, "FILE", 0, "The database; else the configuration's, else the default one", 0},                  \
    {                                                                                                                  \
        0                                                                                                              \
    }

static const struct argp_option options_of_acknowledge[] = {
    {"reason", KEY_REASON, "TEXT", 0, "Why; mandatory", 0},
    DISPOSITION_COMMON,
};

static const struct argp_option options_of_waive[] = {
    {"owner", KEY_OWNER, "WHO", 0, "Who answers for it; mandatory", 0},
    {"reason", KEY_REASON, "TEXT", 0, "Why; mandatory", 0},
    {"until", KEY_UNTIL, "DATE", 0, "2027-03-31, to the end of that day (UTC), or RFC 3339; mandatory", 0},
    {"rule", KEY_RULE, "ID", 0, "Instead of FINDINGs: all of this rule's, later ones too", 0},
    {"cidr", KEY_CIDR, "CIDR", 0, "With --rule: hosts of this range (repeats: of any)", 0},
    {"tag", KEY_TAG, "KEY=VALUE", 0, "With --rule: hosts with this tag, * stands for anything (repeats: with all)", 0},
    {"name", KEY_NAME, "GLOB", 0, "With --rule: hosts of this name (repeats: of any)", 0},
    {"group", KEY_GROUP, "NAME", 0, "With --rule: hosts of this group of the policy (repeats: of any)", 0},
    {"import", KEY_IMPORT, "FILE", 0, "Waivers from a CSV file, - for standard input: all of them, or none", 0},
    {"list", KEY_LIST, NULL, 0, "Show what is waived, by whom, until when", 0},
    {"json", KEY_JSON, NULL, 0, "With --list: a JSON object a line", 0},
    DISPOSITION_COMMON,
};

static const struct argp_option options_of_unwaive[] = {
    {"waiver", KEY_WAIVER, "ID", 0, "A waiver by rule, as --list of `waive` calls it (repeats)", 0},
    {"reason", KEY_REASON, "TEXT", 0, "Why; mandatory", 0},
    DISPOSITION_COMMON,
};

static const struct argp_option options_of_adopt[] = {DISPOSITION_COMMON};

#define DISPOSITION_FINDING                                                                                            \
    "A FINDING is ADDRESS:PORT[/udp], NAME:PORT, the beginning of a fingerprint (8 digits or more) or a uuid; "        \
    "`leastport "                                                                                                      \
    "report -o jsonl:-` shows them. "

static const struct {
    const char *word;
    const char *done;
    const struct argp_option *options;
    const char *args_doc;
    const char *doc;
} disposition_verbs[] = {
    [VERB_ACKNOWLEDGE] = {CONTROL_DISPOSITION_ACKNOWLEDGE, "acknowledged", options_of_acknowledge, "FINDING...",
                          "Says that somebody knows of the findings and works on them. They keep their penalty. When "
                          "one is exposed wider, or another service answers, it is open again.\v" DISPOSITION_FINDING
                          "Exit status: 0, or 2 for error or misuse; then nothing was changed."},
    [VERB_UNACKNOWLEDGE] = {CONTROL_DISPOSITION_UNACKNOWLEDGE, "open again", options_of_acknowledge, "FINDING...",
                            "Takes an acknowledgement back.\v" DISPOSITION_FINDING
                            "Exit status: 0, or 2 for error or misuse; then nothing was changed."},
    [VERB_WAIVE] =
        {CONTROL_DISPOSITION_WAIVE, "waived", options_of_waive,
         "FINDING...\n--rule ID [--cidr CIDR] [--tag KEY=VALUE] [--group NAME]\n--import FILE.csv\n--list",
         "Accepts findings until a date. They are summed apart, and no longer in the score. At the end, or "
         "when one is exposed wider or another service answers, it is open again.\v" DISPOSITION_FINDING
         "A CSV file's header names its columns: owner, reason, until, and finding (with realm) or rule "
         "with realm, cidr, name, group, tag. Exit status: 0, or 2 for error or misuse; then nothing was changed."},
    [VERB_UNWAIVE] = {CONTROL_DISPOSITION_UNWAIVE, "open again", options_of_unwaive, "FINDING...\n--waiver ID",
                      "Ends waivers: the findings are open again.\v" DISPOSITION_FINDING
                      "Exit status: 0, or 2 for error or misuse; then nothing was changed."},
    [VERB_ADOPT] = {CONTROL_DISPOSITION_ADOPT, "adopted", options_of_adopt, NULL,
                    "Takes what is open now over as it is: findings of a first scan become OPEN, and nobody is alerted "
                    "of what opened before. They count in the score as all others do.\v"
                    "Exit status: 0, or 2 for error or misuse; then nothing was changed."},
};

static void options_append(struct argp_state *state, struct options_list *list, char *item)
{
    char **items = reallocarray(list->items, list->count + 1, sizeof(*items));

    if (items == NULL) {
        argp_failure(state, AUDIT_EXIT_ERROR, ENOMEM, "too many arguments");
        return;
    }
    list->items = items;
    list->items[list->count++] = item;
}

static void options_tag(struct argp_state *state, struct disposition_command *command, char *arg)
{
    if (strchr(arg, '=') == NULL || arg[0] == '=') {
        argp_error(state, "--tag \"%s\" is not KEY=VALUE", arg);
    }
    options_append(state, &command->tags, arg);
}

static void options_needs(struct argp_state *state, const char *option, const char *value)
{
    if (value == NULL) {
        argp_error(state, "needs --%s", option);
    }
}

static void options_disposition_end(struct argp_state *state, const struct disposition_command *command)
{
    bool is_waive = strcmp(command->word, CONTROL_DISPOSITION_WAIVE) == 0;
    int ways = (command->findings.count > 0) + (command->rule != NULL) + (command->import != NULL) + command->list;
    bool has_hosts = command->cidrs.count + command->tags.count + command->names.count + command->groups.count > 0;

    if (strcmp(command->word, CONTROL_DISPOSITION_ADOPT) == 0) {
        if (command->findings.count > 0) {
            argp_error(state, "takes all that is open: \"%s\" is too much", command->findings.items[0]);
        }
        return;
    }
    if (ways == 0 && command->waivers.count == 0) {
        argp_error(state, is_waive ? "needs FINDINGs, --rule, --import or --list" : "needs FINDINGs");
    }
    if (ways > 1) {
        argp_error(state, "FINDINGs, --rule, --import and --list exclude each other");
    }
    if (has_hosts && command->rule == NULL) {
        argp_error(state, "--cidr, --tag, --name and --group go with --rule");
    }
    if (command->rule == NULL && command->realms.count > 1) {
        argp_error(state, "FINDINGs are of one realm");
    }
    if (command->import != NULL || command->list) {
        return;
    }
    options_needs(state, "reason", command->reason);
    if (is_waive) {
        options_needs(state, "owner", command->owner);
        options_needs(state, "until", command->until);
    }
}

static error_t options_disposition_hosts(int key, char *arg, struct argp_state *state,
                                         struct disposition_command *command)
{
    switch (key) {
    case KEY_CIDR:
        options_append(state, &command->cidrs, arg);
        return 0;
    case KEY_GROUP:
        options_append(state, &command->groups, arg);
        return 0;
    case KEY_NAME:
        options_append(state, &command->names, arg);
        return 0;
    case KEY_REALM:
        options_append(state, &command->realms, arg);
        return 0;
    case KEY_TAG:
        options_tag(state, command, arg);
        return 0;
    case KEY_WAIVER:
        options_append(state, &command->waivers, arg);
        return 0;
    case ARGP_KEY_ARG:
        options_append(state, &command->findings, arg);
        return 0;
    case ARGP_KEY_END:
        options_disposition_end(state, command);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t options_disposition_one(int key, char *arg, struct argp_state *state)
{
    struct disposition_command *command = state->input;

    switch (key) {
    case KEY_CONFIG:
        command->config = arg;
        return 0;
    case KEY_DB:
        command->db = arg;
        return 0;
    case KEY_IMPORT:
        command->import = arg;
        return 0;
    case KEY_JSON:
        command->json = true;
        return 0;
    case KEY_LIST:
        command->list = true;
        return 0;
    case KEY_OWNER:
        command->owner = arg;
        return 0;
    case KEY_REASON:
        command->reason = arg;
        return 0;
    case KEY_RULE:
        command->rule = arg;
        return 0;
    case KEY_UNTIL:
        command->until = arg;
        return 0;
    default:
        return options_disposition_hosts(key, arg, state, command);
    }
}

void options_parse_disposition(int argc, char **argv, enum disposition_verb verb,
                               struct disposition_command *ret_command)
{
    const struct argp argp = {
        .options = disposition_verbs[verb].options,
        .parser = options_disposition_one,
        .args_doc = disposition_verbs[verb].args_doc,
        .doc = disposition_verbs[verb].doc,
    };

    *ret_command =
        (struct disposition_command){.word = disposition_verbs[verb].word, .done = disposition_verbs[verb].done};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}

void options_disposition_done(struct disposition_command *command)
{
    struct options_list *const lists[] = {&command->findings, &command->waivers, &command->realms, &command->cidrs,
                                          &command->names,    &command->groups,  &command->tags};

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        options_list_done(lists[i]);
    }
}
