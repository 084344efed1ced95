/* Entries of a network ACL that decide nothing, because earlier ones decide all that they cover. Pure, exact. */
#ifndef LEASTPORT_AUDITD_REACH_SHADOW_H
#define LEASTPORT_AUDITD_REACH_SHADOW_H

#include "auditd/reach/model.h"

/* Numbers from this on are the closing ones, which nobody wrote (EC2 API Reference, NetworkAclEntry). */
enum { REACH_ENTRY_CLOSING = 32767 };

struct reach_shadow {
    uint32_t by;    /* the first of the entries that decide in its stead, by its place */
    bool by_others; /* there is more than one */
    bool otherwise; /* one of them decides the other way */
};

/* Of the entry at that place of a finished model's ACL: 1 where no packet gets to it, 0 where some do, -ENOMEM.
 * Amazon VPC User Guide: entries are looked at in the order of their numbers, and the first that fits decides. */
MUST_USE int reach_shadow_of(const struct reach_acl *acl, size_t at, struct reach_shadow *ret_shadow);

#endif
