#include "web/recall.h"

#include "auditd/protocol.h"
#include "lib/token.h"
#include "web/framing.h"
#include "web/metrics.h"
#include "web/represent.h"
#include "web/route.h"

#include <glob.h>
#include <pthread.h>
#include <setjmp.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the table ---- */

static struct answer *make(size_t length, char fill)
{
    char *bytes = malloc(length + 1);
    struct answer *answer;

    assert_non_null(bytes);
    memset(bytes, fill, length);
    answer = answer_create(bytes, length, "\"tag\"", fill == 'z');
    assert_non_null(answer);
    return answer;
}

static void keep(struct recall *recall, uint64_t reader, int64_t version, const char *target, size_t length)
{
    const struct store_stamp stamp = {reader, version};
    struct answer *answer = make(length, 'x');

    recall_keep(recall, &stamp, target, answer);
    answer_release(answer);
}

static bool has(struct recall *recall, uint64_t reader, int64_t version, const char *target)
{
    const struct store_stamp stamp = {reader, version};
    struct answer *answer = recall_find(recall, &stamp, target);
    bool found = answer != NULL;

    answer_release(answer);
    return found;
}

static void finds_what_was_read_at_that_moment(void **state)
{
    struct recall *recall;
    const struct store_stamp stamp = {1, 7};
    struct answer *kept = make(5, 'a');
    struct answer *found;
    (void)state;

    assert_int_equal(recall_create(&recall), 0);
    assert_false(has(recall, 1, 7, "/a"));
    recall_keep(recall, &stamp, "/a", kept);
    found = recall_find(recall, &stamp, "/a");
    assert_ptr_equal(found, kept);
    assert_int_equal(answer_length(found), 5);
    assert_memory_equal(answer_bytes(found), "aaaaa", 5);
    assert_string_equal(answer_etag(found), "\"tag\"");
    answer_release(found);
    assert_false(has(recall, 1, 7, "/"));
    assert_false(has(recall, 1, 7, "/ab"));
    assert_false(has(recall, 2, 7, "/a"));
    assert_true(has(recall, 1, 7, "/a"));
    /* A change takes it away for good. */
    assert_false(has(recall, 1, 8, "/a"));
    assert_false(has(recall, 1, 7, "/a"));
    recall_destroy(recall);
    /* Who holds it has it still. */
    assert_memory_equal(answer_bytes(kept), "aaaaa", 5);
    answer_release(kept);
    answer_release(NULL);
    recall_destroy(NULL);
}

static void count_release(void *attached)
{
    ++*(int *)attached;
}

/* What is attached stays as long as anybody holds the answer, kept or not. */
static void what_is_attached_goes_with_it(void **state)
{
    struct recall *recall;
    const struct store_stamp stamp = {1, 7};
    struct answer *kept = make(5, 'a');
    int released = 0;
    (void)state;

    assert_int_equal(recall_create(&recall), 0);
    assert_null(answer_attached(kept));
    answer_attach(kept, &released, count_release);
    recall_keep(recall, &stamp, "/a", kept);
    answer_release(kept);
    assert_ptr_equal(answer_attached(kept), &released);
    assert_int_equal(released, 0);
    assert_false(has(recall, 1, 8, "/a"));
    assert_int_equal(released, 1);
    recall_destroy(recall);
    assert_int_equal(released, 1);
}

static void forgets_what_was_asked_for_longest_ago(void **state)
{
    struct recall *recall;
    char target[32];
    (void)state;

    assert_int_equal(recall_create(&recall), 0);
    for (int i = 0; i < RECALL_ANSWERS; i++) {
        snprintf(target, sizeof(target), "/%d", i);
        keep(recall, 1, 1, target, 10);
    }
    assert_true(has(recall, 1, 1, "/0"));
    keep(recall, 1, 1, "/more", 10);
    assert_true(has(recall, 1, 1, "/0"));
    assert_false(has(recall, 1, 1, "/1"));
    assert_true(has(recall, 1, 1, "/2"));
    assert_true(has(recall, 1, 1, "/more"));
    recall_destroy(recall);
}

