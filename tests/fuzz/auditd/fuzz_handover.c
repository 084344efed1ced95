/* What a daemon answers to an audit that was handed to it, up to the outcome and to what is said on stderr. */
#include "auditd/handover.h"
#include "lib/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/peer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char program[] = "leastport-fuzz";

/* The names are the linker's (ld --wrap). NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);

/* The log's lines are judged here and shown nowhere. */
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    const char *line = bytes;

    if (fd != STDERR_FILENO || memmem(line, size, program, sizeof(program) - 1) == NULL) {
        return __real_write(fd, bytes, size);
    }
    fuzz_check_text(line, size);
    assert(memchr(line, '\n', size) == line + size - 1);
    return (ssize_t)size;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* ECMA-48: carriage return and "erase to the end of the line" are all that may move a cursor. */
static void check_drawn(const char *drawn, size_t size)
{
    static const char erase[] = "\r\x1b[K";

    for (size_t i = 0; i < size; i++) {
        if (drawn[i] == '\r') {
            assert(size - i >= sizeof(erase) - 1 && memcmp(drawn + i, erase, sizeof(erase) - 1) == 0);
            i += sizeof(erase) - 2;
        } else {
            assert(drawn[i] >= 0x20 && drawn[i] < 0x7f);
        }
    }
}

static void check_result(int rc, const struct handover_result *result)
{
    assert(rc == 0 || rc == -EPROTO);
    assert(memchr(result->message, '\0', sizeof(result->message)) != NULL);
    assert(rc == 0 || (result->message[0] != '\0' && !result->complete));
    assert(!result->interrupted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *drawn = NULL;
    size_t drawn_size;
    struct meter meter = {.terminal = open_memstream(&drawn, &drawn_size)};
    struct handover_result result = {0};
    const char *path = peer_path();
    json_t *request = json_pack("{s:[s]}", "targets", "10.0.0.1");

    assert(meter.terminal != NULL && request != NULL);
    log_init(program, size % 2 == 0 ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON, LOG_LEVEL_NOTICE);
    peer_say(data, size);
    check_result(handover_run(path, request, &meter, &result), &result);
    peer_wait();
    json_decref(request);
    fclose(meter.terminal);
    check_drawn(drawn, drawn_size);
    free(drawn);
    return 0;
}
