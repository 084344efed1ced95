/* What lib/embed_standards.cmake writes. Internal to standard.c. */
#ifndef LEASTPORT_LIB_STANDARD_TABLE_H
#define LEASTPORT_LIB_STANDARD_TABLE_H

#include "lib/standard.h"

extern const struct standard_control standard_table[];
extern const size_t standard_table_count;
extern const char *const standard_table_ids[];

#endif
