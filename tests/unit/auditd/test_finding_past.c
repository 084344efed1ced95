/* Findings at past moments against a replay: random histories are written down move by move, and at each moment the
 * reader must say what the replay had then. */
#include "auditd/store/read.h"

#include <math.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/auditd/read_database.h"
#include "tests/unit/seed.h"

enum { FINDINGS = 24, MOMENTS = 40, WORDS = 10, WORD_SIZE = 16, HISTORIES = 2 };

/* The log's names, the columns, and what may stand in them; presence is the first. */
static const struct {
    const char *what, *column;
    const char *values[4];
} words[WORDS] = {
    {"presence", "presence", {"NEW", "OPEN", "FIXED", "REAPPEARED"}},
    {"disposition", "disposition", {"NONE", "ACKNOWLEDGED", "WAIVED", "NONE"}},
    {"sight", "sight", {"FRESH", "STALE", "RETIRED", "FRESH"}},
    {"severity", "severity", {"low", "medium", "high", "critical"}},
    {"service", "service", {"http", "ssh", "redis", ""}},
    {"rule", "rule_id", {"default", "r1", "r2", "r3"}},
    {"owner", "owner", {"", "data", "web", "x"}},
    {"breadth", "breadth_class", {"world", "peer", "own-vpc", "vpn"}},
    {"evidence", "evidence_kind", {"seen", "port only", "seen", "declared"}},
    {"need", "need_kind", {"unknown", "forbidden", "unverified", "unproven"}},
};

struct past {
    bool is_there;
    char texts[WORDS][WORD_SIZE];
    int64_t changed_at, fixed_at;
};

static char folder[32];
static char db_path[64];
static struct past told[MOMENTS + 1][FINDINGS]; /* at the end of each moment */
static uint64_t dice;

static uint32_t roll(uint32_t sides)
{
    return (uint32_t)seed_draw(&dice, (int)sides);
}

