#include "auditd/finding/rejudge_plan.h"

#include "auditd/finding/settle_declared.h"
#include "auditd/finding/settle_front.h"
#include "auditd/policy/policy.h"
#include "auditd/policy/rule.h"
#include "auditd/policy/verdict_memo.h"
#include "auditd/store/cloud_verdict.h"
#include "auditd/store/finding.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KIND_SIZE = VERDICT_NAME_SIZE };

/* A row of the index over findings. */
struct known {
    struct store_port port;
    char kind[KIND_SIZE];
    enum presence presence;
    int64_t hash;
    int64_t id;
    bool retired;
};

struct judged {
    const struct verdict *verdict;
    int64_t hash;
};

struct making {
    struct store *store;
    const struct rejudge_options *options;
    struct rejudge_plan *plan;
    struct standings standings; /* for what stands before pages */
    struct verdict_memo *memo;
    sqlite3_stmt *findings;
    bool has_known; /* `known` stands at the first that was not passed yet */
    struct known known;
    bool has_declared;        /* a cloud's verdicts are stored */
    bool has_every_port;      /* some host's every port accepts */
    int64_t every_port_asset; /* of which the next is known */
    bool is_every_port;
};

/* ---- findings, in the survey's order ---- */

static int compare_ports(const struct store_port *a, const struct store_port *b)
{
    if (a->asset_id != b->asset_id) {
        return a->asset_id < b->asset_id ? -1 : 1;
    }
    if (a->is_udp != b->is_udp) {
        return a->is_udp ? 1 : -1;
    }
    return a->port == b->port ? 0 : a->port < b->port ? -1 : 1;
}

static int known_next(struct making *making)
{
    struct known *known = &making->known;
    sqlite3_stmt *row = making->findings;
    int rc = store_step(making->store, row);

    making->has_known = rc == 1;
    if (rc <= 0) {
        making->findings = NULL;
        return rc;
    }
    known->port.asset_id = sqlite3_column_int64(row, 0);
    known->port.is_udp = store_text(row, 1)[0] == 'u';
    known->port.port = (uint16_t)sqlite3_column_int(row, 2);
    snprintf(known->kind, sizeof(known->kind), "%s", store_text(row, 3));
    known->hash = sqlite3_column_int64(row, 5);
    known->id = sqlite3_column_int64(row, 6);
    known->retired = sqlite3_column_int(row, 7) != 0;
    if (presence_parse(store_text(row, 4), &known->presence) < 0) {
        return store_fail(making->store, STORE_FAULT_CORRUPT, -EUCLEAN, "finding %lld is in no known state",
                          (long long)known->id);
    }
    return 0;
}

static int known_seek(struct making *making, const struct store_port *port)
{
    int rc = 0;

    while (rc == 0 && making->has_known && compare_ports(&making->known.port, port) < 0) {
        rc = known_next(making);
    }
    return rc;
}

/* ---- one port ---- */

struct matched {
    const struct judged *judged; /* of the port: the exposure's and those of checks */
    size_t count;
    bool has[1 + CHECKS_MAX]; /* a finding of that kind is stored */
    bool changed;             /* one begins, moves, or gets one of too many verdicts: the port is judged once more */
    size_t altered;           /* how many were altered before this port */
};

void rejudge_change_verdicts(struct rejudge_change *change, const struct verdict *was, const struct verdict *is)
{
    static const char *const severities[] = {"", "low", "medium", "high", "critical"};
    const struct verdict *named = is != NULL ? is : was;

    change->kind = named == NULL ? change->kind : named->kind;
    change->title = named == NULL ? change->title : named->title;
    change->was_rule = was == NULL ? "" : was->rule_id;
    change->was_severity = was == NULL ? "" : severities[was->severity];
    change->was_need = was == NULL ? "" : was->need_kind;
    change->was_owner = was == NULL ? "" : was->owner;
    change->rule = is == NULL ? "" : is->rule_id;
    change->severity = is == NULL ? "" : severities[is->severity];
    change->need = is == NULL ? "" : is->need_kind;
    change->owner = is == NULL ? "" : is->owner;
}

static void tell(const struct making *making, const struct survey_port *port, int64_t finding_id,
                 const struct verdict *verdict)
{
    struct stored_finding was = {0};
    struct rejudge_change change = {
        .realm = port->realm,
        .address = port->address,
        .name = port->known->name_count > 0 ? port->known->names[0] : "",
        .port = port->port,
    };
    bool was_there = finding_id != 0 && store_finding_get(making->store, finding_id, &was) == 0;

    if (was_there) {
        change.kind = was.verdict.kind;
        change.title = was.verdict.title;
    }
    rejudge_change_verdicts(&change, was_there && was.presence != PRESENCE_ALLOWED ? &was.verdict : NULL, verdict);
    making->options->on_change(making->options->context, &change);
}

