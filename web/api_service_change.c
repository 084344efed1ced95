/* /api/v1/changes/services: what answers otherwise than it did: a service changed, a certificate renewed. */
#include "web/api.h"
#include "web/list.h"

#include <string.h>

static const char *const service_change_sorts[] = {"at", NULL};
static const char *const service_change_facts[] = {"service",     "product",     "version", "auth",
                                                   "tls.version", "cert.sha256", NULL};

static const struct param service_change_params[] = {
    {"host", PARAM_TEXTS, offsetof(struct store_service_change_filter, hosts), NULL},
    {"realm", PARAM_TEXTS, offsetof(struct store_service_change_filter, realms), NULL},
    {"port", PARAM_PORTS, offsetof(struct store_service_change_filter, ports), NULL},
    {"fact", PARAM_CHOICES, offsetof(struct store_service_change_filter, facts), service_change_facts},
    {"at_since", PARAM_TIME, offsetof(struct store_service_change_filter, since), NULL},
    {"at_before", PARAM_TIME, offsetof(struct store_service_change_filter, before), NULL},
};

static const struct param_table service_change_table = {
    .resource = "changes/services",
    .params = service_change_params,
    .param_count = sizeof(service_change_params) / sizeof(*service_change_params),
    .page_offset = offsetof(struct store_service_change_filter, page),
    .sorts = service_change_sorts,
    .sort = STORE_SERVICE_CHANGE_BY_TIME,
    .is_descending = true,
};

static int service_change_row(void *context, const struct store_service_change *change)
{
    struct list *list = context;
    struct json_writer *writer = &list->writer;

    if (!list_takes(list, change->sort_key, change->id)) {
        return 0;
    }
    json_open_object(writer, NULL);
    json_put_time(writer, "at", change->at);
    json_put_text(writer, "what", store_service_change_what(change));
    json_put_text(writer, "fact", change->fact);
    json_put_text_or_null(writer, "was", change->was);
    json_put_text_or_null(writer, "became", change->became);
    json_put_text_or_null(writer, "scan", change->scan);
    json_open_object(writer, "host");
    json_put_text(writer, "uuid", change->host);
    json_put_text(writer, "realm", change->realm);
    json_put_text_or_null(writer, "address", change->address);
    json_put_text_or_null(writer, "name", change->name);
    json_close_object(writer);
    json_put_text(writer, "proto", change->proto);
    json_put_number(writer, "port", change->port);
    json_put_text_or_null(writer, "service", change->service);
    json_put_text(writer, "vantage", change->vantage);
    json_close_object(writer);
    return 0;
}

void api_service_changes(struct exchange *exchange)
{
    struct store_service_change_filter filter = {0};
    struct params params;
    struct list list;

    if (params_parse(&service_change_table, exchange->uri, &filter, &params, &exchange->problem)) {
        list_open(&list, exchange, &params);
        list_close(&list, store_read_service_changes(exchange->reader, &filter, service_change_row, &list));
    }
}
