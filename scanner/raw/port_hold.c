#include "scanner/raw/port_hold.h"

#include "scanner/limits.h"

#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RUNS_TRIED = 64,
    PORT_LEAST = 1024,
    PORT_MOST = 65535,
    KINDS = 4,
    /* Of links, files and the rest: for a message. */
    DESCRIPTORS_MORE = 64,
};

struct port_hold {
    uint16_t first;
    size_t fd_count;
    int fds[];
};

/* -EAFNOSUPPORT and the like when there is no such protocol here. */
static int hold_port(int family, int type, uint16_t port)
{
    static const int on = 1;
    static const int little = 1; /* the kernel makes it its least */
    struct sockaddr_storage any = {0};
    struct addr addr = {.is_ipv6 = family == AF_INET6};
    socklen_t length = addr_to_sockaddr(&addr, port, &any);
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0) {
        return -errno;
    }
    if ((family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)) < 0 ||
        bind(fd, (const struct sockaddr *)&any, length) < 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

static void let_go(struct port_hold *hold)
{
    while (hold->fd_count > 0) {
        close(hold->fds[--hold->fd_count]);
    }
}

static int hold_run(struct port_hold *hold, unsigned int protocols, uint16_t count)
{
    static const struct {
        unsigned int protocol;
        int family;
        int type;
    } kinds[KINDS] = {{PORT_HOLD_TCP, AF_INET, SOCK_STREAM},
                      {PORT_HOLD_TCP, AF_INET6, SOCK_STREAM},
                      {PORT_HOLD_UDP, AF_INET, SOCK_DGRAM},
                      {PORT_HOLD_UDP, AF_INET6, SOCK_DGRAM}};

    for (uint16_t i = 0; i < count; i++) {
        for (size_t kind = 0; kind < KINDS; kind++) {
            int fd;
            if ((protocols & kinds[kind].protocol) == 0) {
                continue;
            }
            fd = hold_port(kinds[kind].family, kinds[kind].type, (uint16_t)(hold->first + i));
            /* A machine without IPv6, or with it switched off. */
            if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) {
                continue;
            }
            if (fd < 0) {
                let_go(hold);
                return fd;
            }
            hold->fds[hold->fd_count++] = fd;
        }
    }
    return 0;
}

/* Above the ephemeral range where that leaves room: there nobody comes by chance. */
static void choose_range(uint16_t count, uint32_t *ret_least, uint32_t *ret_choices)
{
    struct limits limits = {0};
    uint32_t least = PORT_LEAST;

    if (limits_read(&limits) == 0 && limits.ports_known && limits.port_last + (uint32_t)count * 4 < PORT_MOST) {
        least = limits.port_last + 1;
    }
    *ret_least = least;
    *ret_choices = PORT_MOST + 1 - least - count + 1;
}

int port_hold_create(unsigned int protocols, uint16_t count, struct port_hold **ret_hold, struct problem *problem)
{
    struct port_hold *hold = calloc(1, sizeof(*hold) + (size_t)count * KINDS * sizeof(hold->fds[0]));
    uint32_t least;
    uint32_t choices;
    int rc = -EADDRINUSE;

    if (hold == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    choose_range(count, &least, &choices);
    for (int run = 0; run < RUNS_TRIED && rc == -EADDRINUSE; run++) {
        hold->first = (uint16_t)(least + randombytes_uniform(choices));
        rc = hold_run(hold, protocols, count);
    }
    if (rc == -EMFILE) {
        free(hold);
        return problem_set(
            problem, rc,
            "holding local ports: %s: with raw packets a scan has up to %u open; \"ulimit -n\" allows more",
            strerror(-rc), (unsigned int)count * KINDS + DESCRIPTORS_MORE);
    }
    if (rc < 0) {
        free(hold);
        return rc == -EADDRINUSE
                   ? problem_set(problem, rc, "no %u local ports in a row are free to send from", (unsigned int)count)
                   : problem_set(problem, rc, "holding local ports: %s", strerror(-rc));
    }
    *ret_hold = hold;
    return 0;
}

void port_hold_destroy(struct port_hold *hold)
{
    if (hold != NULL) {
        let_go(hold);
        free(hold);
    }
}

uint16_t port_hold_first(const struct port_hold *hold)
{
    return hold->first;
}
