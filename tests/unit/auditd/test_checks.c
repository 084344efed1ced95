#include "auditd/policy/checks.h"

#include "auditd/policy/front.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int64_t NOW_MS = INT64_C(1795345500000); /* 2026-11-22 */

struct fact_list {
    struct exposure_fact items[4];
    size_t count;
};

static size_t check(const struct fact_list *facts, enum vantage_class class, enum verdict_kind kind,
                    struct verdict verdicts[CHECKS_MAX])
{
    const struct verdict exposed = {
        .verdict = kind, .service = "imap", .subject = "IMAP on 143/tcp", .breadth = vantage_class_weight(class)};
    struct exposure exposure = {.proto = "tcp",
                                .port = 143,
                                .vantage_class = class,
                                .now_ms = NOW_MS,
                                .asked = true,
                                .facts = facts->items,
                                .fact_count = facts->count};

    return checks_judge(&exposure, &exposed, verdicts);
}

static const struct {
    struct fact_list facts;
    enum vantage_class class;
    enum verdict_kind kind;
    const char *found; /* NULL: nothing */
    const char *title;
    enum severity severity;
} CASES[] = {
    {{{{"tls.version", "1.0"}}, 1},
     VANTAGE_WORLD,
     VERDICT_FINDING,
     "old-tls",
     "IMAP on 143/tcp accepts TLS 1.0",
     SEVERITY_MEDIUM},
    {{{{"tls.version", "1.1"}}, 1}, VANTAGE_OWN_VPC, VERDICT_FINDING, "old-tls", "accepts TLS 1.1", SEVERITY_LOW},
    {{{{"tls.version", "1.2"}}, 1}, VANTAGE_WORLD, VERDICT_FINDING, NULL, NULL, SEVERITY_LOW},
    {{{{"cert.not_after", "2026-11-20T00:00:00Z"}}, 1},
     VANTAGE_WORLD,
     VERDICT_ALLOWED,
     "certificate",
     "ended 3 days ago",
     SEVERITY_MEDIUM},
    {{{{"cert.not_after", "2026-12-01T00:00:00Z"}}, 1},
     VANTAGE_WORLD,
     VERDICT_ALLOWED,
     "certificate",
     "ends in 8 days",
     SEVERITY_LOW},
    {{{{"cert.not_after", "2027-12-01T00:00:00Z"}}, 1}, VANTAGE_WORLD, VERDICT_ALLOWED, NULL, NULL, SEVERITY_LOW},
    {{{{"cert.verdict", "expired"}}, 1},
     VANTAGE_OWN_VPC,
     VERDICT_ALLOWED,
     "certificate",
     "that is expired",
     SEVERITY_LOW},
    {{{{"cert.verdict", "self-signed"}}, 1}, VANTAGE_OWN_VPC, VERDICT_ALLOWED, NULL, NULL, SEVERITY_LOW},
    {{{{"cert.verdict", "self-signed"}}, 1},
     VANTAGE_WORLD,
     VERDICT_ALLOWED,
     "certificate",
     "that is self-signed",
     SEVERITY_MEDIUM},
    {{{{"cert.name_mismatch", "true"}}, 1},
     VANTAGE_WORLD,
     VERDICT_ALLOWED,
     "certificate",
     "another name",
     SEVERITY_MEDIUM},
    {{{{"cert.weak", "true"}}, 1}, VANTAGE_WORLD, VERDICT_ALLOWED, "certificate", "a weak key", SEVERITY_MEDIUM},
    {{{{"cert.weak", "false"}, {"cert.name_mismatch", "false"}, {"cert.verdict", "trusted"}}, 3},
     VANTAGE_WORLD,
     VERDICT_ALLOWED,
     NULL,
     NULL,
     SEVERITY_LOW},
    {{{{"cleartext", "true"}}, 1}, VANTAGE_WORLD, VERDICT_ALLOWED, "cleartext", "without encryption", SEVERITY_MEDIUM},
    {{{{"cleartext", "true"}}, 1}, VANTAGE_WORLD, VERDICT_FINDING, NULL, NULL, SEVERITY_LOW},
    {{{{"cleartext", "true"}, {"redirects_to_https", "true"}}, 2},
     VANTAGE_WORLD,
     VERDICT_ALLOWED,
     NULL,
     NULL,
     SEVERITY_LOW},
    {{{{NULL, NULL}}, 0}, VANTAGE_WORLD, VERDICT_ALLOWED, NULL, NULL, SEVERITY_LOW},
};

