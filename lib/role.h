/* Roles and scopes: what somebody may do at all, and to how much of it a token is narrowed. Knows no routes. */
#ifndef LEASTPORT_LIB_ROLE_H
#define LEASTPORT_LIB_ROLE_H

#include "lib/addr.h"

#include <stddef.h>

/* Each may what those before it may. */
enum role { ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN, ROLE_COUNT };

/* Bits of a set. */
enum scope {
    SCOPE_READ = 1,      /* hosts, endpoints, findings, scans, scores */
    SCOPE_METRICS = 2,   /* /metrics */
    SCOPE_TOKENS = 4,    /* who gets in */
    SCOPE_AUDIT_LOG = 8, /* who did what */
    SCOPE_WRITE = 16     /* decide about findings, scan, and all else that changes something */
};

enum { SCOPES_TEXT_SIZE = 64 };

const char *role_name(enum role role);
MUST_USE int role_parse(const char *text, enum role *ret_role);

/* All that a role can have. */
unsigned role_scopes(enum role role);

/* -EINVAL when there is no scope of that name. */
MUST_USE int scope_parse(const char *text, enum scope *ret_scope);
/* Names with blanks between; unknown ones, of a newer version, are left out. */
unsigned scopes_parse(const char *text);
const char *scopes_format(unsigned scopes, char text[SCOPES_TEXT_SIZE]);
/* The name of the lowest of a set that is not empty. */
const char *scope_name(unsigned scopes);

#endif
