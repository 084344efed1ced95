#include "tests/unit/seed.h"
#include "web/json_writer.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void writes_what_jansson_reads(void **state)
{
    struct buffer buffer;
    struct json_writer writer;
    json_t *tree;
    (void)state;
    buffer_init(&buffer);
    json_writer_init(&writer, &buffer);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "hostile", "\"\\\x01\x7f\xff</script>\xc3\xa9\xed\xa0\x80");
    json_put_text_or_null(&writer, "empty", "");
    json_put_number(&writer, "number", INT64_MIN);
    json_put_real(&writer, "real", 0.25);
    json_put_real(&writer, "nan", NAN);
    json_put_flag(&writer, "flag", true);
    json_put_time(&writer, "time", 1);
    json_put_time(&writer, "never", 0);
    json_put_stored(&writer, "stored", "[1,{\"a\":null}]");
    json_put_stored(&writer, "broken", "[1,");
    json_put_stored(&writer, "bytes", "\"\xff\"");
    json_open_array(&writer, "list");
    json_put_null(&writer, NULL);
    json_put_number(&writer, NULL, 2);
    json_close_array(&writer);
    json_close_object(&writer);
    assert_false(buffer.failed);
    tree = json_loadb(buffer.bytes, buffer.length, 0, NULL);
    assert_non_null(tree);
    assert_string_equal(json_string_value(json_object_get(tree, "hostile")),
                        "\"\\\x01\x7f\xef\xbf\xbd</script>\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_true(json_is_null(json_object_get(tree, "empty")));
    assert_int_equal(json_integer_value(json_object_get(tree, "number")), INT64_MIN);
    assert_true(json_is_null(json_object_get(tree, "nan")));
    assert_string_equal(json_string_value(json_object_get(tree, "time")), "1970-01-01T00:00:00.001Z");
    assert_true(json_is_null(json_object_get(tree, "never")));
    assert_int_equal(json_array_size(json_object_get(tree, "stored")), 2);
    assert_true(json_is_null(json_object_get(tree, "broken")));
    assert_true(json_is_null(json_object_get(tree, "bytes")));
    assert_int_equal(json_array_size(json_object_get(tree, "list")), 2);
    json_decref(tree);
    buffer_done(&buffer);
}

static void puts_as_printf_does(double real)
{
    char expected[64];
    struct buffer buffer;
    struct json_writer writer;

    buffer_init(&buffer);
    json_writer_init(&writer, &buffer);
    json_put_real(&writer, NULL, real);
    buffer_add(&buffer, "", 1);
    snprintf(expected, sizeof(expected), "%.10g", real);
    assert_string_equal(buffer.bytes, expected);
    buffer_done(&buffer);
}

/* The short way to digits gives the same as the long one. */
static void reals_are_those_of_printf(void **state)
{
    static const double others[] = {-0.0,  -1.5,   1e5,     99999.9999, 99999.99995,
                                    1e300, 5e-324, 0.00005, 0.1 + 0.2,  1.0 / 3};
    uint64_t random_state = seed_first();
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        puts_as_printf_does(others[i]);
    }
    for (int i = 0; i < 200000; i++) {
        puts_as_printf_does(i / 10000.0);
    }
    for (int i = 0; i < 50000; i++) {
        double whole = (double)seed_draw(&random_state, 200000);
        puts_as_printf_does(whole + (double)seed_draw(&random_state, 1 << 20) / (1 << 20));
        puts_as_printf_does(whole / 7);
    }
}

static void numbers_of_every_length(void **state)
{
    struct buffer buffer;
    struct json_writer writer;
    char expected[64];
    (void)state;
    for (uint64_t number = 1; number <= (uint64_t)INT64_MAX / 10; number *= 10) {
        for (int64_t near = -1; near <= 1; near++) {
            buffer_init(&buffer);
            json_writer_init(&writer, &buffer);
            json_put_number(&writer, NULL, (int64_t)number + near);
            json_put_number(&writer, NULL, -(int64_t)number + near);
            buffer_add(&buffer, "", 1);
            snprintf(expected, sizeof(expected), "%" PRId64 ",%" PRId64, (int64_t)number + near,
                     -(int64_t)number + near);
            assert_string_equal(buffer.bytes, expected);
            buffer_done(&buffer);
        }
    }
}

static void grows_and_gives_away(void **state)
{
    struct buffer buffer;
    size_t length;
    char *bytes;
    (void)state;
    buffer_init(&buffer);
    assert_null(buffer_take(&buffer, &length));
    for (int i = 0; i < 10000; i++) {
        buffer_print(&buffer, "%d,", i);
    }
    assert_false(buffer.failed);
    bytes = buffer_take(&buffer, &length);
    assert_int_equal(length, 48890);
    assert_memory_equal(bytes + length - 5, "9999,", 5);
    free(bytes);
    buffer_add(&buffer, "x", SIZE_MAX / 2);
    assert_true(buffer.failed);
    assert_null(buffer_take(&buffer, &length));
    buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_jansson_reads),
        cmocka_unit_test(numbers_of_every_length),
        cmocka_unit_test(reals_are_those_of_printf),
        cmocka_unit_test(grows_and_gives_away),
    };
    return cmocka_run_group_tests_name("json_writer", tests, NULL, NULL);
}
