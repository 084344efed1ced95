#include "auditd/ingest/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_FIRST_BYTES = 4096 };

struct lines {
    char *buffer;
    size_t used;
    size_t size;
    size_t max_bytes;
    uint64_t overlong;
    bool dropping;
};

struct lines *lines_create(size_t max_bytes)
{
    struct lines *lines = calloc(1, sizeof(*lines));

    if (lines != NULL) {
        lines->max_bytes = max_bytes;
    }
    return lines;
}

void lines_destroy(struct lines *lines)
{
    if (lines != NULL) {
        free(lines->buffer);
        free(lines);
    }
}

/* Makes room for `more` bytes and a NUL. */
static int lines_reserve(struct lines *lines, size_t more)
{
    size_t need = lines->used + more + 1;
    size_t size = lines->size == 0 ? LINES_FIRST_BYTES : lines->size;
    char *buffer;

    if (need <= lines->size) {
        return 0;
    }
    while (size < need) {
        size *= 2;
    }
    buffer = realloc(lines->buffer, size);
    if (buffer == NULL) {
        return -ENOMEM;
    }
    lines->buffer = buffer;
    lines->size = size;
    return 0;
}

/* Keeps bytes of a line that does not end here, or counts the line as too long. */
static int lines_keep(struct lines *lines, const char *bytes, size_t count)
{
    int rc;

    if (lines->dropping || count == 0) {
        return 0;
    }
    /* The newline counts: a line of max_bytes - 1 bytes may still end. */
    if (lines->used + count >= lines->max_bytes) {
        lines->dropping = true;
        lines->overlong++;
        lines->used = 0;
        return 0;
    }
    rc = lines_reserve(lines, count);
    if (rc < 0) {
        return rc;
    }
    memcpy(lines->buffer + lines->used, bytes, count);
    lines->used += count;
    return 0;
}

static int lines_finish(struct lines *lines, lines_take take, void *context)
{
    size_t length = lines->used;
    int rc;

    if (lines->dropping) {
        lines->dropping = false;
        return 0;
    }
    rc = lines_reserve(lines, 0);
    if (rc < 0) {
        return rc;
    }
    lines->used = 0;
    lines->buffer[length] = '\0';
    return take(context, lines->buffer, length);
}

int lines_feed(struct lines *lines, const char *bytes, size_t count, lines_take take, void *context)
{
    while (count > 0) {
        const char *newline = memchr(bytes, '\n', count);
        size_t length = newline == NULL ? count : (size_t)(newline - bytes);
        int rc = lines_keep(lines, bytes, length);

        if (rc < 0) {
            return rc;
        }
        if (newline == NULL) {
            return 0;
        }
        rc = lines_finish(lines, take, context);
        if (rc != 0) {
            return rc;
        }
        bytes += length + 1;
        count -= length + 1;
    }
    return 0;
}

uint64_t lines_overlong(const struct lines *lines)
{
    return lines->overlong;
}

size_t lines_pending(const struct lines *lines)
{
    return lines->used;
}
