/* Preloaded before a program: acts on the N-th call that changes a file whose path matches a pattern, so that tests can
 * have every one of them fail without a word in the program itself. Told by the environment:
 *   LEASTPORT_FAULT_PATH  which files: a pattern of fnmatch(3), where * takes slashes too
 *   LEASTPORT_FAULT_KIND  a name in `kinds` below
 *   LEASTPORT_FAULT_AT    which call, from 1
 *   LEASTPORT_FAULT_LOG   a file that gets a line for each call that was acted on; with "count" for every call
 *   LEASTPORT_FAULT_END   from when this file is there, nothing is acted on any more: the disk has room again
 *   LEASTPORT_FAULT_LOG_PAGES  the pages that SQLite's log may have before it goes back into the file: with few of them
 * a small database does in the middle of a run what a large one does Counts within one process; for a single thread
 * that writes. */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

/* The exit status of a program that dies here. */
enum { FAULT_EXIT = 70 };

enum kind {
    KIND_NONE,
    KIND_COUNT,
    KIND_BEFORE, /* dies before the call */
    KIND_AFTER,  /* dies after it */
    KIND_TORN,   /* writes a half and dies */
    KIND_SHORT,  /* writes a half and says so */
    KIND_ENOSPC, /* writes a half, and from then on nothing, makes no file: a disk that is full stays full */
    KIND_EIO,    /* this call fails, the next are well */
};

static const struct {
    const char *name;
    enum kind kind;
    bool writes_only;
} kinds[] = {
    {"count", KIND_COUNT, false}, {"before", KIND_BEFORE, false}, {"after", KIND_AFTER, false},
    {"torn", KIND_TORN, true},    {"short", KIND_SHORT, true},    {"enospc", KIND_ENOSPC, true},
    {"eio", KIND_EIO, false},
};

static struct {
    enum kind kind;
    bool writes_only;
    const char *pattern;
    const char *log;
    const char *end;
    unsigned long at;
    unsigned long calls;
} fault;

__attribute__((constructor)) static void fault_read_environment(void)
{
    const char *kind = getenv("LEASTPORT_FAULT_KIND");
    const char *at = getenv("LEASTPORT_FAULT_AT");

    fault.pattern = getenv("LEASTPORT_FAULT_PATH");
    fault.log = getenv("LEASTPORT_FAULT_LOG");
    fault.end = getenv("LEASTPORT_FAULT_END");
    if (kind == NULL || fault.pattern == NULL || fault.log == NULL) {
        return;
    }
    fault.at = at == NULL ? 0 : strtoul(at, NULL, 10);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(kinds[i].name, kind) == 0) {
            fault.kind = kinds[i].kind;
            fault.writes_only = kinds[i].writes_only;
        }
    }
}

/* The next definition of a function, the C library's own. POSIX has dlsym() return it as an object's address. */
static void fault_next(const char *name, void *ret_function, size_t size)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    assert(symbol != NULL && size == sizeof(symbol));
    memcpy(ret_function, &symbol, size);
}

static ssize_t fault_real_write(int fd, const void *bytes, size_t size)
{
    ssize_t (*next)(int, const void *, size_t);

    fault_next("write", &next, sizeof(next));
    return next(fd, bytes, size);
}

static int fault_real_open(const char *path, int flags, mode_t mode)
{
    int (*next)(const char *, int, ...);

    fault_next("open", &next, sizeof(next));
    return next(path, flags, mode);
}

static void fault_log(const char *call, const char *path)
{
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof(line), "%lu %s %s\n", fault.calls, call, path);
    int fd = fault_real_open(fault.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd >= 0 && length > 0) {
        (void)!fault_real_write(fd, line, (size_t)length);
    }
    close(fd);
}

static const char *fault_path(int fd, char path[PATH_MAX])
{
    char link[64];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = '\0';
    return path;
}

/* What is to happen to this call: KIND_NONE lets it go on. Dies here for "before". */
static enum kind fault_judge(const char *call, const char *path, bool writes)
{
    bool is_full = fault.kind == KIND_ENOSPC && fault.calls >= fault.at;

