/* `leastport token`: a part of options.h. */
#include "auditd/options.h"

#include "auditd/protocol.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum token_key {
    KEY_ALL = 0x100,
    KEY_CONFIG,
    KEY_DB,
    KEY_EXPIRES,
    KEY_JSON,
    KEY_NAME,
    KEY_REALM,
    KEY_ROLE,
    KEY_SCOPE,
    KEY_TAG,
};

static const char *const token_words[] = {
    [TOKEN_CREATE] = "create", [TOKEN_LIST] = "list", [TOKEN_REVOKE] = "revoke", [TOKEN_LINK] = "link"};

static void token_append(struct argp_state *state, struct options_list *list, char *item)
{
    char **items = reallocarray(list->items, list->count + 1, sizeof(*items));

    if (items == NULL) {
        argp_failure(state, AUDIT_EXIT_ERROR, ENOMEM, "too many arguments");
        return;
    }
    list->items = items;
    list->items[list->count++] = item;
}

static void token_word(struct argp_state *state, const char *arg, struct token_command *command)
{
    if (state->arg_num == 1 && command->action == TOKEN_REVOKE) {
        command->token = arg;
        return;
    }
    if (state->arg_num > 0) {
        argp_error(state, "one argument too many: \"%s\"", arg);
    }
    for (size_t i = 0; i < sizeof(token_words) / sizeof(*token_words); i++) {
        if (strcmp(token_words[i], arg) == 0) {
            command->action = (enum token_action)i;
            return;
        }
    }
    argp_error(state, "there is no \"token %s\": create, list, revoke or link", arg);
}

static void token_end(struct argp_state *state, const struct token_command *command)
{
    bool has_terms = command->name != NULL || command->role != NULL || command->expires != NULL ||
                     command->scopes.count + command->realms.count + command->tags.count > 0;

    if (state->arg_num == 0) {
        argp_error(state, "needs a word: create, list, revoke or link");
    }
    if (command->action == TOKEN_CREATE && command->name == NULL) {
        argp_error(state, "token create needs --name: what or who it is for");
    }
    if (command->action != TOKEN_CREATE && has_terms) {
        argp_error(state, "--name, --role, --scope, --realm, --tag and --expires go with `token create`");
    }
    if (command->action == TOKEN_REVOKE && command->token == NULL) {
        argp_error(state, "token revoke needs the ID or the NAME of a token");
    }
}

static error_t token_terms(int key, char *arg, struct argp_state *state, struct token_command *command)
{
    switch (key) {
    case KEY_REALM:
        token_append(state, &command->realms, arg);
        return 0;
    case KEY_SCOPE:
        token_append(state, &command->scopes, arg);
        return 0;
    case KEY_TAG:
        token_append(state, &command->tags, arg);
        return 0;
    case KEY_EXPIRES:
        command->expires = arg;
        return 0;
    case KEY_NAME:
        command->name = arg;
        return 0;
    case KEY_ROLE:
        command->role = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t token_one(int key, char *arg, struct argp_state *state)
{
    struct token_command *command = state->input;

    switch (key) {
    case KEY_ALL:
        command->all = true;
        return 0;
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
        token_word(state, arg, command);
        return 0;
    case ARGP_KEY_END:
        token_end(state, command);
        return 0;
    default:
        return token_terms(key, arg, state, command);
    }
}

void options_parse_token(int argc, char **argv, struct token_command *ret_command)
{
    static const struct argp_option table[] = {
        {"name", KEY_NAME, "NAME", 0, "create: what or who it is for; mandatory", 0},
        {"role", KEY_ROLE, "ROLE", 0, "create: viewer (default), operator or admin", 0},
        {"scope", KEY_SCOPE, "SCOPE", 0,
         "create: for this alone: read, write, metrics, tokens, audit-log (repeats); else all of the role", 0},
        {"realm", KEY_REALM, "NAME", 0, "create: for hosts of this realm alone (repeats: of any)", 0},
        {"tag", KEY_TAG, "KEY=VALUE", 0, "create: for hosts with this tag alone (repeats: with any)", 0},
        {"expires", KEY_EXPIRES, "WHEN", 0, "create: 90d (default), 2027-03-31, RFC 3339 or never", 0},
        {"all", KEY_ALL, NULL, 0, "list: revoked ones and links as well", 0},
        {"json", KEY_JSON, NULL, 0, "list: a JSON object a line", 0},
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0},
        {"db", KEY_DB, "FILE", 0, "The database; else the configuration's, else the default one", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = token_one,
        .args_doc = "create --name NAME\nlist\nrevoke ID|NAME\nlink",
        .doc =
            "create: prints a new token, once. list: who gets in, and when each was used last. revoke: at once, with "
            "the logins that were made by it. link: prints a link of the running daemon that logs one browser in as "
            "administrator, within 15 minutes.\v"
            "  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8480/api/v1/findings\n\n"
            "Exit status: 0, or 2 for error or misuse.",
    };

    *ret_command = (struct token_command){.action = TOKEN_LIST};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}

void options_token_done(struct token_command *command)
{
    options_list_done(&command->scopes);
    options_list_done(&command->realms);
    options_list_done(&command->tags);
}
