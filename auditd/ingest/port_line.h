/* The one line that a scan has a million of, a port's, read without a tree of JSON: the shape in which the scanner
 * writes it, and nothing else. What is not of that shape is no error here, but for observation_parse() to read or to
 * refuse. */
#ifndef LEASTPORT_AUDITD_INGEST_PORT_LINE_H
#define LEASTPORT_AUDITD_INGEST_PORT_LINE_H

#include "auditd/ingest/observation.h"

/* True only for a line that observation_parse() takes too, with the same outcome: a flat object without white space
 * whose members are all known and stand there once, whose texts are plain words, and whose numbers are whole. On false
 * *ret_observation holds nothing of use. On true its `json` is NULL, and of its variants only `port` is set. */
MUST_USE bool port_line_parse(const char *line, size_t length, struct observation *ret_observation);

#endif
