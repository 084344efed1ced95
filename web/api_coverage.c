/* /api/v1/coverage: how much of each realm each vantage has looked at lately. */
#include "lib/clock.h"
#include "web/api.h"
#include "web/exchange.h"
#include "web/json_writer.h"
#include "web/params.h"

#include <math.h>

static const int64_t coverage_span_ms = INT64_C(24) * 3600 * 1000;

/* The page is not asked for: params.c needs one. */
struct coverage_asked {
    struct store_coverage_filter filter;
    struct store_page page;
};

static const struct param coverage_params[] = {
    {"realm", PARAM_TEXTS, offsetof(struct coverage_asked, filter.realms), NULL},
    {"vantage", PARAM_TEXTS, offsetof(struct coverage_asked, filter.vantages), NULL},
    {"since", PARAM_TIME, offsetof(struct coverage_asked, filter.since), NULL},
};

static const struct param_table coverage_table = {
    .resource = "coverage",
    .params = coverage_params,
    .param_count = sizeof(coverage_params) / sizeof(*coverage_params),
    .page_offset = offsetof(struct coverage_asked, page),
};

static int coverage_row(void *context, const struct store_place_coverage *place)
{
    struct json_writer *writer = context;

    json_open_object(writer, NULL);
    json_put_text(writer, "realm", place->realm);
    json_put_text_or_null(writer, "vantage", place->vantage);
    json_put_number(writer, "hosts_known", place->hosts_known);
    json_put_number(writer, "hosts_planned", place->hosts_planned);
    json_put_number(writer, "hosts_judged", place->hosts_judged);
    json_put_number(writer, "ports_planned", place->ports_planned);
    json_put_number(writer, "ports_judged", place->ports_judged);
    json_put_real(writer, "share",
                  place->ports_planned == 0 ? (double)NAN : (double)place->ports_judged / (double)place->ports_planned);
    json_put_time(writer, "last_judged", place->last_judged);
    json_close_object(writer);
    return 0;
}

void api_coverage(struct exchange *exchange)
{
    struct coverage_asked asked = {0};
    struct store_coverage_filter *filter = &asked.filter;
    struct json_writer writer;
    struct params params;
    int rc;

    if (!params_has_no_page(exchange->uri, "This list is answered whole.", &exchange->problem) ||
        !params_parse(&coverage_table, exchange->uri, &asked, &params, &exchange->problem)) {
        return;
    }
    filter->since = filter->since == 0 ? wall_now_ms() - coverage_span_ms : filter->since;
    json_writer_init(&writer, &exchange->body);
    json_open_object(&writer, NULL);
    json_open_array(&writer, "items");
    rc = store_read_coverage(exchange->reader, filter, coverage_row, &writer);
    json_close_array(&writer);
    json_put_null(&writer, "next_cursor");
    json_close_object(&writer);
    if (rc != 0) {
        exchange_fail(exchange, rc);
    }
}
