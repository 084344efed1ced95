#include "scanner/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS_MAX = 32 };

/* Splits at blanks; the words live in `line`. */
static int split(char *line, char **words)
{
    char *rest = NULL;
    int count = 0;

    for (char *word = strtok_r(line, " ", &rest); word != NULL && count < WORDS_MAX - 1;
         word = strtok_r(NULL, " ", &rest)) {
        words[count++] = word;
    }
    words[count] = NULL;
    return count;
}

static void puts_each_argument_in_its_place(void **state)
{
    char line[] =
        "scan 10.0.0.1 -p 22 --exclude 10.0.0.2 -o jsonl:a -o xml:b --rate 100 --retries 0 10.0.0.3 --shard 2/5 "
        "--threads 3";
    char *words[WORDS_MAX];
    struct options options;
    int count = split(line, words);
    (void)state;
    options_parse(count, words, &options);
    assert_int_equal(options.targets.count, 2);
    assert_string_equal(options.targets.items[1], "10.0.0.3");
    assert_string_equal(options.ports, "22");
    assert_string_equal(options.exclude.items[0], "10.0.0.2");
    assert_int_equal(options.outputs.count, 2);
    assert_string_equal(options.outputs.items[1], "xml:b");
    assert_int_equal(options.rate_pps, 100);
    assert_int_equal(options.retries, 0);
    assert_int_equal(options.shard_index, 2);
    assert_int_equal(options.shard_count, 5);
    assert_int_equal(options.threads, 3);
    options_done(&options);
}

static void reads_numbers_strictly(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } cases[] = {{"5", 0},
                 {"0", -ERANGE},
                 {"10", 0},
                 {"11", -ERANGE},
                 {"", -EINVAL},
                 {"-1", -EINVAL},
                 {"1x", -EINVAL},
                 {" 1", -EINVAL},
                 {"+1", -EINVAL},
                 {"0x5", -EINVAL},
                 {"99999999999999999999999", -ERANGE}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct problem problem = {""};
        uint64_t number;
        assert_int_equal(options_number("rate", cases[i].text, (struct options_range){1, 10}, &number, &problem),
                         cases[i].rc);
        assert_int_equal(strstr(problem.text, "--rate") != NULL, cases[i].rc != 0);
    }
}

static void reads_shards_strictly(void **state)
{
    static const char *const wrong[] = {"",    "1",   "/",     "1/",   "/2",         "0/2",
                                        "3/2", "a/b", "1/2/3", "-1/2", "1/99999999", "1 /2"};
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct problem problem;
        uint32_t index;
        uint32_t count;
        assert_true(options_shard(wrong[i], &index, &count, &problem) < 0);
    }
}

/* What it prints is argp's; what counts is the status. */
static int status_of(const char *text)
{
    char line[256];
    char *words[WORDS_MAX];
    struct options options;
    int status;
    pid_t child;

    snprintf(line, sizeof(line), "scan %s", text);
    fflush(stdout);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int count = split(line, words);
        if (freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL) {
            _exit(99);
        }
        options_parse(count, words, &options);
        options_done(&options);
        _exit(77);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void refuses_misuse_with_2(void **state)
{
    static const char *const wrong[] = {"",
                                        "--syn --udp 10.0.0.1",
                                        "10.0.0.1 --connect --syn",
                                        "--resume s --syn",
                                        "10.0.0.1 --rate maximum",
                                        "--nonsense",
                                        "10.0.0.1 --rate fast",
                                        "10.0.0.1 --retries 21",
                                        "10.0.0.1 --threads 0",
                                        "10.0.0.1 --threads 17",
                                        "10.0.0.1 --threads some",
                                        "--plan p --resume s",
                                        "--plan p 10.0.0.1",
                                        "--resume s -p 22",
                                        "--resume s --no-discovery",
                                        "--resume s --services",
                                        "--plan p --no-door-checks",
                                        "--udp --services 10.0.0.1",
                                        "10.0.0.1 --no-door-checks",
                                        "--resume s --state t",
                                        "10.0.0.1 --from-slab 3",
                                        "10.0.0.1 --json",
                                        "--doctor 10.0.0.1",
                                        "--doctor --rate 5",
                                        "10.0.0.1 --doctor"};
    static const char *const right[] = {"10.0.0.1",
                                        "--connect 10.0.0.1",
                                        "--syn --syn 10.0.0.1 --rate max",
                                        "10.0.0.1 --udp --link ip",
                                        "10.0.0.1 --no-discovery",
                                        "10.0.0.1 --services --no-door-checks",
                                        "--doctor --json",
                                        "--plan - --from-slab 3 --scan-id x",
                                        "--targets-file -",
                                        "--resume s --threads 16",
                                        "--resume s -o xml:a"};
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_int_equal(status_of(wrong[i]), 2);
    }
    for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++) {
        assert_int_equal(status_of(right[i]), 77);
    }
    assert_int_equal(status_of("--help"), 0);
    assert_int_equal(status_of("--help-all"), 0);
    assert_int_equal(status_of("--doctor --help"), 0);
    assert_int_equal(status_of("--version"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_each_argument_in_its_place),
        cmocka_unit_test(reads_numbers_strictly),
        cmocka_unit_test(reads_shards_strictly),
        cmocka_unit_test(refuses_misuse_with_2),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
