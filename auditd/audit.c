#include "auditd/audit.h"

#include "auditd/control.h"
#include "auditd/desk.h"
#include "auditd/handover.h"
#include "auditd/job.h"
#include "auditd/outputs.h"
#include "auditd/own.h"
#include "auditd/protocol.h"
#include "auditd/request.h"
#include "lib/sibling.h"
#include "scanner/protocol.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AUDIT_EXIT_KILLED = 130 };

struct audit {
    const struct audit_options *options;
    struct settings settings;
    struct desk desk;
    struct meter meter;
    json_t *request;
    uv_loop_t loop;
    uv_signal_t interrupt;
    uv_signal_t terminate;
    uv_signal_t hangup;
    struct job *job;
    struct job_result result;
    int signals;
    char actor[96];
    char scanner[PATH_MAX];
};

/* ---- what is asked ---- */

static json_t *audit_list(const struct options_list *list)
{
    json_t *json = json_array();

    for (size_t i = 0; json != NULL && i < list->count; i++) {
        json_t *text = json_string(list->items[i]);
        if (text == NULL) {
            log_error("\"%s\" is no text in UTF-8", list->items[i]);
        }
        if (json_array_append_new(json, text) != 0) {
            json_decref(json);
            json = NULL;
        }
    }
    return json;
}

/* The command line's targets, else the configuration's, else this machine's own addresses. */
static json_t *audit_targets(const struct audit *audit)
{
    json_t *targets;
    size_t left_out;
    int rc;

    if (audit->options->targets.count > 0 || audit->settings.config.targets.count > 0) {
        const struct options_list configured = {.items = audit->settings.config.targets.items,
                                                .count = audit->settings.config.targets.count};
        return audit_list(audit->options->targets.count > 0 ? &audit->options->targets : &configured);
    }
    rc = own_targets(&targets, &left_out);
    if (rc < 0) {
        log_error("cannot read this machine's addresses: %s", strerror(-rc));
        return NULL;
    }
    log_notice("no TARGET given: auditing this machine's own %zu addresses", json_array_size(targets));
    if (left_out > 0) {
        log_notice("%zu link-local IPv6 addresses are left out: name them as TARGET to look at them, too", left_out);
    }
    return targets;
}

static int audit_put_text(json_t *request, const char *name, const char *value)
{
    return value == NULL || json_object_set_new(request, name, json_string(value)) == 0 ? 0 : -EINVAL;
}

static int audit_put_count(json_t *request, const char *name, int64_t value)
{
    return value < 0 || json_object_set_new(request, name, json_integer(value)) == 0 ? 0 : -EINVAL;
}

static int audit_make_request(struct audit *audit)
{
    const struct audit_options *options = audit->options;
    char reason[REQUEST_REASON_SIZE];
    json_t *targets = audit_targets(audit);
    json_t *request = targets == NULL ? NULL : json_pack("{s:o}", "targets", targets);

    if (request == NULL) {
        return -EINVAL;
    }
    audit->request = request;
    if (json_object_set_new(request, "exclude", audit_list(&options->exclude)) != 0 ||
        json_object_set_new(request, "new_tenant", audit_list(&options->new_tenants)) != 0 ||
        audit_put_text(request, "ports", options->ports) < 0 || audit_put_text(request, "realm", options->realm) < 0 ||
        audit_put_text(request, "vantage", options->vantage) < 0 ||
        audit_put_text(request, "vantage_class", options->vantage_class) < 0 ||
        audit_put_text(request, "probe", options->probe) < 0 ||
        audit_put_count(request, "rate_pps", options->rate_pps) < 0 ||
        audit_put_count(request, "host_rate_pps", options->host_rate_pps) < 0 ||
        audit_put_count(request, "retries", options->retries) < 0 ||
        (options->no_verify && json_object_set_new(request, "verify", json_false()) != 0) ||
        (options->no_services && json_object_set_new(request, "services", json_false()) != 0) ||
        (options->no_door_checks && json_object_set_new(request, "door_checks", json_false()) != 0) ||
        (options->ask_printers && json_object_set_new(request, "printers", json_true()) != 0) ||
        (options->ask_again && json_object_set_new(request, "ask_again", json_true()) != 0) ||
        (options->fresh && json_object_set_new(request, "fresh", json_true()) != 0)) {
        log_error("an argument is no text in UTF-8");
        return -EINVAL;
    }
    if (request_check(request, reason) < 0) {
        log_error("%s", reason);
        return -EINVAL;
    }
    return 0;
}

