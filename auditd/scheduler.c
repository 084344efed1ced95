#include "auditd/scheduler.h"

#include "auditd/protocol.h"
#include "auditd/request.h"
#include "auditd/schedule/due.h"
#include "auditd/schedule_list.h"
#include "auditd/store/scan.h"
#include "auditd/store/schedule.h"
#include "lib/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SCHEDULER_GRACE_MS late is on time: a restart takes as long. A clock that is set is noticed after a tick. */
enum { SCHEDULER_TICK_MS = 1000, SCHEDULER_GRACE_MS = 60000, SCHEDULER_LOOK_MS = 60000, SCHEDULER_CHANGES_MAX = 1000 };

/* A clock that is set back by more was wrong before: what it had decided for the future is decided again. */
static const int64_t scheduler_set_back_ms = INT64_C(24) * 3600 * 1000;

struct scheduled {
    struct scheduler *scheduler;
    const struct config_schedule *config;
    int64_t look_at_ms; /* nothing is to be done before */
    int64_t run_id;     /* of what the queue has; 0: nothing */
    const char *cut;    /* why we ended it early */
    bool cut_for_good;  /* else it goes on later */
    char job[STORE_UUID_SIZE];
};

struct scheduler {
    struct scheduler_options options;
    uv_timer_t timer;
    int64_t seen_ms; /* the wall clock at the last tick */
    bool stopping;
    bool store_failed; /* said once, until it works again */
    size_t count;
    struct scheduled items[];
};

static struct store *scheduler_store(const struct scheduled *item)
{
    return item->scheduler->options.desk->store;
}

static void scheduler_fail(struct scheduled *item, const char *what)
{
    struct scheduler *scheduler = item->scheduler;

    if (!scheduler->store_failed) {
        log_error("schedule %s: %s: %s; it is tried again", item->config->name, what,
                  store_last_error(scheduler->options.desk->store)->text);
    }
    scheduler->store_failed = true;
}

static int64_t scheduler_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- what is due ---- */

static int scheduler_put(struct scheduled *item, const struct store_schedule *row, const struct due *due,
                         const char *state, const char *message)
{
    int64_t due_ms = due->newest_s * 1000;
    const struct store_run_put run = {
        .schedule_id = row->id,
        .due_at = due_ms,
        .begin_at = due_ms + due_jitter_ms(row->seed, due->newest_s, item->config->jitter_ms),
        .actor = "schedule",
        .state = state,
        .message = message,
    };
    int rc = store_begin(scheduler_store(item));

    if (rc < 0) {
        return rc;
    }
    rc = store_run_insert(scheduler_store(item), &run);
    if (rc == 0 || rc == -EEXIST) {
        rc = store_schedule_decided(scheduler_store(item), row->id, due_ms);
    }
    if (rc < 0) {
        store_rollback(scheduler_store(item));
        return rc;
    }
    return store_commit(scheduler_store(item));
}

static int scheduler_decide(struct scheduled *item, const struct store_schedule *row, bool is_open, int64_t now_ms)
{
    const struct due due =
        due_between(&item->config->cron, item->config->zone, row->decided_until / 1000, now_ms / 1000);
    bool is_late = now_ms - due.newest_s * 1000 > SCHEDULER_GRACE_MS;
    char message[160] = "";

    if (due.count == 0) {
        return 0;
    }
    if (is_open) {
        return scheduler_put(item, row, &due, "skipped", "the run before it had not ended");
    }
    if (due.count > 1 || is_late) {
        snprintf(message, sizeof(message), "%s%" PRIu64 " %s due while no daemon ran",
                 due.count >= DUE_COUNTED_MAX ? "at least " : "", due.count - (is_late ? 0 : 1),
                 due.count - (is_late ? 0 : 1) == 1 ? "run was" : "runs were");
        log_notice("schedule %s: %s; %s", item->config->name, message,
                   !is_late                   ? "the one that is due now runs"
                   : item->config->catches_up ? "one is made up for"
                                              : "they are left out");
    }
    return scheduler_put(item, row, &due, is_late && !item->config->catches_up ? "missed" : "waiting", message);
}

