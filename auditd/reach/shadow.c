#include "auditd/reach/shadow.h"

#include "auditd/reach/span.h"

#include <errno.h>

struct shadowing {
    const struct reach_acl *acl;
    size_t at;
    struct reach_shadow shadow;
};

/* What is said of an entry that was looked at first. */
static bool is_asked_before(const struct shadowing *this, size_t other)
{
    const struct reach_entry *entry = &this->acl->entries.items[this->at];
    const struct reach_entry *earlier = &this->acl->entries.items[other];

    return earlier->egress == entry->egress && earlier->prefix.addr.is_ipv6 == entry->prefix.addr.is_ipv6 &&
           earlier->number < entry->number;
}

static bool covers(const struct reach_entry *entry, int16_t proto, uint16_t port)
{
    return (entry->proto == REACH_PROTO_ALL || entry->proto == proto) && entry->ports.first <= port &&
           port <= entry->ports.last;
}

static void note(struct shadowing *this, size_t by)
{
    const struct reach_entry *entries = this->acl->entries.items;

    this->shadow.by_others |= this->shadow.by != REACH_NONE && this->shadow.by != by;
    this->shadow.by = by < this->shadow.by ? (uint32_t)by : this->shadow.by;
    this->shadow.otherwise |= entries[by].allow != entries[this->at].allow;
}

/* Whether earlier entries decide the port for all of its addresses: 1, 0 or -ENOMEM. */
static int is_decided(struct shadowing *this, int16_t proto, uint16_t port)
{
    const struct reach_entry *entries = this->acl->entries.items;
    struct span_set left = {0};
    int rc;

    span_set_add_prefix(&left, &entries[this->at].prefix);
    for (size_t i = 0; i < this->at && left.count > 0; i++) {
        struct span span = span_of_prefix(&entries[i].prefix);
        struct span_set taken = span_set_of(&span);
        if (is_asked_before(this, i) && covers(&entries[i], proto, port) && span_set_meets(&left, &taken)) {
            note(this, i);
            span_set_minus(&left, &taken);
        }
    }
    rc = left.failed ? -ENOMEM : left.count == 0;
    span_set_done(&left);
    return rc;
}

/* The last port up to which every earlier entry says of all ports what it says of `first`. */
static uint16_t alike_until(const struct shadowing *this, int16_t proto, uint16_t first, uint16_t last)
{
    for (size_t i = 0; i < this->at; i++) {
        const struct reach_entry *entry = &this->acl->entries.items[i];
        if (!is_asked_before(this, i) || (entry->proto != REACH_PROTO_ALL && entry->proto != proto)) {
            continue;
        }
        if (entry->ports.first > first && entry->ports.first <= last) {
            last = (uint16_t)(entry->ports.first - 1);
        } else if (entry->ports.first <= first && entry->ports.last >= first && entry->ports.last < last) {
            last = entry->ports.last;
        }
    }
    return last;
}

static int is_shadowed_in(struct shadowing *this, int16_t proto)
{
    const struct reach_entry *entry = &this->acl->entries.items[this->at];
    uint32_t port = entry->ports.first;
    int rc = 1;

    while (rc == 1 && port <= entry->ports.last) {
        uint16_t last = alike_until(this, proto, (uint16_t)port, entry->ports.last);
        rc = is_decided(this, proto, (uint16_t)port);
        port = (uint32_t)last + 1;
    }
    return rc;
}

int reach_shadow_of(const struct reach_acl *acl, size_t at, struct reach_shadow *ret_shadow)
{
    const struct reach_entry *entry = &acl->entries.items[at];
    struct shadowing this = {.acl = acl, .at = at, .shadow = {.by = REACH_NONE}};
    int rc;

    if (entry->proto != REACH_PROTO_ALL) {
        rc = is_shadowed_in(&this, entry->proto);
    } else {
        /* Protocols that no entry names are alike. */
        rc = is_shadowed_in(&this, REACH_PROTO_UNNAMED);
        for (size_t i = 0; rc == 1 && i < at; i++) {
            const struct reach_entry *earlier = &acl->entries.items[i];
            rc = is_asked_before(&this, i) && earlier->proto != REACH_PROTO_ALL ? is_shadowed_in(&this, earlier->proto)
                                                                                : 1;
        }
    }
    if (rc == 1) {
        *ret_shadow = this.shadow;
    }
    return rc;
}
