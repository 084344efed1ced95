#include "tests/unit/auditd/fixture.h"

#include "auditd/store/asset.h"
#include "auditd/store/finding.h"
#include "auditd/store/scan.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static const struct fixture_plan plan_one = {"site", "here", "[\"10.0.0.0/24\"]", "22,80,443", "", 2, 0};

static void scan_one(struct fixture *fixture)
{
    fixture_start(fixture, &plan_one);
    fixture_port(fixture, "10.0.0.5", 22, "open", "syn-ack");
    fixture_port(fixture, "10.0.0.5", 80, "open", "syn-ack");
    fixture_host(fixture, "10.0.0.5", true);
    fixture_host(fixture, "10.0.0.6", false);
    fixture_slab(fixture, 0, 2);
    fixture_host(fixture, "10.0.0.7", true);
    fixture_slab(fixture, 1, 2);
    fixture_end(fixture, true);
    assert_int_equal(ingest_finish(fixture->ingest, "lost"), 0);
}

static void stores_a_scan(void **state)
{
    struct fixture *fixture = *state;

    scan_one(fixture);
    assert_true(ingest_complete(fixture->ingest));
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint"), 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state WHERE state = 'open'"), 2);
    /* 10.0.0.6 is silent and was never seen: no asset. */
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset"), 2);
    assert_string_equal(fixture_text(fixture, "SELECT state || slabs_done FROM scan"), "complete2");
    assert_string_equal(fixture_text(fixture, "SELECT ports FROM coverage WHERE judged_at > 0"), "22,80,443");
}

static void a_second_identical_scan_adds_no_endpoint_rows(void **state)
{
    struct fixture *fixture = *state;
    int64_t last_seen;

    scan_one(fixture);
    last_seen = fixture_int(fixture, "SELECT max(last_seen) FROM endpoint_state");
    scan_one(fixture);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state"), 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset_state"), 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM coverage"), 2);
    assert_true(fixture_int(fixture, "SELECT min(last_seen) FROM endpoint_state") > last_seen);
}

static void a_closed_port_ends_its_interval(void **state)
{
    struct fixture *fixture = *state;

    scan_one(fixture);
    fixture_start(fixture, &plan_one);
    fixture_port(fixture, "10.0.0.5", 22, "closed", "conn-refused");
    /* 443 was never open: it leaves no row. 80 is told by the host's ranges. */
    fixture_port(fixture, "10.0.0.5", 443, "closed", "conn-refused");
    fixture_line(fixture, "host",
                 "\"host\":\"10.0.0.5\",\"state\":\"up\",\"reason\":\"conn-refused\",\"slab\":0,\"open\":0,"
                 "\"not_shown\":[{\"proto\":\"tcp\",\"state\":\"filtered\",\"reason\":\"no-response\",\"count\":1,"
                 "\"ports\":\"80,443\"}]");
    fixture_slab(fixture, 0, 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint"), 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state WHERE ended_at IS NOT NULL"), 2);
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(x) FROM (SELECT port || state AS x FROM endpoint e"
                                              " JOIN endpoint_state s ON s.endpoint_id = e.id WHERE ended_at IS NULL"
                                              " ORDER BY port)"),
                        "22closed,80filtered");
}

/* Its ports are neither closed nor judged: nobody asked. */
static void a_host_that_did_not_answer_discovery_closes_nothing(void **state)
{
    static const char judged[] = "SELECT max(judged_at) FROM coverage";
    struct fixture *fixture = *state;
    int64_t before;

    scan_one(fixture);
    before = fixture_int(fixture, judged);
    fixture_start(fixture, &plan_one);
    fixture_line(fixture, "host",
                 "\"host\":\"10.0.0.5\",\"state\":\"down\",\"reason\":\"no-response\",\"slab\":0,\"open\":0,"
                 "\"unasked\":3,\"not_shown\":[]");
    fixture_slab(fixture, 0, 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state WHERE ended_at IS NULL"), 2);
    assert_int_equal(fixture_int(fixture, judged), before);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset_state WHERE state = 'down' AND ended_at IS NULL"),
                     1);
}

