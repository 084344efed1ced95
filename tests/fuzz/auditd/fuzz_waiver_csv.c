/* Waivers as CSV: what is read has an owner, a reason, an end, and is by a finding or by a rule; what is not, is
 * refused with its place. */
#include "auditd/finding/waiver_csv.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void check_entry(const json_t *entry, json_int_t *line)
{
    static const char *const given[] = {"owner", "reason", "until"};
    bool by_finding = json_array_size(json_object_get(entry, "findings")) == 1;

    for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
        assert(json_string_length(json_object_get(entry, given[i])) > 0);
    }
    assert(by_finding != (json_string_length(json_object_get(entry, "rule")) > 0));
    assert(by_finding != json_is_object(json_object_get(entry, "hosts")));
    /* Below the header, and one below the other. */
    assert(json_integer_value(json_object_get(entry, "line")) > *line);
    *line = json_integer_value(json_object_get(entry, "line"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char reason[WAIVER_CSV_REASON_SIZE] = "";
    char *text = fuzz_text(data, size);
    json_t *entries = NULL;
    json_int_t line = 1;
    size_t index;
    json_t *entry;
    int rc = waiver_csv_parse(text, size, &entries, reason);

    assert(rc == 0 ? json_array_size(entries) > 0 : rc == -EBADMSG && strncmp(reason, "line ", 5) == 0);
    json_array_foreach(entries, index, entry)
    {
        check_entry(entry, &line);
    }
    json_decref(entries);
    free(text);
    return 0;
}
