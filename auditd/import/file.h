/* A file of another scanner, read whole: what it says, and what it is known again by. Knows no store. */
#ifndef LEASTPORT_AUDITD_IMPORT_FILE_H
#define LEASTPORT_AUDITD_IMPORT_FILE_H

#include "auditd/import/import.h"
#include "auditd/import/reader.h"

/* {0} is empty. */
struct import_file {
    const struct import_reader *reader;
    struct answers answers;
    char digest[IMPORT_DIGEST_SIZE]; /* of its bytes, so that the same file is known under another name */
};

/* `stream` can seek. `format` is a reader's name; NULL: by its first characters. Times that the file lacks are its own,
 * else `now_ms`. -EBADMSG with *ret_fault when it is of no known format or no whole file of it, or of a time that is
 * still to come; others as the readers have them, of the stream without a text. import_file_done() in any case. */
MUST_USE int import_file_read(FILE *stream, const char *format, int64_t now_ms, struct import_file *file,
                              struct answers_fault *ret_fault);

void import_file_done(struct import_file *file);

#endif