static void refuses_lines_outside_the_plan(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *type;
        const char *members;
        const char *named;
    } cases[] = {
        {"port", "\"host\":\"10.9.9.9\",\"proto\":\"tcp\",\"port\":22,\"state\":\"open\",\"reason\":\"syn-ack\"",
         "10.9.9.9"},
        {"port", "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":23,\"state\":\"open\",\"reason\":\"syn-ack\"",
         "tcp/23"},
        {"port", "\"host\":\"10.0.0.5\",\"proto\":\"udp\",\"port\":22,\"state\":\"open\",\"reason\":\"x\"", "udp/22"},
        {"host", "\"host\":\"10.0.1.0\",\"state\":\"up\",\"reason\":\"x\",\"slab\":0,\"open\":0,\"not_shown\":[]",
         "10.0.1.0"},
        {"host",
         "\"host\":\"10.0.0.5\",\"state\":\"up\",\"reason\":\"x\",\"slab\":0,\"open\":0,\"not_shown\":[{\"proto\":"
         "\"tcp\","
         "\"state\":\"closed\",\"reason\":\"reset\",\"count\":65536,\"ports\":\"0-65535\"}]",
         "10.0.0.5 tcp/0 is"},
        {"host",
         "\"host\":\"10.0.0.5\",\"state\":\"up\",\"reason\":\"x\",\"slab\":0,\"open\":0,\"not_shown\":[{\"proto\":"
         "\"tcp\","
         "\"state\":\"closed\",\"reason\":\"reset\",\"count\":2,\"ports\":\"22,81\"}]",
         "10.0.0.5 tcp/81 is"},
        {"host",
         "\"host\":\"10.0.0.5\",\"state\":\"up\",\"reason\":\"x\",\"slab\":0,\"open\":0,\"not_shown\":[{\"proto\":"
         "\"udp\","
         "\"state\":\"closed\",\"reason\":\"reset\",\"count\":1,\"ports\":\"22\"}]",
         "10.0.0.5 udp/22 is"},
        {"canary",
         "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":22,\"phase\":\"start\",\"state\":\"answered\",\"reason\":"
         "\"x\"",
         "not the plan's canary"},
        {"slab", "\"slab\":1,\"slabs\":2,\"probes_done\":1,\"probes_sent\":1", "cannot follow"},
        {"slab", "\"slab\":0,\"slabs\":3,\"probes_done\":1,\"probes_sent\":1", "cannot follow"},
        {"scan_start",
         "\"plan\":{\"realm\":\"r\",\"vantage\":\"v\"},\"plan_hash\":\"0\",\"slabs\":1,\"from_slab\":0,"
         "\"hosts\":1,\"probes\":1",
         "begun already"},
    };

    fixture_start(fixture, &plan_one);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(fixture_feed(fixture, cases[i].type, cases[i].members), 0);
        assert_int_equal(fixture->refused, i + 1);
        assert_non_null(strstr(fixture->reason, cases[i].named));
    }
    store_uuid(fixture->scan);
    assert_int_equal(fixture_feed(fixture, "notice", "\"code\":\"x\",\"message\":\"y\""), 0);
    assert_non_null(strstr(fixture->reason, "another scan"));
    snprintf(fixture->scan, sizeof(fixture->scan), "%s", ingest_scan_uuid(fixture->ingest));
    fixture_end(fixture, false);
    assert_int_equal(fixture_feed(fixture, "notice", "\"code\":\"x\",\"message\":\"y\""), 0);
    assert_non_null(strstr(fixture->reason, "after scan_end"));
    assert_int_equal(ingest_counts(fixture->ingest).refused, fixture->refused);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset"), 0);
}

