#include "auditd/finding/claim_network.h"

#include "auditd/cloud/snapshot.h"
#include "auditd/policy/cloud_declared.h"
#include "auditd/reach/flaw.h"
#include "auditd/store/cloud.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define HASH_FUNCTION HASH_SAX
#include <uthash.h>

/* Of more, `leastport reach --flaws` tells. */
enum { FLAWS_WORDS_SIZE = 300 };

struct network_kind {
    size_t count;
    size_t worded;
    bool in_doubt;
    char words[FLAWS_WORDS_SIZE];
};

struct network {
    struct network_kind kinds[REACH_FLAW_KINDS];
    UT_hash_handle hh;
    char id[];
};

struct networks {
    struct store *store;
    const struct claim_options *options;
    struct network *items;
    const struct reach_model *model; /* of the inventory at hand */
    bool is_unsure;                  /* there may be others: VPCs were not read to the end */
    int moved;
};

static struct network *network_of(struct networks *this, const char *id)
{
    size_t length = strlen(id);
    struct network *network;

    HASH_FIND(hh, this->items, id, (unsigned)length, network);
    if (network == NULL) {
        network = calloc(1, sizeof(*network) + length + 1);
        if (network != NULL) {
            memcpy(network->id, id, length + 1);
            HASH_ADD_KEYPTR(hh, this->items, network->id, (unsigned)length, network);
        }
    }
    return network;
}

static void networks_done(struct networks *this)
{
    struct network *network = this->items;

    HASH_CLEAR(hh, this->items);
    while (network != NULL) {
        struct network *next = network->hh.next;
        free(network);
        network = next;
    }
}

/* ---- what is wrong ---- */

static int take_flaw(void *context, const struct reach_flaw *flaw)
{
    struct networks *this = context;
    struct network *network = network_of(this, this->model->vpcs.items[flaw->vpc].id);
    struct network_kind *kind = network == NULL ? NULL : &network->kinds[flaw->kind];
    size_t used;

    if (kind == NULL) {
        return -ENOMEM;
    }
    kind->count++;
    used = strlen(kind->words);
    /* Only the first, each whole: the sentence must say of how many it does not speak. */
    if (kind->worded + 1 == kind->count &&
        used + strlen(flaw->record) + strlen(flaw->text) + strlen("; : ") < FLAWS_WORDS_SIZE) {
        snprintf(kind->words + used, sizeof(kind->words) - used, "%s%s: %s", used > 0 ? "; " : "", flaw->record,
                 flaw->text);
        kind->worded++;
    }
    return 0;
}

static int take_model(struct networks *this)
{
    const struct reach_model *model = this->model;

    this->is_unsure |= model->unread[REACH_VPC];
    for (size_t i = 0; i < model->vpcs.count; i++) {
        struct network *network = network_of(this, model->vpcs.items[i].id);
        if (network == NULL) {
            return -ENOMEM;
        }
        for (int kind = 0; kind < REACH_FLAW_KINDS; kind++) {
            network->kinds[kind].in_doubt |= !reach_flaw_is_known(model, (enum reach_flaw_kind)kind);
        }
    }
    return reach_flaws(model, take_flaw, this);
}

/* All but the largest lists that no flaw is about. */
static int take_list(void *context, const char *document, const char *list, bool whole, const json_t *records)
{
    static const char *const needless[] = {"Reservations", "SecurityGroupRules", "InstanceInformationList",
                                           "Addresses"};

    for (size_t i = 0; i < sizeof(needless) / sizeof(*needless); i++) {
        if (strcmp(list, needless[i]) == 0) {
            return 0;
        }
    }
    return cloud_snapshot_take(context, document, list, whole, records);
}

/* What the model refuses was refused when it came in. */
static int take_inventory(struct networks *this, const char *name)
{
    struct aws *aws = aws_create();
    struct reach_model model = {.failed = false};
    struct aws_fault fault;
    int rc = aws == NULL ? -ENOMEM : store_cloud_load(this->store, name, 0, take_list, aws);

    rc = rc == 0 ? aws_model(aws, &model, &fault) : rc;
    aws_destroy(aws);
    this->model = &model;
    rc = rc == 0 ? take_model(this) : rc;
    this->model = NULL;
    reach_model_done(&model);
    return rc == -EBADMSG ? store_fail(this->store, STORE_FAULT_CORRUPT, -EUCLEAN, "cloud %s: %s", name, fault.text)
                          : rc;
}

static int take_inventories(struct networks *this)
{
    int64_t id = 0;
    int rc = 0;

    while (rc == 0) {
        sqlite3_stmt *row;
        char *name;
        rc = store_query(this->store, &row, "SELECT id, name FROM cloud_source WHERE id > ? ORDER BY id LIMIT 1", "i",
                         id);
        rc = rc < 0 ? rc : store_step(this->store, row);
        if (rc <= 0) {
            return rc;
        }
        id = sqlite3_column_int64(row, 0);
        name = strdup(store_text(row, 1));
        store_walked(row);
        rc = name == NULL ? -ENOMEM : take_inventory(this, name);
        free(name);
    }
    return rc;
}

/* ---- whose it is ---- */

