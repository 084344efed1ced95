/* Where a finding stands, as formats for other tools tell it. */
#ifndef LEASTPORT_AUDITD_EXPORT_PLACE_H
#define LEASTPORT_AUDITD_EXPORT_PLACE_H

#include "auditd/store/read.h"

enum { PLACE_SIZE = 320 };

/* Its host's address, or the name of what has none. Borrowed from the finding. */
const char *place_host(const struct store_finding *finding);

/* "10.0.0.5:22/tcp", "[fd00::1]:22/tcp", "vpc-1" of a network, into `buffer`, which is returned. */
const char *place_text(const struct store_finding *finding, char buffer[PLACE_SIZE]);

#endif
