/* JSON straight into a buffer, value by value: a list of rows never becomes a tree. Output is always valid UTF-8:
 * each byte that is none becomes U+FFFD. The caller closes what it opens. */
#ifndef LEASTPORT_WEB_JSON_WRITER_H
#define LEASTPORT_WEB_JSON_WRITER_H

#include "web/buffer.h"

#include <stdint.h>

struct json_writer {
    struct buffer *buffer; /* borrowed */
    bool needs_comma;
};

void json_writer_init(struct json_writer *writer, struct buffer *buffer);

/* `key` is NULL in an array and at the top. */
void json_open_object(struct json_writer *writer, const char *key);
void json_close_object(struct json_writer *writer);
void json_open_array(struct json_writer *writer, const char *key);
void json_close_array(struct json_writer *writer);

/* NULL is written as null. */
void json_put_text(struct json_writer *writer, const char *key, const char *text);
/* "" is written as null. */
void json_put_text_or_null(struct json_writer *writer, const char *key, const char *text);
void json_put_number(struct json_writer *writer, const char *key, int64_t number);
/* NAN and infinity are written as null. */
void json_put_real(struct json_writer *writer, const char *key, double real);
void json_put_flag(struct json_writer *writer, const char *key, bool flag);
void json_put_null(struct json_writer *writer, const char *key);
/* Milliseconds since 1970 as RFC 3339 text; 0 is null. */
void json_put_time(struct json_writer *writer, const char *key, int64_t time_ms);
/* JSON text that the store holds; null when it is not valid JSON. */
void json_put_stored(struct json_writer *writer, const char *key, const char *json);

#endif
