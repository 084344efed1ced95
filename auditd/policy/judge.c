#include "auditd/policy/judge.h"

#include "auditd/policy/baseline.h"
#include "auditd/policy/condition.h"
#include "auditd/policy/policy.h"
#include "auditd/policy/rule.h"
#include "lib/service.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The table of factors (design: score). What is proven unused weighs more, but no source knows that yet. */
static const double SERVICE_OTHER = 5;
static const double SERVICE_OPEN_DOOR = 40;
static const double BREADTH_FLOOR_HARD = 0.6;
static const double BREADTH_BOUND = 0.15;
static const double EVIDENCE_SEEN = 1;
static const double NEED_UNKNOWN = 0.8;
static const double NEED_FORBIDDEN = 1;

static const struct {
    const char *name;
    double weight;
    const char *open_to;
} CLASSES[] = {
    [VANTAGE_SELF] = {"self", 0, "the host itself"},
    [VANTAGE_OWN_VPC] = {"own-vpc", 0.15, "its own network"},
    [VANTAGE_VPN] = {"vpn", 0.4, "the VPN"},
    [VANTAGE_PEER] = {"peer", 0.4, "a peered network"},
    [VANTAGE_PUBLIC_RANGE] = {"public-range", 0.6, "a public range"},
    [VANTAGE_WORLD] = {"world", 1, "the world"},
};

static const char *const SEVERITIES[] = {
    [SEVERITY_LOW] = "low",
    [SEVERITY_MEDIUM] = "medium",
    [SEVERITY_HIGH] = "high",
    [SEVERITY_CRITICAL] = "critical",
};

const char *vantage_class_name(enum vantage_class vantage_class)
{
    return CLASSES[vantage_class].name;
}

double vantage_class_weight(enum vantage_class vantage_class)
{
    return CLASSES[vantage_class].weight;
}

