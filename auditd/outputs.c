#include "auditd/outputs.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int outputs_report(const char *db_path, const struct options_output *output, bool explain, FILE *stream)
{
    struct report_options options = report_options_default();
    char error[512] = "";
    int rc;

    options.format = output->format;
    options.explain = explain;
    options.now_ms = wall_now_ms();
    report_options_for(&options, stream);
    rc = report_write(db_path, &options, stream, error, sizeof(error));
    /* Who reads a part, as head does, wants no more and no complaint. */
    if (rc == -EPIPE) {
        return 0;
    }
    if (rc < 0) {
        log_error("%s", error[0] != '\0' ? error : strerror(-rc));
        return rc;
    }
    if (fflush(stream) != 0 || ferror(stream)) {
        rc = errno > 0 ? -errno : -EIO;
        log_error("cannot write the report to %s: %s",
                  strcmp(output->path, "-") == 0 ? "standard output" : output->path, strerror(-rc));
    }
    return rc;
}

/* A device, a pipe or a link cannot be renamed over without destroying it: it is written in place. */
static bool outputs_in_place(const char *path)
{
    struct stat stat;

    return lstat(path, &stat) == 0 && !S_ISREG(stat.st_mode);
}

static int outputs_file(const char *db_path, const struct options_output *output, bool explain)
{
    bool in_place = outputs_in_place(output->path);
    char *part;
    FILE *file;
    int rc;

    if (asprintf(&part, "%s%s", output->path, in_place ? "" : ".part") < 0) {
        return -ENOMEM;
    }
    file = fopen(part, "we");
    if (file == NULL) {
        rc = -errno;
        log_error("cannot write %s: %s", part, strerror(errno));
        free(part);
        return rc;
    }
    rc = outputs_report(db_path, output, explain, file);
    if (fclose(file) != 0 && rc == 0) {
        rc = -errno;
        log_error("cannot write %s: %s", part, strerror(errno));
    }
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
        return outputs_report(db_path, output, explain, stdout);
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
