/* Streams of events on socket pairs, beside a writer of its own: who comes and goes misses nothing and gets nothing
 * twice, as the database has it; who is slow, limited, revoked, or asks for what is gone. */
#include "web/stream.h"

#include "tests/unit/seed.h"
#include "tests/unit/web/database.h"
#include "web/exchange.h"
#include "web/gate.h"
#include "web/route.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENERS = 6, COMMITS = 120, PATIENCE_MS = 60000, HEARD_MAX = 4096, WORD_SIZE = 64 };

static char folder[] = "/tmp/leastport-stream-XXXXXX";
static char db_path[64];
static sqlite3 *db;
static char token[TOKEN_TEXT_SIZE];
static char token_id[TOKEN_ID_SIZE];
static struct gate *gate;
static atomic_int lines_open;

/* ---- the database ---- */

#define FINDING(id, asset)                                                                                             \
    "INSERT INTO finding (id, uuid, fingerprint, asset_id, proto, port, kind, presence, severity, severity_rank, "     \
    "service, rule_id, policy_id, service_weight, breadth, breadth_class, evidence, evidence_kind, need, need_kind, "  \
    "penalty, title, why, fix, first_seen, last_seen, changed_at, first_scan_id, last_scan_id) VALUES (" #id           \
    ", 'finding-" #id "', 'print-" #id "', " #asset ", 'tcp', 6379, 'exposure', 'OPEN', 'high', 3, 'redis', 'x', 1, "  \
    "40, 1, 'world', 1, 'seen', 1, 'forbidden', 40, 't', 'w', 'f', 1, 1, 1, 1, 1);"

static int make_database(void **state)
{
    (void)state;
    if (sodium_init() < 0 || mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(db_path, sizeof(db_path), "%s/audit.db", folder);
    db = database_make(db_path);
    database_add_token(db, token, token_id);
    database_run(db, "INSERT INTO realm VALUES (2, 'shop', 1); INSERT INTO vantage (id, name, created_at) VALUES (1, "
                     "'v', 1); INSERT INTO asset (id, uuid, realm_id, created_at) VALUES (1, 'asset-1', 1, 1), (2, "
                     "'asset-2', 2, 1); INSERT INTO policy VALUES (1, 'h', 'p', '', 1, 1); INSERT INTO scan (id, uuid, "
                     "realm_id, vantage_id, plan, plan_hash, state, started_at, ended_at) VALUES (1, 'scan-1', 1, 1, "
                     "'{}', 'h', 'complete', 1, 2); " FINDING(1, 1) FINDING(2, 2));
    return gate_create(&(struct gate_options){0}, &gate);
}

static int remove_database(void **state)
{
    (void)state;
    gate_destroy(gate);
    sqlite3_close(db);
    database_remove(db_path);
    return rmdir(folder);
}

static void put_change(int finding, int number)
{
    char sql[512];
    snprintf(sql, sizeof(sql),
             "INSERT INTO finding_event (finding_id, at, actor, what, was, became, reason, evidence) VALUES (%d, %d, "
             "'test', 'sight', 'FRESH', 'STALE', 'n%d', '{\"a\":\n1}')",
             finding, 1000 + number, number);
    database_run(db, sql);
}

static void put_score(const char *scope, const char *subject, int number)
{
    char sql[512];
    snprintf(sql, sizeof(sql),
             "INSERT INTO score (scope, subject, score, grade, caps, exposure, waived, coverage, terms, policy_id, "
             "first_at, last_at, ended_at) VALUES ('%s', '%s', 90, 'A', '[]', %d, 0, 1, '[]', 1, %d, %d, %d)",
             scope, subject, number, number, number, number);
    database_run(db, sql);
}

static void put_scan(int realm, int number)
{
    char sql[512];
    snprintf(sql, sizeof(sql),
             "INSERT INTO scan (uuid, realm_id, vantage_id, plan, plan_hash, state, started_at) VALUES ('s%d', %d, 1, "
             "'{}', 'h', 'running', %d)",
             number, realm, number);
    database_run(db, sql);
}

static void end_scan(int number)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "UPDATE scan SET state = 'complete', ended_at = 1 WHERE uuid = 's%d'", number);
    database_run(db, sql);
    snprintf(sql, sizeof(sql), "UPDATE scan SET judged_at = %d WHERE uuid = 's%d'", number, number);
    database_run(db, sql);
}

