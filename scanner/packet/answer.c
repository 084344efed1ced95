#include "scanner/packet/answer.h"

#include "scanner/packet/arp.h"
#include "scanner/packet/ethernet.h"
#include "scanner/packet/icmp6.h"
#include "scanner/packet/quote.h"
#include "scanner/packet/tcp.h"
#include "scanner/packet/udp.h"
#include "scanner/packet/wire.h"

#include <assert.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>

/* One packet on its way through: `answer` is filled in as it becomes known. */
struct reading {
    const struct answer_reader *reader;
    struct answer *answer;
    const uint8_t *link; /* the Ethernet source; NULL without Ethernet */
    struct ip_packet packet;
    bool verify;
};

void answer_reader_init(struct answer_reader *reader, const uint8_t key[COOKIE_KEY_BYTES], struct cookie_ports ports,
                        uint8_t tries)
{
    assert(ports.count > 0 && tries <= ports.count);
    memcpy(reader->key, key, COOKIE_KEY_BYTES);
    reader->ports = ports;
    reader->clock = cookie_clock(key);
    reader->tries = tries;
}

static void refuse(struct reading *reading, enum answer_refusal refusal)
{
    reading->answer->kind = ANSWER_REFUSED;
    reading->answer->refusal = refusal;
}

static void refuse_fault(struct reading *reading, enum packet_fault fault)
{
    switch (fault) {
    case PACKET_TRUNCATED:
        refuse(reading, ANSWER_TRUNCATED);
        break;
    case PACKET_CHECKSUM:
        refuse(reading, ANSWER_CHECKSUM);
        break;
    case PACKET_FRAGMENT:
        refuse(reading, ANSWER_FRAGMENT);
        break;
    case PACKET_MALFORMED:
    case PACKET_FINE:
        refuse(reading, ANSWER_MALFORMED);
        break;
    }
}

/* Into its place, by halves, as they are compared: a copy would wait until all its parts are stored. */
static void put_address(struct addr *addr, const uint8_t *bytes, bool is_ipv6)
{
    uint64_t halves[2] = {0};
    uint32_t ipv4;

    if (is_ipv6) {
        memcpy(halves, bytes, sizeof(halves));
    } else {
        memcpy(&ipv4, bytes, sizeof(ipv4));
        halves[0] = htole64(le32toh(ipv4));
    }
    memcpy(addr->bytes, &halves[0], sizeof(halves[0]));
    memcpy(addr->bytes + sizeof(halves[0]), &halves[1], sizeof(halves[1]));
    addr->zone = 0;
    addr->is_ipv6 = is_ipv6;
}

static struct addr address(const uint8_t *bytes, bool is_ipv6)
{
    struct addr addr;

    put_address(&addr, bytes, is_ipv6);
    return addr;
}

/* Whoever sent it. */
static void put_host(struct reading *reading)
{
    const struct ip_header *header = &reading->packet.header;

    put_address(&reading->answer->host, header->source, header->is_ipv6);
}

/* The hash of the probe of this kind that went from `local` to `host` and `port`. */
static uint64_t hash_of(const struct answer_reader *reader, enum packet_probe probe, const struct addr *local,
                        const struct addr *host, uint16_t port)
{
    struct cookie_origin origin;

    cookie_origin_init(&origin, reader->key, probe, local);
    return cookie_hash(&origin, host->bytes, port);
}

/* Whether the probe that hashes so was sent from this port, and by which try. */
static bool find_try(struct reading *reading, uint64_t hash, uint16_t local_port)
{
    return cookie_find_try(reading->reader->ports, hash, local_port, reading->reader->tries,
                           &reading->answer->try_number);
}

static void recognise(struct reading *reading, enum answer_kind kind, enum packet_probe probe, uint16_t port)
{
    reading->answer->kind = kind;
    reading->answer->probe = probe;
    reading->answer->port = port;
    reading->answer->from_host = addr_equal(&reading->answer->host, &reading->answer->responder);
}

static bool is_our_port(const struct reading *reading, uint16_t port)
{
    const struct cookie_ports *ports = &reading->reader->ports;

    return port >= ports->first && port - ports->first < ports->count;
}

/* Both transports with ports begin with them. */
static bool is_to_our_port(const struct reading *reading)
{
    return reading->packet.length >= 4 && is_our_port(reading, wire_get16(reading->packet.payload + 2));
}

static void read_clock(struct reading *reading, const struct tcp_segment *segment)
{
    struct tcp_timestamps timestamps;

    if (tcp_find_timestamps(segment, &timestamps)) {
        reading->answer->has_clock = true;
        reading->answer->clock_ms = timestamps.echo - reading->reader->clock;
    }
}

