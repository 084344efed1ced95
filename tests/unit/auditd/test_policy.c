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

#define ALLOW "version: 1\nallow:\n- {id: a, to: any, ports: 22, from: world, why: w"
#define FORBID "version: 1\nforbid:\n- {id: a, to: any, ports: 22"

static const struct {
    const char *text;
    uint32_t line, column;
    const char *pointer;
    const char *says;
} ERRORS[] = {
    {"", 1, 1, "", "the document must be a mapping that begins with \"version: 1\", not nothing"},
    {"- 1", 1, 1, "", "must be a mapping that begins with \"version: 1\", not a list"},
    {"allow: []", 1, 1, "", "the document lacks the key \"version\""},
    {"version: 2", 1, 10, "/version", "\"version\" must be 1, the version that this release reads"},
    {"version: '1'", 1, 10, "/version", "must be 1, the version that this release reads, not a text"},
    {"version: 1\nbaseline: 9", 2, 11, "/baseline", "\"baseline\" must be from 1 to 1"},
    {"version: 1\nalow: []", 2, 1, "/alow", "unknown key \"alow\"; did you mean \"allow\"?"},
    {"version: 1\nfrobid: []", 2, 1, "/frobid", "did you mean \"forbid\"?"},
    {"version: 1\nzzz: 1", 2, 1, "/zzz",
     "unknown key \"zzz\"; known here: version, baseline, groups, defaults, allow, forbid or tests"},
    {"version: 1\nallow: {}", 2, 8, "/allow", "\"allow\" must be a list of rules, not a mapping"},
    {"version: 1\nallow: [x]", 2, 9, "/allow/0", "item 1 of \"allow\" must be a mapping, not a text"},
    {"version: 1\nallow: [{id: a}]", 2, 9, "/allow/0", "item 1 of \"allow\" lacks the key \"to\""},
    {ALLOW ", whom: x}", 3, 52, "/allow/0/whom", "unknown key \"whom\""},
    {ALLOW ", prots: tcp}", 3, 52, "/allow/0/prots", "did you mean \"ports\"?"},
    {ALLOW ", severity: high}", 3, 52, "/allow/0/severity", "unknown key \"severity\""},
    {ALLOW ", owner: 12}", 3, 59, "/allow/0/owner", "\"owner\" must be a text, not a whole number; put it in quotes"},
    {ALLOW ", owner: ''}", 3, 59, "/allow/0/owner", "\"owner\" must not be empty"},
    {ALLOW ", until: soon}", 3, 59, "/allow/0/until", "\"until\" must be a date like 2027-03-31"},
    {ALLOW ", until: 2027-02-30}", 3, 59, "/allow/0/until", "must be a date"},
    {ALLOW ", proto: sctp}", 3, 59, "/allow/0/proto", "\"proto\" must be tcp or udp, not \"sctp\""},
    {ALLOW ", when: {}}", 3, 58, "/allow/0/when", "\"when\" must not be empty"},
    {ALLOW ", when: {a: []}}", 3, 62, "/allow/0/when/a", "\"a\" must be"},
    {ALLOW ", when: {tls.versoin: 1.2}}", 3, 59, "/allow/0/when/tls.versoin", "did you mean \"tls.version\"?"},
    {ALLOW ", when: {weather: fine}}", 3, 59, "/allow/0/when/weather", "there is no fact \"weather\"; docs/facts.md"},
    {ALLOW ", when: {tls: maybe}}", 3, 64, "/allow/0/when/tls", "must be true or false"},
    {ALLOW ", when: {tls: '>true'}}", 3, 64, "/allow/0/when/tls", "must be true or false"},
    {ALLOW ", when: {cert.days_left: soon}}", 3, 75, "/allow/0/when/cert.days_left", "like \">=30\""},
    {ALLOW ", when: {tls.version: new}}", 3, 72, "/allow/0/when/tls.version", "like \">=1.2\""},
    {ALLOW ", when: {service: '>ssh'}}", 3, 68, "/allow/0/when/service", "must be text"},
    {ALLOW ", when: {cert.not_after: '2027'}}", 3, 75, "/allow/0/when/cert.not_after", "cannot be compared"},
    {ALLOW "}\n- {id: a, to: any, ports: 1, from: world, why: w}", 4, 8, "/allow/1",
     "the id \"a\" is taken by the rule at line 3"},
    {FORBID ", severity: hihg}", 3, 41, "/forbid/0/severity",
     "must be low, medium, high or critical, not \"hihg\"; did you mean \"high\"?"},
    {"version: 1\nforbid: [{id: 'a b', to: any, ports: 1}]", 2, 15, "/forbid/0/id", "\"id\" must be a name of letters"},
    {"version: 1\nforbid: [{id: a, to: web, ports: 1}]", 2, 22, "/forbid/0", "\"web\" is not a group of this policy"},
    {"version: 1\ngroups: {webs: {any: true}}\nforbid: [{id: a, to: {not: web}, ports: 1}]", 3, 28, "/forbid/0",
     "\"web\" is not a group of this policy; did you mean \"webs\"?"},
    {"version: 1\nforbid: [{id: a, to: {nto: x}, ports: 1}]", 2, 23, "/forbid/0/to/nto", "did you mean \"not\"?"},
    {"version: 1\nforbid: [{id: a, to: any, ports: 70000}]", 2, 34, "/forbid/0/ports", "must be a port expression"},
    {"version: 1\nforbid: [{id: a, to: any, ports: 90-80}]", 2, 34, "/forbid/0/ports", "\"90-80\" runs backwards"},
    {"version: 1\nforbid: [{id: a, to: any, ports: '1,,2'}]", 2, 34, "/forbid/0/ports", "a port is missing"},
    {"version: 1\nforbid: [{id: a, to: any, ports: shs}]", 2, 34, "/forbid/0/ports", "\"shs\" is neither a port"},
    {"version: 1\nforbid: [{id: a, to: any, ports: [22, 0-99999]}]", 2, 39, "/forbid/0/ports/1", "past the last port"},
    {"version: 1\nforbid: [{id: a, to: any, ports: []}]", 2, 34, "/forbid/0/ports", "\"ports\" must not be empty"},
    {"version: 1\nforbid: [{id: a, to: any, ports: 1, from: [wrold]}]", 2, 44, "/forbid/0",
     "\"wrold\" is not a group, a CIDR or one of world, public-range, peer, vpn, own-vpc and self; did you mean "
     "\"world\"?"},
    {"version: 1\nforbid: [{id: a, to: any, ports: 1, from: 10.0.0.0/33}]", 2, 43, "/forbid/0", "is not a group"},
    {"version: 1\ngroups: {world: {any: true}}", 2, 10, "/groups/world", "\"world\" is a word of the policy's own"},
    {"version: 1\ngroups: {'a b': {any: true}}", 2, 10, "/groups/a b", "cannot be a group's name"},
    {"version: 1\ngroups: {a: {}}", 2, 13, "/groups/a", "\"a\" must not be empty"},
    {"version: 1\ngroups: {a: {any: false}}", 2, 19, "/groups/a/any", "\"any\" must be true"},
    {"version: 1\ngroups: {a: {cidr: [10.0.0.0/8, x]}}", 2, 33, "/groups/a/cidr/1", "must be an address or a CIDR"},
    {"version: 1\ngroups: {a: {tag: {a: b}}}", 2, 14, "/groups/a/tag", "did you mean \"tags\"?"},
    {"version: 1\ngroups: {a: {tags: {}}}", 2, 20, "/groups/a/tags", "\"tags\" must not be empty"},
    {"version: 1\ngroups: {a: {tags: [b]}}", 2, 20, "/groups/a/tags", "must be a mapping like {app: shop"},
    {"version: 1\ngroups: {a: {tags: {b: []}}}", 2, 24, "/groups/a/tags/b", "\"b\" must not be empty"},
    {"version: 1\ngroups: {a: {tags: {b: {}}}}", 2, 24, "/groups/a/tags/b", "\"b\" must be"},
    {"version: 1\ngroups: {a: {and: b}}", 2, 19, "/groups/a/and", "must be a list of groups and conditions"},
    {"version: 1\ngroups: {a: {or: []}}", 2, 18, "/groups/a/or", "\"or\" must not be empty"},
    {"version: 1\ngroups: {a: {not: [b]}}", 2, 19, "/groups/a/not", "must be a group's name, any, or conditions"},
    {"version: 1\ngroups: {a: {or: [bb]}, b: {any: true}}", 2, 19, "/groups/a",
     "\"bb\" is not a group of this policy; did you mean \"b\"?"},
    {"version: 1\ngroups: {a: {not: a}}", 2, 10, "/groups", "the group \"a\" is made of itself, by itself or"},
    {"version: 1\ngroups: {x: {not: a}, a: {or: [a]}}", 2, 10, "/groups",
     "the group \"x\" is made of the group \"a\", which is made of itself"},
    {"version: 1\ngroups: {a: {any: true}, b: {or: [a, a, a, a, a, a, a, a, a, a]}, c: {or: [b, b, b, b, b, b, b, b, "
     "b, b]},"
     "\n d: {or: [c, c, c, c, c, c, c, c, c, c]}, e: {or: [d, d, d, d, d, d, d, d, d, d]},"
     "\n f: {or: [e, e, e, e, e, e, e, e, e, e]}}",
     3, 43, "/groups", "the group \"e\", with the groups that it is made of, has more than 20000 conditions"},
    {"version: 1\ngroups: {a: {or: [b]}, b: {and: [{not: a}]}}", 2, 10, "/groups", "the group \"a\" is made of itself"},
    {"version: 1\nforbid: [{id: a, to: [any, gone], ports: 1}]", 2, 28, "/forbid/0", "\"gone\" is not a group"},
    {"version: 1\nforbid: [{id: a, to: {tgas: {a: b}}, ports: 1}]", 2, 23, "/forbid/0/to/tgas", "mean \"tags\"?"},
    {"version: 1\nforbid: [{id: a, to: {}, ports: 1}]", 2, 22, "/forbid/0/to", "\"to\" must not be empty"},
    {FORBID ", controls: cis-aws-3.0.0:5.4}", 3, 41, "/forbid/0/controls",
     "docs/compliance.md lists, or a list of them: \"cis-aws-3.0.0:5.4\" is none; did you mean"},
    {FORBID ", controls: [SC-7]}", 3, 42, "/forbid/0/controls/0", "\"SC-7\" is none"},
    {FORBID ", controls: []}", 3, 41, "/forbid/0/controls", "\"controls\" must not be empty"},
    {"version: 1\ngroups: {a~/b: {}}", 2, 10, "/groups/a~0~1b", "cannot be a group's name"},
    {"version: 1\ndefaults: {owners: x}", 2, 12, "/defaults/owners", "did you mean \"owner\"?"},
    {"version: 1\ntests: [{to: any, port: 22, from: world, expect: found}]", 2, 50, "/tests/0/expect",
     "must be finding, allowed or unproven, not \"found\""},
    {"version: 1\ntests: [{to: gone, port: 22, from: world, expect: finding}]", 2, 14, "/tests/0", "not a group"},
    {"version: 1\ntests: [{to: any, port: 22, from: gone, expect: finding}]", 2, 35, "/tests/0", "not a group"},
    {"version: 1\ntests: [{to: any, port: ssh, from: world, expect: finding}]", 2, 25, "/tests/0/port",
     "\"port\" must be a whole number, not a text"},
    {"version: 1\ntests: [{to: any, port: 22, from: world, expect: finding, facts: {tsl: true}}]", 2, 67,
     "/tests/0/facts/tsl", "there is no fact \"tsl\"; did you mean \"tls\"?"},
    {"version: 1\ntests: [{to: any, port: 22, from: world, expect: finding, facts: {tls: so}}]", 2, 72,
     "/tests/0/facts/tls", "must be true or false"},
    {"version: 1\ntests: [{to: any, port: 22, from: world, expect: finding, facts: {tls.version: '>1'}}]", 2, 80,
     "/tests/0", "must be a value: a test says what is"},
    {"version: 1\ntests: [{to: any, port: 22, from: world, expect: finding, service: ''}]", 2, 68, "/tests/0/service",
     "\"service\" must not be empty"},
    {"version: 1\nversion: 1", 2, 1, "", "second time"},
};

