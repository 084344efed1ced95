#include "scanner/packet/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scanner/packet/checksum.h"
#include "scanner/packet/icmp6.h"
#include "scanner/packet/tcp.h"
#include "scanner/packet/template.h"
#include "scanner/packet/udp.h"
#include "scanner/packet/wire.h"
#include "tests/unit/scanner/packet/captured.h"
#include "tests/unit/scanner/packet/exact.h"
#include "tests/unit/scanner/packet/responded.h"

enum { FRAME_MAX = 2048, TRIES = 3 };

static const uint8_t key[COOKIE_KEY_BYTES] = "least exposure!";
static const struct cookie_ports ports = {40000, 20000};

/* One family's scanner, target and router. */
struct world {
    struct addr us;
    struct addr host;
    struct addr router;
};

static struct addr address(const char *text)
{
    struct addr addr;

    assert_int_equal(addr_parse(text, &addr), 0);
    return addr;
}

static struct world world_of(size_t family)
{
    if (family == 0) {
        return (struct world){address("10.9.0.1"), address("10.9.0.2"), address("10.9.0.254")};
    }
    return (struct world){address("fd00:9::1"), address("fd00:9::2"), address("fd00:9::fe")};
}

static void read_flagged(const uint8_t *bytes, size_t length, unsigned int flags, struct answer *answer)
{
    uint8_t *copy = exact_copy(bytes, length);
    struct answer_reader reader;

    answer_reader_init(&reader, key, ports, TRIES);
    answer_read(&reader, copy, length, flags, answer);
    exact_free(copy);
}

static void read_packet(const uint8_t *bytes, size_t length, struct answer *answer)
{
    read_flagged(bytes, length, 0, answer);
}

/* The probe that the world's scanner sends, without a link header. */
static size_t probe(const struct world *world, enum packet_probe kind, uint16_t port, uint8_t try_number,
                    uint8_t *bytes)
{
    const struct payload *payload = payload_for(port, try_number);
    struct template_options options = {
        .probe = kind, .source = &world->us, .key = key, .ports = ports, .payload = payload};
    struct template_target target = {
        .destination = world->host.bytes, .port = port, .try_number = try_number, .clock_ms = 5000};
    struct template template;

    template_init(&template, &options);
    return template_patch(&template, &target, bytes);
}

static struct ip_header header(const struct addr *from, const struct addr *to, uint8_t protocol)
{
    return (struct ip_header){
        .source = from->bytes, .destination = to->bytes, .protocol = protocol, .ttl = 61, .is_ipv6 = from->is_ipv6};
}

/* What a target makes of a SYN: swapped ports, the acknowledgement `ahead` of its sequence number. */
static size_t segment_to(const struct world *world, const struct tcp_segment *asked, uint8_t flags, uint32_t ahead,
                         uint8_t *bytes)
{
    struct ip_header ip = header(&world->host, &world->us, IPPROTO_TCP);
    uint8_t options[12] = {1, 1, 8, 10, 9, 9, 9, 9};
    struct tcp_timestamps timestamps = {0};
    struct tcp_segment answered = {.source_port = asked->destination_port,
                                   .destination_port = asked->source_port,
                                   .seq = 0x01020304,
                                   .ack = asked->seq + ahead,
                                   .flags = flags,
                                   .window = 1234,
                                   .options = options,
                                   .options_length = (flags & TCP_SYN_FLAG) != 0 ? sizeof(options) : 0};
    size_t length;

    assert_true(tcp_find_timestamps(asked, &timestamps));
    wire_put32(options + 8, timestamps.value);
    length = tcp_build(bytes + ip_header_size(&ip), &ip, &answered);
    return length + ip_build(bytes, &ip, length);
}

static size_t tcp_answer(const struct world *world, uint8_t try_number, uint8_t flags, uint32_t ahead, uint8_t *bytes)
{
    uint8_t syn[FRAME_MAX];
    size_t length = probe(world, PACKET_TCP_SYN, 443, try_number, syn);
    struct tcp_segment asked;
    struct ip_packet packet;

    assert_int_equal(ip_parse(syn, length, &packet), PACKET_FINE);
    assert_int_equal(tcp_parse(&packet, true, &asked), PACKET_FINE);
    return segment_to(world, &asked, flags, ahead, bytes);
}

