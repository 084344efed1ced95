#include "scanner/packet/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scanner/packet/checksum.h"
#include "scanner/packet/ipv6.h"
#include "scanner/packet/wire.h"
#include "tests/unit/scanner/packet/captured.h"
#include "tests/unit/scanner/packet/exact.h"

static enum packet_fault parse(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = exact_copy(bytes, length);
    struct ip_packet packet;
    enum packet_fault fault;

    fault = ip_parse(copy, length, &packet);
    if (fault == PACKET_FINE) {
        assert_true(packet.payload >= copy && packet.length <= length - (size_t)(packet.payload - copy));
    }
    exact_free(copy);
    return fault;
}

static void writes_the_headers_that_linux_writes(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    uint8_t again[IP6_HEADER_SIZE];
    struct ip_packet packet;
    (void)state;
    for (size_t i = 0; i < CAPTURED_COUNT; i++) {
        size_t length = captured_decode(&captured_frames[i], bytes);
        size_t size = bytes[12] == 0x86 ? 40 : 20;
        /* ARP, and the ICMP error that has a type of service. */
        if (wire_get16(bytes + 12) == 0x0806 || bytes[15] == 0xc0) {
            continue;
        }
        assert_int_equal(ip_parse(bytes + 14, length - 14, &packet), PACKET_FINE);
        assert_int_equal(packet.length, length - 14 - size);
        assert_int_equal(ip_build(again, &packet.header, packet.length), size);
        assert_memory_equal(again, bytes + 14, size);
    }
}

static void reads_the_fields(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    struct ip_packet packet;
    size_t length;
    (void)state;
    length = captured("ipv4-rst", bytes);
    /* Short frames are padded on real Ethernet. */
    assert_int_equal(ip_parse(bytes + 14, length - 14 + 6, &packet), PACKET_FINE);
    assert_int_equal(packet.length, 20);
    assert_int_equal(packet.header.ttl, 64);
    assert_int_equal(packet.header.protocol, IPPROTO_TCP);
    assert_int_equal(packet.header.id, 0);
    assert_true(packet.header.dont_fragment);
    assert_false(packet.header.is_ipv6);
    assert_memory_equal(packet.header.source, "\x0a\x09\x00\x02", 4);
    length = captured("ipv6-rst", bytes);
    assert_int_equal(ip_parse(bytes + 14, length - 14, &packet), PACKET_FINE);
    assert_true(packet.header.is_ipv6);
    assert_int_equal(packet.header.flow_label, wire_get32(bytes + 14) & 0xfffff);
    assert_int_equal(packet.header.destination[15], 1);
}

static void refuses_what_is_cut_off(void **state)
{
    static const char *const names[] = {"ipv4-syn", "ipv6-syn"};
    uint8_t bytes[CAPTURED_MAX];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t length = captured(names[i], bytes) - 14;
        for (size_t cut = 0; cut < length; cut++) {
            assert_int_equal(parse(bytes + 14, cut), PACKET_TRUNCATED);
        }
    }
}

