#include "auditd/control.h"

#include "auditd/ingest/lines.h"
#include "auditd/protocol.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONTROL_READ_BYTES = 65536, CONTROL_BACKLOG = 64, CONTROL_GROUPS_MAX = 256 };

struct control_client {
    uv_pipe_t pipe;
    struct control *control;
    struct control_client *next;
    struct control_peer peer;
    struct lines *lines;
    uint64_t active_at_ms;
    uint64_t overlong;
    char asked[CONTROL_ASKED_SIZE]; /* of what was asked last, and by whom */
    char actor[CONTROL_ACTOR_SIZE];
    char address[CONTROL_ADDRESS_SIZE];
    bool follows;
    bool closing;
};

struct control {
    struct control_options options;
    uv_pipe_t server;
    uv_timer_t sweep;
    struct control_client *clients;
    uint32_t client_count;
    uint32_t open_handles;
    uid_t owner;
    gid_t group;
    dev_t device;
    ino_t inode;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    char read_buffer[CONTROL_READ_BYTES];
};

struct control_write {
    uv_write_t request;
    char *text;
};

struct control_options control_options_default(void)
{
    return (struct control_options){.clients_max = 64, .idle_ms = 60000, .unread_max_bytes = (size_t)4 << 20};
}

size_t control_path_max(void)
{
    return sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
}

const struct control_peer *control_client_peer(const struct control_client *client)
{
    return &client->peer;
}

const char *control_client_actor(const struct control_client *client)
{
    return client->actor;
}

const char *control_client_address(const struct control_client *client)
{
    return client->address;
}

const char *control_client_asked(const struct control_client *client)
{
    return client->asked;
}

void control_name_user(uid_t uid, pid_t pid, char *text, size_t size)
{
    const struct passwd *user = getpwuid(uid);

    if (user == NULL) {
        snprintf(text, size, "user %lu (process %ld)", (unsigned long)uid, (long)pid);
    } else {
        snprintf(text, size, "%.64s (process %ld)", user->pw_name, (long)pid);
    }
}

void control_client_follow(struct control_client *client, bool follows)
{
    client->follows = follows;
    client->active_at_ms = uv_now(client->pipe.loop);
}

/* ---- closing ---- */

static void control_handle_closed(struct control *control)
{
    control->open_handles--;
    if (control->open_handles == 0) {
        free(control);
    }
}

static void control_on_client_closed(uv_handle_t *handle)
{
    struct control_client *client = handle->data;
    struct control *control = client->control;

    for (struct control_client **link = &control->clients; *link != NULL; link = &(*link)->next) {
        if (*link == client) {
            *link = client->next;
            control->client_count--;
            break;
        }
    }
    if (control->options.on_gone != NULL) {
        control->options.on_gone(control->options.context, client);
    }
    lines_destroy(client->lines);
    free(client);
    control_handle_closed(control);
}

static void control_client_close(struct control_client *client)
{
    if (!client->closing) {
        client->closing = true;
        uv_close((uv_handle_t *)&client->pipe, control_on_client_closed);
    }
}

static void control_on_server_closed(uv_handle_t *handle)
{
    control_handle_closed(handle->data);
}

static void control_unlink(const struct control *control)
{
    struct stat status;

    /* Whoever replaced the file since owns what is there now. */
    if (stat(control->path, &status) == 0 && status.st_dev == control->device && status.st_ino == control->inode) {
        unlink(control->path);
    }
}

void control_close(struct control *control)
{
    if (control == NULL) {
        return;
    }
    control_unlink(control);
    for (struct control_client *client = control->clients; client != NULL; client = client->next) {
        control_client_close(client);
    }
    uv_close((uv_handle_t *)&control->server, control_on_server_closed);
    uv_close((uv_handle_t *)&control->sweep, control_on_server_closed);
}

/* ---- sending ---- */

