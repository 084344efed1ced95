#include "web/stream_client.h"

#include "web/stream_place.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum { CLIENT_RETRY_MS = 2000, CLIENT_RETRY_SPREAD_MS = 3000 };

static const char client_head[] = "HTTP/1.1 200 OK\r\n"
                                  "Content-Type: text/event-stream\r\n"
                                  "Cache-Control: no-store\r\n"
                                  "X-Accel-Buffering: no\r\n"
                                  "X-Content-Type-Options: nosniff\r\n"
                                  "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
                                  "Referrer-Policy: no-referrer\r\n"
                                  "Cross-Origin-Resource-Policy: same-origin\r\n"
                                  "Cross-Origin-Opener-Policy: same-origin\r\n"
                                  "Vary: Accept, Authorization, Cookie\r\n"
                                  "Connection: close\r\n\r\n";

static void client_note(struct stream_ticket *client, struct buffer *out, const char *event, const char *data)
{
    struct stream_audience *audience = client->audience;

    client->replays = false;
    client->place = audience->head;
    client->next_frame = audience->end;
    stream_text_note(out, event, &audience->head, audience->key, data);
}

bool stream_client_begin(struct stream_ticket *client)
{
    struct stream_audience *audience = client->audience;
    struct buffer out;

    buffer_init(&out);
    buffer_add(&out, client_head, sizeof(client_head) - 1);
    /* Whoever is cut off by the same restart must not come back at the same moment. */
    buffer_print(&out, "retry: %u\n", CLIENT_RETRY_MS + randombytes_uniform(CLIENT_RETRY_SPREAD_MS));
    client->next_frame = audience->end;
    if (client->last_id[0] == '\0') {
        client_note(client, &out, "ready", "{}");
    } else if (stream_place_parse(client->last_id, audience->key, &client->place) != 0) {
        client_note(client, &out, "reset", "{\"reason\":\"unknown\"}");
    } else {
        client->replays = true;
        buffer_print(&out, ": welcome back\n\n");
    }
    if (audience->progress.length > 0) {
        buffer_add(&out, audience->progress.bytes, audience->progress.length);
    }
    client->frame = stream_frame_take(&out, NULL);
    buffer_done(&out);
    return client->frame != NULL;
}

/* ---- what comes next ---- */

static enum stream_client_state client_reset(struct stream_ticket *client)
{
    struct buffer out;

    buffer_init(&out);
    client_note(client, &out, "reset", "{\"reason\":\"gap\"}");
    client->frame = stream_frame_take(&out, NULL);
    buffer_done(&out);
    return client->frame == NULL ? STREAM_CLIENT_GONE : STREAM_CLIENT_IDLE;
}

static enum stream_client_state client_replay(struct stream_ticket *client, bool may_replay)
{
    struct stream_audience *audience = client->audience;
    int rc;

    if (!may_replay && !stream_place_is_same(&client->place, &audience->head)) {
        return STREAM_CLIENT_STARVES;
    }
    rc = stream_audience_replay(audience, &client->place, &client->frame);
    if (rc == -ESTALE) {
        return client_reset(client);
    }
    if (rc < 0) {
        /* The database cannot be read now: later. */
        return STREAM_CLIENT_STARVES;
    }
    if (stream_place_is_same(&client->place, &audience->head)) {
        client->replays = false;
        client->next_frame = audience->end;
    }
    return STREAM_CLIENT_IDLE;
}

/* Leaves a frame, or none when it has everything. */
static enum stream_client_state client_next(struct stream_ticket *client, bool may_replay)
{
    struct stream_audience *audience = client->audience;

    client->offset = 0;
    while (client->replays && client->frame == NULL) {
        enum stream_client_state state = client_replay(client, may_replay);
        if (state != STREAM_CLIENT_IDLE) {
            return state;
        }
    }
    if (client->frame != NULL || client->next_frame == audience->end) {
        return STREAM_CLIENT_IDLE;
    }
    if (client->next_frame < audience->first) {
        /* Too slow: what it did not take is no longer kept for it. */
        return STREAM_CLIENT_GONE;
    }
    client->frame = stream_frame_ref(audience->ring[client->next_frame++ % STREAM_RING_FRAMES]);
    return STREAM_CLIENT_IDLE;
}

/* ---- sending ---- */

static enum stream_client_state client_send(struct stream_ticket *client, struct mono_time now)
{
    struct stream_frame *frame = client->frame;

    while (client->offset < frame->length) {
        ssize_t sent = client->line.send(client->line.context, client->line.fd, frame->bytes + client->offset,
                                         frame->length - client->offset);
        if (sent == -EAGAIN) {
            return STREAM_CLIENT_WAITS;
        }
        if (sent <= 0) {
            return STREAM_CLIENT_GONE;
        }
        client->offset += (size_t)sent;
        client->moved_at = now;
    }
    client->frame = NULL;
    stream_frame_unref(frame);
    return STREAM_CLIENT_IDLE;
}

enum stream_client_state stream_client_pump(struct stream_ticket *client, bool may_replay, struct mono_time now)
{
    enum stream_client_state state = STREAM_CLIENT_IDLE;

    while (state == STREAM_CLIENT_IDLE) {
        if (client->frame == NULL) {
            state = client_next(client, may_replay);
        }
        if (state != STREAM_CLIENT_IDLE || client->frame == NULL) {
            return state;
        }
        state = client_send(client, now);
    }
    return state;
}
