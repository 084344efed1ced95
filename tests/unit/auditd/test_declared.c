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

#define ROW(address_, way_, from_, protocol_, first_, last_, verdict_)                                                 \
    {                                                                                                                  \
        .address = (address_), .way = (way_), .sources = (from_), .family = 4, .protocol = (protocol_),                \
        .first_port = (first_), .last_port = (last_), .verdict = (verdict_), .share = 1, .stage = "group",             \
        .record = "sg-1", .reason = "a rule"                                                                           \
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
        ROW("10.0.0.5", "", "world", 6, 0, 79, "BLOCKED"),
        ROW("10.0.0.5", "", "world", 6, 80, 80, "UNKNOWN"),
        ROW("10.0.0.5", "", "world", 6, 81, 65535, "BLOCKED"),
        ROW("10.0.0.5", "", "own-vpc", 6, 0, 65535, "REACHABLE"),
        ROW("10.0.0.5", "", "world", 17, 0, 65535, "BLOCKED_RETURN"),
        ROW("10.0.0.6", "", "world", 6, 0, 65535, "BLOCKED"),
        ROW("10.0.0.6", "lb-1:443", "world", 6, 8080, 8080, "CONDITIONAL"),
        ROW("10.0.0.6", "lb-2:443", "world", 6, 8080, 8080, "REACHABLE"),
        ROW("10.0.0.6", "", "world", 256, 0, 65535, "REACHABLE"),
    };
    static const struct store_cloud_verdict other[] = {ROW("10.0.0.9", "", "world", 6, 22, 22, "REACHABLE")};
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