static void refuses_what_comes_before_the_start(void **state)
{
    struct fixture *fixture = *state;

    store_uuid(fixture->scan);
    fixture_new_ingest(fixture);
    assert_int_equal(fixture_feed(fixture, "notice", "\"code\":\"x\",\"message\":\"y\""), 0);
    assert_non_null(strstr(fixture->reason, "before scan_start"));
    assert_int_equal(ingest_line(fixture->ingest, "not JSON", 8), 0);
    assert_int_equal(fixture->refused, 2);
    assert_int_equal(fixture_feed(fixture, "scan_start",
                                  "\"plan\":{\"realm\":\"r\",\"vantage\":\"v\",\"ports\":\"ssh\",\"targets\":[]},"
                                  "\"plan_hash\":\"0\",\"slabs\":1,\"from_slab\":0,\"hosts\":1,\"probes\":1"),
                     -EPROTO);
    assert_non_null(strstr(fixture->reason, "\"ssh\""));
    assert_int_equal(ingest_finish(fixture->ingest, "x"), 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM scan"), 0);
}

/* scan_start of `scan` with a plan for `target`, where scan `asked` of 10.0.0.1 was asked for. */
static int begin(struct fixture *fixture, const char *asked, const char *scan, const char *target)
{
    struct ingest_options options = ingest_options_default();
    json_t *sent =
        json_pack("{s:s, s:s, s:s, s:[s]}", "realm", "site", "vantage", "here", "ports", "ssh", "targets", "10.0.0.1");
    char members[512];
    int rc;

    options.scan_uuid = asked;
    options.plan = sent;
    options.refused = fixture_refused;
    options.context = fixture;
    ingest_destroy(fixture->ingest);
    assert_int_equal(ingest_create(fixture->store, &options, &fixture->ingest), 0);
    snprintf(fixture->scan, sizeof(fixture->scan), "%s", scan);
    snprintf(members, sizeof(members),
             "\"plan\":{\"realm\":\"site\",\"vantage\":\"here\",\"ports\":\"22\",\"targets\":[\"%s\"]},"
             "\"plan_hash\":\"0\",\"slabs\":1,\"from_slab\":0,\"hosts\":1,\"probes\":1",
             target);
    rc = fixture_feed(fixture, "scan_start", members);
    json_decref(sent);
    return rc;
}

/* The scanner repeats what it was told to do; nobody has to believe it. */
static void begins_only_what_was_asked_for(void **state)
{
    static const char asked[] = "10000000-0000-4000-8000-000000000001";
    struct fixture *fixture = *state;

    assert_int_equal(begin(fixture, asked, "10000000-0000-4000-8000-000000000002", "10.0.0.1"), -EPROTO);
    assert_non_null(strstr(fixture->reason, "000000000002, which was not asked for"));
    assert_int_equal(begin(fixture, asked, asked, "10.0.0.0/8"), -EPROTO);
    assert_non_null(strstr(fixture->reason, "not the one that was sent: \"targets\" differs"));
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM scan"), 0);
    assert_int_equal(begin(fixture, asked, asked, "10.0.0.1"), 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM scan"), 1);
}

/* The stream ends without scan_end: what was committed stays, the scan is incomplete and can go on. */
static void goes_on_from_its_checkpoint(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_plan resumed = plan_one;

    fixture_start(fixture, &plan_one);
    fixture_port(fixture, "10.0.0.5", 22, "open", "syn-ack");
    fixture_slab(fixture, 0, 2);
    fixture_port(fixture, "10.0.0.7", 80, "open", "syn-ack");
    assert_int_equal(ingest_finish(fixture->ingest, "the scanner died"), 0);
    assert_string_equal(fixture_text(fixture, "SELECT state || slabs_done || cause FROM scan"),
                        "incomplete1the scanner died");
    assert_int_equal(fixture_int(fixture, "SELECT ports_open FROM scan"), 2);
    resumed.from_slab = 2;
    assert_int_equal(fixture_start_again(fixture, &resumed), -EPROTO);
    assert_non_null(strstr(fixture->reason, "only 1 are stored"));
    resumed.from_slab = 1;
    fixture->refused = 0;
    assert_int_equal(fixture_start_again(fixture, &resumed), 0);
    fixture_port(fixture, "10.0.0.7", 80, "open", "syn-ack");
    fixture_slab(fixture, 1, 2);
    fixture_end(fixture, true);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM scan"), 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state"), 2);
    assert_string_equal(fixture_text(fixture, "SELECT state || slabs_done FROM scan"), "complete2");
    assert_int_equal(fixture_start_again(fixture, &resumed), -EPROTO);
    assert_non_null(strstr(fixture->reason, "complete"));
}

