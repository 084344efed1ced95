#include "auditd/store/read.h"

#include "auditd/store/store.h"
#include "lib/addr.h"

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/alloc_countdown.h"
#include "tests/unit/auditd/read_database.h"

#define UUID(n) "00000000-0000-4000-8000-00000000000" n

static char folder[] = "/tmp/leastport-read-XXXXXX";
static char db_path[64];

/* Two realms with the same address; one port open since 1000, closed at 5000; one port open still. */
static const char rows[] =
    "INSERT INTO realm VALUES (1, 'a', 1), (2, 'b', 1);"
    "INSERT INTO vantage (id, name, declared_class, created_at) VALUES (1, 'v', 'world', 1);"
    "INSERT INTO policy VALUES (1, 'hash', 'baseline', '', 1, 1);"
    "INSERT INTO scan (id, uuid, realm_id, vantage_id, policy_id, plan, plan_hash, state, started_at, loss) VALUES"
    " (1, '" UUID(
        "1") "', 1, 1, 1, '{}', 'h', 'complete', 1000, NULL),"
             " (2, '" UUID(
                 "2") "', 1, 1, 1, '{}', 'h', 'complete', 5000, 0.5);"
                      "INSERT INTO asset (id, uuid, realm_id, created_at, ended_at) VALUES (1, '" UUID(
                          "a") "', 1, 1000, NULL),"
                               " (2, '" UUID("b") "', 2, 1000, NULL), (3, '" UUID(
                                   "c") "', 1, 100, 900);"
                                        "INSERT INTO asset_identity (asset_id, realm_id, kind, value, source, "
                                        "valid_from, valid_to) VALUES"
                                        " (1, 1, 'address', '10.0.0.1', 'scan', 1000, NULL), (1, 1, 'address', "
                                        "'2001:db8::1', 'scan', 2000, NULL),"
                                        " (1, 1, 'name', CAST(X'ff3c623e' AS TEXT), 'scan', 1000, NULL),"
                                        " (2, 2, 'address', '10.0.0.1', 'scan', 1000, NULL), (3, 1, 'address', "
                                        "'10.0.0.1', 'scan', 100, 900);"
                                        "INSERT INTO asset_state (asset_id, vantage_id, address, state, reason, "
                                        "first_seen, last_seen, first_scan_id,"
                                        " last_scan_id) VALUES (1, 1, '10.0.0.1', 'up', 'syn-ack', 1000, 5000, 1, 2),"
                                        " (2, 1, '10.0.0.1', 'down', 'no-response', 1000, 5000, 1, 2);"
                                        "INSERT INTO endpoint (id, asset_id, vantage_id, address, proto, port) VALUES "
                                        "(1, 1, 1, '10.0.0.1', 'tcp', 22),"
                                        " (2, 1, 1, '10.0.0.1', 'tcp', 6379);"
                                        "INSERT INTO endpoint_state (endpoint_id, state, reason, first_seen, "
                                        "last_seen, ended_at, first_scan_id,"
                                        " last_scan_id) VALUES (1, 'open', 'syn-ack', 1000, 4000, 5000, 1, 1),"
                                        " (1, 'closed', 'reset', 5000, 5000, NULL, 2, 2), (2, 'open', 'syn-ack', 1000, "
                                        "5000, NULL, 1, 2);"
                                        "INSERT INTO finding (id, uuid, fingerprint, asset_id, proto, port, kind, "
                                        "presence, sight, severity, severity_rank,"
                                        " service, rule_id, policy_id, service_weight, breadth, breadth_class, "
                                        "evidence, evidence_kind, need, need_kind,"
                                        " penalty, title, why, fix, first_seen, last_seen, changed_at, first_scan_id, "
                                        "last_scan_id) VALUES"
                                        " (1, 'f1', 'p1', 1, 'tcp', 22, 'exposure', 'FIXED', 'FRESH', 'high', 3, "
                                        "'ssh', 'r', 1, 30, 1, 'world', 1, 'seen',"
                                        " 1, 'forbidden', 30, 't', 'w', 'f', 1000, 4000, 5000, 1, 2),"
                                        " (2, 'f2', 'p2', 1, 'tcp', 6379, 'exposure', 'OPEN', 'FRESH', 'critical', 4, "
                                        "'redis', 'r', 1, 40, 1, 'world', 1,"
                                        " 'seen', 1, 'forbidden', 40, 't', 'w', 'f', 1000, 5000, 1000, 1, 2),"
                                        " (3, 'f3', 'p3', 2, 'tcp', 80, 'exposure', 'OPEN', 'RETIRED', 'low', 1, "
                                        "'http', 'r', 1, 10, 1, 'world', 1,"
                                        " 'seen', 0.1, 'unknown', 1, 't', 'w', 'f', 1000, 2000, 2000, 1, 1),"
                                        " (4, 'f4', 'p4', 2, 'tcp', 81, 'exposure', 'NEW', 'STALE', 'critical', 4, "
                                        "'http', 'r', 1, 10, 1, 'world', 1,"
                                        " 'seen', 1, 'unknown', 35, 't', 'w', 'f', 3000, 3000, 3000, 1, 1);"
                                        "INSERT INTO finding_vantage VALUES (2, 1, 'world', 1000, NULL);"
                                        "INSERT INTO finding_event (finding_id, at, actor, what, was, became, reason, "
                                        "evidence, scan_id) VALUES"
                                        " (1, 1000, 'auditd', 'presence', '', 'NEW', 'seen', '{}', 1),"
                                        " (1, 5000, 'auditd', 'presence', 'OPEN', 'FIXED', 'reset', '{}', 2);"
                                        "INSERT INTO score (scope, subject, score, grade, caps, exposure, waived, "
                                        "coverage, terms, policy_id, first_at,"
                                        " last_at, ended_at) VALUES ('fleet', '', 30, 'F', '[]', 70, 0, 1, '[]', 1, "
                                        "1000, 5000, 5000),"
                                        " ('fleet', '', 60, 'D', '[]', 40, 0, 1, '[]', 1, 5000, 5000, NULL),"
                                        " ('host', '" UUID(
                                            "a") "', 60, 'D', '[]', 40, 0, 1, '[]', 1, 5000, 5000, NULL);";

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(db_path, sizeof(db_path), "%s/audit.db", folder);
    read_database_make(db_path);
    read_database_run(db_path, rows);
    return 0;
}

