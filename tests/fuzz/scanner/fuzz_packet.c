/* Received packets: every parser on the bytes as they are; and right answers to probes of ours, of which the input says
 * what is changed, so that cookies and checksums are no wall. The first byte says which, and how the packet came. */
#include "scanner/packet/answer.h"
#include "scanner/packet/arp.h"
#include "scanner/packet/ethernet.h"
#include "scanner/packet/icmp6.h"
#include "scanner/packet/quote.h"
#include "scanner/packet/tcp.h"
#include "scanner/packet/template.h"
#include "scanner/packet/udp.h"
#include "scanner/packet/wire.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>

enum { INPUT_ETHERNET = 1, INPUT_UNVERIFIED = 2, INPUT_CHANGES = 4 };
enum { FRAME_MAX = 2048, TRIES = 3, ASKED_PORT = 53 };

static const uint8_t key[COOKIE_KEY_BYTES] = "least exposure!";
static const struct cookie_ports ports = {40000, 20000};
static const struct addr sources[2] = {{.bytes = {10, 9, 0, 1}}, {.bytes = {0xfd, [3] = 9, [15] = 1}, .is_ipv6 = true}};
static const struct addr hosts[2] = {{.bytes = {10, 9, 0, 2}}, {.bytes = {0xfd, [3] = 9, [15] = 2}, .is_ipv6 = true}};

/* What the answers have in common, whatever they came from. */
static void check_answer(const struct answer *answer)
{
    switch (answer->kind) {
    case ANSWER_OTHER:
        return;
    case ANSWER_REFUSED:
        assert(answer->refusal < ANSWER_REFUSALS);
        return;
    case ANSWER_ARP:
        assert(answer->has_link && (answer->link[0] & 1) == 0 && !answer->host.is_ipv6);
        return;
    case ANSWER_NEIGHBOUR:
        assert(answer->host.is_ipv6 && answer->host.bytes[0] != 0xff);
        return;
    case ANSWER_UDP:
        assert(answer->payload != NULL && answer->verdict != PAYLOAD_FORGED);
        break;
    case ANSWER_SYN_ACK:
        assert(answer->probe == PACKET_TCP_SYN);
        break;
    case ANSWER_RST:
    case ANSWER_ICMP:
    case ANSWER_ECHO:
        break;
    }
    assert(answer->try_number < TRIES && answer->host.is_ipv6 == answer->local.is_ipv6);
    assert(answer->from_host == addr_equal(&answer->host, &answer->responder));
}

static void read_answer(const uint8_t *bytes, size_t length, unsigned int flags, struct answer *answer)
{
    struct answer_reader reader;

    answer_reader_init(&reader, key, ports, TRIES);
    answer_read(&reader, bytes, length, flags, answer);
    check_answer(answer);
}

static void check_tcp(const struct ip_packet *packet)
{
    struct tcp_timestamps timestamps;
    struct tcp_segment segment;

    if (tcp_parse(packet, false, &segment) == PACKET_FINE) {
        assert(segment.payload + segment.length == packet->payload + packet->length);
        assert(TCP_HEADER_SIZE + segment.options_length + segment.length == packet->length);
        if (tcp_find_timestamps(&segment, &timestamps)) {
            assert(segment.options_length >= 12); /* the option has 10 bytes, the list words of 4 */
        }
    }
}

static void check_udp(const struct ip_packet *packet)
{
    struct udp_datagram datagram;

    if (udp_parse(packet, false, &datagram) == PACKET_FINE) {
        assert(datagram.payload + datagram.length <= packet->payload + packet->length);
    }
}

static void check_icmp(const struct ip_packet *packet)
{
    struct icmp6_neighbour neighbour;
    struct icmp_message message;
    struct quote quote;

    if (icmp_parse(packet, false, &message) == PACKET_FINE) {
        assert(message.body + message.length == packet->payload + packet->length);
        if (quote_parse(packet, &message, &quote) == PACKET_FINE) {
            assert(quote.length >= 8 && quote.transport + quote.length == packet->payload + packet->length);
        }
    }
    if (icmp6_parse(packet, false, &neighbour) == PACKET_FINE) {
        assert(neighbour.target >= packet->payload);
        assert(neighbour.link == NULL || neighbour.link + 6 <= packet->payload + packet->length);
    }
}

/* Each parser on its own, whatever the headers before it say; what it returns lies within the bytes. */
static void check_parsers(const uint8_t *bytes, size_t length)
{
    struct ethernet_frame frame;
    struct arp_message message;
    struct ip_packet packet;

    if (ethernet_parse(bytes, length, &frame) == PACKET_FINE) {
        assert(frame.payload + frame.length == bytes + length);
    }
    if (arp_parse(bytes, length, &message) == PACKET_FINE) {
        assert(message.target + 4 <= bytes + length);
    }
    for (int quoted = 0; quoted < 2; quoted++) {
        if ((quoted ? ip_parse_quoted : ip_parse)(bytes, length, &packet) == PACKET_FINE) {
            assert(packet.payload > bytes && packet.payload + packet.length <= bytes + length);
            check_tcp(&packet);
            check_udp(&packet);
            check_icmp(&packet);
        }
    }
}

static size_t make_probe(enum packet_probe probe, size_t family, uint8_t *bytes)
{
    struct template_options options = {
        .probe = probe, .source = &sources[family], .key = key, .ports = ports, .payload = payload_for(ASKED_PORT, 0)};
    struct template_target target = {
        .destination = hosts[family].bytes, .port = probe == PACKET_ECHO ? 0 : ASKED_PORT, .try_number = 1};
    struct template template;

    template_init(&template, &options);
    return template_patch(&template, &target, bytes);
}

