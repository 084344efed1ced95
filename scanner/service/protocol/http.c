/* HTTP/1.1 (RFC 9110, RFC 9112), and the services that stand on it, told by what they answer: Elasticsearch and
 * OpenSearch, the Docker Engine API, etcd (gRPC gateway), the Kubernetes API, the kubelet, WinRM (MS-WSMV, section
 * 3.1.4.1.30: Identify), proxies (RFC 9110, sections 7.6.3 and 11.7.1) and WebSocket (RFC 6455). Each further question
 * is a connection of its own; redirects are followed only where they stay with this very server. */
#include "scanner/service/http.h"
#include "scanner/service/page.h"
#include "scanner/service/protocol/all.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HOPS_MAX = 5, PATH_SIZE = 120, TITLE_SIZE = 256, AUTHORITY_SIZE = 300, WORD_SIZE = 64, LOCATIONS_SIZE = 512 };

enum question {
    ASK_PAGE, /* "/", and where its redirects lead to */
    ASK_DOCKER,
    ASK_VERSION, /* of what answers as programs in Go do */
    ASK_ETCD_KEYS,
    ASK_KUBERNETES_VERSION,
    ASK_KUBERNETES_NAMESPACES,
    ASK_KUBELET_PODS,
    ASK_WINRM,
    ASK_PROXY,
    ASK_WEBSOCKET,
};

/* In the dialogue's scratch. */
struct http_talk {
    uint8_t question;
    uint8_t hops;
    char path[PATH_SIZE]; /* "": "/" */
};
_Static_assert(sizeof(struct http_talk) <= DIALOGUE_SCRATCH_SIZE, "it has to fit");

/* A key of RFC 6455 may be any 16 bytes; the answer is that of section 4.2.2. */
#define WEBSOCKET_KEY "bGVhc3Rwb3J0IGFza3MgIQ=="

static struct http_talk *talk_of(struct dialogue *dialogue)
{
    return (struct http_talk *)dialogue->scratch;
}

static enum protocol_match recognise(struct span bytes)
{
    const struct span sign = SPAN_OF("HTTP/1.");

