#include "auditd/schedule_verb.h"

#include "auditd/ask.h"
#include "auditd/protocol.h"
#include "auditd/report/typeset.h"
#include "auditd/schedule_list.h"
#include "auditd/settings.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEDULE_CELL_SIZE = 512 };

/* ---- tables ---- */

static const char *schedule_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

/* "2026-11-22 02:30" */
static const char *schedule_when(const json_t *object, const char *name, char text[WALL_TEXT_SIZE])
{
    snprintf(text, WALL_TEXT_SIZE, "%.16s", schedule_member(object, name));
    if (strlen(text) == 16) {
        text[10] = ' ';
    }
    return text;
}

static void schedule_cell(struct libscols_line *line, size_t column, const char *text)
{
    char cell[SCHEDULE_CELL_SIZE];

    typeset_escape(text, cell, sizeof(cell));
    (void)scols_line_set_data(line, column, cell);
}

static struct libscols_table *schedule_table(const char *const *columns, size_t count)
{
    struct libscols_table *table = scols_new_table();

    for (size_t i = 0; table != NULL && i < count; i++) {
        if (scols_table_new_column(table, columns[i], 0, i + 1 == count ? SCOLS_FL_WRAP : 0) == NULL) {
            scols_unref_table(table);
            table = NULL;
        }
    }
    return table;
}

static void schedule_state(const json_t *row, char *text, size_t size)
{
    const char *state = schedule_member(row, "state");

    if (strcmp(state, "paused") == 0) {
        snprintf(text, size, "paused by %s", schedule_member(row, "paused_by"));
    } else {
        snprintf(text, size, "%s", state);
    }
}

static void schedule_last(const json_t *row, char *text, size_t size)
{
    const json_t *last = json_object_get(row, "last");
    const char *message = schedule_member(last, "message");
    char when[WALL_TEXT_SIZE];

    text[0] = '\0';
    if (json_is_object(last)) {
        snprintf(text, size, "%s %s%s%.300s", schedule_when(last, "ended", when), schedule_member(last, "state"),
                 message[0] == '\0' ? "" : ": ", message);
    }
}

static int schedule_print_list(const json_t *list)
{
    static const char *const columns[] = {"NAME", "CRON", "ZONE", "NEXT (UTC)", "STATE", "LAST (UTC)"};
    struct libscols_table *table = schedule_table(columns, sizeof(columns) / sizeof(*columns));
    char text[SCHEDULE_CELL_SIZE];
    size_t index;
    json_t *row;
    int rc = table == NULL ? -ENOMEM : 0;

    json_array_foreach(list, index, row)
    {
        struct libscols_line *line = rc == 0 ? scols_table_new_line(table, NULL) : NULL;
        if (line == NULL) {
            rc = -ENOMEM;
            break;
        }
        schedule_cell(line, 0, schedule_member(row, "name"));
        schedule_cell(line, 1, schedule_member(row, "cron"));
        schedule_cell(line, 2, schedule_member(row, "zone"));
        schedule_cell(line, 3,
                      json_is_string(json_object_get(row, "paused_at"))
                          ? "-"
                          : schedule_when(json_array_get(json_object_get(row, "next"), 0), "begins", text));
        schedule_state(row, text, sizeof(text));
        schedule_cell(line, 4, text);
        schedule_last(row, text, sizeof(text));
        schedule_cell(line, 5, text);
    }
    rc = rc == 0 ? scols_print_table(table) : rc;
    scols_unref_table(table);
    return rc;
}

static int schedule_print_next(const json_t *list)
{
    static const char *const columns[] = {"NAME", "DUE THERE", "DUE (UTC)", "BEGINS (UTC)"};
    struct libscols_table *table = schedule_table(columns, sizeof(columns) / sizeof(*columns));
    char text[WALL_TEXT_SIZE];
    size_t index;
    size_t at;
    json_t *row;
    json_t *next;
    int rc = table == NULL ? -ENOMEM : 0;

    json_array_foreach(list, index, row)
    {
        json_array_foreach(json_object_get(row, "next"), at, next)
        {
            struct libscols_line *line = rc == 0 ? scols_table_new_line(table, NULL) : NULL;
            if (line == NULL) {
                rc = -ENOMEM;
                break;
            }
            schedule_cell(line, 0, schedule_member(row, "name"));
            schedule_cell(line, 1, schedule_member(next, "local"));
            schedule_cell(line, 2, schedule_when(next, "due", text));
            schedule_cell(line, 3, schedule_when(next, "begins", text));
        }
    }
    rc = rc == 0 ? scols_print_table(table) : rc;
    scols_unref_table(table);
    return rc;
}

/* ---- what is shown ---- */

