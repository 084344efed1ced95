/* What keeps the daemon from writing its database just now. */
#ifndef LEASTPORT_AUDITD_STORE_HINDRANCE_H
#define LEASTPORT_AUDITD_STORE_HINDRANCE_H

#include "auditd/store/store.h"

enum { STORE_HINDRANCE_SIZE = 256, STORE_HINDRANCE_LEAST_BYTES = 1024 * 1024 };

/* One sentence for a person: the disk is full, or another process holds the lock and does not let go for `patience_ms`.
 * "" when neither is so. Writes nothing. */
void store_hindrance(struct store *store, int patience_ms, char ret_text[STORE_HINDRANCE_SIZE]);

#endif
