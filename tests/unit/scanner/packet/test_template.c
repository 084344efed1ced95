#include "scanner/packet/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scanner/packet/icmp.h"
#include "scanner/packet/tcp.h"
#include "scanner/packet/udp.h"
#include "scanner/packet/wire.h"
#include "tests/unit/scanner/packet/transport.h"

static const uint8_t key[COOKIE_KEY_BYTES] = "least exposure!";
static const uint8_t link_one[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t link_two[6] = {2, 0, 0, 0, 0, 2};
static const struct cookie_ports ports = {40000, 20000};
static const struct ethernet_header ethernet = {.destination = link_two, .source = link_one};

static struct addr address(const char *text)
{
    struct addr addr;

    assert_int_equal(addr_parse(text, &addr), 0);
    return addr;
}

static void make(struct template *template, enum packet_probe probe, const char *source, const struct payload *payload)
{
    struct addr from = address(source);
    struct template_options options = {
        .probe = probe, .source = &from, .link = &ethernet, .key = key, .ports = ports, .payload = payload};

    template_init(template, &options);
}

/* The frame's packet, of which Ethernet and IP are judged here. */
static struct ip_packet patched(const struct template *template, const struct template_target *target,
                                uint8_t frame[TEMPLATE_FRAME_MAX])
{
    struct ethernet_frame ethernet_read;
    struct ip_packet packet;
    size_t length;

    memset(frame, 0xee, TEMPLATE_FRAME_MAX);
    length = template_patch(template, target, frame);
    assert_int_equal(length, template_length(template));
    assert_true(length == TEMPLATE_FRAME_MAX || frame[length] == 0xee);
    assert_int_equal(ethernet_parse(frame, length, &ethernet_read), PACKET_FINE);
    assert_memory_equal(frame, target->link == NULL ? link_two : target->link, 6);
    assert_memory_equal(frame + 6, link_one, 6);
    assert_int_equal(ip_parse(ethernet_read.payload, ethernet_read.length, &packet), PACKET_FINE);
    assert_int_equal(ethernet_read.header.type, packet.header.is_ipv6 ? 0x86dd : 0x0800);
    assert_int_equal(packet.header.ttl, 64);
    assert_true(packet.header.is_ipv6 || packet.header.dont_fragment);
    assert_memory_equal(packet.header.destination, target->destination, packet.header.is_ipv6 ? 16 : 4);
    return packet;
}

/* What differs from one connection to another in a captured SYN, set as in the other. */
static void level(uint8_t *frame, const uint8_t *like, bool is_ipv6)
{
    size_t tcp = 14 + (is_ipv6 ? 40 : 20);

    if (is_ipv6) {
        memcpy(frame + 14, like + 14, 4);
    } else {
        memcpy(frame + 14 + 4, like + 14 + 4, 2);
        memcpy(frame + 14 + 10, like + 14 + 10, 2);
    }
    memcpy(frame + tcp, like + tcp, 2);
    memcpy(frame + tcp + 4, like + tcp + 4, 4);
    memcpy(frame + tcp + 16, like + tcp + 16, 2);
    memcpy(frame + tcp + 28, like + tcp + 28, 4);
    /* The scale follows the memory that the machine allows a socket: 7 by the kernel's longstanding default. */
    frame[tcp + 39] = like[tcp + 39];
}

static void a_syn_is_as_linuxs(void **state)
{
    static const char *const names[] = {"ipv4-syn", "ipv6-syn"};
    static const char *const sources[] = {"10.9.0.1", "fd00:9::1"};
    static const char *const hosts[] = {"10.9.0.2", "fd00:9::2"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint8_t frame[TEMPLATE_FRAME_MAX];
        uint8_t linuxs[CAPTURED_MAX] = {0};
        struct template template;
        struct addr host = address(hosts[i]);
        struct template_target target = {.destination = host.bytes, .port = 80, .clock_ms = 1000};
        size_t length = captured(names[i], linuxs);
        make(&template, PACKET_TCP_SYN, sources[i], NULL);
        assert_int_equal(template_patch(&template, &target, frame), length);
        level(frame, linuxs, i == 1);
        assert_memory_equal(frame, linuxs, length);
    }
}

static void a_syn_carries_the_cookie(void **state)
{
    struct addr host = address("10.200.3.77");
    struct addr source = address("10.9.0.1");
    struct template_target target = {.destination = host.bytes, .link = link_one, .clock_ms = 123456};
    uint8_t frame[TEMPLATE_FRAME_MAX];
    struct cookie_origin origin;
    struct template template;
    (void)state;
    make(&template, PACKET_TCP_SYN, "10.9.0.1", NULL);
    cookie_origin_init(&origin, key, PACKET_TCP_SYN, &source);
    for (uint32_t i = 0; i < 70000; i++) {
        struct tcp_segment segment;
        struct tcp_timestamps timestamps;
        struct ip_packet packet;
        uint64_t hash;
        target.port = (uint16_t)i;
        target.try_number = (uint8_t)(i % 3);
        packet = patched(&template, &target, frame);
        hash = cookie_hash(&origin, host.bytes, target.port);
        assert_int_equal(tcp_parse(&packet, true, &segment), PACKET_FINE);
        assert_int_equal(segment.seq, cookie_value(hash));
        assert_int_equal(segment.ack, 0);
        assert_int_equal(segment.flags, TCP_SYN_FLAG);
        assert_int_equal(segment.destination_port, target.port);
        assert_int_equal(segment.source_port, cookie_source_port(ports, hash, target.try_number));
        assert_int_equal(packet.header.id, cookie_ip_id(hash, target.try_number));
        assert_true(tcp_find_timestamps(&segment, &timestamps));
        assert_int_equal(timestamps.value - cookie_clock(key), 123456);
    }
}

/* Each kind of probe to many hosts of both families: all sums hold whatever is patched in. */
static void all_checksums_hold(void **state)
{
    static const enum packet_probe probes[] = {PACKET_TCP_SYN, PACKET_TCP_ACK, PACKET_ECHO};
    uint8_t frame[TEMPLATE_FRAME_MAX];
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct addr host = address(i < 3 ? "10.0.0.0" : "fd00:9::ffff:ff00");
        struct template template;
        make(&template, probes[i % 3], i < 3 ? "10.9.0.1" : "fd00:9::1", NULL);
        for (uint32_t n = 0; n < 20000; n++) {
            struct template_target target = {
                .destination = host.bytes, .port = (uint16_t)(n * 7), .clock_ms = n * 77777, .try_number = n % 4};
            struct ip_packet packet = patched(&template, &target, frame);
            struct tcp_segment segment;
            struct icmp_message message;
            if (probes[i % 3] == PACKET_ECHO) {
                assert_int_equal(icmp_parse(&packet, true, &message), PACKET_FINE);
                assert_int_equal(message.length, 56);
            } else {
                assert_int_equal(tcp_parse(&packet, true, &segment), PACKET_FINE);
            }
            assert_true(addr_add(&host, 1));
        }
    }
}

