#include "scanner/timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { THINGS = 300 };

/* Against a list that is searched from end to end. */
static void is_always_the_earliest(void **state)
{
    struct timers *timers = timers_create(THINGS);
    uint64_t model[THINGS] = {0};
    uint64_t random = 1;
    (void)state;
    for (int step = 0; step < 20000; step++) {
        struct mono_time first = {0};
        uint64_t least = 0;
        uint32_t thing;
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        thing = (uint32_t)(random >> 33) % THINGS;
        if ((random >> 60) < 10) {
            model[thing] = 1 + (random >> 40) % 1000;
            timers_set(timers, thing, (struct mono_time){.ns = model[thing]});
        } else {
            model[thing] = 0;
            timers_clear(timers, thing);
        }
        for (int i = 0; i < THINGS; i++) {
            least = model[i] != 0 && (least == 0 || model[i] < least) ? model[i] : least;
        }
        assert_int_equal(timers_first(timers, &thing, &first), least != 0);
        assert_int_equal(first.ns, least);
        assert_true(least == 0 || model[thing] == least);
    }
    timers_destroy(timers);
}

static void has_none_at_first(void **state)
{
    struct timers *timers = timers_create(0);
    struct mono_time first;
    uint32_t thing;
    (void)state;
    assert_false(timers_first(timers, &thing, &first));
    timers_destroy(timers);
    timers_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_always_the_earliest),
        cmocka_unit_test(has_none_at_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
