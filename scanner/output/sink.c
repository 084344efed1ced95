#include "scanner/output/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe's room and a page cache's stride both take several of these. */
enum { SINK_HELD_MAX = 32 * 1024 };

struct sink {
    char *path;
    char *beside; /* the name it has until sink_commit(), or NULL */
    int fd;
    bool is_regular;
    bool started;
    off_t size; /* of a regular file: the bytes of whole writes */
    char *held; /* lines that are still to be written; NULL before the first */
    size_t held_size;
};

/* The name is always the same, so that what a killed program left is written over by the next one; the lock keeps two
 * that run at once apart. */
static int sink_open_beside(struct sink *sink)
{
    char *beside;
    int rc;

    if (asprintf(&beside, "%s.part", sink->path) < 0) {
        return -ENOMEM;
    }
    sink->fd = open(beside, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (sink->fd < 0 || flock(sink->fd, LOCK_EX | LOCK_NB) < 0) {
        rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
        free(beside);
        return rc;
    }
    sink->beside = beside;
    return 0;
}

static int sink_open(struct sink *sink, bool beside)
{
    struct stat stat;
    int rc = 0;

    if (strcmp(sink->path, "-") == 0) {
        sink->fd = STDOUT_FILENO;
        return 0;
    }
    /* A device or a pipe cannot be renamed over. */
    if (beside && (lstat(sink->path, &stat) < 0 || S_ISREG(stat.st_mode))) {
        rc = sink_open_beside(sink);
    } else {
        sink->fd = open(sink->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        rc = sink->fd < 0 ? -errno : 0;
    }
    if (rc == 0 && fstat(sink->fd, &stat) == 0) {
        sink->is_regular = S_ISREG(stat.st_mode);
    }
    return rc;
}

int sink_create(const char *path, bool beside, struct sink **ret_sink, struct problem *problem)
{
    struct sink *sink = calloc(1, sizeof(*sink));
    int rc;

    if (sink == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    sink->fd = -1;
    sink->path = strdup(path);
    rc = sink->path == NULL ? -ENOMEM : sink_open(sink, beside);
    if (rc < 0) {
        sink_destroy(sink);
        return problem_set(problem, rc, "cannot create %s: %s", path, strerror(-rc));
    }
    *ret_sink = sink;
    return 0;
}

static int sink_fail(struct sink *sink, int rc)
{
    if (sink->is_regular && ftruncate(sink->fd, sink->size) == 0) {
        lseek(sink->fd, sink->size, SEEK_SET);
    }
    return rc;
}

/* *ret_done: how many came out, all of them or not. */
static int sink_put(struct sink *sink, const char *bytes, size_t size, size_t *ret_done)
{
    size_t done = 0;
    int rc = 0;

    if (!sink->started && sink->is_regular && ftruncate(sink->fd, 0) < 0) {
        rc = -errno;
    }
    sink->started |= rc == 0;
    while (rc == 0 && done < size) {
        ssize_t count = write(sink->fd, bytes + done, size - done);
        if (count > 0) {
            done += (size_t)count;
        } else if (count == 0 || errno != EINTR) {
            rc = count < 0 ? -errno : -ENOSPC;
        }
    }
    *ret_done = done;
    return rc;
}

static int sink_put_whole(struct sink *sink, const char *bytes, size_t size)
{
    size_t done;
    int rc = sink_put(sink, bytes, size, &done);

    if (rc < 0) {
        return sink_fail(sink, rc);
    }
    sink->size += (off_t)size;
    return 0;
}

int sink_flush(struct sink *sink)
{
    size_t done;
    int rc;

    if (sink->held_size == 0) {
        return 0;
    }
    rc = sink_put(sink, sink->held, sink->held_size, &done);
    sink->held_size = 0;
    if (rc < 0) {
        const char *newline = memrchr(sink->held, '\n', done);
        sink->size += newline == NULL ? 0 : newline + 1 - sink->held;
        return sink_fail(sink, rc);
    }
    sink->size += (off_t)done;
    return 0;
}

int sink_write(struct sink *sink, const char *bytes, size_t size)
{
    int rc = sink_flush(sink);

    return rc < 0 ? rc : sink_put_whole(sink, bytes, size);
}

int sink_hold(struct sink *sink, const char *line, size_t size)
{
    int rc = sink->held_size + size > SINK_HELD_MAX ? sink_flush(sink) : 0;

    if (rc < 0) {
        return rc;
    }
    if (size > SINK_HELD_MAX) {
        return sink_put_whole(sink, line, size);
    }
    if (sink->held == NULL) {
        sink->held = malloc(SINK_HELD_MAX);
    }
    if (sink->held == NULL) {
        return -ENOMEM;
    }
    memcpy(sink->held + sink->held_size, line, size);
    sink->held_size += size;
    return 0;
}

int sink_commit(struct sink *sink)
{
    int rc = sink_flush(sink);

    if (sink->fd == STDOUT_FILENO || rc < 0) {
        return rc;
    }
    /* Some file systems tell of a full disk only now. The lock goes with the descriptor: rename before. */
    if (sink->beside != NULL && (fsync(sink->fd) < 0 || rename(sink->beside, sink->path) < 0)) {
        rc = -errno;
    }
    if (close(sink->fd) < 0 && errno != EINTR && rc == 0) {
        rc = -errno;
    }
    sink->fd = -1;
    if (rc == 0) {
        free(sink->beside);
        sink->beside = NULL;
    }
    return rc;
}

void sink_destroy(struct sink *sink)
{
    if (sink == NULL) {
        return;
    }
    if (sink->fd >= 0 && sink->fd != STDOUT_FILENO) {
        close(sink->fd);
    }
    if (sink->beside != NULL) {
        unlink(sink->beside);
    }
    free(sink->beside);
    free(sink->held);
    free(sink->path);
    free(sink);
}

const char *sink_name(const struct sink *sink)
{
    return strcmp(sink->path, "-") == 0 ? "standard output" : sink->path;
}

bool sink_is_stdout(const struct sink *sink)
{
    return sink->fd == STDOUT_FILENO;
}

bool sink_same(const struct sink *a, const struct sink *b)
{
    struct stat a_stat;
    struct stat b_stat;

    if (strcmp(a->path, b->path) == 0) {
        return true;
    }
    return a->is_regular && b->is_regular && stat(a->path, &a_stat) == 0 && stat(b->path, &b_stat) == 0 &&
           a_stat.st_dev == b_stat.st_dev && a_stat.st_ino == b_stat.st_ino;
}
