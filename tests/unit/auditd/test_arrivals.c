#include "auditd/store/arrivals.h"

#include "auditd/store/asset.h"
#include "tests/unit/auditd/fixture.h"

#include <errno.h>

/* ---- SQLite's allocations, of which the n-th fails ---- */

static sqlite3_mem_methods real_methods;
static long sqlite_left = -1; /* that still succeed; negative: all do */
static bool sqlite_failed;

static bool sqlite_may(void)
{
    if (sqlite_left == 0) {
        sqlite_failed = true;
        return false;
    }
    sqlite_left -= sqlite_left > 0;
    return true;
}

static void *counted_malloc(int size)
{
    return sqlite_may() ? real_methods.xMalloc(size) : NULL;
}

static void *counted_realloc(void *old, int size)
{
    return sqlite_may() ? real_methods.xRealloc(old, size) : NULL;
}

static int count_sqlite_allocations(void **state)
{
    sqlite3_mem_methods counted;

    (void)state;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_methods), SQLITE_OK);
    counted = real_methods;
    counted.xMalloc = counted_malloc;
    counted.xRealloc = counted_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &counted) == SQLITE_OK ? 0 : -1;
}

/* ---- what is stored ---- */

enum { ASSETS = 40, PORTS = 50 };

static const char *const reasons[] = {"syn-ack", "conn-refused", "udp-response"};

static void store_places(struct fixture *fixture)
{
    int64_t id;

    assert_int_equal(
        sqlite3_exec(store_database(fixture->store),
                     "INSERT INTO realm VALUES (1, 'site', 0);"
                     "INSERT INTO vantage (id, name, created_at) VALUES (1, 'here', 0), (2, 'there', 0);"
                     "INSERT INTO scan (id, uuid, realm_id, vantage_id, plan, plan_hash, state, started_at)"
                     " VALUES (1, 'a', 1, 1, '{}', '', 'running', 0)",
                     NULL, NULL, NULL),
        SQLITE_OK);
    for (int i = 0; i < ASSETS; i++) {
        assert_int_equal(store_asset_create(fixture->store, 1, 0, &id), 0);
    }
}

struct sighting {
    struct store_endpoint_key key;
    struct store_endpoint_seen seen;
};

static uint64_t random_state = 88172645463325252;

/* xorshift64 (Marsaglia 2003): the same numbers in each run. */
static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state % limit);
}

static struct sighting make_sighting(void)
{
    return (struct sighting){
        .key = {.asset_id = 1 + random_below(ASSETS),
                .vantage_id = 1 + random_below(2),
                .address = random_below(4) == 0 ? "fd00::1" : "10.0.0.1",
                .is_udp = random_below(8) == 0,
                .port = (uint16_t)random_below(PORTS)},
        .seen = {.state = PORT_STATE_OPEN,
                 .reason = reasons[random_below(10) < 8 ? 0 : random_below(3)],
                 .service = random_below(2) == 0 ? "" : "ssh",
                 .bound = random_below(8) == 0 ? "127.0.0.1" : "",
                 .self = random_below(16) == 0,
                 .tries = 1 + random_below(3),
                 .answers = random_below(2),
                 .at_ms = 1000 + random_below(1000),
                 .scan_id = 1},
    };
}

