/* measure COMMAND...: runs it and says on descriptor 3, as one JSON object, its wall time, processor time and greatest
 * resident size. Its exit status is the command's. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

int main(int argc, char **argv)
{
    double begun = seconds_now();
    struct rusage usage;
    int status;
    int error;
    pid_t child;

    if (argc < 2) {
        fputs("measure COMMAND...\n", stderr);
        return 2;
    }
    error = posix_spawnp(&child, argv[1], NULL, NULL, argv + 1, environ);
    if (error != 0) {
        fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(error));
        return 2;
    }
    /* What ends the command leaves us to tell of it. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    if (wait4(child, &status, 0, &usage) < 0) {
        fprintf(stderr, "measure: %s\n", strerror(errno));
        return 2;
    }
    dprintf(3, "{\"wall_s\":%.4f,\"cpu_s\":%.4f,\"rss_kib\":%ld}\n", seconds_now() - begun,
            seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
