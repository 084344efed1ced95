#include "auditd/census.h"

#include "auditd/policy/rule.h"
#include "auditd/store/asset.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int census_next(struct store *store, int64_t *asset_id, int64_t *ret_realm_id)
{
    sqlite3_stmt *row;
    int rc = store_query(
        store, &row,
        "SELECT id, realm_id FROM asset WHERE ended_at IS NULL AND kind = 'host' AND id > ? ORDER BY id LIMIT 1", "i",
        *asset_id);

    if (rc == 0) {
        rc = store_step(store, row);
    }
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *asset_id = sqlite3_column_int64(row, 0);
    *ret_realm_id = sqlite3_column_int64(row, 1);
    store_walked(row);
    return 0;
}

struct census {
    struct store *store;
    const struct rule_set *set;
    uint8_t *memo;
    census_fn *each;
    void *context;
};

static void census_ask(const struct census *census, const struct store_known *known, const char *realm)
{
    const struct host_view host = {
        .realm = realm,
        .names = (const char *const *)known->names,
        .name_count = known->name_count,
        .addresses = known->addresses,
        .address_count = known->address_count,
        .tags = known->tags,
        .tag_count = known->tag_count,
        .memo = census->memo,
    };

    memset(census->memo, HOST_MEMO_UNKNOWN, census->set->group_count);
    for (size_t i = 0; i < census->set->group_count; i++) {
        if (group_holds(census->set->groups, i, &host) == TRUTH_YES) {
            census->each(census->context, i, known);
        }
    }
}

static int census_take(const struct census *census, int64_t asset_id, int64_t realm_id)
{
    struct store_known known = {0};
    char *realm = NULL;
    int rc = store_asset_known(census->store, asset_id, &known);

    if (rc == 0) {
        rc = store_realm_name(census->store, realm_id, &realm);
    }
    if (rc == 0) {
        census_ask(census, &known, realm);
    }
    store_known_done(&known);
    free(realm);
    return rc;
}

int census_each(struct store *store, const struct policy *policy, census_fn *each, void *context)
{
    const struct rule_set *set = policy_rules(policy);
    struct census census = {
        .store = store, .set = set, .memo = malloc(set->group_count + 1), .each = each, .context = context};
    int64_t asset_id = 0;
    int64_t realm_id = 0;
    int rc = census.memo == NULL ? -ENOMEM : 0;

    while (rc == 0 && (rc = census_next(store, &asset_id, &realm_id)) == 0) {
        rc = census_take(&census, asset_id, realm_id);
    }
    free(census.memo);
    return rc == -ENOENT ? 0 : rc;
}

static void mark_group(void *context, size_t group, const struct store_known *known)
{
    bool *has = context;

    (void)known;
    has[group] = true;
}

int census_groups(struct store *store, const struct policy *policy, bool *ret_has)
{
    memset(ret_has, 0, policy_rules(policy)->group_count * sizeof(*ret_has));
    return census_each(store, policy, mark_group, ret_has);
}
