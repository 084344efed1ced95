#include "tests/unit/auditd/fixture.h"

#include "auditd/store/asset.h"
#include "auditd/store/finding.h"
#include "auditd/watch.h"

#include <errno.h>

static const int64_t DAY_MS = INT64_C(86400000);

/* One scan of 10.0.0.5:3306 that found it `state`; `facts` NULL: it was not asked. */
static void scan(struct fixture *fixture, const char *vantage, const char *state, const char *facts, const char *doors)
{
    char more[64];
    const struct fixture_plan plan = {"site", vantage, "[\"10.0.0.0/24\"]", "3306", more, 1, 0};

    snprintf(more, sizeof(more), ",\"services\":{\"doors\":%s}", doors);
    fixture_start(fixture, &plan);
    fixture_port(fixture, "10.0.0.5", 3306, state, strcmp(state, "open") == 0 ? "syn-ack" : "conn-refused");
    if (facts != NULL) {
        fixture_line(fixture, "service",
                     "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":3306,\"facts\":{%s},\"evidence\":[]", facts);
    }
    fixture_host(fixture, "10.0.0.5", true);
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
}

#define MYSQL "\"service\":\"mysql\",\"version\":\"10.11.4\""

static bool within_nothing(void *context, const struct addr *address)
{
    (void)context;
    (void)address;
    return false;
}

/* How many endpoints are known, of those asked in the last `days`. */
static size_t known_of(struct fixture *fixture, const char *vantage, int days, bool doors)
{
    const struct watch_place place = {"site", vantage};
    const struct watch_filter all = {.limit = WATCH_KNOWN_LIMIT};
    const struct watch_asked asked = {fixture->now_ms - days * DAY_MS, doors};
    json_t *known;
    size_t count;

    assert_int_equal(watch_known(fixture->store, &place, &all, &asked, &known), 0);
    count = json_array_size(known);
    json_decref(known);
    return count;
}

static size_t known(struct fixture *fixture)
{
    return known_of(fixture, "here", 7, true);
}

static void who_locks_out_is_known_for_a_while(void **state)
{
    struct fixture *fixture = *state;
    const struct watch_place place = {"site", "here"};
    const struct watch_filter all = {.limit = WATCH_KNOWN_LIMIT};
    const struct watch_filter none = {.limit = 0};
    const struct watch_filter elsewhere = {.within = within_nothing, .limit = WATCH_KNOWN_LIMIT};
    const struct watch_asked ever = {0, true};
    char asked[WALL_TEXT_SIZE];
    json_t *endpoints;
    const json_t *endpoint;

    assert_int_equal(known(fixture), 0);
    scan(fixture, "here", "open", MYSQL, "true");
    assert_int_equal(watch_known(fixture->store, &place, &all, &ever, &endpoints), 0);
    endpoint = json_array_get(endpoints, 0);
    assert_string_equal(json_string_value(json_object_get(endpoint, "host")), "10.0.0.5");
    assert_string_equal(json_string_value(json_object_get(endpoint, "proto")), "tcp");
    assert_int_equal(json_integer_value(json_object_get(endpoint, "port")), 3306);
    assert_string_equal(json_string_value(json_object_get(endpoint, "service")), "mysql");
    assert_string_equal(json_string_value(json_object_get(endpoint, "asked")),
                        wall_format(fixture_int(fixture, "SELECT last_seen FROM endpoint_answer"), asked));
    json_decref(endpoints);
    assert_int_equal(known_of(fixture, "there", 7, true), 0);
    assert_int_equal(watch_known(fixture->store, &place, &none, &ever, &endpoints), 0);
    assert_int_equal(json_array_size(endpoints), 0);
    json_decref(endpoints);
    assert_int_equal(watch_known(fixture->store, &place, &elsewhere, &ever, &endpoints), 0);
    assert_int_equal(json_array_size(endpoints), 0);
    json_decref(endpoints);
    /* Scans that do not ask take nothing from the day when it was asked. */
    fixture->now_ms += 6 * DAY_MS;
    scan(fixture, "here", "open", NULL, "true");
    assert_int_equal(known(fixture), 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_fact WHERE ended_at IS NOT NULL"), 0);
    fixture->now_ms += 2 * DAY_MS;
    scan(fixture, "here", "open", NULL, "true");
    assert_int_equal(known(fixture), 0);
    scan(fixture, "here", "open", MYSQL, "true");
    assert_int_equal(known(fixture), 1);
}

static void what_was_closed_since_is_asked(void **state)
{
    struct fixture *fixture = *state;

    scan(fixture, "here", "open", MYSQL, "true");
    assert_int_equal(known(fixture), 1);
    scan(fixture, "here", "closed", NULL, "true");
    assert_int_equal(known(fixture), 0);
    scan(fixture, "here", "open", NULL, "true");
    assert_int_equal(known(fixture), 0);
    scan(fixture, "here", "open", MYSQL, "true");
    assert_int_equal(known(fixture), 1);
}

static void others_are_asked_each_time(void **state)
{
    struct fixture *fixture = *state;

    scan(fixture, "here", "open", "\"service\":\"redis\"", "true");
    assert_int_equal(known(fixture), 0);
    scan(fixture, "here", "open", "\"behaviour\":\"silent\"", "true");
    assert_int_equal(known(fixture), 0);
}

/* What was asked without door checks is asked with them, but not the other way round. */
static void less_does_not_stand_for_more(void **state)
{
    struct fixture *fixture = *state;

    scan(fixture, "here", "open", MYSQL, "false");
    assert_int_equal(known_of(fixture, "here", 7, true), 0);
    assert_int_equal(known_of(fixture, "here", 7, false), 1);
    scan(fixture, "here", "open", MYSQL, "true");
    assert_int_equal(known_of(fixture, "here", 7, true), 1);
    assert_int_equal(known_of(fixture, "here", 7, false), 1);
}

static void another_tenant_is_asked(void **state)
{
    struct fixture *fixture = *state;
    const struct store_event why = {.at_ms = fixture->now_ms, .actor = "test", .reason = "test"};

    scan(fixture, "here", "open", MYSQL, "true");
    assert_int_equal(store_asset_replace(fixture->store, "site", "10.0.0.5", &why), 0);
    assert_int_equal(known(fixture), 0);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(who_locks_out_is_known_for_a_while),
        WITH_STORE(what_was_closed_since_is_asked),
        WITH_STORE(others_are_asked_each_time),
        WITH_STORE(less_does_not_stand_for_more),
        WITH_STORE(another_tenant_is_asked),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
