#include "auditd/policy/judge.h"

#include "auditd/policy/baseline.h"
#include "auditd/policy/policy.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct policy *builtin;

/* 2026-11-22T12:00:00Z */
static const int64_t NOW_MS = 1795348800000;

static int setup(void **state)
{
    (void)state;
    builtin = policy_create_builtin();
    return builtin == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    policy_destroy(builtin);
    return 0;
}

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

struct seen {
    const char *address;
    const char *name;
    const char *realm;
    const char *proto;
    uint16_t port;
    enum vantage_class class;
    const char *bound;
    const struct exposure_fact *facts;
    size_t fact_count;
};

static struct verdict judge(const struct policy *policy, struct seen seen)
{
    const char *names[1] = {seen.name};
    struct addr address;
    struct addr bound;
    struct verdict verdict;
    struct exposure exposure = {.realm = seen.realm != NULL ? seen.realm : "default",
                                .names = names,
                                .name_count = seen.name != NULL ? 1 : 0,
                                .addresses = &address,
                                .address_count = 1,
                                .proto = seen.proto != NULL ? seen.proto : "tcp",
                                .port = seen.port,
                                .vantage_class = seen.class,
                                .vantage = "here",
                                .now_ms = NOW_MS,
                                .asked = seen.fact_count > 0,
                                .facts = seen.facts,
                                .fact_count = seen.fact_count};

    assert_int_equal(addr_parse(seen.address != NULL ? seen.address : "10.0.0.5", &address), 0);
    if (seen.bound != NULL) {
        assert_int_equal(addr_parse(seen.bound, &bound), 0);
        exposure.bound = &bound;
    }
    judge_exposure(policy, &exposure, &verdict);
    return verdict;
}

static void assert_near(double is, double should)
{
    if (fabs(is - should) > 1e-9) {
        fail_msg("%.12f is not %.12f", is, should);
    }
}

/* The table of the domain by hand, port by port. A letter for each of self on a wildcard, own VPC, VPN, peer, public
 * range and world: F the baseline forbids it, d the default finds it. */
static const struct {
    const char *proto;
    uint16_t port;
    const char *service;
    const char *verdicts;
    double weight;
} ROWS[] = {
    {"tcp", 22, "ssh", "dddddF", 30},
    {"tcp", 23, "telnet", "FFFFFF", 40},
    {"tcp", 21, "ftp", "ddddFF", 30},
    {"tcp", 3389, "rdp", "FFdFFF", 40},
    {"tcp", 3306, "mysql", "FFFFFF", 40},
    {"tcp", 5432, "postgresql", "FFFFFF", 40},
    {"tcp", 1521, "oracle", "FFFFFF", 40},
    {"tcp", 1433, "mssql", "FFFFFF", 40},
    {"tcp", 6379, "redis", "FFFFFF", 40},
    {"tcp", 11211, "memcached", "FFFFFF", 40},
    {"udp", 11211, "memcached", "FFFFFF", 40},
    {"tcp", 9092, "kafka", "FFFFFF", 30},
    {"tcp", 9094, "kafka", "FFFFFF", 30},
    {"tcp", 9096, "kafka", "FFFFFF", 30},
    {"tcp", 9098, "kafka", "FFFFFF", 30},
    {"tcp", 80, "http", "FFFFFF", 10},
    {"tcp", 8080, "http-alt", "FFFFFF", 10},
    {"tcp", 8090, "http-alt", "FFFFFF", 10},
    {"tcp", 2375, "docker", "FFFFFF", 40},
    {"tcp", 2376, "docker", "FFFFFF", 40},
    {"tcp", 6443, "kubernetes", "ddddFF", 40},
    {"tcp", 10250, "kubelet", "FFFFFF", 40},
    {"tcp", 2379, "etcd", "FFFFFF", 40},
    {"tcp", 2380, "etcd", "FFFFFF", 40},
    {"tcp", 9200, "elasticsearch", "FFFFFF", 40},
    {"tcp", 9300, "elasticsearch", "FFFFFF", 40},
    {"tcp", 27017, "mongodb", "FFFFFF", 40},
    {"tcp", 9042, "cassandra", "FFFFFF", 40},
    {"tcp", 2181, "zookeeper", "FFFFFF", 40},
    {"tcp", 5672, "rabbitmq", "FFFFFF", 5},
    {"tcp", 15672, "rabbitmq-management", "FFFFFF", 10},
    {"tcp", 445, "smb", "ddddFF", 30},
    {"tcp", 5900, "vnc", "FFdFFF", 40},
    {"tcp", 389, "ldap", "ddddFF", 5},
    {"udp", 161, "snmp", "ddddFF", 5},
    {"udp", 123, "ntp", "ddddFF", 5},
    {"tcp", 53, "dns", "ddddFF", 5},
    {"udp", 53, "dns", "ddddFF", 5},
    {"tcp", 873, "rsync", "ddddFF", 5},
    {"tcp", 2049, "nfs", "ddddFF", 5},
    {"tcp", 5985, "winrm", "FFdFFF", 40},
    {"tcp", 31337, "unknown", "dddddd", 5},
    {"udp", 22, "unknown", "dddddd", 5},
};