/* An ICMP error from the router, its type and code in one number, that quotes so much of the packet. */
static size_t error_about(const struct world *world, const uint8_t *packet, size_t quoted, uint16_t type_and_code,
                          uint8_t *bytes)
{
    struct ip_header ip =
        header(&world->router, &world->us, world->us.is_ipv6 ? (uint8_t)IPPROTO_ICMPV6 : (uint8_t)IPPROTO_ICMP);
    struct icmp_message message = {
        .type = (uint8_t)(type_and_code >> 8), .code = (uint8_t)type_and_code, .body = packet, .length = quoted};
    size_t length = icmp_build(bytes + ip_header_size(&ip), &ip, &message);

    return length + ip_build(bytes, &ip, length);
}

static void assert_names_probe(const struct answer *answer, const struct world *world, uint16_t port,
                               uint8_t try_number)
{
    assert_true(addr_equal(&answer->host, &world->host));
    assert_true(addr_equal(&answer->local, &world->us));
    assert_int_equal(answer->port, port);
    assert_int_equal(answer->try_number, try_number);
}

static void a_syn_ack_is_an_answer(void **state)
{
    uint8_t bytes[FRAME_MAX];
    struct answer answer;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world world = world_of(i);
        for (size_t try_number = 0; try_number < TRIES; try_number++) {
            size_t length = tcp_answer(&world, (uint8_t)try_number, TCP_SYN_FLAG | TCP_ACK_FLAG, 1, bytes);
            read_packet(bytes, length, &answer);
            assert_int_equal(answer.kind, ANSWER_SYN_ACK);
            assert_int_equal(answer.reason, REASON_SYN_ACK);
            assert_int_equal(answer.probe, PACKET_TCP_SYN);
            assert_names_probe(&answer, &world, 443, (uint8_t)try_number);
            assert_true(answer.from_host && addr_equal(&answer.responder, &world.host));
            assert_int_equal(answer.ttl, 61);
            assert_int_equal(answer.window, 1234);
            assert_true(answer.has_clock);
            assert_int_equal(answer.clock_ms, 5000);
        }
        /* ECN bits are nobody's business; a try that was never made is. */
        read_packet(bytes, tcp_answer(&world, 0, 0x40 | TCP_SYN_FLAG | TCP_ACK_FLAG, 1, bytes), &answer);
        assert_int_equal(answer.kind, ANSWER_SYN_ACK);
        read_packet(bytes, tcp_answer(&world, TRIES, TCP_SYN_FLAG | TCP_ACK_FLAG, 1, bytes), &answer);
        assert_int_equal(answer.kind, ANSWER_REFUSED);
        assert_int_equal(answer.refusal, ANSWER_COOKIE);
    }
}

/* RFC 9293, section 3.10.7.1, and design: ack is seq + 1, or, of some stacks, seq. */
static void a_reset_is_an_answer(void **state)
{
    uint8_t bytes[FRAME_MAX];
    struct answer answer;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world world = world_of(i);
        for (uint32_t ahead = 0; ahead <= 1; ahead++) {
            read_packet(bytes, tcp_answer(&world, 1, TCP_RST_FLAG | TCP_ACK_FLAG, ahead, bytes), &answer);
            assert_int_equal(answer.kind, ANSWER_RST);
            assert_int_equal(answer.reason, REASON_RESET);
            assert_names_probe(&answer, &world, 443, 1);
        }
    }
}

