#include "auditd/finding/decide.h"

#include "auditd/finding/disposition.h"
#include "auditd/finding/finding_name.h"
#include "auditd/finding/grant.h"
#include "auditd/finding/scoring.h"
#include "auditd/finding/waiver_csv.h"
#include "auditd/policy/shape.h"
#include "auditd/store/asset.h"
#include "lib/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct decide {
    struct store *store;
    const struct decide_options *options;
    json_t *findings; /* of the answer */
    json_t *grants;
    uint64_t moved;
    bool skips;         /* what cannot be moved is told of and left */
    int64_t last_event; /* of the finding, as who asks saw it; 0: whichever */
    char *ret_reason;
};

typedef int decide_fn(struct decide *decide, const json_t *request);

static int decide_refuse(struct decide *decide, int rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int decide_refuse(struct decide *decide, int rc, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(decide->ret_reason, DECIDE_REASON_SIZE, format, args);
    va_end(args);
    return rc;
}

int decide_until_parse(const char *text, int64_t *ret_ms)
{
    return policy_until_parse(text, ret_ms) == 0 ? 0 : wall_parse(text, ret_ms);
}

/* A text that is there, with something in it, and not too long. */
static int decide_text(struct decide *decide, const json_t *request, const char *name, const char **ret_text)
{
    const char *text = json_string_value(json_object_get(request, name));

    if (text == NULL || text[strspn(text, " \t\r\n")] == '\0') {
        return decide_refuse(decide, -EINVAL, "\"%s\" is missing or empty", name);
    }
    if (strlen(text) > DECIDE_TEXT_MAX) {
        return decide_refuse(decide, -EINVAL, "\"%s\" is longer than %d bytes", name, DECIDE_TEXT_MAX);
    }
    *ret_text = text;
    return 0;
}

/* ---- findings ---- */

static int decide_note(struct decide *decide, const char *name, const struct stored_finding *finding, int rc)
{
    struct store_asset_label label;
    int got = store_asset_label(decide->store, finding->asset_id, &label);
    json_t *row;

    if (got < 0) {
        return got;
    }
    row = json_pack("{s:I, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:b}", "id", (json_int_t)finding->id, "name",
                    name, "realm", label.realm, "host", label.address, "proto", finding->is_udp ? "udp" : "tcp", "port",
                    (int)finding->port, "kind", finding->verdict.kind, "service", finding->verdict.service, "severity",
                    severity_name(finding->verdict.severity), "disposition", disposition_name(finding->disposition),
                    "moved", rc > 0);

    decide->moved += rc > 0 ? 1 : 0;
    return row == NULL || json_array_append_new(decide->findings, row) < 0 ? -ENOMEM : 0;
}

struct decide_each {
    /* Of those that a name means, which are meant here. */
    bool (*wants)(const struct stored_finding *finding);
    const char *none; /* what to say when it is none of them */
    int (*move)(struct decide *decide, struct stored_finding *finding, const void *context);
    const void *context;
};

/* Whether it stands as who asks saw it. */
static int decide_check(struct decide *decide, const struct stored_finding *finding, const char *name)
{
    int64_t last_event = 0;
    int rc = decide->last_event == 0 ? 0 : store_finding_last_event(decide->store, finding->id, &last_event);

    return rc == 0 && last_event != decide->last_event
               ? decide_refuse(decide, -ESTALE, "%.120s has changed since it was read", name)
               : rc;
}

/* 1 when it is one of those that are meant. */
static int decide_one(struct decide *decide, const char *name, struct stored_finding *finding,
                      const struct decide_each *each)
{
    bool wants = each->wants(finding);
    int rc = wants ? decide_check(decide, finding, name) : 0;

    rc = wants && rc == 0 ? each->move(decide, finding, each->context) : rc;
    if (rc == -EPERM && decide->skips) {
        decide->ret_reason[0] = '\0';
        rc = 0;
    }
    if (rc >= 0 && (wants || decide->skips)) {
        rc = decide_note(decide, name, finding, rc);
    }
    return rc < 0 ? rc : wants || decide->skips ? 1 : 0;
}

static int decide_one_name(struct decide *decide, const struct finding_name *name, const struct decide_each *each)
{
    int64_t ids[FINDING_NAME_MAX];
    struct stored_finding finding = {0};
    char reason[FINDING_NAME_REASON_SIZE];
    size_t count = 0;
    size_t wanted = 0;
    int rc = finding_name_find(decide->store, name, ids, &count, reason);

    if (rc == -EINVAL || rc == -ENOENT || rc == -ENOTUNIQ) {
        return decide_refuse(decide, rc, "%s", reason);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = store_finding_get(decide->store, ids[i], &finding);
        rc = rc < 0 ? rc : decide_one(decide, name->text, &finding, each);
        wanted += rc > 0 ? 1 : 0;
        rc = rc > 0 ? 0 : rc;
    }
    if (rc == 0 && wanted == 0) {
        return decide_refuse(decide, -EPERM, "%.120s is %s%s%s: %s", name->text, presence_name(finding.presence),
                             finding.sight == SIGHT_RETIRED ? ", RETIRED" : "",
                             finding.disposition == DISPOSITION_NONE     ? ""
                             : finding.disposition == DISPOSITION_WAIVED ? ", WAIVED"
                                                                         : ", ACKNOWLEDGED",
                             each->none);
    }
    return rc;
}

static int decide_each_name(struct decide *decide, const json_t *request, const struct decide_each *each)
{
    const json_t *names = json_object_get(request, "findings");
    const char *realm = json_string_value(json_object_get(request, "realm"));
    size_t index;
    json_t *name;

    if (!json_is_array(names) || json_array_size(names) == 0 || json_array_size(names) > DECIDE_FINDINGS_MAX) {
        return decide_refuse(decide, -EINVAL, "\"findings\" is no list of 1 to %d names of findings",
                             DECIDE_FINDINGS_MAX);
    }
    json_array_foreach(names, index, name)
    {
        const struct finding_name one = {json_string_value(name), realm};
        int rc = one.text == NULL ? decide_refuse(decide, -EINVAL, "the name of a finding is no text")
                                  : decide_one_name(decide, &one, each);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static struct store_event decide_event(const struct decide *decide, const char *reason)
{
    return (struct store_event){
        .at_ms = decide->options->now_ms, .actor = decide->options->actor, .reason = reason, .evidence = "{}"};
}

/* ---- acknowledge ---- */

static int decide_move_acknowledge(struct decide *decide, struct stored_finding *finding, const void *context)
{
    const struct store_event event = decide_event(decide, context);
    int rc = disposition_acknowledge(decide->store, finding, &event);

    return rc == -EPERM ? decide_refuse(decide, rc,
                                        "port %u/%s (%s) is waived: what is waived need not be "
                                        "acknowledged; `leastport unwaive` first",
                                        finding->port, finding->is_udp ? "udp" : "tcp", finding->verdict.kind)
                        : rc;
}

static int decide_acknowledge(struct decide *decide, const json_t *request)
{
    struct decide_each each = {
        .wants = disposition_counts, .none = "only what is open counts", .move = decide_move_acknowledge};
    const char *reason = NULL;
    int rc = decide_text(decide, request, "reason", &reason);

    each.context = reason;
    return rc < 0 ? rc : decide_each_name(decide, request, &each);
}

/* ---- open again ---- */

static bool decide_is_acknowledged(const struct stored_finding *finding)
{
    return finding->disposition == DISPOSITION_ACKNOWLEDGED;
}

static bool decide_is_waived(const struct stored_finding *finding)
{
    return finding->disposition == DISPOSITION_WAIVED;
}

static int decide_move_reopen(struct decide *decide, struct stored_finding *finding, const void *context)
{
    const struct store_event event = decide_event(decide, context);

    return disposition_reopen(decide->store, finding, &event);
}

static int decide_unacknowledge(struct decide *decide, const json_t *request)
{
    struct decide_each each = {
        .wants = decide_is_acknowledged, .none = "it is not acknowledged", .move = decide_move_reopen};
    const char *reason = NULL;
    int rc = decide_text(decide, request, "reason", &reason);

    each.context = reason;
    return rc < 0 ? rc : decide_each_name(decide, request, &each);
}

static int decide_end_grant(struct decide *decide, const char *uuid, const char *reason)
{
    const struct store_event event = decide_event(decide, reason);
    int64_t grant_id = 0;
    int rc = store_grant_find(decide->store, uuid, &grant_id);

    if (rc == -ENOENT) {
        return decide_refuse(decide, rc,
                             "there is no waiver %.60s that has not ended; `leastport waive --list` shows "
                             "them",
                             uuid);
    }
    rc = rc < 0 ? rc : grant_end(decide->store, grant_id, &event, &decide->moved);
    return rc < 0 ? rc : json_array_append_new(decide->grants, json_string(uuid));
}

static int decide_unwaive(struct decide *decide, const json_t *request)
{
    struct decide_each each = {.wants = decide_is_waived, .none = "it is not waived", .move = decide_move_reopen};
    const json_t *waivers = json_object_get(request, "waivers");
    const char *reason = NULL;
    size_t index;
    json_t *waiver;
    int rc = decide_text(decide, request, "reason", &reason);

    json_array_foreach(waivers, index, waiver)
    {
        if (rc == 0) {
            rc = json_is_string(waiver) ? decide_end_grant(decide, json_string_value(waiver), reason)
                                        : decide_refuse(decide, -EINVAL, "the id of a waiver is no text");
        }
    }
    each.context = reason;
    if (rc < 0 || (json_array_size(waivers) > 0 && json_object_get(request, "findings") == NULL)) {
        return rc;
    }
    return decide_each_name(decide, request, &each);
}

/* ---- waive ---- */

static int decide_terms(struct decide *decide, const json_t *request, struct store_waiver_terms *ret_terms)
{
    struct store_waiver_terms terms = {.actor = decide->options->actor, .at_ms = decide->options->now_ms};
    const char *until = NULL;
    int rc = decide_text(decide, request, "owner", &terms.owner);

    rc = rc < 0 ? rc : decide_text(decide, request, "reason", &terms.reason);
    rc = rc < 0 ? rc : decide_text(decide, request, "until", &until);
    if (rc < 0) {
        return rc;
    }
    if (decide_until_parse(until, &terms.until_ms) < 0) {
        return decide_refuse(decide, -EINVAL, "\"until\": \"%.60s\" is no date like 2027-03-31 and no RFC 3339 time",
                             until);
    }
    if (terms.until_ms <= decide->options->now_ms) {
        return decide_refuse(decide, -EINVAL, "\"until\": %.60s is in the past", until);
    }
    *ret_terms = terms;
    return 0;
}

static int decide_move_waive(struct decide *decide, struct stored_finding *finding, const void *context)
{
    return disposition_waive(decide->store, finding, context);
}

static int decide_waive_rule(struct decide *decide, const json_t *request, const char *rule,
                             const struct store_waiver_terms *terms)
{
    json_t *hosts = json_object_get(request, "hosts");
    json_t *every = json_object();
    char reason[GRANT_REASON_SIZE] = "";
    struct grant_given given = {0};
    int rc = every == NULL ? -ENOMEM : hosts == NULL ? 0 : grant_hosts_check(hosts, reason);

    rc = rc < 0 ? rc : grant_give(decide->store, rule, hosts == NULL ? every : hosts, terms, &given);
    json_decref(every);
    if (rc == -EINVAL) {
        return decide_refuse(decide, rc, "%s", given.reason[0] != '\0' ? given.reason : reason);
    }
    if (rc == -ENOENT) {
        return decide_refuse(decide, rc,
                             "the rule %.80s, if there is one, has no open finding on these hosts that is not "
                             "waived: nothing would be waived",
                             rule);
    }
    if (rc < 0) {
        return rc;
    }
    decide->moved += given.covered;
    return json_array_append_new(decide->grants,
                                 json_pack("{s:s, s:I}", "waiver", given.uuid, "findings", (json_int_t)given.covered));
}

static int decide_waive(struct decide *decide, const json_t *request)
{
    struct store_waiver_terms terms;
    struct decide_each each = {.wants = disposition_counts,
                               .none = "only what is open can be waived",
                               .move = decide_move_waive,
                               .context = &terms};
    const char *rule = json_string_value(json_object_get(request, "rule"));
    bool by_rule = json_object_get(request, "rule") != NULL;
    int rc = decide_terms(decide, request, &terms);

    if (rc < 0) {
        return rc;
    }
    if (by_rule == (json_object_get(request, "findings") != NULL)) {
        return decide_refuse(decide, -EINVAL, "a waiver is by \"findings\" or by \"rule\" and \"hosts\"");
    }
    if (!by_rule) {
        return decide_each_name(decide, request, &each);
    }
    return rule == NULL || rule[0] == '\0' || strlen(rule) >= VERDICT_NAME_SIZE
               ? decide_refuse(decide, -EINVAL, "\"rule\" is no rule's id")
               : decide_waive_rule(decide, request, rule, &terms);
}

static int decide_import(struct decide *decide, const json_t *request)
{
    const json_t *csv = json_object_get(request, "csv");
    char reason[WAIVER_CSV_REASON_SIZE];
    json_t *entries = NULL;
    json_t *entry;
    size_t index;
    int rc;

    if (!json_is_string(csv)) {
        return decide_refuse(decide, -EINVAL, "\"csv\" is no text");
    }
    rc = waiver_csv_parse(json_string_value(csv), json_string_length(csv), &entries, reason);
    if (rc == -EBADMSG) {
        return decide_refuse(decide, -EINVAL, "%s", reason);
    }
    json_array_foreach(entries, index, entry)
    {
        rc = decide_waive(decide, entry);
        if (rc < 0) {
            char what[DECIDE_REASON_SIZE];
            snprintf(what, sizeof(what), "%s", decide->ret_reason);
            if (what[0] != '\0') {
                (void)decide_refuse(decide, rc, "line %d: %.480s",
                                    (int)json_integer_value(json_object_get(entry, "line")), what);
            }
            break;
        }
    }
    json_decref(entries);
    return rc;
}

/* ---- adopt ---- */

/* A first scan's findings are NEW: who adopts them vouches for the second probe. */
static int decide_adopt(struct decide *decide, const json_t *request)
{
    const char *realm = json_string_value(json_object_get(request, "realm"));
    const struct store_event event =
        decide_event(decide, "taken over as it was when somebody began: no alert is due for it");
    struct stored_finding finding = {0};
    int rc;

    while ((rc = store_finding_adoptable(decide->store, realm, finding.id, &finding)) == 0) {
        rc = finding.presence == PRESENCE_NEW ? store_finding_presence(decide->store, &finding, PRESENCE_OPEN, &event)
                                              : 0;
        rc = rc < 0 ? rc : store_finding_adopt(decide->store, &finding, &event);
        if (rc < 0) {
            return rc;
        }
        decide->moved++;
    }
    if (rc == -ENOENT && decide->moved == 0) {
        return decide_refuse(decide, rc, "there is no open finding%s%.80s that was not adopted already",
                             realm == NULL ? "" : " in the realm ", realm == NULL ? "" : realm);
    }
    return rc == -ENOENT ? 0 : rc;
}

/* ---- all ---- */

static const struct {
    const char *name;
    decide_fn *run;
} decide_words[] = {
    {"acknowledge", decide_acknowledge},
    {"unacknowledge", decide_unacknowledge},
    {"waive", decide_waive},
    {"unwaive", decide_unwaive},
    {"import", decide_import},
    {"adopt", decide_adopt},
};

static decide_fn *decide_find(const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "do"));

    for (size_t i = 0; name != NULL && i < sizeof(decide_words) / sizeof(*decide_words); i++) {
        if (strcmp(decide_words[i].name, name) == 0) {
            return decide_words[i].run;
        }
    }
    return NULL;
}

static int decide_within(struct decide *decide, const json_t *request)
{
    decide_fn *run = decide_find(request);
    int rc;

    if (run == NULL) {
        return decide_refuse(decide, -EINVAL,
                             "\"do\" must be acknowledge, unacknowledge, waive, unwaive, import or adopt");
    }
    rc = store_begin(decide->store);
    if (rc < 0) {
        return rc;
    }
    rc = run(decide, request);
    if (rc < 0) {
        store_rollback(decide->store);
        return rc;
    }
    return store_commit(decide->store);
}

int decide_run(struct store *store, const json_t *request, const struct decide_options *options, json_t **ret_answer,
               char ret_reason[DECIDE_REASON_SIZE])
{
    struct decide decide = {.store = store,
                            .options = options,
                            .findings = json_array(),
                            .grants = json_array(),
                            .skips = json_is_true(json_object_get(request, "skip")),
                            .last_event = json_integer_value(json_object_get(request, "last_event")),
                            .ret_reason = ret_reason};
    json_t *answer = NULL;
    int rc = decide.findings == NULL || decide.grants == NULL ? -ENOMEM : 0;

    ret_reason[0] = '\0';
    rc = rc < 0 ? rc : decide_within(&decide, request);
    if (rc >= 0 && decide.moved > 0) {
        rc = scoring_changed(store, options->now_ms, options->max_age_ms);
    }
    if (rc >= 0) {
        answer = json_pack("{s:b, s:I, s:O, s:O}", "ok", 1, "moved", (json_int_t)decide.moved, "findings",
                           decide.findings, "waivers", decide.grants);
        rc = answer == NULL ? -ENOMEM : 0;
    }
    json_decref(decide.findings);
    json_decref(decide.grants);
    if (rc < 0) {
        if (ret_reason[0] == '\0') {
            snprintf(ret_reason, DECIDE_REASON_SIZE, "%.500s",
                     rc == -ENOMEM ? "out of memory" : store_last_error(store)->text);
        }
        return rc;
    }
    *ret_answer = answer;
    return 0;
}
