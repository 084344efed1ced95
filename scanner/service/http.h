/* Reads an HTTP/1 response (RFC 9112) of a server that may mean ill: bounded, one look at the bytes that are there.
 * Pure; knows neither requests nor what a page is about. */
#ifndef LEASTPORT_SCANNER_SERVICE_HTTP_H
#define LEASTPORT_SCANNER_SERVICE_HTTP_H

#include "scanner/service/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_HEAD_MAX = 16384, /* a longer head is no answer */
    HTTP_BODY_MAX = 16384, /* so much of a body is looked at, as it was before its transfer coding */
};

enum http_state {
    HTTP_MORE,  /* more bytes may come */
    HTTP_WHOLE, /* all of it is there, or all that is looked at */
    HTTP_CUT,   /* the server has ended before the body's end */
    HTTP_BAD,   /* that is no HTTP response */
};

/* Borrows the bytes. */
struct http_response {
    uint16_t status;
    struct span head; /* the lines after the status line, with their ends */
    size_t body_size;
    uint8_t body[HTTP_BODY_MAX];
};

/* `ended`: nothing further will come. 1xx responses but 101 are passed over (RFC 9110, section 15.2). The response is
 * filled in for HTTP_WHOLE and HTTP_CUT; for HTTP_BAD its status alone, which is 0 where not even the first line was
 * HTTP's. */
enum http_state http_read(struct span bytes, bool ended, struct http_response *ret_response);

/* The value of the first field of that name (in any case), without blanks at its ends; false when there is none. */
bool http_field(const struct http_response *response, const char *name, struct span *ret_value);
struct span http_body(const struct http_response *response);

/* The text of the first element `title`, its blanks run together, cut at `room` - 1; the length. */
size_t http_title(struct span body, char *text, size_t room);
/* Whether the page has a field for a password. */
bool http_asks_password(struct span body);

#endif
