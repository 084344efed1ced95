#include "scanner/service/escape.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Every pair of bytes, behind a third: clean text of at most the length promised, and back. */
static void all_bytes_go_there_and_back(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 65536; value++) {
        const uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value, 'x', '4', '1', (uint8_t)(value * 7)};
        char text[sizeof(bytes) * ESCAPE_MOST + 1];
        uint8_t back[sizeof(bytes)];
        size_t size;
        size = escape_text((struct span){bytes, sizeof(bytes)}, text, sizeof(text));
        assert_int_equal(size, strlen(text));
        for (const char *at = text; *at != '\0'; at++) {
            assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
        }
        assert_int_equal(escape_undo(text, back, sizeof(back), &size), 0);
        assert_int_equal(size, sizeof(bytes));
        assert_memory_equal(back, bytes, size);
    }
}

static void text_is_cut_between_characters(void **state)
{
    char text[8];
    uint8_t back[4];
    size_t size;

    (void)state;
    assert_int_equal(escape_text(SPAN_OF("abcdef\xc3\xa4"), text, 8), 6);
    assert_int_equal(escape_text(SPAN_OF("abcdefg"), text, 8), 7);
    assert_int_equal(escape_text(SPAN_OF("abcd\xff"), text, 8), 4);
    assert_int_equal(escape_text(SPAN_OF("a"), text, 1), 0);
    assert_string_equal(text, "");
    assert_int_equal(escape_undo("12345", back, sizeof(back), &size), -EBADMSG);
    assert_int_equal(escape_undo("\\x4", back, sizeof(back), &size), 0);
    assert_int_equal(size, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_bytes_go_there_and_back),
        cmocka_unit_test(text_is_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