static void another_plan_does_not_go_on(void **state)
{
    struct fixture *fixture = *state;

    fixture_start(fixture, &plan_one);
    fixture_new_ingest(fixture);
    assert_int_equal(fixture_feed(fixture, "scan_start",
                                  "\"plan\":{\"realm\":\"site\",\"vantage\":\"here\",\"ports\":\"1\",\"targets\":"
                                  "[\"10.0.0.1\"]},\"plan_hash\":\"other\",\"slabs\":1,\"from_slab\":0,\"hosts\":1,"
                                  "\"probes\":1"),
                     -EPROTO);
    assert_non_null(strstr(fixture->reason, "another plan"));
}

static void a_complete_scan_has_all_its_slabs(void **state)
{
    struct fixture *fixture = *state;

    fixture_start(fixture, &plan_one);
    fixture_slab(fixture, 0, 2);
    fixture_end(fixture, true);
    assert_false(ingest_complete(fixture->ingest));
    assert_string_equal(fixture_text(fixture, "SELECT state || ': ' || cause FROM scan"),
                        "incomplete: it ended after slab 1 of 2");
}

/* In a process of its own: kill -9 between two batches, at every line. */
static void child_scan(const char *path, const char *scan, int lines)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    snprintf(fixture->path, sizeof(fixture->path), "%s", path);
    snprintf(fixture->scan, sizeof(fixture->scan), "%s", scan);
    fixture->now_ms = 1700000000000;
    fixture_open(fixture);
    if (lines > 0) {
        fixture_start_again(fixture, &plan_one);
    }
    for (int line = 1; line < lines; line++) {
        if (line == 3 || line == 6) {
            fixture_slab(fixture, line / 3 - 1, 2);
        } else {
            fixture_port(fixture, line < 3 ? "10.0.0.5" : "10.0.0.6", line % 2 ? 22 : 80, "open", "syn-ack");
        }
    }
    kill(getpid(), SIGKILL);
}

/* Silent once is silent for the scan: what was sent in between may have been lost. */
static void a_silent_canary_stays_silent(void **state)
{
    struct fixture *fixture = *state;
    const struct fixture_plan plan = {
        "site", "here", "[\"10.0.0.5\"]", "22", ",\"canary\":{\"host\":\"10.7.7.7\",\"proto\":\"tcp\",\"port\":7}",
        1,      0};
    static const struct {
        const char *start;
        const char *end;
        const char *stored;
    } cases[] = {
        {"answered", "answered", "answered"}, {"answered", "silent", "silent"}, {"silent", "answered", "silent"}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fixture_start(fixture, &plan);
        for (int phase = 0; phase < 2; phase++) {
            fixture_line(fixture, "canary",
                         "\"host\":\"10.7.7.7\",\"proto\":\"tcp\",\"port\":7,\"phase\":\"%s\",\"state\":\"%s\","
                         "\"reason\":\"x\"",
                         phase == 0 ? "start" : "end", phase == 0 ? cases[i].start : cases[i].end);
        }
        fixture_slab(fixture, 0, 1);
        fixture_end(fixture, true);
        assert_string_equal(fixture_text(fixture, "SELECT canary FROM scan ORDER BY id DESC LIMIT 1"), cases[i].stored);
    }
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM canary WHERE last_answer_at > 0"), 1);
}

