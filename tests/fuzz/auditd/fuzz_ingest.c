/* A scanner's whole output, from its bytes to the score. */
#include "tests/fuzz/auditd/seeded_store.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct store *store;
    const char *path;
    char *text = fuzz_text(data, size);

    if (store == NULL) {
        store = seeded_store_open(&path);
    }
    seeded_store_feed(store, text, size);
    seeded_store_clear(store);
    free(text);
    return 0;
}