static void an_ack_asks_for_a_reset_with_the_cookie(void **state)
{
    struct addr host = address("10.9.0.2");
    struct addr source = address("10.9.0.1");
    struct template_target target = {.destination = host.bytes, .port = 443};
    uint8_t frame[TEMPLATE_FRAME_MAX];
    struct cookie_origin origin;
    struct tcp_segment segment;
    struct template template;
    struct ip_packet packet;
    (void)state;
    make(&template, PACKET_TCP_ACK, "10.9.0.1", NULL);
    cookie_origin_init(&origin, key, PACKET_TCP_ACK, &source);
    packet = patched(&template, &target, frame);
    assert_int_equal(tcp_parse(&packet, true, &segment), PACKET_FINE);
    assert_int_equal(segment.flags, TCP_ACK_FLAG);
    assert_int_equal(segment.ack, cookie_value(cookie_hash(&origin, host.bytes, 443)));
    assert_int_equal(segment.seq, cookie_hash(&origin, host.bytes, 443) >> 32);
}

/* Each payload of the table, at odd and even places of its cookie, is what payload_write() writes. */
static void datagrams_carry_their_payload(void **state)
{
    uint8_t frame[TEMPLATE_FRAME_MAX];
    uint8_t expected[PAYLOAD_MAX];
    (void)state;
    for (size_t i = 0; i <= payload_table_size; i++) {
        const struct payload *payload = i == payload_table_size ? &payload_none : &payload_table[i];
        struct addr source = address("fd00:9::1");
        struct addr host = address("fd00:9::2");
        struct cookie_origin origin;
        struct template template;
        make(&template, PACKET_UDP, "fd00:9::1", payload);
        cookie_origin_init(&origin, key, PACKET_UDP, &source);
        for (uint32_t n = 0; n < 300; n++) {
            struct template_target target = {.destination = host.bytes, .port = payload->port};
            struct ip_packet packet = patched(&template, &target, frame);
            struct udp_datagram datagram;
            assert_int_equal(udp_parse(&packet, true, &datagram), PACKET_FINE);
            assert_int_equal(datagram.length, payload->length);
            payload_write(payload, cookie_hash(&origin, host.bytes, payload->port), expected);
            assert_memory_equal(datagram.payload, expected, payload->length);
            assert_true(addr_add(&host, 1));
        }
    }
}

