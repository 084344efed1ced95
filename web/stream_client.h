/* One client of a stream: what it was sent, and what comes next. Of one thread. */
#ifndef LEASTPORT_WEB_STREAM_CLIENT_H
#define LEASTPORT_WEB_STREAM_CLIENT_H

#include "web/session.h"
#include "web/stream.h"
#include "web/stream_audience.h"
#include "web/stream_seat.h"

enum { STREAM_LAST_ID_MAX = 256 };

struct stream_ticket {
    struct stream *stream;
    struct stream_ticket *next;
    struct stream_ticket *previous;
    struct stream_seat *seat;
    struct stream_line line;
    int64_t expires_at;               /* of the token or the session; 0: never */
    char session[SESSION_ID_SIZE];    /* '' for one that came with a token */
    char *limits;                     /* until it belongs to an audience */
    char last_id[STREAM_LAST_ID_MAX]; /* '' when none was sent */
    struct stream_audience *audience;
    struct stream_frame *frame; /* being sent; NULL when nothing is */
    size_t offset;
    uint64_t next_frame; /* of the ring */
    bool replays;        /* else it takes frames of the ring */
    struct store_stream_place place;
    bool waits;                /* for its socket */
    struct mono_time moved_at; /* when that took something last */
};

enum stream_client_state {
    STREAM_CLIENT_IDLE,    /* it has everything */
    STREAM_CLIENT_WAITS,   /* its socket takes no more now */
    STREAM_CLIENT_STARVES, /* there is no memory for what it missed now */
    STREAM_CLIENT_GONE,    /* to be ended */
};

/* Sends what there is for it. `may_replay` says whether there is room for frames of its own. */
enum stream_client_state stream_client_pump(struct stream_ticket *client, bool may_replay, struct mono_time now);
/* Its first bytes: the head of the answer, and `ready`, `reset`, or what it missed since its Last-Event-ID. The
 * audience has looked. False without memory. */
bool stream_client_begin(struct stream_ticket *client);

#endif