static void remove_database(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[96];
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
}

static int tear_down(void **state)
{
    (void)state;
    remove_database(db_path);
    return rmdir(folder);
}

static struct store_reader *open_reader(void)
{
    char error[STORE_READ_ERROR_SIZE] = "";
    struct store_reader *reader = NULL;
    int rc = store_reader_open(db_path, error, &reader);
    if (rc != 0) {
        fail_msg("%d: %s", rc, error);
    }
    return reader;
}

/* What lists gave: ids in their order. */
struct seen {
    int64_t ids[16];
    double keys[16];
    size_t count;
    int stop; /* what the function returns */
};

static void see(struct seen *seen, int64_t id, double key)
{
    assert_true(seen->count < 16);
    seen->ids[seen->count] = id;
    seen->keys[seen->count++] = key;
}

static int see_finding(void *context, const struct store_finding *finding)
{
    struct seen *seen = context;
    see(seen, finding->id, finding->sort_key);
    return seen->stop;
}

static int see_host(void *context, const struct store_host *host)
{
    see(context, host->id, host->sort_key);
    if (host->id == 1) {
        assert_string_equal(host->address, "10.0.0.1");
        assert_string_equal(host->name, "\xff<b>");
        assert_string_equal(host->state, "up");
    }
    return 0;
}

static int see_endpoint(void *context, const struct store_endpoint *endpoint)
{
    see(context, endpoint->id, endpoint->sort_key);
    return 0;
}

static int see_score(void *context, const struct store_score *score)
{
    see(context, (int64_t)score->score, score->sort_key);
    return 0;
}

static int see_scan(void *context, const struct store_scan *scan)
{
    see(context, scan->id, scan->sort_key);
    assert_int_equal(scan->id == 1, scan->loss != scan->loss);
    return 0;
}

static int see_change(void *context, const struct store_change *change)
{
    see(context, change->id, change->sort_key);
    return 0;
}

static void assert_seen(const struct seen *seen, size_t count, const int64_t *ids)
{
    assert_int_equal(seen->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(seen->ids[i], ids[i]);
    }
}

#define ASSERT_SEEN(seen, ...)                                                                                         \
    assert_seen(&(seen), sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

static void lists_what_counts_now(void **state)
{
    struct store_reader *reader = open_reader();
    struct store_finding_filter filter = {.page = {.sort = STORE_FINDING_BY_SEVERITY, .is_descending = true}};
    struct seen now = {0};
    struct seen changed = {0};
    (void)state;
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &now), 0);
    ASSERT_SEEN(now, 2, 4);
    filter.changed_since = 2000;
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &changed), 0);
    ASSERT_SEEN(changed, 4, 1, 3);
    store_reader_close(reader);
}

static void goes_on_after_a_position(void **state)
{
    struct store_reader *reader = open_reader();
    struct store_finding_filter filter = {
        .page = {.sort = STORE_FINDING_BY_SEVERITY, .is_descending = true, .limit = 1}};
    struct seen first = {0};
    struct seen second = {0};
    struct seen third = {0};
    (void)state;
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &first), 0);
    filter.page.after = (struct store_position){true, first.keys[0], first.ids[0]};
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &second), 0);
    filter.page.after = (struct store_position){true, second.keys[0], second.ids[0]};
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &third), 0);
    ASSERT_SEEN(first, 2);
    ASSERT_SEEN(second, 4);
    assert_int_equal(third.count, 0);
    store_reader_close(reader);
}

static void filters_bind_and_never_become_sql(void **state)
{
    static const char *const hostile[] = {"'; DROP TABLE finding; --", "\xff", "\" OR 1", "%"};
    const struct store_texts texts = {hostile, 4};
    const int64_t port = 6379;
    struct store_reader *reader = open_reader();
    struct store_finding_filter filter = {.realms = texts, .services = texts, .owners = texts, .hosts = texts};
    struct store_finding_filter by_port = {.ports = {&port, 1}, .severity_min = 4};
    struct seen none = {0};
    struct seen one = {0};
    (void)state;
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &none), 0);
    assert_int_equal(none.count, 0);
    assert_int_equal(store_read_findings(reader, &by_port, see_finding, &one), 0);
    ASSERT_SEEN(one, 2);
    store_reader_close(reader);
}

static struct seen see_severities(struct store_reader *reader, const char *const severities[2],
                                  enum store_finding_sort sort, bool is_descending)
{
    static const char *const presences[] = {"NEW", "OPEN", "FIXED"};
    static const char *const sights[] = {"FRESH", "STALE", "RETIRED"};
    const struct store_finding_filter filter = {.presences = {presences, 3},
                                                .sights = {sights, 3},
                                                .severities = {severities, severities[1] == NULL ? 1 : 2},
                                                .page = {.sort = sort, .is_descending = is_descending}};
    struct seen seen = {0};

    assert_int_equal(store_read_findings(reader, &filter, see_finding, &seen), 0);
    return seen;
}

static void lists_severities_in_every_order(void **state)
{
    static const char *const apart[] = {"low", "critical"};
    static const char *const beside[] = {"high", "low"};
    static const char *const one[] = {"high", NULL};
    static const char *const none[] = {"medium", NULL};
    static const char *const unknown[] = {"other", NULL};
    struct store_reader *reader = open_reader();
    struct seen seen = see_severities(reader, apart, STORE_FINDING_BY_SEVERITY, true);
    (void)state;

    ASSERT_SEEN(seen, 2, 4, 3);
    seen = see_severities(reader, apart, STORE_FINDING_BY_ID, false);
    ASSERT_SEEN(seen, 2, 3, 4);
    seen = see_severities(reader, beside, STORE_FINDING_BY_SEVERITY, false);
    ASSERT_SEEN(seen, 3, 1);
    seen = see_severities(reader, one, STORE_FINDING_BY_SEVERITY, true);
    ASSERT_SEEN(seen, 1);
    assert_int_equal(see_severities(reader, none, STORE_FINDING_BY_SEVERITY, true).count, 0);
    assert_int_equal(see_severities(reader, unknown, STORE_FINDING_BY_SEVERITY, true).count, 0);
    store_reader_close(reader);
}

