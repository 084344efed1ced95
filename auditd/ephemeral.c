#include "auditd/ephemeral.h"

#include "auditd/scan_plan.h"
#include "auditd/store/asset.h"
#include "auditd/store/finding.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of so many earlier scans the plans are read at most, to find one that missed a host. */
enum { EPHEMERAL_NONE = -1, EPHEMERAL_PLANS_MAX = 16 };

struct ephemeral {
    struct store *store;
    const struct config *config;
    const char *realm;
    struct stored_scan scan;
    int64_t now_ms;
    bool *populated; /* of each range: the scan saw somebody up in it */
    int retired;
};

/* An asset as the scan found it at one of its addresses. */
struct ephemeral_look {
    int64_t id; /* of the interval */
    int64_t asset_id;
    bool is_up;
    bool is_marked;
    bool is_retired;
    int64_t at_ms;
    struct addr address;
};

/* -ENOENT after the last. One of a zone that is no more is passed over. */
static int ephemeral_next(const struct ephemeral *this, struct ephemeral_look *look)
{
    sqlite3_stmt *row;
    int rc;

    for (;;) {
        bool is_address;
        rc = store_query(
            this->store, &row,
            "SELECT t.id, t.asset_id, t.state = 'up', a.ephemeral, t.last_seen, t.address, a.retired_at IS NOT"
            " NULL FROM asset_state"
            " t JOIN asset a ON a.id = t.asset_id WHERE t.id > ?1 AND t.last_scan_id = ?2 AND t.vantage_id"
            " = ?3 AND t.ended_at IS NULL AND a.ended_at IS NULL AND EXISTS (SELECT 1 FROM asset_identity"
            " i WHERE i.asset_id = a.id AND i.kind = 'address' AND i.value = t.address AND i.valid_to IS"
            " NULL) ORDER BY t.id LIMIT 1",
            "iii", look->id, this->scan.id, this->scan.vantage_id);
        rc = rc < 0 ? rc : store_step(this->store, row);
        if (rc <= 0) {
            return rc < 0 ? rc : -ENOENT;
        }
        look->id = sqlite3_column_int64(row, 0);
        look->asset_id = sqlite3_column_int64(row, 1);
        look->is_up = sqlite3_column_int(row, 2) != 0;
        look->is_marked = sqlite3_column_int(row, 3) != 0;
        look->at_ms = sqlite3_column_int64(row, 4);
        look->is_retired = sqlite3_column_int(row, 6) != 0;
        is_address = addr_parse(store_text(row, 5), &look->address) == 0;
        store_walked(row);
        if (is_address) {
            return 0;
        }
    }
}

/* The narrowest that holds it. */
static int ephemeral_range(const struct ephemeral *this, const struct addr *address)
{
    int found = EPHEMERAL_NONE;

    for (size_t i = 0; i < this->config->ephemeral_count; i++) {
        const struct config_ephemeral *range = &this->config->ephemeral[i];
        const char *realm = range->realm != NULL ? range->realm : this->config->realm;
        if (strcmp(realm, this->realm) == 0 && prefix_contains(&range->prefix, address) &&
            (found == EPHEMERAL_NONE || range->prefix.bits > this->config->ephemeral[found].prefix.bits)) {
            found = (int)i;
        }
    }
    return found;
}

static int ephemeral_mark(struct ephemeral *this)
{
    struct ephemeral_look look = {0};
    int rc;

    while ((rc = ephemeral_next(this, &look)) == 0) {
        int range = ephemeral_range(this, &look.address);
        if (range != EPHEMERAL_NONE && look.is_up) {
            this->populated[range] = true;
        }
        if (look.is_marked != (range != EPHEMERAL_NONE)) {
            rc = store_run(this->store, "UPDATE asset SET ephemeral = ?2 WHERE id = ?1", "ii", look.asset_id,
                           (int64_t)(range != EPHEMERAL_NONE));
        }
        if (rc < 0) {
            return rc;
        }
    }
    return rc == -ENOENT ? 0 : rc;
}

/* When anybody saw it up last, by any of its addresses; before it was, when it became known. */
static int ephemeral_last_up(const struct ephemeral *this, int64_t asset_id, int64_t *ret_at_ms)
{
    return store_query_int(this->store, ret_at_ms,
                           "SELECT coalesce((SELECT max(last_seen) FROM asset_state WHERE asset_id = ?1 AND state ="
                           " 'up'), (SELECT created_at FROM asset WHERE id = ?1))",
                           "i", asset_id);
}

/* The next older complete scan from here that began since anybody saw it up, *scan_id at first 0; one that nobody saw
 * up, since a scan found a port of it. By the order of scans, not by their time: a clock that was ahead for a while had
 * them begin long after. -ENOENT. */
static int ephemeral_scan_before(const struct ephemeral *this, int64_t asset_id, int64_t *scan_id)
{
    return store_query_int(
        this->store, scan_id,
        "SELECT c.id FROM scan c JOIN asset a ON a.id = ?4 WHERE c.realm_id = ?1 AND c.vantage_id = ?2 AND c.id <> ?3"
        " AND c.started_at >= a.created_at AND c.id > coalesce((SELECT max(last_scan_id) FROM asset_state WHERE"
        " asset_id = ?4 AND state = 'up'), (SELECT min(s.first_scan_id) FROM endpoint_state s JOIN endpoint e ON e.id"
        " = s.endpoint_id WHERE e.asset_id = ?4), 0) AND c.state = 'complete' AND c.canary <> 'silent' AND (?5 = 0 OR"
        " c.id < ?5) ORDER BY c.id DESC LIMIT 1",
        "iiiii", this->scan.realm_id, this->scan.vantage_id, this->scan.id, asset_id, *scan_id);
}

