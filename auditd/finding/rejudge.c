#include "auditd/finding/rejudge.h"

#include "auditd/finding/claim.h"
#include "auditd/finding/disposition.h"
#include "auditd/finding/rejudge_plan.h"
#include "auditd/finding/settle_declared.h"
#include "auditd/finding/settle_front.h"
#include "auditd/finding/settle_judge.h"
#include "auditd/policy/policy.h"
#include "auditd/policy/rule.h"
#include "auditd/policy/verdict_memo.h"
#include "auditd/store/finding.h"
#include "auditd/store/sql.h"
#include "lib/clock.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A port whose findings change: judged once more, by the slow way of scans, and written. */
struct rejudging {
    struct store *store;
    const struct rejudge_options *options;
    struct settle_options settle;
    struct settle_scan scan;
    struct standings standings;
    struct verdict_memo *worded;
    char *evidence; /* the same for all: who judged, and by what */
    /* The asset at hand. */
    int64_t asset_id;
    struct store_known known;
    struct lookers *lookers;
    struct declared *declared;
    uint8_t *memo;
    /* The port at hand. */
    const struct store_port *port;
    struct store_place *places;
    struct settle_look *looks;
    size_t count;
    struct verdict verdicts[1 + CHECKS_MAX];
    size_t verdict_count;
};

struct rejudge_options rejudge_options_default(void)
{
    return (struct rejudge_options){
        .reason = "the policy changed",
        .actor = "auditd",
        .now_ms = wall_now_ms(),
        .max_age_ms = INT64_C(7) * 24 * 3600 * 1000,
        .put_off_from = 20000,
    };
}

static struct store_event rejudge_event(const struct rejudging *this, const char *reason)
{
    return (struct store_event){
        .at_ms = this->options->now_ms,
        .actor = this->options->actor,
        .reason = reason,
        .evidence = this->evidence,
    };
}

static void rejudge_forget_asset(struct rejudging *this)
{
    store_known_done(&this->known);
    lookers_destroy(this->lookers);
    this->lookers = NULL;
    declared_destroy(this->declared);
    this->declared = NULL;
    free((void *)(uintptr_t)this->scan.realm);
    this->scan.realm = NULL;
    this->asset_id = 0;
}

static int rejudge_load_asset(struct rejudging *this, int64_t asset_id)
{
    const struct rule_set *rules = policy_rules(this->options->policy);
    char *realm = NULL;
    int rc;

    if (this->asset_id == asset_id) {
        return 0;
    }
    rejudge_forget_asset(this);
    rc = store_asset_known(this->store, asset_id, &this->known);
    if (rc == 0) {
        rc = store_query_int(this->store, &this->scan.scan.realm_id, "SELECT realm_id FROM asset WHERE id = ?", "i",
                             asset_id);
    }
    if (rc == 0) {
        rc = store_realm_name(this->store, this->scan.scan.realm_id, &realm);
    }
    this->scan.realm = realm;
    if (rc == 0 && rules->asks_outside) {
        rc = lookers_load(this->store, asset_id, this->options->now_ms - this->options->max_age_ms, &this->lookers);
    }
    if (rc == 0 && rules->asks_declared) {
        rc = declared_load(this->store, asset_id, &this->declared);
    }
    if (rc == 0) {
        memset(this->memo, HOST_MEMO_UNKNOWN, rules->group_count + 1);
        this->asset_id = asset_id;
    }
    return rc;
}

static int rejudge_verdicts(struct rejudging *this, const struct settle_view *view, struct settle_exposed *exposed)
{
    const struct verdict *verdict;
    struct cloud_declared declared;
    struct front front;
    bool has_front;
    int64_t hash;
    int rc;

    verdict = verdict_memo_judge(this->worded, &exposed->exposure, &hash);
    if (verdict == NULL) {
        return -ENOMEM;
    }
    this->verdicts[0] = *verdict;
    rc = settle_front(view, exposed, this->verdicts, &front);
    if (rc < 0) {
        return rc;
    }
    has_front = rc > 0;
    rc = settle_declared(view, exposed, &declared);
    if (rc < 0) {
        return rc;
    }
    exposed->exposure.front = has_front ? &front : NULL;
    exposed->exposure.cloud = rc > 0 ? &declared : NULL;
    this->verdict_count = 1 + checks_judge(&exposed->exposure, this->verdicts, this->verdicts + 1);
    exposed->exposure.front = NULL;
    exposed->exposure.cloud = NULL;
    return 0;
}

