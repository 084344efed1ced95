/* Digest of a web page, by which the same page is told elsewhere. Pure; knows neither responses nor redirects. */
#ifndef LEASTPORT_SCANNER_SERVICE_PAGE_H
#define LEASTPORT_SCANNER_SERVICE_PAGE_H

#include "scanner/service/wire.h"

#include <stdbool.h>

enum {
    PAGE_DIGEST_SIZE = 65, /* SHA-256 in hexadecimal, with its end */
    PAGE_LEAST = 128,      /* a shorter page ("OK", "{}") is anybody's */
    PAGE_MOST = 12288,     /* so much of a longer one counts */
};

/* Without what differs although the page is the same: the server's own address where the page names it (`authority`,
 * as the field Host has it, with or without a scheme before it), CR before LF, blanks at the end. False, and no digest,
 * for a page that tells nothing: a short one, or one that a distribution ships with its web server. `title` is the
 * page's, "" without one. */
bool page_digest(struct span body, const char *authority, const char *title, char ret_digest[PAGE_DIGEST_SIZE]);

#endif
