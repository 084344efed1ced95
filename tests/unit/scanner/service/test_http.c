#include "tests/unit/scanner/service/talk.h"

#include <stdio.h>

static const struct dialogue_target clear = {.host = "10.0.0.5", .port = 80, .doors = true};
static const struct dialogue_target strange = {.host = "fd00::5%eth0", .name = NULL, .port = 9200, .doors = true};
static const struct dialogue_target proxy = {.host = "10.0.0.5", .name = "proxy.example", .port = 3128, .doors = true};
static const struct dialogue_target shut = {.host = "10.0.0.5", .port = 80, .doors = false};

#define REST                                                                                                           \
    "User-Agent: leastport/" LEASTPORT_VERSION "\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: "          \
    "close\r\n\r\n"
#define GET(path) EXPECT("GET " path " HTTP/1.1\r\nHost: 10.0.0.5\r\n" REST)
#define ANSWER(status, fields, body)                                                                                   \
    SAY("HTTP/1.1 " status " x\r\n" fields "\r\n" body),                                                               \
    {                                                                                                                  \
        TALK_END,                                                                                                      \
        {                                                                                                              \
            NULL, 0                                                                                                    \
        }                                                                                                              \
    }
#define WHOLE(status, fields) SAY("HTTP/1.1 " status " x\r\n" fields "Content-Length: 0\r\n\r\n")
#define AGAIN                                                                                                          \
    {                                                                                                                  \
        TALK_AGAIN,                                                                                                    \
        {                                                                                                              \
            NULL, 0                                                                                                    \
        }                                                                                                              \
    }

struct expected {
    const char *name;
    const char *value;
};

enum { EXPECTED_MAX = 8 };

static void check(const struct dialogue_target *target, const struct talk_turn *turns, size_t count,
                  const struct expected *expected)
{
    for (int bytewise = 0; bytewise < 2; bytewise++) {
        struct talk talk;
        talk_run(&talk, "http", target, turns, count, bytewise != 0);
        assert_int_equal(talk.next, DIALOGUE_DONE);
        assert_true(talk.dialogue.recognised);
        for (size_t i = 0; i < EXPECTED_MAX && expected[i].name != NULL; i++) {
            const struct fact *fact = facts_find(&talk.facts, expected[i].name);
            char number[32];
            const char *value = fact == NULL ? "-" : number;
            if (fact != NULL && (fact->kind->type == FACT_TEXT || fact->kind->type == FACT_VERSION)) {
                value = fact->text;
            } else if (fact != NULL) {
                snprintf(number, sizeof(number), "%d",
                         fact->kind->type == FACT_TRUTH ? fact->truth : (int)fact->number);
            }
            if (strcmp(value, expected[i].value) != 0) {
                fail_msg("%s is \"%s\", not \"%s\"", expected[i].name, value, expected[i].value);
            }
        }
        talk_done(&talk);
    }
}

#define CHECK(target, turns, ...)                                                                                      \
    check(target, turns, sizeof(turns) / sizeof(*(turns)), (const struct expected[EXPECTED_MAX]){__VA_ARGS__})

static void reads_a_page(void **state)
{
    static const struct talk_turn page[] = {
        GET("/"), ANSWER("200", "Server: nginx/1.22.1\r\nStrict-Transport-Security: max-age=1\r\n",
                         "<title>Shop</title><input type=\"password\">")};
    static const struct talk_turn refused[] = {GET("/"), WHOLE("401", "WWW-Authenticate: Basic realm=\"x\"\r\n")};
    static const struct talk_turn late[] = {
        GET("/"), SAY("HTTP/1.0 200 OK\r\nServer: slow\r\n\r\n<title>half"), {TALK_LATE, {NULL, 0}}};

    (void)state;
    CHECK(&clear, page, {"http.status", "200"}, {"http.server", "nginx/1.22.1"}, {"http.title", "Shop"},
          {"http.auth", "form"}, {"http.hsts", "0"}, {"redirects_to_https", "0"}, {"auth", "-"}, {"service", "-"});
    CHECK(&clear, refused, {"http.auth", "Basic"}, {"auth", "required"}, {"http.body_sha256", "-"});
    CHECK(&clear, late, {"http.server", "slow"}, {"http.title", "half"});
}

