#include "web/route.h"

#include "web/accept.h"
#include "web/api.h"
#include "web/asset.h"
#include "web/framing.h"
#include "web/recall.h"
#include "web/repeat.h"
#include "web/represent.h"
#include "web/store_pool.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { UUID_TEXT_SIZE = 37, ROUTE_CHAINS = 128, ROUTE_ROWS = UINT8_MAX, ROUTE_PATH_MAX = 128 };

static const char media_html[] = "text/html";
static const char media_events[] = "text/event-stream";

/* ---- finding the route ---- */

/* Copies a lower-case 8-4-4-4-12 text; false when it is none. */
static bool route_read_uuid(const char *text, char uuid[UUID_TEXT_SIZE])
{
    for (size_t i = 0; i < UUID_TEXT_SIZE - 1; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) {
            return false;
        }
        uuid[i] = (char)tolower((unsigned char)text[i]);
    }
    uuid[UUID_TEXT_SIZE - 1] = '\0';
    return true;
}

static bool route_matches(const char *pattern, const char *path, char uuid[UUID_TEXT_SIZE])
{
    static const char hole[] = "{uuid}";

    while (*pattern != '\0') {
        if (*pattern == '{' && strncmp(pattern, hole, sizeof(hole) - 1) == 0) {
            if (!route_read_uuid(path, uuid)) {
                return false;
            }
            pattern += sizeof(hole) - 1;
            path += UUID_TEXT_SIZE - 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

static bool route_has_method(const struct route *route, const char *method)
{
    if (route->method == NULL) {
        return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    }
    return strcmp(route->method, method) == 0;
}

/* The table's rows by the letters in which most of them differ: those of a chain stand in the table's order. */
static struct {
    uint8_t first[ROUTE_CHAINS]; /* a row's number from 1 on; 0: none */
    uint8_t next[ROUTE_ROWS];    /* of row i the number of the next */
} route_index;

/* No pattern has a hole before the second letter behind this. */
static size_t route_chain(const char *path)
{
    static const char api[] = "/api/v1/";
    const char *at = strncmp(path, api, sizeof(api) - 1) == 0 ? path + sizeof(api) - 1 : path + (path[0] != '\0');
    unsigned first = (unsigned char)at[0];
    unsigned second = first == 0 ? 0 : (unsigned char)at[1];

    return (first * 7 + second) % ROUTE_CHAINS;
}

static void route_fill_index(void)
{
    size_t count = 0;

    while (routes[count].pattern != NULL) {
        count++;
    }
    assert(count <= ROUTE_ROWS);
    for (size_t i = count; i > 0; i--) {
        size_t chain = route_chain(routes[i - 1].pattern);
        route_index.next[i - 1] = route_index.first[chain];
        route_index.first[chain] = (uint8_t)i;
    }
}

/* The first row of the path; NULL: nothing is there. */
static const struct route *route_find(const char *path, char uuid[UUID_TEXT_SIZE])
{
    static const struct route asset_route = {.pattern = "/assets/", .rule = {.kind = GATE_OPEN}};
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, route_fill_index);
    for (size_t i = route_index.first[route_chain(path)]; i != 0; i = route_index.next[i - 1]) {
        uuid[0] = '\0';
        if (route_matches(routes[i - 1].pattern, path, uuid)) {
            return &routes[i - 1];
        }
    }
    uuid[0] = '\0';
    return asset_find(path) == NULL ? NULL : &asset_route;
}

/* Rows of one path stand together. NULL: it has no such method. */
static const struct route *route_find_method(const struct route *first, const char *method)
{
    if (first->handler == NULL && first->asset == NULL) {
        /* An asset: it is no row. */
        return route_has_method(first, method) ? first : NULL;
    }
    for (const struct route *route = first; route->pattern != NULL && strcmp(route->pattern, first->pattern) == 0;
         route++) {
        if (route_has_method(route, method)) {
            return route;
        }
    }
    return NULL;
}

static void route_list_methods(const struct route *first, char allow[EXCHANGE_ALLOW_SIZE])
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    size_t length = 0;

    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        if (route_find_method(first, methods[i]) != NULL) {
            length += (size_t)snprintf(allow + length, EXCHANGE_ALLOW_SIZE - length, "%s, ", methods[i]);
        }
    }
    snprintf(allow + length, EXCHANGE_ALLOW_SIZE - length, "OPTIONS");
}

