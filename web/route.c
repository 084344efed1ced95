#include "web/route.h"

#include "web/accept.h"
#include "web/api.h"
#include "web/asset.h"
#include "web/framing.h"
#include "web/store_pool.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

enum { UUID_TEXT_SIZE = 37 };

static const char media_json[] = "application/json";
static const char media_html[] = "text/html";
static const char media_yaml[] = "application/yaml";
static const char media_text[] = "text/plain";

const struct route routes[] = {
    {"/healthz", media_json, api_healthz, NULL, false},
    {"/readyz", media_json, api_readyz, NULL, false},
    {"/metrics", media_text, api_metrics, NULL, false},
    {"/api/v1/openapi.yaml", media_yaml, api_openapi, NULL, false},
    {"/api/v1/health", media_json, api_health, NULL, true},
    {"/api/v1/scans", media_json, api_scans, NULL, true},
    {"/api/v1/scans/{uuid}", media_json, api_scan, NULL, true},
    {"/api/v1/hosts", media_json, api_hosts, NULL, true},
    {"/api/v1/hosts/{uuid}", media_json, api_host, NULL, true},
    {"/api/v1/endpoints", media_json, api_endpoints, NULL, true},
    {"/api/v1/certificates", media_json, api_certificates, NULL, true},
    {"/api/v1/findings", media_json, api_findings, NULL, true},
    {"/api/v1/findings/{uuid}", media_json, api_finding, NULL, true},
    {"/api/v1/findings/{uuid}/events", media_json, api_finding_events, NULL, true},
    {"/api/v1/changes", media_json, api_changes, NULL, true},
    {"/api/v1/changes/services", media_json, api_service_changes, NULL, true},
    {"/api/v1/score", media_json, api_score, NULL, true},
    {"/", media_html, NULL, "/assets/overview.html", false},
    {"/findings", media_html, NULL, "/assets/findings.html", false},
    {"/hosts", media_html, NULL, "/assets/hosts.html", false},
    {"/hosts/{uuid}", media_html, NULL, "/assets/host.html", false},
    {NULL, NULL, NULL, NULL, false},
};

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
        if (strncmp(pattern, hole, sizeof(hole) - 1) == 0) {
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

static const struct route *route_find(const char *path, char uuid[UUID_TEXT_SIZE])
{
    static const struct route asset_route = {"/assets/", NULL, NULL, NULL, false};

    for (const struct route *route = routes; route->pattern != NULL; route++) {
        uuid[0] = '\0';
        if (route_matches(route->pattern, path, uuid)) {
            return route;
        }
    }
    uuid[0] = '\0';
    return asset_find(path) == NULL ? NULL : &asset_route;
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

static void route_serve_store(struct exchange *exchange, const struct route *route)
{
    char error[STORE_READ_ERROR_SIZE] = "";

    exchange->store_rc = store_pool_borrow(exchange->site->pool, error, &exchange->reader);
    if (exchange->store_rc != 0) {
        exchange->store_error = error;
        exchange_fail_store(exchange);
        exchange->store_error = NULL;
        return;
    }
    route->handler(exchange);
    store_pool_return(exchange->site->pool, exchange->reader, exchange->problem.status >= 500);
    exchange->reader = NULL;
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

static void route_serve(struct exchange *exchange, const struct route *route, const struct request_head *head)
{
    exchange->content_type = route->media;
    if (strcmp(head->method, "OPTIONS") == 0) {
        exchange->status = 204;
        exchange->allows = true;
    } else if (strcmp(head->method, "GET") != 0 && strcmp(head->method, "HEAD") != 0) {
        exchange->allows = true;
        problem_set(&exchange->problem, 405, "This resource can be read only: GET, HEAD, OPTIONS.");
    } else if (!framing_allows_content(head->framing, &exchange->problem) ||
               !route_accepts(exchange, route, head->accept)) {
        return;
    } else if (route->handler == NULL) {
        route_serve_asset(exchange, route->asset == NULL ? exchange->uri->path : route->asset);
    } else if (route->needs_store) {
        route_serve_store(exchange, route);
    } else {
        route->handler(exchange);
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

static void route_finish(struct exchange *exchange, const struct request_head *head)
{
    if (exchange->body.failed) {
        problem_set(&exchange->problem, 503, "Out of memory.");
    }
    if (exchange->problem.status != 0 || exchange->status != 200) {
        return;
    }
    route_tag(exchange);
    if (route_is_unchanged(head->if_none_match, exchange->etag)) {
        exchange->status = 304;
    }
}

void route_answer(struct exchange *exchange, const struct request_head *head)
{
    char uuid[UUID_TEXT_SIZE] = "";
    struct uri uri;
    const struct route *route;
    int rc;

    if (strcmp(head->method, "OPTIONS") == 0 && strcmp(head->target, "*") == 0) {
        exchange->status = 204;
        exchange->allows = true;
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
