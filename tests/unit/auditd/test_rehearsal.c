#include "auditd/policy/rehearsal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* 2026-11-22T12:00:00Z */
static const int64_t NOW_MS = 1795348800000;

/* The policy that the documentation begins with; what it allows and forbids, as its writer would say it. */
static const char SHOP[] =
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
    "  - {id: declared, to: edge, ports: [9998, 9999], from: any, declared: reachable, why: as the cloud has it}\n"
    "  - {id: cache, to: {security_group: 'cache-*'}, ports: 6379, from: [sg-0a1b, app], when: {auth: required}, why: "
    "pages}\n"
    "  - {id: ssh, to: bastion, ports: 22, from: [office, vpn], why: break-glass, until: 2027-03-31}\n"
    "forbid:\n"
    "  - {id: ssh-direct, to: {not: bastion}, ports: any, service: ssh, severity: high, fix: Session Manager}\n"
    "  - {id: undeclared, to: any, ports: 9999, declared: blocked, severity: critical, fix: find the path}\n"
    "  - {id: bypass, to: app, ports: any, from: world, severity: critical, fix: go through the load balancer}\n"
    "tests:\n"
    "  - {to: db, port: 5432, from: edge, expect: finding}\n";

static const struct {
    const char *test;
    size_t passed;
    const char *says; /* NULL: nothing of the case */
} CASES[] = {
    {"{to: db, port: 5432, from: app, expect: allowed}", 2, NULL},
    {"{to: db, port: 5432, from: [app, edge], expect: allowed}", 1,
     "p:26:5: 5432/tcp from edge is a finding, by baseline/postgresql; expected: allowed\n  why: "},
    {"{to: db, port: 5432, from: world, expect: finding}", 2, NULL},
    {"{to: db, port: 5432, from: own-vpc, expect: finding}", 2, NULL},
    {"{to: edge, port: 443, from: world, facts: {tls.version: 1.3}, expect: allowed}", 2, NULL},
    {"{to: edge, port: 443, from: world, facts: {tls.version: '1.0'}, expect: finding}", 2, NULL},
    {"{to: edge, port: 443, from: world, expect: unproven}", 2, NULL},
    {"{to: edge, port: 443, from: world, expect: allowed}", 1, "443/tcp from world is unproven, by user/https"},
    {"{to: edge, port: 80, from: world, service: http, facts: {redirects_to_https: true}, expect: allowed}", 2, NULL},
    {"{to: app, port: 8090, from: edge, expect: allowed}", 2, NULL},
    {"{to: app, port: 8090, from: world, expect: finding}", 2, NULL},
    {"{to: app, port: 8090, from: world, expect: allowed}", 1, "by user/bypass; expected: allowed\n"},
    {"{to: kafka, port: 9094, from: [app, kafka], service: kafka, facts: {tls: true}, expect: allowed}", 2, NULL},
    {"{to: kafka, port: 9094, from: edge, service: kafka, facts: {tls: true}, expect: finding}", 2, NULL},
    {"{to: bastion, port: 22, from: [office, vpn, 203.0.113.42], expect: allowed}", 2, NULL},
    {"{to: bastion, port: 22, from: 203.0.113.43, expect: finding}", 2, NULL},
    {"{to: app, port: 2222, from: vpn, service: ssh, expect: finding}", 2, NULL},
    {"{to: edge, port: 9998, from: world, facts: {declared: reachable}, expect: allowed}", 2, NULL},
    {"{to: edge, port: 9998, from: world, facts: {declared: conditional}, expect: finding}", 2, NULL},
    {"{to: edge, port: 9998, from: world, expect: unproven}", 2, NULL},
    {"{to: edge, port: 9999, from: vpn, facts: {declared: blocked}, expect: allowed}", 1, "by user/undeclared"},
    {"{to: {security_group: cache-1}, port: 6379, from: [sg-0a1b, app], facts: {auth: required}, expect: allowed}", 2,
     NULL},
    {"{to: {security_group: cache-1}, port: 6379, from: [sg-0a1c, own-vpc, world, 10.0.0.0/24], facts: {auth: "
     "required}, expect: finding}",
     2, NULL},
    {"{to: {security_group: web-1}, port: 6379, from: sg-0a1b, facts: {auth: required}, expect: finding}", 2, NULL},
    {"{to: {not: {security_group: 'cache-*'}}, port: 6379, from: sg-0a1b, facts: {auth: required}, expect: finding}", 2,
     NULL},
    {"{to: {and: [app, {not: app}]}, port: 1, from: world, expect: finding}", 1,
     "cannot be tried: no host of the group"},
    {"{to: any, port: 53, proto: udp, from: world, expect: finding}", 2, NULL},
};

static void plays_what_is_written_beside_the_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        char text[4096];
        char *said = NULL;
        size_t said_size;
        FILE *out = open_memstream(&said, &said_size);
        struct problems problems;
        struct policy *policy = NULL;
        struct rehearsal rehearsal;
        snprintf(text, sizeof(text), "%s  - %s\n", SHOP, CASES[i].test);
        problems_init(&problems);
        if (policy_parse(text, strlen(text), "p", &problems, &policy) != 0) {
            problems_print(&problems, "p", stderr);
            fail_msg("must load: %s", CASES[i].test);
        }
        rehearsal = policy_rehearse(policy, "p", NOW_MS, out);
        fclose(out);
        if (rehearsal.passed != CASES[i].passed || rehearsal.passed + rehearsal.failed != 2 ||
            (CASES[i].says != NULL && strstr(said, CASES[i].says) == NULL) ||
            (CASES[i].says == NULL && strstr(said, "p: 2 of 2 tests passed\n") != said)) {
            fail_msg("%s: %s", CASES[i].test, said);
        }
        free(said);
        policy_destroy(policy);
    }
}

/* After its last day the break-glass rule allows nothing. */
static void goes_by_the_day(void **state)
{
    char text[4096];
    struct problems problems;
    struct policy *policy = NULL;
    FILE *out = fopen("/dev/null", "w");

    (void)state;
    assert_non_null(out);
    snprintf(text, sizeof(text), "%s  - {to: bastion, port: 22, from: vpn, expect: allowed}\n", SHOP);
    problems_init(&problems);
    assert_int_equal(policy_parse(text, strlen(text), "p", &problems, &policy), 0);
    assert_int_equal(policy_rehearse(policy, "p", NOW_MS, out).failed, 0);
    assert_int_equal(policy_rehearse(policy, "p", NOW_MS + INT64_C(180) * 86400000, out).failed, 1);
    policy_destroy(policy);
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plays_what_is_written_beside_the_rules),
        cmocka_unit_test(goes_by_the_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
