#include "auditd/store/finding.h"

#include "auditd/store/endpoint.h"
#include "auditd/store/sql.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINDING_COLUMNS                                                                                                \
    "id, asset_id, policy_id, first_scan_id, last_scan_id, last_seen, proto, port, presence, disposition, sight,"      \
    " severity, service_weight, breadth, evidence, need, penalty, kind, service, rule_id, breadth_class,"              \
    " evidence_kind, need_kind, owner, title, why, fix, controls"

void store_fingerprint(const char *asset_uuid, bool is_udp, uint16_t port, const char *kind,
                       char ret_fingerprint[STORE_FINGERPRINT_SIZE])
{
    unsigned char hash[(STORE_FINGERPRINT_SIZE - 1) / 2];
    char text[STORE_UUID_SIZE + VERDICT_NAME_SIZE + 32];
    int length = snprintf(text, sizeof(text), "%s/%s/%u/%s", asset_uuid, is_udp ? "udp" : "tcp", port, kind);

    assert(length > 0 && (size_t)length < sizeof(text));
    crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, (unsigned long long)length, NULL, 0);
    sodium_bin2hex(ret_fingerprint, STORE_FINGERPRINT_SIZE, hash, sizeof(hash));
}

static void finding_copy(sqlite3_stmt *row, int column, char *buffer, size_t size)
{
    snprintf(buffer, size, "%s", store_text(row, column));
}

void store_finding_read_verdict(sqlite3_stmt *row, int column, struct verdict *ret_verdict)
{
    struct verdict *verdict = ret_verdict;

    memset(verdict, 0, sizeof(*verdict));
    verdict->verdict = VERDICT_FINDING;
    verdict->severity = SEVERITY_LOW;
    if (severity_parse(store_text(row, column), &verdict->severity) < 0) {
        verdict->severity = SEVERITY_LOW;
    }
    verdict->service_weight = sqlite3_column_double(row, column + 1);
    verdict->breadth = sqlite3_column_double(row, column + 2);
    verdict->evidence = sqlite3_column_double(row, column + 3);
    verdict->need = sqlite3_column_double(row, column + 4);
    verdict->penalty = sqlite3_column_double(row, column + 5);
    finding_copy(row, column + 6, verdict->kind, sizeof(verdict->kind));
    finding_copy(row, column + 7, verdict->service, sizeof(verdict->service));
    finding_copy(row, column + 8, verdict->rule_id, sizeof(verdict->rule_id));
    finding_copy(row, column + 9, verdict->breadth_class, sizeof(verdict->breadth_class));
    finding_copy(row, column + 10, verdict->evidence_kind, sizeof(verdict->evidence_kind));
    finding_copy(row, column + 11, verdict->need_kind, sizeof(verdict->need_kind));
    finding_copy(row, column + 12, verdict->owner, sizeof(verdict->owner));
    finding_copy(row, column + 13, verdict->title, sizeof(verdict->title));
    finding_copy(row, column + 14, verdict->why, sizeof(verdict->why));
    finding_copy(row, column + 15, verdict->fix, sizeof(verdict->fix));
    finding_copy(row, column + 16, verdict->controls, sizeof(verdict->controls));
    verdict->verdict = verdict_kind_of(verdict->need_kind);
}

static int finding_read(struct store *store, sqlite3_stmt *row, struct stored_finding *ret_finding)
{
    struct stored_finding finding = {
        .id = sqlite3_column_int64(row, 0),
        .asset_id = sqlite3_column_int64(row, 1),
        .policy_id = sqlite3_column_int64(row, 2),
        .first_scan_id = sqlite3_column_int64(row, 3),
        .last_scan_id = sqlite3_column_int64(row, 4),
        .last_seen = sqlite3_column_int64(row, 5),
        .is_udp = strcmp(store_text(row, 6), "udp") == 0,
        .port = (uint16_t)sqlite3_column_int(row, 7),
    };

    if (presence_parse(store_text(row, 8), &finding.presence) < 0 ||
        disposition_parse(store_text(row, 9), &finding.disposition) < 0 ||
        sight_parse(store_text(row, 10), &finding.sight) < 0) {
        return store_fail(store, STORE_FAULT_CORRUPT, -EUCLEAN, "finding %lld is in no known state",
                          (long long)finding.id);
    }
    store_finding_read_verdict(row, 11, &finding.verdict);
    *ret_finding = finding;
    return 0;
}

static int finding_read_one(struct store *store, sqlite3_stmt *row, struct stored_finding *ret_finding)
{
    int rc = store_step(store, row);

    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    rc = finding_read(store, row, ret_finding);
    store_walked(row);
    return rc;
}

