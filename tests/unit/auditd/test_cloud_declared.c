#include "auditd/policy/checks.h"
#include "auditd/policy/cloud_declared.h"
#include "auditd/store/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    enum reach_verdict verdict;
    enum observed observed;
    bool looked;
    enum vantage_class class;
    enum declared_says says;
} JOINS[] = {
    {REACH_REACHABLE, OBSERVED_OPEN, true, VANTAGE_WORLD, DECLARED_EXPOSED},
    {REACH_REACHABLE, OBSERVED_OPEN, true, VANTAGE_OWN_VPC, DECLARED_EXPOSED},
    {REACH_CONDITIONAL, OBSERVED_OPEN, true, VANTAGE_VPN, DECLARED_EXPOSED},
    {REACH_REACHABLE, OBSERVED_CLOSED, true, VANTAGE_OWN_VPC, DECLARED_EMPTY_ROOM},
    {REACH_CONDITIONAL, OBSERVED_CLOSED, true, VANTAGE_WORLD, DECLARED_EMPTY_ROOM},
    {REACH_REACHABLE, OBSERVED_FILTERED, true, VANTAGE_WORLD, DECLARED_SILENT},
    {REACH_REACHABLE, OBSERVED_FILTERED, true, VANTAGE_OWN_VPC, DECLARED_UNLOOKED},
    {REACH_REACHABLE, OBSERVED_OPEN, false, VANTAGE_WORLD, DECLARED_UNLOOKED},
    {REACH_BLOCKED, OBSERVED_OPEN, true, VANTAGE_WORLD, DECLARED_CONTRADICTED},
    {REACH_BLOCKED_RETURN, OBSERVED_OPEN, true, VANTAGE_WORLD, DECLARED_CONTRADICTED},
    {REACH_BLOCKED, OBSERVED_OPEN, true, VANTAGE_OWN_VPC, DECLARED_NOTHING},
    {REACH_BLOCKED, OBSERVED_OPEN, false, VANTAGE_WORLD, DECLARED_NOTHING},
    {REACH_BLOCKED, OBSERVED_CLOSED, true, VANTAGE_WORLD, DECLARED_NOTHING},
    {REACH_BLOCKED, OBSERVED_FILTERED, true, VANTAGE_WORLD, DECLARED_NOTHING},
    {REACH_BLOCKED_RETURN, OBSERVED_FILTERED, true, VANTAGE_WORLD, DECLARED_TRAP},
    {REACH_BLOCKED_RETURN, OBSERVED_OPEN, true, VANTAGE_OWN_VPC, DECLARED_TRAP},
    {REACH_BLOCKED_RETURN, OBSERVED_CLOSED, true, VANTAGE_WORLD, DECLARED_NOTHING},
    {REACH_BLOCKED_RETURN, OBSERVED_OPEN, false, VANTAGE_WORLD, DECLARED_NOTHING},
    {REACH_UNKNOWN, OBSERVED_OPEN, true, VANTAGE_WORLD, DECLARED_UNREAD},
    {REACH_UNKNOWN, OBSERVED_CLOSED, false, VANTAGE_OWN_VPC, DECLARED_UNREAD},
};

static void both_together_say_what_the_table_has(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(JOINS) / sizeof(*JOINS); i++) {
        if (cloud_declared_join(JOINS[i].verdict, JOINS[i].observed, JOINS[i].looked, JOINS[i].class) !=
            JOINS[i].says) {
            fail_msg("row %zu", i);
        }
    }
}

struct asked {
    enum reach_verdict verdict;
    double share;
    bool is_bypass;
    enum verdict_kind world; /* what the policy says of the world */
    enum vantage_class open_from;
    bool world_looked; /* and did not find it open */
};

static size_t ask(const struct asked *asked, struct verdict verdicts[CHECKS_MAX])
{
    const struct exposure_sight sights[] = {
        {.vantage_class = asked->open_from, .vantage = "a", .open = true},
        {.vantage_class = VANTAGE_WORLD, .vantage = "b", .open = false},
    };
    struct cloud_declared declared = {
        .verdict = asked->verdict,
        .share = asked->share,
        .is_bypass = asked->is_bypass,
        .way = "by front:443",
        .record = "sg-1",
        .words = "in: allows tcp 22",
        .world = {.verdict = asked->world, .service_weight = 30, .need = 1, .subject = "SSH on 22/tcp"},
    };
    const struct verdict seen = {.verdict = VERDICT_ALLOWED,
                                 .service_weight = 10,
                                 .breadth = vantage_class_weight(asked->open_from),
                                 .subject = "SSH on 22/tcp"};
    const struct exposure exposure = {
        .proto = "tcp",
        .port = 22,
        .sights = sights,
        .sight_count = asked->world_looked ? 2 : 1,
        .vantage_class = asked->open_from,
        .cloud = &declared,
    };

    snprintf(declared.world.need_kind, sizeof(declared.world.need_kind), "unknown");
    return checks_judge(&exposure, &seen, verdicts);
}

