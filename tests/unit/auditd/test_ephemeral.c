/* Hosts of ephemeral ranges: which scans have missed one, whatever the clocks said when. */
#include "tests/unit/auditd/fixture.h"

#include "auditd/config/config.h"
#include "auditd/ephemeral.h"

enum { HOUR_MS = 3600 * 1000 };

static const char CONFIG[] = "version: 1\nephemeral: [{cidr: 10.0.0.0/24, realm: west, retire_after: 9h}]\n";

static void begin(struct fixture *fixture, const char *vantage)
{
    const struct fixture_plan plan = {
        "west", vantage, "[\"10.0.0.1-2\"]", "22", ",\"canary\":{\"host\":\"10.7.7.7\",\"proto\":\"tcp\",\"port\":7}",
        1,      0};

    fixture_start(fixture, &plan);
    fixture_line(fixture, "canary",
                 "\"host\":\"10.7.7.7\",\"proto\":\"tcp\",\"port\":7,\"phase\":\"end\",\"state\":\"answered\","
                 "\"reason\":\"x\"");
}

/* A complete scan that sees 10.0.0.1 and misses 10.0.0.2; how many are retired after it. */
static int miss(struct fixture *fixture, const struct config *config)
{
    begin(fixture, "here");
    fixture_port(fixture, "10.0.0.1", 22, "open", "syn-ack");
    fixture_host(fixture, "10.0.0.1", true);
    fixture_host(fixture, "10.0.0.2", false);
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    return ephemeral_settle(fixture->store, config, fixture->scan, fixture->now_ms);
}

/* Somebody else finds its port open, and says nothing of the host. */
static void find(struct fixture *fixture)
{
    begin(fixture, "there");
    fixture_port(fixture, "10.0.0.2", 22, "open", "syn-ack");
    fixture_end(fixture, false);
}

static void read_config(struct config *config)
{
    struct problems problems;

    problems_init(&problems);
    assert_int_equal(config_parse(CONFIG, strlen(CONFIG), NULL, &problems, config), 0);
}

static void takes_two_scans_and_the_time(void **state)
{
    struct fixture *fixture = *state;
    struct config config;

    read_config(&config);
    find(fixture);
    fixture->now_ms += 5 * HOUR_MS;
    assert_int_equal(miss(fixture, &config), 0);
    fixture->now_ms += 3 * HOUR_MS;
    assert_int_equal(miss(fixture, &config), 0);
    fixture->now_ms += 2 * HOUR_MS;
    assert_int_equal(miss(fixture, &config), 1);
    config_done(&config);
}

static void scans_from_before_it_was_known_have_not_missed_it(void **state)
{
    struct fixture *fixture = *state;
    struct config config;

    read_config(&config);
    /* The clock was a month ahead, and then it was set right. */
    fixture->now_ms += INT64_C(30) * 24 * HOUR_MS;
    assert_int_equal(miss(fixture, &config), 0);
    fixture->now_ms -= INT64_C(30) * 24 * HOUR_MS;
    find(fixture);
    fixture->now_ms += 10 * HOUR_MS;
    assert_int_equal(miss(fixture, &config), 0);
    fixture->now_ms += 10 * HOUR_MS;
    assert_int_equal(miss(fixture, &config), 1);
    config_done(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_two_scans_and_the_time, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(scans_from_before_it_was_known_have_not_missed_it, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests_name("ephemeral", tests, NULL, NULL);
}
