/* One request to the API: "METHOD TARGET" on the first line, then headers, each "Name: value" (seeded_store_fill_in()).
 */
#include "lib/addr.h"
#include "lib/token.h"
#include "tests/fuzz/auditd/seeded_store.h"
#include "tests/fuzz/fuzz.h"
#include "web/framing.h"
#include "web/gate.h"
#include "web/metrics.h"
#include "web/route.h"
#include "web/store_pool.h"
#include "web/stream_place.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What it reads it does not change. */
#define ZLIB_CONST
#include <zlib.h>

static struct metrics metrics;
static struct exchange_site site = {.metrics = &metrics};
static struct store *store;
static char authorization[sizeof("Bearer ") + TOKEN_TEXT_SIZE];

static void leave(void)
{
    gate_destroy(site.gate);
    store_pool_destroy(site.pool);
}

/* Whoever asks may all, unless the request brings an Authorization of its own. */
static void make_token(void)
{
    snprintf(authorization, sizeof(authorization), "Bearer %s", seeded_store_token(store));
}

static void arrive(void)
{
    const char *path;

    store = seeded_store_open(&path);
    seeded_store_fill(store);
    make_token();
    assert(store_pool_create(path, &site.pool) == 0);
    assert(gate_create(&(struct gate_options){.control_path = NULL}, &site.gate) == 0);
    assert(atexit(leave) == 0);
}

static char *cut(char **rest, const char *separators)
{
    char *word = strsep(rest, separators);

    return word == NULL ? word : word + strspn(word, " ");
}

/* What is taken for a place in the stream is written as it was read, but for zeros in front. */
static void check_place(const char *text)
{
    static const unsigned char key[STORE_STREAM_KEY_BYTES] = {1};
    struct store_stream_place place;
    struct store_stream_place again;
    char written[STREAM_PLACE_TEXT_SIZE];

    assert(stream_place_parse(text, key, &place) != 0);
    if (stream_place_parse(text, NULL, &place) == 0) {
        stream_place_format(&place, NULL, written);
        assert(stream_place_parse(written, NULL, &again) == 0 && stream_place_is_same(&place, &again));
    }
}

/* As libmicrohttpd hands them on: name and value apart, no line ends within. */
static void read_headers(char *rest, struct framing *framing, struct request_head *head)
{
    for (char *line = cut(&rest, "\r\n"); line != NULL; line = cut(&rest, "\r\n")) {
        const char *name = cut(&line, ":");
        const char *value = line == NULL ? "" : line + strspn(line, " \t");
        if (name[0] != '\0') {
            framing_add(framing, name, value);
        }
        if (strcasecmp(name, "Accept") == 0) {
            head->accept = value;
        } else if (strcasecmp(name, "Accept-Encoding") == 0) {
            coding_wish(&head->codings, value);
        } else if (strcasecmp(name, "If-None-Match") == 0) {
            head->if_none_match = value;
        } else if (strcasecmp(name, "Authorization") == 0) {
            head->authorization = value;
        } else if (strcasecmp(name, "Cookie") == 0) {
            head->cookie = value;
        } else if (strcasecmp(name, "Last-Event-ID") == 0) {
            head->last_event_id = value;
            check_place(value);
        }
    }
}

/* The body as JSON, unpacked where it went out packed: what gzip says of its length is so. The caller owns the result.
 */
