/* Seeds of tests that draw their cases. LEASTPORT_TEST_SEED sets the first, LEASTPORT_TEST_REPEATS multiplies the
 * number of cases. Whatever ends the program, a failed check, a sanitizer's report, an assertion, a signal, the seed of
 * the case at hand is said. */
#ifndef LEASTPORT_TESTS_UNIT_SEED_H
#define LEASTPORT_TESTS_UNIT_SEED_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static volatile uint64_t seed_at_hand;

/* By what a signal handler may call. */
static inline void seed_cry(void)
{
    char text[] = "LEASTPORT_TEST_SEED=00000000000000000000\n";
    uint64_t rest = seed_at_hand;
    ssize_t ignored;

    for (size_t at = sizeof(text) - 3; text[at] != '='; at--) {
        text[at] = (char)('0' + rest % 10);
        rest /= 10;
    }
    ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored;
}

static inline void seed_signalled(int number)
{
    seed_cry();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

/* There where a sanitizer is. NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static inline uint64_t seed_first(void)
{
    const char *text = getenv("LEASTPORT_TEST_SEED");
    bool given = text != NULL && *text != '\0';

    seed_at_hand = given ? strtoull(text, NULL, 10) : (uint64_t)time(NULL) * 1000003;
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(seed_cry);
    }
    (void)signal(SIGABRT, seed_signalled);
    print_message("LEASTPORT_TEST_SEED=%llu\n", (unsigned long long)seed_at_hand);
    return seed_at_hand;
}

/* How many cases instead of `few`. */
static inline uint64_t seed_repeats(uint64_t few)
{
    const char *text = getenv("LEASTPORT_TEST_REPEATS");

    return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) * few : few;
}

/* Below `below`, from a state that a seed begins: splitmix64 (Steele, Lea & Flood 2014). */
static inline int seed_draw(uint64_t *source, int below)
{
    uint64_t mixed = *source += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (int)((mixed ^ (mixed >> 31)) % (uint64_t)below);
}

/* A teardown: said also where nothing failed, since a teardown is not told. */
static inline int seed_say(void **state)
{
    (void)state;
    print_message("the last case: LEASTPORT_TEST_SEED=%llu\n", (unsigned long long)seed_at_hand);
    return 0;
}

#endif