static void says_what_is_wrong_and_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ERRORS) / sizeof(*ERRORS); i++) {
        struct problems problems;
        struct policy *policy = NULL;
        const struct problem *error = &problems.errors[0];
        problems_init(&problems);
        if (policy_parse(ERRORS[i].text, strlen(ERRORS[i].text), "p", &problems, &policy) != -EBADMSG) {
            fail_msg("must be refused: %s", ERRORS[i].text);
        }
        if (error->mark.line != ERRORS[i].line || error->mark.column != ERRORS[i].column ||
            strcmp(error->pointer, ERRORS[i].pointer) != 0 || strstr(error->message, ERRORS[i].says) == NULL) {
            problems_print(&problems, "is", stderr);
            fail_msg("pointer %s; should be %u:%u %s: %s", error->pointer, ERRORS[i].line, ERRORS[i].column,
                     ERRORS[i].pointer, ERRORS[i].says);
        }
        assert_null(policy);
    }
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

static void assert_refused(const char *text, uint32_t line, uint32_t column, const char *says)
{
    struct problems problems;
    struct policy *policy = NULL;

    problems_init(&problems);
    assert_int_equal(policy_parse(text, strlen(text), "p", &problems, &policy), -EBADMSG);
    if (problems.errors[0].mark.line != line || problems.errors[0].mark.column != column ||
        strstr(problems.errors[0].message, says) == NULL) {
        problems_print(&problems, "is", stderr);
        fail_msg("should be %u:%u: %s", line, column, says);
    }
}

