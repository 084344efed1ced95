#include "auditd/job.h"

#include "auditd/hosts.h"
#include "auditd/judging.h"
#include "auditd/labels.h"
#include "auditd/request.h"
#include "auditd/scan_plan.h"
#include "auditd/store/asset.h"
#include "auditd/store/finding.h"
#include "auditd/store/inventory.h"
#include "auditd/store/resume.h"
#include "auditd/store/scan.h"
#include "auditd/watch.h"
#include "lib/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An interrupted scan goes on within this time; later its first half would be too old to stand beside its second. */
static const int64_t job_resume_max_age_ms = INT64_C(24) * 3600 * 1000;

static const int64_t job_known_for_ms = INT64_C(7) * 24 * 3600 * 1000;

struct job {
    struct job_options options;
    uv_loop_t *loop;
    uv_timer_t begin;
    struct sweep *sweep;
    json_t *plan;    /* with watch and canary */
    char *key;       /* of the plan without them */
    char *plan_text; /* what the scanner gets */
    int64_t from_slab;
    int64_t started_ms;
    enum job_phase phase;
    bool interrupted;
    bool resumed;
    char uuid[STORE_UUID_SIZE]; /* of the sweep that runs */
    struct job_result result;
};

const char *job_phase_name(enum job_phase phase)
{
    return phase == JOB_PHASE_VERIFY ? "verify" : "scan";
}

const char *job_scan_uuid(const struct job *job)
{
    return job->result.scan_uuid;
}

enum job_phase job_phase(const struct job *job)
{
    return job->phase;
}

void job_destroy(struct job *job)
{
    if (job == NULL) {
        return;
    }
    sweep_destroy(job->sweep);
    json_decref(job->options.request);
    json_decref(job->plan);
    free(job->key);
    free(job->plan_text);
    free(job);
}

static void job_notice(struct job *job, enum log_level level, const char *message)
{
    if (job->options.on_notice != NULL) {
        job->options.on_notice(job->options.context, level, message);
    }
}

/* ---- the plan ---- */

static const char *job_plan_text(const struct job *job, const char *member)
{
    const char *text = json_string_value(json_object_get(job->plan, member));

    return text == NULL ? "" : text;
}

static struct watch_place job_place(const struct job *job)
{
    return (struct watch_place){.realm = job_plan_text(job, "realm"), .vantage = job_plan_text(job, "vantage")};
}

static bool job_within(void *context, const struct addr *address)
{
    return scan_plan_has_host(context, address);
}

static int job_put_watch(struct job *job, const struct watch_filter *filter)
{
    const struct watch_place place = job_place(job);
    char message[128];
    json_t *watch;
    size_t left_out;
    int rc = watch_list(job->options.store, &place, filter, &watch, &left_out);

    if (rc < 0) {
        return rc;
    }
    if (left_out > 0) {
        snprintf(message, sizeof(message), "%zu ports that are known to be open are too many to be watched one by one",
                 left_out);
        job_notice(job, LOG_LEVEL_WARNING, message);
    }
    return json_object_set_new(job->plan, "watch", watch) == 0 ? 0 : -ENOMEM;
}

/* Servers that lock out who asks often are left in peace for as long as this, unless a port has been closed since. */
static int job_put_known(struct job *job, const struct watch_filter *hosts)
{
    const struct watch_place place = job_place(job);
    struct watch_filter filter = *hosts;
    json_t *services = json_object_get(job->plan, "services");
    const struct watch_asked asked = {.since_ms = job->started_ms - job_known_for_ms,
                                      .doors = json_is_true(json_object_get(services, "doors"))};
    char message[160];
    json_t *known;
    int rc;

    if (services == NULL || request_flag(job->options.request, "ask_again", false)) {
        return 0;
    }
    filter.limit = WATCH_KNOWN_LIMIT;
    rc = watch_known(job->options.store, &place, &filter, &asked, &known);
    if (rc < 0 || json_array_size(known) == 0) {
        if (rc == 0) {
            json_decref(known);
        }
        return rc;
    }
    snprintf(message, sizeof(message),
             "%zu server%s that shut%s out who asks often answered less than 7 days ago and %s not asked again "
             "(--ask-again asks them)",
             json_array_size(known), json_array_size(known) == 1 ? "" : "s", json_array_size(known) == 1 ? "s" : "",
             json_array_size(known) == 1 ? "is" : "are");
    job_notice(job, LOG_LEVEL_NOTICE, message);
    return json_object_set_new(services, "known", known) == 0 ? 0 : -ENOMEM;
}