/* ---- a stream, and who listens ---- */

static struct stream *start(struct stream_options options)
{
    struct stream *stream = NULL;
    options.db_path = db_path;
    options.gate = gate;
    assert_int_equal(stream_create(&options, &stream), 0);
    return stream;
}

static struct stream_options quick(void)
{
    struct stream_options options = stream_options_default();
    options.look_ms = 5;
    options.check_ms = 5;
    return options;
}

static ssize_t line_send(void *context, int fd, const void *bytes, size_t count)
{
    ssize_t sent = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)context;
    return sent >= 0 ? sent : -errno;
}

static void line_begin(void *context)
{
    (void)context;
    atomic_fetch_add(&lines_open, 1);
}

static void line_end(void *context)
{
    int *fd = context;
    close(*fd);
    free(fd);
    atomic_fetch_sub(&lines_open, 1);
}

/* Our end of a new line; -1: refused, with the status. */
static int join(struct stream *stream, const char *last_id, const struct store_reach *reach, int64_t expires_at,
                unsigned *ret_status)
{
    struct exchange_site site = {.stream = stream, .gate = gate};
    struct request_head head = {.method = "GET", .target = "/api/v1/events", .last_event_id = last_id};
    struct exchange exchange;
    struct stream_line line = {.send = line_send, .end = line_end};
    int *fd = malloc(sizeof(*fd));
    int fds[2] = {-1, -1};
    exchange_init(&exchange, &site);
    exchange.head = &head;
    snprintf(exchange.principal.token, sizeof(exchange.principal.token), "%s", token_id);
    exchange.principal.expires_at = expires_at;
    if (reach != NULL) {
        exchange.principal.reach = *reach;
    }
    exchange.ticket = stream_ticket_make(stream, &exchange);
    *ret_status = exchange.problem.status;
    if (exchange.ticket != NULL && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0) {
        *fd = fds[1];
        line.fd = fds[1];
        line.context = fd;
        if (stream_admit(exchange.ticket, &line, line_begin) == 0) {
            exchange.ticket = NULL;
            fd = NULL;
        } else {
            close(fds[0]);
            close(fds[1]);
            fds[0] = -1;
        }
    }
    free(fd);
    exchange_done(&exchange);
    return fds[0];
}

/* What a client remembers over all of its lines. */
struct listener {
    pthread_t thread;
    const struct store_reach *reach;
    uint64_t source;
    char last_id[256];
    char text[1 << 16]; /* what came of an event that is not whole */
    size_t length;
    char heard[HEARD_MAX][WORD_SIZE];
    size_t count;
    size_t readies, resets, joins;
    char progress[WORD_SIZE]; /* how many probes, last */
    bool is_lost;             /* it waited for too long, or what came makes no sense */
};

/* The text behind `key` in a block, up to `end`; '' when it is not there. */
static void cut(const char *block, const char *key, char end, char *out, size_t size)
{
    const char *at = strstr(block, key);
    size_t length = 0;
    out[0] = '\0';
    if (at != NULL) {
        at += strlen(key);
        while (at[length] != end && at[length] != '\0' && length + 1 < size) {
            out[length] = at[length];
            length++;
        }
        out[length] = '\0';
    }
}