static const struct {
    struct asked asked;
    const char *kind; /* NULL: nothing */
    double penalty;
    const char *title;
} KINDS[] = {
    {{REACH_REACHABLE, 1, false, VERDICT_FINDING, VANTAGE_OWN_VPC, false},
     "declared-exposure",
     30 * 0.7,
     "SSH on 22/tcp is open, and the cloud's rules let the internet reach it"},
    {{REACH_REACHABLE, 1, false, VERDICT_FINDING, VANTAGE_SELF, true}, "declared-exposure", 30 * 0.4, "SSH on 22/tcp"},
    {{REACH_CONDITIONAL, 1e-6, false, VERDICT_FINDING, VANTAGE_OWN_VPC, false},
     "declared-exposure",
     30 * 0.6 * 0.7,
     "let ranges of the internet reach it"},
    /* Who looked from the world stands elsewhere than in the ranges, for all that is known. */
    {{REACH_CONDITIONAL, 1e-6, false, VERDICT_FINDING, VANTAGE_OWN_VPC, true},
     "declared-exposure",
     30 * 0.6 * 0.7,
     "let ranges of the internet reach it"},
    /* The exposure says it already; the policy allows it; not known; blocked. */
    {{REACH_REACHABLE, 1, false, VERDICT_FINDING, VANTAGE_WORLD, false}, NULL, 0, NULL},
    {{REACH_REACHABLE, 1, false, VERDICT_ALLOWED, VANTAGE_OWN_VPC, false}, NULL, 0, NULL},
    {{REACH_CONDITIONAL, 1e-6, false, VERDICT_UNVERIFIED, VANTAGE_OWN_VPC, false}, NULL, 0, NULL},
    {{REACH_UNKNOWN, 0, false, VERDICT_FINDING, VANTAGE_WORLD, false}, NULL, 0, NULL},
    {{REACH_BLOCKED, 0, false, VERDICT_FINDING, VANTAGE_OWN_VPC, true}, NULL, 0, NULL},
    {{REACH_BLOCKED, 0, false, VERDICT_ALLOWED, VANTAGE_WORLD, false},
     "undeclared-exposure",
     20,
     "SSH on 22/tcp answers the internet, and no rule of the cloud lets it"},
    {{REACH_BLOCKED_RETURN, 0, false, VERDICT_FINDING, VANTAGE_WORLD, false}, "undeclared-exposure", 20, "answers"},
    /* A trap is claimed, whether or not the port is open inside. */
    {{REACH_BLOCKED_RETURN, 0, false, VERDICT_FINDING, VANTAGE_OWN_VPC, false}, NULL, 0, NULL},
    {{REACH_REACHABLE, 1, true, VERDICT_FINDING, VANTAGE_WORLD, false},
     "balancer-bypass",
     30 * 0.7,
     "SSH on 22/tcp is reachable around its load balancer"},
    {{REACH_REACHABLE, 1, true, VERDICT_ALLOWED, VANTAGE_WORLD, false}, NULL, 0, NULL},
};

static void each_kind_is_found_and_its_absence_is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(*KINDS); i++) {
        struct verdict verdicts[CHECKS_MAX];
        char rule[VERDICT_NAME_SIZE];
        size_t count = ask(&KINDS[i].asked, verdicts);
        if (count != (KINDS[i].kind == NULL ? 0 : 1)) {
            fail_msg("row %zu: %zu findings", i, count);
        }
        if (count == 0) {
            continue;
        }
        assert_string_equal(verdicts[0].kind, KINDS[i].kind);
        snprintf(rule, sizeof(rule), "%s%s", CLOUD_DECLARED_RULE, KINDS[i].kind);
        assert_string_equal(verdicts[0].rule_id, rule);
        assert_int_equal(verdicts[0].verdict, VERDICT_FINDING);
        assert_non_null(strstr(verdicts[0].title, KINDS[i].title));
        assert_non_null(strstr(verdicts[0].why, "sg-1"));
        assert_true(verdicts[0].fix[0] != '\0');
        assert_true(verdicts[0].penalty > KINDS[i].penalty - 1e-9 && verdicts[0].penalty < KINDS[i].penalty + 1e-9);
        assert_int_equal(verdicts[0].severity, judge_severity(KINDS[i].penalty));
    }
}