    if (fault.kind == KIND_NONE || (fault.writes_only && !writes) || fnmatch(fault.pattern, path, 0) != 0 ||
        (fault.end != NULL && access(fault.end, F_OK) == 0)) {
        return KIND_NONE;
    }
    fault.calls++;
    if (fault.kind == KIND_COUNT || fault.calls == fault.at) {
        fault_log(call, path);
    }
    if (fault.calls != fault.at && !is_full) {
        return KIND_NONE;
    }
    if (fault.kind == KIND_BEFORE) {
        _exit(FAULT_EXIT);
    }
    return fault.kind;
}

static enum kind fault_judge_fd(const char *call, int fd, bool writes)
{
    char path[PATH_MAX];
    int saved = errno;
    enum kind kind = fault.kind == KIND_NONE ? KIND_NONE : fault_judge(call, fault_path(fd, path), writes);

    errno = saved;
    return kind;
}

static bool fault_is_half(enum kind kind)
{
    return kind == KIND_TORN || kind == KIND_SHORT || (kind == KIND_ENOSPC && fault.calls == fault.at);
}

/* After a call that was let through, whole or by half. */
static void fault_after(enum kind kind)
{
    if (kind == KIND_AFTER || kind == KIND_TORN) {
        _exit(FAULT_EXIT);
    }
}

/* Whether the call fails instead of being made; sets errno. */
static bool fault_fails(enum kind kind)
{
    if (kind == KIND_EIO) {
        errno = EIO;
        return true;
    }
    if (kind == KIND_ENOSPC && fault.calls != fault.at) {
        errno = ENOSPC;
        return true;
    }
    return false;
}

/* The C library's headers give parameters names that are reserved to it.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
ssize_t write(int fd, const void *bytes, size_t size)
{
    enum kind kind = fault_judge_fd("write", fd, true);
    ssize_t count;

    if (fault_fails(kind)) {
        return -1;
    }
    count = fault_real_write(fd, bytes, fault_is_half(kind) && size > 1 ? size / 2 : size);
    fault_after(kind);
    return count;
}

static ssize_t fault_pwrite(const char *name, int fd, const void *bytes, size_t size, off_t offset)
{
    enum kind kind = fault_judge_fd(name, fd, true);
    ssize_t (*next)(int, const void *, size_t, off_t);
    ssize_t count;

    if (fault_fails(kind)) {
        return -1;
    }
    fault_next(name, &next, sizeof(next));
    count = next(fd, bytes, fault_is_half(kind) && size > 1 ? size / 2 : size, offset);
    fault_after(kind);
    return count;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return fault_pwrite("pwrite", fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
    return fault_pwrite("pwrite64", fd, bytes, size, offset);
}

static int fault_sync(const char *name, int fd)
{
    enum kind kind = fault_judge_fd(name, fd, false);
    int (*next)(int);
    int rc;

    if (fault_fails(kind)) {
        return -1;
    }
    fault_next(name, &next, sizeof(next));
    rc = next(fd);
    fault_after(kind);
    return rc;
}

int fsync(int fd)
{
    return fault_sync("fsync", fd);
}

int fdatasync(int fd)
{
    return fault_sync("fdatasync", fd);
}

static int fault_truncate(const char *name, int fd, off_t size)
{
    enum kind kind = fault_judge_fd(name, fd, false);
    int (*next)(int, off_t);
    int rc;

    if (fault_fails(kind)) {
        return -1;
    }
    fault_next(name, &next, sizeof(next));
    rc = next(fd, size);
    fault_after(kind);
    return rc;
}

int ftruncate(int fd, off_t size)
{
    return fault_truncate("ftruncate", fd, size);
}

int ftruncate64(int fd, off_t size)
{
    return fault_truncate("ftruncate64", fd, size);
}

int rename(const char *from, const char *to)
{
    enum kind kind = fault_judge("rename", to, false);
    int (*next)(const char *, const char *);
    int rc;

    if (fault_fails(kind)) {
        return -1;
    }
    fault_next("rename", &next, sizeof(next));
    rc = next(from, to);
    fault_after(kind);
    return rc;
}

/* A socket's path is "socket:[NUMBER]": its calls change what another program has seen. */
ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    enum kind kind = fault_judge_fd("send", fd, false);
    ssize_t (*next)(int, const void *, size_t, int);
    ssize_t count;

    if (fault_fails(kind)) {
        return -1;
    }
    fault_next("send", &next, sizeof(next));
    count = next(fd, bytes, size, flags);
    fault_after(kind);
    return count;
}

ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    enum kind kind = fault_judge_fd("recv", fd, false);
    ssize_t (*next)(int, void *, size_t, int);
    ssize_t count;

    if (fault_fails(kind)) {
        return -1;
    }
    fault_next("recv", &next, sizeof(next));
    count = next(fd, bytes, size, flags);
    fault_after(kind);
    return count;
}

