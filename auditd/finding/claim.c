#include "auditd/finding/claim.h"

#include "auditd/finding/claim_database.h"
#include "auditd/finding/claim_declared.h"
#include "auditd/finding/claim_network.h"
#include "auditd/store/finding.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists ---- */

struct claim *claims_add(struct claims *claims)
{
    /* Room doubles: it is full whenever the count is a power of two. */
    if ((claims->count & (claims->count - 1)) == 0) {
        size_t room = claims->count == 0 ? 1 : 2 * claims->count;
        struct claim *items = reallocarray(claims->items, room, sizeof(*items));
        if (items == NULL) {
            return NULL;
        }
        claims->items = items;
    }
    memset(&claims->items[claims->count], 0, sizeof(*claims->items));
    return &claims->items[claims->count++];
}

int claims_doubt(struct claims *claims, const struct claim_doubt *doubt)
{
    struct claim_doubt *grown = reallocarray(claims->doubts, claims->doubt_count + 1, sizeof(*grown));

    if (grown == NULL) {
        return -ENOMEM;
    }
    claims->doubts = grown;
    grown[claims->doubt_count++] = *doubt;
    return 0;
}

void claims_done(struct claims *claims)
{
    for (size_t i = 0; i < claims->count; i++) {
        free(claims->items[i].evidence);
    }
    free(claims->items);
    free(claims->doubts);
    *claims = (struct claims){0};
}

static bool claims_are_in_doubt(const struct claims *claims, const struct stored_finding *finding)
{
    for (size_t i = 0; i < claims->doubt_count; i++) {
        const struct claim_doubt *doubt = &claims->doubts[i];
        if (doubt->is_udp == finding->is_udp && doubt->first <= finding->port && finding->port <= doubt->last &&
            (doubt->kind == NULL || strcmp(doubt->kind, finding->verdict.kind) == 0)) {
            return true;
        }
    }
    return false;
}

/* ---- one asset ---- */

struct claiming {
    struct store *store;
    const struct claim_options *options;
    const struct claim_asset *asset;
    const struct claims *claims;
    bool *held; /* for each claim: it has its finding */
    char *evidence;
    int moved;
};

static struct store_event claim_event(const struct claiming *this, const struct claim *claim, const char *reason)
{
    return (struct store_event){
        .at_ms = this->options->now_ms,
        .actor = this->options->actor,
        .reason = reason,
        .evidence = claim != NULL && claim->evidence != NULL ? claim->evidence : this->evidence,
    };
}

static int claim_move(struct claiming *this, struct stored_finding *finding, enum presence to,
                      const struct store_event *event)
{
    int rc = store_finding_presence(this->store, finding, to, event);

    this->moved += rc > 0;
    return rc < 0 ? rc : 0;
}

static const char *hold_reason(enum presence from)
{
    switch (from) {
    case PRESENCE_FIXED:
        return "declared again after it was fixed";
    case PRESENCE_ALLOWED:
        return "the policy does not allow it any more";
    case PRESENCE_VERIFYING:
        return "declared again";
    case PRESENCE_NEW:
    case PRESENCE_OPEN:
    case PRESENCE_REAPPEARED:
    case PRESENCE_FOLDED:
        break;
    }
    return "declared: no second look is needed";
}

static bool claim_finding_counts(const struct stored_finding *finding)
{
    return finding->presence == PRESENCE_NEW || finding->presence == PRESENCE_OPEN ||
           finding->presence == PRESENCE_REAPPEARED;
}

static void claim_tell(const struct claiming *this, const struct claim *claim, const struct stored_finding *finding)
{
    bool counted = finding != NULL && claim_finding_counts(finding);
    bool is_allowed = claim->verdict.verdict == VERDICT_ALLOWED;
    struct claim_change change = {.turn = CLAIM_ALTERS, .asset = this->asset, .claim = claim, .finding = finding};

    if (this->options->on_change == NULL) {
        return;
    }
    if (counted != is_allowed) {
        if (!counted || verdict_hash(&finding->verdict) == verdict_hash(&claim->verdict)) {
            return;
        }
    } else {
        change.turn = counted ? CLAIM_IS_ALLOWED : CLAIM_OPENS;
    }
    this->options->on_change(this->options->context, &change);
}

