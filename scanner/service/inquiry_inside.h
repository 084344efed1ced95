/* An inquiry's inside, for the files that it consists of and no other: what it keeps (inquiry.c: events and talks,
 * inquiry_next.c: what is tried next and what it comes to, inquiry_time.c: how long is waited). */
#ifndef LEASTPORT_SCANNER_SERVICE_INQUIRY_INSIDE_H
#define LEASTPORT_SCANNER_SERVICE_INQUIRY_INSIDE_H

#include "scanner/service/candidates.h"
#include "scanner/service/inquiry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEAD_SIZE = 512, /* so much of what a connection brings first is looked at, whoever was asked */
    ECHO_LEAST = 12,
    AGAINS_MAX = 8,
    LATES_MAX = 4,
    FAILURES_MAX = 3,
    MUTE_ENDS_MAX = 3, /* so many connections that are closed before a word, and it is what it does */
    IN_ROOM_LEAST = 4096,
    BANNER_MAX = 256,
};

/* How long is waited, before what the round-trip time adds. */
enum {
    CONNECT_MS = 3000,
    SHAKE_MS = 5000,
    SHAKE_GUESSED_MS = 2500, /* nothing speaks for TLS but that it is there to be tried */
    GREET_MS = 300,
    GREET_EXPECTED_MS = 5000,
    GREET_BRIEF_MS = 700,
    MORE_MS = 1000, /* for the rest of what is begun */
    ANSWER_EXPECTED_MS = 4000,
    ANSWER_FIRST_MS = 3000,
    ANSWER_KEPT_MS = 500, /* what comes later is heard all the same */
    ANSWER_MS = 450,
    ANSWER_LEAST_MS = 150,
    ANSWER_BRIEF_MS = 800,
    TALK_MAX_MS = 15000,
    BRIEF_MS = 1500,
    PAUSE_MS = 400,
    PARTING_MS = 500,
    RTT_MAX_US = 1000000,
};

static const uint64_t NS_PER_MS = 1000000;

enum errand {
    ERRAND_LISTEN,  /* hear whether the server speaks first, then ask */
    ERRAND_LINGER,  /* the same, longer, and nothing is asked */
    ERRAND_ASK,     /* one protocol */
    ERRAND_VERSION, /* whether a version of TLS is accepted */
};

enum stage {
    STAGE_WANTED, /* a connection */
    STAGE_CONNECTING,
    STAGE_SHAKING,   /* TLS from the first byte */
    STAGE_LISTENING, /* nothing was sent */
    STAGE_TALKING,
    STAGE_SECURING, /* in a conversation that has begun in clear */
    STAGE_PARTING,  /* it is over, its last words are to be sent */
    STAGE_PAUSED,
    STAGE_RETURNING, /* the connection that was kept aside is wanted back */
    STAGE_OVER,
};

/* The first connection, as long as nothing was heard on any: whoever is slow to greet or to answer is heard on it while
 * others are asked. */
enum aside {
    ASIDE_NONE,
    ASIDE_WANTED, /* instead of being closed */
    ASIDE_KEPT,
    ASIDE_BACK, /* it is the connection at hand */
    ASIDE_OVER,
};

/* What the connections were like on which the server said nothing. */
struct manners {
    uint32_t silences;
    uint32_t ends;
    uint32_t resets;
    uint32_t stuck;
    bool closes_unasked; /* in order, when nothing had been sent */
};

