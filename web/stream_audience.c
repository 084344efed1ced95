#include "web/stream_audience.h"

#include "web/principal.h"
#include "web/stream_place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    AUDIENCE_LIVE_EVENTS = 500,
    AUDIENCE_LIVE_BYTES = 256 << 10,
    AUDIENCE_REPLAY_EVENTS = 250,
    AUDIENCE_REPLAY_BYTES = 128 << 10
};

/* ---- limits ---- */

static void limits_add(struct buffer *out, char kind, const struct store_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        buffer_print(out, "%c%s\n", kind, texts->values[i]);
    }
}

char *stream_limits_format(const struct store_reach *reach)
{
    struct buffer out;
    size_t length;

    buffer_init(&out);
    limits_add(&out, 'r', &reach->realms);
    limits_add(&out, 't', &reach->tags);
    buffer_add(&out, "", 1);
    return buffer_take(&out, &length);
}

/* Lines cut in place; the reach borrows from them. */
static void limits_parse(char *lines, const char *values[2][PRINCIPAL_LIMITS], struct store_reach *reach)
{
    size_t counts[2] = {0, 0};

    for (char *line = strsep(&lines, "\n"); line != NULL && line[0] != '\0'; line = strsep(&lines, "\n")) {
        size_t kind = line[0] == 'r' ? 0 : 1;
        if (counts[kind] < PRINCIPAL_LIMITS) {
            values[kind][counts[kind]++] = line + 1;
        }
    }
    reach->realms = (struct store_texts){values[0], counts[0]};
    reach->tags = (struct store_texts){values[1], counts[1]};
}

static int audience_limit(struct stream_audience *audience)
{
    const char *values[2][PRINCIPAL_LIMITS];
    struct store_reach reach;
    char *lines = strdup(audience->limits);
    int rc;

    if (lines == NULL) {
        return -ENOMEM;
    }
    limits_parse(lines, values, &reach);
    rc = store_reader_limit(audience->reader, &reach);
    free(lines);
    return rc;
}

/* ---- life ---- */

struct stream_audience *stream_audience_create(const char *db_path, char *limits, size_t *replay_bytes)
{
    struct stream_audience *audience = calloc(1, sizeof(*audience));

    if (audience == NULL) {
        free(limits);
        return NULL;
    }
    audience->db_path = db_path;
    audience->limits = limits;
    audience->replay_bytes = replay_bytes;
    buffer_init(&audience->progress);
    return audience;
}

void stream_audience_destroy(struct stream_audience *audience)
{
    if (audience == NULL) {
        return;
    }
    for (uint64_t at = audience->first; at < audience->end; at++) {
        stream_frame_unref(audience->ring[at % STREAM_RING_FRAMES]);
    }
    for (size_t i = 0; i < STREAM_REPLAYS; i++) {
        stream_frame_unref(audience->replays[i].frame);
    }
    store_reader_close(audience->reader);
    buffer_done(&audience->progress);
    free(audience->limits);
    free(audience);
}

void stream_audience_close(struct stream_audience *audience)
{
    store_reader_close(audience->reader);
    audience->reader = NULL;
}

/* ---- the ring ---- */

static void audience_drop_oldest(struct stream_audience *audience)
{
    struct stream_frame *frame = audience->ring[audience->first++ % STREAM_RING_FRAMES];

    audience->ring_bytes -= frame->length;
    stream_frame_unref(frame);
}

/* Takes what is in the buffer. */
static int audience_push(struct stream_audience *audience, struct buffer *buffer)
{
    struct stream_frame *frame = stream_frame_take(buffer, NULL);

    if (frame == NULL) {
        return -ENOMEM;
    }
    while (audience->end - audience->first == STREAM_RING_FRAMES ||
           (audience->end > audience->first && audience->ring_bytes + frame->length > STREAM_RING_BYTES)) {
        audience_drop_oldest(audience);
    }
    audience->ring[audience->end++ % STREAM_RING_FRAMES] = frame;
    audience->ring_bytes += frame->length;
    return 0;
}

/* The head moves on only with what is told. */
static int audience_reset(struct stream_audience *audience, const struct store_stream_place *head, const char *data)
{
    struct buffer buffer;
    int rc;

    buffer_init(&buffer);
    stream_text_note(&buffer, "reset", head, audience->key, data);
    rc = audience_push(audience, &buffer);
    buffer_done(&buffer);
    if (rc == 0) {
        audience->head = *head;
    }
    return rc;
}

void stream_audience_beat(struct stream_audience *audience)
{
    char id[STREAM_PLACE_TEXT_SIZE];
    struct buffer buffer;
    int rc;

    /* An id without data is no event, and what the next Last-Event-ID says. */
    buffer_init(&buffer);
    stream_place_format(&audience->head, audience->key, id);
    buffer_print(&buffer, ": still here\nid: %s\n\n", id);
    rc = audience_push(audience, &buffer);
    /* Without memory for it there is one less. */
    (void)rc;
    buffer_done(&buffer);
}

/* ---- looking ---- */

/* A snapshot. */
static int audience_open(struct stream_audience *audience)
{
    char error[STORE_READ_ERROR_SIZE];
    int rc = 0;

    if (audience->reader == NULL) {
        rc = store_reader_open(audience->db_path, error, &audience->reader);
        rc = rc == 0 && audience->limits[0] != '\0' ? audience_limit(audience) : rc;
    }
    rc = rc == 0 ? store_reader_begin(audience->reader) : rc;
    if (rc == 0 && audience->limits[0] != '\0') {
        rc = store_read_stream_key(audience->reader, audience->key_bytes);
        audience->key = audience->key_bytes;
    }
    return rc;
}