/* Its claim holds. */
static int claim_hold(struct claiming *this, const struct claim *claim, struct stored_finding *finding)
{
    bool again = finding->presence == PRESENCE_FIXED || finding->presence == PRESENCE_REAPPEARED;
    struct store_event event = claim_event(this, claim, hold_reason(finding->presence));
    int rc = claim_move(this, finding, again ? PRESENCE_REAPPEARED : PRESENCE_OPEN, &event);

    event.reason = "declared again";
    rc = rc == 0 ? store_finding_sight(this->store, finding, SIGHT_FRESH, &event) : rc;
    event.reason = this->options->reason;
    rc = rc >= 0 ? store_finding_update(this->store, finding, &claim->verdict, this->options->policy_id, &event) : rc;
    return rc < 0 ? rc : store_finding_seen(this->store, finding->id, 0, this->options->now_ms);
}

static int claim_allow(struct claiming *this, const struct claim *claim, struct stored_finding *finding)
{
    struct store_event event = claim_event(this, claim, "the policy allows it");

    return finding->presence == PRESENCE_FIXED ? 0 : claim_move(this, finding, PRESENCE_ALLOWED, &event);
}

/* In two steps, as any other: both are logged. */
static int claim_end(struct claiming *this, struct stored_finding *finding)
{
    struct store_event event = claim_event(this, NULL, "what is declared and what was seen do not say so any more");
    int rc = 0;

    if (finding->presence == PRESENCE_FIXED || finding->presence == PRESENCE_ALLOWED) {
        return 0;
    }
    if (finding->presence != PRESENCE_VERIFYING) {
        rc = claim_move(this, finding, PRESENCE_VERIFYING, &event);
    }
    return rc == 0 ? claim_move(this, finding, PRESENCE_FIXED, &event) : rc;
}

static size_t claim_of(const struct claiming *this, const struct stored_finding *finding)
{
    size_t i = 0;

    while (i < this->claims->count &&
           (this->claims->items[i].is_udp != finding->is_udp || this->claims->items[i].port != finding->port ||
            strcmp(this->claims->items[i].verdict.kind, finding->verdict.kind) != 0)) {
        i++;
    }
    return i;
}

static int claim_standing(struct claiming *this, struct stored_finding *finding)
{
    size_t at = claim_of(this, finding);
    const struct claim *claim = at < this->claims->count ? &this->claims->items[at] : NULL;

    if (claim == NULL) {
        return this->options->dry_run || claims_are_in_doubt(this->claims, finding) ? 0 : claim_end(this, finding);
    }
    this->held[at] = true;
    claim_tell(this, claim, finding);
    if (this->options->dry_run) {
        return 0;
    }
    return claim->verdict.verdict == VERDICT_ALLOWED ? claim_allow(this, claim, finding)
                                                     : claim_hold(this, claim, finding);
}

static int claim_insert(struct claiming *this, const struct claim *claim)
{
    char fingerprint[STORE_FINGERPRINT_SIZE];
    struct store_event event = claim_event(this, claim, hold_reason(PRESENCE_NEW));
    struct stored_finding finding;
    const struct store_finding_new new_finding = {
        .fingerprint = fingerprint,
        .asset_id = this->asset->id,
        .is_udp = claim->is_udp,
        .port = claim->port,
        .policy_id = this->options->policy_id,
        .at_ms = this->options->now_ms,
    };
    int rc;

    claim_tell(this, claim, NULL);
    if (this->options->dry_run) {
        return 0;
    }
    store_fingerprint(this->asset->known->uuid, claim->is_udp, claim->port, claim->verdict.kind, fingerprint);
    rc = store_finding_insert(this->store, &new_finding, &claim->verdict, event.evidence, &finding);
    return rc < 0 ? rc : claim_move(this, &finding, PRESENCE_OPEN, &event);
}