static json_t *read_body(const struct exchange *exchange)
{
    const unsigned char *packed = (const unsigned char *)exchange->body.bytes;
    size_t length = exchange->body.length;
    z_stream stream = {.next_in = packed, .avail_in = (uInt)length};
    unsigned char *plain;
    json_t *body;

    if (!exchange->is_packed) {
        return json_loadb(exchange->body.bytes, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    }
    assert(length > 18);
    length = packed[length - 4] + 256U * packed[length - 3] + 65536U * packed[length - 2];
    plain = malloc(length + 1);
    assert(plain != NULL && inflateInit2(&stream, 15 + 16) == Z_OK);
    stream.next_out = plain;
    stream.avail_out = (uInt)length + 1;
    assert(inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.total_out == length && stream.avail_in == 0);
    inflateEnd(&stream);
    body = json_loadb((const char *)plain, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    free(plain);
    return body;
}

static void check_answer(const struct exchange *exchange)
{
    json_t *body;

    assert(exchange->status >= 200 && exchange->status < 600);
    /* Nothing that a client asks for is an error of the server's. */
    assert(exchange->problem.status < 500 || exchange->problem.status == 503);
    if (exchange->problem.status != 0) {
        assert(exchange->problem.status >= 400 && exchange->problem.detail[0] != '\0');
        return;
    }
    if (exchange->asset != NULL || exchange->status == 204 || strcmp(exchange->content_type, "application/json") != 0) {
        return;
    }
    body = read_body(exchange);
    assert(body != NULL);
    json_decref(body);
}

static void check_problem(struct exchange *exchange, const char *target)
{
    struct buffer buffer;
    json_t *body;

    buffer_init(&buffer);
    problem_write(&exchange->problem, target, &buffer);
    body = json_loadb(buffer.bytes, buffer.length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    assert(json_integer_value(json_object_get(body, "status")) == exchange->problem.status);
    json_decref(body);
    buffer_done(&buffer);
}

static void answer(const struct request_head *head, bool is_sound, struct exchange *exchange)
{
    if (is_sound) {
        route_answer(exchange, head);
    }
    check_answer(exchange);
    if (exchange->problem.status != 0) {
        check_problem(exchange, head->target);
    }
}

/* RFC 9110 section 13.1.2: who brings the tag along is told that nothing has changed. */
static void ask_again(const struct request_head *head, const char *etag)
{
    struct request_head again = *head;
    struct exchange exchange;

    exchange_init(&exchange, &site);
    again.if_none_match = etag;
    route_answer(&exchange, &again);
    /* What the server counts and the time that it tells may differ. */
    assert(exchange.status == 304 || strcmp(exchange.etag, etag) != 0);
    exchange_done(&exchange);
}

/* The list goes on where its cursor says, under the same filters. */
static void ask_on(const struct request_head *head, const json_t *cursor)
{
    struct request_head next = *head;
    struct exchange exchange;
    char target[URI_MAX_BYTES + 128];

    if (strstr(head->target, "cursor") != NULL || strlen(head->target) > URI_MAX_BYTES / 2) {
        return;
    }
    snprintf(target, sizeof(target), "%s%scursor=%s", head->target, strchr(head->target, '?') == NULL ? "?" : "&",
             json_string_value(cursor));
    next.target = target;
    next.if_none_match = NULL;
    exchange_init(&exchange, &site);
    route_answer(&exchange, &next);
    assert(exchange.status == 200 && exchange.problem.status == 0);
    check_answer(&exchange);
    exchange_done(&exchange);
}

static void ask_more(const struct request_head *head, const struct exchange *exchange)
{
    json_t *body;

    ask_again(head, exchange->etag);
    if (exchange->asset == NULL && exchange->body.length > 0) {
        body = read_body(exchange);
        if (json_is_string(json_object_get(body, "next_cursor"))) {
            ask_on(head, json_object_get(body, "next_cursor"));
        }
        json_decref(body);
    }
}

static void request(char *text)
{
    char *rest = text;
    char *line = cut(&rest, "\r\n");
    struct request_head head = {.method = cut(&line, " "), .authorization = authorization};
    struct framing framing;
    struct exchange exchange;

    head.target = line == NULL ? "/" : line;
    head.framing = &framing;
    framing_init(&framing);
    read_headers(rest, &framing, &head);
    exchange_init(&exchange, &site);
    answer(&head, framing_is_sound(&framing, &exchange.problem), &exchange);
    if (exchange.status == 200 && exchange.problem.status == 0 && exchange.etag[0] != '\0') {
        ask_more(&head, &exchange);
    }
    exchange_done(&exchange);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    char *filled;

    if (site.pool == NULL) {
        arrive();
    }
    filled = seeded_store_fill_in(store, text);
    request(filled);
    free(filled);
    free(text);
    return 0;
}
