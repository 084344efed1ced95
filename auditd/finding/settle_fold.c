#include "auditd/finding/settle_fold.h"

#include "auditd/finding/settle_host.h"
#include "auditd/finding/settle_port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLD_PORTS_NAMED = 8 };

/* What the asset's findings say of its short-lived listeners. */
struct fold_survey {
    uint64_t folded;
    bool covered; /* the scan's plan has all their ports */
    bool pending; /* one is seen that may yet come to be folded, or to stay */
    char named[FOLD_PORTS_NAMED * 7 + 8];
};

struct fold_case {
    const struct settle_scan *scan;
    const struct settle_asset *asset;
    struct fold_survey survey;
    char *evidence;
};

static bool fold_is_ephemeral(const struct stored_finding *finding)
{
    return !finding->is_udp && finding->port >= SETTLE_EPHEMERAL_FIRST && finding->port <= SETTLE_EPHEMERAL_LAST &&
           strcmp(finding->verdict.rule_id, "default") == 0;
}

int settle_fold_is_fleeting(struct store *store, const struct stored_finding *finding, bool *ret_fleeting)
{
    bool confirmed = true;
    int rc = 0;

    if (fold_is_ephemeral(finding) && finding->disposition == DISPOSITION_NONE) {
        rc = store_finding_was_confirmed(store, finding->id, &confirmed);
    }
    if (rc == 0) {
        *ret_fleeting = !confirmed;
    }
    return rc;
}

int settle_fold_add(struct settle_fold *fold, const struct stored_finding *finding, int64_t gone_ms)
{
    if (fold->listeners == NULL) {
        fold->listeners = json_array();
    }
    if (json_array_append_new(fold->listeners, json_pack("{s:i, s:I, s:I}", "port", (int)finding->port, "seen",
                                                         (json_int_t)finding->last_seen, "gone", (json_int_t)gone_ms)) <
        0) {
        return -ENOMEM;
    }
    if (json_array_size(fold->listeners) == 1 || finding->verdict.breadth > fold->verdict.breadth) {
        fold->verdict = finding->verdict;
    }
    if (finding->last_seen > fold->last_seen) {
        fold->last_seen = finding->last_seen;
    }
    return 0;
}

void settle_fold_done(struct settle_fold *fold)
{
    json_decref(fold->listeners);
    *fold = (struct settle_fold){0};
}

static bool fold_is_planned(const struct fold_case *this, uint16_t port)
{
    for (size_t i = 0; i < this->asset->known.address_count; i++) {
        if (scan_plan_has_endpoint(this->scan->plan, &this->asset->known.addresses[i], false, port)) {
            return true;
        }
    }
    return false;
}

static void fold_survey_one(struct fold_case *this, const struct stored_finding *finding)
{
    struct fold_survey *survey = &this->survey;
    size_t used = strlen(survey->named);

    if (!fold_is_ephemeral(finding)) {
        return;
    }
    survey->pending = survey->pending || finding->presence == PRESENCE_NEW || finding->presence == PRESENCE_VERIFYING;
    if (finding->presence != PRESENCE_FOLDED) {
        return;
    }
    survey->covered = survey->covered && fold_is_planned(this, finding->port);
    if (survey->folded < FOLD_PORTS_NAMED) {
        snprintf(survey->named + used, sizeof(survey->named) - used, "%s%u", used > 0 ? ", " : "", finding->port);
    } else if (survey->folded == FOLD_PORTS_NAMED) {
        snprintf(survey->named + used, sizeof(survey->named) - used, ", …");
    }
    survey->folded++;
}

static int fold_survey(struct fold_case *this)
{
    struct stored_finding finding = {0};
    int rc;

    this->survey = (struct fold_survey){.covered = true};
    while ((rc = store_finding_next(this->scan->store, this->asset->id, finding.id, &finding)) == 0) {
        fold_survey_one(this, &finding);
    }
    return rc == -ENOENT ? 0 : rc;
}

