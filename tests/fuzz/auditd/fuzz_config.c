/* Configurations. */
#include "auditd/config/config.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void check(const struct config *config)
{
    assert(config->listen != NULL && config->realm != NULL && config->vantage != NULL && config->ports != NULL);
    assert(config->max_age_ms > 0);
    for (size_t i = 0; i < config->ephemeral_count; i++) {
        assert(config->ephemeral[i].retire_after_ms > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems;
    struct config config;
    char *text = fuzz_text(data, size);
    char *said = NULL;
    size_t said_size;
    FILE *out = open_memstream(&said, &said_size);
    int rc;

    assert(out != NULL);
    problems_init(&problems);
    rc = config_parse(text, size, "/etc/leastport", &problems, &config);
    assert(rc == 0 ? problems.error_count == 0 : rc == -EBADMSG && problems.error_count > 0);
    problems_print(&problems, "input", out);
    fclose(out);
    fuzz_check_text(said, said_size);
    assert((problems.error_count + problems.warning_count == 0) == (said_size == 0));
    if (rc == 0) {
        check(&config);
        config_done(&config);
    }
    free(said);
    free(text);
    return 0;
}