/* In these `asked` is the probe from its transport header on. */
static size_t answer_tcp(const struct ip_header *ip, const uint8_t *asked, uint8_t flags, uint8_t *bytes)
{
    struct tcp_segment segment = {.source_port = wire_get16(asked + 2),
                                  .destination_port = wire_get16(asked),
                                  .seq = wire_get32(asked + 8),
                                  .ack = wire_get32(asked + 4) + 1,
                                  .flags = flags,
                                  .window = 1000,
                                  .options = asked + TCP_HEADER_SIZE,
                                  .options_length = (size_t)(asked[12] >> 4) * 4 - TCP_HEADER_SIZE};

    return tcp_build(bytes, ip, &segment);
}

static size_t answer_udp(const struct ip_header *ip, uint8_t *asked, size_t size, uint8_t *bytes)
{
    struct udp_datagram datagram = {.source_port = wire_get16(asked + 2),
                                    .destination_port = wire_get16(asked),
                                    .payload = asked + UDP_HEADER_SIZE,
                                    .length = size - UDP_HEADER_SIZE};

    asked[UDP_HEADER_SIZE + 2] |= 0x80; /* DNS: a response */
    return udp_build(bytes, ip, &datagram);
}

static size_t answer_echo(const struct ip_header *ip, const uint8_t *asked, size_t size, uint8_t *bytes)
{
    struct icmp_message message = {.type = ip->is_ipv6 ? 129 : 0,
                                   .rest = wire_get32(asked + 4),
                                   .body = asked + ICMP_HEADER_SIZE,
                                   .length = size - ICMP_HEADER_SIZE};

    return icmp_build(bytes, ip, &message);
}

static size_t answer_error(const struct ip_header *ip, const uint8_t *packet, size_t size, uint8_t *bytes)
{
    struct icmp_message message = {.type = ip->is_ipv6 ? 1 : 3, .code = 3, .body = packet, .length = size};

    return icmp_build(bytes, ip, &message);
}

/* What a probe might get: a SYN-ACK, a reset, the name server's answer, the echo, or an error that quotes it. */
static size_t make_answer(enum packet_probe probe, size_t family, bool error, uint8_t *bytes)
{
    uint8_t asked[FRAME_MAX];
    size_t length = make_probe(probe, family, asked);
    struct ip_header ip = {.source = hosts[family].bytes,
                           .destination = sources[family].bytes,
                           .protocol = family == 1 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
                           .ttl = IP_TTL_SENT,
                           .is_ipv6 = family == 1};
    size_t header = ip_header_size(&ip);
    uint8_t *at = bytes + header;

    if (error) {
        length = answer_error(&ip, asked, length, at);
    } else if (probe == PACKET_ECHO) {
        length = answer_echo(&ip, asked + header, length - header, at);
    } else if (probe == PACKET_UDP) {
        ip.protocol = IPPROTO_UDP;
        length = answer_udp(&ip, asked + header, length - header, at);
    } else {
        ip.protocol = IPPROTO_TCP;
        length =
            answer_tcp(&ip, asked + header, probe == PACKET_TCP_ACK ? TCP_RST_FLAG : TCP_SYN_FLAG | TCP_ACK_FLAG, at);
    }
    return length + ip_build(bytes, &ip, length);
}

/* Whatever is changed, an answer that still counts is one to the probe that was sent: no change makes it another's. A
 * UDP port without a payload is left out: its source port is all the cookie it has. */
static void check_identity(const struct answer *answer, enum packet_probe probe, size_t family)
{
    bool counts = answer->kind == ANSWER_SYN_ACK || answer->kind == ANSWER_RST || answer->kind == ANSWER_ICMP ||
                  answer->kind == ANSWER_ECHO;

    if (counts && answer->probe != PACKET_UDP) {
        assert(answer->probe == probe && addr_equal(&answer->host, &hosts[family]));
        assert(answer->port == (probe == PACKET_ECHO ? 0 : ASKED_PORT));
    }
}

/* The second byte says which answer, the third how much of its end is missing; the rest is what it is XORed with. */
static void check_changed(const uint8_t *data, size_t size, unsigned int flags)
{
    enum packet_probe probe = (enum packet_probe)(data[0] & 3);
    size_t family = data[0] >> 2 & 1;
    bool error = (data[0] >> 3 & 1) != 0;
    uint8_t bytes[FRAME_MAX];
    size_t length = make_answer(probe, family, error, bytes);
    size_t missing = data[1] <= length ? data[1] : length;
    bool changed = missing > 0;
    struct answer answer;
    uint8_t *copy;

    length -= missing;
    for (size_t i = 0; i < length && i < size - 2; i++) {
        changed = changed || data[i + 2] != 0;
        bytes[i] ^= data[i + 2];
    }
    copy = malloc(length + 1);
    assert(copy != NULL);
    memcpy(copy + 1, bytes, length); /* ends where its memory ends */
    read_answer(copy + 1, length, flags, &answer);
    free(copy);
    check_identity(&answer, probe, family);
    if (!changed) {
        assert(answer.kind >= ANSWER_SYN_ACK && answer.kind <= ANSWER_ECHO && answer.probe == probe);
        assert(answer.try_number == 1 && addr_equal(&answer.host, &hosts[family]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer answer;
    unsigned int flags;

    if (size < 1) {
        return 0;
    }
    flags = ((data[0] & INPUT_ETHERNET) != 0 ? ANSWER_ETHERNET : 0) |
            ((data[0] & INPUT_UNVERIFIED) != 0 ? ANSWER_UNVERIFIED : 0);
    if ((data[0] & INPUT_CHANGES) != 0 && size >= 3) {
        check_changed(data + 1, size - 1, flags & ANSWER_UNVERIFIED);
    } else {
        read_answer(data + 1, size - 1, flags, &answer);
        check_parsers(data + 1, size - 1);
    }
    return 0;
}