static int claim_settle(struct claiming *this)
{
    int64_t *ids = NULL;
    size_t count = 0;
    int rc = store_findings_claimed(this->store, this->asset->id, &ids, &count);

    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct stored_finding finding;
        rc = store_finding_get(this->store, ids[i], &finding);
        rc = rc == 0 ? claim_standing(this, &finding) : rc;
    }
    for (size_t i = 0; rc == 0 && i < this->claims->count; i++) {
        const struct claim *claim = &this->claims->items[i];
        bool is_new = !this->held[i] && claim->verdict.verdict != VERDICT_ALLOWED;
        rc = is_new ? claim_insert(this, claim) : 0;
    }
    free(ids);
    return rc;
}

static int claim_prepare(struct claiming *this)
{
    json_t *evidence = json_pack("{s:s}", "declared", this->options->reason);

    this->evidence = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT);
    this->held = calloc(this->claims->count + 1, sizeof(*this->held));
    json_decref(evidence);
    return this->evidence == NULL || this->held == NULL ? -ENOMEM : 0;
}

int claims_settle(struct store *store, const struct claim_options *options, const struct claim_asset *asset,
                  const struct claims *claims)
{
    struct claiming this = {.store = store, .options = options, .asset = asset, .claims = claims};
    int rc = claim_prepare(&this);

    rc = rc == 0 ? claim_settle(&this) : rc;
    free(this.held);
    free(this.evidence);
    return rc < 0 ? rc : this.moved;
}

int claim_asset(struct store *store, const struct claim_options *options, const struct claim_asset *asset)
{
    struct claims claims = {0};
    int rc = claim_declared(store, options, asset, &claims);

    rc = rc == 0 ? claim_database(store, options, asset, &claims) : rc;
    rc = rc == 0 ? claims_settle(store, options, asset, &claims) : rc;
    claims_done(&claims);
    return rc;
}

/* ---- every asset ---- */

/* What networks have is not claimed of hosts. */
static int claim_one(struct store *store, const struct claim_options *options, int64_t asset_id)
{
    struct store_known known = {0};
    struct claim_asset asset = {.id = asset_id, .known = &known};
    int64_t realm_id;
    char *realm = NULL;
    int rc =
        store_query_int(store, &realm_id, "SELECT realm_id FROM asset WHERE id = ? AND kind = 'host'", "i", asset_id);

    if (rc < 0) {
        return rc == -ENOENT ? 0 : rc;
    }
    rc = store_asset_known(store, asset_id, &known);
    rc = rc == 0 ? store_realm_name(store, realm_id, &realm) : rc;
    asset.realm = realm;
    rc = rc == 0 ? claim_asset(store, options, &asset) : rc;
    free(realm);
    store_known_done(&known);
    return rc;
}

/* The first behind `asset_id` of which something is declared, or of which something was claimed. -ENOENT at the end. */
static int claim_next(struct store *store, int64_t scan_id, int64_t *asset_id)
{
    int64_t next = 0;
    int rc = scan_id == 0 ? store_query_int(store, &next,
                                            "SELECT coalesce(min(id), 0) FROM (SELECT min(asset_id) AS id FROM"
                                            " cloud_verdict WHERE asset_id > ?1 UNION ALL SELECT min(asset_id) FROM"
                                            " finding INDEXED BY finding_claimed WHERE asset_id > ?1 AND"
                                            " first_scan_id IS NULL)",
                                            "i", *asset_id)
                          : store_query_int(store, &next,
                                            "SELECT coalesce(min(v.asset_id), 0) FROM cloud_verdict v WHERE v.asset_id"
                                            " > ?1 AND EXISTS (SELECT 1 FROM coverage c WHERE c.asset_id = v.asset_id"
                                            " AND c.scan_id = ?2)",
                                            "ii", *asset_id, scan_id);

    *asset_id = next;
    return rc == 0 && next == 0 ? -ENOENT : rc;
}

int claim_every(struct store *store, const struct claim_options *options)
{
    int64_t asset_id = 0;
    int moved = 0;
    int rc;

    while ((rc = claim_next(store, options->scan_id, &asset_id)) == 0) {
        rc = claim_one(store, options, asset_id);
        if (rc < 0) {
            return rc;
        }
        moved += rc;
    }
    rc = rc == -ENOENT && options->scan_id == 0 ? claim_networks(store, options) : rc;
    return rc == -ENOENT ? moved : rc < 0 ? rc : moved + rc;
}
