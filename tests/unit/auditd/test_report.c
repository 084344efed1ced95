#include "auditd/report/report.h"

#include "auditd/finding/scoring.h"
#include "auditd/finding/settle.h"
#include "auditd/policy/policy.h"
#include "auditd/report/data.h"
#include "auditd/report/table.h"
#include "auditd/store/asset.h"
#include "auditd/store/finding.h"
#include "auditd/store/resume.h"
#include "auditd/store/scan.h"
#include "tests/unit/auditd/fixture.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>

struct host {
    const char *address;
    int ports[4]; /* open; 0 ends them */
    int closed;   /* refused; 0: none */
    bool down;
};

static void settle(struct fixture *fixture)
{
    struct policy *policy = policy_create_builtin();
    const struct store_policy stored = {policy_hash(policy), policy_name(policy), "", 1};
    struct settle_options options = settle_options_default();
    struct scoring_options scoring = {.max_age_ms = INT64_C(7) * 86400000};
    struct settle_result result;

    fixture->now_ms += 10;
    options.policy = policy;
    options.now_ms = fixture->now_ms;
    assert_int_equal(store_policy_put(fixture->store, &stored, fixture->now_ms, &options.policy_id), 0);
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
    scoring.now_ms = fixture->now_ms;
    scoring.policy_id = options.policy_id;
    assert_int_equal(scoring_update(fixture->store, &scoring), 0);
    policy_destroy(policy);
}

/* An audit: a scan that was asked for, whose lines are those of `hosts`, settled and scored. */
static void audit(struct fixture *fixture, const struct host *hosts, size_t count, bool self)
{
    const struct fixture_plan plan = {"default", "local", "[\"10.0.0.0/29\"]", "1-65535", "", 1, 0};

    size_t down = 0;

    fixture_start(fixture, &plan);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < 4 && hosts[i].ports[j] != 0; j++) {
            fixture_line(
                fixture, "port",
                "\"host\":\"%s\",\"proto\":\"tcp\",\"port\":%d,\"state\":\"open\",\"reason\":\"syn-ack\",\"tries\":1%s",
                hosts[i].address, hosts[i].ports[j], self ? ",\"self\":true,\"bound\":\"0.0.0.0\"" : "");
        }
        if (hosts[i].closed != 0) {
            fixture_port(fixture, hosts[i].address, hosts[i].closed, "closed", "conn-refused");
        }
        fixture_host(fixture, hosts[i].address, !hosts[i].down);
        down += hosts[i].down ? 1 : 0;
    }
    fixture_slab(fixture, 0, 1);
    fixture_line(fixture, "scan_end",
                 "\"complete\":true,\"cause\":\"done\",\"loss\":0.0,\"hosts_up\":%zu,\"hosts_down\":%zu", count - down,
                 down);
    assert_int_equal(store_resume_put(fixture->store, fixture->scan, "asked"), 0);
    settle(fixture);
}

static char *report(struct fixture *fixture, const struct report_options *options)
{
    char error[512] = "";
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int rc = report_write(fixture->path, options, out, error, sizeof(error));

    fclose(out);
    if (rc != 0) {
        fail_msg("report_write: %d %s", rc, error);
    }
    return text;
}

static struct report_options at(const struct fixture *fixture)
{
    struct report_options options = report_options_default();

    options.now_ms = fixture->now_ms + INT64_C(2) * 3600000;
    return options;
}

static void assert_says(const char *text, const char *what)
{
    if (strstr(text, what) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", what, text);
    }
}

static void assert_silent(const char *text, const char *what)
{
    if (strstr(text, what) != NULL) {
        fail_msg("\"%s\" is in:\n%s", what, text);
    }
}

static void says_that_nothing_was_audited(void **state)
{
    struct fixture *fixture = *state;
    struct report_options options = at(fixture);
    char *text = report(fixture, &options);

    assert_says(text, "Nothing has been audited yet. Begin with: leastport audit 127.0.0.1");
    free(text);
}

/* Telnet on one host: 40 x 0.6 = 24, a half of it is next: Redis on three hosts: 6 x (1 + 0.25 log10 3) = 6.7157;
 * 100 - 24 - 3.3578 = 72.64; exposure 24 + 18 = 42. */
