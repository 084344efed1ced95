#include "auditd/queue.h"

#include "auditd/extent.h"
#include "auditd/handed_over.h"
#include "auditd/protocol.h"
#include "auditd/recent.h"
#include "auditd/request.h"
#include "auditd/tally.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct follower {
    struct control_client *client;
    struct follower *next;
};

struct queue_item {
    struct queue *queue;
    struct queue_item *next;
    struct follower *followers;
    struct job *job; /* NULL while it waits */
    json_t *request;
    struct extent extent;
    struct observation_progress progress;
    char uuid[STORE_UUID_SIZE];
    char actor[CONTROL_ACTOR_SIZE];
    struct queue_errand errand; /* of the daemon's own; its texts are not used */
    enum queue_cut cut;
    bool is_kept; /* the store has it: it outlives the daemon */
};

struct queue {
    struct queue_options options;
    uv_loop_t *loop;
    struct queue_item *items; /* in the order in which they came */
    struct recent *recent;
    bool stopping;
};

static void queue_run_next(struct queue *queue);
static json_t *queue_item_status(const struct queue_item *item);

/* ---- followers ---- */

/* Each gets a reference of its own; takes `line`. */
static void queue_tell(const struct queue_item *item, json_t *line)
{
    for (const struct follower *each = item->followers; each != NULL; each = each->next) {
        control_send(each->client, json_incref(line));
    }
    json_decref(line);
}

static void queue_item_destroy(struct queue_item *item)
{
    while (item->followers != NULL) {
        struct follower *follower = item->followers;
        item->followers = follower->next;
        control_client_follow(follower->client, false);
        free(follower);
    }
    job_destroy(item->job);
    extent_done(&item->extent);
    json_decref(item->request);
    free(item);
}

void queue_forget(struct queue *queue, const struct control_client *client)
{
    for (struct queue_item *item = queue->items; item != NULL; item = item->next) {
        struct follower **link = &item->followers;
        while (*link != NULL) {
            struct follower *follower = *link;
            if (follower->client == client) {
                *link = follower->next;
                free(follower);
            } else {
                link = &follower->next;
            }
        }
    }
}

static struct queue_item **queue_link(const struct queue_item *item)
{
    struct queue_item **link = &item->queue->items;

    while (*link != item) {
        link = &(*link)->next;
    }
    return link;
}

static struct store *queue_store(const struct queue_item *item)
{
    return item->queue->options.desk->store;
}

static void queue_warn_of_store(const struct queue_item *item)
{
    log_warning("audit %.8s: how far it is cannot be kept, should the daemon end: %s", item->uuid,
                store_last_error(queue_store(item))->text);
}

/* ---- a job's events ---- */

static json_t *queue_eta(const struct observation_progress *progress)
{
    return progress->eta_s < 0 ? json_null() : json_integer(progress->eta_s);
}

static void queue_on_progress(void *context, enum job_phase phase, const struct observation_progress *progress)
{
    struct queue_item *item = context;

    item->progress = *progress;
    if (item->followers == NULL) {
        return;
    }
    queue_tell(item,
               json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "event", CONTROL_EVENT_PROGRESS, "job", item->uuid,
                         "phase", job_phase_name(phase), "probes_done", (json_int_t)progress->probes_done, "probes",
                         (json_int_t)progress->probes, "rate_pps", (json_int_t)progress->rate_pps, "open",
                         (json_int_t)progress->open, "eta_s", queue_eta(progress)));
}

static void queue_on_notice(void *context, enum log_level level, const char *message)
{
    static const char *const names[] = {"error", "warning", "notice", "notice"};
    const struct queue_item *item = context;
    json_t *text = json_string(message);

    log_message(level, "audit %.8s: %s", item->uuid, message);
    /* A name from the network may be no UTF-8. */
    if (text == NULL) {
        text = json_string("(a message that is no text; the daemon's log has it)");
    }
    queue_tell(item, json_pack("{s:s, s:s, s:s, s:o}", "event", CONTROL_EVENT_NOTICE, "job", item->uuid, "level",
                               names[level], "message", text));
}

static void queue_on_begun(void *context, const char *scan_uuid)
{
    const struct queue_item *item = context;

    if (item->is_kept && store_handed_over_scan(queue_store(item), item->uuid, scan_uuid) < 0) {
        queue_warn_of_store(item);
    }
    if (item->errand.on_begun != NULL) {
        item->errand.on_begun(item->errand.context, scan_uuid);
    }
}

