#include "tests/unit/auditd/fixture.h"

#include "auditd/store/answer.h"

#include <errno.h>

static const struct fixture_plan plan = {"site", "here", "[\"10.0.0.0/24\"]", "22,80,443", "", 1, 0};

static const char *const living = "SELECT group_concat(name || '=' || value, ' ') FROM"
                                  " (SELECT name, value FROM endpoint_fact WHERE ended_at IS NULL ORDER BY name)";

static void begin(struct fixture *fixture)
{
    fixture_start(fixture, &plan);
    fixture_port(fixture, "10.0.0.5", 443, "open", "syn-ack");
}

static void end(struct fixture *fixture)
{
    fixture_host(fixture, "10.0.0.5", true);
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
}

static void service(struct fixture *fixture, const char *facts)
{
    fixture_line(fixture, "service",
                 "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":443,\"facts\":{%s},"
                 "\"evidence\":[{\"sent\":\"GET\\\\x0D\",\"bytes\":4},{\"received\":\"HTTP/1.1\",\"bytes\":4000}]",
                 facts);
}

static void scan(struct fixture *fixture, const char *facts)
{
    begin(fixture);
    service(fixture, facts);
    end(fixture);
}

static void keeps_what_answers(void **state)
{
    struct fixture *fixture = *state;

    scan(fixture, "\"service\":\"http\",\"tls\":true,\"http.status\":301,\"cert.not_after\":\"2027-01-15T08:00:00Z\","
                  "\"cert.days_left\":400,\"of.tomorrow\":{}");
    assert_string_equal(fixture_text(fixture, living),
                        "cert.not_after=2027-01-15T08:00:00Z http.status=301 service=http tls=true");
    assert_string_equal(fixture_text(fixture, "SELECT evidence FROM endpoint_answer"),
                        "[{\"sent\":\"GET\\\\x0D\",\"bytes\":4},{\"received\":\"HTTP/1.1\",\"bytes\":4000}]");
}

static void only_changes_make_rows(void **state)
{
    struct fixture *fixture = *state;
    int64_t seen;

    scan(fixture, "\"service\":\"http\",\"version\":\"1\",\"http.body_sha256\":\"aa\"");
    seen = fixture_int(fixture, "SELECT last_seen FROM endpoint_answer");
    scan(fixture, "\"service\":\"http\",\"version\":\"1\",\"http.body_sha256\":\"bb\"");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_fact"), 3);
    assert_string_equal(fixture_text(fixture, living), "http.body_sha256=bb service=http version=1");
    assert_true(fixture_int(fixture, "SELECT last_seen FROM endpoint_answer") > seen);
    assert_int_equal(fixture_int(fixture, "SELECT changed_at = first_seen FROM endpoint_answer"), 1);
    scan(fixture, "\"service\":\"ssh\",\"version\":\"1\",\"auth\":\"required\"");
    assert_string_equal(fixture_text(fixture, living), "auth=required service=ssh version=1");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_fact"), 5);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_fact WHERE name = 'service' AND value = 'http'"
                                          " AND ended_at = (SELECT since FROM endpoint_fact WHERE name = 'auth')"),
                     1);
    assert_int_equal(fixture_int(fixture, "SELECT changed_at = last_seen FROM endpoint_answer"), 1);
}

/* A server that gave no word this time may be busy, or weary of us; one that gives none for a week is another. */
static void no_word_changes_nothing_for_a_week(void **state)
{
    static const char *const words[] = {"silent", "closes", "resets", "zero-window"};
    struct fixture *fixture = *state;
    int64_t seen;

    scan(fixture, "\"behaviour\":\"silent\"");
    assert_string_equal(fixture_text(fixture, living), "behaviour=silent");
    scan(fixture, "\"service\":\"redis\",\"auth\":\"none\"");
    seen = fixture_int(fixture, "SELECT last_seen FROM endpoint_answer");
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        char facts[64];
        fixture->now_ms += 86400000;
        snprintf(facts, sizeof(facts), "\"behaviour\":\"%s\"", words[i]);
        scan(fixture, facts);
        assert_string_equal(fixture_text(fixture, living), "auth=none service=redis");
        assert_int_equal(fixture_int(fixture, "SELECT last_seen FROM endpoint_answer"), seen);
    }
    fixture->now_ms += INT64_C(4) * 86400000;
    scan(fixture, "\"behaviour\":\"closes\"");
    assert_string_equal(fixture_text(fixture, living), "behaviour=closes");
    scan(fixture, "\"service\":\"redis\"");
    scan(fixture, "\"behaviour\":\"every-port\"");
    assert_string_equal(fixture_text(fixture, living), "behaviour=every-port");
    /* A word that nobody knows is one. */
    scan(fixture, "\"service\":\"redis\"");
    scan(fixture, "\"behaviour\":\"closes\",\"banner\":\"hello\"");
    assert_string_equal(fixture_text(fixture, living), "banner=hello behaviour=closes");
}

