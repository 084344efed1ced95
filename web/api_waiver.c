/* /api/v1/waivers: what is waived until when, by whom and why; waivers of a rule on some hosts. */
#include "auditd/protocol.h"
#include "web/api.h"
#include "web/content.h"
#include "web/list.h"
#include "web/order.h"

enum { WAIVER_TEXT_MAX = 500, WAIVER_RULE_MAX = 200, WAIVER_UNTIL_MAX = 40 };

static const char *const waiver_sorts[] = {"until", "created_at", NULL};

static const struct param waiver_params[] = {
    {"uuid", PARAM_TEXTS, offsetof(struct store_waiver_filter, uuids), NULL},
    {"rule_id", PARAM_TEXTS, offsetof(struct store_waiver_filter, rules), NULL},
    {"owner", PARAM_TEXTS, offsetof(struct store_waiver_filter, owners), NULL},
    {"realm", PARAM_TEXTS, offsetof(struct store_waiver_filter, realms), NULL},
    {"until_since", PARAM_TIME, offsetof(struct store_waiver_filter, until_since), NULL},
    {"until_before", PARAM_TIME, offsetof(struct store_waiver_filter, until_before), NULL},
};

static const struct param_table waiver_table = {
    .resource = "waivers",
    .params = waiver_params,
    .param_count = sizeof(waiver_params) / sizeof(*waiver_params),
    .page_offset = offsetof(struct store_waiver_filter, page),
    .sorts = waiver_sorts,
    .sort = STORE_WAIVER_BY_END,
};

/* Of a rule it has hosts, of a finding where that is. */
static void waiver_write(struct json_writer *writer, const struct store_waiver *waiver)
{
    bool is_of_rule = waiver->rule_id[0] != '\0';

    json_open_object(writer, NULL);
    json_put_text(writer, "uuid", waiver->uuid);
    json_put_text_or_null(writer, "rule_id", waiver->rule_id);
    json_put_stored(writer, "hosts", is_of_rule ? waiver->hosts : "null");
    json_put_text(writer, "owner", waiver->owner);
    json_put_text(writer, "reason", waiver->reason);
    json_put_text(writer, "actor", waiver->actor);
    json_put_time(writer, "until", waiver->until);
    json_put_time(writer, "created_at", waiver->created_at);
    json_put_real(writer, "accepted_breadth", waiver->accepted_breadth);
    json_put_number(writer, "findings", waiver->findings);
    json_put_text_or_null(writer, "realm", waiver->realm);
    json_put_text_or_null(writer, "address", waiver->address);
    json_put_text_or_null(writer, "proto", waiver->proto);
    if (is_of_rule) {
        json_put_null(writer, "port");
    } else {
        json_put_number(writer, "port", waiver->port);
    }
    json_put_text_or_null(writer, "service", waiver->service);
    json_close_object(writer);
}

static int waiver_row(void *context, const struct store_waiver *waiver)
{
    struct list *list = context;

    if (list_takes(list, waiver->sort_key, waiver->id)) {
        waiver_write(&list->writer, waiver);
    }
    return 0;
}

void api_waivers(struct exchange *exchange)
{
    struct store_waiver_filter filter = {0};
    struct params params;
    struct list list;

    if (params_parse(&waiver_table, exchange->uri, &filter, &params, &exchange->problem)) {
        list_open(&list, exchange, &params);
        list_close(&list, store_list_waivers(exchange->reader, &filter, waiver_row, &list));
    }
}

/* ---- of rules ---- */

void api_waiver_give(struct exchange *exchange)
{
    static const struct content_member members[] = {
        {"rule", CONTENT_TEXT, true, WAIVER_RULE_MAX, NULL},   {"hosts", CONTENT_OBJECT, false, 0, NULL},
        {"owner", CONTENT_TEXT, true, WAIVER_TEXT_MAX, NULL},  {"reason", CONTENT_TEXT, true, WAIVER_TEXT_MAX, NULL},
        {"until", CONTENT_TEXT, true, WAIVER_UNTIL_MAX, NULL}, {0},
    };
    json_t *request = content_read(exchange, members);
    json_t *answer;

    if (request == NULL) {
        return;
    }
    json_object_set_new(request, "op", json_string(CONTROL_OP_DISPOSITION));
    json_object_set_new(request, "do", json_string(CONTROL_DISPOSITION_WAIVE));
    answer = order_send(exchange, request);
    if (answer != NULL) {
        const json_t *given = json_array_get(json_object_get(answer, "waivers"), 0);
        exchange->status = 201;
        order_write(exchange, json_pack("{s:O, s:O}", "uuid", json_object_get(given, "waiver"), "findings",
                                        json_object_get(given, "findings")));
    }
    json_decref(answer);
}

void api_waiver_end(struct exchange *exchange)
{
    static const struct content_member members[] = {{"reason", CONTENT_TEXT, true, WAIVER_TEXT_MAX, NULL}, {0}};
    json_t *request = content_read(exchange, members);
    json_t *answer;

    if (request == NULL) {
        return;
    }
    json_object_set_new(request, "op", json_string(CONTROL_OP_DISPOSITION));
    json_object_set_new(request, "do", json_string(CONTROL_DISPOSITION_UNWAIVE));
    json_object_set_new(request, "waivers", json_pack("[s]", exchange->uuid));
    answer = order_send(exchange, request);
    if (answer != NULL) {
        order_write(exchange,
                    json_pack("{s:s, s:O}", "uuid", exchange->uuid, "changed", json_object_get(answer, "moved")));
    }
    json_decref(answer);
}