int store_finding_find(struct store *store, const char *fingerprint, struct stored_finding *ret_finding)
{
    sqlite3_stmt *row;
    int rc =
        store_query(store, &row, "SELECT " FINDING_COLUMNS " FROM finding WHERE fingerprint = ?", "t", fingerprint);

    return rc < 0 ? rc : finding_read_one(store, row, ret_finding);
}

int store_finding_get(struct store *store, int64_t id, struct stored_finding *ret_finding)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row, "SELECT " FINDING_COLUMNS " FROM finding WHERE id = ?", "i", id);

    return rc < 0 ? rc : finding_read_one(store, row, ret_finding);
}

int store_finding_next(struct store *store, int64_t asset_id, int64_t after_id, struct stored_finding *ret_finding)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT " FINDING_COLUMNS " FROM finding WHERE asset_id = ? AND id > ? ORDER BY id LIMIT 1",
                         "ii", asset_id, after_id);

    return rc < 0 ? rc : finding_read_one(store, row, ret_finding);
}

static int finding_compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static int finding_collect_ids(struct store *store, sqlite3_stmt *row, int64_t **ids, size_t *count)
{
    int rc;

    while ((rc = store_step(store, row)) == 1) {
        int64_t *grown = reallocarray(*ids, *count + 1, sizeof(**ids));
        if (grown == NULL) {
            store_walked(row);
            return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
        }
        *ids = grown;
        grown[(*count)++] = sqlite3_column_int64(row, 0);
    }
    return rc;
}

bool store_kind_is_claimed(const char *kind)
{
    char quoted[VERDICT_NAME_SIZE + 2];

    snprintf(quoted, sizeof(quoted), "'%.*s'", VERDICT_NAME_SIZE - 1, kind);
    return strstr(STORE_KINDS_CLAIMED, quoted) != NULL;
}

int store_findings_claimed(struct store *store, int64_t asset_id, int64_t **ret_ids, size_t *ret_count)
{
    sqlite3_stmt *row;
    int rc =
        store_query(store, &row,
                    "SELECT id FROM finding INDEXED BY finding_claimed WHERE asset_id = ? AND first_scan_id IS NULL"
                    " ORDER BY id",
                    "i", asset_id);

    *ret_ids = NULL;
    *ret_count = 0;
    rc = rc < 0 ? rc : finding_collect_ids(store, row, ret_ids, ret_count);
    if (rc < 0) {
        free(*ret_ids);
    }
    return rc;
}

int store_findings_of_port(struct store *store, const struct store_port *port, int64_t **ret_ids, size_t *ret_count)
{
    int64_t *ids = NULL;
    size_t count = 0;
    sqlite3_stmt *row;
    /* In the order of the index, of which nothing else is read; sorted here, for SQLite makes a sorter for any two. */
    int rc = store_query(store, &row,
                         "SELECT id FROM finding INDEXED BY finding_by_asset"
                         " WHERE asset_id = ? AND proto = ? AND port = ?"
                         " AND kind NOT IN (?, ?, " STORE_KINDS_CLAIMED ")",
                         "ititt", port->asset_id, port->is_udp ? "udp" : "tcp", (int64_t)port->port,
                         STORE_KIND_EPHEMERAL, STORE_KIND_EVERY_PORT);

    rc = rc < 0 ? rc : finding_collect_ids(store, row, &ids, &count);
    if (rc < 0) {
        free(ids);
        return rc;
    }
    if (count > 1) {
        qsort(ids, count, sizeof(*ids), finding_compare_ids);
    }
    *ret_ids = ids;
    *ret_count = count;
    return 0;
}

int store_finding_last_event(struct store *store, int64_t finding_id, int64_t *ret_event)
{
    return store_query_int(store, ret_event, "SELECT coalesce(max(id), 0) FROM finding_event WHERE finding_id = ?", "i",
                           finding_id);
}

int store_event_add(struct store *store, const struct store_event *event)
{
    if (event->scan_id == 0) {
        return store_run(store,
                         "INSERT INTO finding_event (finding_id, at, actor, what, was, became, reason, evidence)"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                         "iitttttt", event->finding_id, event->at_ms, event->actor, event->what, event->was,
                         event->became, event->reason, event->evidence);
    }
    return store_run(store,
                     "INSERT INTO finding_event (finding_id, at, actor, what, was, became, reason, evidence, scan_id)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     "iitttttti", event->finding_id, event->at_ms, event->actor, event->what, event->was, event->became,
                     event->reason, event->evidence, event->scan_id);
}

