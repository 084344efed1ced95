/* Packets of TDS as a hostile server sends them, in pieces: the first byte says of how many bytes. What is inside is
 * the same however it is cut, and what we send is read back as it was. */
#include "scanner/service/tds.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PACKETS_SPARE = 4 };

struct inside {
    uint8_t *bytes;
    size_t size;
    bool failed;
};

/* To be freed by the caller. */
static struct inside receive(struct span bytes, size_t at_once)
{
    struct tds_frame frame = {0};
    struct inside inside = {.bytes = malloc(bytes.size + 1)};

    assert(inside.bytes != NULL);
    while (bytes.size > 0 && !frame.failed) {
        struct span piece = bytes;
        piece.size = piece.size < at_once ? piece.size : at_once;
        bytes = span_from(bytes, piece.size);
        while (piece.size > 0 && !frame.failed) {
            size_t left = piece.size;
            struct span got = tds_arrived(&frame, &piece);
            assert(piece.size < left && got.size <= left);
            if (got.size > 0) {
                memcpy(inside.bytes + inside.size, got.bytes, got.size);
                inside.size += got.size;
            }
        }
    }
    inside.failed = frame.failed;
    return inside;
}

static void check_there_and_back(struct span bytes, size_t at_once)
{
    struct tds_frame frame = {0};
    size_t room = bytes.size + (bytes.size / (TDS_PACKET_MAX - TDS_HEADER_SIZE) + PACKETS_SPARE) * TDS_HEADER_SIZE;
    uint8_t *sent = malloc(room);
    size_t size = 0;
    struct span rest = bytes;
    struct inside inside;

    assert(sent != NULL);
    while (rest.size > 0) {
        bool is_header;
        struct span next = tds_outgoing(&frame, rest, &is_header);
        size_t taken = next.size < at_once ? next.size : at_once;
        assert(taken > 0 && size + taken <= room);
        memcpy(sent + size, next.bytes, taken);
        size += taken;
        tds_sent(&frame, is_header, taken);
        rest = is_header ? rest : span_from(rest, taken);
    }
    inside = receive((struct span){sent, size}, at_once);
    assert(!inside.failed && inside.size == bytes.size &&
           (bytes.size == 0 || memcmp(inside.bytes, bytes.bytes, bytes.size) == 0));
    free(inside.bytes);
    free(sent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = {data, size};
    size_t at_once = size > 0 ? (size_t)data[0] + 1 : 1;
    struct inside whole;
    struct inside pieces;

    bytes = span_from(bytes, size > 0 ? 1 : 0);
    whole = receive(bytes, SIZE_MAX);
    pieces = receive(bytes, at_once);
    assert(whole.failed == pieces.failed && whole.size == pieces.size);
    assert(whole.size == 0 || memcmp(whole.bytes, pieces.bytes, whole.size) == 0);
    check_there_and_back(bytes, at_once);
    free(whole.bytes);
    free(pieces.bytes);
    return 0;
}
