/* Rows of the store as server-sent events (WHATWG HTML, section 9.2). Knows neither clients nor sockets. */
#ifndef LEASTPORT_WEB_STREAM_TEXT_H
#define LEASTPORT_WEB_STREAM_TEXT_H

#include "auditd/store/read.h"
#include "web/buffer.h"

#include <jansson.h>

struct stream_text_options {
    struct store_reader *reader;     /* within a snapshot */
    const unsigned char *key;        /* of stream_place_format() */
    struct store_stream_place until; /* nothing behind it is told */
    size_t events;                   /* at most */
    size_t bytes;                    /* no further event once so many are in the buffer */
};

/* The events after the place, which moves on with each: of findings, then scores, then scans, each kind in its order.
 */
MUST_USE int stream_text_events(struct buffer *out, const struct stream_text_options *options,
                                struct store_stream_place *place, bool *ret_is_whole);
/* An event without a row: `data` is JSON. */
void stream_text_note(struct buffer *out, const char *event, const struct store_stream_place *place,
                      const unsigned char *key, const char *data);
/* One event for each scan that runs and that the reader sees, without an id. `jobs` is what the daemon says of its
 * jobs, NULL when it says nothing. */
MUST_USE int stream_text_progress(struct buffer *out, struct store_reader *reader, const json_t *jobs,
                                  size_t *ret_count);

#endif
