/* A host as selectors see it: what it is known by. Plain data, borrowed. */
#ifndef LEASTPORT_AUDITD_POLICY_HOST_H
#define LEASTPORT_AUDITD_POLICY_HOST_H

#include "lib/addr.h"

/* How the keys of tags begin that say which security groups a host holds, one each: the group's id follows, its name
 * is the value. AWS lets nobody's own tags begin with "aws:". */
#define HOST_TAG_SECURITY_GROUP "aws:sg:"

/* A key may stand there several times: then the host has each of its values. */
struct host_tag {
    const char *key;
    const char *value;
};

struct host_view {
    const char *realm; /* NULL: not known */
    const char *const *names;
    size_t name_count;
    const struct addr *addresses;
    size_t address_count;
    const struct host_tag *tags;
    size_t tag_count;
    /* Nobody has said which tags or names it has; else it has those that stand here and no others. */
    bool tags_unknown;
    bool names_unknown;
    /* NULL, or a byte for each group of one rule_set, HOST_MEMO_UNKNOWN at first: what was worked out already. */
    uint8_t *memo;
};

enum { HOST_MEMO_UNKNOWN = 0xff };

#endif
