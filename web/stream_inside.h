/* What the files of a stream share; others see stream.h only. */
#ifndef LEASTPORT_WEB_STREAM_INSIDE_H
#define LEASTPORT_WEB_STREAM_INSIDE_H

#include "web/stream_audiences.h"
#include "web/stream_client.h"

#include <pthread.h>

struct stream {
    struct stream_options options;
    struct stream_seats *seats;
    pthread_t thread;
    bool has_thread;
    int epoll_fd;
    int wake_fd;
    pthread_mutex_t mutex;          /* of the next two */
    struct stream_ticket *arriving; /* youngest first */
    bool stops;

    /* The thread's own. */
    struct stream_ticket *clients;
    struct stream_audiences audiences;
    struct store_reader *reader; /* without a limit: whether something was committed, and whose tokens are good */
    int64_t version;
    bool is_changed; /* since all audiences looked last */
    json_t *jobs;    /* of the daemon */
    uint32_t session_ends;
    struct mono_time next_look, next_check, next_beat, next_session, next_control;
};

/* Leaves its seat. */
void stream_ticket_free(struct stream_ticket *ticket);
/* From any thread. */
void stream_wake(struct stream *stream);

#endif
