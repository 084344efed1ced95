/* What a report tells of a scanner's output (fuzz_expand()): as a table of every width, and as JSON Lines. */
#include "auditd/report/report.h"
#include "scanner/protocol.h"
#include "tests/fuzz/auditd/seeded_store.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *tell(const char *path, const struct report_options *options, size_t *ret_size)
{
    char reason[256] = "";
    char *told = NULL;
    FILE *out = open_memstream(&told, ret_size);
    int rc;

    assert(out != NULL);
    rc = report_write(path, options, out, reason, sizeof(reason));
    fclose(out);
    assert(rc == 0 || reason[0] != '\0');
    return told;
}

static void check_told(const char *path, size_t size)
{
    struct report_options options = report_options_default();
    size_t told_size = 0;
    char *told;

    options.width = 40 + (unsigned)(size % 81);
    options.explain = size % 2 == 0;
    options.now_ms = INT64_C(1763800000000);
    told = tell(path, &options, &told_size);
    fuzz_check_text(told, told_size);
    free(told);
    options.format = REPORT_JSONL;
    told = tell(path, &options, &told_size);
    fuzz_check_json_lines(told, told_size);
    free(told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct store *store;
    static const char *path;
    size_t expanded = 0;
    char *lines = fuzz_expand(SCAN_OBSERVATION_SCHEMA, data, size, &expanded);

    if (store == NULL) {
        store = seeded_store_open(&path);
    }
    (void)seeded_store_feed(store, lines, expanded);
    check_told(path, size);
    seeded_store_clear(store);
    free(lines);
    return 0;
}
