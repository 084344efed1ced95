#include "auditd/finding/settle_declared.h"

#include "auditd/policy/policy.h"
#include "auditd/store/cloud_verdict.h"
#include "auditd/store/sql.h"
#include "lib/portset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { IANA_TCP = 6, IANA_UDP = 17 };

static bool is_at(const struct store_cloud_verdict *row, const char *address)
{
    return strcmp(row->address, address) == 0 || strcmp(row->public_address, address) == 0;
}

/* Of the address that it was seen at, where the cloud knows that one; else of all that the host has. */
static bool names_address(const struct store_cloud_verdicts *rows, const char *address)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (is_at(&rows->items[i], address)) {
            return true;
        }
    }
    return false;
}

static void declared_take(const struct store_cloud_verdict *row, struct cloud_declared *declared)
{
    declared->verdict = reach_verdict_parse(row->verdict);
    declared->share = row->share;
    snprintf(declared->record, sizeof(declared->record), "%.*s", (int)sizeof(declared->record) - 1, row->record);
    snprintf(declared->words, sizeof(declared->words), "%s", row->reason);
}

/* The widest way; directly, where that is as wide. */
static bool declared_fold(const struct store_cloud_verdicts *rows, const char *address, struct cloud_declared *declared)
{
    bool by_address = names_address(rows, address);
    bool around = false;
    bool any = false;

    for (size_t i = 0; i < rows->count; i++) {
        const struct store_cloud_verdict *row = &rows->items[i];
        enum reach_verdict verdict = reach_verdict_parse(row->verdict);
        bool direct = row->way[0] == '\0';
        if (by_address && !is_at(row, address)) {
            continue;
        }
        if (!any || verdict > declared->verdict || (direct && verdict == declared->verdict)) {
            declared_take(row, declared);
        }
        if (!direct && (verdict == REACH_REACHABLE || verdict == REACH_CONDITIONAL)) {
            snprintf(declared->way, sizeof(declared->way), "by %.120s", row->way);
        }
        around = around || (direct && (verdict == REACH_REACHABLE || verdict == REACH_CONDITIONAL));
        any = true;
    }
    declared->is_bypass = around && declared->way[0] != '\0';
    return any;
}

/* What the policy would say, were it seen open from the world. */
static void judge_world(const struct settle_view *view, const struct exposure *exposure, struct verdict *ret_verdict)
{
    struct exposure world = *exposure;

    world.sights = NULL;
    world.sight_count = 0;
    world.vantage_class = VANTAGE_WORLD;
    world.vantage = "the cloud's rules";
    world.from = NULL;
    world.bound = NULL;
    judge_exposure(view->scan->options->policy, &world, ret_verdict);
}

/* Whether a vantage of the world asked at the port lately. A host that is open elsewhere is up: where it gave such a
 * vantage no answer at all, that is no answer of the port, too. */
static int load_world_looked(const struct settle_view *view, bool *ret_looked)
{
    struct store *store = view->scan->store;
    struct portset ports;
    size_t offset;
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT c.ports FROM coverage c JOIN vantage v ON v.id = c.vantage_id AND v.declared_class ="
                         " 'world' WHERE c.asset_id = ?1 AND c.proto = ?2 AND c.planned_at >= ?3 AND (c.judged_at >= ?3"
                         " OR c.silent <> '')",
                         "iti", view->port->asset_id, view->port->is_udp ? "udp" : "tcp",
                         view->scan->options->now_ms - view->scan->options->max_age_ms);

    *ret_looked = false;
    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = 0;
        if (portset_parse(store_text(row, 0), &ports, &offset) < 0) {
            store_walked(row);
            return store_fail(store, STORE_FAULT_CORRUPT, -EUCLEAN, "a row of coverage is no list of ports");
        }
        *ret_looked = *ret_looked || portset_has(&ports, view->port->port);
    }
    return rc;
}

typedef int (*declared_rows)(struct store *store, const struct store_cloud_verdict_seen *seen,
                             struct store_cloud_verdicts *verdicts);

static int cloud_load(struct store *store, const struct store_cloud_verdict_seen *seen, declared_rows read,
                      struct cloud_declared *declared, bool *ret_any)
{
    struct store_cloud_verdicts rows = {0};
    int rc = read(store, seen, &rows);

    *ret_any = rc == 0 && declared_fold(&rows, seen->address, declared);
    store_cloud_verdicts_done(&rows);
    return rc;
}

int settle_declared(const struct settle_view *view, const struct settle_exposed *exposed,
                    struct cloud_declared *ret_declared)
{
    const struct store_cloud_verdict_seen seen = {
        .asset_id = view->port->asset_id,
        .address = exposed->address,
        .protocol = view->port->is_udp ? IANA_UDP : IANA_TCP,
        .port = view->port->port,
    };
    bool any = false;
    int rc = 0;

    memset(ret_declared, 0, sizeof(*ret_declared));
    if (view->scan->options->policy == NULL) {
        return 0;
    }
    rc = cloud_load(view->scan->store, &seen, store_cloud_verdicts_seen, ret_declared, &any);
    if (rc == 0 && any && ret_declared->verdict == REACH_UNKNOWN) {
        struct cloud_declared before = {0};
        rc = cloud_load(view->scan->store, &seen, store_cloud_verdicts_last_known, &before, &any);
        *ret_declared = any ? before : *ret_declared;
        any = true;
    }
    if (rc < 0 || !any) {
        return rc;
    }
    judge_world(view, &exposed->exposure, &ret_declared->world);
    rc = load_world_looked(view, &ret_declared->world_looked);
    return rc < 0 ? rc : 1;
}
