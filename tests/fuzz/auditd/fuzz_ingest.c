/* A scanner's whole output (fuzz_expand()), from its bytes to the score. */
#include "scanner/protocol.h"
#include "tests/fuzz/auditd/seeded_store.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct store *store;
    const char *path;
    size_t expanded = 0;
    char *lines = fuzz_expand(SCAN_OBSERVATION_SCHEMA, data, size, &expanded);

    if (store == NULL) {
        store = seeded_store_open(&path);
    }
    (void)seeded_store_feed(store, lines, expanded);
    seeded_store_clear(store);
    free(lines);
    return 0;
}
