/* What a verdict gives a finding: written where it differs, with an event for each attribute that a person reads. */
#include "auditd/store/finding.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* What a person reads as a change, in the order of its events. */
enum finding_word {
    FINDING_SEVERITY,
    FINDING_BREADTH,
    FINDING_SERVICE,
    FINDING_RULE,
    FINDING_NEED,
    FINDING_EVIDENCE,
    FINDING_OWNER,
    FINDING_WORDS,
};

static const char *const finding_word_names[FINDING_WORDS] = {
    [FINDING_SEVERITY] = "severity", [FINDING_BREADTH] = "breadth", [FINDING_SERVICE] = "service",
    [FINDING_RULE] = "rule",         [FINDING_NEED] = "need",       [FINDING_EVIDENCE] = "evidence",
    [FINDING_OWNER] = "owner",
};

/* Borrowed: of a verdict, or of a row that is being read. */
struct finding_words {
    const char *texts[FINDING_WORDS];
    double penalty;
};

static struct finding_words finding_words_of(const struct verdict *verdict)
{
    return (struct finding_words){
        .texts = {[FINDING_SEVERITY] = severity_name(verdict->severity),
                  [FINDING_BREADTH] = verdict->breadth_class,
                  [FINDING_SERVICE] = verdict->service,
                  [FINDING_RULE] = verdict->rule_id,
                  [FINDING_NEED] = verdict->need_kind,
                  [FINDING_EVIDENCE] = verdict->evidence_kind,
                  [FINDING_OWNER] = verdict->owner},
        .penalty = verdict->penalty,
    };
}

/* How many events. */
static int finding_log_changes(struct store *store, const struct finding_words *was, const struct finding_words *now,
                               const struct store_event *event)
{
    struct store_event logged = *event;
    int count = 0;

    for (size_t i = 0; i < FINDING_WORDS; i++) {
        int rc;
        if (strcmp(was->texts[i], now->texts[i]) == 0) {
            continue;
        }
        logged.what = finding_word_names[i];
        logged.was = was->texts[i];
        logged.became = now->texts[i];
        rc = store_event_add(store, &logged);
        if (rc < 0) {
            return rc;
        }
        count++;
    }
    return count;
}

/* What lists are sorted and counted by. */
static bool finding_same_listed(const struct finding_words *a, const struct finding_words *b)
{
    return fabs(a->penalty - b->penalty) < 1e-9 &&
           strcmp(a->texts[FINDING_SEVERITY], b->texts[FINDING_SEVERITY]) == 0 &&
           strcmp(a->texts[FINDING_SERVICE], b->texts[FINDING_SERVICE]) == 0 &&
           strcmp(a->texts[FINDING_RULE], b->texts[FINDING_RULE]) == 0;
}

static bool finding_same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->severity == b->severity && fabs(a->service_weight - b->service_weight) < 1e-9 &&
           fabs(a->breadth - b->breadth) < 1e-9 && fabs(a->evidence - b->evidence) < 1e-9 &&
           fabs(a->need - b->need) < 1e-9 && fabs(a->penalty - b->penalty) < 1e-9 &&
           strcmp(a->service, b->service) == 0 && strcmp(a->rule_id, b->rule_id) == 0 &&
           strcmp(a->breadth_class, b->breadth_class) == 0 && strcmp(a->evidence_kind, b->evidence_kind) == 0 &&
           strcmp(a->need_kind, b->need_kind) == 0 && strcmp(a->owner, b->owner) == 0 &&
           strcmp(a->title, b->title) == 0 && strcmp(a->why, b->why) == 0 && strcmp(a->fix, b->fix) == 0 &&
           strcmp(a->controls, b->controls) == 0;
}

/* By itself, for a statement that names a column writes each index with that column anew, changed or not. */
static int finding_write_listed(struct store *store, int64_t id, const struct verdict *verdict)
{
    return store_run(store,
                     "UPDATE finding SET severity = ?, severity_rank = ?, service = ?, rule_id = ?, penalty = ?"
                     " WHERE id = ?",
                     "tittri", severity_name(verdict->severity), (int64_t)verdict->severity, verdict->service,
                     verdict->rule_id, verdict->penalty, id);
}

/* `changed_ms` 0: nothing that a person reads as a change. */
static int finding_write_words(struct store *store, int64_t id, const struct store_finding_revision *revision,
                               int64_t changed_ms)
{
    const struct verdict *verdict = revision->verdict;

    return store_run(store,
                     "UPDATE finding SET policy_id = ?1, service_weight = ?2, breadth = ?3, breadth_class = ?4,"
                     " evidence = ?5, evidence_kind = ?6, need = ?7, need_kind = ?8, title = ?9, why = ?10, fix = ?11,"
                     " owner = ?12, controls = ?13, verdict_hash = ?14, changed_at = iif(?15 > 0, ?15, changed_at)"
                     " WHERE id = ?16",
                     "irrtrtrttttttiii", revision->policy_id, verdict->service_weight, verdict->breadth,
                     verdict->breadth_class, verdict->evidence, verdict->evidence_kind, verdict->need,
                     verdict->need_kind, verdict->title, verdict->why, verdict->fix, verdict->owner, verdict->controls,
                     revision->hash, changed_ms, id);
}

static int finding_write(struct store *store, int64_t id, const struct store_finding_revision *revision,
                         int64_t changed_ms, bool same_listed)
{
    int rc = finding_write_words(store, id, revision, changed_ms);

    return rc == 0 && !same_listed ? finding_write_listed(store, id, revision->verdict) : rc;
}

int store_finding_update(struct store *store, struct stored_finding *finding, const struct verdict *verdict,
                         int64_t policy_id, const struct store_event *event)
{
    const struct finding_words was = finding_words_of(&finding->verdict);
    const struct finding_words now = finding_words_of(verdict);
    const struct store_finding_revision revision = {verdict, verdict_hash(verdict), policy_id};
    struct store_event logged = *event;
    int count;
    int rc;

    if (finding->policy_id == policy_id && finding_same_verdict(&finding->verdict, verdict)) {
        return 0;
    }
    logged.finding_id = finding->id;
    count = finding_log_changes(store, &was, &now, &logged);
    if (count < 0) {
        return count;
    }
    rc = finding_write(store, finding->id, &revision, count > 0 ? event->at_ms : 0, finding_same_listed(&was, &now));
    if (rc < 0) {
        return rc;
    }
    finding->policy_id = policy_id;
    finding->verdict = *verdict;
    return count;
}

int store_finding_log_revision(struct store *store, const struct store_finding_revision *revision,
                               const struct store_event *event, bool *ret_listed)
{
    const struct finding_words now = finding_words_of(revision->verdict);
    struct finding_words was;
    sqlite3_stmt *row;
    int count;
    int rc = store_query(store, &row,
                         "SELECT severity, breadth_class, service, rule_id, need_kind, evidence_kind, owner, penalty"
                         " FROM finding WHERE id = ?",
                         "i", event->finding_id);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    for (int i = 0; i < FINDING_WORDS; i++) {
        was.texts[i] = store_text(row, i);
    }
    was.penalty = sqlite3_column_double(row, FINDING_WORDS);
    *ret_listed = !finding_same_listed(&was, &now);
    count = finding_log_changes(store, &was, &now, event);
    store_walked(row);
    return count;
}

int store_finding_revise(struct store *store, int64_t finding_id, const struct store_finding_revision *revision,
                         int64_t changed_ms, bool listed)
{
    return finding_write(store, finding_id, revision, changed_ms, !listed);
}
