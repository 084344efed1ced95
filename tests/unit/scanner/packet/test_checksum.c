#include "scanner/packet/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scanner/packet/ip.h"
#include "scanner/packet/wire.h"
#include "tests/unit/scanner/packet/captured.h"

/* What RFC 1071 says in words, octet by octet. */
static uint16_t plain(const uint8_t *bytes, size_t length)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < length; i++) {
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

/* RFC 1071, section 3: 00 01 f2 03 f4 f5 f6 f7 adds up to ddf2. */
static void adds_the_rfcs_example(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    (void)state;
    assert_int_equal(be16toh(checksum_fold(checksum_add(0, bytes, sizeof(bytes)))), 0xddf2);
}

static void adds_any_length(void **state)
{
    uint8_t *bytes;
    (void)state;
    for (size_t length = 0; length <= 70; length++) {
        bytes = malloc(length + 1);
        bytes[length] = 0xee; /* belongs to nothing */
        for (size_t i = 0; i < length; i++) {
            bytes[i] = (uint8_t)(0xff - i * 37 % 251);
        }
        assert_int_equal(be16toh(checksum_fold(checksum_add(0, bytes, length))), plain(bytes, length));
        free(bytes);
    }
}

/* RFC 1624, section 4: with HC = dd2f a field goes from 5555 to 3285; the older equation says ffff, this one 0000. */
static void updates_the_rfcs_example(void **state)
{
    uint16_t updated = checksum_update(htobe16(0xdd2f), checksum_add16(0, 0x5555), checksum_add16(0, 0x3285));
    (void)state;
    assert_int_equal(be16toh(updated), 0x0000);
}

/* Knuth's MMIX generator: its upper bits are good enough. */
static uint64_t next(uint64_t *random)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *random;
}

static void an_update_is_as_good_as_a_new_sum(void **state)
{
    uint8_t bytes[32];
    uint64_t random = 1;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint16_t before;
        uint32_t was;
        uint32_t is = (uint32_t)(next(&random) >> 32);
        for (size_t j = 0; j < sizeof(bytes); j++) {
            bytes[j] = (uint8_t)(next(&random) >> 56);
        }
        before = checksum_finish(checksum_add(0, bytes, sizeof(bytes)));
        was = wire_get32(bytes + 8);
        wire_put32(bytes + 8, is);
        assert_int_equal(checksum_update(before, checksum_add32(0, was), checksum_add32(0, is)),
                         checksum_finish(checksum_add(0, bytes, sizeof(bytes))));
    }
}

/* The pseudo-headers against segments that a kernel summed up. */
static void holds_for_captured_segments(void **state)
{
    static const char *const names[] = {"ipv4-syn", "ipv4-udp", "ipv6-syn", "ipv6-udp", "ipv6-echo-reply"};
    uint8_t frame[CAPTURED_MAX];
    struct ip_packet packet;
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        size_t length = captured(names[i], frame);
        uint64_t sum;
        assert_int_equal(ip_parse(frame + 14, length - 14, &packet), PACKET_FINE);
        sum = checksum_pseudo(&packet.header, packet.length);
        assert_true(checksum_holds(checksum_add(sum, packet.payload, packet.length)));
        assert_false(checksum_holds(checksum_add(sum + 1, packet.payload, packet.length)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_the_rfcs_example),       cmocka_unit_test(adds_any_length),
        cmocka_unit_test(updates_the_rfcs_example),    cmocka_unit_test(an_update_is_as_good_as_a_new_sum),
        cmocka_unit_test(holds_for_captured_segments),
    };
    return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
