#include "auditd/finding/settle.h"

#include "auditd/finding/claim.h"
#include "auditd/finding/disposition.h"
#include "auditd/finding/hold.h"
#include "auditd/finding/settle_port.h"
#include "auditd/policy/policy.h"
#include "auditd/policy/rule.h"
#include "auditd/policy/verdict_memo.h"
#include "auditd/store/sql.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An answer to another vantage shows the asset running only when it is about as fresh as this scan. */
static const int64_t settle_running_window_ms = INT64_C(3600) * 1000;

struct settle_options settle_options_default(void)
{
    return (struct settle_options){
        .judge = judge_exposure, .now_ms = wall_now_ms(), .max_age_ms = INT64_C(7) * 24 * 3600 * 1000};
}

static void settle_forget_asset(struct settle_asset *asset)
{
    settle_fold_done(&asset->fold);
    store_known_done(&asset->known);
    lookers_destroy(asset->lookers);
    asset->lookers = NULL;
    declared_destroy(asset->declared);
    asset->declared = NULL;
    free(asset->memo);
    asset->memo = NULL;
    asset->id = 0;
}

/* After the last port of an asset. */
static int settle_end_asset(const struct settle_scan *scan, struct settle_asset *asset)
{
    int rc = asset->id == 0 ? 0 : settle_fold(scan, asset);

    if (rc == 0 && asset->id != 0) {
        rc = settle_every(scan, asset);
    }

    settle_forget_asset(asset);
    return rc;
}

static int settle_load_asset(const struct settle_scan *scan, int64_t asset_id, struct settle_asset *asset)
{
    int rc;

    if (asset->id == asset_id) {
        return 0;
    }
    rc = settle_end_asset(scan, asset);
    if (rc < 0) {
        return rc;
    }
    rc = store_asset_known(scan->store, asset_id, &asset->known);
    if (rc == 0) {
        const struct store_window window = {
            .since_ms = scan->scan.started_at - settle_running_window_ms,
            .until_ms = (scan->scan.ended_at > scan->scan.started_at ? scan->scan.ended_at : scan->scan.started_at) +
                        settle_running_window_ms,
        };
        rc = store_asset_running(scan->store, asset_id, scan->scan.id, &window, &asset->running);
    }
    if (rc == 0) {
        rc = settle_every_load(scan, asset_id, &asset->every);
    }
    if (rc == 0 && scan->asks_outside) {
        rc = lookers_load(scan->store, asset_id, scan->options->now_ms - scan->options->max_age_ms, &asset->lookers);
    }
    if (rc == 0 && scan->asks_declared) {
        rc = declared_load(scan->store, asset_id, &asset->declared);
    }
    if (rc == 0) {
        asset->memo = malloc(scan->group_count + 1);
        rc = asset->memo == NULL ? -ENOMEM : 0;
    }
    if (rc == 0) {
        memset(asset->memo, HOST_MEMO_UNKNOWN, scan->group_count + 1);
        asset->id = asset_id;
    }
    return rc;
}

/* Whether the scan looked at an endpoint of the asset, or was to. */
static int settle_concerns_endpoint(const struct settle_scan *scan, sqlite3_stmt *row)
{
    struct addr address;

    return sqlite3_column_int64(row, 3) == scan->scan.id ||
           (addr_parse(store_text(row, 0), &address) == 0 &&
            scan_plan_has_endpoint(scan->plan, &address, store_text(row, 1)[0] == 'u',
                                   (uint16_t)sqlite3_column_int(row, 2)));
}

/* A scan of a few hosts has nothing to say of the others in its place. What stands for ports of a host at port 0 is
 * looked at after each scan. */
static int settle_concerns(const struct settle_scan *scan, int64_t asset_id, bool *ret_concerns)
{
    int64_t count = 0;
    sqlite3_stmt *row;
    int rc = store_query(scan->store, &row,
                         "SELECT e.address, e.proto, e.port, s.last_scan_id FROM endpoint e LEFT JOIN endpoint_state s"
                         " ON s.endpoint_id = e.id AND s.ended_at IS NULL WHERE e.vantage_id = ? AND e.asset_id = ?",
                         "ii", scan->scan.vantage_id, asset_id);

    *ret_concerns = false;
    while (rc == 0 && (rc = store_step(scan->store, row)) == 1) {
        rc = 0;
        if (settle_concerns_endpoint(scan, row)) {
            store_walked(row);
            *ret_concerns = true;
            return 0;
        }
    }
    if (rc == 0) {
        rc = store_query_int(scan->store, &count,
                             "SELECT count(*) FROM finding WHERE asset_id = ? AND proto = 'tcp' AND port = 0", "i",
                             asset_id);
    }
    *ret_concerns = count > 0;
    return rc;
}

static int settle_one(const struct settle_scan *scan, struct settle_asset *asset, struct store_port *port)
{
    bool concerns = true;
    int rc = asset->id == port->asset_id ? 0 : settle_concerns(scan, port->asset_id, &concerns);

    if (rc == 0 && !concerns) {
        /* On to the next asset. */
        port->is_udp = true;
        port->port = UINT16_MAX;
        return 0;
    }
    rc = rc == 0 ? settle_load_asset(scan, port->asset_id, asset) : rc;
    return rc == 0 ? settle_port(scan, asset, port) : rc;
}

