#include "scanner/totals.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void comes_back_from_its_text(void **state)
{
    struct totals totals = {.sent = 1234567890123, .elapsed_ms = 99, .loss = {{5, 4, 3}, {1}}};
    struct totals back;
    char *text = totals_format(&totals);
    (void)state;
    assert_int_equal(totals_parse(text, strlen(text), &back), 0);
    assert_memory_equal(&back, &totals, sizeof(totals));
    free(text);
}

static void nothing_is_zero(void **state)
{
    struct totals zero = {0};
    struct totals back = {.sent = 1};
    (void)state;
    assert_int_equal(totals_parse(NULL, 0, &back), 0);
    assert_memory_equal(&back, &zero, sizeof(zero));
}

static void refuses_other_text(void **state)
{
    static const char *const texts[] = {"{",
                                        "[]",
                                        "{}",
                                        "{\"sent\":-1,\"elapsed_ms\":0,\"answers\":[],\"limits\":[]}",
                                        "{\"sent\":1,\"elapsed_ms\":0,\"answers\":[1],\"limits\":[1]}",
                                        "{\"sent\":\"1\",\"elapsed_ms\":0,\"answers\":0,\"limits\":0}"};
    struct totals totals;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(totals_parse(texts[i], strlen(texts[i]), &totals), -EBADMSG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_from_its_text),
        cmocka_unit_test(nothing_is_zero),
        cmocka_unit_test(refuses_other_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
