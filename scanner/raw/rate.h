/* The closed loop of the raw engine's rate: starts gently, doubles while nothing is lost, finds the highest rate that
 * loses nothing and holds it. Pure: the caller gives times and counts.
 *
 * What it goes by: the permutation makes the share of probes that get an answer the same in every stretch of a slab's
 * first pass, whatever hosts are there. So a window whose share falls below what slower windows had, by more than
 * chance explains, lost packets because of its rate; loss that is there at any rate (a bad cable, numgen) lowers all
 * windows alike and is none of the rate's business: it is retransmitted. Whether it was the rate is tried, not
 * believed: a share that stays as low at the lower rate (a host that died) becomes what is expected from then on, and
 * the rate returns. What this machine itself counts as lost or refused (PACKET_STATISTICS, ENOBUFS, a cloud NIC's
 * allowance counters) counts at once. */
#ifndef LEASTPORT_SCANNER_RAW_RATE_H
#define LEASTPORT_SCANNER_RAW_RATE_H

#include "lib/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RATE_FIRST_PPS = 10000, /* what a scan begins with */
    RATE_LEAST_PPS = 500,   /* what no loss takes it below */
};

/* No rate at all: as fast as the senders can. */
#define RATE_UNLIMITED UINT64_MAX

struct rate_options {
    uint64_t ceiling_pps; /* 0: none */
    bool brakeless;       /* `--rate max`: nothing lowers it, and nothing raises it gently */
};

/* Of the probes that left within a window, once their time to answer is over. */
struct rate_window {
    uint64_t sent;
    uint64_t answered;
    uint64_t span_ns;
    uint64_t aimed_pps; /* the rate that was set while it lasted */
};

struct rate;

/* NULL when out of memory. The caller owns the result. */
struct rate *rate_create(const struct rate_options *options);
void rate_destroy(struct rate *rate);

/* What all senders together may send now, in packets a second; RATE_UNLIMITED without brake and ceiling. Any thread;
 * all other functions are the bookkeeper's. */
uint64_t rate_pps(const struct rate *rate);
/* A new ceiling, such as the room of a connection tracking table; 0: the options'. */
void rate_limit(struct rate *rate, uint64_t ceiling_pps);

/* When the next packet may leave, from one volley to the next: nothing later than a second from now is believed. */
void rate_keep_due(struct rate *rate, struct mono_time due);
struct mono_time rate_due(const struct rate *rate, struct mono_time now);

/* A new slab has other hosts: the share of answers is learnt anew, at a quarter of what was held. */
void rate_begin_slab(struct rate *rate, struct mono_time now);
/* The same hosts, other questions: a little below what was held, by which windows are told from those of before. */
void rate_begin_wave(struct rate *rate, struct mono_time now);
/* Only those hosts that answered go on being asked: at a rate that brings no more answers a second than they gave. */
void rate_begin_heard(struct rate *rate, struct mono_time now);
/* In the order in which they lasted. */
void rate_hear_window(struct rate *rate, const struct rate_window *window, struct mono_time now);
/* Whether the window would count against the rate. Then it is worth waiting for answers that are only late: a machine
 * that stood still for some milliseconds looks like loss until they come. */
bool rate_doubts(const struct rate *rate, const struct rate_window *window);
/* Slows down by what the loss is of what left, and doubles again afterwards. */
void rate_hear_lost_here(struct rate *rate, uint64_t packets, struct mono_time now);

/* What was measured, for the log and for `--rate max`'s last words. */
struct rate_figures {
    uint64_t highest_pps; /* that was sent and lost nothing */
    uint64_t held_pps;    /* at the moment; RATE_UNLIMITED as above */
    uint64_t lost_here;
    uint64_t slowdowns; /* that were the rate's fault, as far as it is known */
};
struct rate_figures rate_figures(const struct rate *rate);

#endif
