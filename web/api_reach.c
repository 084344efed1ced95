/* /api/v1/reach: what the cloud's configuration lets through. auditd works it out; here its rows become pages. */
#include "auditd/protocol.h"
#include "web/api.h"
#include "web/content.h"
#include "web/cursor.h"
#include "web/order.h"
#include "web/params.h"

#include "lib/clock.h"

#include <string.h>

struct reach_filter {
    const char *to, *from, *inventory;
    const char *network;
    struct store_texts kinds;
    int64_t as_of;
    struct store_page page;
};

static const struct param reach_params[] = {
    {"to", PARAM_TEXT, offsetof(struct reach_filter, to), NULL},
    {"from", PARAM_TEXT, offsetof(struct reach_filter, from), NULL},
    {"inventory", PARAM_TEXT, offsetof(struct reach_filter, inventory), NULL},
    {"as_of", PARAM_TIME, offsetof(struct reach_filter, as_of), NULL},
};

static const struct param_table reach_table = {
    .resource = "reach",
    .params = reach_params,
    .param_count = sizeof(reach_params) / sizeof(*reach_params),
    .page_offset = offsetof(struct reach_filter, page),
};

static bool reach_put_text(json_t *request, const char *name, const char *value)
{
    return value == NULL || json_object_set_new(request, name, json_string(value)) == 0;
}

/* A page goes on at the moment of the first: that stands in the cursor. NULL when out of memory. */
static json_t *reach_request(const char *what, const struct reach_filter *filter, const struct params *params)
{
    const struct store_position *after = &filter->page.after;
    int64_t at_ms = after->is_set ? (int64_t)after->key : filter->as_of;
    json_t *request =
        json_pack("{s:s, s:s, s:I, s:I, s:I}", "op", CONTROL_OP_REACH, "do", what, "at", (json_int_t)at_ms, "after",
                  (json_int_t)(after->is_set ? after->id : 0), "limit", (json_int_t)params->limit);

    if (request != NULL && !reach_put_text(request, "inventory", filter->inventory)) {
        json_decref(request);
        request = NULL;
    }
    return request;
}

static json_t *reach_ask(struct exchange *exchange, const struct reach_filter *filter, const struct params *params)
{
    json_t *request = reach_request(filter->to == NULL ? CONTROL_REACH_SURFACE : CONTROL_REACH_ASK, filter, params);

    if (request != NULL &&
        !(reach_put_text(request, "to", filter->to) && reach_put_text(request, "from", filter->from))) {
        json_decref(request);
        request = NULL;
    }
    return order_send(exchange, request);
}

/* NULL at the end. */
static json_t *reach_next(const struct reach_filter *filter, const struct params *params, const json_t *answer)
{
    json_int_t first = filter->page.after.is_set ? filter->page.after.id : 0;
    struct store_position last = {.is_set = true,
                                  .key = (double)json_integer_value(json_object_get(answer, "at")),
                                  .id = first + (json_int_t)json_array_size(json_object_get(answer, "rows"))};
    char cursor[CURSOR_TEXT_SIZE];

    if (json_array_size(json_object_get(answer, "rows")) == 0 ||
        last.id >= json_integer_value(json_object_get(answer, "row_count"))) {
        return json_null();
    }
    cursor_format(&params->binding, &last, cursor);
    return json_string(cursor);
}

/* NULL when out of memory. */
static json_t *reach_page(const struct reach_filter *filter, const struct params *params, const json_t *answer)
{
    char at[WALL_TEXT_SIZE];

    wall_format(json_integer_value(json_object_get(answer, "at")), at);
    return json_pack("{s:O, s:o, s:O, s:s}", "items", json_object_get(answer, "rows"), "next_cursor",
                     reach_next(filter, params, answer), "inventory", json_object_get(answer, "inventory"), "as_of",
                     at);
}

