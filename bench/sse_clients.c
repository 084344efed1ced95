/* sse_clients PORT CLIENTS SECONDS PID TOKENS: so many clients listen to the events of the server on 127.0.0.1, in
 * turns with the tokens of a file, a line each, while somebody else makes one happen a second. Prints what the process
 * PID costs meanwhile: memory and processor time, and how late events were. Each client checks that it misses none. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TOKENS_MAX = 64, TOKEN_SIZE = 128, PER_ADDRESS = 20000, LINE_SIZE = 64, READ_BYTES = 16384, CONNECT_S = 120 };

struct client {
    int fd;
    size_t length;
    char line[LINE_SIZE]; /* as much of the line at hand as is looked at */
    long last;            /* the number of its last event */
    uint32_t events;
    bool is_ready;
};

struct bench {
    struct client *clients;
    size_t count, ready, closed, gaps;
    uint64_t events, bytes;
    int64_t late_max_ms, late_sum_ms;
    int epoll_fd;
};

static int64_t now_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Of the process and all of its threads, in milliseconds; -1 when it is gone. */
static int64_t cpu_ms(const char *pid)
{
    char path[64];
    char text[1024] = "";
    char *at;
    unsigned long ticks;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
    file = fopen(path, "r");
    if (file == NULL) {
        return -1;
    }
    at = fgets(text, sizeof(text), file) == NULL ? NULL : strrchr(text, ')');
    fclose(file);
    /* After the name come twelve fields, then user and system time (proc(5)). */
    for (int field = 0; at != NULL && field < 12; field++) {
        at = strchr(at + 1, ' ');
    }
    if (at == NULL) {
        return -1;
    }
    ticks = strtoul(at + 1, &at, 10);
    ticks += strtoul(at, NULL, 10);
    return (int64_t)ticks * 1000 / sysconf(_SC_CLK_TCK);
}

