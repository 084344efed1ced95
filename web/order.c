#include "web/order.h"

#include "auditd/protocol.h"
#include "web/control.h"
#include "web/route.h"
#include "web/store_pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Less than a request may take in all. */
enum { ORDER_PATIENCE_MS = 30000, ORDER_ACTOR_SIZE = PRINCIPAL_NAME_SIZE + TOKEN_ID_SIZE + 16 };

static json_t *order_principal(const struct exchange *exchange)
{
    const char *address = exchange->head->address;
    char actor[ORDER_ACTOR_SIZE];

    snprintf(actor, sizeof(actor), "%s (token %s)", exchange->principal.name, exchange->principal.token);
    return json_pack("{s:s, s:s}", "actor", actor, "address", address == NULL ? "" : address);
}

static void order_refuse(struct exchange *exchange, const json_t *answer)
{
    static const struct {
        const char *fault;
        unsigned status;
    } faults[] = {
        {CONTROL_FAULT_INVALID, 400}, {CONTROL_FAULT_MISSING, 404}, {CONTROL_FAULT_CONFLICT, 409},
        {CONTROL_FAULT_CHANGED, 412}, {CONTROL_FAULT_BUSY, 503},    {CONTROL_FAULT_FAILED, 500},
    };
    const char *error = json_string_value(json_object_get(answer, "error"));
    const char *fault = json_string_value(json_object_get(answer, "fault"));
    unsigned status = 409;

    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults) && fault != NULL; i++) {
        status = strcmp(faults[i].fault, fault) == 0 ? faults[i].status : status;
    }
    problem_set(&exchange->problem, status, "%s", error == NULL ? "The daemon refused it and did not say why." : error);
}

static void order_fail(struct exchange *exchange, int rc)
{
    if (rc == -ENOMEM) {
        problem_set(&exchange->problem, 503, "Out of memory.");
    } else if (rc == -ECONNREFUSED) {
        problem_set(&exchange->problem, 503,
                    "leastport-auditd does not answer; what is stored can be read, but nothing can be done without it. "
                    "Start it with `leastport serve`.");
    } else {
        problem_set(&exchange->problem, 503,
                    "leastport-auditd did not answer in time. Look whether it was done before you ask again.");
    }
}

static void order_give_back(struct exchange *exchange)
{
    if (exchange->reader != NULL) {
        store_pool_return(exchange->site->pool, exchange->reader, false);
        exchange->reader = NULL;
    }
}

bool order_read_again(struct exchange *exchange)
{
    const struct store_reach *reach = principal_is_limited(&exchange->principal) ? &exchange->principal.reach : NULL;
    char error[STORE_READ_ERROR_SIZE] = "";
    int rc = store_pool_borrow(exchange->site->pool, reach, error, &exchange->reader);

    if (rc != 0) {
        problem_set(&exchange->problem, 503, "It was done, but the database cannot be read: %s", error);
    }
    return rc == 0;
}

json_t *order_send(struct exchange *exchange, json_t *request)
{
    const char *path = exchange->site->control_path;
    json_t *answer = NULL;
    int rc = request == NULL || json_object_set_new(request, "as", order_principal(exchange)) != 0 ? -ENOMEM
             : path == NULL                                                                        ? -ECONNREFUSED
                                                                                                   : 0;

    order_give_back(exchange);
    rc = rc == 0 ? control_request(path, request, ORDER_PATIENCE_MS, &answer) : rc;
    json_decref(request);
    if (rc != 0) {
        order_fail(exchange, rc);
        return NULL;
    }
    if (!json_is_true(json_object_get(answer, "ok"))) {
        order_refuse(exchange, answer);
        json_decref(answer);
        return NULL;
    }
    return answer;
}

bool order_reaches(const struct exchange *exchange, const char *realm)
{
    const struct store_reach *reach = &exchange->principal.reach;

    for (size_t i = 0; i < reach->realms.count; i++) {
        if (reach->tags.count == 0 && realm != NULL && strcmp(reach->realms.values[i], realm) == 0) {
            return true;
        }
    }
    return !principal_is_limited(&exchange->principal);
}

bool order_place(struct exchange *exchange, json_t *request, const char *what)
{
    const struct store_reach *reach = &exchange->principal.reach;
    const char *realm = json_string_value(json_object_get(request, "realm"));

    if (reach->tags.count > 0) {
        problem_set(&exchange->problem, 403, "\"%s\" is limited to hosts with some tags, and %s.",
                    exchange->principal.name, what);
        return false;
    }
    if (realm == NULL && reach->realms.count == 1) {
        json_object_set_new(request, "realm", json_string(reach->realms.values[0]));
        return true;
    }
    if (realm == NULL && reach->realms.count > 1) {
        problem_set(&exchange->problem, 400, "\"%s\" is limited to several realms: say which.",
                    exchange->principal.name);
        problem_point(&exchange->problem, "body", "realm", "is missing");
        return false;
    }
    if (!order_reaches(exchange, realm)) {
        problem_set(&exchange->problem, 403, "\"%s\" is limited to other realms.", exchange->principal.name);
        problem_point(&exchange->problem, "body", "realm", "is not one of the token's");
        return false;
    }
    return true;
}

bool order_takes_no_query(struct exchange *exchange)
{
    if (exchange->uri->param_count != 0) {
        problem_set(&exchange->problem, 400, "This list takes no parameters.");
        problem_point(&exchange->problem, "query", exchange->uri->params[0].name, "is not known here");
    }
    return exchange->uri->param_count == 0;
}

void order_write(struct exchange *exchange, json_t *value)
{
    char *text = value == NULL ? NULL : json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));

    json_decref(value);
    if (text == NULL) {
        problem_set(&exchange->problem, 503, "Out of memory.");
        return;
    }
    buffer_add(&exchange->body, text, strlen(text));
    free(text);
}