static bool answers_syn(const struct tcp_segment *segment, uint32_t value)
{
    if ((segment->flags & TCP_RST_FLAG) != 0) {
        return segment->ack == value || segment->ack == value + 1;
    }
    return segment->ack == value + 1;
}

/* The reset that answers a bare ACK takes its sequence number from the acknowledgement (RFC 9293, section 3.10.7.1). */
static bool answers_ack(const struct tcp_segment *segment, uint32_t value)
{
    return (segment->flags & TCP_RST_FLAG) != 0 && segment->seq == value;
}

static bool answers(struct reading *reading, const struct tcp_segment *segment, enum packet_probe probe)
{
    const struct answer *answer = reading->answer;
    uint64_t hash = hash_of(reading->reader, probe, &answer->local, &answer->host, segment->source_port);
    uint32_t value = cookie_value(hash);

    return (probe == PACKET_TCP_SYN ? answers_syn(segment, value) : answers_ack(segment, value)) &&
           find_try(reading, hash, segment->destination_port);
}

static void read_tcp(struct reading *reading)
{
    struct answer *answer = reading->answer;
    struct tcp_segment segment;
    enum packet_fault fault;
    enum packet_probe probe = PACKET_TCP_SYN;
    bool is_reset;

    if (!is_to_our_port(reading)) {
        return;
    }
    fault = tcp_parse(&reading->packet, reading->verify, &segment);
    if (fault != PACKET_FINE) {
        refuse_fault(reading, fault);
        return;
    }
    is_reset = (segment.flags & TCP_RST_FLAG) != 0;
    if (!is_reset && (segment.flags & (TCP_SYN_FLAG | TCP_ACK_FLAG | TCP_FIN_FLAG)) != (TCP_SYN_FLAG | TCP_ACK_FLAG)) {
        return;
    }
    put_host(reading);
    if (!answers(reading, &segment, probe)) {
        probe = PACKET_TCP_ACK;
        if (!answers(reading, &segment, probe)) {
            refuse(reading, ANSWER_COOKIE);
            return;
        }
    }
    recognise(reading, is_reset ? ANSWER_RST : ANSWER_SYN_ACK, probe, segment.source_port);
    answer->reason = is_reset ? REASON_RESET : REASON_SYN_ACK;
    answer->window = segment.window;
    if (!is_reset) {
        read_clock(reading, &segment);
    }
}

static bool was_asked(struct reading *reading, const struct udp_datagram *datagram, uint16_t port, uint64_t *ret_hash)
{
    const struct answer *answer = reading->answer;

    *ret_hash = hash_of(reading->reader, PACKET_UDP, &answer->local, &answer->host, port);
    return find_try(reading, *ret_hash, datagram->destination_port);
}

/* The port that was asked: one whose service answers from another, where the datagram speaks its protocol, or the
 * datagram's own. A source port fits many a probe by chance, so what is said decides between the two. False when it was
 * none. */
static bool find_asked_port(struct reading *reading, const struct udp_datagram *datagram, uint16_t *ret_port,
                            uint64_t *ret_hash)
{
    const struct payload *payload;

    for (size_t i = 0; i < payload_table_size; i++) {
        *ret_port = payload_table[i].port;
        if (payload_table[i].moves_port && *ret_port != datagram->source_port &&
            was_asked(reading, datagram, *ret_port, ret_hash) &&
            payload_judge(*ret_port, *ret_hash, datagram->payload, datagram->length, &payload) >= PAYLOAD_PLAUSIBLE) {
            return true;
        }
    }
    *ret_port = datagram->source_port;
    return was_asked(reading, datagram, *ret_port, ret_hash);
}

static void read_udp(struct reading *reading)
{
    struct answer *answer = reading->answer;
    struct udp_datagram datagram;
    enum packet_fault fault;
    uint16_t port;
    uint64_t hash;

    if (!is_to_our_port(reading)) {
        return;
    }
    fault = udp_parse(&reading->packet, reading->verify, &datagram);
    if (fault != PACKET_FINE) {
        refuse_fault(reading, fault);
        return;
    }
    put_host(reading);
    if (!find_asked_port(reading, &datagram, &port, &hash)) {
        refuse(reading, ANSWER_COOKIE);
        return;
    }
    answer->verdict = payload_judge(port, hash, datagram.payload, datagram.length, &answer->payload);
    if (answer->verdict == PAYLOAD_FORGED) {
        refuse(reading, ANSWER_COOKIE);
        return;
    }
    recognise(reading, ANSWER_UDP, PACKET_UDP, port);
    answer->reason = REASON_UDP_RESPONSE;
}

