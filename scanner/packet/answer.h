/* What a received packet says of a probe of ours. The cookie tells ours from anybody else's, and names the probe: who
 * reads answers needs no list of what was sent.
 *
 *     answer_reader_init(&reader, key, ports, tries);
 *     answer_read(&reader, frame, length, flags, &answer);
 *     switch (answer.kind) …
 *
 * A SYN-ACK counts if it acknowledges seq + 1, a RST if seq or seq + 1, or if it has the sequence number that an ACK
 * probe asked for; an ICMP error if what it quotes carries the cookie; a datagram if it comes back to the port of its
 * cookie, with the transaction id where its protocol has one; an echo reply if its body proves it. */
#ifndef LEASTPORT_SCANNER_PACKET_ANSWER_H
#define LEASTPORT_SCANNER_PACKET_ANSWER_H

#include "scanner/packet/cookie.h"
#include "scanner/packet/payload.h"
#include "scanner/probe.h"

enum answer_kind {
    ANSWER_OTHER,   /* not to us, or nothing that answers a probe */
    ANSWER_REFUSED, /* see `refusal` */
    ANSWER_SYN_ACK,
    ANSWER_RST,
    ANSWER_ICMP, /* an error that a probe of ours met */
    ANSWER_UDP,
    ANSWER_ECHO,
    ANSWER_ARP,       /* a reply, or an announcement: `host` is at `link` */
    ANSWER_NEIGHBOUR, /* an advertisement: the same for IPv6 */
};

/* Why; each is counted by itself. Others' broken packets are among them, as far as the link's filter lets them in. */
enum answer_refusal {
    ANSWER_TRUNCATED,
    ANSWER_MALFORMED,
    ANSWER_CHECKSUM,
    ANSWER_FRAGMENT,
    ANSWER_COOKIE, /* to one of our ports or of a kind that we ask for, but without the cookie: forged, or far too late
                    */
    ANSWER_REFUSALS,
};

/* How a frame came, as flags. */
enum answer_flags {
    ANSWER_ETHERNET = 1, /* begins with an Ethernet header; else with the IP header */
    ANSWER_UNVERIFIED =
        2, /* the transport's checksum is not there yet (TP_STATUS_CSUMNOTREADY), or known to be right */
};

/* A value; nothing to release. The fields are the module's own. */
struct answer_reader {
    uint8_t key[COOKIE_KEY_BYTES];
    struct cookie_ports ports;
    uint32_t clock;
    uint8_t tries;
};

/* Of `answer` those fields count that its kind names; addresses have no zone: the link knows it. */
struct answer {
    enum answer_kind kind;
    enum answer_refusal refusal; /* ANSWER_REFUSED */
    enum packet_probe
        probe;        /* these four from ANSWER_SYN_ACK to ANSWER_ECHO: which probe was answered; a refused echo too */
    struct addr host; /* … of ANSWER_ARP and ANSWER_NEIGHBOUR too */
    uint16_t port;    /* 0 of an echo */
    uint8_t try_number;
    bool from_host;        /* the answer came from `host` itself */
    struct addr responder; /* who sent it: any kind that came by IP */
    struct addr local;     /* whom it was sent to: likewise, and ANSWER_ARP's target */
    uint8_t ttl;           /* or hop limit, as it arrived; likewise */
    enum reason reason;    /* ANSWER_SYN_ACK, ANSWER_RST, ANSWER_ICMP, ANSWER_UDP */
    uint16_t window;       /* ANSWER_SYN_ACK, ANSWER_RST; a SYN-ACK's 0 is no service yet: nothing may be sent */
    bool has_clock;        /* ANSWER_SYN_ACK: it brings back when the probe left … */
    uint32_t clock_ms;     /* … by template_target's clock */
    const struct payload *payload; /* ANSWER_UDP: whose protocol it speaks */
    enum payload_verdict verdict;  /* ANSWER_UDP: never PAYLOAD_FORGED */
    bool has_link;
    uint8_t link[6]; /* ANSWER_ARP, ANSWER_NEIGHBOUR */
};

/* `tries`: how many tries a probe has at most, and no more than ports.count. */
void answer_reader_init(struct answer_reader *reader, const uint8_t key[COOKIE_KEY_BYTES], struct cookie_ports ports,
                        uint8_t tries);

/* Total: any bytes of any length; reads nothing beyond them and keeps nothing of them. `flags` is of enum answer_flags.
 */
void answer_read(const struct answer_reader *reader, const uint8_t *bytes, size_t length, unsigned int flags,
                 struct answer *ret_answer);

#endif