/* ---- what the queue has ---- */

static json_t *scheduler_texts(const struct config_list *list)
{
    json_t *json = json_array();

    for (size_t i = 0; json != NULL && i < list->count; i++) {
        if (json_array_append_new(json, json_string(list->items[i])) != 0) {
            json_decref(json);
            json = NULL;
        }
    }
    return json;
}

enum { SCHEDULER_NAME_SIZE = 512 };

/* NULL: it has targets of its own. */
static const struct config_inventory *scheduler_inventory(const struct scheduled *item)
{
    return item->config->inventory == NULL
               ? NULL
               : inventories_find(&item->scheduler->options.settings->config, item->config->inventory);
}

/* A cloud's hosts are by VPC. */
static int scheduler_targets(const struct scheduled *item, json_t **ret_targets)
{
    const struct config_schedule *config = item->config;
    const struct config_inventory *inventory = scheduler_inventory(item);
    char vpc[SCHEDULER_NAME_SIZE];

    if (inventory != NULL && inventory->cloud != NULL) {
        snprintf(vpc, sizeof(vpc), "%s/%s", config->inventory, config->realm);
        return inventories_targets(item->scheduler->options.inventories, vpc, ret_targets);
    }
    if (config->inventory != NULL) {
        return inventories_targets(item->scheduler->options.inventories, config->inventory, ret_targets);
    }
    *ret_targets = scheduler_texts(config->targets.count > 0 ? &config->targets
                                                             : &item->scheduler->options.settings->config.targets);
    return *ret_targets == NULL ? -ENOMEM : 0;
}

/* The inventory's hosts are of its realm. */
static const char *scheduler_realm(const struct scheduled *item)
{
    const struct config_inventory *inventory = scheduler_inventory(item);

    return inventory != NULL && inventory->realm != NULL ? inventory->realm : item->config->realm;
}

/* -EINVAL with what is wrong in `reason`. */
static int scheduler_make_request(const struct scheduled *item, json_t **ret_request, char *reason)
{
    const struct config_schedule *config = item->config;
    json_t *targets = NULL;
    int rc = scheduler_targets(item, &targets);

    if (rc == -ENOENT) {
        snprintf(reason, REQUEST_REASON_SIZE, "the inventory %s has no hosts", config->inventory);
        return -EINVAL;
    }
    if (rc < 0) {
        return rc;
    }
    *ret_request = json_pack("{s:o, s:o, s:s*, s:s*, s:s*, s:s*}", "targets", targets, "exclude",
                             scheduler_texts(&config->exclude), "ports", config->ports, "realm", scheduler_realm(item),
                             "vantage", config->vantage, "probe", config->probe);
    return *ret_request == NULL ? -ENOMEM : request_check(*ret_request, reason);
}

static void scheduler_on_begun(void *context, const char *scan_uuid)
{
    struct scheduled *item = context;

    if (store_run_scan(scheduler_store(item), item->run_id, scan_uuid) < 0) {
        scheduler_fail(item, "which scan its run is cannot be kept");
    }
}

static const char *scheduler_state_name(const struct job_result *result)
{
    static const char *const names[] = {
        [JOB_COMPLETE] = "complete",
        [JOB_INCOMPLETE] = "incomplete",
        [JOB_UNANSWERED] = "unanswered",
        [JOB_FAILED] = "failed",
    };

    return names[result->end];
}