static void control_on_written(uv_write_t *request, int status)
{
    struct control_write *write = (struct control_write *)request;
    struct control_client *client = request->data;

    if (status < 0) {
        control_client_close(client);
    } else {
        client->active_at_ms = uv_now(client->pipe.loop);
    }
    free(write->text);
    free(write);
}

/* Takes `text`. */
static void control_write_text(struct control_client *client, char *text, size_t length)
{
    struct control_write *write = calloc(1, sizeof(*write));
    uv_buf_t buffer = uv_buf_init(text, (unsigned)length);

    if (write == NULL || uv_stream_get_write_queue_size((uv_stream_t *)&client->pipe) + length >
                             client->control->options.unread_max_bytes) {
        free(write);
        free(text);
        control_client_close(client);
        return;
    }
    write->text = text;
    write->request.data = client;
    if (uv_write(&write->request, (uv_stream_t *)&client->pipe, &buffer, 1, control_on_written) != 0) {
        free(write);
        free(text);
        control_client_close(client);
    }
}

/* Lines that have no "ok" are not the last. */
static void control_settle(struct control_client *client, const json_t *line)
{
    const struct control_options *options = &client->control->options;
    const json_t *is_ok = json_object_get(line, "ok");
    const char *error = json_string_value(json_object_get(line, "error"));

    if (options->on_settled != NULL && json_is_boolean(is_ok) && client->asked[0] != '\0') {
        options->on_settled(options->context, client, client->asked,
                            json_is_true(is_ok) ? NULL
                            : error == NULL     ? ""
                                                : error);
    }
}

/* "as": {"actor", "address"}. Who could write the database anyway may say in whose name it asks. */
static bool control_note_actor(struct control_client *client, const json_t *as)
{
    const char *actor = json_string_value(json_object_get(as, "actor"));
    const char *address = json_string_value(json_object_get(as, "address"));

    client->address[0] = '\0';
    control_name_user(client->peer.uid, client->peer.pid, client->actor, sizeof(client->actor));
    if (as == NULL) {
        return true;
    }
    if ((client->peer.uid != 0 && client->peer.uid != client->control->owner) || actor == NULL || actor[0] == '\0') {
        control_refuse_for(client, -EPERM, "only the daemon's own user speaks for another, whom it names");
        return false;
    }
    snprintf(client->actor, sizeof(client->actor), "%s", actor);
    snprintf(client->address, sizeof(client->address), "%s", address == NULL ? "" : address);
    return true;
}

static void control_note(struct control_client *client, const json_t *request)
{
    const char *word = json_string_value(json_object_get(request, "do"));

    snprintf(client->asked, sizeof(client->asked), "%.40s%s%.40s", json_string_value(json_object_get(request, "op")),
             word == NULL ? "" : " ", word == NULL ? "" : word);
}

void control_send(struct control_client *client, json_t *line)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream;

    if (client->closing) {
        json_decref(line);
        return;
    }
    control_settle(client, line);
    stream = line == NULL ? NULL : open_memstream(&text, &size);
    if (stream != NULL) {
        json_dumpf(line, stream, JSON_COMPACT | JSON_REAL_PRECISION(15));
        putc('\n', stream);
    }
    json_decref(line);
    if (stream == NULL || fclose(stream) != 0) {
        free(text);
        control_client_close(client);
        return;
    }
    control_write_text(client, text, size);
}

/* `fault` NULL: not said. */
static void control_refuse_text(struct control_client *client, const char *fault, const char *message)
{
    /* What is quoted may be cut within a character. */
    json_t *text = json_string(message);

    if (text == NULL) {
        text = json_string("the request was refused");
    }
    control_send(client, json_pack("{s:b, s:o, s:s*}", "ok", 0, "error", text, "fault", fault));
}

