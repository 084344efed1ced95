#include "auditd/policy/policy.h"

#include "auditd/policy/rule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A policy as a shop would write it. */
static const char EXAMPLE[] =
    "version: 1\n"
    "baseline: 1\n"
    "groups:\n"
    "  edge: {tags: {app: shop, tier: edge}}\n"
    "  app: {tags: {app: shop, tier: app}}\n"
    "  db: {tags: {app: shop, tier: db}}\n"
    "  kafka: {tags: {app: shop, tier: kafka}}\n"
    "  bastion: {tags: {role: bastion}}\n"
    "  office: {cidr: [203.0.113.42/32]}\n"
    "defaults: {owner: shop-team}\n"
    "allow:\n"
    "  - {id: https, to: edge, ports: 443, from: world, when: {tls.version: \">=1.2\"}, why: the shop}\n"
    "  - {id: redirect, to: edge, ports: 80, from: world, when: {redirects_to_https: true}, why: typed addresses}\n"
    "  - {id: edge-app, to: app, ports: 8090, from: edge, why: API}\n"
    "  - {id: app-db, to: db, ports: 5432, service: postgresql, from: app, why: orders}\n"
    "  - {id: events, to: kafka, ports: 9094, service: kafka, from: [app, kafka], when: {tls: true}, why: events}\n"
    "  - {id: ssh, to: bastion, ports: 22, from: [office, vpn], why: break-glass, until: 2027-03-31}\n"
    "forbid:\n"
    "  - {id: ssh-direct, to: {not: bastion}, ports: any, service: ssh, severity: high, fix: Session Manager}\n"
    "  - {id: bypass, to: app, ports: any, from: world, severity: critical, fix: go through the load balancer}\n"
    "tests:\n"
    "  - {to: db, port: 5432, from: edge, expect: finding}\n";

static void loads_the_example(void **state)
{
    struct problems problems;
    struct policy *policy = NULL;
    const struct rule_set *rules;

    (void)state;
    problems_init(&problems);
    assert_int_equal(policy_parse(EXAMPLE, strlen(EXAMPLE), "shop.yaml", &problems, &policy), 0);
    assert_int_equal(problems.error_count, 0);
    assert_int_equal(problems.warning_count, 0);
    rules = policy_rules(policy);
    assert_int_equal(rules->allow.count, 6);
    assert_int_equal(rules->forbid.count, 2);
    assert_int_equal(rules->group_count, 8); /* with any and {not: bastion} */
    assert_int_equal(rules->test_count, 1);
    assert_string_equal(rules->owner, "shop-team");
    assert_string_equal(policy_name(policy), "shop.yaml");
    assert_string_equal(policy_source(policy), EXAMPLE);
    assert_int_equal(policy_baseline(policy), 1);
    assert_int_equal(strlen(policy_hash(policy)), 64);
    policy_destroy(policy);
}

