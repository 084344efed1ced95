#include "scanner/raw/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A sanitizer's runtime makes calls of its own, which privilege.c lets through in such builds. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

/* What is given up does not come back: each case runs in a process of its own, and tells by its exit status (the line
 * that failed) how it went. */
static void in_a_process(int (*body)(void))
{
    pid_t child = fork();
    int status = -1;

    assert_true(child >= 0);
    if (child == 0) {
        _exit(body());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0) {
        fail_msg("line %d (mod 256) failed in the process", WEXITSTATUS(status));
    }
}

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            return __LINE__ % 256 != 0 ? __LINE__ % 256 : 1;                                                           \
        }                                                                                                              \
    } while (0)

/* Of the line "NAME:\tHEX" in /proc/self/status. */
static uint64_t capabilities(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    uint64_t value = UINT64_MAX;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            value = strtoull(line + strlen(name) + 1, NULL, 16);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return value;
}

static int drop(void)
{
    struct problem problem;
    uint64_t before = capabilities("CapEff");
    uint64_t files = geteuid() == 0 ? before & UINT64_C(1) << CAP_DAC_OVERRIDE : 0;

    EXPECT(privilege_has_raw() == ((before >> CAP_NET_RAW & 1) != 0));
    EXPECT(privilege_drop(&problem) == 0);
    EXPECT(!privilege_has_raw());
    EXPECT(capabilities("CapEff") == files);
    EXPECT(capabilities("CapPrm") == files);
    EXPECT(capabilities("CapInh") == 0);
    EXPECT(capabilities("CapAmb") == 0);
    EXPECT((before >> CAP_SETPCAP & 1) == 0 || capabilities("CapBnd") == 0);
    EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    EXPECT(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
    EXPECT(socket(AF_INET, SOCK_RAW, IPPROTO_RAW) < 0 && errno == EPERM);
    EXPECT(privilege_drop(&problem) == 0);
    return 0;
}

static void *write_one(void *context)
{
    int *fds = context;

    return write(fds[1], "x", 1) == 1 ? context : NULL;
}

/* Of sockets only those for TCP. */
static int confine_to_connects(void)
{
    struct problem problem;
    struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd;

    EXPECT(privilege_confine(true, &problem) == 0);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT(fd >= 0);
    EXPECT(connect(fd, (const struct sockaddr *)&nobody, sizeof(nobody)) == 0 || errno != EPERM);
    EXPECT(socket(AF_INET6, SOCK_STREAM, 0) >= 0 || errno != EPERM);
#ifndef SANITIZED
    EXPECT(socket(AF_INET, SOCK_DGRAM, 0) < 0 && errno == EPERM);
    EXPECT(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0 && errno == EPERM);
    EXPECT(socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP) < 0 && errno == EPERM);
    EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM);
    EXPECT(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
#endif
    return 0;
}

static int confine(void)
{
    char *const none[] = {NULL};
    struct problem problem;
    pthread_t thread;
    void *wrote = NULL;
    char byte;
    int fds[2];
    int open_before = socket(AF_INET, SOCK_DGRAM, 0);

    EXPECT(pipe(fds) == 0 && open_before >= 0);
    EXPECT(privilege_confine(false, &problem) == 0);
#ifndef SANITIZED
    EXPECT(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
    EXPECT(execve("/bin/true", none, none) < 0 && errno == EPERM);
#endif
    EXPECT(bind(open_before, NULL, 0) < 0 && errno == EPERM);
    EXPECT(listen(open_before, 1) < 0 && errno == EPERM);
    EXPECT(pthread_create(&thread, NULL, write_one, fds) == 0);
    EXPECT(pthread_join(thread, &wrote) == 0 && wrote != NULL);
    EXPECT(read(fds[0], &byte, 1) == 1 && byte == 'x');
    (void)none;
    return 0;
}

static void capabilities_are_gone_for_good(void **state)
{
    (void)state;
    in_a_process(drop);
}

static void only_what_a_scan_needs_is_let_through(void **state)
{
    (void)state;
    in_a_process(confine);
    in_a_process(confine_to_connects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capabilities_are_gone_for_good),
        cmocka_unit_test(only_what_a_scan_needs_is_let_through),
    };
    return cmocka_run_group_tests_name("privilege", tests, NULL, NULL);
}
