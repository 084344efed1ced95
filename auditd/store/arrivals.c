#include "auditd/store/arrivals.h"

#include "auditd/store/sql.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* More gain nothing: what a statement costs by itself is spread thin by then. */
    STORE_ARRIVALS_MAX = 4096,
    STORE_ARRIVALS_ASSET_SLOTS = 8192,
};

struct store_arrival {
    int64_t id; /* of its row, chosen before there is one */
    int64_t asset_id;
    int64_t vantage_id;
    int64_t tries;
    int64_t answers;
    int64_t at_ms;
    int64_t scan_id;
    uint16_t port;
    bool is_udp;
    bool self;
    bool late; /* its endpoint has a row, or arrived twice: it takes the way of a single endpoint, after the others */
    char address[ADDR_TEXT_SIZE];
    char bound[ADDR_TEXT_SIZE];
    char reason[OBSERVATION_WORD_SIZE];
    char service[OBSERVATION_WORD_SIZE];
};

struct store_arrivals {
    struct store *store;
    size_t count;
    struct store_arrival items[STORE_ARRIVALS_MAX]; /* in the order in which they came */
    size_t sorted_count;
    struct store_arrival *sorted[STORE_ARRIVALS_MAX]; /* those that are not late, in the order of the index */
    bool assets[STORE_ARRIVALS_ASSET_SLOTS];
};

struct store_arrivals *store_arrivals_create(struct store *store)
{
    struct store_arrivals *arrivals = calloc(1, sizeof(*arrivals));

    if (arrivals != NULL) {
        arrivals->store = store;
    }
    return arrivals;
}

void store_arrivals_destroy(struct store_arrivals *arrivals)
{
    free(arrivals);
}

static void store_arrival_copy(char *buffer, size_t size, const char *text)
{
    size_t length = strlen(text);

    assert(length < size);
    memcpy(buffer, text, length + 1);
}

static size_t store_arrivals_slot(int64_t asset_id)
{
    return (uint64_t)asset_id % STORE_ARRIVALS_ASSET_SLOTS;
}

bool store_arrivals_may_hold(const struct store_arrivals *arrivals, int64_t asset_id)
{
    return arrivals->assets[store_arrivals_slot(asset_id)];
}

int store_arrivals_add(struct store_arrivals *arrivals, const struct store_endpoint_key *key,
                       const struct store_endpoint_seen *seen)
{
    struct store_arrival *item = &arrivals->items[arrivals->count];

    assert(seen->state == PORT_STATE_OPEN);
    item->asset_id = key->asset_id;
    item->vantage_id = key->vantage_id;
    item->tries = seen->tries;
    item->answers = seen->answers;
    item->at_ms = seen->at_ms;
    item->scan_id = seen->scan_id;
    item->port = key->port;
    item->is_udp = key->is_udp;
    item->self = seen->self;
    item->late = false;
    store_arrival_copy(item->address, sizeof(item->address), key->address);
    store_arrival_copy(item->bound, sizeof(item->bound), seen->bound);
    store_arrival_copy(item->reason, sizeof(item->reason), seen->reason);
    store_arrival_copy(item->service, sizeof(item->service), seen->service);
    arrivals->assets[store_arrivals_slot(key->asset_id)] = true;
    arrivals->count++;
    return arrivals->count == STORE_ARRIVALS_MAX ? store_arrivals_write(arrivals) : 0;
}

void store_arrivals_drop(struct store_arrivals *arrivals)
{
    if (arrivals->count > 0) {
        arrivals->count = 0;
        arrivals->sorted_count = 0;
        memset(arrivals->assets, 0, sizeof(arrivals->assets));
    }
}