static int job_put_canary(struct job *job)
{
    const struct config_canary *canary = &job->options.config->canary;
    const struct watch_place place = job_place(job);
    struct addr host;
    json_t *json = NULL;
    int rc = 0;

    if (canary->host != NULL && addr_parse(canary->host, &host) == 0) {
        rc = watch_canary_set(job->options.store, &place, &host, strcmp(canary->proto, "udp") == 0, canary->port);
    }
    if (rc == 0) {
        rc = watch_canary(job->options.store, &place, &json);
    }
    if (rc < 0) {
        return rc == -ENOENT ? 0 : rc;
    }
    return json_object_set_new(job->plan, "canary", json) == 0 ? 0 : -ENOMEM;
}

/* Watches what is stored as open on `hosts`, whatever its port. */
static int job_plan_anew(struct job *job, struct scan_plan *hosts)
{
    const struct watch_filter filter = {.within = job_within, .context = hosts, .limit = WATCH_LIMIT_DEFAULT};
    int rc = hosts == NULL ? 0 : job_put_watch(job, &filter);

    if (rc == 0 && hosts != NULL) {
        rc = job_put_known(job, &filter);
    }
    if (rc == 0) {
        rc = job_put_canary(job);
    }
    if (rc < 0) {
        return rc;
    }
    store_uuid(job->uuid);
    job->plan_text = request_plan_key(job->plan);
    return job->plan_text == NULL ? -ENOMEM : 0;
}

/* 1 when an interrupted scan of the same request goes on, 0 when there is none. */
static int job_resume(struct job *job)
{
    int64_t since_ms = job->options.resume_since_ms;
    struct store_resume resume;
    char message[192];
    int rc;

    if (request_flag(job->options.request, "fresh", false)) {
        return 0;
    }
    if (since_ms == 0) {
        since_ms = job->started_ms - job_resume_max_age_ms;
    }
    rc = store_resume_find(job->options.store, job->key, since_ms, &resume);
    if (rc < 0) {
        return rc == -ENOENT ? 0 : rc;
    }
    snprintf(job->uuid, sizeof(job->uuid), "%s", resume.uuid);
    job->plan_text = resume.plan;
    resume.plan = NULL;
    /* When every slab is stored and only the end is missing, the last one is looked at again. */
    job->from_slab = resume.slabs_done < resume.slabs_total ? resume.slabs_done : resume.slabs_total - 1;
    if (job->from_slab < 0) {
        job->from_slab = 0;
    }
    snprintf(message, sizeof(message),
             "going on with the interrupted scan %.8s from part %" PRId64 " of %" PRId64 " (--fresh starts over)",
             resume.uuid, job->from_slab + 1, resume.slabs_total);
    job_notice(job, LOG_LEVEL_NOTICE, message);
    job->resumed = true;
    store_resume_done(&resume);
    return 1;
}

/* ---- sweeps ---- */

static void job_on_ended(void *context, const struct sweep_outcome *outcome);

static void job_on_observation(void *context, const struct observation *observation)
{
    struct job *job = context;

    /* Notices come on the scanner's stderr too, folded for a person: said once, from there. */
    if (observation->type == OBSERVATION_PROGRESS && job->options.on_progress != NULL) {
        job->options.on_progress(job->options.context, job->phase, &observation->progress);
    } else if (observation->type == OBSERVATION_SCAN_START && job->phase == JOB_PHASE_SCAN) {
        snprintf(job->result.scan_uuid, sizeof(job->result.scan_uuid), "%s", observation->scan_id);
        if (store_resume_put(job->options.store, observation->scan_id, job->key) < 0) {
            job_notice(job, LOG_LEVEL_WARNING, "this scan cannot be gone on with if it is interrupted");
        }
        if (job->options.on_begun != NULL) {
            job->options.on_begun(job->options.context, observation->scan_id);
        }
    }
}

static void job_on_notice(void *context, enum log_level level, const char *message)
{
    job_notice(context, level, message);
}

static int job_sweep(struct job *job)
{
    struct config_vantage vantage;
    struct sweep_options options = sweep_options_default();

    options.scanner = job->options.scanner;
    if (vantages_find(job->options.config, job_plan_text(job, "vantage"), &vantage) == 0) {
        options.run = vantage.run.items;
        options.run_count = vantage.run.count;
    }
    options.plan = job->plan_text;
    options.scan_uuid = job->uuid;
    options.from_slab = job->from_slab;
    options.store = job->options.store;
    options.on_observation = job_on_observation;
    options.on_notice = job_on_notice;
    options.on_ended = job_on_ended;
    options.context = job;
    return sweep_start(job->loop, &options, &job->sweep);
}

