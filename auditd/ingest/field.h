/* What the texts of an observation may hold. */
#ifndef LEASTPORT_AUDITD_INGEST_FIELD_H
#define LEASTPORT_AUDITD_INGEST_FIELD_H

#include <stdbool.h>

/* Letters, digits and what else addresses, names and codes are made of; never what JSON escapes. */
bool field_is_word_char(char byte);
bool field_is_word(const char *text);

/* No control character. */
bool field_is_printable(const char *text);

/* RFC 9562, of any version. */
bool field_is_uuid(const char *text);

#endif
