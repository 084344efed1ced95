/* What the store holds in the formats of other tools: a table of drivers, a file each. Rows go from the statement to
 * the stream one by one, so memory does not grow with them. Reads the store, changes nothing. */
#ifndef LEASTPORT_AUDITD_EXPORT_EXPORT_H
#define LEASTPORT_AUDITD_EXPORT_EXPORT_H

#include "auditd/store/read.h"

#include <stdio.h>

enum { EXPORT_ERROR_SIZE = 512 };

enum export_subject { EXPORT_FINDINGS, EXPORT_ENDPOINTS, EXPORT_HOSTS, EXPORT_CERTIFICATES };

/* What is asked for; zeroed: all findings that count, and what is open now. Borrowed for the call. */
struct export_options {
    struct store_finding_filter findings; /* of its page nothing counts */
    struct store_endpoint_filter endpoints;
    struct store_host_filter hosts;
    struct store_certificate_filter certificates;
    enum export_subject subject; /* csv, jsonl; the others have what they have */
    int64_t now_ms;
};

/* What a driver works with. */
struct export_run {
    struct store_reader *reader; /* within a transaction: all of one moment */
    const struct export_options *options;
    FILE *out;
};

struct export_driver {
    const char *name;  /* as `-o` has it */
    bool has_subjects; /* heeds options->subject */
    /* -errno as store/read.h has it, -ENOMEM, -EIO where the stream fails. */
    int (*write)(struct export_run *run);
};

/* NULL when there is none of that name; lives for ever. */
const struct export_driver *export_find(const char *name);

/* The newest state of the database at `db_path`. -errno; what went wrong is written to `ret_error`, in words for a
 * person. */
MUST_USE int export_write(const char *db_path, const struct export_driver *driver, const struct export_options *options,
                          FILE *out, char ret_error[EXPORT_ERROR_SIZE]);

extern const struct export_driver export_csv, export_jsonl, export_sarif, export_ocsf, export_dojo, export_nmap,
    export_html;

#endif
