/* bare THREADS FIRST HOSTS: connects to all 65,535 TCP ports of HOSTS IPv4 addresses from FIRST on, as fast as a loop
 * of sockets that are used again can, and prints how many connects succeeded. It keeps no books, paces nothing, tells
 * no RST from an ICMP error and waits for no time-out: what a scanner by plain connects is measured against. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_FLIGHT = 64, THREADS_MAX = 64, PORTS = 65535 };

struct share {
    pthread_t thread;
    uint32_t first; /* address, host byte order */
    uint64_t next;  /* (host, port) pairs: next, next + step, … below end */
    uint64_t step;
    uint64_t end;
    int fds[IN_FLIGHT];
    bool under_way[IN_FLIGHT];
    uint64_t busy;
    uint64_t open;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static struct sockaddr_in target(const struct share *share, uint64_t pair)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(pair % PORTS + 1))};

    address.sin_addr.s_addr = htonl(share->first + (uint32_t)(pair / PORTS));
    return address;
}

/* The next pair by this socket; false when there is none. */
static bool begin(struct share *share, uint32_t slot)
{
    struct sockaddr_in address;

    share->under_way[slot] = share->next < share->end;
    if (!share->under_way[slot]) {
        return false;
    }
    address = target(share, share->next);
    share->next += share->step;
    if (connect(share->fds[slot], (const struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS) {
        die("connect");
    }
    share->busy++;
    return true;
}

/* A second connect() takes the error and frees the socket; one that is open is reset. */
static bool ended(struct share *share, uint32_t slot)
{
    int fd = share->fds[slot];
    static const struct sockaddr_in nowhere = {.sin_family = AF_INET};
    static const struct sockaddr none = {.sa_family = AF_UNSPEC};

    if (connect(fd, (const struct sockaddr *)&nowhere, sizeof(nowhere)) == 0) {
        share->open++;
        if (connect(fd, &none, sizeof(none)) < 0) {
            die("disconnect");
        }
    } else if (errno == EALREADY) {
        return false;
    }
    share->busy--;
    return true;
}

static void *run(void *context)
{
    struct share *share = context;
    struct epoll_event events[IN_FLIGHT];
    int epoll_fd = epoll_create1(0);

    for (uint32_t i = 0; i < IN_FLIGHT; i++) {
        struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.u32 = i};
        share->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (share->fds[i] < 0) {
            die("socket");
        }
        if (begin(share, i) && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, share->fds[i], &event) < 0) {
            die("epoll_ctl");
        }
    }
    while (share->busy > 0) {
        int count = epoll_wait(epoll_fd, events, IN_FLIGHT, -1);
        for (int i = 0; i < count; i++) {
            uint32_t slot = events[i].data.u32;
            if (share->under_way[slot] && ended(share, slot)) {
                begin(share, slot);
            }
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static struct share shares[THREADS_MAX];
    struct in_addr first;
    uint64_t hosts = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    uint64_t threads = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
    uint64_t open = 0;

    if (threads < 1 || threads > THREADS_MAX || hosts < 1 || inet_pton(AF_INET, argv[2], &first) != 1) {
        fputs("bare THREADS FIRST HOSTS\n", stderr);
        return 2;
    }
    for (uint64_t i = 0; i < threads; i++) {
        shares[i] = (struct share){.first = ntohl(first.s_addr), .next = i, .step = threads, .end = hosts * PORTS};
        if (pthread_create(&shares[i].thread, NULL, run, &shares[i]) != 0) {
            die("pthread_create");
        }
    }
    for (uint64_t i = 0; i < threads; i++) {
        pthread_join(shares[i].thread, NULL);
        open += shares[i].open;
    }
    printf("%llu\n", (unsigned long long)open);
    return 0;
}
