#include "scanner/packet/tcp.h"

#include "scanner/packet/checksum.h"
#include "scanner/packet/wire.h"

#include <assert.h>

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_TIMESTAMPS = 8, OPTION_TIMESTAMPS_SIZE = 10 };

size_t tcp_build(uint8_t *buffer, const struct ip_header *ip, const struct tcp_segment *segment)
{
    size_t header = TCP_HEADER_SIZE + segment->options_length;
    size_t size = header + segment->length;
    uint64_t sum;

    assert(segment->options_length % 4 == 0 && segment->options_length <= TCP_OPTIONS_MAX);
    memset(buffer, 0, TCP_HEADER_SIZE);
    wire_put16(buffer, segment->source_port);
    wire_put16(buffer + 2, segment->destination_port);
    wire_put32(buffer + 4, segment->seq);
    wire_put32(buffer + 8, segment->ack);
    buffer[12] = (uint8_t)(header / 4 << 4);
    buffer[13] = segment->flags;
    wire_put16(buffer + 14, segment->window);
    if (segment->options_length > 0) {
        memcpy(buffer + TCP_HEADER_SIZE, segment->options, segment->options_length);
    }
    if (segment->length > 0) {
        memcpy(buffer + header, segment->payload, segment->length);
    }
    sum = checksum_add(checksum_pseudo(ip, size), buffer, size);
    checksum_put(buffer + 16, checksum_finish(sum));
    return size;
}

enum packet_fault tcp_parse(const struct ip_packet *packet, bool verify, struct tcp_segment *ret_segment)
{
    const uint8_t *at = packet->payload;
    size_t header;

    if (packet->length < TCP_HEADER_SIZE) {
        return PACKET_TRUNCATED;
    }
    header = (size_t)(at[12] >> 4) * 4;
    if (header < TCP_HEADER_SIZE) {
        return PACKET_MALFORMED;
    }
    if (packet->length < header) {
        return PACKET_TRUNCATED;
    }
    if (verify && !checksum_holds(checksum_add(checksum_pseudo(&packet->header, packet->length), at, packet->length))) {
        return PACKET_CHECKSUM;
    }
    *ret_segment = (struct tcp_segment){
        .source_port = wire_get16(at),
        .destination_port = wire_get16(at + 2),
        .seq = wire_get32(at + 4),
        .ack = wire_get32(at + 8),
        .flags = at[13],
        .window = wire_get16(at + 14),
        .options = at + TCP_HEADER_SIZE,
        .options_length = header - TCP_HEADER_SIZE,
        .payload = at + header,
        .length = packet->length - header,
    };
    return PACKET_FINE;
}

bool tcp_find_timestamps(const struct tcp_segment *segment, struct tcp_timestamps *ret_timestamps)
{
    const uint8_t *at = segment->options;
    size_t left = segment->options_length;

    while (left > 0 && at[0] != OPTION_END) {
        size_t size = at[0] == OPTION_NOP ? 1 : left < 2 ? 0 : at[1];
        if (size == 0 || size > left || (size == 1 && at[0] != OPTION_NOP)) {
            return false;
        }
        if (at[0] == OPTION_TIMESTAMPS && size == OPTION_TIMESTAMPS_SIZE) {
            *ret_timestamps = (struct tcp_timestamps){.value = wire_get32(at + 2), .echo = wire_get32(at + 6)};
            return true;
        }
        at += size;
        left -= size;
    }
    return false;
}
