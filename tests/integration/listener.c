/* listener ADDRESS PORT...: accepts on each port and closes what it accepted, until it is killed. Prints "ready" when
 * all listen. Something that answers, for integration tests. */
#include "lib/addr.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORTS_MAX = 256, BACKLOG = 4096 };

static int open_listener(const struct addr *addr, uint16_t port)
{
    static const int on = 1;
    struct sockaddr_storage sockaddr;
    socklen_t length = addr_to_sockaddr(addr, port, &sockaddr);
    int fd = socket(sockaddr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&sockaddr, length) < 0 || listen(fd, BACKLOG) < 0) {
        perror("listener");
        exit(1);
    }
    return fd;
}

static void serve(struct pollfd *listeners, nfds_t count)
{
    while (poll(listeners, count, -1) >= 0) {
        for (nfds_t i = 0; i < count; i++) {
            int fd = listeners[i].revents != 0 ? accept(listeners[i].fd, NULL, NULL) : -1;
            if (fd >= 0) {
                close(fd);
            }
        }
    }
}

int main(int argc, char **argv)
{
    struct pollfd listeners[PORTS_MAX];
    nfds_t count = 0;
    struct addr addr;

    if (argc < 3 || addr_parse(argv[1], &addr) < 0) {
        fputs("listener ADDRESS PORT...\n", stderr);
        return 2;
    }
    for (int i = 2; i < argc && count < PORTS_MAX; i++) {
        listeners[count].fd = open_listener(&addr, (uint16_t)strtoul(argv[i], NULL, 10));
        listeners[count++].events = POLLIN;
    }
    puts("ready");
    fflush(stdout);
    serve(listeners, count);
    return 1;
}