static void survives_kill_between_batches(void **state)
{
    struct fixture *fixture = *state;

    for (int lines = 0; lines <= 7; lines++) {
        struct stored_scan scan = {0};
        struct fixture_plan resumed = plan_one;
        char uuid[STORE_UUID_SIZE];
        pid_t pid;
        store_close(fixture->store);
        fixture->store = NULL;
        store_uuid(uuid);
        pid = fork();
        if (pid == 0) {
            child_scan(fixture->path, uuid, lines);
        }
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        fixture_open(fixture);
        snprintf(fixture->scan, sizeof(fixture->scan), "%s", uuid);
        assert_int_equal(store_scan_find(fixture->store, uuid, &scan), lines > 0 ? 0 : -ENOENT);
        assert_int_equal(scan.slabs_done, lines > 6 ? 2 : lines > 3 ? 1 : 0);
        resumed.from_slab = (int)scan.slabs_done;
        assert_int_equal(fixture_start_again(fixture, &resumed), 0);
        fixture_port(fixture, "10.0.0.6", 22, "open", "syn-ack");
        fixture_port(fixture, "10.0.0.6", 80, "open", "syn-ack");
        for (int slab = resumed.from_slab; slab < 2; slab++) {
            fixture_slab(fixture, slab, 2);
        }
        fixture_end(fixture, true);
        assert_true(ingest_complete(fixture->ingest));
        ingest_destroy(fixture->ingest);
        fixture->ingest = NULL;
    }
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state WHERE ended_at IS NOT NULL"), 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state"), 4);
}

static void two_realms_are_two_assets(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_plan other = plan_one;

    scan_one(fixture);
    other.realm = "elsewhere";
    fixture_start(fixture, &other);
    fixture_port(fixture, "10.0.0.5", 22, "open", "syn-ack");
    fixture_slab(fixture, 0, 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(DISTINCT asset_id) FROM asset_identity"
                                          " WHERE kind = 'address' AND value = '10.0.0.5'"),
                     2);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint WHERE port = 22"), 2);
}

static void named_port(struct fixture *fixture, const char *host, const char *name)
{
    fixture_line(fixture, "port",
                 "\"host\":\"%s\",\"name\":\"%s\",\"proto\":\"tcp\",\"port\":22,\"state\":\"open\",\"reason\":"
                 "\"syn-ack\"",
                 host, name);
}

static void a_name_joins_ipv4_and_ipv6(void **state)
{
    struct fixture *fixture = *state;
    const struct fixture_plan plan = {
        "site", "here", "[\"db.example\"]", "22", ",\"resolved\":{\"db.example\":[\"10.0.0.5\",\"fd00::5\"]}", 1, 0};

    fixture_start(fixture, &plan);
    named_port(fixture, "10.0.0.5", "db.example");
    named_port(fixture, "fd00::5", "db.example");
    fixture_slab(fixture, 0, 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset"), 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset_identity"), 3);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint"), 2);
}

/* Known by both addresses before its name was given: what IPv6 alone stood for ends. */
static void a_name_joins_what_was_known_apart(void **state)
{
    struct fixture *fixture = *state;
    const struct fixture_plan bare = {"site", "here", "[\"10.0.0.5\",\"fd00::5\"]", "22", "", 1, 0};
    const struct fixture_plan named = {
        "site", "here", "[\"db.example\"]", "22", ",\"resolved\":{\"db.example\":[\"10.0.0.5\",\"fd00::5\"]}", 1, 0};

    fixture_start(fixture, &bare);
    fixture_port(fixture, "10.0.0.5", 22, "open", "syn-ack");
    fixture_port(fixture, "fd00::5", 22, "open", "syn-ack");
    fixture_slab(fixture, 0, 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset"), 2);
    fixture_start(fixture, &named);
    named_port(fixture, "10.0.0.5", "db.example");
    named_port(fixture, "fd00::5", "db.example");
    fixture_slab(fixture, 0, 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset WHERE ended_at IS NULL"), 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(DISTINCT asset_id) FROM asset_identity WHERE valid_to IS NULL"),
                     1);
}

static void self_port(struct fixture *fixture, const char *host)
{
    fixture_line(fixture, "port",
                 "\"host\":\"%s\",\"proto\":\"tcp\",\"port\":22,\"state\":\"open\",\"reason\":\"syn-ack\","
                 "\"self\":true,\"bound\":\"0.0.0.0\"",
                 host);
}