static int finding_insert_row(struct store *store, const struct store_finding_new *new_finding,
                              const struct verdict *verdict)
{
    char uuid[STORE_UUID_SIZE];

    store_uuid(uuid);
    return store_run(
        store,
        "INSERT INTO finding (uuid, fingerprint, asset_id, proto, port, kind, presence, severity, severity_rank,"
        " service, rule_id, policy_id, service_weight, breadth, breadth_class, evidence, evidence_kind, need,"
        " need_kind, penalty, title, why, fix, owner, first_seen, last_seen, changed_at, first_scan_id, last_scan_id,"
        " controls, verdict_hash)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'NEW', ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,"
        " ?21, ?22, ?23, ?24, ?24, ?24, nullif(?25, 0), nullif(?25, 0), ?26, ?27)",
        "ttitittittirrtrtrtrttttiiti", uuid, new_finding->fingerprint, new_finding->asset_id,
        new_finding->is_udp ? "udp" : "tcp", (int64_t)new_finding->port, verdict->kind,
        severity_name(verdict->severity), (int64_t)verdict->severity, verdict->service, verdict->rule_id,
        new_finding->policy_id, verdict->service_weight, verdict->breadth, verdict->breadth_class, verdict->evidence,
        verdict->evidence_kind, verdict->need, verdict->need_kind, verdict->penalty, verdict->title, verdict->why,
        verdict->fix, verdict->owner, new_finding->at_ms, new_finding->scan_id, verdict->controls,
        verdict_hash(verdict));
}

int store_finding_insert(struct store *store, const struct store_finding_new *new_finding,
                         const struct verdict *verdict, const char *evidence, struct stored_finding *ret_finding)
{
    struct stored_finding finding = {
        .asset_id = new_finding->asset_id,
        .policy_id = new_finding->policy_id,
        .first_scan_id = new_finding->scan_id,
        .last_scan_id = new_finding->scan_id,
        .last_seen = new_finding->at_ms,
        .is_udp = new_finding->is_udp,
        .port = new_finding->port,
        .presence = PRESENCE_NEW,
        .disposition = DISPOSITION_NONE,
        .sight = SIGHT_FRESH,
        .verdict = *verdict,
    };
    struct store_event event = {
        .scan_id = new_finding->scan_id,
        .at_ms = new_finding->at_ms,
        .actor = "auditd",
        .what = "presence",
        .was = "",
        .became = presence_name(PRESENCE_NEW),
        .reason = new_finding->scan_id == 0 ? "declared for the first time" : "seen open for the first time",
        .evidence = evidence,
    };
    int rc = finding_insert_row(store, new_finding, verdict);

    if (rc < 0) {
        return rc;
    }
    finding.id = store_last_id(store);
    event.finding_id = finding.id;
    rc = store_event_add(store, &event);
    if (rc == 0) {
        *ret_finding = finding;
    }
    return rc;
}

static int finding_log_move(struct store *store, const struct stored_finding *finding, const struct life_move *move,
                            const struct store_event *event)
{
    struct store_event logged = *event;

    logged.finding_id = finding->id;
    logged.what = move->what;
    logged.was = move->was;
    logged.became = move->became;
    return store_event_add(store, &logged);
}

int store_finding_presence(struct store *store, struct stored_finding *finding, enum presence to,
                           const struct store_event *event)
{
    struct life_move move;
    int rc = presence_move(&finding->presence, to, &move);

    if (rc <= 0) {
        return rc;
    }
    rc = store_run(store,
                   "UPDATE finding SET presence = ?1, changed_at = ?2, fixed_at = iif(?1 = 'FIXED', ?2, NULL)"
                   " WHERE id = ?3",
                   "tii", move.became, event->at_ms, finding->id);
    if (rc == 0) {
        rc = finding_log_move(store, finding, &move, event);
    }
    return rc < 0 ? rc : 1;
}

int store_finding_sight(struct store *store, struct stored_finding *finding, enum sight to,
                        const struct store_event *event)
{
    struct life_move move;
    int rc = sight_move(&finding->sight, to, &move);

    if (rc <= 0) {
        return rc;
    }
    rc = store_run(store, "UPDATE finding SET sight = ?, changed_at = ? WHERE id = ?", "tii", move.became, event->at_ms,
                   finding->id);
    if (rc == 0) {
        rc = finding_log_move(store, finding, &move, event);
    }
    return rc < 0 ? rc : 1;
}

int store_finding_disposition(struct store *store, struct stored_finding *finding, enum disposition to,
                              const struct store_event *event)
{
    struct life_move move;
    int rc = disposition_move(&finding->disposition, to, &move);

    if (rc <= 0) {
        return rc;
    }
    rc = store_run(store,
                   "UPDATE finding SET disposition = ?1, changed_at = ?2,"
                   " acknowledged_breadth = iif(?1 = 'ACKNOWLEDGED', breadth, NULL),"
                   " acknowledged_service = iif(?1 = 'ACKNOWLEDGED', service, NULL) WHERE id = ?3",
                   "tii", move.became, event->at_ms, finding->id);
    if (rc == 0) {
        rc = finding_log_move(store, finding, &move, event);
    }
    return rc < 0 ? rc : 1;
}