void api_reach(struct exchange *exchange)
{
    struct reach_filter filter = {0};
    struct params params;
    json_t *answer;

    if (!params_parse(&reach_table, exchange->uri, &filter, &params, &exchange->problem)) {
        return;
    }
    if (filter.from != NULL && filter.to == NULL) {
        problem_set(&exchange->problem, 400, "The whole surface is the world's: from goes with to.");
        problem_point(&exchange->problem, "query", "from", "goes with to");
        return;
    }
    answer = reach_ask(exchange, &filter, &params);
    if (answer != NULL) {
        order_write(exchange, reach_page(&filter, &params, answer));
        json_decref(answer);
    }
}

/* ---- what is wrong with the rules themselves ---- */

static const char *const reach_flaw_kinds[] = {"shadowed-rule", "dead-reference", "unused-group", NULL};

static const struct param flaw_params[] = {
    {"network", PARAM_TEXT, offsetof(struct reach_filter, network), NULL},
    {"kind", PARAM_CHOICES, offsetof(struct reach_filter, kinds), reach_flaw_kinds},
    {"inventory", PARAM_TEXT, offsetof(struct reach_filter, inventory), NULL},
    {"as_of", PARAM_TIME, offsetof(struct reach_filter, as_of), NULL},
};

static const struct param_table flaw_table = {
    .resource = "reach/flaws",
    .params = flaw_params,
    .param_count = sizeof(flaw_params) / sizeof(*flaw_params),
    .page_offset = offsetof(struct reach_filter, page),
};

/* NULL when out of memory. */
static json_t *flaw_request(const struct reach_filter *filter, const struct params *params)
{
    json_t *request = reach_request(CONTROL_REACH_FLAWS, filter, params);
    json_t *kinds = request == NULL || filter->kinds.count == 0 ? NULL : json_array();

    for (size_t i = 0; i < filter->kinds.count; i++) {
        json_array_append_new(kinds, json_string(filter->kinds.values[i]));
    }
    if (request != NULL && ((filter->kinds.count > 0 && json_object_set_new(request, "kinds", kinds) != 0) ||
                            !reach_put_text(request, "network", filter->network))) {
        json_decref(request);
        request = NULL;
    }
    return request;
}

void api_reach_flaws(struct exchange *exchange)
{
    struct reach_filter filter = {0};
    struct params params;
    json_t *answer = NULL;

    if (params_parse(&flaw_table, exchange->uri, &filter, &params, &exchange->problem)) {
        answer = order_send(exchange, flaw_request(&filter, &params));
    }
    if (answer != NULL) {
        json_t *page = reach_page(&filter, &params, answer);
        json_object_set(page, "untold", json_object_get(answer, "untold"));
        order_write(exchange, page);
        json_decref(answer);
    }
}

/* ---- what a change would do ---- */

enum { REACH_NAME_MAX = 4096 };

void api_reach_what_if(struct exchange *exchange)
{
    static const struct content_member members[] = {{"change", CONTENT_OBJECT, true, 0, NULL},
                                                    {"to", CONTENT_TEXT, false, REACH_NAME_MAX, NULL},
                                                    {"inventory", CONTENT_TEXT, false, REACH_NAME_MAX, NULL},
                                                    {0}};
    json_t *request = content_read(exchange, members);
    char at[WALL_TEXT_SIZE];
    json_t *answer = NULL;

    if (request != NULL) {
        json_object_set_new(request, "op", json_string(CONTROL_OP_REACH));
        json_object_set_new(request, "do", json_string(CONTROL_REACH_WHAT_IF));
        answer = order_send(exchange, request);
    }
    if (answer != NULL) {
        wall_format(json_integer_value(json_object_get(answer, "at")), at);
        order_write(exchange,
                    json_pack("{s:O, s:s, s:O, s:O, s:O, s:O}", "inventory", json_object_get(answer, "inventory"),
                              "as_of", at, "opens", json_object_get(answer, "opens"), "open_count",
                              json_object_get(answer, "open_count"), "closes", json_object_get(answer, "closes"),
                              "close_count", json_object_get(answer, "close_count")));
    }
    json_decref(answer);
}