static void is_bounded_in_bytes(void **state)
{
    struct recall *recall;
    char target[32];
    int kept = 0;
    (void)state;

    assert_int_equal(recall_create(&recall), 0);
    keep(recall, 1, 1, "/large", RECALL_ANSWER_BYTES + 1);
    assert_false(has(recall, 1, 1, "/large"));
    for (int i = 0; i < 12; i++) {
        snprintf(target, sizeof(target), "/%d", i);
        keep(recall, 1, 1, target, RECALL_ANSWER_BYTES - 100);
    }
    for (int i = 0; i < 12; i++) {
        snprintf(target, sizeof(target), "/%d", i);
        kept += has(recall, 1, 1, target);
    }
    assert_int_equal(kept, RECALL_BYTES / RECALL_ANSWER_BYTES);
    /* The same target anew takes the place of the old one. */
    for (int i = 0; i < 12; i++) {
        keep(recall, 1, i, "/11", RECALL_ANSWER_BYTES - 100);
    }
    assert_true(has(recall, 1, 1, "/10"));
    recall_destroy(recall);
}

struct other {
    struct recall *recall;
    struct answer *answer;
    bool found;
};

static void *ask_elsewhere(void *context)
{
    struct other *other = context;

    other->found = has(other->recall, 1, 1, "/a");
    keep(other->recall, 1, 1, "/b", 10);
    answer_release(other->answer);
    return NULL;
}

static void threads_have_each_their_own(void **state)
{
    struct other other = {0};
    pthread_t thread;
    (void)state;

    assert_int_equal(recall_create(&other.recall), 0);
    keep(other.recall, 1, 1, "/a", 10);
    other.answer = recall_find(other.recall, &(struct store_stamp){1, 1}, "/a");
    assert_int_equal(pthread_create(&thread, NULL, ask_elsewhere, &other), 0);
    assert_true(has(other.recall, 1, 1, "/a"));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(other.found);
    assert_false(has(other.recall, 1, 1, "/b"));
    recall_destroy(other.recall);
}

/* ---- with routes and a store ---- */

struct world {
    char folder[64];
    char path[96];
    sqlite3 *database; /* as auditd has it */
    struct store_pool *pool;
    struct gate *gate;
    struct recall *recall;
    struct metrics metrics;
    char tokens[3][TOKEN_TEXT_SIZE]; /* of all, of the realm a, of the realm b */
};

