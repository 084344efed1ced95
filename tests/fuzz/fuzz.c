#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[256];

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    assert(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    return text;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_folder(void)
{
    (void)nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void)
{
    const char *parent = getenv("TMPDIR");

    if (folder[0] == '\0') {
        int size = snprintf(folder, sizeof(folder), "%s/leastport-fuzz-XXXXXX", parent == NULL ? "/tmp" : parent);
        assert(size > 0 && (size_t)size < sizeof(folder));
        assert(mkdtemp(folder) != NULL);
        assert(atexit(remove_folder) == 0);
    }
    return folder;
}

/* ---- observations ---- */

static void expand_line(const char *schema, const char *line, size_t length, FILE *stream)
{
    size_t type = 0;

    while (type < length && (line[type] == '_' || (line[type] >= 'a' && line[type] <= 'z'))) {
        type++;
    }
    if (type == 0 || type == length || line[type] != ' ') {
        fwrite(line, 1, length, stream);
        return;
    }
    fprintf(stream,
            "{\"schema\":\"%s\",\"type\":\"%.*s\",\"scan_id\":\"10000000-0000-4000-8000-000000000001\","
            "\"ts\":\"2025-11-22T10:00:00.000Z\",",
            schema, (int)type, line);
    fwrite(line + type + 1, 1, length - type - 1, stream);
    putc('}', stream);
}

char *fuzz_expand(const char *schema, const uint8_t *data, size_t size, size_t *ret_size)
{
    const char *text = (const char *)data;
    char *lines = NULL;
    FILE *stream = open_memstream(&lines, ret_size);

    assert(stream != NULL);
    for (size_t at = 0; at < size;) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t length = newline == NULL ? size - at : (size_t)(newline - text) - at;
        expand_line(schema, text + at, length, stream);
        at += length;
        if (newline != NULL) {
            putc('\n', stream);
            at++;
        }
    }
    fclose(stream);
    return lines;
}

/* ---- what is written ---- */

void fuzz_check_text(const char *text, size_t size)
{
    /* NULL for what is no UTF-8. */
    json_t *string = json_stringn(text, size);

    assert(string != NULL);
    json_decref(string);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        assert((byte >= 0x20 && byte != 0x7f) || byte == '\n');
        /* C1: the second byte cannot be missing, for this is UTF-8. */
        assert(byte != 0xc2 || (unsigned char)text[i + 1] >= 0xa0);
    }
}

void fuzz_check_json_lines(const char *text, size_t size)
{
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        json_t *line = end == NULL ? NULL : json_loadb(text, (size_t)(end - text), JSON_REJECT_DUPLICATES, NULL);
        assert(json_is_object(line));
        json_decref(line);
        size -= (size_t)(end - text) + 1;
        text = end + 1;
    }
}
