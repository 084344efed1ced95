/* Bytes of a stream that many clients are sent: made once, shared by all. Of one thread. */
#ifndef LEASTPORT_WEB_STREAM_FRAME_H
#define LEASTPORT_WEB_STREAM_FRAME_H

#include "web/buffer.h"

struct stream_frame {
    unsigned refs;
    size_t length;
    char *bytes;   /* owned */
    size_t *total; /* borrowed: what all frames of its kind hold; NULL: not counted */
};

/* Takes the buffer's bytes, which leaves it empty. NULL when out of memory, or nothing is in it. The caller has one
 * reference. */
struct stream_frame *stream_frame_take(struct buffer *buffer, size_t *total);
struct stream_frame *stream_frame_ref(struct stream_frame *frame);
/* `frame` may be NULL. */
void stream_frame_unref(struct stream_frame *frame);

#endif