/* One that the daemon's end cut short stays promised: the next daemon goes on with it. */
static void queue_let_go(const struct queue_item *item, bool cut_short)
{
    if (item->is_kept && !(cut_short && item->cut == QUEUE_CUT_ENDING) &&
        store_handed_over_end(queue_store(item), item->uuid) < 0) {
        queue_warn_of_store(item);
    }
}

static void queue_tell_errand(const struct queue_item *item, const struct job_result *result)
{
    if (item->errand.on_ended != NULL) {
        item->errand.on_ended(item->errand.context, result, item->cut);
    }
}

static void queue_tell_failure(const struct queue_item *item, const char *message)
{
    for (const struct follower *each = item->followers; each != NULL; each = each->next) {
        control_refuse(each->client, "%s", message);
    }
    log_error("audit %.8s failed: %s", item->uuid, message);
}

/* What never began. */
static void queue_drop(struct queue_item *item, const char *message)
{
    struct job_result result = {.end = JOB_FAILED};

    queue_tell_failure(item, message);
    queue_let_go(item, true);
    snprintf(result.message, sizeof(result.message), "%s", message);
    recent_put(item->queue->recent, queue_item_status(item), &result, item->cut == QUEUE_CUT_CANCELLED);
    queue_tell_errand(item, &result);
    queue_item_destroy(item);
}

static void queue_tell_end(const struct queue_item *item, const struct job_result *result)
{
    const char *state = result->end == JOB_COMPLETE ? "complete" : "incomplete";
    struct tally tally = {0};
    char error[512];

    if (result->scan_uuid[0] != '\0' &&
        tally_scan(item->queue->options.settings->db, result->scan_uuid, &tally, error, sizeof(error)) < 0) {
        queue_tell_failure(item, error);
        return;
    }
    log_notice("audit %.8s is %s%s%s", item->uuid, state, result->message[0] == '\0' ? "" : ": ", result->message);
    queue_tell(item, json_pack("{s:b, s:s, s:s, s:s, s:s, s:o}", "ok", 1, "job", item->uuid, "state", state, "scan",
                               result->scan_uuid, "message", result->message, "findings", tally_json(&tally)));
}

static void queue_on_ended(void *context, const struct job_result *result)
{
    struct queue_item *item = context;
    struct queue *queue = item->queue;

    if (result->end == JOB_FAILED) {
        queue_tell_failure(item, result->message);
    } else {
        queue_tell_end(item, result);
    }
    recent_put(queue->recent, queue_item_status(item), result, item->cut == QUEUE_CUT_CANCELLED);
    *queue_link(item) = item->next;
    queue_let_go(item, result->end == JOB_INCOMPLETE || result->end == JOB_FAILED);
    queue_tell_errand(item, result);
    queue_item_destroy(item);
    queue_run_next(queue);
}

/* It has begun: should it have to go on, its machines are not replaced by yet others, and its scan is not begun anew.
 */
static void queue_remember_begun(struct queue_item *item)
{
    json_t *request = item->is_kept ? json_copy(item->request) : NULL;

    if (request == NULL) {
        return;
    }
    json_object_del(request, "new_tenant");
    json_object_del(request, "fresh");
    if (store_handed_over_change(queue_store(item), item->uuid, request) < 0) {
        queue_warn_of_store(item);
    }
    json_decref(request);
}

static int queue_start(struct queue_item *item, char *error)
{
    const struct queue_options *options = &item->queue->options;
    const struct job_options job = {
        .store = options->desk->store,
        .config = &options->settings->config,
        .policy = options->settings->policy,
        .policy_id = options->desk->policy_id,
        .scanner = options->scanner,
        .request = item->request,
        .actor = item->actor,
        .on_progress = queue_on_progress,
        .on_notice = queue_on_notice,
        .on_begun = queue_on_begun,
        .resume_since_ms = item->errand.resume_since_ms,
        .on_ended = queue_on_ended,
        .context = item,
    };
    int rc;

    log_notice("audit %.8s begins, asked for by %s", item->uuid, item->actor);
    /* What it writes first is in nobody else's batch. */
    (void)!queue_flush(item->queue);
    rc = job_start(item->queue->loop, &job, &item->job, error);
    if (rc == 0) {
        queue_remember_begun(item);
    }
    return rc;
}

