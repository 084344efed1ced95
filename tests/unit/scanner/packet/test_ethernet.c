#include "scanner/packet/ethernet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/scanner/packet/exact.h"

static const uint8_t one[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t two[6] = {2, 0, 0, 0, 0, 2};

static enum packet_fault parse(const uint8_t *bytes, size_t length, struct ethernet_frame *ret_frame)
{
    uint8_t *copy = exact_copy(bytes, length);
    enum packet_fault fault;

    fault = ethernet_parse(copy, length, ret_frame);
    exact_free(copy);
    return fault;
}

static void reads_what_it_writes(void **state)
{
    struct ethernet_header header = {.destination = two, .source = one, .type = 0x86dd};
    struct ethernet_frame frame;
    uint8_t bytes[16] = {[14] = 7, [15] = 8};
    (void)state;
    assert_int_equal(ethernet_build(bytes, &header), 14);
    assert_int_equal(ethernet_parse(bytes, sizeof(bytes), &frame), PACKET_FINE);
    assert_memory_equal(frame.header.destination, two, 6);
    assert_memory_equal(frame.header.source, one, 6);
    assert_int_equal(frame.header.type, 0x86dd);
    assert_ptr_equal(frame.payload, bytes + 14);
    assert_int_equal(frame.length, 2);
    assert_int_equal(bytes[12], 0x86);
}

static void goes_behind_two_tags(void **state)
{
    uint8_t bytes[26] = {[12] = 0x88, [13] = 0xa8, [16] = 0x81, [20] = 0x08, [24] = 0x08};
    struct ethernet_frame frame;
    (void)state;
    assert_int_equal(ethernet_parse(bytes, 24, &frame), PACKET_FINE);
    assert_int_equal(frame.header.type, 0x0800);
    assert_int_equal(frame.length, 2);
    assert_ptr_equal(frame.payload, bytes + 22);
    assert_int_equal(parse(bytes, 21, &frame), PACKET_TRUNCATED);
    assert_int_equal(parse(bytes, 17, &frame), PACKET_TRUNCATED);
    bytes[20] = 0x81; /* a third is no type that anybody asked for */
    assert_int_equal(parse(bytes, 26, &frame), PACKET_FINE);
    assert_int_equal(frame.header.type, 0x8100);
}

static void refuses_what_is_no_frame(void **state)
{
    uint8_t bytes[14] = {[12] = 0x05, [13] = 0xdc};
    struct ethernet_frame frame;
    (void)state;
    assert_int_equal(parse(bytes, sizeof(bytes), &frame), PACKET_MALFORMED);
    bytes[12] = 0x08;
    for (size_t length = 0; length < sizeof(bytes); length++) {
        assert_int_equal(parse(bytes, length, &frame), PACKET_TRUNCATED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(goes_behind_two_tags),
        cmocka_unit_test(refuses_what_is_no_frame),
    };
    return cmocka_run_group_tests_name("ethernet", tests, NULL, NULL);
}
