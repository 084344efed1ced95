#include "scanner/packet/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scanner/packet/wire.h"
#include "tests/unit/scanner/packet/transport.h"

static const char *const names[] = {"ipv4-syn", "ipv4-syn-ack", "ipv4-rst", "ipv6-syn", "ipv6-syn-ack", "ipv6-rst"};

static enum packet_fault parse(const struct ip_packet *packet)
{
    struct tcp_segment segment;

    return tcp_parse(packet, true, &segment);
}

static void reads_and_writes_as_linux(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    uint8_t again[CAPTURED_MAX];
    struct ip_packet packet;
    struct tcp_segment segment;
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        transport_packet(names[i], bytes, &packet);
        assert_int_equal(tcp_parse(&packet, true, &segment), PACKET_FINE);
        assert_int_equal(segment.length, 0);
        assert_int_equal(tcp_build(again, &packet.header, &segment), packet.length);
        assert_memory_equal(again, packet.payload, packet.length);
    }
}

static void carries_a_payload(void **state)
{
    static const uint8_t address[4] = {127, 0, 0, 1};
    struct ip_header ip = {.source = address, .destination = address, .protocol = IPPROTO_TCP};
    struct tcp_segment segment = {.flags = TCP_ACK_FLAG | TCP_PSH_FLAG, .payload = (const uint8_t *)"abc", .length = 3};
    struct ip_packet packet = {.header = ip};
    struct tcp_segment read;
    uint8_t bytes[64];
    (void)state;
    packet.payload = bytes;
    packet.length = tcp_build(bytes, &ip, &segment);
    assert_int_equal(packet.length, 23);
    assert_int_equal(tcp_parse(&packet, true, &read), PACKET_FINE);
    assert_int_equal(read.length, 3);
    assert_memory_equal(read.payload, "abc", 3);
}

static void refuses_flipped_bits_and_cut_segments(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        assert_int_equal(transport_forgiven(parse, names[i]), 0);
    }
}

static void takes_an_unfinished_checksum_when_told(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    struct ip_packet packet;
    struct tcp_segment segment;
    (void)state;
    transport_packet("ipv4-syn-ack", bytes, &packet);
    bytes[14 + 20 + 16] ^= 1;
    assert_int_equal(tcp_parse(&packet, true, &segment), PACKET_CHECKSUM);
    assert_int_equal(tcp_parse(&packet, false, &segment), PACKET_FINE);
    /* Lengths are judged all the same. */
    bytes[14 + 20 + 12] = 0x40;
    assert_int_equal(tcp_parse(&packet, false, &segment), PACKET_MALFORMED);
    bytes[14 + 20 + 12] = 0xf0;
    assert_int_equal(tcp_parse(&packet, false, &segment), PACKET_TRUNCATED);
}

static void finds_timestamps(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    struct ip_packet packet;
    struct tcp_segment segment;
    struct tcp_timestamps asked;
    struct tcp_timestamps answered;
    (void)state;
    transport_packet("ipv6-syn", bytes, &packet);
    assert_int_equal(tcp_parse(&packet, true, &segment), PACKET_FINE);
    assert_true(tcp_find_timestamps(&segment, &asked));
    transport_packet("ipv6-syn-ack", bytes, &packet);
    assert_int_equal(tcp_parse(&packet, true, &segment), PACKET_FINE);
    assert_true(tcp_find_timestamps(&segment, &answered));
    assert_int_equal(asked.echo, 0);
    assert_true(asked.value != 0 && answered.echo == asked.value);
    transport_packet("ipv6-rst", bytes, &packet);
    assert_int_equal(tcp_parse(&packet, true, &segment), PACKET_FINE);
    assert_false(tcp_find_timestamps(&segment, &answered));
}

static void gives_up_on_options_that_lie(void **state)
{
    static const struct {
        uint8_t bytes[12];
        size_t length;
    } cases[] = {
        {{8, 10}, 2},                               /* ends too early */
        {{1, 1, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0}, 12}, /* another length */
        {{3, 0, 8, 10}, 12},                        /* length 0: no way on */
        {{3, 1, 8, 10}, 12},                        /* shorter than itself */
        {{0, 0, 8, 10}, 12},                        /* behind the end */
        {{2}, 1},
        {{3, 255}, 12},
    };
    struct tcp_timestamps timestamps;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint8_t *copy = exact_copy(cases[i].bytes, cases[i].length);
        struct tcp_segment segment = {.options = copy, .options_length = cases[i].length};
        assert_false(tcp_find_timestamps(&segment, &timestamps));
        exact_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_as_linux),
        cmocka_unit_test(carries_a_payload),
        cmocka_unit_test(refuses_flipped_bits_and_cut_segments),
        cmocka_unit_test(takes_an_unfinished_checksum_when_told),
        cmocka_unit_test(finds_timestamps),
        cmocka_unit_test(gives_up_on_options_that_lie),
    };
    return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