static int audience_end(struct stream_audience *audience, int rc)
{
    if (audience->reader != NULL) {
        store_reader_end(audience->reader);
    }
    if (rc < 0 && rc != -ESTALE) {
        stream_audience_close(audience);
    }
    return rc;
}

/* From the head that was known to the one that is. */
static int audience_tell(struct stream_audience *audience, const struct store_stream_place *head)
{
    const struct stream_text_options options = {.reader = audience->reader,
                                                .key = audience->key,
                                                .until = *head,
                                                .events = AUDIENCE_LIVE_EVENTS,
                                                .bytes = AUDIENCE_LIVE_BYTES};
    struct store_stream_place place = audience->head;
    struct buffer buffer;
    bool is_whole = true;
    int rc = store_read_stream_check(audience->reader, &audience->head);

    if (rc == -ESTALE) {
        return audience_reset(audience, head, "{\"reason\":\"gap\"}");
    }
    buffer_init(&buffer);
    rc = rc == 0 ? stream_text_events(&buffer, &options, &place, &is_whole) : rc;
    if (rc == 0 && !is_whole) {
        rc = audience_reset(audience, head, "{\"reason\":\"many\"}");
    } else if (rc == 0) {
        rc = buffer.length == 0 && !buffer.failed ? 0 : audience_push(audience, &buffer);
        audience->head = rc == 0 ? *head : audience->head;
    }
    buffer_done(&buffer);
    return rc;
}

int stream_audience_look(struct stream_audience *audience)
{
    struct store_stream_place head;
    int rc = audience_open(audience);

    rc = rc == 0 ? store_read_stream_head(audience->reader, &head) : rc;
    if (rc == 0 && !audience->has_head) {
        audience->head = head;
        audience->has_head = true;
    } else if (rc == 0 && !stream_place_is_same(&head, &audience->head)) {
        rc = audience_tell(audience, &head);
    }
    return audience_end(audience, rc);
}

int stream_audience_look_at_progress(struct stream_audience *audience, const json_t *jobs)
{
    struct buffer text;
    bool is_new = false;
    int rc = audience_open(audience);

    buffer_init(&text);
    rc = rc == 0 ? stream_text_progress(&text, audience->reader, jobs, &audience->running) : rc;
    rc = rc == 0 && text.failed ? -ENOMEM : rc;
    if (rc == 0) {
        is_new = text.length != audience->progress.length ||
                 (text.length > 0 && memcmp(text.bytes, audience->progress.bytes, text.length) != 0);
    }
    if (is_new) {
        buffer_clear(&audience->progress);
        if (text.length > 0) {
            buffer_add(&audience->progress, text.bytes, text.length);
            rc = audience_push(audience, &text);
        }
    }
    buffer_done(&text);
    return audience_end(audience, rc);
}

/* ---- what was missed ---- */

static struct stream_replay *replay_find(struct stream_audience *audience, const struct store_stream_place *from)
{
    for (size_t i = 0; i < STREAM_REPLAYS; i++) {
        struct stream_replay *replay = &audience->replays[i];
        if (replay->frame != NULL && stream_place_is_same(&replay->from, from) &&
            stream_place_is_same(&replay->head, &audience->head)) {
            return replay;
        }
    }
    return NULL;
}

/* Takes what is in the buffer. */
static int replay_keep(struct stream_audience *audience, struct buffer *buffer, const struct store_stream_place *from,
                       const struct store_stream_place *to, struct stream_frame **ret_frame)
{
    struct stream_replay *replay = &audience->replays[audience->next_replay++ % STREAM_REPLAYS];
    struct stream_frame *frame = stream_frame_take(buffer, audience->replay_bytes);

    if (frame == NULL) {
        return -ENOMEM;
    }
    stream_frame_unref(replay->frame);
    *replay = (struct stream_replay){.from = *from, .head = audience->head, .to = *to, .frame = frame};
    *ret_frame = stream_frame_ref(frame);
    return 0;
}

static int replay_read(struct stream_audience *audience, struct store_stream_place *place,
                       struct stream_frame **ret_frame)
{
    const struct stream_text_options options = {.reader = audience->reader,
                                                .key = audience->key,
                                                .until = audience->head,
                                                .events = AUDIENCE_REPLAY_EVENTS,
                                                .bytes = AUDIENCE_REPLAY_BYTES};
    struct store_stream_place from = *place;
    struct store_stream_place to = *place;
    struct buffer buffer;
    bool is_whole;
    int rc = store_read_stream_check(audience->reader, place);

    buffer_init(&buffer);
    rc = rc == 0 ? stream_text_events(&buffer, &options, &to, &is_whole) : rc;
    rc = rc == 0 && buffer.failed ? -ENOMEM : rc;
    if (rc == 0 && buffer.length > 0) {
        rc = replay_keep(audience, &buffer, &from, &to, ret_frame);
    }
    if (rc == 0) {
        *place = to;
    }
    buffer_done(&buffer);
    return rc;
}

int stream_audience_replay(struct stream_audience *audience, struct store_stream_place *place,
                           struct stream_frame **ret_frame)
{
    struct stream_replay *replay;
    int rc;

    *ret_frame = NULL;
    if (stream_place_is_same(place, &audience->head)) {
        return 0;
    }
    replay = replay_find(audience, place);
    if (replay != NULL) {
        *place = replay->to;
        *ret_frame = stream_frame_ref(replay->frame);
        return 0;
    }
    rc = audience_open(audience);
    return audience_end(audience, rc == 0 ? replay_read(audience, place, ret_frame) : rc);
}