/* ---- in the order of the index, each endpoint once ---- */

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* As the index of endpoint has it: neighbours in it lie on one page. */
static int compare_endpoints(const struct store_arrival *a, const struct store_arrival *b)
{
    int order = compare_numbers(a->asset_id, b->asset_id);

    order = order != 0 ? order : compare_numbers(a->is_udp, b->is_udp);
    order = order != 0 ? order : compare_numbers(a->port, b->port);
    order = order != 0 ? order : compare_numbers(a->vantage_id, b->vantage_id);
    return order != 0 ? order : strcmp(a->address, b->address);
}

static int compare_arrivals(const void *a, const void *b)
{
    const struct store_arrival *const *left = a;
    const struct store_arrival *const *right = b;
    int order = compare_endpoints(*left, *right);

    /* They stand in one array: the first to come is the first. */
    return order != 0 ? order : (*left > *right) - (*left < *right);
}

static void store_arrivals_leave_late(struct store_arrivals *arrivals)
{
    size_t kept = 0;

    for (size_t i = 0; i < arrivals->sorted_count; i++) {
        if (!arrivals->sorted[i]->late) {
            arrivals->sorted[kept++] = arrivals->sorted[i];
        }
    }
    arrivals->sorted_count = kept;
}

static void store_arrivals_sort(struct store_arrivals *arrivals)
{
    arrivals->sorted_count = arrivals->count;
    for (size_t i = 0; i < arrivals->count; i++) {
        arrivals->sorted[i] = &arrivals->items[i];
    }
    qsort(arrivals->sorted, arrivals->sorted_count, sizeof(*arrivals->sorted), compare_arrivals);
    for (size_t i = 1; i < arrivals->sorted_count; i++) {
        arrivals->sorted[i]->late = compare_endpoints(arrivals->sorted[i - 1], arrivals->sorted[i]) == 0;
    }
    store_arrivals_leave_late(arrivals);
}

/* ---- the batch as a table of SQLite's: a function of one argument, the pointer to it ---- */

/* The hidden last column is the argument. */
static const char arrivals_columns[] =
    "CREATE TABLE arrivals (position, id, asset_id, vantage_id, address, proto, port, reason, service, bound, self,"
    " tries, answers, at_ms, scan_id, batch HIDDEN)";

enum arrivals_column {
    ARRIVALS_POSITION,
    ARRIVALS_ID,
    ARRIVALS_ASSET_ID,
    ARRIVALS_VANTAGE_ID,
    ARRIVALS_ADDRESS,
    ARRIVALS_PROTO,
    ARRIVALS_PORT,
    ARRIVALS_REASON,
    ARRIVALS_SERVICE,
    ARRIVALS_BOUND,
    ARRIVALS_SELF,
    ARRIVALS_TRIES,
    ARRIVALS_ANSWERS,
    ARRIVALS_AT_MS,
    ARRIVALS_SCAN_ID,
    ARRIVALS_BATCH,
};

struct arrivals_cursor {
    sqlite3_vtab_cursor base;
    const struct store_arrivals *arrivals;
    size_t position;
};

/* The signature is SQLite's. NOLINTNEXTLINE(readability-function-size) */
static int arrivals_connect(sqlite3 *database, void *aux, int argc, const char *const *argv, sqlite3_vtab **ret_table,
                            char **ret_message)
{
    int sqlite_rc = sqlite3_declare_vtab(database, arrivals_columns);
    sqlite3_vtab *table;

    (void)aux;
    (void)argc;
    (void)argv;
    (void)ret_message;
    if (sqlite_rc != SQLITE_OK) {
        return sqlite_rc;
    }
    table = sqlite3_malloc(sizeof(*table));
    if (table == NULL) {
        return SQLITE_NOMEM;
    }
    *table = (sqlite3_vtab){0};
    *ret_table = table;
    return SQLITE_OK;
}

static int arrivals_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int arrivals_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].iColumn == ARRIVALS_BATCH && info->aConstraint[i].usable != 0 &&
            info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ) {
            info->aConstraintUsage[i].argvIndex = 1;
            info->aConstraintUsage[i].omit = 1;
            info->estimatedCost = STORE_ARRIVALS_MAX;
            info->estimatedRows = STORE_ARRIVALS_MAX;
            return SQLITE_OK;
        }
    }
    return SQLITE_CONSTRAINT;
}

