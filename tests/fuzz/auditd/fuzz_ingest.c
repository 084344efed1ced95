/* A scanner's whole output, from its bytes to the score. To keep inputs short, "TYPE MEMBERS" stands for a line of that
 * type with a good envelope; any other line stays as it is. */
#include "scanner/protocol.h"
#include "tests/fuzz/auditd/seeded_store.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expand_line(const char *line, size_t length, FILE *stream)
{
    size_t type = strspn(line, "abcdefghijklmnopqrstuvwxyz_");

    if (type == 0 || type >= length || line[type] != ' ') {
        fwrite(line, 1, length, stream);
        return;
    }
    fprintf(stream,
            "{\"schema\":\"" SCAN_OBSERVATION_SCHEMA "\",\"type\":\"%.*s\",\"scan_id\":"
            "\"10000000-0000-4000-8000-000000000001\",\"ts\":\"2025-11-22T10:00:00.000Z\",",
            (int)type, line);
    fwrite(line + type + 1, 1, length - type - 1, stream);
    putc('}', stream);
}

static char *expand(const char *text, size_t size, size_t *ret_size)
{
    char *lines = NULL;
    FILE *stream = open_memstream(&lines, ret_size);

    assert(stream != NULL);
    for (size_t at = 0; at < size;) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t length = newline == NULL ? size - at : (size_t)(newline - text) - at;
        expand_line(text + at, length, stream);
        at += length;
        if (newline != NULL) {
            putc('\n', stream);
            at++;
        }
    }
    fclose(stream);
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct store *store;
    const char *path;
    char *text = fuzz_text(data, size);
    size_t expanded = 0;
    char *lines = expand(text, size, &expanded);

    if (store == NULL) {
        store = seeded_store_open(&path);
    }
    seeded_store_feed(store, lines, expanded);
    seeded_store_clear(store);
    free(lines);
    free(text);
    return 0;
}
