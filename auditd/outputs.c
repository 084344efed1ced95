#include "auditd/outputs.h"

#include "auditd/report/stream.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int outputs_print(const char *db_path, const struct options_output *output, bool explain, int fd)
{
    struct report_options options = report_options_default();
    struct stream *stream;
    char error[512] = "";
    int written;
    int rc = stream_open(fd, &stream);

    if (rc < 0) {
        log_error("out of memory");
        return rc;
    }
    options.format = output->format;
    options.explain = explain;
    options.now_ms = wall_now_ms();
    report_options_for(&options, fd);
    rc = report_write(db_path, &options, stream_file(stream), error, sizeof(error));
    written = stream_close(stream);
    /* Who reads a part, as head does, wants no more and no complaint. */
    if (written == -EPIPE) {
        return 0;
    }
    if (written < 0) {
        log_error("cannot write the report to %s: %s",
                  strcmp(output->path, "-") == 0 ? "standard output" : output->path, strerror(-written));
        return written;
    }
    if (rc < 0) {
        log_error("%s", error[0] != '\0' ? error : strerror(-rc));
    }
    return rc;
}

/* A device, a pipe or a link cannot be renamed over without destroying it: it is written in place. */
static bool outputs_in_place(const char *path)
{
    struct stat stat;

    return lstat(path, &stat) == 0 && !S_ISREG(stat.st_mode);
}

/* Some file systems tell of a full disk only when the file is put on it or closed. */
static int outputs_finish(const char *path, int fd, bool in_place)
{
    int rc = !in_place && fsync(fd) != 0 ? -errno : 0;

    if (close(fd) != 0 && errno != EINTR && rc == 0) {
        rc = -errno;
    }
    if (rc < 0) {
        log_error("cannot write the report to %s: %s", path, strerror(-rc));
    }
    return rc;
}

static int outputs_file(const char *db_path, const struct options_output *output, bool explain)
{
    bool in_place = outputs_in_place(output->path);
    char *part;
    int fd;
    int finished;
    int rc;

    if (asprintf(&part, "%s%s", output->path, in_place ? "" : ".part") < 0) {
        return -ENOMEM;
    }
    fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        rc = -errno;
        log_error("cannot write %s: %s", part, strerror(errno));
        free(part);
        return rc;
    }
    rc = outputs_print(db_path, output, explain, fd);
    finished = outputs_finish(output->path, fd, in_place || rc < 0);
    rc = rc < 0 ? rc : finished;
    if (rc == 0 && !in_place && rename(part, output->path) != 0) {
        rc = -errno;
        log_error("cannot name %s: %s", output->path, strerror(errno));
    }
    if (rc < 0 && !in_place) {
        unlink(part);
    }
    free(part);
    return rc;
}

int outputs_write(const char *db_path, const struct options_output *output, bool explain)
{
    if (strcmp(output->path, "-") == 0) {
        return outputs_print(db_path, output, explain, STDOUT_FILENO);
    }
    return outputs_file(db_path, output, explain);
}

int outputs_write_all(const char *db_path, const struct options_output *outputs, size_t count)
{
    static const struct options_output table = {REPORT_TABLE, "-"};
    int first = 0;

    if (count == 0) {
        return outputs_write(db_path, &table, false);
    }
    for (size_t i = 0; i < count; i++) {
        int rc = outputs_write(db_path, &outputs[i], false);
        first = first == 0 ? rc : first;
    }
    return first;
}
