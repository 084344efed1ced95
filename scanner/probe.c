#include "scanner/probe.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stddef.h>

struct icmp_row {
    uint8_t code;
    enum reason reason;
};

static const struct icmp_row unreach_rows[] = {
    {ICMP_NET_UNREACH, REASON_NET_UNREACH},       {ICMP_HOST_UNREACH, REASON_HOST_UNREACH},
    {ICMP_PROT_UNREACH, REASON_PROTO_UNREACH},    {ICMP_PORT_UNREACH, REASON_PORT_UNREACH},
    {ICMP_NET_ANO, REASON_NET_PROHIBITED},        {ICMP_HOST_ANO, REASON_HOST_PROHIBITED},
    {ICMP_PKT_FILTERED, REASON_ADMIN_PROHIBITED}, {ICMP_PREC_VIOLATION, REASON_ADMIN_PROHIBITED},
    {ICMP_PREC_CUTOFF, REASON_ADMIN_PROHIBITED},  {ICMP_NET_UNKNOWN, REASON_NET_UNREACH},
    {ICMP_NET_UNR_TOS, REASON_NET_UNREACH},       {ICMP_HOST_UNKNOWN, REASON_HOST_UNREACH},
    {ICMP_HOST_ISOLATED, REASON_HOST_UNREACH},    {ICMP_HOST_UNR_TOS, REASON_HOST_UNREACH},
    {ICMP_SR_FAILED, REASON_DEST_UNREACH},
};

/* Codes 5 and 6 are RFC 4443's "source address failed ingress/egress policy" and "reject route". */
static const struct icmp_row unreach6_rows[] = {
    {ICMP6_DST_UNREACH_NOROUTE, REASON_NET_UNREACH},
    {ICMP6_DST_UNREACH_ADMIN, REASON_ADMIN_PROHIBITED},
    {ICMP6_DST_UNREACH_BEYONDSCOPE, REASON_DEST_UNREACH},
    {ICMP6_DST_UNREACH_ADDR, REASON_HOST_UNREACH},
    {ICMP6_DST_UNREACH_NOPORT, REASON_PORT_UNREACH},
    {5, REASON_ADMIN_PROHIBITED},
    {6, REASON_NET_UNREACH},
};

enum port_state probe_port_state(enum probe_answer answer)
{
    switch (answer) {
    case PROBE_SYN_ACK:
        return PORT_OPEN;
    case PROBE_RST:
        return PORT_CLOSED;
    case PROBE_ICMP:
    case PROBE_NONE:
        break;
    }
    return PORT_FILTERED;
}

/* A code that is not in the table is still an unreachable destination. */
static enum reason look_up(const struct icmp_row *rows, size_t count, uint8_t code)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].code == code) {
            return rows[i].reason;
        }
    }
    return REASON_DEST_UNREACH;
}

bool probe_reason_icmp(uint8_t type, uint8_t code, enum reason *ret_reason)
{
    switch (type) {
    case ICMP_DEST_UNREACH:
        if (code == ICMP_FRAG_NEEDED) {
            return false;
        }
        *ret_reason = look_up(unreach_rows, sizeof(unreach_rows) / sizeof(*unreach_rows), code);
        return true;
    case ICMP_TIME_EXCEEDED:
        *ret_reason = REASON_TIME_EXCEEDED;
        return true;
    case ICMP_PARAMETERPROB:
        *ret_reason = REASON_PARAM_PROBLEM;
        return true;
    default:
        return false;
    }
}

bool probe_reason_icmp6(uint8_t type, uint8_t code, enum reason *ret_reason)
{
    switch (type) {
    case ICMP6_DST_UNREACH:
        *ret_reason = look_up(unreach6_rows, sizeof(unreach6_rows) / sizeof(*unreach6_rows), code);
        return true;
    case ICMP6_TIME_EXCEEDED:
        *ret_reason = REASON_TIME_EXCEEDED;
        return true;
    case ICMP6_PARAM_PROB:
        *ret_reason = REASON_PARAM_PROBLEM;
        return true;
    default:
        return false;
    }
}
