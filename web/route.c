#include "web/route.h"

#include "web/accept.h"
#include "web/api.h"
#include "web/asset.h"
#include "web/framing.h"
#include "web/recall.h"
#include "web/repeat.h"
#include "web/store_pool.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { UUID_TEXT_SIZE = 37 };

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

/* The first row of the path; NULL: nothing is there. */
static const struct route *route_find(const char *path, char uuid[UUID_TEXT_SIZE])
{
    static const struct route asset_route = {.pattern = "/assets/", .rule = {.kind = GATE_OPEN}};

    for (const struct route *route = routes; route->pattern != NULL; route++) {
        uuid[0] = '\0';
        if (route_matches(route->pattern, path, uuid)) {
            return route;
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

bool route_asks(const char *method, const char *target)
{
    const struct route *route = route_of(method, target);

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
    exchange->fixed = asset->bytes;
    exchange->fixed_size = asset->size;
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
    exchange->uri->seal = gate_seal(exchange->site->gate);
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

static void route_tag(struct exchange *exchange);

/* The body becomes an answer that others may have, too. Without memory it stays a body. */
static void route_keep(struct exchange *exchange, const struct store_stamp *stamp, const char *target)
{
    size_t length = 0;
    char *bytes;

    if (exchange->problem.status != 0 || exchange->status != 200 || exchange->body.failed) {
        return;
    }
    route_tag(exchange);
    bytes = buffer_take(&exchange->body, &length);
    exchange->answer = bytes == NULL ? NULL : answer_create(bytes, length, exchange->etag);
    if (exchange->answer != NULL) {
        recall_keep(exchange->site->recall, stamp, target, exchange->answer);
    } else {
        problem_set(&exchange->problem, 503, "Out of memory.");
    }
}

static void route_serve_kept(struct exchange *exchange, const struct route *route)
{
    const char *target = exchange->head->target;
    struct recall *recall = exchange->site->recall;
    struct store_stamp stamp;
    bool is_kept =
        recall != NULL && route_is_kept(route) && store_pool_stamp(exchange->site->pool, exchange->reader, &stamp) == 0;

    exchange->answer = is_kept ? recall_find(recall, &stamp, target) : NULL;
    if (exchange->answer != NULL) {
        snprintf(exchange->etag, sizeof(exchange->etag), "%s", answer_etag(exchange->answer));
        return;
    }
    route_handle(exchange, route);
    if (is_kept) {
        route_keep(exchange, &stamp, target);
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

    exchange->content_type = first->media;
    if (strcmp(head->method, "OPTIONS") == 0) {
        exchange->status = 204;
        route_list_methods(first, exchange->allow);
    } else if (route == NULL) {
        route_list_methods(first, exchange->allow);
        problem_set(&exchange->problem, 405, "This resource takes %s.", exchange->allow);
    } else if (!route_takes(exchange, route, head) || !route_accepts(exchange, route, head->accept)) {
        return;
    } else if (route->handler == NULL) {
        route_serve_page(exchange, route, head);
    } else {
        route_serve_handler(exchange, route, head);
    }
}

/* ---- entity tags ---- */

static void route_tag(struct exchange *exchange)
{
    const unsigned char *bytes = exchange->fixed;
    size_t size = exchange->fixed_size;
    unsigned char hash[16];
    char text[2 * sizeof(hash) + 1];

    if (bytes == NULL) {
        bytes = (const unsigned char *)exchange->body.bytes;
        size = exchange->body.length;
    }
    crypto_generichash(hash, sizeof(hash), bytes, size, NULL, 0);
    sodium_bin2hex(text, sizeof(text), hash, sizeof(hash));
    exchange->etag[0] = '"';
    memcpy(exchange->etag + 1, text, sizeof(text) - 1);
    memcpy(exchange->etag + sizeof(text), "\"", 2);
}

/* RFC 9110 section 13.1.2: the weak comparison; a list or a star. */
static bool route_is_unchanged(const char *if_none_match, const char *etag)
{
    size_t length = strlen(etag);

    while (if_none_match != NULL && *if_none_match != '\0') {
        if_none_match += strspn(if_none_match, " \t,");
        if (*if_none_match == '*') {
            return true;
        }
        if_none_match += strncmp(if_none_match, "W/", 2) == 0 ? 2 : 0;
        if (strncmp(if_none_match, etag, length) == 0) {
            return true;
        }
        if_none_match += strcspn(if_none_match, ",");
    }
    return false;
}

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
    route_tag(&shown);
    matches = shown.problem.status == 0 && route_is_unchanged(exchange->head->if_match, shown.etag);
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
    /* What tells of one session, or has no end, is no copy of anything. */
    if (exchange->problem.status != 0 || exchange->status != 200 || exchange->cookie[0] != '\0' ||
        strcmp(head->method, "POST") == 0 || strcmp(exchange->content_type, media_events) == 0) {
        return;
    }
    if (exchange->answer == NULL) {
        route_tag(exchange);
    }
    if (route_is_unchanged(head->if_none_match, exchange->etag)) {
        exchange->status = 304;
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
        problem_set(&exchange->problem, 404, "Nothing is here. The API is described at /api/v1/openapi.yaml.");
    } else {
        route_serve(exchange, route, head);
    }
    route_finish(exchange, head);
    exchange->uri = NULL;
    exchange->uuid = NULL;
    uri_done(&uri);
}