/* --scope adds to the configuration's; without both the scanner's default holds. */
static int audit_add_scope(struct config_list *scope, const struct options_list *more)
{
    for (size_t i = 0; i < more->count; i++) {
        struct prefix prefix;
        char **items;

        if (prefix_parse(more->items[i], &prefix) < 0) {
            log_error("--scope \"%s\" is no address and no prefix such as 203.0.113.0/24", more->items[i]);
            return -EINVAL;
        }
        items = reallocarray(scope->items, scope->count + 1, sizeof(*items));
        if (items == NULL) {
            return -ENOMEM;
        }
        scope->items = items;
        items[scope->count] = strdup(more->items[i]);
        if (items[scope->count] == NULL) {
            return -ENOMEM;
        }
        scope->count++;
    }
    return 0;
}

/* ---- the end ---- */

static int audit_exit_status(const struct audit *audit, const struct tally *tally, bool complete)
{
    if (tally_at_least(tally, audit->options->fail_on) > 0) {
        return AUDIT_EXIT_FINDINGS;
    }
    return complete ? AUDIT_EXIT_CLEAN : AUDIT_EXIT_INCOMPLETE;
}

static int audit_report(const struct audit *audit, int status)
{
    int rc = outputs_write_all(audit->settings.db, audit->options->outputs, audit->options->output_count);

    return rc < 0 ? AUDIT_EXIT_ERROR : status;
}

/* ---- by the daemon ---- */

static bool audit_can_hand_over(const struct audit *audit)
{
    const struct audit_options *options = audit->options;

    if (options->policy != NULL || options->config != NULL || options->scope.count > 0) {
        log_error("--policy, --config and --scope are the daemon's to set while it runs: leave them out, or end the "
                  "daemon first");
        return false;
    }
    return true;
}

/* The database is locked: whoever holds it may be a daemon that takes the job. */
static int audit_hand_over(struct audit *audit, const struct store_error *locked)
{
    struct handover_result result = {0};
    int rc = -ENOENT;

    if (strlen(audit->settings.control) <= control_path_max()) {
        if (access(audit->settings.control, F_OK) == 0 && !audit_can_hand_over(audit)) {
            return AUDIT_EXIT_ERROR;
        }
        rc = handover_run(audit->settings.control, audit->request, &audit->meter, &result);
    }
    if (rc == -EINTR) {
        return AUDIT_EXIT_KILLED;
    }
    if (rc == -EPROTO) {
        log_error("the daemon did not do the audit: %s", result.message);
        return AUDIT_EXIT_ERROR;
    }
    if (rc < 0) {
        log_error("%s", locked->text);
        return AUDIT_EXIT_ERROR;
    }
    if (!result.complete) {
        log_warning("the audit is incomplete: %s", result.message);
    }
    return audit_report(audit, audit_exit_status(audit, &result.tally, result.complete));
}

/* ---- here ---- */

static void audit_on_progress(void *context, enum job_phase phase, const struct observation_progress *progress)
{
    struct audit *audit = context;
    const struct meter_reading reading = {
        .what = job_phase_name(phase),
        .probes_done = progress->probes_done,
        .probes = progress->probes,
        .rate_pps = progress->rate_pps,
        .open = progress->open,
        .eta_s = progress->eta_s,
    };

    meter_show(&audit->meter, &reading);
}

static void audit_on_notice(void *context, enum log_level level, const char *message)
{
    struct audit *audit = context;

    meter_clear(&audit->meter);
    log_message(level, "%s", message);
}

static void audit_close_signals(struct audit *audit)
{
    uv_close((uv_handle_t *)&audit->interrupt, NULL);
    uv_close((uv_handle_t *)&audit->terminate, NULL);
    uv_close((uv_handle_t *)&audit->hangup, NULL);
}

static void audit_on_ended(void *context, const struct job_result *result)
{
    struct audit *audit = context;

    audit->result = *result;
    job_destroy(audit->job);
    audit->job = NULL;
    meter_clear(&audit->meter);
    audit_close_signals(audit);
}

