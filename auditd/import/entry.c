#include "auditd/import/entry.h"

#include "auditd/import/scope.h"
#include "auditd/ingest/ingest.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One scan's lines on their way in. */
struct entry {
    const struct import_entry *into;
    char *reason;
    int rc; /* of the first line that cannot be taken */
    bool ended;
};

static int entry_fail(struct store *store, int rc, char *reason)
{
    snprintf(reason, IMPORT_REASON_SIZE, "%s", rc == -ENOMEM ? "out of memory" : store_last_error(store)->text);
    return rc;
}

/* Hosts that parts of the same file brought in. They are stored in the file's order. */
static int entry_stored(struct store *store, const struct import_origin *origin, int64_t *ret_stored)
{
    return store_query_int(store, ret_stored,
                           "SELECT coalesce(max(json_extract(s.plan, '$.import.to')), 0) FROM scan s"
                           " JOIN realm r ON r.id = s.realm_id JOIN vantage v ON v.id = s.vantage_id"
                           " WHERE r.name = ?1 AND v.name = ?2 AND json_extract(s.plan, '$.import.digest') = ?3",
                           "ttt", origin->realm, origin->vantage, origin->digest);
}

int import_entry_unjudged(struct store *store, const struct import_origin *origin, char ret_uuid[STORE_UUID_SIZE],
                          char reason[IMPORT_REASON_SIZE])
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT s.uuid FROM scan s JOIN realm r ON r.id = s.realm_id"
                         " JOIN vantage v ON v.id = s.vantage_id WHERE r.name = ?1 AND v.name = ?2"
                         " AND s.judged_at IS NULL AND json_extract(s.plan, '$.import.digest') = ?3 ORDER BY s.id",
                         "ttt", origin->realm, origin->vantage, origin->digest);

    rc = rc == 0 ? store_step(store, row) : rc;
    if (rc <= 0) {
        return rc < 0 ? entry_fail(store, rc, reason) : -ENOENT;
    }
    snprintf(ret_uuid, STORE_UUID_SIZE, "%s", store_text(row, 0));
    store_walked(row);
    return 0;
}

/* Its own parts are as old as itself. */
static int entry_check_age(struct store *store, const struct import_origin *origin, bool is_begun, char *reason)
{
    char newest[WALL_TEXT_SIZE];
    char own[WALL_TEXT_SIZE];
    int64_t at_ms;
    int rc = store_scan_newest(store, origin->realm, origin->vantage, &at_ms);

    if (rc < 0) {
        return rc == -ENOENT ? 0 : entry_fail(store, rc, reason);
    }
    if (at_ms < origin->begun_ms || (is_begun && at_ms == origin->begun_ms)) {
        return 0;
    }
    snprintf(reason, IMPORT_REASON_SIZE,
             "it was begun at %s, but from the vantage %s a look of %s is stored already: a file as old or older would "
             "undo what is known. Import in the order of time, or give another --vantage.",
             wall_format(origin->begun_ms, own), origin->vantage, wall_format(at_ms, newest));
    return -EEXIST;
}

int import_entry_begin(struct store *store, const struct import_origin *origin, size_t *ret_stored,
                       char reason[IMPORT_REASON_SIZE])
{
    int64_t stored = 0;
    int rc = entry_stored(store, origin, &stored);

    if (rc < 0) {
        return entry_fail(store, rc, reason);
    }
    rc = entry_check_age(store, origin, stored > 0, reason);
    if (rc < 0) {
        return rc;
    }
    *ret_stored = stored > 0 ? (size_t)stored : 0;
    return 0;
}

/* ---- lines ---- */

static void entry_refuse(struct entry *entry, int rc, const char *reason)
{
    if (entry->rc == 0) {
        entry->rc = rc;
        snprintf(entry->reason, IMPORT_REASON_SIZE, "%s", reason);
    }
}

static void entry_on_refused(void *context, uint64_t line, const char *reason)
{
    (void)line;
    entry_refuse(context, -EPROTO, reason);
}