/* ---- after a sweep ---- */

static void job_end(struct job *job, enum job_end end, const char *message)
{
    job->result.end = end;
    job->result.interrupted = job->interrupted;
    snprintf(job->result.message, sizeof(job->result.message), "%s", message);
    job->options.on_ended(job->options.context, &job->result);
}

static int job_settle(struct job *job, const char *scan_uuid)
{
    const struct judging judging = {
        .store = job->options.store,
        .config = job->options.config,
        .policy = job->options.policy,
        .policy_id = job->options.policy_id,
        .since_ms = job->started_ms,
    };

    return judging_scan(&judging, scan_uuid);
}

/* The plan as the scanner had it, names resolved; a new reference. */
static int job_stored_plan(struct job *job, json_t **ret_plan)
{
    struct stored_scan scan;
    char *text = NULL;
    char *hash = NULL;
    int rc = store_scan_find(job->options.store, job->result.scan_uuid, &scan);

    if (rc == 0) {
        rc = store_scan_plan(job->options.store, scan.id, &text, &hash);
    }
    if (rc < 0) {
        return rc;
    }
    *ret_plan = json_loads(text, 0, NULL);
    free(text);
    free(hash);
    return *ret_plan == NULL ? -EBADMSG : 0;
}

/* What of the plan's hosts waits for a second look; a new reference. */
static int job_to_verify(struct job *job, const json_t *plan, json_t **ret_endpoints)
{
    struct watch_filter filter = {.within = job_within, .limit = WATCH_LIMIT_DEFAULT};
    const struct watch_place place = job_place(job);
    struct scan_plan *hosts;
    char reason[256];
    int rc = scan_plan_create(plan, &hosts, reason);

    if (rc < 0) {
        return rc;
    }
    filter.context = hosts;
    rc = watch_to_verify(job->options.store, &place, &filter, ret_endpoints);
    scan_plan_destroy(hosts);
    return rc;
}

static int job_verify_endpoints(struct job *job, const json_t *plan, const json_t *endpoints)
{
    json_t *verify = request_verify_plan(plan, endpoints);
    size_t count = json_array_size(endpoints);
    char message[96];

    free(job->plan_text);
    job->plan_text = verify == NULL ? NULL : request_plan_key(verify);
    json_decref(verify);
    if (job->plan_text == NULL) {
        return -ENOMEM;
    }
    snprintf(message, sizeof(message), "looking a second time at %zu port%s", count,
             count == 1 ? " that is new or changed" : "s that are new or changed");
    job_notice(job, LOG_LEVEL_NOTICE, message);
    job->phase = JOB_PHASE_VERIFY;
    job->from_slab = 0;
    store_uuid(job->uuid);
    return job_sweep(job);
}

/* 1 when a second look has begun, 0 when there is nothing to look at. */
static int job_verify(struct job *job)
{
    json_t *plan = NULL;
    json_t *endpoints = NULL;
    int rc = job_stored_plan(job, &plan);

    if (rc == 0) {
        rc = job_to_verify(job, plan, &endpoints);
    }
    if (rc == 0 && json_array_size(endpoints) > 0) {
        rc = job_verify_endpoints(job, plan, endpoints);
        rc = rc < 0 ? rc : 1;
    }
    json_decref(endpoints);
    json_decref(plan);
    return rc;
}

static void job_fail_store(struct job *job, const char *what)
{
    char message[SWEEP_TEXT_SIZE];
    const struct store_error *error = store_last_error(job->options.store);

    snprintf(message, sizeof(message), "%s: %.400s", what, error->text[0] == '\0' ? "out of memory" : error->text);
    job_end(job, JOB_FAILED, message);
}

/* The scanner could not begin. What is resumed is sent as it was begun: SYNs need their capability again. */
static void job_end_unbegun(struct job *job, const struct sweep_outcome *outcome)
{
    char message[SWEEP_TEXT_SIZE];

    snprintf(message, sizeof(message), "%.400s%s", outcome->message,
             job->resumed ? "; the interrupted scan goes on only as it began (--fresh starts over)" : "");
    job_end(job, JOB_FAILED, message);
}