static void scheduler_on_ended(void *context, const struct job_result *result, enum queue_cut cut)
{
    struct scheduled *item = context;
    bool cut_short = result->end != JOB_COMPLETE && result->end != JOB_UNANSWERED;
    const char *state = scheduler_state_name(result);
    const char *message = result->message;
    int64_t run_id = item->run_id;

    item->run_id = 0;
    item->look_at_ms = 0;
    /* It stays a run that is under way: we, or the next daemon, go on with it. */
    if (cut_short && (cut == QUEUE_CUT_ENDING || (cut == QUEUE_CUT_ASKED && !item->cut_for_good))) {
        return;
    }
    if (cut_short && cut == QUEUE_CUT_CANCELLED) {
        state = "cancelled";
        message = "somebody ended it early";
    } else if (cut_short && cut == QUEUE_CUT_ASKED) {
        state = result->end == JOB_FAILED ? "missed" : "incomplete";
        message = item->cut;
    }
    if (store_run_end(scheduler_store(item), run_id, state, message, wall_now_ms()) < 0) {
        scheduler_fail(item, "how its run ended cannot be kept");
    }
}

/* -errno: what is wrong with the run is in its row. */
static int scheduler_hand_over(struct scheduled *item, const struct store_run *run, int64_t begun_ms)
{
    char reason[REQUEST_REASON_SIZE];
    char actor[96];
    struct queue_errand errand = {
        .actor = actor,
        .resume_since_ms = begun_ms,
        .on_begun = scheduler_on_begun,
        .on_ended = scheduler_on_ended,
        .context = item,
    };
    json_t *request = NULL;
    int rc = scheduler_make_request(item, &request, reason);

    if (rc == -EINVAL) {
        rc = store_run_end(scheduler_store(item), run->id, "failed", reason, wall_now_ms());
    } else if (rc == 0) {
        snprintf(actor, sizeof(actor), "schedule %.64s", item->config->name);
        errand.request = request;
        item->run_id = run->id;
        item->cut = NULL;
        rc = queue_add(item->scheduler->options.queue, &errand, item->job);
        if (rc < 0) {
            item->run_id = 0;
        }
    }
    json_decref(request);
    return rc;
}

/* ---- one run ---- */

static int64_t scheduler_deadline(const struct scheduled *item, const struct store_run *run)
{
    return item->config->deadline_ms == 0 ? INT64_MAX : run->due_at + item->config->deadline_ms;
}

static int64_t scheduler_free_at(const struct scheduled *item, int64_t at_ms)
{
    int64_t free_s =
        blackout_free_at(item->config->blackouts, item->config->blackout_count, item->config->zone, at_ms / 1000);

    if (free_s == at_ms / 1000) {
        return at_ms;
    }
    return free_s == INT64_MAX ? INT64_MAX : free_s * 1000;
}

static void scheduler_cut(struct scheduled *item, const char *why, bool for_good)
{
    if (item->cut == NULL || (for_good && !item->cut_for_good)) {
        log_notice("schedule %s: %s", item->config->name, why);
        item->cut = why;
        item->cut_for_good = for_good;
        queue_interrupt(item->scheduler->options.queue, item->job);
    }
}

static int scheduler_look_at_waiting(struct scheduled *item, const struct store_run *run, int64_t now_ms)
{
    int64_t begin_ms = scheduler_free_at(item, run->begin_at);
    int rc;

    if (now_ms > scheduler_deadline(item, run)) {
        log_warning("schedule %s: its deadline passed before it could begin", item->config->name);
        return store_run_end(scheduler_store(item), run->id, "missed", "its deadline passed before it could begin",
                             now_ms);
    }
    if (now_ms < begin_ms || scheduler_free_at(item, now_ms) > now_ms) {
        item->look_at_ms = scheduler_earlier(item->look_at_ms, begin_ms > now_ms ? begin_ms : now_ms + 1000);
        return 0;
    }
    if (!item->config->catches_up && now_ms - begin_ms > SCHEDULER_GRACE_MS) {
        return store_run_end(scheduler_store(item), run->id, "missed", "no daemon ran when it was to begin", now_ms);
    }
    rc = store_run_begin(scheduler_store(item), run->id, now_ms);
    return rc < 0 ? rc : scheduler_hand_over(item, run, now_ms);
}