/* What only a long text goes past. */
static void says_what_is_too_much(void **state)
{
    enum { SIZE = 300000 };
    char *text = malloc(SIZE);
    char *at;

    (void)state;
    assert_non_null(text);
    at = text + sprintf(text, "version: 1\ngroups:\n");
    for (int i = 0; i <= 2000; i++) {
        at += sprintf(at, "  g%d: {any: true}\n", i);
    }
    assert_refused(text, 2, 1, "\"groups\" holds 2001 groups; at most 2000 are taken");
    at = text + sprintf(text, "version: 1\nforbid:\n");
    for (int i = 0; i <= 5000; i++) {
        at += sprintf(at, "- {id: f%d, to: any, ports: 1}\n", i);
    }
    assert_refused(text, 3, 1, "\"forbid\" holds 5001 items; at most 5000 are taken");
    sprintf(text, FORBID ", owner: a%064d}", 0);
    assert_refused(text, 3, 38, "\"owner\" is 65 bytes long; at most 63 are taken");
    sprintf(text, FORBID ", why: a%0400d}", 0);
    assert_refused(text, 3, 36, "\"why\" is 401 bytes long; at most 400 are taken");
    sprintf(text, FORBID ", controls: [%s, %s, %s, %s, %s, %s, %s, %s, %s]}", "nist-800-53-r5:CM-7",
            "nist-800-53-r5:CM-7", "nist-800-53-r5:CM-7", "nist-800-53-r5:CM-7", "nist-800-53-r5:CM-7",
            "nist-800-53-r5:CM-7", "nist-800-53-r5:CM-7", "nist-800-53-r5:CM-7", "nist-800-53-r5:CM-7");
    assert_refused(text, 3, 41, "\"controls\" holds 9 items; at most 8 are taken");
    free(text);
}

