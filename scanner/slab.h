/* The bookkeeping of one group of hosts: what each probe has learnt, and what is measured of each host.
 * It lives and ends with its group, so that memory does not grow with the target space. Knows no time and no sockets.
 */
#ifndef LEASTPORT_SCANNER_SLAB_H
#define LEASTPORT_SCANNER_SLAB_H

#include "scanner/loss.h"
#include "scanner/probe.h"
#include "scanner/rtt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slab_host {
    struct rtt rtt;
    uint32_t first_probe;
    uint32_t in_flight;
    /* What it bears: to sweep.h, how many may be on their way to it at once; to volley.h, the nanoseconds between two
     * probes to a host that was eased off, else 0. */
    uint32_t ceiling;
    /* Monotonic milliseconds; 0 when it has never answered. */
    uint64_t last_answer_ms;
    /* Its probes by what they have learnt so far: indexed by enum probe_answer. */
    uint32_t counts[4];
    /* The pass it is in, from 0: an untried probe has had `pass` tries, a tried one `pass` + 1. */
    uint8_t pass;
    /* Tries that were wasted because it was not there yet, and the answers that show it. See slab_set_away(). */
    uint8_t away;
    uint8_t away_answers;
    /* A packet of the host's own has come, if only an ICMP error. */
    bool heard;
    /* Nothing about its ports changes any more. */
    bool done;
    /* It did not answer discovery: its ports are not asked. */
    bool undiscovered;
    /* What discovery heard of it: an enum reason; REASON_NO_RESPONSE where nothing did. */
    uint8_t discovered_by;
    /* Its line is written. */
    bool told;
    /* It accepts connections on ports that nobody uses, which has been told. */
    bool every_port;
};

struct slab;

/* `first_probes` has `hosts` + 1 entries: each host's first probe, and at the end the number of probes; borrowed for
 * the call. -ENOMEM. The caller owns the result: slab_destroy(). */
MUST_USE int slab_create(const uint32_t *first_probes, uint32_t hosts, struct slab **ret_slab);
void slab_destroy(struct slab *slab);

uint32_t slab_hosts(const struct slab *slab);
uint32_t slab_probes(const struct slab *slab);
/* Borrowed until slab_destroy(). `host` == slab_hosts() is allowed: only its first_probe, the end, has a meaning. */
struct slab_host *slab_host(struct slab *slab, uint32_t host);
/* The host that a probe belongs to: at once where hosts have the same number of ports, else O(log hosts). Any thread.
 */
uint32_t slab_host_of(const struct slab *slab, uint32_t probe);

/* The probe is about to be asked for and written: its parts are brought near. */
void slab_prefetch(const struct slab *slab, uint32_t probe);
enum probe_answer slab_answer(const struct slab *slab, uint32_t probe);
enum reason slab_reason(const struct slab *slab, uint32_t probe);
/* How many tries it has had, the one that was answered being the last; 0: none yet. */
uint32_t slab_tries(const struct slab *slab, uint32_t probe);
/* True when it was an upgrade; else nothing changes. It answers the probe's latest try,
 * and RST and SYN-ACK are counted in the totals. */
bool slab_upgrade(struct slab *slab, uint32_t probe, enum probe_answer answer, enum reason reason);

/* The same for an answer that is known to belong to an earlier try, from 1. */
bool slab_upgrade_try(struct slab *slab, uint32_t probe, enum probe_answer answer, enum reason reason, uint32_t tries);

/* Its closed ports are told by ICMP errors (UDP), whose senders limit their rate (RFC 1812, 4.3.2.8; RFC 4443, 2.4):
 * PROBE_RST then says nothing of loss. To be said before the first answer; it is no part of slab_serialise(). */
void slab_expect_limits(struct slab *slab);
/* Whether that a probe got such an answer, or got it late, tells of loss. */
bool slab_tells_loss(const struct slab *slab, enum probe_answer answer);

/* Of an unanswered probe: that many of its tries were over before the host gave its first answer. When
 * SLAB_AWAY_ANSWERS such probes answer later, their silence was no loss of so many packets but a host that came up:
 * from then on the totals count without these tries. */
enum { SLAB_AWAY_ANSWERS = 4 };
void slab_set_away(struct slab *slab, uint32_t probe, uint32_t tries);

/* Whether the probe has had its try in its host's current pass. */
bool slab_tried(const struct slab *slab, uint32_t probe);
void slab_set_tried(struct slab *slab, uint32_t probe, bool tried);

/* The host's tries went nowhere: those of its probes that are unanswered have had none, and all of them are to come
 * again. */
void slab_forget_silence(struct slab *slab, uint32_t host);

/* Whether what answers on the port has been told. */
bool slab_asked(const struct slab *slab, uint32_t probe);
void slab_set_asked(struct slab *slab, uint32_t probe);

struct slab_totals {
    uint64_t sent;
    /* Of what slab_tells_loss(): RST and SYN-ACK. */
    struct loss_counts loss;
};

/* Borrowed until slab_destroy(). */
struct slab_totals *slab_totals(struct slab *slab);

/* The bookkeeping as bytes (little-endian, versioned), for the state of an interrupted scan; nothing may be in flight.
 * The caller frees it. -ENOMEM. */
MUST_USE int slab_serialise(const struct slab *slab, uint8_t **ret_bytes, size_t *ret_size);

/* Into a fresh slab of the same shape. -EBADMSG when the bytes are not of such a slab; the slab may then only be
 * destroyed. */
MUST_USE int slab_restore(struct slab *slab, const uint8_t *bytes, size_t size);

#endif