static void finds_each_fault(void **state)
{
    struct verdict verdicts[CHECKS_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        size_t count = check(&CASES[i].facts, CASES[i].class, CASES[i].kind, verdicts);
        assert_int_equal(count, CASES[i].found != NULL);
        if (count > 0) {
            assert_string_equal(verdicts[0].kind, CASES[i].found);
            assert_non_null(strstr(verdicts[0].title, CASES[i].title));
            assert_int_equal(verdicts[0].severity, CASES[i].severity);
            assert_int_equal(verdicts[0].verdict, VERDICT_FINDING);
            assert_true(strlen(verdicts[0].why) > 0 && strlen(verdicts[0].fix) > 0);
        }
    }
}

static void finds_several_at_once(void **state)
{
    static const struct fact_list facts = {{{"tls.version", "1.0"}, {"cert.verdict", "bad"}, {"cleartext", "true"}}, 3};
    struct verdict verdicts[CHECKS_MAX];

    (void)state;
    assert_int_equal(check(&facts, VANTAGE_WORLD, VERDICT_ALLOWED, verdicts), 3);
    assert_string_equal(verdicts[1].kind, "certificate");
    assert_string_equal(verdicts[2].kind, "cleartext");
}

/* How bad it is to answer around a proxy depends on who can: a front alone is no fault, nor is what the policy allows.
 */
static void a_back_end_that_answers_around_its_proxy_is_one(void **state)
{
    static const struct {
        enum vantage_class class;
        enum severity severity;
    } cases[] = {{VANTAGE_OWN_VPC, SEVERITY_LOW},
                 {VANTAGE_VPN, SEVERITY_MEDIUM},
                 {VANTAGE_PUBLIC_RANGE, SEVERITY_MEDIUM},
                 {VANTAGE_WORLD, SEVERITY_HIGH}};
    const struct front front = {.sign = FRONT_TLS, .address = "10.0.0.7", .subject = "HTTPS on 443/tcp"};
    struct verdict verdicts[CHECKS_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct exposure exposure = {.proto = "tcp", .port = 8080, .vantage_class = cases[i].class, .front = &front};
        struct verdict exposed = {
            .verdict = VERDICT_FINDING, .subject = "HTTP on 8080/tcp", .breadth = vantage_class_weight(cases[i].class)};
        assert_int_equal(checks_judge(&exposure, &exposed, verdicts), 1);
        assert_string_equal(verdicts[0].kind, "proxy-bypass");
        assert_string_equal(verdicts[0].rule_id, "baseline/proxy-bypass");
        assert_string_equal(verdicts[0].title,
                            "HTTP on 8080/tcp answers around its proxy: HTTPS on 443/tcp of 10.0.0.7 serves the same "
                            "page");
        assert_int_equal(verdicts[0].severity, cases[i].severity);
        exposed.verdict = VERDICT_ALLOWED;
        assert_int_equal(checks_judge(&exposure, &exposed, verdicts), 0);
        exposed.verdict = VERDICT_FINDING;
        exposure.front = NULL;
        assert_int_equal(checks_judge(&exposure, &exposed, verdicts), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_fault),
        cmocka_unit_test(finds_several_at_once),
        cmocka_unit_test(a_back_end_that_answers_around_its_proxy_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