static void a_bypass_stands_beside_what_is_declared(void **state)
{
    const struct asked asked = {REACH_REACHABLE, 1, true, VERDICT_FINDING, VANTAGE_OWN_VPC, false};
    struct verdict verdicts[CHECKS_MAX];

    (void)state;
    assert_int_equal(ask(&asked, verdicts), 2);
    assert_string_equal(verdicts[0].kind, "declared-exposure");
    assert_string_equal(verdicts[1].kind, "balancer-bypass");
    assert_string_equal(verdicts[1].evidence_kind, "declared, not looked");
}

static const struct {
    enum declared_says says;
    double share;
    bool is_running;
    const char *kind;
    double penalty;
    const char *title;
    const char *why;
} CLAIMS[] = {
    {DECLARED_EMPTY_ROOM, 1, true, "empty-room", 30 * 0.4, "let the internet in, and nothing listens", "empty room"},
    {DECLARED_EMPTY_ROOM, 1e-6, true, "empty-room", 30 * 0.6 * 0.4, "let ranges of the internet in", "sg-1"},
    {DECLARED_SILENT, 1, true, "declared-silent", 30 * 0.4, "no answer comes out", "a firewall of the host's own"},
    {DECLARED_SILENT, 1, false, "declared-silent", 30 * 0.4, "no answer comes out", "or the host is down"},
    {DECLARED_UNLOOKED, 1, true, "declared-unlooked", 30 * 0.7, "let the internet reach it", "No scan"},
    {DECLARED_TRAP, 1, true, "acl-trap", 2, "the network ACL stops it", "no answer leave"},
    {DECLARED_PLAIN, 1, true, "plain-listener", 10, "does not redirect", "on the way"},
    {DECLARED_MANAGED, 1, true, "managed-login", 2, "Session Manager serves the host", "agent is online"},
};

/* As the policy judges it from there, but for the evidence, as nobody has looked. */
static void a_database_is_weighed_by_who_gets_in(void **state)
{
    const struct verdict like = {.verdict = VERDICT_FINDING,
                                 .service_weight = 40,
                                 .breadth = 0.2,
                                 .breadth_class = "own-vpc",
                                 .need = 0.5,
                                 .need_kind = "unknown",
                                 .subject = "PostgreSQL on 5432/tcp"};
    struct verdict wide;

    (void)state;
    cloud_declared_wide(&like, "sg-db", "10.0.0.0/8", NULL, &wide);
    assert_string_equal(wide.kind, "wide-database");
    assert_string_equal(wide.rule_id, "cloud/wide-database");
    assert_string_equal(wide.breadth_class, "own-vpc");
    assert_string_equal(wide.need_kind, "unknown");
    assert_float_equal(wide.penalty, 40 * 0.2 * 0.7 * 0.5, 1e-6);
    assert_non_null(strstr(wide.title, "PostgreSQL on 5432/tcp: more than"));
    assert_non_null(strstr(wide.why, "sg-db lets 10.0.0.0/8 in"));
}

static void what_no_scan_sees_is_claimed(void **state)
{
    struct cloud_declared declared = {
        .verdict = REACH_REACHABLE,
        .way = "by front:443",
        .record = "sg-1",
        .words = "in: allows tcp 22",
        .world = {.verdict = VERDICT_FINDING, .service_weight = 30, .need = 1, .subject = "SSH on 22/tcp"},
    };

    (void)state;
    snprintf(declared.world.need_kind, sizeof(declared.world.need_kind), "unknown");
    for (size_t i = 0; i < sizeof(CLAIMS) / sizeof(*CLAIMS); i++) {
        const struct declared_ports ports = {.subject = "SSH on 22/tcp", .is_running = CLAIMS[i].is_running};
        struct verdict verdict;
        declared.share = CLAIMS[i].share;
        cloud_declared_claim(CLAIMS[i].says, &declared, &ports, &verdict);
        assert_string_equal(verdict.kind, CLAIMS[i].kind);
        assert_true(store_kind_is_claimed(verdict.kind));
        assert_non_null(strstr(verdict.title, "SSH on 22/tcp: "));
        assert_non_null(strstr(verdict.title, CLAIMS[i].title));
        assert_non_null(strstr(verdict.why, CLAIMS[i].why));
        assert_true(CLAIMS[i].says == DECLARED_PLAIN || strstr(verdict.why, "sg-1") != NULL);
        assert_true(verdict.fix[0] != '\0');
        assert_true(verdict.penalty > CLAIMS[i].penalty - 1e-9 && verdict.penalty < CLAIMS[i].penalty + 1e-9);
        assert_int_equal(verdict.severity, judge_severity(CLAIMS[i].penalty));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_together_say_what_the_table_has),
        cmocka_unit_test(each_kind_is_found_and_its_absence_is_not),
        cmocka_unit_test(a_bypass_stands_beside_what_is_declared),
        cmocka_unit_test(a_database_is_weighed_by_who_gets_in),
        cmocka_unit_test(what_no_scan_sees_is_claimed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
