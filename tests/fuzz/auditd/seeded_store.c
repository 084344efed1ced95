#include "tests/fuzz/auditd/seeded_store.h"

#include "auditd/access.h"
#include "auditd/finding/scoring.h"
#include "auditd/finding/settle.h"
#include "auditd/ingest/ingest.h"
#include "auditd/ingest/lines.h"
#include "auditd/policy/policy.h"
#include "auditd/protocol.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"
#include "lib/clock.h"
#include "lib/token.h"
#include "scanner/protocol.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW_DAY_MS = 86400000 };

static const int64_t now_ms = INT64_C(1763800000000);

static struct store *the_store;
static struct policy *the_policy;

/* ---- the store ---- */

static void close_store(void)
{
    store_close(the_store);
    policy_destroy(the_policy);
}

struct store *seeded_store_open(const char **ret_path)
{
    static char path[320];
    struct store_options options = store_options_default();
    struct store_error error;

    options.create = true;
    (void)snprintf(path, sizeof(path), "%s/audit.db", fuzz_folder());
    assert(store_open(path, &options, &the_store, &error) == 0);
    the_policy = policy_create_builtin();
    assert(the_policy != NULL);
    /* What is lost in a power cut is of no account here; fsync() would be most of the time. */
    assert(sqlite3_exec(store_database(the_store), "PRAGMA synchronous = OFF", NULL, NULL, NULL) == SQLITE_OK);
    assert(atexit(close_store) == 0);
    *ret_path = path;
    return the_store;
}

static int append_delete(void *context, int columns, char **values, char **names)
{
    FILE *script = context;

    (void)columns;
    (void)names;
    fprintf(script, "DELETE FROM \"%s\";", values[0]);
    return 0;
}

void seeded_store_clear(struct store *store)
{
    static char *script;
    sqlite3 *database = store_database(store);
    size_t size;
    FILE *stream;

    if (script == NULL) {
        stream = open_memstream(&script, &size);
        assert(stream != NULL);
        fputs("PRAGMA foreign_keys = OFF; BEGIN;", stream);
        assert(sqlite3_exec(database, "SELECT name FROM sqlite_master WHERE type = 'table'", append_delete, stream,
                            NULL) == SQLITE_OK);
        fputs("COMMIT; PRAGMA foreign_keys = ON;", stream);
        fclose(stream);
    }
    assert(sqlite3_exec(database, script, NULL, NULL, NULL) == SQLITE_OK);
}

/* ---- a scanner's output ---- */

struct feed {
    struct ingest *ingest;
    uint64_t refused;
    int rc;
};

static void on_refused(void *context, uint64_t line_number, const char *reason)
{
    struct feed *feed = context;

    (void)line_number;
    assert(reason[0] != '\0');
    feed->refused++;
}

static int take_line(void *context, const char *line, size_t length)
{
    struct feed *feed = context;

    feed->rc = ingest_line(feed->ingest, line, length);
    assert(feed->rc == 0 || (feed->rc == -EPROTO && feed->refused > 0));
    return feed->rc;
}

static void judge(struct store *store, const char *scan_uuid)
{
    const struct store_policy row = {policy_hash(the_policy), "built-in", "", policy_baseline(the_policy)};
    struct settle_options settle = settle_options_default();
    struct scoring_options scoring = {.max_age_ms = NOW_DAY_MS, .now_ms = now_ms};
    struct settle_result result;

    assert(store_policy_put(store, &row, now_ms, &settle.policy_id) == 0);
    settle.policy = the_policy;
    settle.now_ms = now_ms;
    scoring.policy_id = settle.policy_id;
    assert(settle_scan(store, scan_uuid, &settle, &result) == 0);
    assert(scoring_update(store, &scoring) == 0);
}

static int fail_row(void *context, int columns, char **values, char **names)
{
    (void)context;
    (void)names;
    fprintf(stderr, "a row of %s refers to nothing\n", columns > 0 ? values[0] : "?");
    return 1;
}

uint64_t seeded_store_feed(struct store *store, const char *bytes, size_t size)
{
    struct ingest_options options = ingest_options_default();
    struct lines *lines = lines_create(SCAN_LINE_MAX_BYTES);
    struct feed feed = {0};
    int rc;

    options.refused = on_refused;
    options.context = &feed;
    assert(lines != NULL && ingest_create(store, &options, &feed.ingest) == 0);
    rc = lines_feed(lines, bytes, size, take_line, &feed);
    assert(rc == feed.rc);
    if (rc == 0) {
        assert(ingest_finish(feed.ingest, "error") == 0);
        assert(ingest_counts(feed.ingest).refused == feed.refused);
    }
    if (rc == 0 && ingest_scan_uuid(feed.ingest)[0] != '\0') {
        judge(store, ingest_scan_uuid(feed.ingest));
        assert(sqlite3_exec(store_database(store), "PRAGMA foreign_key_check", fail_row, NULL, NULL) == SQLITE_OK);
    }
    ingest_destroy(feed.ingest);
    lines_destroy(lines);
    return feed.refused;
}

/* ---- something in it ---- */

#define ENVELOPE(type, scan, time)                                                                                     \
    "{\"schema\":\"" SCAN_OBSERVATION_SCHEMA "\",\"type\":\"" type "\",\"scan_id\":\"" scan "\",\"ts\":\"" time "\","