static void other_acknowledgements_are_forged(void **state)
{
    static const struct {
        uint8_t flags;
        uint32_t ahead;
    } cases[] = {
        {TCP_SYN_FLAG | TCP_ACK_FLAG, 0}, {TCP_SYN_FLAG | TCP_ACK_FLAG, 2},        {TCP_RST_FLAG | TCP_ACK_FLAG, 2},
        {TCP_RST_FLAG, UINT32_MAX},       {TCP_SYN_FLAG | TCP_ACK_FLAG, 1u << 31},
    };
    uint8_t bytes[FRAME_MAX];
    struct answer answer;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world world = world_of(i);
        for (size_t j = 0; j < sizeof(cases) / sizeof(*cases); j++) {
            read_packet(bytes, tcp_answer(&world, 0, cases[j].flags, cases[j].ahead, bytes), &answer);
            assert_int_equal(answer.kind, ANSWER_REFUSED);
            assert_int_equal(answer.refusal, ANSWER_COOKIE);
        }
    }
}

static void other_segments_answer_nothing(void **state)
{
    static const uint8_t flags[] = {
        TCP_ACK_FLAG,
        TCP_SYN_FLAG,
        TCP_ACK_FLAG | TCP_PSH_FLAG,
        TCP_FIN_FLAG | TCP_ACK_FLAG,
        TCP_FIN_FLAG | TCP_SYN_FLAG | TCP_ACK_FLAG,
        0,
    };
    struct world world = world_of(0);
    uint8_t bytes[FRAME_MAX];
    struct answer answer;
    size_t length;
    (void)state;
    for (size_t i = 0; i < sizeof(flags); i++) {
        read_packet(bytes, tcp_answer(&world, 0, flags[i], 1, bytes), &answer);
        assert_int_equal(answer.kind, ANSWER_OTHER);
    }
    /* To a port that is not ours: not even judged. */
    length = tcp_answer(&world, 0, TCP_SYN_FLAG | TCP_ACK_FLAG, 1, bytes);
    wire_put16(bytes + 22, 39999);
    read_packet(bytes, length, &answer);
    assert_int_equal(answer.kind, ANSWER_OTHER);
}

static void an_ack_probe_is_answered_by_a_reset(void **state)
{
    uint8_t bytes[FRAME_MAX];
    uint8_t ack[FRAME_MAX];
    struct answer answer;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world world = world_of(i);
        struct ip_header ip = header(&world.host, &world.us, IPPROTO_TCP);
        struct tcp_segment asked;
        struct tcp_segment reset;
        struct ip_packet packet;
        size_t length = probe(&world, PACKET_TCP_ACK, 80, 0, ack);
        assert_int_equal(ip_parse(ack, length, &packet), PACKET_FINE);
        assert_int_equal(tcp_parse(&packet, true, &asked), PACKET_FINE);
        reset = (struct tcp_segment){
            .source_port = 80, .destination_port = asked.source_port, .seq = asked.ack, .flags = TCP_RST_FLAG};
        length = tcp_build(bytes + ip_header_size(&ip), &ip, &reset);
        read_packet(bytes, length + ip_build(bytes, &ip, length), &answer);
        assert_int_equal(answer.kind, ANSWER_RST);
        assert_int_equal(answer.probe, PACKET_TCP_ACK);
        assert_names_probe(&answer, &world, 80, 0);
        reset.seq++;
        length = tcp_build(bytes + ip_header_size(&ip), &ip, &reset);
        read_packet(bytes, length + ip_build(bytes, &ip, length), &answer);
        assert_int_equal(answer.refusal, ANSWER_COOKIE);
    }
}

/* Bits of IPv6's header that no checksum covers, and that mean nothing here: traffic class, flow label, hop limit. */
static bool is_uncovered(const uint8_t *bytes, size_t bit)
{
    return bytes[0] >> 4 == 6 && ((bit >= 4 && bit < 32) || bit / 8 == 7);
}

static void refuses_flipped_bits_and_cut_packets(void **state)
{
    uint8_t bytes[FRAME_MAX];
    struct answer answer;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct world world = world_of(i % 2);
        uint8_t flags = i < 2 ? TCP_SYN_FLAG | TCP_ACK_FLAG : TCP_RST_FLAG | TCP_ACK_FLAG;
        size_t length = tcp_answer(&world, 0, flags, 1, bytes);
        for (size_t bit = 0; bit < 8 * length; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            read_packet(bytes, length, &answer);
            assert_true(answer.kind == ANSWER_REFUSED || answer.kind == ANSWER_OTHER || is_uncovered(bytes, bit ^ 7));
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t cut = 0; cut < length; cut++) {
            read_packet(bytes, cut, &answer);
            assert_int_equal(answer.kind, ANSWER_REFUSED);
            assert_int_equal(answer.refusal, ANSWER_TRUNCATED);
        }
        read_packet(bytes, length, &answer);
        assert_int_equal(answer.kind, i < 2 ? ANSWER_SYN_ACK : ANSWER_RST);
    }
}

