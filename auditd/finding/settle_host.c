#include "auditd/finding/settle_host.h"

#include "auditd/finding/settle_port.h"

#include <errno.h>
#include <string.h>

static struct store_event host_event(const struct settle_host *host, const char *reason)
{
    return (struct store_event){
        .scan_id = host->scan->scan.id,
        .at_ms = host->scan->options->now_ms,
        .actor = "auditd",
        .reason = reason,
        .evidence = host->evidence,
    };
}

int settle_host_find(const struct settle_host *host, struct stored_finding *ret_finding)
{
    char fingerprint[STORE_FINGERPRINT_SIZE];

    store_fingerprint(host->asset->known.uuid, false, 0, host->kind, fingerprint);
    return store_finding_find(host->scan->store, fingerprint, ret_finding);
}

static int host_move(const struct settle_host *host, struct stored_finding *finding, const struct finding_facts *facts,
                     const char *blind_reason)
{
    struct life_target target = life_decide(finding->presence, finding->sight, facts);
    struct store_event event;
    int rc;

    if (target.presence == PRESENCE_FIXED && host->scan->is_held && finding->presence != PRESENCE_FIXED) {
        target.presence = PRESENCE_VERIFYING;
    }
    event = host_event(host, host->reason(target.presence));
    rc = store_finding_presence(host->scan->store, finding, target.presence, &event);

    if (rc > 0) {
        host->scan->result->moved++;
    }
    if (rc >= 0) {
        event = host_event(host, target.sight == SIGHT_FRESH ? "looked at again" : blind_reason);
        rc = store_finding_sight(host->scan->store, finding, target.sight, &event);
    }
    if (rc > 0) {
        host->scan->result->moved++;
    }
    return rc < 0 ? rc : 0;
}

static int host_insert(const struct settle_host *host, const struct verdict *verdict,
                       struct stored_finding *ret_finding)
{
    char fingerprint[STORE_FINGERPRINT_SIZE];
    const struct store_finding_new new_finding = {
        .fingerprint = fingerprint,
        .asset_id = host->asset->id,
        .policy_id = host->scan->options->policy_id,
        .scan_id = host->scan->scan.id,
        /* Only now is it known: what changed since the last audit tells of it. */
        .at_ms = host->scan->options->now_ms,
    };
    int rc;

    store_fingerprint(host->asset->known.uuid, false, 0, host->kind, fingerprint);
    rc = store_finding_insert(host->scan->store, &new_finding, verdict, host->evidence, ret_finding);
    if (rc == 0) {
        host->scan->result->created++;
    }
    return rc;
}

static int host_see_again(const struct settle_host *host, const struct verdict *verdict, int64_t last_seen,
                          struct stored_finding *finding)
{
    struct store *store = host->scan->store;
    struct finding_facts facts = {.seen_open = true, .second_probe = finding->last_scan_id != host->scan->scan.id};
    struct store_event event = host_event(host, "judged again");
    int rc = host_move(host, finding, &facts, "");

    if (rc == 0) {
        rc = store_finding_update(store, finding, verdict, host->scan->options->policy_id, &event);
    }
    return rc < 0 ? rc : store_finding_seen(store, finding->id, host->scan->scan.id, last_seen);
}

int settle_host_seen(const struct settle_host *host, const struct verdict *verdict, int64_t last_seen, int found,
                     struct stored_finding *finding)
{
    struct store *store = host->scan->store;
    int64_t scans;
    int rc = found == -ENOENT ? host_insert(host, verdict, finding) : host_see_again(host, verdict, last_seen, finding);

    if (rc == 0) {
        rc = store_finding_unseen(store, finding->id, false, &scans);
    }
    return rc < 0 ? rc
                  : store_finding_vantage(store, finding->id, host->scan->scan.vantage_id, verdict->breadth_class,
                                          last_seen);
}

int settle_host_unseen(const struct settle_host *host, struct stored_finding *finding)
{
    bool complete = strcmp(host->scan->scan.state, "complete") == 0;
    struct finding_facts facts = {0};
    struct endpoint_proof proof = {0};
    bool ours = false;
    int rc = store_finding_has_vantage(host->scan->store, finding->id, host->scan->scan.vantage_id, &ours);

    if (rc < 0 || !ours || finding->presence == PRESENCE_FIXED) {
        return rc;
    }
    facts.blind = !complete || !host->asset->running;
    facts.looked = !facts.blind;
    facts.any_open = facts.blind;
    if (facts.looked) {
        rc = store_finding_unseen(host->scan->store, finding->id, true, &proof.silent_scans);
        facts.any_verifying = life_word(&proof) == ENDPOINT_WORD_VERIFYING;
        facts.all_cleared = life_word(&proof) == ENDPOINT_WORD_CLEARED;
    }
    if (rc == 0) {
        rc = host_move(host, finding, &facts,
                       complete ? "the host gave no answer: it is down or cannot be reached" : "the scan ended early");
    }
    return rc == 0 && finding->presence == PRESENCE_FIXED
               ? store_finding_vantages_end(host->scan->store, finding->id, host->scan->options->now_ms)
               : rc;
}

int settle_host_allowed(const struct settle_host *host, struct stored_finding *finding)
{
    const struct finding_facts facts = {.seen_open = true, .judged_allowed = true};

    return host_move(host, finding, &facts, "");
}
