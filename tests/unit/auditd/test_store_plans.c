/* What SQLite makes of the lists' questions: the usual orders are walked in an index and nothing is sorted for them;
 * where something is sorted or counted, it is what an index holds. Plans are SQLite's own words (EXPLAIN QUERY PLAN),
 * of the statements that the readers run. */
#include "auditd/store/read.h"
#include "auditd/store/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/auditd/read_database.h"

enum { PLAN_SIZE = 8192, PLAN_STEPS = 128 };

static char folder[] = "/tmp/leastport-plans-XXXXXX";
static char db_path[64];
static struct store_reader *reader;
static char asked[16384]; /* the statement that ran last */

/* ---- the database ---- */

static int note(unsigned kind, void *context, void *statement, void *unused)
{
    const char *sql = sqlite3_sql(statement);

    (void)kind;
    (void)context;
    (void)unused;
    if (sql != NULL && strncmp(sql, "EXPLAIN", 7) != 0) {
        assert_true((size_t)snprintf(asked, sizeof(asked), "%s", sql) < sizeof(asked));
    }
    return 0;
}

static int set_up(void **state)
{
    char error[STORE_READ_ERROR_SIZE] = "";

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(db_path, sizeof(db_path), "%s/audit.db", folder);
    read_database_make(db_path);
    if (store_reader_open(db_path, error, &reader) != 0) {
        fail_msg("%s", error);
    }
    sqlite3_trace_v2(store_reader_database(reader), SQLITE_TRACE_STMT, note, NULL);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[96];

    (void)state;
    store_reader_close(reader);
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s%s", db_path, ends[i]);
        unlink(name);
    }
    return rmdir(folder);
}

/* ---- plans ---- */

/* A step a line, without those that are done for a row that is given already (subqueries of a column). A line within a
 * subquery that rows come from begins with a blank. */
static void explain(char plan[PLAN_SIZE])
{
    static char sql[sizeof(asked) + 32];
    int ids[PLAN_STEPS];
    bool hidden[PLAN_STEPS];
    size_t count = 0;
    size_t length = 0;
    sqlite3_stmt *statement = NULL;

    snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", asked);
    assert_int_equal(sqlite3_prepare_v2(store_reader_database(reader), sql, -1, &statement, NULL), SQLITE_OK);
    plan[0] = '\0';
    while (sqlite3_step(statement) == SQLITE_ROW) {
        int parent = sqlite3_column_int(statement, 1);
        const char *text = (const char *)sqlite3_column_text(statement, 3);
        bool is_hidden = strstr(text, "SCALAR SUBQUERY") != NULL;
        assert_true(count < PLAN_STEPS);
        for (size_t i = 0; i < count; i++) {
            is_hidden = is_hidden || (ids[i] == parent && hidden[i]);
        }
        ids[count] = sqlite3_column_int(statement, 0);
        hidden[count++] = is_hidden;
        if (!is_hidden) {
            length += (size_t)snprintf(plan + length, PLAN_SIZE - length, "%s%s\n", parent == 0 ? "" : " ", text);
            assert_true(length < PLAN_SIZE);
        }
    }
    sqlite3_finalize(statement);
    assert_true(count > 0);
}

static void fail_with(const char *what, const char *plan)
{
    fail_msg("%s:\n%s\nof %s", what, plan, asked);
}

/* Nothing is sorted, and the rows come in the order of what the first line names. */
static void assert_is_walked(const char *what, const char *first)
{
    char plan[PLAN_SIZE];

    explain(plan);
    if (strstr(plan, "TEMP B-TREE") != NULL || strncmp(plan, first, strlen(first)) != 0) {
        fail_with(what, plan);
    }
}

/* What the page's rows are looked up by was sorted, or counted, before, and was read as `source` says. */
static void assert_is_first(const char *what, const char *first, const char *source)
{
    char plan[PLAN_SIZE];
    const char *at;

    explain(plan);
    at = strncmp(plan, first, strlen(first)) == 0 ? plan + strlen(first) : NULL;
    if (at == NULL || strncmp(at, source, strlen(source)) != 0) {
        fail_with(what, plan);
    }
}

/* The database is empty: no row comes, and no function is called. */
static void ask_findings(const struct store_finding_filter *filter, enum store_finding_sort sort, bool is_descending)
{
    struct store_finding_filter whole = *filter;

    whole.page =
        (struct store_page){.sort = sort, .is_descending = is_descending, .limit = 101, .after = filter->page.after};
    assert_int_equal(store_read_findings(reader, &whole, NULL, NULL), 0);
}