static int arrivals_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
    struct arrivals_cursor *cursor = sqlite3_malloc(sizeof(*cursor));

    (void)table;
    if (cursor == NULL) {
        return SQLITE_NOMEM;
    }
    *cursor = (struct arrivals_cursor){0};
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int arrivals_close(sqlite3_vtab_cursor *base)
{
    sqlite3_free(base);
    return SQLITE_OK;
}

static int arrivals_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int argc, sqlite3_value **argv)
{
    struct arrivals_cursor *cursor = (struct arrivals_cursor *)base;

    (void)plan;
    (void)plan_text;
    assert(argc == 1);
    cursor->arrivals = sqlite3_value_pointer(argv[0], STORE_POINTER);
    cursor->position = 0;
    return cursor->arrivals == NULL ? SQLITE_MISUSE : SQLITE_OK;
}

static int arrivals_next(sqlite3_vtab_cursor *base)
{
    ((struct arrivals_cursor *)base)->position++;
    return SQLITE_OK;
}

static int arrivals_eof(sqlite3_vtab_cursor *base)
{
    const struct arrivals_cursor *cursor = (const struct arrivals_cursor *)base;

    return cursor->position >= cursor->arrivals->sorted_count;
}

static int arrivals_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret_rowid)
{
    *ret_rowid = (sqlite3_int64)((struct arrivals_cursor *)base)->position;
    return SQLITE_OK;
}

static int64_t arrivals_number(const struct arrivals_cursor *cursor, enum arrivals_column column)
{
    const struct store_arrival *item = cursor->arrivals->sorted[cursor->position];

    switch ((int)column) {
    case ARRIVALS_ID:
        return item->id;
    case ARRIVALS_ASSET_ID:
        return item->asset_id;
    case ARRIVALS_VANTAGE_ID:
        return item->vantage_id;
    case ARRIVALS_PORT:
        return item->port;
    case ARRIVALS_SELF:
        return item->self;
    case ARRIVALS_TRIES:
        return item->tries;
    case ARRIVALS_ANSWERS:
        return item->answers;
    case ARRIVALS_AT_MS:
        return item->at_ms;
    case ARRIVALS_SCAN_ID:
        return item->scan_id;
    default:
        return (int64_t)cursor->position;
    }
}

/* NULL: the column is a number. */
static const char *arrivals_text(const struct store_arrival *item, enum arrivals_column column)
{
    switch ((int)column) {
    case ARRIVALS_ADDRESS:
        return item->address;
    case ARRIVALS_PROTO:
        return item->is_udp ? "udp" : "tcp";
    case ARRIVALS_REASON:
        return item->reason;
    case ARRIVALS_SERVICE:
        return item->service;
    case ARRIVALS_BOUND:
        return item->bound;
    default:
        return NULL;
    }
}

static int arrivals_value(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    const struct arrivals_cursor *cursor = (const struct arrivals_cursor *)base;
    const char *text = arrivals_text(cursor->arrivals->sorted[cursor->position], (enum arrivals_column)column);

    if (text != NULL) {
        sqlite3_result_text(context, text, -1, SQLITE_STATIC);
    } else {
        sqlite3_result_int64(context, arrivals_number(cursor, (enum arrivals_column)column));
    }
    return SQLITE_OK;
}

int store_arrivals_register(sqlite3 *database)
{
    /* Without xCreate it is no table that a schema could name. */
    static const sqlite3_module module = {
        .xConnect = arrivals_connect,
        .xBestIndex = arrivals_best_index,
        .xDisconnect = arrivals_disconnect,
        .xOpen = arrivals_open,
        .xClose = arrivals_close,
        .xFilter = arrivals_filter,
        .xNext = arrivals_next,
        .xEof = arrivals_eof,
        .xColumn = arrivals_value,
        .xRowid = arrivals_rowid,
    };

    return sqlite3_create_module_v2(database, "leastport_arrivals", &module, NULL, NULL);
}