/* Whether there is room for one more, and nothing that it shares a range with runs, or waits for longer than it. */
static bool queue_may_start(const struct queue_item *item)
{
    uint32_t running = 0;
    bool is_before = true;

    for (const struct queue_item *each = item->queue->items; each != NULL; each = each->next) {
        is_before = is_before && each != item;
        running += each->job != NULL;
        if (each != item && (each->job != NULL || is_before) && extent_shares(&each->extent, &item->extent)) {
            return false;
        }
    }
    return running < item->queue->options.settings->config.scans_at_once;
}

/* Where it stands; at the end: what waits has to wait on. */
static struct queue_item **queue_next(struct queue *queue)
{
    struct queue_item **link = &queue->items;

    while (*link != NULL && ((*link)->job != NULL || !(queue->stopping || queue_may_start(*link)))) {
        link = &(*link)->next;
    }
    return link;
}

/* Starts what may; drops what cannot be started, and when stopping everything that waits. */
static void queue_run_next(struct queue *queue)
{
    struct queue_item **link = queue_next(queue);
    char error[SWEEP_TEXT_SIZE];

    for (; *link != NULL; link = queue_next(queue)) {
        struct queue_item *item = *link;
        if (queue->stopping) {
            item->cut = QUEUE_CUT_ENDING;
            snprintf(error, sizeof(error), "the daemon is ending");
        } else if (queue_start(item, error) == 0) {
            continue;
        }
        *link = item->next;
        queue_drop(item, error);
    }
    if (queue->stopping && queue->items == NULL) {
        queue->options.on_stopped(queue->options.context);
    }
}

/* ---- requests ---- */

static int queue_follow(struct queue_item *item, struct control_client *client)
{
    struct follower *follower = calloc(1, sizeof(*follower));

    if (follower == NULL) {
        return -1;
    }
    follower->client = client;
    follower->next = item->followers;
    item->followers = follower;
    control_client_follow(client, true);
    return 0;
}

/* NULL when out of memory. */
static struct queue_item *queue_item_create(struct queue *queue, const json_t *request)
{
    struct queue_item *item = calloc(1, sizeof(*item));

    if (item == NULL) {
        return NULL;
    }
    item->queue = queue;
    item->request = json_deep_copy(request);
    store_uuid(item->uuid);
    if (item->request == NULL) {
        free(item);
        return NULL;
    }
    extent_find(item->request, &queue->options.settings->config, &item->extent);
    return item;
}

static struct queue_item *queue_item_of_client(struct queue *queue, const struct control_client *client,
                                               const json_t *request)
{
    struct queue_item *item = queue_item_create(queue, request);

    if (item != NULL) {
        json_object_del(item->request, "as");
        snprintf(item->actor, sizeof(item->actor), "%s", control_client_actor(client));
    }
    return item;
}

static void queue_append(struct queue *queue, struct queue_item *item)
{
    struct queue_item **link = &queue->items;

    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = item;
}

static size_t queue_count_waiting(const struct queue *queue)
{
    size_t waiting = 0;

    for (const struct queue_item *item = queue->items; item != NULL; item = item->next) {
        waiting += item->job == NULL;
    }
    return waiting;
}

/* Who asks in another's name may not make up a place to look from: what is scanned here would be told as seen from
 * there. "" when the vantage is one of the configuration's. */
static void queue_check_vantage(const struct queue *queue, const json_t *request, char ret_reason[REQUEST_REASON_SIZE])
{
    const struct config *config = &queue->options.settings->config;
    const char *name = json_string_value(json_object_get(request, "vantage"));
    struct config_vantage vantage;
    int length;

    ret_reason[0] = '\0';
    if (name == NULL || json_object_get(request, "as") == NULL || vantages_find(config, name, &vantage) == 0) {
        return;
    }
    length =
        snprintf(ret_reason, REQUEST_REASON_SIZE,
                 "\"vantage\" is %.80s, which the configuration does not know; it knows %.80s", name, config->vantage);
    for (size_t i = 0; i < config->vantage_count && length > 0 && length < REQUEST_REASON_SIZE; i++) {
        length +=
            snprintf(ret_reason + length, REQUEST_REASON_SIZE - (size_t)length, ", %.80s", config->vantages[i].name);
    }
}

