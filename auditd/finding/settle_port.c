#include "auditd/finding/settle_port.h"

#include "auditd/finding/settle_declared.h"
#include "auditd/finding/settle_front.h"
#include "auditd/finding/settle_judge.h"
#include "auditd/policy/checks.h"
#include "auditd/policy/verdict_memo.h"
#include "auditd/store/asset.h"
#include "auditd/store/finding.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settle_case {
    const struct settle_scan *scan;
    struct settle_asset *asset;
    const struct store_port *port;
    struct store_place *places;
    struct settle_look *looks;
    size_t count;
    struct finding_facts facts;
    /* The first is the exposure's; then those of checks, each of another kind. */
    struct verdict verdicts[1 + CHECKS_MAX];
    size_t verdict_count;
    struct front front; /* what stands before it; FRONT_NONE */
    bool is_stood_for;  /* by the finding of a host of which every port accepts */
    bool judged;
    char *evidence;
    char blind_reason[96];
    char proof_reason[128];
};

static bool settle_is_planned(const struct settle_case *this, const struct store_place *place)
{
    struct addr address;

    return place->vantage_id == this->scan->scan.vantage_id && addr_parse(place->address, &address) == 0 &&
           scan_plan_has_endpoint(this->scan->plan, &address, this->port->is_udp, this->port->port);
}

/* Where the place is the canary itself, its silence cannot vouch for the vantage: another endpoint that is known to
 * answer and did so stands in for it. */
static int settle_canary_answered(const struct settle_case *this, const struct store_place *place, bool *ret_answered)
{
    struct addr address;

    *ret_answered = strcmp(this->scan->scan.canary, "answered") == 0;
    if (*ret_answered || place->state != PORT_STATE_FILTERED || addr_parse(place->address, &address) < 0 ||
        !scan_plan_is_canary(this->scan->plan, &address, this->port->is_udp, this->port->port)) {
        return 0;
    }
    return store_other_answered(this->scan->store, place, this->scan->scan.id, ret_answered);
}

static int settle_look(const struct settle_case *this, const struct store_place *place, enum look *ret_look)
{
    const struct stored_scan *scan = &this->scan->scan;
    struct look_facts facts = {
        .state = place->state,
        .reason = place->reason,
        .is_udp = this->port->is_udp,
        .tries = place->tries,
        .scan_complete = strcmp(scan->state, "complete") == 0,
        .loss = scan->loss,
        .asset_running = this->asset->running,
    };
    int rc = settle_canary_answered(this, place, &facts.canary_answered);

    if (rc == 0) {
        *ret_look = life_look(&facts);
    }
    return rc;
}

/* Counts the look at a place; once, however often the scan is judged. */
static int settle_prove(const struct settle_case *this, struct store_place *place, enum look look)
{
    if (place->last_seen <= place->proved_at || look == LOOK_BLIND || look == LOOK_UNDECIDED) {
        return 0;
    }
    life_prove(&place->proof, look, place->answers);
    return store_endpoint_prove(this->scan->store, place->endpoint_id, &place->proof, place->last_seen);
}

static const char *settle_blind_reason(const struct settle_case *this, bool looked)
{
    const struct stored_scan *scan = &this->scan->scan;

    if (strcmp(scan->state, "complete") != 0) {
        return "the scan ended early";
    }
    if (!looked) {
        return "the scan did not reach it";
    }
    if (!this->asset->running) {
        return "the host gave no answer: it is down or cannot be reached";
    }
    if (strcmp(scan->canary, "none") == 0) {
        return "silent, and no canary is known in this place: silence proves nothing";
    }
    if (strcmp(scan->canary, "answered") != 0) {
        return "the vantage's canary is silent: the vantage is lost";
    }
    return "silent, with too few tries for the measured loss";
}

/* Another scan of its vantage looked since this one began. What was seen by a clock that ran ahead says nothing. */
static bool settle_was_overtaken(const struct stored_scan *scan, int64_t now_ms, const struct store_place *place)
{
    return place->last_scan_id > scan->id || (place->last_seen >= scan->started_at && place->last_seen <= now_ms);
}