/* `f` and the reason's number, `p` and the exposure, `s`, the scan and what it did. */
static void note(struct listener *listener, const char *event, const char *block)
{
    char *word = listener->heard[listener->count];
    char one[WORD_SIZE / 3];
    char other[WORD_SIZE / 3];
    if (strcmp(event, "finding") == 0) {
        cut(block, "\"reason\":\"n", '"', one, sizeof(one));
        snprintf(word, WORD_SIZE, "f%s", one);
    } else if (strcmp(event, "score") == 0) {
        cut(block, "\"exposure\":", ',', one, sizeof(one));
        snprintf(word, WORD_SIZE, "p%s", one);
    } else if (strcmp(event, "scan") == 0) {
        cut(block, "\"scan\":{\"uuid\":\"", '"', one, sizeof(one));
        cut(block, "\"what\":\"", '"', other, sizeof(other));
        snprintf(word, WORD_SIZE, "%s %s", one, other);
    } else {
        if (strcmp(event, "progress") == 0) {
            cut(block, "\"probes_done\":", ',', listener->progress, WORD_SIZE);
        }
        listener->readies += strcmp(event, "ready") == 0;
        listener->resets += strcmp(event, "reset") == 0;
        listener->is_lost = listener->is_lost || (event[0] != '\0' && strcmp(event, "ready") != 0 &&
                                                  strcmp(event, "reset") != 0 && strcmp(event, "progress") != 0);
        return;
    }
    listener->count += listener->count + 1 < HEARD_MAX;
}

static void hear_block(struct listener *listener, const char *block)
{
    char id[256];
    char event[32];
    cut(block, "event: ", '\n', event, sizeof(event));
    cut(block, "id: ", '\n', id, sizeof(id));
    if (id[0] != '\0') {
        memcpy(listener->last_id, id, sizeof(id));
    }
    note(listener, event, block);
}

/* The head of the answer ends like an event does, but by two \r\n. */
static void hear_text(struct listener *listener)
{
    char *at = listener->text;
    char *end;
    listener->text[listener->length] = '\0';
    if (strncmp(at, "HTTP/1.1 ", 9) == 0) {
        end = strstr(at, "\r\n\r\n");
        if (end == NULL) {
            return;
        }
        /* 503 is for who comes just when it stops. */
        listener->is_lost =
            listener->is_lost || (strncmp(at, "HTTP/1.1 200 ", 13) != 0 && strncmp(at, "HTTP/1.1 503 ", 13) != 0);
        at = end + 4;
    }
    while ((end = strstr(at, "\n\n")) != NULL) {
        *end = '\0';
        hear_block(listener, at);
        at = end + 2;
    }
    listener->length -= (size_t)(at - listener->text);
    memmove(listener->text, at, listener->length);
}

/* `most` bytes at most. False at the end of the line; is_lost when nothing comes for long. */
static bool hear(struct listener *listener, int fd, size_t most)
{
    struct pollfd waits = {.fd = fd, .events = POLLIN};
    size_t room = sizeof(listener->text) - 1 - listener->length;
    ssize_t count;
    if (poll(&waits, 1, PATIENCE_MS) != 1 || room == 0) {
        listener->is_lost = true;
        return false;
    }
    count = recv(fd, listener->text + listener->length, most < room ? most : room, 0);
    if (count <= 0) {
        return false;
    }
    listener->length += (size_t)count;
    hear_text(listener);
    return true;
}

static int rejoin(struct listener *listener, struct stream *stream)
{
    unsigned status;
    listener->length = 0;
    listener->joins++;
    return join(stream, listener->last_id[0] == '\0' ? NULL : listener->last_id, listener->reach, 0, &status);
}