int unlink(const char *path)
{
    enum kind kind = fault_judge("unlink", path, false);
    int (*next)(const char *);
    int rc;

    if (fault_fails(kind)) {
        return -1;
    }
    fault_next("unlink", &next, sizeof(next));
    rc = next(path);
    fault_after(kind);
    return rc;
}
/* As fault_fails(), of a file that is made: it cannot be by half. */
static bool fault_fails_to_make(enum kind kind)
{
    if (kind == KIND_ENOSPC) {
        errno = ENOSPC;
        return true;
    }
    return fault_fails(kind);
}

/* Only what makes a file is a change. */
static int fault_open(const char *path, int flags, mode_t mode)
{
    struct stat status;
    bool creates = fault.kind != KIND_NONE && (flags & O_CREAT) != 0 && stat(path, &status) != 0;
    enum kind kind = creates ? fault_judge("open", path, true) : KIND_NONE;
    int fd;

    if (fault_fails_to_make(kind)) {
        return -1;
    }
    fd = fault_real_open(path, flags, mode);
    fault_after(kind);
    return fd;
}

static mode_t fault_mode(int flags, va_list arguments)
{
    return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = fault_mode(flags, arguments);
    va_end(arguments);
    return fault_open(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = fault_mode(flags, arguments);
    va_end(arguments);
    return fault_open(path, flags, mode);
}

int mkostemp(char *path, int flags)
{
    enum kind kind = fault_judge("open", path, true);
    int (*next)(char *, int);
    int fd;

    if (fault_fails_to_make(kind)) {
        return -1;
    }
    fault_next("mkostemp", &next, sizeof(next));
    fd = next(path, flags);
    fault_after(kind);
    return fd;
}

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    bool is_file = address.__sockaddr__->sa_family == AF_UNIX;
    enum kind kind = is_file ? fault_judge("bind", address.__sockaddr_un__->sun_path, true) : KIND_NONE;
    int (*next)(int, __CONST_SOCKADDR_ARG, socklen_t);
    int rc;

    if (fault_fails_to_make(kind)) {
        return -1;
    }
    fault_next("bind", &next, sizeof(next));
    rc = next(fd, address, length);
    fault_after(kind);
    return rc;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* ---- SQLite, which this library is not linked with ---- */

struct sqlite3;
typedef int fault_row(void *, int, char **, char **);
int sqlite3_exec(struct sqlite3 *database, const char *sql, fault_row *row, void *context, char **ret_message);

int sqlite3_exec(struct sqlite3 *database, const char *sql, fault_row *row, void *context, char **ret_message)
{
    int (*next)(struct sqlite3 *, const char *, fault_row *, void *, char **);
    const char *pages = getenv("LEASTPORT_FAULT_LOG_PAGES");
    char pragma[64];
    int rc;

    fault_next("sqlite3_exec", &next, sizeof(next));
    rc = next(database, sql, row, context, ret_message);
    if (rc == 0 && pages != NULL && strstr(sql, "wal_autocheckpoint") != NULL) {
        snprintf(pragma, sizeof(pragma), "PRAGMA wal_autocheckpoint = %ld", strtol(pages, NULL, 10));
        rc = next(database, pragma, NULL, NULL, NULL);
    }
    return rc;
}