static void says_why_it_refuses(void **state)
{
    struct world world = world_of(0);
    uint8_t bytes[FRAME_MAX];
    struct answer answer;
    size_t length = tcp_answer(&world, 0, TCP_SYN_FLAG | TCP_ACK_FLAG, 1, bytes);
    (void)state;
    bytes[20 + 16] ^= 1;
    read_packet(bytes, length, &answer);
    assert_int_equal(answer.refusal, ANSWER_CHECKSUM);
    read_flagged(bytes, length, ANSWER_UNVERIFIED, &answer);
    assert_int_equal(answer.kind, ANSWER_SYN_ACK);
    wire_put16(bytes + 6, 0x2000);
    checksum_put(bytes + 10, 0);
    checksum_put(bytes + 10, checksum_finish(checksum_add(0, bytes, 20)));
    read_packet(bytes, length, &answer);
    assert_int_equal(answer.kind, ANSWER_REFUSED);
    assert_int_equal(answer.refusal, ANSWER_FRAGMENT);
    bytes[0] = 0x35;
    read_packet(bytes, length, &answer);
    assert_int_equal(answer.refusal, ANSWER_MALFORMED);
}

/* Every kind of probe, quoted whole and with no more than the eight bytes that are promised. */
static void an_error_names_the_probe_that_it_quotes(void **state)
{
    static const enum packet_probe kinds[] = {PACKET_TCP_SYN, PACKET_TCP_ACK, PACKET_UDP, PACKET_ECHO};
    uint8_t packet[FRAME_MAX];
    uint8_t bytes[FRAME_MAX];
    struct answer answer;
    (void)state;
    for (size_t i = 0; i < 16; i++) {
        struct world world = world_of(i % 2);
        enum packet_probe kind = kinds[i / 2 % 4];
        uint16_t port = kind == PACKET_ECHO ? 0 : 53;
        size_t least = (size_t)(world.us.is_ipv6 ? 40 : 20) + 8;
        size_t length = probe(&world, kind, port, 2, packet);
        length = error_about(&world, packet, i < 8 ? length : least, world.us.is_ipv6 ? 0x0104 : 0x0303, bytes);
        read_packet(bytes, length, &answer);
        assert_int_equal(answer.kind, ANSWER_ICMP);
        assert_int_equal(answer.reason, REASON_PORT_UNREACH);
        assert_int_equal(answer.probe, kind);
        assert_names_probe(&answer, &world, port, 2);
        assert_false(answer.from_host);
        assert_true(addr_equal(&answer.responder, &world.router));
        /* Another source port, or another sequence number: it quotes something that we did not send. */
        packet[least - (kind == PACKET_UDP ? 7 : 4)] ^= 0x80;
        length = error_about(&world, packet, least, world.us.is_ipv6 ? 0x0104 : 0x0303, bytes);
        read_packet(bytes, length, &answer);
        assert_int_equal(answer.kind, ANSWER_REFUSED);
        assert_int_equal(answer.refusal, ANSWER_COOKIE);
    }
}

static void an_error_about_another_programs_packet_is_not_ours(void **state)
{
    struct world world = world_of(0);
    uint8_t packet[FRAME_MAX];
    uint8_t bytes[FRAME_MAX];
    struct answer answer;
    size_t length = probe(&world, PACKET_TCP_SYN, 53, 0, packet);
    (void)state;
    wire_put16(packet + 20, 1023);
    read_packet(bytes, error_about(&world, packet, length, 0x0303, bytes), &answer);
    assert_int_equal(answer.kind, ANSWER_OTHER);
}