static void world_run(struct world *world, const char *sql)
{
    char *error = NULL;

    if (sqlite3_exec(world->database, sql, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s", error);
    }
}

static void world_migrate(struct world *world)
{
    static char sql[65536];
    glob_t files;

    assert_int_equal(sqlite3_open(world->path, &world->database), SQLITE_OK);
    world_run(world, "PRAGMA journal_mode = WAL");
    assert_int_equal(glob(LEASTPORT_MIGRATIONS "/*.sql", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        FILE *file = fopen(files.gl_pathv[i], "r");
        assert_non_null(file);
        sql[fread(sql, 1, sizeof(sql) - 1, file)] = '\0';
        fclose(file);
        world_run(world, sql);
    }
    globfree(&files);
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d", STORE_APPLICATION_ID,
             STORE_READ_SCHEMA_VERSION);
    world_run(world, sql);
}

static void world_add_token(struct world *world, size_t index, const char *realm)
{
    char id[TOKEN_ID_SIZE];
    char hash[TOKEN_HASH_SIZE];
    char sql[1024];

    token_make(world->tokens[index], id, hash);
    snprintf(sql, sizeof(sql),
             "INSERT INTO token (public_id, kind, name, hash, role, scopes, created_at, created_by) VALUES ('%s',"
             " 'token', 't%zu', '%s', 'viewer', 'read', 1, 'test'); INSERT INTO token_limit SELECT t.id, 'realm',"
             " '%s' FROM token t WHERE t.name = 't%zu' AND '%s' <> ''",
             id, index, hash, realm, index, realm);
    world_run(world, sql);
}

static int world_setup(void **state)
{
    static struct world world;

    assert_true(sodium_init() >= 0);
    snprintf(world.folder, sizeof(world.folder), "/tmp/leastport-recall-XXXXXX");
    assert_non_null(mkdtemp(world.folder));
    snprintf(world.path, sizeof(world.path), "%s/audit.db", world.folder);
    world_migrate(&world);
    world_run(&world,
              "INSERT INTO realm (id, name, created_at) VALUES (1, 'a', 1), (2, 'b', 1);"
              "INSERT INTO asset (uuid, realm_id, created_at) VALUES"
              " ('00000000-0000-4000-8000-00000000000a', 1, 1), ('00000000-0000-4000-8000-00000000000b', 2, 1)");
    world_add_token(&world, 0, "");
    world_add_token(&world, 1, "a");
    world_add_token(&world, 2, "b");
    assert_int_equal(store_pool_create(world.path, &world.pool), 0);
    assert_int_equal(gate_create(&(struct gate_options){0}, &world.gate), 0);
    assert_int_equal(recall_create(&world.recall), 0);
    *state = &world;
    return 0;
}

static int world_teardown(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct world *world = *state;
    char path[128];

    recall_destroy(world->recall);
    gate_destroy(world->gate);
    store_pool_destroy(world->pool);
    sqlite3_close(world->database);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        snprintf(path, sizeof(path), "%s%s", world->path, suffixes[i]);
        unlink(path);
    }
    return rmdir(world->folder);
}

/* The caller ends the exchange. `asked` says all that is not the same each time. */
static void ask_head(struct world *world, struct exchange *exchange, const char *token,
                     const struct request_head *asked)
{
    static struct exchange_site site;
    char authorization[TOKEN_TEXT_SIZE + 16];
    struct framing framing;
    struct request_head head = *asked;

    head.method = "GET";
    head.framing = &framing;
    head.authorization = authorization;
    snprintf(authorization, sizeof(authorization), "Bearer %s", token);
    site = (struct exchange_site){
        .pool = world->pool, .metrics = &world->metrics, .gate = world->gate, .recall = world->recall};
    framing_init(&framing);
    framing_add(&framing, "Host", "localhost");
    exchange_init(exchange, &site);
    route_answer(exchange, &head);
}

static void ask(struct world *world, struct exchange *exchange, const char *token, const char *target,
                const char *if_none_match)
{
    ask_head(world, exchange, token, &(struct request_head){.target = target, .if_none_match = if_none_match});
}

/* Who may see all, wants such codings; NULL: none are named. */
static void ask_for(struct world *world, struct exchange *exchange, const char *target, const char *if_none_match,
                    const char *codings)
{
    struct request_head head = {.target = target, .if_none_match = if_none_match};

    coding_wish(&head.codings, codings == NULL ? "" : codings);
    ask_head(world, exchange, world->tokens[0], &head);
}

/* The answer, which is the caller's to release; `ret_etag` may be NULL. */
static struct answer *hosts_of(struct world *world, size_t token, char ret_etag[EXCHANGE_ETAG_SIZE])
{
    struct exchange exchange;
    struct answer *answer;

    ask(world, &exchange, world->tokens[token], "/api/v1/hosts", NULL);
    assert_int_equal(exchange.problem.status, 0);
    assert_int_equal(exchange.status, 200);
    assert_non_null(exchange.answer);
    assert_string_equal(exchange.etag, answer_etag(exchange.answer));
    answer = answer_hold(exchange.answer);
    if (ret_etag != NULL) {
        memcpy(ret_etag, exchange.etag, EXCHANGE_ETAG_SIZE);
    }
    exchange_done(&exchange);
    return answer;
}

static bool tells_of(const struct answer *answer, const char *text)
{
    return memmem(answer_bytes(answer), answer_length(answer), text, strlen(text)) != NULL;
}

