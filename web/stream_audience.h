/* Whoever may see the same of the database: what new events there are is asked once for all of them. Of one thread. */
#ifndef LEASTPORT_WEB_STREAM_AUDIENCE_H
#define LEASTPORT_WEB_STREAM_AUDIENCE_H

#include "web/stream_frame.h"
#include "web/stream_text.h"

enum { STREAM_RING_FRAMES = 64, STREAM_RING_BYTES = 1 << 20, STREAM_REPLAYS = 4 };

/* What was missed from one place on, made once for all who missed it. */
struct stream_replay {
    struct store_stream_place from, head, to;
    struct stream_frame *frame; /* NULL: free */
};

struct stream_audience {
    struct stream_audience *next;
    const char *db_path;         /* borrowed */
    size_t *replay_bytes;        /* borrowed */
    char *limits;                /* owned; stream_limits_format() */
    struct store_reader *reader; /* NULL: to be opened */
    bool has_head;
    struct store_stream_place head;
    unsigned char key_bytes[STORE_STREAM_KEY_BYTES];
    const unsigned char *key; /* NULL for who is not limited */
    /* The frames that were sent last, numbered `first` to `end` - 1. */
    struct stream_frame *ring[STREAM_RING_FRAMES];
    uint64_t first, end;
    size_t ring_bytes;
    struct stream_replay replays[STREAM_REPLAYS];
    size_t next_replay;
    struct buffer progress; /* what is said last of scans that run */
    size_t running;
    size_t clients;
};

/* A reach as text, the same for the same; NULL when out of memory. The caller frees it. */
char *stream_limits_format(const struct store_reach *reach);

/* NULL when out of memory. Takes `limits`. The caller owns it. */
struct stream_audience *stream_audience_create(const char *db_path, char *limits, size_t *replay_bytes);
void stream_audience_destroy(struct stream_audience *audience);

/* Looks for what is new and puts it into the ring: events, or `reset` when they are too many or some were lost. As
 * reading functions; then the reader is closed, and the next call opens it again. */
MUST_USE int stream_audience_look(struct stream_audience *audience);
/* What runs, if it is not what was said last. */
MUST_USE int stream_audience_look_at_progress(struct stream_audience *audience, const json_t *jobs);
/* So that nobody takes the silence for an end, and that what was last told is known to be the last. */
void stream_audience_beat(struct stream_audience *audience);
/* The database is another file: its reader is closed. */
void stream_audience_close(struct stream_audience *audience);

/* The next events after a place, up to the head: a frame, with a reference of the caller's, and where it ends. NULL
 * with 0 when there is none. -ESTALE as store_read_stream_check(). */
MUST_USE int stream_audience_replay(struct stream_audience *audience, struct store_stream_place *place,
                                    struct stream_frame **ret_frame);

#endif
