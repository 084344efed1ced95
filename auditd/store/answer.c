#include "auditd/store/answer.h"

#include "auditd/store/sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Another value of these is no change that anybody would look for in a year (some banners say the time of day): it
 * takes the place of the old one. */
static const char *const passing[] = {"banner", "http.body_sha256", "http.via"};

static bool is_passing(const char *name)
{
    for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++) {
        if (strcmp(passing[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int facts_add(struct store_facts *facts, const char *name, const char *value)
{
    struct store_fact *items = realloc(facts->items, (facts->count + 1) * sizeof(*items));
    char *name_copy = strdup(name);
    char *value_copy = strdup(value);

    facts->items = items != NULL ? items : facts->items;
    if (items == NULL || name_copy == NULL || value_copy == NULL) {
        free(name_copy);
        free(value_copy);
        return -ENOMEM;
    }
    items[facts->count++] = (struct store_fact){name_copy, value_copy};
    return 0;
}

void store_facts_done(struct store_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        union {
            const char *borrowed;
            char *owned;
        } name = {.borrowed = facts->items[i].name}, value = {.borrowed = facts->items[i].value};
        free(name.owned);
        free(value.owned);
    }
    free(facts->items);
    *facts = (struct store_facts){0};
}

const char *store_facts_get(const struct store_facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (strcmp(facts->items[i].name, name) == 0) {
            return facts->items[i].value;
        }
    }
    return NULL;
}

int store_answer_facts(struct store *store, int64_t endpoint_id, struct store_facts *ret_facts)
{
    struct store_facts facts = {0};
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT name, value FROM endpoint_fact WHERE endpoint_id = ? AND ended_at IS NULL"
                         " ORDER BY name",
                         "i", endpoint_id);

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = facts_add(&facts, store_text(row, 0), store_text(row, 1));
        if (rc < 0) {
            store_walked(row);
            rc = store_fail(store, STORE_FAULT_OTHER, rc, "out of memory");
        }
    }
    if (rc < 0) {
        store_facts_done(&facts);
        return rc;
    }
    *ret_facts = facts;
    return 0;
}

/* So many endpoints, whatever their realm, are read of a page. */
enum { PAGES_MAX = 256 };

static int pages_count(struct store *store, const char *sha256, int64_t *ret_count)
{
    return store_query_int(store, ret_count,
                           "SELECT count(*) FROM (SELECT 1 FROM endpoint_fact WHERE name = 'http.body_sha256'"
                           " AND value = ?1 AND ended_at IS NULL LIMIT ?2)",
                           "ti", sha256, (int64_t)PAGES_MAX + 1);
}

static int pages_read(struct store *store, int64_t realm_id, const char *sha256, struct store_port *pages,
                      size_t *ret_count)
{
    sqlite3_stmt *row;
    size_t count = 0;
    int rc = store_query(store, &row,
                         "SELECT DISTINCT e.asset_id, e.proto = 'udp', e.port FROM endpoint_fact f"
                         " JOIN endpoint e ON e.id = f.endpoint_id"
                         " JOIN asset a ON a.id = e.asset_id AND a.realm_id = ?1 AND a.ended_at IS NULL"
                         " JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL AND s.state = 'open'"
                         " WHERE f.name = 'http.body_sha256' AND f.value = ?2 AND f.ended_at IS NULL ORDER BY 1, 2, 3",
                         "it", realm_id, sha256);

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = 0;
        pages[count++] = (struct store_port){.asset_id = sqlite3_column_int64(row, 0),
                                             .is_udp = sqlite3_column_int64(row, 1) != 0,
                                             .port = (uint16_t)sqlite3_column_int64(row, 2)};
    }
    *ret_count = count;
    return rc;
}