static void tells_score_and_worst_first(void **state)
{
    static const struct host hosts[] = {
        {"10.0.0.1", {6379}, 0, false}, {"10.0.0.2", {23, 6379}, 0, false}, {"10.0.0.3", {6379}, 0, false}};
    struct fixture *fixture = *state;
    struct report_options options = at(fixture);
    char *text;

    audit(fixture, hosts, 3, false);
    text = report(fixture, &options);
    assert_says(text, "(1 hour ago), from the vantage local");
    assert_says(text, "Score 72.6, grade C");
    assert_says(text, "exposure 42.0; 100 % of what was planned on 3 hosts");
    assert_says(text, "4 findings: 1 high, 3 medium.");
    assert_says(text, "  1 HIGH      Telnet on 23/tcp is open to its own network: nobody may reach it");
    assert_says(text, "on 10.0.0.2; penalty 24.0; baseline/telnet");
    assert_says(text, "    why       Telnet sends passwords");
    assert_says(text, "    fix       Switch the Telnet server off.");
    assert_says(text, "  2 MEDIUM    Redis on 6379/tcp");
    assert_says(text, "; penalty 6.0 each; baseline/redis");
    assert_says(text, "  - 24.00  telnet, own-vpc: service 40 x breadth 0.6 x evidence 1 x need 1 =");
    assert_says(text, "  -  3.36  redis, own-vpc:");
    assert_says(text, "3 alike x 1.12");
    assert_says(text, "  = 72.64");
    assert_says(text, "This was the first audit");
    assert_silent(text, "Not verified from outside");
    assert_silent(text, "\033");
    assert_silent(text, "Not seen");
    free(text);
}

static void tells_what_changed(void **state)
{
    static const struct host before[] = {{"10.0.0.1", {23}, 0, false}, {"10.0.0.2", {5432}, 0, false}};
    static const struct host after[] = {{"10.0.0.1", {6379}, 23, false}, {"10.0.0.2", {0}, 0, true}};
    struct fixture *fixture = *state;
    struct report_options options;
    char *text;

    audit(fixture, before, 2, false);
    audit(fixture, after, 2, false);
    options = at(fixture);
    text = report(fixture, &options);
    assert_says(text, "Changed since the audit of 2023-11-14 22:14 UTC");
    assert_says(text, "1 new");
    assert_says(text, "1 out of sight");
    assert_says(text, "  + new       6379/tcp redis at 10.0.0.1, medium\n");
    assert_says(text, "  ? stale     5432/tcp postgresql at 10.0.0.2, medium\n");
    assert_says(text, "new; due 20");
    assert_says(text, "baseline/postgresql; evidence: seen;");
    assert_says(text, "Not seen");
    assert_says(text, "1 finding is stale");
    assert_says(text, "1 address gave no answer at all, 1 did.");
    free(text);
}

/* Retired at somebody's word just before the scan begins that follows it. */
static void tells_what_was_retired(void **state)
{
    static const struct host before[] = {{"10.0.0.1", {6379}, 0, false}};
    static const struct host after[] = {{"10.0.0.1", {0}, 22, false}};
    struct fixture *fixture = *state;
    struct report_options options;
    struct store_event why = {.actor = "user", .reason = "another machine has its address"};
    char *text;

    audit(fixture, before, 1, false);
    why.at_ms = fixture->now_ms;
    assert_int_equal(store_asset_replace(fixture->store, "default", "10.0.0.1", &why), 0);
    fixture->now_ms += 1000;
    audit(fixture, after, 1, false);
    options = at(fixture);
    text = report(fixture, &options);
    assert_says(text, "1 retired with its host");
    assert_says(text, "  - retired   6379/tcp redis at 10.0.0.1, medium\n");
    free(text);
    audit(fixture, after, 1, false);
    text = report(fixture, &options);
    assert_silent(text, "retired");
    free(text);
}

static void says_when_only_itself_was_seen(void **state)
{
    static const struct host hosts[] = {{"10.0.0.1", {6379}, 0, false}};
    struct fixture *fixture = *state;
    struct report_options options = at(fixture);
    char *text;

    audit(fixture, hosts, 1, true);
    text = report(fixture, &options);
    assert_says(text, "Not verified from outside: this host was only seen from itself");
    assert_says(text, "Redis on 6379/tcp listens on every address (not verified from");
    free(text);
}

