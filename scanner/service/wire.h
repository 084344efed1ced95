/* Reading and writing of what stands on a wire, byte by byte: a cursor that remembers that it ran out, so that one
 * check at the end is enough, and a writer into fixed room that does the same. Pure; knows no protocol. */
#ifndef LEASTPORT_SCANNER_SERVICE_WIRE_H
#define LEASTPORT_SCANNER_SERVICE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of another's. */
struct span {
    const uint8_t *bytes;
    size_t size;
};

/* Of a literal, without its NUL. */
#define SPAN_OF(literal) ((struct span)SPAN_AS(literal))
/* The same to initialize what is static. */
#define SPAN_AS(literal)                                                                                               \
    {                                                                                                                  \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                                \
    }

bool span_equal(struct span a, struct span b);
bool span_starts(struct span span, struct span with);
/* Letters of ASCII without case. */
bool span_starts_as(struct span span, struct span with);
/* The offset of the first occurrence, or -1. */
ptrdiff_t span_find(struct span span, struct span what);
/* What is left of it after `size` bytes, or nothing. */
struct span span_from(struct span span, size_t size);
/* Without blanks, tabs and ends of line at both ends. */
struct span span_trim(struct span span);
/* Up to the first end of line (LF, or CR LF), which is not part of it; *ret_rest is what comes after that. False as
 * long as there is none. */
bool span_line(struct span span, struct span *ret_line, struct span *ret_rest);

/* `failed` once more was asked for than there is; what is read from then on is 0 or empty. */
struct wire_reader {
    struct span rest;
    bool failed;
};

struct wire_reader wire_reader_of(struct span span);
/* Big-endian, as networks have it, and little-endian. */
uint8_t wire_u8(struct wire_reader *reader);
uint16_t wire_u16(struct wire_reader *reader);
uint32_t wire_u24(struct wire_reader *reader);
uint32_t wire_u32(struct wire_reader *reader);
uint64_t wire_u64(struct wire_reader *reader);
uint16_t wire_u16_le(struct wire_reader *reader);
uint32_t wire_u24_le(struct wire_reader *reader);
uint32_t wire_u32_le(struct wire_reader *reader);
uint64_t wire_u64_le(struct wire_reader *reader);
struct span wire_bytes(struct wire_reader *reader, size_t size);
void wire_skip(struct wire_reader *reader, size_t size);
/* Up to a byte of 0, which is taken and not part of it; without one the reader fails. */
struct span wire_string(struct wire_reader *reader);

/* `failed` once more was put than there is room for; what was put by then stands. */
struct wire_writer {
    uint8_t *bytes;
    size_t room;
    size_t size;
    bool failed;
};

struct wire_writer wire_writer_of(uint8_t *bytes, size_t room);
struct span wire_written(const struct wire_writer *writer);
void wire_put(struct wire_writer *writer, struct span span);
void wire_put_text(struct wire_writer *writer, const char *text);
void wire_put_u8(struct wire_writer *writer, uint8_t value);
void wire_put_u16(struct wire_writer *writer, uint16_t value);
void wire_put_u24(struct wire_writer *writer, uint32_t value);
void wire_put_u32(struct wire_writer *writer, uint32_t value);
void wire_put_u64(struct wire_writer *writer, uint64_t value);
void wire_put_u16_le(struct wire_writer *writer, uint16_t value);
void wire_put_u24_le(struct wire_writer *writer, uint32_t value);
void wire_put_u32_le(struct wire_writer *writer, uint32_t value);
void wire_put_u64_le(struct wire_writer *writer, uint64_t value);
void wire_put_zeros(struct wire_writer *writer, size_t count);
/* Writes a value over bytes that were put at `at` before: a length that is known only at the end. */
void wire_patch_u16(struct wire_writer *writer, size_t at, uint16_t value);
void wire_patch_u32(struct wire_writer *writer, size_t at, uint32_t value);

#endif