/* NULL: there is none. */
static const struct route *route_of(const char *method, const char *target)
{
    char uuid[UUID_TEXT_SIZE];
    struct uri uri;
    const struct route *route;

    if (uri_parse(target, &uri) != 0) {
        return NULL;
    }
    route = route_find(uri.path, uuid);
    route = route == NULL ? NULL : route_find_method(route, method);
    uri_done(&uri);
    return route;
}

bool route_takes_content(const char *method, const char *target)
{
    const struct route *route = route_of(method, target);

    return route != NULL && route->takes_content;
}

/* A target that is malformed behind its path is found to be so by route_answer(), whoever calls that: nearly all are
 * looked at without being decoded. */
bool route_asks(const char *method, const char *target)
{
    char path[ROUTE_PATH_MAX];
    char uuid[UUID_TEXT_SIZE];
    size_t length = strcspn(target, "?%");
    const struct route *route;

    if (target[length] == '%' || length >= sizeof(path)) {
        route = route_of(method, target);
    } else {
        memcpy(path, target, length);
        path[length] = '\0';
        route = route_find(path, uuid);
        route = route == NULL ? NULL : route_find_method(route, method);
    }
    return route != NULL && route->asks;
}

/* ---- answering ---- */

static void route_refuse_target(struct exchange *exchange, int rc)
{
    if (rc == -E2BIG) {
        problem_set(&exchange->problem, 414, "The target is longer than %d bytes or has more than %d parameters.",
                    URI_MAX_BYTES, URI_MAX_PARAMS);
    } else if (rc == -ENOMEM) {
        problem_set(&exchange->problem, 503, "Out of memory.");
    } else {
        problem_set(&exchange->problem, 400,
                    "The target is not an absolute path with UTF-8 in valid percent-encoding.");
    }
}

static void route_serve_asset(struct exchange *exchange, const char *path)
{
    const struct asset *asset = asset_find(path);

    exchange->content_type = asset->content_type;
    exchange->asset = asset;
    exchange->is_page = strncmp(asset->content_type, media_html, sizeof(media_html) - 1) == 0;
}

/* ---- who may, and of what ---- */

static bool route_borrow(struct exchange *exchange, const struct store_reach *reach)
{
    char error[STORE_READ_ERROR_SIZE] = "";

    exchange->store_rc = store_pool_borrow(exchange->site->pool, reach, error, &exchange->reader);
    if (exchange->store_rc != 0) {
        exchange->store_error = error;
        exchange_fail_store(exchange);
        exchange->store_error = NULL;
    }
    return exchange->store_rc == 0;
}

static void route_return(struct exchange *exchange)
{
    store_pool_return(exchange->site->pool, exchange->reader, exchange->problem.status >= 500);
    exchange->reader = NULL;
}

static bool route_is_unreserved(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.' || c == '~' || c == '/';
}

/* 303 to the login, which leads back. */
static void route_lead_to_login(struct exchange *exchange, const char *target)
{
    static const char login[] = "/login?next=";
    static const char digits[] = "0123456789ABCDEF";
    char *out = exchange->location;
    const char *end = out + sizeof(exchange->location) - 4;

    memset(&exchange->problem, 0, sizeof(exchange->problem));
    exchange->challenges = false;
    exchange->status = 303;
    memcpy(out, login, sizeof(login) - 1);
    out += sizeof(login) - 1;
    for (const char *at = target; *at != '\0' && out < end; at++) {
        if (route_is_unreserved(*at)) {
            *out++ = *at;
        } else {
            *out++ = '%';
            *out++ = digits[(unsigned char)*at >> 4];
            *out++ = digits[(unsigned char)*at & 15];
        }
    }
    *out = '\0';
}

