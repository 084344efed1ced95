#include "scanner/raw/filter.h"

#include <assert.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>

/* Jumps are written as labels and resolved at the end. */
enum label { NEXT, ACCEPT, REFUSE, TCP, UDP, ICMP, LABELS };

struct draft {
    struct sock_filter *program;
    size_t count;
    uint8_t if_true[FILTER_MAX];
    uint8_t if_false[FILTER_MAX];
    size_t at[LABELS];
};

static void put(struct draft *draft, uint16_t code, uint32_t value)
{
    assert(draft->count < FILTER_MAX);
    draft->if_true[draft->count] = NEXT;
    draft->if_false[draft->count] = NEXT;
    draft->program[draft->count++] = (struct sock_filter){.code = code, .k = value};
}

static void jump(struct draft *draft, uint16_t test, uint32_t value, enum label if_true, enum label if_false)
{
    put(draft, (uint16_t)(BPF_JMP | test | BPF_K), value);
    draft->if_true[draft->count - 1] = (uint8_t)if_true;
    draft->if_false[draft->count - 1] = (uint8_t)if_false;
}

static void label(struct draft *draft, enum label label)
{
    draft->at[label] = draft->count;
}

static void load(struct draft *draft, uint16_t size, uint32_t offset)
{
    put(draft, (uint16_t)(BPF_LD | size | BPF_ABS), offset);
}

/* X holds what stands before the transport header beyond `base`. */
static void load_indexed(struct draft *draft, uint16_t size, uint32_t offset)
{
    put(draft, (uint16_t)(BPF_LD | size | BPF_IND), offset);
}

static void ports(struct draft *draft, const struct link_filter *wanted, uint32_t base, enum label inside)
{
    load_indexed(draft, BPF_H, base + 2);
    jump(draft, BPF_JGE, wanted->first_port, NEXT, REFUSE);
    jump(draft, BPF_JGT, wanted->last_port, REFUSE, inside);
}

static void transport(struct draft *draft, const struct link_filter *wanted, uint32_t base)
{
    label(draft, TCP);
    ports(draft, wanted, base, NEXT);
    load_indexed(draft, BPF_B, base + 13);
    jump(draft, BPF_JSET, 0x06, ACCEPT, REFUSE); /* SYN or RST */
    label(draft, UDP);
    ports(draft, wanted, base, ACCEPT);
}

static void ipv4(struct draft *draft, const struct link_filter *wanted, uint32_t base)
{
    load(draft, BPF_H, base + 6);
    jump(draft, BPF_JSET, 0x1fff, REFUSE, NEXT);
    put(draft, BPF_LDX | BPF_B | BPF_MSH, base);
    load(draft, BPF_B, base + 9);
    jump(draft, BPF_JEQ, IPPROTO_ICMP, ICMP, NEXT);
    jump(draft, BPF_JEQ, IPPROTO_TCP, wanted->tcp ? TCP : REFUSE, NEXT);
    jump(draft, BPF_JEQ, IPPROTO_UDP, wanted->udp ? UDP : REFUSE, REFUSE);
    transport(draft, wanted, base);
    label(draft, ICMP);
    load_indexed(draft, BPF_B, base);
    jump(draft, BPF_JEQ, ICMP_ECHOREPLY, ACCEPT, NEXT);
    jump(draft, BPF_JEQ, ICMP_DEST_UNREACH, ACCEPT, NEXT);
    jump(draft, BPF_JEQ, ICMP_TIME_EXCEEDED, ACCEPT, NEXT);
    jump(draft, BPF_JEQ, ICMP_PARAMETERPROB, ACCEPT, REFUSE);
}

static void ipv6(struct draft *draft, const struct link_filter *wanted, uint32_t base)
{
    static const uint8_t extensions[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS};

    put(draft, BPF_LDX | BPF_IMM, 40);
    load(draft, BPF_B, base + 6);
    jump(draft, BPF_JEQ, IPPROTO_ICMPV6, ICMP, NEXT);
    jump(draft, BPF_JEQ, IPPROTO_TCP, wanted->tcp ? TCP : REFUSE, NEXT);
    jump(draft, BPF_JEQ, IPPROTO_UDP, wanted->udp ? UDP : REFUSE, NEXT);
    for (size_t i = 0; i < sizeof(extensions); i++) {
        jump(draft, BPF_JEQ, extensions[i], ACCEPT, i + 1 < sizeof(extensions) ? NEXT : REFUSE);
    }
    transport(draft, wanted, base);
    label(draft, ICMP);
    load_indexed(draft, BPF_B, base);
    jump(draft, BPF_JGT, ICMP6_PARAM_PROB, NEXT, ACCEPT); /* errors are 1 to 4 (RFC 4443) */
    jump(draft, BPF_JEQ, ICMP6_ECHO_REPLY, ACCEPT, NEXT);
    jump(draft, BPF_JEQ, ND_NEIGHBOR_ADVERT, wanted->arp ? ACCEPT : REFUSE, REFUSE);
}

static void arp(struct draft *draft, const struct link_filter *wanted, uint32_t base)
{
    load(draft, BPF_H, base + 6);
    jump(draft, BPF_JEQ, 2, wanted->arp ? ACCEPT : REFUSE, NEXT); /* RFC 826: a reply */
    jump(draft, BPF_JEQ, 1, wanted->arp ? NEXT : REFUSE, REFUSE);
    /* A request for the sender's own address announces it (RFC 5227, section 2.3). */
    load(draft, BPF_W, base + 14);
    put(draft, BPF_MISC | BPF_TAX, 0);
    load(draft, BPF_W, base + 24);
    put(draft, BPF_JMP | BPF_JEQ | BPF_X, 0);
    draft->if_true[draft->count - 1] = ACCEPT;
    draft->if_false[draft->count - 1] = REFUSE;
}

/* Turns labels into distances; a jump to what follows is 0. */
static void resolve(struct draft *draft)
{
    for (size_t i = 0; i < draft->count; i++) {
        struct sock_filter *row = &draft->program[i];
        if (BPF_CLASS(row->code) == BPF_JMP) {
            row->jt = draft->if_true[i] == NEXT ? 0 : (uint8_t)(draft->at[draft->if_true[i]] - i - 1);
            row->jf = draft->if_false[i] == NEXT ? 0 : (uint8_t)(draft->at[draft->if_false[i]] - i - 1);
        }
    }
}

size_t filter_build(const struct link_filter *wanted, uint16_t ethertype, uint32_t base,
                    struct sock_filter program[FILTER_MAX])
{
    struct draft draft = {.program = program};

    if (base >= ETH_HLEN) {
        load(&draft, BPF_H, base - 2);
        jump(&draft, BPF_JEQ, ethertype, NEXT, REFUSE);
    }
    switch (ethertype) {
    case ETH_P_IP:
        ipv4(&draft, wanted, base);
        break;
    case ETH_P_IPV6:
        ipv6(&draft, wanted, base);
        break;
    default:
        assert(ethertype == ETH_P_ARP);
        arp(&draft, wanted, base);
        break;
    }
    label(&draft, ACCEPT);
    put(&draft, BPF_RET | BPF_K, UINT32_MAX);
    label(&draft, REFUSE);
    put(&draft, BPF_RET | BPF_K, 0);
    resolve(&draft);
    return draft.count;
}
