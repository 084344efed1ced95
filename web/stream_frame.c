#include "web/stream_frame.h"

#include <stdlib.h>

struct stream_frame *stream_frame_take(struct buffer *buffer, size_t *total)
{
    struct stream_frame *frame = malloc(sizeof(*frame));

    if (frame == NULL) {
        return NULL;
    }
    *frame = (struct stream_frame){.refs = 1, .total = total};
    frame->bytes = buffer_take(buffer, &frame->length);
    if (frame->bytes == NULL) {
        free(frame);
        return NULL;
    }
    if (total != NULL) {
        *total += frame->length;
    }
    return frame;
}

struct stream_frame *stream_frame_ref(struct stream_frame *frame)
{
    frame->refs++;
    return frame;
}

void stream_frame_unref(struct stream_frame *frame)
{
    if (frame == NULL || --frame->refs > 0) {
        return;
    }
    if (frame->total != NULL) {
        *frame->total -= frame->length;
    }
    free(frame->bytes);
    free(frame);
}
