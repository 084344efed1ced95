#include "auditd/serve.h"

#include "auditd/access.h"
#include "auditd/alert/courier.h"
#include "auditd/alert/post.h"
#include "auditd/alert/vigil.h"
#include "auditd/asked_log.h"
#include "auditd/dashboard.h"
#include "auditd/dispositions.h"
#include "auditd/imports.h"
#include "auditd/notify.h"
#include "auditd/policy_change.h"
#include "auditd/protocol.h"
#include "auditd/reach_request.h"
#include "auditd/scanner_list.h"
#include "auditd/scheduler.h"
#include "auditd/store/hindrance.h"
#include "auditd/store/token.h"
#include "auditd/upkeep.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sibling.h"
#include "scanner/protocol.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A stranger's statement is over within this time, as a rule; who asks how the daemon is waits longer. */
enum { SERVE_LOCK_PATIENCE_MS = 200 };
enum { SERVE_LINK_SIZE = DASHBOARD_URL_SIZE + 128, SERVE_SIGNALS = 3 };

struct serve {
    struct settings settings;
    struct desk desk;
    uv_loop_t loop;
    uv_signal_t signals[SERVE_SIGNALS];
    struct queue *queue;
    struct keyring *keyring;
    struct inventories *inventories;
    struct scheduler *scheduler;
    struct courier *courier;
    struct vigil *vigil;
    struct upkeep *upkeep;
    struct dispositions *dispositions;
    struct imports *imports;
    struct reach_desk *reach;
    struct control *control;
    struct asked_log *asked_log;
    struct dashboard *web;
    int64_t started_ms;
    int status;
    bool stopping;
    bool was_hindered; /* when something was to be written last */
    char scanner[PATH_MAX];
    char web_path[PATH_MAX];
};

static void serve_stop(struct serve *serve, int status);

static void serve_notify(const char *state)
{
    int rc = notify_send(getenv("NOTIFY_SOCKET"), state);

    if (rc < 0) {
        log_warning("cannot tell the service manager: %s", strerror(-rc));
    }
}

/* ---- the control socket's operations ---- */

static const char serve_cannot_write[] = "the daemon is ending, or cannot write to its database now; ask again";

/* The secret stands behind the #, which no browser sends to any server. */
static const char *serve_format_link(const struct serve *serve, const json_t *answer, char url[SERVE_LINK_SIZE])
{
    snprintf(url, SERVE_LINK_SIZE, "%slogin#%s", dashboard_url(serve->web),
             json_string_value(json_object_get(answer, "token")));
    return url;
}

static void serve_on_status(struct serve *serve, struct control_client *client, const json_t *request)
{
    char hindrance[STORE_HINDRANCE_SIZE];
    char started[WALL_TEXT_SIZE];

    (void)request;
    store_hindrance(serve->desk.store, 0, hindrance);
    control_send(client, json_pack("{s:b, s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "ok", 1, "version",
                                   LEASTPORT_VERSION, "pid", (json_int_t)getpid(), "db", serve->settings.db,
                                   "started_at", wall_format(serve->started_ms, started), "web",
                                   dashboard_status(serve->web), "jobs", queue_status(serve->queue), "ended",
                                   queue_ended(serve->queue), "upkeep", upkeep_status(serve->upkeep), "hindrance",
                                   hindrance[0] == '\0' ? json_null() : json_string(hindrance)));
}

static void serve_on_audit(struct serve *serve, struct control_client *client, const json_t *request)
{
    queue_audit(serve->queue, client, request);
}

static void serve_on_cancel(struct serve *serve, struct control_client *client, const json_t *request)
{
    queue_cancel(serve->queue, client, request);
}

static void serve_on_schedule(struct serve *serve, struct control_client *client, const json_t *request)
{
    scheduler_request(serve->scheduler, client, request);
}

static void serve_on_inventory(struct serve *serve, struct control_client *client, const json_t *request)
{
    inventories_request(serve->inventories, client, request);
}

static void serve_on_scanners(struct serve *serve, struct control_client *client, const json_t *request)
{
    const struct scanner_list_options options = {
        .config = &serve->settings.config, .db = serve->settings.db, .now_ms = wall_now_ms()};
    char error[SCANNER_LIST_ERROR_SIZE];
    json_t *list = NULL;
    int rc = scanner_list(&options, queue_status(serve->queue), &list, error);

    (void)request;
    if (rc < 0) {
        control_refuse_for(client, rc, "%s", error);
    } else {
        control_send(client, json_pack("{s:b, s:o}", "ok", 1, "scanners", list));
    }
}

