#include "scanner/packet/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scanner/packet/wire.h"
#include "tests/unit/scanner/packet/transport.h"

static const char *const names[] = {"ipv4-udp", "ipv4-udp-answer", "ipv6-udp", "ipv6-udp-answer"};

static enum packet_fault parse(const struct ip_packet *packet)
{
    struct udp_datagram datagram;

    return udp_parse(packet, true, &datagram);
}

static void reads_and_writes_as_linux(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    uint8_t again[CAPTURED_MAX];
    struct ip_packet packet;
    struct udp_datagram datagram;
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        transport_packet(names[i], bytes, &packet);
        assert_int_equal(udp_parse(&packet, true, &datagram), PACKET_FINE);
        assert_int_equal(datagram.length, 5);
        assert_memory_equal(datagram.payload, "hello", 5);
        assert_int_equal(udp_build(again, &packet.header, &datagram), packet.length);
        assert_memory_equal(again, packet.payload, packet.length);
    }
}

static void refuses_flipped_bits_and_cut_datagrams(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        assert_int_equal(transport_forgiven(parse, names[i]), 0);
    }
}

static void no_checksum_is_for_ipv4_alone(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    struct ip_packet packet;
    (void)state;
    transport_packet("ipv4-udp", bytes, &packet);
    wire_put16(bytes + 14 + 20 + 6, 0);
    assert_int_equal(parse(&packet), PACKET_FINE);
    transport_packet("ipv6-udp", bytes, &packet);
    wire_put16(bytes + 14 + 40 + 6, 0);
    assert_int_equal(parse(&packet), PACKET_CHECKSUM);
}

static void minds_its_length(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    struct udp_datagram datagram;
    struct ip_packet packet;
    (void)state;
    transport_packet("ipv4-udp", bytes, &packet);
    wire_put16(bytes + 14 + 20 + 4, 7);
    assert_int_equal(udp_parse(&packet, false, &datagram), PACKET_MALFORMED);
    wire_put16(bytes + 14 + 20 + 4, 14);
    assert_int_equal(udp_parse(&packet, false, &datagram), PACKET_TRUNCATED);
    /* Shorter than the IP packet says: the rest is no part of it. */
    wire_put16(bytes + 14 + 20 + 4, 9);
    assert_int_equal(udp_parse(&packet, false, &datagram), PACKET_FINE);
    assert_int_equal(datagram.length, 1);
}

/* The one payload in 65,536 whose checksum comes out as 0. */
static void sends_a_zero_as_all_ones(void **state)
{
    static const uint8_t address[4] = {127, 0, 0, 1};
    struct ip_header ip = {.source = address, .destination = address, .protocol = IPPROTO_UDP};
    uint8_t payload[2];
    struct udp_datagram datagram = {.payload = payload, .length = 2};
    struct ip_packet packet = {.header = ip};
    unsigned int all_ones = 0;
    uint8_t bytes[16];
    (void)state;
    for (uint32_t i = 0; i <= UINT16_MAX; i++) {
        wire_put16(payload, (uint16_t)i);
        packet.length = udp_build(bytes, &ip, &datagram);
        packet.payload = bytes;
        assert_int_not_equal(wire_get16(bytes + 6), 0);
        all_ones += wire_get16(bytes + 6) == UINT16_MAX;
        assert_int_equal(parse(&packet), PACKET_FINE);
    }
    assert_int_equal(all_ones, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_as_linux),     cmocka_unit_test(refuses_flipped_bits_and_cut_datagrams),
        cmocka_unit_test(no_checksum_is_for_ipv4_alone), cmocka_unit_test(minds_its_length),
        cmocka_unit_test(sends_a_zero_as_all_ones),
    };
    return cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}