#define SCAN_1 "10000000-0000-4000-8000-000000000001"
#define SCAN_2 "10000000-0000-4000-8000-000000000002"
#define SCAN_3 "10000000-0000-4000-8000-000000000003"
#define DAY_1 "2025-11-20T08:00:00.000Z"
#define DAY_2 "2025-11-21T08:00:00.000Z"
#define START(scan, time, realm)                                                                                       \
    ENVELOPE("scan_start", scan, time)                                                                                 \
    "\"plan\":{\"schema\":\"" SCAN_PLAN_SCHEMA "\",\"realm\":\"" realm "\",\"vantage\":\"here\",\"targets\":"          \
    "[\"10.0.0.0/24\",\"fd00::5\"],\"ports\":\"1-10000\",\"probes\":[\"connect\"]},\"plan_hash\":\"00ff\","            \
    "\"slabs\":1,\"from_slab\":0,\"hosts\":2,\"probes\":20000}\n"
#define OPEN(scan, time, host, port)                                                                                   \
    ENVELOPE("port", scan, time)                                                                                       \
    "\"host\":\"" host "\",\"name\":\"db.example\",\"proto\":\"tcp\",\"port\":" #port                                  \
    ",\"state\":\"open\",\"reason\":\"syn-ack\",\"service\":\"x-1\",\"tries\":1,\"answers\":1}\n"
#define HOST(scan, time, host)                                                                                         \
    ENVELOPE("host", scan, time)                                                                                       \
    "\"host\":\"" host "\",\"state\":\"up\",\"reason\":\"conn-refused\",\"slab\":0,\"open\":1,\"not_shown\":"          \
    "[{\"proto\":\"tcp\",\"state\":\"closed\",\"reason\":\"reset\",\"count\":100,\"ports\":\"100-199\"}]}\n"
#define END(scan, time)                                                                                                \
    ENVELOPE("slab", scan, time)                                                                                       \
    "\"slab\":0,\"slabs\":1,\"probes_done\":20000,\"probes_sent\":20000}\n" ENVELOPE(                                  \
        "scan_end", scan, time) "\"complete\":true,\"cause\":\"done\",\"loss\":0.0}\n"

void seeded_store_fill(struct store *store)
{
    static const char *const scans[] = {
        START(SCAN_1, DAY_1, "site") OPEN(SCAN_1, DAY_1, "10.0.0.5", 22) OPEN(SCAN_1, DAY_1, "10.0.0.5", 6379)
            OPEN(SCAN_1, DAY_1, "fd00::5", 443) HOST(SCAN_1, DAY_1, "10.0.0.5") HOST(SCAN_1, DAY_1, "fd00::5")
                END(SCAN_1, DAY_1),
        START(SCAN_2, DAY_2, "site") OPEN(SCAN_2, DAY_2, "10.0.0.5", 22) HOST(SCAN_2, DAY_2, "10.0.0.5")
            END(SCAN_2, DAY_2),
        START(SCAN_3, DAY_2, "r<x>") OPEN(SCAN_3, DAY_2, "10.0.0.7", 23) HOST(SCAN_3, DAY_2, "10.0.0.7")
            END(SCAN_3, DAY_2),
    };

    for (size_t i = 0; i < sizeof(scans) / sizeof(*scans); i++) {
        assert(seeded_store_feed(store, scans[i], strlen(scans[i])) == 0);
    }
}

/* ---- its names ---- */

static struct place {
    const char *name;
    const char *select;
    char uuid[64];
} places[] = {
    {"{host}", "SELECT uuid FROM asset ORDER BY id LIMIT 1", ""},
    {"{finding}", "SELECT uuid FROM finding ORDER BY id LIMIT 1", ""},
    {"{scan}", "SELECT uuid FROM scan ORDER BY id LIMIT 1", ""},
};

static int keep_uuid(void *context, int columns, char **values, char **names)
{
    struct place *place = context;

    (void)names;
    assert(columns == 1 && strlen(values[0]) < sizeof(place->uuid));
    memcpy(place->uuid, values[0], strlen(values[0]) + 1);
    return 0;
}

/* NULL when no place's name stands at `text`. */
static const struct place *place_at(const char *text)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        if (strncmp(text, places[i].name, strlen(places[i].name)) == 0) {
            return &places[i];
        }
    }
    return NULL;
}

char *seeded_store_fill_in(struct store *store, const char *text)
{
    char *filled = NULL;
    size_t size;
    FILE *out = open_memstream(&filled, &size);

    assert(out != NULL);
    for (size_t i = 0; i < sizeof(places) / sizeof(*places) && places[i].uuid[0] == '\0'; i++) {
        assert(sqlite3_exec(store_database(store), places[i].select, keep_uuid, &places[i], NULL) == SQLITE_OK);
        assert(places[i].uuid[0] != '\0');
    }
    while (*text != '\0') {
        const struct place *place = place_at(text);
        if (place != NULL) {
            fputs(place->uuid, out);
            text += strlen(place->name);
        } else {
            putc(*text++, out);
        }
    }
    fclose(out);
    return filled;
}

const char *seeded_store_token(struct store *store)
{
    static char text[TOKEN_TEXT_SIZE];
    const struct access_options options = {.actor = "fuzz", .now_ms = wall_now_ms()};
    json_t *wanted = json_pack("{s:s, s:s, s:s}", "do", CONTROL_TOKEN_CREATE, "name", "fuzz", "role", "admin");
    char reason[ACCESS_REASON_SIZE];
    json_t *answer = NULL;
    int rc = access_token(store, wanted, &options, &answer, reason);

    assert(rc == 0);
    snprintf(text, sizeof(text), "%s", json_string_value(json_object_get(answer, "token")));
    json_decref(answer);
    json_decref(wanted);
    return text;
}
