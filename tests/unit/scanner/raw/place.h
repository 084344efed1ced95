/* A network namespace of the test's own, for what needs one; the test ends with it. */
#ifndef LEASTPORT_TESTS_UNIT_SCANNER_RAW_PLACE_H
#define LEASTPORT_TESTS_UNIT_SCANNER_RAW_PLACE_H

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool place_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0) {
        close(fd);
    }
    return done;
}

/* Into a new network namespace: as root at once, else by way of a user namespace. False when there are none. */
static inline bool place_enter(void)
{
    char map[64];

    if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0) {
        return true;
    }
    snprintf(map, sizeof(map), "0 %u 1\n", (unsigned int)geteuid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && place_write("/proc/self/setgroups", "deny") &&
           place_write("/proc/self/uid_map", map);
}

/* Runs `ip` with these words; whether it went well. */
static inline bool place_ip(const char *words)
{
    char line[512];
    char *argv[32] = {"ip"};
    size_t count = 1;
    char *rest = NULL;
    int status = -1;
    pid_t child;

    snprintf(line, sizeof(line), "%s", words);
    for (char *word = strtok_r(line, " ", &rest); word != NULL && count < 31; word = strtok_r(NULL, " ", &rest)) {
        argv[count++] = word;
    }
    argv[count] = NULL;
    child = fork();
    if (child == 0) {
        execvp("ip", argv);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#endif
