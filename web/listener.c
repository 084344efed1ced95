#include "web/listener.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENER_BACKLOG = 512 };

int listener_open(const struct addr *address, uint16_t port, uint16_t *ret_port, int *ret_fd)
{
    struct sockaddr_storage own;
    socklen_t length = addr_to_sockaddr(address, port, &own);
    int fd = socket(own.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;
    int rc;

    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, (struct sockaddr *)&own, length) != 0 || listen(fd, LISTENER_BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&own, &length) != 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    rc = addr_from_sockaddr((struct sockaddr *)&own, &(struct addr){0}, ret_port);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}
