#include "auditd/dispositions.h"

#include "auditd/finding/decide.h"
#include "auditd/finding/disposition.h"
#include "auditd/finding/scoring.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { DISPOSITIONS_LOOK_MS = 10000 };

struct dispositions {
    struct dispositions_options options;
    uv_timer_t timer;
    bool stopping;
    bool failed; /* said once, until it works again */
};

static int dispositions_end(struct dispositions *dispositions, int64_t now_ms)
{
    struct store *store = dispositions->options.desk->store;
    uint64_t moved = 0;
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    rc = disposition_enforce(store, now_ms, 0, &moved);
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    rc = store_commit(store);
    if (rc == 0 && moved > 0) {
        log_notice("%" PRIu64 " finding%s open again: the waiver ended", moved, moved == 1 ? " is" : "s are");
        rc = scoring_changed(store, now_ms, dispositions->options.settings->config.max_age_ms);
    }
    return rc;
}

/* A rule that ended forbids or allows no longer, whether anything is scanned or not. */
static int dispositions_look_at_rules(struct dispositions *dispositions)
{
    const struct dispositions_options *options = &dispositions->options;
    struct rejudge_result result;
    bool ended = false;
    int rc = desk_rule_ended(options->desk, options->settings, &ended);

    return rc == 0 && ended && queue_flush(options->queue) ? desk_judge(options->desk, options->settings, &result) : rc;
}

static void dispositions_on_timer(uv_timer_t *timer)
{
    struct dispositions *dispositions = timer->data;
    struct store *store = dispositions->options.desk->store;
    int64_t now_ms = wall_now_ms();
    bool due = false;
    int rc = disposition_is_due(store, now_ms, &due);

    /* What runs may be in the middle of something: then it is looked again soon. */
    if (rc == 0 && due && queue_flush(dispositions->options.queue)) {
        rc = dispositions_end(dispositions, now_ms);
    }
    rc = rc < 0 ? rc : dispositions_look_at_rules(dispositions);
    if (rc < 0 && !dispositions->failed) {
        log_error("waivers or rules that have ended cannot be ended: %s", store_last_error(store)->text);
    }
    dispositions->failed = rc < 0;
}

struct dispositions *dispositions_create(uv_loop_t *loop, const struct dispositions_options *options)
{
    struct dispositions *dispositions = calloc(1, sizeof(*dispositions));

    if (dispositions == NULL) {
        return NULL;
    }
    dispositions->options = *options;
    uv_timer_init(loop, &dispositions->timer);
    dispositions->timer.data = dispositions;
    (void)uv_timer_start(&dispositions->timer, dispositions_on_timer, 0, DISPOSITIONS_LOOK_MS);
    return dispositions;
}

void dispositions_request(struct dispositions *dispositions, struct control_client *client, const json_t *request)
{
    char reason[DECIDE_REASON_SIZE];
    json_t *answer = NULL;
    int rc;
    const struct decide_options options = {.actor = control_client_actor(client),
                                           .now_ms = wall_now_ms(),
                                           .max_age_ms = dispositions->options.settings->config.max_age_ms};

    if (dispositions->stopping || !queue_flush(dispositions->options.queue)) {
        control_refuse_for(client, -EBUSY, "the daemon is ending, or cannot write to its database now; ask again");
        return;
    }
    rc = decide_run(dispositions->options.desk->store, request, &options, &answer, reason);
    if (rc < 0) {
        control_refuse_for(client, rc, "%s", reason);
    } else {
        control_send(client, answer);
    }
}

void dispositions_stop(struct dispositions *dispositions)
{
    if (dispositions != NULL && !dispositions->stopping) {
        dispositions->stopping = true;
        uv_close((uv_handle_t *)&dispositions->timer, NULL);
    }
}

void dispositions_destroy(struct dispositions *dispositions)
{
    free(dispositions);
}
