/* Schedules, scanners, inventories and alerts: /api/v1/schedules, /api/v1/scanners, ... The configuration's file
 * says what they are; here they are looked at, run, paused, confirmed, tried again. */
#include "auditd/protocol.h"
#include "web/api.h"
#include "web/content.h"
#include "web/order.h"

#include <string.h>

enum { OPERATE_NAME_MAX = 200 };

/* ---- lists, as auditd has them ---- */

static bool operate_reaches(const struct exchange *exchange, const json_t *row)
{
    const struct store_reach *reach = &exchange->principal.reach;
    const char *realm = json_string_value(json_object_get(row, "realm"));

    for (size_t i = 0; i < reach->realms.count; i++) {
        if (reach->tags.count == 0 && realm != NULL && strcmp(realm, reach->realms.values[i]) == 0) {
            return true;
        }
    }
    return !principal_is_limited(&exchange->principal);
}

/* Takes `answer`, which may be NULL. */
static void operate_list(struct exchange *exchange, json_t *answer, const char *member)
{
    json_t *items = json_array();
    size_t index;
    json_t *row;

    json_array_foreach(json_object_get(answer, member), index, row)
    {
        if (operate_reaches(exchange, row)) {
            json_array_append(items, row);
        }
    }
    if (answer != NULL) {
        order_write(exchange, json_pack("{s:O, s:n}", "items", items, "next_cursor"));
    }
    json_decref(items);
    json_decref(answer);
}

static json_t *operate_ask(struct exchange *exchange, const char *op, const char *word)
{
    return order_takes_no_query(exchange) ? order_send(exchange, json_pack("{s:s, s:s}", "op", op, "do", word)) : NULL;
}

void api_schedules(struct exchange *exchange)
{
    operate_list(exchange, operate_ask(exchange, CONTROL_OP_SCHEDULE, CONTROL_SCHEDULE_LIST), "schedules");
}

void api_inventories(struct exchange *exchange)
{
    operate_list(exchange, operate_ask(exchange, CONTROL_OP_INVENTORY, CONTROL_INVENTORY_LIST), "inventories");
}

void api_alerts(struct exchange *exchange)
{
    operate_list(exchange, operate_ask(exchange, CONTROL_OP_ALERT, CONTROL_ALERT_LIST), "alerts");
}

void api_alerts_amiss(struct exchange *exchange)
{
    operate_list(exchange, operate_ask(exchange, CONTROL_OP_ALERT, CONTROL_ALERT_AMISS), "amiss");
}

void api_scanners(struct exchange *exchange)
{
    if (order_takes_no_query(exchange)) {
        operate_list(exchange, order_send(exchange, json_pack("{s:s}", "op", CONTROL_OP_SCANNERS)), "scanners");
    }
}

/* ---- what is done: the path's last word, about what the content names ---- */

/* What the content calls it is `member`, what auditd calls it `name`. */
struct operate_verb {
    const char *op;
    const char *member;
    const char *name;
    bool is_required;
};

static void operate_do(struct exchange *exchange, const struct operate_verb *verb)
{
    const struct content_member members[] = {{verb->member, CONTENT_TEXT, verb->is_required, OPERATE_NAME_MAX, NULL},
                                             {0}};
    json_t *content = content_read(exchange, members);
    json_t *answer = NULL;

    if (content != NULL) {
        answer = order_send(exchange,
                            json_pack("{s:s, s:s, s:O*}", "op", verb->op, "do", strrchr(exchange->uri->path, '/') + 1,
                                      verb->name, json_object_get(content, verb->member)));
    }
    if (answer != NULL) {
        json_object_del(answer, "ok");
        order_write(exchange, json_incref(answer));
    }
    json_decref(answer);
    json_decref(content);
}

void api_schedule_do(struct exchange *exchange)
{
    operate_do(exchange, &(struct operate_verb){CONTROL_OP_SCHEDULE, "schedule", "schedule", true});
}

void api_inventory_do(struct exchange *exchange)
{
    operate_do(exchange, &(struct operate_verb){CONTROL_OP_INVENTORY, "inventory", "inventory", true});
}

void api_alert_test(struct exchange *exchange)
{
    operate_do(exchange, &(struct operate_verb){CONTROL_OP_ALERT, "receiver", "of", false});
}

/* Lets findings of the place turn FIXED again. */
void api_alert_lift(struct exchange *exchange)
{
    operate_do(exchange, &(struct operate_verb){CONTROL_OP_ALERT, "place", "of", true});
}

/* Again: one, or all that were given up; never again: one. */
void api_alert_do(struct exchange *exchange)
{
    bool is_drop = strcmp(strrchr(exchange->uri->path, '/') + 1, CONTROL_ALERT_DROP) == 0;

    operate_do(exchange, &(struct operate_verb){CONTROL_OP_ALERT, "alert", "of", is_drop});
}