/* The scanner's own host is one asset; another scanner's loopback is another host's. */
static void the_scanners_own_addresses_are_one_asset(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_plan plan = {"site", "here", "[\"127.0.0.1\",\"10.0.0.0/24\",\"::1\"]", "22", "", 1, 0};

    /* Known from elsewhere first: that asset stays, and gets the other addresses. */
    fixture_start(fixture, &plan_one);
    fixture_port(fixture, "10.0.0.5", 22, "open", "syn-ack");
    for (int i = 0; i < 2; i++) {
        fixture_start(fixture, &plan);
        self_port(fixture, "10.0.0.5");
        self_port(fixture, "127.0.0.1");
        self_port(fixture, "::1");
        fixture_slab(fixture, 0, 1);
        fixture_end(fixture, true);
        assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset"), 1);
    }
    plan.vantage = "there";
    fixture_start(fixture, &plan);
    self_port(fixture, "127.0.0.1");
    self_port(fixture, "10.0.0.6");
    fixture_port(fixture, "10.0.0.5", 22, "open", "syn-ack");
    fixture_slab(fixture, 0, 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset WHERE ended_at IS NULL"), 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(DISTINCT asset_id) FROM endpoint WHERE address = '127.0.0.1'"),
                     2);
    assert_int_equal(fixture_int(fixture, "SELECT count(DISTINCT asset_id) FROM endpoint WHERE address = '10.0.0.5'"),
                     1);
}

/* The same machine under another vantage's name: its loopback comes first and looks like a stranger's. */
static void a_renamed_vantage_keeps_its_asset(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_plan plan = {"site", "here", "[\"127.0.0.1\",\"10.0.0.0/24\"]", "22", "", 1, 0};

    for (int i = 0; i < 3; i++) {
        plan.vantage = i == 0 ? "here" : "renamed";
        fixture_start(fixture, &plan);
        self_port(fixture, "127.0.0.1");
        self_port(fixture, "10.0.0.5");
        fixture_slab(fixture, 0, 1);
        fixture_end(fixture, true);
    }
    assert_int_equal(fixture_int(fixture, "SELECT min(id) FROM asset WHERE ended_at IS NULL"), 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset WHERE ended_at IS NULL"), 1);
    assert_int_equal(
        fixture_int(fixture, "SELECT count(*) FROM asset_identity WHERE asset_id = 1 AND valid_to IS NULL"), 4);
}

static void a_name_of_several_hosts_is_nobodys(void **state)
{
    struct fixture *fixture = *state;
    const struct fixture_plan plan = {
        "site", "here", "[\"www.example\"]", "22", ",\"resolved\":{\"www.example\":[\"10.0.0.5\",\"10.0.0.6\"]}", 1, 0};

    fixture_start(fixture, &plan);
    named_port(fixture, "10.0.0.5", "www.example");
    named_port(fixture, "10.0.0.6", "www.example");
    fixture_slab(fixture, 0, 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset"), 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset_identity WHERE kind = 'name'"), 0);
}

