#include "auditd/finding/settle_every.h"

#include "auditd/finding/settle_host.h"
#include "auditd/finding/settle_port.h"
#include "auditd/store/answer.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int settle_every_load(const struct settle_scan *scan, int64_t asset_id, struct settle_every *ret_every)
{
    *ret_every = (struct settle_every){0};
    return store_answer_is_every_port(scan->store, asset_id, scan->scan.vantage_id, &ret_every->is);
}

static bool every_knows_service(const struct exposure *exposure)
{
    for (size_t i = 0; i < exposure->fact_count; i++) {
        if (strcmp(exposure->facts[i].name, "service") == 0) {
            return true;
        }
    }
    return false;
}

/* Among those of one place the narrowest verdict is without what a rule added to the place's own breadth. */
static bool is_wider(const struct settle_every *every, const struct exposure *exposure, const struct verdict *verdict)
{
    return exposure->vantage_class > every->vantage_class ||
           (exposure->vantage_class == every->vantage_class && verdict->breadth < every->verdict.breadth);
}

bool settle_every_takes(struct settle_every *every, const struct exposure *exposure, const struct verdict *verdict,
                        int64_t seen_ms)
{
    if (!every->is || strcmp(exposure->proto, "tcp") != 0 || every_knows_service(exposure)) {
        return false;
    }
    every->looked++;
    if (verdict->verdict != VERDICT_ALLOWED) {
        if (every->refused == 0 || is_wider(every, exposure, verdict)) {
            every->vantage_class = exposure->vantage_class;
            every->verdict = *verdict;
        }
        every->refused++;
    }
    every->last_seen = seen_ms > every->last_seen ? seen_ms : every->last_seen;
    return true;
}

/* It weighs as a single port of which nothing is known. */
static void every_verdict(const struct settle_every *every, struct verdict *ret_verdict)
{
    static const double weight = 5;
    static const double need = 0.8;
    struct verdict *verdict = ret_verdict;

    *verdict = every->verdict;
    snprintf(verdict->kind, sizeof(verdict->kind), "%s", STORE_KIND_EVERY_PORT);
    snprintf(verdict->service, sizeof(verdict->service), "unknown");
    snprintf(verdict->rule_id, sizeof(verdict->rule_id), "default");
    snprintf(verdict->evidence_kind, sizeof(verdict->evidence_kind), "seen");
    snprintf(verdict->need_kind, sizeof(verdict->need_kind), "unknown");
    verdict->service_weight = weight;
    verdict->evidence = 1;
    verdict->need = need;
    verdict->penalty = weight * verdict->breadth * need;
    verdict->severity = judge_severity(verdict->penalty);
    snprintf(verdict->subject, sizeof(verdict->subject), "Every port");
    snprintf(verdict->title, sizeof(verdict->title),
             "Every port accepts connections: a middlebox or a tarpit answers for the host");
    snprintf(
        verdict->why, sizeof(verdict->why),
        "Ports that nobody uses accept, too, so that an open port of this host says nothing of a service. Where one "
        "answered it has a finding of its own; behind the others there may be anything or nothing.");
    snprintf(verdict->fix, sizeof(verdict->fix),
             "Find out what answers (a load balancer, a SYN proxy against floods, a tarpit) and let it pass only the "
             "ports that are served; look at the host from behind it to see which these are.");
}

static const char *every_reason(enum presence to)
{
    switch (to) {
    case PRESENCE_OPEN:
        return "every port accepted again";
    case PRESENCE_REAPPEARED:
        return "every port accepts again after it had not for two complete scans";
    case PRESENCE_VERIFYING:
        return "a complete scan saw a host with ports of its own";
    case PRESENCE_FIXED:
        return "two complete scans in a row saw a host with ports of its own";
    case PRESENCE_ALLOWED:
        return "the policy allows all of its ports";
    case PRESENCE_NEW:
    case PRESENCE_FOLDED:
        break;
    }
    return "";
}

static char *every_evidence(const struct settle_scan *scan, const struct settle_asset *asset)
{
    json_t *evidence =
        json_pack("{s:s, s:s, s:b, s:I}", "scan", scan->scan.uuid, "scan_state", scan->scan.state, "asset_running",
                  asset->running ? 1 : 0, "open_ports_without_service", (json_int_t)asset->every.looked);
    char *text = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT);

    json_decref(evidence);
    return text;
}

static int every_move(const struct settle_host *host, int found, struct stored_finding *finding)
{
    const struct settle_every *every = &host->asset->every;
    struct verdict verdict;

    if (every->refused > 0) {
        every_verdict(every, &verdict);
        return settle_host_seen(host, &verdict, every->last_seen, found, finding);
    }
    if (found == -ENOENT) {
        return 0;
    }
    if (every->looked > 0) {
        return settle_host_allowed(host, finding);
    }
    /* A second look at some of its ports asks nobody what answers, and tells nothing of the host. */
    return every->is || !host->scan->asks ? 0 : settle_host_unseen(host, finding);
}

int settle_every(const struct settle_scan *scan, const struct settle_asset *asset)
{
    struct settle_host host = {.scan = scan, .asset = asset, .kind = STORE_KIND_EVERY_PORT, .reason = every_reason};
    struct stored_finding finding;
    char *evidence;
    int found = settle_host_find(&host, &finding);
    int rc;

    if (found == -ENOENT && asset->every.refused == 0) {
        return 0;
    }
    if (found < 0 && found != -ENOENT) {
        return found;
    }
    evidence = every_evidence(scan, asset);
    if (evidence == NULL) {
        return -ENOMEM;
    }
    host.evidence = evidence;
    rc = every_move(&host, found, &finding);
    free(evidence);
    return rc;
}
