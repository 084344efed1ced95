#include "auditd/protocol.h"
#include "web/control.h"
#include "web/gate.h"
#include "web/stream_inside.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    STREAM_EVENTS = 256,
    STREAM_CONTROL_GAP_MS = 1000,
    STREAM_SESSION_MS = 60000,
    STREAM_CONTROL_MS = 200,
    STREAM_SILENT_MS = 10000
};

struct stream_options stream_options_default(void)
{
    return (struct stream_options){
        .clients = 10240,
        .per_token = 1024,
        .look_ms = 250,
        .check_ms = 1000,
        .beat_ms = 15000,
        .patience_ms = 30000,
        .replay_bytes = 32 << 20,
    };
}

/* ---- clients ---- */

static void stream_end(struct stream *stream, struct stream_ticket *client)
{
    if (client->previous != NULL) {
        client->previous->next = client->next;
    } else {
        stream->clients = client->next;
    }
    if (client->next != NULL) {
        client->next->previous = client->previous;
    }
    client->audience->clients--;
    epoll_ctl(stream->epoll_fd, EPOLL_CTL_DEL, client->line.fd, NULL);
    client->line.end(client->line.context);
    stream_ticket_free(client);
}

static void stream_listen(struct stream *stream, struct stream_ticket *client, bool waits)
{
    struct epoll_event event = {.events = EPOLLRDHUP | (waits ? EPOLLOUT : 0U), .data.ptr = client};

    if (client->waits != waits) {
        client->waits = waits;
        /* It is there already, so there is nothing that could fail. */
        epoll_ctl(stream->epoll_fd, EPOLL_CTL_MOD, client->line.fd, &event);
    }
}

static void stream_pump(struct stream *stream, struct stream_ticket *client, struct mono_time now)
{
    bool may_replay = stream->audiences.replay_bytes < stream->options.replay_bytes;
    enum stream_client_state state;

    client->moved_at = client->waits ? client->moved_at : now;
    state = stream_client_pump(client, may_replay, now);
    if (state == STREAM_CLIENT_GONE) {
        stream_end(stream, client);
    } else {
        stream_listen(stream, client, state == STREAM_CLIENT_WAITS);
    }
}

/* Whoever waits for its socket is told by that. */
static void stream_pump_all(struct stream *stream, struct mono_time now)
{
    struct stream_ticket *next;

    for (struct stream_ticket *client = stream->clients; client != NULL; client = next) {
        next = client->next;
        if (!client->waits) {
            stream_pump(stream, client, now);
        }
    }
}

/* ---- arriving ---- */

static void stream_turn_away(struct stream_ticket *ticket)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nCache-Control: no-store\r\n"
                                 "Content-Length: 0\r\nConnection: close\r\n\r\n";
    /* Whoever does not hear it asks again all the same. */
    ssize_t sent = ticket->line.send(ticket->line.context, ticket->line.fd, answer, sizeof(answer) - 1);

    (void)sent;
    ticket->line.end(ticket->line.context);
    stream_ticket_free(ticket);
}

static void stream_seat_client(struct stream *stream, struct stream_ticket *client, struct mono_time now)
{
    struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = client};
    struct stream_audience *audience = stream_audiences_find(&stream->audiences, &client->limits);

    client->next = NULL;
    client->audience = audience;
    /* A place that it brings may be younger than what the audience saw last. */
    if (audience == NULL || stream_audience_look(audience) != 0 || !stream_client_begin(client) ||
        epoll_ctl(stream->epoll_fd, EPOLL_CTL_ADD, client->line.fd, &event) != 0) {
        stream_turn_away(client);
        return;
    }
    audience->clients++;
    client->next = stream->clients;
    if (client->next != NULL) {
        client->next->previous = client;
    }
    stream->clients = client;
    stream_pump(stream, client, now);
}

static void stream_take_arriving(struct stream *stream, struct mono_time now)
{
    struct stream_ticket *arriving;
    struct stream_ticket *next;

    pthread_mutex_lock(&stream->mutex);
    arriving = stream->arriving;
    stream->arriving = NULL;
    pthread_mutex_unlock(&stream->mutex);
    if (arriving != NULL) {
        /* A token may have ended between its admission and now. */
        stream->next_check = now;
    }
    for (; arriving != NULL; arriving = next) {
        next = arriving->next;
        stream_seat_client(stream, arriving, now);
    }
}

