#include "auditd/ask.h"

#include "auditd/protocol.h"
#include "lib/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ASK_PATIENCE_S = 30, ASK_ANSWER_MAX_BYTES = 16 * CONTROL_LINE_MAX_BYTES };

struct ask {
    int fd;
};

static int ask_connect(const char *path, unsigned patience_s, int *ret_fd)
{
    const struct timeval patience = {.tv_sec = (time_t)patience_s};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;
    int rc = 0;

    if (strlen(path) >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

static int ask_send(int fd, const json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    char *line = NULL;
    int length = text == NULL ? -1 : asprintf(&line, "%s\n", text);
    int rc = length < 0 ? -ENOMEM : 0;

    for (ssize_t sent = 0; rc == 0 && sent < length;) {
        ssize_t count = send(fd, line + sent, (size_t)(length - sent), MSG_NOSIGNAL);
        if (count >= 0) {
            sent += count;
        } else if (errno != EINTR) {
            rc = errno == EAGAIN ? -ETIMEDOUT : -errno;
        }
    }
    free(text);
    if (length >= 0) {
        free(line);
    }
    return rc;
}

/* Up to the first newline. The caller frees *ret_line. */
static int ask_receive(int fd, char **ret_line, size_t *ret_length)
{
    char part[65536];
    char *line = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&line, &size);
    ssize_t count = 0;
    bool whole = false;
    int rc = out == NULL ? -ENOMEM : 0;

    while (rc == 0 && !whole) {
        count = recv(fd, part, sizeof(part), 0);
        if (count < 0 && errno != EINTR) {
            rc = errno == EAGAIN ? -ETIMEDOUT : -errno;
        } else if (count == 0 || ftell(out) > ASK_ANSWER_MAX_BYTES) {
            rc = -EPROTO;
        } else if (count > 0) {
            whole = memchr(part, '\n', (size_t)count) != NULL;
            rc = fwrite(part, 1, (size_t)count, out) == (size_t)count ? 0 : -ENOMEM;
        }
    }
    if (out != NULL && fclose(out) != 0 && rc == 0) {
        rc = -ENOMEM;
    }
    if (rc < 0) {
        free(line);
        return rc;
    }
    *ret_line = line;
    *ret_length = (size_t)((char *)memchr(line, '\n', size) - line);
    return 0;
}

static int ask_once(int fd, const json_t *request, json_t **ret_answer)
{
    json_t *answer;
    char *line = NULL;
    size_t length = 0;
    int rc = ask_send(fd, request);

    if (rc == 0) {
        rc = ask_receive(fd, &line, &length);
    }
    if (rc < 0) {
        return rc;
    }
    answer = json_loadb(line, length, 0, NULL);
    free(line);
    if (!json_is_boolean(json_object_get(answer, "ok"))) {
        json_decref(answer);
        return -EPROTO;
    }
    *ret_answer = answer;
    return 0;
}

int ask_daemon(const char *control_path, const json_t *request, json_t **ret_answer)
{
    int fd = -1;
    int rc = ask_connect(control_path, ASK_PATIENCE_S, &fd);

    if (rc == 0) {
        rc = ask_once(fd, request, ret_answer);
        close(fd);
    }
    return rc;
}

int ask_open(const char *control_path, unsigned patience_s, struct ask **ret_ask)
{
    struct ask *ask = calloc(1, sizeof(*ask));
    int rc = ask == NULL ? -ENOMEM : ask_connect(control_path, patience_s, &ask->fd);

    if (rc < 0) {
        free(ask);
        return rc;
    }
    *ret_ask = ask;
    return 0;
}

int ask_tell(struct ask *ask, json_t *request, json_t **ret_answer)
{
    int rc = request == NULL ? -ENOMEM : ask_once(ask->fd, request, ret_answer);

    json_decref(request);
    return rc;
}

void ask_close(struct ask *ask)
{
    if (ask != NULL) {
        close(ask->fd);
        free(ask);
    }
}

static int ask_fail(const char *control, int rc, const char *otherwise)
{
    if (rc == -ENOENT || rc == -ECONNREFUSED) {
        log_error("no daemon answers at %s; start it with `leastport serve --config FILE`%s", control,
                  otherwise == NULL ? "" : otherwise);
    } else {
        log_error("the daemon at %s: %s", control, strerror(-rc));
    }
    return rc;
}

int ask_and_say(const char *control_path, json_t *request, const char *otherwise, json_t **ret_answer)
{
    json_t *answer = NULL;
    const char *error;
    int rc = request == NULL ? -ENOMEM : ask_daemon(control_path, request, &answer);

    json_decref(request);
    if (rc < 0) {
        return ask_fail(control_path, rc, otherwise);
    }
    if (!json_is_true(json_object_get(answer, "ok"))) {
        error = json_string_value(json_object_get(answer, "error"));
        log_error("%s", error == NULL ? "the daemon refused it and did not say why" : error);
        json_decref(answer);
        return -EPROTO;
    }
    *ret_answer = answer;
    return 0;
}
