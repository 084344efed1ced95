/* What people decide about findings: /api/v1/findings/{uuid}/acknowledge and its kind, one by one or in bulk. */
#include "auditd/protocol.h"
#include "web/api.h"
#include "web/api_finding.h"
#include "web/content.h"
#include "web/order.h"
#include "web/route.h"

#include <stdlib.h>
#include <string.h>

enum {
    DISPOSITION_TEXT_MAX = 500,
    DISPOSITION_BULK_MAX = 10000,
    DISPOSITION_UNTIL_MAX = 40,
    DISPOSITION_REALM_MAX = 128
};

#define DISPOSITION_REASON                                                                                             \
    {                                                                                                                  \
        "reason", CONTENT_TEXT, true, DISPOSITION_TEXT_MAX, NULL                                                       \
    }

static const struct content_member disposition_reason[] = {DISPOSITION_REASON, {0}};
static const struct content_member disposition_waiver[] = {
    DISPOSITION_REASON,
    {"owner", CONTENT_TEXT, true, DISPOSITION_TEXT_MAX, NULL},
    {"until", CONTENT_TEXT, true, DISPOSITION_UNTIL_MAX, NULL},
    {0},
};

static const char *const disposition_actions[] = {CONTROL_DISPOSITION_ACKNOWLEDGE, CONTROL_DISPOSITION_UNACKNOWLEDGE,
                                                  CONTROL_DISPOSITION_WAIVE, CONTROL_DISPOSITION_UNWAIVE, NULL};

static const struct content_member disposition_bulk[] = {
    {"action", CONTENT_CHOICE, true, 0, disposition_actions},
    {"findings", CONTENT_TEXTS, false, DISPOSITION_BULK_MAX, NULL},
    {"filter", CONTENT_TEXT, false, URI_MAX_BYTES / 2, NULL},
    DISPOSITION_REASON,
    {"owner", CONTENT_TEXT, false, DISPOSITION_TEXT_MAX, NULL},
    {"until", CONTENT_TEXT, false, DISPOSITION_UNTIL_MAX, NULL},
    {0},
};

static bool disposition_is_waive(const char *action)
{
    return strcmp(action, CONTROL_DISPOSITION_WAIVE) == 0;
}

/* ---- one ---- */

struct disposition_event {
    int64_t id;
};

static int disposition_event_row(void *context, const struct store_change *change)
{
    struct disposition_event *event = context;

    event->id = change->id;
    return 0;
}

/* The last thing that happened to it: should another come before ours, auditd refuses. */
static int disposition_last_event(struct exchange *exchange, struct disposition_event *event)
{
    const struct store_change_filter filter = {.findings = {&exchange->uuid, 1},
                                               .page = {.is_descending = true, .limit = 1}};

    return store_read_changes(exchange->reader, &filter, disposition_event_row, event);
}

static int disposition_count_row(void *context, const struct store_finding *finding)
{
    (void)finding;
    ++*(size_t *)context;
    return 0;
}

/* Of what the principal may see. */
static bool disposition_finds(struct exchange *exchange)
{
    const struct store_finding_filter filter = {.uuids = {&exchange->uuid, 1}};
    size_t count = 0;
    int rc = store_read_findings(exchange->reader, &filter, disposition_count_row, &count);

    if (rc != 0) {
        exchange_fail(exchange, rc);
    } else if (count == 0) {
        problem_set(&exchange->problem, 404, "No finding has the id %s.", exchange->uuid);
    }
    return exchange->problem.status == 0;
}

static json_t *disposition_order(struct exchange *exchange, json_t *request, const char *action)
{
    struct disposition_event event = {0};
    int rc = exchange->head->if_match == NULL ? 0 : disposition_last_event(exchange, &event);

    if (rc != 0) {
        exchange_fail(exchange, rc);
        json_decref(request);
        return NULL;
    }
    json_object_set_new(request, "op", json_string(CONTROL_OP_DISPOSITION));
    json_object_set_new(request, "do", json_string(action));
    json_object_set_new(request, "findings", json_pack("[s]", exchange->uuid));
    if (event.id != 0) {
        json_object_set_new(request, "last_event", json_integer(event.id));
    }
    return order_send(exchange, request);
}

void api_finding_decide(struct exchange *exchange)
{
    const char *action = strrchr(exchange->uri->path, '/') + 1;
    json_t *request = content_read(exchange, disposition_is_waive(action) ? disposition_waiver : disposition_reason);
    json_t *answer;

    if (request == NULL || !disposition_finds(exchange) || !route_matches_tag(exchange, api_finding)) {
        json_decref(request);
        return;
    }
    answer = disposition_order(exchange, request, action);
    if (answer != NULL && order_read_again(exchange)) {
        api_finding(exchange);
    }
    json_decref(answer);
}

