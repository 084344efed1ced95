/* Port expressions of policies. */
#include "auditd/policy/port_expression.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char reason[PORT_EXPRESSION_REASON_SIZE] = "";
    char *text = fuzz_text(data, size);
    struct portset set;
    struct portset again;
    char *form;

    if (port_expression_parse(text, NULL, &set, reason) == 0) {
        form = portset_format(&set);
        assert(form != NULL && port_expression_parse(form, NULL, &again, reason) == 0 && portset_equal(&set, &again));
        free(form);
    } else {
        assert(reason[0] != '\0');
    }
    free(text);
    return 0;
}