static void keeps_to_the_width(void **state)
{
    static const struct host hosts[] = {{"10.0.0.1", {23, 6379, 22, 8080}, 0, false}};
    static const unsigned widths[] = {40, 60, 80, 100};
    struct fixture *fixture = *state;
    struct report_options options = at(fixture);

    audit(fixture, hosts, 1, false);
    for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++) {
        options.width = widths[i];
        options.explain = true;
        char *text = report(fixture, &options);
        for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
            if (strcspn(line, "\n") > widths[i]) {
                fail_msg("over %u columns: %.*s", widths[i], (int)strcspn(line, "\n"), line);
            }
        }
        free(text);
    }
}

static void colours_beside_the_words(void **state)
{
    static const struct host hosts[] = {{"10.0.0.1", {23}, 0, false}};
    struct fixture *fixture = *state;
    struct report_options options = at(fixture);
    char *text;

    audit(fixture, hosts, 1, false);
    options.colour = true;
    text = report(fixture, &options);
    assert_says(text, "\033[31mHIGH\033[0m");
    free(text);
}

/* On a file there are neither colours nor a terminal's width. */
static void knows_its_place(void **state)
{
    struct report_options options = report_options_default();
    FILE *out = tmpfile();

    (void)state;
    setenv("COLUMNS", "57", 1);
    report_options_for(&options, fileno(out));
    assert_int_equal(options.width, 57);
    assert_false(options.colour);
    setenv("COLUMNS", "100000", 1);
    report_options_for(&options, fileno(out));
    assert_int_equal(options.width, 120);
    unsetenv("COLUMNS");
    report_options_for(&options, fileno(out));
    assert_int_equal(options.width, 80);
    fclose(out);
}

/* What answers at 10.0.0.1 and 10.0.0.2: two alike behind TLS, an open door, a port that says nothing; one was not
 * asked. */
static void audit_services(struct fixture *fixture)
{
    static const struct {
        const char *host;
        int port;
        const char *facts; /* NULL: not asked */
    } ports[] = {
        {"10.0.0.1", 443,
         "\"service\":\"http\",\"tls\":true,\"product\":\"nginx\",\"version\":\"1.22\",\"tls.version\":\"1.0\","
         "\"cert.not_after\":\"2023-11-24T00:00:00Z\""},
        {"10.0.0.1", 4444,
         "\"service\":\"redis\",\"product\":\"R\\u202e\",\"version\":\"7\",\"auth\":\"none\",\"door\":\"INFO\","
         "\"cleartext\":true"},
        {"10.0.0.1", 7000, "\"behaviour\":\"silent\""},
        {"10.0.0.1", 8000, NULL},
        {"10.0.0.2", 443,
         "\"service\":\"http\",\"tls\":true,\"product\":\"nginx\",\"version\":\"1.22\",\"tls.version\":\"1.0\","
         "\"cert.not_after\":\"2023-11-20T00:00:00Z\""},
        {"10.0.0.2", 8443, "\"service\":\"http\",\"tls\":true,\"cert.not_after\":\"2023-11-14T00:00:00Z\""},
    };
    const struct fixture_plan plan = {"default", "local", "[\"10.0.0.0/29\"]", "1-65535", "", 1, 0};

    fixture_start(fixture, &plan);
    for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
        fixture_port(fixture, ports[i].host, ports[i].port, "open", "syn-ack");
        if (ports[i].facts != NULL) {
            fixture_line(fixture, "service",
                         "\"host\":\"%s\",\"proto\":\"tcp\",\"port\":%d,\"facts\":{%s},\"evidence\":[{\"received\":"
                         "\"x\",\"bytes\":1}]",
                         ports[i].host, ports[i].port, ports[i].facts);
        }
    }
    fixture_host(fixture, "10.0.0.1", true);
    fixture_host(fixture, "10.0.0.2", true);
    fixture_slab(fixture, 0, 1);
    fixture_line(fixture, "scan_end", "\"complete\":true,\"cause\":\"done\",\"loss\":0.0,\"hosts_up\":2");
    assert_int_equal(store_resume_put(fixture->store, fixture->scan, "asked"), 0);
    settle(fixture);
}