static void an_error_that_quotes_another_question_is_forged(void **state)
{
    struct world world = world_of(0);
    uint8_t packet[FRAME_MAX];
    uint8_t bytes[FRAME_MAX];
    struct answer answer;
    size_t length = probe(&world, PACKET_UDP, 53, 0, packet);
    (void)state;
    packet[28] ^= 1; /* the query's id */
    read_packet(bytes, error_about(&world, packet, length, 0x0303, bytes), &answer);
    assert_int_equal(answer.kind, ANSWER_REFUSED);
    assert_int_equal(answer.refusal, ANSWER_COOKIE);
    packet[28] ^= 1;
    read_packet(bytes, error_about(&world, packet, length, 0x0303, bytes), &answer);
    assert_int_equal(answer.kind, ANSWER_ICMP);
}

static void what_does_not_say_that_a_probe_failed_is_no_answer(void **state)
{
    struct world world = world_of(0);
    uint8_t packet[FRAME_MAX];
    uint8_t bytes[FRAME_MAX];
    struct answer answer;
    size_t length = probe(&world, PACKET_TCP_SYN, 53, 0, packet);
    (void)state;
    read_packet(bytes, error_about(&world, packet, length, 0x0304, bytes), &answer);
    assert_int_equal(answer.kind, ANSWER_OTHER);
    read_packet(bytes, error_about(&world, packet, length, 0x0800, bytes), &answer);
    assert_int_equal(answer.kind, ANSWER_OTHER);
    read_packet(bytes, error_about(&world, packet, 20, 0x0303, bytes), &answer);
    assert_int_equal(answer.refusal, ANSWER_TRUNCATED);
}

/* The answer to a datagram: `said` names the port that it comes from and what it says. */
static size_t datagram_from(const struct world *world, const uint8_t *asked, struct udp_datagram said, uint8_t *bytes)
{
    struct ip_header ip = header(&world->host, &world->us, IPPROTO_UDP);
    size_t length;

    said.destination_port = wire_get16(asked + ip_header_size(&ip));
    length = udp_build(bytes + ip_header_size(&ip), &ip, &said);
    return length + ip_build(bytes, &ip, length);
}

static void a_datagram_is_an_answer_with_its_transaction_id(void **state)
{
    uint8_t asked[FRAME_MAX];
    uint8_t bytes[FRAME_MAX];
    uint8_t said[64];
    struct answer answer;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world world = world_of(i);
        size_t headers = (i == 0 ? 20 : 40) + 8;
        size_t size = probe(&world, PACKET_UDP, 53, 1, asked) - headers;
        memcpy(said, asked + headers, size);
        said[2] = 0x84;
        read_packet(bytes, datagram_from(&world, asked, (struct udp_datagram){53, 0, said, size}, bytes), &answer);
        assert_int_equal(answer.kind, ANSWER_UDP);
        assert_int_equal(answer.verdict, PAYLOAD_PROVEN);
        assert_string_equal(answer.payload->service, "dns");
        assert_int_equal(answer.reason, REASON_UDP_RESPONSE);
        assert_names_probe(&answer, &world, 53, 1);
        /* Something else listens there: it answered all the same. */
        read_packet(bytes, datagram_from(&world, asked, (struct udp_datagram){53, 0, said, 3}, bytes), &answer);
        assert_int_equal(answer.kind, ANSWER_UDP);
        assert_int_equal(answer.verdict, PAYLOAD_FOREIGN);
        said[0] ^= 1;
        read_packet(bytes, datagram_from(&world, asked, (struct udp_datagram){53, 0, said, size}, bytes), &answer);
        assert_int_equal(answer.refusal, ANSWER_COOKIE);
        /* From a port that was not asked, or to another of our ports. */
        said[0] ^= 1;
        read_packet(bytes, datagram_from(&world, asked, (struct udp_datagram){54, 0, said, size}, bytes), &answer);
        assert_int_equal(answer.refusal, ANSWER_COOKIE);
        asked[headers - 7] ^= 0x10;
        read_packet(bytes, datagram_from(&world, asked, (struct udp_datagram){53, 0, said, size}, bytes), &answer);
        assert_true(answer.kind == ANSWER_REFUSED && answer.refusal == ANSWER_COOKIE);
    }
}

