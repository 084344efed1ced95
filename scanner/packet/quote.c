#include "scanner/packet/quote.h"

#include "scanner/packet/tcp.h"
#include "scanner/packet/wire.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

enum { QUOTE_LEAST = 8 };

static bool is_echo_request(const struct quote *quote)
{
    return quote->transport[0] == (quote->ip.is_ipv6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO) && quote->transport[1] == 0;
}

static bool read_transport(struct quote *quote)
{
    const uint8_t *at = quote->transport;

    switch (quote->ip.protocol) {
    case IPPROTO_TCP:
        quote->seq = wire_get32(at + 4);
        if (quote->length >= TCP_HEADER_SIZE) {
            quote->ack = wire_get32(at + 8);
            quote->flags = at[13];
        }
        break;
    case IPPROTO_UDP:
        break;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        quote->seq = wire_get32(at + 4);
        return (quote->ip.protocol == IPPROTO_ICMPV6) == quote->ip.is_ipv6 && is_echo_request(quote);
    default:
        return false;
    }
    quote->source_port = wire_get16(at);
    quote->destination_port = wire_get16(at + 2);
    return true;
}

enum packet_fault quote_parse(const struct ip_packet *packet, const struct icmp_message *message,
                              struct quote *ret_quote)
{
    struct ip_packet quoted;
    struct quote quote = {0};
    enum packet_fault fault;

    if (!icmp_is_error(packet->header.is_ipv6, message->type)) {
        return PACKET_MALFORMED;
    }
    fault = ip_parse_quoted(message->body, message->length, &quoted);
    if (fault != PACKET_FINE) {
        return fault;
    }
    if (quoted.header.is_ipv6 != packet->header.is_ipv6) {
        return PACKET_MALFORMED;
    }
    if (quoted.length < QUOTE_LEAST) {
        return PACKET_TRUNCATED;
    }
    quote.ip = quoted.header;
    quote.transport = quoted.payload;
    quote.length = quoted.length;
    if (!read_transport(&quote)) {
        return PACKET_MALFORMED;
    }
    *ret_quote = quote;
    return PACKET_FINE;
}
