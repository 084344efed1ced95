/* /api/v1/hosts: the assets, what they are known by, how they stand. */
#include "web/api_host.h"

#include "web/api.h"
#include "web/list.h"

#include <string.h>

static const char *const host_states[] = {"up", "down", NULL};
static const char *const host_grades[] = {"A", "B", "C", "D", "F", NULL};
static const char *const host_sorts[] = {"id", "exposure", "score", "last_up", NULL};

static const struct param host_params[] = {
    {"uuid", PARAM_TEXTS, offsetof(struct store_host_filter, uuids), NULL},
    {"realm", PARAM_TEXTS, offsetof(struct store_host_filter, realms), NULL},
    {"address", PARAM_TEXTS, offsetof(struct store_host_filter, addresses), NULL},
    {"name", PARAM_TEXTS, offsetof(struct store_host_filter, names), NULL},
    {"state", PARAM_CHOICES, offsetof(struct store_host_filter, states), host_states},
    {"grade", PARAM_CHOICES, offsetof(struct store_host_filter, grades), host_grades},
    {"as_of", PARAM_TIME, offsetof(struct store_host_filter, as_of), NULL},
    {"last_up_since", PARAM_TIME, offsetof(struct store_host_filter, up_since), NULL},
    {"last_up_before", PARAM_TIME, offsetof(struct store_host_filter, up_before), NULL},
    {"with_ended", PARAM_FLAG, offsetof(struct store_host_filter, with_ended), NULL},
};

const struct param_table api_host_table = {
    .resource = "hosts",
    .params = host_params,
    .param_count = sizeof(host_params) / sizeof(*host_params),
    .page_offset = offsetof(struct store_host_filter, page),
    .sorts = host_sorts,
    .sort = STORE_HOST_BY_ID,
};

static void host_write_findings(struct json_writer *writer, const struct store_host *host)
{
    static const char *const severities[] = {"low", "medium", "high", "critical"};

    json_open_object(writer, "findings");
    for (size_t i = 4; i-- > 0;) {
        if (host->findings[i] < 0) {
            json_put_null(writer, severities[i]);
        } else {
            json_put_number(writer, severities[i], host->findings[i]);
        }
    }
    json_close_object(writer);
}

static void host_write(struct json_writer *writer, const struct store_host *host)
{
    json_put_text(writer, "uuid", host->uuid);
    json_put_text(writer, "kind", host->kind);
    json_put_text(writer, "realm", host->realm);
    json_put_text_or_null(writer, "address", host->address);
    json_put_text_or_null(writer, "name", host->name);
    json_put_text_or_null(writer, "state", host->state);
    json_put_time(writer, "last_up", host->last_up);
    json_put_text_or_null(writer, "grade", host->grade);
    json_put_real(writer, "score", host->score);
    json_put_real(writer, "exposure", host->exposure);
    json_put_real(writer, "coverage", host->coverage);
    json_put_number(writer, "ports_open", host->ports_open);
    host_write_findings(writer, host);
    json_put_flag(writer, "ephemeral", host->is_ephemeral);
    json_put_time(writer, "created_at", host->created_at);
    json_put_time(writer, "ended_at", host->ended_at);
    json_put_text_or_null(writer, "end_reason", host->end_reason);
}

static int host_list_row(void *context, const struct store_host *host)
{
    struct list *list = context;

    if (list_takes(list, host->sort_key, host->id)) {
        json_open_object(&list->writer, NULL);
        host_write(&list->writer, host);
        json_close_object(&list->writer);
    }
    return 0;
}

void api_hosts(struct exchange *exchange)
{
    struct store_host_filter filter = {0};
    struct params params;
    struct list list;

    if (params_parse(&api_host_table, exchange->uri, &filter, &params, &exchange->problem)) {
        list_open(&list, exchange, &params);
        list_close(&list, store_read_hosts(exchange->reader, &filter, host_list_row, &list));
    }
}

struct host_one {
    struct json_writer writer;
    int64_t id;
};

static int host_one_row(void *context, const struct store_host *host)
{
    struct host_one *one = context;

    one->id = host->id;
    json_open_object(&one->writer, NULL);
    host_write(&one->writer, host);
    return 0;
}

static int host_identity_row(void *context, const struct store_identity *identity)
{
    struct host_one *one = context;

    json_open_object(&one->writer, NULL);
    json_put_text(&one->writer, "kind", identity->kind);
    json_put_text(&one->writer, "value", identity->value);
    json_put_text(&one->writer, "source", identity->source);
    json_put_time(&one->writer, "valid_from", identity->valid_from);
    json_put_time(&one->writer, "valid_to", identity->valid_to);
    json_close_object(&one->writer);
    return 0;
}

void api_host(struct exchange *exchange)
{
    struct store_host_filter filter = {.uuids = {&exchange->uuid, 1}, .with_ended = true};
    struct host_one one = {0};
    int rc;

    json_writer_init(&one.writer, &exchange->body);
    rc = store_read_hosts(exchange->reader, &filter, host_one_row, &one);
    if (rc == 0 && one.id == 0) {
        problem_set(&exchange->problem, 404, "No host has the id %s.", exchange->uuid);
        return;
    }
    if (rc == 0) {
        json_open_array(&one.writer, "identities");
        rc = store_read_identities(exchange->reader, one.id, host_identity_row, &one);
        json_close_array(&one.writer);
        json_close_object(&one.writer);
    }
    if (rc != 0) {
        exchange_fail(exchange, rc);
    }
}