struct inquiry {
    struct inquiry_options options;
    struct candidates candidates;
    struct identity identity;
    enum stage stage;
    struct mono_time deadline;
    uint32_t connections;
    /* Time with a connection: of those that are over, and of this layer (in clear, inside TLS) of them. */
    uint64_t spent_ns;
    uint64_t layer_began_ns;
    struct mono_time began; /* this connection; once it stands, the conversation */
    struct mono_time asked;
    uint64_t answered_ns; /* how long its answers took so far; 0: none yet */
    /* The errand at hand. */
    enum errand errand;
    const struct protocol *protocol; /* that is talked to, or expected; NULL */
    enum tls_version lowest;
    enum tls_version highest;
    uint32_t agains;
    uint32_t lates;
    bool delicate;
    bool unwelcome;
    /* What comes next is known already. */
    const struct protocol *suggested;
    bool suggests_tls;
    bool listened[2];
    bool lingered[2];
    enum aside aside;
    struct mono_time aside_from;           /* when it stood */
    const struct protocol *aside_protocol; /* was asked on it */
    bool asked_alone;                      /* who waits in silence was asked again, without it */
    uint64_t slow_ms;                      /* so long it took until something came on it; 0 */
    bool tls_tried;
    bool tls_seen;       /* it answered in records of TLS */
    bool agreed_at_once; /* on a version of TLS, from the first byte */
    bool barred;         /* it wants a certificate of ours */
    bool tls_stood;
    bool misdirected; /* what answered in clear may only say that TLS is wanted */
    struct manners manners;
    uint32_t mute_ends;
    uint32_t failures;
    bool heard; /* the server has said something, on whatever connection */
    bool spoke; /* more than a handshake of TLS */
    /* What was taken for this protocol by its first bytes alone, and they. */
    const struct protocol *hint;
    uint8_t greeting[HEAD_SIZE]; /* that nobody recognised */
    size_t greeting_size;
    /* Versions of TLS: which were accepted, which asked. */
    bool accepted[TLS_VERSIONS];
    bool version_asked[TLS_VERSIONS];
    const struct protocol *found; /* it is known what it is */
    bool starts_tls;              /* the protocol went over to TLS */
    /* This connection's. */
    struct dialogue dialogue;
    struct facts trial;
    struct evidence trial_evidence;
    uint8_t *in;
    size_t in_size;
    size_t in_room;
    size_t arrived;
    uint8_t head[HEAD_SIZE];
    size_t head_size;
};

/* inquiry_time.c */

bool inquiry_is_open(const struct inquiry *inquiry);
uint64_t inquiry_rtt_ms(const struct inquiry *inquiry);
void inquiry_wait_for(struct inquiry *inquiry, struct mono_time now, uint64_t wait_ms);
bool inquiry_has_time(const struct inquiry *inquiry);
bool inquiry_may_be_slow(const struct inquiry *inquiry);
uint64_t inquiry_greet_wait_ms(const struct inquiry *inquiry);
bool inquiry_may_keep(const struct inquiry *inquiry);
uint64_t inquiry_shake_wait_ms(const struct inquiry *inquiry);
uint64_t inquiry_talk_left_ms(const struct inquiry *inquiry, struct mono_time now);
void inquiry_wait_for_answer(struct inquiry *inquiry, struct mono_time now);

/* inquiry_next.c */

struct span inquiry_head_of(const struct inquiry *inquiry);
void inquiry_forget_arrivals(struct inquiry *inquiry);
void inquiry_keep_evidence(struct inquiry *inquiry);
void inquiry_close_connection(struct inquiry *inquiry, struct mono_time now);
void inquiry_want_connection(struct inquiry *inquiry, enum errand errand, const struct protocol *protocol);
void inquiry_enter_layer(struct inquiry *inquiry, bool secured);
void inquiry_want_tls(struct inquiry *inquiry);
const struct protocol *inquiry_next_protocol(const struct inquiry *inquiry);
bool inquiry_knows_tls(const struct inquiry *inquiry);
void inquiry_conclude(struct inquiry *inquiry);
void inquiry_take_trial(struct inquiry *inquiry);
void inquiry_keep_recognised(struct inquiry *inquiry);
uint64_t inquiry_kept_ms(const struct inquiry *inquiry, struct mono_time now);
uint64_t inquiry_keep_most_ms(const struct inquiry *inquiry);
void inquiry_next_errand(struct inquiry *inquiry, struct mono_time now);

#endif
