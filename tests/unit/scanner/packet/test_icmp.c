#include "scanner/packet/icmp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/scanner/packet/transport.h"

static const char *const names[] = {
    "ipv4-echo-request", "ipv4-echo-reply", "ipv4-port-unreachable",
    "ipv6-echo-request", "ipv6-echo-reply", "ipv6-port-unreachable",
};

static enum packet_fault parse(const struct ip_packet *packet)
{
    struct icmp_message message;

    return icmp_parse(packet, true, &message);
}

static void reads_and_writes_as_linux(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    uint8_t again[CAPTURED_MAX];
    struct ip_packet packet;
    struct icmp_message message;
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        transport_packet(names[i], bytes, &packet);
        assert_int_equal(icmp_parse(&packet, true, &message), PACKET_FINE);
        assert_int_equal(icmp_is_error(packet.header.is_ipv6, message.type), i % 3 == 2);
        assert_int_equal(icmp_is_echo_reply(packet.header.is_ipv6, message.type), i % 3 == 1);
        assert_int_equal(icmp_build(again, &packet.header, &message), packet.length);
        assert_memory_equal(again, packet.payload, packet.length);
    }
}

static void an_echo_has_identifier_and_sequence_number(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    struct ip_packet packet;
    struct icmp_message asked;
    struct icmp_message answered;
    (void)state;
    transport_packet("ipv6-echo-request", bytes, &packet);
    assert_int_equal(icmp_parse(&packet, true, &asked), PACKET_FINE);
    transport_packet("ipv6-echo-reply", bytes, &packet);
    assert_int_equal(icmp_parse(&packet, true, &answered), PACKET_FINE);
    assert_int_equal(asked.rest & 0xffff, 1);
    assert_int_equal(answered.rest, asked.rest);
    assert_int_equal(answered.length, 56);
}

static void refuses_flipped_bits_and_cut_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        assert_int_equal(transport_forgiven(parse, names[i]), 0);
    }
}

/* The types of RFC 792 and RFC 4443, section 2.1, that carry a packet. */
static void knows_errors(void **state)
{
    (void)state;
    for (int type = 0; type < 256; type++) {
        assert_int_equal(icmp_is_error(false, (uint8_t)type),
                         type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
        assert_int_equal(icmp_is_error(true, (uint8_t)type), type < 128);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_as_linux),
        cmocka_unit_test(an_echo_has_identifier_and_sequence_number),
        cmocka_unit_test(refuses_flipped_bits_and_cut_messages),
        cmocka_unit_test(knows_errors),
    };
    return cmocka_run_group_tests_name("icmp", tests, NULL, NULL);
}