static void entry_check_start(struct entry *entry, const struct observation_scan_start *start)
{
    const char *digest = json_string_value(json_object_get(json_object_get(start->plan, "import"), "digest"));

    if (strcmp(start->realm, entry->into->origin->realm) != 0 ||
        strcmp(start->vantage, entry->into->origin->vantage) != 0 || digest == NULL ||
        strcmp(digest, entry->into->origin->digest) != 0) {
        entry_refuse(entry, -EPROTO, "the scan is of another realm, vantage or file than the import");
    }
}

static void entry_check_host(struct entry *entry, const struct addr *host)
{
    char address[ADDR_TEXT_SIZE];
    char reason[ADDR_TEXT_SIZE + 32];

    if (!import_scope_has(entry->into->scope, host)) {
        snprintf(reason, sizeof(reason), "%s is outside the scope", addr_format(host, address));
        entry_refuse(entry, -EPERM, reason);
    }
}

static void entry_on_taken(void *context, const struct observation *line)
{
    if (line->type == OBSERVATION_SCAN_START) {
        entry_check_start(context, &line->scan_start);
    } else if (line->type == OBSERVATION_PORT) {
        entry_check_host(context, &line->port.host);
    } else if (line->type == OBSERVATION_SERVICE) {
        entry_check_host(context, &line->service.host);
    } else if (line->type == OBSERVATION_HOST) {
        entry_check_host(context, &line->host.host);
    } else if (line->type == OBSERVATION_SCAN_END) {
        ((struct entry *)context)->ended = true;
    }
}

/* Stops at the first line that cannot be taken. */
static int entry_feed(struct entry *entry, struct ingest *ingest, const struct import_lines *lines)
{
    const char *text = lines->text;
    const char *end = text + lines->size;
    const char *newline;

    while (entry->rc == 0 && (newline = memchr(text, '\n', (size_t)(end - text))) != NULL) {
        int rc = ingest_line(ingest, text, (size_t)(newline - text));
        if (rc < 0 && entry->rc == 0) {
            return entry_fail(entry->into->store, rc, entry->reason);
        }
        text = newline + 1;
    }
    if (entry->rc == 0 && !entry->ended) {
        entry_refuse(entry, -EPROTO, "the scan has no end");
    }
    return entry->rc;
}

static int entry_declare(const struct import_entry *into, char *reason)
{
    const char *class = into->origin->vantage_class;
    int rc = class == NULL ? 0 : store_vantage_declare(into->store, into->origin->vantage, class, wall_now_ms());

    return rc < 0 ? entry_fail(into->store, rc, reason) : 0;
}

static int entry_take(struct entry *entry, const struct import_lines *lines, char *ret_uuid)
{
    struct ingest_options options = ingest_options_default();
    struct ingest *ingest;
    int rc;

    options.whole = true;
    options.refused = entry_on_refused;
    options.taken = entry_on_taken;
    options.context = entry;
    rc = ingest_create(entry->into->store, &options, &ingest);
    if (rc < 0) {
        return entry_fail(entry->into->store, rc, entry->reason);
    }
    rc = entry_feed(entry, ingest, lines);
    if (rc == 0) {
        rc = ingest_flush(ingest);
        rc = rc < 0 ? entry_fail(entry->into->store, rc, entry->reason) : 0;
    }
    if (rc == 0) {
        snprintf(ret_uuid, STORE_UUID_SIZE, "%s", ingest_scan_uuid(ingest));
    }
    /* Rolls back what was not committed. */
    ingest_destroy(ingest);
    return rc;
}

int import_entry_store(const struct import_entry *into, const struct import_lines *lines,
                       char ret_uuid[STORE_UUID_SIZE], char reason[IMPORT_REASON_SIZE])
{
    struct entry entry = {.into = into, .reason = reason};
    int rc = entry_check_age(into->store, into->origin, true, reason);

    rc = rc == 0 ? entry_declare(into, reason) : rc;
    return rc == 0 ? entry_take(&entry, lines, ret_uuid) : rc;
}