static void put(FILE *sql, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(FILE *sql, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    assert_true(vfprintf(sql, format, values) >= 0);
    va_end(values);
}

static void move(FILE *sql, int finding, int64_t at, int word, const char *became)
{
    struct past *past = &told[at][finding];

    put(sql,
        "INSERT INTO finding_event (finding_id, at, actor, what, was, became, reason, evidence) VALUES (%d, %lld, 'a', "
        "'%s', "
        "'%s', '%s', 'r', '{}');",
        finding + 1, (long long)at, words[word].what, past->texts[word], became);
    snprintf(past->texts[word], WORD_SIZE, "%s", became);
    past->changed_at = at;
    if (word == 0) {
        past->fixed_at = strcmp(became, "FIXED") == 0 ? at : 0;
    }
}

static void be_born(FILE *sql, int finding, int64_t at)
{
    struct past *past = &told[at][finding];

    past->is_there = true;
    for (int word = 1; word < WORDS; word++) {
        snprintf(past->texts[word], WORD_SIZE, "%s", words[word].values[word < 3 ? 0 : roll(4)]);
    }
    move(sql, finding, at, 0, "NEW");
}

/* Nothing, one move, or several at the same moment. */
static void live(FILE *sql, int finding, int64_t at)
{
    for (uint32_t moves = roll(3) == 0 ? 1 + roll(3) : 0; moves > 0; moves--) {
        int word = roll(2) == 0 ? 0 : (int)roll(WORDS);
        const char *became = words[word].values[roll(4)];
        if (strcmp(became, told[at][finding].texts[word]) != 0) {
            move(sql, finding, at, word, became);
        }
    }
}

static void put_row(FILE *sql, int finding, int64_t born)
{
    const struct past *now = &told[MOMENTS][finding];

    put(sql,
        "INSERT INTO finding (id, uuid, fingerprint, asset_id, proto, port, kind, presence, disposition, sight, "
        "severity, "
        "severity_rank, service, rule_id, owner, breadth_class, evidence_kind, need_kind, policy_id, service_weight, "
        "breadth, "
        "evidence, need, penalty, title, why, fix, first_seen, last_seen, changed_at, fixed_at, first_scan_id, "
        "last_scan_id) "
        "VALUES (%d, 'f%d', 'p%d', 1, 'tcp', %d, 'exposure', '%s', '%s', '%s', '%s', 1, '%s', '%s', '%s', '%s', '%s', "
        "'%s', 1, "
        "5, 1, 1, 1, 5, 't', 'w', 'f', %lld, %d, %lld, nullif(%lld, 0), 1, 1);",
        finding + 1, finding, finding, finding + 1, now->texts[0], now->texts[1], now->texts[2], now->texts[3],
        now->texts[4], now->texts[5], now->texts[6], now->texts[7], now->texts[8], now->texts[9], (long long)born,
        MOMENTS, (long long)now->changed_at, (long long)now->fixed_at);
}

static char *make_history(void)
{
    int64_t born[FINDINGS];
    char *events = NULL;
    char *text = NULL;
    size_t size;
    FILE *sql = open_memstream(&events, &size);

    assert_non_null(sql);
    memset(told, 0, sizeof(told));
    for (int finding = 0; finding < FINDINGS; finding++) {
        born[finding] = 1 + roll(MOMENTS);
    }
    for (int64_t at = 1; at <= MOMENTS; at++) {
        memcpy(told[at], told[at - 1], sizeof(told[at]));
        for (int finding = 0; finding < FINDINGS; finding++) {
            if (at == born[finding]) {
                be_born(sql, finding, at);
            } else if (at > born[finding]) {
                live(sql, finding, at);
            }
        }
    }
    assert_int_equal(fclose(sql), 0);
    sql = open_memstream(&text, &size);
    assert_non_null(sql);
    put(sql, "INSERT INTO realm VALUES (1, 'a', 1); INSERT INTO policy VALUES (1, 'hash', 'baseline', '', 1, 1);"
             "INSERT INTO vantage (id, name, created_at) VALUES (1, 'v', 1);"
             "INSERT INTO scan (id, uuid, realm_id, vantage_id, plan, plan_hash, state, started_at) VALUES (1, 's', 1, "
             "1, '{}', "
             "'h', 'complete', 1); INSERT INTO asset (id, uuid, realm_id, created_at) VALUES (1, 'h', 1, 1);");
    for (int finding = 0; finding < FINDINGS; finding++) {
        put_row(sql, finding, born[finding]);
    }
    put(sql, "%s", events);
    assert_int_equal(fclose(sql), 0);
    free(events);
    return text;
}

static void make_database(void)
{
    char *history = make_history();

    snprintf(folder, sizeof(folder), "/tmp/leastport-past-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(db_path, sizeof(db_path), "%s/audit.db", folder);
    read_database_make(db_path);
    read_database_run(db_path, history);
    free(history);
}

static void remove_database(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[80];

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(path, sizeof(path), "%s%s", db_path, ends[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

struct listed {
    int64_t at;
    int count;
};

static int compare_row(void *context, const struct store_finding *finding)
{
    struct listed *listed = context;
    const struct past *past = &told[listed->at][finding->id - 1];
    const char *const texts[WORDS] = {
        finding->presence, finding->disposition, finding->sight,         finding->severity,      finding->service,
        finding->rule_id,  finding->owner,       finding->breadth_class, finding->evidence_kind, finding->need_kind};

    assert_true(past->is_there);
    for (int word = 0; word < WORDS; word++) {
        assert_string_equal(texts[word], past->texts[word]);
    }
    assert_int_equal(finding->changed_at, past->changed_at);
    assert_int_equal(finding->fixed_at, past->fixed_at);
    assert_true(isnan(finding->penalty));
    assert_int_equal(finding->last_seen, 0);
    listed->count++;
    return 0;
}

static bool past_counts(const struct past *past)
{
    return past->is_there && strcmp(past->texts[0], "FIXED") != 0 && strcmp(past->texts[2], "RETIRED") != 0;
}

static int count_group(void *context, const struct store_group *group)
{
    struct listed *listed = context;
    int64_t count = 0;

    for (int finding = 0; finding < FINDINGS; finding++) {
        const struct past *past = &told[listed->at][finding];
        count += past_counts(past) && strcmp(past->texts[3], group->values[0]) == 0;
    }
    assert_int_equal(group->count, count);
    listed->count += (int)count;
    return 0;
}

static void compare_moment(struct store_reader *reader, int64_t at)
{
    static const char *const presences[] = {"NEW", "OPEN", "FIXED", "REAPPEARED"};
    static const char *const sights[] = {"FRESH", "STALE", "RETIRED"};
    const enum store_finding_group by_severity[] = {STORE_GROUP_SEVERITY};
    const struct store_group_keys keys = {by_severity, 1};
    struct store_finding_filter all = {.as_of = at, .presences = {presences, 4}, .sights = {sights, 3}};
    struct store_finding_filter counting = {.as_of = at};
    struct listed listed = {at, 0};
    int there = 0;
    int count = 0;

    for (int finding = 0; finding < FINDINGS; finding++) {
        there += told[at][finding].is_there;
        count += past_counts(&told[at][finding]);
    }
    for (int sort = STORE_FINDING_BY_ID; sort <= STORE_FINDING_BY_CHANGE; sort++) {
        if (sort == STORE_FINDING_BY_PENALTY || sort == STORE_FINDING_BY_LAST_SEEN) {
            continue;
        }
        all.page = (struct store_page){.sort = sort, .is_descending = roll(2) == 0, .limit = FINDINGS};
        listed.count = 0;
        assert_int_equal(store_read_findings(reader, &all, compare_row, &listed), 0);
        assert_int_equal(listed.count, there);
    }
    listed.count = 0;
    assert_int_equal(store_read_findings(reader, &counting, compare_row, &listed), 0);
    assert_int_equal(listed.count, count);
    listed.count = 0;
    assert_int_equal(store_read_finding_groups(reader, &counting, keys, count_group, &listed), 0);
    assert_int_equal(listed.count, count);
}

static void every_moment_is_as_the_replay_has_it(void **state)
{
    uint64_t first = seed_first();
    uint64_t histories = seed_repeats(HISTORIES);

    (void)state;
    for (uint64_t history = 0; history < histories; history++) {
        seed_at_hand = first + history;
        dice = seed_at_hand;
        char error[STORE_READ_ERROR_SIZE] = "";
        struct store_reader *reader;
        make_database();
        if (store_reader_open(db_path, error, &reader) != 0) {
            fail_msg("%s", error);
        }
        for (int64_t at = 1; at <= MOMENTS; at++) {
            compare_moment(reader, at);
        }
        store_reader_close(reader);
        remove_database();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_moment_is_as_the_replay_has_it),
    };

    return cmocka_run_group_tests(tests, NULL, seed_say);
}
