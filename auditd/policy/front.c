#include "auditd/policy/front.h"

#include <string.h>
#include <strings.h>

enum { PORT_HTTP = 80, PORT_HTTPS = 443 };

/* How the field Server of programs and services begins that only ever stand before another server. */
static const char *const PROXY_SERVERS[] = {
    "AkamaiGHost", "awselb/", "cloudflare", "CloudFront", "envoy", "istio-envoy", "squid", "Varnish",
};

const char *front_sign_name(enum front_sign sign)
{
    static const char *const names[] = {
        [FRONT_PROXY] = "proxy", [FRONT_ALLOWED] = "allowed", [FRONT_TLS] = "tls", [FRONT_NONE] = "none"};

    return names[sign];
}

static const char *fact(const struct exposure *exposure, const char *name)
{
    for (size_t i = 0; i < exposure->fact_count; i++) {
        if (strcmp(exposure->facts[i].name, name) == 0) {
            return exposure->facts[i].value;
        }
    }
    return NULL;
}

struct front_page front_page_of(int64_t asset_id, const struct exposure *exposure, const struct verdict *verdict)
{
    const char *tls = fact(exposure, "tls");

    return (struct front_page){
        .asset_id = asset_id,
        .port = exposure->port,
        .loopback = strcmp(verdict->breadth_class, "loopback") == 0,
        .allowed = verdict->verdict == VERDICT_ALLOWED,
        .tls = tls != NULL && strcmp(tls, "true") == 0,
        .via = fact(exposure, "http.via"),
        .server = fact(exposure, "http.server"),
    };
}

static bool is_proxy(const struct front_page *page)
{
    if (page->via != NULL) {
        return true;
    }
    for (size_t i = 0; page->server != NULL && i < sizeof(PROXY_SERVERS) / sizeof(*PROXY_SERVERS); i++) {
        if (strncasecmp(page->server, PROXY_SERVERS[i], strlen(PROXY_SERVERS[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_same_server(const struct front_page *a, const struct front_page *b)
{
    return a->server == NULL || b->server == NULL ? a->server == b->server : strcmp(a->server, b->server) == 0;
}

bool front_is_pair(const struct front_page *clear, const struct front_page *secured)
{
    return clear->asset_id == secured->asset_id && clear->port == PORT_HTTP && !clear->tls &&
           secured->port == PORT_HTTPS && secured->tls;
}

enum front_sign front_sign(const struct front_page *front, const struct front_page *back)
{
    bool same_port = front->port == back->port;

    if ((same_port && front->asset_id == back->asset_id) || back->allowed || is_proxy(back) || front->loopback ||
        front_is_pair(back, front) || front_is_pair(front, back)) {
        return FRONT_NONE;
    }
    if (is_proxy(front)) {
        return FRONT_PROXY;
    }
    if (same_port && front->tls == back->tls) {
        return FRONT_NONE;
    }
    if (front->allowed) {
        return FRONT_ALLOWED;
    }
    return front->tls && !back->tls && !is_same_server(front, back) ? FRONT_TLS : FRONT_NONE;
}
