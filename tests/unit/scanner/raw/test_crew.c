#include "scanner/raw/crew.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { HANDS = 4, TURNS = 500 };

struct tally {
    _Atomic uint32_t each[HANDS];
    _Atomic uint32_t unblocked;
};

static void work(void *context, uint32_t number)
{
    struct tally *tally = context;
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    tally->unblocked += sigismember(&mask, SIGINT) == 1 ? 0 : 1;
    tally->each[number]++;
}

static void all_work_once_in_each_turn(void **state)
{
    struct tally tally = {0};
    struct crew *crew = NULL;
    struct problem problem;
    (void)state;
    assert_int_equal(crew_create(HANDS, &crew, &problem), 0);
    assert_int_equal(crew_count(crew), HANDS);
    crew_rest(crew);
    for (uint32_t turn = 1; turn <= TURNS; turn++) {
        crew_start(crew, work, &tally);
        crew_rest(crew);
        for (size_t i = 0; i < HANDS; i++) {
            assert_int_equal(tally.each[i], turn);
        }
    }
    assert_int_equal(tally.unblocked, 0);
    crew_destroy(crew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_work_once_in_each_turn)};

    return cmocka_run_group_tests_name("crew", tests, NULL, NULL);
}
