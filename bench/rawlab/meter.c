/* meter SECONDS INTERFACE COMMAND...: runs it, for at most so many seconds, and says on descriptor 3, as one JSON
 * object, its wall time, processor time and greatest resident size, how many packets went into the interface, when the
 * first did (ms), and how long they took from the first to the last (s, to 5 ms). Its exit status is the command's, 124
 * when time ran out. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 5, GRACE_MS = 2000, OUT_OF_TIME = 124 };

struct run {
    const char *interface;
    double limit_s;
    double begun_s;
    uint64_t packets_before;
    uint64_t packets; /* since it began */
    double first_s;   /* the last look before a packet was seen */
    double last_s;
    bool ended_by_us;
    struct rusage usage;
    int status;
};

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* The second of the line's sixteen numbers counts received packets, the tenth sent ones. */
static uint64_t packets_sent(const char *interface)
{
    FILE *file = fopen("/proc/self/net/dev", "re");
    char line[512];
    uint64_t sent = 0;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *rest = NULL;
        char *name = strtok_r(line, " :", &rest);
        if (name == NULL || strcmp(name, interface) != 0) {
            continue;
        }
        for (int i = 0; i < 10; i++) {
            char *field = strtok_r(NULL, " ", &rest);
            sent = field == NULL ? 0 : strtoull(field, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return sent;
}

static void look(struct run *run, double looked_before_s)
{
    uint64_t packets = packets_sent(run->interface) - run->packets_before;

    if (packets == run->packets) {
        return;
    }
    if (run->packets == 0) {
        run->first_s = looked_before_s;
    }
    run->packets = packets;
    run->last_s = seconds_now();
}

static void watch(struct run *run, pid_t child)
{
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
    double before_s = run->begun_s;

    if (end.fd < 0) {
        perror("meter: pidfd_open");
        exit(2);
    }
    while (poll(&end, 1, LOOK_EVERY_MS) == 0) {
        look(run, before_s);
        before_s = seconds_now();
        if (before_s - run->begun_s > run->limit_s) {
            run->ended_by_us = true;
            kill(child, SIGTERM);
            break;
        }
    }
    if (run->ended_by_us && poll(&end, 1, GRACE_MS) == 0) {
        kill(child, SIGKILL);
    }
    wait4(child, &run->status, 0, &run->usage);
    look(run, before_s);
    close(end.fd);
}

static void tell(const struct run *run, double wall_s)
{
    dprintf(3,
            "{\"wall_s\":%.4f,\"cpu_s\":%.4f,\"rss_kib\":%ld,\"packets\":%llu,\"first_ms\":%.0f,\"sending_s\":%.4f,"
            "\"in_time\":%s}\n",
            wall_s, seconds_of(run->usage.ru_utime) + seconds_of(run->usage.ru_stime), run->usage.ru_maxrss,
            (unsigned long long)run->packets, run->packets > 0 ? (run->first_s - run->begun_s) * 1e3 : -1.0,
            run->packets > 0 ? run->last_s - run->first_s : 0.0, run->ended_by_us ? "false" : "true");
}

int main(int argc, char **argv)
{
    struct run run = {0};
    pid_t child;
    int error;

    if (argc < 4) {
        fputs("meter SECONDS INTERFACE COMMAND...\n", stderr);
        return 2;
    }
    run.limit_s = strtod(argv[1], NULL);
    run.interface = argv[2];
    run.packets_before = packets_sent(run.interface);
    run.begun_s = seconds_now();
    error = posix_spawnp(&child, argv[3], NULL, NULL, argv + 3, environ);
    if (error != 0) {
        fprintf(stderr, "meter: %s: %s\n", argv[3], strerror(error));
        return 2;
    }
    watch(&run, child);
    tell(&run, seconds_now() - run.begun_s);
    if (run.ended_by_us) {
        return OUT_OF_TIME;
    }
    return WIFEXITED(run.status) ? WEXITSTATUS(run.status) : 128 + WTERMSIG(run.status);
}