static void a_function_can_end_the_list(void **state)
{
    struct store_reader *reader = open_reader();
    struct store_finding_filter filter = {0};
    struct seen seen = {.stop = 42};
    (void)state;
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &seen), 42);
    assert_int_equal(seen.count, 1);
    seen = (struct seen){0};
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &seen), 0);
    assert_int_equal(seen.count, 2);
    store_reader_close(reader);
}

static void knows_who_held_an_address_then(void **state)
{
    static const char *const address = "10.0.0.1";
    static const char *const realm = "a";
    static const char *const up = "up";
    struct store_reader *reader = open_reader();
    struct store_host_filter now = {.addresses = {&address, 1}, .realms = {&realm, 1}};
    struct store_host_filter then = {.addresses = {&address, 1}, .realms = {&realm, 1}, .as_of = 500};
    struct store_host_filter ever = {.addresses = {&address, 1}, .with_ended = true};
    struct store_host_filter living = {.states = {&up, 1}};
    struct store_host_filter unseen = {.up_before = 5000, .page = {.sort = STORE_HOST_BY_LAST_UP}};
    struct seen seen[5] = {0};
    (void)state;
    assert_int_equal(store_read_hosts(reader, &now, see_host, &seen[0]), 0);
    ASSERT_SEEN(seen[0], 1);
    assert_int_equal(store_read_hosts(reader, &then, see_host, &seen[1]), 0);
    ASSERT_SEEN(seen[1], 3);
    assert_int_equal(store_read_hosts(reader, &ever, see_host, &seen[2]), 0);
    ASSERT_SEEN(seen[2], 1, 2, 3);
    assert_int_equal(store_read_hosts(reader, &living, see_host, &seen[3]), 0);
    ASSERT_SEEN(seen[3], 1);
    assert_int_equal(store_read_hosts(reader, &unseen, see_host, &seen[4]), 0);
    ASSERT_SEEN(seen[4], 2);
    store_reader_close(reader);
}

/* By what the lists call one host. */
struct called {
    char address[64];
    char name[64];
    char label[64];
    char change[64];
};

static int called_host(void *context, const struct store_host *host)
{
    struct called *called = context;
    snprintf(called->address, sizeof(called->address), "%s", host->address);
    snprintf(called->name, sizeof(called->name), "%s", host->name);
    return 0;
}

static int called_score(void *context, const struct store_score *score)
{
    struct called *called = context;
    snprintf(called->label, sizeof(called->label), "%s", score->label);
    return 0;
}

static int called_change(void *context, const struct store_change *change)
{
    struct called *called = context;
    snprintf(called->change, sizeof(called->change), "%s", change->address);
    return 0;
}

static struct called call_host(const char *uuid, int64_t as_of)
{
    static const char *const host = "host";
    struct store_reader *reader = open_reader();
    struct store_host_filter hosts = {.uuids = {&uuid, 1}, .as_of = as_of};
    struct store_score_filter scores = {.scopes = {&host, 1}, .subjects = {&uuid, 1}};
    struct store_change_filter changes = {.hosts = {&uuid, 1}};
    struct called called = {{0}, {0}, {0}, {0}};
    assert_int_equal(store_read_hosts(reader, &hosts, called_host, &called), 0);
    assert_int_equal(store_read_scores(reader, &scores, called_score, &called), 0);
    assert_int_equal(store_read_changes(reader, &changes, called_change, &called), 0);
    store_reader_close(reader);
    return called;
}

/* Of several addresses, IPv4 before IPv6 before link-local before loopback, of those the one held for longest. */
static void calls_a_host_by_its_best_address(void **state)
{
    static const char clean[] =
        "DELETE FROM finding_event WHERE finding_id = 9; DELETE FROM finding WHERE id = 9;"
        "DELETE FROM asset_identity WHERE asset_id = 9; DELETE FROM score WHERE subject = '" UUID(
            "e") "'; DELETE FROM asset WHERE id = 9;";
    struct called called;
    (void)state;
    read_database_run(
        db_path,
        "INSERT INTO asset (id, uuid, realm_id, created_at) VALUES (9, '" UUID(
            "e") "', 1, 1000);"
                 "INSERT INTO asset_identity (asset_id, realm_id, kind, value, source, valid_from, valid_to) VALUES"
                 " (9, 1, 'address', '127.0.0.1', 'scan', 1000, NULL), (9, 1, 'address', '::1', 'scan', 1000, NULL),"
                 " (9, 1, 'address', 'fe80::9%eth0', 'scan', 1000, NULL), (9, 1, 'address', '2001:db8::9', 'scan', "
                 "1000, NULL),"
                 " (9, 1, 'address', '10.0.0.7', 'scan', 900, 1500), (9, 1, 'address', '10.0.0.8', 'scan', 2000, NULL),"
                 " (9, 1, 'address', '10.0.0.9', 'scan', 3000, NULL);"
                 "INSERT INTO score (scope, subject, score, grade, caps, exposure, waived, coverage, terms, policy_id, "
                 "first_at,"
                 " last_at) VALUES ('host', '" UUID(
                     "e") "', 60, 'D', '[]', 40, 0, 1, '[]', 1, 5000, 5000);"
                          "INSERT INTO finding (id, uuid, fingerprint, asset_id, proto, port, kind, presence, "
                          "severity, severity_rank,"
                          " service, rule_id, policy_id, service_weight, breadth, breadth_class, evidence, "
                          "evidence_kind, need, need_kind,"
                          " penalty, title, why, fix, first_seen, last_seen, changed_at, first_scan_id, last_scan_id) "
                          "VALUES"
                          " (9, 'f9', 'p9', 9, 'tcp', 9, 'exposure', 'FIXED', 'low', 1, 'x', 'r', 1, 5, 1, 'world', 1, "
                          "'seen', 1,"
                          " 'unknown', 5, 't', 'w', 'f', 1000, 1000, 1000, 1, 1);"
                          "INSERT INTO finding_event (finding_id, at, actor, what, was, became, reason, evidence, "
                          "scan_id) VALUES"
                          " (9, 1000, 'auditd', 'presence', '', 'NEW', 'seen', '{}', 1);");
    called = call_host(UUID("e"), 0);
    assert_string_equal(called.address, "10.0.0.8");
    assert_string_equal(called.label, "10.0.0.8");
    assert_string_equal(called.change, "10.0.0.8");
    assert_string_equal(called.name, "");
    called = call_host(UUID("e"), 1200);
    assert_string_equal(called.address, "10.0.0.7");
    read_database_run(db_path, "DELETE FROM asset_identity WHERE asset_id = 9 AND value GLOB '10.*'");
    assert_string_equal(call_host(UUID("e"), 0).address, "2001:db8::9");
    read_database_run(db_path, "DELETE FROM asset_identity WHERE asset_id = 9 AND value GLOB '2001*'");
    assert_string_equal(call_host(UUID("e"), 0).address, "fe80::9%eth0");
    read_database_run(db_path, "DELETE FROM asset_identity WHERE asset_id = 9 AND value GLOB 'fe80*'");
    assert_string_equal(call_host(UUID("e"), 0).address, "127.0.0.1");
    read_database_run(db_path, "INSERT INTO asset_identity (asset_id, realm_id, kind, value, source, valid_from) VALUES"
                               " (9, 1, 'name', 'db.example', 'resolver', 4000)");
    assert_string_equal(call_host(UUID("e"), 0).label, "db.example");
    read_database_run(db_path, clean);
}