static void each_sees_what_it_may(void **state)
{
    struct world *world = *state;
    struct answer *first[3];
    struct answer *again[3];

    for (size_t i = 0; i < 3; i++) {
        first[i] = hosts_of(world, i, NULL);
    }
    for (size_t i = 0; i < 3; i++) {
        again[i] = hosts_of(world, i, NULL);
        assert_ptr_equal(first[i], again[i]);
    }
    assert_true(tells_of(first[0], "00000000000a") && tells_of(first[0], "00000000000b"));
    assert_true(tells_of(first[1], "00000000000a") && !tells_of(first[1], "00000000000b"));
    assert_true(!tells_of(first[2], "00000000000a") && tells_of(first[2], "00000000000b"));
    for (size_t i = 0; i < 3; i++) {
        answer_release(first[i]);
        answer_release(again[i]);
    }
}

static void a_write_is_seen_at_once(void **state)
{
    struct world *world = *state;
    char etag[EXCHANGE_ETAG_SIZE];
    struct exchange exchange;
    struct answer *before = hosts_of(world, 0, etag);
    struct answer *after;

    ask(world, &exchange, world->tokens[0], "/api/v1/hosts", etag);
    assert_int_equal(exchange.status, 304);
    exchange_done(&exchange);
    world_run(world, "INSERT INTO asset (uuid, realm_id, created_at) VALUES"
                     " ('00000000-0000-4000-8000-00000000000c', 2, 1)");
    after = hosts_of(world, 0, NULL);
    assert_false(tells_of(before, "00000000000c"));
    assert_true(tells_of(after, "00000000000c"));
    ask(world, &exchange, world->tokens[0], "/api/v1/hosts", etag);
    assert_int_equal(exchange.status, 200);
    exchange_done(&exchange);
    answer_release(before);
    answer_release(after);
    after = hosts_of(world, 1, NULL);
    assert_false(tells_of(after, "00000000000c"));
    answer_release(after);
}

/* What is kept is asked for after the gate, and the gate reads what is so now. */
static void a_revoked_token_gets_nothing(void **state)
{
    struct world *world = *state;
    struct exchange exchange;

    answer_release(hosts_of(world, 2, NULL));
    world_run(world, "UPDATE token SET revoked_at = 2, revoked_by = 'test' WHERE name = 't2'");
    ask(world, &exchange, world->tokens[2], "/api/v1/hosts", NULL);
    assert_int_equal(exchange.problem.status, 401);
    assert_null(exchange.answer);
    exchange_done(&exchange);
    ask(world, &exchange, "lstp_000000000000_00000000000000000000000000000000", "/api/v1/hosts", NULL);
    assert_int_equal(exchange.problem.status, 401);
    assert_null(exchange.answer);
    exchange_done(&exchange);
}

/* Of the time, or of who asks. */
static void keeps_nothing_that_changes_by_itself(void **state)
{
    static const char *const targets[] = {"/api/v1/session", "/api/v1/health", "/api/v1/endpoints",
                                          "/api/v1/certificates"};
    struct world *world = *state;
    struct exchange exchange;

    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
        ask(world, &exchange, world->tokens[0], targets[i], NULL);
        assert_int_equal(exchange.problem.status, 0);
        assert_null(exchange.answer);
        exchange_done(&exchange);
    }
    ask(world, &exchange, world->tokens[0], "/api/v1/hosts?limit=0", NULL);
    assert_int_equal(exchange.problem.status, 400);
    assert_null(exchange.answer);
    exchange_done(&exchange);
}