void control_refuse(struct control_client *client, const char *format, ...)
{
    char message[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    control_refuse_text(client, NULL, message);
}

static const char *control_fault(int rc)
{
    static const struct {
        int rc;
        const char *fault;
    } faults[] = {
        {-EINVAL, CONTROL_FAULT_INVALID},    {-ENOENT, CONTROL_FAULT_MISSING}, {-EPERM, CONTROL_FAULT_CONFLICT},
        {-EEXIST, CONTROL_FAULT_CONFLICT},   {-ESTALE, CONTROL_FAULT_CHANGED}, {-EBUSY, CONTROL_FAULT_BUSY},
        {-ENOTUNIQ, CONTROL_FAULT_CONFLICT}, {-ENOSPC, CONTROL_FAULT_BUSY},
    };

    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        if (faults[i].rc == rc) {
            return faults[i].fault;
        }
    }
    return CONTROL_FAULT_FAILED;
}

void control_refuse_for(struct control_client *client, int rc, const char *format, ...)
{
    char message[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    control_refuse_text(client, control_fault(rc), message);
}

/* ---- requests ---- */

static int control_take_line(void *context, const char *line, size_t length)
{
    struct control_client *client = context;
    struct control *control = client->control;
    json_error_t error;
    json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);

    if (request == NULL) {
        control_refuse(client, "the request is no JSON: %s (column %d)", error.text, error.column);
    } else if (!json_is_object(request) || !json_is_string(json_object_get(request, "op"))) {
        control_refuse(client, "a request is a JSON object with a string \"op\"");
    } else {
        control_note(client, request);
        if (control_note_actor(client, json_object_get(request, "as"))) {
            control->options.on_request(control->options.context, client, request);
        }
    }
    json_decref(request);
    return client->closing ? -ECANCELED : 0;
}

static void control_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct control_client *client = handle->data;

    (void)suggested;
    /* One buffer for all: what is read is cut into lines before anything else is read. */
    *buffer = uv_buf_init(client->control->read_buffer, CONTROL_READ_BYTES);
}

static void control_on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct control_client *client = stream->data;

    if (count < 0) {
        control_client_close(client);
        return;
    }
    client->active_at_ms = uv_now(stream->loop);
    if (lines_feed(client->lines, buffer->base, (size_t)count, control_take_line, client) < 0) {
        control_client_close(client);
        return;
    }
    if (lines_overlong(client->lines) != client->overlong) {
        client->overlong = lines_overlong(client->lines);
        control_refuse(client, "a request is at most %d bytes long", CONTROL_LINE_MAX_BYTES);
    }
}

/* ---- clients ---- */

static bool control_has_group(int fd, gid_t group)
{
    gid_t groups[CONTROL_GROUPS_MAX];
    socklen_t size = sizeof(groups);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0) {
        return false;
    }
    for (size_t i = 0; i < size / sizeof(*groups); i++) {
        if (groups[i] == group) {
            return true;
        }
    }
    return false;
}

/* The file's mode keeps others out already, but a mode can be changed by accident. */
static bool control_admits(struct control *control, int fd, struct control_peer *ret_peer)
{
    struct ucred credentials;
    socklen_t size = sizeof(credentials);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return false;
    }
    *ret_peer = (struct control_peer){credentials.pid, credentials.uid, credentials.gid};
    return credentials.uid == 0 || credentials.uid == control->owner || credentials.gid == control->group ||
           control_has_group(fd, control->group);
}

static void control_client_start(struct control_client *client)
{
    struct control *control = client->control;
    uv_os_fd_t fd;

    if (uv_accept((uv_stream_t *)&control->server, (uv_stream_t *)&client->pipe) != 0 ||
        uv_fileno((uv_handle_t *)&client->pipe, &fd) != 0) {
        control_client_close(client);
    } else if (!control_admits(control, fd, &client->peer)) {
        control_refuse(client, "user %u may not use this socket", (unsigned)client->peer.uid);
        control_client_close(client);
    } else if (control->client_count > control->options.clients_max) {
        control_refuse(client, "%u clients are connected already; try again later", control->options.clients_max);
        control_client_close(client);
    } else if (uv_read_start((uv_stream_t *)&client->pipe, control_on_alloc, control_on_read) != 0) {
        control_client_close(client);
    }
}