static int rejudge_judge(struct rejudging *this)
{
    const struct settle_view view = {
        .scan = &this->scan,
        .known = &this->known,
        .port = this->port,
        .places = this->places,
        .looks = this->looks,
        .count = this->count,
        .lookers = this->lookers,
        .declared = this->declared,
        .memo = this->memo,
    };
    struct settle_exposed exposed;
    int rc;

    for (size_t i = 0; i < this->count; i++) {
        this->looks[i].open = settle_place_is_open(&this->places[i]);
        this->looks[i].vantage_class = settle_classify(&this->scan, &this->places[i]);
    }
    rc = settle_expose(&view, &exposed);
    if (rc == 0) {
        rc = rejudge_verdicts(this, &view, &exposed);
    }
    settle_exposed_done(&exposed);
    return rc;
}

/* The verdict that makes a finding of that kind; NULL when none does. */
static const struct verdict *rejudge_verdict(const struct rejudging *this, const char *kind)
{
    for (size_t i = 0; i < this->verdict_count; i++) {
        if (this->verdicts[i].verdict != VERDICT_ALLOWED && strcmp(this->verdicts[i].kind, kind) == 0) {
            return &this->verdicts[i];
        }
    }
    return NULL;
}

/* It comes of what a cloud declares, which the policy has no part in. */
static bool rejudge_is_declared(const struct stored_finding *finding)
{
    return strncmp(finding->verdict.rule_id, CLOUD_DECLARED_RULE, strlen(CLOUD_DECLARED_RULE)) == 0;
}

static int rejudge_finding(struct rejudging *this, struct stored_finding *finding)
{
    const struct verdict *verdict = rejudge_verdict(this, finding->verdict.kind);
    struct store_event event = rejudge_event(this, this->options->reason);
    bool open = finding->presence == PRESENCE_NEW || finding->presence == PRESENCE_OPEN ||
                finding->presence == PRESENCE_REAPPEARED;
    int rc = 0;

    if (finding->sight == SIGHT_RETIRED || (!open && finding->presence != PRESENCE_ALLOWED)) {
        return 0;
    }
    if (verdict == NULL) {
        event.reason =
            rejudge_is_declared(finding) ? "the cloud's rules do not say so any more" : "the policy allows it";
        rc = open ? store_finding_presence(this->store, finding, PRESENCE_ALLOWED, &event) : 0;
        return rc < 0 ? rc : 0;
    }
    if (!open) {
        event.reason =
            rejudge_is_declared(finding) ? "the cloud's rules say so again" : "the policy does not allow it any more";
        rc = store_finding_presence(this->store, finding, PRESENCE_OPEN, &event);
    }
    if (rc >= 0) {
        event.reason = this->options->reason;
        rc = store_finding_update(this->store, finding, verdict, this->options->policy_id, &event);
    }
    return rc < 0 ? rc : 0;
}

static int rejudge_vantages(struct rejudging *this, int64_t finding_id)
{
    int rc = 0;

    for (size_t i = 0; i < this->count && rc == 0; i++) {
        if (this->looks[i].open) {
            rc = store_finding_vantage(this->store, finding_id, this->places[i].vantage_id,
                                       vantage_class_name(this->looks[i].vantage_class), this->places[i].last_seen);
        }
    }
    return rc;
}

/* The place that was seen open last, and whether more than one scan saw it so. */
static const struct store_place *rejudge_last(const struct rejudging *this)
{
    const struct store_place *last = NULL;

    for (size_t i = 0; i < this->count; i++) {
        if (this->looks[i].open && (last == NULL || this->places[i].last_seen > last->last_seen)) {
            last = &this->places[i];
        }
    }
    return last;
}