/* The scan stands judged, whatever becomes of the second look. */
static void job_after_scan(struct job *job, const struct sweep_outcome *outcome)
{
    struct stored_scan scan;
    int rc;

    if (outcome->end == SWEEP_BROKEN && outcome->sent_nothing) {
        job_end_unbegun(job, outcome);
        return;
    }
    if (outcome->end != SWEEP_DONE) {
        job_end(job, JOB_INCOMPLETE, outcome->message);
        return;
    }
    if (store_scan_find(job->options.store, outcome->scan_uuid, &scan) == 0 && scan.hosts_up == 0) {
        job_end(job, JOB_UNANSWERED,
                "no host answered, so nothing is known of their ports; are they up, and is there a route to them?");
        return;
    }
    if (job->interrupted || !request_flag(job->options.request, "verify", job->options.config->verify)) {
        job_end(job, JOB_COMPLETE, "");
        return;
    }
    rc = job_verify(job);
    if (rc < 0) {
        job_notice(job, LOG_LEVEL_WARNING, "the second look could not begin; the next audit takes it");
    }
    if (rc <= 0) {
        job_end(job, JOB_COMPLETE, "");
    }
}

static void job_on_hosts(void *context, struct scan_plan *hosts);

/* The interrupted scan cannot go on (its plan is of another version, say): a whole one is better than none. */
static void job_start_over(struct job *job, const char *why)
{
    char message[SWEEP_TEXT_SIZE];

    snprintf(message, sizeof(message), "the interrupted scan cannot go on, starting over: %.400s", why);
    job_notice(job, LOG_LEVEL_WARNING, message);
    job->resumed = false;
    job->from_slab = 0;
    free(job->plan_text);
    job->plan_text = NULL;
    hosts_find(job->loop, job->plan, job_on_hosts, job);
}

static void job_on_ended(void *context, const struct sweep_outcome *outcome)
{
    struct job *job = context;

    sweep_destroy(job->sweep);
    job->sweep = NULL;
    if (job->resumed && outcome->end == SWEEP_BROKEN && outcome->scan_uuid[0] == '\0') {
        job_start_over(job, outcome->message);
        return;
    }
    if (outcome->end == SWEEP_UNSTORED || (outcome->scan_uuid[0] == '\0' && job->phase == JOB_PHASE_SCAN)) {
        job_end(job, outcome->end == SWEEP_INTERRUPTED ? JOB_INCOMPLETE : JOB_FAILED, outcome->message);
        return;
    }
    if (outcome->scan_uuid[0] != '\0' && job_settle(job, outcome->scan_uuid) < 0) {
        job_fail_store(job, "what was seen is stored, but could not be judged");
        return;
    }
    if (job->phase == JOB_PHASE_SCAN) {
        job_after_scan(job, outcome);
        return;
    }
    if (outcome->end != SWEEP_DONE) {
        job_notice(job, LOG_LEVEL_WARNING, outcome->message);
    }
    job_end(job, JOB_COMPLETE, "");
}

/* ---- start and end ---- */

void job_interrupt(struct job *job)
{
    job->interrupted = true;
    if (job->sweep != NULL) {
        sweep_interrupt(job->sweep);
    }
}

bool job_flush(struct job *job)
{
    return job->sweep == NULL || sweep_flush(job->sweep);
}

static int job_declare_vantage(struct job *job)
{
    const struct config *config = job->options.config;
    const char *declared = json_string_value(json_object_get(job->options.request, "vantage_class"));
    struct config_vantage vantage;

    if (vantages_find(config, job_plan_text(job, "vantage"), &vantage) == 0) {
        int rc = labels_stand(job->options.store, config, vantage.name, job->started_ms);
        if (rc < 0) {
            return rc;
        }
        if (declared == NULL && vantage.has_class) {
            declared = vantage_class_name(vantage.vantage_class);
        }
    }
    /* A class that was declared before stays until another is. */
    if (declared == NULL) {
        return 0;
    }
    return store_vantage_declare(job->options.store, job_plan_text(job, "vantage"), declared, job->started_ms);
}

/* What went wrong before the scanner ran. */
static void job_say_error(const struct job *job, int rc, char *error)
{
    const struct store_error *store_error = store_last_error(job->options.store);

    if (job->plan_text != NULL) {
        snprintf(error, SWEEP_TEXT_SIZE, "cannot start %.300s: %s", job->options.scanner, strerror(-rc));
    } else if (store_error->text[0] != '\0') {
        snprintf(error, SWEEP_TEXT_SIZE, "%.500s", store_error->text);
    } else {
        snprintf(error, SWEEP_TEXT_SIZE, "the scan cannot be planned: %s", strerror(-rc));
    }
}

