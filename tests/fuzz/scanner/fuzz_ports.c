/* Port expressions of the scanner. */
#include "scanner/ports.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct services *services;
    char *text = fuzz_text(data, size);
    struct problem problem = {{0}};
    struct portset set;
    struct portset again;
    size_t offset;
    char *form;

    if (services == NULL) {
        services = services_create();
        assert(services != NULL);
    }
    if (ports_parse(text, services, "tcp", &set, &problem) == 0) {
        assert(portset_count(&set) > 0);
        form = portset_format(&set);
        assert(form != NULL && portset_parse(form, &again, &offset) == 0 && portset_equal(&set, &again));
        assert(ports_parse(form, NULL, "tcp", &again, &problem) == 0 && portset_equal(&set, &again));
        free(form);
    } else {
        assert(problem.text[0] != '\0');
    }
    free(text);
    return 0;
}