/* ---- many ---- */

struct disposition_found {
    json_t *uuids;
    bool failed;
};

static int disposition_found_row(void *context, const struct store_finding *finding)
{
    struct disposition_found *found = context;

    found->failed = found->failed || json_array_append_new(found->uuids, json_string(finding->uuid)) != 0;
    return 0;
}

static int disposition_find(struct exchange *exchange, struct store_finding_filter *filter,
                            struct disposition_found *found)
{
    int rc;

    found->uuids = json_array();
    filter->page.limit = DISPOSITION_BULK_MAX + 1;
    rc = found->uuids == NULL ? -1 : store_read_findings(exchange->reader, filter, disposition_found_row, found);
    if (rc != 0 && found->uuids != NULL) {
        exchange_fail(exchange, rc);
    } else if (rc != 0 || found->failed) {
        problem_set(&exchange->problem, 503, "Out of memory.");
    }
    return exchange->problem.status == 0 ? 0 : -1;
}

/* Each must be one that the principal may see. */
static void disposition_take_named(struct exchange *exchange, const json_t *named, struct disposition_found *found)
{
    size_t count = json_array_size(named);
    const char **uuids = calloc(count + 1, sizeof(*uuids));
    struct store_finding_filter filter = {.uuids = {uuids, count}};

    for (size_t i = 0; uuids != NULL && i < count; i++) {
        uuids[i] = json_string_value(json_array_get(named, i));
    }
    if (uuids == NULL) {
        problem_set(&exchange->problem, 503, "Out of memory.");
    } else if (disposition_find(exchange, &filter, found) == 0 && json_array_size(found->uuids) != count) {
        problem_set(&exchange->problem, 404, "%zu of the %zu findings are there: the others are not, or stand twice.",
                    json_array_size(found->uuids), count);
        problem_point(&exchange->problem, "body", "findings", "names what is not there, or one twice");
    }
    free(uuids);
}

static bool disposition_refuse_filter(struct exchange *exchange, const char *what)
{
    problem_set(&exchange->problem, 400, "\"filter\" %s.", what);
    problem_point(&exchange->problem, "body", "filter", "%s", what);
    return false;
}

static bool disposition_check_filter(struct exchange *exchange, const struct uri *uri)
{
    static const char *const foreign[] = {"limit", "cursor", "sort", "group_by"};

    for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
        if (uri_param(uri, foreign[i]) != NULL) {
            return disposition_refuse_filter(exchange, "takes no limit, cursor, sort and group_by");
        }
    }
    return uri->param_count > 0 ||
           disposition_refuse_filter(exchange, "must filter: without a parameter it would be all findings");
}

/* The query of the list, as it stands in a page's address. */
static void disposition_take_filter(struct exchange *exchange, const char *query, struct disposition_found *found)
{
    struct store_finding_filter filter = {0};
    struct params params;
    struct uri uri;
    char target[URI_MAX_BYTES];

    snprintf(target, sizeof(target), "/?%s", query);
    if (strchr(query, '#') != NULL || strchr(query, ' ') != NULL || uri_parse(target, &uri) != 0) {
        (void)disposition_refuse_filter(exchange, "must be the query of /api/v1/findings, percent-encoded");
        return;
    }
    if (disposition_check_filter(exchange, &uri) &&
        params_parse(&api_finding_table, &uri, &filter, &params, &exchange->problem) &&
        api_finding_is_of_now(exchange, &filter) && disposition_find(exchange, &filter, found) == 0 &&
        json_array_size(found->uuids) > DISPOSITION_BULK_MAX) {
        (void)disposition_refuse_filter(exchange, "matches more than 10000 findings: narrow it");
    }
    uri_done(&uri);
}

/* What is read from here on is not of the content. */
static void disposition_take(struct exchange *exchange, const json_t *content, struct disposition_found *found)
{
    const json_t *named = json_object_get(content, "findings");
    const char *filter = json_string_value(json_object_get(content, "filter"));

    if ((named == NULL) == (filter == NULL)) {
        problem_set(&exchange->problem, 400, "A bulk decision is about \"findings\" or about a \"filter\".");
        problem_point(&exchange->problem, "body", "findings", "or filter: one of them must be there");
    } else if (filter != NULL) {
        disposition_take_filter(exchange, filter, found);
    } else if (json_array_size(named) == 0) {
        problem_set(&exchange->problem, 400, "\"findings\" names none.");
        problem_point(&exchange->problem, "body", "findings", "must be a list of 1 to 10000 texts");
    } else {
        disposition_take_named(exchange, named, found);
    }
}

