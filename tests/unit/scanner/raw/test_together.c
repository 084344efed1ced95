#include "scanner/raw/together.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct thing {
    uint8_t before[3];
    atomic_uint calls;
    unsigned int number;
};

static void call(void *thing)
{
    struct thing *mine = thing;

    mine->calls += 1 + mine->number;
}

static void each_is_called_once(void **state)
{
    static const size_t counts[] = {0, 1, 2, 31, 32, 33, 100};
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct thing things[101] = {0};
        for (unsigned int number = 0; number < 101; number++) {
            things[number].number = number;
        }
        together(call, things, sizeof(things[0]), counts[i]);
        for (unsigned int number = 0; number < 101; number++) {
            assert_int_equal(things[number].calls, number < counts[i] ? 1 + number : 0);
        }
    }
}

/* As calls do that wait for the same event: one after the other they would wait for ever. */
static atomic_uint arrived;

static void meet(void *thing)
{
    atomic_uint *awaited = thing;

    arrived++;
    while (arrived < *awaited) {
    }
}

static void they_run_side_by_side(void **state)
{
    atomic_uint awaited[3] = {3, 3, 3};
    (void)state;
    together(meet, awaited, sizeof(awaited[0]), 3);
    assert_int_equal(arrived, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_called_once),
        cmocka_unit_test(they_run_side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
