/* Who asks, and what they may: made by the gate, read by handlers. */
#ifndef LEASTPORT_WEB_PRINCIPAL_H
#define LEASTPORT_WEB_PRINCIPAL_H

#include "auditd/store/read.h"
#include "lib/role.h"
#include "lib/token.h"

enum { PRINCIPAL_NAME_SIZE = 128, PRINCIPAL_LIMITS = 100, PRINCIPAL_CSRF_SIZE = 33, PRINCIPAL_SESSION_SIZE = 65 };

struct principal {
    char token[TOKEN_ID_SIZE]; /* '' before it is known who asks */
    char name[PRINCIPAL_NAME_SIZE];
    enum role role;
    unsigned scopes;
    int64_t expires_at;             /* of the token or the session, whichever is first; 0: never */
    char csrf[PRINCIPAL_CSRF_SIZE]; /* '' for one that came with a token, as the next */
    char session[PRINCIPAL_SESSION_SIZE];
    /* What it is limited to: texts cut out of `lines`. */
    char *lines;
    const char *limits[2 * PRINCIPAL_LIMITS];
    struct store_reach reach;
};

void principal_init(struct principal *principal);
void principal_done(struct principal *principal);
/* -ENOMEM; -E2BIG when it has more limits than anybody may have. */
MUST_USE int principal_take(struct principal *principal, const struct store_read_token *token);
/* For whoever outlives the exchange; its own: principal_done(). -ENOMEM. */
MUST_USE int principal_copy(const struct principal *from, struct principal *ret_principal);
bool principal_is_limited(const struct principal *principal);

#endif