/* As it is, and as gzip: each with its tag, and each given again only to who asks for that form. */
static void forms_are_kept_apart(void **state)
{
    static const char *const codings[] = {NULL, "gzip", "gzip, identity;q=0", "br"};
    static const bool packed[] = {false, true, true, false};
    struct world *world = *state;
    char etag[EXCHANGE_ETAG_SIZE];
    size_t length = 0;
    struct exchange exchange;

    world_run(world, "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
                     " INSERT INTO asset (uuid, realm_id, created_at)"
                     " SELECT '00000000-0000-4000-8000-0000000000' || i, 1, 1 FROM n");
    ask(world, &exchange, world->tokens[0], "/api/v1/hosts", NULL);
    length = answer_length(exchange.answer);
    memcpy(etag, exchange.etag, sizeof(etag));
    assert_true(length > REPRESENT_PACK_BYTES);
    exchange_done(&exchange);
    for (size_t i = 0; i < 8; i++) {
        ask_for(world, &exchange, "/api/v1/hosts", etag, codings[i % 4]);
        assert_int_equal(exchange.is_packed, packed[i % 4]);
        assert_int_equal(answer_is_packed(exchange.answer), packed[i % 4]);
        /* A tag of one form says nothing of the other. */
        assert_int_equal(exchange.status, packed[i % 4] ? 200 : 304);
        assert_int_equal(strncmp(exchange.etag, etag, strlen(etag) - 1), 0);
        assert_int_equal(strstr(exchange.etag, "-gz\"") != NULL, packed[i % 4]);
        assert_true(packed[i % 4] ? answer_length(exchange.answer) < length / 2
                                  : answer_length(exchange.answer) == length);
        exchange_done(&exchange);
    }
    ask_for(world, &exchange, "/api/v1/hosts", NULL, "gzip");
    memcpy(etag, exchange.etag, sizeof(etag));
    exchange_done(&exchange);
    ask_for(world, &exchange, "/api/v1/hosts", etag, "gzip");
    assert_int_equal(exchange.status, 304);
    assert_string_equal(exchange.etag, etag);
    exchange_done(&exchange);
    /* What is small goes out as it is, unless that is refused. */
    for (size_t i = 1; i < 3; i++) {
        ask_for(world, &exchange, "/api/v1/hosts?limit=1", NULL, codings[i]);
        assert_int_equal(exchange.is_packed, i == 2);
        exchange_done(&exchange);
    }
}

/* What holds a secret, or strangers' words beside others' records, is not packed: who insists on that gets nothing. */
static void secrets_are_not_packed(void **state)
{
    static const char *const plain[] = {"/api/v1/session", "/api/v1/health", "/healthz"};
    static const char *const packed[] = {"/api/v1/hosts",     "/api/v1/findings",     "/api/v1/score", "/metrics",
                                         "/api/v1/endpoints", "/api/v1/certificates", "/login",        "/assets/dom.js",
                                         "/api/v1/waivers",   "/api/v1/openapi.yaml"};
    struct world *world = *state;
    struct exchange exchange;

    world_run(world, "UPDATE token SET role = 'admin', scopes = 'read write metrics tokens audit-log'");
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
        ask_for(world, &exchange, plain[i], NULL, "gzip, identity;q=0");
        assert_int_equal(exchange.problem.status, 406);
        assert_string_equal(exchange.problem.errors[0].pointer, "#/header/Accept-Encoding");
        exchange_done(&exchange);
    }
    for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++) {
        ask_for(world, &exchange, packed[i], NULL, "gzip, identity;q=0");
        if (exchange.problem.status != 0) {
            fail_msg("%s: %u", packed[i], exchange.problem.status);
        }
        assert_true(exchange.is_packed);
        exchange_done(&exchange);
        ask_for(world, &exchange, packed[i], NULL, "identity;q=0, gzip;q=0");
        assert_int_equal(exchange.problem.status, 406);
        exchange_done(&exchange);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_read_at_that_moment),
        cmocka_unit_test(what_is_attached_goes_with_it),
        cmocka_unit_test(forgets_what_was_asked_for_longest_ago),
        cmocka_unit_test(is_bounded_in_bytes),
        cmocka_unit_test(threads_have_each_their_own),
        cmocka_unit_test_setup_teardown(each_sees_what_it_may, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_write_is_seen_at_once, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_revoked_token_gets_nothing, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(keeps_nothing_that_changes_by_itself, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(forms_are_kept_apart, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(secrets_are_not_packed, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("recall", tests, NULL, NULL);
}
