#include "auditd/policy/lint.h"

#include "auditd/policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* 2026-11-22T12:00:00Z */
static const int64_t NOW_MS = 1795348800000;

#define GROUPS "version: 1\ngroups: {a: {tags: {k: a}}, b: {tags: {k: b}}, ab: {or: [a, b]}, n: {and: [a, {not: a}]}}\n"

/* `says` NULL: no warning. */
static const struct {
    const char *text;
    uint32_t line, column;
    const char *says;
} CASES[] = {
    {GROUPS "allow: [{id: x, to: a, ports: 22, from: vpn, why: w}]\nforbid: [{id: y, to: a, ports: any, from: vpn}]", 3,
     9, "the rule \"x\" contradicts the rule \"y\" (line 4), which forbids all of it from vpn: the forbid wins"},
    {GROUPS "allow: [{id: x, to: a, ports: 22, from: [vpn, b], why: w}]\nforbid: [{id: y, to: ab, ports: 20-30}]", 3, 9,
     "forbids all of it from vpn"},
    {GROUPS "allow: [{id: x, to: a, ports: 22, from: b, why: w}]\nforbid: [{id: y, to: any, ports: any, from: b}]", 3,
     9, "from b: the forbid wins"},
    /* Narrower forbids are exceptions; others are of other hosts, ports or sources. */
    {GROUPS "allow: [{id: x, to: a, ports: any, from: vpn, why: w}]\nforbid: [{id: y, to: a, ports: 22}]", 0, 0, NULL},
    {GROUPS "allow: [{id: x, to: ab, ports: 22, from: vpn, why: w}]\nforbid: [{id: y, to: a, ports: 22}]", 0, 0, NULL},
    {GROUPS "allow: [{id: x, to: a, ports: 22, from: b, why: w}]\nforbid: [{id: y, to: a, ports: any, from: world}]", 0,
     0, NULL},
    {GROUPS "allow: [{id: x, to: a, ports: 443, from: vpn, why: w}]\nforbid: [{id: y, to: a, ports: 443, when: {tls: "
            "false}}]",
     0, 0, NULL},
    {GROUPS "allow: [{id: x, to: a, ports: 22, from: vpn, why: w}]\nforbid: [{id: y, to: {not: a}, ports: any}]", 0, 0,
     NULL},
    {GROUPS
     "allow: [{id: x, to: a, ports: 22, from: vpn, why: w, proto: tcp}]\nforbid: [{id: y, to: a, ports: 22, proto: "
     "udp}]",
     0, 0, NULL},
    {GROUPS "allow: [{id: x, to: n, ports: 22, from: vpn, why: w}]", 3, 9,
     "the rule \"x\" can never match: the conditions of n exclude each other"},
    /* Two sources may give a host two values of a tag. */
    {GROUPS "allow: [{id: x, to: {and: [a, b]}, ports: 22, from: vpn, why: w}]", 0, 0, NULL},
    {GROUPS "forbid: [{id: x, to: {cidr: 10.1.0.0/16, not: {cidr: 10.0.0.0/8}}, ports: 22}]", 3, 10,
     "exclude each other"},
    {GROUPS "forbid: [{id: x, to: {cidr: 10.0.0.0/8, not: {cidr: 10.1.0.0/16}}, ports: 22}]", 0, 0, NULL},
    {"version: 1\ngroups: {t: {cidr: 10.0.0.0/8}}\n"
     "forbid: [{id: x, to: {cidr: [10.0.0.0/9, 10.128.0.0/9], not: t}, ports: 22}]",
     3, 10, "exclude each other"},
    {GROUPS "forbid: [{id: x, to: {and: [{realm: p}, {realm: q}]}, ports: 22}]", 3, 10, "exclude each other"},
    {GROUPS "forbid: [{id: x, to: {and: [{name: 'p*'}, {name: 'q*'}]}, ports: 22}]", 0, 0, NULL},
    {GROUPS "allow: [{id: x, to: a, ports: 22, service: ssh, from: vpn, why: w, when: {service: ftp}}]", 3, 9,
     "can never match: it asks for the service ssh and for the service ftp"},
    {GROUPS
     "allow:\n- {id: x, to: any, ports: 20-30, from: world, why: w}\n- {id: y, to: a, ports: 22, from: [vpn, b], "
     "why: w}",
     5, 3, "the rule \"y\" never decides: all that it means is decided by the rule \"x\" (line 4)"},
    {GROUPS
     "allow:\n- {id: x, to: a, ports: 22, from: vpn, why: w}\n- {id: y, to: a, ports: 22, from: [vpn, b], why: w}",
     0, 0, NULL},
    {GROUPS "forbid:\n- {id: x, to: any, ports: any, severity: low}\n- {id: y, to: a, ports: 22, severity: high}", 0, 0,
     NULL},
    {GROUPS "forbid:\n- {id: x, to: any, ports: any, severity: high}\n- {id: y, to: a, ports: 22, severity: low}", 5, 3,
     "never decides"},
    {GROUPS "allow: [{id: x, to: a, ports: 23, from: vpn, why: w}]", 3, 9, "Telnet is forbidden by a hard rule"},
    {GROUPS "allow: [{id: x, to: a, ports: any, service: telnet, from: vpn, why: w}]", 3, 9, "Telnet is forbidden"},
    {GROUPS "allow: [{id: x, to: a, ports: 22, from: vpn, why: w, until: 2026-11-21}]", 3, 9,
     "the rule \"x\" ended on 2026-11-21 and decides nothing any more"},
    {GROUPS "allow: [{id: x, to: a, ports: 22, from: vpn, why: w, until: 2026-11-22}]", 0, 0, NULL},
};

static void says_what_can_hardly_have_been_meant(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        const struct problem *warning;
        struct problems problems;
        struct policy *policy = NULL;
        problems_init(&problems);
        if (policy_parse(CASES[i].text, strlen(CASES[i].text), "p", &problems, &policy) != 0) {
            problems_print(&problems, "p", stderr);
            fail_msg("must load: %s", CASES[i].text);
        }
        assert_int_equal(lint_rules(policy_rules(policy), NOW_MS, &problems), 0);
        warning = &problems.warnings[0];
        if (problems.warning_count != (CASES[i].says == NULL ? 0 : 1) ||
            (CASES[i].says != NULL &&
             (strstr(warning->message, CASES[i].says) == NULL || warning->mark.line != CASES[i].line ||
              warning->mark.column != CASES[i].column))) {
            problems_print(&problems, "is", stderr);
            fail_msg("%s", CASES[i].text);
        }
        policy_destroy(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_can_hardly_have_been_meant)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
