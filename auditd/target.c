#include "auditd/target.h"

#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct target {
    int fd;
    bool is_stdout;
    bool in_place;
    char *path;
    char *part; /* what is written; the same as `path` in place */
};

static bool target_stays(const char *path)
{
    struct stat stat;

    return lstat(path, &stat) == 0 && !S_ISREG(stat.st_mode);
}

static void target_free(struct target *target)
{
    free(target->path);
    free(target->part);
    free(target);
}

int target_open(const char *path, struct target **ret_target)
{
    struct target *target = calloc(1, sizeof(*target));
    int rc;

    if (target == NULL) {
        return -ENOMEM;
    }
    target->is_stdout = strcmp(path, "-") == 0;
    target->in_place = target->is_stdout || target_stays(path);
    target->fd = STDOUT_FILENO;
    target->path = strdup(target->is_stdout ? "standard output" : path);
    if (target->path == NULL || asprintf(&target->part, "%s%s", path, target->in_place ? "" : ".part") < 0) {
        target->part = NULL;
        target_free(target);
        return -ENOMEM;
    }
    if (!target->is_stdout) {
        target->fd = open(target->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    if (target->fd < 0) {
        rc = -errno;
        log_error("cannot write %s: %s", target->part, strerror(errno));
        target_free(target);
        return rc;
    }
    *ret_target = target;
    return 0;
}

int target_fd(const struct target *target)
{
    return target->fd;
}

const char *target_name(const struct target *target)
{
    return target->path;
}

/* Some file systems tell of a full disk only when the file is put on it or closed. */
static int target_finish(const struct target *target)
{
    int rc = !target->in_place && fsync(target->fd) != 0 ? -errno : 0;

    if (!target->is_stdout && close(target->fd) != 0 && errno != EINTR && rc == 0) {
        rc = -errno;
    }
    if (rc < 0) {
        log_error("cannot write %s: %s", target->path, strerror(-rc));
    }
    return rc;
}

int target_commit(struct target *target)
{
    int rc = target_finish(target);

    if (rc == 0 && !target->in_place && rename(target->part, target->path) != 0) {
        rc = -errno;
        log_error("cannot name %s: %s", target->path, strerror(errno));
    }
    if (rc < 0 && !target->in_place) {
        unlink(target->part);
    }
    target_free(target);
    return rc;
}

void target_abort(struct target *target)
{
    if (target == NULL) {
        return;
    }
    if (!target->is_stdout) {
        close(target->fd);
    }
    if (!target->in_place) {
        unlink(target->part);
    }
    target_free(target);
}
