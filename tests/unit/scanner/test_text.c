#include "scanner/text.h"

#include "tests/unit/alloc_countdown.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void grows_and_keeps_its_room(void **state)
{
    struct text text = {0};
    size_t room;
    (void)state;
    text_add(&text, "", 0);
    assert_int_equal(text.size, 0);
    for (size_t i = 0; i < 100000; i++) {
        text_add(&text, "abc", 3);
    }
    assert_int_equal(text.size, 300000);
    assert_memory_equal(text.bytes + 299997, "abc", 3);
    room = text.room;
    text_clear(&text);
    assert_int_equal(text.size, 0);
    text_add(&text, "\0x", 2);
    assert_int_equal(text.room, room);
    assert_memory_equal(text.bytes, "\0x", 2);
    text_done(&text);
    assert_null(text.bytes);
}

static void writes_numbers(void **state)
{
    struct text text = {0};
    uint64_t number = 1;
    (void)state;
    for (int i = 0; i < 66; i++) {
        uint64_t near[] = {number - 1, number, number + 1, UINT64_MAX - number};
        for (size_t j = 0; j < sizeof(near) / sizeof(*near); j++) {
            char wanted[32];
            int length = snprintf(wanted, sizeof(wanted), "%" PRIu64, near[j]);
            text_clear(&text);
            text_add_number(&text, near[j]);
            assert_int_equal(text.size, length);
            assert_memory_equal(text.bytes, wanted, text.size);
        }
        number *= i % 2 == 0 ? 2 : 5;
    }
    text_done(&text);
}

/* What is missing shows until the text begins anew, even if there is memory again. */
static int run_text(void)
{
    struct text text = {0};
    char many[1000] = {0};
    bool missing;

    text_add(&text, "x", 1);
    text_add(&text, many, sizeof(many));
    missing = text.failed;
    assert_int_equal(missing, alloc_failed);
    text_add(&text, "y", 1);
    assert_int_equal(text.failed, alloc_failed);
    text_clear(&text);
    assert_false(text.failed);
    text_add(&text, "z", 1);
    text_done(&text);
    return missing ? -ENOMEM : 0;
}

static void a_failure_sticks(void **state)
{
    (void)state;
    assert_int_equal(alloc_count_down(run_text), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_keeps_its_room),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(a_failure_sticks),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