static bool has_heard(const struct listener *listener, const char *word)
{
    for (size_t i = 0; i < listener->count; i++) {
        if (strcmp(listener->heard[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static void hear_until(struct listener *listener, int fd, const char *word)
{
    while (!has_heard(listener, word)) {
        assert_true(hear(listener, fd, SIZE_MAX));
        assert_false(listener->is_lost);
    }
}

static struct listener *arrive(struct stream *stream, const struct store_reach *reach, int *ret_fd)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    assert_non_null(listener);
    listener->reach = reach;
    *ret_fd = rejoin(listener, stream);
    assert_true(*ret_fd >= 0);
    while (listener->readies == 0) {
        assert_true(hear(listener, *ret_fd, SIZE_MAX));
    }
    return listener;
}

/* ---- nothing is missed, nothing comes twice ---- */

static struct stream *shared; /* restarted while they listen: whoever joins reads it */
static pthread_rwlock_t shared_lock = PTHREAD_RWLOCK_INITIALIZER;
static atomic_int arrived;

static int rejoin_shared(struct listener *listener)
{
    int fd;
    pthread_rwlock_rdlock(&shared_lock);
    fd = rejoin(listener, shared);
    pthread_rwlock_unlock(&shared_lock);
    return fd;
}

static void *run_listener(void *context)
{
    struct listener *listener = context;
    bool has_arrived = false;
    while (!listener->is_lost && !has_heard(listener, "s9999 begun")) {
        int fd = rejoin_shared(listener);
        size_t most = (size_t)seed_draw(&listener->source, 4000) + 1;
        listener->is_lost = fd < 0;
        /* At first until it is ready; then it is gone at any byte. */
        while (fd >= 0 && (!has_arrived || most > 0) && hear(listener, fd, has_arrived ? most : SIZE_MAX)) {
            size_t step = (size_t)seed_draw(&listener->source, 500) + 1;
            most = most > step ? most - step : 0;
            if (!has_arrived && listener->readies > 0) {
                has_arrived = true;
                atomic_fetch_add(&arrived, 1);
                break;
            }
            if (has_heard(listener, "s9999 begun")) {
                break;
            }
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    return NULL;
}

static void commit_some(uint64_t *source, int number)
{
    int rows = seed_draw(source, 4) + 1;
    database_run(db, "BEGIN IMMEDIATE");
    for (int i = 0; i < rows; i++) {
        put_change(seed_draw(source, 2) + 1, number * 10 + i);
    }
    switch (seed_draw(source, 4)) {
    case 0:
        put_score("fleet", "", number);
        put_score("realm", "shop", number + 100000);
        break;
    case 1:
        put_score("host", "asset-2", number);
        break;
    case 2:
        put_scan(seed_draw(source, 2) + 1, number);
        break;
    default:
        end_scan(seed_draw(source, number + 1));
        break;
    }
    database_run(db, "COMMIT");
}

static void restart_shared(void)
{
    pthread_rwlock_wrlock(&shared_lock);
    stream_stop(shared);
    stream_destroy(shared);
    shared = start(quick());
    pthread_rwlock_unlock(&shared_lock);
}

static void compare(struct listener *listener, const char *sql, char first)
{
    sqlite3_stmt *rows;
    size_t at = 0;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &rows, NULL), SQLITE_OK);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        const char *word = (const char *)sqlite3_column_text(rows, 0);
        while (at < listener->count && listener->heard[at][0] != first) {
            at++;
        }
        assert_true(at < listener->count);
        assert_string_equal(listener->heard[at++], word);
    }
    sqlite3_finalize(rows);
    while (at < listener->count) {
        assert_true(listener->heard[at++][0] != first);
    }
}

static void compare_all(struct listener *listener, bool is_limited)
{
    assert_false(listener->is_lost);
    assert_int_equal(listener->resets, 0);
    assert_int_equal(listener->readies, 1);
    compare(listener,
            is_limited ? "SELECT 'f' || substr(reason, 2) FROM finding_event WHERE finding_id = 2 ORDER BY id"
                       : "SELECT 'f' || substr(reason, 2) FROM finding_event ORDER BY id",
            'f');
    compare(listener,
            is_limited ? "SELECT 'p' || CAST(exposure AS INTEGER) FROM score WHERE scope = 'realm' ORDER BY id"
                       : "SELECT 'p' || CAST(exposure AS INTEGER) FROM score WHERE scope <> 'host' ORDER BY id",
            'p');
    compare(listener,
            is_limited ? "SELECT uuid || ' ' || what FROM scan_event e JOIN scan s ON s.id = e.scan_id WHERE s.id > 1 "
                         "AND realm_id = 2 ORDER BY e.id"
                       : "SELECT uuid || ' ' || what FROM scan_event e JOIN scan s ON s.id = e.scan_id WHERE s.id > 1 "
                         "ORDER BY e.id",
            's');
}

static void nobody_misses_anything_or_hears_it_twice(void **state)
{
    static const char *const shop = "shop";
    const struct store_reach reach = {.realms = {&shop, 1}};
    struct listener *listeners = calloc(LISTENERS, sizeof(*listeners));
    uint64_t source = seed_first();
    size_t joins = 0;
    (void)state;
    shared = start(quick());
    for (int i = 0; i < LISTENERS; i++) {
        listeners[i].reach = i % 3 == 2 ? &reach : NULL;
        listeners[i].source = source + (uint64_t)i;
        assert_int_equal(pthread_create(&listeners[i].thread, NULL, run_listener, &listeners[i]), 0);
    }
    for (int i = 0; i < PATIENCE_MS && atomic_load(&arrived) < LISTENERS; i++) {
        usleep(1000);
    }
    assert_int_equal(atomic_load(&arrived), LISTENERS);
    for (int i = 0; i < COMMITS; i++) {
        commit_some(&source, i);
        if (i % 30 == 29) {
            restart_shared();
        }
        usleep((useconds_t)seed_draw(&source, 4000));
    }
    put_scan(2, 9999);
    for (int i = 0; i < LISTENERS; i++) {
        pthread_join(listeners[i].thread, NULL);
        joins += listeners[i].joins;
    }
    for (int i = 0; i < LISTENERS; i++) {
        compare_all(&listeners[i], i % 3 == 2);
    }
    database_run(db, "UPDATE scan SET state = 'complete', ended_at = 1 WHERE state = 'running'");
    /* They came and went. */
    assert_true(joins > 4 * LISTENERS);
    stream_stop(shared);
    stream_destroy(shared);
    assert_int_equal(atomic_load(&lines_open), 0);
    free(listeners);
}

/* ---- who is slow ---- */

static void who_falls_behind_is_cut_off_and_comes_back(void **state)
{
    struct stream *stream = start(quick());
    struct listener *slow;
    struct listener *other;
    int slow_fd;
    int other_fd;
    (void)state;
    slow = arrive(stream, NULL, &slow_fd);
    other = arrive(stream, NULL, &other_fd);
    /* More than sockets hold, and less at a time than is too much. */
    for (int i = 0; i < 60; i++) {
        char word[WORD_SIZE];
        database_run(db, "BEGIN IMMEDIATE");
        for (int j = 0; j < 100; j++) {
            put_change(1, 20000 + i * 100 + j);
        }
        database_run(db, "COMMIT");
        snprintf(word, sizeof(word), "f%d", 20000 + i * 100 + 99);
        other->count = 0;
        hear_until(other, other_fd, word);
    }
    /* It reads on now, and finds the end of its line before it has all. */
    slow->count = 0;
    while (hear(slow, slow_fd, SIZE_MAX)) {
        slow->count = slow->count > 1 ? 1 : slow->count;
    }
    assert_false(slow->is_lost);
    assert_false(has_heard(slow, "f25999"));
    close(slow_fd);
    slow_fd = rejoin(slow, stream);
    assert_true(slow_fd >= 0);
    for (bool has_all = false; !has_all;) {
        slow->count = 0;
        assert_true(hear(slow, slow_fd, SIZE_MAX));
        has_all = has_heard(slow, "f25999");
    }
    assert_int_equal(slow->resets + other->resets, 0);
    close(slow_fd);
    close(other_fd);
    free(slow);
    free(other);
    stream_stop(stream);
    stream_destroy(stream);
}

static void who_takes_nothing_is_cut_off(void **state)
{
    struct stream_options options = quick();
    struct stream *stream;
    struct listener *listener;
    int fd;
    (void)state;
    options.patience_ms = 50;
    stream = start(options);
    listener = arrive(stream, NULL, &fd);
    for (int i = 0; i < PATIENCE_MS && stream_count(stream) > 0; i++) {
        database_run(db, "BEGIN IMMEDIATE");
        for (int j = 0; j < 100; j++) {
            put_change(1, 26000 + j);
        }
        database_run(db, "COMMIT");
        usleep(1000);
    }
    assert_int_equal(stream_count(stream), 0);
    close(fd);
    free(listener);
    stream_stop(stream);
    stream_destroy(stream);
}

/* ---- who may not ---- */

static void a_token_that_ends_ends_its_streams(void **state)
{
    struct stream *stream = start(quick());
    char sql[256];
    unsigned status;
    struct listener *listener;
    int fd;
    (void)state;
    listener = arrive(stream, NULL, &fd);
    snprintf(sql, sizeof(sql), "UPDATE token SET revoked_at = 5 WHERE public_id = '%s'", token_id);
    database_run(db, sql);
    while (hear(listener, fd, SIZE_MAX)) {
    }
    assert_false(listener->is_lost);
    close(fd);
    snprintf(sql, sizeof(sql), "UPDATE token SET revoked_at = NULL, expires_at = 5 WHERE public_id = '%s'", token_id);
    database_run(db, sql);
    fd = rejoin(listener, stream);
    while (hear(listener, fd, SIZE_MAX)) {
    }
    assert_false(listener->is_lost);
    close(fd);
    snprintf(sql, sizeof(sql), "UPDATE token SET expires_at = NULL WHERE public_id = '%s'", token_id);
    database_run(db, sql);
    /* A session that is over. */
    fd = join(stream, NULL, NULL, 5, &status);
    while (hear(listener, fd, SIZE_MAX)) {
    }
    assert_false(listener->is_lost);
    close(fd);
    free(listener);
    stream_stop(stream);
    stream_destroy(stream);
}

static void there_are_so_many_and_no_more(void **state)
{
    struct stream_options options = quick();
    struct stream *stream;
    unsigned status = 0;
    int fds[2];
    (void)state;
    options.per_token = 2;
    stream = start(options);
    for (int i = 0; i < 2; i++) {
        fds[i] = join(stream, NULL, NULL, 0, &status);
        assert_true(fds[i] >= 0);
    }
    assert_int_equal(join(stream, NULL, NULL, 0, &status), -1);
    assert_int_equal(status, 429);
    assert_int_equal(stream_count(stream), 2);
    close(fds[0]);
    for (int i = 0; i < PATIENCE_MS && stream_count(stream) > 1; i++) {
        usleep(1000);
    }
    fds[0] = join(stream, NULL, NULL, 0, &status);
    assert_true(fds[0] >= 0);
    stream_stop(stream);
    assert_int_equal(join(stream, NULL, NULL, 0, &status), -1);
    stream_destroy(stream);
    options.per_token = 100;
    options.clients = 0;
    stream = start(options);
    assert_int_equal(join(stream, NULL, NULL, 0, &status), -1);
    assert_int_equal(status, 503);
    stream_destroy(stream);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(atomic_load(&lines_open), 0);
}

/* ---- what cannot be told ---- */

/* Joins with that Last-Event-ID and hears one event, which must be `reset`, and then what comes. */
static void is_reset(struct stream *stream, const char *last_id, int number)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    char word[WORD_SIZE];
    int fd;
    snprintf(listener->last_id, sizeof(listener->last_id), "%s", last_id);
    fd = rejoin(listener, stream);
    while (listener->resets == 0) {
        assert_true(hear(listener, fd, SIZE_MAX));
    }
    assert_int_equal(listener->count, 0);
    put_change(1, number);
    snprintf(word, sizeof(word), "f%d", number);
    hear_until(listener, fd, word);
    assert_int_equal(listener->count, 1);
    close(fd);
    free(listener);
}

static void what_is_gone_is_told_by_a_reset(void **state)
{
    struct stream *stream = start(quick());
    struct listener *listener;
    char kept[256];
    int fd;
    (void)state;
    listener = arrive(stream, NULL, &fd);
    close(fd);
    memcpy(kept, listener->last_id, sizeof(kept));
    is_reset(stream, "7", 30000);
    is_reset(stream, "999999999-1-1-0", 30001);
    is_reset(stream, "0-0-0-1", 30002);
    /* Retention takes one in between. */
    put_change(2, 30003);
    database_run(db, "DELETE FROM finding_event WHERE reason = 'n30001'");
    is_reset(stream, kept, 30004);
    /* A backup is brought back, and the same number is given to something else. */
    database_run(db, "UPDATE finding_event SET at = at + 1 WHERE id = (SELECT max(id) FROM finding_event)");
    fd = rejoin(listener, stream);
    while (listener->resets == 0) {
        assert_true(hear(listener, fd, SIZE_MAX));
    }
    close(fd);
    free(listener);
    stream_stop(stream);
    stream_destroy(stream);
}

static void too_many_at_once_are_told_by_a_reset(void **state)
{
    struct stream *stream = start(quick());
    struct listener *listener;
    int fd;
    (void)state;
    listener = arrive(stream, NULL, &fd);
    database_run(db, "BEGIN IMMEDIATE");
    for (int i = 0; i < 600; i++) {
        put_change(1, 40000 + i);
    }
    database_run(db, "COMMIT");
    while (listener->resets == 0) {
        assert_true(hear(listener, fd, SIZE_MAX));
    }
    assert_int_equal(listener->count, 0);
    put_change(1, 41000);
    hear_until(listener, fd, "f41000");
    assert_int_equal(listener->count, 1);
    close(fd);
    free(listener);
    stream_stop(stream);
    stream_destroy(stream);
}

/* ---- progress, and silence ---- */

static void scans_that_run_are_told_to_who_comes(void **state)
{
    struct stream *stream;
    struct listener *listener;
    int fd;
    (void)state;
    put_scan(1, 50000);
    stream = start(quick());
    listener = arrive(stream, NULL, &fd);
    while (strcmp(listener->progress, "0") != 0) {
        assert_true(hear(listener, fd, SIZE_MAX));
    }
    database_run(db, "UPDATE scan SET probes_done = 77 WHERE uuid = 's50000'");
    while (strcmp(listener->progress, "77") != 0) {
        assert_true(hear(listener, fd, SIZE_MAX));
    }
    close(fd);
    free(listener);
    stream_stop(stream);
    stream_destroy(stream);
    end_scan(50000);
}

static void nobody_hears_nothing_for_long(void **state)
{
    struct stream_options options = quick();
    struct stream *stream;
    struct listener *listener;
    int fd;
    (void)state;
    options.beat_ms = 5;
    stream = start(options);
    listener = arrive(stream, NULL, &fd);
    listener->last_id[0] = '\0';
    while (listener->last_id[0] == '\0') {
        assert_true(hear(listener, fd, SIZE_MAX));
    }
    close(fd);
    free(listener);
    stream_stop(stream);
    stream_destroy(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nobody_misses_anything_or_hears_it_twice, seed_say),
        cmocka_unit_test(who_falls_behind_is_cut_off_and_comes_back),
        cmocka_unit_test(who_takes_nothing_is_cut_off),
        cmocka_unit_test(a_token_that_ends_ends_its_streams),
        cmocka_unit_test(there_are_so_many_and_no_more),
        cmocka_unit_test(what_is_gone_is_told_by_a_reset),
        cmocka_unit_test(too_many_at_once_are_told_by_a_reset),
        cmocka_unit_test(scans_that_run_are_told_to_who_comes),
        cmocka_unit_test(nobody_hears_nothing_for_long),
    };
    return cmocka_run_group_tests_name("stream", tests, make_database, remove_database);
}
