#include "scanner/state.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/leastport-state-XXXXXX";
static char path[64];

static const struct state_head head = {
    .plan_json = "{\"p\":1}", .plan_hash = "aaaa", .scan_id = "11111111-2222-3333-4444-555555555555", .started_ms = 42};

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof(path), "%s/scan.state", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static int drop_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static struct state *create(void)
{
    struct problem problem = {{0}};
    struct state *journal = NULL;

    if (state_create(path, &head, false, &journal, &problem) < 0) {
        fail_msg("%s", problem.text);
    }
    return journal;
}

static struct state *reopen(void)
{
    struct problem problem = {{0}};
    struct state *journal = NULL;

    if (state_open(path, &journal, &problem) < 0) {
        fail_msg("%s", problem.text);
    }
    return journal;
}

static void append(struct state *journal, uint16_t port)
{
    struct observation observation = {.type = OBSERVATION_PORT, .ts_ms = 1000 + port};
    struct problem problem;

    observation.port = (struct observation_port){.proto = "tcp", .port = port};
    assert_int_equal(addr_parse("10.0.0.1", &observation.port.host), 0);
    assert_int_equal(state_append(journal, &observation, &problem), 0);
}

static void checkpoint(struct state *journal, uint64_t slab, const char *totals, const char *partial, bool finished)
{
    struct problem problem;
    struct state_mark mark = {.slab = slab,
                              .totals = totals,
                              .totals_size = strlen(totals),
                              .partial = partial,
                              .partial_size = strlen(partial),
                              .finished = finished};

    assert_int_equal(state_checkpoint(journal, &mark, &problem), 0);
}

static int hear(void *context, const struct observation *observation)
{
    char *heard = context;

    snprintf(heard + strlen(heard), 256 - strlen(heard), "%u ", observation->port.port);
    return 0;
}

static void assert_replays(struct state *journal, const char *wanted)
{
    char heard[256] = "";
    struct problem problem;

    assert_int_equal(state_replay(journal, hear, heard, &problem), 0);
    assert_string_equal(heard, wanted);
}

static off_t file_size(void)
{
    struct stat stat_now;

    assert_int_equal(stat(path, &stat_now), 0);
    return stat_now.st_size;
}

static void keeps_what_a_checkpoint_follows(void **state)
{
    struct state *journal = create();
    struct stat mode;
    (void)state;
    assert_int_equal(stat(path, &mode), 0);
    assert_int_equal(mode.st_mode & 07777, 0600);
    append(journal, 1);
    append(journal, 2);
    checkpoint(journal, 1, "T1", "", false);
    append(journal, 3);
    state_close(journal);

    journal = reopen();
    assert_string_equal(state_head(journal)->plan_json, head.plan_json);
    assert_string_equal(state_head(journal)->scan_id, head.scan_id);
    assert_int_equal(state_head(journal)->started_ms, 42);
    assert_int_equal(state_mark(journal)->slab, 1);
    assert_int_equal(state_mark(journal)->totals_size, 2);
    assert_memory_equal(state_mark(journal)->totals, "T1", 2);
    assert_int_equal(state_mark(journal)->partial_size, 0);
    assert_false(state_mark(journal)->finished);
    assert_replays(journal, "1 2 ");
    append(journal, 4);
    checkpoint(journal, 2, "", "", false);
    state_close(journal);
    journal = reopen();
    assert_replays(journal, "1 2 4 ");
    state_close(journal);
}

static void suspends_within_a_slab(void **state)
{
    struct state *journal = create();
    (void)state;
    append(journal, 1);
    checkpoint(journal, 5, "TT", "opaque\x01", false);
    state_close(journal);
    journal = reopen();
    assert_int_equal(state_mark(journal)->slab, 5);
    assert_int_equal(state_mark(journal)->partial_size, 7);
    assert_memory_equal(state_mark(journal)->partial, "opaque\x01", 7);
    assert_replays(journal, "1 ");
    append(journal, 2);
    state_close(journal);
    /* Ended hard after the resume: back to where it was suspended. */
    journal = reopen();
    assert_replays(journal, "1 ");
    state_close(journal);
}

