/* /api/v1/policy: what judges, what would, what did. */
#include "auditd/protocol.h"
#include "web/api.h"
#include "web/content.h"
#include "web/framing.h"
#include "web/list.h"
#include "web/order.h"
#include "web/route.h"

#include <stdio.h>

enum { POLICY_TEXT_MAX = FRAMING_MAX_BODY_BYTES, POLICY_NAME_MAX = 200, POLICY_HOST_MAX = 255 };

static const struct content_member policy_members[] = {
    {"policy", CONTENT_TEXT, true, POLICY_TEXT_MAX, NULL},
    {"name", CONTENT_TEXT, false, POLICY_NAME_MAX, NULL},
    {0},
};

/* ---- versions ---- */

static const char *const policy_sorts[] = {"loaded_at", NULL};

static const struct param policy_params[] = {
    {"hash", PARAM_TEXTS, offsetof(struct store_policy_filter, hashes), NULL},
    {"name", PARAM_TEXTS, offsetof(struct store_policy_filter, names), NULL},
};

static const struct param_table policy_table = {
    .resource = "policies",
    .params = policy_params,
    .param_count = sizeof(policy_params) / sizeof(*policy_params),
    .page_offset = offsetof(struct store_policy_filter, page),
    .sorts = policy_sorts,
    .is_descending = true,
};

static void policy_write(struct json_writer *writer, const struct store_read_policy *policy)
{
    json_open_object(writer, NULL);
    json_put_text(writer, "hash", policy->hash);
    json_put_text(writer, "name", policy->name);
    json_put_number(writer, "baseline", policy->baseline);
    json_put_time(writer, "loaded_at", policy->loaded_at);
    json_put_flag(writer, "judges", policy->judges);
    json_put_text(writer, "source", policy->source);
    json_close_object(writer);
}

static int policy_row(void *context, const struct store_read_policy *policy)
{
    struct list *list = context;

    if (list_takes(list, policy->sort_key, policy->id)) {
        policy_write(&list->writer, policy);
    }
    return 0;
}

void api_policies(struct exchange *exchange)
{
    struct store_policy_filter filter = {0};
    struct params params;
    struct list list;

    if (params_parse(&policy_table, exchange->uri, &filter, &params, &exchange->problem)) {
        list_open(&list, exchange, &params);
        list_close(&list, store_list_policies(exchange->reader, &filter, policy_row, &list));
    }
}

/* ---- the one that judges ---- */

struct policy_one {
    struct json_writer writer;
    char hash[129];
};

static int policy_one_row(void *context, const struct store_read_policy *policy)
{
    struct policy_one *one = context;

    snprintf(one->hash, sizeof(one->hash), "%s", policy->hash);
    policy_write(&one->writer, policy);
    return 0;
}

static bool policy_show(struct exchange *exchange, struct policy_one *one)
{
    const struct store_policy_filter filter = {.judging = true};
    int rc;

    json_writer_init(&one->writer, &exchange->body);
    rc = store_list_policies(exchange->reader, &filter, policy_one_row, one);
    if (rc != 0) {
        exchange_fail(exchange, rc);
    } else if (one->hash[0] == '\0') {
        problem_set(&exchange->problem, 404, "No policy has judged anything yet: run an audit.");
    }
    return exchange->problem.status == 0;
}

void api_policy(struct exchange *exchange)
{
    struct policy_one one = {0};

    (void)policy_show(exchange, &one);
}

/* ---- check, try, apply ---- */

static json_t *policy_order(struct exchange *exchange, json_t *request, const char *word)
{
    json_object_set_new(request, "op", json_string(CONTROL_OP_POLICY));
    json_object_set_new(request, "do", json_string(word));
    return order_send(exchange, request);
}

/* The answer without what says that it is one. Takes `answer`. */
static void policy_pass_on(struct exchange *exchange, json_t *answer)
{
    if (answer != NULL) {
        json_object_del(answer, "ok");
        order_write(exchange, answer);
    }
}

static void policy_question(struct exchange *exchange, const struct content_member *members, const char *word)
{
    json_t *request = content_read(exchange, members);

    if (request != NULL) {
        policy_pass_on(exchange, policy_order(exchange, request, word));
    }
}

void api_policy_check(struct exchange *exchange)
{
    policy_question(exchange, policy_members, CONTROL_POLICY_CHECK);
}

void api_policy_dry_run(struct exchange *exchange)
{
    policy_question(exchange, policy_members, CONTROL_POLICY_DRY_RUN);
}

void api_policy_explain(struct exchange *exchange)
{
    static const char *const protos[] = {"tcp", "udp", NULL};
    static const char *const classes[] = {"self", "own-vpc", "vpn", "peer", "public-range", "world", NULL};
    static const struct content_member members[] = {
        {"policy", CONTENT_TEXT, false, POLICY_TEXT_MAX, NULL},
        {"host", CONTENT_TEXT, true, POLICY_HOST_MAX, NULL},
        {"port", CONTENT_NUMBER, true, UINT16_MAX, NULL},
        {"proto", CONTENT_CHOICE, false, 0, protos},
        {"realm", CONTENT_TEXT, false, POLICY_NAME_MAX, NULL},
        {"from", CONTENT_CHOICE, false, 0, classes},
        {0},
    };

    policy_question(exchange, members, CONTROL_POLICY_EXPLAIN);
}

/* About the policy that the content brings, or the one that judges. */
static const struct content_member policy_asked[] = {
    {"policy", CONTENT_TEXT, false, POLICY_TEXT_MAX, NULL},
    {"name", CONTENT_TEXT, false, POLICY_NAME_MAX, NULL},
    {0},
};

void api_policy_test(struct exchange *exchange)
{
    policy_question(exchange, policy_asked, CONTROL_POLICY_TEST);
}

void api_policy_suggest(struct exchange *exchange)
{
    policy_question(exchange, policy_asked, CONTROL_POLICY_SUGGEST);
}

/* With If-Match the hash that was read goes along: should another policy come before this one, auditd refuses. */
static bool policy_expect(struct exchange *exchange, json_t *request)
{
    struct exchange shown;
    struct policy_one one = {0};
    bool is_there;

    if (exchange->head->if_match == NULL) {
        return true;
    }
    if (!route_matches_tag(exchange, api_policy)) {
        return false;
    }
    exchange_init(&shown, exchange->site);
    shown.reader = exchange->reader;
    is_there = policy_show(&shown, &one);
    exchange_done(&shown);
    return !is_there || json_object_set_new(request, "expected", json_string(one.hash)) == 0;
}

void api_policy_apply(struct exchange *exchange)
{
    json_t *request = content_read(exchange, policy_members);

    if (request == NULL || !policy_expect(exchange, request)) {
        json_decref(request);
        return;
    }
    if (json_object_get(request, "name") == NULL) {
        json_object_set_new(request, "name", json_string("API"));
    }
    policy_pass_on(exchange, policy_order(exchange, request, CONTROL_POLICY_APPLY));
}