static long memory_kib(const char *pid, const char *name)
{
    char path[64];
    char line[256];
    long kib = -1;
    size_t length = strlen(name);
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%.16s/status", pid);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, length) == 0) {
            kib = strtol(line + length, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

static size_t read_tokens(const char *path, char tokens[TOKENS_MAX][TOKEN_SIZE])
{
    FILE *file = fopen(path, "r");
    size_t count = 0;

    while (file != NULL && count < TOKENS_MAX && fgets(tokens[count], TOKEN_SIZE, file) != NULL) {
        tokens[count][strcspn(tokens[count], "\n")] = '\0';
        count++;
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

/* From 127.0.0.1, and once its ports are used up from its neighbours. */
static int dial(uint16_t port, size_t number, const char *token)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr = {htonl(INADDR_LOOPBACK + (uint32_t)(number / PER_ADDRESS))}};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
    char request[512];
    int length = snprintf(request, sizeof(request),
                          "GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\n"
                          "Accept: text/event-stream\r\nUser-Agent: sse_clients\r\nAccept-Language: en\r\n\r\n",
                          port, token);
    const int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) != 0 ||
        bind(fd, (const struct sockaddr *)&from, sizeof(from)) != 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
        send(fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
        perror("sse_clients: a connection");
        exit(1);
    }
    return fd;
}

/* "id: F-…": F grows by one with each event. */
static void hear_line(struct bench *bench, struct client *client)
{
    const char *line = client->line;

    if (strncmp(line, "HTTP/1.1 ", 9) == 0 && strncmp(line, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "sse_clients: %s\n", line);
        exit(1);
    }
    if (strncmp(line, "event: ready", 12) == 0) {
        client->is_ready = true;
        bench->ready++;
    } else if (strncmp(line, "event: finding", 14) == 0) {
        client->events++;
        bench->events++;
    } else if (strncmp(line, "id: ", 4) == 0) {
        long number = strtol(line + 4, NULL, 10);
        bench->gaps += client->last != 0 && number != client->last && number != client->last + 1;
        client->last = number;
    } else if (strncmp(line, "data: {\"at\":\"", 13) == 0) {
        /* When it was written stands where RFC 3339 has seconds and milliseconds; both ends share a clock. */
        int64_t second = strtol(line + 13 + 17, NULL, 10);
        int64_t then = second * 1000 + strtol(line + 13 + 20, NULL, 10);
        int64_t late = (now_ms(CLOCK_REALTIME) % 60000 - then + 60000) % 60000;
        bench->late_sum_ms += late;
        bench->late_max_ms = late > bench->late_max_ms ? late : bench->late_max_ms;
    }
}

static void hear(struct bench *bench, struct client *client)
{
    char bytes[READ_BYTES];
    ssize_t count = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (count < 0 && errno == EAGAIN) {
        return;
    }
    if (count <= 0) {
        bench->closed++;
        epoll_ctl(bench->epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
        return;
    }
    bench->bytes += (uint64_t)count;
    for (ssize_t i = 0; i < count; i++) {
        if (bytes[i] == '\n') {
            client->line[client->length] = '\0';
            hear_line(bench, client);
            client->length = 0;
        } else if (client->length < LINE_SIZE - 1) {
            client->line[client->length++] = bytes[i];
        }
    }
}

static void hear_for(struct bench *bench, int64_t until_ms, bool until_ready)
{
    struct epoll_event events[256];

    while (now_ms(CLOCK_MONOTONIC) < until_ms && !(until_ready && bench->ready + bench->closed == bench->count)) {
        int count = epoll_wait(bench->epoll_fd, events, 256, 100);
        for (int i = 0; i < count; i++) {
            hear(bench, events[i].data.ptr);
        }
    }
}

static void join(struct bench *bench, uint16_t port, const char *path)
{
    static char tokens[TOKENS_MAX][TOKEN_SIZE];
    size_t token_count = read_tokens(path, tokens);

    if (token_count == 0) {
        fprintf(stderr, "sse_clients: no token in %s\n", path);
        exit(2);
    }
    for (size_t i = 0; i < bench->count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &bench->clients[i]};
        bench->clients[i].fd = dial(port, i, tokens[i % token_count]);
        if (epoll_ctl(bench->epoll_fd, EPOLL_CTL_ADD, bench->clients[i].fd, &event) != 0) {
            perror("sse_clients: epoll");
            exit(1);
        }
        if (i % 100 == 99) {
            hear_for(bench, now_ms(CLOCK_MONOTONIC) + 1, false);
        }
    }
    hear_for(bench, now_ms(CLOCK_MONOTONIC) + CONNECT_S * INT64_C(1000), true);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    struct rlimit limit;
    int64_t begun;
    int64_t cpu;
    uint32_t fewest = UINT32_MAX;

    if (argc != 6) {
        fprintf(stderr, "usage: sse_clients PORT CLIENTS SECONDS PID TOKENS\n");
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    bench.count = strtoul(argv[2], NULL, 10);
    bench.clients = calloc(bench.count, sizeof(*bench.clients));
    bench.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (bench.clients == NULL || bench.epoll_fd < 0) {
        perror("sse_clients");
        exit(1);
    }
    begun = now_ms(CLOCK_MONOTONIC);
    join(&bench, (uint16_t)strtoul(argv[1], NULL, 10), argv[5]);
    printf("ready %zu of %zu after %.1f s\n", bench.ready, bench.count,
           (double)(now_ms(CLOCK_MONOTONIC) - begun) / 1000);
    for (size_t i = 0; i < bench.count; i++) {
        bench.clients[i].events = 0;
    }
    bench.events = bench.bytes = 0;
    bench.late_max_ms = bench.late_sum_ms = 0;
    cpu = cpu_ms(argv[4]);
    begun = now_ms(CLOCK_MONOTONIC);
    hear_for(&bench, begun + (int64_t)strtol(argv[3], NULL, 10) * 1000, false);
    cpu = cpu_ms(argv[4]) - cpu;
    begun = now_ms(CLOCK_MONOTONIC) - begun;
    for (size_t i = 0; i < bench.count; i++) {
        fewest = bench.clients[i].events < fewest ? bench.clients[i].events : fewest;
    }
    printf(
        "events %llu, %.1f MB; fewest of a client %u; gaps %zu; closed %zu; late on average %lld ms, at most %lld ms\n",
        (unsigned long long)bench.events, (double)bench.bytes / 1e6, fewest, bench.gaps, bench.closed,
        (long long)(bench.events == 0 ? 0 : bench.late_sum_ms / (int64_t)bench.events), (long long)bench.late_max_ms);
    printf("RESULT %ld %ld %.4f %zu %zu %u\n", memory_kib(argv[4], "VmRSS:"), memory_kib(argv[4], "VmHWM:"),
           (double)cpu / (double)begun, bench.gaps, bench.closed, fewest);
    free(bench.clients);
    return 0;
}