int store_answer_pages(struct store *store, int64_t realm_id, const char *sha256, struct store_port **ret_pages,
                       size_t *ret_count)
{
    struct store_port *pages = calloc(PAGES_MAX, sizeof(*pages));
    size_t count = 0;
    int64_t all = 0;
    int rc;

    if (pages == NULL) {
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    rc = pages_count(store, sha256, &all);
    if (rc == 0 && all <= PAGES_MAX) {
        rc = pages_read(store, realm_id, sha256, pages, &count);
    }
    if (rc < 0) {
        free(pages);
        return rc;
    }
    *ret_pages = pages;
    *ret_count = count;
    return 0;
}

int store_answer_is_every_port(struct store *store, int64_t asset_id, int64_t vantage_id, bool *ret_is)
{
    int64_t is = 0;
    int rc =
        store_query_int(store, &is,
                        "SELECT EXISTS (SELECT 1 FROM endpoint_fact f JOIN endpoint e ON e.id = f.endpoint_id"
                        " JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL AND s.state = 'open'"
                        " WHERE f.name = 'behaviour' AND f.value = 'every-port' AND f.ended_at IS NULL"
                        " AND (?1 = 0 OR e.asset_id = ?1) AND (?2 = 0 OR e.vantage_id = ?2))",
                        "ii", asset_id, vantage_id);

    if (rc == 0) {
        *ret_is = is != 0;
    }
    return rc;
}

static int fact_end(struct store *store, int64_t endpoint_id, const char *name, int64_t at_ms)
{
    return store_run(store,
                     "UPDATE endpoint_fact SET ended_at = max(since, ?) WHERE endpoint_id = ? AND name = ?"
                     " AND ended_at IS NULL",
                     "iit", at_ms, endpoint_id, name);
}

static int fact_begin(struct store *store, int64_t endpoint_id, const struct store_fact *fact,
                      const struct store_answer *answer)
{
    return store_run(store,
                     "INSERT INTO endpoint_fact (endpoint_id, name, value, since, scan_id)"
                     " SELECT ?1, ?2, ?3, max(?4, coalesce(max(ended_at), ?4)), ?5 FROM endpoint_fact"
                     " WHERE endpoint_id = ?1 AND name = ?2",
                     "ittii", endpoint_id, fact->name, fact->value, answer->at_ms, answer->scan_id);
}

/* An answer on its way into the store. */
struct change {
    struct store *store;
    int64_t endpoint_id;
    const struct store_answer *answer;
    bool made; /* something is worth a history */
};

/* `was` NULL: it was not known. */
static int fact_move(struct change *change, const struct store_fact *fact, const char *was)
{
    int rc = 0;

    if (was != NULL && strcmp(was, fact->value) == 0) {
        return 0;
    }
    if (was != NULL && is_passing(fact->name)) {
        return store_run(change->store,
                         "UPDATE endpoint_fact SET value = ? WHERE endpoint_id = ? AND name = ? AND ended_at IS NULL",
                         "tit", fact->value, change->endpoint_id, fact->name);
    }
    change->made = true;
    if (was != NULL) {
        rc = fact_end(change->store, change->endpoint_id, fact->name, change->answer->at_ms);
    }
    return rc < 0 ? rc : fact_begin(change->store, change->endpoint_id, fact, change->answer);
}

/* Both lists ascend by name. */
static int facts_change(struct change *change, const struct store_facts *known)
{
    const struct store_answer *answer = change->answer;
    size_t old = 0;
    size_t new = 0;
    int rc = 0;

    while (rc == 0 && (old < known->count || new < answer->fact_count)) {
        int order = old == known->count         ? 1
                    : new == answer->fact_count ? -1
                                                : strcmp(known->items[old].name, answer->facts[new].name);
        if (order < 0) {
            change->made = true;
            rc = fact_end(change->store, change->endpoint_id, known->items[old].name, answer->at_ms);
        } else {
            rc = fact_move(change, &answer->facts[new], order == 0 ? known->items[old].value : NULL);
        }
        old += order <= 0;
        new += order >= 0;
    }
    return rc;
}

static int certificate_find(struct store *store, const struct store_answer *answer, int64_t *ret_id)
{
    const char *sha256 = NULL;
    int rc;

    *ret_id = 0;
    for (size_t i = 0; i < answer->fact_count; i++) {
        sha256 = strcmp(answer->facts[i].name, "cert.sha256") == 0 ? answer->facts[i].value : sha256;
    }
    if (sha256 == NULL) {
        return 0;
    }
    rc = store_query_int(store, ret_id, "SELECT id FROM certificate WHERE sha256 = ?", "t", sha256);
    return rc == -ENOENT ? 0 : rc;
}

static int answer_write(struct store *store, int64_t endpoint_id, const struct store_answer *answer, bool changed)
{
    int64_t certificate;
    int rc = certificate_find(store, answer, &certificate);

    if (rc < 0) {
        return rc;
    }
    if (!changed) {
        rc = store_run(store,
                       "UPDATE endpoint_answer SET last_seen = max(last_seen, ?1), last_scan_id = ?2,"
                       " certificate_id = nullif(?3, 0) WHERE endpoint_id = ?4",
                       "iiii", answer->at_ms, answer->scan_id, certificate, endpoint_id);
        if (rc < 0 || store_changes(store) > 0) {
            return rc;
        }
    }
    return store_run(store,
                     "INSERT INTO endpoint_answer (endpoint_id, evidence, certificate_id, first_seen, last_seen,"
                     " changed_at, last_scan_id) VALUES (?1, ?2, nullif(?3, 0), ?4, ?4, ?4, ?5)"
                     " ON CONFLICT (endpoint_id) DO UPDATE SET evidence = ?2, certificate_id = nullif(?3, 0),"
                     " last_seen = max(last_seen, ?4), changed_at = max(changed_at, ?4), last_scan_id = ?5",
                     "itiii", endpoint_id, answer->evidence, certificate, answer->at_ms, answer->scan_id);
}

static bool says_nothing(const struct store_answer *answer)
{
    return answer->fact_count == 1 && strcmp(answer->facts[0].name, "behaviour") == 0 &&
           strcmp(answer->facts[0].value, "every-port") != 0;
}

static int is_believed_still(const struct change *change, const struct store_facts *known, bool *ret_is)
{
    int64_t last_seen = 0;
    int rc;

    *ret_is = false;
    if (!says_nothing(change->answer) || store_facts_get(known, "service") == NULL) {
        return 0;
    }
    rc = store_query_int(change->store, &last_seen, "SELECT last_seen FROM endpoint_answer WHERE endpoint_id = ?", "i",
                         change->endpoint_id);
    *ret_is = rc == 0 && change->answer->at_ms - last_seen < STORE_ANSWER_PATIENCE_MS;
    return rc == -ENOENT ? 0 : rc;
}

int store_answer_put(struct store *store, const struct store_endpoint_key *key, const struct store_answer *answer)
{
    struct change change = {.store = store, .answer = answer};
    struct store_facts known = {0};
    bool still = false;
    int rc = store_endpoint_find(store, key, &change.endpoint_id);

    if (rc == 0) {
        rc = store_answer_facts(store, change.endpoint_id, &known);
    }
    if (rc < 0) {
        return rc;
    }
    rc = is_believed_still(&change, &known, &still);
    if (rc == 0 && !still) {
        rc = facts_change(&change, &known);
    }
    store_facts_done(&known);
    return rc < 0 || still ? rc : answer_write(store, change.endpoint_id, answer, change.made);
}

int store_certificate_put(struct store *store, const struct store_certificate *certificate)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "INSERT INTO certificate (sha256, der, subject, issuer, names, not_before, not_after, key,"
                         " key_bits, signature, first_seen)"
                         " VALUES (?1, ?11, ?2, ?3, ?4, nullif(?5, ?12), nullif(?6, ?12), ?7, nullif(?8, 0), ?9, ?10)"
                         " ON CONFLICT (sha256) DO NOTHING",
                         "ttttiititini", certificate->sha256, certificate->subject, certificate->issuer,
                         certificate->names, certificate->not_before, certificate->not_after, certificate->key,
                         certificate->key_bits, certificate->signature, certificate->at_ms, INT64_MIN);

    if (rc < 0) {
        return rc;
    }
    rc = sqlite3_bind_blob64(row, 11, certificate->der, certificate->der_size, SQLITE_STATIC);
    if (rc != SQLITE_OK) {
        store_walked(row);
        return store_fail_sqlite(store, rc);
    }
    return store_step(store, row);
}
