/* Answers at the target's ingress, before its kernel spends time on the packet: what is SYN gets SYN-ACK or RST by
 * bench/rawlab/rule.h, what is another segment that asks for an answer gets RST, an echo request its reply; silent are
 * hosts that are not there. Everything that is not IPv4 goes on to the kernel, which answers ARP. Compiled by clang
 * -target bpf with EXISTS_ONE_IN and OPEN_ONE_IN, or with SINK to drop all IPv4, and put in place by tc. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>

#include "bench/rawlab/rule.h"

#ifndef EXISTS_ONE_IN
#define EXISTS_ONE_IN 1
#define OPEN_ONE_IN 1
#endif

#define SECTION(name) __attribute__((section(name), used))
#define HTONS(number) __builtin_bswap16(number)
#define HTONL(number) __builtin_bswap32(number)
#define ANSWER_SIZE (sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct tcphdr))

enum { FLAG_FIN = 1, FLAG_SYN = 2, FLAG_RST = 4, FLAG_ACK = 16, ECHO_REPLY = 0, ECHO_REQUEST = 8 };

static long (*const change_tail)(struct __sk_buff *, __u32, __u64) = (void *)BPF_FUNC_skb_change_tail;
static long (*const redirect)(__u32, __u64) = (void *)BPF_FUNC_redirect;

/* linux/icmp.h draws in libc's headers, which there are none of for this machine. */
struct icmp {
    __u8 type;
    __u8 code;
    __u16 checksum;
};

/* Where the headers of a packet stand. */
struct headers {
    struct ethhdr *link;
    struct iphdr *ip;
    struct tcphdr *tcp;
    struct icmp *icmp;
};

static inline __u16 fold(__u32 sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)~sum;
}

static inline __u32 halves(__u32 word)
{
    return (word & 0xffff) + (word >> 16);
}

/* Source and destination change places on the link and in IP: the sum of the IP header stays as it was. */
static inline int send_back(const struct __sk_buff *packet, const struct headers *at)
{
    __u32 address = at->ip->saddr;

    at->ip->saddr = at->ip->daddr;
    at->ip->daddr = address;
    for (int i = 0; i < ETH_ALEN; i++) {
        __u8 byte = at->link->h_source[i];
        at->link->h_source[i] = at->link->h_dest[i];
        at->link->h_dest[i] = byte;
    }
    return (int)redirect(packet->ifindex, 0);
}

/* The flags of the answer; 0 for none. */
static inline __u8 answer_to(const struct headers *at, __u8 asked)
{
    __u32 address = HTONL(at->ip->daddr);

    if (asked & FLAG_RST || !rule_exists(address, EXISTS_ONE_IN)) {
        return 0;
    }
    if ((asked & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN) {
        return rule_open(address, HTONS(at->tcp->dest), OPEN_ONE_IN) ? FLAG_SYN | FLAG_ACK : FLAG_RST | FLAG_ACK;
    }
    return asked & FLAG_ACK ? FLAG_RST : FLAG_RST | FLAG_ACK;
}

/* RFC 9293, 3.10.7.1: a RST takes its sequence number from the segment's ACK where there is one. */
static inline void write_tcp(struct tcphdr *tcp, __u8 asked, __u8 flags)
{
    __u32 acknowledged = HTONL(HTONL(tcp->seq) + !!(asked & (FLAG_SYN | FLAG_FIN)));
    __u16 port = tcp->source;

    if (flags & FLAG_SYN) {
        tcp->seq = rule_mix(tcp->seq, tcp->dest);
    } else {
        tcp->seq = flags & FLAG_ACK ? 0 : tcp->ack_seq;
    }
    tcp->ack_seq = flags & FLAG_ACK ? acknowledged : 0;
    tcp->source = tcp->dest;
    tcp->dest = port;
    ((__u16 *)tcp)[6] = HTONS((__u16)(5 << 12 | flags));
    tcp->window = flags & FLAG_SYN ? HTONS(64240) : 0;
    tcp->urg_ptr = 0;
    tcp->check = 0;
}

/* Both checksums, anew. */
static inline void write_sums(const struct headers *at)
{
    __u32 sum = halves(at->ip->saddr) + halves(at->ip->daddr) + HTONS(IPPROTO_TCP) + HTONS(sizeof(*at->tcp));

    for (unsigned int i = 0; i < sizeof(*at->tcp) / 2; i++) {
        sum += ((__u16 *)at->tcp)[i];
    }
    at->tcp->check = fold(sum);
    at->ip->tot_len = HTONS(sizeof(*at->ip) + sizeof(*at->tcp));
    at->ip->ttl = 64;
    at->ip->check = 0;
    sum = 0;
    for (unsigned int i = 0; i < sizeof(*at->ip) / 2; i++) {
        sum += ((__u16 *)at->ip)[i];
    }
    at->ip->check = fold(sum);
}

static inline int answer_tcp(struct __sk_buff *packet, const struct headers *at)
{
    __u8 asked = ((__u8 *)at->tcp)[13];
    __u8 flags = answer_to(at, asked);
    int rc;

    if (flags == 0) {
        return TC_ACT_SHOT;
    }
    write_tcp(at->tcp, asked, flags);
    write_sums(at);
    rc = send_back(packet, at);
    /* Options of the SYN go last: the pointers into the packet do not outlive this. */
    return packet->len > ANSWER_SIZE && change_tail(packet, ANSWER_SIZE, 0) != 0 ? TC_ACT_SHOT : rc;
}

/* RFC 1624: the type alone changes, from 8 to 0. */
static inline int answer_echo(const struct __sk_buff *packet, const struct headers *at)
{
    if (at->icmp->type != ECHO_REQUEST || !rule_exists(HTONL(at->ip->daddr), EXISTS_ONE_IN)) {
        return TC_ACT_SHOT;
    }
    at->icmp->checksum = fold((__u16)~at->icmp->checksum + (__u16)~HTONS(ECHO_REQUEST << 8));
    at->icmp->type = ECHO_REPLY;
    return send_back(packet, at);
}

SECTION("classifier") int answer(struct __sk_buff *packet)
{
    void *end = (void *)(long)packet->data_end;
    struct headers at = {.link = (void *)(long)packet->data};

    if (packet->protocol != HTONS(ETH_P_IP)) {
        return TC_ACT_OK;
    }
#ifdef SINK
    return TC_ACT_SHOT;
#endif
    at.ip = (void *)(at.link + 1);
    at.tcp = (void *)(at.ip + 1);
    at.icmp = (void *)(at.ip + 1);
    if ((void *)(at.icmp + 1) > end || at.ip->ihl != 5) {
        return TC_ACT_SHOT;
    }
    if (at.ip->protocol == IPPROTO_ICMP) {
        return answer_echo(packet, &at);
    }
    if (at.ip->protocol != IPPROTO_TCP || (void *)(at.tcp + 1) > end) {
        return TC_ACT_SHOT;
    }
    return answer_tcp(packet, &at);
}

SECTION("license") const char program_license[] = "GPL";