/* Leaves a reader of what the principal may see when the route wants one. */
static bool route_admit(struct exchange *exchange, const struct route *route, const struct request_head *head)
{
    bool is_admitted;

    if (route->rule.kind == GATE_OPEN) {
        return !route->needs_store || route_borrow(exchange, NULL);
    }
    if (!route_borrow(exchange, NULL)) {
        return false;
    }
    is_admitted = gate_admit(exchange->site->gate, exchange, head, &route->rule);
    if (is_admitted && route->needs_store && !principal_is_limited(&exchange->principal)) {
        return true;
    }
    route_return(exchange);
    gate_seal(exchange->site->gate, &exchange->principal.reach, exchange->seal);
    exchange->uri->seal = exchange->seal;
    return is_admitted && (!route->needs_store || route_borrow(exchange, &exchange->principal.reach));
}

static void route_serve_page(struct exchange *exchange, const struct route *route, const struct request_head *head)
{
    /* Without its database the page says what is wrong: it holds nothing that is anybody's. */
    if (route_admit(exchange, route, head) || exchange->store_rc != 0) {
        memset(&exchange->problem, 0, sizeof(exchange->problem));
        route_serve_asset(exchange, route->asset == NULL ? exchange->uri->path : route->asset);
    } else if (exchange->problem.status == 401) {
        route_lead_to_login(exchange, head->target);
    }
}

/* What changes something is done once for each Idempotency-Key. A secret is answered once and kept nowhere. */
static void route_handle(struct exchange *exchange, const struct route *route)
{
    bool repeats = route->takes_content && route->rule.kind == GATE_ROLE && route->rule.scope != SCOPE_TOKENS &&
                   strcmp(exchange->head->method, "POST") == 0;
    enum repeat_state state = repeats ? repeat_begin(exchange->site->repeats, exchange) : REPEAT_NOT_ASKED;

    if (state == REPEAT_NEW || state == REPEAT_NOT_ASKED) {
        route->handler(exchange);
    }
    if (state == REPEAT_NEW) {
        repeat_keep(exchange->site->repeats, exchange);
    }
}

/* ---- what was answered before ---- */

/* They tell of what the store has, neither of the time nor of who asks beyond what the reader may see: once given,
 * their answer stands for as long as the store does not change. */
static void (*const route_kept[])(struct exchange *exchange) = {
    api_scans,          api_scan,    api_hosts,           api_host,  api_findings, api_finding,
    api_finding_events, api_changes, api_service_changes, api_score,
};

static bool route_is_kept(const struct route *route)
{
    for (size_t i = 0; i < sizeof(route_kept) / sizeof(*route_kept); i++) {
        if (route_kept[i] == route->handler) {
            return true;
        }
    }
    return false;
}

/* Those, pages and files, and these go out as gzip. What is not named does not: who sees how long an answer is learns
 * of what stands in it twice, so no secret of the asker's may stand beside what others can have put there
 * (docs/access.md, "Compression"). */
static void (*const route_packed[])(struct exchange *exchange) = {
    api_endpoints, api_certificates, api_scans_compare, api_jobs,      api_job,
    api_policy,    api_policies,     api_waivers,       api_schedules, api_inventories,
    api_alerts,    api_alerts_amiss, api_scanners,      api_openapi,   api_metrics,
};

static bool route_may_pack(const struct route *route, const char *method)
{
    bool is_named = route->handler == NULL || route_is_kept(route);

    for (size_t i = 0; i < sizeof(route_packed) / sizeof(*route_packed) && !is_named; i++) {
        is_named = route_packed[i] == route->handler;
    }
    return is_named && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);
}

/* The body becomes an answer that others may have, too. Without memory it stays a body. */
static void route_keep(struct exchange *exchange, const struct store_stamp *stamp, const char *key)
{
    size_t length = 0;
    char *bytes;

    if (exchange->problem.status != 0 || exchange->status != 200 || exchange->body.failed) {
        return;
    }
    represent_tag(exchange, &exchange->head->codings);
    represent_pack(exchange);
    bytes = buffer_take(&exchange->body, &length);
    exchange->answer = bytes == NULL ? NULL : answer_create(bytes, length, exchange->etag, exchange->is_packed);
    if (exchange->answer != NULL) {
        recall_keep(exchange->site->recall, stamp, key, exchange->answer);
    } else {
        problem_set(&exchange->problem, 503, "Out of memory.");
    }
}

