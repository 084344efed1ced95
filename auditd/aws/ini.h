/* The AWS CLI's configuration and credentials files ("Configuration and credential file settings", AWS CLI user guide).
 * Pure: looks through the text each time, and keeps nothing of it. */
#ifndef LEASTPORT_AUDITD_AWS_INI_H
#define LEASTPORT_AUDITD_AWS_INI_H

#include <stdbool.h>
#include <stddef.h>

/* Where settings are looked for. */
struct ini_place {
    const char *text; /* NULL: an empty file */
    const char *section;
    const char *parent; /* NULL: right in the section; else indented below "parent =" */
};

/* What stands behind "key =", the last one where there are several. False when there is none or it does not fit. */
bool ini_get(const struct ini_place *place, const char *key, char *buffer, size_t size);

#endif
