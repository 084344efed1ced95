/* Server-sent events: one thread looks for what is new and sends it to all who listen. It writes on the sockets itself,
 * by a line that the HTTP server gives it, so that a client costs little and no thread of the server's waits.
 *
 * A ticket is a client's right to a stream, from the handler that admits it to the end of its line. */
#ifndef LEASTPORT_WEB_STREAM_H
#define LEASTPORT_WEB_STREAM_H

#include "lib/addr.h"

#include <stddef.h>
#include <sys/types.h>

struct exchange;
struct gate;
struct metrics;
struct stream;
struct stream_ticket;

struct stream_options {
    const char *db_path;      /* borrowed, as all of these */
    const char *control_path; /* NULL: none */
    struct gate *gate;
    size_t clients;       /* in all */
    size_t per_token;     /* of one token */
    uint32_t look_ms;     /* how often it looks for what is new */
    uint32_t check_ms;    /* and whether tokens and sessions are still good */
    uint32_t beat_ms;     /* nobody hears nothing for longer */
    uint32_t patience_ms; /* whoever takes nothing for so long is cut off */
    size_t replay_bytes;  /* of frames for those who come back, all together */
};

struct stream_options stream_options_default(void);

/* What a stream is written to. */
struct stream_line {
    int fd; /* not blocking; borrowed until end() */
    void *context;
    /* How many bytes were taken: -EAGAIN when the socket is full, another -errno when it is gone. */
    ssize_t (*send)(void *context, int fd, const void *bytes, size_t count);
    /* Nothing is written any more. From the stream's thread, or from stream_stop()'s. */
    void (*end)(void *context);
};

/* The caller owns the result: stream_stop(), then stream_destroy(). */
MUST_USE int stream_create(const struct stream_options *options, struct stream **ret_stream);
/* Ends all lines. From now on nobody is admitted; tickets may still be made and dropped. `stream` may be NULL. */
void stream_stop(struct stream *stream);
/* After the last ticket. */
void stream_destroy(struct stream *stream);

/* Of the exchange's principal, from where its Last-Event-ID says. NULL with the problem set: too many. */
struct stream_ticket *stream_ticket_make(struct stream *stream, struct exchange *exchange);
void stream_ticket_drop(struct stream_ticket *ticket);
/* Takes the ticket: from now on the line is the stream's. -ESHUTDOWN: it has stopped, and ticket and line are still the
 * caller's. `begin` is called, once it is certain, before anything is written. */
MUST_USE int stream_admit(struct stream_ticket *ticket, const struct stream_line *line, void (*begin)(void *context));

/* How many listen. */
size_t stream_count(struct stream *stream);

#endif