/* TFTP answers from a port of its own. */
static void an_answer_may_come_from_another_port(void **state)
{
    static const uint8_t not_found[] = {0, 5, 0, 1, 'n', 'o', 0};
    struct world world = world_of(0);
    uint8_t asked[FRAME_MAX];
    uint8_t bytes[FRAME_MAX];
    struct answer answer;
    (void)state;
    probe(&world, PACKET_UDP, 69, 0, asked);
    read_packet(bytes,
                datagram_from(&world, asked, (struct udp_datagram){50123, 0, not_found, sizeof(not_found)}, bytes),
                &answer);
    assert_int_equal(answer.kind, ANSWER_UDP);
    assert_int_equal(answer.verdict, PAYLOAD_PLAUSIBLE);
    assert_names_probe(&answer, &world, 69, 0);
    /* Many a port could, by its cookie, have been asked from there too. */
    for (uint16_t port = 49152; port < 51152; port++) {
        read_packet(bytes,
                    datagram_from(&world, asked, (struct udp_datagram){port, 0, not_found, sizeof(not_found)}, bytes),
                    &answer);
        assert_int_equal(answer.kind, ANSWER_UDP);
        assert_names_probe(&answer, &world, 69, 0);
    }
    read_packet(bytes, datagram_from(&world, asked, (struct udp_datagram){50123, 0, not_found, 3}, bytes), &answer);
    assert_int_equal(answer.refusal, ANSWER_COOKIE);
}

static size_t echo_from(const struct world *world, const struct addr *from, uint32_t later, uint8_t flip,
                        uint8_t *bytes)
{
    uint8_t asked[FRAME_MAX];
    size_t length = probe(world, PACKET_ECHO, 0, 1, asked);
    struct ip_header ip = header(from, &world->us, world->us.is_ipv6 ? (uint8_t)IPPROTO_ICMPV6 : (uint8_t)IPPROTO_ICMP);
    size_t headers = ip_header_size(&ip) + 8;
    struct icmp_message message = {.type = world->us.is_ipv6 ? 129 : 0,
                                   .rest = wire_get32(asked + headers - 4) + later,
                                   .body = asked + headers,
                                   .length = length - headers};

    asked[headers + 20] ^= flip;
    length = icmp_build(bytes + ip_header_size(&ip), &ip, &message);
    return length + ip_build(bytes, &ip, length);
}

static void an_echo_reply_is_an_answer(void **state)
{
    uint8_t bytes[FRAME_MAX];
    struct answer answer;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world world = world_of(i);
        read_packet(bytes, echo_from(&world, &world.host, 0, 0, bytes), &answer);
        assert_int_equal(answer.kind, ANSWER_ECHO);
        assert_names_probe(&answer, &world, 0, 1);
        assert_true(answer.from_host);
        read_packet(bytes, echo_from(&world, &world.router, 0, 0, bytes), &answer);
        assert_int_equal(answer.kind, ANSWER_ECHO);
        assert_names_probe(&answer, &world, 0, 1);
        assert_false(answer.from_host);
        assert_true(addr_equal(&answer.responder, &world.router));
        read_packet(bytes, echo_from(&world, &world.host, TRIES - 1, 0, bytes), &answer);
        assert_int_equal(answer.refusal, ANSWER_COOKIE);
        read_packet(bytes, echo_from(&world, &world.host, 0, 1, bytes), &answer);
        assert_int_equal(answer.refusal, ANSWER_COOKIE);
    }
}

