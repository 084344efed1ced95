#include "auditd/child.h"
#include "auditd/sweep.h"
#include "tests/unit/auditd/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#define PLAN                                                                                                           \
    "{\"schema\":\"leastport.plan/1\",\"realm\":\"r\",\"vantage\":\"v\",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\","  \
    "\"probes\":[\"connect\"]}"

/* What stands before each script: makes lines out of a type and members. */
#define SCRIPT_HEAD                                                                                                    \
    "#!/bin/bash\nread -r plan\nid=$4\n"                                                                               \
    "say() { printf '{\"schema\":\"leastport.observation/1\",\"type\":\"%s\",\"scan_id\":\"%s\","                      \
    "\"ts\":\"2026-11-22T11:00:00Z\",%s}\\n' \"$1\" \"$id\" \"$2\"; }\n"                                               \
    "start() { say scan_start \"\\\"plan\\\":$plan,\\\"plan_hash\\\":\\\"aa\\\",\\\"realm\\\":\\\"r\\\","              \
    "\\\"vantage\\\":\\\"v\\\",\\\"slabs\\\":1,\\\"from_slab\\\":0,\\\"hosts\\\":1,\\\"probes\\\":1\"; }\n"            \
    "open() { say port "                                                                                               \
    "'\"host\":\"10.0.0.1\",\"proto\":\"tcp\",\"port\":22,\"state\":\"open\",\"reason\":\"syn-ack\"'; }\n"             \
    "slab() { say slab '\"slab\":0,\"slabs\":1,\"probes_done\":1,\"probes_sent\":1'; }\n"                              \
    "end() { say scan_end '\"complete\":true,\"cause\":\"done\"'; }\n"

struct run {
    struct sweep *sweep;
    struct sweep_outcome outcome;
    int notices;
    int interrupts; /* to be sent when the scan has begun */
    char heard[16384];
    bool peek;
    bool seen;
    int peeks;
    sqlite3 *other;
    uv_timer_t peeking;
};

static void on_peek(uv_timer_t *timer);

static void on_observation(void *context, const struct observation *observation)
{
    struct run *run = context;

    if (observation->type == OBSERVATION_SCAN_START) {
        for (int i = 0; i < run->interrupts; i++) {
            sweep_interrupt(run->sweep);
        }
    }
}

static void on_notice(void *context, enum log_level level, const char *message)
{
    struct run *run = context;
    size_t used = strlen(run->heard);

    (void)level;
    run->notices++;
    snprintf(run->heard + used, sizeof(run->heard) - used, "%s\n", message);
}

static void on_ended(void *context, const struct sweep_outcome *outcome)
{
    struct run *run = context;

    run->outcome = *outcome;
    sweep_destroy(run->sweep);
}

