#include "scanner/packet/icmp6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scanner/packet/checksum.h"
#include "tests/unit/scanner/packet/transport.h"

static const uint8_t near[16] = {0xfd, 0, 0, 9, [15] = 2};
static const uint8_t link[6] = {2, 0, 0, 0, 0, 2};

static enum packet_fault parse(const struct ip_packet *packet)
{
    struct icmp6_neighbour neighbour;

    return icmp6_parse(packet, true, &neighbour);
}

static void reads_and_writes_as_linux(void **state)
{
    static const char *const names[] = {"neighbour-solicitation", "neighbour-advertisement"};
    uint8_t bytes[CAPTURED_MAX];
    uint8_t again[ICMP6_NEIGHBOUR_SIZE];
    struct icmp6_neighbour neighbour;
    struct ip_packet packet;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        transport_packet(names[i], bytes, &packet);
        assert_int_equal(icmp6_parse(&packet, true, &neighbour), PACKET_FINE);
        assert_int_equal(neighbour.advertisement, i == 1);
        assert_memory_equal(neighbour.target, near, 16);
        assert_int_equal(neighbour.solicited, i == 1);
        assert_int_equal(icmp6_build(again, &packet.header, &neighbour), packet.length);
        assert_memory_equal(again, packet.payload, packet.length);
        assert_int_equal(transport_forgiven(parse, names[i]), 0);
    }
    assert_memory_equal(neighbour.link, link, 6);
}

static void knows_where_a_solicitation_goes(void **state)
{
    uint8_t frame[CAPTURED_MAX];
    uint8_t address[16];
    uint8_t multicast[6];
    (void)state;
    captured("neighbour-solicitation", frame);
    icmp6_solicited_node(near, address, multicast);
    assert_memory_equal(multicast, frame, 6);
    assert_memory_equal(address, frame + 14 + 24, 16);
}

/* A neighbour message as told, between the two addresses, read again. */
static enum packet_fault judge(const struct ip_header *ip, const struct icmp6_neighbour *neighbour)
{
    uint8_t bytes[ICMP6_NEIGHBOUR_SIZE];
    struct ip_packet packet = {.header = *ip, .payload = bytes};

    packet.length = icmp6_build(bytes, ip, neighbour);
    return parse(&packet);
}

/* Each rule of RFC 4861, sections 7.1.1 and 7.1.2. */
static void refuses_what_the_rfc_drops(void **state)
{
    static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
    static const uint8_t unspecified[16];
    struct ip_header ip = {.source = near, .destination = near, .protocol = 58, .ttl = 255, .is_ipv6 = true};
    struct icmp6_neighbour neighbour = {.target = near, .link = link, .advertisement = true, .solicited = true};
    (void)state;
    assert_int_equal(judge(&ip, &neighbour), PACKET_FINE);
    ip.ttl = 254;
    assert_int_equal(judge(&ip, &neighbour), PACKET_MALFORMED);
    ip.ttl = 255;
    ip.destination = all_nodes;
    assert_int_equal(judge(&ip, &neighbour), PACKET_MALFORMED);
    neighbour.solicited = false;
    assert_int_equal(judge(&ip, &neighbour), PACKET_FINE);
    neighbour.target = all_nodes;
    assert_int_equal(judge(&ip, &neighbour), PACKET_MALFORMED);
    neighbour = (struct icmp6_neighbour){.target = near, .link = link};
    assert_int_equal(judge(&ip, &neighbour), PACKET_FINE);
    ip.source = unspecified;
    assert_int_equal(judge(&ip, &neighbour), PACKET_MALFORMED);
    neighbour.link = NULL;
    assert_int_equal(judge(&ip, &neighbour), PACKET_FINE);
}

static void refuses_options_that_lie(void **state)
{
    static const struct {
        uint8_t bytes[18];
        size_t length;
        enum packet_fault fault;
    } cases[] = {
        {{2, 0, 1, 2, 3, 4, 5, 6}, 8, PACKET_MALFORMED},
        {{2, 2, 1, 2, 3, 4, 5, 6}, 8, PACKET_TRUNCATED},
        {{14, 1, 0, 0, 0, 0, 0, 0, 2, 0}, 16, PACKET_MALFORMED},
        {{14, 1, 0, 0, 0, 0, 0, 0, 2}, 9, PACKET_MALFORMED},
        {{14, 1, 0, 0, 0, 0, 0, 0, 2, 1, 1, 2, 3, 4, 5, 6}, 16, PACKET_FINE},
    };
    struct ip_header ip = {.source = near, .destination = near, .protocol = 58, .ttl = 255, .is_ipv6 = true};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint8_t body[34];
        uint8_t bytes[48];
        struct icmp_message message = {.type = 136, .body = body, .length = 16 + cases[i].length};
        struct ip_packet packet = {.header = ip, .payload = bytes};
        memcpy(body, near, 16);
        memcpy(body + 16, cases[i].bytes, cases[i].length);
        packet.length = icmp_build(bytes, &ip, &message);
        assert_int_equal(transport_parse_copy(parse, packet, packet.length), cases[i].fault);
    }
}

static void refuses_other_messages(void **state)
{
    uint8_t bytes[CAPTURED_MAX];
    struct ip_packet packet;
    (void)state;
    transport_packet("ipv6-echo-reply", bytes, &packet);
    packet.header.ttl = 255;
    assert_int_equal(parse(&packet), PACKET_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_as_linux),  cmocka_unit_test(knows_where_a_solicitation_goes),
        cmocka_unit_test(refuses_what_the_rfc_drops), cmocka_unit_test(refuses_options_that_lie),
        cmocka_unit_test(refuses_other_messages),
    };
    return cmocka_run_group_tests_name("icmp6", tests, NULL, NULL);
}