static void neighbours_tell_their_addresses(void **state)
{
    static const uint8_t link[6] = {2, 0, 0, 0, 0, 2};
    uint8_t frame[CAPTURED_MAX];
    struct answer answer;
    struct addr ipv4 = address("10.9.0.2");
    struct addr ipv6 = address("fd00:9::2");
    size_t length;
    (void)state;
    length = captured("arp-reply", frame);
    read_flagged(frame, length, ANSWER_ETHERNET, &answer);
    assert_int_equal(answer.kind, ANSWER_ARP);
    assert_true(answer.has_link && addr_equal(&answer.host, &ipv4));
    assert_memory_equal(answer.link, link, 6);
    frame[14 + 8] |= 1;
    read_flagged(frame, length, ANSWER_ETHERNET, &answer);
    assert_int_equal(answer.kind, ANSWER_REFUSED);
    length = captured("neighbour-advertisement", frame);
    read_flagged(frame, length, ANSWER_ETHERNET, &answer);
    assert_int_equal(answer.kind, ANSWER_NEIGHBOUR);
    assert_true(answer.has_link && addr_equal(&answer.host, &ipv6));
    assert_memory_equal(answer.link, link, 6);
    length = captured("arp-request", frame);
    read_flagged(frame, length, ANSWER_ETHERNET, &answer);
    assert_int_equal(answer.kind, ANSWER_OTHER);
    /* For its own address: an announcement. */
    memcpy(frame + 14 + 24, frame + 14 + 14, 4);
    read_flagged(frame, length, ANSWER_ETHERNET, &answer);
    assert_int_equal(answer.kind, ANSWER_ARP);
    assert_memory_equal(answer.host.bytes, frame + 14 + 14, 4);
    assert_memory_equal(answer.link, frame + 14 + 8, 6);
    length = captured("neighbour-solicitation", frame);
    read_flagged(frame, length, ANSWER_ETHERNET, &answer);
    assert_int_equal(answer.kind, ANSWER_OTHER);
}

/* Without its option an advertisement is taken by the frame that it came in. */
static void an_advertisement_may_leave_out_its_option(void **state)
{
    struct world world = world_of(1);
    struct ip_header ip = header(&world.host, &world.us, IPPROTO_ICMPV6);
    struct icmp6_neighbour neighbour = {.target = world.host.bytes, .advertisement = true, .solicited = true};
    uint8_t frame[FRAME_MAX] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x86, 0xdd};
    struct answer answer;
    size_t length;
    (void)state;
    ip.ttl = 255;
    length = icmp6_build(frame + 54, &ip, &neighbour);
    length += ip_build(frame + 14, &ip, length);
    read_flagged(frame, 14 + length, ANSWER_ETHERNET, &answer);
    assert_int_equal(answer.kind, ANSWER_NEIGHBOUR);
    assert_true(answer.has_link && answer.link[5] == 9);
    read_packet(frame + 14, length, &answer);
    assert_int_equal(answer.kind, ANSWER_NEIGHBOUR);
    assert_false(answer.has_link);
}

/* None of the frames that a kernel exchanged by itself answers a probe of this key's. */
static void others_traffic_is_no_answer(void **state)
{
    uint8_t frame[CAPTURED_MAX];
    struct answer answer;
    (void)state;
    for (size_t i = 0; i < CAPTURED_COUNT; i++) {
        size_t length = captured_decode(&captured_frames[i], frame);
        read_flagged(frame, length, ANSWER_ETHERNET, &answer);
        if (strstr(captured_frames[i].name, "echo-reply") != NULL ||
            strstr(captured_frames[i].name, "unreachable") != NULL || strstr(captured_frames[i].name, "rst") != NULL) {
            /* Resets come to ports that the kernel chose, of which some are in our range. */
            assert_true(answer.kind == ANSWER_OTHER ||
                        (answer.kind == ANSWER_REFUSED && answer.refusal == ANSWER_COOKIE));
        } else if (strstr(captured_frames[i].name, "answer") == NULL &&
                   strstr(captured_frames[i].name, "syn-ack") == NULL &&
                   strcmp(captured_frames[i].name, "arp-reply") != 0 &&
                   strcmp(captured_frames[i].name, "neighbour-advertisement") != 0) {
            assert_int_equal(answer.kind, ANSWER_OTHER);
        }
    }
}

struct expected {
    const char *probe;
    enum answer_kind kind;
    enum packet_probe asked;
    uint16_t port;
    enum reason reason;
};