int store_finding_adoptable(struct store *store, const char *realm, int64_t after_id,
                            struct stored_finding *ret_finding)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT " FINDING_COLUMNS " FROM finding WHERE id > ?1 AND adopted_at IS NULL AND sight <>"
                         " 'RETIRED' AND presence IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED') AND (?2 IS NULL OR"
                         " asset_id IN (SELECT a.id FROM asset a JOIN realm r ON r.id = a.realm_id WHERE r.name = ?2))"
                         " ORDER BY id LIMIT 1",
                         "it", after_id, realm);

    return rc < 0 ? rc : finding_read_one(store, row, ret_finding);
}

int store_finding_adopt(struct store *store, const struct stored_finding *finding, const struct store_event *event)
{
    struct store_event logged = *event;
    int rc = store_run(store, "UPDATE finding SET adopted_at = ?1, changed_at = ?1 WHERE id = ?2", "ii", event->at_ms,
                       finding->id);

    logged.finding_id = finding->id;
    logged.what = "adopted";
    logged.was = "";
    logged.became = "adopted";
    return rc < 0 ? rc : store_event_add(store, &logged);
}

int store_finding_seen(struct store *store, int64_t finding_id, int64_t scan_id, int64_t at_ms)
{
    return store_run(store,
                     "UPDATE finding SET last_seen = max(last_seen, ?), last_scan_id = nullif(?, 0) WHERE id = ?",
                     "iii", at_ms, scan_id, finding_id);
}

int store_finding_vantage(struct store *store, int64_t finding_id, int64_t vantage_id, const char *vantage_class,
                          int64_t at_ms)
{
    int64_t since;
    int rc = store_query_int(store, &since,
                             "SELECT since FROM finding_vantage"
                             " WHERE finding_id = ? AND vantage_id = ? AND until IS NULL AND class = ?",
                             "iit", finding_id, vantage_id, vantage_class);

    if (rc != -ENOENT) {
        return rc;
    }
    rc = store_finding_vantage_end(store, finding_id, vantage_id, at_ms);
    if (rc < 0) {
        return rc;
    }
    return store_run(store,
                     "INSERT INTO finding_vantage (finding_id, vantage_id, class, since) VALUES (?, ?, ?, ?)"
                     " ON CONFLICT (finding_id, vantage_id, since) DO UPDATE SET class = excluded.class, until = NULL",
                     "iiti", finding_id, vantage_id, vantage_class, at_ms);
}

int store_finding_vantage_end(struct store *store, int64_t finding_id, int64_t vantage_id, int64_t at_ms)
{
    return store_run(store,
                     "UPDATE finding_vantage SET until = max(since, ?)"
                     " WHERE finding_id = ? AND vantage_id = ? AND until IS NULL",
                     "iii", at_ms, finding_id, vantage_id);
}

int store_finding_vantages_end(struct store *store, int64_t finding_id, int64_t at_ms)
{
    return store_run(store, "UPDATE finding_vantage SET until = max(since, ?) WHERE finding_id = ? AND until IS NULL",
                     "ii", at_ms, finding_id);
}

int store_finding_has_vantage(struct store *store, int64_t finding_id, int64_t vantage_id, bool *ret_has)
{
    int64_t count;
    int rc = store_query_int(store, &count,
                             "SELECT count(*) FROM finding_vantage"
                             " WHERE finding_id = ? AND vantage_id = ? AND until IS NULL",
                             "ii", finding_id, vantage_id);

    if (rc == 0) {
        *ret_has = count > 0;
    }
    return rc;
}

int store_finding_was_confirmed(struct store *store, int64_t finding_id, bool *ret_was)
{
    int64_t count;
    int rc = store_query_int(store, &count,
                             "SELECT count(*) FROM finding_event WHERE finding_id = ? AND what = 'presence'"
                             " AND became IN ('OPEN', 'REAPPEARED')",
                             "i", finding_id);

    if (rc == 0) {
        *ret_was = count > 0;
    }
    return rc;
}

int store_finding_unseen(struct store *store, int64_t finding_id, bool again, int64_t *ret_scans)
{
    int rc = store_run(store, "UPDATE finding SET unseen_scans = iif(?, unseen_scans + 1, 0) WHERE id = ?", "ii",
                       (int64_t)again, finding_id);

    return rc < 0 ? rc
                  : store_query_int(store, ret_scans, "SELECT unseen_scans FROM finding WHERE id = ?", "i", finding_id);
}