/* What answers to one target differ by: whether they may be packed, and whether they must. No target has a space. */
static void route_write_key(const struct request_head *head, char key[URI_MAX_BYTES + 8])
{
    const char *form = "";

    if (coding_prefers_gzip(&head->codings)) {
        form = coding_refuses_identity(&head->codings) ? "gz! " : "gz ";
    }
    snprintf(key, URI_MAX_BYTES + 8, "%s%s", form, head->target);
}

static void route_serve_kept(struct exchange *exchange, const struct route *route)
{
    char key[URI_MAX_BYTES + 8];
    struct recall *recall = exchange->site->recall;
    struct store_stamp stamp;
    bool is_kept =
        recall != NULL && route_is_kept(route) && store_pool_stamp(exchange->site->pool, exchange->reader, &stamp) == 0;

    if (is_kept) {
        route_write_key(exchange->head, key);
        exchange->answer = recall_find(recall, &stamp, key);
    }
    if (exchange->answer != NULL) {
        snprintf(exchange->etag, sizeof(exchange->etag), "%s", answer_etag(exchange->answer));
        exchange->is_packed = answer_is_packed(exchange->answer);
        return;
    }
    route_handle(exchange, route);
    if (is_kept) {
        route_keep(exchange, &stamp, key);
    }
}

static void route_serve_handler(struct exchange *exchange, const struct route *route, const struct request_head *head)
{
    if (!route_admit(exchange, route, head)) {
        return;
    }
    exchange->head = head;
    route_serve_kept(exchange, route);
    exchange->head = NULL;
    if (exchange->reader != NULL) {
        route_return(exchange);
    }
}

static bool route_accepts(struct exchange *exchange, const struct route *route, const char *accept)
{
    if (route->media == NULL || accept_takes(accept, route->media)) {
        return true;
    }
    problem_set(&exchange->problem, 406, "This resource answers with %s only.", route->media);
    problem_point(&exchange->problem, "header", "Accept", "does not take %s", route->media);
    return false;
}

/* What there is as it is only is no answer for who refuses that. */
static bool route_is_codable(struct exchange *exchange, const struct request_head *head)
{
    if (!coding_refuses_identity(&head->codings) || (exchange->may_pack && coding_prefers_gzip(&head->codings))) {
        return true;
    }
    problem_set(&exchange->problem, 406, "This resource answers %s only.",
                exchange->may_pack ? "with gzip or without a content coding" : "without a content coding");
    problem_point(&exchange->problem, "header", "Accept-Encoding", "refuses %s",
                  exchange->may_pack ? "both" : "\"identity\"");
    return false;
}

static bool route_takes(struct exchange *exchange, const struct route *route, const struct request_head *head)
{
    if (route->takes_content && route->rule.kind == GATE_OPEN) {
        return framing_has_json(head->framing, FRAMING_MAX_STRANGE_BYTES, &exchange->problem);
    }
    if (route->takes_content) {
        return framing_has_json(head->framing, FRAMING_MAX_BODY_BYTES, &exchange->problem);
    }
    return framing_allows_content(head->framing, &exchange->problem);
}

/* `first` is the first row of the path. */
static void route_serve(struct exchange *exchange, const struct route *first, const struct request_head *head)
{
    const struct route *route = route_find_method(first, head->method);

    exchange->content_type = first->media == NULL ? exchange->content_type : first->media;
    exchange->may_pack = route != NULL && route_may_pack(route, head->method);
    if (strcmp(head->method, "OPTIONS") == 0) {
        exchange->status = 204;
        route_list_methods(first, exchange->allow);
    } else if (route == NULL) {
        route_list_methods(first, exchange->allow);
        problem_set(&exchange->problem, 405, "This resource takes %s.", exchange->allow);
    } else if (!route_takes(exchange, route, head) || !route_accepts(exchange, route, head->accept) ||
               !route_is_codable(exchange, head)) {
        return;
    } else if (route->handler == NULL) {
        route_serve_page(exchange, route, head);
    } else {
        route_serve_handler(exchange, route, head);
    }
}

