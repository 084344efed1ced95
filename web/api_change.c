/* /api/v1/changes and /api/v1/findings/{uuid}/events: what moved, when, why, and under which scan. */
#include "web/api_change.h"

#include "web/api.h"
#include "web/list.h"

#include <string.h>

static const char *const change_sorts[] = {"at", NULL};

static const char *const change_turns[] = {STORE_TURNS, NULL};

static const struct param change_params[] = {
    {"finding", PARAM_TEXTS, offsetof(struct store_change_filter, findings), NULL},
    {"host", PARAM_TEXTS, offsetof(struct store_change_filter, hosts), NULL},
    {"realm", PARAM_TEXTS, offsetof(struct store_change_filter, realms), NULL},
    {"scan", PARAM_TEXTS, offsetof(struct store_change_filter, scans), NULL},
    {"since_scan", PARAM_TEXT, offsetof(struct store_change_filter, since_scan), NULL},
    {"what", PARAM_TEXTS, offsetof(struct store_change_filter, whats), NULL},
    {"became", PARAM_TEXTS, offsetof(struct store_change_filter, becames), NULL},
    {"turn", PARAM_CHOICES, offsetof(struct store_change_filter, turns), change_turns},
    {"at_since", PARAM_TIME, offsetof(struct store_change_filter, since), NULL},
    {"at_before", PARAM_TIME, offsetof(struct store_change_filter, before), NULL},
};

static const struct param_table change_table = {
    .resource = "changes",
    .params = change_params,
    .param_count = sizeof(change_params) / sizeof(*change_params),
    .page_offset = offsetof(struct store_change_filter, page),
    .sorts = change_sorts,
    .sort = STORE_CHANGE_BY_ID,
    .is_descending = true,
};

/* The events of one finding take no filter but their page. */
static const struct param_table event_table = {
    .resource = "events",
    .page_offset = offsetof(struct store_change_filter, page),
    .sorts = change_sorts,
    .sort = STORE_CHANGE_BY_ID,
    .is_descending = true,
};

static void change_write_place(struct json_writer *writer, const struct store_change *change)
{
    json_put_text(writer, "finding", change->finding);
    json_open_object(writer, "host");
    json_put_text(writer, "uuid", change->host);
    json_put_text(writer, "realm", change->realm);
    json_put_text_or_null(writer, "address", change->address);
    json_put_text_or_null(writer, "name", change->name);
    json_close_object(writer);
    json_put_text(writer, "proto", change->proto);
    json_put_number(writer, "port", change->port);
    json_put_text(writer, "kind", change->kind);
    json_put_text_or_null(writer, "service", change->service);
    json_put_text(writer, "severity", change->severity);
    json_put_text(writer, "title", change->title);
}

int api_change_row(void *context, const struct store_change *change)
{
    struct json_writer *writer = context;

    json_open_object(writer, NULL);
    json_put_time(writer, "at", change->at);
    json_put_text(writer, "actor", change->actor);
    json_put_text(writer, "what", change->what);
    json_put_text_or_null(writer, "was", change->was);
    json_put_text_or_null(writer, "became", change->became);
    json_put_text(writer, "reason", change->reason);
    json_put_stored(writer, "evidence", change->evidence);
    json_put_text_or_null(writer, "scan", change->scan);
    change_write_place(writer, change);
    json_close_object(writer);
    return 0;
}

static int change_list_row(void *context, const struct store_change *change)
{
    struct list *list = context;

    return list_takes(list, change->sort_key, change->id) ? api_change_row(&list->writer, change) : 0;
}

void api_changes(struct exchange *exchange)
{
    struct store_change_filter filter = {0};
    struct params params;
    struct list list;

    if (params_parse(&change_table, exchange->uri, &filter, &params, &exchange->problem)) {
        list_open(&list, exchange, &params);
        list_close(&list, store_read_changes(exchange->reader, &filter, change_list_row, &list));
    }
}

static int event_finding_row(void *context, const struct store_finding *finding)
{
    bool *is_there = context;

    (void)finding;
    *is_there = true;
    return 0;
}

void api_finding_events(struct exchange *exchange)
{
    struct store_finding_filter finding_filter = {.uuids = {&exchange->uuid, 1}};
    struct store_change_filter filter = {0};
    struct params params;
    struct list list;
    bool is_there = false;
    int rc;

    if (!params_parse(&event_table, exchange->uri, &filter, &params, &exchange->problem)) {
        return;
    }
    rc = store_read_findings(exchange->reader, &finding_filter, event_finding_row, &is_there);
    if (rc == 0 && !is_there) {
        problem_set(&exchange->problem, 404, "No finding has the id %s.", exchange->uuid);
        return;
    }
    filter.findings = (struct store_texts){&exchange->uuid, 1};
    list_open(&list, exchange, &params);
    if (rc == 0) {
        rc = store_read_changes(exchange->reader, &filter, change_list_row, &list);
    }
    list_close(&list, rc);
}