/* Runs a scanner that is this script. */
static void run_script(struct fixture *fixture, const char *script, struct run *run)
{
    struct sweep_options options = sweep_options_default();
    char path[128];
    FILE *file;
    uv_loop_t loop;

    snprintf(path, sizeof(path), "%s/scanner", fixture->folder);
    file = fopen(path, "we");
    fprintf(file, "%s%s", SCRIPT_HEAD, script);
    fclose(file);
    chmod(path, 0700);
    store_uuid(fixture->scan);
    options.scanner = path;
    options.plan = PLAN;
    options.scan_uuid = fixture->scan;
    options.store = fixture->store;
    options.patience_ms = 300;
    options.on_observation = on_observation;
    options.on_notice = on_notice;
    options.on_ended = on_ended;
    options.context = run;
    uv_loop_init(&loop);
    assert_int_equal(sweep_start(&loop, &options, &run->sweep), 0);
    if (run->peek) {
        uv_timer_init(&loop, &run->peeking);
        run->peeking.data = run;
        uv_timer_start(&run->peeking, on_peek, 10, 10);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    unlink(path);
}

static void stores_what_a_scanner_finds(void **state)
{
    struct fixture *fixture = *state;
    struct run run = {0};

    run_script(fixture, "start; open; slab; end\n", &run);
    assert_int_equal(run.outcome.end, SWEEP_DONE);
    assert_string_equal(run.outcome.message, "");
    assert_string_equal(run.outcome.scan_uuid, fixture->scan);
    assert_int_equal(run.outcome.counts.open_ports, 1);
    assert_string_equal(fixture_text(fixture, "SELECT state FROM scan"), "complete");
    assert_int_equal(run.notices, 0);
}

/* While the scanner says nothing more: another connection sees its line, and only then is the scanner ended. */
static void on_peek(uv_timer_t *timer)
{
    struct run *run = timer->data;
    sqlite3_stmt *row;

    run->peeks++;
    assert_int_equal(sqlite3_prepare_v2(run->other, "SELECT count(*) FROM endpoint", -1, &row, NULL), SQLITE_OK);
    run->seen = sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int(row, 0) == 1;
    sqlite3_finalize(row);
    if (run->seen || run->peeks == 1000) {
        sweep_interrupt(run->sweep);
        uv_close((uv_handle_t *)timer, NULL);
    }
}

static void commits_while_nothing_comes(void **state)
{
    struct fixture *fixture = *state;
    struct run run = {.peek = true};

    assert_int_equal(sqlite3_open_v2(fixture->path, &run.other, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    run_script(fixture,
               "trap 'say scan_end \"\\\"complete\\\":false,\\\"cause\\\":\\\"interrupted\\\"\"; exit 130' INT\n"
               "start; open; while :; do read -rt 0.01 <> <(:); done\n",
               &run);
    sqlite3_close(run.other);
    assert_true(run.seen);
    assert_int_equal(run.outcome.end, SWEEP_INTERRUPTED);
}

static void survives_garbage_and_names_it(void **state)
{
    struct fixture *fixture = *state;
    struct run run = {0};

    run_script(fixture,
               "start; echo; echo '{'; printf '\\0\\377\\n'; say port '\"host\":7'; open\n"
               "say port '\"host\":\"10.9.9.9\",\"proto\":\"tcp\",\"port\":22,\"state\":\"open\",\"reason\":\"x\"'\n"
               "head -c 3000000 /dev/zero | tr '\\0' x; echo\n"
               "for i in 1 2 3 4 5 6; do echo nonsense; done\n"
               "echo 'leastport-scan: warning: low on descriptors' >&2\n"
               "slab; end; printf '{\"half\":'\n",
               &run);
    assert_int_equal(run.outcome.end, SWEEP_DONE);
    assert_int_equal(run.outcome.counts.open_ports, 1);
    assert_non_null(strstr(run.heard, "line 2 of the scanner was left out"));
    assert_non_null(strstr(run.heard, "10.9.9.9"));
    assert_non_null(strstr(run.heard, "more lines of the scanner were left out"));
    assert_non_null(strstr(run.heard, "1 lines of the scanner were longer"));
    assert_non_null(strstr(run.heard, "cut off after 8 bytes"));
    assert_non_null(strstr(run.heard, "low on descriptors"));
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset"), 1);
}

static void hears_a_scanner_that_does_not_stop_talking(void **state)
{
    struct fixture *fixture = *state;
    struct run run = {0};

    run_script(fixture,
               "start; printf 'b\\377d\\n' >&2; head -c 5000 /dev/zero | tr '\\0' y >&2; echo >&2\n"
               "for i in {1..1200}; do echo \"x$i\"; done >&2; slab; end; printf 'last words' >&2\n",
               &run);
    assert_int_equal(run.outcome.end, SWEEP_DONE);
    assert_non_null(strstr(run.heard, "b\\xffd\n"));
    assert_non_null(strstr(run.heard, "x999\n"));
    assert_null(strstr(run.heard, "x1000\n"));
    /* 1 + 1,200 and the last, of which 1,000 are shown. */
    assert_non_null(strstr(run.heard, "202 more messages of the scanner were left out"));
    assert_non_null(strstr(run.heard, "1 messages of the scanner were too long"));
}

static void hears_last_words_without_a_newline(void **state)
{
    struct fixture *fixture = *state;
    struct run run = {0};

    run_script(fixture, "start; printf 'leastport-scan: error: no route' >&2; exit 2\n", &run);
    assert_int_equal(run.outcome.end, SWEEP_BROKEN);
    assert_non_null(strstr(run.outcome.message, "no route"));
}

static void keeps_what_came_before_a_death(void **state)
{
    static const struct {
        const char *script;
        const char *said;
    } cases[] = {
        {"start; open; echo 'leastport-scan: error: no route' >&2; exit 2\n", "no route"},
        {"start; open; kill -SEGV $$\n", "signal 11"},
        {"start; open; exit 0\n", "ended before its scan did"},
        {"start; open; slab; end; exit 2\n", "status 2"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct run run = {0};
        run_script(fixture, cases[i].script, &run);
        assert_int_equal(run.outcome.end, SWEEP_BROKEN);
        assert_non_null(strstr(run.outcome.message, cases[i].said));
        /* The outcome says it, and once is enough. */
        assert_null(strstr(run.heard, cases[i].said));
        assert_int_equal(run.outcome.counts.open_ports, 1);
    }
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM scan WHERE state = 'incomplete' AND cause = 'error'"),
                     3);
}

static void says_when_no_scan_began(void **state)
{
    struct fixture *fixture = *state;
    struct run run = {0};

    run_script(fixture, "echo 'leastport-scan: error: 8.8.8.8 is outside the scope' >&2; exit 2\n", &run);
    assert_int_equal(run.outcome.end, SWEEP_BROKEN);
    assert_string_equal(run.outcome.scan_uuid, "");
    assert_non_null(strstr(run.outcome.message, "outside the scope"));
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM scan"), 0);
}

static void ends_at_a_first_line_that_is_no_start_of_its_scan(void **state)
{
    struct fixture *fixture = *state;
    struct run run = {0};

    /* It would run for a minute if it were not ended. */
    run_script(fixture,
               "plan='{\"realm\":\"r\",\"vantage\":\"v\",\"targets\":[],\"ports\":\"22\"}'; start; exec sleep 60\n",
               &run);
    assert_int_equal(run.outcome.end, SWEEP_BROKEN);
    assert_int_equal(run.outcome.rc, -EPROTO);
}

static void passes_an_interrupt_on(void **state)
{
    struct fixture *fixture = *state;
    struct run run = {.interrupts = 1};

    run_script(fixture,
               "trap 'say scan_end \"\\\"complete\\\":false,\\\"cause\\\":\\\"interrupted\\\"\"; exit 130' INT\n"
               "start; while :; do read -rt 0.01 <> <(:); done\n",
               &run);
    assert_int_equal(run.outcome.end, SWEEP_INTERRUPTED);
    assert_string_equal(fixture_text(fixture, "SELECT state || ' ' || cause FROM scan"), "incomplete interrupted");
}

static void kills_one_that_does_not_listen(void **state)
{
    struct fixture *fixture = *state;
    struct run run = {.interrupts = 1};

    run_script(fixture, "trap '' INT; start; exec sleep 60\n", &run);
    assert_int_equal(run.outcome.end, SWEEP_BROKEN);
    assert_non_null(strstr(run.outcome.message, "did not end when asked"));
    run = (struct run){.interrupts = 2};
    run_script(fixture, "trap '' INT; start; exec sleep 60\n", &run);
    assert_int_equal(run.outcome.end, SWEEP_INTERRUPTED);
}

/* A process that the scanner started and that outlives it holds both pipes. */
static void does_not_wait_for_what_the_scanner_left_behind(void **state)
{
    struct fixture *fixture = *state;
    struct run run = {0};
    time_t began = time(NULL);
    char path[256];
    FILE *left;
    char text[16];
    long pid;

    run_script(fixture, "start; open; slab; end; sleep 20 & echo $! >\"${0%/*}/left\"; echo >&2\n", &run);
    assert_int_equal(run.outcome.end, SWEEP_DONE);
    assert_string_equal(fixture_text(fixture, "SELECT state FROM scan"), "complete");
    assert_non_null(strstr(run.heard, "something that it left behind"));
    assert_true(time(NULL) - began < 15);
    snprintf(path, sizeof(path), "%s/left", fixture->folder);
    left = fopen(path, "re");
    assert_non_null(left);
    assert_non_null(fgets(text, sizeof(text), left));
    fclose(left);
    unlink(path);
    pid = strtol(text, NULL, 10);
    assert_true(pid > 1);
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
}

/* Neither the database nor anything else of ours: only the three standard streams. */
static void gives_the_scanner_no_descriptor_of_ours(void **state)
{
    struct fixture *fixture = *state;
    struct run run = {0};
    int fd = open(fixture->path, O_RDONLY); /* as a library that forgets close-on-exec */

    run_script(fixture, "exec ls /proc/self/fd >&2\n", &run);
    close(fd);
    /* 3 is the folder that ls reads; were 3 one of ours, that would be 4. */
    assert_string_equal(run.heard, "0\n1\n2\n3\n");
}

static void a_program_that_cannot_be_run_is_said(void **state)
{
    struct fixture *fixture = *state;
    struct sweep_options options = sweep_options_default();
    struct run run = {0};
    uv_loop_t loop;

    options.scanner = "/nonexistent/leastport-scan";
    options.plan = PLAN;
    options.scan_uuid = "00000000-0000-4000-8000-000000000000";
    options.store = fixture->store;
    options.on_notice = on_notice;
    options.on_ended = on_ended;
    options.context = &run;
    uv_loop_init(&loop);
    assert_int_equal(sweep_start(&loop, &options, &run.sweep), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(run.outcome.end, SWEEP_BROKEN);
    assert_non_null(strstr(run.heard, "cannot start /nonexistent/leastport-scan"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stores_what_a_scanner_finds, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(commits_while_nothing_comes, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(survives_garbage_and_names_it, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(hears_a_scanner_that_does_not_stop_talking, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(hears_last_words_without_a_newline, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(keeps_what_came_before_a_death, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(says_when_no_scan_began, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(ends_at_a_first_line_that_is_no_start_of_its_scan, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(passes_an_interrupt_on, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(kills_one_that_does_not_listen, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(does_not_wait_for_what_the_scanner_left_behind, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(gives_the_scanner_no_descriptor_of_ours, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_program_that_cannot_be_run_is_said, fixture_setup, fixture_teardown),
    };

    /* As auditd does: a child is this program first (auditd/child.h). */
    if (argc > 1 && strcmp(argv[1], CHILD_VERB) == 0) {
        return child_run(argc - 1, argv + 1);
    }
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