    if (bytes.size < sign.size) {
        return span_starts(sign, bytes) ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    return span_starts(bytes, sign) ? PROTOCOL_YES : PROTOCOL_NO;
}

/* Host and port as the field Host has them (RFC 9110, section 7.2): an IPv6 address in brackets and without its zone,
 * no port where it is the scheme's. */
static void format_authority(const struct dialogue *dialogue, char *text, size_t size)
{
    const char *host = dialogue->target.name != NULL ? dialogue->target.name : dialogue->target.host;
    bool is_ipv6 = strchr(host, ':') != NULL;
    bool is_default = dialogue->target.port == (dialogue->secured ? 443 : 80);
    char port[8] = "";

    if (!is_default) {
        snprintf(port, sizeof(port), ":%u", dialogue->target.port);
    }
    snprintf(text, size, "%s%.*s%s%s", is_ipv6 ? "[" : "", (int)strcspn(host, "%"), host, is_ipv6 ? "]" : "", port);
}

static void send_request(struct dialogue *dialogue, const char *method, const char *path, const char *fields,
                         const char *body)
{
    char authority[AUTHORITY_SIZE];

    format_authority(dialogue, authority, sizeof(authority));
    dialogue_sendf(dialogue,
                   "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: leastport/" LEASTPORT_VERSION
                   "\r\nAccept: */*\r\nAccept-Encoding: identity\r\n%s",
                   method, path, authority, fields);
    if (body[0] != '\0') {
        dialogue_sendf(dialogue, "Content-Length: %zu\r\n", strlen(body));
    }
    dialogue_sendf(dialogue, "%s\r\n%s", strstr(fields, "Connection:") != NULL ? "" : "Connection: close\r\n", body);
}

static void ask(struct dialogue *dialogue)
{
    const struct http_talk *talk = talk_of(dialogue);

    switch ((enum question)talk->question) {
    case ASK_PAGE:
        send_request(dialogue, "GET", talk->path[0] == '\0' ? "/" : talk->path, "", "");
        break;
    case ASK_DOCKER:
    case ASK_VERSION:
    case ASK_KUBERNETES_VERSION:
        send_request(dialogue, "GET", "/version", "", "");
        break;
    case ASK_ETCD_KEYS:
        /* How many keys there are from the first on: it reads no key (etcd API v3, rpc Range). */
        send_request(dialogue, "POST", "/v3/kv/range", "Content-Type: application/json\r\n",
                     "{\"key\":\"AA==\",\"range_end\":\"AA==\",\"limit\":1,\"count_only\":true}");
        break;
    case ASK_KUBERNETES_NAMESPACES:
        send_request(dialogue, "GET", "/api/v1/namespaces?limit=1", "", "");
        break;
    case ASK_KUBELET_PODS:
        send_request(dialogue, "GET", "/pods", "", "");
        break;
    case ASK_WINRM:
        send_request(dialogue, "POST", "/wsman",
                     "Content-Type: application/soap+xml;charset=UTF-8\r\nWSMANIDENTIFY: unauthenticated\r\n",
                     "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
                     "xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\"><s:Header/><s:Body>"
                     "<w:Identify/></s:Body></s:Envelope>");
        break;
    case ASK_PROXY:
        /* A name that cannot exist (RFC 6761, section 6.4): a proxy fails to reach it, a server takes the path. */
        send_request(dialogue, "GET", "http://leastport.invalid/", "", "");
        break;
    case ASK_WEBSOCKET:
        send_request(dialogue, "GET", talk->path[0] == '\0' ? "/" : talk->path,
                     "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: " WEBSOCKET_KEY "\r\n",
                     "");
        break;
    }
}

static enum dialogue_next go_on(struct dialogue *dialogue, enum question question)
{
    talk_of(dialogue)->question = (uint8_t)question;
    return DIALOGUE_AGAIN;
}

static bool has_field(const struct http_response *response, const char *name)
{
    struct span value;

    return http_field(response, name, &value);
}

static bool field_starts(const struct http_response *response, const char *name, struct span with)
{
    struct span value;

    return http_field(response, name, &value) && span_starts_as(value, with);
}

static void learn_field(struct facts *facts, const char *fact, const struct http_response *response, const char *name)
{
    struct span value;

    if (http_field(response, name, &value)) {
        facts_set_text(facts, fact, value);
    }
}

static bool body_has(const struct http_response *response, struct span what)
{
    return span_find(http_body(response), what) >= 0;
}

/* The member `name` of the body's object, or of its member `outer` when that is not NULL, as the fact. */
static bool learn_json(struct facts *facts, const char *fact, const struct http_response *response, const char *outer,
                       const char *name)
{
    json_t *root = json_loadb((const char *)response->body, response->body_size, 0, NULL);
    const json_t *object = outer == NULL ? root : json_object_get(root, outer);
    const char *text = json_string_value(json_object_get(object, name));
    bool found = text != NULL;

    if (found) {
        facts_set_string(facts, fact, text[0] == 'v' && strcmp(fact, "version") == 0 ? text + 1 : text);
    }
    json_decref(root);
    return found;
}

/* Basic, Digest, Negotiate, …: the scheme's name (RFC 9110, section 11.6.1). */
static void learn_authentication(struct facts *facts, const struct http_response *response)
{
    struct span value;

    if (http_field(response, response->status == 407 ? "proxy-authenticate" : "www-authenticate", &value)) {
        size_t length = 0;
        while (length < value.size && value.bytes[length] != ' ' && value.bytes[length] != ',') {
            length++;
        }
        facts_set_text(facts, "http.auth", (struct span){value.bytes, length});
        facts_set_string(facts, "auth", "required");
    } else if (http_asks_password(http_body(response))) {
        facts_set_string(facts, "http.auth", "form");
    }
}

static void learn_body(struct dialogue *dialogue, const struct http_response *response)
{
    char title[TITLE_SIZE];
    char authority[AUTHORITY_SIZE];
    char digest[PAGE_DIGEST_SIZE];

    if (http_title(http_body(response), title, sizeof(title)) > 0) {
        facts_set_string(dialogue->facts, "http.title", title);
    }
    format_authority(dialogue, authority, sizeof(authority));
    if (response->status == 200 && page_digest(http_body(response), authority, title, digest)) {
        facts_set_string(dialogue->facts, "http.body_sha256", digest);
    }
}

static bool is_redirect(uint16_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Of a reference without scheme, authority and leading slash (RFC 3986, sections 4.2 and 5.2.3): the path that was
 * asked up to its last slash, or all of it before a query. */
static bool is_relative(struct span location)
{
    size_t segment = 0;

    while (segment < location.size && strchr("/?#", location.bytes[segment]) == NULL) {
        segment++;
    }
    return location.size > 0 && location.bytes[0] != '/' && location.bytes[0] != '#' &&
           memchr(location.bytes, ':', segment) == NULL;
}

/* Dot segments stay as they are: servers resolve them. */
static bool merge_path(const struct http_talk *talk, struct span location, char *path)
{
    const char *asked = talk->path[0] == '\0' ? "/" : talk->path;
    size_t kept = strcspn(asked, "?#");

    while (location.bytes[0] != '?' && kept > 0 && asked[kept - 1] != '/') {
        kept--;
    }
    if (kept + location.size >= PATH_SIZE) {
        return false;
    }
    memmove(path, asked, kept);
    memcpy(path + kept, location.bytes, location.size);
    path[kept + location.size] = '\0';
    return true;
}

/* Where to, when it is a path of this server. */
static bool is_own_path(struct dialogue *dialogue, struct span location, struct span *ret_path)
{
    char own[AUTHORITY_SIZE + 8];
    int length = snprintf(own, sizeof(own), "%s://", dialogue->secured ? "https" : "http");

    format_authority(dialogue, own + length, sizeof(own) - (size_t)length);
    if (span_starts_as(location, (struct span){(const uint8_t *)own, strlen(own)})) {
        location = span_from(location, strlen(own));
    }
    *ret_path = location;
    return location.size > 0 && location.size < PATH_SIZE && location.bytes[0] == '/' &&
           !span_starts(location, SPAN_OF("//"));
}

static bool is_printable(struct span span)
{
    for (size_t i = 0; i < span.size; i++) {
        if (span.bytes[i] <= ' ' || span.bytes[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static void remember_location(struct facts *facts, struct span location)
{
    const char *before = facts_text(facts, "http.redirects");
    char all[LOCATIONS_SIZE];

    snprintf(all, sizeof(all), "%s%s%.*s", before == NULL ? "" : before, before == NULL ? "" : " ",
             (int)(location.size < sizeof(all) ? location.size : sizeof(all)), (const char *)location.bytes);
    facts_set_string(facts, "http.redirects", all);
}

/* True when the next page is to be asked for. */
static bool follow(struct dialogue *dialogue, const struct http_response *response)
{
    struct http_talk *talk = talk_of(dialogue);
    struct span location;
    struct span path;
    char merged[PATH_SIZE] = "";
    bool to_https;

    if (!http_field(response, "location", &location) || !is_printable(location)) {
        return false;
    }
    if (talk->hops == 0) {
        facts_set_text(dialogue->facts, "http.location", location);
    }
    remember_location(dialogue->facts, location);
    to_https = span_starts_as(location, SPAN_OF("https://"));
    /* For good, as the client may remember: with another status the next typed address goes out in clear again. */
    if (to_https && !dialogue->secured && (response->status == 301 || response->status == 308)) {
        facts_set_truth(dialogue->facts, "redirects_to_https", true);
    }
    if (talk->hops >= HOPS_MAX) {
        return false;
    }
    if (is_relative(location)) {
        if (!merge_path(talk, location, merged)) {
            return false;
        }
        talk->hops++;
        memcpy(talk->path, merged, sizeof(merged));
        return true;
    }
    if (!is_own_path(dialogue, location, &path)) {
        return false;
    }
    talk->hops++;
    memcpy(talk->path, path.bytes, path.size);
    talk->path[path.size] = '\0';
    return true;
}

static void name_service(struct dialogue *dialogue, const char *service)
{
    facts_set_string(dialogue->facts, "service", service);
}

static bool is_elasticsearch(const struct http_response *response)
{
    return field_starts(response, "x-elastic-product", SPAN_OF("Elasticsearch")) ||
           body_has(response, SPAN_OF("You Know, for Search")) || body_has(response, SPAN_OF("security_exception")) ||
           body_has(response, SPAN_OF("The OpenSearch Project: https://opensearch.org/"));
}

/* Whoever may read the root document has shown a credential, or none is needed. */
static enum dialogue_next learn_elasticsearch(struct dialogue *dialogue, const struct http_response *response)
{
    bool is_open_search = body_has(response, SPAN_OF("opensearch"));

    name_service(dialogue, "elasticsearch");
    if (response->status == 200) {
        facts_set_string(dialogue->facts, "product", is_open_search ? "OpenSearch" : "Elasticsearch");
    }
    (void)learn_json(dialogue->facts, "version", response, "version", "number");
    if (response->status == 200) {
        dialogue_open_door(dialogue, "GET /");
    }
    return DIALOGUE_DONE;
}

static bool is_kubernetes(const struct http_response *response)
{
    return (body_has(response, SPAN_OF("\"kind\"")) && body_has(response, SPAN_OF("\"Status\"")) &&
            body_has(response, SPAN_OF("\"apiVersion\""))) ||
           (body_has(response, SPAN_OF("\"paths\"")) && body_has(response, SPAN_OF("\"/apis")));
}

/* What net/http answers for a path that no handler has. */
static bool is_plain_go(const struct http_response *response)
{
    return span_equal(http_body(response), SPAN_OF("404 page not found\n"));
}

static bool is_proxy(const struct http_response *response)
{
    return response->status == 407 || has_field(response, "proxy-authenticate") ||
           has_field(response, "x-squid-error") || has_field(response, "proxy-agent");
}

static bool may_be_proxy(const struct dialogue *dialogue, const struct http_response *response)
{
    uint16_t port = dialogue->target.port;

    return port == 3128 || port == 8118 || port == 8888 || field_starts(response, "server", SPAN_OF("squid")) ||
           field_starts(response, "server", SPAN_OF("tinyproxy")) || body_has(response, SPAN_OF("Privoxy")) ||
           body_has(response, SPAN_OF("proxy server")) || response->status == 400;
}

static bool may_upgrade(const struct http_response *response)
{
    struct span value;

    return response->status == 426 || field_starts(response, "upgrade", SPAN_OF("websocket")) ||
           http_field(response, "sec-websocket-version", &value) ||
           (response->status == 400 && body_has(response, SPAN_OF("WebSocket")));
}

/* What the page at the end of its redirects suggests. */
static enum dialogue_next classify(struct dialogue *dialogue, const struct http_response *response)
{
    if (is_elasticsearch(response)) {
        return learn_elasticsearch(dialogue, response);
    }
    if (field_starts(response, "server", SPAN_OF("Docker/")) || has_field(response, "api-version")) {
        return go_on(dialogue, ASK_DOCKER);
    }
    if (is_kubernetes(response)) {
        name_service(dialogue, "kubernetes");
        return go_on(dialogue, ASK_KUBERNETES_VERSION);
    }
    if (is_plain_go(response)) {
        return go_on(dialogue, ASK_VERSION);
    }
    if (field_starts(response, "server", SPAN_OF("Microsoft-HTTPAPI")) && response->status == 404) {
        return go_on(dialogue, ASK_WINRM);
    }
    if (is_proxy(response)) {
        name_service(dialogue, "http-proxy");
        return DIALOGUE_DONE;
    }
    if (may_upgrade(response)) {
        return go_on(dialogue, ASK_WEBSOCKET);
    }
    return may_be_proxy(dialogue, response) ? go_on(dialogue, ASK_PROXY) : DIALOGUE_DONE;
}

static enum dialogue_next hear_page(struct dialogue *dialogue, const struct http_response *response)
{
    struct facts *facts = dialogue->facts;
    bool is_first = talk_of(dialogue)->hops == 0;

    dialogue->recognised = true;
    if (is_first) {
        facts_set_truth(facts, "redirects_to_https", false);
    }
    if (is_first) {
        facts_set_number(facts, "http.status", response->status);
    }
    learn_field(facts, "http.server", response, "server");
    if (is_redirect(response->status) && follow(dialogue, response)) {
        return DIALOGUE_AGAIN;
    }
    facts_set_truth(facts, "http.hsts", dialogue->secured && has_field(response, "strict-transport-security"));
    learn_authentication(facts, response);
    learn_field(facts, "http.via", response, "via");
    learn_body(dialogue, response);
    return classify(dialogue, response);
}

static enum dialogue_next hear_docker(struct dialogue *dialogue, const struct http_response *response)
{
    if (response->status != 200 || !body_has(response, SPAN_OF("\"ApiVersion\""))) {
        return DIALOGUE_DONE;
    }
    name_service(dialogue, "docker");
    facts_set_string(dialogue->facts, "product", "Docker");
    (void)learn_json(dialogue->facts, "version", response, NULL, "Version");
    (void)learn_json(dialogue->facts, "os", response, NULL, "Os");
    dialogue_open_door(dialogue, "GET /version");
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_version(struct dialogue *dialogue, const struct http_response *response)
{
    if (response->status == 200 && learn_json(dialogue->facts, "version", response, NULL, "etcdserver")) {
        name_service(dialogue, "etcd");
        facts_set_string(dialogue->facts, "product", "etcd");
        return dialogue->target.doors ? go_on(dialogue, ASK_ETCD_KEYS) : DIALOGUE_DONE;
    }
    return go_on(dialogue, ASK_KUBELET_PODS);
}

static enum dialogue_next hear_etcd_keys(struct dialogue *dialogue, const struct http_response *response)
{
    if (response->status == 200 && body_has(response, SPAN_OF("\"cluster_id\""))) {
        dialogue_open_door(dialogue, "POST /v3/kv/range (how many keys)");
    } else if (body_has(response, SPAN_OF("user name is empty")) || body_has(response, SPAN_OF("permission denied"))) {
        facts_set_string(dialogue->facts, "auth", "required");
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_kubernetes_version(struct dialogue *dialogue, const struct http_response *response)
{
    facts_set_string(dialogue->facts, "product", "Kubernetes");
    if (response->status == 200) {
        (void)learn_json(dialogue->facts, "version", response, NULL, "gitVersion");
    }
    return dialogue->target.doors ? go_on(dialogue, ASK_KUBERNETES_NAMESPACES) : DIALOGUE_DONE;
}

static enum dialogue_next hear_kubernetes_namespaces(struct dialogue *dialogue, const struct http_response *response)
{
    if (response->status == 200 && body_has(response, SPAN_OF("NamespaceList"))) {
        dialogue_open_door(dialogue, "GET /api/v1/namespaces?limit=1");
    } else if (response->status == 401 || response->status == 403) {
        facts_set_string(dialogue->facts, "auth", "required");
    }
    return DIALOGUE_DONE;
}

/* A kubelet that wants a credential says so in a word, or names what the stranger would have needed. */
static enum dialogue_next hear_kubelet_pods(struct dialogue *dialogue, const struct http_response *response)
{
    bool refused = (response->status == 401 && span_starts(http_body(response), SPAN_OF("Unauthorized"))) ||
                   (response->status == 403 && body_has(response, SPAN_OF("resource=nodes")));

    if (response->status == 200 && body_has(response, SPAN_OF("\"PodList\""))) {
        name_service(dialogue, "kubelet");
        dialogue_open_door(dialogue, "GET /pods");
    } else if (refused) {
        name_service(dialogue, "kubelet");
        facts_set_string(dialogue->facts, "auth", "required");
    }
    return DIALOGUE_DONE;
}

/* The text of the element whose name ends so. */
static void learn_element(struct facts *facts, const char *fact, const struct http_response *response, struct span name)
{
    struct span body = http_body(response);
    ptrdiff_t at = span_find(body, name);
    ptrdiff_t end;

    body = at < 0 ? (struct span){NULL, 0} : span_from(body, (size_t)at + name.size);
    end = span_find(body, SPAN_OF("<"));
    if (end > 0) {
        facts_set_text(facts, fact, (struct span){body.bytes, (size_t)end});
    }
}

static enum dialogue_next hear_winrm(struct dialogue *dialogue, const struct http_response *response)
{
    if (body_has(response, SPAN_OF("IdentifyResponse"))) {
        name_service(dialogue, "winrm");
        learn_element(dialogue->facts, "product", response, SPAN_OF("ProductVendor>"));
        learn_element(dialogue->facts, "version", response, SPAN_OF("ProductVersion>"));
    } else if (response->status == 401) {
        name_service(dialogue, "winrm");
        facts_set_string(dialogue->facts, "auth", "required");
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_proxy(struct dialogue *dialogue, const struct http_response *response)
{
    bool failed = response->status == 502 || response->status == 503 || response->status == 504 ||
                  (response->status == 500 && (body_has(response, SPAN_OF("leastport.invalid")) ||
                                               body_has(response, SPAN_OF("unable to connect to the remote"))));

    if (is_proxy(response) || failed || has_field(response, "via")) {
        name_service(dialogue, "http-proxy");
        if (response->status == 407) {
            learn_authentication(dialogue->facts, response);
        }
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_websocket(struct dialogue *dialogue, const struct http_response *response)
{
    struct span value;

    if (response->status == 101 && http_field(response, "upgrade", &value) &&
        span_starts_as(value, SPAN_OF("websocket")) && has_field(response, "sec-websocket-accept")) {
        name_service(dialogue, "websocket");
    }
    return DIALOGUE_DONE;
}

/* Fields without end, chunks that are none: no page is to be had, but the status line is HTTP's (RFC 9112, section 4).
 */
static enum dialogue_next hear_broken(struct dialogue *dialogue, const struct http_response *response)
{
    if (dialogue->recognised) {
        return DIALOGUE_DONE;
    }
    if (talk_of(dialogue)->question != ASK_PAGE || response->status == 0) {
        return DIALOGUE_FOREIGN;
    }
    dialogue->recognised = true;
    facts_set_number(dialogue->facts, "http.status", response->status);
    return DIALOGUE_DONE;
}

static enum dialogue_next (*const hear_answer[])(struct dialogue *dialogue, const struct http_response *response) = {
    [ASK_PAGE] = hear_page,
    [ASK_DOCKER] = hear_docker,
    [ASK_VERSION] = hear_version,
    [ASK_ETCD_KEYS] = hear_etcd_keys,
    [ASK_KUBERNETES_VERSION] = hear_kubernetes_version,
    [ASK_KUBERNETES_NAMESPACES] = hear_kubernetes_namespaces,
    [ASK_KUBELET_PODS] = hear_kubelet_pods,
    [ASK_WINRM] = hear_winrm,
    [ASK_PROXY] = hear_proxy,
    [ASK_WEBSOCKET] = hear_websocket,
};

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    struct http_response response;

    if (event == DIALOGUE_SECURED) {
        ask(dialogue);
        return DIALOGUE_WAIT;
    }
    switch (http_read(dialogue->in, event != DIALOGUE_ARRIVED, &response)) {
    case HTTP_MORE:
        return DIALOGUE_WAIT;
    case HTTP_WHOLE:
    case HTTP_CUT:
        break;
    case HTTP_BAD:
        return hear_broken(dialogue, &response);
    }
    return hear_answer[talk_of(dialogue)->question](dialogue, &response);
}

const struct protocol protocol_http = {
    .name = "http",
    .ports = "80,81,591,2375,2379,3000,3128,4040,5000,5985,7001,8000,8008,8080,8081,8083,8086,8088,8090,8118,8161,8180,"
             "8500,8880,8888,9000,9080,9090,9200,15672,16010,50070",
    .tls_ports = "443,832,981,1311,2376,2379,4443,5986,6443,7443,8006,8443,8834,9200,9443,10250,12443",
    .rank = 1,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
