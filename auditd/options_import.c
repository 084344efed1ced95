/* `leastport import`: a part of options.h. */
#include "auditd/options.h"

#include "auditd/ingest/field.h"
#include "auditd/policy/judge.h"
#include "auditd/protocol.h"

#include <argp.h>
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum import_key { KEY_CONFIG = 0x200, KEY_DB, KEY_FORMAT, KEY_POLICY, KEY_REALM, KEY_SCOPE, KEY_VANTAGE };

enum { IMPORT_NAME_MAX = 128 };

static void import_name(const struct argp_state *state, const char *option, const char *text)
{
    if (text[0] == '\0' || strlen(text) > IMPORT_NAME_MAX || !field_is_printable(text) ||
        !g_utf8_validate(text, -1, NULL)) {
        argp_error(state, "--%s \"%s\" is no name of 1 to %d bytes of UTF-8", option, text, IMPORT_NAME_MAX);
    }
}

static void import_vantage(const struct argp_state *state, char *text, struct import_command *command)
{
    enum vantage_class vantage_class;
    char *colon = strrchr(text, ':');

    if (colon != NULL) {
        *colon = '\0';
        if (vantage_class_parse(colon + 1, &vantage_class) < 0) {
            argp_error(state, "--vantage \"%s:%s\": the class is none of self, own-vpc, vpn, peer, public-range, world",
                       text, colon + 1);
        }
        command->vantage_class = colon + 1;
    }
    import_name(state, "vantage", text);
    command->vantage = text;
}

static void import_scope(const struct argp_state *state, struct options_list *list, char *text)
{
    char **items = reallocarray(list->items, list->count + 1, sizeof(*items));

    if (items == NULL) {
        argp_failure(state, AUDIT_EXIT_ERROR, ENOMEM, "the command line is too long");
        return;
    }
    list->items = items;
    items[list->count++] = text;
}

static void import_format(const struct argp_state *state, const char *text, struct import_command *command)
{
    static const char *const names[] = {"nmap", "masscan-json", "masscan-list"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(names[i], text) == 0) {
            command->format = text;
            return;
        }
    }
    argp_error(state, "--format \"%s\" is none of nmap, masscan-json, masscan-list", text);
}

static error_t import_more(int key, char *arg, struct argp_state *state)
{
    struct import_command *command = state->input;

    switch (key) {
    case KEY_SCOPE:
        import_scope(state, &command->scope, arg);
        return 0;
    case ARGP_KEY_ARG:
        if (command->path != NULL) {
            argp_error(state, "one file at a time: \"%s\" is one too many", arg);
        }
        command->path = arg;
        return 0;
    case ARGP_KEY_END:
        if (command->path == NULL) {
            argp_error(state, "which FILE? - is standard input");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t import_one(int key, char *arg, struct argp_state *state)
{
    struct import_command *command = state->input;

    switch (key) {
    case KEY_CONFIG:
        command->config = arg;
        return 0;
    case KEY_DB:
        command->db = arg;
        return 0;
    case KEY_POLICY:
        command->policy = arg;
        return 0;
    case KEY_FORMAT:
        import_format(state, arg, command);
        return 0;
    case KEY_REALM:
        import_name(state, "realm", arg);
        command->realm = arg;
        return 0;
    case KEY_VANTAGE:
        import_vantage(state, arg, command);
        return 0;
    default:
        return import_more(key, arg, state);
    }
}

void options_parse_import(int argc, char **argv, struct import_command *ret_command)
{
    const struct argp_option table[] = {
        {"vantage", KEY_VANTAGE, "NAME[:CLASS]", 0,
         "Where that scanner stood (nmap, masscan); CLASS: self, own-vpc, vpn, peer, public-range, world", 0},
        {"realm", KEY_REALM, "NAME", 0, "The address space of the file's addresses (default)", 0},
        {"scope", KEY_SCOPE, "CIDR", 0, "What addresses may be of; repeats. Else the configuration's, else private", 0},
        {"format", KEY_FORMAT, "FORMAT", 0, "nmap, masscan-json, masscan-list; else by the file's begin", 0},
        {"policy", KEY_POLICY, "FILE", 0, "Judge by this policy, not the baseline alone", 0},
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0},
        {"db", KEY_DB, "FILE", 0, "The database, as of audit", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = import_one,
        .args_doc = "FILE\naws FOLDER",
        .doc =
            "Stores and judges what another scanner saw: nmap's XML (-oX), masscan's list (-oL) or JSON (-oJ). All of "
            "the file or nothing. \"aws FOLDER\" stores what an AWS account declares; it has a --help of its own.\v"
            "Exit status: 0, or 2 when the file is refused, for error or misuse.",
    };

    *ret_command = (struct import_command){0};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}