static void serve_on_disposition(struct serve *serve, struct control_client *client, const json_t *request)
{
    dispositions_request(serve->dispositions, client, request);
}

static void serve_on_policy(struct serve *serve, struct control_client *client, const json_t *request)
{
    json_t *jobs = queue_status(serve->queue);
    bool busy = jobs == NULL || json_array_size(jobs) > 0;

    json_decref(jobs);
    policy_change_request(&serve->desk, &serve->settings, busy, client, request);
}

static void serve_on_import(struct serve *serve, struct control_client *client, const json_t *request)
{
    imports_request(serve->imports, client, request);
}

static void serve_on_reach(struct serve *serve, struct control_client *client, const json_t *request)
{
    reach_desk_request(serve->reach, serve->settings.db, client, request);
}

static void serve_on_alert(struct serve *serve, struct control_client *client, const json_t *request)
{
    if (!queue_flush(serve->queue)) {
        control_refuse_for(client, -EBUSY, "%s", serve_cannot_write);
        return;
    }
    post_request(serve->desk.store, &serve->settings.config.alerts, client, request);
}

static void serve_on_token(struct serve *serve, struct control_client *client, const json_t *request)
{
    const char *word = json_string_value(json_object_get(request, "do"));
    bool is_link = word != NULL && strcmp(word, CONTROL_TOKEN_LINK) == 0;
    char reason[ACCESS_REASON_SIZE];
    const struct access_options options = {
        .actor = control_client_actor(client), .address = control_client_address(client), .now_ms = wall_now_ms()};
    json_t *answer = NULL;
    int rc;

    if (is_link && *dashboard_url(serve->web) == '\0') {
        control_refuse(client, "the dashboard is not there yet; ask again in a moment");
        return;
    }
    if (serve->stopping || !queue_flush(serve->queue)) {
        control_refuse_for(client, -EBUSY, "%s", serve_cannot_write);
        return;
    }
    rc = access_token(serve->desk.store, request, &options, &answer, reason);
    if (rc < 0) {
        control_refuse_for(client, rc, "%s", reason);
        return;
    }
    if (is_link) {
        char url[SERVE_LINK_SIZE];
        json_object_set_new(answer, "url", json_string(serve_format_link(serve, answer, url)));
    }
    control_send(client, answer);
}

/* What web saw. Only who could write the database anyway may fill its audit log. */
static void serve_on_access(struct serve *serve, struct control_client *client, const json_t *request)
{
    uid_t uid = control_client_peer(client)->uid;
    char reason[ACCESS_REASON_SIZE];
    json_t *answer = NULL;

    if (uid != 0 && uid != getuid()) {
        control_refuse(client, "only the daemon's own user reports who came in");
    } else if (serve->stopping || !queue_flush(serve->queue)) {
        control_refuse(client, "%s", serve_cannot_write);
    } else if (access_note(serve->desk.store, request, &answer, reason) < 0) {
        control_refuse(client, "%s", reason);
    } else {
        control_send(client, answer);
    }
}

static const struct {
    const char *op;
    void (*run)(struct serve *serve, struct control_client *client, const json_t *request);
} serve_ops[] = {
    {CONTROL_OP_STATUS, serve_on_status},       {CONTROL_OP_AUDIT, serve_on_audit},
    {CONTROL_OP_CANCEL, serve_on_cancel},       {CONTROL_OP_SCHEDULE, serve_on_schedule},
    {CONTROL_OP_INVENTORY, serve_on_inventory}, {CONTROL_OP_DISPOSITION, serve_on_disposition},
    {CONTROL_OP_POLICY, serve_on_policy},       {CONTROL_OP_ALERT, serve_on_alert},
    {CONTROL_OP_TOKEN, serve_on_token},         {CONTROL_OP_ACCESS, serve_on_access},
    {CONTROL_OP_IMPORT, serve_on_import},       {CONTROL_OP_SCANNERS, serve_on_scanners},
    {CONTROL_OP_REACH, serve_on_reach},
};

