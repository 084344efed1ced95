#include "auditd/policy/verdict_memo.h"

#include "auditd/policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "version: 1\n"
                           "groups: {web: {cidr: 10.0.0.0/24}}\n"
                           "allow:\n- {id: pages, to: web, ports: [80, 443], from: world, why: pages}\n"
                           "- {id: checked, to: web, ports: 1000-1100, from: world, when: {tls: true}, why: w}\n"
                           "forbid:\n- {id: none, to: web, ports: 2000-30000, from: world, why: w, fix: f}\n";

static void assert_same(const struct verdict *a, const struct verdict *b)
{
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(verdict_hash(a), verdict_hash(b));
    assert_string_equal(a->subject, b->subject);
    assert_string_equal(a->title, b->title);
    assert_string_equal(a->why, b->why);
}

/* More ports than are remembered, and each once more after it was forgotten. */
static void says_what_judging_each_says(void **state)
{
    static const enum vantage_class classes[] = {VANTAGE_OWN_VPC, VANTAGE_WORLD};
    struct exposure exposure = {.realm = "default", .proto = "tcp", .vantage = "v", .address_count = 1, .now_ms = 1};
    struct addr address;
    struct problems problems;
    struct policy *policy;
    struct verdict_memo *memo;
    (void)state;

    problems_init(&problems);
    assert_int_equal(policy_parse(text, strlen(text), "test", &problems, &policy), 0);
    assert_int_equal(addr_parse("10.0.0.7", &address), 0);
    exposure.addresses = &address;
    memo = verdict_memo_create(policy);
    assert_non_null(memo);
    for (uint32_t i = 0; i < 40000; i++) {
        struct verdict judged;
        const struct verdict *remembered;
        int64_t hash = 0;
        exposure.port = (uint16_t)(i % 10000);
        exposure.proto = i % 3 == 0 ? "udp" : "tcp";
        exposure.vantage_class = classes[i / 20000];
        judge_exposure(policy, &exposure, &judged);
        remembered = verdict_memo_judge(memo, &exposure, &hash);
        assert_non_null(remembered);
        assert_same(remembered, &judged);
        assert_int_equal(hash, verdict_hash(&judged));
    }
    verdict_memo_destroy(memo);
    policy_destroy(policy);
}

static void destroys_none(void **state)
{
    (void)state;
    verdict_memo_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_judging_each_says),
        cmocka_unit_test(destroys_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
