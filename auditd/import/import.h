/* What a file says was seen, as scans' lines: so it is stored and judged as our own scans are. Knows no store. */
#ifndef LEASTPORT_AUDITD_IMPORT_IMPORT_H
#define LEASTPORT_AUDITD_IMPORT_IMPORT_H

#include "auditd/import/answers.h"

/* Hex digits of a file's BLAKE2b, with a NUL. */
enum { IMPORT_DIGEST_SIZE = 65 };

struct import_place {
    const char *realm;
    const char *vantage;
    const char *tool;   /* of the file, for the plan */
    const char *digest; /* of the file: by it an import that was cut off goes on */
};

/* A scan of as many hosts as one plan holds, in lines of ASCII. */
struct import_part {
    size_t to;  /* the first host behind it */
    char *text; /* owned by the caller: free() */
    size_t size;
};

/* Of the hosts from `from` on, which is below answers->host_count. Of a scan that was not finished only open ports are
 * told of: what it did not see, it may not have looked at. -ENOMEM. */
MUST_USE int import_part(const struct import_place *place, const struct answers *answers, size_t from,
                         struct import_part *ret_part);

#endif
