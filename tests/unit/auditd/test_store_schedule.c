#include "auditd/store/read.h"
#include "auditd/store/schedule.h"
#include "tests/unit/auditd/fixture.h"

#include <errno.h>

static void enter(struct fixture *fixture, const char *name, const char *spec)
{
    assert_int_equal(store_schedules_enter(fixture->store, &name, &spec, name == NULL ? 0 : 1, fixture->now_ms), 0);
}

static struct store_schedule get(struct fixture *fixture, const char *name)
{
    struct store_schedule schedule;

    assert_int_equal(store_schedule_get(fixture->store, name, &schedule), 0);
    return schedule;
}

static int put(struct fixture *fixture, int64_t schedule_id, int64_t due_at, const char *state)
{
    const struct store_run_put run = {.schedule_id = schedule_id,
                                      .due_at = due_at,
                                      .begin_at = due_at,
                                      .actor = "schedule",
                                      .state = state,
                                      .message = "two were due"};

    return store_run_insert(fixture->store, &run);
}

static void keeps_what_is_decided(void **state)
{
    struct fixture *fixture = *state;
    struct store_schedule schedule;

    enter(fixture, "nightly", "0 2 * * * UTC");
    schedule = get(fixture, "nightly");
    assert_int_equal(schedule.decided_until, fixture->now_ms);
    assert_false(schedule.is_paused);
    assert_int_equal(store_schedule_get(fixture->store, "other", &schedule), -ENOENT);
    assert_int_equal(store_schedule_decided(fixture->store, schedule.id, fixture->now_ms + 500), 0);
    fixture->now_ms += 1000;
    enter(fixture, "nightly", "0 2 * * * UTC");
    assert_int_equal(get(fixture, "nightly").decided_until, fixture->now_ms - 500);
    assert_true(get(fixture, "nightly").seed == schedule.seed);
    /* Of another expression nothing was due before. */
    enter(fixture, "nightly", "0 1 * * * UTC");
    assert_int_equal(get(fixture, "nightly").decided_until, fixture->now_ms);
}

static void forgets_a_schedule_that_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct store_schedule schedule;
    struct store_run run;

    enter(fixture, "nightly", "x");
    schedule = get(fixture, "nightly");
    assert_int_equal(put(fixture, schedule.id, 1000, "waiting"), 0);
    enter(fixture, NULL, NULL);
    assert_int_equal(store_run_open(fixture->store, schedule.id, &run), -ENOENT);
    fixture->now_ms += 1000;
    enter(fixture, "nightly", "x");
    assert_int_equal(get(fixture, "nightly").decided_until, fixture->now_ms);
}

static void has_one_open_run_and_each_once(void **state)
{
    struct fixture *fixture = *state;
    struct store_schedule schedule;
    struct store_run run;

    enter(fixture, "nightly", "x");
    schedule = get(fixture, "nightly");
    assert_int_equal(store_run_open(fixture->store, schedule.id, &run), -ENOENT);
    assert_int_equal(put(fixture, schedule.id, 1000, "waiting"), 0);
    assert_int_equal(put(fixture, schedule.id, 1000, "waiting"), -EEXIST);
    assert_int_equal(put(fixture, schedule.id, 2000, "waiting"), -EEXIST);
    assert_int_equal(put(fixture, schedule.id, 2000, "skipped"), 0);
    assert_int_equal(store_run_open(fixture->store, schedule.id, &run), 0);
    assert_int_equal(run.due_at, 1000);
    assert_false(run.is_running);
    assert_int_equal(store_run_begin(fixture->store, run.id, 1500), 0);
    assert_int_equal(store_run_scan(fixture->store, run.id, "abc"), 0);
    assert_int_equal(store_run_open(fixture->store, schedule.id, &run), 0);
    assert_true(run.is_running);
    assert_int_equal(run.begun_at, 1500);
    assert_string_equal(run.scan_uuid, "abc");
    assert_int_equal(store_run_end(fixture->store, run.id, "complete", "", 1800), 0);
    assert_int_equal(store_run_open(fixture->store, schedule.id, &run), -ENOENT);
    assert_int_equal(put(fixture, schedule.id, 1000, "waiting"), -EEXIST);
    assert_int_equal(store_run_end(fixture->store, run.id, "no such state", "", 1800) < 0, 1);
}

static void keeps_the_newest_runs(void **state)
{
    struct fixture *fixture = *state;
    struct store_schedule schedule;

    enter(fixture, "often", "x");
    schedule = get(fixture, "often");
    assert_int_equal(store_begin(fixture->store), 0);
    for (int64_t i = 1; i <= STORE_RUNS_KEPT + 50; i++) {
        assert_int_equal(put(fixture, schedule.id, i * 60000, "missed"), 0);
    }
    assert_int_equal(store_commit(fixture->store), 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM schedule_run"), STORE_RUNS_KEPT + 1);
    assert_int_equal(fixture_int(fixture, "SELECT max(due_at) FROM schedule_run"), (STORE_RUNS_KEPT + 50) * 60000);
}

static int on_schedule(void *context, const struct store_read_schedule *schedule)
{
    int *count = context;

    (*count)++;
    assert_string_equal(schedule->name, "nightly");
    assert_string_equal(schedule->paused_by, "alice");
    assert_int_equal(schedule->paused_at, 77);
    assert_string_equal(schedule->open.state, "waiting");
    assert_int_equal(schedule->open.due_at, 3000);
    assert_string_equal(schedule->last.state, "complete");
    assert_string_equal(schedule->last.message, "two were due");
    assert_string_equal(schedule->last.scan, "");
    assert_int_equal(schedule->last.ended_at, 1800);
    return 0;
}

static void tells_readers(void **state)
{
    struct fixture *fixture = *state;
    char error[STORE_READ_ERROR_SIZE];
    struct store_schedule schedule;
    struct store_reader *reader;
    struct store_run run;
    int count = 0;

    enter(fixture, "nightly", "x");
    schedule = get(fixture, "nightly");
    assert_int_equal(put(fixture, schedule.id, 1000, "waiting"), 0);
    assert_int_equal(store_run_open(fixture->store, schedule.id, &run), 0);
    assert_int_equal(store_run_end(fixture->store, run.id, "complete", "", 1800), 0);
    assert_int_equal(put(fixture, schedule.id, 2000, "skipped"), 0);
    assert_int_equal(put(fixture, schedule.id, 3000, "waiting"), 0);
    assert_int_equal(store_schedule_pause(fixture->store, schedule.id, "alice", 77), 0);
    assert_int_equal(store_reader_open(fixture->path, error, &reader), 0);
    assert_int_equal(store_read_schedules(reader, on_schedule, &count), 0);
    assert_int_equal(count, 1);
    store_reader_close(reader);
    assert_true(get(fixture, "nightly").is_paused);
    assert_int_equal(store_schedule_pause(fixture->store, schedule.id, NULL, fixture->now_ms + 9), 0);
    assert_false(get(fixture, "nightly").is_paused);
    assert_int_equal(get(fixture, "nightly").decided_until, fixture->now_ms + 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_what_is_decided, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(forgets_a_schedule_that_is_gone, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(has_one_open_run_and_each_once, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(keeps_the_newest_runs, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(tells_readers, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