static int census_of_none(void *context, const struct policy *policy, bool *ret_has)
{
    (void)context;
    memset(ret_has, 0, policy_rules(policy)->group_count * sizeof(*ret_has));
    ret_has[2] = true;
    return 0;
}

/* Where a database is given: groups that nobody is in, named or not. */
static void warns_of_groups_without_hosts(void **state)
{
    char path[] = "/tmp/leastport-policy-XXXXXX";
    static const char text[] = "version: 1\ngroups:\n  a: {tags: {k: a}}\n  b: {tags: {k: b}}\n"
                               "forbid: [{id: f, to: {not: b}, ports: 1}]\n";
    int fd = mkstemp(path);
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);

    (void)state;
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    assert_int_equal(policy_check(path, census_of_none, NULL, out), 0);
    fclose(out);
    unlink(path);
    assert_non_null(strstr(printed, ":3:3: warning: no known host is in the group a\n"));
    assert_null(strstr(printed, "in the group b\n"));
    assert_non_null(strstr(printed, ":5:22: warning: no known host is in the group {\"not\":\"b\"}\n"));
    assert_non_null(strstr(printed, "2 warnings\n"));
    free(printed);
}

static void warns_of_bits_past_the_prefix(void **state)
{
    static const char text[] = "version: 1\ngroups: {a: {cidr: 10.1.2.3/8}}\n";
    struct problems problems;
    struct policy *policy = NULL;

    (void)state;
    problems_init(&problems);
    assert_int_equal(policy_parse(text, strlen(text), "p", &problems, &policy), 0);
    assert_int_equal(problems.warning_count, 1);
    assert_string_equal(problems.warnings[0].message, "10.1.2.3/8 has bits past its prefix; it is read as 10.0.0.0/8");
    assert_int_equal(problems.warnings[0].mark.column, 20);
    policy_destroy(policy);
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
        cmocka_unit_test(explains_in_plain_text),
        cmocka_unit_test(loads_the_example),
        cmocka_unit_test(hashes_its_source),
        cmocka_unit_test(takes_json),
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(says_several_in_one_go),
        cmocka_unit_test(says_what_is_too_much),
        cmocka_unit_test(warns_of_groups_without_hosts),
        cmocka_unit_test(warns_of_bits_past_the_prefix),
        cmocka_unit_test(checks_files),
        cmocka_unit_test(escapes_what_it_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