static void reads_them_again(void **state)
{
    struct fixture *fixture = *state;
    struct store_facts facts;

    scan(fixture, "\"service\":\"redis\",\"auth\":\"none\"");
    assert_int_equal(store_answer_facts(fixture->store, fixture_int(fixture, "SELECT id FROM endpoint"), &facts), 0);
    assert_int_equal(facts.count, 2);
    assert_string_equal(store_facts_get(&facts, "auth"), "none");
    assert_null(store_facts_get(&facts, "version"));
    store_facts_done(&facts);
    assert_int_equal(store_answer_facts(fixture->store, 999, &facts), 0);
    assert_int_equal(facts.count, 0);
    store_facts_done(&facts);
}

/* "certificate", of which the fingerprint is known. */
#define DER "Y2VydGlmaWNhdGU="
#define SHA256 "03d66dd08835c1ca3f128cceacd1f31ac94163096b20f445ae84285bc0832d72"

static void keeps_a_certificate_once(void **state)
{
    struct fixture *fixture = *state;
    char facts[256];
    char own[128];

    snprintf(own, sizeof(own), "\"cert.sha256\":\"%s\"", SHA256);
    snprintf(facts, sizeof(facts), "\"service\":\"http\",%s", own);
    for (int i = 0; i < 2; i++) {
        begin(fixture);
        fixture_line(fixture, "certificate",
                     "\"der\":\"" DER "\",\"facts\":{%s,\"cert.subject\":\"CN=a\",\"cert.key_bits\":2048,"
                     "\"cert.not_after\":\"2027-01-15T08:00:00Z\"}",
                     own);
        service(fixture, facts);
        end(fixture);
    }
    assert_string_equal(fixture_text(fixture, "SELECT subject || key_bits || not_after || CAST(der AS TEXT) ||"
                                              " ifnull(not_before, '-') FROM certificate"),
                        "CN=a20481800000000000certificate-");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM certificate"), 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_answer WHERE certificate_id ="
                                          " (SELECT id FROM certificate)"),
                     1);
}

static void refuses_what_cannot_be(void **state)
{
    static const struct {
        const char *type;
        const char *members;
    } lines[] = {
        {"service", "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":22,\"facts\":{},\"evidence\":[]"},
        {"service", "\"host\":\"10.0.0.6\",\"proto\":\"tcp\",\"port\":443,\"facts\":{},\"evidence\":[]"},
        {"service", "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":23,\"facts\":{},\"evidence\":[]"},
        {"service", "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":443,\"facts\":[],\"evidence\":[]"},
        {"service", "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":443,\"facts\":{\"tls\":1},\"evidence\":[]"},
        {"service", "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":443,\"facts\":{\"banner\":\"\\u001b\"},"
                    "\"evidence\":[]"},
        {"service", "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":443,\"facts\":{\"cert.not_after\":\"soon\"},"
                    "\"evidence\":[]"},
        {"service", "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":443,\"facts\":{},\"evidence\":[{}]"},
        {"service", "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":443,\"facts\":{},\"evidence\":{}"},
        {"service", "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":443,\"facts\":{},\"evidence\":"
                    "[{\"sent\":\"a\",\"bytes\":0}]"},
        {"certificate", "\"facts\":{\"cert.sha256\":\"" SHA256 "\"},\"der\":\"!\""},
        {"certificate", "\"facts\":{\"cert.sha256\":\"" SHA256 "\"},\"der\":\"AAAA\""},
        {"certificate", "\"facts\":{},\"der\":\"" DER "\""},
        {"certificate", "\"facts\":{\"cert.sha256\":\"" SHA256 "\"}"},
    };
    struct fixture *fixture = *state;

    begin(fixture);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        assert_int_equal(fixture_feed(fixture, lines[i].type, lines[i].members), 0);
        if (fixture->refused != i + 1) {
            fail_msg("taken: %s", lines[i].members);
        }
    }
    end(fixture);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_answer"), 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM certificate"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_what_answers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(only_changes_make_rows, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(no_word_changes_nothing_for_a_week, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(reads_them_again, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(keeps_a_certificate_once, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(refuses_what_cannot_be, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