/* ---- entity tags ---- */

bool route_matches_tag(struct exchange *exchange, void (*represent)(struct exchange *exchange))
{
    struct exchange shown;
    bool matches;

    if (exchange->head->if_match == NULL) {
        return true;
    }
    exchange_init(&shown, exchange->site);
    shown.uri = exchange->uri;
    shown.uuid = exchange->uuid;
    shown.reader = exchange->reader;
    shown.head = exchange->head;
    represent(&shown);
    matches = shown.problem.status == 0 && represent_is_meant(exchange->head->if_match, &shown);
    if (shown.problem.status != 0) {
        exchange->problem = shown.problem;
    } else if (!matches) {
        problem_set(&exchange->problem, 412, "It has changed since it was read; read it again.");
        problem_point(&exchange->problem, "header", "If-Match", "is not its entity tag now");
    }
    exchange_done(&shown);
    return matches;
}

static void route_finish(struct exchange *exchange, const struct request_head *head)
{
    if (exchange->body.failed) {
        problem_set(&exchange->problem, 503, "Out of memory.");
    }
    /* What tells of one session, has no end, or is not known before it is sent, is no copy of anything. */
    if (exchange->problem.status != 0 || exchange->status != 200 || exchange->cookie[0] != '\0' ||
        exchange->file_name[0] != '\0' || strcmp(head->method, "POST") == 0 ||
        strcmp(exchange->content_type, media_events) == 0) {
        return;
    }
    if (exchange->answer == NULL) {
        represent_tag(exchange, &head->codings);
    }
    if (represent_is_named(head->if_none_match, exchange->etag)) {
        exchange->status = 304;
    } else if (exchange->answer == NULL) {
        represent_pack(exchange);
    }
}

bool route_may(struct exchange *exchange, const struct request_head *head)
{
    const struct route *route = route_of(head->method, head->target);
    bool may = false;

    if (route == NULL || route->rule.kind == GATE_OPEN || !route_borrow(exchange, NULL)) {
        return false;
    }
    may = gate_admit(exchange->site->gate, exchange, head, &route->rule);
    route_return(exchange);
    return may;
}

/* Who names HTML is a browser, and gets a page that leads on. */
static void route_miss(struct exchange *exchange, const struct request_head *head)
{
    static const char api[] = "/api/";
    bool is_get = strcmp(head->method, "GET") == 0 || strcmp(head->method, "HEAD") == 0;

    if (is_get && head->accept != NULL && strstr(head->accept, media_html) != NULL &&
        accept_takes(head->accept, media_html) && strncmp(exchange->uri->path, api, sizeof(api) - 1) != 0) {
        route_serve_asset(exchange, "/assets/missing.html");
        exchange->status = 404;
        return;
    }
    problem_set(&exchange->problem, 404, "Nothing is here. The API is described at /api/v1/openapi.yaml.");
}

void route_answer(struct exchange *exchange, const struct request_head *head)
{
    char uuid[UUID_TEXT_SIZE] = "";
    struct uri uri;
    const struct route *route;
    int rc;

    if (strcmp(head->method, "OPTIONS") == 0 && strcmp(head->target, "*") == 0) {
        exchange->status = 204;
        snprintf(exchange->allow, sizeof(exchange->allow), "GET, HEAD, OPTIONS");
        return;
    }
    rc = uri_parse(head->target, &uri);
    if (rc != 0) {
        route_refuse_target(exchange, rc);
        return;
    }
    route = route_find(uri.path, uuid);
    exchange->uri = &uri;
    exchange->uuid = uuid;
    if (route == NULL) {
        route_miss(exchange, head);
    } else {
        route_serve(exchange, route, head);
    }
    route_finish(exchange, head);
    exchange->uri = NULL;
    exchange->uuid = NULL;
    uri_done(&uri);
}
