/* /api/v1/scans: what was swept, from where, how far, and what it may have missed. */
#include "web/api_scan.h"

#include "web/api.h"
#include "web/list.h"

#include <string.h>

static const char *const scan_states[] = {"running", "complete", "incomplete", "failed", NULL};
static const char *const scan_sorts[] = {"started_at", NULL};

static const struct param scan_params[] = {
    {"realm", PARAM_TEXTS, offsetof(struct store_scan_filter, realms), NULL},
    {"vantage", PARAM_TEXTS, offsetof(struct store_scan_filter, vantages), NULL},
    {"state", PARAM_CHOICES, offsetof(struct store_scan_filter, states), scan_states},
    {"started_since", PARAM_TIME, offsetof(struct store_scan_filter, started_since), NULL},
    {"started_before", PARAM_TIME, offsetof(struct store_scan_filter, started_before), NULL},
};

static const struct param_table scan_table = {
    .resource = "scans",
    .params = scan_params,
    .param_count = sizeof(scan_params) / sizeof(*scan_params),
    .page_offset = offsetof(struct store_scan_filter, page),
    .sorts = scan_sorts,
    .sort = STORE_SCAN_BY_START,
    .is_descending = true,
};

static void scan_write_progress(struct json_writer *writer, const struct store_scan *scan)
{
    json_put_number(writer, "slabs_done", scan->slabs_done);
    json_put_number(writer, "slabs_total", scan->slabs_total);
    json_put_number(writer, "probes_planned", scan->probes_planned);
    json_put_number(writer, "probes_done", scan->probes_done);
    json_put_number(writer, "probes_sent", scan->probes_sent);
    json_put_number(writer, "hosts_up", scan->hosts_up);
    json_put_number(writer, "hosts_down", scan->hosts_down);
    json_put_number(writer, "ports_open", scan->ports_open);
    json_put_real(writer, "loss", scan->loss);
    json_open_object(writer, "missed");
    json_put_real(writer, "low", scan->missed_low);
    json_put_real(writer, "high", scan->missed_high);
    json_close_object(writer);
}

static void scan_write(struct json_writer *writer, const char *key, const struct store_scan *scan, bool with_plan)
{
    json_open_object(writer, key);
    json_put_text(writer, "uuid", scan->uuid);
    json_put_text(writer, "realm", scan->realm);
    json_put_text(writer, "vantage", scan->vantage);
    /* What a person or a schedule asked for has its request; the rest looks a second time at what that changed. */
    json_put_flag(writer, "verifies", scan->request[0] == '\0');
    json_put_text(writer, "state", scan->state);
    json_put_text_or_null(writer, "cause", scan->cause);
    json_put_text(writer, "canary", scan->canary);
    json_put_time(writer, "started_at", scan->started_at);
    json_put_time(writer, "ended_at", scan->ended_at);
    json_put_time(writer, "judged_at", scan->judged_at);
    scan_write_progress(writer, scan);
    json_open_object(writer, "policy");
    json_put_text_or_null(writer, "name", scan->policy);
    json_put_text_or_null(writer, "hash", scan->policy_hash);
    json_close_object(writer);
    json_put_text(writer, "plan_hash", scan->plan_hash);
    if (with_plan) {
        json_put_stored(writer, "plan", scan->plan);
    }
    json_close_object(writer);
}

void api_scan_write(struct json_writer *writer, const char *key, const struct store_scan *scan)
{
    scan_write(writer, key, scan, false);
}

static int scan_list_row(void *context, const struct store_scan *scan)
{
    struct list *list = context;

    if (list_takes(list, scan->sort_key, scan->id)) {
        scan_write(&list->writer, NULL, scan, false);
    }
    return 0;
}

void api_scans(struct exchange *exchange)
{
    struct store_scan_filter filter = {0};
    struct params params;
    struct list list;

    if (params_parse(&scan_table, exchange->uri, &filter, &params, &exchange->problem)) {
        list_open(&list, exchange, &params);
        list_close(&list, store_read_scans(exchange->reader, &filter, scan_list_row, &list));
    }
}

static int scan_one_row(void *context, const struct store_scan *scan)
{
    struct json_writer writer;

    json_writer_init(&writer, context);
    scan_write(&writer, NULL, scan, true);
    return 0;
}

void api_scan(struct exchange *exchange)
{
    struct store_scan_filter filter = {.uuids = {&exchange->uuid, 1}};
    int rc = store_read_scans(exchange->reader, &filter, scan_one_row, &exchange->body);

    if (rc != 0) {
        exchange_fail(exchange, rc);
    } else if (exchange->body.length == 0) {
        problem_set(&exchange->problem, 404, "No scan has the id %s.", exchange->uuid);
    }
}