static int rejudge_insert(struct rejudging *this, const struct verdict *verdict)
{
    char fingerprint[STORE_FINGERPRINT_SIZE];
    const struct store_place *last = rejudge_last(this);
    struct store_event event = rejudge_event(this, "two scans found it open");
    struct stored_finding finding;
    struct store_finding_new new_finding = {
        .fingerprint = fingerprint,
        .asset_id = this->port->asset_id,
        .is_udp = this->port->is_udp,
        .port = this->port->port,
        .policy_id = this->options->policy_id,
        .scan_id = last->last_scan_id,
        .at_ms = last->last_seen,
    };
    int64_t first_scan_id;
    int rc;

    store_fingerprint(this->known.uuid, this->port->is_udp, this->port->port, verdict->kind, fingerprint);
    rc = store_finding_insert(this->store, &new_finding, verdict, this->evidence, &finding);
    if (rc == 0) {
        rc = rejudge_vantages(this, finding.id);
    }
    if (rc == 0) {
        rc = store_query_int(this->store, &first_scan_id,
                             "SELECT first_scan_id FROM endpoint_state WHERE endpoint_id = ? AND ended_at IS NULL", "i",
                             last->endpoint_id);
    }
    if (rc == 0 && first_scan_id != last->last_scan_id) {
        rc = store_finding_presence(this->store, &finding, PRESENCE_OPEN, &event);
    }
    return rc < 0 ? rc : 0;
}

/* Those that are stored; notes of which verdicts there is one. */
static int rejudge_stored(struct rejudging *this, bool has[1 + CHECKS_MAX])
{
    int64_t *ids = NULL;
    size_t count = 0;
    int rc = store_findings_of_port(this->store, this->port, &ids, &count);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct stored_finding finding;
        rc = store_finding_get(this->store, ids[i], &finding);
        for (size_t j = 0; rc == 0 && j < this->verdict_count; j++) {
            has[j] = has[j] || strcmp(this->verdicts[j].kind, finding.verdict.kind) == 0;
        }
        if (rc == 0) {
            rc = rejudge_finding(this, &finding);
        }
    }
    free(ids);
    return rc;
}

static int rejudge_findings(struct rejudging *this)
{
    bool has[1 + CHECKS_MAX] = {false};
    int rc = rejudge_stored(this, has);

    for (size_t i = 0; i < this->verdict_count && rc == 0; i++) {
        bool is_new = !has[i] && this->verdicts[i].verdict != VERDICT_ALLOWED;
        rc = is_new ? rejudge_insert(this, &this->verdicts[i]) : 0;
    }
    return rc;
}

static int rejudge_port(struct rejudging *this, const struct store_port *port)
{
    int rc = rejudge_load_asset(this, port->asset_id);

    if (rc < 0) {
        return rc;
    }
    this->port = port;
    rc = store_port_places(this->store, port, &this->places, &this->count);
    if (rc < 0) {
        return rc;
    }
    this->looks = calloc(this->count + 1, sizeof(*this->looks));
    rc = this->looks == NULL ? -ENOMEM : rejudge_judge(this);
    if (rc == 0) {
        rc = rejudge_findings(this);
    }
    free(this->looks);
    free(this->places);
    return rc == -ENOENT ? 0 : rc;
}

static int rejudge_prepare(struct rejudging *this)
{
    size_t group_count = policy_rules(this->options->policy)->group_count;
    json_t *evidence =
        json_pack("{s:s, s:s}", "judged_again", this->options->reason, "policy", policy_hash(this->options->policy));

    this->evidence = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT);
    json_decref(evidence);
    this->memo = malloc(group_count + 1);
    this->worded = verdict_memo_create(this->options->policy);
    if (this->evidence == NULL || this->memo == NULL || this->worded == NULL) {
        return -ENOMEM;
    }
    this->settle = settle_options_default();
    this->settle.policy = this->options->policy;
    this->settle.now_ms = this->options->now_ms;
    this->scan = (struct settle_scan){
        .store = this->store, .options = &this->settle, .standings = &this->standings, .group_count = group_count};
    return standings_load(this->store, group_count, &this->standings);
}

