/* What tests of the store share: a database of their own in a folder of their own, and a scanner's lines made by hand.
 */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_FIXTURE_H
#define LEASTPORT_TESTS_UNIT_AUDITD_FIXTURE_H

#include "auditd/ingest/ingest.h"
#include "auditd/store/sql.h"
#include "auditd/store/store.h"
#include "lib/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char folder[64];
    char path[96];
    struct store *store;
    struct ingest *ingest;
    char scan[STORE_UUID_SIZE];
    int64_t now_ms;
    uint64_t refused;
    char reason[512];
};

static inline void fixture_open(struct fixture *fixture)
{
    const struct store_options options = store_options_default();
    struct store_error error = {0};
    int rc = store_open(fixture->path, &options, &fixture->store, &error);

    if (rc < 0) {
        fail_msg("store_open: %d %s", rc, error.text);
    }
}

/* In a folder of its own within `where`. */
static inline int fixture_setup_in(void **state, const char *where)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    snprintf(fixture->folder, sizeof(fixture->folder), "%s/leastport-store-XXXXXX", where);
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof(fixture->path), "%s/audit.db", fixture->folder);
    fixture->now_ms = 1700000000000;
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

static inline int fixture_setup(void **state)
{
    return fixture_setup_in(state, "/tmp");
}

static inline void fixture_remove(const struct fixture *fixture)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    char path[128];

    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s%s", fixture->path, suffixes[i]);
        unlink(path);
    }
    rmdir(fixture->folder);
}

static inline int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    ingest_destroy(fixture->ingest);
    store_close(fixture->store);
    fixture_remove(fixture);
    free(fixture);
    return 0;
}

static inline void fixture_refused(void *context, uint64_t line_number, const char *reason)
{
    struct fixture *fixture = context;

    (void)line_number;
    fixture->refused++;
    snprintf(fixture->reason, sizeof(fixture->reason), "%s", reason);
}

/* Feeds one line; {TS} and {ID} stand for the envelope, which goes before the given members. Returns ingest_line()'s.
 */
static inline int fixture_feed(struct fixture *fixture, const char *type, const char *members)
{
    char *line = malloc(strlen(members) + 512);
    char ts[WALL_TEXT_SIZE];
    int rc;

    fixture->now_ms += 10;
    sprintf(line, "{\"schema\":\"leastport.observation/1\",\"type\":\"%s\",\"scan_id\":\"%s\",\"ts\":\"%s\",%s}", type,
            fixture->scan, wall_format(fixture->now_ms, ts), members);
    rc = ingest_line(fixture->ingest, line, strlen(line));
    free(line);
    return rc;
}

static inline void fixture_line(struct fixture *fixture, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a line that must be taken. */
static inline void fixture_line(struct fixture *fixture, const char *type, const char *format, ...)
{
    char members[4096];
    uint64_t refused = fixture->refused;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(members, sizeof(members), format, arguments);
    va_end(arguments);
    assert_int_equal(fixture_feed(fixture, type, members), 0);
    if (fixture->refused != refused) {
        fail_msg("%s {%s} was refused: %s", type, members, fixture->reason);
    }
}

static inline void fixture_new_ingest(struct fixture *fixture)
{
    struct ingest_options options = ingest_options_default();

    options.refused = fixture_refused;
    options.context = fixture;
    ingest_destroy(fixture->ingest);
    fixture->ingest = NULL;
    assert_int_equal(ingest_create(fixture->store, &options, &fixture->ingest), 0);
}

struct fixture_plan {
    const char *realm;
    const char *vantage;
    const char *targets; /* JSON */
    const char *ports;
    const char *more; /* further members of the plan, with a comma before them; "" for none */
    int slabs;
    int from_slab;
};

static inline int fixture_start_again(struct fixture *fixture, const struct fixture_plan *plan)
{
    char members[4096];

    snprintf(members, sizeof(members),
             "\"plan\":{\"schema\":\"leastport.plan/1\",\"realm\":\"%s\",\"vantage\":\"%s\",\"targets\":%s,\"ports\":"
             "\"%s\",\"probes\":[\"connect\"]%s},\"plan_hash\":\"00ff\",\"slabs\":%d,\"from_slab\":%d,\"hosts\":1,"
             "\"probes\":1",
             plan->realm, plan->vantage, plan->targets, plan->ports, plan->more, plan->slabs, plan->from_slab);
    fixture_new_ingest(fixture);
    return fixture_feed(fixture, "scan_start", members);
}

static inline void fixture_start(struct fixture *fixture, const struct fixture_plan *plan)
{
    store_uuid(fixture->scan);
    fixture->now_ms += 60000;
    if (fixture_start_again(fixture, plan) != 0) {
        fail_msg("scan_start was refused: %s", fixture->reason);
    }
}

static inline void fixture_port(struct fixture *fixture, const char *host, int port, const char *state,
                                const char *reason)
{
    fixture_line(fixture, "port",
                 "\"host\":\"%s\",\"proto\":\"tcp\",\"port\":%d,\"state\":\"%s\",\"reason\":\"%s\",\"tries\":3", host,
                 port, state, reason);
}

static inline void fixture_host(struct fixture *fixture, const char *host, bool up)
{
    fixture_line(fixture, "host",
                 "\"host\":\"%s\",\"state\":\"%s\",\"reason\":\"%s\",\"slab\":0,\"open\":0,\"not_shown\":[]", host,
                 up ? "up" : "down", up ? "conn-refused" : "no-response");
}

static inline void fixture_slab(struct fixture *fixture, int slab, int slabs)
{
    fixture_line(fixture, "slab", "\"slab\":%d,\"slabs\":%d,\"probes_done\":1,\"probes_sent\":1", slab, slabs);
}

static inline void fixture_end(struct fixture *fixture, bool complete)
{
    fixture_line(fixture, "scan_end", "\"complete\":%s,\"cause\":\"%s\",\"loss\":0.0", complete ? "true" : "false",
                 complete ? "done" : "interrupted");
}

/* The one number that a query without parameters gives. */
static inline int64_t fixture_int(struct fixture *fixture, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t value;

    assert_int_equal(sqlite3_prepare_v2(store_database(fixture->store), sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* The one text that a query gives, "-" for no row; valid until the next call. */
static inline const char *fixture_text(struct fixture *fixture, const char *sql)
{
    static char text[512];
    sqlite3_stmt *statement = NULL;

    assert_int_equal(sqlite3_prepare_v2(store_database(fixture->store), sql, -1, &statement, NULL), SQLITE_OK);
    snprintf(text, sizeof(text), "%s", sqlite3_step(statement) == SQLITE_ROW ? store_text(statement, 0) : "-");
    sqlite3_finalize(statement);
    return text;
}

#endif
