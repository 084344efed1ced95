#include "scanner/raw/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

/* What a scan needs while it runs, and what glibc makes of it on the architectures that Debian has; a name that an
 * architecture does not have is passed over. Sockets that are open can be used, none can be made. */
static const char *const allowed[] = {
    /* packets, netlink, events, time */
    "sendmmsg",
    "sendmsg",
    "sendto",
    "recvmsg",
    "recvmmsg",
    "recvfrom",
    "getsockopt",
    "setsockopt",
    "shutdown",
    "getsockname",
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
    "timerfd_settime",
    "clock_gettime",
    "clock_gettime64",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "clock_getres",
    "nanosleep",
    "gettimeofday",
    "time",
    /* files: outputs, the state, the kernel's counters */
    "read",
    "readv",
    "pread64",
    "preadv",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "lseek",
    "_llseek",
    "open",
    "openat",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "fcntl64",
    "flock",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "ftruncate",
    "ftruncate64",
    "fallocate",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "link",
    "linkat",
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
    "umask",
    "fchmod",
    "fchmodat",
    "chmod",
    "mkdir",
    "mkdirat",
    "ioctl",
    "pipe2",
    /* memory, threads, signals, the end */
    "mmap",
    "mmap2",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "brk",
    "futex",
    "futex_time64",
    "clone",
    "clone3",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "sched_yield",
    "sched_getaffinity",
    "sched_setaffinity",
    "gettid",
    "getpid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getrandom",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sigreturn",
    "sigaltstack",
    "restart_syscall",
    "tgkill",
    "getrusage",
    "prlimit64",
    "getrlimit",
    "ugetrlimit",
    "sysinfo",
    "uname",
    "arch_prctl",
    "prctl",
    "membarrier",
    "exit",
    "exit_group",
#ifdef SANITIZED
    /* The leak check at the end stops the process from a thread of its own. */
    "ptrace",
    "getdents",
    "wait4",
    "kill",
    "tkill",
    "personality",
    "sched_getparam",
    "sched_getscheduler",
    "sched_setscheduler",
    "setrlimit",
    "execve",
    "socket",
    "connect",
#endif
};

/* Whoever is root in a user namespace alone has the capability, and may not use it on the network that it is in. */
static bool can_open_raw(void)
{
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

    if (fd < 0) {
        return errno != EPERM && errno != EACCES;
    }
    close(fd);
    return true;
}

bool privilege_has_raw(void)
{
    capng_clear(CAPNG_SELECT_BOTH);
    return capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW) != 0 && can_open_raw();
}

/* What is left must be what was meant to be left: a drop that silently failed would be worse than none. */
static int read_back(bool keeps_files)
{
    capng_clear(CAPNG_SELECT_BOTH);
    if (capng_get_caps_process() != 0) {
        return -EIO;
    }
    for (unsigned int capability = 0; capability <= CAP_LAST_CAP; capability++) {
        bool left = capng_have_capability(CAPNG_EFFECTIVE, capability) != 0 ||
                    capng_have_capability(CAPNG_PERMITTED, capability) != 0 ||
                    capng_have_capability(CAPNG_INHERITABLE, capability) != 0 ||
                    capng_have_capability(CAPNG_AMBIENT, capability) != 0;
        if (left && !(keeps_files && capability == CAP_DAC_OVERRIDE)) {
            return -EPERM;
        }
    }
    return 0;
}

int privilege_drop(struct problem *problem)
{
    capng_select_t what = CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT;
    bool keeps_files;
    int rc;

    capng_clear(CAPNG_SELECT_BOTH);
    if (capng_get_caps_process() != 0) {
        return problem_set(problem, -EIO, "reading this process's capabilities failed");
    }
    keeps_files = geteuid() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_DAC_OVERRIDE) != 0;
    if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0) {
        what |= CAPNG_SELECT_BOUNDS;
    }
    capng_clear(what);
    if (keeps_files && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_OVERRIDE) != 0) {
        return problem_set(problem, -EIO, "choosing capabilities failed");
    }
    rc = capng_apply(what) != 0 ? -EPERM : read_back(keeps_files);
    if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        rc = -errno;
    }
    return rc < 0 ? problem_set(problem, rc, "giving up capabilities: %s", strerror(-rc)) : 0;
}

/* Sockets for TCP over IPv4 and IPv6, and connect(), of which a filter cannot see more than the descriptor. */
static int allow_connects(scmp_filter_ctx filter)
{
    static const int domains[] = {AF_INET, AF_INET6};
    const uint32_t kind = ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);
    int rc = 0;

#ifdef SANITIZED
    return 0; /* such a build may do so anyway */
#endif
    for (size_t i = 0; rc == 0 && i < sizeof(domains) / sizeof(*domains); i++) {
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
                              SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)domains[i], 0),
                              SCMP_A1_32(SCMP_CMP_MASKED_EQ, kind, SOCK_STREAM), SCMP_A2_32(SCMP_CMP_EQ, 0, 0));
    }
    return rc == 0 ? seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0) : rc;
}

int privilege_confine(bool connects, struct problem *problem)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter == NULL ? -ENOMEM : connects ? allow_connects(filter) : 0;

    for (size_t i = 0; rc == 0 && i < sizeof(allowed) / sizeof(*allowed); i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);
        if (number != __NR_SCMP_ERROR) {
            rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
        }
        /* A call that this architecture has only in name. */
        rc = rc == -EDOM || rc == -EINVAL ? 0 : rc;
    }
    if (rc == 0) {
        rc = seccomp_load(filter);
    }
    seccomp_release(filter);
    return rc < 0 ? problem_set(problem, rc, "confining the process to what a scan needs (seccomp): %s", strerror(-rc))
                  : 0;
}