enum { ROW_COUNT = sizeof(ROWS) / sizeof(*ROWS) };

static const double BREADTHS[] = {0.15, 0.15, 0.4, 0.4, 0.6, 1};

static void judges_every_row_from_every_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        for (size_t class = VANTAGE_SELF; class <= VANTAGE_WORLD; class ++) {
            struct seen seen = {.proto = ROWS[i].proto, .port = ROWS[i].port, .class = (enum vantage_class) class};
            struct verdict verdict = judge(builtin, seen);
            bool forbidden = ROWS[i].verdicts[class] == 'F';
            double breadth = BREADTHS[class];
            if (ROWS[i].port == 23 && class != VANTAGE_SELF && breadth < 0.6) {
                breadth = 0.6;
            }
            assert_int_equal(verdict.verdict, VERDICT_FINDING);
            assert_int_equal(strncmp(verdict.rule_id, "baseline/", 9) == 0, forbidden);
            assert_string_equal(verdict.need_kind, forbidden ? "forbidden" : "unknown");
            assert_near(verdict.need, forbidden ? 1 : 0.8);
            assert_near(verdict.service_weight, ROWS[i].weight);
            assert_near(verdict.breadth, breadth);
            assert_near(verdict.penalty, ROWS[i].weight * breadth * (forbidden ? 1 : 0.8));
            if (strcmp(ROWS[i].service, "unknown") != 0) {
                assert_string_equal(verdict.service, ROWS[i].service);
            }
            assert_true(verdict.title[0] != '\0' && verdict.why[0] != '\0' && verdict.fix[0] != '\0');
            assert_int_equal(strstr(verdict.title, "not verified from outside") != NULL, class == VANTAGE_SELF);
        }
    }
}

/* No row of the table stands untested: each of its ports is in ROWS. */
static void covers_every_row(void **state)
{
    size_t count = 0;
    const struct baseline_row *rows = baseline_rows(BASELINE_NEWEST, &count);

    (void)state;
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < BASELINE_PORTS_MAX && rows[i].ports[j] != 0; j++) {
            bool found = false;
            for (size_t k = 0; k < ROW_COUNT; k++) {
                found = found || (ROWS[k].port == rows[i].ports[j] && strcmp(ROWS[k].proto, rows[i].proto) == 0);
            }
            assert_true(found);
        }
    }
    assert_null(baseline_rows(0, &count));
    assert_null(baseline_rows(2, &count));
}

static void says_port_only_where_an_answer_would_decide(void **state)
{
    static const uint16_t port_only[] = {80, 6379, 8080, 8090, 9092};

    (void)state;
    for (size_t i = 0; i < sizeof(port_only) / sizeof(*port_only); i++) {
        struct verdict verdict = judge(builtin, (struct seen){.port = port_only[i], .class = VANTAGE_OWN_VPC});
        assert_string_equal(verdict.evidence_kind, "port only");
        assert_near(verdict.evidence, 1);
    }
    assert_string_equal(judge(builtin, (struct seen){.port = 22, .class = VANTAGE_WORLD}).evidence_kind, "seen");
}

static void grades_severity_by_penalty(void **state)
{
    (void)state;
    /* 40 x 1 x 1 x 1 = 40; 30 x 1 = 30: at the threshold; 40 x 0.6 (the floor) = 24; 40 x 0.15 = 6; 30 x 0.15 x 0.8
     * = 3.6 */
    assert_int_equal(judge(builtin, (struct seen){.port = 6379, .class = VANTAGE_WORLD}).severity, SEVERITY_CRITICAL);
    assert_int_equal(judge(builtin, (struct seen){.port = 22, .class = VANTAGE_WORLD}).severity, SEVERITY_CRITICAL);
    assert_int_equal(judge(builtin, (struct seen){.port = 23, .class = VANTAGE_OWN_VPC}).severity, SEVERITY_HIGH);
    assert_int_equal(judge(builtin, (struct seen){.port = 5432, .class = VANTAGE_OWN_VPC}).severity, SEVERITY_MEDIUM);
    assert_int_equal(judge(builtin, (struct seen){.port = 22, .class = VANTAGE_OWN_VPC}).severity, SEVERITY_LOW);
    /* 5 x 1 x 1 x 1 = 5: medium at the threshold; 5 x 1 x 0.8 = 4 */
    assert_int_equal(judge(builtin, (struct seen){.port = 389, .class = VANTAGE_WORLD}).severity, SEVERITY_MEDIUM);
    assert_int_equal(judge(builtin, (struct seen){.port = 31337, .class = VANTAGE_WORLD}).severity, SEVERITY_LOW);
}

