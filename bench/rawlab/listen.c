/* listen FIRST HOSTS LOW COUNT EACH TRUTH: listens on EACH of the TCP ports LOW..LOW+COUNT-1 of each of HOSTS IPv4
 * addresses from FIRST on, other ones on each host, until it is killed. What listens is written to the file TRUTH,
 * "ADDRESS PORT" a line; the number of lines is printed when all listen. Connections are left to the backlog. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 64, HOST_STEP = 7919 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void allow_all_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void listen_on(uint32_t address, uint16_t port, FILE *truth)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    char text[INET_ADDRSTRLEN];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 || listen(fd, BACKLOG) < 0) {
        die("listen");
    }
    fprintf(truth, "%s %u\n", inet_ntop(AF_INET, &name.sin_addr, text, sizeof(text)), port);
}

int main(int argc, char **argv)
{
    uint32_t numbers[4] = {0}; /* hosts, low, count, each */
    struct in_addr first;
    FILE *truth;

    if (argc != 7 || inet_pton(AF_INET, argv[1], &first) != 1) {
        fputs("listen FIRST HOSTS LOW COUNT EACH TRUTH\n", stderr);
        return 2;
    }
    for (int i = 0; i < 4; i++) {
        numbers[i] = (uint32_t)strtoul(argv[2 + i], NULL, 10);
    }
    if (numbers[3] == 0 || numbers[3] > numbers[2] || numbers[1] + numbers[2] > UINT16_MAX + 1U) {
        fputs("listen: EACH of COUNT ports, none above 65535\n", stderr);
        return 2;
    }
    allow_all_descriptors();
    truth = fopen(argv[6], "we");
    if (truth == NULL) {
        die(argv[6]);
    }
    for (uint32_t host = 0; host < numbers[0]; host++) {
        for (uint32_t i = 0; i < numbers[3]; i++) {
            uint32_t place = (host * HOST_STEP + i * (numbers[2] / numbers[3])) % numbers[2];
            listen_on(ntohl(first.s_addr) + host, (uint16_t)(numbers[1] + place), truth);
        }
    }
    if (fclose(truth) != 0) {
        die(argv[6]);
    }
    printf("%u\n", numbers[0] * numbers[3]);
    fflush(stdout);
    for (;;) {
        pause();
    }
}
