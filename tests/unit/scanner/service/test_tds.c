#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scanner/service/tds.h"

enum { SIZE = 10000 };

static uint8_t sent[2 * SIZE];
static size_t sent_size;

/* The socket takes at most so many bytes at once. */
static void send_all(struct span bytes, size_t at_once)
{
    struct tds_frame frame = {0};

    sent_size = 0;
    while (bytes.size > 0) {
        bool is_header;
        struct span next = tds_outgoing(&frame, bytes, &is_header);
        size_t size = next.size < at_once ? next.size : at_once;
        assert_true(size > 0 && sent_size + size <= sizeof(sent));
        memcpy(sent + sent_size, next.bytes, size);
        sent_size += size;
        tds_sent(&frame, is_header, size);
        bytes = is_header ? bytes : span_from(bytes, size);
    }
}

/* What arrives in pieces of at most so many bytes; how many are inside, -1 when that is no packet. */
static ptrdiff_t receive(struct span bytes, size_t at_once, uint8_t *inside)
{
    struct tds_frame frame = {0};
    size_t size = 0;

    while (bytes.size > 0 && !frame.failed) {
        struct span piece = bytes;
        piece.size = piece.size < at_once ? piece.size : at_once;
        bytes = span_from(bytes, piece.size);
        while (piece.size > 0 && !frame.failed) {
            struct span got = tds_arrived(&frame, &piece);
            memcpy(inside + size, got.bytes != NULL ? got.bytes : inside, got.size);
            size += got.size;
        }
    }
    return frame.failed ? -1 : (ptrdiff_t)size;
}

static void goes_there_and_back(void **state)
{
    static const size_t pieces[] = {1, 7, 8, 9, 4096, SIZE};
    static uint8_t bytes[SIZE];
    static uint8_t inside[SIZE];

    (void)state;
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (uint8_t)(i * 31);
    }
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        send_all((struct span){bytes, SIZE}, pieces[i]);
        assert_int_equal(sent_size, SIZE + 3 * TDS_HEADER_SIZE);
        assert_memory_equal(sent, "\x12\0\x10\0\0\0\0\0", TDS_HEADER_SIZE);
        assert_memory_equal(sent + 2 * (size_t)TDS_PACKET_MAX, "\x12\1\x07\x28\0\0\0\0", TDS_HEADER_SIZE);
        for (size_t j = 0; j < sizeof(pieces) / sizeof(*pieces); j++) {
            assert_int_equal(receive((struct span){sent, sent_size}, pieces[j], inside), SIZE);
            assert_memory_equal(inside, bytes, SIZE);
        }
    }
}

static void refuses_what_is_no_packet(void **state)
{
    uint8_t inside[64];

    (void)state;
    assert_int_equal(receive(SPAN_OF("\x12\1\0\7\0\0\0\0x"), 64, inside), -1);
    assert_int_equal(receive(SPAN_OF("\x11\1\0\x9\0\0\0\0x"), 64, inside), -1);
    assert_int_equal(receive(SPAN_OF("HTTP/1.1 400 Bad"), 1, inside), -1);
    /* An empty packet, one that a server answers with, and half of one. */
    assert_int_equal(receive(SPAN_OF("\x12\1\0\x8\0\0\0\0\4\1\0\xa\0\0\0\0ab\x12\1\0\xff\0\0\0\0c"), 5, inside), 3);
    assert_memory_equal(inside, "abc", 3);
    assert_int_equal(receive(SPAN_OF("\x12\1\0"), 64, inside), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_there_and_back),
        cmocka_unit_test(refuses_what_is_no_packet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
