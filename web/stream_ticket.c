#include "web/exchange.h"
#include "web/metrics.h"
#include "web/route.h"
#include "web/stream_inside.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void stream_ticket_free(struct stream_ticket *ticket)
{
    stream_seat_leave(ticket->stream->seats, ticket->seat);
    stream_frame_unref(ticket->frame);
    free(ticket->limits);
    sodium_memzero(ticket->session, sizeof(ticket->session));
    free(ticket);
}

void stream_ticket_drop(struct stream_ticket *ticket)
{
    if (ticket != NULL) {
        stream_ticket_free(ticket);
    }
}

static void ticket_refuse(struct exchange *exchange, int rc)
{
    if (rc == -EDQUOT || rc == -ENOSPC) {
        metrics_count_refusal(exchange->site->metrics, METRICS_STREAMS);
    }
    if (rc == -EDQUOT) {
        problem_set(&exchange->problem, 429, "\"%s\" has as many streams of events as a token may have.",
                    exchange->principal.name);
        exchange->retry_after_s = 30;
    } else {
        problem_set(&exchange->problem, 503, "%s.",
                    rc == -ENOSPC ? "There are as many streams of events as may be" : "Out of memory");
    }
}

struct stream_ticket *stream_ticket_make(struct stream *stream, struct exchange *exchange)
{
    const struct principal *principal = &exchange->principal;
    const char *last_id = exchange->head->last_event_id;
    struct stream_ticket *ticket = calloc(1, sizeof(*ticket));
    int rc = ticket == NULL ? -ENOMEM : stream_seat_take(stream->seats, principal->token, &ticket->seat);

    if (rc != 0) {
        free(ticket);
        ticket_refuse(exchange, rc);
        return NULL;
    }
    ticket->stream = stream;
    ticket->expires_at = principal->expires_at;
    snprintf(ticket->session, sizeof(ticket->session), "%s", principal->session);
    /* One that is too long is cut, and then none that was ever given. */
    snprintf(ticket->last_id, sizeof(ticket->last_id), "%s", last_id == NULL ? "" : last_id);
    ticket->limits = stream_limits_format(&principal->reach);
    if (ticket->limits == NULL) {
        stream_ticket_free(ticket);
        ticket_refuse(exchange, -ENOMEM);
        return NULL;
    }
    return ticket;
}

void stream_wake(struct stream *stream)
{
    const uint64_t one = 1;
    /* It fails only when it is about to wake anyhow. */
    ssize_t count = write(stream->wake_fd, &one, sizeof(one));

    (void)count;
}

int stream_admit(struct stream_ticket *ticket, const struct stream_line *line, void (*begin)(void *context))
{
    struct stream *stream = ticket->stream;
    int rc = 0;

    pthread_mutex_lock(&stream->mutex);
    if (stream->stops) {
        rc = -ESHUTDOWN;
    } else {
        begin(line->context);
        ticket->line = *line;
        ticket->next = stream->arriving;
        stream->arriving = ticket;
    }
    pthread_mutex_unlock(&stream->mutex);
    if (rc == 0) {
        stream_wake(stream);
    }
    return rc;
}

size_t stream_count(struct stream *stream)
{
    return stream_seats_taken(stream->seats);
}
