#include "scanner/service/tds.h"

#include <assert.h>

enum { TYPE_ANSWER = 0x04, TYPE_PRELOGIN = 0x12, STATUS_LAST = 0x01 };

static void begin_packet(struct tds_frame *frame, size_t size)
{
    const size_t most = TDS_PACKET_MAX - TDS_HEADER_SIZE;
    struct wire_writer writer = wire_writer_of(frame->header, sizeof(frame->header));

    frame->left = size < most ? size : most;
    frame->header_left = TDS_HEADER_SIZE;
    wire_put_u8(&writer, TYPE_PRELOGIN);
    wire_put_u8(&writer, frame->left == size ? STATUS_LAST : 0);
    wire_put_u16(&writer, (uint16_t)(frame->left + TDS_HEADER_SIZE));
    wire_put_u32(&writer, 0); /* no process, packet 0, no window */
}

struct span tds_outgoing(struct tds_frame *frame, struct span bytes, bool *ret_is_header)
{
    if (frame->header_left == 0 && frame->left == 0 && bytes.size > 0) {
        begin_packet(frame, bytes.size);
    }
    *ret_is_header = frame->header_left > 0;
    if (*ret_is_header) {
        return (struct span){frame->header + TDS_HEADER_SIZE - frame->header_left, frame->header_left};
    }
    bytes.size = bytes.size < frame->left ? bytes.size : frame->left;
    return bytes;
}

void tds_sent(struct tds_frame *frame, bool is_header, size_t size)
{
    size_t *left = is_header ? &frame->header_left : &frame->left;

    assert(size <= *left);
    *left -= size;
}

static void take_header(struct tds_frame *frame)
{
    struct wire_reader reader = wire_reader_of((struct span){frame->header, sizeof(frame->header)});
    uint8_t type = wire_u8(&reader);
    uint16_t size;

    wire_skip(&reader, 1);
    size = wire_u16(&reader);
    frame->failed = (type != TYPE_PRELOGIN && type != TYPE_ANSWER) || size < TDS_HEADER_SIZE;
    frame->left = frame->failed ? 0 : (size_t)size - TDS_HEADER_SIZE;
    frame->header_size = 0;
}

struct span tds_arrived(struct tds_frame *frame, struct span *bytes)
{
    struct span piece = {NULL, 0};

    while (!frame->failed && frame->left == 0 && bytes->size > 0) {
        frame->header[frame->header_size++] = bytes->bytes[0];
        *bytes = span_from(*bytes, 1);
        if (frame->header_size == sizeof(frame->header)) {
            take_header(frame);
        }
    }
    if (!frame->failed && bytes->size > 0) {
        piece = *bytes;
        piece.size = piece.size < frame->left ? piece.size : frame->left;
        *bytes = span_from(*bytes, piece.size);
        frame->left -= piece.size;
    }
    return piece;
}
