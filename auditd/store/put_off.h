/* Indices that are taken away while very many rows change, and built anew afterwards: sorted once, an index costs a
 * tenth of what its entries cost one by one. Within one transaction, so that nobody else ever sees them missing. */
#ifndef LEASTPORT_AUDITD_STORE_PUT_OFF_H
#define LEASTPORT_AUDITD_STORE_PUT_OFF_H

#include "auditd/store/store.h"

enum { STORE_PUT_OFF_MAX = 8 };

struct store_put_off {
    size_t count;
    char *sql[STORE_PUT_OFF_MAX]; /* what makes them, as the schema has it; owned */
};

/* Takes an index away, in the open transaction. While it is missing no statement may ask for it by name, and none may
 * be half walked when this is called (-EBUSY: nothing was done). -ENOENT without that index. */
MUST_USE int store_put_off(struct store *store, struct store_put_off *put_off, const char *index);

/* Builds those that were taken away. After an error the transaction has to be rolled back. */
MUST_USE int store_put_off_build(struct store *store, const struct store_put_off *put_off);

void store_put_off_done(struct store_put_off *put_off);

#endif