/* Of one finding, from auditd's. */
static json_t *disposition_item(const json_t *row)
{
    return json_pack("{s:O, s:O, s:O}", "uuid", json_object_get(row, "name"), "disposition",
                     json_object_get(row, "disposition"), "changed", json_object_get(row, "moved"));
}

static void disposition_write(struct exchange *exchange, const json_t *answer)
{
    json_t *items = json_array();
    size_t index;
    json_t *row;

    json_array_foreach(json_object_get(answer, "findings"), index, row)
    {
        json_array_append_new(items, disposition_item(row));
    }
    order_write(exchange, json_pack("{s:I, s:O, s:o}", "matched", (json_int_t)json_array_size(items), "changed",
                                    json_object_get(answer, "moved"), "items", items));
}

static const struct content_member *disposition_members(const json_t *content)
{
    return disposition_is_waive(json_string_value(json_object_get(content, "action"))) ? disposition_waiver
                                                                                       : disposition_reason;
}

/* Owner and end belong to waivers, and to those alone. */
static bool disposition_fits(struct exchange *exchange, const json_t *content)
{
    bool is_waive = disposition_members(content) == disposition_waiver;
    static const char *const terms[] = {"owner", "until"};

    for (size_t i = 0; i < sizeof(terms) / sizeof(*terms); i++) {
        if ((json_object_get(content, terms[i]) != NULL) != is_waive) {
            problem_set(&exchange->problem, 400, "\"%s\" %s.", terms[i],
                        is_waive ? "is missing" : "belongs to waivers alone");
            problem_point(&exchange->problem, "body", terms[i], is_waive ? "is missing" : "belongs to waivers alone");
            return false;
        }
    }
    return true;
}

void api_findings_decide(struct exchange *exchange)
{
    json_t *content = content_read(exchange, disposition_bulk);
    struct disposition_found found = {0};
    json_t *request;
    json_t *answer = NULL;

    if (content != NULL && disposition_fits(exchange, content)) {
        disposition_take(exchange, content, &found);
    }
    if (content != NULL && exchange->problem.status == 0 && json_array_size(found.uuids) == 0) {
        order_write(exchange, json_pack("{s:i, s:i, s:[]}", "matched", 0, "changed", 0, "items"));
    } else if (content != NULL && exchange->problem.status == 0) {
        request = json_pack("{s:s, s:O, s:O, s:b, s:O, s:O*, s:O*}", "op", CONTROL_OP_DISPOSITION, "do",
                            json_object_get(content, "action"), "findings", found.uuids, "skip", 1, "reason",
                            json_object_get(content, "reason"), "owner", json_object_get(content, "owner"), "until",
                            json_object_get(content, "until"));
        answer = order_send(exchange, request);
    }
    if (answer != NULL) {
        disposition_write(exchange, answer);
    }
    json_decref(answer);
    json_decref(found.uuids);
    json_decref(content);
}

/* ---- all that is open now ---- */

/* An empty request does nothing: who means all says so. */
static bool disposition_names_whose(struct exchange *exchange, json_t *request)
{
    bool is_all = json_is_true(json_object_get(request, "all"));

    if (is_all == (json_object_get(request, "realm") != NULL)) {
        problem_set(&exchange->problem, 400, "What is open in one \"realm\" is adopted, or \"all\": true.");
        problem_point(&exchange->problem, "body", "realm", "or all: one of them must be there");
        return false;
    }
    json_object_del(request, "all");
    return order_place(exchange, request, "all that is open in a realm is adopted");
}

void api_findings_adopt(struct exchange *exchange)
{
    static const struct content_member members[] = {
        {"realm", CONTENT_TEXT, false, DISPOSITION_REALM_MAX, NULL}, {"all", CONTENT_FLAG, false, 0, NULL}, {0}};
    json_t *request = content_read(exchange, members);
    json_t *answer = NULL;

    if (request != NULL && disposition_names_whose(exchange, request)) {
        json_object_set_new(request, "op", json_string(CONTROL_OP_DISPOSITION));
        json_object_set_new(request, "do", json_string(CONTROL_DISPOSITION_ADOPT));
        answer = order_send(exchange, request);
    } else {
        json_decref(request);
    }
    if (answer != NULL) {
        order_write(exchange, json_pack("{s:O}", "adopted", json_object_get(answer, "moved")));
    }
    json_decref(answer);
}
