#include "scanner/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static bool parse(const char *text, uint64_t *ret_lost)
{
    char bytes[4096];
    FILE *stream;
    bool known;

    snprintf(bytes, sizeof(bytes), "%s", text);
    stream = fmemopen(bytes, strlen(bytes), "r");
    assert_non_null(stream);
    known = limits_parse_conntrack_lost(stream, ret_lost);
    fclose(stream);
    return known;
}

/* The columns are found by name: kernels differ in what stands between them. */
static void losses_of_all_processors_are_summed(void **state)
{
    uint64_t lost = 0;
    (void)state;
    assert_true(parse("entries  searched drop early_drop icmp_error\n"
                      "00000009  00000001 00000010 00000002 00000100\n"
                      "00000009  00000001 00000001 0000000a 00000100\n",
                      &lost));
    assert_int_equal(lost, 16 + 2 + 1 + 10);
    assert_true(parse("early_drop drop\n00000001 ffffffff\n", &lost));
    assert_int_equal(lost, UINT64_C(0x100000000));
}

static void what_it_does_not_know_is_no_count(void **state)
{
    static const char *const texts[] = {"\n", "entries found\n00000001 00000002\n", "00000001 00000002\n",
                                        "dropped\n00000001\n"};
    uint64_t lost = 7;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_false(parse(texts[i], &lost));
        assert_int_equal(lost, 7);
    }
    /* Lines that are cut short or no numbers count as far as they go. */
    assert_true(parse("drop early_drop\n00000003\nzzz\n\n00000001 00000001", &lost));
    assert_int_equal(lost, 5);
}

static void the_soft_limit_is_raised_to_the_hard_one(void **state)
{
    struct rlimit before;
    struct rlimit low;
    struct limits limits;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = (struct rlimit){.rlim_cur = 32, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(limits_read(&limits), 0);
    assert_int_equal(limits.descriptors_soft, 32);
    assert_int_equal(limits_raise_descriptors(), 0);
    assert_int_equal(limits_read(&limits), 0);
    assert_int_equal(limits.descriptors_soft, before.rlim_max);
    assert_int_equal(limits.descriptors_hard, before.rlim_max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_of_all_processors_are_summed),
        cmocka_unit_test(what_it_does_not_know_is_no_count),
        cmocka_unit_test(the_soft_limit_is_raised_to_the_hard_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