struct claims_told {
    const struct rejudge_options *options;
    struct rejudge_result *result;
};

static void rejudge_on_claim(void *context, const struct claim_change *claimed)
{
    const struct claims_told *told = context;
    uint64_t *counters[] = {[CLAIM_OPENS] = &told->result->opened,
                            [CLAIM_IS_ALLOWED] = &told->result->allowed,
                            [CLAIM_ALTERS] = &told->result->altered};
    const struct store_known *known = claimed->asset->known;
    char address[ADDR_TEXT_SIZE] = "";
    struct rejudge_change change = {
        .realm = claimed->asset->realm,
        .address = known->address_count > 0 ? addr_format(&known->addresses[0], address) : "",
        .name = known->name_count > 0 ? known->names[0] : "",
        .port = {.asset_id = claimed->asset->id, .is_udp = claimed->claim->is_udp, .port = claimed->claim->port},
    };

    (*counters[claimed->turn])++;
    if (told->options->on_change != NULL) {
        rejudge_change_verdicts(&change, claimed->turn == CLAIM_OPENS ? NULL : &claimed->finding->verdict,
                                claimed->turn == CLAIM_IS_ALLOWED ? NULL : &claimed->claim->verdict);
        told->options->on_change(told->options->context, &change);
    }
}

/* What no scan has seen, and a cloud declares. */
static int rejudge_claims(struct store *store, const struct rejudge_options *options, struct rejudge_result *result)
{
    struct claims_told told = {options, result};
    const struct claim_options claim_options = {
        .policy = options->policy,
        .policy_id = options->policy_id,
        .now_ms = options->now_ms,
        .max_age_ms = options->max_age_ms,
        .actor = options->actor,
        .reason = options->reason,
        .dry_run = options->dry_run,
        .on_change = rejudge_on_claim,
        .context = &told,
    };
    int rc = claim_every(store, &claim_options);

    return rc < 0 ? rc : 0;
}

static int rejudge_write(struct store *store, const struct rejudge_options *options, struct rejudge_plan *plan)
{
    struct rejudging this = {.store = store, .options = options};
    uint64_t moved = 0;
    int rc = rejudge_prepare(&this);

    if (rc == 0) {
        const struct store_event event = rejudge_event(&this, options->reason);
        const struct rejudge_altered_options altered = {options->policy_id, &event, options->put_off_from};
        rc = rejudge_altered_write(plan->altered, store, &altered);
    }
    for (size_t i = 0; i < plan->count && rc == 0; i++) {
        rc = rejudge_port(&this, &plan->ports[i]);
    }
    rc = rc == 0 ? rejudge_claims(store, options, &plan->result) : rc;
    if (rc == 0) {
        rc =
            store_run(store, "INSERT INTO judgement (policy_id, at, reason, endpoints, changed) VALUES (?, ?, ?, ?, ?)",
                      "iitii", options->policy_id, options->now_ms, options->reason, (int64_t)plan->result.endpoints,
                      (int64_t)plan->result.ports);
    }
    /* After the judgement is on record: waivers go by the groups of the policy that judged last. */
    if (rc == 0) {
        rc = disposition_enforce(store, options->now_ms, 0, &moved);
    }
    rejudge_forget_asset(&this);
    standings_done(&this.standings);
    verdict_memo_destroy(this.worded);
    free(this.memo);
    free(this.evidence);
    return rc;
}

int rejudge_run(struct store *store, const struct rejudge_options *options, struct rejudge_result *ret_result)
{
    struct rejudge_plan plan = {0};
    int rc = options->dry_run ? store_run(store, "BEGIN", "") : store_begin(store);

    if (rc < 0) {
        return rc;
    }
    rc = rejudge_plan_make(store, options, &plan);
    if (rc == 0) {
        rc = options->dry_run ? rejudge_claims(store, options, &plan.result) : rejudge_write(store, options, &plan);
    }
    if (rc < 0) {
        store_rollback(store);
    } else {
        rc = store_commit(store);
    }
    if (rc == 0) {
        *ret_result = plan.result;
    }
    rejudge_plan_done(&plan);
    return rc;
}