static void settle_note_place(struct settle_case *this, size_t index)
{
    const struct store_place *place = &this->places[index];
    const struct settle_look *look = &this->looks[index];
    struct finding_facts *facts = &this->facts;
    enum endpoint_word word = life_word(&place->proof);

    facts->any_open = facts->any_open || word == ENDPOINT_WORD_OPEN;
    facts->any_verifying = facts->any_verifying || word == ENDPOINT_WORD_VERIFYING;
    facts->all_cleared = facts->all_cleared && word == ENDPOINT_WORD_CLEARED;
    facts->seen_open = facts->seen_open || (look->looked && look->look == LOOK_OPEN);
    if (look->settled || !look->planned) {
        return;
    }
    /* The other scan has judged that. */
    if (!look->looked && settle_was_overtaken(&this->scan->scan, this->scan->options->now_ms, place)) {
        return;
    }
    if (!look->looked || look->look == LOOK_BLIND) {
        facts->blind = true;
        snprintf(this->blind_reason, sizeof(this->blind_reason), "%s", settle_blind_reason(this, look->looked));
    } else if (look->look != LOOK_UNDECIDED) {
        facts->looked = true;
    }
}

static void settle_note_proof(struct settle_case *this, const struct store_place *place, enum look look)
{
    if (look == LOOK_REFUSED) {
        snprintf(this->proof_reason, sizeof(this->proof_reason), "refused (%.32s), %lld in a row", place->reason,
                 (long long)place->proof.refusals);
    } else if (look == LOOK_SILENT) {
        snprintf(this->proof_reason, sizeof(this->proof_reason),
                 "silent (%.32s), complete scans in a row: %lld; canary and asset answered", place->reason,
                 (long long)place->proof.silent_scans);
    }
}

static int settle_look_at_places(struct settle_case *this)
{
    this->facts.all_cleared = true;
    for (size_t i = 0; i < this->count; i++) {
        struct store_place *place = &this->places[i];
        struct settle_look *look = &this->looks[i];
        look->settled = life_word(&place->proof) == ENDPOINT_WORD_CLEARED;
        look->looked = place->vantage_id == this->scan->scan.vantage_id && place->last_scan_id == this->scan->scan.id;
        look->planned = look->looked || settle_is_planned(this, place);
        if (look->looked) {
            int rc = settle_look(this, place, &look->look);
            if (rc == 0) {
                rc = settle_prove(this, place, look->look);
            }
            if (rc < 0) {
                return rc;
            }
            settle_note_proof(this, place, look->look);
        }
        look->open = settle_place_is_open(place);
        look->vantage_class = settle_classify(this->scan, place);
        settle_note_place(this, i);
    }
    this->facts.looked = this->facts.looked && !this->facts.blind;
    return 0;
}

static int64_t settle_last_open(const struct settle_case *this)
{
    int64_t last = 0;

    for (size_t i = 0; i < this->count; i++) {
        if (this->looks[i].looked && this->looks[i].look == LOOK_OPEN && this->places[i].last_seen > last) {
            last = this->places[i].last_seen;
        }
    }
    return last;
}

static int settle_ask(struct settle_case *this, const struct exposure *exposure)
{
    const struct settle_options *options = this->scan->options;
    const struct verdict *verdict;
    int64_t hash;

    if (this->scan->verdicts == NULL) {
        options->judge(options->policy, exposure, this->verdicts);
        return 0;
    }
    verdict = verdict_memo_judge(this->scan->verdicts, exposure, &hash);
    if (verdict == NULL) {
        return -ENOMEM;
    }
    this->verdicts[0] = *verdict;
    return 0;
}

static int settle_judge_exposed(struct settle_case *this, const struct settle_view *view,
                                struct settle_exposed *exposed)
{
    struct cloud_declared declared;
    int rc;

