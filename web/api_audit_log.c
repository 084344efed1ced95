/* /api/v1/audit-log: who did what, from where, and what became of it. */
#include "web/api.h"
#include "web/list.h"

static const char *const log_outcomes[] = {"done", "refused", NULL};
static const char *const log_sorts[] = {"at", NULL};

static const struct param log_params[] = {
    {"actor", PARAM_TEXTS, offsetof(struct store_log_filter, actors), NULL},
    {"address", PARAM_TEXTS, offsetof(struct store_log_filter, addresses), NULL},
    {"what", PARAM_TEXTS, offsetof(struct store_log_filter, whats), NULL},
    {"outcome", PARAM_CHOICES, offsetof(struct store_log_filter, outcomes), log_outcomes},
    {"at_since", PARAM_TIME, offsetof(struct store_log_filter, since), NULL},
    {"at_before", PARAM_TIME, offsetof(struct store_log_filter, before), NULL},
};

static const struct param_table log_table = {
    .resource = "audit-log",
    .params = log_params,
    .param_count = sizeof(log_params) / sizeof(*log_params),
    .page_offset = offsetof(struct store_log_filter, page),
    .sorts = log_sorts,
    .sort = STORE_LOG_BY_ID,
    .is_descending = true,
};

static int log_row(void *context, const struct store_read_log *log)
{
    struct list *list = context;
    struct json_writer *writer = &list->writer;

    if (!list_takes(list, log->sort_key, log->id)) {
        return 0;
    }
    json_open_object(writer, NULL);
    json_put_time(writer, "at", log->at);
    json_put_text(writer, "actor", log->actor);
    json_put_text_or_null(writer, "address", log->address);
    json_put_text(writer, "what", log->what);
    json_put_text(writer, "outcome", log->outcome);
    json_put_text(writer, "detail", log->detail);
    json_close_object(writer);
    return 0;
}

void api_audit_log(struct exchange *exchange)
{
    struct store_log_filter filter = {0};
    struct params params;
    struct list list;

    if (params_parse(&log_table, exchange->uri, &filter, &params, &exchange->problem)) {
        list_open(&list, exchange, &params);
        list_close(&list, store_read_log(exchange->reader, &filter, log_row, &list));
    }
}