static int schedule_ask(const struct settings *settings, json_t *request, json_t **ret_answer)
{
    return ask_and_say(settings->control, request,
                       ", or name the configuration with --config to see its schedules without one", ret_answer);
}

/* Of the configuration that was named, else of the daemon's; a new reference. */
static int schedule_gather(const struct schedule_command *command, const struct settings *settings, json_t **ret_list)
{
    int64_t count = command->action == SCHEDULE_NEXT ? command->count : 1;
    char error[512];
    json_t *answer = NULL;
    int rc;

    if (command->config != NULL) {
        const struct schedule_list_options options = {.now_ms = wall_now_ms(), .next_count = count};
        rc = schedule_list(&settings->config, settings->db, &options, ret_list, error);
        if (rc < 0) {
            log_error("%s", error);
        }
        return rc;
    }
    rc = schedule_ask(
        settings,
        json_pack("{s:s, s:s, s:I}", "op", CONTROL_OP_SCHEDULE, "do", CONTROL_SCHEDULE_LIST, "next", (json_int_t)count),
        &answer);
    if (rc == 0) {
        *ret_list = json_incref(json_object_get(answer, "schedules"));
        json_decref(answer);
    }
    return rc;
}

/* Keeps only the schedule of that name. */
static int schedule_choose(json_t *list, const char *name)
{
    for (size_t i = json_array_size(list); name != NULL && i > 0; i--) {
        if (strcmp(schedule_member(json_array_get(list, i - 1), "name"), name) != 0) {
            json_array_remove(list, i - 1);
        }
    }
    if (name != NULL && json_array_size(list) == 0) {
        log_error("there is no schedule \"%s\"", name);
        return -ENOENT;
    }
    if (json_array_size(list) == 0) {
        log_notice("the configuration has no \"schedules\"");
    }
    return 0;
}

static int schedule_print(const struct schedule_command *command, const json_t *list)
{
    size_t index;
    json_t *row;

    if (!command->json) {
        return json_array_size(list) == 0         ? 0
               : command->action == SCHEDULE_NEXT ? schedule_print_next(list)
                                                  : schedule_print_list(list);
    }
    json_array_foreach(list, index, row)
    {
        if (json_dumpf(row, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF) {
            return -EIO;
        }
    }
    return 0;
}

static int schedule_show(const struct schedule_command *command, const struct settings *settings)
{
    json_t *list = NULL;
    int rc = schedule_gather(command, settings, &list);

    if (rc < 0) {
        return rc;
    }
    rc = schedule_choose(list, command->name);
    rc = rc < 0 ? rc : schedule_print(command, list);
    json_decref(list);
    if (rc == 0 && fflush(stdout) != 0 && errno != EPIPE) {
        log_error("cannot write to standard output: %s", strerror(errno));
        rc = -errno;
    }
    return rc;
}

/* ---- what is done ---- */

static int schedule_do(const struct schedule_command *command, const struct settings *settings)
{
    static const struct {
        const char *word;
        const char *done;
    } actions[] = {
        [SCHEDULE_RUN] = {CONTROL_SCHEDULE_RUN, "runs now, or as soon as the queue and its blackout windows let it; "
                                                "`leastport schedule list` shows how it goes"},
        [SCHEDULE_PAUSE] = {CONTROL_SCHEDULE_PAUSE, "pauses; a run that is under way goes on"},
        [SCHEDULE_RESUME] = {CONTROL_SCHEDULE_RESUME, "goes on; what was due meanwhile is not made up for"},
    };
    json_t *answer = NULL;
    int rc = schedule_ask(settings,
                          json_pack("{s:s, s:s, s:s}", "op", CONTROL_OP_SCHEDULE, "do", actions[command->action].word,
                                    "schedule", command->name),
                          &answer);

    if (rc == 0) {
        log_notice("schedule %s %s", command->name, actions[command->action].done);
        json_decref(answer);
    }
    return rc;
}

int schedule_verb_run(const struct schedule_command *command)
{
    struct settings settings;
    int rc = settings_load_paths(&(struct settings_sources){.config = command->config, .db = command->db}, &settings);

    if (rc < 0) {
        return AUDIT_EXIT_ERROR;
    }
    switch (command->action) {
    case SCHEDULE_LIST:
    case SCHEDULE_NEXT:
        rc = schedule_show(command, &settings);
        break;
    case SCHEDULE_RUN:
    case SCHEDULE_PAUSE:
    case SCHEDULE_RESUME:
        rc = schedule_do(command, &settings);
        break;
    case SCHEDULE_CHECK:
        printf("%s: %zu schedule%s, no error\n", command->config, settings.config.schedule_count,
               settings.config.schedule_count == 1 ? "" : "s");
        break;
    }
    settings_done(&settings);
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}