static void reads_intervals_at_any_moment(void **state)
{
    struct store_reader *reader = open_reader();
    struct store_endpoint_filter now = {0};
    struct store_endpoint_filter then = {.as_of = 4999};
    struct store_endpoint_filter before = {.as_of = 999};
    struct store_endpoint_filter all = {.with_ended = true, .page = {.sort = STORE_ENDPOINT_BY_PORT}};
    struct store_score_filter score_then = {.as_of = 4999};
    struct store_score_filter score_history = {.with_ended = true, .page = {.sort = STORE_SCORE_BY_TIME}};
    struct seen seen[6] = {0};
    (void)state;
    assert_int_equal(store_read_endpoints(reader, &now, see_endpoint, &seen[0]), 0);
    ASSERT_SEEN(seen[0], 2, 3);
    assert_int_equal(store_read_endpoints(reader, &then, see_endpoint, &seen[1]), 0);
    ASSERT_SEEN(seen[1], 1, 3);
    assert_int_equal(store_read_endpoints(reader, &before, see_endpoint, &seen[2]), 0);
    assert_int_equal(seen[2].count, 0);
    assert_int_equal(store_read_endpoints(reader, &all, see_endpoint, &seen[3]), 0);
    ASSERT_SEEN(seen[3], 1, 2, 3);
    assert_int_equal(store_read_scores(reader, &score_then, see_score, &seen[4]), 0);
    ASSERT_SEEN(seen[4], 30);
    assert_int_equal(store_read_scores(reader, &score_history, see_score, &seen[5]), 0);
    ASSERT_SEEN(seen[5], 30, 60, 60);
    store_reader_close(reader);
}

/* ---- what answers ---- */

/* SSH on endpoint 1 until its port closed at 5000, asked first at 1500; endpoint 2 was Redis behind a password, and
 * from 3000 on says what is no UTF-8. */
static const char answers[] =
    "INSERT INTO endpoint_answer (endpoint_id, evidence, first_seen, last_seen, changed_at, last_scan_id) VALUES"
    " (1, '[1]', 1500, 4000, 1500, 1), (2, '[2]', 1500, 5000, 3000, 2);"
    "INSERT INTO endpoint_fact (endpoint_id, name, value, since, ended_at, scan_id) VALUES"
    " (1, 'service', 'ssh', 1500, NULL, 1), (1, 'os', 'later', 5000, NULL, 2), (2, 'service', 'redis', 1500, NULL, 1),"
    " (2, 'auth', 'required', 1500, 3000, 1), (2, 'auth', 'none', 3000, NULL, 2),"
    " (2, 'banner', CAST(X'ff3c623e1b' AS TEXT), 3000, NULL, 2), (2, 'version', '7.0', 1500, 4000, 1);";
static const char no_answers[] = "DELETE FROM endpoint_fact; DELETE FROM endpoint_answer;";

/* "6379 redis auth=none,banner=… [2]; " for each row. */
static int tell_answer(void *context, const struct store_endpoint *endpoint)
{
    char *told = context;
    size_t length = strlen(told);
    length += (size_t)snprintf(told + length, 512 - length, "%d %s", (int)endpoint->port, endpoint->service);
    for (size_t i = 0; i < endpoint->fact_count; i++) {
        length += (size_t)snprintf(told + length, 512 - length, "%s%s=%s", i == 0 ? " " : ",", endpoint->facts[i].name,
                                   endpoint->facts[i].value);
    }
    snprintf(told + length, 512 - length, "%s%s; ", endpoint->was_asked ? " " : "", endpoint->evidence);
    return 0;
}

static void assert_answers(struct store_reader *reader, const struct store_endpoint_filter *filter,
                           const char *expected)
{
    char told[512] = "";
    assert_int_equal(store_read_endpoints(reader, filter, tell_answer, told), 0);
    assert_string_equal(told, expected);
}