/* What needs the database is refused at once where it cannot be written: nobody else is kept waiting for the lock. */
static bool serve_is_hindered(struct serve *serve, struct control_client *client, const char *op)
{
    char hindrance[STORE_HINDRANCE_SIZE];

    if (strcmp(op, CONTROL_OP_CANCEL) == 0 ||
        (asked_log_is_look(control_client_asked(client)) && strcmp(op, CONTROL_OP_ACCESS) != 0)) {
        return false;
    }
    store_hindrance(serve->desk.store, serve->was_hindered ? 0 : SERVE_LOCK_PATIENCE_MS, hindrance);
    serve->was_hindered = hindrance[0] != '\0';
    if (serve->was_hindered) {
        control_refuse_for(client, -EBUSY, "the database %s: %c%s", serve->settings.db, tolower(hindrance[0]),
                           hindrance + 1);
    }
    return serve->was_hindered;
}

static void serve_on_request(void *context, struct control_client *client, const json_t *request)
{
    const char *op = json_string_value(json_object_get(request, "op"));

    if (serve_is_hindered(context, client, op)) {
        return;
    }
    for (size_t i = 0; i < sizeof(serve_ops) / sizeof(*serve_ops); i++) {
        if (strcmp(serve_ops[i].op, op) == 0) {
            serve_ops[i].run(context, client, request);
            return;
        }
    }
    control_refuse(client,
                   "there is no operation \"%.64s\": status, audit, cancel, schedule, inventory, disposition, "
                   "policy, alert, token, access, import, scanners, reach",
                   op);
}

static void serve_on_settled(void *context, struct control_client *client, const char *asked, const char *error)
{
    const struct serve *serve = context;

    asked_log_note(serve->asked_log, client, asked, error);
}

static void serve_on_gone(void *context, struct control_client *client)
{
    struct serve *serve = context;

    queue_forget(serve->queue, client);
    imports_forget(serve->imports, client);
}

/* ---- web ---- */

/* Until somebody can get in as administrator by a token: a link that lets one browser in, instead of a password that
 * everybody knows. */
static void serve_offer_link(struct serve *serve)
{
    const struct access_options options = {.actor = AUDITD_PROGRAM, .now_ms = wall_now_ms()};
    json_t *request = json_pack("{s:s}", "do", CONTROL_TOKEN_LINK);
    char reason[ACCESS_REASON_SIZE] = "out of memory";
    char url[SERVE_LINK_SIZE];
    json_t *answer = NULL;
    bool has_admin = true;
    int rc = store_token_has_admin(serve->desk.store, options.now_ms, &has_admin);

    if (rc == 0 && !has_admin && request != NULL && queue_flush(serve->queue)) {
        rc = access_token(serve->desk.store, request, &options, &answer, reason);
        if (rc == 0) {
            log_notice("log in, once and within 15 minutes, at %s", serve_format_link(serve, answer, url));
        } else {
            log_warning("no link to log in can be made: %s", reason);
        }
    }
    json_decref(answer);
    json_decref(request);
}

static void serve_on_ready(void *context)
{
    serve_offer_link(context);
    serve_notify("READY=1");
}

/* Without a page from the start there is nothing to serve; later, audits go on without it. */
static void serve_on_given_up(void *context)
{
    serve_stop(context, AUDIT_EXIT_ERROR);
}

/* ---- stopping, in order: audits, web, the socket, the database ---- */

static void serve_close_signals(struct serve *serve)
{
    for (size_t i = 0; i < SERVE_SIGNALS; i++) {
        uv_close((uv_handle_t *)&serve->signals[i], NULL);
    }
}

static void serve_on_web_stopped(void *context)
{
    struct serve *serve = context;

    serve->web = NULL;
    courier_stop(serve->courier);
    control_close(serve->control);
    serve->control = NULL;
    asked_log_stop(serve->asked_log);
    serve_close_signals(serve);
}

static void serve_on_queue_stopped(void *context)
{
    struct serve *serve = context;

    if (serve->web == NULL) {
        serve_on_web_stopped(serve);
    } else {
        dashboard_stop(serve->web);
    }
}

static void serve_stop(struct serve *serve, int status)
{
    if (!serve->stopping) {
        serve->stopping = true;
        serve->status = status;
        serve_notify("STOPPING=1");
    }
    scheduler_stop(serve->scheduler);
    inventories_stop(serve->inventories);
    dispositions_stop(serve->dispositions);
    vigil_stop(serve->vigil);
    imports_stop(serve->imports);
    upkeep_stop(serve->upkeep);
    queue_stop(serve->queue);
}

