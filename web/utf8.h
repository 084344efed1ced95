/* Whether bytes are UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing past U+10FFFF. */
#ifndef LEASTPORT_WEB_UTF8_H
#define LEASTPORT_WEB_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the sequence at `text` of `left` bytes (1 to 4), or 0 when there is none. */
size_t utf8_sequence(const char *text, size_t left);
bool utf8_is_valid(const char *text, size_t length);

#endif
