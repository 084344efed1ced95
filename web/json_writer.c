#include "web/json_writer.h"

#include "lib/clock.h"
#include "web/utf8.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

void json_writer_init(struct json_writer *writer, struct buffer *buffer)
{
    writer->buffer = buffer;
    writer->needs_comma = false;
}

static void json_escape(struct buffer *buffer, const char *text, size_t step)
{
    unsigned char byte = (unsigned char)*text;

    if (step == 0) {
        buffer_add(buffer, "\xef\xbf\xbd", 3);
    } else if (byte == '"' || byte == '\\') {
        buffer_print(buffer, "\\%c", byte);
    } else if (byte < 0x20 || byte == 0x7f) {
        buffer_print(buffer, "\\u%04x", (unsigned)byte);
    } else {
        buffer_add(buffer, text, step);
    }
}

static void json_quoted(struct buffer *buffer, const char *text)
{
    size_t left = strlen(text);

    buffer_add(buffer, "\"", 1);
    while (left > 0) {
        size_t step = utf8_sequence(text, left);
        json_escape(buffer, text, step);
        step = step == 0 ? 1 : step;
        text += step;
        left -= step;
    }
    buffer_add(buffer, "\"", 1);
}

static void json_lead(struct json_writer *writer, const char *key)
{
    if (writer->needs_comma) {
        buffer_add(writer->buffer, ",", 1);
    }
    if (key != NULL) {
        json_quoted(writer->buffer, key);
        buffer_add(writer->buffer, ":", 1);
    }
    writer->needs_comma = true;
}

static void json_open(struct json_writer *writer, const char *key, const char *bracket)
{
    json_lead(writer, key);
    buffer_add(writer->buffer, bracket, 1);
    writer->needs_comma = false;
}

static void json_close(struct json_writer *writer, const char *bracket)
{
    buffer_add(writer->buffer, bracket, 1);
    writer->needs_comma = true;
}

void json_open_object(struct json_writer *writer, const char *key)
{
    json_open(writer, key, "{");
}

void json_close_object(struct json_writer *writer)
{
    json_close(writer, "}");
}

void json_open_array(struct json_writer *writer, const char *key)
{
    json_open(writer, key, "[");
}

void json_close_array(struct json_writer *writer)
{
    json_close(writer, "]");
}

void json_put_text(struct json_writer *writer, const char *key, const char *text)
{
    if (text == NULL) {
        json_put_null(writer, key);
        return;
    }
    json_lead(writer, key);
    json_quoted(writer->buffer, text);
}

void json_put_text_or_null(struct json_writer *writer, const char *key, const char *text)
{
    json_put_text(writer, key, text[0] == '\0' ? NULL : text);
}

void json_put_number(struct json_writer *writer, const char *key, int64_t number)
{
    json_lead(writer, key);
    buffer_print(writer->buffer, "%" PRId64, number);
}

void json_put_real(struct json_writer *writer, const char *key, double real)
{
    if (!isfinite(real)) {
        json_put_null(writer, key);
        return;
    }
    json_lead(writer, key);
    buffer_print(writer->buffer, "%.10g", real);
}

void json_put_flag(struct json_writer *writer, const char *key, bool flag)
{
    json_lead(writer, key);
    buffer_print(writer->buffer, "%s", flag ? "true" : "false");
}

void json_put_null(struct json_writer *writer, const char *key)
{
    json_lead(writer, key);
    buffer_add(writer->buffer, "null", 4);
}

void json_put_time(struct json_writer *writer, const char *key, int64_t time_ms)
{
    char text[WALL_TEXT_SIZE];

    json_put_text(writer, key, time_ms == 0 ? NULL : wall_format(time_ms, text));
}

void json_put_stored(struct json_writer *writer, const char *key, const char *json)
{
    size_t length = strlen(json);
    json_t *tree = json_loadb(json, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);

    if (tree == NULL) {
        json_put_null(writer, key);
        return;
    }
    json_decref(tree);
    json_lead(writer, key);
    buffer_add(writer->buffer, json, length);
}
