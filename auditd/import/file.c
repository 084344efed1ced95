#include "auditd/import/file.h"

#include "lib/clock.h"

#include <errno.h>
#include <sodium.h>

/* Room for a clock that is a little ahead of ours. */
enum { FILE_AHEAD_MS = 5 * 60 * 1000 };

static int file_take_digest(FILE *stream, struct import_file *file)
{
    uint8_t digest[crypto_generichash_BYTES];
    crypto_generichash_state state;
    uint8_t buffer[65536];
    size_t length;

    rewind(stream);
    crypto_generichash_init(&state, NULL, 0, sizeof(digest));
    while ((length = fread(buffer, 1, sizeof(buffer), stream)) > 0) {
        crypto_generichash_update(&state, buffer, length);
    }
    if (ferror(stream) != 0) {
        return -EIO;
    }
    crypto_generichash_final(&state, digest, sizeof(digest));
    sodium_bin2hex(file->digest, sizeof(file->digest), digest, sizeof(digest));
    return 0;
}

/* Times that the file lacks are its own, else now; none is ahead of us. */
static int file_settle_times(struct answers *answers, int64_t now_ms, struct answers_fault *fault)
{
    char moment[WALL_TEXT_SIZE];

    answers->ended_ms = answers->ended_ms == 0 ? answers->begun_ms : answers->ended_ms;
    answers->ended_ms = answers->ended_ms == 0 ? now_ms : answers->ended_ms;
    answers->begun_ms =
        answers->begun_ms == 0 || answers->begun_ms > answers->ended_ms ? answers->ended_ms : answers->begun_ms;
    for (size_t i = 0; i < answers->host_count; i++) {
        int64_t *seen = &answers->hosts[i]->seen_ms;
        *seen = *seen < answers->begun_ms || *seen > answers->ended_ms ? answers->ended_ms : *seen;
    }
    if (answers->ended_ms > now_ms + FILE_AHEAD_MS) {
        return answers_refuse(fault, 0, "it is of %s, which is still to come: one clock is wrong",
                              wall_format(answers->ended_ms, moment));
    }
    return 0;
}

int import_file_read(FILE *stream, const char *format, int64_t now_ms, struct import_file *file,
                     struct answers_fault *ret_fault)
{
    int rc;

    file->reader = format != NULL ? import_reader_find(format) : import_reader_guess(stream);
    if (file->reader == NULL) {
        return answers_refuse(ret_fault, 0, "neither nmap's XML (-oX) nor masscan's list (-oL) or JSON (-oJ)");
    }
    rc = file->reader->read(stream, &file->answers, ret_fault);
    rc = rc == 0 ? file_take_digest(stream, file) : rc;
    return rc == 0 ? file_settle_times(&file->answers, now_ms, ret_fault) : rc;
}

void import_file_done(struct import_file *file)
{
    answers_done(&file->answers);
}
