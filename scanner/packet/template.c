#include "scanner/packet/template.h"

#include "scanner/packet/checksum.h"
#include "scanner/packet/icmp.h"
#include "scanner/packet/tcp.h"
#include "scanner/packet/udp.h"
#include "scanner/packet/wire.h"

#include <assert.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

enum {
    SYN_TIMESTAMP_AT = TCP_HEADER_SIZE + 8,
    ACK_TIMESTAMP_AT = TCP_HEADER_SIZE + 4,
    ACK_WINDOW = 502,
    ECHO_BODY_SIZE = 56,
};

/* What Linux asks with, on a path of 1500 bytes, in its order. */
static const uint8_t syn_options_ipv4[] = {
    2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7,
};
static const uint8_t syn_options_ipv6[] = {
    2, 4, 0x05, 0xa0, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7,
};
static const uint8_t ack_options[] = {1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0};

static size_t build_tcp(uint8_t *buffer, const struct ip_header *ip, const struct template_options *options)
{
    struct tcp_segment segment = {.flags = TCP_SYN_FLAG, .window = ip->is_ipv6 ? 64800 : 64240};

    if (options->probe == PACKET_TCP_ACK) {
        segment.flags = TCP_ACK_FLAG;
        segment.window = ACK_WINDOW;
        segment.options = ack_options;
        segment.options_length = sizeof(ack_options);
    } else {
        segment.options = ip->is_ipv6 ? syn_options_ipv6 : syn_options_ipv4;
        segment.options_length = sizeof(syn_options_ipv4);
    }
    return tcp_build(buffer, ip, &segment);
}

static size_t build_udp(uint8_t *buffer, const struct ip_header *ip, const struct template_options *options)
{
    uint8_t payload[PAYLOAD_MAX];
    struct udp_datagram datagram = {.payload = payload, .length = options->payload->length};

    assert(options->payload->length <= PAYLOAD_MAX);
    payload_write(options->payload, 0, payload);
    memset(payload + options->payload->cookie_at, 0, options->payload->cookie_size);
    return udp_build(buffer, ip, &datagram);
}

/* The destination and the cookie stand at the front of the body: a reply that comes from another address still says
 * whom it answers for. The rest counts up, as ping's does. */
static size_t build_echo(uint8_t *buffer, const struct ip_header *ip, const struct template_options *options)
{
    uint8_t body[ECHO_BODY_SIZE] = {0};
    struct icmp_message message = {
        .type = ip->is_ipv6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO, .body = body, .length = sizeof(body)};

    (void)options;
    for (size_t i = COOKIE_ECHO_SIZE; i < sizeof(body); i++) {
        body[i] = (uint8_t)i;
    }
    return icmp_build(buffer, ip, &message);
}

static size_t build_transport(uint8_t *buffer, struct ip_header *ip, const struct template_options *options)
{
    switch (options->probe) {
    case PACKET_TCP_SYN:
    case PACKET_TCP_ACK:
        ip->protocol = IPPROTO_TCP;
        return build_tcp(buffer, ip, options);
    case PACKET_UDP:
        ip->protocol = IPPROTO_UDP;
        return build_udp(buffer, ip, options);
    case PACKET_ECHO:
        break;
    }
    ip->protocol = ip->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    return build_echo(buffer, ip, options);
}

/* Where the transport header has its checksum. */
static size_t checksum_at(enum packet_probe probe)
{
    switch (probe) {
    case PACKET_TCP_SYN:
    case PACKET_TCP_ACK:
        return 16;
    case PACKET_UDP:
        return 6;
    case PACKET_ECHO:
        break;
    }
    return 2;
}

static size_t build_link(uint8_t *buffer, const struct template_options *options)
{
    struct ethernet_header link;

    if (options->link == NULL) {
        return 0;
    }
    link = *options->link;
    link.type = options->source->is_ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
    return ethernet_build(buffer, &link);
}

/* Sums without what is patched, which is 0 here: RFC 1624's equation with m = 0 leaves them to be added to. */
void template_init(struct template *template, const struct template_options *options)
{
    static const uint8_t nobody[16];
    struct ip_header ip = {.source = options->source->bytes,
                           .destination = nobody,
                           .ttl = IP_TTL_SENT,
                           .is_ipv6 = options->source->is_ipv6,
                           .dont_fragment = true};
    uint8_t *at;
    size_t length;

    assert(options->ports.count > 0 || options->probe == PACKET_ECHO);
    memset(template, 0, sizeof(*template));
    template->probe = options->probe;
    template->ports = options->ports;
    template->payload = options->payload;
    template->clock = cookie_clock(options->key);
    cookie_origin_init(&template->origin, options->key, options->probe, options->source);
    template->link_length = (uint8_t)build_link(template->bytes, options);
    at = template->bytes + template->link_length;
    length = build_transport(at + ip_header_size(&ip), &ip, options);
    ip_build(at, &ip, length);
    template->length = (uint16_t)(template->link_length + ip_header_size(&ip) + length);
    template->ip_sum = (uint16_t)~checksum_get(at + 10);
    template->transport_sum = (uint16_t)~checksum_get(at + ip_header_size(&ip) + checksum_at(options->probe));
}

