/* What an ICMP error says of the packet that caused it: its beginning, of which 8 bytes behind the IP header are
 * promised (RFC 792; RFC 1812, section 4.3.2.3, and RFC 4443, section 2.4, want as much as fits). */
#ifndef LEASTPORT_SCANNER_PACKET_QUOTE_H
#define LEASTPORT_SCANNER_PACKET_QUOTE_H

#include "scanner/packet/icmp.h"

struct quote {
    struct ip_header ip; /* of the packet that was sent: from us, to the destination */
    uint16_t source_port;
    uint16_t destination_port;
    uint32_t seq;  /* TCP: the sequence number; echo: identifier and sequence number */
    uint32_t ack;  /* TCP, where `length` reaches so far */
    uint8_t flags; /* TCP, likewise */
    const uint8_t *transport;
    size_t length; /* of what is there from the transport header on, at least 8 */
};

/* Of TCP, UDP or echo requests: PACKET_MALFORMED for other protocols and for messages that are no error. */
MUST_USE enum packet_fault quote_parse(const struct ip_packet *packet, const struct icmp_message *message,
                                       struct quote *ret_quote);

#endif
