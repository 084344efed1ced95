#include "scanner/packet/quote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scanner/packet/tcp.h"
#include "scanner/packet/wire.h"
#include "tests/unit/scanner/packet/transport.h"

static enum packet_fault parse_message(const struct ip_packet *packet, struct quote *ret_quote)
{
    struct icmp_message message;

    assert_int_equal(icmp_parse(packet, false, &message), PACKET_FINE);
    return quote_parse(packet, &message, ret_quote);
}

static void reads_linuxs_port_unreachable(void **state)
{
    static const char *const names[] = {"ipv4-port-unreachable", "ipv6-port-unreachable"};
    uint8_t bytes[CAPTURED_MAX];
    struct ip_packet packet;
    struct quote quote;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        transport_packet(names[i], bytes, &packet);
        assert_int_equal(parse_message(&packet, &quote), PACKET_FINE);
        assert_int_equal(quote.ip.protocol, IPPROTO_UDP);
        assert_int_equal(quote.destination_port, 7778);
        assert_int_equal(quote.length, 8 + strlen("hello, closed port"));
        assert_memory_equal(quote.transport + 8, "hello, closed port", quote.length - 8);
        assert_memory_equal(quote.ip.source, packet.header.destination, i == 0 ? 4 : 16);
        assert_memory_equal(quote.ip.destination, packet.header.source, i == 0 ? 4 : 16);
    }
}

/* An error that quotes `length` bytes of the frame's packet, of ICMP or ICMPv6 as the frame is IPv4 or IPv6. */
static enum packet_fault quoted(const char *name, size_t length, struct quote *ret_quote)
{
    static uint8_t bytes[CAPTURED_MAX];
    struct ip_packet packet = {.header = {.source = bytes, .destination = bytes}};
    struct icmp_message message = {.length = length};
    uint8_t *copy;
    enum packet_fault fault;

    captured(name, bytes);
    copy = exact_copy(bytes + 14, length);
    packet.header.is_ipv6 = bytes[14] >> 4 == 6;
    message.type = packet.header.is_ipv6 ? 1 : 3;
    message.body = copy;
    fault = quote_parse(&packet, &message, ret_quote);
    if (fault == PACKET_FINE) {
        assert_in_range(ret_quote->length, 8, length);
        ret_quote->transport = bytes + 14 + (ret_quote->transport - copy);
    }
    exact_free(copy);
    return fault;
}

static void eight_bytes_are_enough(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    struct quote quote;
    (void)state;
    captured("ipv4-syn", bytes);
    assert_int_equal(quoted("ipv4-syn", 28, &quote), PACKET_FINE);
    assert_int_equal(quote.seq, wire_get32(bytes + 14 + 20 + 4));
    assert_int_equal(quote.destination_port, 80);
    assert_int_equal(quote.flags, 0);
    assert_int_equal(quoted("ipv4-syn", 40, &quote), PACKET_FINE);
    assert_int_equal(quote.flags, TCP_SYN_FLAG);
    assert_int_equal(quoted("ipv6-echo-request", 48, &quote), PACKET_FINE);
    assert_int_equal(quote.seq & 0xffff, 1);
    assert_int_equal(quote.destination_port, 0);
    for (size_t length = 0; length < 28; length++) {
        assert_int_equal(quoted("ipv4-syn", length, &quote), PACKET_TRUNCATED);
    }
    for (size_t length = 0; length < 48; length++) {
        assert_int_equal(quoted("ipv6-udp", length, &quote), PACKET_TRUNCATED);
    }
}

static void quotes_what_we_may_have_sent_only(void **state)
{
    struct quote quote;
    (void)state;
    assert_int_equal(quoted("ipv4-echo-reply", 60, &quote), PACKET_MALFORMED);
    assert_int_equal(quoted("ipv4-port-unreachable", 60, &quote), PACKET_MALFORMED);
    assert_int_equal(quoted("neighbour-solicitation", 60, &quote), PACKET_MALFORMED);
}

static void refuses_the_other_family_and_what_is_no_error(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    struct ip_packet packet;
    struct icmp_message message;
    struct quote quote;
    (void)state;
    transport_packet("ipv4-port-unreachable", bytes, &packet);
    assert_int_equal(icmp_parse(&packet, true, &message), PACKET_FINE);
    message.type = 8;
    assert_int_equal(quote_parse(&packet, &message, &quote), PACKET_MALFORMED);
    message.type = 1;
    packet.header.is_ipv6 = true;
    assert_int_equal(quote_parse(&packet, &message, &quote), PACKET_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_linuxs_port_unreachable),
        cmocka_unit_test(eight_bytes_are_enough),
        cmocka_unit_test(quotes_what_we_may_have_sent_only),
        cmocka_unit_test(refuses_the_other_family_and_what_is_no_error),
    };
    return cmocka_run_group_tests_name("quote", tests, NULL, NULL);
}