static void a_name_that_moved_leaves_the_old_asset(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_plan plan = {
        "site", "here", "[\"db.example\"]", "22", ",\"resolved\":{\"db.example\":[\"10.0.0.5\"]}", 1, 0};

    fixture_start(fixture, &plan);
    named_port(fixture, "10.0.0.5", "db.example");
    fixture_slab(fixture, 0, 1);
    plan.more = ",\"resolved\":{\"db.example\":[\"10.0.0.6\"]}";
    fixture_start(fixture, &plan);
    named_port(fixture, "10.0.0.6", "db.example");
    fixture_slab(fixture, 0, 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset WHERE ended_at IS NULL"), 2);
    assert_string_equal(fixture_text(fixture, "SELECT value FROM asset_identity WHERE kind = 'address' AND asset_id ="
                                              " (SELECT asset_id FROM asset_identity WHERE kind = 'name' AND"
                                              " valid_to IS NULL)"),
                        "10.0.0.6");
    assert_int_equal(
        fixture_int(fixture, "SELECT count(*) FROM asset_identity WHERE kind = 'name' AND valid_to IS NOT NULL"), 1);
}

static void another_tenant_is_another_asset(void **state)
{
    struct fixture *fixture = *state;

    scan_one(fixture);
    assert_int_equal(
        store_asset_replace(fixture->store, "site", "10.0.0.9",
                            &(struct store_event){.reason = "moved", .actor = "test", .at_ms = fixture->now_ms}),
        -ENOENT);
    assert_false(store_in_transaction(fixture->store));
    assert_int_equal(
        store_asset_replace(fixture->store, "site", "10.0.0.5",
                            &(struct store_event){.reason = "reinstalled", .actor = "test", .at_ms = fixture->now_ms}),
        0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state WHERE ended_at IS NULL"), 0);
    scan_one(fixture);
    assert_int_equal(fixture_int(fixture, "SELECT count(DISTINCT asset_id) FROM asset_identity"
                                          " WHERE value = '10.0.0.5'"),
                     2);
    assert_string_equal(fixture_text(fixture, "SELECT end_reason FROM asset WHERE ended_at IS NOT NULL"),
                        "reinstalled");
}

/* The store is full: the batch is gone, the checkpoint with it, and the words say why. */
static void says_that_the_disk_is_full(void **state)
{
    struct fixture *fixture = *state;
    struct store_options options = store_options_default();
    struct store_error error;
    int64_t pages = fixture_int(fixture, "PRAGMA page_count");
    int rc = 0;

    store_close(fixture->store);
    options.max_pages = pages + 2;
    assert_int_equal(store_open(fixture->path, &options, &fixture->store, &error), 0);
    fixture_start(fixture, &plan_one);
    for (int host = 1; host < 250 && rc == 0; host++) {
        char members[256];
        snprintf(members, sizeof(members),
                 "\"host\":\"10.0.0.%d\",\"proto\":\"tcp\",\"port\":22,\"state\":\"open\",\"reason\":\"syn-ack\"",
                 host);
        rc = fixture_feed(fixture, "port", members);
    }
    assert_int_equal(rc, -ENOSPC);
    assert_int_equal(store_last_error(fixture->store)->fault, STORE_FAULT_FULL);
    assert_non_null(strstr(store_last_error(fixture->store)->text, "make room"));
    assert_false(store_in_transaction(fixture->store));
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint"), 0);
    assert_int_equal(fixture_int(fixture, "SELECT slabs_done FROM scan"), 0);
}

/* ---- lines that wait for others give what each line at once would ---- */

static uint64_t random_state = 88172645463325252;

/* xorshift64 (Marsaglia 2003): the same numbers in each run. */
static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state % limit);
}

enum { ROUNDS = 40, ROUND_LINES = 150 };

/* Hosts that are known by an address, by a name, as the scanner's own, and some that turn out to be one; others in each
 * round. */
static const struct {
    const char *before; /* the number of the round */
    const char *after;
    const char *more;
} random_hosts[] = {
    {"10.0.", ".1", ""},
    {"10.0.", ".2", ""},
    {"10.0.", ".9", ""},
    {"10.0.", ".5", ""},
    {"fd00::", ":5", ""},
    {"10.0.", ".5", ",\"name\":\"db.example\""},
    {"fd00::", ":5", ",\"name\":\"db.example\""},
    {"10.0.", ".9", ",\"self\":true"},
};

static void random_line(struct fixture *one, struct fixture *other, int round)
{
    static const char *const states[] = {"open", "closed", "filtered"};
    static const char *const reasons[] = {"syn-ack", "conn-refused", "no-response", "reset"};
    bool is_host = random_below(100) == 0;
    uint32_t host = random_below(random_below(100) == 0 ? 8 : 5);
    uint32_t state = random_below(20) == 0 ? random_below(3) : 0;
    char members[512];
    char what[256];
    char address[64];

    snprintf(address, sizeof(address), "%s%d%s", random_hosts[host].before, round, random_hosts[host].after);
    if (is_host) {
        snprintf(
            what, sizeof(what),
            "\"state\":\"up\",\"reason\":\"reset\",\"slab\":0,\"open\":0,\"not_shown\":[{\"proto\":\"tcp\",\"state\":"
            "\"closed\",\"reason\":\"reset\",\"count\":3,\"ports\":\"%d-40\"}]",
            10 + (int)random_below(30));
    } else {
        snprintf(what, sizeof(what), "\"proto\":\"tcp\",\"port\":%d,\"state\":\"%s\",\"reason\":\"%s\",\"tries\":%d",
                 1 + (int)random_below(40), states[state], state == 0 ? "syn-ack" : reasons[random_below(4)],
                 1 + (int)random_below(3));
    }
    snprintf(members, sizeof(members), "\"host\":\"%s\"%s,%s", address, random_hosts[host].more, what);
    fixture_line(one, is_host ? "host" : "port", "%s", members);
    fixture_line(other, is_host ? "host" : "port", "%s", members);
}