static void serve_on_signal(uv_signal_t *handle, int number)
{
    struct serve *serve = handle->data;

    if (number == SIGHUP && isatty(STDERR_FILENO) != 1) {
        /* Of a service it asks to read again what can be; a terminal's says that it is gone. */
        if (!dashboard_reload(serve->web)) {
            log_warning("the dashboard is not there to read its certificate again");
        }
        return;
    }
    log_notice("ending on signal %d (%s)", number, strsignal(number));
    serve_stop(serve, EXIT_SUCCESS);
}

/* ---- starting ---- */

static void serve_watch_signals(struct serve *serve)
{
    const int numbers[SERVE_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < SERVE_SIGNALS; i++) {
        uv_signal_init(&serve->loop, &serve->signals[i]);
        serve->signals[i].data = serve;
        (void)uv_signal_start(&serve->signals[i], serve_on_signal, numbers[i]);
    }
}

static int serve_open_control(struct serve *serve)
{
    struct control_options options = control_options_default();
    int rc;

    options.path = serve->settings.control;
    options.on_request = serve_on_request;
    options.on_settled = serve_on_settled;
    options.on_gone = serve_on_gone;
    options.context = serve;
    rc = control_create(&serve->loop, &options, &serve->control);
    if (rc == -ENAMETOOLONG) {
        log_error("the control socket %s has a path of %zu bytes, and a UNIX socket's may have %zu: choose a shorter "
                  "path for the database with --db",
                  options.path, strlen(options.path), control_path_max());
    } else if (rc == -EEXIST) {
        log_error("the control socket %s cannot be made: something else is there. Move it away.", options.path);
    } else if (rc == -EADDRINUSE) {
        log_error("another process answers on the control socket %s", options.path);
    } else if (rc < 0) {
        log_error("the control socket %s cannot be made: %s", options.path, strerror(-rc));
    }
    return rc;
}

static int serve_start_web(struct serve *serve)
{
    return dashboard_create(&serve->loop,
                            &(struct dashboard_options){.program = serve->web_path,
                                                        .settings = &serve->settings,
                                                        .on_ready = serve_on_ready,
                                                        .on_given_up = serve_on_given_up,
                                                        .on_stopped = serve_on_web_stopped,
                                                        .context = serve},
                            &serve->web);
}

static bool serve_may_write(void *context)
{
    const struct serve *serve = context;

    return queue_flush(serve->queue);
}

/* Who is told, and what is told of Leastport itself. */
static int serve_start_alerts(struct serve *serve)
{
    int rc = courier_create(&serve->loop,
                            &(struct courier_options){.alerts = &serve->settings.config.alerts,
                                                      .store = serve->desk.store,
                                                      .may_write = serve_may_write,
                                                      .context = serve},
                            &serve->courier);
    if (rc < 0) {
        log_error("alerts cannot be delivered: %s", strerror(-rc));
        return rc;
    }
    serve->vigil = vigil_create(&serve->loop, &(struct vigil_options){.store = serve->desk.store,
                                                                      .max_age_ms = serve->settings.config.max_age_ms,
                                                                      .may_write = serve_may_write,
                                                                      .context = serve});
    return serve->vigil == NULL ? -ENOMEM : 0;
}

