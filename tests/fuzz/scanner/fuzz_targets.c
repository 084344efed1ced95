/* Target expressions, as a file or standard input holds them. */
#include "scanner/targets.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct services *services(void)
{
    static struct services *table;

    if (table == NULL) {
        table = services_create();
        assert(table != NULL);
    }
    return table;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The contract: `text` parses to the same target again anywhere. */
static void check_text(const struct target *target)
{
    struct targets *again = targets_create();
    struct problem problem = {{0}};
    const struct target *second;

    assert(again != NULL);
    assert(targets_add(again, target->text, NULL, &problem) == 0);
    assert(targets_count(again) == 1);
    second = targets_at(again, 0);
    assert(same_text(target->name, second->name) && same_text(target->ports, second->ports));
    if (target->name == NULL) {
        assert(addr_compare(&target->first, &second->first) == 0 && addr_compare(&target->last, &second->last) == 0);
        assert(addr_compare(&target->first, &target->last) <= 0);
    }
    targets_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct targets *targets = targets_create();
    char *text = fuzz_text(data, size);
    /* fmemopen() takes no empty buffer; the NUL stands in for the missing bytes. */
    FILE *stream = fmemopen(text, size == 0 ? 1 : size, "r");
    struct problem problem = {{0}};
    int rc;

    assert(targets != NULL && stream != NULL);
    rc = targets_read(targets, stream, "input", services(), &problem);
    assert(rc == 0 || problem.text[0] != '\0');
    for (size_t i = 0; i < targets_count(targets); i++) {
        check_text(targets_at(targets, i));
    }
    fclose(stream);
    free(text);
    targets_destroy(targets);
    return 0;
}
