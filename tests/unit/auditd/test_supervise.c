#include "auditd/supervise.h"

#include "auditd/child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct watched {
    uv_loop_t loop;
    struct supervise *supervise;
    int ready;
    int died;
    int stopped;
    int kills; /* children to kill as soon as they are ready */
    bool stop_when_ready;
    enum supervise_state last;
    char said[64];
    bool misused;
    char how[128];
};

static void on_ready(void *context, const char *said)
{
    struct watched *watched = context;

    watched->ready++;
    snprintf(watched->said, sizeof(watched->said), "%s", said);
    assert_int_equal(supervise_state(watched->supervise), SUPERVISE_READY);
    if (watched->kills > 0) {
        watched->kills--;
        assert_int_equal(kill(supervise_pid(watched->supervise), SIGKILL), 0);
    } else if (watched->stop_when_ready) {
        supervise_stop(watched->supervise);
    }
}

static void on_died(void *context, const char *how, enum supervise_state next, uint64_t wait_ms)
{
    struct watched *watched = context;

    (void)wait_ms;
    watched->died++;
    watched->last = next;
    snprintf(watched->how, sizeof(watched->how), "%s", how);
    watched->misused = supervise_was_misused(watched->supervise);
    if (next == SUPERVISE_FAILED) {
        supervise_stop(watched->supervise);
    }
}

static void on_stopped(void *context)
{
    struct watched *watched = context;

    watched->stopped++;
}

static void run_shell(struct watched *watched, const char *script)
{
    char words[][16] = {"sh", "-c"};
    char text[256];
    char *args[] = {words[0], words[1], text, NULL};
    struct supervise_options options = supervise_options_default();

    snprintf(text, sizeof(text), "%s", script);
    options.program = "/bin/sh";
    options.args = args;
    options.ready_prefix = "listening ";
    options.backoff = (struct backoff_options){1, 4, 60000, 4};
    options.unready_deaths_max = 2;
    options.patience_ms = 200;
    options.misuse_status = 9;
    options.on_ready = on_ready;
    options.on_died = on_died;
    options.on_stopped = on_stopped;
    options.context = watched;
    uv_loop_init(&watched->loop);
    assert_int_equal(supervise_create(&watched->loop, &options, &watched->supervise), 0);
    uv_run(&watched->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&watched->loop), 0);
    assert_int_equal(watched->stopped, 1);
}

static void says_when_it_is_ready_and_stops_it(void **state)
{
    struct watched watched = {.stop_when_ready = true};

    (void)state;
    run_shell(&watched, "echo noise; echo listening http://here/; exec sleep 60");
    assert_int_equal(watched.ready, 1);
    assert_string_equal(watched.said, "http://here/");
    assert_int_equal(watched.died, 0);
}

static void starts_it_again_when_it_is_killed(void **state)
{
    struct watched watched = {.kills = 2, .stop_when_ready = true};

    (void)state;
    run_shell(&watched, "echo listening x; exec sleep 60");
    assert_int_equal(watched.ready, 3);
    assert_int_equal(watched.died, 2);
    assert_non_null(strstr(watched.how, "signal 9"));
}

static void gives_up_at_once_when_it_is_misused(void **state)
{
    struct watched watched = {0};

    (void)state;
    run_shell(&watched, "exit 9");
    assert_int_equal(watched.died, 1);
    assert_int_equal(watched.last, SUPERVISE_FAILED);
    assert_true(watched.misused);
    /* Once it was ready, its arguments were right. */
    watched = (struct watched){0};
    run_shell(&watched, "echo listening x; sleep 0.05; exit 9");
    assert_int_equal(watched.died, 4);
    assert_false(watched.misused);
}

static void gives_up_after_quick_deaths(void **state)
{
    struct watched watched = {0};

    (void)state;
    run_shell(&watched, "echo listening x; sleep 0.05; exit 3");
    assert_int_equal(watched.died, 4);
    assert_int_equal(watched.last, SUPERVISE_FAILED);
    assert_string_equal(watched.how, "ended with status 3");
}

static void gives_up_sooner_what_was_never_ready(void **state)
{
    struct watched watched = {0};

    (void)state;
    run_shell(&watched, "exit 2");
    assert_int_equal(watched.ready, 0);
    assert_int_equal(watched.died, 2);
    assert_int_equal(watched.last, SUPERVISE_FAILED);
}

static void kills_one_that_does_not_stop(void **state)
{
    struct watched watched = {.stop_when_ready = true};

    (void)state;
    run_shell(&watched, "trap '' TERM; echo listening x; while :; do sleep 0.05; done");
    assert_int_equal(watched.ready, 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_when_it_is_ready_and_stops_it),   cmocka_unit_test(starts_it_again_when_it_is_killed),
        cmocka_unit_test(gives_up_at_once_when_it_is_misused),  cmocka_unit_test(gives_up_after_quick_deaths),
        cmocka_unit_test(gives_up_sooner_what_was_never_ready), cmocka_unit_test(kills_one_that_does_not_stop),
    };

    /* As auditd does: a child is this program first (auditd/child.h). */
    if (argc > 1 && strcmp(argv[1], CHILD_VERB) == 0) {
        return child_run(argc - 1, argv + 1);
    }
    return cmocka_run_group_tests_name("supervise", tests, NULL, NULL);
}
