/* Policies: read, then asked about exposures of every kind, seen from one place and from several; their tests played,
 * and looked through for what can hardly have been meant. */
#include "auditd/policy/lint.h"
#include "auditd/policy/policy.h"
#include "auditd/policy/rehearsal.h"
#include "auditd/policy/rule.h"
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

/* A port that several places have looked at, of a host with tags, with facts known of what answers. */
static void ask_more(const struct policy *policy, FILE *out)
{
    static const struct host_tag tags[] = {{"app", "shop"}, {"tier", "db"}, {"tier", "edge"}};
    static const struct exposure_fact facts[] = {
        {"cert.not_after", "2027-01-01T00:00:00Z"}, {"service", "http"}, {"tls", "true"}, {"tls.version", "1.2"}};
    struct addr address = {.bytes = {10, 0, 0, 5}};
    struct host_view inside = {
        .realm = "default", .addresses = &address, .address_count = 1, .tags = tags, .tag_count = 2};
    struct host_view nowhere = {.tags_unknown = true, .names_unknown = true};
    const struct exposure_sight sights[] = {
        {VANTAGE_OWN_VPC, "inside", true, NULL, &inside},
        {VANTAGE_PEER, "nowhere", true, NULL, &nowhere},
        {VANTAGE_VPN, "vpn", false, NULL, NULL},
        {VANTAGE_SELF, "self", true, NULL, NULL},
    };
    struct exposure exposure = {.realm = "default",
                                .addresses = &address,
                                .address_count = 1,
                                .tags = tags,
                                .tag_count = 3,
                                .proto = "tcp",
                                .port = 443,
                                .sights = sights,
                                .now_ms = INT64_C(1763800000000),
                                .asked = true,
                                .facts = facts,
                                .fact_count = 4};
    size_t groups = policy_rules(policy)->group_count;
    struct verdict plain;
    struct verdict remembered;

    for (exposure.sight_count = 1; exposure.sight_count <= 4; exposure.sight_count++) {
        exposure.memo = NULL;
        judge_exposure(policy, &exposure, &plain);
        exposure.memo = malloc(groups + 1);
        assert(exposure.memo != NULL);
        memset(exposure.memo, HOST_MEMO_UNKNOWN, groups + 1);
        judge_exposure(policy, &exposure, &remembered);
        judge_exposure(policy, &exposure, &remembered);
        assert(verdict_hash(&plain) == verdict_hash(&remembered));
        assert(plain.verdict == remembered.verdict && plain.verdict == verdict_kind_of(plain.need_kind));
        policy_explain(policy, &exposure, out);
        free(exposure.memo);
    }
}

static void look_through(const struct policy *policy, FILE *out)
{
    struct rehearsal rehearsal = policy_rehearse(policy, "input", INT64_C(1763800000000), out);
    struct problems problems;

    assert(rehearsal.passed + rehearsal.failed == policy_rules(policy)->test_count);
    problems_init(&problems);
    assert(lint_rules(policy_rules(policy), INT64_C(1763800000000), &problems) == 0);
    assert(problems.error_count == 0);
    problems_print(&problems, "input", out);
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
        ask_more(policy, out);
        look_through(policy, out);
        policy_destroy(policy);
    }
    fclose(out);
    fuzz_check_text(said, said_size);
    free(said);
    free(text);
    return 0;
}