/* ---- looking ---- */

static void stream_close_reader(struct stream *stream)
{
    store_reader_close(stream->reader);
    stream->reader = NULL;
}

/* Whether there is a database to be read; notes when somebody has written. */
static bool stream_open_reader(struct stream *stream)
{
    char error[STORE_READ_ERROR_SIZE];
    int64_t version;

    if (stream->reader != NULL && store_reader_is_replaced(stream->reader)) {
        stream_close_reader(stream);
        stream_audiences_close(&stream->audiences);
    }
    if (stream->reader == NULL) {
        if (store_reader_open(stream->options.db_path, error, &stream->reader) != 0) {
            stream->reader = NULL;
            return false;
        }
        stream->is_changed = true;
    }
    if (store_read_version(stream->reader, &version) != 0) {
        stream_close_reader(stream);
        return false;
    }
    stream->is_changed = stream->is_changed || version != stream->version;
    stream->version = version;
    return true;
}

/* What the daemon knows of scans that run is younger than what it has stored. */
static bool stream_ask_daemon(struct stream *stream, struct mono_time now)
{
    json_t *request;
    json_t *answer = NULL;
    bool had_jobs = stream->jobs != NULL;
    int rc;

    if (!stream_audiences_watch_scans(&stream->audiences) || stream->options.control_path == NULL) {
        json_decref(stream->jobs);
        stream->jobs = NULL;
        return had_jobs;
    }
    if (now.ns < stream->next_control.ns) {
        return false;
    }
    request = json_pack("{s:s}", "op", CONTROL_OP_STATUS);
    rc = request == NULL ? -ENOMEM : control_request(stream->options.control_path, request, STREAM_CONTROL_MS, &answer);
    stream->next_control = mono_add_ns(now, (rc == 0 ? STREAM_CONTROL_GAP_MS : STREAM_SILENT_MS) * UINT64_C(1000000));
    json_decref(stream->jobs);
    stream->jobs = json_incref(json_object_get(answer, "jobs"));
    json_decref(answer);
    json_decref(request);
    return true;
}

static void stream_look(struct stream *stream, struct mono_time now)
{
    bool is_known = stream_open_reader(stream);
    bool has_jobs = is_known && stream_ask_daemon(stream, now);

    if (is_known && (stream->is_changed || has_jobs || stream->audiences.has_new)) {
        /* Who could not look looks again next time. */
        stream->is_changed = !stream_audiences_look(&stream->audiences, stream->is_changed, stream->jobs);
    }
}

/* ---- keeping order ---- */

static bool stream_is_over(struct stream *stream, const struct stream_ticket *client, struct mono_time now,
                           int64_t wall_ms, bool checks_sessions)
{
    if (client->waits && mono_elapsed_ns(client->moved_at, now) > stream->options.patience_ms * UINT64_C(1000000)) {
        return true;
    }
    if (client->expires_at != 0 && client->expires_at <= wall_ms) {
        return true;
    }
    return stream_seat_is_over(stream->seats, client->seat) ||
           (checks_sessions && client->session[0] != '\0' &&
            !gate_session_lives(stream->options.gate, client->session));
}

static void stream_keep_house(struct stream *stream, struct mono_time now)
{
    uint32_t session_ends = gate_session_ends(stream->options.gate);
    bool checks_sessions = session_ends != stream->session_ends || now.ns >= stream->next_session.ns;
    int64_t wall_ms = wall_now_ms();
    struct stream_ticket *next;

    if (checks_sessions) {
        stream->session_ends = session_ends;
        stream->next_session = mono_add_ns(now, STREAM_SESSION_MS * UINT64_C(1000000));
    }
    for (struct stream_ticket *client = stream->clients; client != NULL; client = next) {
        next = client->next;
        if (stream_is_over(stream, client, now, wall_ms, checks_sessions)) {
            stream_end(stream, client);
        }
    }
}

static void stream_check(struct stream *stream, struct mono_time now)
{
    stream->next_check = mono_add_ns(now, stream->options.check_ms * UINT64_C(1000000));
    if (stream->reader != NULL && stream_seats_check(stream->seats, stream->reader, wall_now_ms()) != 0) {
        stream_close_reader(stream);
    }
}

static void stream_beat(struct stream *stream, struct mono_time now)
{
    stream->next_beat = mono_add_ns(now, stream->options.beat_ms * UINT64_C(1000000));
    stream_audiences_beat(&stream->audiences);
}