static int serve_start(struct serve *serve)
{
    const struct queue_options options = {
        .settings = &serve->settings,
        .desk = &serve->desk,
        .scanner = serve->scanner,
        .on_stopped = serve_on_queue_stopped,
        .context = serve,
    };
    int rc;

    serve->queue = queue_create(&serve->loop, &options);
    if (serve->queue == NULL) {
        return -ENOMEM;
    }
    serve->inventories = inventories_create(&serve->loop, &(struct inventories_options){.settings = &serve->settings,
                                                                                        .desk = &serve->desk,
                                                                                        .queue = serve->queue,
                                                                                        .keyring = serve->keyring});
    if (serve->inventories == NULL) {
        return -ENOMEM;
    }
    rc = scheduler_create(&serve->loop,
                          &(struct scheduler_options){.settings = &serve->settings,
                                                      .desk = &serve->desk,
                                                      .queue = serve->queue,
                                                      .inventories = serve->inventories},
                          &serve->scheduler);
    if (rc < 0) {
        log_error("the schedules cannot be kept: %s", store_last_error(serve->desk.store)->text);
        return rc;
    }
    serve->dispositions = dispositions_create(
        &serve->loop,
        &(struct dispositions_options){.settings = &serve->settings, .desk = &serve->desk, .queue = serve->queue});
    serve->imports = imports_create(
        &(struct imports_options){.settings = &serve->settings, .desk = &serve->desk, .queue = serve->queue});
    serve->reach = reach_desk_create();
    serve->asked_log = asked_log_create(&serve->loop, serve->desk.store);
    if (serve->asked_log == NULL || serve->dispositions == NULL || serve->imports == NULL || serve->reach == NULL) {
        return -ENOMEM;
    }
    serve->upkeep = upkeep_create(&serve->loop, &(struct upkeep_options){.store = serve->desk.store,
                                                                         .config = &serve->settings.config,
                                                                         .may_write = serve_may_write,
                                                                         .context = serve});
    if (serve->upkeep == NULL) {
        return -ENOMEM;
    }
    rc = serve_start_alerts(serve);
    rc = rc < 0 ? rc : serve_open_control(serve);
    rc = rc < 0 ? rc : serve_start_web(serve);
    if (rc < 0) {
        return rc;
    }
    rc = queue_resume(serve->queue);
    if (rc < 0) {
        log_error("audits that were handed over cannot be read: %s", store_last_error(serve->desk.store)->text);
    }
    return rc;
}

static void serve_loop(struct serve *serve)
{
    if (uv_loop_init(&serve->loop) < 0) {
        log_error("cannot start: no event loop");
        return;
    }
    serve_watch_signals(serve);
    if (serve_start(serve) < 0) {
        serve->stopping = true;
        serve->status = AUDIT_EXIT_ERROR;
        scheduler_stop(serve->scheduler);
        inventories_stop(serve->inventories);
        dispositions_stop(serve->dispositions);
        vigil_stop(serve->vigil);
        upkeep_stop(serve->upkeep);
        serve_on_queue_stopped(serve);
    }
    uv_run(&serve->loop, UV_RUN_DEFAULT);
    uv_loop_close(&serve->loop);
    queue_destroy(serve->queue);
    scheduler_destroy(serve->scheduler);
    courier_destroy(serve->courier);
    vigil_destroy(serve->vigil);
    upkeep_destroy(serve->upkeep);
    inventories_destroy(serve->inventories);
    dispositions_destroy(serve->dispositions);
    imports_destroy(serve->imports);
    reach_desk_destroy(serve->reach);
    asked_log_destroy(serve->asked_log);
}

static int serve_find_programs(struct serve *serve)
{
    const char *missing = NULL;

    if (sibling_find(SCAN_PROGRAM, serve->scanner, sizeof(serve->scanner)) < 0) {
        missing = SCAN_PROGRAM;
    } else if (sibling_find(WEB_PROGRAM, serve->web_path, sizeof(serve->web_path)) < 0) {
        missing = WEB_PROGRAM;
    }
    if (missing != NULL) {
        log_error("cannot find the program %s: neither beside this one nor on PATH", missing);
        return -ENOENT;
    }
    return 0;
}

int serve_run(const struct serve_options *options)
{
    const struct settings_sources sources = {
        .config = options->config, .db = options->db, .policy = options->policy, .listen = options->listen};
    struct serve *serve = calloc(1, sizeof(*serve));
    struct store_error error;
    int status = AUDIT_EXIT_ERROR;

    if (isatty(STDERR_FILENO) != 1) {
        log_init("leastport-auditd", LOG_FORMAT_JSON, LOG_LEVEL_NOTICE);
    }
    if (serve == NULL || keyring_take(&serve->keyring) < 0 || settings_load(&sources, &serve->settings) < 0) {
        keyring_destroy(serve == NULL ? NULL : serve->keyring);
        free(serve);
        return AUDIT_EXIT_ERROR;
    }
    serve->started_ms = wall_now_ms();
    serve->status = AUDIT_EXIT_ERROR;
    if (serve_find_programs(serve) == 0) {
        if (desk_open(&serve->settings, &serve->desk, &error) < 0) {
            log_error("%s", error.text);
        } else {
            serve_loop(serve);
            status = serve->status;
            desk_close(&serve->desk);
        }
    }
    settings_done(&serve->settings);
    keyring_destroy(serve->keyring);
    free(serve);
    return status;
}
