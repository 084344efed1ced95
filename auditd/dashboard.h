/* The dashboard as the daemon's child: leastport-web with the words that the settings give it, where it answers, and
 * what is told of its dying. Knows nothing of what it shows. */
#ifndef LEASTPORT_AUDITD_DASHBOARD_H
#define LEASTPORT_AUDITD_DASHBOARD_H

#include "auditd/settings.h"

#include <jansson.h>
#include <uv.h>

/* Of a URL, with its end. */
enum { DASHBOARD_URL_SIZE = 256 };

struct dashboard;

struct dashboard_options {
    const char *program;       /* its path; borrowed until the dashboard is gone */
    struct settings *settings; /* the same */
    /* It answers for the first time. */
    void (*on_ready)(void *context);
    /* It never answered, and is not started any more; why is logged. */
    void (*on_given_up)(void *context);
    /* After dashboard_stop(): it is gone, and destroyed. */
    void (*on_stopped)(void *context);
    void *context;
};

/* Starts it. -errno (logged) when it cannot be started. The caller owns it: dashboard_stop(). */
MUST_USE int dashboard_create(uv_loop_t *loop, const struct dashboard_options *options,
                              struct dashboard **ret_dashboard);

/* Takes the dashboard; on_stopped comes from the loop. */
void dashboard_stop(struct dashboard *dashboard);

/* Where it answers, with the / at its end; "" before it ever did, and for NULL. */
const char *dashboard_url(const struct dashboard *dashboard);

/* Has it read its certificate again. False when it is not there to do so; takes NULL. */
MUST_USE bool dashboard_reload(const struct dashboard *dashboard);

/* An object as "web" in the answer to "status" (schema/control.schema.json); a new reference, NULL when out of memory.
 * Takes NULL: one that was stopped. */
json_t *dashboard_status(const struct dashboard *dashboard);

#endif
