/* Policies: read, then asked about exposures of every kind. */
#include "auditd/policy/policy.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void ask(const struct policy *policy, FILE *out)
{
    static const struct {
        const char *address;
        const char *proto;
        uint16_t port;
        enum vantage_class vantage_class;
    } asked[] = {
        {"10.0.0.5", "tcp", 22, VANTAGE_OWN_VPC},
        {"10.1.2.3", "tcp", 6379, VANTAGE_WORLD},
        {"fd00::5", "udp", 161, VANTAGE_PEER},
        {"127.0.0.1", "tcp", 8080, VANTAGE_SELF},
    };
    static const char *const names[] = {"db.example", "web-1"};
    struct addr address;
    struct verdict verdict;

    for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
        const struct exposure exposure = {.realm = "default",
                                          .names = names,
                                          .name_count = 2,
                                          .addresses = &address,
                                          .address_count = 1,
                                          .proto = asked[i].proto,
                                          .port = asked[i].port,
                                          .vantage_class = asked[i].vantage_class,
                                          .vantage = "office",
                                          .now_ms = INT64_C(1763800000000)};
        assert(addr_parse(asked[i].address, &address) == 0);
        judge_exposure(policy, &exposure, &verdict);
        assert(verdict.penalty >= 0 && verdict.rule_id[0] != '\0' && verdict.kind[0] != '\0');
        assert(verdict.verdict == VERDICT_ALLOWED || severity_name(verdict.severity) != NULL);
        policy_explain(policy, &exposure, out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems;
    struct policy *policy = NULL;
    char *text = fuzz_text(data, size);
    char *said = NULL;
    size_t said_size;
    FILE *out = open_memstream(&said, &said_size);
    int rc;

    assert(out != NULL);
    problems_init(&problems);
    rc = policy_parse(text, size, "input", &problems, &policy);
    assert(rc == 0 ? problems.error_count == 0 : rc == -EBADMSG && problems.error_count > 0 && policy == NULL);
    problems_print(&problems, "input", out);
    if (rc == 0) {
        assert(strlen(policy_hash(policy)) == POLICY_HASH_SIZE - 1);
        ask(policy, out);
        policy_destroy(policy);
    }
    fclose(out);
    fuzz_check_text(said, said_size);
    free(said);
    free(text);
    return 0;
}