static void takes_breadth_from_the_listener_on_its_own_host(void **state)
{
    static const struct {
        const char *bound;
        const char *breadth_class;
        double breadth;
    } cases[] = {{NULL, "wildcard", 0.15},         {"0.0.0.0", "wildcard", 0.15}, {"::", "wildcard", 0.15},
                 {"127.0.0.1", "loopback", 0},     {"::1", "loopback", 0},        {"127.0.0.53", "loopback", 0},
                 {"10.0.0.5", "own-address", 0.15}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct seen seen = {.port = 5432, .class = VANTAGE_SELF, .bound = cases[i].bound};
        struct verdict verdict = judge(builtin, seen);
        bool loopback = strcmp(cases[i].breadth_class, "loopback") == 0;
        assert_string_equal(verdict.breadth_class, cases[i].breadth_class);
        assert_near(verdict.breadth, cases[i].breadth);
        assert_int_equal(verdict.verdict, loopback ? VERDICT_ALLOWED : VERDICT_FINDING);
        assert_string_equal(verdict.rule_id, loopback ? "loopback" : "baseline/postgresql");
        assert_non_null(strstr(loopback ? verdict.why : verdict.title, loopback ? "nowhere" : "not verified"));
    }
}

static void keeps_hard_rules_on_loopback_without_a_floor(void **state)
{
    struct verdict verdict = judge(builtin, (struct seen){.port = 23, .class = VANTAGE_SELF, .bound = "127.0.0.1"});

    (void)state;
    assert_int_equal(verdict.verdict, VERDICT_FINDING);
    assert_string_equal(verdict.rule_id, "baseline/telnet");
    assert_near(verdict.penalty, 0);
    assert_int_equal(verdict.severity, SEVERITY_LOW);
    verdict = judge(builtin, (struct seen){.port = 23, .class = VANTAGE_SELF, .bound = "0.0.0.0"});
    assert_near(verdict.penalty, 6); /* 40 x 0.15 */
}

/* forbid before allow before baseline before default, and the hard rule before them all. */
static void keeps_precedence(void **state)
{
    struct policy *policy = load("version: 1\n"
                                 "groups: {app: {cidr: 10.0.0.0/24}}\n"
                                 "defaults: {owner: team}\n"
                                 "allow:\n"
                                 "- {id: a-ssh, to: app, ports: 22, from: world, why: w}\n"
                                 "- {id: a-pg, to: app, ports: 5432, from: own-vpc, why: orders, owner: dba}\n"
                                 "- {id: a-telnet, to: any, ports: any, from: world, why: w, service: telnet}\n"
                                 "- {id: a-web, to: app, ports: 443, from: world, why: shop}\n"
                                 "forbid:\n"
                                 "- {id: f-ssh, to: app, ports: 22, from: world, fix: no, severity: low}\n"
                                 "- {id: f-x, to: app, ports: 443, from: [peer]}\n");
    struct verdict verdict;

    (void)state;
    verdict = judge(policy, (struct seen){.port = 22, .class = VANTAGE_WORLD});
    assert_string_equal(verdict.rule_id, "user/f-ssh");
    assert_string_equal(verdict.fix, "no");
    assert_int_equal(verdict.severity, SEVERITY_CRITICAL); /* raised by a rule, never lowered */
    assert_string_equal(verdict.owner, "team");
    verdict = judge(policy, (struct seen){.port = 22, .class = VANTAGE_OWN_VPC});
    assert_string_equal(verdict.rule_id, "user/a-ssh");
    assert_int_equal(verdict.verdict, VERDICT_ALLOWED);
    assert_near(verdict.penalty, 0);
    verdict = judge(policy, (struct seen){.port = 5432, .class = VANTAGE_OWN_VPC});
    assert_string_equal(verdict.rule_id, "user/a-pg");
    assert_string_equal(verdict.owner, "dba");
    verdict = judge(policy, (struct seen){.port = 5432, .class = VANTAGE_PEER});
    assert_string_equal(verdict.rule_id, "baseline/postgresql");
    verdict = judge(policy, (struct seen){.port = 5432, .class = VANTAGE_OWN_VPC, .address = "10.0.1.5"});
    assert_string_equal(verdict.rule_id, "baseline/postgresql");
    verdict = judge(policy, (struct seen){.port = 23, .class = VANTAGE_OWN_VPC});
    assert_string_equal(verdict.rule_id, "baseline/telnet");
    verdict = judge(policy, (struct seen){.port = 443, .class = VANTAGE_PEER});
    assert_string_equal(verdict.rule_id, "user/f-x");
    assert_near(verdict.penalty, 5 * 0.4);
    /* What the world reaches, a peer reaches. */
    verdict = judge(policy, (struct seen){.port = 443, .class = VANTAGE_WORLD});
    assert_string_equal(verdict.rule_id, "user/f-x");
    verdict = judge(policy, (struct seen){.port = 443, .class = VANTAGE_VPN});
    assert_string_equal(verdict.rule_id, "user/a-web");
    verdict = judge(policy, (struct seen){.port = 444, .class = VANTAGE_VPN});
    assert_string_equal(verdict.rule_id, "default");
    policy_destroy(policy);
}

