/* Text that hostile hosts have a say in, as JSON, XML, HTML and CSV can hold it. Knows no store and no format. */
#ifndef LEASTPORT_AUDITD_EXPORT_TEXT_H
#define LEASTPORT_AUDITD_EXPORT_TEXT_H

#include "lib/addr.h"

#include <jansson.h>
#include <stdio.h>

/* A string of JSON; bytes that are no UTF-8 become U+FFFD each. NULL when out of memory. */
json_t *text_json(const char *text);

/* Writes the value (one that is taken) without a newline. -ENOMEM for a NULL, -EIO. */
MUST_USE int text_print_json(FILE *out, json_t *value);

/* Text of an element or of an attribute of XML or HTML; what XML 1.0 (section 2.2) cannot hold, and the control
 * characters and marks of direction that would deceive a reader, become \xHH as nmap writes them. */
void text_print_markup(FILE *out, const char *text);

/* One cell of RFC 4180, in quotes where it needs them. A cell that a spreadsheet would take for a formula gets a
 * leading apostrophe (OWASP, CSV injection); bytes that are no UTF-8 become U+FFFD each. */
void text_print_cell(FILE *out, const char *text);

#endif
