#include "scanner/service/wire.h"

#include <string.h>
#include <strings.h>

bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

bool span_starts(struct span span, struct span with)
{
    return span.size >= with.size && (with.size == 0 || memcmp(span.bytes, with.bytes, with.size) == 0);
}

bool span_starts_as(struct span span, struct span with)
{
    return span.size >= with.size &&
           (with.size == 0 || strncasecmp((const char *)span.bytes, (const char *)with.bytes, with.size) == 0);
}

ptrdiff_t span_find(struct span span, struct span what)
{
    const uint8_t *found =
        span.size == 0 || what.size == 0 ? NULL : memmem(span.bytes, span.size, what.bytes, what.size);

    return found == NULL ? -1 : found - span.bytes;
}

struct span span_from(struct span span, size_t size)
{
    size_t skipped = size < span.size ? size : span.size;

    return (struct span){span.size == 0 ? span.bytes : span.bytes + skipped, span.size - skipped};
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct span span_trim(struct span span)
{
    while (span.size > 0 && is_blank(span.bytes[0])) {
        span = span_from(span, 1);
    }
    while (span.size > 0 && is_blank(span.bytes[span.size - 1])) {
        span.size--;
    }
    return span;
}

bool span_line(struct span span, struct span *ret_line, struct span *ret_rest)
{
    const uint8_t *end = span.size == 0 ? NULL : memchr(span.bytes, '\n', span.size);
    size_t size;

    if (end == NULL) {
        return false;
    }
    size = (size_t)(end - span.bytes);
    *ret_rest = span_from(span, size + 1);
    if (size > 0 && span.bytes[size - 1] == '\r') {
        size--;
    }
    *ret_line = (struct span){span.bytes, size};
    return true;
}

struct wire_reader wire_reader_of(struct span span)
{
    return (struct wire_reader){.rest = span};
}

struct span wire_bytes(struct wire_reader *reader, size_t size)
{
    struct span taken = {reader->rest.bytes, size};

    if (reader->failed || size > reader->rest.size) {
        reader->failed = true;
        reader->rest.size = 0;
        return (struct span){reader->rest.bytes, 0};
    }
    reader->rest = span_from(reader->rest, size);
    return taken;
}

void wire_skip(struct wire_reader *reader, size_t size)
{
    (void)wire_bytes(reader, size);
}

static uint64_t big_endian(struct wire_reader *reader, size_t size)
{
    struct span taken = wire_bytes(reader, size);
    uint64_t value = 0;

    for (size_t i = 0; i < taken.size; i++) {
        value = value << 8 | taken.bytes[i];
    }
    return value;
}

static uint64_t little_endian(struct wire_reader *reader, size_t size)
{
    struct span taken = wire_bytes(reader, size);
    uint64_t value = 0;

    for (size_t i = taken.size; i > 0; i--) {
        value = value << 8 | taken.bytes[i - 1];
    }
    return value;
}

uint8_t wire_u8(struct wire_reader *reader)
{
    return (uint8_t)big_endian(reader, 1);
}

uint16_t wire_u16(struct wire_reader *reader)
{
    return (uint16_t)big_endian(reader, 2);
}

uint32_t wire_u24(struct wire_reader *reader)
{
    return (uint32_t)big_endian(reader, 3);
}

uint32_t wire_u32(struct wire_reader *reader)
{
    return (uint32_t)big_endian(reader, 4);
}

uint64_t wire_u64(struct wire_reader *reader)
{
    return big_endian(reader, 8);
}

uint16_t wire_u16_le(struct wire_reader *reader)
{
    return (uint16_t)little_endian(reader, 2);
}

uint32_t wire_u24_le(struct wire_reader *reader)
{
    return (uint32_t)little_endian(reader, 3);
}

uint32_t wire_u32_le(struct wire_reader *reader)
{
    return (uint32_t)little_endian(reader, 4);
}

uint64_t wire_u64_le(struct wire_reader *reader)
{
    return little_endian(reader, 8);
}

struct span wire_string(struct wire_reader *reader)
{
    const uint8_t *end = reader->rest.size == 0 ? NULL : memchr(reader->rest.bytes, 0, reader->rest.size);
    struct span taken;

    if (end == NULL) {
        return wire_bytes(reader, reader->rest.size + 1);
    }
    taken = wire_bytes(reader, (size_t)(end - reader->rest.bytes));
    wire_skip(reader, 1);
    return taken;
}

struct wire_writer wire_writer_of(uint8_t *bytes, size_t room)
{
    return (struct wire_writer){.bytes = bytes, .room = room};
}

struct span wire_written(const struct wire_writer *writer)
{
    return (struct span){writer->bytes, writer->size};
}

void wire_put(struct wire_writer *writer, struct span span)
{
    if (writer->failed || span.size > writer->room - writer->size) {
        writer->failed = true;
        return;
    }
    if (span.size > 0) {
        memcpy(writer->bytes + writer->size, span.bytes, span.size);
        writer->size += span.size;
    }
}

void wire_put_text(struct wire_writer *writer, const char *text)
{
    wire_put(writer, (struct span){(const uint8_t *)text, strlen(text)});
}

static void put_big_endian(struct wire_writer *writer, uint64_t value, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
    wire_put(writer, (struct span){bytes, size});
}

static void put_little_endian(struct wire_writer *writer, uint64_t value, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    wire_put(writer, (struct span){bytes, size});
}

void wire_put_u8(struct wire_writer *writer, uint8_t value)
{
    put_big_endian(writer, value, 1);
}

void wire_put_u16(struct wire_writer *writer, uint16_t value)
{
    put_big_endian(writer, value, 2);
}

void wire_put_u24(struct wire_writer *writer, uint32_t value)
{
    put_big_endian(writer, value, 3);
}

void wire_put_u32(struct wire_writer *writer, uint32_t value)
{
    put_big_endian(writer, value, 4);
}

void wire_put_u64(struct wire_writer *writer, uint64_t value)
{
    put_big_endian(writer, value, 8);
}

void wire_put_u16_le(struct wire_writer *writer, uint16_t value)
{
    put_little_endian(writer, value, 2);
}

void wire_put_u24_le(struct wire_writer *writer, uint32_t value)
{
    put_little_endian(writer, value, 3);
}

void wire_put_u32_le(struct wire_writer *writer, uint32_t value)
{
    put_little_endian(writer, value, 4);
}

void wire_put_u64_le(struct wire_writer *writer, uint64_t value)
{
    put_little_endian(writer, value, 8);
}

void wire_put_zeros(struct wire_writer *writer, size_t count)
{
    if (writer->failed || count > writer->room - writer->size) {
        writer->failed = true;
        return;
    }
    memset(writer->bytes + writer->size, 0, count);
    writer->size += count;
}

static void patch(struct wire_writer *writer, size_t at, uint64_t value, size_t size)
{
    struct wire_writer there = {.bytes = writer->bytes + at, .room = size};

    if (!writer->failed && at + size <= writer->size) {
        put_big_endian(&there, value, size);
    }
}

void wire_patch_u16(struct wire_writer *writer, size_t at, uint16_t value)
{
    patch(writer, at, value, 2);
}

void wire_patch_u32(struct wire_writer *writer, size_t at, uint32_t value)
{
    patch(writer, at, value, 4);
}
