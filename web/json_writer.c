#include "web/json_writer.h"

#include "lib/clock.h"
#include "web/utf8.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

enum {
    JSON_DIGITS = 20, /* of 2^64 */
    JSON_DECIMAL_SCALE = 10000,
    JSON_DECIMAL_BELOW = 100000, /* so many digits before the decimals that ten hold both */
};

void json_writer_init(struct json_writer *writer, struct buffer *buffer)
{
    writer->buffer = buffer;
    writer->needs_comma = false;
}

/* One byte that cannot stand as it is, or the sequence that begins there; returns how far to go. */
static size_t json_escape(struct buffer *buffer, const char *text, size_t left)
{
    unsigned char byte = (unsigned char)*text;
    size_t step = utf8_sequence(text, left);

    if (step == 0) {
        buffer_add(buffer, "\xef\xbf\xbd", 3);
        return 1;
    }
    if (byte == '"' || byte == '\\') {
        char pair[] = {'\\', (char)byte};
        buffer_add(buffer, pair, sizeof(pair));
    } else if (byte < 0x20 || byte == 0x7f) {
        buffer_print(buffer, "\\u%04x", (unsigned)byte);
    } else {
        buffer_add(buffer, text, step);
    }
    return step;
}

static bool json_is_plain(char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* What needs no escape, nearly all that is ever written, goes over in one piece. */
static void json_quoted(struct buffer *buffer, const char *text)
{
    size_t left = strlen(text);

    buffer_add(buffer, "\"", 1);
    while (left > 0) {
        size_t run = 0;
        while (run < left && json_is_plain(text[run])) {
            run++;
        }
        buffer_add(buffer, text, run);
        text += run;
        left -= run;
        if (left > 0) {
            size_t step = json_escape(buffer, text, left);
            text += step;
            left -= step;
        }
    }
    buffer_add(buffer, "\"", 1);
}

static void json_lead(struct json_writer *writer, const char *key)
{
    if (writer->needs_comma) {
        buffer_add(writer->buffer, ",", 1);
    }
    if (key != NULL) {
        /* Keys are names of ours, which need no escape. */
        buffer_add(writer->buffer, "\"", 1);
        buffer_add(writer->buffer, key, strlen(key));
        buffer_add(writer->buffer, "\":", 2);
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

/* Decimal digits into the end of `text`; returns the first. */
static const char *json_digits(uint64_t number, char text[static JSON_DIGITS])
{
    char *first = text + JSON_DIGITS;

    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return first;
}

void json_put_number(struct json_writer *writer, const char *key, int64_t number)
{
    char text[JSON_DIGITS];
    const char *first = json_digits(number < 0 ? 0 - (uint64_t)number : (uint64_t)number, text);

    json_lead(writer, key);
    if (number < 0) {
        buffer_add(writer->buffer, "-", 1);
    }
    buffer_add(writer->buffer, first, (size_t)(text + JSON_DIGITS - first));
}

/* Whole numbers and those of up to four decimals, as scores and factors are, without printf: where n / 10,000 is the
 * same double, its digits are those that %.10g gives. */
static bool json_put_decimal(struct buffer *buffer, double real)
{
    char text[JSON_DIGITS];
    uint64_t scaled;
    uint32_t rest;
    const char *first;

    if (!(real >= 0 && real < JSON_DECIMAL_BELOW) || signbit(real)) {
        return false;
    }
    scaled = (uint64_t)(real * JSON_DECIMAL_SCALE + 0.5);
    if ((double)scaled / JSON_DECIMAL_SCALE != real) {
        return false;
    }
    first = json_digits(scaled / JSON_DECIMAL_SCALE, text);
    buffer_add(buffer, first, (size_t)(text + JSON_DIGITS - first));
    rest = (uint32_t)(scaled % JSON_DECIMAL_SCALE);
    if (rest != 0) {
        char decimals[] = {'.', (char)('0' + rest / 1000), (char)('0' + rest / 100 % 10), (char)('0' + rest / 10 % 10),
                           (char)('0' + rest % 10)};
        size_t length = sizeof(decimals);
        while (decimals[length - 1] == '0') {
            length--;
        }
        buffer_add(buffer, decimals, length);
    }
    return true;
}

void json_put_real(struct json_writer *writer, const char *key, double real)
{
    if (!isfinite(real)) {
        json_put_null(writer, key);
        return;
    }
    json_lead(writer, key);
    if (!json_put_decimal(writer->buffer, real)) {
        buffer_print(writer->buffer, "%.10g", real);
    }
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