static void tells_what_answered_at_any_moment(void **state)
{
    static const char *const ssh = "ssh";
    static const char *const smtp = "smtp";
    static const char *const redis = "redis";
    static const char *const none = "none";
    static const char *const required = "required";
    struct store_reader *reader = open_reader();
    struct store_endpoint_filter filter = {.with_facts = true};
    (void)state;
    read_database_run(db_path, answers);
    read_database_run(db_path, "UPDATE endpoint_state SET service = 'smtp' WHERE endpoint_id = 1");
    assert_answers(reader, &filter, "22 smtp; 6379 redis auth=none,banner=\xff<b>\x1b,service=redis [2]; ");
    filter.services = (struct store_texts){&ssh, 1};
    assert_answers(reader, &filter, "");
    filter.services = (struct store_texts){&smtp, 1};
    assert_answers(reader, &filter, "22 smtp; ");
    filter.services = (struct store_texts){&redis, 1};
    assert_answers(reader, &filter, "6379 redis auth=none,banner=\xff<b>\x1b,service=redis [2]; ");
    filter = (struct store_endpoint_filter){.auths = {&none, 1}};
    assert_answers(reader, &filter, "6379 ; ");
    filter = (struct store_endpoint_filter){.with_facts = true, .as_of = 2999};
    assert_answers(reader, &filter, "22 ssh service=ssh [1]; 6379 redis auth=required,service=redis,version=7.0 ; ");
    filter.services = (struct store_texts){&smtp, 1};
    assert_answers(reader, &filter, "");
    filter.services = (struct store_texts){&ssh, 1};
    assert_answers(reader, &filter, "22 ssh service=ssh [1]; ");
    filter = (struct store_endpoint_filter){.with_facts = true, .as_of = 1499, .services = {&smtp, 1}};
    assert_answers(reader, &filter, "22 smtp; ");
    filter = (struct store_endpoint_filter){.with_facts = true, .with_ended = true, .services = {&ssh, 1}};
    assert_answers(reader, &filter, "22 ssh service=ssh [1]; ");
    filter = (struct store_endpoint_filter){.with_ended = true, .auths = {&required, 1}};
    assert_answers(reader, &filter, "");
    filter.as_of = 1500;
    filter.with_ended = false;
    assert_answers(reader, &filter, "6379 ; ");
    read_database_run(db_path, "UPDATE endpoint_state SET service = ''");
    read_database_run(db_path, no_answers);
    store_reader_close(reader);
}

/* As many as a hostile scanner could have written: those that fit are told, the rest left out. */
static void tells_no_more_facts_than_fit(void **state)
{
    struct store_reader *reader = open_reader();
    const struct store_endpoint_filter filter = {.with_facts = true, .as_of = 4000};
    struct seen seen = {0};
    (void)state;
    read_database_run(db_path, answers);
    read_database_run(
        db_path,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO "
        "endpoint_fact (endpoint_id, name, value, since, scan_id) SELECT 1, 'x' || i, printf('%.*c', 4000, 'y'), "
        "1500, 1 FROM n");
    assert_int_equal(store_read_endpoints(reader, &filter, see_endpoint, &seen), 0);
    ASSERT_SEEN(seen, 1, 3);
    read_database_run(db_path, no_answers);
    store_reader_close(reader);
}

static int tell_change(void *context, const struct store_service_change *change)
{
    char *told = context;
    size_t length = strlen(told);
    snprintf(told + length, 512 - length, "%d %d %s %s>%s; ", (int)change->at, (int)change->port, change->fact,
             change->was, change->became);
    return 0;
}

static void tells_what_answers_otherwise(void **state)
{
    static const char *const facts[] = {"version", "auth"};
    struct store_reader *reader = open_reader();
    struct store_service_change_filter filter = {0};
    char told[4][512] = {""};
    (void)state;
    read_database_run(db_path, answers);
    read_database_run(db_path, "UPDATE endpoint_answer SET changed_at = 6000 WHERE endpoint_id = 2;"
                               "INSERT INTO endpoint_fact (endpoint_id, name, value, since, scan_id) VALUES"
                               " (2, 'product', 'Redis', 5000, 2), (2, 'version', '7.2', 6000, 2)");
    assert_int_equal(store_read_service_changes(reader, &filter, tell_change, told[0]), 0);
    assert_string_equal(told[0], "3000 6379 auth required>none; 4000 6379 version 7.0>; 5000 6379 product >Redis; "
                                 "6000 6379 version >7.2; ");
    filter.since = 4000;
    filter.before = 6000;
    assert_int_equal(store_read_service_changes(reader, &filter, tell_change, told[1]), 0);
    assert_string_equal(told[1], "4000 6379 version 7.0>; 5000 6379 product >Redis; ");
    filter = (struct store_service_change_filter){.facts = {facts, 2}, .page = {.is_descending = true, .limit = 2}};
    assert_int_equal(store_read_service_changes(reader, &filter, tell_change, told[2]), 0);
    assert_string_equal(told[2], "6000 6379 version >7.2; 4000 6379 version 7.0>; ");
    read_database_run(db_path, no_answers);
    store_reader_close(reader);
}

static int tell_certificate(void *context, const struct store_shown_certificate *certificate)
{
    char *told = context;
    size_t length = strlen(told);
    snprintf(told + length, 512 - length, "%s %d; ", certificate->subject, (int)certificate->endpoint_count);
    return 0;
}

static int tell_shower(void *context, const struct store_certificate_endpoint *endpoint)
{
    char *told = context;
    size_t length = strlen(told);
    snprintf(told + length, 512 - length, "%s:%d %s %s; ", endpoint->address, (int)endpoint->port, endpoint->verdict,
             endpoint->name_mismatch);
    return 0;
}