void queue_audit(struct queue *queue, struct control_client *client, const json_t *request)
{
    char reason[REQUEST_REASON_SIZE];
    bool follows = request_flag(request, "follow", false);
    struct queue_item *item;
    const char *state;
    int rc;

    if (queue->stopping) {
        control_refuse_for(client, -EBUSY, "the daemon is ending");
        return;
    }
    if (request_check(request, reason) < 0) {
        control_refuse_for(client, -EINVAL, "%s", reason);
        return;
    }
    queue_check_vantage(queue, request, reason);
    if (reason[0] != '\0') {
        control_refuse_for(client, -EINVAL, "%s", reason);
        return;
    }
    if (queue_count_waiting(queue) >= QUEUE_WAITING_MAX) {
        control_refuse_for(client, -EBUSY, "%d audits wait already; try again later", QUEUE_WAITING_MAX);
        return;
    }
    if (!queue_flush(queue)) {
        control_refuse_for(client, -EBUSY, "the daemon cannot write to its database");
        return;
    }
    item = queue_item_of_client(queue, client, request);
    if (item == NULL || (follows && queue_follow(item, client) != 0)) {
        control_refuse(client, "out of memory");
        if (item != NULL) {
            queue_item_destroy(item);
        }
        return;
    }
    rc = store_handed_over_put(queue_store(item), item->uuid, item->request, item->actor, wall_now_ms());
    if (rc < 0) {
        control_refuse_for(client, rc, "%s", store_last_error(queue_store(item))->text);
        queue_item_destroy(item);
        return;
    }
    item->is_kept = true;
    queue_append(queue, item);
    state = queue_may_start(item) ? "running" : "queued";
    if (follows) {
        control_send(client,
                     json_pack("{s:s, s:s, s:s}", "event", CONTROL_EVENT_ACCEPTED, "job", item->uuid, "state", state));
    } else {
        control_send(client, json_pack("{s:b, s:s, s:s}", "ok", 1, "job", item->uuid, "state", state));
    }
    queue_run_next(queue);
}

/* Ends what runs, drops what waits. */
static void queue_cut(struct queue_item **link, enum queue_cut cut, const char *message)
{
    struct queue_item *item = *link;

    item->cut = cut;
    if (item->job != NULL) {
        job_interrupt(item->job);
    } else {
        *link = item->next;
        queue_drop(item, message);
    }
}

static struct queue_item **queue_find(struct queue *queue, const char *uuid)
{
    struct queue_item **link = &queue->items;

    while (*link != NULL && strcmp((*link)->uuid, uuid) != 0) {
        link = &(*link)->next;
    }
    return link;
}

void queue_cancel(struct queue *queue, struct control_client *client, const json_t *request)
{
    const char *uuid = json_string_value(json_object_get(request, "job"));
    struct queue_item **link = queue_find(queue, uuid == NULL ? "" : uuid);

    if (uuid == NULL || *link == NULL) {
        control_refuse_for(client, -ENOENT, "there is no audit \"%.64s\" that runs or waits", uuid == NULL ? "" : uuid);
        return;
    }
    control_send(client, json_pack("{s:b, s:s, s:s}", "ok", 1, "job", uuid, "state", "cancelling"));
    queue_cut(link, QUEUE_CUT_CANCELLED, "the audit was cancelled before it began");
}

/* ---- what an earlier daemon promised ---- */

static int queue_take_up(struct queue *queue, const struct store_handed_over *audit)
{
    struct queue_item *item = queue_item_create(queue, audit->request);

    if (item == NULL) {
        return -ENOMEM;
    }
    memcpy(item->uuid, audit->uuid, sizeof(item->uuid));
    snprintf(item->actor, sizeof(item->actor), "%s", audit->actor);
    item->errand.resume_since_ms = audit->accepted_at;
    item->is_kept = true;
    log_notice("audit %.8s, asked for by %s, goes on: the daemon had ended before it", item->uuid, item->actor);
    queue_append(queue, item);
    return 0;
}