/* BLAKE2b-256 of nothing, as b2sum -l 256 prints it. */
static void hashes_its_source(void **state)
{
    struct policy *builtin = policy_create_builtin();
    struct policy *one = NULL;
    struct policy *other = NULL;
    struct problems problems;

    (void)state;
    assert_non_null(builtin);
    assert_string_equal(policy_hash(builtin), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    assert_string_equal(policy_source(builtin), "");
    assert_string_equal(policy_name(builtin), "baseline 1");
    problems_init(&problems);
    assert_int_equal(policy_parse("version: 1", 10, "a", &problems, &one), 0);
    assert_int_equal(policy_parse("version: 1 ", 11, "a", &problems, &other), 0);
    assert_string_not_equal(policy_hash(one), policy_hash(other));
    policy_destroy(one);
    policy_destroy(other);
    policy_destroy(builtin);
    policy_destroy(NULL);
}

static void takes_json(void **state)
{
    static const char text[] =
        "{\"version\": 1, \"allow\": [{\"id\": \"a\", \"to\": \"any\", \"ports\": [22, \"80-90\", "
        "\"https\"],\n \"from\": [\"vpn\"], \"why\": \"x\"}]}";
    struct problems problems;
    struct policy *policy = NULL;
    const struct rule *rule;

    (void)state;
    problems_init(&problems);
    assert_int_equal(policy_parse(text, strlen(text), "j", &problems, &policy), 0);
    rule = &policy_rules(policy)->allow.items[0];
    assert_true(portset_has(&rule->ports, 22) && portset_has(&rule->ports, 85) && portset_has(&rule->ports, 443));
    assert_int_equal(portset_count(&rule->ports), 13);
    policy_destroy(policy);
}

static void says_several_in_one_go(void **state)
{
    char text[8192] = "version: 1\nforbid:\n";
    struct problems problems;
    struct policy *policy = NULL;
    char *printed = NULL;
    size_t size = 0;
    FILE *out;

    (void)state;
    for (int i = 0; i < 30; i++) {
        size_t length = strlen(text);
        snprintf(text + length, sizeof(text) - length, "- {id: '?', to: any, prots: 1}\n");
    }
    problems_init(&problems);
    assert_int_equal(policy_parse(text, strlen(text), "p", &problems, &policy), -EBADMSG);
    assert_int_equal(problems.error_count, 90);
    out = open_memstream(&printed, &size);
    problems_print(&problems, "p.yaml", out);
    fclose(out);
    assert_non_null(strstr(printed, "p.yaml:3:8: error: \"id\" must be a name"));
    assert_non_null(strstr(printed, "p.yaml:3:22: error: unknown key \"prots\"; did you mean \"ports\"?"));
    assert_non_null(strstr(printed, "p.yaml: error: 70 more of these are not shown"));
    free(printed);
}

static char *check(const char *text, int *ret_rc)
{
    char path[] = "/tmp/leastport-policy-XXXXXX";
    int fd = mkstemp(path);
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    *ret_rc = policy_check(path, NULL, NULL, out);
    fclose(out);
    unlink(path);
    return printed;
}

static void checks_files(void **state)
{
    int rc = 0;
    char *printed = check("version: 1\n"
                          "allow:\n"
                          "- {id: old, to: any, ports: 1, from: world, why: w, until: 2020-01-01}\n",
                          &rc);

    (void)state;
    assert_int_equal(rc, 0);
    assert_non_null(strstr(printed, ":3:3: warning: the rule \"old\" ended on 2020-01-01"));
    assert_non_null(strstr(printed, "good: 1 allow, 0 forbid, 0 groups, baseline 1; 1 warning\n"));
    free(printed);
    printed = check("version: 1\nalow: []\n", &rc);
    assert_int_equal(rc, -EBADMSG);
    assert_non_null(strstr(printed, ":2:1: error: unknown key \"alow\"; did you mean \"allow\"?\n"));
    assert_non_null(strstr(printed, ": 1 error, 0 warnings\n"));
    free(printed);
    FILE *out = fopen("/dev/null", "w");
    assert_int_equal(policy_check("/nonexistent/policy.yaml", NULL, NULL, out), -ENOENT);
    assert_int_equal(policy_check("/tmp", NULL, NULL, out), -EISDIR);
    fclose(out);
}

/* What a person may paste into a policy is escaped where it is quoted. */
static void escapes_what_it_quotes(void **state)
{
    static const char text[] = "\"\\e[31mred\": 1\nversion: 1\n";
    struct problems problems;
    struct policy *policy = NULL;

    (void)state;
    problems_init(&problems);
    assert_int_equal(policy_parse(text, strlen(text), "p", &problems, &policy), -EBADMSG);
    assert_null(strchr(problems.errors[0].message, '\033'));
    assert_non_null(strstr(problems.errors[0].message, "\\x1b[31mred"));
}

/* A why with a tab, a terminal's escape and a C1 control, in an explanation. */
static void explains_in_plain_text(void **state)
{
    static const char text[] =
        "version: 1\nallow:\n  - {id: web, to: any, ports: 443, from: any, why: \"a\\tb\\e[2J\\u009b\"}\n";
    struct exposure exposure = {
        .realm = "r\n", .proto = "tcp", .port = 443, .vantage_class = VANTAGE_WORLD, .vantage = "v\x7f"};
    struct addr address;
    struct problems problems;
    struct policy *policy = NULL;
    char *said = NULL;
    size_t size;
    FILE *out = open_memstream(&said, &size);

    (void)state;
    assert_non_null(out);
    assert_int_equal(addr_parse("10.0.0.5", &address), 0);
    exposure.addresses = &address;
    exposure.address_count = 1;
    problems_init(&problems);
    assert_int_equal(policy_parse(text, strlen(text), "p\x1b.yaml", &problems, &policy), 0);
    policy_explain(policy, &exposure, out);
    fclose(out);
    assert_non_null(strstr(said, "443/tcp seen open from v\\x7f (world) in the realm r\\x0a, under p\\x1b.yaml\n"));
    assert_non_null(strstr(said, "it: a\\x09b\\x1b[2J\\xc2\\x9b\n"));
    free(said);
    policy_destroy(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explains_in_plain_text), cmocka_unit_test(loads_the_example),
        cmocka_unit_test(hashes_its_source),      cmocka_unit_test(takes_json),
        cmocka_unit_test(says_several_in_one_go), cmocka_unit_test(checks_files),
        cmocka_unit_test(escapes_what_it_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