/* Nobody has it: the daemon was stopped, or a window in which nothing may run began. */
static int scheduler_take_up(struct scheduled *item, const struct store_run *run, int64_t now_ms)
{
    struct stored_scan scan;
    int rc = run->scan_uuid[0] == '\0' ? -ENOENT : store_scan_find(scheduler_store(item), run->scan_uuid, &scan);

    if (rc < 0 && rc != -ENOENT) {
        return rc;
    }
    if (rc == 0 && strcmp(scan.state, "complete") == 0) {
        return store_run_end(scheduler_store(item), run->id, scan.hosts_up == 0 ? "unanswered" : "complete",
                             "the daemon was stopped right after it", now_ms);
    }
    if (now_ms > scheduler_deadline(item, run)) {
        return store_run_end(scheduler_store(item), run->id, "incomplete", "its deadline passed", now_ms);
    }
    if (scheduler_free_at(item, now_ms) > now_ms) {
        item->look_at_ms = scheduler_earlier(item->look_at_ms, scheduler_free_at(item, now_ms));
        return 0;
    }
    log_notice("schedule %s: its run goes on", item->config->name);
    return scheduler_hand_over(item, run, run->begun_at);
}

static void scheduler_watch_running(struct scheduled *item, const struct store_run *run, int64_t now_ms)
{
    if (now_ms > scheduler_deadline(item, run)) {
        scheduler_cut(item, "it is ended by its deadline", true);
    } else if (scheduler_free_at(item, now_ms) > now_ms) {
        scheduler_cut(item, "it rests while a blackout window lasts", false);
    }
    item->look_at_ms = scheduler_earlier(item->look_at_ms, now_ms + SCHEDULER_TICK_MS);
}

static int scheduler_look_at_run(struct scheduled *item, const struct store_run *run, int64_t now_ms)
{
    if (!run->is_running) {
        return scheduler_look_at_waiting(item, run, now_ms);
    }
    if (item->run_id != run->id) {
        return scheduler_take_up(item, run, now_ms);
    }
    scheduler_watch_running(item, run, now_ms);
    return 0;
}

/* ---- one schedule ---- */

static int scheduler_correct(struct scheduled *item, struct store_schedule *row, int64_t now_ms)
{
    if (now_ms >= row->decided_until - scheduler_set_back_ms) {
        return 0;
    }
    log_warning("schedule %s: the clock was set back by more than a day; it goes on from now", item->config->name);
    row->decided_until = now_ms;
    return store_schedule_decided(scheduler_store(item), row->id, now_ms);
}

static int scheduler_decide_paused(struct scheduled *item, const struct store_schedule *row, bool is_open,
                                   const struct store_run *run, int64_t now_ms)
{
    if (is_open && !run->is_running) {
        return store_run_end(scheduler_store(item), run->id, "skipped", "the schedule was paused", now_ms);
    }
    return now_ms <= row->decided_until ? 0 : store_schedule_decided(scheduler_store(item), row->id, now_ms);
}

static int scheduler_look_at(struct scheduled *item, int64_t now_ms)
{
    struct store_schedule row;
    struct store_run run;
    bool is_open;
    int rc = store_schedule_get(scheduler_store(item), item->config->name, &row);

    item->look_at_ms = now_ms + SCHEDULER_LOOK_MS;
    rc = rc < 0 ? rc : scheduler_correct(item, &row, now_ms);
    rc = rc < 0 ? rc : store_run_open(scheduler_store(item), row.id, &run);
    is_open = rc == 0;
    if (rc == 0 || rc == -ENOENT) {
        rc = row.is_paused ? scheduler_decide_paused(item, &row, is_open, &run, now_ms)
                           : scheduler_decide(item, &row, is_open, now_ms);
    }
    rc = rc < 0 ? rc : store_run_open(scheduler_store(item), row.id, &run);
    if (rc == 0) {
        rc = scheduler_look_at_run(item, &run, now_ms);
    }
    if (rc == 0 || rc == -ENOENT) {
        int64_t next_s = cron_next(&item->config->cron, item->config->zone,
                                   (now_ms > row.decided_until ? now_ms : row.decided_until) / 1000);
        item->look_at_ms = scheduler_earlier(item->look_at_ms, next_s * 1000);
    }
    return rc == -ENOENT ? 0 : rc;
}