static int find_network(struct networks *this, const char *id, int64_t *ret_asset_id)
{
    return store_query_int(this->store, ret_asset_id,
                           "SELECT a.id FROM asset_identity i JOIN asset a ON a.id = i.asset_id AND a.kind = 'network'"
                           " AND a.ended_at IS NULL WHERE i.kind = 'name' AND i.value = ? AND i.valid_to IS NULL",
                           "t", id);
}

/* In the realm of its hosts. One of them that had its id as a name has it no more. */
static int make_network(struct networks *this, const char *id, int64_t *ret_asset_id)
{
    struct stored_identity identity = {.kind = "name", .value = id, .source = "inventory"};
    int rc = store_realm_put(this->store, id, this->options->now_ms, &identity.realm_id);

    rc = rc < 0 ? rc : store_asset_create(this->store, identity.realm_id, this->options->now_ms, &identity.asset_id);
    rc = rc < 0 ? rc : store_run(this->store, "UPDATE asset SET kind = 'network' WHERE id = ?", "i", identity.asset_id);
    rc = rc < 0 ? rc : store_identity_end(this->store, identity.realm_id, "name", id, this->options->now_ms);
    rc = rc < 0 && rc != -ENOENT ? rc : store_identity_add(this->store, &identity, this->options->now_ms);
    *ret_asset_id = identity.asset_id;
    return rc;
}

/* ---- claims ---- */

static int claim_kind(const struct network *network, enum reach_flaw_kind which, struct claims *claims)
{
    const struct network_kind *kind = &network->kinds[which];
    char words[FLAWS_WORDS_SIZE + 32];
    const struct declared_flaws flaws = {network->id, which, kind->count, words};
    size_t others = kind->count - kind->worded;
    struct claim *claim = claims_add(claims);

    if (claim == NULL) {
        return -ENOMEM;
    }
    if (others == 0) {
        snprintf(words, sizeof(words), "%s.", kind->words);
    } else {
        snprintf(words, sizeof(words), "%s%s%zu %s.", kind->words, kind->worded > 0 ? "; and " : "", others,
                 others == 1 ? "other" : "others");
    }
    cloud_declared_flaws(&flaws, &claim->verdict);
    return 0;
}

static int claims_of(const struct network *network, struct claims *claims)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < REACH_FLAW_KINDS; i++) {
        const enum reach_flaw_kind kind = (enum reach_flaw_kind)i;
        if (network->kinds[kind].in_doubt) {
            rc = claims_doubt(claims, &(struct claim_doubt){.kind = reach_flaw_name(kind)});
        }
        rc = rc == 0 && network->kinds[kind].count > 0 ? claim_kind(network, kind, claims) : rc;
    }
    return rc;
}

static int settle_asset(struct networks *this, int64_t asset_id, const char *id, const struct claims *claims)
{
    struct store_known known = {0};
    const struct claim_asset asset = {.id = asset_id, .known = &known, .realm = id};
    int rc = store_asset_known(this->store, asset_id, &known);

    rc = rc == 0 ? claims_settle(this->store, this->options, &asset, claims) : rc;
    store_known_done(&known);
    this->moved += rc > 0 ? rc : 0;
    return rc < 0 ? rc : 0;
}

static int settle_network(struct networks *this, const struct network *network)
{
    struct claims claims = {0};
    int64_t asset_id = 0;
    int rc = claims_of(network, &claims);

    rc = rc == 0 ? find_network(this, network->id, &asset_id) : rc;
    if (rc == -ENOENT && claims.count > 0 && !this->options->dry_run) {
        rc = make_network(this, network->id, &asset_id);
    }
    rc = rc == 0 ? settle_asset(this, asset_id, network->id, &claims) : rc;
    claims_done(&claims);
    return rc == -ENOENT ? 0 : rc;
}

/* Networks that are not read any more, behind `asset_id`: what was wrong with them is over. */
static int settle_gone(struct networks *this, int64_t *asset_id)
{
    const struct claims none = {0};
    struct network *network;
    sqlite3_stmt *row;
    char *name;
    int rc = store_query(this->store, &row,
                         "SELECT a.id, i.value FROM asset a JOIN asset_identity i ON i.asset_id = a.id AND i.kind ="
                         " 'name' AND i.valid_to IS NULL WHERE a.kind = 'network' AND a.ended_at IS NULL AND a.id > ?"
                         " ORDER BY a.id LIMIT 1",
                         "i", *asset_id);

    rc = rc < 0 ? rc : store_step(this->store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *asset_id = sqlite3_column_int64(row, 0);
    name = strdup(store_text(row, 1));
    store_walked(row);
    if (name == NULL) {
        return -ENOMEM;
    }
    HASH_FIND(hh, this->items, name, (unsigned)strlen(name), network);
    rc = network != NULL ? 0 : settle_asset(this, *asset_id, name, &none);
    free(name);
    return rc;
}

int claim_networks(struct store *store, const struct claim_options *options)
{
    struct networks this = {.store = store, .options = options};
    int64_t asset_id = 0;
    int rc = take_inventories(&this);

    for (struct network *network = this.items; rc == 0 && network != NULL; network = network->hh.next) {
        rc = settle_network(&this, network);
    }
    while (rc == 0 && !this.is_unsure) {
        rc = settle_gone(&this, &asset_id);
    }
    networks_done(&this);
    return rc < 0 && rc != -ENOENT ? rc : this.moved;
}