static void note(struct making *making, const struct survey_port *port, int64_t finding_id,
                 const struct verdict *verdict, uint64_t *counter)
{
    (*counter)++;
    if (making->options->on_change != NULL) {
        tell(making, port, finding_id, verdict);
    }
}

static int match_altered(const struct making *making, const struct judged *judged, struct matched *matched)
{
    int rc = rejudge_altered_add(making->plan->altered, making->known.id, judged->verdict, judged->hash);

    if (rc == -ENOMEM) {
        return store_fail(making->store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    matched->changed = matched->changed || rc < 0;
    return 0;
}

/* A stored finding of the port beside the verdict of its kind. What is being verified, or was proven closed, waits for
 * a scan. */
static int match_known(struct making *making, const struct survey_port *port, struct matched *matched)
{
    const struct known *known = &making->known;
    struct rejudge_result *result = &making->plan->result;
    const struct judged *judged = NULL;
    bool open =
        known->presence == PRESENCE_NEW || known->presence == PRESENCE_OPEN || known->presence == PRESENCE_REAPPEARED;

    for (size_t i = 0; i < matched->count; i++) {
        if (strcmp(matched->judged[i].verdict->kind, known->kind) == 0) {
            matched->has[i] = true;
            judged = &matched->judged[i];
        }
    }
    if (known->retired || strcmp(known->kind, STORE_KIND_EPHEMERAL) == 0 || store_kind_is_claimed(known->kind) ||
        (!open && known->presence != PRESENCE_ALLOWED)) {
        return 0;
    }
    if (judged == NULL || judged->verdict->verdict == VERDICT_ALLOWED) {
        if (open) {
            matched->changed = true;
            note(making, port, known->id, NULL, &result->allowed);
        }
    } else if (!open) {
        matched->changed = true;
        note(making, port, known->id, judged->verdict, &result->opened);
    } else if (judged->hash != known->hash) {
        note(making, port, known->id, judged->verdict, &result->altered);
        return match_altered(making, judged, matched);
    }
    return 0;
}

static int plan_add(struct rejudge_plan *plan, const struct store_port *port)
{
    if (plan->count == plan->size) {
        size_t size = plan->size == 0 ? 256 : plan->size * 2;
        struct store_port *grown = reallocarray(plan->ports, size, sizeof(*grown));
        if (grown == NULL) {
            return -ENOMEM;
        }
        plan->ports = grown;
        plan->size = size;
    }
    plan->ports[plan->count++] = *port;
    return 0;
}

/* A port whose findings are altered and nothing else is not judged once more to be written. */
static int match_end(struct rejudge_plan *plan, const struct survey_port *port, const struct matched *matched)
{
    if (matched->changed) {
        rejudge_altered_cut(plan->altered, matched->altered);
        plan->result.ports++;
        return plan_add(plan, &port->port);
    }
    plan->result.ports += rejudge_altered_count(plan->altered) > matched->altered;
    return 0;
}

static int match(struct making *making, const struct survey_port *port, const struct judged *judged, size_t count)
{
    struct rejudge_altered *altered = making->plan->altered;
    struct matched matched = {.judged = judged, .count = count, .altered = rejudge_altered_count(altered)};
    int rc = known_seek(making, &port->port);

    while (rc == 0 && making->has_known && compare_ports(&making->known.port, &port->port) == 0) {
        rc = match_known(making, port, &matched);
        rc = rc == 0 ? known_next(making) : rc;
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (!matched.has[i] && judged[i].verdict->verdict != VERDICT_ALLOWED) {
            matched.changed = true;
            note(making, port, 0, judged[i].verdict, &making->plan->result.opened);
        }
    }
    return rc == 0 ? match_end(making->plan, port, &matched) : rc;
}

static const char *fact_of(const struct exposure *exposure, const char *name)
{
    for (size_t i = 0; i < exposure->fact_count; i++) {
        if (strcmp(exposure->facts[i].name, name) == 0) {
            return exposure->facts[i].value;
        }
    }
    return NULL;
}

/* What stands before a page is found through other endpoints: by the judge of scans. */
static int find_front(struct making *making, const struct survey_port *port, const struct verdict *verdict,
                      struct front *ret_front)
{
    struct settle_options settle = settle_options_default();
    struct settle_scan scan = {
        .store = making->store, .options = &settle, .realm = port->realm, .standings = &making->standings};
    const struct settle_view view = {.scan = &scan, .known = port->known, .port = &port->port};
    struct settle_exposed exposed = {.exposure = *port->exposure, .address = port->address};
    struct store_fact page = {"http.body_sha256", fact_of(port->exposure, "http.body_sha256")};

    if (verdict->verdict != VERDICT_FINDING || page.value == NULL) {
        return 0;
    }
    exposed.stored = (struct store_facts){&page, 1};
    settle.policy = making->options->policy;
    settle.now_ms = making->options->now_ms;
    scan.scan.realm_id = port->realm_id;
    return settle_front(&view, &exposed, verdict, ret_front);
}

/* As scans ask. */
static int find_declared(struct making *making, const struct survey_port *port, struct cloud_declared *ret_declared)
{
    struct settle_options settle = settle_options_default();
    struct settle_scan scan = {.store = making->store, .options = &settle, .realm = port->realm};
    const struct settle_view view = {.scan = &scan, .known = port->known, .port = &port->port};
    const struct settle_exposed exposed = {.exposure = *port->exposure, .address = port->address};

    settle.policy = making->options->policy;
    return making->has_declared ? settle_declared(&view, &exposed, ret_declared) : 0;
}

/* The finding of a host of which every port accepts stands for those at which nobody answered: scans make and move it.
 */
static int is_stood_for(struct making *making, const struct survey_port *port, bool *ret_is)
{
    int rc = 0;

    *ret_is = false;
    if (!making->has_every_port || port->port.is_udp || fact_of(port->exposure, "service") != NULL) {
        return 0;
    }
    if (making->every_port_asset != port->port.asset_id) {
        rc = store_answer_is_every_port(making->store, port->port.asset_id, 0, &making->is_every_port);
        making->every_port_asset = rc == 0 ? port->port.asset_id : 0;
    }
    *ret_is = rc == 0 && making->is_every_port;
    return rc;
}

static int judge(void *context, const struct survey_port *port)
{
    struct making *making = context;
    bool stood_for;
    struct verdict checked[CHECKS_MAX];
    struct judged judged[1 + CHECKS_MAX];
    struct exposure exposure = *port->exposure;
    const struct verdict *verdict;
    struct cloud_declared declared;
    struct front front;
    int64_t hash;
    size_t count = 0;
    int rc = 0;

    rc = is_stood_for(making, port, &stood_for);
    if (rc < 0 || stood_for) {
        return rc;
    }
    making->plan->result.endpoints++;
    verdict = verdict_memo_judge(making->memo, &exposure, &hash);
    if (verdict == NULL) {
        return store_fail(making->store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    judged[count++] = (struct judged){verdict, hash};
    rc = find_declared(making, port, &declared);
    exposure.cloud = rc > 0 ? &declared : NULL;
    if (rc >= 0 && exposure.fact_count > 0) {
        rc = find_front(making, port, verdict, &front);
        exposure.front = rc > 0 ? &front : NULL;
    }
    if (exposure.fact_count > 0 || exposure.cloud != NULL) {
        count += rc < 0 ? 0 : checks_judge(&exposure, verdict, checked);
    }
    for (size_t i = 1; i < count; i++) {
        judged[i] = (struct judged){&checked[i - 1], verdict_hash(&checked[i - 1])};
    }
    return rc < 0 ? rc : match(making, port, judged, count);
}

int rejudge_plan_make(struct store *store, const struct rejudge_options *options, struct rejudge_plan *plan)
{
    struct making making = {.store = store, .options = options, .plan = plan};
    struct survey_options survey = survey_options_default();
    int rc;

    plan->altered = rejudge_altered_create();
    if (plan->altered == NULL) {
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    rc = store_cloud_verdicts_any(store, &making.has_declared);
    if (rc < 0) {
        return rc;
    }
    rc = store_query(store, &making.findings,
                     "SELECT asset_id, proto, port, kind, presence, verdict_hash, id, sight = 'RETIRED' FROM finding"
                     " INDEXED BY finding_by_asset ORDER BY asset_id, proto, port, kind",
                     "");

    survey.policy = options->policy;
    survey.now_ms = options->now_ms;
    survey.max_age_ms = options->max_age_ms;
    if (rc == 0) {
        making.memo = verdict_memo_create(options->policy);
        rc = making.memo == NULL ? store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory") : known_next(&making);
    }
    if (rc == 0) {
        rc = standings_load(store, policy_rules(options->policy)->group_count, &making.standings);
    }
    if (rc == 0) {
        rc = store_answer_is_every_port(store, 0, 0, &making.has_every_port);
    }
    if (rc == 0) {
        rc = survey_walk(store, &survey, judge, &making);
    }
    if (making.findings != NULL) {
        store_walked(making.findings);
    }
    verdict_memo_destroy(making.memo);
    standings_done(&making.standings);
    return rc;
}

void rejudge_plan_done(struct rejudge_plan *plan)
{
    free(plan->ports);
    rejudge_altered_destroy(plan->altered);
    *plan = (struct rejudge_plan){0};
}