/* Of an ACK probe the upper half of the hash is the sequence number, which is within the first 8 bytes. */
static bool is_quoted_tcp(struct reading *reading, const struct quote *quote, enum packet_probe probe)
{
    struct addr local = address(quote->ip.source, quote->ip.is_ipv6);
    uint64_t hash = hash_of(reading->reader, probe, &local, &reading->answer->host, quote->destination_port);

    return quote->seq == (probe == PACKET_TCP_SYN ? cookie_value(hash) : (uint32_t)(hash >> 32)) &&
           find_try(reading, hash, quote->source_port);
}

static bool is_quoted_udp(struct reading *reading, const struct quote *quote)
{
    struct addr local = address(quote->ip.source, quote->ip.is_ipv6);
    uint64_t hash = hash_of(reading->reader, PACKET_UDP, &local, &reading->answer->host, quote->destination_port);

    return find_try(reading, hash, quote->source_port) &&
           payload_may_be(quote->destination_port, hash, quote->transport + UDP_HEADER_SIZE,
                          quote->length - UDP_HEADER_SIZE);
}

static bool is_try_of_echo(struct reading *reading, uint64_t hash, uint32_t rest)
{
    uint32_t try_number = rest - cookie_value(hash);

    if (try_number >= reading->reader->tries) {
        return false;
    }
    reading->answer->try_number = (uint8_t)try_number;
    return true;
}

static bool is_quoted_echo(struct reading *reading, const struct quote *quote)
{
    struct addr local = address(quote->ip.source, quote->ip.is_ipv6);

    return is_try_of_echo(reading, hash_of(reading->reader, PACKET_ECHO, &local, &reading->answer->host, 0),
                          quote->seq);
}

static bool find_quoted_probe(struct reading *reading, const struct quote *quote, enum packet_probe *ret_probe)
{
    switch (quote->ip.protocol) {
    case IPPROTO_TCP:
        *ret_probe = PACKET_TCP_SYN;
        if (is_quoted_tcp(reading, quote, PACKET_TCP_SYN)) {
            return true;
        }
        *ret_probe = PACKET_TCP_ACK;
        return is_quoted_tcp(reading, quote, PACKET_TCP_ACK);
    case IPPROTO_UDP:
        *ret_probe = PACKET_UDP;
        return is_quoted_udp(reading, quote);
    default:
        *ret_probe = PACKET_ECHO;
        return is_quoted_echo(reading, quote);
    }
}

static void read_error(struct reading *reading, const struct icmp_message *message)
{
    struct answer *answer = reading->answer;
    bool is_ipv6 = reading->packet.header.is_ipv6;
    enum packet_probe probe;
    enum packet_fault fault;
    struct quote quote;

    if (!(is_ipv6 ? probe_reason_icmp6(message->type, message->code, &answer->reason)
                  : probe_reason_icmp(message->type, message->code, &answer->reason))) {
        return;
    }
    fault = quote_parse(&reading->packet, message, &quote);
    if (fault != PACKET_FINE) {
        refuse_fault(reading, fault);
        return;
    }
    /* About another program's packet. */
    if (quote.ip.protocol == IPPROTO_TCP || quote.ip.protocol == IPPROTO_UDP) {
        if (!is_our_port(reading, quote.source_port)) {
            return;
        }
    }
    answer->host = address(quote.ip.destination, is_ipv6);
    if (!find_quoted_probe(reading, &quote, &probe)) {
        refuse(reading, ANSWER_COOKIE);
        return;
    }
    recognise(reading, ANSWER_ICMP, probe, quote.destination_port);
}

static void read_echo(struct reading *reading, const struct icmp_message *message)
{
    struct answer *answer = reading->answer;
    uint64_t hash;

    answer->probe = PACKET_ECHO;
    if (message->length < COOKIE_ECHO_SIZE) {
        refuse(reading, ANSWER_COOKIE);
        return;
    }
    answer->host = address(message->body, reading->packet.header.is_ipv6);
    hash = hash_of(reading->reader, PACKET_ECHO, &answer->local, &answer->host, 0);
    if (wire_get32(message->body + COOKIE_ECHO_HASH_AT) != (uint32_t)(hash >> 32) ||
        wire_get32(message->body + COOKIE_ECHO_HASH_AT + 4) != (uint32_t)hash ||
        !is_try_of_echo(reading, hash, message->rest)) {
        refuse(reading, ANSWER_COOKIE);
        return;
    }
    recognise(reading, ANSWER_ECHO, PACKET_ECHO, 0);
}