static void scheduler_tick(uv_timer_t *timer)
{
    struct scheduler *scheduler = timer->data;
    int64_t now_ms = wall_now_ms();
    bool is_set = now_ms < scheduler->seen_ms || now_ms > scheduler->seen_ms + SCHEDULER_LOOK_MS;

    scheduler->seen_ms = now_ms;
    for (size_t i = 0; i < scheduler->count; i++) {
        struct scheduled *item = &scheduler->items[i];
        if (is_set) {
            item->look_at_ms = 0;
        }
        if (now_ms < item->look_at_ms || !queue_flush(scheduler->options.queue)) {
            continue;
        }
        if (scheduler_look_at(item, now_ms) < 0) {
            scheduler_fail(item, "what is due cannot be decided");
        } else {
            scheduler->store_failed = false;
        }
    }
}

/* ---- requests ---- */

static void scheduler_list(struct scheduler *scheduler, struct control_client *client, int64_t count)
{
    char error[512];
    json_t *list = NULL;
    int rc = schedule_list(&scheduler->options.settings->config, scheduler->options.settings->db,
                           &(struct schedule_list_options){.now_ms = wall_now_ms(), .next_count = count}, &list, error);

    if (rc < 0) {
        control_refuse(client, "%s", error);
        return;
    }
    control_send(client, json_pack("{s:b, s:o}", "ok", 1, "schedules", list));
}

static int scheduler_run_now(struct scheduled *item, const struct store_schedule *row, const char *actor)
{
    int64_t now_ms = wall_now_ms();
    const struct store_run_put run = {.schedule_id = row->id,
                                      .due_at = now_ms,
                                      .begin_at = now_ms,
                                      .actor = actor,
                                      .state = "waiting",
                                      .message = ""};
    struct store_run open;
    int rc = store_run_open(scheduler_store(item), row->id, &open);

    if (rc != -ENOENT) {
        return rc == 0 ? -EBUSY : rc;
    }
    return store_run_insert(scheduler_store(item), &run);
}

static int scheduler_do(struct scheduled *item, const char *what, const char *actor)
{
    struct store_schedule row;
    int rc = store_schedule_get(scheduler_store(item), item->config->name, &row);

    if (rc < 0) {
        return rc;
    }
    if (strcmp(what, CONTROL_SCHEDULE_RUN) == 0) {
        return row.is_paused ? -EPERM : scheduler_run_now(item, &row, actor);
    }
    return store_schedule_pause(scheduler_store(item), row.id, strcmp(what, CONTROL_SCHEDULE_PAUSE) == 0 ? actor : NULL,
                                wall_now_ms());
}

static void scheduler_answer(struct scheduled *item, struct control_client *client, int rc)
{
    const char *name = item->config->name;

    if (rc == -EBUSY) {
        control_refuse_for(client, -EPERM, "schedule %s has a run that waits or is under way", name);
    } else if (rc == -EPERM) {
        control_refuse_for(client, -EPERM, "schedule %s pauses: `leastport schedule resume %s` first", name, name);
    } else if (rc < 0) {
        control_refuse(client, "schedule %s: %s", name, store_last_error(scheduler_store(item))->text);
    } else {
        item->look_at_ms = 0;
        uv_timer_start(&item->scheduler->timer, scheduler_tick, 0, SCHEDULER_TICK_MS);
        control_send(client, json_pack("{s:b, s:s}", "ok", 1, "schedule", name));
    }
}