/* Each bit of an IPv4 header is under its checksum. */
static void refuses_flipped_bits(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    size_t length = captured("ipv4-syn", bytes) - 14;
    (void)state;
    for (size_t bit = 0; bit < 20 * 8; bit++) {
        bytes[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(parse(bytes + 14, length), PACKET_FINE);
        bytes[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(parse(bytes + 14, length), PACKET_FINE);
}

static void sum_up_ipv4(uint8_t *header, size_t size)
{
    checksum_put(header + 10, 0);
    checksum_put(header + 10, checksum_finish(checksum_add(0, header, size)));
}

static void minds_lengths_and_options_of_ipv4(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    size_t length = captured("ipv4-syn", bytes) - 14;
    uint8_t *ip = bytes + 14;
    (void)state;
    ip[0] = 0x4f; /* 60 bytes of header, that is all there is */
    sum_up_ipv4(ip, 60);
    assert_int_equal(parse(ip, length), PACKET_FINE);
    ip[0] = 0x44;
    sum_up_ipv4(ip, 20);
    assert_int_equal(parse(ip, length), PACKET_MALFORMED);
    ip[0] = 0x45;
    wire_put16(ip + 2, 19);
    sum_up_ipv4(ip, 20);
    assert_int_equal(parse(ip, length), PACKET_MALFORMED);
    ip[0] = 0x55;
    assert_int_equal(parse(ip, length), PACKET_MALFORMED);
}

static void refuses_fragments_of_ipv4(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    size_t length = captured("ipv4-syn", bytes) - 14;
    struct ip_packet packet;
    (void)state;
    for (int bit = 0; bit < 14; bit++) {
        wire_put16(bytes + 20, (uint16_t)(1 << bit));
        sum_up_ipv4(bytes + 14, 20);
        assert_int_equal(parse(bytes + 14, length), PACKET_FRAGMENT);
        assert_int_equal(ip_parse_quoted(bytes + 14, length, &packet), PACKET_FRAGMENT);
    }
}

/* A TCP segment of 20 bytes behind `count` extension headers of the given types, each of 8 bytes. */
static size_t extended(uint8_t *bytes, const uint8_t *types, size_t count)
{
    static const uint8_t address[16];
    struct ip_header ip = {.source = address, .destination = address, .protocol = 6, .ttl = 64, .is_ipv6 = true};
    size_t length = 40 + 8 * count + 20;

    memset(bytes, 0, length);
    ip_build(bytes, &ip, length - 40);
    for (size_t i = 0; i < count; i++) {
        bytes[i == 0 ? 6 : 40 + 8 * (i - 1)] = types[i];
        bytes[40 + 8 * i] = IPPROTO_TCP;
    }
    return length;
}

static void walks_extension_headers(void **state)
{
    static const uint8_t types[] = {0, 60, 43, 44, 60, 60, 60, 60, 60};
    uint8_t bytes[200];
    struct ip_packet packet;
    (void)state;
    for (size_t count = 0; count <= IPV6_EXTENSIONS_MAX; count++) {
        size_t length = extended(bytes, types, count);
        assert_int_equal(ip_parse(bytes, length, &packet), PACKET_FINE);
        assert_int_equal(packet.header.protocol, IPPROTO_TCP);
        assert_int_equal(packet.length, 20);
        for (size_t cut = 0; cut < length; cut++) {
            assert_int_equal(parse(bytes, cut), PACKET_TRUNCATED);
        }
        /* Cut off within the headers although the length says so little. */
        for (size_t said = 0; said < 8 * count; said++) {
            wire_put16(bytes + 4, (uint16_t)said);
            assert_int_equal(parse(bytes, length), PACKET_TRUNCATED);
        }
    }
    assert_int_equal(parse(bytes, extended(bytes, types, 9)), PACKET_MALFORMED);
}

static void refuses_extension_headers_that_lie(void **state)
{
    uint8_t bytes[200];
    uint8_t type = IPPROTO_DSTOPTS;
    size_t length = extended(bytes, &type, 1);
    (void)state;
    bytes[41] = 2; /* 24 bytes: the segment is four short */
    assert_int_equal(parse(bytes, length), PACKET_FINE);
    bytes[41] = 3; /* 32 bytes where 28 are left */
    assert_int_equal(parse(bytes, length), PACKET_TRUNCATED);
    bytes[41] = 255;
    assert_int_equal(parse(bytes, length), PACKET_TRUNCATED);
    type = IPPROTO_AH;
    length = extended(bytes, &type, 1);
    bytes[41] = 5; /* (5 + 2) * 4 = 28: the segment is gone, and nothing is left of it */
    assert_int_equal(parse(bytes, length), PACKET_FINE);
    bytes[41] = 6;
    assert_int_equal(parse(bytes, length), PACKET_TRUNCATED);
    type = IPPROTO_ROUTING;
    length = extended(bytes, &type, 1);
    bytes[43] = 1;
    assert_int_equal(parse(bytes, length), PACKET_MALFORMED);
}

static void refuses_fragments_of_ipv6(void **state)
{
    uint8_t type = IPPROTO_FRAGMENT;
    uint8_t bytes[200];
    size_t length = extended(bytes, &type, 1);
    (void)state;
    assert_int_equal(parse(bytes, length), PACKET_FINE); /* atomic */
    for (int bit = 0; bit < 16; bit++) {
        wire_put16(bytes + 42, (uint16_t)(1 << bit));
        assert_int_equal(parse(bytes, length), bit == 1 || bit == 2 ? PACKET_FINE : PACKET_FRAGMENT);
    }
}

/* Routers quote a packet with another checksum and a lower TTL, and cut off what does not fit. */
static void reads_quotes_leniently(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    struct ip_packet packet;
    (void)state;
    captured("ipv4-syn", bytes);
    bytes[14 + 8] = 61;
    assert_int_equal(ip_parse_quoted(bytes + 14, 28, &packet), PACKET_FINE);
    assert_int_equal(packet.length, 8);
    assert_int_equal(ip_parse_quoted(bytes + 14, 19, &packet), PACKET_TRUNCATED);
    bytes[14] = 0x48; /* options that are not all there */
    assert_int_equal(ip_parse_quoted(bytes + 14, 31, &packet), PACKET_TRUNCATED);
    assert_int_equal(ip_parse_quoted(bytes + 14, 32, &packet), PACKET_FINE);
    captured("ipv6-syn", bytes);
    assert_int_equal(ip_parse_quoted(bytes + 14, 48, &packet), PACKET_FINE);
    assert_int_equal(packet.length, 8);
    assert_int_equal(ip_parse_quoted(bytes + 14, 39, &packet), PACKET_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_headers_that_linux_writes),
        cmocka_unit_test(reads_the_fields),
        cmocka_unit_test(refuses_what_is_cut_off),
        cmocka_unit_test(refuses_flipped_bits),
        cmocka_unit_test(minds_lengths_and_options_of_ipv4),
        cmocka_unit_test(refuses_fragments_of_ipv4),
        cmocka_unit_test(walks_extension_headers),
        cmocka_unit_test(refuses_extension_headers_that_lie),
        cmocka_unit_test(refuses_fragments_of_ipv6),
        cmocka_unit_test(reads_quotes_leniently),
    };
    return cmocka_run_group_tests_name("ip", tests, NULL, NULL);
}
