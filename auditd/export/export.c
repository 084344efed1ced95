#include "auditd/export/export.h"

#include <errno.h>
#include <string.h>

static const struct export_driver *const drivers[] = {&export_csv,  &export_jsonl, &export_sarif, &export_ocsf,
                                                      &export_dojo, &export_nmap,  &export_html};

enum { DRIVER_COUNT = sizeof(drivers) / sizeof(*drivers) };

const struct export_driver *export_find(const char *name)
{
    for (size_t i = 0; i < DRIVER_COUNT; i++) {
        if (strcmp(drivers[i]->name, name) == 0) {
            return drivers[i];
        }
    }
    return NULL;
}

int export_write(const char *db_path, const struct export_driver *driver, const struct export_options *options,
                 FILE *out, char ret_error[EXPORT_ERROR_SIZE])
{
    struct export_run run = {.options = options, .out = out};
    char error[STORE_READ_ERROR_SIZE];
    int rc = store_reader_open(db_path, error, &run.reader);

    if (rc != 0) {
        snprintf(ret_error, EXPORT_ERROR_SIZE, "%s", error);
        return rc;
    }
    rc = store_reader_begin(run.reader);
    if (rc == 0) {
        rc = driver->write(&run);
        store_reader_end(run.reader);
    }
    if (rc == 0 && fflush(out) != 0) {
        rc = -EIO;
    }
    if (rc == -ENOMEM) {
        snprintf(ret_error, EXPORT_ERROR_SIZE, "out of memory");
    } else if (ferror(out) != 0) {
        snprintf(ret_error, EXPORT_ERROR_SIZE, "cannot write the export");
    } else if (rc != 0) {
        snprintf(ret_error, EXPORT_ERROR_SIZE, "the export cannot be made: %s", store_reader_error(run.reader));
    }
    store_reader_close(run.reader);
    return rc;
}
