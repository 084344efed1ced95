/* What policies, configurations and scores do when memory ends at any point: they say so, and lose nothing. */
#include "auditd/config/config.h"
#include "auditd/finding/score.h"
#include "auditd/policy/policy.h"
#include "tests/unit/alloc_countdown.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* jansson is a shared library, which the linker's wrapping does not reach. */
static int setup(void **state)
{
    (void)state;
    json_set_alloc_funcs(__wrap_malloc, free);
    return 0;
}

static int parse_policy(void)
{
    static const char text[] =
        "version: 1\n"
        "groups: {a: {cidr: [10.0.0.0/8], realm: r, name: [x*]}, t: {tags: {k: [1, b]}},\n"
        "         n: {or: [a, {not: t}], and: [any]}}\n"
        "defaults: {owner: o}\n"
        "allow: [{id: i, to: a, ports: [22, '80-90'], from: [vpn, a, 10.0.0.0/9], why: w,\n"
        "         when: {tls.version: 1.5}}]\n"
        "forbid: [{id: f, to: [{not: a}, n], ports: any, severity: high, controls: nist-800-53-r5:SC-7}]\n"
        "tests: [{to: a, port: 22, from: [world], expect: finding, facts: {tls: true}}]\n";
    struct problems problems;
    struct policy *policy = NULL;
    int rc;

    problems_init(&problems);
    rc = policy_parse(text, strlen(text), "p", &problems, &policy);
    assert_int_equal(problems.error_count, 0);
    policy_destroy(policy);
    return rc;
}

static int create_builtin(void)
{
    struct policy *policy = policy_create_builtin();

    policy_destroy(policy);
    return policy != NULL ? 0 : -ENOMEM;
}

static int parse_config(void)
{
    static const char text[] = "version: 1\ndb: a.db\nvantage: {name: n, class: vpn, address: 10.0.0.1, tags: {a: "
                               "b}}\nscope: ['::1', 10.0.0.0/8]\n"
                               "targets: [a, {target: 10.0.0.0/8, tags: {k: 1}}, {target: '::1', name: n}]\nports: "
                               "22\npolicy: p\ncanary: {host: '::1', port: 1}\n"
                               "ephemeral: [{cidr: 10.0.0.0/8, retire_after: 1d}]\n";
    struct problems problems;
    struct config config;
    int rc;

    problems_init(&problems);
    rc = config_parse(text, strlen(text), "/folder", &problems, &config);
    assert_int_equal(problems.error_count, 0);
    if (rc == 0) {
        config_done(&config);
    }
    return rc;
}

static int compute_score(void)
{
    const struct score_item items[] = {{VERDICT_KIND_EXPOSURE, "a", "vpn", 5, 0.4, 1, 1, 2, false, 1},
                                       {VERDICT_KIND_EXPOSURE, "b", "vpn", 5, 0.4, 1, 1, 2, false, 1}};
    struct score score;
    json_t *terms;
    json_t *caps;
    int rc = score_compute(items, 2, 0.5, &score);

    if (rc != 0) {
        return rc;
    }
    terms = score_terms_json(&score);
    caps = score_caps_json(&score);
    rc = terms != NULL && caps != NULL ? 0 : -ENOMEM;
    json_decref(terms);
    json_decref(caps);
    score_done(&score);
    return rc;
}

static int (*const runs[])(void) = {parse_policy, create_builtin, parse_config, compute_score};
static size_t current;

static int run(void)
{
    int rc = runs[current]();

    assert_int_equal(rc, alloc_failed ? -ENOMEM : 0);
    return rc;
}

static void says_so_wherever_memory_ends(void **state)
{
    (void)state;
    for (current = 0; current < sizeof(runs) / sizeof(*runs); current++) {
        assert_true(alloc_count_down(run) > 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_so_wherever_memory_ends)};

    return cmocka_run_group_tests(tests, setup, NULL);
}
