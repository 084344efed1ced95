/* /api/v1/endpoints: ports and the intervals of their states, now or at a past moment. */
#include "web/api_endpoint.h"
#include "lib/clock.h"
#include "web/api.h"
#include "web/known.h"
#include "web/list.h"

static const char *const endpoint_protos[] = {"tcp", "udp", NULL};
static const char *const endpoint_states[] = {"open", "closed", "filtered", "open|filtered", NULL};
static const char *const endpoint_classes[] = {"self", "own-vpc", "vpn", "peer", "public-range", "world", NULL};
static const char *const endpoint_auths[] = {"none", "required", NULL};
static const char *const endpoint_sorts[] = {"id", "port", "last_seen", NULL};

static const struct param endpoint_params[] = {
    {"host", PARAM_TEXTS, offsetof(struct store_endpoint_filter, hosts), NULL},
    {"realm", PARAM_TEXTS, offsetof(struct store_endpoint_filter, realms), NULL},
    {"vantage", PARAM_TEXTS, offsetof(struct store_endpoint_filter, vantages), NULL},
    {"vantage_class", PARAM_CHOICES, offsetof(struct store_endpoint_filter, vantage_classes), endpoint_classes},
    {"address", PARAM_TEXTS, offsetof(struct store_endpoint_filter, addresses), NULL},
    {"proto", PARAM_CHOICES, offsetof(struct store_endpoint_filter, protos), endpoint_protos},
    {"port", PARAM_PORTS, offsetof(struct store_endpoint_filter, ports), NULL},
    {"state", PARAM_CHOICES, offsetof(struct store_endpoint_filter, states), endpoint_states},
    {"service", PARAM_TEXTS, offsetof(struct store_endpoint_filter, services), NULL},
    {"auth", PARAM_CHOICES, offsetof(struct store_endpoint_filter, auths), endpoint_auths},
    {"as_of", PARAM_TIME, offsetof(struct store_endpoint_filter, as_of), NULL},
    {"with_ended", PARAM_FLAG, offsetof(struct store_endpoint_filter, with_ended), NULL},
    {"first_seen_since", PARAM_TIME, offsetof(struct store_endpoint_filter, first_seen_since), NULL},
    {"first_seen_before", PARAM_TIME, offsetof(struct store_endpoint_filter, first_seen_before), NULL},
    {"last_seen_since", PARAM_TIME, offsetof(struct store_endpoint_filter, last_seen_since), NULL},
    {"last_seen_before", PARAM_TIME, offsetof(struct store_endpoint_filter, last_seen_before), NULL},
};

const struct param_table api_endpoint_table = {
    .resource = "endpoints",
    .params = endpoint_params,
    .param_count = sizeof(endpoint_params) / sizeof(*endpoint_params),
    .page_offset = offsetof(struct store_endpoint_filter, page),
    .sorts = endpoint_sorts,
    .sort = STORE_ENDPOINT_BY_ID,
};

/* The list, and the moment of which it tells. */
struct endpoint_list {
    struct list list;
    int64_t now_ms;
};

static int endpoint_row(void *context, const struct store_endpoint *endpoint)
{
    struct endpoint_list *endpoints = context;
    struct json_writer *writer = &endpoints->list.writer;

    if (!list_takes(&endpoints->list, endpoint->sort_key, endpoint->id)) {
        return 0;
    }
    json_open_object(writer, NULL);
    json_put_text(writer, "host", endpoint->host);
    json_put_text(writer, "realm", endpoint->realm);
    json_put_text(writer, "address", endpoint->address);
    json_put_text(writer, "proto", endpoint->proto);
    json_put_number(writer, "port", endpoint->port);
    json_put_text(writer, "vantage", endpoint->vantage);
    json_put_text(writer, "vantage_class", endpoint->vantage_class);
    json_put_text(writer, "state", endpoint->state);
    json_put_text(writer, "reason", endpoint->reason);
    json_put_text_or_null(writer, "service", endpoint->service);
    known_write(writer, endpoint, endpoints->now_ms);
    json_put_text_or_null(writer, "bound", endpoint->bound);
    json_put_time(writer, "first_seen", endpoint->first_seen);
    json_put_time(writer, "last_seen", endpoint->last_seen);
    json_put_time(writer, "ended_at", endpoint->ended_at);
    json_close_object(writer);
    return 0;
}

bool api_endpoint_is_clear(struct exchange *exchange, const struct store_endpoint_filter *filter)
{
    if (filter->as_of == 0 || !filter->with_ended) {
        return true;
    }
    problem_set(&exchange->problem, 400, "as_of and with_ended cannot stand together.");
    problem_point(&exchange->problem, "query", "with_ended", "asks for all times, as_of for one");
    return false;
}

void api_endpoints(struct exchange *exchange)
{
    struct store_endpoint_filter filter = {0};
    struct params params;
    struct endpoint_list endpoints;

    if (!params_parse(&api_endpoint_table, exchange->uri, &filter, &params, &exchange->problem)) {
        return;
    }
    if (!api_endpoint_is_clear(exchange, &filter)) {
        return;
    }
    filter.with_facts = true;
    endpoints.now_ms = filter.as_of != 0 ? filter.as_of : wall_now_ms();
    list_open(&endpoints.list, exchange, &params);
    list_close(&endpoints.list, store_read_endpoints(exchange->reader, &filter, endpoint_row, &endpoints));
}