static void ask_groups(const struct store_finding_filter *filter, const enum store_finding_group *keys, size_t count)
{
    assert_int_equal(store_read_finding_groups(reader, filter, (struct store_group_keys){keys, count}, NULL, NULL), 0);
}

static const char *const host = "00000000-0000-4000-8000-000000000001";
static const char *const word = "x";
static const int64_t ports[] = {22, 23};

/* ---- what is tested ---- */

static void usual_orders_of_findings_are_walked(void **state)
{
    static const struct {
        enum store_finding_sort sort;
        bool is_descending;
        const char *first, *further;
    } orders[] = {
        {STORE_FINDING_BY_ID, false, "SCAN f\n", "SEARCH f USING INTEGER PRIMARY KEY (rowid>?)\n"},
        {STORE_FINDING_BY_ID, true, "SCAN f\n", "SEARCH f USING INTEGER PRIMARY KEY (rowid<?)\n"},
        {STORE_FINDING_BY_SEVERITY, true, "SCAN f USING INDEX finding_by_severity\n",
         "SEARCH f USING INDEX finding_by_severity ("},
        {STORE_FINDING_BY_PENALTY, true, "SCAN f USING INDEX finding_by_penalty\n",
         "SEARCH f USING INDEX finding_by_penalty ("},
        {STORE_FINDING_BY_CHANGE, false, "SCAN f USING INDEX finding_by_change\n",
         "SEARCH f USING INDEX finding_by_change ("},
        {STORE_FINDING_BY_CHANGE, true, "SCAN f USING INDEX finding_by_latest_change\n",
         "SEARCH f USING INDEX finding_by_latest_change ("},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
        struct store_finding_filter filter = {0};
        ask_findings(&filter, orders[i].sort, orders[i].is_descending);
        assert_is_walked("an order", orders[i].first);
        filter.page.after = (struct store_position){true, 3, 7};
        ask_findings(&filter, orders[i].sort, orders[i].is_descending);
        assert_is_walked("an order, further on", orders[i].further);
    }
}

static void filters_of_findings_are_looked_up(void **state)
{
    struct store_finding_filter uuids = {.uuids = {&host, 1}};
    struct store_finding_filter services = {.services = {&word, 1}};
    struct store_finding_filter changed = {.changed_since = 5};
    static const char *const low = "low";
    struct store_finding_filter severities = {.severities = {&low, 1}};
    (void)state;
    ask_findings(&uuids, STORE_FINDING_BY_SEVERITY, true);
    assert_is_first("one finding", "SEARCH f USING INDEX sqlite_autoindex_finding_1 (uuid=?)\n", "");
    ask_findings(&services, STORE_FINDING_BY_SEVERITY, true);
    assert_is_walked("of a service", "SEARCH f USING INDEX finding_by_service (service=?)\n");
    ask_findings(&changed, STORE_FINDING_BY_CHANGE, true);
    assert_is_walked("what changed", "SEARCH f USING INDEX finding_by_latest_change (changed_at>?)\n");
    ask_findings(&severities, STORE_FINDING_BY_SEVERITY, true);
    assert_is_walked("the low ones",
                     "SEARCH f USING INDEX finding_by_severity (severity_rank>? AND severity_rank<?)\n");
}

