/* Memory that is wiped when it is given back: for libraries through which keys pass (answers as JSON and XML, requests
 * of libcurl). */
#ifndef LEASTPORT_AUDITD_AWS_WIPED_H
#define LEASTPORT_AUDITD_AWS_WIPED_H

#include "lib/addr.h"

#include <stddef.h>

/* As malloc(3), calloc(3), realloc(3), strdup(3) and free(3), of memory that goes back to wiped_free() alone. */
void *wiped_malloc(size_t size);
void *wiped_calloc(size_t count, size_t size);
void *wiped_realloc(void *memory, size_t size);
char *wiped_strdup(const char *text);
void wiped_free(void *memory);

/* jansson and libcurl take their memory here from now on. Once, before the first use of either. -ENOMEM, or -EIO when
 * libcurl cannot be started. */
MUST_USE int wiped_libraries(void);

#endif
