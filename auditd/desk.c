#include "auditd/desk.h"

#include "auditd/finding/settle.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

static int desk_enter_policy(struct desk *desk, const struct policy *policy)
{
    const struct store_policy row = {
        .hash = policy_hash(policy),
        .name = policy_name(policy),
        .source = policy_source(policy),
        .baseline = policy_baseline(policy),
    };

    return store_policy_put(desk->store, &row, wall_now_ms(), &desk->policy_id);
}

/* What a scan saw before a crash is judged even when nobody asks for that scan again. */
static int desk_settle_pending(const struct desk *desk, const struct settings *settings)
{
    struct settle_options options = settle_options_default();
    uint64_t count;

    options.policy = settings->policy;
    options.policy_id = desk->policy_id;
    return settle_pending(desk->store, &options, &count);
}

int desk_open(const struct settings *settings, struct desk *ret_desk, struct store_error *ret_error)
{
    struct store_options options = store_options_default();
    struct desk desk = {0};
    bool is_new = access(settings->db, F_OK) != 0 && errno == ENOENT;
    int64_t orphans = 0;
    int rc;

    options.create = true;
    options.create_folders = settings->db_is_default;
    rc = store_open(settings->db, &options, &desk.store, ret_error);
    if (rc < 0) {
        return rc;
    }
    if (is_new) {
        log_notice("made the database %s", settings->db);
    }
    rc = store_scan_end_orphans(desk.store, "crash", wall_now_ms(), &orphans);
    if (rc == 0) {
        rc = desk_enter_policy(&desk, settings->policy);
    }
    if (rc == 0) {
        rc = desk_settle_pending(&desk, settings);
    }
    if (rc < 0) {
        *ret_error = *store_last_error(desk.store);
        store_close(desk.store);
        return rc;
    }
    if (orphans > 0) {
        log_notice("%" PRId64 " scans had been cut off by a crash; what they saw is kept", orphans);
    }
    *ret_desk = desk;
    return 0;
}

void desk_close(struct desk *desk)
{
    sqlite3_stmt *statement;

    /* A reader that is in the middle keeps a part of the log back: nothing is lost by that. */
    if (store_query(desk->store, &statement, "PRAGMA wal_checkpoint(TRUNCATE)", "") == 0 &&
        store_step(desk->store, statement) > 0) {
        store_walked(statement);
    }
    store_close(desk->store);
    *desk = (struct desk){0};
}
