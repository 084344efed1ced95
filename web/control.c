#include "web/control.h"

#include "auditd/protocol.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int control_connect(const char *path)
{
    static const struct timeval timeout = {.tv_usec = CONTROL_TIMEOUT_MS * 1000L};
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

/* One line of at most `size` bytes; 0 when none came in time. The time-out is for each read; a daemon that trickles
 * fills the line in few of them. */
static size_t control_read_line(int fd, char *line, size_t size)
{
    size_t length = 0;

    for (int reads = 0; reads < 4 && length < size; reads++) {
        ssize_t count = recv(fd, line + length, size - length, 0);
        if (count <= 0) {
            return 0;
        }
        length += (size_t)count;
        if (line[length - 1] == '\n') {
            return length;
        }
    }
    return 0;
}

enum control_state control_ask(const char *path)
{
    static const char request[] = "{\"op\":\"" CONTROL_OP_STATUS "\"}\n";
    char line[65536];
    size_t length = 0;
    json_t *answer;
    bool is_ok;
    int fd;

    if (path == NULL) {
        return CONTROL_UNKNOWN;
    }
    fd = control_connect(path);
    if (fd < 0) {
        return CONTROL_STOPPED;
    }
    if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(request) - 1) {
        length = control_read_line(fd, line, sizeof(line));
    }
    close(fd);
    answer = length == 0 ? NULL : json_loadb(line, length, 0, NULL);
    is_ok = json_is_true(json_object_get(answer, "ok"));
    json_decref(answer);
    return is_ok ? CONTROL_RUNNING : CONTROL_SILENT;
}

const char *control_state_name(enum control_state state)
{
    static const char *const names[] = {"unknown", "stopped", "silent", "running"};

    return names[state];
}
