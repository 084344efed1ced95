#include "auditd/inventory_verb.h"

#include "auditd/ask.h"
#include "auditd/protocol.h"
#include "auditd/report/typeset.h"
#include "auditd/settings.h"
#include "lib/log.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *inventory_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static void inventory_cell(struct libscols_line *line, size_t column, const char *text)
{
    char cell[512];

    typeset_escape(text, cell, sizeof(cell));
    (void)scols_line_set_data(line, column, cell);
}

static void inventory_note(const json_t *row, char *text, size_t size)
{
    json_int_t withheld = json_integer_value(json_object_get(row, "withheld"));
    const char *error = inventory_member(row, "error");

    text[0] = '\0';
    if (error[0] != '\0') {
        snprintf(text, size, "%s", error);
    } else if (withheld > 0) {
        snprintf(text, size, "lacks %" JSON_INTEGER_FORMAT " of them: `leastport inventory confirm %s`", withheld,
                 inventory_member(row, "name"));
    }
}

static int inventory_print_table(const json_t *list)
{
    static const char *const columns[] = {"NAME", "REALM", "HOSTS", "READ (UTC)", "NOTE"};
    struct libscols_table *table = scols_new_table();
    char text[512];
    size_t index;
    json_t *row;
    int rc = table == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < sizeof(columns) / sizeof(*columns); i++) {
        rc = scols_table_new_column(table, columns[i], 0,
                                    i == 2   ? SCOLS_FL_RIGHT
                                    : i == 4 ? SCOLS_FL_WRAP
                                             : 0) == NULL
                 ? -ENOMEM
                 : 0;
    }
    json_array_foreach(list, index, row)
    {
        struct libscols_line *line = rc == 0 ? scols_table_new_line(table, NULL) : NULL;
        if (line == NULL) {
            rc = -ENOMEM;
            break;
        }
        inventory_cell(line, 0, inventory_member(row, "name"));
        inventory_cell(line, 1, inventory_member(row, "realm"));
        snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(row, "hosts")));
        inventory_cell(line, 2, text);
        snprintf(text, sizeof(text), "%.10s %.5s", inventory_member(row, "read_at"),
                 inventory_member(row, "read_at")[0] == '\0'
                     ? ""
                     : inventory_member(row, "read_at") + strlen("2026-11-22T"));
        inventory_cell(line, 3, text);
        inventory_note(row, text, sizeof(text));
        inventory_cell(line, 4, text);
    }
    rc = rc == 0 ? scols_print_table(table) : rc;
    scols_unref_table(table);
    return rc;
}

static int inventory_print(const json_t *list, bool as_json)
{
    size_t index;
    json_t *row;

    if (!as_json && json_array_size(list) == 0) {
        log_notice("the daemon's configuration has no \"inventories\"");
        return 0;
    }
    if (!as_json) {
        return inventory_print_table(list);
    }
    json_array_foreach(list, index, row)
    {
        if (json_dumpf(row, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF) {
            return -EIO;
        }
    }
    return 0;
}

static int inventory_list(const struct inventory_command *command, const char *control)
{
    json_t *answer = NULL;
    int rc = ask_and_say(control, json_pack("{s:s, s:s}", "op", CONTROL_OP_INVENTORY, "do", CONTROL_INVENTORY_LIST),
                         NULL, &answer);

    if (rc < 0) {
        return rc;
    }
    rc = inventory_print(json_object_get(answer, "inventories"), command->json);
    json_decref(answer);
    return rc;
}

/* The words of the command line are those of the protocol. */
static int inventory_do(const struct inventory_command *command, const char *control)
{
    json_t *answer = NULL;
    int rc = ask_and_say(
        control,
        json_pack("{s:s, s:s, s:s}", "op", CONTROL_OP_INVENTORY, "do", command->what, "inventory", command->inventory),
        NULL, &answer);

    if (rc == 0) {
        log_notice("inventory %s: %s", command->inventory,
                   strcmp(command->what, CONTROL_INVENTORY_READ) == 0 ? "it is being read" : "what it lacks is gone");
        json_decref(answer);
    }
    return rc;
}

int inventory_verb_run(const struct inventory_command *command)
{
    struct settings settings;
    int rc = settings_load_paths(&(struct settings_sources){.config = command->config, .db = command->db}, &settings);

    if (rc < 0) {
        return AUDIT_EXIT_ERROR;
    }
    rc = command->what == NULL ? inventory_list(command, settings.control) : inventory_do(command, settings.control);
    settings_done(&settings);
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}
