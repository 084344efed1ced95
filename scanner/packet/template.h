/* Probes by template: a frame is built once for a source and a kind of probe, and each probe is a copy with what
 * differs filled in and its checksums updated (RFC 1624). Stateless: one template serves any number of threads.
 *
 *     template_init(&template, &options);
 *     length = template_patch(&template, &(struct template_target){.destination = bytes, .port = 443}, frame);
 *
 * What is sent looks as Linux's own: TTL 64, don't fragment, a random identification (Linux numbers a socket's packets
 * from a random one; its SYN-ACK and RST have 0) or flow label, no ECN; a SYN with MSS, SACK permitted, timestamps,
 * window scale and the window of 64240 (IPv6: 64800); an echo of 56 bytes. */
#ifndef LEASTPORT_SCANNER_PACKET_TEMPLATE_H
#define LEASTPORT_SCANNER_PACKET_TEMPLATE_H

#include "scanner/packet/cookie.h"
#include "scanner/packet/ethernet.h"
#include "scanner/packet/ip.h"
#include "scanner/packet/payload.h"

enum { TEMPLATE_FRAME_MAX = ETHERNET_HEADER_SIZE + IP6_HEADER_SIZE + 8 + PAYLOAD_MAX };

/* All is borrowed for the call. */
struct template_options {
    enum packet_probe probe;
    const struct addr *source;
    const struct ethernet_header *link; /* its type is not read; NULL: raw IP, without a link header */
    const uint8_t *key;                 /* COOKIE_KEY_BYTES */
    struct cookie_ports ports;          /* not for an echo */
    const struct payload *payload;      /* PACKET_UDP only, and there never NULL */
};

/* A value; nothing to release. The fields are the module's own. */
struct template
{
    struct cookie_origin origin;
    struct cookie_ports ports;
    const struct payload *payload;
    uint64_t ip_sum;
    uint64_t transport_sum;
    uint32_t clock;
    enum packet_probe probe;
    uint16_t length;
    uint8_t link_length;
    uint8_t bytes[TEMPLATE_FRAME_MAX];
};

/* Of the source's family. `destination` and `link` are borrowed for the call. */
struct template_target {
    const uint8_t *destination; /* 4 or 16 bytes */
    const uint8_t *link;        /* the next hop's Ethernet address; NULL: the one that the template was built with */
    uint32_t
        clock_ms;  /* any clock: a SYN-ACK with timestamps brings it back (answer.h), so that nothing is kept for it */
    uint16_t port; /* not for an echo */
    uint8_t try_number; /* from 0; see cookie.h */
};

void template_init(struct template *template, const struct template_options *options);

static inline size_t template_length(const struct template *template)
{
    return template->length;
}

/* Writes the frame, template_length() bytes, and returns that. */
size_t template_patch(const struct template *template, const struct template_target *target, uint8_t *frame);
/* The same where the frame is one that the template was the last to write, and had a `link` if this target has none:
 * only what differs between two probes. */
size_t template_patch_again(const struct template *template, const struct template_target *target, uint8_t *frame);

#endif