static void assert_expected(const struct responded *response, const struct answer *answer)
{
    static const struct expected cases[] = {
        {"open", ANSWER_SYN_ACK, PACKET_TCP_SYN, 80, REASON_SYN_ACK},
        {"closed", ANSWER_RST, PACKET_TCP_SYN, 81, REASON_RESET},
        {"ack", ANSWER_RST, PACKET_TCP_ACK, 80, REASON_RESET},
        {"udp-open", ANSWER_UDP, PACKET_UDP, 7777, REASON_UDP_RESPONSE},
        {"udp-closed", ANSWER_ICMP, PACKET_UDP, 53, REASON_PORT_UNREACH},
        {"echo", ANSWER_ECHO, PACKET_ECHO, 0, REASON_SYN_ACK},
        {"rejected", ANSWER_ICMP, PACKET_TCP_SYN, 82, REASON_ADMIN_PROHIBITED},
        {"unroutable", ANSWER_ICMP, PACKET_TCP_SYN, 83, REASON_NET_UNREACH},
    };
    struct world world = world_of(response->is_ipv6);
    size_t i = 0;

    while (strcmp(cases[i].probe, response->probe) != 0) {
        i++;
        assert_in_range(i, 0, sizeof(cases) / sizeof(*cases) - 1);
    }
    assert_int_equal(answer->kind, cases[i].kind);
    assert_int_equal(answer->probe, cases[i].asked);
    assert_int_equal(answer->port, cases[i].port);
    assert_int_equal(answer->try_number, 1);
    assert_true(addr_equal(&answer->responder, &world.host));
    assert_true(addr_equal(&answer->local, &world.us));
    assert_int_equal(answer->from_host, strcmp(cases[i].probe, "unroutable") != 0);
    if (answer->kind != ANSWER_ECHO) {
        assert_int_equal(answer->reason, cases[i].reason);
    }
    if (answer->kind == ANSWER_SYN_ACK) {
        assert_true(answer->has_clock && answer->clock_ms == 5000 && answer->window > 0);
    }
}

/* A kernel's own answers to our probes. */
static void linuxs_answers_are_recognised(void **state)
{
    uint8_t frame[CAPTURED_MAX];
    struct answer answer;
    (void)state;
    for (size_t i = 0; i < sizeof(responded) / sizeof(*responded); i++) {
        size_t length = captured_unhex(responded[i].hex, frame);
        if (responded[i].checksum_not_ready) {
            read_flagged(frame, length, ANSWER_ETHERNET, &answer);
            assert_int_equal(answer.refusal, ANSWER_CHECKSUM);
        }
        read_flagged(frame, length, ANSWER_ETHERNET | (responded[i].checksum_not_ready ? ANSWER_UNVERIFIED : 0),
                     &answer);
        assert_expected(&responded[i], &answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_syn_ack_is_an_answer),
        cmocka_unit_test(a_reset_is_an_answer),
        cmocka_unit_test(other_acknowledgements_are_forged),
        cmocka_unit_test(other_segments_answer_nothing),
        cmocka_unit_test(an_ack_probe_is_answered_by_a_reset),
        cmocka_unit_test(refuses_flipped_bits_and_cut_packets),
        cmocka_unit_test(says_why_it_refuses),
        cmocka_unit_test(an_error_names_the_probe_that_it_quotes),
        cmocka_unit_test(an_error_about_another_programs_packet_is_not_ours),
        cmocka_unit_test(an_error_that_quotes_another_question_is_forged),
        cmocka_unit_test(what_does_not_say_that_a_probe_failed_is_no_answer),
        cmocka_unit_test(a_datagram_is_an_answer_with_its_transaction_id),
        cmocka_unit_test(an_answer_may_come_from_another_port),
        cmocka_unit_test(an_echo_reply_is_an_answer),
        cmocka_unit_test(neighbours_tell_their_addresses),
        cmocka_unit_test(an_advertisement_may_leave_out_its_option),
        cmocka_unit_test(linuxs_answers_are_recognised),
        cmocka_unit_test(others_traffic_is_no_answer),
    };
    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
