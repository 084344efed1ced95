#include "web/control.h"

#include "auditd/protocol.h"
#include "lib/clock.h"
#include "web/buffer.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONTROL_ANSWER_MAX_BYTES = 8 << 20 };

static int control_connect(const char *path, uint32_t patience_ms)
{
    const struct timeval timeout = {.tv_sec = patience_ms / 1000, .tv_usec = patience_ms % 1000 * 1000L};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Up to the first line feed, into `line`; false when none came in time. */
static bool control_read_line(int fd, uint32_t patience_ms, struct buffer *line)
{
    struct mono_time begun = mono_now();
    char part[16384];

    while (line->length < CONTROL_ANSWER_MAX_BYTES && !line->failed) {
        uint64_t passed_ms = mono_elapsed_ns(begun, mono_now()) / UINT64_C(1000000);
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t count;
        if (passed_ms >= patience_ms || poll(&wait, 1, (int)(patience_ms - passed_ms)) <= 0) {
            return false;
        }
        count = recv(fd, part, sizeof(part), 0);
        if (count <= 0) {
            return false;
        }
        buffer_add(line, part, (size_t)count);
        if (part[count - 1] == '\n') {
            return !line->failed;
        }
    }
    return false;
}

static bool control_send_all(int fd, const char *text, size_t length)
{
    for (size_t sent = 0; sent < length;) {
        ssize_t count = send(fd, text + sent, length - sent, MSG_NOSIGNAL);
        if (count <= 0) {
            return false;
        }
        sent += (size_t)count;
    }
    return true;
}

int control_request(const char *path, const json_t *request, uint32_t patience_ms, json_t **ret_answer)
{
    struct buffer line;
    char *dumped = json_dumps(request, JSON_COMPACT);
    char *text = NULL;
    json_t *answer = NULL;
    int fd;

    if (dumped == NULL || asprintf(&text, "%s\n", dumped) < 0) {
        free(dumped);
        return -ENOMEM;
    }
    free(dumped);
    fd = control_connect(path, patience_ms);
    if (fd < 0) {
        free(text);
        return -ECONNREFUSED;
    }
    buffer_init(&line);
    if (control_send_all(fd, text, strlen(text)) && control_read_line(fd, patience_ms, &line)) {
        answer = json_loadb(line.bytes, line.length, 0, NULL);
    }
    buffer_done(&line);
    close(fd);
    free(text);
    if (!json_is_boolean(json_object_get(answer, "ok"))) {
        json_decref(answer);
        return -ETIMEDOUT;
    }
    *ret_answer = answer;
    return 0;
}

enum control_state control_ask(const char *path, char ret_hindrance[CONTROL_HINDRANCE_SIZE])
{
    const char *hindrance;
    json_t *request;
    json_t *answer = NULL;
    bool is_ok;
    int rc;

    ret_hindrance[0] = '\0';
    if (path == NULL) {
        return CONTROL_UNKNOWN;
    }
    request = json_pack("{s:s}", "op", CONTROL_OP_STATUS);
    rc = request == NULL ? -ENOMEM : control_request(path, request, CONTROL_TIMEOUT_MS, &answer);
    json_decref(request);
    is_ok = rc == 0 && json_is_true(json_object_get(answer, "ok"));
    hindrance = json_string_value(json_object_get(answer, "hindrance"));
    snprintf(ret_hindrance, CONTROL_HINDRANCE_SIZE, "%s", hindrance == NULL ? "" : hindrance);
    json_decref(answer);
    return rc == -ECONNREFUSED ? CONTROL_STOPPED : is_ok ? CONTROL_RUNNING : CONTROL_SILENT;
}

const char *control_state_name(enum control_state state)
{
    static const char *const names[] = {"unknown", "stopped", "silent", "running"};

    return names[state];
}
