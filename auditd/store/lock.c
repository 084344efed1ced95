#include "auditd/store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

struct store_lock {
    int fd;
};

static int store_lock_path(const char *database_path, char *buffer, size_t size)
{
    int length = snprintf(buffer, size, "%s.lock", database_path);

    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* 0 when no number stands in the file: its holder has not written it yet. */
static pid_t store_lock_read_pid(int fd)
{
    char text[32] = "";
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

    return length > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* The name by which its user started it, without what followed; empty when it is no more. */
static void store_lock_command(pid_t pid, char *buffer, size_t size)
{
    char path[64];
    FILE *file;

    memset(buffer, 0, size);
    snprintf(path, sizeof(path), "/proc/%ld/cmdline", (long)pid);
    file = fopen(path, "re");
    if (file != NULL) {
        (void)!fread(buffer, 1, size - 1, file);
        fclose(file);
    }
}

/* By its command line, as its user started it ("leastport serve"): the kernel's own name is cut at 15 bytes. */
static void store_lock_program(pid_t pid, char *buffer, size_t size)
{
    char line[256];
    const char *slash;

    store_lock_command(pid, line, sizeof(line));
    slash = strrchr(line, '/');
    snprintf(buffer, size, "%s", line[0] == '\0' ? "a program" : slash == NULL ? line : slash + 1);
}

static void store_lock_explain_busy(const char *database_path, int fd, struct store_error *ret_error)
{
    char program[64];
    pid_t pid = store_lock_read_pid(fd);

    ret_error->fault = STORE_FAULT_LOCKED;
    if (pid <= 0) {
        snprintf(ret_error->text, sizeof(ret_error->text),
                 "the database %.400s is being opened by another process just now; try again", database_path);
        return;
    }
    store_lock_program(pid, program, sizeof(program));
    snprintf(ret_error->text, sizeof(ret_error->text),
             "the database %.400s is written by %s (process %ld); end that process first, or name another --db",
             database_path, program, (long)pid);
}

static void store_lock_explain_open(const char *path, int error, struct store_error *ret_error)
{
    static const char *const readonly = "check the owner and mode of its folder";
    bool denied = error == EACCES || error == EROFS || error == EPERM;

    ret_error->fault = denied             ? STORE_FAULT_READ_ONLY
                       : error == ENOENT  ? STORE_FAULT_MISSING
                       : error == ENOTDIR ? STORE_FAULT_MISSING
                       : error == ENOSPC  ? STORE_FAULT_FULL
                                          : STORE_FAULT_OTHER;
    snprintf(ret_error->text, sizeof(ret_error->text), "cannot make the lock file %.400s: %s; %s", path,
             strerror(error),
             denied            ? readonly
             : error == ENOSPC ? "make room"
                               : "check the path");
}

/* So that others can name who holds the lock. */
static int store_lock_write_pid(int fd)
{
    char text[32];
    size_t length = (size_t)snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    size_t done = 0;

    if (ftruncate(fd, 0) < 0) {
        return -errno;
    }
    while (done < length) {
        ssize_t count = pwrite(fd, text + done, length - done, (off_t)done);
        if (count <= 0) {
            return count < 0 ? -errno : -EIO;
        }
        done += (size_t)count;
    }
    return 0;
}

static bool store_lock_holder_lives(int fd)
{
    pid_t pid = store_lock_read_pid(fd);
    char line[2];

    if (pid <= 0) {
        return false;
    }
    store_lock_command(pid, line, sizeof(line));
    return line[0] != '\0';
}

/* A writer that was killed while it started another program leaves that one its lock until it runs; whoever looks for
 * the holder has the lock for a moment, too; and who has just taken it has not written its number yet. All of that
 * passes. A writer that lives is not waited for. */
static int store_lock_wait(int fd)
{
    static const struct timespec nap = {.tv_nsec = 20000000};

    for (int naps = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; naps++) {
        if (errno != EWOULDBLOCK) {
            return -errno;
        }
        if (naps == 150 || store_lock_holder_lives(fd)) {
            return -EBUSY;
        }
        (void)nanosleep(&nap, NULL);
    }
    return 0;
}

int store_lock_take(const char *database_path, struct store_lock **ret_lock, struct store_error *ret_error)
{
    char path[PATH_MAX];
    struct store_lock *lock;
    int rc;
    int fd;

    if (store_lock_path(database_path, path, sizeof(path)) < 0) {
        store_lock_explain_open(database_path, ENAMETOOLONG, ret_error);
        return -ENAMETOOLONG;
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        rc = -errno;
        store_lock_explain_open(path, -rc, ret_error);
        return rc;
    }
    rc = store_lock_wait(fd);
    if (rc < 0) {
        store_lock_explain_busy(database_path, fd, ret_error);
        close(fd);
        return rc;
    }
    lock = malloc(sizeof(*lock));
    rc = lock == NULL ? -ENOMEM : store_lock_write_pid(fd);
    if (rc < 0) {
        store_lock_explain_open(path, -rc, ret_error);
        free(lock);
        close(fd);
        return rc;
    }
    lock->fd = fd;
    *ret_lock = lock;
    return 0;
}

void store_lock_release(struct store_lock *lock)
{
    if (lock == NULL) {
        return;
    }
    close(lock->fd);
    free(lock);
}

int store_lock_holder(const char *database_path, pid_t *ret_pid)
{
    char path[PATH_MAX];
    pid_t pid = 0;
    int rc = store_lock_path(database_path, path, sizeof(path));
    int fd;

    if (rc < 0) {
        return rc;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return -errno;
    }
    /* A shared lock is refused only while a writer holds its own; it is given back at close. */
    if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        pid = store_lock_read_pid(fd);
    }
    close(fd);
    if (pid <= 0) {
        return -ENOENT;
    }
    *ret_pid = pid;
    return 0;
}