static void audit_on_signal(uv_signal_t *handle, int number)
{
    struct audit *audit = handle->data;

    (void)number;
    audit->signals++;
    meter_clear(&audit->meter);
    if (audit->signals == 1) {
        log_notice("ending the scan, keeping what it saw; once more to end at once");
    }
    if (audit->job != NULL) {
        job_interrupt(audit->job);
    }
}

static void audit_watch_signals(struct audit *audit)
{
    uv_signal_t *handles[] = {&audit->interrupt, &audit->terminate, &audit->hangup};
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        uv_signal_init(&audit->loop, handles[i]);
        handles[i]->data = audit;
        (void)uv_signal_start(handles[i], audit_on_signal, numbers[i]);
    }
}

static int audit_start_job(struct audit *audit)
{
    struct job_options options = {
        .store = audit->desk.store,
        .config = &audit->settings.config,
        .policy = audit->settings.policy,
        .policy_id = audit->desk.policy_id,
        .scanner = audit->scanner,
        .request = audit->request,
        .actor = audit->actor,
        .on_progress = audit_on_progress,
        .on_notice = audit_on_notice,
        .on_ended = audit_on_ended,
        .context = audit,
    };
    char error[SWEEP_TEXT_SIZE];
    int rc = job_start(&audit->loop, &options, &audit->job, error);

    if (rc < 0) {
        log_error("%s", error);
    }
    return rc;
}

/* -errno when there is nothing to report. */
static int audit_sweep(struct audit *audit)
{
    int rc = uv_loop_init(&audit->loop);

    if (rc < 0) {
        log_error("cannot start: %s", strerror(-rc));
        return rc;
    }
    audit_watch_signals(audit);
    rc = audit_start_job(audit);
    if (rc < 0) {
        audit_close_signals(audit);
    }
    uv_run(&audit->loop, UV_RUN_DEFAULT);
    uv_loop_close(&audit->loop);
    if (rc == 0 && audit->result.end == JOB_FAILED) {
        log_error("%s", audit->result.message);
        rc = -EIO;
    }
    return rc;
}

static int audit_conclude(struct audit *audit)
{
    struct tally tally = {0};
    char error[512];

    if (audit->result.end == JOB_UNANSWERED) {
        log_warning("the audit is incomplete: %s", audit->result.message);
    }
    if (audit->result.end == JOB_INCOMPLETE) {
        log_warning("the audit is incomplete: %s. The same command goes on from there.", audit->result.message);
    }
    if (audit->signals > 1) {
        return AUDIT_EXIT_KILLED;
    }
    if (audit->result.scan_uuid[0] == '\0') {
        return AUDIT_EXIT_INCOMPLETE;
    }
    if (tally_scan(audit->settings.db, audit->result.scan_uuid, &tally, error, sizeof(error)) < 0) {
        log_error("%s", error);
        return AUDIT_EXIT_ERROR;
    }
    return audit_report(audit, audit_exit_status(audit, &tally, audit->result.end == JOB_COMPLETE));
}

static int audit_here(struct audit *audit)
{
    struct store_error error;
    int rc = desk_open(&audit->settings, &audit->desk, &error);

    if (rc < 0 && error.fault == STORE_FAULT_LOCKED) {
        return audit_hand_over(audit, &error);
    }
    if (rc < 0) {
        log_error("%s", error.text);
        return AUDIT_EXIT_ERROR;
    }
    rc = audit_sweep(audit);
    desk_close(&audit->desk);
    return rc < 0 ? AUDIT_EXIT_ERROR : audit_conclude(audit);
}

int audit_run(const struct audit_options *options)
{
    const struct settings_sources sources = {.config = options->config, .db = options->db, .policy = options->policy};
    struct audit audit = {.options = options};
    int status = AUDIT_EXIT_ERROR;

    meter_init(&audit.meter, stderr);
    control_name_user(getuid(), getpid(), audit.actor, sizeof(audit.actor));
    if (settings_load(&sources, &audit.settings) < 0) {
        return AUDIT_EXIT_ERROR;
    }
    if (sibling_find(SCAN_PROGRAM, audit.scanner, sizeof(audit.scanner)) < 0) {
        log_error("cannot find the program %s: neither beside this one nor on PATH", SCAN_PROGRAM);
    } else if (audit_make_request(&audit) == 0 && audit_add_scope(&audit.settings.config.scope, &options->scope) == 0) {
        status = audit_here(&audit);
    }
    json_decref(audit.request);
    settings_done(&audit.settings);
    return status;
}