/* ---- into the store ---- */

/* One writer: the ids after the last are free until the transaction ends. */
static int store_arrivals_choose_ids(struct store_arrivals *arrivals)
{
    int64_t last;
    int rc = store_query_int(arrivals->store, &last, "SELECT max(id) FROM endpoint", "");

    for (size_t i = 0; rc == 0 && i < arrivals->sorted_count; i++) {
        arrivals->sorted[i]->id = last + 1 + (int64_t)i;
    }
    return rc;
}

/* Some have a row of their own already: those are late. */
static int store_arrivals_find_late(struct store_arrivals *arrivals)
{
    sqlite3_stmt *row;
    int rc = store_query(arrivals->store, &row,
                         "SELECT position FROM leastport_arrivals(?1) AS a"
                         " WHERE NOT EXISTS (SELECT 1 FROM endpoint WHERE id = a.id)",
                         "p", (void *)arrivals);

    while (rc == 0 && (rc = store_step(arrivals->store, row)) == 1) {
        arrivals->sorted[sqlite3_column_int64(row, 0)]->late = true;
        rc = 0;
    }
    store_arrivals_leave_late(arrivals);
    return rc;
}

/* FAIL and not the usual ABORT: to undo this statement alone SQLite would copy each page that it changes. An error here
 * ends the whole transaction. */
static int store_arrivals_insert(struct store_arrivals *arrivals)
{
    int rc = store_run(arrivals->store,
                       "INSERT OR FAIL INTO endpoint (id, asset_id, vantage_id, address, proto, port)"
                       " SELECT id, asset_id, vantage_id, address, proto, port FROM leastport_arrivals(?1)"
                       " WHERE true ON CONFLICT DO NOTHING",
                       "p", (void *)arrivals);

    if (rc == 0 && (uint64_t)store_changes(arrivals->store) < arrivals->sorted_count) {
        rc = store_arrivals_find_late(arrivals);
    }
    if (rc < 0) {
        return rc;
    }
    return store_run(arrivals->store,
                     "INSERT OR FAIL INTO endpoint_state (endpoint_id, state, reason, service, bound, self, tries,"
                     " answers, first_seen, last_seen, first_scan_id, last_scan_id)"
                     " SELECT id, 'open', reason, service, bound, self, tries, answers, at_ms, at_ms, scan_id, scan_id"
                     " FROM leastport_arrivals(?1)",
                     "p", (void *)arrivals);
}

static int store_arrivals_insert_late(struct store_arrivals *arrivals)
{
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < arrivals->count; i++) {
        const struct store_arrival *item = &arrivals->items[i];
        const struct store_endpoint_key key = {
            .asset_id = item->asset_id,
            .vantage_id = item->vantage_id,
            .address = item->address,
            .is_udp = item->is_udp,
            .port = item->port,
        };
        const struct store_endpoint_seen seen = {
            .state = PORT_STATE_OPEN,
            .reason = item->reason,
            .service = item->service,
            .bound = item->bound,
            .self = item->self,
            .tries = item->tries,
            .answers = item->answers,
            .at_ms = item->at_ms,
            .scan_id = item->scan_id,
        };
        rc = item->late ? store_endpoint_seen(arrivals->store, &key, &seen) : 0;
    }
    return rc < 0 ? rc : 0;
}

int store_arrivals_write(struct store_arrivals *arrivals)
{
    int rc;

    if (arrivals->count == 0) {
        return 0;
    }
    store_arrivals_sort(arrivals);
    rc = store_arrivals_choose_ids(arrivals);
    if (rc == 0) {
        rc = store_arrivals_insert(arrivals);
    }
    if (rc == 0) {
        rc = store_arrivals_insert_late(arrivals);
    }
    store_arrivals_drop(arrivals);
    return rc;
}