/* Everything but the numbers of the rows, which follow the order of their coming. */
static char *dump(struct fixture *fixture)
{
    static const char sql[] =
        "SELECT concat FROM (SELECT e.asset_id || ' ' || e.vantage_id || ' ' || e.address || ' ' || e.proto || ' ' ||"
        " e.port || ' ' || s.state || ' ' || s.reason || ' ' || s.service || ' ' || s.bound || ' ' || s.self || ' ' ||"
        " s.tries || ' ' || s.answers || ' ' || s.first_seen || ' ' || s.last_seen || ' ' || ifnull(s.ended_at, '-')"
        " || ' ' || s.first_scan_id || ' ' || s.last_scan_id AS concat"
        " FROM endpoint e JOIN endpoint_state s ON s.endpoint_id = e.id"
        " ORDER BY e.asset_id, e.proto, e.port, e.vantage_id, e.address, s.id)";
    sqlite3_stmt *statement = NULL;
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    assert_non_null(stream);
    assert_int_equal(sqlite3_prepare_v2(store_database(fixture->store), sql, -1, &statement, NULL), SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        fprintf(stream, "%s\n", sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    fclose(stream);
    return text;
}

/* ---- tests ---- */

/* Many come twice, some with another answer, some when there is a row: all of it as if they had come one by one. */
static void stores_what_one_by_one_would(void **state)
{
    struct fixture *together = *state;
    struct fixture *single;
    struct store_arrivals *arrivals = store_arrivals_create(together->store);
    char *expected;
    char *found;

    assert_int_equal(fixture_setup((void **)&single), 0);
    store_places(single);
    store_places(together);
    assert_int_equal(store_begin(single->store), 0);
    assert_int_equal(store_begin(together->store), 0);
    for (int i = 0; i < 20000; i++) {
        const struct sighting one = make_sighting();
        assert_int_equal(store_arrivals_add(arrivals, &one.key, &one.seen), 0);
        assert_int_equal(store_endpoint_seen(single->store, &one.key, &one.seen), 1);
        if (random_below(3000) == 0) {
            assert_int_equal(store_arrivals_write(arrivals), 0);
        }
    }
    assert_int_equal(store_arrivals_write(arrivals), 0);
    assert_int_equal(store_commit(single->store), 0);
    assert_int_equal(store_commit(together->store), 0);
    expected = dump(single);
    found = dump(together);
    assert_true(strlen(expected) > 100000);
    assert_string_equal(found, expected);
    assert_int_equal(fixture_int(together, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
                     1);
    assert_int_equal(fixture_int(together, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    free(expected);
    free(found);
    store_arrivals_destroy(arrivals);
    fixture_teardown((void **)&single);
}

static const struct sighting one_port = {
    .key = {.asset_id = 1, .vantage_id = 1, .address = "10.0.0.1", .port = 22},
    .seen = {.state = PORT_STATE_OPEN, .reason = "syn-ack", .service = "", .bound = "", .at_ms = 1000, .scan_id = 1},
};

static void knows_what_waits(void **state)
{
    struct fixture *fixture = *state;
    struct store_arrivals *arrivals = store_arrivals_create(fixture->store);

    store_places(fixture);
    assert_int_equal(store_begin(fixture->store), 0);
    assert_false(store_arrivals_may_hold(arrivals, 1));
    assert_int_equal(store_arrivals_add(arrivals, &one_port.key, &one_port.seen), 0);
    assert_true(store_arrivals_may_hold(arrivals, 1));
    assert_false(store_arrivals_may_hold(arrivals, 2));
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint"), 0);
    store_arrivals_drop(arrivals);
    assert_false(store_arrivals_may_hold(arrivals, 1));
    assert_int_equal(store_arrivals_write(arrivals), 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint"), 0);
    assert_int_equal(store_arrivals_add(arrivals, &one_port.key, &one_port.seen), 0);
    assert_int_equal(store_arrivals_write(arrivals), 0);
    assert_false(store_arrivals_may_hold(arrivals, 1));
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state"), 1);
    assert_int_equal(store_commit(fixture->store), 0);
    store_arrivals_destroy(arrivals);
}

/* References are looked at when the transaction ends: what refers to nothing ends it, and leaves nothing. */
static void refuses_what_refers_to_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct store_arrivals *arrivals = store_arrivals_create(fixture->store);
    struct sighting astray[] = {one_port, one_port, one_port};

    store_places(fixture);
    astray[0].key.asset_id = 999;
    astray[1].key.vantage_id = 999;
    astray[2].seen.scan_id = 999;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(store_begin(fixture->store), 0);
        assert_int_equal(store_arrivals_add(arrivals, &one_port.key, &one_port.seen), 0);
        astray[i].key.port = 23;
        assert_int_equal(store_arrivals_add(arrivals, &astray[i].key, &astray[i].seen), 0);
        assert_int_equal(store_arrivals_write(arrivals), 0);
        assert_int_equal(store_commit(fixture->store), -EINVAL);
        assert_false(store_in_transaction(fixture->store));
        assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint"), 0);
        assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state"), 0);
    }
    store_arrivals_destroy(arrivals);
}

/* No room half-way: the transaction can be rolled back, and the store goes on where it was. */
static void survives_a_full_disk(void **state)
{
    struct fixture *fixture = *state;
    struct store_arrivals *arrivals;
    char pragma[64];
    int rc = 0;

    store_places(fixture);
    snprintf(pragma, sizeof(pragma), "PRAGMA max_page_count = %lld",
             (long long)fixture_int(fixture, "PRAGMA page_count") + 10);
    assert_int_equal(sqlite3_exec(store_database(fixture->store), pragma, NULL, NULL, NULL), SQLITE_OK);
    arrivals = store_arrivals_create(fixture->store);
    assert_int_equal(store_begin(fixture->store), 0);
    for (int i = 0; rc == 0 && i < 20000; i++) {
        const struct sighting one = make_sighting();
        rc = store_arrivals_add(arrivals, &one.key, &one.seen);
    }
    assert_int_equal(rc, -ENOSPC);
    assert_int_equal(store_last_error(fixture->store)->fault, STORE_FAULT_FULL);
    store_rollback(fixture->store);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint"), 0);
    assert_int_equal(store_begin(fixture->store), 0);
    assert_int_equal(store_arrivals_add(arrivals, &one_port.key, &one_port.seen), 0);
    assert_int_equal(store_arrivals_write(arrivals), 0);
    assert_int_equal(store_commit(fixture->store), 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state"), 1);
    store_arrivals_destroy(arrivals);
}

/* A connection with nothing prepared, which waits for no disk. */
static void attach_bare(struct fixture *fixture)
{
    sqlite3 *database = NULL;

    store_close(fixture->store);
    assert_int_equal(sqlite3_open_v2(fixture->path, &database, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(store_arrivals_register(database), SQLITE_OK);
    assert_int_equal(store_attach(database, fixture->path, NULL, &fixture->store), 0);
}

/* Each allocation of SQLite's fails once. */
static void survives_without_memory(void **state)
{
    struct fixture *fixture = *state;
    struct store_arrivals *arrivals;
    long allowed = 0;

    store_places(fixture);
    do {
        int rc;
        attach_bare(fixture);
        arrivals = store_arrivals_create(fixture->store);
        assert_int_equal(store_begin(fixture->store), 0);
        for (uint16_t port = 0; port < 300; port++) {
            struct sighting one = one_port;
            one.key.port = port % 290;
            assert_int_equal(store_arrivals_add(arrivals, &one.key, &one.seen), 0);
        }
        sqlite_failed = false;
        sqlite_left = allowed++;
        rc = store_arrivals_write(arrivals);
        sqlite_left = -1;
        if (!sqlite_failed) {
            assert_int_equal(rc, 0);
            assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state"), 290);
        } else if (rc != 0) {
            assert_int_equal(rc, -ENOMEM);
        }
        store_rollback(fixture->store);
        assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint"), 0);
        store_arrivals_destroy(arrivals);
    } while (sqlite_failed);
    assert_true(allowed > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stores_what_one_by_one_would, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(knows_what_waits, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(refuses_what_refers_to_nothing, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(survives_a_full_disk, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(survives_without_memory, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("arrivals", tests, count_sqlite_allocations, NULL);
}
