/* The formats that can be imported: a table of readers, a file each. Hostile files are refused by line. */
#ifndef LEASTPORT_AUDITD_IMPORT_READER_H
#define LEASTPORT_AUDITD_IMPORT_READER_H

#include "auditd/import/answers.h"

#include <stdio.h>

struct import_reader {
    const char *name; /* "nmap", "masscan-json", "masscan-list" */
    const char *tool; /* what a vantage without a name is called by */
    /* Reads to the end. -EBADMSG with *ret_fault for what is no whole file of the format, -errno of the stream, -ENOMEM
     * and -E2BIG (both with *ret_fault). The caller ends *answers, which was {0}, in any case. */
    int (*read)(FILE *file, struct answers *answers, struct answers_fault *ret_fault);
};

/* NULL when there is none of that name. */
const struct import_reader *import_reader_find(const char *name);

/* By its first characters; NULL when it is of no known format. The file is at its begin again; it can seek. */
const struct import_reader *import_reader_guess(FILE *file);

extern const struct import_reader import_nmap, import_masscan_json, import_masscan_list;

#endif