    rc = settle_ask(this, &exposed->exposure);
    if (rc < 0) {
        return rc;
    }
    if (this->verdicts[0].kind[0] == '\0') {
        snprintf(this->verdicts[0].kind, sizeof(this->verdicts[0].kind), "%s", VERDICT_KIND_EXPOSURE);
    }
    this->judged = true;
    this->scan->result->judged++;
    this->is_stood_for = this->facts.seen_open && settle_every_takes(&this->asset->every, &exposed->exposure,
                                                                     this->verdicts, settle_last_open(this));
    if (this->is_stood_for) {
        return 0;
    }
    rc = settle_front(view, exposed, this->verdicts, &this->front);
    if (rc < 0) {
        return rc;
    }
    exposed->exposure.front = rc > 0 ? &this->front : NULL;
    rc = settle_declared(view, exposed, &declared);
    if (rc < 0) {
        return rc;
    }
    exposed->exposure.cloud = rc > 0 ? &declared : NULL;
    this->verdict_count = 1 + checks_judge(&exposed->exposure, this->verdicts, this->verdicts + 1);
    exposed->exposure.cloud = NULL;
    return 0;
}

static int settle_judge(struct settle_case *this)
{
    const struct settle_view view = {
        .scan = this->scan,
        .known = &this->asset->known,
        .port = this->port,
        .places = this->places,
        .looks = this->looks,
        .count = this->count,
        .lookers = this->asset->lookers,
        .declared = this->asset->declared,
        .memo = this->asset->memo,
    };
    struct settle_exposed exposed;
    int rc = settle_expose(&view, &exposed);

    if (rc == 0) {
        rc = settle_judge_exposed(this, &view, &exposed);
    }
    settle_exposed_done(&exposed);
    return rc == -ENOENT ? 0 : rc;
}

static json_t *settle_evidence_place(const struct store_place *place)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "vantage", place->vantage, "address", place->address,
                     "state", port_state_name(place->state), "reason", place->reason, "tries", (json_int_t)place->tries,
                     "refusals", (json_int_t)place->proof.refusals, "silent_scans",
                     (json_int_t)place->proof.silent_scans, "at", (json_int_t)place->last_seen);
}

/* What serves the same page before it; null where nothing does. */
static json_t *settle_evidence_front(const struct settle_case *this)
{
    return this->front.sign == FRONT_NONE ? json_null()
                                          : json_pack("{s:s, s:s, s:s}", "address", this->front.address, "service",
                                                      this->front.subject, "sign", front_sign_name(this->front.sign));
}

static int settle_make_evidence(struct settle_case *this)
{
    const struct stored_scan *scan = &this->scan->scan;
    json_t *places = json_array();
    json_t *evidence;

    for (size_t i = 0; i < this->count; i++) {
        json_array_append_new(places, settle_evidence_place(&this->places[i]));
    }
    evidence = json_pack("{s:s, s:s, s:s, s:o?, s:b, s:b, s:o?, s:o?}", "scan", scan->uuid, "scan_state", scan->state,
                         "canary", scan->canary, "loss", scan->loss < 0 ? json_null() : json_real(scan->loss),
                         "asset_running", this->asset->running ? 1 : 0, "held", this->scan->is_held ? 1 : 0, "places",
                         places, "same_page", settle_evidence_front(this));
    this->evidence = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(evidence);
    return this->evidence == NULL ? -ENOMEM : 0;
}

static const char *settle_presence_reason(const struct settle_case *this, enum presence from, enum presence to)
{
    switch (to) {
    case PRESENCE_OPEN:
        return from == PRESENCE_NEW       ? "a second probe found it open too"
               : from == PRESENCE_ALLOWED ? "the policy does not allow it any more"
                                          : "open again before it was proven closed";
    case PRESENCE_REAPPEARED:
        return "open again after it was fixed";
    case PRESENCE_ALLOWED:
        return this->is_stood_for ? "every port of the host accepts: one finding of the host stands for them"
                                  : "the policy allows it";
    case PRESENCE_VERIFYING:
    case PRESENCE_FIXED:
        return this->proof_reason[0] != '\0' ? this->proof_reason : "closed from every vantage that saw it open";
    case PRESENCE_FOLDED:
        return "it came and went: no second probe found it open";
    case PRESENCE_NEW:
        return "open again after it came and went";
    }
    return "";
}

