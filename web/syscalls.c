#include "web/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

/* A name that an architecture does not have is passed over. */
static const char *const syscalls_allowed[] = {
    /* connections that are there or come in, events, time */
    "accept4",
    "accept",
    "connect",
    "sendto",
    "sendmsg",
    "sendfile",
    "sendfile64",
    "recvfrom",
    "recvmsg",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "getsockname",
    "getpeername",
    "poll",
    "ppoll",
    "ppoll_time64",
    "select",
    "pselect6",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_ctl",
    "epoll_create1",
    "eventfd2",
    "pipe2",
    "clock_gettime",
    "clock_gettime64",
    "clock_getres",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "nanosleep",
    "gettimeofday",
    "time",
    /* files: the database, certificate and key, standard output and error */
    "read",
    "readv",
    "pread64",
    "preadv",
    "write",
    "writev",
    "lseek",
    "_llseek",
    "close",
    "close_range",
    "dup",
    "fcntl",
    "fcntl64",
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "fstat",
    "fstat64",
    "newfstatat",
    "fstatat64",
    "statx",
    "statfs",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getdents64",
    "getcwd",
    /* memory, threads, signals, the end */
    "munmap",
    "mremap",
    "madvise",
    "brk",
    "futex",
    "futex_time64",
    "set_robust_list",
    "rseq",
    "set_tid_address",
    "sched_yield",
    "sched_getaffinity",
    "gettid",
    "getpid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getrandom",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "rt_sigtimedwait_time64",
    "sigreturn",
    "sigaltstack",
    "restart_syscall",
    "tgkill",
    "getrusage",
    "sysinfo",
    "uname",
    "prctl",
    "membarrier",
    "exit",
    "exit_group",
#ifdef SANITIZED
    /* The leak check at the end looks at the process from outside. */
    "ptrace",
    "getdents",
    "wait4",
    "prlimit64",
    "getrlimit",
    "getppid",
    "sched_getparam",
    "sched_getscheduler",
    "arch_prctl",
#endif
};

/* Those of which an argument decides: allowed when its bits in `mask` are `value`. */
static const struct {
    const char *name;
    unsigned argument;
    uint32_t mask;
    uint32_t value;
} syscalls_judged[] = {
    {"open", 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    {"openat", 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    {"mmap", 2, PROT_EXEC, 0},
    {"mmap2", 2, PROT_EXEC, 0},
    {"mprotect", 2, PROT_EXEC, 0},
    {"clone", 0, CLONE_THREAD, CLONE_THREAD},
#ifdef SANITIZED
    {"clone", 0, CLONE_VM, CLONE_VM}, /* the leak check's; a process with a memory of its own is not to be had either */
#endif
    {"ioctl", 1, UINT32_MAX, FIONBIO},
    {"ioctl", 1, UINT32_MAX, FIONREAD},
    {"ioctl", 1, UINT32_MAX, TCGETS},
    {"ioctl", 1, UINT32_MAX, TIOCGWINSZ},
};

/* How those are refused that callers know how to do without. */
static const struct {
    const char *name;
    uint16_t error;
} syscalls_refused[] = {
    {"clone3", ENOSYS}, /* its flags stand in memory, which a filter cannot see: glibc goes on with clone() */
    {"openat2", ENOSYS},
};

static int syscalls_add(scmp_filter_ctx filter, uint32_t action, const char *name, const struct scmp_arg_cmp *judge)
{
    int number = seccomp_syscall_resolve_name(name);
    int rc = 0;

    if (number != __NR_SCMP_ERROR) {
        rc = seccomp_rule_add_array(filter, action, number, judge == NULL ? 0 : 1, judge);
    }
    /* A call that this architecture has only in name. */
    return rc == -EDOM || rc == -EINVAL ? 0 : rc;
}

static int syscalls_add_judged(scmp_filter_ctx filter)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(syscalls_judged) / sizeof(*syscalls_judged); i++) {
        const struct scmp_arg_cmp judge = {.arg = syscalls_judged[i].argument,
                                           .op = SCMP_CMP_MASKED_EQ,
                                           .datum_a = syscalls_judged[i].mask,
                                           .datum_b = syscalls_judged[i].value};
        rc = syscalls_add(filter, SCMP_ACT_ALLOW, syscalls_judged[i].name, &judge);
    }
    return rc;
}

/* Opening for writing is EACCES, as for a file that one may not write: SQLite then opens for reading. */
static int syscalls_add_refusals(scmp_filter_ctx filter)
{
    static const uint32_t bits[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(syscalls_refused) / sizeof(*syscalls_refused); i++) {
        rc = syscalls_add(filter, SCMP_ACT_ERRNO(syscalls_refused[i].error), syscalls_refused[i].name, NULL);
    }
    for (size_t i = 0; rc == 0 && i < sizeof(bits) / sizeof(*bits); i++) {
        struct scmp_arg_cmp judge = {.op = SCMP_CMP_MASKED_EQ, .datum_a = bits[i], .datum_b = bits[i]};
        judge.arg = 2;
        rc = syscalls_add(filter, SCMP_ACT_ERRNO(EACCES), "openat", &judge);
        judge.arg = 1;
        rc = rc == 0 ? syscalls_add(filter, SCMP_ACT_ERRNO(EACCES), "open", &judge) : rc;
    }
    return rc;
}

static int syscalls_add_sockets(scmp_filter_ctx filter)
{
    const uint32_t kind = ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);

    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX, 0),
                            SCMP_A1_32(SCMP_CMP_MASKED_EQ, kind, SOCK_STREAM));
}

int syscalls_confine(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < sizeof(syscalls_allowed) / sizeof(*syscalls_allowed); i++) {
        rc = syscalls_add(filter, SCMP_ACT_ALLOW, syscalls_allowed[i], NULL);
    }
    rc = rc == 0 ? syscalls_add_judged(filter) : rc;
    rc = rc == 0 ? syscalls_add_refusals(filter) : rc;
    rc = rc == 0 ? syscalls_add_sockets(filter) : rc;
    rc = rc == 0 ? seccomp_load(filter) : rc;
    seccomp_release(filter);
    return rc;
}
