/* Bytes that grow. Knows nothing of what they mean. */
#ifndef LEASTPORT_WEB_BUFFER_H
#define LEASTPORT_WEB_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* `failed` is sticky: after a failed growth nothing is added, and one look at the end is enough. */
struct buffer {
    char *bytes;
    size_t length;
    size_t capacity;
    bool failed;
};

void buffer_init(struct buffer *buffer);
void buffer_done(struct buffer *buffer);
/* Forgets the bytes, keeps the room. */
void buffer_clear(struct buffer *buffer);
void buffer_add(struct buffer *buffer, const char *bytes, size_t length);
void buffer_print(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The bytes, which the caller now owns and frees; the buffer is empty again. NULL when it is empty or has failed. */
char *buffer_take(struct buffer *buffer, size_t *ret_length);

#endif
