/* Forged cursors: 16 bytes of a position, then the target of a list (seeded_store_fill_in()). A cursor's check is no
 * secret, so whoever writes one may begin a list wherever he likes, and no more. */
#include "lib/token.h"
#include "tests/fuzz/auditd/seeded_store.h"
#include "tests/fuzz/fuzz.h"
#include "web/framing.h"
#include "web/gate.h"
#include "web/metrics.h"
#include "web/params.h"
#include "web/route.h"
#include "web/store_pool.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POSITION_BYTES = 16 };

static struct metrics metrics;
static struct exchange_site site = {.metrics = &metrics};
static struct store *store;
static char authorization[sizeof("Bearer ") + TOKEN_TEXT_SIZE];

static void leave(void)
{
    gate_destroy(site.gate);
    store_pool_destroy(site.pool);
}

static void arrive(void)
{
    const char *path;

    store = seeded_store_open(&path);
    seeded_store_fill(store);
    snprintf(authorization, sizeof(authorization), "Bearer %s", seeded_store_token(store));
    assert(store_pool_create(path, &site.pool) == 0);
    assert(gate_create(&(struct gate_options){.control_path = NULL}, &site.gate) == 0);
    assert(atexit(leave) == 0);
}

static unsigned ask(const char *target)
{
    struct framing framing;
    struct exchange exchange;
    struct request_head head = {.method = "GET", .target = target, .framing = &framing, .authorization = authorization};
    unsigned status;
    json_t *body;

    framing_init(&framing);
    framing_add(&framing, "Host", "localhost");
    exchange_init(&exchange, &site);
    assert(framing_is_sound(&framing, &exchange.problem));
    route_answer(&exchange, &head);
    status = exchange.problem.status != 0 ? exchange.problem.status : exchange.status;
    assert(status < 500);
    if (status == 200 && strncmp(target, "/api/v1/", 8) == 0 && exchange.asset == NULL) {
        body = json_loadb(exchange.body.bytes, exchange.body.length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        assert(body != NULL);
        json_decref(body);
    }
    exchange_done(&exchange);
    return status;
}

/* The resource of web's table for the list, by its path; NULL for what is no list. */
static const char *resource_of(const char *path)
{
    static const char *const lists[] = {"scans", "hosts", "endpoints", "findings", "changes", "score"};
    const char *name = strncmp(path, "/api/v1/", 8) == 0 ? path + 8 : "";
    size_t length = strlen(name);

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        if (strcmp(name, lists[i]) == 0) {
            return lists[i];
        }
    }
    return length > 7 && strcmp(name + length - 7, "/events") == 0 ? "events" : NULL;
}

static bool takes_cursor(const struct uri *uri)
{
    return uri_param(uri, "cursor") == NULL && uri_param(uri, "group_by") == NULL && uri->param_count < URI_MAX_PARAMS;
}

/* False for what takes no cursor. */
static bool forge(const char *target, const struct store_position *position, char cursor[CURSOR_TEXT_SIZE])
{
    struct param_table table = {0};
    struct store_page page = {0};
    struct params params;
    struct problem problem = {0};
    struct uri uri;

    if (uri_parse(target, &uri) != 0) {
        return false;
    }
    table.resource = resource_of(uri.path);
    if (table.resource != NULL && takes_cursor(&uri)) {
        /* It knows no parameter, but what a cursor is bound to are the names and values. */
        (void)params_parse(&table, &uri, &page, &params, &problem);
        cursor_format(&params.binding, position, cursor);
    } else {
        table.resource = NULL;
    }
    uri_done(&uri);
    return table.resource != NULL;
}

static void go_on(const char *target, const struct store_position *position)
{
    char cursor[CURSOR_TEXT_SIZE];
    char *next;

    if (strlen(target) < URI_MAX_BYTES / 2 && forge(target, position, cursor)) {
        assert(asprintf(&next, "%s%ccursor=%s", target, strchr(target, '?') == NULL ? '?' : '&', cursor) > 0);
        assert(ask(next) == (isfinite(position->key) ? 200 : 400));
        free(next);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store_position position = {.is_set = true};
    char *text;
    char *target;

    if (site.pool == NULL) {
        arrive();
    }
    if (size < POSITION_BYTES) {
        return 0;
    }
    memcpy(&position.key, data, 8);
    memcpy(&position.id, data + 8, 8);
    text = fuzz_text(data + POSITION_BYTES, size - POSITION_BYTES);
    target = seeded_store_fill_in(store, text);
    if (ask(target) == 200) {
        go_on(target, &position);
    }
    free(target);
    free(text);
    return 0;
}
