/* `leastport alert`: a part of options.h. */
#include "auditd/options.h"

#include "auditd/protocol.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum alert_key { KEY_CONFIG = 0x100, KEY_DB, KEY_JSON, KEY_STATE };

enum { ALERT_LIST_DEFAULT = 50, ALERT_LIST_MAX = 100000 };

static void options_alert_word(struct argp_state *state, char *arg, struct alert_command *command)
{
    static const char *const actions[] = {
        [ALERT_ACTION_LIST] = "list", [ALERT_ACTION_SHOW] = "show", [ALERT_ACTION_RETRY] = "retry",
        [ALERT_ACTION_DROP] = "drop", [ALERT_ACTION_TEST] = "test", [ALERT_ACTION_AMISS] = "amiss",
        [ALERT_ACTION_LIFT] = "lift"};

    if (state->arg_num == 1 && command->action != ALERT_ACTION_LIST && command->action != ALERT_ACTION_AMISS) {
        command->what = arg;
        return;
    }
    for (size_t i = 0; state->arg_num == 0 && i < sizeof(actions) / sizeof(*actions); i++) {
        if (strcmp(actions[i], arg) == 0) {
            command->action = (enum alert_action)i;
            return;
        }
    }
    argp_error(state,
               "\"%s\" is not expected: list, show ID, retry [ID], drop [ID], test [RECEIVER], amiss, or lift PLACE",
               arg);
}

static void options_alert_state(struct argp_state *state, const char *arg, struct alert_command *command)
{
    static const char *const states[] = {"waiting", "delivered", "dead", "dropped"};

    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        if (strcmp(states[i], arg) == 0) {
            command->state = arg;
            return;
        }
    }
    argp_error(state, "\"%s\" is no state of an alert: waiting, delivered, dead or dropped", arg);
}

static error_t options_alert_one(int key, char *arg, struct argp_state *state)
{
    struct alert_command *command = state->input;
    char *end;

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
    case KEY_STATE:
        options_alert_state(state, arg, command);
        return 0;
    case 'n':
        command->limit = strtol(arg, &end, 10);
        if (*end != '\0' || command->limit < 1 || command->limit > ALERT_LIST_MAX) {
            argp_error(state, "-n takes a number from 1 to %d", ALERT_LIST_MAX);
        }
        return 0;
    case ARGP_KEY_ARG:
        options_alert_word(state, arg, command);
        return 0;
    case ARGP_KEY_END:
        if (command->action == ALERT_ACTION_SHOW && (command->what == NULL || command->what[0] == '\0')) {
            argp_error(state, "alert show needs the ID of an alert, or its beginning");
        }
        if (command->action == ALERT_ACTION_LIFT && command->what == NULL) {
            argp_error(state, "alert lift needs a place, REALM/VANTAGE; `leastport alert amiss` shows those held");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void options_parse_alert(int argc, char **argv, struct alert_command *ret_command)
{
    const struct argp_option table[] = {
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0},
        {"db", KEY_DB, "FILE", 0, "The database; else the configuration's, else the default", 0},
        {"state", KEY_STATE, "STATE", 0, "list: only those that are waiting, delivered, dead or dropped", 0},
        {NULL, 'n', "NUMBER", 0, "list: so many, the newest (50)", 0},
        {"json", KEY_JSON, NULL, 0, "A JSON object for each alert, one a line", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = options_alert_one,
        .args_doc = "[list]\nshow ID\nretry [ID]\ndrop [ID]\ntest [RECEIVER]\namiss\nlift REALM/VANTAGE",
        .doc =
            "list: what was told to whom, what waits, and what was given up (dead), with the reason. show: one of them "
            "in full. retry: try it again now, or without an ID all that are dead. drop: never try it again, likewise. "
            "test: send a test to a receiver, or to each, and say whether it arrived. Without a daemon, retry and test "
            "deliver themselves what is due; they need --config then. amiss: what Leastport has to say about itself. "
            "lift: where open endpoints were fewer at once, let findings turn FIXED again.\v"
            "Exit status: 0, or 2 for error or misuse; of test, too, when one was not delivered.",
    };

    *ret_command = (struct alert_command){.limit = ALERT_LIST_DEFAULT};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}