static void fold_verdict(const struct fold_case *this, struct verdict *ret_verdict)
{
    struct verdict *verdict = ret_verdict;
    uint64_t count = this->survey.folded;

    *verdict = this->asset->fold.verdict;
    snprintf(verdict->kind, sizeof(verdict->kind), "%s", STORE_KIND_EPHEMERAL);
    snprintf(verdict->service, sizeof(verdict->service), "unknown");
    snprintf(verdict->title, sizeof(verdict->title),
             "%llu listener%s came and went on ephemeral ports: no rule allows %s", (unsigned long long)count,
             count == 1 ? "" : "s", count == 1 ? "it" : "them");
    snprintf(
        verdict->why, sizeof(verdict->why),
        "Ports that a host lends for a while (%d to %d) were open at one look and closed at the next: %s. Nothing in "
        "the policy says who needs them.",
        SETTLE_EPHEMERAL_FIRST, SETTLE_EPHEMERAL_LAST, this->survey.named);
    snprintf(
        verdict->fix, sizeof(verdict->fix),
        "Find the program while it listens (ss -ltnp): passive FTP, RPC and debuggers do this. Bind it to loopback, "
        "or give it a fixed port that an allow rule names, or stop it.");
}

static const char *fold_reason(enum presence to)
{
    switch (to) {
    case PRESENCE_OPEN:
        return "another listener came and went";
    case PRESENCE_REAPPEARED:
        return "listeners came and went again after none had for two complete scans";
    case PRESENCE_VERIFYING:
        return "a complete scan saw none";
    case PRESENCE_FIXED:
        return "two complete scans in a row saw none";
    case PRESENCE_NEW:
    case PRESENCE_ALLOWED:
    case PRESENCE_FOLDED:
        break;
    }
    return "";
}

/* Some were folded by this scan. `found`: what looking for the finding gave. */
static int fold_seen(const struct fold_case *this, const struct settle_host *host, int found,
                     struct stored_finding *finding)
{
    struct verdict verdict;

    fold_verdict(this, &verdict);
    return settle_host_seen(host, &verdict, this->asset->fold.last_seen, found, finding);
}

/* None was folded by this scan: does it count as having looked? */
static int fold_unseen(const struct fold_case *this, const struct settle_host *host, struct stored_finding *finding)
{
    return this->survey.pending || !this->survey.covered ? 0 : settle_host_unseen(host, finding);
}

static int fold_make_evidence(struct fold_case *this)
{
    json_t *listeners = this->asset->fold.listeners;
    json_t *evidence =
        json_pack("{s:s, s:s, s:b, s:O?}", "scan", this->scan->scan.uuid, "scan_state", this->scan->scan.state,
                  "asset_running", this->asset->running ? 1 : 0, "listeners", listeners);

    this->evidence = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT);
    json_decref(evidence);
    return this->evidence == NULL ? -ENOMEM : 0;
}

int settle_fold(const struct settle_scan *scan, const struct settle_asset *asset)
{
    struct fold_case this = {.scan = scan, .asset = asset};
    struct settle_host host = {.scan = scan, .asset = asset, .kind = STORE_KIND_EPHEMERAL, .reason = fold_reason};
    struct stored_finding finding;
    int found = settle_host_find(&host, &finding);
    int rc;

    if (found == -ENOENT && asset->fold.listeners == NULL) {
        return 0;
    }
    if (found < 0 && found != -ENOENT) {
        return found;
    }
    rc = fold_survey(&this);
    if (rc == 0) {
        rc = fold_make_evidence(&this);
        host.evidence = this.evidence;
    }
    if (rc == 0) {
        rc = asset->fold.listeners != NULL ? fold_seen(&this, &host, found, &finding)
                                           : fold_unseen(&this, &host, &finding);
    }
    free(this.evidence);
    return rc;
}