static const char everything[] =
    "SELECT group_concat(line, char(10)) FROM (SELECT e.asset_id || ' ' || e.address || ' ' || e.port || ' ' ||"
    " s.state || ' ' || s.reason || ' ' || s.self || ' ' || s.tries || ' ' || s.first_seen || ' ' || s.last_seen ||"
    " ' ' || ifnull(s.ended_at, '-') || ' ' || ifnull(a.ended_at, '-') AS line FROM endpoint e"
    " JOIN endpoint_state s ON s.endpoint_id = e.id JOIN asset a ON a.id = e.asset_id"
    " ORDER BY e.asset_id, e.address, e.port, s.id)";

static char *dump(struct fixture *fixture)
{
    sqlite3_stmt *statement = NULL;
    char *text;

    assert_int_equal(sqlite3_prepare_v2(store_database(fixture->store), everything, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    text = strdup((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return text;
}

/* Each round is a scan with hosts of its own, and at its end they have been seen one by one as well. */
static void waiting_lines_change_nothing(void **state)
{
    struct fixture *waiting = *state;
    struct fixture *at_once;
    char *expected;
    char *found;

    assert_int_equal(fixture_setup((void **)&at_once), 0);
    for (int round = 0; round < ROUNDS; round++) {
        char more[128];
        const struct fixture_plan plan = {
            "site", "here", "[\"10.0.0.0/16\",\"fd00::/64\",\"db.example\"]", "1-40", more, 1, 0};
        snprintf(more, sizeof(more), ",\"resolved\":{\"db.example\":[\"10.0.%d.5\",\"fd00::%d:5\"]}", round, round);
        fixture_start(waiting, &plan);
        fixture_start(at_once, &plan);
        for (int i = 0; i < ROUND_LINES; i++) {
            random_line(waiting, at_once, round);
            assert_int_equal(ingest_flush(at_once->ingest), 0);
        }
        assert_int_equal(ingest_finish(waiting->ingest, "x"), 0);
        assert_int_equal(ingest_finish(at_once->ingest, "x"), 0);
    }
    expected = dump(at_once);
    found = dump(waiting);
    assert_true(strlen(expected) > 10000);
    assert_string_equal(found, expected);
    free(expected);
    free(found);
    fixture_teardown((void **)&at_once);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(stores_a_scan),
        WITH_STORE(waiting_lines_change_nothing),
        WITH_STORE(a_second_identical_scan_adds_no_endpoint_rows),
        WITH_STORE(a_closed_port_ends_its_interval),
        WITH_STORE(a_host_that_did_not_answer_discovery_closes_nothing),
        WITH_STORE(refuses_lines_outside_the_plan),
        WITH_STORE(refuses_what_comes_before_the_start),
        WITH_STORE(begins_only_what_was_asked_for),
        WITH_STORE(goes_on_from_its_checkpoint),
        WITH_STORE(another_plan_does_not_go_on),
        WITH_STORE(a_complete_scan_has_all_its_slabs),
        WITH_STORE(a_silent_canary_stays_silent),
        WITH_STORE(survives_kill_between_batches),
        WITH_STORE(two_realms_are_two_assets),
        WITH_STORE(a_name_joins_ipv4_and_ipv6),
        WITH_STORE(a_name_joins_what_was_known_apart),
        WITH_STORE(the_scanners_own_addresses_are_one_asset),
        WITH_STORE(a_renamed_vantage_keeps_its_asset),
        WITH_STORE(a_name_of_several_hosts_is_nobodys),
        WITH_STORE(a_name_that_moved_leaves_the_old_asset),
        WITH_STORE(another_tenant_is_another_asset),
        WITH_STORE(says_that_the_disk_is_full),
    };
    return cmocka_run_group_tests_name("ingest", tests, NULL, NULL);
}
