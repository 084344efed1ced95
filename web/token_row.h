/* The store's row of a token, read anew only after the store has changed: each request asks for it. */
#ifndef LEASTPORT_WEB_TOKEN_ROW_H
#define LEASTPORT_WEB_TOKEN_ROW_H

#include "auditd/store/read.h"

struct exchange;

/* Hands the row of the token with that public id to `fn`, whether it can still be used or not; not at all when there is
 * none. By the exchange's reader, which has no limit. Errors as store_read_tokens() has them. */
MUST_USE int token_row_read(struct exchange *exchange, const char *public_id, store_read_token_fn *fn, void *context);

#endif