/* One of 65,536 sums comes out as 0, which would say that there is none. */
static void a_datagram_always_has_a_checksum(void **state)
{
    uint8_t frame[TEMPLATE_FRAME_MAX];
    struct addr host = address("10.0.0.0");
    struct template template;
    unsigned int all_ones = 0;
    (void)state;
    make(&template, PACKET_UDP, "10.9.0.1", &payload_none);
    for (uint32_t n = 0; n < 400000; n++) {
        struct template_target target = {.destination = host.bytes, .port = 7};
        template_patch(&template, &target, frame);
        assert_int_not_equal(wire_get16(frame + 14 + 20 + 6), 0);
        all_ones += wire_get16(frame + 14 + 20 + 6) == 0xffff;
        assert_true(addr_add(&host, 1));
    }
    assert_in_range(all_ones, 1, 30);
}

static void an_echo_names_whom_it_asked(void **state)
{
    struct addr host = address("10.9.0.2");
    struct template_target target = {.destination = host.bytes, .try_number = 2, .port = 99};
    uint8_t frame[TEMPLATE_FRAME_MAX];
    struct icmp_message first;
    struct icmp_message third;
    struct template template;
    struct ip_packet packet;
    uint32_t rest;
    (void)state;
    make(&template, PACKET_ECHO, "10.9.0.1", NULL);
    packet = patched(&template, &target, frame);
    assert_int_equal(icmp_parse(&packet, true, &third), PACKET_FINE);
    assert_int_equal(third.type, 8);
    assert_memory_equal(third.body, host.bytes, 16);
    rest = third.rest;
    target.try_number = 0;
    packet = patched(&template, &target, frame);
    assert_int_equal(icmp_parse(&packet, true, &first), PACKET_FINE);
    assert_int_equal(first.rest + 2, rest);
}

static void raw_ip_has_no_link_header(void **state)
{
    struct addr source = address("127.0.0.1");
    struct template_options options = {.probe = PACKET_TCP_SYN, .source = &source, .key = key, .ports = ports};
    struct template_target target = {.destination = source.bytes, .port = 80, .link = link_one};
    uint8_t frame[TEMPLATE_FRAME_MAX];
    struct template template;
    struct ip_packet packet;
    (void)state;
    template_init(&template, &options);
    assert_int_equal(template_patch(&template, &target, frame), 60);
    assert_int_equal(ip_parse(frame, 60, &packet), PACKET_FINE);
}

/* Whatever the frame held of another probe by the same template, it becomes what a fresh one would be. */
static void patching_again_leaves_nothing_of_before(void **state)
{
    static const enum packet_probe probes[] = {PACKET_TCP_SYN, PACKET_TCP_ACK, PACKET_ECHO, PACKET_UDP};
    (void)state;
    for (size_t i = 0; i < 2 * (3 + payload_table_size); i++) {
        bool is_ipv6 = i % 2 != 0;
        size_t row = i / 2 < 3 ? 0 : i / 2 - 3;
        struct addr host = address(is_ipv6 ? "fd00:9::ffff:ff00" : "10.0.0.0");
        struct template template;
        uint8_t again[TEMPLATE_FRAME_MAX] = {0};
        uint8_t fresh[TEMPLATE_FRAME_MAX] = {0};
        make(&template, probes[i / 2 < 3 ? i / 2 : 3], is_ipv6 ? "fd00:9::1" : "10.9.0.1", &payload_table[row]);
        for (uint32_t n = 0; n < 1000; n++) {
            struct template_target target = {.destination = host.bytes,
                                             .link = n % 2 == 0 ? link_one : link_two,
                                             .port = (uint16_t)(n * 77),
                                             .clock_ms = n * 77777,
                                             .try_number = (uint8_t)(n % 5)};
            size_t length = template_patch(&template, &target, fresh);
            size_t same =
                n == 0 ? template_patch(&template, &target, again) : template_patch_again(&template, &target, again);
            assert_int_equal(same, length);
            assert_memory_equal(again, fresh, sizeof(fresh));
            assert_true(addr_add(&host, n));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_syn_is_as_linuxs),
        cmocka_unit_test(a_syn_carries_the_cookie),
        cmocka_unit_test(all_checksums_hold),
        cmocka_unit_test(an_ack_asks_for_a_reset_with_the_cookie),
        cmocka_unit_test(datagrams_carry_their_payload),
        cmocka_unit_test(a_datagram_always_has_a_checksum),
        cmocka_unit_test(an_echo_names_whom_it_asked),
        cmocka_unit_test(raw_ip_has_no_link_header),
        cmocka_unit_test(patching_again_leaves_nothing_of_before),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