static struct store_event settle_event(const struct settle_case *this, const char *reason)
{
    return (struct store_event){
        .scan_id = this->scan->scan.id,
        .at_ms = this->scan->options->now_ms,
        .actor = "auditd",
        .reason = reason,
        .evidence = this->evidence,
    };
}

/* A proof that is complete at once goes through VERIFYING to FIXED in two steps, both logged. */
static int settle_move(struct settle_case *this, struct stored_finding *finding, const struct finding_facts *facts)
{
    enum sight sight = life_decide(finding->presence, finding->sight, facts).sight;
    bool was_folded = finding->presence == PRESENCE_FOLDED;
    struct store_event event;
    int rc;

    for (int step = 0; step < 2; step++) {
        enum presence to = life_decide(finding->presence, finding->sight, facts).presence;
        if (to == PRESENCE_FIXED && this->scan->is_held && finding->presence != PRESENCE_FIXED) {
            to = PRESENCE_VERIFYING;
        }
        event = settle_event(this, settle_presence_reason(this, finding->presence, to));
        rc = store_finding_presence(this->scan->store, finding, to, &event);
        if (rc <= 0) {
            break;
        }
        this->scan->result->moved++;
        if (to != PRESENCE_VERIFYING) {
            break;
        }
    }
    if (rc >= 0 && !was_folded && finding->presence == PRESENCE_FOLDED) {
        rc = settle_fold_add(&this->asset->fold, finding, this->scan->options->now_ms);
    }
    if (rc < 0) {
        return rc;
    }
    event = settle_event(this, sight == SIGHT_FRESH ? "looked at again" : this->blind_reason);
    rc = store_finding_sight(this->scan->store, finding, sight, &event);
    if (rc > 0) {
        this->scan->result->moved++;
    }
    return rc < 0 ? rc : 0;
}

