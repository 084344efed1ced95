/* What one address and one port are to a rule, for the brute-force evaluator. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_REACH_BRUTE_ADDR_H
#define LEASTPORT_TESTS_UNIT_AUDITD_REACH_BRUTE_ADDR_H

#include "tests/unit/auditd/reach/brute.h"

static inline bool same_addr(struct b_addr a, struct b_addr b)
{
    if (a.six != b.six) {
        return false;
    }
    for (int i = 0; i < (a.six ? 16 : 4); i++) {
        if (a.bytes[i] != b.bytes[i]) {
            return false;
        }
    }
    return true;
}

static inline bool within(struct b_addr addr, struct b_net net)
{
    if (addr.six != net.base.six) {
        return false;
    }
    for (int bit = 0; bit < net.bits; bit++) {
        int mask = 0x80 >> (bit % 8);
        if ((addr.bytes[bit / 8] & mask) != (net.base.bytes[bit / 8] & mask)) {
            return false;
        }
    }
    return true;
}

static inline bool has_ports(int proto)
{
    return proto == 6 || proto == 17 || proto == 1 || proto == 58;
}

static inline bool proto_port_match(int rule_proto, int first, int last, int proto, int port)
{
    if (rule_proto == B_ALL) {
        return true;
    }
    if (rule_proto != proto) {
        return false;
    }
    return !has_ports(proto) || (port >= first && port <= last);
}

/* No source on the internet: RFC 6890; of IPv6 only 2000::/3 is. */
static inline bool on_internet(struct b_addr addr)
{
    const uint8_t *b = addr.bytes;

    if (addr.six) {
        return (b[0] & 0xe0) == 0x20;
    }
    return b[0] != 0 && b[0] != 10 && b[0] != 127 && b[0] < 224 && !(b[0] == 100 && (b[1] & 0xc0) == 64) &&
           !(b[0] == 169 && b[1] == 254) && !(b[0] == 172 && (b[1] & 0xf0) == 16) && !(b[0] == 192 && b[1] == 168);
}

static inline enum b_sure both(enum b_sure a, enum b_sure b)
{
    return a < b ? a : b;
}

static inline enum b_sure either(enum b_sure a, enum b_sure b)
{
    return a > b ? a : b;
}

static inline enum b_verdict worse(enum b_verdict a, enum b_verdict b)
{
    return a < b ? a : b;
}

#endif