/* What has no end is last; what only a closed port showed is not shown now. */
static void tells_who_shows_a_certificate(void **state)
{
    static const char *const name = "B.Example";
    struct store_reader *reader = open_reader();
    struct store_certificate_filter filter = {0};
    char told[6][512] = {""};
    (void)state;
    read_database_run(db_path, answers);
    read_database_run(
        db_path, "INSERT INTO certificate (sha256, der, subject, issuer, names, not_after, key, signature, first_seen)"
                 " VALUES ('a', X'30', 'endless', 'I', 'a.example b.example', NULL, '', '', 1), ('b', X'30', 'late', "
                 "'J', 'xb.example', 9000, '', '', 1), ('c', X'30', 'early', 'J', '', 3000, '', '', 1);"
                 "INSERT INTO endpoint_fact (endpoint_id, name, value, since, ended_at, scan_id) VALUES"
                 " (1, 'cert.sha256', 'c', 1500, NULL, 1), (2, 'cert.sha256', 'a', 2000, NULL, 1),"
                 " (2, 'cert.sha256', 'b', 1500, 2000, 1), (2, 'cert.verdict', 'bad', 2000, NULL, 1),"
                 " (2, 'cert.name_mismatch', 'true', 2000, NULL, 1)");
    assert_int_equal(store_read_certificates(reader, &filter, tell_certificate, told[0]), 0);
    assert_string_equal(told[0], "endless 1; ");
    filter.with_unseen = true;
    assert_int_equal(store_read_certificates(reader, &filter, tell_certificate, told[1]), 0);
    assert_string_equal(told[1], "early 0; late 0; endless 1; ");
    filter.names = (struct store_texts){&name, 1};
    assert_int_equal(store_read_certificates(reader, &filter, tell_certificate, told[2]), 0);
    assert_string_equal(told[2], "endless 1; ");
    filter = (struct store_certificate_filter){.with_unseen = true, .issuer = "j", .not_after_since = 3001};
    assert_int_equal(store_read_certificates(reader, &filter, tell_certificate, told[3]), 0);
    assert_string_equal(told[3], "late 0; ");
    filter = (struct store_certificate_filter){.weak = true};
    told[3][0] = '\0';
    assert_int_equal(store_read_certificates(reader, &filter, tell_certificate, told[3]), 0);
    assert_string_equal(told[3], "");
    read_database_run(db_path,
                      "INSERT INTO endpoint_fact (endpoint_id, name, value, since, ended_at, scan_id) VALUES (2, "
                      "'cert.weak', 'true', 2000, NULL, 1)");
    assert_int_equal(store_read_certificates(reader, &filter, tell_certificate, told[3]), 0);
    assert_string_equal(told[3], "endless 1; ");
    assert_int_equal(store_read_certificate_endpoints(reader, "a", 10, tell_shower, told[4]), 0);
    assert_string_equal(told[4], "10.0.0.1:6379 bad true; ");
    assert_int_equal(store_read_certificate_endpoints(reader, "c", 10, tell_shower, told[5]), 0);
    assert_string_equal(told[5], "");
    read_database_run(db_path, no_answers);
    read_database_run(db_path, "DELETE FROM certificate");
    store_reader_close(reader);
}

static int tell_place(void *context, const struct store_place_coverage *place)
{
    char *told = context;

    snprintf(told + strlen(told), 256, "%s %s: %d/%d/%d hosts, %d/%d ports, %d; ", place->realm, place->vantage,
             (int)place->hosts_judged, (int)place->hosts_planned, (int)place->hosts_known, (int)place->ports_judged,
             (int)place->ports_planned, (int)place->last_judged);
    return 0;
}

/* Ports that several scans were told to look at count once; what ended is no host; a realm without a look is told. */
static void tells_how_much_was_looked_at(void **state)
{
    static const char *const realm = "a";
    struct store_reader *reader = open_reader();
    struct store_coverage_filter filter = {.since = 3000};
    char told[1024] = "";
    (void)state;
    read_database_run(
        db_path,
        "INSERT INTO realm VALUES (3, 'c', 1); INSERT INTO vantage (id, name, created_at) VALUES (2, 'w', 1);"
        "INSERT INTO asset (id, uuid, realm_id, created_at) VALUES (8, 'u8', 1, 1), (9, 'u9', 3, 1);"
        "INSERT INTO coverage (asset_id, vantage_id, proto, ports, planned_at, judged_at, scan_id) VALUES"
        " (1, 1, 'tcp', '1-100', 1000, 5000, 1), (1, 1, 'tcp', '51-150', 1000, 2999, 1), (1, 1, 'udp', '53', 1000, "
        "3000, 1), (8, 1, 'tcp', '1-100', 1000, NULL, 1), (8, 2, 'tcp', '22', 1000, 4000, 1), (3, 1, 'tcp', '7', 1000, "
        "5000, 1)");
    assert_int_equal(store_read_coverage(reader, &filter, tell_place, told), 0);
    assert_string_equal(told, "a v: 1/2/2 hosts, 101/251 ports, 5000; a w: 1/1/2 hosts, 1/1 ports, 4000; "
                              "b : 0/0/1 hosts, 0/0 ports, 0; c : 0/0/1 hosts, 0/0 ports, 0; ");
    told[0] = '\0';
    filter = (struct store_coverage_filter){.since = 3001, .realms = {&realm, 1}};
    assert_int_equal(store_read_coverage(reader, &filter, tell_place, told), 0);
    assert_string_equal(told, "a v: 1/2/2 hosts, 100/251 ports, 5000; a w: 1/1/2 hosts, 1/1 ports, 4000; ");
    read_database_run(db_path, "DELETE FROM coverage; DELETE FROM asset WHERE id > 3; DELETE FROM realm WHERE id = 3;"
                               "DELETE FROM vantage WHERE id = 2");
    store_reader_close(reader);
}

/* Waived, retired and fixed ones are never due, and none is of whose severity nothing is said. */
static void tells_what_is_due(void **state)
{
    struct store_reader *reader = open_reader();
    struct store_finding_filter filter = {.due_before = 5001};
    struct seen seen = {0};
    (void)state;
    read_database_run(db_path, "UPDATE due SET after_ms = 4000 WHERE severity = 'critical'");
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &seen), 0);
    assert_seen(&seen, 1, (int64_t[]){2});
    filter = (struct store_finding_filter){.due_since = 5001};
    seen = (struct seen){0};
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &seen), 0);
    assert_seen(&seen, 1, (int64_t[]){4});
    read_database_run(db_path, "UPDATE finding SET disposition = 'WAIVED' WHERE id = 4");
    seen = (struct seen){0};
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &seen), 0);
    assert_seen(&seen, 0, NULL);
    read_database_run(db_path, "UPDATE finding SET disposition = 'NONE' WHERE id = 4;"
                               "UPDATE due SET after_ms = 0 WHERE severity = 'critical'");
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &seen), 0);
    assert_seen(&seen, 0, NULL);
    read_database_run(db_path, "UPDATE due SET after_ms = 604800000 WHERE severity = 'critical'");
    store_reader_close(reader);
}

