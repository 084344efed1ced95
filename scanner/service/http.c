#include "scanner/service/http.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { STATUS_LINE_LEAST = 12, CHUNK_DIGITS_MAX = 8 };

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* "HTTP/1.1 200", whatever follows. */
static bool read_status(struct span line, uint16_t *ret_status)
{
    const uint8_t *at = line.bytes;

    if (line.size < STATUS_LINE_LEAST || !span_starts(line, SPAN_OF("HTTP/1.")) || !is_digit(at[7]) || at[8] != ' ' ||
        !is_digit(at[9]) || !is_digit(at[10]) || !is_digit(at[11])) {
        return false;
    }
    *ret_status = (uint16_t)((at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0'));
    return *ret_status >= 100;
}

/* The head's lines, and what comes behind the empty one. False as long as that is not there. */
static bool split_head(struct span bytes, struct span *ret_head, struct span *ret_rest)
{
    struct span rest = bytes;
    struct span line;

    while (span_line(rest, &line, &rest)) {
        if (line.size == 0) {
            *ret_head = (struct span){bytes.bytes, (size_t)(line.bytes - bytes.bytes)};
            *ret_rest = rest;
            return true;
        }
    }
    return false;
}

bool http_field(const struct http_response *response, const char *name, struct span *ret_value)
{
    struct span rest = response->head;
    struct span line;
    size_t length = strlen(name);

    while (span_line(rest, &line, &rest)) {
        if (line.size > length && line.bytes[length] == ':' &&
            strncasecmp((const char *)line.bytes, name, length) == 0) {
            *ret_value = span_trim(span_from(line, length + 1));
            return true;
        }
    }
    return false;
}

static void add_body(struct http_response *response, struct span bytes)
{
    size_t room = sizeof(response->body) - response->body_size;
    size_t size = bytes.size < room ? bytes.size : room;

    if (size > 0) {
        memcpy(response->body + response->body_size, bytes.bytes, size);
        response->body_size += size;
    }
}

static bool is_full(const struct http_response *response)
{
    return response->body_size == sizeof(response->body);
}

/* A chunk's size in hexadecimal digits, before any extension (RFC 9112, section 7.1). */
static bool read_chunk_size(struct span line, size_t *ret_size)
{
    size_t size = 0;
    size_t digits = 0;

    while (digits < line.size && isxdigit(line.bytes[digits])) {
        uint8_t digit = line.bytes[digits];
        size = size * 16 + (size_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        digits++;
        if (digits > CHUNK_DIGITS_MAX) {
            return false;
        }
    }
    *ret_size = size;
    return digits > 0 && (digits == line.size || line.bytes[digits] == ';' || line.bytes[digits] == ' ');
}

/* What stands there of a chunked body. HTTP_MORE: it is not all. */
static enum http_state read_chunks(struct span rest, struct http_response *response)
{
    struct span line;
    size_t size;

    while (!is_full(response)) {
        if (!span_line(rest, &line, &rest)) {
            return rest.size > HTTP_HEAD_MAX ? HTTP_BAD : HTTP_MORE;
        }
        if (!read_chunk_size(line, &size)) {
            return HTTP_BAD;
        }
        if (size == 0) {
            return HTTP_WHOLE;
        }
        add_body(response, (struct span){rest.bytes, size < rest.size ? size : rest.size});
        if (rest.size < size) {
            return is_full(response) ? HTTP_WHOLE : HTTP_MORE;
        }
        rest = span_from(rest, size);
        if (rest.size > 0 && rest.bytes[0] != '\r' && rest.bytes[0] != '\n') {
            return HTTP_BAD;
        }
        if (!span_line(rest, &line, &rest)) {
            return HTTP_MORE;
        }
    }
    return HTTP_WHOLE;
}

/* False when there is no such field, or it is no number. */
static bool read_length(const struct http_response *response, size_t *ret_length)
{
    struct span value;
    size_t length = 0;

    if (!http_field(response, "content-length", &value) || value.size == 0 || value.size > 9) {
        return false;
    }
    for (size_t i = 0; i < value.size; i++) {
        if (!is_digit(value.bytes[i])) {
            return false;
        }
        length = length * 10 + (size_t)(value.bytes[i] - '0');
    }
    *ret_length = length;
    return true;
}

/* RFC 9112, section 6.3: chunks before a length, a length before the connection's end. */
static enum http_state read_body(struct span rest, struct http_response *response)
{
    struct span coding;
    size_t length;

    if (response->status < 200 || response->status == 204 || response->status == 304) {
        return HTTP_WHOLE;
    }
    if (http_field(response, "transfer-encoding", &coding) && coding.size >= 7 &&
        strncasecmp((const char *)coding.bytes + coding.size - 7, "chunked", 7) == 0) {
        return read_chunks(rest, response);
    }
    if (read_length(response, &length)) {
        add_body(response, (struct span){rest.bytes, length < rest.size ? length : rest.size});
        return rest.size >= length || is_full(response) ? HTTP_WHOLE : HTTP_MORE;
    }
    add_body(response, rest);
    return is_full(response) ? HTTP_WHOLE : HTTP_MORE;
}

enum http_state http_read(struct span bytes, bool ended, struct http_response *ret_response)
{
    struct span rest = bytes;
    struct span line;
    enum http_state state;

    ret_response->status = 0;
    do {
        bytes = rest;
        ret_response->body_size = 0;
        if (!span_line(bytes, &line, &rest)) {
            return ended || bytes.size > HTTP_HEAD_MAX ? HTTP_BAD : HTTP_MORE;
        }
        if (!read_status(line, &ret_response->status)) {
            return HTTP_BAD;
        }
        if (!split_head(rest, &ret_response->head, &rest)) {
            return ended || rest.size > HTTP_HEAD_MAX ? HTTP_BAD : HTTP_MORE;
        }
    } while (ret_response->status < 200 && ret_response->status != 101);
    state = read_body(rest, ret_response);
    return state == HTTP_MORE && ended ? HTTP_CUT : state;
}

struct span http_body(const struct http_response *response)
{
    return (struct span){response->body, response->body_size};
}

/* As span_find(), letters of ASCII without case. */
static ptrdiff_t find_as(struct span span, struct span what)
{
    for (size_t i = 0; i + what.size <= span.size; i++) {
        if (span_starts_as(span_from(span, i), what)) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

size_t http_title(struct span body, char *text, size_t room)
{
    ptrdiff_t at = find_as(body, SPAN_OF("<title"));
    size_t length = 0;

    text[0] = '\0';
    if (at < 0) {
        return 0;
    }
    body = span_from(body, (size_t)at);
    at = span_find(body, SPAN_OF(">"));
    body = at < 0 ? (struct span){body.bytes, 0} : span_trim(span_from(body, (size_t)at + 1));
    for (size_t i = 0; i < body.size && body.bytes[i] != '<' && length + 1 < room; i++) {
        bool blank = isspace(body.bytes[i]) != 0;
        if (!blank) {
            text[length++] = (char)body.bytes[i];
        } else if (length > 0 && text[length - 1] != ' ') {
            text[length++] = ' ';
        }
    }
    while (length > 0 && text[length - 1] == ' ') {
        length--;
    }
    text[length] = '\0';
    return length;
}

bool http_asks_password(struct span body)
{
    return find_as(body, SPAN_OF("type=\"password\"")) >= 0 || find_as(body, SPAN_OF("type='password'")) >= 0 ||
           find_as(body, SPAN_OF("type=password")) >= 0;
}