static void follows_redirects_on_the_same_server_alone(void **state)
{
    static const struct talk_turn away[] = {GET("/"), WHOLE("301", "Location: https://shop.example/\r\n")};
    static const struct talk_turn for_now[] = {GET("/"), ANSWER("302", "Location: https://shop.example/\r\n", "")};
    static const struct talk_turn within[] = {GET("/"),
                                              ANSWER("302", "Location: /login\r\n", ""),
                                              AGAIN,
                                              GET("/login"),
                                              ANSWER("301", "Location: http://10.0.0.5/in\r\n", ""),
                                              AGAIN,
                                              GET("/in"),
                                              ANSWER("200", "", "<title>In</title>")};
    static const struct talk_turn other[] = {GET("/"), ANSWER("301", "Location: http://10.0.0.6/\r\n", "")};
    static const struct talk_turn scheme[] = {GET("/"), ANSWER("301", "Location: //10.0.0.6/\r\n", "")};
    static const struct talk_turn odd[] = {GET("/"), ANSWER("301", "Location: /a b\r\n", "")};

    (void)state;
    CHECK(&clear, away, {"redirects_to_https", "1"}, {"http.location", "https://shop.example/"}, {"http.status", "301"},
          {"http.redirects", "https://shop.example/"});
    CHECK(&clear, for_now, {"redirects_to_https", "0"}, {"http.location", "https://shop.example/"});
    CHECK(&clear, within, {"http.status", "302"}, {"http.title", "In"}, {"http.redirects", "/login http://10.0.0.5/in"},
          {"http.location", "/login"});
    CHECK(&clear, other, {"http.location", "http://10.0.0.6/"}, {"redirects_to_https", "0"});
    CHECK(&clear, scheme, {"http.location", "//10.0.0.6/"});
    CHECK(&clear, odd, {"http.location", "-"});
}

/* RFC 3986, section 5.2.3. */
static void follows_relative_references(void **state)
{
    static const struct talk_turn merged[] = {GET("/"),
                                              ANSWER("302", "Location: app/\r\n", ""),
                                              AGAIN,
                                              GET("/app/"),
                                              ANSWER("302", "Location: login?to=http://x/\r\n", ""),
                                              AGAIN,
                                              GET("/app/login?to=http://x/"),
                                              ANSWER("302", "Location: ?q=1\r\n", ""),
                                              AGAIN,
                                              GET("/app/login?q=1"),
                                              ANSWER("200", "", "<title>In</title>")};
    static const struct talk_turn other[] = {GET("/"), ANSWER("302", "Location: mailto:root\r\n", "")};
    static const struct talk_turn fragment[] = {GET("/"), ANSWER("302", "Location: #top\r\n", "")};

    (void)state;
    CHECK(&clear, merged, {"http.title", "In"}, {"http.redirects", "app/ login?to=http://x/ ?q=1"});
    CHECK(&clear, other, {"http.location", "mailto:root"}, {"http.status", "302"});
    CHECK(&clear, fragment, {"http.location", "#top"});
}

/* The status line is enough to know the protocol. */
static void a_broken_answer_is_http_all_the_same(void **state)
{
    static const struct talk_turn chunks[] = {GET("/"),
                                              SAY("HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")};
    static const struct talk_turn head[] = {GET("/"), ANSWER("503", "Server", "")};

    (void)state;
    CHECK(&clear, chunks, {"http.status", "200"}, {"http.hsts", "-"});
    CHECK(&clear, head, {"http.status", "503"});
}

