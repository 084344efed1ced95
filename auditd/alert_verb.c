#include "auditd/alert_verb.h"

#include "auditd/alert/courier.h"
#include "auditd/alert/post.h"
#include "auditd/ask.h"
#include "auditd/control.h"
#include "auditd/protocol.h"
#include "auditd/report/typeset.h"
#include "auditd/settings.h"
#include "auditd/store/alert.h"
#include "auditd/store/condition.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ALERT_PATIENCE_MS = 60000, ALERT_POLL_MS = 200 };

static const char *alert_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static void alert_cell(struct libscols_line *line, size_t column, const char *text)
{
    char cell[1024];

    typeset_escape(text, cell, sizeof(cell));
    (void)scols_line_set_data(line, column, cell);
}

/* ---- list, show ---- */

static int alert_print_table(const json_t *list)
{
    static const char *const columns[] = {"ID", "WRITTEN (UTC)", "TO", "STATE", "TRIES", "SEVERITY", "WHAT"};
    struct libscols_table *table = scols_new_table();
    char text[1024];
    size_t index;
    json_t *row;
    int rc = table == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < sizeof(columns) / sizeof(*columns); i++) {
        rc = scols_table_new_column(table, columns[i], 0, i == 6 ? SCOLS_FL_WRAP : 0) == NULL ? -ENOMEM : 0;
    }
    json_array_foreach(list, index, row)
    {
        struct libscols_line *line = rc == 0 ? scols_table_new_line(table, NULL) : NULL;
        if (line == NULL) {
            rc = -ENOMEM;
            break;
        }
        snprintf(text, sizeof(text), "%.8s", alert_member(row, "id"));
        alert_cell(line, 0, text);
        snprintf(text, sizeof(text), "%.10s %.8s", alert_member(row, "created_at"),
                 alert_member(row, "created_at") + strlen("2026-11-22T"));
        alert_cell(line, 1, text);
        alert_cell(line, 2, alert_member(row, "receiver"));
        alert_cell(line, 3, alert_member(row, "state"));
        snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(row, "attempts")));
        alert_cell(line, 4, text);
        alert_cell(line, 5, alert_member(row, "severity"));
        snprintf(text, sizeof(text), "%s (%" JSON_INTEGER_FORMAT ")%s%s", alert_member(row, "title"),
                 json_integer_value(json_object_get(row, "findings")),
                 alert_member(row, "error")[0] == '\0' ? "" : ": ", alert_member(row, "error"));
        alert_cell(line, 6, text);
    }
    rc = rc == 0 ? scols_print_table(table) : rc;
    scols_unref_table(table);
    return rc;
}