int vantage_class_parse(const char *name, enum vantage_class *ret_class)
{
    for (size_t i = 0; i < sizeof(CLASSES) / sizeof(*CLASSES); i++) {
        if (strcmp(CLASSES[i].name, name) == 0) {
            *ret_class = (enum vantage_class)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *severity_name(enum severity severity)
{
    return SEVERITIES[severity];
}

int severity_parse(const char *name, enum severity *ret_severity)
{
    for (size_t i = SEVERITY_LOW; i <= SEVERITY_CRITICAL; i++) {
        if (strcmp(SEVERITIES[i], name) == 0) {
            *ret_severity = (enum severity)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* What one call of judge_exposure() works with. */
struct judgement {
    const struct policy *policy;
    const struct exposure *exposure;
    const struct baseline_row *row; /* of the port, or NULL */
    struct rule_view view;
    struct verdict *verdict;
};

static bool is_bound_to_loopback(const struct exposure *exposure)
{
    return exposure->vantage_class == VANTAGE_SELF && exposure->bound != NULL && addr_is_loopback(exposure->bound);
}

/* One that is stored as it is. */
static const char *fact(const struct exposure *exposure, const char *name)
{
    char buffer[EXPOSURE_FACT_SIZE];
    const char *value = exposure_fact(exposure, name, buffer);

    assert(value != buffer);
    return value;
}

static bool fact_is(const struct exposure *exposure, const char *name, const char *value)
{
    const char *known = fact(exposure, name);

    return known != NULL && strcmp(known, value) == 0;
}

/* What answers decides; the number only where nobody asked, or nobody recognised it. */
static const struct baseline_row *find_row(const struct policy *policy, const struct exposure *exposure)
{
    const char *service = fact(exposure, "service");
    uint32_t number = policy_baseline(policy);

    return service == NULL ? baseline_find(number, exposure->proto, exposure->port)
                           : baseline_find_answer(number, exposure->proto, exposure->port, service,
                                                  fact_is(exposure, "tls", "true"));
}

/* Its names: what was recognised, and what else it is called. */
static void name_services(const struct exposure *exposure, const struct baseline_row *row, const char *names[2])
{
    names[0] = fact(exposure, "service");
    names[1] = NULL;
    if (names[0] == NULL && !exposure->asked) {
        names[0] = row != NULL ? row->service : NULL;
        names[1] = services_name(NULL, exposure->port, exposure->proto);
    } else if (names[0] != NULL && strcmp(names[0], "http") == 0 && fact_is(exposure, "tls", "true")) {
        names[1] = "https";
    } else if (names[0] != NULL && row != NULL) {
        names[1] =
            strcmp(row->service, names[0]) != 0 ? row->service : services_name(NULL, row->ports[0], exposure->proto);
    }
}

void judge_view(const struct policy *policy, const struct exposure *exposure, struct rule_view *ret_view)
{
    const struct baseline_row *row = find_row(policy, exposure);
    bool offers_itself = exposure->vantage_class == VANTAGE_SELF && !is_bound_to_loopback(exposure);

    ret_view->exposure = exposure;
    ret_view->reach = offers_itself ? VANTAGE_OWN_VPC : exposure->vantage_class;
    name_services(exposure, row, ret_view->services);
}

enum severity judge_severity(double penalty)
{
    if (penalty >= 30) {
        return SEVERITY_CRITICAL;
    }
    if (penalty >= 15) {
        return SEVERITY_HIGH;
    }
    return penalty >= 5 ? SEVERITY_MEDIUM : SEVERITY_LOW;
}

static void set_name(char *target, const char *source)
{
    snprintf(target, VERDICT_NAME_SIZE, "%s", source);
}

/* What people call services that the baseline has no row for. */
static const char *label_of(const struct exposure *exposure, const char *service)
{
    static const char *const labels[][2] = {
        {"imap", "IMAP"},   {"pop3", "POP3"},
        {"smtp", "SMTP"},   {"mqtt", "MQTT"},
        {"tls", "TLS"},     {"websocket", "WebSocket"},
        {"x11", "X11"},     {"zookeeper", "ZooKeeper"},
        {"portmap", "RPC"}, {"http-proxy", "HTTP proxy"},
    };

    if (strcmp(service, "http") == 0) {
        return fact_is(exposure, "tls", "true") ? "HTTPS" : "HTTP";
    }
    for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++) {
        if (strcmp(labels[i][0], service) == 0) {
            return labels[i][1];
        }
    }
    return service;
}

static void set_subject(const struct judgement *judgement)
{
    const struct exposure *exposure = judgement->exposure;
    const char *service = fact(exposure, "service");
    char *subject = judgement->verdict->subject;
    const size_t size = sizeof(judgement->verdict->subject);

    if (judgement->row == NULL && service == NULL) {
        snprintf(subject, size, "Port %u/%s", exposure->port, exposure->proto);
        return;
    }
    snprintf(subject, size, "%.*s on %u/%s", VERDICT_NAME_SIZE,
             judgement->row != NULL ? judgement->row->label : label_of(exposure, service), exposure->port,
             exposure->proto);
    subject[0] = (char)toupper((unsigned char)subject[0]);
}

/* "SSH on 22/tcp is open to the world", "Port 4000/tcp listens on every address (not verified from outside)". */
static void describe(const struct judgement *judgement, char *buffer, size_t size)
{
    const struct exposure *exposure = judgement->exposure;
    char bound[ADDR_TEXT_SIZE];
    int length = snprintf(buffer, size, "%s", judgement->verdict->subject);

    buffer += length;
    size -= (size_t)length;
    if (exposure->vantage_class != VANTAGE_SELF) {
        snprintf(buffer, size, " is open to %s", CLASSES[exposure->vantage_class].open_to);
    } else if (is_bound_to_loopback(exposure)) {
        snprintf(buffer, size, " listens on loopback alone");
    } else if (exposure->bound == NULL) {
        snprintf(buffer, size, " answers its own host (not verified from outside)");
    } else if (addr_is_unspecified(exposure->bound)) {
        snprintf(buffer, size, " listens on every address (not verified from outside)");
    } else {
        snprintf(buffer, size, " listens on %s (not verified from outside)", addr_format(exposure->bound, bound));
    }
}

static void set_facts(struct judgement *judgement)
{
    const struct exposure *exposure = judgement->exposure;
    const struct baseline_row *row = judgement->row;
    struct verdict *verdict = judgement->verdict;
    const char *name = judgement->view.services[0] != NULL ? judgement->view.services[0] : judgement->view.services[1];
    bool by_port;

    memset(verdict, 0, sizeof(*verdict));
    set_subject(judgement);
    set_name(verdict->kind, VERDICT_KIND_EXPOSURE);
    set_name(verdict->service, row != NULL ? row->service : name != NULL ? name : "unknown");
    verdict->service_weight = row != NULL ? row->service_weight : SERVICE_OTHER;
    verdict->evidence = EVIDENCE_SEEN;
    by_port = row != NULL && (row->evidence == BASELINE_PORT_ONLY || exposure->asked) &&
              !fact_is(exposure, "service", row->service);
    set_name(verdict->evidence_kind, by_port ? "port only" : "seen");
    set_name(verdict->breadth_class, CLASSES[exposure->vantage_class].name);
    verdict->breadth = CLASSES[exposure->vantage_class].weight;
    if (is_bound_to_loopback(exposure)) {
        set_name(verdict->breadth_class, "loopback");
    } else if (exposure->vantage_class == VANTAGE_SELF) {
        bool wildcard = exposure->bound == NULL || addr_is_unspecified(exposure->bound);
        set_name(verdict->breadth_class, wildcard ? "wildcard" : "own-address");
        verdict->breadth = BREADTH_BOUND;
    }
    set_name(verdict->owner, policy_rules(judgement->policy)->owner);
}

static void weigh(struct verdict *verdict, double need, const char *need_kind)
{
    verdict->verdict = VERDICT_FINDING;
    verdict->need = need;
    set_name(verdict->need_kind, need_kind);
    verdict->penalty = verdict->service_weight * verdict->breadth * verdict->evidence * need;
    verdict->severity = judge_severity(verdict->penalty);
}

static void pass(struct verdict *verdict)
{
    verdict->verdict = VERDICT_ALLOWED;
    verdict->severity = SEVERITY_LOW;
    set_name(verdict->need_kind, "allowed");
}

static void judge_by_row(struct judgement *judgement)
{
    const struct baseline_row *row = judgement->row;
    struct verdict *verdict = judgement->verdict;
    char what[VERDICT_TEXT_SIZE / 2];

    if (row->hard && judgement->exposure->vantage_class != VANTAGE_SELF && verdict->breadth < BREADTH_FLOOR_HARD) {
        verdict->breadth = BREADTH_FLOOR_HARD;
    }
    weigh(verdict, NEED_FORBIDDEN, "forbidden");
    describe(judgement, what, sizeof(what));
    snprintf(verdict->rule_id, sizeof(verdict->rule_id), "baseline/%s", row->id);
    snprintf(verdict->title, sizeof(verdict->title), "%s: %s", what, row->to_whom);
    snprintf(verdict->why, sizeof(verdict->why), "%s", row->why);
    snprintf(verdict->fix, sizeof(verdict->fix), "%s", row->fix);
}

/* Whoever gets to it is in: the one thing that is as bad on a port that nobody else reaches today. */
static bool is_open_door(const struct exposure *exposure)
{
    return fact_is(exposure, "auth", "none") && fact(exposure, "door") != NULL;
}

static void judge_by_door(struct judgement *judgement)
{
    const struct baseline_row *row = judgement->row;
    struct verdict *verdict = judgement->verdict;
    char what[VERDICT_TEXT_SIZE / 2];

    verdict->service_weight = SERVICE_OPEN_DOOR;
    if (judgement->exposure->vantage_class != VANTAGE_SELF && verdict->breadth < BREADTH_FLOOR_HARD) {
        verdict->breadth = BREADTH_FLOOR_HARD;
    }
    weigh(verdict, NEED_FORBIDDEN, "forbidden");
    verdict->severity = SEVERITY_CRITICAL;
    set_name(verdict->evidence_kind, "seen");
    describe(judgement, what, sizeof(what));
    set_name(verdict->rule_id, "baseline/open-door");
    snprintf(verdict->title, sizeof(verdict->title), "%s and answers without a credential", what);
    snprintf(verdict->why, sizeof(verdict->why),
             "It answered %.120s although nobody had shown a credential: whoever reaches it, by whatever way, is in.",
             fact(judgement->exposure, "door"));
    snprintf(verdict->fix, sizeof(verdict->fix), "Ask for a credential.%s%s", row != NULL ? " " : "",
             row != NULL ? row->fix : " Let only those reach it who need it.");
}

/* The one thing that plain HTTP is for. */
static bool only_redirects(const struct judgement *judgement)
{
    return judgement->row != NULL && strcmp(judgement->row->service, "http") == 0 &&
           fact_is(judgement->exposure, "redirects_to_https", "true");
}

static void judge_redirect(struct judgement *judgement)
{
    struct verdict *verdict = judgement->verdict;

    pass(verdict);
    set_name(verdict->rule_id, "baseline/http-redirect");
    describe(judgement, verdict->title, sizeof(verdict->title));
    snprintf(verdict->why, sizeof(verdict->why), "It only redirects to https.");
}

static void judge_loopback(struct judgement *judgement)
{
    struct verdict *verdict = judgement->verdict;

    pass(verdict);
    set_name(verdict->rule_id, "loopback");
    describe(judgement, verdict->title, sizeof(verdict->title));
    snprintf(verdict->why, sizeof(verdict->why),
             "It listens on loopback alone, so it can be reached from nowhere but its own host.");
}

/* The rule that forbids and asks for the highest severity, the first of several. */
static const struct rule *find_forbid(const struct judgement *judgement)
{
    const struct rule_set *set = policy_rules(judgement->policy);
    const struct rule *found = NULL;

    for (size_t i = 0; i < set->forbid.count; i++) {
        const struct rule *rule = &set->forbid.items[i];
        if (rule_forbids(set, rule, &judgement->view) == RULE_APPLIES &&
            (found == NULL || rule->severity > found->severity)) {
            found = rule;
        }
    }
    return found;
}

static void judge_by_forbid(struct judgement *judgement, const struct rule *rule)
{
    const struct baseline_row *row = judgement->row;
    struct verdict *verdict = judgement->verdict;
    char what[VERDICT_TEXT_SIZE / 2];

    weigh(verdict, NEED_FORBIDDEN, "forbidden");
    if (rule->has_severity && rule->severity > verdict->severity) {
        verdict->severity = rule->severity;
    }
    describe(judgement, what, sizeof(what));
    snprintf(verdict->rule_id, sizeof(verdict->rule_id), "user/%s", rule->id);
    snprintf(verdict->title, sizeof(verdict->title), "%s: the rule %s forbids it", what, rule->id);
    snprintf(verdict->why, sizeof(verdict->why), "%s",
             rule->why[0] != '\0' ? rule->why
             : row != NULL        ? row->why
                                  : "A rule of the policy forbids it.");
    snprintf(verdict->fix, sizeof(verdict->fix), "%s",
             rule->fix[0] != '\0' ? rule->fix
             : row != NULL        ? row->fix
                                  : "Close the port, or narrow who may reach it.");
    if (rule->owner[0] != '\0') {
        set_name(verdict->owner, rule->owner);
    }
}

/* The first that applies; if none does, the first that an unknown fact keeps from it in *ret_unproven. */
static const struct rule *find_allow(const struct judgement *judgement, const struct rule **ret_unproven,
                                     enum rule_answer *ret_answer)
{
    const struct rule_set *set = policy_rules(judgement->policy);

    *ret_unproven = NULL;
    for (size_t i = 0; i < set->allow.count; i++) {
        const struct rule *rule = &set->allow.items[i];
        enum rule_answer answer = rule_allows(set, rule, &judgement->view);
        if (answer == RULE_APPLIES) {
            return rule;
        }
        if (*ret_unproven == NULL && rule_answer_is_unknown(answer)) {
            *ret_unproven = rule;
            *ret_answer = answer;
        }
    }
    return NULL;
}

static void judge_by_allow(struct judgement *judgement, const struct rule *rule)
{
    struct verdict *verdict = judgement->verdict;
    bool self = judgement->exposure->vantage_class == VANTAGE_SELF;

    pass(verdict);
    snprintf(verdict->rule_id, sizeof(verdict->rule_id), "user/%s", rule->id);
    describe(judgement, verdict->title, sizeof(verdict->title));
    snprintf(verdict->why, sizeof(verdict->why), "The rule %s allows it%s%s%s", rule->id,
             rule->why[0] != '\0' ? ": " : "", rule->why,
             self ? " (who else reaches it was not verified from outside)" : "");
    if (rule->owner[0] != '\0') {
        set_name(verdict->owner, rule->owner);
    }
}

static void judge_by_default(struct judgement *judgement)
{
    const struct baseline_row *row = judgement->row;
    struct verdict *verdict = judgement->verdict;
    char what[VERDICT_TEXT_SIZE / 2];

    weigh(verdict, NEED_UNKNOWN, "unknown");
    set_name(verdict->rule_id, "default");
    describe(judgement, what, sizeof(what));
    snprintf(verdict->title, sizeof(verdict->title), "%s: no rule allows it", what);
    snprintf(verdict->why, sizeof(verdict->why),
             "Nothing in the policy says who needs this port, and one that nobody needs is only attack surface.%s%s",
             row != NULL ? " " : "", row != NULL ? row->why : "");
    snprintf(
        verdict->fix, sizeof(verdict->fix),
        "Stop the service or close the port if nobody needs it; else add an allow rule that says who needs it, from "
        "where and why.%s%s",
        row != NULL ? " " : "", row != NULL ? row->fix : "");
}

/* A rule that would allow it, were more known, is named: the reader wrote it and will ask. */
static void mention_unproven(struct judgement *judgement, const struct rule *rule, enum rule_answer answer)
{
    struct verdict *verdict = judgement->verdict;
    char why[VERDICT_TEXT_SIZE];

    memcpy(why, verdict->why, sizeof(why));
    snprintf(verdict->why, sizeof(verdict->why), "The rule %s allows this port but is unproven: %s. ", rule->id,
             rule_answer_text(answer));
    size_t length = strlen(verdict->why);
    if (length + strlen(why) < sizeof(verdict->why)) {
        memcpy(verdict->why + length, why, strlen(why) + 1);
    } else {
        verdict->why[length - 1] = '\0';
    }
}

void judge_exposure(const struct policy *policy, const struct exposure *exposure, struct verdict *ret_verdict)
{
    struct judgement judgement = {.policy = policy, .exposure = exposure, .verdict = ret_verdict};
    const struct rule *rule;
    const struct rule *unproven;
    enum rule_answer answer = RULE_APPLIES;
    bool forbidden;

    judgement.row = find_row(policy, exposure);
    judge_view(policy, exposure, &judgement.view);
    set_facts(&judgement);
    forbidden = judgement.row != NULL && (judgement.row->forbidden_from & 1U << judgement.view.reach) != 0;
    if (forbidden && judgement.row->hard) {
        judge_by_row(&judgement);
        return;
    }
    if (is_bound_to_loopback(exposure)) {
        judge_loopback(&judgement);
        return;
    }
    if (is_open_door(exposure)) {
        judge_by_door(&judgement);
        return;
    }
    rule = find_forbid(&judgement);
    if (rule != NULL) {
        judge_by_forbid(&judgement, rule);
        return;
    }
    rule = find_allow(&judgement, &unproven, &answer);
    if (rule != NULL) {
        judge_by_allow(&judgement, rule);
        return;
    }
    if (only_redirects(&judgement)) {
        judge_redirect(&judgement);
        return;
    }
    if (forbidden) {
        judge_by_row(&judgement);
    } else {
        judge_by_default(&judgement);
    }
    if (unproven != NULL) {
        mention_unproven(&judgement, unproven, answer);
    }
}