/* Cut at every length, the file gives what stood before the last whole checkpoint, or says that its head is damaged. */
static void survives_every_torn_tail(void **state)
{
    static char bytes[8192];
    struct state *journal = create();
    off_t after_head = file_size();
    off_t after_first;
    off_t whole;
    int fd;
    (void)state;
    append(journal, 1);
    checkpoint(journal, 1, "T", "", false);
    after_first = file_size();
    append(journal, 2);
    checkpoint(journal, 2, "T", "P", false);
    whole = file_size();
    state_close(journal);
    fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, bytes, sizeof(bytes)), whole);
    close(fd);
    for (off_t size = 0; size <= whole; size++) {
        struct problem problem = {{0}};
        fd = open(path, O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, bytes, (size_t)size), size);
        close(fd);
        int rc = state_open(path, &journal, &problem);
        if (size < after_head) {
            assert_int_equal(rc, -EBADMSG);
            assert_true(strlen(problem.text) > 20);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_replays(journal, size < after_first ? "" : size < whole ? "1 " : "1 2 ");
        assert_int_equal(state_mark(journal)->slab, size < after_first ? 0 : size < whole ? 1 : 2);
        state_close(journal);
    }
}

/* One bit turned anywhere is noticed: never a wrong result, at worst an earlier checkpoint. */
static void notices_every_turned_bit(void **state)
{
    struct state *journal = create();
    off_t whole;
    (void)state;
    append(journal, 1);
    checkpoint(journal, 1, "T", "", false);
    whole = file_size();
    state_close(journal);
    for (off_t offset = 0; offset < whole; offset++) {
        struct problem problem = {{0}};
        uint8_t byte;
        int fd = open(path, O_RDWR);
        assert_int_equal(pread(fd, &byte, 1, offset), 1);
        byte ^= (uint8_t)(1 << (offset % 8));
        assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
        int copy = dup(fd);
        static char bytes[8192];
        ssize_t size = pread(fd, bytes, sizeof(bytes), 0);
        int rc = state_open(path, &journal, &problem);
        if (rc == 0) {
            assert_replays(journal, "");
            assert_int_equal(state_mark(journal)->slab, 0);
            assert_true(state_cut_bytes(journal) > 0);
            state_close(journal);
        } else {
            assert_true(rc == -EBADMSG || rc == -EPROTO);
        }
        byte ^= (uint8_t)(1 << (offset % 8));
        bytes[offset] = (char)byte;
        assert_int_equal(pwrite(fd, bytes, (size_t)size, 0), size);
        close(copy);
        close(fd);
    }
}

static void assert_refuses(int rc_wanted, const char *says)
{
    struct problem problem = {{0}};
    struct state *journal = NULL;

    assert_int_equal(state_open(path, &journal, &problem), rc_wanted);
    if (strstr(problem.text, says) == NULL) {
        fail_msg("gave: %s", problem.text);
    }
}

