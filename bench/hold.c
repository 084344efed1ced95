/* hold ADDRESS STEP: listens on every STEP-th TCP port of an IPv4 address, from STEP on, and lets the backlog take what
 * comes until it is killed. Prints the number of ports when all listen. What is open, for the bench. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct rlimit limit;
    unsigned long step;
    int open = 0;

    if (argc != 3 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1 || (step = strtoul(argv[2], NULL, 10)) == 0) {
        fputs("hold ADDRESS STEP\n", stderr);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    for (unsigned long port = step; port <= UINT16_MAX; port += step) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        address.sin_port = htons((uint16_t)port);
        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 64) < 0) {
            perror("hold");
            return 1;
        }
        open++;
    }
    printf("%d\n", open);
    fflush(stdout);
    for (;;) {
        pause();
    }
}
