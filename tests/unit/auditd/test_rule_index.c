#include "auditd/policy/rule_index.h"

#include "auditd/policy/policy.h"
#include "tests/unit/seed.h"

#include <stdio.h>
#include <string.h>

static struct policy *load(const char *text)
{
    struct problems problems;
    struct policy *policy = NULL;

    problems_init(&problems);
    if (policy_parse(text, strlen(text), "test", &problems, &policy) != 0) {
        problems_print(&problems, "test", stderr);
        fail_msg("the policy must load");
    }
    return policy;
}

/* The index gives no rule that has not the port, and leaves none out (one that was too much for it may give others). */
static void assert_complete(const struct rule_set *set, bool forbid, const char *proto, uint16_t port, bool exact)
{
    const struct rule_list *list = forbid ? &set->forbid : &set->allow;
    const struct rule_numbers numbers = rule_index_find(set->index, forbid, proto, port);
    size_t at = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct rule *rule = &list->items[i];
        bool has = portset_has(&rule->ports, port) && (rule->proto[0] == '\0' || strcmp(rule->proto, proto) == 0);
        bool found = at < numbers.count && numbers.items[at] == i;
        if (has != found && (has || exact)) {
            fail_msg("rule %zu of port %u/%s: %d, found %d", i, port, proto, has, found);
        }
        at += found ? 1 : 0;
    }
    assert_int_equal(at, numbers.count);
}

static void finds_what_trying_each_would_find(void **state)
{
    static char text[65536];
    uint64_t source = seed_first();

    (void)state;
    for (int round = 0; round < 5; round++) {
        struct policy *policy;
        size_t used = (size_t)snprintf(text, sizeof(text), "version: 1\nforbid:\n");
        for (int i = 0; i < 120; i++) {
            int first = seed_draw(&source, 65000);
            used += (size_t)snprintf(text + used, sizeof(text) - used, "- {id: f%d, to: any, ports: '%d-%d,!%d%s'%s}\n",
                                     i, first, first + 1 + seed_draw(&source, 500), first,
                                     seed_draw(&source, 4) == 0 ? ",any" : "",
                                     seed_draw(&source, 3) == 0 ? ", proto: udp" : "");
        }
        used += (size_t)snprintf(text + used, sizeof(text) - used, "allow:\n");
        for (int i = 0; i < 50; i++) {
            used += (size_t)snprintf(text + used, sizeof(text) - used,
                                     "- {id: a%d, to: any, ports: [%d, '%d'], from: world, why: w%s}\n", i,
                                     seed_draw(&source, 2) == 0 ? 0 : 65535, seed_draw(&source, 65536),
                                     seed_draw(&source, 3) == 0 ? ", proto: tcp" : "");
        }
        policy = load(text);
        for (uint32_t port = 0; port < 65536; port += port < 65000 ? (uint32_t)seed_draw(&source, 7) + 1 : 1) {
            for (int i = 0; i < 4; i++) {
                assert_complete(policy_rules(policy), i < 2, i % 2 == 0 ? "tcp" : "udp", (uint16_t)port, true);
            }
        }
        policy_destroy(policy);
    }
}

/* Each second port on its own, times many rules: more than the index is let grow to. */
static void stays_small_whatever_the_rules(void **state)
{
    enum { RULES = 400, SIZE = 500000 };
    char *text = malloc(SIZE);
    size_t used = (size_t)snprintf(text, SIZE, "version: 1\nforbid:\n- {id: odd, to: any, ports: [");
    struct policy *policy;

    (void)state;
    for (int port = 1; port < 65536; port += 2) {
        used += (size_t)snprintf(text + used, SIZE - used, "%s%d", port > 1 ? "," : "", port);
    }
    used += (size_t)snprintf(text + used, SIZE - used, "]}\n");
    for (int i = 0; i < RULES; i++) {
        used += (size_t)snprintf(text + used, SIZE - used, "- {id: r%d, to: any, ports: any}\n", i);
    }
    assert_true(used < SIZE);
    policy = load(text);
    for (uint32_t port = 0; port < 65536; port += 1000 + 1) {
        assert_complete(policy_rules(policy), true, "tcp", (uint16_t)port, false);
    }
    policy_destroy(policy);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_trying_each_would_find),
        cmocka_unit_test(stays_small_whatever_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, seed_say);
}