int queue_resume(struct queue *queue)
{
    struct store_handed_over audit = {0};
    int rc;

    while ((rc = store_handed_over_next(queue->options.desk->store, audit.id, &audit)) == 0) {
        const char *why_not = handed_over_why_not(queue->options.desk->store, &audit, wall_now_ms());
        if (why_not == NULL) {
            rc = queue_take_up(queue, &audit);
        } else {
            log_notice("audit %.8s, asked for by %s, does not go on: %s", audit.uuid, audit.actor, why_not);
            rc = store_handed_over_end(queue->options.desk->store, audit.uuid);
        }
        json_decref(audit.request);
        if (rc < 0) {
            return rc;
        }
    }
    queue_run_next(queue);
    return rc == -ENOENT ? 0 : rc;
}

/* ---- errands ---- */

int queue_add(struct queue *queue, const struct queue_errand *errand, char ret_uuid[STORE_UUID_SIZE])
{
    struct queue_item *item = queue_item_create(queue, errand->request);

    if (item == NULL) {
        return -ENOMEM;
    }
    item->errand = *errand;
    item->errand.request = NULL;
    item->errand.actor = NULL;
    snprintf(item->actor, sizeof(item->actor), "%s", errand->actor);
    memcpy(ret_uuid, item->uuid, STORE_UUID_SIZE);
    queue_append(queue, item);
    queue_run_next(queue);
    return 0;
}

void queue_interrupt(struct queue *queue, const char *uuid)
{
    struct queue_item **link = queue_find(queue, uuid);

    if (*link != NULL && (*link)->cut == QUEUE_CUT_NONE) {
        queue_cut(link, QUEUE_CUT_ASKED, "the audit was ended before it began");
    }
}

bool queue_flush(struct queue *queue)
{
    for (struct queue_item *item = queue->items; item != NULL; item = item->next) {
        if (item->job != NULL && !job_flush(item->job)) {
            return false;
        }
    }
    return !store_in_transaction(queue->options.desk->store);
}

static json_t *queue_item_status(const struct queue_item *item)
{
    const char *scan = item->job == NULL ? "" : job_scan_uuid(item->job);
    const char *realm = json_string_value(json_object_get(item->request, "realm"));
    const char *vantage = json_string_value(json_object_get(item->request, "vantage"));

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:O, s:I, s:I, s:I, s:I, s:o}", "job", item->uuid, "realm",
                     realm == NULL ? item->queue->options.settings->config.realm : realm, "vantage",
                     vantage == NULL ? item->queue->options.settings->config.vantage : vantage, "state",
                     item->job == NULL ? "queued" : "running", "phase",
                     item->job == NULL ? "queued" : job_phase_name(job_phase(item->job)), "scan",
                     scan[0] == '\0' ? json_null() : json_string(scan), "actor", item->actor, "targets",
                     json_object_get(item->request, "targets"), "probes_done", (json_int_t)item->progress.probes_done,
                     "probes", (json_int_t)item->progress.probes, "rate_pps", (json_int_t)item->progress.rate_pps,
                     "open", (json_int_t)item->progress.open, "eta_s", queue_eta(&item->progress));
}

json_t *queue_status(const struct queue *queue)
{
    json_t *jobs = json_array();

    for (const struct queue_item *item = queue->items; jobs != NULL && item != NULL; item = item->next) {
        if (json_array_append_new(jobs, queue_item_status(item)) != 0) {
            json_decref(jobs);
            jobs = NULL;
        }
    }
    return jobs;
}

json_t *queue_ended(const struct queue *queue)
{
    return recent_list(queue->recent);
}

/* ---- life ---- */

struct queue *queue_create(uv_loop_t *loop, const struct queue_options *options)
{
    struct queue *queue = calloc(1, sizeof(*queue));

    if (queue == NULL) {
        return NULL;
    }
    queue->options = *options;
    queue->loop = loop;
    queue->recent = recent_create();
    if (queue->recent == NULL) {
        free(queue);
        return NULL;
    }
    return queue;
}

void queue_destroy(struct queue *queue)
{
    if (queue != NULL) {
        recent_destroy(queue->recent);
        free(queue);
    }
}

void queue_stop(struct queue *queue)
{
    queue->stopping = true;
    for (struct queue_item *item = queue->items; item != NULL; item = item->next) {
        if (item->job != NULL) {
            item->cut = QUEUE_CUT_ENDING;
            job_interrupt(item->job);
        }
    }
    queue_run_next(queue);
}
