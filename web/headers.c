#include "web/headers.h"

#include "web/exchange.h"

#include <microhttpd.h>
#include <stdio.h>

static const char headers_page_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'";
static const char headers_data_policy[] = "default-src 'none'; frame-ancestors 'none'";

static void headers_put(struct MHD_Response *response, const char *name, const char *value)
{
    /* It fails only without memory or for a malformed value; ours are constants and the answer is right without. */
    enum MHD_Result result = MHD_add_response_header(response, name, value);
    (void)result;
}

/* What only some answers say. */
static void headers_add_answers(struct MHD_Response *response, const struct exchange *exchange)
{
    char seconds[16];
    char disposition[EXCHANGE_FILE_SIZE + 32];

    if (exchange->file_name[0] != '\0') {
        snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s\"", exchange->file_name);
        headers_put(response, "Content-Disposition", disposition);
    }
    if (exchange->allow[0] != '\0') {
        headers_put(response, "Allow", exchange->allow);
    }
    if (exchange->cookie[0] != '\0') {
        headers_put(response, "Set-Cookie", exchange->cookie);
    }
    if (exchange->location[0] != '\0') {
        headers_put(response, "Location", exchange->location);
    }
    if (exchange->challenges) {
        headers_put(response, "WWW-Authenticate", "Bearer realm=\"leastport\"");
    }
    if (exchange->status == 503 || exchange->retry_after_s != 0) {
        snprintf(seconds, sizeof(seconds), "%u", exchange->retry_after_s == 0 ? 5 : exchange->retry_after_s);
        headers_put(response, "Retry-After", seconds);
    }
}

void headers_add(struct MHD_Response *response, const struct exchange *exchange, bool is_secure, bool closes)
{
    headers_put(response, "Content-Security-Policy", exchange->is_page ? headers_page_policy : headers_data_policy);
    headers_put(response, "X-Content-Type-Options", "nosniff");
    headers_put(response, "Referrer-Policy", "no-referrer");
    headers_put(response, "Cross-Origin-Resource-Policy", "same-origin");
    headers_put(response, "Cross-Origin-Opener-Policy", "same-origin");
    headers_put(response, "Cache-Control", exchange->etag[0] == '\0' ? "no-store" : "private, no-cache");
    headers_put(response, "Vary", "Accept, Accept-Encoding, Authorization, Cookie");
    if (exchange->status != 204 && exchange->status != 303 && exchange->status != 304) {
        headers_put(response, "Content-Type", exchange->content_type);
        if (exchange->is_packed) {
            headers_put(response, "Content-Encoding", "gzip");
        }
    }
    if (exchange->etag[0] != '\0') {
        headers_put(response, "ETag", exchange->etag);
    }
    headers_add_answers(response, exchange);
    if (is_secure) {
        headers_put(response, "Strict-Transport-Security", "max-age=31536000");
    }
    if (closes) {
        headers_put(response, "Connection", "close");
    }
}