static void tells_what_answers(void **state)
{
    struct fixture *fixture = *state;
    struct report_options options;
    const char *part;
    char *text;

    audit_services(fixture);
    options = at(fixture);
    options.width = 120;
    text = report(fixture, &options);
    part = strstr(text, "What answers\n");
    assert_non_null(part);
    assert_says(part, "What answers\n"
                      "  redis (R\\xe2\\x80\\xae 7), answers without a credential; in clear: 10.0.0.1 4444/tcp\n"
                      "  http in TLS; certificate ended 2023-11-14: 10.0.0.2 8443/tcp\n"
                      "  http in TLS (nginx 1.22); TLS from 1.0 on; certificate ends 2023-11-20, in 4 days: 10.0.0.1 "
                      "443/tcp, 10.0.0.2 443/tcp\n"
                      "  No service: it says nothing: 10.0.0.1 7000/tcp\n"
                      "  1 open port was not asked.\n");
    assert_says(text, "answers without a credential");
    assert_says(text, "baseline/open-door");
    free(text);
}

static void writes_services_as_json_lines(void **state)
{
    struct fixture *fixture = *state;
    struct report_options options;
    size_t services = 0;
    char *text;

    audit_services(fixture);
    options = at(fixture);
    options.format = REPORT_JSONL;
    text = report(fixture, &options);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        json_t *object = json_loadb(line, strcspn(line, "\n"), 0, NULL);
        const json_t *facts = json_object_get(object, "facts");
        const char *type = json_string_value(json_object_get(object, "type"));
        json_int_t port = json_integer_value(json_object_get(object, "port"));
        assert_non_null(object);
        services += strcmp(type, "service") == 0 ? 1 : 0;
        if (strcmp(type, "score") != 0) {
            assert_int_equal(json_is_object(facts), port != 8000);
        }
        if (port == 443) {
            assert_true(json_is_true(json_object_get(facts, "tls")));
            assert_string_equal(json_string_value(json_object_get(facts, "tls.version")), "1.0");
        }
        if (port == 4444 && strcmp(type, "service") == 0) {
            assert_string_equal(json_string_value(json_object_get(object, "service")), "redis");
            assert_int_equal(json_array_size(json_object_get(object, "evidence")), 1);
        }
        json_decref(object);
    }
    assert_int_equal(services, 5);
    free(text);
}

static void writes_json_lines(void **state)
{
    static const char *const keys[] = {"schema", "type",  "scan_id", "ts",      "host",    "port",
                                       "proto",  "state", "reason",  "service", "rule_id", "severity"};
    static const struct host hosts[] = {{"10.0.0.1", {23, 6379}, 0, false}};
    struct fixture *fixture = *state;
    struct report_options options = at(fixture);
    const char *line;
    size_t lines = 0;
    char *text;

    audit(fixture, hosts, 1, false);
    options.format = REPORT_JSONL;
    text = report(fixture, &options);
    for (line = text; *line != '\0'; line += strcspn(line, "\n") + 1, lines++) {
        json_t *object = json_loadb(line, strcspn(line, "\n"), 0, NULL);
        assert_non_null(object);
        for (size_t i = 0; lines < 2 && i < sizeof(keys) / sizeof(*keys); i++) {
            if (json_object_get(object, keys[i]) == NULL) {
                fail_msg("no %s in %.*s", keys[i], (int)strcspn(line, "\n"), line);
            }
        }
        assert_string_equal(json_string_value(json_object_get(object, "type")), lines < 2 ? "finding" : "score");
        if (lines == 0) {
            assert_string_equal(json_string_value(json_object_get(object, "rule_id")), "baseline/telnet");
            assert_string_equal(json_string_value(json_object_get(object, "severity")), "high");
            assert_string_equal(json_string_value(json_object_get(object, "scan_id")), fixture->scan);
            assert_string_equal(json_string_value(json_object_get(object, "state")), "open");
            assert_string_equal(json_string_value(json_object_get(object, "reason")), "syn-ack");
        }
        json_decref(object);
    }
    assert_int_equal(lines, 3);
    free(text);
}

