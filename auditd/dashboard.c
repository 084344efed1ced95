#include "auditd/dashboard.h"

#include "auditd/protocol.h"
#include "auditd/supervise.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With what the configuration says beside. */
enum { DASHBOARD_ARGS = 13 };

struct dashboard {
    struct dashboard_options options;
    struct supervise *child;
    bool was_ready;
    char url[DASHBOARD_URL_SIZE];
    char *args[]; /* ends with NULL */
};

static void dashboard_on_ready(void *context, const char *url)
{
    struct dashboard *dashboard = context;

    snprintf(dashboard->url, sizeof(dashboard->url), "%s", url);
    if (dashboard->was_ready) {
        log_notice("the dashboard is back at %s", url);
        return;
    }
    dashboard->was_ready = true;
    log_notice("dashboard at %s", url);
    dashboard->options.on_ready(dashboard->options.context);
}

static void dashboard_on_died(void *context, const char *how, enum supervise_state next, uint64_t wait_ms)
{
    struct dashboard *dashboard = context;

    if (next == SUPERVISE_WAITING) {
        log_warning("%s %s; it is started again in %" PRIu64 " ms", WEB_PROGRAM, how, wait_ms);
        return;
    }
    if (supervise_was_misused(dashboard->child)) {
        log_error("the dashboard cannot be served: %s said why, above", WEB_PROGRAM);
    } else {
        log_error("%s %s again and again and is not started any more; what it said stands above", WEB_PROGRAM, how);
    }
    if (!dashboard->was_ready) {
        dashboard->options.on_given_up(dashboard->options.context);
    }
}

static void dashboard_on_stopped(void *context)
{
    struct dashboard *dashboard = context;
    struct dashboard_options options = dashboard->options;

    free(dashboard);
    options.on_stopped(options.context);
}

/* What is not configured is left out. */
static void dashboard_name_args(struct dashboard *dashboard)
{
    static char words[][32] = {
        WEB_PROGRAM, "--db", "--listen", "--control", "--tls-certificate", "--tls-key", "--cleartext-exposes-tokens"};
    struct settings *settings = dashboard->options.settings;
    const struct config *config = &settings->config;
    char *const values[] = {NULL,
                            settings->db,
                            config->listen,
                            settings->control,
                            config->tls_certificate,
                            config->tls_key,
                            config->cleartext_exposes_tokens ? words[6] : NULL};
    size_t count = 0;

    dashboard->args[count++] = words[0];
    for (size_t i = 1; i < sizeof(values) / sizeof(*values); i++) {
        if (values[i] != NULL && values[i] != words[i]) {
            dashboard->args[count++] = words[i];
        }
        if (values[i] != NULL) {
            dashboard->args[count++] = values[i];
        }
    }
    for (size_t i = 0; i < config->web.count; i++) {
        dashboard->args[count++] = config->web.items[i];
    }
    dashboard->args[count] = NULL;
}

int dashboard_create(uv_loop_t *loop, const struct dashboard_options *options, struct dashboard **ret_dashboard)
{
    struct supervise_options child = supervise_options_default();
    size_t args = DASHBOARD_ARGS + options->settings->config.web.count;
    struct dashboard *dashboard = calloc(1, sizeof(*dashboard) + args * sizeof(*dashboard->args));
    int rc = -ENOMEM;

    if (dashboard != NULL) {
        dashboard->options = *options;
        dashboard_name_args(dashboard);
        child.program = options->program;
        child.args = dashboard->args;
        child.ready_prefix = WEB_LISTENING;
        child.misuse_status = WEB_EXIT_MISUSE;
        child.on_ready = dashboard_on_ready;
        child.on_died = dashboard_on_died;
        child.on_stopped = dashboard_on_stopped;
        child.context = dashboard;
        rc = supervise_create(loop, &child, &dashboard->child);
    }
    if (rc < 0) {
        log_error("cannot start %s: %s", options->program, strerror(-rc));
        free(dashboard);
        return rc;
    }
    *ret_dashboard = dashboard;
    return 0;
}

void dashboard_stop(struct dashboard *dashboard)
{
    supervise_stop(dashboard->child);
}

const char *dashboard_url(const struct dashboard *dashboard)
{
    return dashboard == NULL ? "" : dashboard->url;
}

bool dashboard_reload(const struct dashboard *dashboard)
{
    return dashboard != NULL && supervise_state(dashboard->child) == SUPERVISE_READY &&
           kill(supervise_pid(dashboard->child), SIGHUP) == 0;
}

json_t *dashboard_status(const struct dashboard *dashboard)
{
    enum supervise_state state = dashboard == NULL ? SUPERVISE_STOPPED : supervise_state(dashboard->child);
    pid_t pid = dashboard == NULL ? 0 : supervise_pid(dashboard->child);

    return json_pack("{s:s, s:o, s:o, s:I}", "state", supervise_state_name(state), "url",
                     state == SUPERVISE_READY ? json_string(dashboard->url) : json_null(), "pid",
                     pid == 0 ? json_null() : json_integer(pid), "restarts",
                     (json_int_t)(dashboard == NULL ? 0 : supervise_restarts(dashboard->child)));
}
