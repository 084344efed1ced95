#include "scanner/service/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    struct span bytes;
    bool ended;
    enum http_state state;
    uint16_t status;
    const char *body;
} cases[] = {
    {SPAN_AS("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef"), false, HTTP_WHOLE, 200, "abc"},
    {SPAN_AS("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc"), false, HTTP_MORE, 0, NULL},
    {SPAN_AS("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc"), true, HTTP_CUT, 200, "abc"},
    {SPAN_AS("HTTP/1.0 404\nServer: x\n\nall of it"), false, HTTP_MORE, 0, NULL},
    {SPAN_AS("HTTP/1.0 404\nServer: x\n\nall of it"), true, HTTP_CUT, 404, "all of it"},
    {SPAN_AS("HTTP/1.1 204 No\r\n\r\n"), false, HTTP_WHOLE, 204, ""},
    {SPAN_AS("HTTP/1.1 101 Up\r\nUpgrade: websocket\r\n\r\n\x81"), false, HTTP_WHOLE, 101, ""},
    {SPAN_AS("HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n"), false, HTTP_WHOLE, 200, ""},
    {SPAN_AS("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"),
     false, HTTP_WHOLE, 200, "abc0123456789"},
    {SPAN_AS("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n3\r\nab"), false, HTTP_MORE, 0,
     NULL},
    {SPAN_AS("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"), true, HTTP_CUT, 200, "ab"},
    {SPAN_AS("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), false, HTTP_BAD, 0, NULL},
    {SPAN_AS("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n"), false, HTTP_BAD, 0, NULL},
    {SPAN_AS("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n"), false, HTTP_BAD, 0, NULL},
    {SPAN_AS("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab"), true, HTTP_CUT, 200, "ab"},
    {SPAN_AS("HTTP/1.1 2x0 OK\r\n\r\n"), false, HTTP_BAD, 0, NULL},
    {SPAN_AS("HTTP/1.1 099 OK\r\n\r\n"), false, HTTP_BAD, 0, NULL},
    {SPAN_AS("SSH-2.0-x\r\n"), false, HTTP_BAD, 0, NULL},
    {SPAN_AS("HTTP/1.1 200"), false, HTTP_MORE, 0, NULL},
    {SPAN_AS("HTTP/1.1 200"), true, HTTP_BAD, 0, NULL},
    {SPAN_AS("HTTP/1.1 200 OK\r\nServer: x\r\n"), true, HTTP_BAD, 0, NULL},
    {SPAN_AS(""), false, HTTP_MORE, 0, NULL},
};

static void reads_responses_of_every_framing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct http_response response;
        enum http_state found = http_read(cases[i].bytes, cases[i].ended, &response);
        assert_int_equal(found, cases[i].state);
        if (cases[i].body != NULL) {
            assert_int_equal(response.status, cases[i].status);
            assert_true(
                span_equal(http_body(&response), (struct span){(const uint8_t *)cases[i].body, strlen(cases[i].body)}));
        }
    }
}

/* Every beginning of every response stands in memory of its own size: nothing is read past it. */
static void reads_nothing_past_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        for (size_t size = 0; size <= cases[i].bytes.size; size++) {
            uint8_t *bytes = malloc(size + 1);
            struct http_response response;
            memcpy(bytes, cases[i].bytes.bytes, size);
            for (int ended = 0; ended < 2; ended++) {
                enum http_state found = http_read((struct span){bytes, size}, ended != 0, &response);
                assert_false(ended != 0 && found == HTTP_MORE);
            }
            free(bytes);
        }
    }
}

static void what_is_too_much_ends(void **state)
{
    static const struct span head = SPAN_AS("HTTP/1.1 200 OK\r\n");
    static const struct span chunk = SPAN_AS("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n");
    uint8_t *bytes = malloc(100000);
    struct http_response response;

    (void)state;
    memset(bytes, 'x', 100000);
    assert_int_equal(http_read((struct span){bytes, HTTP_HEAD_MAX + 1}, false, &response), HTTP_BAD);
    memcpy(bytes, head.bytes, head.size);
    assert_int_equal(http_read((struct span){bytes, HTTP_HEAD_MAX + 100}, false, &response), HTTP_BAD);
    bytes[head.size] = '\r';
    bytes[head.size + 1] = '\n';
    assert_int_equal(http_read((struct span){bytes, 100000}, false, &response), HTTP_WHOLE);
    assert_int_equal(response.body_size, HTTP_BODY_MAX);
    memcpy(bytes, chunk.bytes, chunk.size);
    assert_int_equal(http_read((struct span){bytes, 100000}, false, &response), HTTP_WHOLE);
    assert_int_equal(response.body_size, HTTP_BODY_MAX);
    free(bytes);
}

static void finds_fields_and_titles(void **state)
{
    struct http_response response;
    struct span value;
    char title[8];
    char wide[64];

    (void)state;
    assert_int_equal(
        http_read(SPAN_OF("HTTP/1.1 200 OK\r\nSERVER:  nginx/1.22 \r\nX: a\r\nserver: other\r\n\r\n"), true, &response),
        HTTP_CUT);
    assert_true(http_field(&response, "Server", &value) && span_equal(value, SPAN_OF("nginx/1.22")));
    assert_false(http_field(&response, "serve", &value));
    assert_false(http_field(&response, "nginx/1.22", &value));
    assert_int_equal(http_title(SPAN_OF("<HTML><Title lang=x> a\n\t b <b></title>"), wide, sizeof(wide)), 3);
    assert_string_equal(wide, "a b");
    assert_int_equal(http_title(SPAN_OF("<title>0123456789"), title, sizeof(title)), 7);
    assert_string_equal(title, "0123456");
    assert_int_equal(http_title(SPAN_OF("<title"), title, sizeof(title)), 0);
    assert_int_equal(http_title(SPAN_OF("<title>   "), title, sizeof(title)), 0);
    assert_true(http_asks_password(SPAN_OF("<input TYPE=\"Password\">")));
    assert_false(http_asks_password(SPAN_OF("password")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_responses_of_every_framing),
        cmocka_unit_test(reads_nothing_past_the_end),
        cmocka_unit_test(what_is_too_much_ends),
        cmocka_unit_test(finds_fields_and_titles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