/* Whatever a name or a rule of a person's holds, a terminal sees only text. */
static void escapes_hostile_text(void **state)
{
    static char title[] = "x \033]0;owned\007 y";
    static char other[] = "z";
    /* U+202E: what follows it is written backwards. */
    static const char turn[] = {'\xe2', '\x80', '\xae', '\0'};
    char name[64];
    char no_controls[] = "";
    struct report_group group = {.title = title,
                                 .controls = no_controls,
                                 .why = title,
                                 .fix = other,
                                 .rule_id = other,
                                 .proto = other,
                                 .breadth_class = other,
                                 .evidence_kind = other,
                                 .severity = SEVERITY_LOW,
                                 .count = 1};
    struct report_data data = {.has_score = true,
                               .last = {.is_set = true, .missed_high = NAN},
                               .coverage = 1,
                               .finding_count = 1,
                               .groups = &group,
                               .group_count = 1};
    struct report_options options = report_options_default();
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    snprintf(name, sizeof(name), "evil\033[2J%s", turn);
    report_place("10.0.0.1", name, "default", group.places[0]);
    snprintf(data.policy, sizeof(data.policy), "p\033[0m");
    report_table_print(&data, &options, out);
    fclose(out);
    assert_silent(text, "\033");
    assert_silent(text, "\007");
    assert_silent(text, turn);
    assert_says(text, "evil\\x1b[2J\\xe2\\x80\\xae");
    free(text);
}

/* Hosts that are down, or a slip in the targets: no ground for a good grade. */
static void praises_nothing_when_nobody_answered(void **state)
{
    static const struct host hosts[] = {{"10.0.0.1", {0}, 0, true}};
    struct fixture *fixture = *state;
    struct report_options options = at(fixture);
    char *text;

    audit(fixture, hosts, 1, false);
    text = report(fixture, &options);
    assert_says(text, "No host has answered yet");
    assert_silent(text, "grade A");
    assert_silent(text, "100 %");
    free(text);
}

static void says_that_it_cannot_be_written(void **state)
{
    static const enum report_format formats[] = {REPORT_TABLE, REPORT_JSONL};
    static const struct host hosts[] = {{"10.0.0.1", {23}, 0, false}};
    struct fixture *fixture = *state;

    audit(fixture, hosts, 1, false);
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        struct report_options options = at(fixture);
        char error[512] = "";
        FILE *full = fopen("/dev/full", "w");
        assert_non_null(full);
        options.format = formats[i];
        assert_int_equal(report_write(fixture->path, &options, full, error, sizeof(error)), -ENOSPC);
        assert_string_equal(error, "cannot write the report: No space left on device");
        fclose(full);
    }
}

static void says_why_it_cannot(void **state)
{
    struct report_options options = report_options_default();
    char error[512] = "";
    FILE *out = tmpfile();

    (void)state;
    assert_int_equal(report_write("/nonexistent/audit.db", &options, out, error, sizeof(error)), -ENOENT);
    assert_true(error[0] != '\0');
    fclose(out);
    enum report_format format;
    assert_int_equal(report_format_parse("jsonl", &format), 0);
    assert_int_equal(format, REPORT_JSONL);
    assert_int_equal(report_format_parse("table", &format), 0);
    assert_int_equal(format, REPORT_TABLE);
    assert_int_equal(report_format_parse("pdf", &format), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_that_nothing_was_audited, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(tells_score_and_worst_first, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(tells_what_changed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(tells_what_was_retired, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(says_when_only_itself_was_seen, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(keeps_to_the_width, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(colours_beside_the_words, fixture_setup, fixture_teardown),
        cmocka_unit_test(knows_its_place),
        cmocka_unit_test_setup_teardown(tells_what_answers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(writes_services_as_json_lines, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(writes_json_lines, fixture_setup, fixture_teardown),
        cmocka_unit_test(escapes_hostile_text),
        cmocka_unit_test_setup_teardown(praises_nothing_when_nobody_answered, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(says_that_it_cannot_be_written, fixture_setup, fixture_teardown),
        cmocka_unit_test(says_why_it_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