/* Fills in an address and what is random in the header, and adds the address to what the transport sums up. */
static inline uint64_t patch_ipv4(const struct template *template, const struct template_target *target, uint64_t hash,
                                  uint8_t *ip)
{
    uint64_t sum = checksum_add_ipv4(0, target->destination);
    uint16_t id = cookie_ip_id(hash, target->try_number);

    wire_put16(ip + 4, id);
    memcpy(ip + 16, target->destination, 4);
    checksum_put(ip + 10, checksum_finish(checksum_add16(template->ip_sum + sum, id)));
    return sum;
}

static inline uint64_t patch_ipv6(const struct template_target *target, uint64_t hash, uint8_t *ip)
{
    wire_put32(ip, UINT32_C(6) << 28 | cookie_flow_label(hash));
    memcpy(ip + 24, target->destination, 16);
    return checksum_add_ipv6(0, target->destination);
}

static inline uint64_t patch_ports(const struct template *template, const struct template_target *target, uint64_t hash,
                                   uint8_t *at)
{
    uint32_t ports = (uint32_t)cookie_source_port(template->ports, hash, target->try_number) << 16 | target->port;

    wire_put32(at, ports);
    return checksum_add32(0, ports);
}

static inline void patch_tcp(const struct template *template, const struct template_target *target, uint64_t hash,
                             uint64_t sum, uint8_t *at)
{
    uint32_t clock = target->clock_ms + template->clock;
    uint32_t value = cookie_value(hash);

    sum += patch_ports(template, target, hash, at);
    if (template->probe == PACKET_TCP_ACK) {
        uint32_t seq = (uint32_t)(hash >> 32);
        wire_put32(at + 4, seq);
        wire_put32(at + 8, value);
        wire_put32(at + ACK_TIMESTAMP_AT, clock);
        sum = checksum_add32(sum, seq);
    } else {
        wire_put32(at + 4, value);
        wire_put32(at + SYN_TIMESTAMP_AT, clock);
    }
    sum = checksum_add32(checksum_add32(sum, value), clock);
    checksum_put(at + 16, checksum_finish(template->transport_sum + sum));
}

/* What begins at an odd place counts with its bytes swapped (RFC 1071, section 2(B)). */
static inline void patch_udp(const struct template *template, const struct template_target *target, uint64_t hash,
                             uint64_t sum, uint8_t *at)
{
    const struct payload *payload = template->payload;
    uint8_t cookie[PAYLOAD_COOKIE_MAX];
    uint16_t added;

    sum += patch_ports(template, target, hash, at);
    if (payload->cookie_size > 0) {
        payload_cookie(payload, hash, cookie);
        memcpy(at + UDP_HEADER_SIZE + payload->cookie_at, cookie, payload->cookie_size);
        added = checksum_fold(checksum_add(0, cookie, payload->cookie_size));
        sum += payload->cookie_at % 2 == 0 ? added : (uint16_t)(added << 8 | added >> 8);
    }
    checksum_put(at + 6, udp_checksum_sent(checksum_finish(template->transport_sum + sum)));
}

static inline void patch_echo(const struct template *template, const struct template_target *target, uint64_t hash,
                              uint64_t sum, uint8_t *at)
{
    uint32_t rest = cookie_value(hash) + target->try_number;
    uint8_t *proof = at + ICMP_HEADER_SIZE;

    wire_put32(at + 4, rest);
    memcpy(proof, target->destination, template->origin.is_ipv6 ? 16 : 4);
    wire_put32(proof + COOKIE_ECHO_HASH_AT, (uint32_t)(hash >> 32));
    wire_put32(proof + COOKIE_ECHO_HASH_AT + 4, (uint32_t)hash);
    /* ICMPv6 sums up the destination in the pseudo-header too. */
    sum = template->origin.is_ipv6 ? 2 * sum : sum;
    sum = checksum_add32(checksum_add32(checksum_add32(sum, rest), (uint32_t)(hash >> 32)), (uint32_t)hash);
    checksum_put(at + 2, checksum_finish(template->transport_sum + sum));
}

size_t template_patch(const struct template *template, const struct template_target *target, uint8_t *frame)
{
    memcpy(frame, template->bytes, template->length);
    return template_patch_again(template, target, frame);
}

size_t template_patch_again(const struct template *template, const struct template_target *target, uint8_t *frame)
{
    uint16_t port = template->probe == PACKET_ECHO ? 0 : target->port;
    uint64_t hash = cookie_hash(&template->origin, target->destination, port);
    uint8_t *ip = frame + template->link_length;
    uint8_t *at;
    uint64_t sum;

    if (target->link != NULL && template->link_length != 0) {
        memcpy(frame, target->link, ETHERNET_ADDRESS_SIZE);
    }
    if (template->origin.is_ipv6) {
        sum = patch_ipv6(target, hash, ip);
        at = ip + IP6_HEADER_SIZE;
    } else {
        sum = patch_ipv4(template, target, hash, ip);
        at = ip + IP_HEADER_SIZE;
    }
    switch (template->probe) {
    case PACKET_TCP_SYN:
    case PACKET_TCP_ACK:
        patch_tcp(template, target, hash, sum, at);
        break;
    case PACKET_UDP:
        patch_udp(template, target, hash, sum, at);
        break;
    case PACKET_ECHO:
        patch_echo(template, target, hash, sum, at);
        break;
    }
    return template->length;
}
