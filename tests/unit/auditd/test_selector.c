#include "auditd/policy/selector.h"

#include "auditd/policy/policy.h"
#include "auditd/policy/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char TEXT[] = "version: 1\n"
                           "groups:\n"
                           "  g0: {tags: {app: shop, tier: [edge, 'a*']}}\n"
                           "  g1: {or: [g0, {cidr: 10.0.0.0/24}]}\n"
                           "  g2: {and: [{not: g0}, {name: 'web-*'}]}\n"
                           "  g3: {not: {tags: {tier: '*'}}}\n"
                           "  g4: {realm: lab, not: g1}\n"
                           "  g5: {tags: {port: 8443, live: true}}\n"
                           "  g6: {and: [{tags: {a: b}}, {not: {tags: {a: b}}}]}\n"
                           "  g7: {any: true}\n"
                           "  g8: {security_group: sg-0a}\n"
                           "  g9: {not: {security_group: ['shop-*', sg-0b]}}\n";

static struct policy *policy;

static int setup(void **state)
{
    struct problems problems;

    (void)state;
    problems_init(&problems);
    if (policy_parse(TEXT, strlen(TEXT), "test", &problems, &policy) != 0) {
        problems_print(&problems, "test", stderr);
        return -1;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    policy_destroy(policy);
    return 0;
}

/* Y, N or ? for each of the groups. */
static void answers(const struct host_view *host, char *ret_text)
{
    const struct rule_set *set = policy_rules(policy);

    for (size_t i = 1; i < set->group_count; i++) {
        *ret_text++ = "N?Y"[group_holds(set->groups, i, host)];
    }
    *ret_text = '\0';
}

static void a_tree_of_conditions(void **state)
{
    static const struct {
        const char *realm, *address, *name;
        struct host_tag tags[3];
        bool unknown;
        const char *groups; /* from g0 on */
    } cases[] = {
        {"site", "10.0.0.5", "web-1", {{"app", "shop"}, {"tier", "edge"}}, false, "YYNNNNNY??"},
        {"site", "10.0.1.5", "web-1", {{"app", "shop"}, {"tier", "db"}}, false, "NNYNNNNY??"},
        {"lab", "10.0.1.5", "mail", {{"app", "shop"}, {"tier", "app"}}, false, "YYNNNNNY??"},
        {"lab", "10.0.1.5", "mail", {{NULL, NULL}}, false, "NNNYYNNY??"},
        {"lab", "10.0.1.5", "WEB-9", {{"port", "8443"}, {"live", "true"}}, false, "NNYYYYNY??"},
        {"site", "10.0.0.5", "web-1", {{NULL, NULL}}, true, "?Y??N??Y??"},
        {NULL, "10.0.1.5", "mail", {{NULL, NULL}}, false, "NNNY?NNY??"},
        {"lab", "10.0.1.5", "mail", {{"aws:sg:sg-0a", "web"}}, false, "NNNYYNNYYY"},
        {"lab", "10.0.1.5", "mail", {{"aws:sg:sg-0a", "shop-web"}, {"aws:sg:sg-1", ""}}, false, "NNNYYNNYYN"},
        {"lab", "10.0.1.5", "mail", {{"aws:sg:sg-0b", "sg-0a"}}, false, "NNNYYNNYNN"},
        /* A key with two values, from two sources. */
        {"site", "10.0.1.5", "mail", {{"tier", "db"}, {"tier", "edge"}, {"app", "shop"}}, false, "YYNNNNNY??"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *names[] = {cases[i].name};
        uint8_t memo[16];
        struct addr address;
        char text[16];
        struct host_view host = {.realm = cases[i].realm,
                                 .names = names,
                                 .name_count = 1,
                                 .addresses = &address,
                                 .address_count = 1,
                                 .tags = cases[i].tags,
                                 .tags_unknown = cases[i].unknown};
        while (host.tag_count < 3 && cases[i].tags[host.tag_count].key != NULL) {
            host.tag_count++;
        }
        assert_int_equal(addr_parse(cases[i].address, &address), 0);
        answers(&host, text);
        if (strcmp(text, cases[i].groups) != 0) {
            fail_msg("case %zu is %s and not %s", i, text, cases[i].groups);
        }
        memset(memo, HOST_MEMO_UNKNOWN, sizeof(memo));
        host.memo = memo;
        for (int again = 0; again < 2; again++) {
            answers(&host, text);
            assert_string_equal(text, cases[i].groups);
        }
    }
}

static void makes_up_hosts_of_a_group(void **state)
{
    static const bool can[] = {true, true, true, true, true, true, true, false, true, true, true};
    const struct rule_set *set = policy_rules(policy);

    (void)state;
    for (size_t i = 1; i < set->group_count; i++) {
        struct selector_sample sample;
        bool made = group_sample(set->groups, i, NULL, &sample);
        if (made != can[i]) {
            fail_msg("%s: %d", set->groups[i].name, made);
        }
        assert_true(!made || group_holds(set->groups, i, &sample.host) == TRUTH_YES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_of_conditions),
        cmocka_unit_test(makes_up_hosts_of_a_group),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