static void stream_tick(struct stream *stream, struct mono_time now)
{
    stream->next_look = mono_add_ns(now, stream->options.look_ms * UINT64_C(1000000));
    stream_look(stream, now);
    if (now.ns >= stream->next_beat.ns) {
        stream_beat(stream, now);
    }
    stream_pump_all(stream, now);
    if (now.ns >= stream->next_check.ns) {
        stream_check(stream, now);
        stream_keep_house(stream, now);
    }
}

/* ---- the thread ---- */

static void stream_serve_event(struct stream *stream, const struct epoll_event *event, struct mono_time now)
{
    struct stream_ticket *client = event->data.ptr;
    uint64_t count;

    if (client == NULL) {
        ssize_t length = read(stream->wake_fd, &count, sizeof(count));
        (void)length;
    } else if ((event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        stream_end(stream, client);
    } else {
        stream_pump(stream, client, now);
    }
}

static bool stream_has_stopped(struct stream *stream)
{
    bool stops;

    pthread_mutex_lock(&stream->mutex);
    stops = stream->stops;
    pthread_mutex_unlock(&stream->mutex);
    return stops;
}

static void stream_end_all(struct stream *stream)
{
    struct stream_ticket *next;

    /* Nobody is added any more. */
    for (struct stream_ticket *ticket = stream->arriving; ticket != NULL; ticket = next) {
        next = ticket->next;
        stream_turn_away(ticket);
    }
    while (stream->clients != NULL) {
        stream_end(stream, stream->clients);
    }
    stream_audiences_drop(&stream->audiences);
    stream_close_reader(stream);
    json_decref(stream->jobs);
}

static void *stream_run(void *context)
{
    struct stream *stream = context;
    struct epoll_event events[STREAM_EVENTS];

    while (!stream_has_stopped(stream)) {
        /* Without clients it sleeps until one comes. */
        int timeout_ms = stream->clients == NULL ? -1 : (int)stream->options.look_ms;
        int count = epoll_wait(stream->epoll_fd, events, STREAM_EVENTS, timeout_ms);
        struct mono_time now = mono_now();
        for (int i = 0; i < count; i++) {
            stream_serve_event(stream, &events[i], now);
        }
        stream_take_arriving(stream, now);
        if (stream->clients != NULL && now.ns >= stream->next_look.ns) {
            stream_tick(stream, now);
        }
    }
    stream_end_all(stream);
    return NULL;
}

/* ---- life ---- */

int stream_create(const struct stream_options *options, struct stream **ret_stream)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    struct epoll_event event = {.events = EPOLLIN};
    int rc = -ENOMEM;

    if (stream == NULL) {
        return -ENOMEM;
    }
    stream->options = *options;
    stream->audiences.db_path = options->db_path;
    pthread_mutex_init(&stream->mutex, NULL);
    stream->seats = stream_seats_create(options->clients, options->per_token);
    stream->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    stream->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stream->seats == NULL) {
        goto fail;
    }
    if (stream->epoll_fd < 0 || stream->wake_fd < 0 ||
        epoll_ctl(stream->epoll_fd, EPOLL_CTL_ADD, stream->wake_fd, &event) != 0) {
        rc = -errno;
        goto fail;
    }
    rc = -pthread_create(&stream->thread, NULL, stream_run, stream);
    if (rc != 0) {
        goto fail;
    }
    stream->has_thread = true;
    *ret_stream = stream;
    return 0;
fail:
    stream_destroy(stream);
    return rc;
}

void stream_stop(struct stream *stream)
{
    if (stream == NULL || !stream->has_thread) {
        return;
    }
    pthread_mutex_lock(&stream->mutex);
    stream->stops = true;
    pthread_mutex_unlock(&stream->mutex);
    stream_wake(stream);
    pthread_join(stream->thread, NULL);
    stream->has_thread = false;
}

void stream_destroy(struct stream *stream)
{
    if (stream == NULL) {
        return;
    }
    stream_stop(stream);
    if (stream->epoll_fd >= 0) {
        close(stream->epoll_fd);
    }
    if (stream->wake_fd >= 0) {
        close(stream->wake_fd);
    }
    stream_seats_destroy(stream->seats);
    pthread_mutex_destroy(&stream->mutex);
    free(stream);
}