static int ephemeral_planned(const struct ephemeral *this, int64_t scan_id, const struct addr *address,
                             bool *ret_planned)
{
    struct scan_plan *plan = NULL;
    char reason[256];
    char *text = NULL;
    char *hash = NULL;
    json_t *json;
    int rc = store_scan_plan(this->store, scan_id, &text, &hash);

    if (rc < 0) {
        return rc;
    }
    json = json_loads(text, 0, NULL);
    rc = json == NULL ? -EBADMSG : scan_plan_create(json, &plan, reason);
    /* A plan that cannot be read proves nothing. */
    *ret_planned = rc == 0 && scan_plan_has_host(plan, address);
    scan_plan_destroy(plan);
    json_decref(json);
    free(text);
    free(hash);
    return rc == -EBADMSG ? 0 : rc;
}

/* Whether an inventory has it, or no complete scan from here but this one has missed it: then it stays. */
static int ephemeral_is_held(const struct ephemeral *this, const struct ephemeral_look *look, bool *ret_is_held)
{
    int64_t held = 0;
    int64_t scan_id = 0;
    bool missed = false;
    int rc = store_query_int(this->store, &held,
                             "SELECT EXISTS (SELECT 1 FROM inventory_host WHERE asset_id = ? AND gone_at IS NULL)", "i",
                             look->asset_id);

    for (int i = 0; rc == 0 && held == 0 && !missed && i < EPHEMERAL_PLANS_MAX; i++) {
        rc = ephemeral_scan_before(this, look->asset_id, &scan_id);
        rc = rc < 0 ? rc : ephemeral_planned(this, scan_id, &look->address, &missed);
    }
    *ret_is_held = held != 0 || !missed;
    return rc == -ENOENT ? 0 : rc;
}

static int ephemeral_retire(struct ephemeral *this, const struct ephemeral_look *look, int64_t last_up_ms)
{
    char reason[160];
    char text[WALL_TEXT_SIZE];
    const struct store_event event = {
        .scan_id = this->scan.id,
        .at_ms = this->now_ms,
        .actor = "auditd",
        .reason = reason,
        .evidence = "{}",
    };
    int rc;

    snprintf(reason, sizeof(reason), "its range is ephemeral, and nobody has seen it since %s",
             wall_format(last_up_ms, text));
    rc = store_asset_retire(this->store, look->asset_id, &event);
    this->retired += rc == 0 && this->retired < INT_MAX;
    return rc;
}

static int ephemeral_look_at(struct ephemeral *this, const struct ephemeral_look *look)
{
    int range = ephemeral_range(this, &look->address);
    int64_t last_up_ms = 0;
    bool is_held = true;
    int rc;

    if (look->is_up || look->is_retired || range == EPHEMERAL_NONE || !this->populated[range]) {
        return 0;
    }
    rc = ephemeral_last_up(this, look->asset_id, &last_up_ms);
    if (rc < 0 || look->at_ms - last_up_ms < this->config->ephemeral[range].retire_after_ms) {
        return rc;
    }
    rc = ephemeral_is_held(this, look, &is_held);
    return rc < 0 || is_held ? rc : ephemeral_retire(this, look, last_up_ms);
}

static int ephemeral_retire_gone(struct ephemeral *this)
{
    struct ephemeral_look look = {0};
    int rc = 0;

    if (strcmp(this->scan.state, "complete") != 0 || strcmp(this->scan.canary, "silent") == 0) {
        return 0;
    }
    while (rc == 0 && (rc = ephemeral_next(this, &look)) == 0) {
        rc = ephemeral_look_at(this, &look);
    }
    return rc == -ENOENT ? 0 : rc;
}

static int ephemeral_within(struct ephemeral *this, const char *scan_uuid)
{
    char *realm;
    int rc = store_scan_find(this->store, scan_uuid, &this->scan);

    rc = rc < 0 ? rc : store_realm_name(this->store, this->scan.realm_id, &realm);
    if (rc < 0) {
        return rc;
    }
    this->realm = realm;
    rc = ephemeral_mark(this);
    rc = rc < 0 ? rc : ephemeral_retire_gone(this);
    this->realm = NULL;
    free(realm);
    return rc;
}

/* Most configurations have no such range, and none are stored: then there is nothing to walk for. */
static int ephemeral_matters(const struct ephemeral *this, bool *ret_matters)
{
    int64_t marked = 0;
    int rc = store_query_int(this->store, &marked, "SELECT EXISTS (SELECT 1 FROM asset WHERE ephemeral <> 0)", "");

    *ret_matters = this->config->is_written && (this->config->ephemeral_count > 0 || marked != 0);
    return rc;
}

int ephemeral_settle(struct store *store, const struct config *config, const char *scan_uuid, int64_t now_ms)
{
    struct ephemeral this = {.store = store, .config = config, .now_ms = now_ms};
    bool matters;
    int rc = ephemeral_matters(&this, &matters);

    if (rc < 0 || !matters) {
        return rc;
    }
    this.populated = calloc(config->ephemeral_count + 1, sizeof(*this.populated));
    rc = this.populated == NULL ? -ENOMEM : store_begin(store);
    if (rc < 0) {
        free(this.populated);
        return rc;
    }
    rc = ephemeral_within(&this, scan_uuid);
    free(this.populated);
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    rc = store_commit(store);
    if (rc == 0 && this.retired > 0) {
        log_notice("%d hosts of ephemeral ranges are gone and retired", this.retired);
    }
    return rc < 0 ? rc : this.retired;
}