static void put_file(const char *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

static void refuses_what_is_no_state_file(void **state)
{
    struct problem problem = {{0}};
    struct state *journal = NULL;
    (void)state;
    assert_refuses(-ENOENT, "No such file");
    put_file("", 0);
    assert_refuses(-EBADMSG, "is not a state file");
    put_file("{\"type\":\"scan_start\"} and so on", 31);
    assert_refuses(-EBADMSG, "is not a state file");
    assert_int_equal(state_create(path, &head, true, &journal, &problem), -EEXIST);
    assert_non_null(strstr(problem.text, "no state file"));
    put_file("leastport state\0\x02\0\0\0", 20);
    assert_refuses(-EPROTO, "another version (format 2;");
    put_file("leastport state\0\x01\0\0\0\x01\0\0\0\xff\xff\xff\xff", 28);
    assert_refuses(-EBADMSG, "damaged");
}

static void guards_unfinished_scans(void **state)
{
    struct state *journal = create();
    struct state *other = NULL;
    struct problem problem = {{0}};
    (void)state;
    assert_int_equal(state_open(path, &other, &problem), -EBUSY);
    assert_non_null(strstr(problem.text, "in use"));
    assert_int_equal(state_create(path, &head, true, &other, &problem), -EBUSY);
    assert_int_equal(state_check_plan(journal, "aaaa", &problem), 0);
    assert_int_equal(state_check_plan(journal, "bbbb", &problem), -ESTALE);
    assert_non_null(strstr(problem.text, "another plan"));
    state_close(journal);
    assert_int_equal(state_create(path, &head, false, &other, &problem), -EEXIST);
    assert_non_null(strstr(problem.text, "--resume"));
    assert_int_equal(state_create(path, &head, true, &other, &problem), 0);
    checkpoint(other, 3, "", "", true);
    state_close(other);
    journal = create();
    assert_int_equal(state_remove(journal, &problem), 0);
    assert_int_equal(access(path, F_OK), -1);
}

static void says_where_it_cannot_create(void **state)
{
    struct problem problem = {{0}};
    struct state *journal = NULL;
    (void)state;
    assert_int_equal(state_create("/nonexistent/folder/x.state", &head, false, &journal, &problem), -ENOENT);
    assert_non_null(strstr(problem.text, "/nonexistent/folder/x.state"));
    assert_int_equal(state_create("/tmp", &head, false, &journal, &problem), -EEXIST);
}

static void count_loss(void *context, const struct problem *problem)
{
    int *losses = context;

    *losses += strstr(problem->text, path) != NULL ? 1 : 100;
}

/* A journal that nobody asked for: its loss is told once, and what a checkpoint kept before it stays. */
static void may_be_lost(void **state)
{
    pid_t child;
    int status;

    (void)state;
    child = fork();
    if (child == 0) {
        struct rlimit limit = {8192, 8192};
        struct observation observation = {.type = OBSERVATION_NOTICE};
        struct state_mark mark = {.slab = 1};
        struct problem problem = {{0}};
        struct state *journal = create();
        int losses = 0;
        int rc;
        observation.notice = (struct observation_notice){.code = "c", .message = "a line that takes some room"};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        state_make_optional(journal, count_loss, &losses);
        rc = state_append(journal, &observation, &problem);
        rc = rc == 0 ? state_checkpoint(journal, &mark, &problem) : rc;
        for (int i = 0; rc == 0 && i < 1000; i++) {
            rc = state_append(journal, &observation, &problem);
        }
        for (mark.slab = 2; rc == 0 && mark.slab < 4; mark.slab++) {
            rc = state_checkpoint(journal, &mark, &problem);
        }
        state_close(journal);
        _exit(rc == 0 && losses == 1 && problem.text[0] == '\0' ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    struct state *journal = reopen();
    assert_int_equal(state_mark(journal)->slab, 1);
    state_close(journal);
}

/* RLIMIT_FSIZE stands for a full disk; in a child, for it cannot be taken back. */
static void says_when_the_disk_is_full(void **state)
{
    pid_t child;
    int status;
    (void)state;
    child = fork();
    if (child == 0) {
        struct rlimit limit = {8192, 8192};
        struct observation observation = {.type = OBSERVATION_NOTICE};
        struct state_mark mark = {.slab = 1};
        struct problem problem = {{0}};
        struct state *journal = create();
        int rc = 0;
        observation.notice = (struct observation_notice){.code = "c", .message = "a line that takes some room"};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        for (int i = 0; i < 100; i++) {
            rc = state_append(journal, &observation, &problem);
        }
        rc = rc == 0 ? state_checkpoint(journal, &mark, &problem) : rc;
        /* It sticks, and it says which file. */
        bool sticks =
            state_checkpoint(journal, &mark, &problem) == rc && state_append(journal, &observation, NULL) == rc;
        _exit(rc == -EFBIG && sticks && strstr(problem.text, path) != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    struct state *journal = reopen();
    assert_replays(journal, "");
    state_close(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(keeps_what_a_checkpoint_follows, drop_file),
        cmocka_unit_test_teardown(suspends_within_a_slab, drop_file),
        cmocka_unit_test_teardown(survives_every_torn_tail, drop_file),
        cmocka_unit_test_teardown(notices_every_turned_bit, drop_file),
        cmocka_unit_test_teardown(refuses_what_is_no_state_file, drop_file),
        cmocka_unit_test_teardown(guards_unfinished_scans, drop_file),
        cmocka_unit_test_teardown(says_where_it_cannot_create, drop_file),
        cmocka_unit_test_teardown(says_when_the_disk_is_full, drop_file),
        cmocka_unit_test_teardown(may_be_lost, drop_file),
    };
    return cmocka_run_group_tests_name("state", tests, make_folder, drop_folder);
}