/* The page's rows alone are read whole; all others give their key, from an index where there is one that has it. */
static void other_orders_sort_keys_alone(void **state)
{
    static const char first[] = "CO-ROUTINE w\n ";
    static const struct {
        enum store_finding_sort sort;
        bool is_descending;
        const char *source;
    } orders[] = {
        {STORE_FINDING_BY_SEVERITY, false, "SCAN f USING COVERING INDEX finding_counted\n"},
        {STORE_FINDING_BY_PENALTY, false, "SCAN f USING COVERING INDEX finding_counted\n"},
        {STORE_FINDING_BY_PORT, false, "SCAN f USING COVERING INDEX finding_"},
        {STORE_FINDING_BY_PORT, true, "SCAN f USING COVERING INDEX finding_"},
        {STORE_FINDING_BY_FIRST_SEEN, false, "SCAN f USING COVERING INDEX finding_counted\n"},
        {STORE_FINDING_BY_FIRST_SEEN, true, "SCAN f USING COVERING INDEX finding_counted\n"},
        {STORE_FINDING_BY_LAST_SEEN, false, "SCAN f\n"},
        {STORE_FINDING_BY_LAST_SEEN, true, "SCAN f\n"},
    };
    struct store_finding_filter filter = {.ports = {ports, 2}, .page.after = {true, 3, 7}};
    struct store_finding_filter hosts = {.hosts = {&host, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
        ask_findings(&(struct store_finding_filter){0}, orders[i].sort, orders[i].is_descending);
        assert_is_first("an order", first, orders[i].source);
        ask_findings(&filter, orders[i].sort, orders[i].is_descending);
        assert_is_first("an order of two ports, further on", first, orders[i].source);
    }
    ask_findings(&hosts, STORE_FINDING_BY_SEVERITY, true);
    assert_is_first("a host's", first, "SEARCH a USING INDEX sqlite_autoindex_asset_1 (uuid=?)\n");
}

/* Runs of an index, in its order: what is sorted to be counted is no more than there are of them. */
static void counts_are_runs_of_an_index(void **state)
{
    static const enum store_finding_group alone[] = {STORE_GROUP_SEVERITY,    STORE_GROUP_PRESENCE, STORE_GROUP_SIGHT,
                                                     STORE_GROUP_DISPOSITION, STORE_GROUP_SERVICE,  STORE_GROUP_RULE,
                                                     STORE_GROUP_PORT};
    static const enum store_finding_group together[] = {STORE_GROUP_PORT, STORE_GROUP_SEVERITY};
    static const enum store_finding_group places[] = {STORE_GROUP_HOST, STORE_GROUP_REALM};
    static const char counted[] = " SCAN f USING COVERING INDEX finding_counted\nSCAN f\n";
    static const char of_hosts[] = " SCAN f USING INDEX finding_by_asset\nSCAN f\n";
    const struct store_finding_filter all = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(alone) / sizeof(*alone); i++) {
        ask_groups(&all, &alone[i], 1);
        assert_is_first("a count", "CO-ROUTINE f\n", counted);
    }
    ask_groups(&all, together, 2);
    assert_is_first("a count by two", "CO-ROUTINE f\n", counted);
    for (size_t i = 0; i < 2; i++) {
        ask_groups(&all, &places[i], 1);
        assert_is_first("a count by hosts", "CO-ROUTINE f\n", of_hosts);
    }
}

static void other_lists_are_walked(void **state)
{
    const struct store_page page = {.limit = 101};
    const struct store_page latest = {.limit = 101, .is_descending = true};
    (void)state;
    assert_int_equal(store_read_endpoints(reader, &(struct store_endpoint_filter){.page = page}, NULL, NULL), 0);
    assert_is_walked("endpoints", "SCAN t\nSEARCH e USING INTEGER PRIMARY KEY");
    assert_int_equal(store_read_changes(reader, &(struct store_change_filter){.page = latest}, NULL, NULL), 0);
    assert_is_walked("changes", "SCAN x\nSEARCH f USING INTEGER PRIMARY KEY");
    assert_int_equal(store_read_scores(reader, &(struct store_score_filter){.page = page}, NULL, NULL), 0);
    assert_is_walked("scores", "SCAN c\n");
    assert_int_equal(store_read_log(reader, &(struct store_log_filter){.page = latest}, NULL, NULL), 0);
    assert_is_walked("the audit log", "SCAN g\n");
    assert_int_equal(store_read_scans(reader, &(struct store_scan_filter){.page = page}, NULL, NULL), 0);
    assert_is_walked("scans", "SCAN s USING INDEX scan_by_start\n");
    /* Those of one millisecond are put in order. */
    assert_int_equal(store_read_scans(reader, &(struct store_scan_filter){.page = latest}, NULL, NULL), 0);
    assert_is_first("the latest scans", "SCAN s USING INDEX scan_by_start\n", "");
    /* The page's hosts come first, in their order; what is known of them is looked up. */
    assert_int_equal(store_read_hosts(reader, &(struct store_host_filter){.page = page}, NULL, NULL), 0);
    assert_is_first("hosts", "MATERIALIZE k\n SCAN a\n SEARCH r USING INTEGER PRIMARY KEY (rowid=?)\nSCAN k\n",
                    "SEARCH a USING INTEGER PRIMARY KEY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_orders_of_findings_are_walked),
        cmocka_unit_test(filters_of_findings_are_looked_up),
        cmocka_unit_test(other_orders_sort_keys_alone),
        cmocka_unit_test(counts_are_runs_of_an_index),
        cmocka_unit_test(other_lists_are_walked),
    };
    return cmocka_run_group_tests_name("store_plans", tests, set_up, tear_down);
}
