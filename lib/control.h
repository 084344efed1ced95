/* Control characters in UTF-8: what a terminal might obey instead of showing it. */
#ifndef LEASTPORT_LIB_CONTROL_H
#define LEASTPORT_LIB_CONTROL_H

#include <stddef.h>

/* The length of the control character that `text` begins with: 1 for C0 and DEL, 2 for C1 (ECMA-48 section 5.3, whose
 * U+009B is a control sequence introducer by itself); 0 when it begins with another, and at its end. */
size_t control_length(const char *text);

#endif