/* An advertisement to a single address may leave out the option: whoever asked knew the address (RFC 4861,
 * section 4.4). */
static void read_neighbour(struct reading *reading)
{
    struct answer *answer = reading->answer;
    struct icmp6_neighbour neighbour;
    enum packet_fault fault = icmp6_parse(&reading->packet, reading->verify, &neighbour);
    const uint8_t *link;

    if (fault != PACKET_FINE) {
        refuse_fault(reading, fault);
        return;
    }
    link = neighbour.link != NULL ? neighbour.link : reading->link;
    answer->kind = ANSWER_NEIGHBOUR;
    answer->host = address(neighbour.target, true);
    answer->from_host = addr_equal(&answer->host, &answer->responder);
    if (link != NULL) {
        answer->has_link = true;
        memcpy(answer->link, link, ETHERNET_ADDRESS_SIZE);
    }
}

static void read_icmp(struct reading *reading)
{
    bool is_ipv6 = reading->packet.header.is_ipv6;
    struct icmp_message message;
    enum packet_fault fault;

    fault = icmp_parse(&reading->packet, reading->verify, &message);
    if (fault != PACKET_FINE) {
        refuse_fault(reading, fault);
    } else if (icmp_is_error(is_ipv6, message.type)) {
        read_error(reading, &message);
    } else if (icmp_is_echo_reply(is_ipv6, message.type)) {
        read_echo(reading, &message);
    } else if (is_ipv6 && message.type == ND_NEIGHBOR_ADVERT) {
        read_neighbour(reading);
    }
}

static void read_ip(struct reading *reading, const uint8_t *bytes, size_t length)
{
    const struct ip_header *header = &reading->packet.header;
    enum packet_fault fault = ip_parse(bytes, length, &reading->packet);

    if (fault != PACKET_FINE) {
        refuse_fault(reading, fault);
        return;
    }
    put_address(&reading->answer->responder, header->source, header->is_ipv6);
    put_address(&reading->answer->local, header->destination, header->is_ipv6);
    reading->answer->ttl = header->ttl;
    if (header->protocol == IPPROTO_TCP) {
        read_tcp(reading);
    } else if (header->protocol == IPPROTO_UDP) {
        read_udp(reading);
    } else if (header->protocol == (header->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
        read_icmp(reading);
    }
}

/* A group's address is nobody's own. */
static void read_arp(struct reading *reading, const uint8_t *bytes, size_t length)
{
    struct answer *answer = reading->answer;
    struct arp_message message;
    enum packet_fault fault = arp_parse(bytes, length, &message);

    if (fault != PACKET_FINE) {
        refuse_fault(reading, fault);
        return;
    }
    /* A request for its own address announces it (RFC 5227, section 2.3). */
    if (message.operation != ARP_REPLY && memcmp(message.sender, message.target, 4) != 0) {
        return;
    }
    answer->host = address(message.sender, false);
    if ((message.sender_link[0] & 1) != 0 || addr_is_unspecified(&answer->host)) {
        refuse(reading, ANSWER_MALFORMED);
        return;
    }
    answer->kind = ANSWER_ARP;
    answer->local = address(message.target, false);
    answer->from_host = true;
    answer->has_link = true;
    memcpy(answer->link, message.sender_link, ETHERNET_ADDRESS_SIZE);
}

static void read_ethernet(struct reading *reading, const uint8_t *bytes, size_t length)
{
    struct ethernet_frame frame;
    enum packet_fault fault = ethernet_parse(bytes, length, &frame);

    if (fault != PACKET_FINE) {
        refuse_fault(reading, fault);
        return;
    }
    reading->link = frame.header.source;
    if (frame.header.type == ETHERTYPE_ARP) {
        read_arp(reading, frame.payload, frame.length);
    } else if (frame.header.type == ETHERTYPE_IP || frame.header.type == ETHERTYPE_IPV6) {
        read_ip(reading, frame.payload, frame.length);
    }
}

void answer_read(const struct answer_reader *reader, const uint8_t *bytes, size_t length, unsigned int flags,
                 struct answer *ret_answer)
{
    struct reading reading = {.reader = reader, .answer = ret_answer, .verify = (flags & ANSWER_UNVERIFIED) == 0};

    memset(ret_answer, 0, sizeof(*ret_answer));
    if ((flags & ANSWER_ETHERNET) != 0) {
        read_ethernet(&reading, bytes, length);
    } else {
        read_ip(&reading, bytes, length);
    }
}
