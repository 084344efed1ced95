#include "auditd/report/report.h"

#include "auditd/report/data.h"
#include "auditd/report/jsonl.h"
#include "auditd/report/table.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_DEFAULT = 80, WIDTH_MAX = 120, WORST_MAX = 5 };

static const char *const FORMATS[] = {[REPORT_TABLE] = "table", [REPORT_JSONL] = "jsonl"};

struct report_options report_options_default(void)
{
    return (struct report_options){
        .format = REPORT_TABLE, .width = WIDTH_DEFAULT, .worst_max = WORST_MAX, .now_ms = wall_now_ms()};
}

/* Longer lines than WIDTH_MAX are hard to read, however wide the terminal. */
void report_options_for(struct report_options *options, int fd)
{
    const char *columns = getenv("COLUMNS");
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    bool is_terminal = isatty(fd) == 1;
    struct winsize size = {0};
    unsigned long width = columns != NULL ? strtoul(columns, NULL, 10) : 0;

    if (width == 0 && is_terminal && ioctl(fd, TIOCGWINSZ, &size) == 0) {
        width = size.ws_col;
    }
    width = width == 0 ? WIDTH_DEFAULT : width;
    options->width = width > WIDTH_MAX ? WIDTH_MAX : (unsigned)width;
    options->colour = is_terminal && (no_colour == NULL || no_colour[0] == '\0') &&
                      (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

int report_format_parse(const char *name, enum report_format *ret_format)
{
    for (size_t i = 0; i < sizeof(FORMATS) / sizeof(*FORMATS); i++) {
        if (strcmp(FORMATS[i], name) == 0) {
            *ret_format = (enum report_format)i;
            return 0;
        }
    }
    return -EINVAL;
}

static int write_table(struct store_reader *reader, const struct report_options *options, FILE *out)
{
    struct report_data data;
    int rc = report_data_read(reader, options->now_ms, &data);

    if (rc != 0) {
        return rc;
    }
    report_table_print(&data, options, out);
    report_data_done(&data);
    return 0;
}

int report_write(const char *db_path, const struct report_options *options, FILE *out, char *ret_error,
                 size_t error_size)
{
    char error[STORE_READ_ERROR_SIZE];
    struct store_reader *reader;
    int rc = store_reader_open(db_path, error, &reader);

    if (rc != 0) {
        snprintf(ret_error, error_size, "%s", error);
        return rc;
    }
    rc = options->format == REPORT_JSONL ? report_jsonl_print(reader, out) : write_table(reader, options, out);
    if (rc == 0 && (fflush(out) != 0 || ferror(out) != 0)) {
        rc = errno != 0 ? -errno : -EIO;
    }
    if (rc == -ENOMEM) {
        snprintf(ret_error, error_size, "out of memory");
    } else if (ferror(out) != 0) {
        snprintf(ret_error, error_size, "cannot write the report: %s", strerror(-rc));
    } else if (rc != 0) {
        snprintf(ret_error, error_size, "the report cannot be made: %s", store_reader_error(reader));
    }
    store_reader_close(reader);
    return rc;
}