static int alert_print_lines(const json_t *list)
{
    size_t index;
    json_t *row;

    json_array_foreach(list, index, row)
    {
        if (json_dumpf(row, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF) {
            return -EIO;
        }
    }
    return 0;
}

static int alert_list(const struct alert_command *command, struct store *store)
{
    json_t *list;
    int rc = store_alert_list(store, command->state, command->limit, &list);

    if (rc < 0) {
        log_error("%s", store_last_error(store)->text);
        return rc;
    }
    if (json_array_size(list) == 0 && !command->json) {
        log_notice("there are no %s%salerts", command->state == NULL ? "" : command->state,
                   command->state == NULL ? "" : " ");
    } else {
        rc = command->json ? alert_print_lines(list) : alert_print_table(list);
    }
    json_decref(list);
    return rc;
}

static int alert_show(const struct alert_command *command, struct store *store)
{
    json_t *json;
    int rc = store_alert_json(store, command->what, true, &json);

    if (rc < 0) {
        log_error("there is no alert whose id begins with \"%.64s\"; `leastport alert list` shows them", command->what);
        return rc;
    }
    rc = json_dumpf(json, stdout, command->json ? JSON_COMPACT : JSON_INDENT(2) | JSON_ENSURE_ASCII) == 0 &&
                 putchar('\n') != EOF
             ? 0
             : -EIO;
    json_decref(json);
    return rc;
}

static int alert_amiss(const struct alert_command *command, struct store *store)
{
    char text[2 * STORE_CONDITION_TEXT_SIZE];
    json_t *list;
    size_t index;
    json_t *row;
    int rc = store_condition_list(store, &list);

    if (rc < 0) {
        log_error("%s", store_last_error(store)->text);
        return rc;
    }
    if (json_array_size(list) == 0 && !command->json) {
        log_notice("nothing is amiss");
    } else if (command->json) {
        rc = alert_print_lines(list);
    }
    json_array_foreach(command->json ? NULL : list, index, row)
    {
        (void)typeset_escape(alert_member(row, "text"), text, sizeof(text));
        printf("%s (since %.16sZ): %s\n", alert_member(row, "kind"), alert_member(row, "since"), text);
    }
    json_decref(list);
    return rc;
}

static int alert_look(const struct alert_command *command, const struct settings *settings)
{
    struct store_error error;
    struct store *store;
    int rc = store_open_read_only(settings->db, &store, &error);

    if (rc < 0) {
        log_error("%s", error.text);
        return rc;
    }
    rc = command->action == ALERT_ACTION_LIST    ? alert_list(command, store)
         : command->action == ALERT_ACTION_AMISS ? alert_amiss(command, store)
                                                 : alert_show(command, store);
    store_close(store);
    if (rc == 0 && fflush(stdout) != 0 && errno != EPIPE) {
        log_error("cannot write to standard output: %s", strerror(errno));
        rc = -errno;
    }
    return rc;
}

/* ---- retry, drop, test: through the daemon, or without one ---- */

static bool alert_is_pending(struct store *store, const json_t *ids)
{
    bool pending = false;
    size_t index;
    json_t *id;

    json_array_foreach(ids, index, id)
    {
        json_t *alert = NULL;
        if (store_alert_json(store, json_string_value(id), true, &alert) == 0) {
            /* One attempt tells. */
            pending = pending ||
                      (strcmp(alert_member(alert, "state"), "waiting") == 0 && alert_member(alert, "error")[0] == '\0');
            json_decref(alert);
        }
    }
    return pending;
}

static int alert_tell(struct store *store, const json_t *ids)
{
    size_t index;
    json_t *id;
    int rc = 0;

    json_array_foreach(ids, index, id)
    {
        json_t *alert = NULL;
        if (store_alert_json(store, json_string_value(id), true, &alert) < 0) {
            rc = -EIO;
            continue;
        }
        if (strcmp(alert_member(alert, "state"), "delivered") == 0) {
            printf("%s: delivered (alert %.8s)\n", alert_member(alert, "receiver"), json_string_value(id));
        } else {
            printf("%s: not delivered (alert %.8s): %s\n", alert_member(alert, "receiver"), json_string_value(id),
                   alert_member(alert, "error")[0] == '\0' ? "no answer yet" : alert_member(alert, "error"));
            rc = -EIO;
        }
        json_decref(alert);
    }
    return rc;
}

/* The daemon delivers: we look how it goes. */
static int alert_follow(const struct settings *settings, const json_t *ids)
{
    const struct timespec pause = {.tv_nsec = ALERT_POLL_MS * 1000000L};
    struct store_error error;
    struct store *store;
    int rc = store_open_read_only(settings->db, &store, &error);

    if (rc < 0) {
        log_error("%s", error.text);
        return rc;
    }
    for (int waited_ms = 0; waited_ms < ALERT_PATIENCE_MS && alert_is_pending(store, ids); waited_ms += ALERT_POLL_MS) {
        nanosleep(&pause, NULL);
    }
    rc = alert_tell(store, ids);
    store_close(store);
    return rc;
}

static void alert_on_idle(void *context)
{
    courier_stop(*(struct courier **)context);
}

/* Delivers what is due now, once each. */
static int alert_deliver(const struct settings *settings, struct store *store)
{
    struct courier *courier = NULL;
    const struct courier_options options = {
        .alerts = &settings->config.alerts,
        .store = store,
        .is_once = true,
        .on_idle = alert_on_idle,
        .context = (void *)&courier,
    };
    uv_loop_t loop;
    int rc = uv_loop_init(&loop);

    if (rc < 0) {
        return rc;
    }
    rc = courier_create(&loop, &options, &courier);
    if (rc == 0) {
        uv_run(&loop, UV_RUN_DEFAULT);
        courier_destroy(courier);
    }
    uv_loop_close(&loop);
    return rc;
}

static bool alert_delivers(const struct alert_command *command)
{
    return command->action == ALERT_ACTION_TEST || command->action == ALERT_ACTION_RETRY;
}

/* What the control socket calls it. */
static const char *alert_do_name(enum alert_action action)
{
    return action == ALERT_ACTION_TEST   ? CONTROL_ALERT_TEST
           : action == ALERT_ACTION_DROP ? CONTROL_ALERT_DROP
           : action == ALERT_ACTION_LIFT ? CONTROL_ALERT_LIFT
                                         : CONTROL_ALERT_RETRY;
}

static void alert_say_count(const struct alert_command *command, int64_t count)
{
    if (command->action == ALERT_ACTION_LIFT) {
        log_notice("the hold on %s is lifted: the next scan there decides what is FIXED", command->what);
        return;
    }
    log_notice("%" PRId64 " alert%s %s", count, count == 1 ? " is" : "s are",
               command->action == ALERT_ACTION_DROP ? "dropped" : "tried again");
}

static int alert_decide(const struct alert_command *command, const struct settings *settings, struct store *store,
                        char reason[POST_REASON_SIZE])
{
    char actor[96];
    const struct post_wish wish = {.what = alert_do_name(command->action), .uuid = command->what, .actor = actor};
    int64_t count;
    int rc;

    control_name_user(getuid(), getpid(), actor, sizeof(actor));
    rc = post_decide(store, &settings->config.alerts, &wish, &count, reason);
    if (rc == 0) {
        alert_say_count(command, count);
    }
    return rc;
}

static int alert_act(const struct alert_command *command, const struct settings *settings, struct store *store)
{
    char reason[POST_REASON_SIZE] = "";
    json_t *ids = NULL;
    int rc = command->action == ALERT_ACTION_TEST
                 ? post_test(store, &settings->config.alerts, command->what, &ids, reason)
                 : alert_decide(command, settings, store, reason);

    if (rc < 0) {
        log_error("%s", reason);
        return rc;
    }
    if (alert_delivers(command)) {
        rc = alert_deliver(settings, store);
    }
    rc = rc == 0 && ids != NULL ? alert_tell(store, ids) : rc;
    json_decref(ids);
    return rc;
}

static int alert_without_daemon(const struct alert_command *command, const struct settings *settings)
{
    struct store_options options = store_options_default();
    struct store_error error;
    struct store *store;
    int rc;

    if (alert_delivers(command) && settings->config.alerts.receiver_count == 0) {
        log_error("no daemon runs, and there are no receivers to deliver to: name the configuration that has them, "
                  "--config FILE");
        return -EINVAL;
    }
    rc = store_open(settings->db, &options, &store, &error);
    if (rc < 0) {
        log_error("%s", error.text);
        return rc;
    }
    rc = alert_act(command, settings, store);
    store_close(store);
    return rc;
}

static int alert_do(const struct alert_command *command, const struct settings *settings)
{
    bool is_test = command->action == ALERT_ACTION_TEST;
    json_t *request = json_pack("{s:s, s:s, s:s*}", "op", CONTROL_OP_ALERT, "do", alert_do_name(command->action), "of",
                                command->what);
    json_t *answer = NULL;
    int rc = request == NULL ? -ENOMEM : ask_daemon(settings->control, request, &answer);

    json_decref(request);
    if (rc == -ENOENT || rc == -ECONNREFUSED) {
        return alert_without_daemon(command, settings);
    }
    if (rc < 0) {
        log_error("the daemon at %s: %s", settings->control, strerror(-rc));
        return rc;
    }
    if (!json_is_true(json_object_get(answer, "ok"))) {
        log_error("%s", alert_member(answer, "error"));
        rc = -EPROTO;
    } else if (is_test) {
        rc = alert_follow(settings, json_object_get(answer, "alerts"));
    } else {
        alert_say_count(command, json_integer_value(json_object_get(answer, "count")));
    }
    json_decref(answer);
    return rc;
}

int alert_verb_run(const struct alert_command *command)
{
    struct settings settings;
    bool looks = command->action == ALERT_ACTION_LIST || command->action == ALERT_ACTION_SHOW ||
                 command->action == ALERT_ACTION_AMISS;
    int rc = settings_load_paths(&(struct settings_sources){.config = command->config, .db = command->db}, &settings);

    if (rc < 0) {
        return AUDIT_EXIT_ERROR;
    }
    rc = looks ? alert_look(command, &settings) : alert_do(command, &settings);
    settings_done(&settings);
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}
