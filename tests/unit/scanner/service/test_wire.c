#include "scanner/service/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_is_written_is_read_again(void **state)
{
    uint8_t room[64];
    struct wire_writer writer = wire_writer_of(room, sizeof(room));
    struct wire_reader reader;

    (void)state;
    wire_put_u8(&writer, 0x12);
    wire_put_u16(&writer, 0x1234);
    wire_put_u24(&writer, 0x123456);
    wire_put_u32(&writer, 0x12345678);
    wire_put_u64(&writer, UINT64_C(0x123456789abcdef0));
    wire_put_u16_le(&writer, 0x1234);
    wire_put_u24_le(&writer, 0x123456);
    wire_put_u32_le(&writer, 0x12345678);
    wire_put_u64_le(&writer, UINT64_C(0x123456789abcdef0));
    wire_put_text(&writer, "text");
    wire_put_zeros(&writer, 2);
    wire_patch_u16(&writer, 1, 0xfefe);
    assert_false(writer.failed);
    assert_int_equal(room[3], 0x12);
    reader = wire_reader_of(wire_written(&writer));
    assert_int_equal(wire_u8(&reader), 0x12);
    assert_int_equal(wire_u16(&reader), 0xfefe);
    assert_int_equal(wire_u24(&reader), 0x123456);
    assert_int_equal(wire_u32(&reader), 0x12345678);
    assert_int_equal(wire_u64(&reader), UINT64_C(0x123456789abcdef0));
    assert_int_equal(wire_u16_le(&reader), 0x1234);
    assert_int_equal(wire_u24_le(&reader), 0x123456);
    assert_int_equal(wire_u32_le(&reader), 0x12345678);
    assert_int_equal(wire_u64_le(&reader), UINT64_C(0x123456789abcdef0));
    assert_true(span_equal(wire_string(&reader), SPAN_OF("text")));
    wire_skip(&reader, 1);
    assert_false(reader.failed);
    assert_int_equal(reader.rest.size, 0);
    assert_int_equal(wire_u8(&reader), 0);
    assert_true(reader.failed);
}

static void what_fails_stays_failed(void **state)
{
    uint8_t room[3];
    struct wire_writer writer = wire_writer_of(room, sizeof(room));
    struct wire_reader reader = wire_reader_of(SPAN_OF("ab"));

    (void)state;
    assert_int_equal(wire_u32(&reader), 0);
    assert_int_equal(wire_u8(&reader), 0);
    assert_true(reader.failed);
    reader = wire_reader_of(SPAN_OF("no end"));
    assert_int_equal(wire_string(&reader).size, 0);
    assert_true(reader.failed);
    reader = wire_reader_of((struct span){NULL, 0});
    assert_int_equal(wire_string(&reader).size, 0);
    assert_true(reader.failed);
    wire_put_u16(&writer, 1);
    wire_put_u16(&writer, 2);
    wire_put_u8(&writer, 3);
    assert_true(writer.failed);
    assert_int_equal(writer.size, 2);
}

static void lines_and_parts_are_found(void **state)
{
    struct span line;
    struct span rest;

    (void)state;
    assert_true(span_line(SPAN_OF("one\r\n\ntwo"), &line, &rest));
    assert_true(span_equal(line, SPAN_OF("one")));
    assert_true(span_line(rest, &line, &rest));
    assert_int_equal(line.size, 0);
    assert_false(span_line(rest, &line, &rest));
    assert_false(span_line((struct span){NULL, 0}, &line, &rest));
    assert_true(span_equal(rest, SPAN_OF("two")));
    assert_int_equal(span_find(SPAN_OF("abcabd"), SPAN_OF("abd")), 3);
    assert_int_equal(span_find(SPAN_OF("abc"), SPAN_OF("abd")), -1);
    assert_int_equal(span_find((struct span){NULL, 0}, SPAN_OF("a")), -1);
    assert_true(span_starts_as(SPAN_OF("HtTp/1.1"), SPAN_OF("http/")));
    assert_false(span_starts(SPAN_OF("HtTp/1.1"), SPAN_OF("http/")));
    assert_true(span_equal(span_trim(SPAN_OF(" \t a b\r\n")), SPAN_OF("a b")));
    assert_int_equal(span_trim(SPAN_OF(" \t")).size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(what_fails_stays_failed),
        cmocka_unit_test(lines_and_parts_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