/* What is not adopted is what adopting would take over; it is counted beside other filters and by group. */
static void tells_what_was_adopted(void **state)
{
    static const char *const yes = "true";
    static const char *const no = "false";
    struct store_reader *reader = open_reader();
    struct store_finding_filter filter = {.adopted = {&yes, 1}};
    struct seen seen = {0};
    struct seen all = {0};
    (void)state;
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &seen), 0);
    assert_seen(&seen, 0, NULL);
    read_database_run(db_path, "UPDATE finding SET adopted_at = 4000 WHERE id = 2");
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &seen), 0);
    assert_seen(&seen, 1, (int64_t[]){2});
    filter = (struct store_finding_filter){.page.limit = 0};
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &all), 0);
    filter.adopted = (struct store_texts){&no, 1};
    seen = (struct seen){0};
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &seen), 0);
    assert_int_equal(seen.count + 1, all.count);
    for (size_t i = 0; i < seen.count; i++) {
        assert_true(seen.ids[i] != 2);
    }
    read_database_run(db_path, "UPDATE finding SET adopted_at = NULL WHERE id = 2");
    store_reader_close(reader);
}

static int see_class(void *context, const struct store_endpoint *endpoint)
{
    char *classes = context;

    snprintf(classes + strlen(classes), 32, "%s ", endpoint->vantage_class);
    return 0;
}

/* Each endpoint has the class that the judge took for it, and is found by it. */
static void knows_the_class_of_each_endpoint(void **state)
{
    static const char *const own[] = {"own-vpc"};
    static const char *const self[] = {"self"};
    struct store_reader *reader = open_reader();
    const struct store_endpoint_filter all = {0};
    const struct store_endpoint_filter from_own = {.vantage_classes = {own, 1}};
    const struct store_endpoint_filter from_self = {.vantage_classes = {self, 1}};
    struct seen seen = {0};
    char classes[5][96] = {""};

    (void)state;
    assert_int_equal(store_read_endpoints(reader, &all, see_class, classes[0]), 0);
    assert_string_equal(classes[0], "world world ");
    read_database_run(db_path, "UPDATE vantage SET declared_class = NULL");
    assert_int_equal(store_read_endpoints(reader, &all, see_class, classes[1]), 0);
    assert_string_equal(classes[1], "own-vpc own-vpc ");
    read_database_run(db_path, "UPDATE endpoint_state SET self = 1 WHERE endpoint_id = 2");
    assert_int_equal(store_read_endpoints(reader, &all, see_class, classes[2]), 0);
    assert_string_equal(classes[2], "own-vpc self ");
    assert_int_equal(store_read_endpoints(reader, &from_self, see_endpoint, &seen), 0);
    ASSERT_SEEN(seen, 3);
    assert_int_equal(store_read_endpoints(reader, &from_own, see_class, classes[3]), 0);
    assert_string_equal(classes[3], "own-vpc ");
    read_database_run(db_path, "UPDATE vantage SET declared_class = 'vpn'");
    assert_int_equal(store_read_endpoints(reader, &all, see_class, classes[4]), 0);
    assert_string_equal(classes[4], "vpn self ");
    read_database_run(db_path, "UPDATE vantage SET declared_class = 'world'; UPDATE endpoint_state SET self = 0");
    store_reader_close(reader);
}

static int keep_address(void *context, const struct store_change *change)
{
    snprintf(context, ADDR_TEXT_SIZE, "%s", change->address);
    return 0;
}

static int compare_address(void *context, const struct store_finding *finding)
{
    assert_string_equal(finding->address, context);
    return 1;
}

/* What a finding is listed at, its changes are, too: where its port is, not the host's best address. */
static void calls_a_change_by_its_findings_address(void **state)
{
    static const char *const uuids[] = {"f1"};
    struct store_reader *reader = open_reader();
    const struct store_change_filter changes = {.findings = {uuids, 1}};
    const struct store_finding_filter findings = {.uuids = {uuids, 1}};
    char address[ADDR_TEXT_SIZE] = "";

    (void)state;
    read_database_run(db_path, "UPDATE endpoint SET address = '2001:db8::1' WHERE id = 1");
    assert_int_equal(store_read_changes(reader, &changes, keep_address, address), 0);
    assert_string_equal(address, "2001:db8::1");
    assert_int_equal(store_read_findings(reader, &findings, compare_address, address), 1);
    read_database_run(db_path, "UPDATE endpoint SET address = '10.0.0.1' WHERE id = 1");
    store_reader_close(reader);
}

static int see_group(void *context, const struct store_group *group)
{
    struct seen *seen = context;
    if (seen->count == 0) {
        assert_string_equal(group->values[0], "critical");
        assert_string_equal(group->values[1], "a");
    }
    see(seen, group->count, group->penalty);
    return 0;
}

static void counts_by_groups(void **state)
{
    static const enum store_finding_group values[] = {STORE_GROUP_SEVERITY, STORE_GROUP_REALM};
    const struct store_group_keys keys = {values, 2};
    struct store_reader *reader = open_reader();
    struct store_finding_filter filter = {0};
    struct seen seen = {0};
    (void)state;
    assert_int_equal(store_read_finding_groups(reader, &filter, keys, see_group, &seen), 0);
    ASSERT_SEEN(seen, 1, 1);
    assert_float_equal(seen.keys[0], 40, 1e-9);
    store_reader_close(reader);
}

static void tells_what_changed_since_a_scan(void **state)
{
    static const char *const second = UUID("2");
    struct store_reader *reader = open_reader();
    struct store_change_filter since = {.since_scan = UUID("1")};
    struct store_change_filter unknown = {.since_scan = UUID("9")};
    struct store_change_filter of = {.scans = {&second, 1}};
    struct store_scan_filter scans = {.page = {.is_descending = true}};
    struct seen seen[4] = {0};
    (void)state;
    assert_int_equal(store_read_changes(reader, &since, see_change, &seen[0]), 0);
    ASSERT_SEEN(seen[0], 2);
    assert_int_equal(store_read_changes(reader, &unknown, see_change, &seen[1]), -ENOENT);
    assert_non_null(strstr(store_reader_error(reader), "no scan has this id"));
    assert_int_equal(store_read_changes(reader, &of, see_change, &seen[2]), 0);
    ASSERT_SEEN(seen[2], 2);
    assert_int_equal(store_read_scans(reader, &scans, see_scan, &seen[3]), 0);
    ASSERT_SEEN(seen[3], 2, 1);
    store_reader_close(reader);
}

