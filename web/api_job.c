/* /api/v1/scans by POST, and /api/v1/jobs: audits that are asked for, wait, run, have ended. */
#include "auditd/protocol.h"
#include "web/api.h"
#include "web/content.h"
#include "web/order.h"

#include <stdio.h>
#include <string.h>

enum { JOB_NAME_MAX = 128, JOB_TARGETS_MAX = 10000, JOB_PORTS_MAX = 65536, JOB_RETRIES_MAX = 20 };

static const char *const job_probes[] = {"auto", "syn", "connect", NULL};

static const struct content_member job_members[] = {
    {"targets", CONTENT_TEXTS, true, JOB_TARGETS_MAX, NULL},
    {"exclude", CONTENT_TEXTS, false, JOB_TARGETS_MAX, NULL},
    {"ports", CONTENT_TEXT, false, JOB_PORTS_MAX, NULL},
    {"realm", CONTENT_TEXT, false, JOB_NAME_MAX, NULL},
    {"vantage", CONTENT_TEXT, false, JOB_NAME_MAX, NULL},
    {"probe", CONTENT_CHOICE, false, 0, job_probes},
    {"rate_pps", CONTENT_NUMBER, false, UINT32_MAX, NULL},
    {"host_rate_pps", CONTENT_NUMBER, false, UINT32_MAX, NULL},
    {"retries", CONTENT_NUMBER, false, JOB_RETRIES_MAX, NULL},
    {"verify", CONTENT_FLAG, false, 0, NULL},
    {"services", CONTENT_FLAG, false, 0, NULL},
    {"door_checks", CONTENT_FLAG, false, 0, NULL},
    {"printers", CONTENT_FLAG, false, 0, NULL},
    {"ask_again", CONTENT_FLAG, false, 0, NULL},
    {"fresh", CONTENT_FLAG, false, 0, NULL},
    {0},
};

/* ---- start ---- */

void api_scan_start(struct exchange *exchange)
{
    json_t *request = content_read(exchange, job_members);
    json_t *answer;

    if (request == NULL || !order_place(exchange, request, "a scan looks at any host")) {
        json_decref(request);
        return;
    }
    json_object_set_new(request, "op", json_string(CONTROL_OP_AUDIT));
    answer = order_send(exchange, request);
    if (answer != NULL) {
        const char *uuid = json_string_value(json_object_get(answer, "job"));
        exchange->status = 202;
        snprintf(exchange->location, sizeof(exchange->location), "/api/v1/jobs/%s", uuid);
        order_write(exchange, json_pack("{s:s, s:O}", "uuid", uuid, "state", json_object_get(answer, "state")));
    }
    json_decref(answer);
}

/* ---- watch ---- */

/* NULL: what auditd said is no job. */
static json_t *job_shape(const json_t *job)
{
    static const char *const names[] = {"state",       "phase", "realm",    "actor", "targets", "scan",    "probes",
                                        "probes_done", "open",  "rate_pps", "eta_s", "message", "ended_at"};
    json_t *shaped = json_pack("{s:O}", "uuid", json_object_get(job, "job"));

    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && shaped != NULL; i++) {
        json_t *value = json_object_get(job, names[i]);
        json_object_set(shaped, names[i], value == NULL ? json_null() : value);
    }
    return shaped;
}

/* Adds those that the principal may see; of all of them, or of one. */
static void job_gather(const struct exchange *exchange, const json_t *jobs, json_t *list)
{
    size_t index;
    json_t *job;

    json_array_foreach(jobs, index, job)
    {
        const char *uuid = json_string_value(json_object_get(job, "job"));
        const char *realm = json_string_value(json_object_get(job, "realm"));
        if (uuid != NULL && (exchange->uuid[0] == '\0' || strcmp(uuid, exchange->uuid) == 0) &&
            order_reaches(exchange, realm)) {
            json_array_append_new(list, job_shape(job));
        }
    }
}

/* Running and waiting ones, then those that ended last; NULL with the problem set. */
static json_t *job_list(struct exchange *exchange)
{
    json_t *answer = order_send(exchange, json_pack("{s:s}", "op", CONTROL_OP_STATUS));
    json_t *list = json_array();

    if (answer == NULL || list == NULL) {
        json_decref(answer);
        json_decref(list);
        return NULL;
    }
    job_gather(exchange, json_object_get(answer, "jobs"), list);
    job_gather(exchange, json_object_get(answer, "ended"), list);
    json_decref(answer);
    return list;
}

void api_jobs(struct exchange *exchange)
{
    json_t *list;

    if (!order_takes_no_query(exchange)) {
        return;
    }
    list = job_list(exchange);
    if (list != NULL) {
        order_write(exchange, json_pack("{s:o, s:n}", "items", list, "next_cursor"));
    }
}

/* NULL with the problem set. */
static json_t *job_find(struct exchange *exchange)
{
    json_t *list = job_list(exchange);
    json_t *job = json_incref(json_array_get(list, 0));

    if (list != NULL && job == NULL) {
        problem_set(&exchange->problem, 404, "No audit that waits, runs or ended lately has the id %s.",
                    exchange->uuid);
    }
    json_decref(list);
    return job;
}

void api_job(struct exchange *exchange)
{
    json_t *job = job_find(exchange);

    if (job != NULL) {
        order_write(exchange, job);
    }
}

/* ---- cancel ---- */

static bool job_is_open(const json_t *job)
{
    const char *state = json_string_value(json_object_get(job, "state"));

    return state != NULL && (strcmp(state, "queued") == 0 || strcmp(state, "running") == 0);
}

void api_job_cancel(struct exchange *exchange)
{
    json_t *job = job_find(exchange);
    json_t *answer = NULL;

    if (job != NULL && !job_is_open(job)) {
        problem_set(&exchange->problem, 409, "The audit has ended already: it is %s.",
                    json_string_value(json_object_get(job, "state")));
    } else if (job != NULL) {
        answer = order_send(exchange, json_pack("{s:s, s:s}", "op", CONTROL_OP_CANCEL, "job", exchange->uuid));
    }
    if (answer != NULL) {
        exchange->status = 202;
        snprintf(exchange->location, sizeof(exchange->location), "/api/v1/jobs/%s", exchange->uuid);
        order_write(exchange,
                    json_pack("{s:s, s:O}", "uuid", exchange->uuid, "state", json_object_get(answer, "state")));
    }
    json_decref(answer);
    json_decref(job);
}