static int settle_ports(const struct settle_scan *scan)
{
    struct settle_asset asset = {0};
    struct store_port port;
    const struct store_port *after = NULL;
    int rc = 0;

    while (rc == 0) {
        rc = store_port_next(scan->store, scan->scan.realm_id, scan->scan.vantage_id, after, &port);
        if (rc == -ENOENT) {
            rc = 0;
            break;
        }
        rc = rc == 0 ? settle_one(scan, &asset, &port) : rc;
        after = &port;
    }
    if (rc == 0) {
        return settle_end_asset(scan, &asset);
    }
    settle_forget_asset(&asset);
    return rc;
}

static int settle_load_plan(struct settle_scan *scan, struct scan_plan **ret_plan)
{
    char reason[256];
    char *text;
    char *hash;
    json_t *json;
    int rc = store_scan_plan(scan->store, scan->scan.id, &text, &hash);

    if (rc < 0) {
        return rc;
    }
    json = json_loads(text, 0, NULL);
    rc = json == NULL ? -EBADMSG : scan_plan_create(json, ret_plan, reason);
    if (rc == -EBADMSG) {
        rc = store_fail(scan->store, STORE_FAULT_CORRUPT, -EUCLEAN, "the stored plan of scan %s cannot be read: %s",
                        scan->scan.uuid, json == NULL ? "it is no JSON" : reason);
    }
    scan->asks = json_object_get(json, "services") != NULL;
    json_decref(json);
    free(text);
    free(hash);
    return rc;
}

/* What a cloud declares of the hosts, now that somebody looked; of those, too, of which no port was ever open. */
static int settle_claims(const struct settle_scan *scan)
{
    const struct claim_options options = {
        .policy = scan->options->policy,
        .policy_id = scan->options->policy_id,
        .now_ms = scan->options->now_ms,
        .max_age_ms = scan->options->max_age_ms,
        .actor = "auditd",
        .reason = "a scan looked",
        .scan_id = scan->scan.id,
    };
    int rc = scan->options->policy == NULL ? 0 : claim_every(scan->store, &options);

    if (rc > 0) {
        scan->result->moved += (uint64_t)rc;
    }
    return rc < 0 ? rc : 0;
}

/* The policy's own judge says the same of many ports. */
static int settle_remember(struct settle_scan *scan)
{
    if (scan->options->judge != judge_exposure || scan->options->policy == NULL) {
        return 0;
    }
    scan->verdicts = verdict_memo_create(scan->options->policy);
    return scan->verdicts == NULL ? -ENOMEM : 0;
}

static int settle_within(struct settle_scan *scan)
{
    const struct policy *policy = scan->options->policy;
    struct standings standings = {0};
    struct scan_plan *plan;
    char *realm;
    int rc;

    if (policy != NULL) {
        scan->group_count = policy_rules(policy)->group_count;
        scan->asks_outside = policy_rules(policy)->asks_outside;
        scan->asks_declared = policy_rules(policy)->asks_declared;
    }
    rc = settle_load_plan(scan, &plan);

    if (rc < 0) {
        return rc;
    }
    scan->plan = plan;
    scan->standings = &standings;
    rc = settle_remember(scan);
    if (rc == 0) {
        rc = standings_load(scan->store, scan->group_count, &standings);
    }
    if (rc == 0) {
        rc = store_realm_name(scan->store, scan->scan.realm_id, &realm);
    }
    if (rc == 0) {
        scan->realm = realm;
        rc = hold_judge(scan, &scan->is_held);
        rc = rc == 0 ? settle_ports(scan) : rc;
        rc = rc == 0 ? settle_claims(scan) : rc;
        free(realm);
    }
    if (rc == 0) {
        rc = disposition_enforce(scan->store, scan->options->now_ms, scan->scan.id, &scan->result->moved);
    }
    if (rc == 0) {
        rc = store_scan_judged(scan->store, scan->scan.id, scan->options->policy_id, scan->options->now_ms);
    }
    scan->standings = NULL;
    standings_done(&standings);
    verdict_memo_destroy(scan->verdicts);
    scan->verdicts = NULL;
    scan_plan_destroy(plan);
    return rc;
}

int settle_scan(struct store *store, const char *scan_uuid, const struct settle_options *options,
                struct settle_result *ret_result)
{
    struct settle_result result = {0};
    struct settle_scan scan = {.store = store, .options = options, .result = &result};
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    rc = store_scan_find(store, scan_uuid, &scan.scan);
    if (rc == 0 && strcmp(scan.scan.state, "running") == 0) {
        rc = -EBUSY;
    }
    if (rc == 0 && scan.scan.judged_at == 0) {
        rc = settle_within(&scan);
    }
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    rc = store_commit(store);
    if (rc == 0) {
        *ret_result = result;
    }
    return rc;
}

int settle_pending(struct store *store, const struct settle_options *options, uint64_t *ret_count)
{
    struct settle_result result;
    char uuid[STORE_UUID_SIZE];
    uint64_t count = 0;
    int rc;

    while ((rc = store_scan_unjudged(store, uuid)) == 0) {
        rc = settle_scan(store, uuid, options, &result);
        if (rc < 0) {
            return rc;
        }
        count++;
    }
    if (rc != -ENOENT) {
        return rc;
    }
    *ret_count = count;
    return 0;
}