static void a_snapshot_holds_while_the_writer_writes(void **state)
{
    struct store_reader *reader = open_reader();
    struct store_finding_filter filter = {0};
    struct seen before = {0};
    struct seen during = {0};
    struct seen after = {0};
    (void)state;
    assert_int_equal(store_reader_begin(reader), 0);
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &before), 0);
    read_database_run(db_path, "UPDATE finding SET presence = 'ALLOWED' WHERE id = 4");
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &during), 0);
    store_reader_end(reader);
    assert_int_equal(store_read_findings(reader, &filter, see_finding, &after), 0);
    assert_int_equal(before.count, 2);
    assert_int_equal(during.count, 2);
    assert_int_equal(after.count, 1);
    read_database_run(db_path, "UPDATE finding SET presence = 'NEW' WHERE id = 4");
    store_reader_close(reader);
}

static void expect_refusal(const char *path, int rc, const char *text)
{
    char error[STORE_READ_ERROR_SIZE] = "";
    struct store_reader *reader = NULL;
    assert_int_equal(store_reader_open(path, error, &reader), rc);
    assert_null(reader);
    if (strstr(error, text) == NULL) {
        fail_msg("%s: expected \"%s\"", error, text);
    }
}

static void says_what_is_wrong_with_a_file(void **state)
{
    char path[96];
    FILE *file;
    (void)state;
    snprintf(path, sizeof(path), "%s/other.db", folder);
    expect_refusal(path, -ENOENT, "the first audit makes it");
    expect_refusal(folder, -EMEDIUMTYPE, "not a file");
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    expect_refusal(path, -EAGAIN, "no audit has written");
    file = fopen(path, "w");
    for (int i = 0; i < 1000; i++) {
        fputs("no database ", file);
    }
    fclose(file);
    expect_refusal(path, -EMEDIUMTYPE, "not a Leastport database");
    unlink(path);
    read_database_run(path, "CREATE TABLE x (y)");
    expect_refusal(path, -EMEDIUMTYPE, "not a Leastport database");
    read_database_run(path, "PRAGMA user_version = 1; PRAGMA application_id = 1");
    expect_refusal(path, -EMEDIUMTYPE, "not a Leastport database");
    remove_database(path);
    read_database_make(path);
    read_database_run(path, "PRAGMA user_version = 999");
    expect_refusal(path, -EPROTO, "install the newer Leastport");
    read_database_run(path, "PRAGMA user_version = 0");
    expect_refusal(path, -EAGAIN, "no audit has written");
    remove_database(path);
}

static void notices_that_the_file_was_replaced(void **state)
{
    char away[96];
    struct store_reader *reader = open_reader();
    (void)state;
    snprintf(away, sizeof(away), "%s/away.db", folder);
    assert_false(store_reader_is_replaced(reader));
    assert_int_equal(rename(db_path, away), 0);
    assert_true(store_reader_is_replaced(reader));
    assert_int_equal(rename(away, db_path), 0);
    assert_false(store_reader_is_replaced(reader));
    store_reader_close(reader);
    store_reader_close(NULL);
}

static void reads_the_version_that_is_written(void **state)
{
    (void)state;
    assert_int_equal(STORE_READ_SCHEMA_VERSION, store_schema_version());
}

static int open_and_list(void)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                        "j", "k", "l", "m", "n", "o", "p", "q"};
    struct store_finding_filter filter = {.services = {names, 17}};
    const struct store_endpoint_filter endpoints = {.with_facts = true};
    char error[STORE_READ_ERROR_SIZE];
    struct store_reader *reader = NULL;
    struct seen seen = {0};
    int rc = store_reader_open(db_path, error, &reader);
    if (rc == 0) {
        rc = store_read_findings(reader, &filter, see_finding, &seen);
    }
    if (rc == 0) {
        rc = store_read_endpoints(reader, &endpoints, see_endpoint, &seen);
    }
    store_reader_close(reader);
    assert_true(rc == 0 || rc == -ENOMEM);
    return rc;
}

static void survives_each_failed_allocation(void **state)
{
    (void)state;
    read_database_run(db_path, answers);
    assert_true(alloc_count_down(open_and_list) > 3);
    read_database_run(db_path, no_answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_what_counts_now),
        cmocka_unit_test(goes_on_after_a_position),
        cmocka_unit_test(lists_severities_in_every_order),
        cmocka_unit_test(filters_bind_and_never_become_sql),
        cmocka_unit_test(a_function_can_end_the_list),
        cmocka_unit_test(knows_who_held_an_address_then),
        cmocka_unit_test(calls_a_host_by_its_best_address),
        cmocka_unit_test(reads_intervals_at_any_moment),
        cmocka_unit_test(tells_what_answered_at_any_moment),
        cmocka_unit_test(tells_no_more_facts_than_fit),
        cmocka_unit_test(tells_what_answers_otherwise),
        cmocka_unit_test(tells_who_shows_a_certificate),
        cmocka_unit_test(knows_the_class_of_each_endpoint),
        cmocka_unit_test(calls_a_change_by_its_findings_address),
        cmocka_unit_test(counts_by_groups),
        cmocka_unit_test(tells_what_changed_since_a_scan),
        cmocka_unit_test(a_snapshot_holds_while_the_writer_writes),
        cmocka_unit_test(says_what_is_wrong_with_a_file),
        cmocka_unit_test(notices_that_the_file_was_replaced),
        cmocka_unit_test(reads_the_version_that_is_written),
        cmocka_unit_test(tells_how_much_was_looked_at),
        cmocka_unit_test(tells_what_is_due),
        cmocka_unit_test(tells_what_was_adopted),
        cmocka_unit_test(survives_each_failed_allocation),
    };
    return cmocka_run_group_tests_name("store_read", tests, set_up, tear_down);
}
