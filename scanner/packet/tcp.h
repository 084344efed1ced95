/* The codec of TCP segments (RFC 9293). */
#ifndef LEASTPORT_SCANNER_PACKET_TCP_H
#define LEASTPORT_SCANNER_PACKET_TCP_H

#include "scanner/packet/ip.h"

enum { TCP_FIN_FLAG = 0x01, TCP_SYN_FLAG = 0x02, TCP_RST_FLAG = 0x04, TCP_PSH_FLAG = 0x08, TCP_ACK_FLAG = 0x10 };
enum { TCP_HEADER_SIZE = 20, TCP_OPTIONS_MAX = 40 };

/* Options and payload are borrowed. `options_length` is a multiple of 4, at most TCP_OPTIONS_MAX. */
struct tcp_segment {
    uint16_t source_port;
    uint16_t destination_port;
    uint32_t seq;
    uint32_t ack;
    uint8_t flags; /* the low six bits are those named above and URG (0x20) */
    uint16_t window;
    const uint8_t *options;
    size_t options_length;
    const uint8_t *payload;
    size_t length;
};

/* Of the timestamps option (RFC 7323, section 3). */
struct tcp_timestamps {
    uint32_t value;
    uint32_t echo;
};

/* Writes header, options, payload and checksum; returns how many bytes. */
size_t tcp_build(uint8_t *buffer, const struct ip_header *ip, const struct tcp_segment *segment);

/* `packet` is one of TCP. With `verify` unset the checksum is taken as right: a packet from a local sender may carry
 * one that was left to hardware (TP_STATUS_CSUMNOTREADY). */
MUST_USE enum packet_fault tcp_parse(const struct ip_packet *packet, bool verify, struct tcp_segment *ret_segment);

/* False when the option is absent or the list is malformed before it. */
MUST_USE bool tcp_find_timestamps(const struct tcp_segment *segment, struct tcp_timestamps *ret_timestamps);

#endif
