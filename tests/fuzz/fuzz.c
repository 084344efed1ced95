#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <ftw.h>
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
