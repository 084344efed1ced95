/* truth FIRST HOSTS LOW COUNT EXISTS_ONE_IN OPEN_ONE_IN: prints what answer.bpf.c shows as open, by the same rule,
 * "ADDRESS PORT" a line. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/rawlab/rule.h"

int main(int argc, char **argv)
{
    uint32_t numbers[5] = {0}; /* hosts, low, count, exists one in, open one in */
    struct in_addr first;

    if (argc != 7 || inet_pton(AF_INET, argv[1], &first) != 1) {
        fputs("truth FIRST HOSTS LOW COUNT EXISTS_ONE_IN OPEN_ONE_IN\n", stderr);
        return 2;
    }
    for (int i = 0; i < 5; i++) {
        numbers[i] = (uint32_t)strtoul(argv[2 + i], NULL, 10);
    }
    if (numbers[3] == 0 || numbers[4] == 0) {
        fputs("truth: one in none?\n", stderr);
        return 2;
    }
    for (uint32_t host = 0; host < numbers[0]; host++) {
        uint32_t address = ntohl(first.s_addr) + host;
        struct in_addr network = {.s_addr = htonl(address)};
        char text[INET_ADDRSTRLEN];

        for (uint32_t port = numbers[1]; port < numbers[1] + numbers[2]; port++) {
            if (rule_exists(address, numbers[3]) && rule_open(address, port, numbers[4])) {
                printf("%s %u\n", inet_ntop(AF_INET, &network, text, sizeof(text)), port);
            }
        }
    }
    return 0;
}
