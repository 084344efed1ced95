/* Tells closed UDP ports from silent ones on hosts that limit their ICMP errors (RFC 1812, 4.3.2.8; RFC 4443, 2.4 (f)):
 * Linux lets six port-unreachables go at once and then one a second, so that most closed ports stay silent however
 * often they are asked in a hurry. Works what the volley left unanswered, each host at the pace that it answers at.
 * Makes no system call; time and packets go through arguments.
 *
 * A host is asked in groups: some of its silent ports in a row, and behind them, unless closed ports are what it mostly
 * has, a control: a port that is known to be closed. Whatever was asked before the last one of the group that was
 * answered was asked while the host still had an error to give; so its silence is no limit's. What was so silent as
 * often as the plan has tries is silent for good. A group without any answer found the host's budget empty: its silence
 * counts for nothing, and the host is asked more slowly. */
#ifndef LEASTPORT_SCANNER_RAW_PATIENCE_H
#define LEASTPORT_SCANNER_RAW_PATIENCE_H

#include "lib/clock.h"
#include "scanner/pacer.h"
#include "scanner/slab.h"
#include "scanner/sweep.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    /* How long silent ports of a host are told apart at most: with Linux's limit enough for 1,000 of them. */
    PATIENCE_MOST_S = 1200,
    /* All hosts together. */
    PATIENCE_RATE_PPS = 10000,
};

/* Called within patience_next(), patience_take() and patience_end(); none may call back. */
struct patience_listener {
    struct sweep_listener sweep; /* found_open and host_done; host_eased is not called */
    /* It answers by so many errors a second: telling `silent` ports apart takes its time. Once for each host, and only
     * where that time is long. */
    void (*limited)(void *context, uint32_t host, double errors_per_s, uint32_t silent);
    /* The time was over: so many ports stay undecided. Before its host_done. */
    void (*undecided)(void *context, uint32_t host, uint32_t silent);
    void *context; /* of the two */
};

/* Borrowed for the patience's life. */
struct patience_options {
    struct slab *slab;
    uint32_t tries; /* the plan's, at least 1 */
    uint32_t most_s;
    struct pacer_rate rate;
    struct pacer_rate host_rate;
    struct patience_listener listener;
};

struct patience;

/* NULL when out of memory. The caller owns the result. */
struct patience *patience_create(const struct patience_options *options);
void patience_destroy(struct patience *patience);

/* Whether the host has closed ports, told by itself, and silent ones that were tried. */
bool patience_suits(struct slab *slab, uint32_t host);
/* Takes the host up, which must suit, and clears its `done`. -ENOMEM. */
MUST_USE int patience_add(struct patience *patience, uint32_t host, struct mono_time now);

/* The next probe that is to leave now; false: none. It counts as sent. `try_number` names its group, so that the answer
 * does. */
struct patience_shot {
    uint32_t probe;
    uint8_t try_number;
};
bool patience_next(struct patience *patience, struct mono_time now, struct patience_shot *ret_shot);
struct mono_time patience_wakeup(const struct patience *patience);
/* As sweep_take() has it, of any host of the slab. */
void patience_take(struct patience *patience, const struct sweep_answer *answer, struct mono_time now);

/* Whether a try of this number can have left to the host: by the volley, or by the group at hand or the one before. */
bool patience_knows_try(const struct patience *patience, uint32_t host, uint8_t try_number);

bool patience_is_done(const struct patience *patience);
/* Ports that are still to be told apart. */
uint64_t patience_left(const struct patience *patience);
/* Probes that were given out. */
uint64_t patience_sent(const struct patience *patience);

#endif
