#include "auditd/aws/wiped.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What the program gives back, kept here so that it can be looked at. */
static unsigned char *given_back;
static size_t given_size;

/* The names are the linker's (ld --wrap). NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void __real_free(void *memory);
void __wrap_free(void *memory);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

void __wrap_free(void *memory)
{
    if (given_size > 0 && memory != NULL) {
        given_back = memory;
        return;
    }
    __real_free(memory);
}

static void assert_wiped(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;

    for (size_t i = 0; i < size; i++) {
        assert_int_equal(bytes[i], 0);
    }
}

static void wipes_what_is_given_back(void **state)
{
    char *text = wiped_strdup("a secret of some length");
    size_t size = strlen(text) + 1;

    (void)state;
    given_size = size;
    wiped_free(text);
    given_size = 0;
    assert_non_null(given_back);
    assert_wiped(text, size);
    __real_free(given_back);
}

static void wipes_what_has_grown(void **state)
{
    char *text = wiped_strdup("a secret");
    char *grown;

    (void)state;
    given_size = sizeof("a secret");
    grown = wiped_realloc(text, 4096);
    given_size = 0;
    assert_string_equal(grown, "a secret");
    assert_wiped(text, sizeof("a secret"));
    __real_free(given_back);
    wiped_free(grown);
}

static void keeps_the_rules_of_malloc(void **state)
{
    size_t huge = SIZE_MAX / 2 + 1;
    unsigned char *zeros = wiped_calloc(7, 9);
    char *fresh = wiped_realloc(NULL, 3);

    (void)state;
    assert_wiped(zeros, 63);
    assert_int_equal((uintptr_t)zeros % _Alignof(max_align_t), 0);
    wiped_free(zeros);
    wiped_free(fresh);
    wiped_free(NULL);
    assert_null(wiped_calloc(huge, 2));
    assert_null(wiped_malloc(SIZE_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wipes_what_is_given_back),
        cmocka_unit_test(wipes_what_has_grown),
        cmocka_unit_test(keeps_the_rules_of_malloc),
    };

    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