static void control_on_connection(uv_stream_t *server, int status)
{
    struct control *control = server->data;
    struct control_client *client;

    if (status < 0) {
        return;
    }
    client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return;
    }
    client->control = control;
    client->active_at_ms = uv_now(server->loop);
    client->lines = lines_create(CONTROL_LINE_MAX_BYTES);
    if (client->lines == NULL || uv_pipe_init(server->loop, &client->pipe, 0) != 0) {
        lines_destroy(client->lines);
        free(client);
        return;
    }
    client->pipe.data = client;
    client->next = control->clients;
    control->clients = client;
    control->client_count++;
    control->open_handles++;
    control_client_start(client);
}

static void control_on_sweep(uv_timer_t *timer)
{
    struct control *control = timer->data;
    uint64_t now_ms = uv_now(timer->loop);

    for (struct control_client *client = control->clients; client != NULL; client = client->next) {
        if (!client->follows && now_ms - client->active_at_ms >= control->options.idle_ms) {
            control_client_close(client);
        }
    }
}

/* ---- the socket ---- */

/* 0 when the path is free now. */
static int control_clear_path(const struct sockaddr_un *address)
{
    struct stat status;
    int rc;
    int fd;

    if (lstat(address->sun_path, &status) != 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return -EEXIST;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
    close(fd);
    /* EAGAIN: somebody listens, with a full backlog. */
    if (rc == 0 || rc == -EAGAIN) {
        return -EADDRINUSE;
    }
    if (rc != -ECONNREFUSED) {
        return rc;
    }
    return unlink(address->sun_path) == 0 ? 0 : -errno;
}

static int control_bind(struct control *control, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status = {0};
    mode_t mask;
    int rc;
    int fd;

    memcpy(address.sun_path, control->path, sizeof(address.sun_path));
    rc = control_clear_path(&address);
    if (rc < 0) {
        return rc;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    /* By the mask and not by chmod() afterwards: nobody else gets in between. */
    mask = umask(0117);
    rc = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : -errno;
    umask(mask);
    if (rc == 0 && stat(control->path, &status) != 0) {
        rc = -errno;
    }
    if (rc < 0) {
        close(fd);
        return rc;
    }
    control->device = status.st_dev;
    control->inode = status.st_ino;
    control->owner = status.st_uid;
    control->group = status.st_gid;
    *ret_fd = fd;
    return 0;
}

static int control_listen(struct control *control)
{
    uint64_t sweep_ms = control->options.idle_ms / 4 + 1;
    int fd = -1;
    int rc = control_bind(control, &fd);

    if (rc < 0) {
        return rc;
    }
    rc = uv_pipe_open(&control->server, fd);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    rc = uv_listen((uv_stream_t *)&control->server, CONTROL_BACKLOG, control_on_connection);
    if (rc < 0) {
        return rc;
    }
    return uv_timer_start(&control->sweep, control_on_sweep, sweep_ms, sweep_ms);
}

int control_create(uv_loop_t *loop, const struct control_options *options, struct control **ret_control)
{
    struct control *control;
    int rc;

    if (strlen(options->path) > control_path_max()) {
        return -ENAMETOOLONG;
    }
    control = calloc(1, sizeof(*control));
    if (control == NULL) {
        return -ENOMEM;
    }
    control->options = *options;
    snprintf(control->path, sizeof(control->path), "%s", options->path);
    control->options.path = control->path;
    /* Neither can fail for a pipe without IPC and a timer. */
    uv_pipe_init(loop, &control->server, 0);
    uv_timer_init(loop, &control->sweep);
    control->server.data = control;
    control->sweep.data = control;
    control->open_handles = 2;
    rc = control_listen(control);
    if (rc < 0) {
        control_close(control);
        return rc;
    }
    *ret_control = control;
    return 0;
}