static void takes_the_severest_of_the_rules_that_forbid(void **state)
{
    struct policy *policy = load("version: 1\n"
                                 "forbid:\n"
                                 "- {id: one, to: any, ports: any, severity: medium}\n"
                                 "- {id: two, to: any, ports: '22', severity: critical, why: because}\n"
                                 "- {id: three, to: any, ports: 22, severity: critical}\n");
    struct verdict verdict = judge(policy, (struct seen){.port = 22, .class = VANTAGE_OWN_VPC});

    (void)state;
    assert_string_equal(verdict.rule_id, "user/two");
    assert_string_equal(verdict.why, "because");
    assert_int_equal(verdict.severity, SEVERITY_CRITICAL);
    assert_near(verdict.penalty, 4.5);
    assert_int_equal(judge(policy, (struct seen){.port = 4000, .class = VANTAGE_OWN_VPC}).severity, SEVERITY_MEDIUM);
    policy_destroy(policy);
}

static void lets_no_unknown_fact_decide(void **state)
{
    struct policy *policy = load("version: 1\n"
                                 "groups: {tagged: {tags: {a: b}}, app: {cidr: 10.9.0.0/16}}\n"
                                 "allow:\n"
                                 "- {id: tls, to: any, ports: 443, from: world, when: {tls: true}, why: w}\n"
                                 "- {id: tagged, to: tagged, ports: 1000, from: world, why: w}\n"
                                 "- {id: not-tagged, to: {not: tagged}, ports: 1001, from: world, why: w}\n"
                                 "- {id: group, to: any, ports: 5432, from: app, why: w}\n"
                                 "- {id: range, to: any, ports: 1003, from: 203.0.113.0/24, why: w}\n"
                                 "- {id: zero, to: any, ports: 1004, from: 0.0.0.0/0, why: w}\n"
                                 "- {id: sum, to: any, ports: 1005, from: [1.0.0.0/9, 2.0.0.0/9], why: w}\n"
                                 "- {id: odd, to: any, ports: 47123, service: ssh, from: world, why: w}\n"
                                 "forbid:\n"
                                 "- {id: f-when, to: any, ports: 1006, when: {tls.version: 1}}\n"
                                 "- {id: f-not, to: {not: tagged}, ports: 1007}\n");
    static const struct {
        uint16_t port;
        enum vantage_class class;
        const char *rule;
        const char *mentions;
    } cases[] = {
        {443, VANTAGE_OWN_VPC, "user/tls", "The rule tls allows this port but is unproven: the facts"},
        {1000, VANTAGE_OWN_VPC, "default", "Nothing in the policy"},
        {1001, VANTAGE_OWN_VPC, "user/not-tagged", "not-tagged allows it"},
        {5432, VANTAGE_OWN_VPC, "user/group", "The rule group allows this port but is unverified: whether the vantage"},
        {1003, VANTAGE_PUBLIC_RANGE, "user/range", "is unverified"},
        {1003, VANTAGE_WORLD, "default", "Nothing in the policy"},
        {1004, VANTAGE_WORLD, "user/zero", "zero"},
        {1005, VANTAGE_WORLD, "user/sum", "sum"},
        {47123, VANTAGE_WORLD, "default", "The rule odd"},
        {1006, VANTAGE_WORLD, "default", "Nothing in the policy"},
        {1007, VANTAGE_WORLD, "user/f-not", "forbids it"},
        {1003, VANTAGE_SELF, "user/range", "no vantage outside its sources has looked"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct verdict verdict = judge(policy, (struct seen){.port = cases[i].port, .class = cases[i].class});
        assert_string_equal(verdict.rule_id, cases[i].rule);
        assert_non_null(strstr(verdict.why, cases[i].mentions));
    }
    policy_destroy(policy);
}

#define FACTS(...)                                                                                                     \
    .facts = (const struct exposure_fact[]){__VA_ARGS__},                                                              \
    .fact_count = sizeof((const struct exposure_fact[]){__VA_ARGS__}) / sizeof(struct exposure_fact)

/* What answers decides, and not the port's number. */
static void judges_what_answers(void **state)
{
    struct policy *policy = load("version: 1");
    const struct {
        struct seen seen;
        const char *rule;
        const char *service;
        double weight;
    } cases[] = {
        {{.port = 2222, FACTS({"service", "ssh"})}, "baseline/ssh", "ssh", 30},
        {{.port = 22, FACTS({"service", "redis"})}, "baseline/redis", "redis", 40},
        {{.port = 22, FACTS({"service", "tls"})}, "default", "tls", 5},
        {{.port = 22, FACTS({"behaviour", "silent"})}, "baseline/ssh", "ssh", 30},
        {{.port = 3306, FACTS({"service", "http"})}, "baseline/http", "http", 10},
        {{.port = 3306, FACTS({"service", "http"}, {"tls", "true"})}, "default", "http", 5},
        {{.port = 80, FACTS({"service", "http"}, {"tls", "true"})}, "default", "http", 5},
        {{.port = 8080, FACTS({"service", "http"})}, "baseline/backend", "http-alt", 10},
        {{.port = 9200, FACTS({"service", "http"})}, "baseline/elasticsearch", "elasticsearch", 40},
        {{.port = 9200, FACTS({"service", "elasticsearch"})}, "baseline/elasticsearch", "elasticsearch", 40},
        {{.port = 1234, FACTS({"service", "amqp"})}, "baseline/rabbitmq", "rabbitmq", 5},
        {{.port = 80, FACTS({"service", "http"}, {"redirects_to_https", "false"})}, "baseline/http", "http", 10},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct seen seen = cases[i].seen;
        struct verdict verdict;
        seen.class = VANTAGE_WORLD;
        verdict = judge(policy, seen);
        assert_string_equal(verdict.rule_id, cases[i].rule);
        assert_string_equal(verdict.service, cases[i].service);
        assert_near(verdict.service_weight, cases[i].weight);
        assert_int_equal(verdict.verdict, VERDICT_FINDING);
    }
    policy_destroy(policy);
}

static void titles_name_what_answers(void **state)
{
    struct policy *policy = load("version: 1");
    const struct {
        struct seen seen;
        const char *title;
    } cases[] = {
        {{.port = 8443, FACTS({"service", "http"}, {"tls", "true"})}, "HTTPS on 8443/tcp is open to the world"},
        {{.port = 143, FACTS({"service", "imap"})}, "IMAP on 143/tcp is open to the world"},
        {{.port = 9042, FACTS({"service", "cassandra"})}, "Cassandra on 9042/tcp is open to the world"},
        {{.port = 2222, FACTS({"service", "ssh"})}, "SSH on 2222/tcp is open to the world"},
        {{.port = 4000, FACTS({"behaviour", "silent"})}, "Port 4000/tcp is open to the world"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct seen seen = cases[i].seen;
        struct verdict verdict;
        seen.class = VANTAGE_WORLD;
        verdict = judge(policy, seen);
        assert_memory_equal(verdict.title, cases[i].title, strlen(cases[i].title));
    }
    policy_destroy(policy);
}

static void a_page_that_only_leads_to_https_may_be_there(void **state)
{
    struct policy *policy = load("version: 1");
    struct policy *strict = load("version: 1\nforbid:\n- {id: no, to: any, ports: 80}\n");
    const struct seen seen = {
        .port = 80, .class = VANTAGE_WORLD, FACTS({"service", "http"}, {"redirects_to_https", "true"})};
    struct verdict verdict = judge(policy, seen);

    (void)state;
    assert_int_equal(verdict.verdict, VERDICT_ALLOWED);
    assert_string_equal(verdict.rule_id, "baseline/http-redirect");
    assert_string_equal(judge(strict, seen).rule_id, "user/no");
    policy_destroy(strict);
    policy_destroy(policy);
}

static void an_open_door_is_critical_whoever_sees_it(void **state)
{
    struct policy *policy = load("version: 1\nallow:\n- {id: all, to: any, ports: any, from: any, why: w}\n");
    struct seen seen = {
        .port = 4000, .class = VANTAGE_OWN_VPC, FACTS({"service", "redis"}, {"auth", "none"}, {"door", "INFO"})};
    struct verdict verdict = judge(policy, seen);

    (void)state;
    assert_string_equal(verdict.rule_id, "baseline/open-door");
    assert_int_equal(verdict.severity, SEVERITY_CRITICAL);
    assert_near(verdict.penalty, 40 * 0.6);
    assert_non_null(strstr(verdict.why, "INFO"));
    seen.class = VANTAGE_SELF;
    seen.bound = "0.0.0.0";
    assert_near(judge(policy, seen).penalty, 40 * 0.15);
    seen.bound = "127.0.0.1";
    assert_string_equal(judge(policy, seen).rule_id, "loopback");
    seen.bound = NULL;
    seen.class = VANTAGE_WORLD;
    seen.fact_count = 2;
    assert_string_equal(judge(policy, seen).rule_id, "user/all");
    policy_destroy(policy);
}

static void conditions_decide_by_facts(void **state)
{
    struct policy *policy =
        load("version: 1\n"
             "allow:\n"
             "- {id: tls, to: any, ports: 443, from: any, when: {tls.version: '>=1.2'}, why: w}\n"
             "- {id: both, to: any, ports: 444, from: any, when: {tls: true, service: http}, why: w}\n"
             "- {id: cert, to: any, ports: 1445, from: any, when: {cert.days_left: '>=30'}, why: w}\n"
             "- {id: name, to: any, ports: 446, from: any, service: https, why: w}\n"
             "- {id: clear, to: any, ports: 447, from: any, when: {tls: false}, why: w}\n"
             "forbid:\n"
             "- {id: old, to: any, ports: 448, when: {version: '<1.10'}}\n"
             "- {id: ssh, to: any, ports: any, service: ssh}\n");
    const struct {
        uint16_t port;
        const char *rule;
        struct seen seen;
    } cases[] = {
        {443, "user/tls", {FACTS({"tls.version", "1.2"})}},
        {443, "user/tls", {FACTS({"tls.version", "1.10"})}},
        {443, "default", {FACTS({"tls.version", "1.1"})}},
        {443, "user/tls", {FACTS({"tls", "true"})}},
        {444, "user/both", {FACTS({"tls", "true"}, {"service", "http"})}},
        {444, "baseline/http", {FACTS({"tls", "false"}, {"service", "http"})}},
        {444, "default", {FACTS({"tls", "true"}, {"service", "imap"})}},
        {1445, "user/cert", {FACTS({"cert.not_after", "2030-01-01T00:00:00Z"})}},
        {1445, "default", {FACTS({"cert.not_after", "2020-01-01T00:00:00Z"})}},
        {446, "user/name", {FACTS({"service", "http"}, {"tls", "true"})}},
        {446, "baseline/http", {FACTS({"service", "http"})}},
        {447, "user/clear", {FACTS({"service", "imap"})}},
        {447, "default", {FACTS({"service", "imap"}, {"tls", "true"})}},
        {448, "user/old", {FACTS({"version", "1.9"})}},
        {448, "default", {FACTS({"version", "1.10"})}},
        {448, "default", {FACTS({"service", "imap"})}},
        {22, "default", {FACTS({"service", "imap"})}},
        {23, "user/ssh", {FACTS({"service", "ssh"})}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct seen seen = cases[i].seen;
        seen.port = cases[i].port;
        seen.class = VANTAGE_WORLD;
        assert_string_equal(judge(policy, seen).rule_id, cases[i].rule);
    }
    policy_destroy(policy);
}

static void selects_hosts_by_all_conditions_of_a_group(void **state)
{
    struct policy *policy = load("version: 1\n"
                                 "groups:\n"
                                 "  g: {cidr: [10.0.0.0/24, 2001:db8::/32], realm: [site, lab], name: [web-*, 'db?']}\n"
                                 "allow: [{id: in, to: g, ports: 22, from: world, why: w}]\n"
                                 "forbid: [{id: out, to: {not: g}, ports: 22}]\n");
    static const struct {
        const char *address, *realm, *name, *rule;
    } cases[] = {
        {"10.0.0.9", "site", "web-1", "user/in"},  {"10.0.0.9", "lab", "DB1", "user/in"},
        {"2001:db8::5", "lab", "db1", "user/in"},  {"10.0.0.9", "other", "web-1", "user/out"},
        {"10.0.1.9", "site", "web-1", "user/out"}, {"10.0.0.9", "site", "mail", "user/out"},
        {"10.0.0.9", "site", NULL, "user/out"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct verdict verdict = judge(policy, (struct seen){.address = cases[i].address,
                                                             .realm = cases[i].realm,
                                                             .name = cases[i].name,
                                                             .port = 22,
                                                             .class = VANTAGE_OWN_VPC});
        assert_string_equal(verdict.rule_id, cases[i].rule);
    }
    policy_destroy(policy);
}

/* `until` counts to the end of its day, UTC. */
static void ends_rules_on_their_day(void **state)
{
    struct policy *policy = load("version: 1\n"
                                 "allow:\n"
                                 "- {id: today, to: any, ports: 1000, from: world, why: w, until: 2026-11-22}\n"
                                 "- {id: past, to: any, ports: 1001, from: world, why: w, until: 2026-11-21}\n");

    (void)state;
    assert_string_equal(judge(policy, (struct seen){.port = 1000, .class = VANTAGE_WORLD}).rule_id, "user/today");
    assert_string_equal(judge(policy, (struct seen){.port = 1001, .class = VANTAGE_WORLD}).rule_id, "default");
    policy_destroy(policy);
}

static void grants_itself_to_itself_alone(void **state)
{
    struct policy *policy = load("version: 1\n"
                                 "allow: [{id: own, to: any, ports: 5432, from: self, why: w, proto: tcp}]\n");

    (void)state;
    assert_string_equal(judge(policy, (struct seen){.port = 5432, .class = VANTAGE_SELF}).rule_id,
                        "baseline/postgresql");
    assert_string_equal(judge(policy, (struct seen){.port = 5432, .class = VANTAGE_SELF, .bound = "::1"}).rule_id,
                        "loopback");
    assert_string_equal(judge(policy, (struct seen){.port = 5432, .proto = "udp", .class = VANTAGE_VPN}).rule_id,
                        "default");
    policy_destroy(policy);
}

/* Everyone but the host itself, whatever narrower class they are seen from. */
static void means_everyone_by_any(void **state)
{
    struct policy *policy = load("version: 1\n"
                                 "allow: [{id: a, to: any, ports: [80, 81], from: any, why: w}]\n"
                                 "forbid:\n"
                                 "- {id: f, to: any, ports: [81, 82], from: any}\n"
                                 "- {id: g, to: any, ports: 83, from: [world, any]}\n");

    (void)state;
    for (int i = VANTAGE_SELF; i <= VANTAGE_WORLD; i++) {
        enum vantage_class class = (enum vantage_class)i;
        assert_string_equal(judge(policy, (struct seen){.port = 80, .class = class}).rule_id, "user/a");
        assert_string_equal(judge(policy, (struct seen){.port = 81, .class = class}).rule_id, "user/f");
        assert_string_equal(judge(policy, (struct seen){.port = 82, .class = class}).rule_id, "user/f");
        assert_string_equal(judge(policy, (struct seen){.port = 83, .class = class}).rule_id, "user/g");
    }
    assert_string_equal(judge(policy, (struct seen){.port = 82, .class = VANTAGE_SELF, .bound = "127.0.0.1"}).rule_id,
                        "loopback");
    policy_destroy(policy);
}

static void fits_the_longest_texts(void **state)
{
    char text[2048];
    char long_text[401];
    struct policy *policy;
    struct verdict verdict;

    (void)state;
    memset(long_text, 'x', 400);
    long_text[400] = '\0';
    snprintf(
        text, sizeof(text),
        "version: 1\nforbid: [{id: i23456789012345678901234567890123456789012345678, to: any, ports: 6379, why: %s, "
        "fix: %s}]\n",
        long_text, long_text);
    policy = load(text);
    verdict = judge(policy, (struct seen){.port = 6379, .class = VANTAGE_WORLD});
    assert_string_equal(verdict.why, long_text);
    assert_string_equal(verdict.fix, long_text);
    assert_string_equal(verdict.rule_id, "user/i23456789012345678901234567890123456789012345678");
    policy_destroy(policy);
}

static void names_classes_and_severities(void **state)
{
    (void)state;
    for (int i = VANTAGE_SELF; i <= VANTAGE_WORLD; i++) {
        enum vantage_class class = VANTAGE_SELF;
        assert_int_equal(vantage_class_parse(vantage_class_name((enum vantage_class)i), &class), 0);
        assert_int_equal(class, i);
    }
    for (int i = SEVERITY_LOW; i <= SEVERITY_CRITICAL; i++) {
        enum severity severity = SEVERITY_LOW;
        assert_int_equal(severity_parse(severity_name((enum severity)i), &severity), 0);
        assert_int_equal(severity, i);
    }
    enum vantage_class class;
    enum severity severity;
    assert_int_equal(vantage_class_parse("moon", &class), -EINVAL);
    assert_int_equal(severity_parse("", &severity), -EINVAL);
}

static void explains_what_decided(void **state)
{
    struct policy *policy = load("version: 1\n"
                                 "allow: [{id: a, to: any, ports: 22, from: vpn, why: w}]\n"
                                 "forbid: [{id: f, to: any, ports: 23}, {id: g, to: any, ports: 24, from: any}]\n");
    struct addr address;
    struct exposure exposure = {.realm = "r",
                                .addresses = &address,
                                .address_count = 1,
                                .proto = "tcp",
                                .port = 22,
                                .vantage_class = VANTAGE_WORLD,
                                .vantage = "outside",
                                .now_ms = NOW_MS};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    assert_int_equal(addr_parse("10.0.0.5", &address), 0);
    policy_explain(policy, &exposure, out);
    fclose(out);
    assert_non_null(strstr(text, "user/f (line 3): it is for other ports"));
    assert_non_null(strstr(text, "user/a (line 2): it is for other sources"));
    assert_non_null(strstr(text, "decided by baseline/ssh: a finding"));
    assert_non_null(strstr(text, "penalty 30.00 = service 30 (ssh) x breadth 1 (world)"));
    free(text);
    exposure.port = 24;
    exposure.vantage_class = VANTAGE_VPN;
    out = open_memstream(&text, &size);
    policy_explain(policy, &exposure, out);
    fclose(out);
    assert_non_null(strstr(text, "user/g (line 3): it applies"));
    assert_non_null(strstr(text, "decided by user/g: a finding"));
    free(text);
    policy_destroy(policy);
}

/* What is known decides, and it is said what that was: which fact, what it is and what was asked for. */
static void names_the_facts_that_decided(void **state)
{
    static const struct {
        const char *name, *value; /* NULL: not known */
        const char *explains, *why;
    } cases[] = {
        {"tls.version", "1.3", "user/t (line 2): it applies: tls.version is 1.3\n", "The rule t allows it: w"},
        {"tls.version", "1.0", "its condition (when) does not hold: tls.version is 1.0, and must be >=1.2\n",
         "The rule t does not allow this port: tls.version is 1.0, and must be >=1.2. Nothing in the policy"},
        {NULL, NULL, "are not known: tls.version is not known, and must be >=1.2\n",
         "The rule t allows this port but is unproven: the facts that its condition (when) asks for are not known: "
         "tls.version is not known, and must be >=1.2."},
        /* A finding's words do not change from day to day. */
        {"cert.not_after", "2030-01-01T00:00:00Z", "are not known: tls.version is not known, and must be >=1.2\n",
         "tls.version is not known, and must be >=1.2."},
        {"cert.not_after", "2020-01-01T00:00:00Z", ", and must be >=30\n",
         "The rule t does not allow this port: cert.days_left is not >=30. "},
    };
    struct addr address;

    (void)state;
    assert_int_equal(addr_parse("10.0.0.5", &address), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bool dated = cases[i].name != NULL && strcmp(cases[i].name, "cert.not_after") == 0;
        struct policy *policy = load(
            dated ? "version: 1\nallow: [{id: t, to: any, ports: 4433, from: world, why: w, when: {cert.days_left: "
                    "'>=30', tls.version: '>=1.2'}}]\n"
                  : "version: 1\n"
                    "allow: [{id: t, to: any, ports: 4433, from: world, why: w, when: {tls.version: '>=1.2'}}]\n");
        const struct exposure_fact fact = {cases[i].name, cases[i].value};
        struct exposure exposure = {.realm = "r",
                                    .addresses = &address,
                                    .address_count = 1,
                                    .proto = "tcp",
                                    .port = 4433,
                                    .vantage_class = VANTAGE_WORLD,
                                    .vantage = "outside",
                                    .now_ms = NOW_MS,
                                    .asked = true,
                                    .facts = &fact,
                                    .fact_count = cases[i].name == NULL ? 0 : 1};
        struct verdict verdict;
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        policy_explain(policy, &exposure, out);
        fclose(out);
        judge_exposure(policy, &exposure, &verdict);
        if (strstr(text, cases[i].explains) == NULL || strstr(verdict.why, cases[i].why) == NULL) {
            fail_msg("%zu: %s\nwhy: %s", i, text, verdict.why);
        }
        free(text);
        policy_destroy(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_every_row_from_every_class),
        cmocka_unit_test(covers_every_row),
        cmocka_unit_test(says_port_only_where_an_answer_would_decide),
        cmocka_unit_test(grades_severity_by_penalty),
        cmocka_unit_test(means_everyone_by_any),
        cmocka_unit_test(takes_breadth_from_the_listener_on_its_own_host),
        cmocka_unit_test(keeps_hard_rules_on_loopback_without_a_floor),
        cmocka_unit_test(keeps_precedence),
        cmocka_unit_test(takes_the_severest_of_the_rules_that_forbid),
        cmocka_unit_test(lets_no_unknown_fact_decide),
        cmocka_unit_test(judges_what_answers),
        cmocka_unit_test(titles_name_what_answers),
        cmocka_unit_test(a_page_that_only_leads_to_https_may_be_there),
        cmocka_unit_test(an_open_door_is_critical_whoever_sees_it),
        cmocka_unit_test(conditions_decide_by_facts),
        cmocka_unit_test(selects_hosts_by_all_conditions_of_a_group),
        cmocka_unit_test(ends_rules_on_their_day),
        cmocka_unit_test(grants_itself_to_itself_alone),
        cmocka_unit_test(fits_the_longest_texts),
        cmocka_unit_test(names_classes_and_severities),
        cmocka_unit_test(explains_what_decided),
        cmocka_unit_test(names_the_facts_that_decided),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
