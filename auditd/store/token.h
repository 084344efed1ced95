/* Rows of who gets in, and of the audit log. Only rows: who may make one is access.h's. All inside a transaction of the
 * caller's. */
#ifndef LEASTPORT_AUDITD_STORE_TOKEN_H
#define LEASTPORT_AUDITD_STORE_TOKEN_H

#include "auditd/store/store.h"
#include "lib/role.h"

struct store_new_token {
    const char *public_id;
    const char *kind; /* "token" or "link" */
    const char *name;
    const char *hash;
    enum role role;
    unsigned scopes;
    const char *created_by;
    int64_t created_at;
    int64_t expires_at; /* 0: never */
};

/* -EEXIST when a living one of that kind has the name. */
MUST_USE int store_token_put(struct store *store, const struct store_new_token *token, int64_t *ret_id);
/* `kind` is "realm" or "tag". */
MUST_USE int store_token_limit(struct store *store, int64_t token_id, const char *kind, const char *value);
/* The living one of this public id, else of this name. -ENOENT. */
MUST_USE int store_token_find(struct store *store, const char *name, int64_t *ret_id, char ret_public_id[16]);
MUST_USE int store_token_revoke(struct store *store, int64_t token_id, const char *by, int64_t at_ms);
/* Nothing when it was used less than a minute before. */
MUST_USE int store_token_used(struct store *store, const char *public_id, int64_t at_ms);
/* A link that was not taken, has not expired and was not revoked is taken. -ENOENT: there is none. */
MUST_USE int store_link_take(struct store *store, const char *public_id, int64_t at_ms);
/* Links that nobody took. */
MUST_USE int store_links_end(struct store *store, int64_t at_ms);
/* Whether somebody can get in as an administrator without a link. */
MUST_USE int store_token_has_admin(struct store *store, int64_t now_ms, bool *ret_has);

struct store_log_entry {
    int64_t at_ms;
    const char *actor;
    const char *address; /* '' for none */
    const char *what;
    bool refused;
    const char *detail;
};

enum { STORE_LOG_TEXT_MAX = 500 };

/* Texts are cut at STORE_LOG_TEXT_MAX bytes, and what a terminal might obey is escaped. */
MUST_USE int store_log_put(struct store *store, const struct store_log_entry *entry);

#endif