void scheduler_request(struct scheduler *scheduler, struct control_client *client, const json_t *request)
{
    const char *what = json_string_value(json_object_get(request, "do"));
    const char *name = json_string_value(json_object_get(request, "schedule"));
    const char *actor = control_client_actor(client);

    if (what != NULL && strcmp(what, CONTROL_SCHEDULE_LIST) == 0) {
        scheduler_list(scheduler, client, json_integer_value(json_object_get(request, "next")));
        return;
    }
    if (what == NULL || (strcmp(what, CONTROL_SCHEDULE_RUN) != 0 && strcmp(what, CONTROL_SCHEDULE_PAUSE) != 0 &&
                         strcmp(what, CONTROL_SCHEDULE_RESUME) != 0)) {
        control_refuse_for(client, -EINVAL, "\"do\" must be list, run, pause or resume");
        return;
    }
    if (scheduler->stopping || !queue_flush(scheduler->options.queue)) {
        control_refuse_for(client, -EBUSY, "the daemon is ending, or cannot write to its database");
        return;
    }
    for (size_t i = 0; i < scheduler->count; i++) {
        if (name != NULL && strcmp(scheduler->items[i].config->name, name) == 0) {
            scheduler_answer(&scheduler->items[i], client, scheduler_do(&scheduler->items[i], what, actor));
            return;
        }
    }
    control_refuse_for(client, -ENOENT, "there is no schedule \"%.64s\"", name == NULL ? "" : name);
}

/* ---- life ---- */

static int scheduler_enter(struct scheduler *scheduler)
{
    size_t count = scheduler->count;
    const char **names = calloc(count + 1, sizeof(*names));
    char **specs = calloc(count + 1, sizeof(*specs));
    int rc = names == NULL || specs == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct config_schedule *config = scheduler->items[i].config;
        names[i] = config->name;
        if (asprintf(&specs[i], "%s %s", config->cron_text, zone_name(config->zone)) < 0) {
            specs[i] = NULL;
            rc = -ENOMEM;
        }
    }
    if (rc == 0) {
        rc = store_schedules_enter(scheduler->options.desk->store, names, (const char *const *)specs, count,
                                   wall_now_ms());
    }
    for (size_t i = 0; specs != NULL && i < count; i++) {
        free(specs[i]);
    }
    free(names);
    free(specs);
    return rc;
}

int scheduler_create(uv_loop_t *loop, const struct scheduler_options *options, struct scheduler **ret_scheduler)
{
    const struct config *config = &options->settings->config;
    struct scheduler *scheduler = calloc(1, sizeof(*scheduler) + config->schedule_count * sizeof(struct scheduled));
    int rc;

    if (scheduler == NULL) {
        return -ENOMEM;
    }
    scheduler->options = *options;
    scheduler->count = config->schedule_count;
    for (size_t i = 0; i < scheduler->count; i++) {
        scheduler->items[i].scheduler = scheduler;
        scheduler->items[i].config = &config->schedules[i];
    }
    rc = scheduler_enter(scheduler);
    if (rc < 0) {
        free(scheduler);
        return rc;
    }
    uv_timer_init(loop, &scheduler->timer);
    scheduler->timer.data = scheduler;
    if (scheduler->count > 0) {
        uv_timer_start(&scheduler->timer, scheduler_tick, 0, SCHEDULER_TICK_MS);
    }
    *ret_scheduler = scheduler;
    return 0;
}

void scheduler_stop(struct scheduler *scheduler)
{
    if (scheduler != NULL && !scheduler->stopping) {
        scheduler->stopping = true;
        uv_close((uv_handle_t *)&scheduler->timer, NULL);
    }
}

void scheduler_destroy(struct scheduler *scheduler)
{
    free(scheduler);
}