static int settle_vantages(const struct settle_case *this, int64_t finding_id)
{
    for (size_t i = 0; i < this->count; i++) {
        const struct store_place *place = &this->places[i];
        enum vantage_class widest = this->looks[i].vantage_class;
        bool open = false;
        bool cleared = true;
        int rc = 0;
        for (size_t j = 0; j < this->count; j++) {
            if (this->places[j].vantage_id == place->vantage_id) {
                open = open || this->looks[j].open;
                cleared = cleared && life_word(&this->places[j].proof) == ENDPOINT_WORD_CLEARED;
                widest = this->looks[j].open && this->looks[j].vantage_class > widest ? this->looks[j].vantage_class
                                                                                      : widest;
            }
        }
        if (open) {
            rc = store_finding_vantage(this->scan->store, finding_id, place->vantage_id, vantage_class_name(widest),
                                       place->last_seen);
        } else if (cleared) {
            rc = store_finding_vantage_end(this->scan->store, finding_id, place->vantage_id,
                                           this->scan->options->now_ms);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* NULL when nothing of that kind was found. */
static const struct verdict *settle_verdict(const struct settle_case *this, const char *kind)
{
    for (size_t i = 0; this->judged && i < this->verdict_count; i++) {
        if (strcmp(this->verdicts[i].kind, kind) == 0 && this->verdicts[i].verdict != VERDICT_ALLOWED) {
            return &this->verdicts[i];
        }
    }
    return NULL;
}

static int settle_finding(struct settle_case *this, struct stored_finding *finding)
{
    const struct verdict *verdict = settle_verdict(this, finding->verdict.kind);
    struct finding_facts facts = this->facts;
    struct store_event event = settle_event(this, "judged again");
    int rc;

    /* What is open and is judged to be of another kind is no finding of this kind any more. */
    facts.judged_allowed = this->judged && verdict == NULL;
    facts.second_probe = finding->first_scan_id != this->scan->scan.id;
    rc = settle_fold_is_fleeting(this->scan->store, finding, &facts.fleeting);
    if (rc == 0) {
        rc = settle_move(this, finding, &facts);
    }
    if (rc == 0 && facts.seen_open) {
        rc = store_finding_seen(this->scan->store, finding->id, this->scan->scan.id, settle_last_open(this));
    }
    if (rc == 0 && verdict != NULL) {
        rc = store_finding_update(this->scan->store, finding, verdict, this->scan->options->policy_id, &event);
    }
    return rc < 0 ? rc : settle_vantages(this, finding->id);
}

static int settle_insert(struct settle_case *this, const struct verdict *verdict)
{
    char fingerprint[STORE_FINGERPRINT_SIZE];
    struct stored_finding finding;
    const struct store_finding_new new_finding = {
        .fingerprint = fingerprint,
        .asset_id = this->port->asset_id,
        .is_udp = this->port->is_udp,
        .port = this->port->port,
        .policy_id = this->scan->options->policy_id,
        .scan_id = this->scan->scan.id,
        .at_ms = settle_last_open(this),
    };
    int rc;

    store_fingerprint(this->asset->known.uuid, this->port->is_udp, this->port->port, verdict->kind, fingerprint);
    rc = store_finding_insert(this->scan->store, &new_finding, verdict, this->evidence, &finding);
    if (rc < 0) {
        return rc;
    }
    this->scan->result->created++;
    return settle_vantages(this, finding.id);
}

/* Those that are stored; notes of which verdicts there is one. */
static int settle_stored(struct settle_case *this, bool has[1 + CHECKS_MAX])
{
    int64_t *ids = NULL;
    size_t count = 0;
    int rc = store_findings_of_port(this->scan->store, this->port, &ids, &count);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct stored_finding finding;
        rc = store_finding_get(this->scan->store, ids[i], &finding);
        for (size_t j = 0; rc == 0 && j < this->verdict_count; j++) {
            has[j] = has[j] || strcmp(this->verdicts[j].kind, finding.verdict.kind) == 0;
        }
        if (rc == 0) {
            rc = settle_finding(this, &finding);
        }
    }
    free(ids);
    return rc;
}

static int settle_findings(struct settle_case *this)
{
    bool has[1 + CHECKS_MAX] = {false};
    int rc = settle_stored(this, has);

    for (size_t i = 0; rc == 0 && this->judged && this->facts.seen_open && i < this->verdict_count; i++) {
        bool is_new = !has[i] && this->verdicts[i].verdict != VERDICT_ALLOWED;
        rc = is_new ? settle_insert(this, &this->verdicts[i]) : 0;
    }
    return rc;
}

static int settle_case_run(struct settle_case *this)
{
    bool concerns = false;
    int rc = settle_look_at_places(this);

    for (size_t i = 0; i < this->count; i++) {
        concerns = concerns || this->looks[i].planned;
    }
    if (rc < 0 || !concerns) {
        return rc;
    }
    /* Not only its host's line says that it is there. */
    rc = this->facts.seen_open ? store_asset_returns(this->scan->store, this->port->asset_id) : 0;
    if (rc == 0) {
        rc = settle_judge(this);
    }
    if (rc == 0) {
        rc = settle_make_evidence(this);
    }
    if (rc == 0) {
        rc = settle_findings(this);
    }
    free(this->evidence);
    return rc;
}

int settle_port(const struct settle_scan *scan, struct settle_asset *asset, const struct store_port *port)
{
    struct settle_case this = {.scan = scan, .asset = asset, .port = port, .front = {.sign = FRONT_NONE}};
    int rc = store_port_places(scan->store, port, &this.places, &this.count);

    if (rc < 0 || this.count == 0) {
        return rc;
    }
    this.looks = calloc(this.count, sizeof(*this.looks));
    rc = this.looks == NULL ? -ENOMEM : settle_case_run(&this);
    free(this.looks);
    free(this.places);
    return rc;
}
