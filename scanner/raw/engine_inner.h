/* What the files of the engine share: its state, and what they do for each other. Nobody else includes it. */
#ifndef LEASTPORT_SCANNER_RAW_ENGINE_INNER_H
#define LEASTPORT_SCANNER_RAW_ENGINE_INNER_H

#include "scanner/raw/crew.h"
#include "scanner/raw/discovery.h"
#include "scanner/raw/engine.h"
#include "scanner/raw/links.h"
#include "scanner/raw/paths.h"
#include "scanner/raw/patience.h"
#include "scanner/raw/port_hold.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    /* Frames of each link that are taken before the books are looked at again. */
    TAKE_AT_ONCE = 2048,
    /* How often in a slab next hops may be found moved. */
    MOVES_MOST = 8,
};

/* What an ear has heard wakes nobody: so often is it asked. */
static const uint64_t HEAR_EVERY_NS = UINT64_C(2) * 1000 * 1000;

enum phase {
    IDLE,
    ASKING,      /* for hardware addresses */
    DISCOVERING, /* which hosts are there, by a volley of its own */
    PROBING,
    WAITING, /* UDP: what limits of ICMP errors left open */
};

/* A host that is done but for its silence, which counts once its next hop is known to be where it was. */
enum held { NOT_HELD, HELD, HELD_ASKED };

struct raw_engine {
    struct raw_engine_options options;
    struct router *router;
    struct links *links;
    struct port_hold *hold;
    struct paths *paths;
    struct crew *crew;
    struct rate *rate;
    struct answer_reader reader;
    uint8_t key[COOKIE_KEY_BYTES];
    /* The slab at hand. */
    struct raw_engine_slab slab;
    struct volley *volley;
    struct discovery *discovery;
    uint64_t discovery_sent; /* packets of all discoveries of the slab, */
    uint64_t discovery_seen; /* and of the one at hand, as far as the slab has them */
    struct patience *patience;
    bool *patients; /* hosts that the patience takes up after the volley, and its own */
    uint32_t patient_count;
    uint64_t patience_left; /* their silent ports */
    uint64_t patience_sent; /* probes before it */
    uint64_t volley_settled;
    uint32_t *done_hosts; /* to be told of, in order */
    uint32_t done_count;
    uint32_t done_told;
    uint8_t *held; /* enum held, by host */
    uint32_t held_count;
    uint32_t moves;
    bool discovery_doubted;
    bool discovery_sure; /* whom discovery did not hear was not asked for in vain */
    uint32_t silent_turn;
    struct mono_time silent_due;
    struct mono_time watch_due;
    enum phase phase;
    bool stopping;
    bool rerouting; /* the slab's ways are looked for anew */
    uint32_t downs; /* how often a link was found down */
    int lost_error; /* of a host that has lost its way; 0: none has */
    struct addr lost_host;
    struct mono_time now; /* of the batch that is being taken */
    struct sweep_answer taken[VOLLEY_BATCH];
    uint32_t taken_count;
    uint32_t frames;             /* that came in this step */
    struct mono_time heard;      /* what came in by then has been taken */
    struct mono_time routes_due; /* until then changes of routes wait */
    struct mono_time losses_asked;
    struct mono_time allowance_asked;
    struct link_losses losses;
    uint64_t allowance_exceeded;
    const char *allowance_name;
    uint64_t refused[ANSWER_REFUSALS];
    struct addr stranger;
    uint64_t foreign;
    uint64_t late;
    /* What senders say. */
    _Atomic bool halted;
    _Atomic int failure;
    _Atomic uint32_t failed_link;
};

/* ---- scanner/raw/engine_open.c ---- */

bool engine_is_replay(const struct raw_engine *engine);

/* ---- scanner/raw/engine_slab.c ---- */

void engine_tell_hosts(struct raw_engine *engine, uint32_t most);
void engine_host_done(struct raw_engine *engine, uint32_t host);
int engine_begin_discovering(struct raw_engine *engine, struct problem *problem);
int engine_end_discovering(struct raw_engine *engine, struct problem *problem);
int engine_begin_waiting(struct raw_engine *engine, struct problem *problem);
void engine_count_discovery(struct raw_engine *engine);
int engine_find_ways(struct raw_engine *engine, struct problem *problem);
void engine_rest(struct raw_engine *engine);

/* ---- scanner/raw/engine_send.c ---- */

int engine_make_frame(const struct raw_engine *engine, const struct volley_shot *shot, struct mono_time now,
                      struct paths_frame *frame);
void engine_fail_sender(struct raw_engine *engine, int rc, uint32_t link);
void engine_send(void *context, uint32_t number);
int engine_sender_failure(struct raw_engine *engine, struct problem *problem);

/* ---- scanner/raw/engine_receive.c ---- */

void engine_take_frame(void *context, uint32_t link, const struct link_frame *frame);
void engine_hear_losses(struct raw_engine *engine);
void engine_hear_allowance(struct raw_engine *engine);
int engine_hear(struct raw_engine *engine, struct problem *problem);

/* ---- scanner/raw/engine_moves.c ---- */

int engine_heed_routes(struct raw_engine *engine, struct problem *problem);
int engine_watch_hops(struct raw_engine *engine, struct mono_time *due, struct problem *problem);
int engine_heed_lost(struct raw_engine *engine, struct problem *problem);
int engine_heed_down(struct raw_engine *engine, int rc, struct problem *problem);

#endif
