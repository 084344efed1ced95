/* What rules are told a cloud declares: of several ways in the widest, of its own protocol, port and asset alone. */
#include "auditd/finding/declared.h"

#include "auditd/store/asset.h"
#include "auditd/store/cloud_verdict.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"
#include "tests/unit/auditd/fixture.h"

static int64_t source, assets[2];

static void keep(struct fixture *fixture, const char *interface, const struct store_cloud_verdict *rows, size_t count)
{
    struct store_cloud_verdicts verdicts = {0};
    struct store_cloud_verdict_change change = {0};
    const struct store_cloud_verdict_write write = {source, interface, fixture->now_ms += 10};

    for (size_t i = 0; i < count; i++) {
        *store_cloud_verdicts_add(&verdicts) = rows[i];
    }
    assert_int_equal(store_cloud_verdicts_set(fixture->store, &write, &verdicts, &change), 0);
    store_cloud_verdicts_done(&verdicts);
    assert_int_equal(store_run(fixture->store, "UPDATE cloud_verdict SET asset_id = ? WHERE interface = ?", "it",
                               assets[interface[4] - '1'], interface),
                     0);
}

/* A row of which the test says what it is about; what decided is the same in all. */
#define ROW(...)                                                                                                       \
    {                                                                                                                  \
        .family = 4, .share = 1, .stage = "group", .record = "sg-1", .reason = "a rule", __VA_ARGS__                   \
    }

static void check(struct fixture *fixture, int64_t asset, bool is_udp, uint16_t port, const char *says)
{
    struct declared *declared;
    const char *is;

    assert_int_equal(declared_load(fixture->store, asset, &declared), 0);
    is = declared_of(declared, is_udp, port);
    if (says == NULL) {
        assert_null(is);
    } else {
        assert_non_null(is);
        assert_string_equal(is, says);
    }
    declared_destroy(declared);
}

static void the_widest_way_counts(void **state)
{
    static const struct store_cloud_verdict rows[] = {
        ROW(.address = "10.0.0.5", .sources = "world", .protocol = 6, .first_port = 0, .last_port = 79,
            .verdict = "BLOCKED"),
        ROW(.address = "10.0.0.5", .sources = "world", .protocol = 6, .first_port = 80, .last_port = 80,
            .verdict = "UNKNOWN"),
        ROW(.address = "10.0.0.5", .sources = "world", .protocol = 6, .first_port = 81, .last_port = 65535,
            .verdict = "BLOCKED"),
        ROW(.address = "10.0.0.5", .sources = "own-vpc", .protocol = 6, .first_port = 0, .last_port = 65535,
            .verdict = "REACHABLE"),
        ROW(.address = "10.0.0.5", .sources = "world", .protocol = 17, .first_port = 0, .last_port = 65535,
            .verdict = "BLOCKED_RETURN"),
        ROW(.address = "10.0.0.6", .sources = "world", .protocol = 6, .first_port = 0, .last_port = 65535,
            .verdict = "BLOCKED"),
        ROW(.address = "10.0.0.6", .way = "lb-1:443", .sources = "world", .protocol = 6, .first_port = 8080,
            .last_port = 8080, .verdict = "CONDITIONAL"),
        ROW(.address = "10.0.0.6", .way = "lb-2:443", .sources = "world", .protocol = 6, .first_port = 8080,
            .last_port = 8080, .verdict = "REACHABLE"),
        ROW(.address = "10.0.0.6", .sources = "world", .protocol = 256, .first_port = 0, .last_port = 65535,
            .verdict = "REACHABLE"),
    };
    static const struct store_cloud_verdict other[] = {ROW(.address = "10.0.0.9", .sources = "world", .protocol = 6,
                                                           .first_port = 22, .last_port = 22, .verdict = "REACHABLE")};
    struct fixture *fixture = *state;
    int64_t realm;

    assert_int_equal(
        store_run(fixture->store, "INSERT INTO cloud_source (name, first_read_at, read_at) VALUES ('prod', 1, 1)", ""),
        0);
    source = store_last_id(fixture->store);
    assert_int_equal(store_realm_put(fixture->store, "vpc-1", fixture->now_ms, &realm), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_asset_create(fixture->store, realm, fixture->now_ms, &assets[i]), 0);
    }
    check(fixture, assets[0], false, 80, NULL);
    keep(fixture, "eni-1", rows, sizeof(rows) / sizeof(*rows));
    keep(fixture, "eni-2", other, 1);
    check(fixture, assets[0], false, 22, "blocked");
    check(fixture, assets[0], false, 80, "unknown");
    check(fixture, assets[0], false, 8080, "reachable");
    check(fixture, assets[0], true, 53, "blocked-return");
    check(fixture, assets[1], false, 22, "reachable");
    check(fixture, assets[1], false, 23, NULL);
    keep(fixture, "eni-1", rows, 3);
    check(fixture, assets[0], false, 8080, "blocked");
    assert_null(declared_of(NULL, false, 80));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_widest_way_counts, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