static void job_on_hosts(void *context, struct scan_plan *hosts)
{
    struct job *job = context;
    char error[SWEEP_TEXT_SIZE];
    int rc = 0;

    if (job->interrupted) {
        scan_plan_destroy(hosts);
        job_end(job, JOB_INCOMPLETE, "interrupted before the scan began");
        return;
    }
    rc = job_plan_anew(job, hosts);
    scan_plan_destroy(hosts);
    if (rc == 0) {
        rc = job_sweep(job);
    }
    if (rc < 0) {
        job_say_error(job, rc, error);
        job_end(job, JOB_FAILED, error);
    }
}

/* From the loop, so that on_ended never comes from within job_start(). */
static void job_on_begin(uv_handle_t *handle)
{
    struct job *job = handle->data;
    char error[SWEEP_TEXT_SIZE];
    int rc = job->interrupted ? 0 : job_resume(job);

    if (rc == 0) {
        hosts_find(job->loop, job->plan, job_on_hosts, job);
        return;
    }
    if (rc > 0) {
        rc = job_sweep(job);
    }
    if (rc < 0) {
        job_say_error(job, rc, error);
        job_end(job, JOB_FAILED, error);
    }
}

/* Who asks says that other machines have these addresses now. */
static int job_replace_tenants(struct job *job)
{
    const json_t *addresses = json_object_get(job->options.request, "new_tenant");
    const struct store_event why = {
        .at_ms = job->started_ms,
        .actor = job->options.actor,
        .reason = "another machine has its address",
    };
    char text[ADDR_TEXT_SIZE];
    char message[160];
    struct addr address;
    size_t index;
    json_t *item;

    json_array_foreach(addresses, index, item)
    {
        int rc = addr_parse(json_string_value(item), &address);
        if (rc == 0) {
            rc =
                store_asset_replace(job->options.store, job_plan_text(job, "realm"), addr_format(&address, text), &why);
        }
        if (rc < 0 && rc != -ENOENT) {
            return rc;
        }
        snprintf(message, sizeof(message),
                 rc == 0 ? "%s has a new tenant: what was found on the old one is retired"
                         : "%s has a new tenant, but nothing was known of an old one",
                 text);
        job_notice(job, LOG_LEVEL_NOTICE, message);
    }
    return 0;
}

/* What asks more goes on with nothing that asked less. */
static char *job_key(const struct job *job)
{
    json_t *plan = json_copy(job->plan);
    bool again = request_flag(job->options.request, "ask_again", false);
    char *key = plan == NULL || (again && json_object_set_new(plan, "ask_again", json_true()) < 0)
                    ? NULL
                    : request_plan_key(plan);

    json_decref(plan);
    return key;
}

static int job_prepare(struct job *job, char *error)
{
    char reason[REQUEST_REASON_SIZE];
    int rc = request_plan(job->options.request, job->options.config, &job->plan, reason);

    if (rc < 0) {
        snprintf(error, SWEEP_TEXT_SIZE, "%s", reason);
        return rc;
    }
    job->key = job_key(job);
    rc = job->key == NULL ? -ENOMEM : job_declare_vantage(job);
    if (rc == 0) {
        rc = job_replace_tenants(job);
    }
    if (rc < 0) {
        job_say_error(job, rc, error);
    }
    return rc;
}

int job_start(uv_loop_t *loop, const struct job_options *options, struct job **ret_job, char ret_error[SWEEP_TEXT_SIZE])
{
    struct job *job = calloc(1, sizeof(*job));
    int rc;

    if (job == NULL) {
        snprintf(ret_error, SWEEP_TEXT_SIZE, "out of memory");
        return -ENOMEM;
    }
    job->options = *options;
    json_incref(job->options.request);
    job->loop = loop;
    job->started_ms = wall_now_ms();
    rc = job_prepare(job, ret_error);
    if (rc < 0) {
        job_destroy(job);
        return rc;
    }
    /* A handle that closes is the loop's way to call back soon. */
    uv_timer_init(loop, &job->begin);
    job->begin.data = job;
    uv_close((uv_handle_t *)&job->begin, job_on_begin);
    *ret_job = job;
    return 0;
}
