#include "auditd/outputs.h"

#include "auditd/export/export.h"
#include "auditd/report/stream.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int outputs_report(const char *db_path, const struct options_output *output, bool explain, FILE *out,
                          char error[EXPORT_ERROR_SIZE])
{
    struct report_options options = report_options_default();
    const struct export_options everything = {.now_ms = wall_now_ms()};

    if (output->driver != NULL) {
        return export_write(db_path, output->driver, output->export == NULL ? &everything : output->export, out, error);
    }
    options.format = output->format;
    options.explain = explain;
    options.now_ms = wall_now_ms();
    report_options_for(&options, strcmp(output->path, "-") == 0 ? STDOUT_FILENO : -1);
    return report_write(db_path, &options, out, error, EXPORT_ERROR_SIZE);
}

int outputs_print(const char *db_path, const struct options_output *output, bool explain, const struct target *target)
{
    struct stream *stream;
    char error[EXPORT_ERROR_SIZE] = "";
    int written;
    int rc = stream_open(target_fd(target), &stream);

    if (rc < 0) {
        log_error("out of memory");
        return rc;
    }
    rc = outputs_report(db_path, output, explain, stream_file(stream), error);
    written = stream_close(stream);
    /* Who reads a part, as head does, wants no more and no complaint. */
    if (written == -EPIPE) {
        return 0;
    }
    if (written < 0) {
        log_error("cannot write the report to %s: %s", target_name(target), strerror(-written));
        return written;
    }
    if (rc < 0) {
        log_error("%s", error[0] != '\0' ? error : strerror(-rc));
    }
    return rc;
}

int outputs_write(const char *db_path, const struct options_output *output, bool explain)
{
    struct target *target;
    int rc = target_open(output->path, &target);

    if (rc < 0) {
        return rc;
    }
    rc = outputs_print(db_path, output, explain, target);
    if (rc < 0) {
        target_abort(target);
        return rc;
    }
    return target_commit(target);
}

int outputs_write_all(const char *db_path, const struct options_output *outputs, size_t count)
{
    static const struct options_output table = {.format = REPORT_TABLE, .path = "-"};
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
