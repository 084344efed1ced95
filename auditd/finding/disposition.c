#include "auditd/finding/disposition.h"

#include "auditd/finding/grant.h"
#include "auditd/store/sql.h"
#include "lib/clock.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool disposition_counts(const struct stored_finding *finding)
{
    switch (finding->presence) {
    case PRESENCE_NEW:
    case PRESENCE_OPEN:
    case PRESENCE_VERIFYING:
    case PRESENCE_REAPPEARED:
        return finding->sight != SIGHT_RETIRED;
    case PRESENCE_FIXED:
    case PRESENCE_ALLOWED:
    case PRESENCE_FOLDED:
        break;
    }
    return false;
}

int disposition_acknowledge(struct store *store, struct stored_finding *finding, const struct store_event *event)
{
    return store_finding_disposition(store, finding, DISPOSITION_ACKNOWLEDGED, event);
}

/* What a waiver accepts, as its event keeps it. The caller frees it; NULL when out of memory. */
static char *disposition_evidence(const struct stored_finding *finding, const struct store_waiver_terms *terms)
{
    char until[WALL_TEXT_SIZE];
    json_t *evidence = json_pack("{s:s, s:s, s:f, s:s, s:s, s:b}", "owner", terms->owner, "until",
                                 wall_format(terms->until_ms, until), "accepted_breadth", finding->verdict.breadth,
                                 "accepted_breadth_class", finding->verdict.breadth_class, "accepted_service",
                                 finding->verdict.service, "by_rule", terms->grant_id != 0);
    char *text = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT | JSON_REAL_PRECISION(15));

    json_decref(evidence);
    return text;
}

int disposition_waive(struct store *store, struct stored_finding *finding, const struct store_waiver_terms *terms)
{
    char *evidence = disposition_evidence(finding, terms);
    struct store_event event = {
        .finding_id = finding->id,
        .at_ms = terms->at_ms,
        .actor = terms->actor,
        .what = "waiver",
        .was = "replaced",
        .became = "replaced",
        .reason = terms->reason,
        .evidence = evidence,
    };
    int rc = evidence == NULL ? -ENOMEM : store_waiver_put(store, finding, terms);

    if (rc == 0) {
        rc = store_finding_disposition(store, finding, DISPOSITION_WAIVED, &event);
    }
    /* The column stands where it stood, but what is accepted now is another thing. */
    if (rc == 0) {
        event.was = "WAIVED";
        event.became = "WAIVED";
        rc = store_event_add(store, &event);
    }
    free(evidence);
    return rc < 0 ? rc : 1;
}

int disposition_reopen(struct store *store, struct stored_finding *finding, const struct store_event *event)
{
    int rc = store_waiver_end(store, finding->id, event->reason, event->at_ms);

    return rc < 0 ? rc : store_finding_disposition(store, finding, DISPOSITION_NONE, event);
}

static void disposition_say_why(const struct store_broken *broken, const struct stored_finding *finding, char *reason,
                                size_t size)
{
    const char *what = finding->disposition == DISPOSITION_WAIVED ? "waiver" : "acknowledgement";
    char until[WALL_TEXT_SIZE];

    switch (broken->breach) {
    case STORE_BREACH_ENDED:
        snprintf(reason, size, "the waiver ended at %s", wall_format(broken->until_ms, until));
        break;
    case STORE_BREACH_WIDER:
        snprintf(reason, size, "wider than the %s accepted: breadth %g (%s), accepted %g", what,
                 finding->verdict.breadth, finding->verdict.breadth_class, broken->accepted_breadth);
        break;
    case STORE_BREACH_SERVICE:
        snprintf(reason, size, "another service than the %s accepted: %s, accepted %s", what, finding->verdict.service,
                 broken->accepted_service);
        break;
    }
}

static int disposition_break(struct store *store, const struct store_broken *broken, int64_t now_ms, int64_t scan_id,
                             uint64_t *moved)
{
    struct stored_finding finding;
    char reason[320];
    char evidence[256];
    const struct store_event event = {
        .scan_id = scan_id, .at_ms = now_ms, .actor = "auditd", .reason = reason, .evidence = evidence};
    int rc = store_finding_get(store, broken->finding_id, &finding);

    if (rc < 0) {
        return rc;
    }
    disposition_say_why(broken, &finding, reason, sizeof(reason));
    snprintf(evidence, sizeof(evidence), "{\"accepted_breadth\":%.15g,\"breadth\":%.15g}", broken->accepted_breadth,
             finding.verdict.breadth);
    rc = disposition_reopen(store, &finding, &event);
    *moved += rc > 0 ? 1 : 0;
    return rc < 0 ? rc : 0;
}

int disposition_enforce(struct store *store, int64_t now_ms, int64_t scan_id, uint64_t *moved)
{
    struct store_broken broken = {0};
    int rc;

    while ((rc = store_waiver_broken(store, now_ms, broken.finding_id, &broken)) == 0) {
        rc = disposition_break(store, &broken, now_ms, scan_id, moved);
        if (rc < 0) {
            return rc;
        }
    }
    broken = (struct store_broken){0};
    while (rc == -ENOENT && (rc = store_acknowledgement_broken(store, broken.finding_id, &broken)) == 0) {
        rc = disposition_break(store, &broken, now_ms, scan_id, moved);
        if (rc < 0) {
            return rc;
        }
        rc = -ENOENT;
    }
    return rc == -ENOENT ? grants_apply(store, now_ms, scan_id, moved) : rc;
}

int disposition_is_due(struct store *store, int64_t now_ms, bool *ret_due)
{
    int64_t due = 0;
    int rc = store_query_int(store, &due,
                             "SELECT EXISTS (SELECT 1 FROM waiver WHERE ended_at IS NULL AND until <= ?1)"
                             " OR EXISTS (SELECT 1 FROM waiver_grant WHERE ended_at IS NULL AND until <= ?1)",
                             "i", now_ms);

    if (rc == 0) {
        *ret_due = due != 0;
    }
    return rc;
}
