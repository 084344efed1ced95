/* Lines for a terminal: wrapped to a width, and safe whatever a hostile host or a person put into a text. */
#ifndef LEASTPORT_AUDITD_REPORT_TYPESET_H
#define LEASTPORT_AUDITD_REPORT_TYPESET_H

#include <stddef.h>
#include <stdio.h>

/* Copies what may be shown; control characters (C0, DEL, C1), marks that turn or hide writing, and bytes that are no
 * UTF-8 become \xHH, a byte each. Cut at a whole character when it does not fit; always ends with a NUL. Returns how
 * many columns it takes, one for each character. */
size_t typeset_escape(const char *text, char *buffer, size_t size);

/* Writes escaped text from column `column` on, broken at spaces before `width`; further lines begin at column `indent`.
 * A word that is longer than a line is not broken. Ends without a line feed; returns the column reached. */
unsigned typeset_wrap(FILE *out, const char *text, unsigned column, unsigned indent, unsigned width);

#endif