static void a_redirect_for_ever_ends(void **state)
{
    struct talk_turn turns[100];
    size_t count = 0;

    (void)state;
    for (int i = 0; i < 6; i++) {
        turns[count++] = (struct talk_turn)GET("/");
        turns[count++] = (struct talk_turn)SAY("HTTP/1.1 302 x\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
        if (i < 5) {
            turns[count++] = (struct talk_turn)AGAIN;
        }
    }
    check(&clear, turns, count, (const struct expected[EXPECTED_MAX]){{"http.status", "302"}});
}

static void tells_what_stands_on_it(void **state)
{
    static const struct talk_turn elastic[] = {
        EXPECT("GET / HTTP/1.1\r\nHost: [fd00::5]:9200\r\n" REST),
        ANSWER("200", "X-elastic-product: Elasticsearch\r\n",
               "{\"version\":{\"number\":\"8.9.0\"},\"tagline\":\"You Know, for Search\"}")};
    static const struct talk_turn guarded[] = {
        GET("/"), ANSWER("401", "WWW-Authenticate: Basic realm=\"security\"\r\n",
                         "{\"error\":{\"root_cause\":[{\"type\":\"security_exception\"}]}}")};
    static const struct talk_turn docker[] = {
        GET("/"),
        ANSWER("404", "Server: Docker/20.10.24 (linux)\r\nApi-Version: 1.41\r\n", "{\"message\":\"page not found\"}"),
        AGAIN, GET("/version"),
        ANSWER("200", "", "{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\",\"Os\":\"linux\"}")};
    static const struct talk_turn kubernetes[] = {
        GET("/"),
        ANSWER("403", "", "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\"}"),
        AGAIN,
        GET("/version"),
        ANSWER("200", "", "{\"gitVersion\":\"v1.28.2\"}"),
        AGAIN,
        GET("/api/v1/namespaces?limit=1"),
        ANSWER("403", "", "{\"kind\":\"Status\"}")};
    static const struct talk_turn kubelet[] = {GET("/"),        ANSWER("404", "", "404 page not found\n"),  AGAIN,
                                               GET("/version"), ANSWER("404", "", "404 page not found\n"),  AGAIN,
                                               GET("/pods"),    ANSWER("200", "", "{\"kind\":\"PodList\"}")};
    static const struct talk_turn go_page[] = {GET("/"),        ANSWER("404", "", "404 page not found\n"), AGAIN,
                                               GET("/version"), ANSWER("404", "", "404 page not found\n"), AGAIN,
                                               GET("/pods"),    ANSWER("404", "", "404 page not found\n")};

    (void)state;
    CHECK(&strange, elastic, {"service", "elasticsearch"}, {"version", "8.9.0"}, {"auth", "none"}, {"door", "GET /"});
    CHECK(&clear, guarded, {"service", "elasticsearch"}, {"auth", "required"}, {"door", "-"}, {"version", "-"});
    CHECK(&clear, docker, {"service", "docker"}, {"version", "20.10.24"}, {"auth", "none"}, {"os", "linux"});
    CHECK(&shut, docker, {"service", "docker"}, {"version", "20.10.24"}, {"auth", "none"}, {"door", "GET /version"});
    CHECK(&clear, kubernetes, {"service", "kubernetes"}, {"version", "1.28.2"}, {"auth", "required"});
    CHECK(&clear, kubelet, {"service", "kubelet"}, {"auth", "none"}, {"door", "GET /pods"});
    CHECK(&clear, go_page, {"service", "-"}, {"auth", "-"}, {"http.status", "404"});
}

static void tells_etcd_winrm_proxies_and_sockets(void **state)
{
    static const struct talk_turn etcd[] = {
        GET("/"),
        ANSWER("404", "", "404 page not found\n"),
        AGAIN,
        GET("/version"),
        ANSWER("200", "", "{\"etcdserver\":\"3.4.23\",\"etcdcluster\":\"3.4.0\"}"),
        AGAIN,
        EXPECT(
            "POST /v3/kv/range HTTP/1.1\r\nHost: 10.0.0.5\r\nUser-Agent: leastport/" LEASTPORT_VERSION
            "\r\nAccept: */*\r\nAccept-Encoding: identity\r\nContent-Type: application/json\r\nContent-Length: "
            "61\r\nConnection: close\r\n\r\n{\"key\":\"AA==\",\"range_end\":\"AA==\",\"limit\":1,\"count_only\":true}"),
        ANSWER("200", "", "{\"header\":{\"cluster_id\":\"1\"},\"count\":\"3\"}")};
    static const struct talk_turn squid[] = {
        EXPECT("GET / HTTP/1.1\r\nHost: proxy.example:3128\r\n" REST),
        ANSWER("400", "Server: squid/5.7\r\nX-Squid-Error: ERR_INVALID_URL 0\r\n", "")};
    static const struct talk_turn unsaid[] = {
        EXPECT("GET / HTTP/1.1\r\nHost: proxy.example:3128\r\n" REST), ANSWER("400", "", ""), AGAIN,
        EXPECT("GET http://leastport.invalid/ HTTP/1.1\r\nHost: proxy.example:3128\r\n" REST),
        ANSWER("407", "Proxy-Authenticate: Basic\r\n", "")};
    /* tinyproxy 1.11.1 of Debian 12, which has no name server. */
    static const struct talk_turn tinyproxy[] = {
        EXPECT("GET / HTTP/1.1\r\nHost: proxy.example:3128\r\n" REST),
        ANSWER("400", "Server: tinyproxy/1.11.1\r\n",
               "<p>You tried to connect to the machine the proxy is running on</p>\n"),
        AGAIN, EXPECT("GET http://leastport.invalid/ HTTP/1.1\r\nHost: proxy.example:3128\r\n" REST),
        ANSWER("500", "Server: tinyproxy/1.11.1\r\n",
               "<h1>Unable to connect</h1>\n<p>Tinyproxy was unable to connect to the remote web server.</p>\n")};
    static const struct talk_turn nameless[] = {
        GET("/"), ANSWER("400", "Server: px\r\n", ""), AGAIN,
        EXPECT("GET http://leastport.invalid/ HTTP/1.1\r\nHost: 10.0.0.5\r\n" REST), ANSWER("502", "", "")};
    static const struct talk_turn origin[] = {
        EXPECT("GET / HTTP/1.1\r\nHost: proxy.example:3128\r\n" REST), ANSWER("200", "", "page"), AGAIN,
        EXPECT("GET http://leastport.invalid/ HTTP/1.1\r\nHost: proxy.example:3128\r\n" REST),
        ANSWER("200", "", "page")};
    static const struct talk_turn socket[] = {
        GET("/"), ANSWER("426", "Upgrade: websocket\r\n", ""), AGAIN,
        EXPECT("GET / HTTP/1.1\r\nHost: 10.0.0.5\r\nUser-Agent: leastport/" LEASTPORT_VERSION
               "\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bGVhc3Rwb3J0IGFza3MgIQ==\r\n\r\n"),
        ANSWER("101", "Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n", "")};

    (void)state;
    CHECK(&clear, etcd, {"service", "etcd"}, {"version", "3.4.23"}, {"auth", "none"});
    CHECK(&proxy, squid, {"service", "http-proxy"}, {"http.server", "squid/5.7"});
    CHECK(&proxy, unsaid, {"service", "http-proxy"}, {"auth", "required"});
    CHECK(&proxy, tinyproxy, {"service", "http-proxy"}, {"http.status", "400"});
    CHECK(&clear, nameless, {"service", "http-proxy"}, {"http.status", "400"});
    CHECK(&proxy, origin, {"service", "-"}, {"http.status", "200"});
    CHECK(&clear, socket, {"service", "websocket"}, {"http.status", "426"});
}

static void others_are_not_http(void **state)
{
    static const struct talk_turn redis[] = {GET("/"), SAY("-ERR unknown command 'GET'\r\n")};
    static const struct talk_turn nothing[] = {GET("/"), {TALK_END, {NULL, 0}}};
    static const struct talk_turn *const all[] = {redis, nothing};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct talk talk;
        talk_run(&talk, "http", &clear, all[i], 2, false);
        assert_int_equal(talk.next, DIALOGUE_FOREIGN);
        assert_false(talk.dialogue.recognised);
        assert_int_equal(talk.facts.count, 0);
        talk_done(&talk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_page),
        cmocka_unit_test(follows_redirects_on_the_same_server_alone),
        cmocka_unit_test(follows_relative_references),
        cmocka_unit_test(a_broken_answer_is_http_all_the_same),
        cmocka_unit_test(a_redirect_for_ever_ends),
        cmocka_unit_test(tells_what_stands_on_it),
        cmocka_unit_test(tells_etcd_winrm_proxies_and_sockets),
        cmocka_unit_test(others_are_not_http),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
