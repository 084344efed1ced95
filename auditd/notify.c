#include "auditd/notify.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

int notify_send(const char *socket_name, const char *state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length;
    int rc = 0;
    int fd;

    if (socket_name == NULL || socket_name[0] == '\0') {
        return 0;
    }
    if (socket_name[0] != '/' && socket_name[0] != '@') {
        return -EINVAL;
    }
    length = strlen(socket_name);
    if (length >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, socket_name, length);
    if (socket_name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    /* An abstract name ends with its bytes, a path with its NUL. */
    length += offsetof(struct sockaddr_un, sun_path) + (socket_name[0] == '/');
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, (socklen_t)length) < 0) {
        rc = -errno;
    }
    close(fd);
    return rc;
}
