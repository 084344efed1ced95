#include "auditd/policy/decision.h"

#include "auditd/policy/compliance.h"
#include "auditd/policy/policy.h"

#include <ctype.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

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
        return decision_fact_is(exposure, "tls", "true") ? "HTTPS" : "HTTP";
    }
    for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++) {
        if (strcmp(labels[i][0], service) == 0) {
            return labels[i][1];
        }
    }
    return service;
}

static void set_subject(const struct decision *decision, struct verdict *verdict)
{
    const struct exposure *exposure = &decision->exposure;
    const char *service = decision_fact(exposure, "service");

    if (decision->row == NULL && service == NULL) {
        snprintf(verdict->subject, sizeof(verdict->subject), "Port %u/%s", exposure->port, exposure->proto);
        return;
    }
    snprintf(verdict->subject, sizeof(verdict->subject), "%.*s on %u/%s", VERDICT_NAME_SIZE,
             decision->row != NULL ? decision->row->label : label_of(exposure, service), exposure->port,
             exposure->proto);
    verdict->subject[0] = (char)toupper((unsigned char)verdict->subject[0]);
}

/* "SSH on 22/tcp is open to the world", "Port 4000/tcp listens on every address (not verified from outside)". */
static void describe(const struct decision *decision, const struct verdict *verdict, char *buffer, size_t size)
{
    const struct exposure *exposure = &decision->exposure;
    char bound[ADDR_TEXT_SIZE];
    int length = snprintf(buffer, size, "%s", verdict->subject);

    buffer += length;
    size -= (size_t)length;
    if (exposure->vantage_class != VANTAGE_SELF) {
        snprintf(buffer, size, " is open to %s", vantage_class_open_to(exposure->vantage_class));
    } else if (exposure_is_loopback(exposure)) {
        snprintf(buffer, size, " listens on loopback alone");
    } else if (exposure->bound == NULL) {
        snprintf(buffer, size, " answers its own host (not verified from outside)");
    } else if (addr_is_unspecified(exposure->bound)) {
        snprintf(buffer, size, " listens on every address (not verified from outside)");
    } else {
        snprintf(buffer, size, " listens on %s (not verified from outside)", addr_format(exposure->bound, bound));
    }
}

static void set_breadth(const struct decision *decision, struct verdict *verdict)
{
    const struct exposure *exposure = &decision->exposure;

    set_name(verdict->breadth_class, vantage_class_name(exposure->vantage_class));
    if (exposure_is_loopback(exposure)) {
        set_name(verdict->breadth_class, "loopback");
    } else if (exposure->vantage_class == VANTAGE_SELF) {
        bool wildcard = exposure->bound == NULL || addr_is_unspecified(exposure->bound);
        set_name(verdict->breadth_class, wildcard ? "wildcard" : "own-address");
    }
}

static const char *need_kind(const struct decision *decision)
{
    switch (decision->verdict) {
    case VERDICT_ALLOWED:
        return "allowed";
    case VERDICT_UNVERIFIED:
        return "unverified";
    case VERDICT_UNPROVEN:
        return "unproven";
    case VERDICT_FINDING:
        break;
    }
    return decision->kind == DECISION_DEFAULT ? "unknown" : "forbidden";
}

static void set_terms(const struct decision *decision, struct verdict *verdict)
{
    const struct exposure *exposure = &decision->exposure;
    const struct baseline_row *row = decision->row;
    const char *name = decision->services[0] != NULL ? decision->services[0] : decision->services[1];
    bool by_port = row != NULL && (row->evidence == BASELINE_PORT_ONLY || exposure->asked) &&
                   !decision_fact_is(exposure, "service", row->service);

    memset(verdict, 0, sizeof(*verdict));
    verdict->verdict = decision->verdict;
    verdict->severity = decision->severity;
    verdict->service_weight = decision->service_weight;
    verdict->breadth = decision->breadth;
    verdict->evidence = 1;
    verdict->need = decision->need;
    verdict->penalty = decision->penalty;
    set_subject(decision, verdict);
    set_name(verdict->kind, VERDICT_KIND_EXPOSURE);
    set_name(verdict->service, row != NULL ? row->service : name != NULL ? name : "unknown");
    set_name(verdict->evidence_kind, by_port && decision->kind != DECISION_DOOR ? "port only" : "seen");
    set_name(verdict->need_kind, need_kind(decision));
    set_name(verdict->owner, decision->rule != NULL && decision->rule->owner[0] != '\0'
                                 ? decision->rule->owner
                                 : policy_rules(decision->policy)->owner);
    set_breadth(decision, verdict);
}

static void write_row(const struct decision *decision, const char *what, struct verdict *verdict)
{
    const struct baseline_row *row = decision->row;

    snprintf(verdict->rule_id, sizeof(verdict->rule_id), "baseline/%s", row->id);
    snprintf(verdict->title, sizeof(verdict->title), "%s: %s", what, row->to_whom);
    snprintf(verdict->why, sizeof(verdict->why), "%s", row->why);
    snprintf(verdict->fix, sizeof(verdict->fix), "%s", row->fix);
}

static void write_loopback(const struct decision *decision, const char *what, struct verdict *verdict)
{
    (void)decision;
    set_name(verdict->rule_id, "loopback");
    snprintf(verdict->title, sizeof(verdict->title), "%s", what);
    snprintf(verdict->why, sizeof(verdict->why),
             "It listens on loopback alone, so it can be reached from nowhere but its own host.");
}

static void write_door(const struct decision *decision, const char *what, struct verdict *verdict)
{
    const struct baseline_row *row = decision->row;

    set_name(verdict->rule_id, "baseline/open-door");
    snprintf(verdict->title, sizeof(verdict->title), "%s and answers without a credential", what);
    snprintf(verdict->why, sizeof(verdict->why),
             "It answered %.120s although nobody had shown a credential: whoever reaches it, by whatever way, is in.",
             decision_fact(&decision->exposure, "door"));
    snprintf(verdict->fix, sizeof(verdict->fix), "Ask for a credential.%s%s", row != NULL ? " " : "",
             row != NULL ? row->fix : " Let only those reach it who need it.");
}

static void write_forbid(const struct decision *decision, const char *what, struct verdict *verdict)
{
    const struct baseline_row *row = decision->row;
    const struct rule *rule = decision->rule;

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
}

static void write_allow(const struct decision *decision, const char *what, struct verdict *verdict)
{
    const struct rule *rule = decision->rule;
    bool self = decision->exposure.vantage_class == VANTAGE_SELF;

    snprintf(verdict->rule_id, sizeof(verdict->rule_id), "user/%s", rule->id);
    snprintf(verdict->title, sizeof(verdict->title), "%s", what);
    snprintf(verdict->why, sizeof(verdict->why), "The rule %s allows it%s%s%s", rule->id,
             rule->why[0] != '\0' ? ": " : "", rule->why,
             self ? " (who else reaches it was not verified from outside)" : "");
}

static void write_redirect(const struct decision *decision, const char *what, struct verdict *verdict)
{
    (void)decision;
    set_name(verdict->rule_id, "baseline/http-redirect");
    snprintf(verdict->title, sizeof(verdict->title), "%s", what);
    snprintf(verdict->why, sizeof(verdict->why), "It only redirects to https.");
}

static const char *unsure_fix(enum rule_answer answer)
{
    if (answer == RULE_UNKNOWN_SOURCE) {
        return "Say where the vantage stands (vantage: {name: …, address: …} in its configuration), and look from one "
               "inside of the rule's sources and from one outside.";
    }
    if (rule_answer_is_unverified(answer)) {
        return "Look from a vantage inside of the rule's sources and from one outside, each with its address in its "
               "configuration.";
    }
    return "Let an audit ask what answers (services: true), or write a condition that can be known.";
}

static void write_unsure(const struct decision *decision, const char *what, struct verdict *verdict)
{
    const struct rule *rule = decision->rule;
    char facts[FACT_TEXT_SIZE];

    snprintf(verdict->rule_id, sizeof(verdict->rule_id), "user/%s", rule->id);
    snprintf(verdict->title, sizeof(verdict->title), "%s: the rule %s allows it, which is %s", what, rule->id,
             verdict->need_kind);
    decision_facts(decision, facts);
    snprintf(verdict->why, sizeof(verdict->why), "The rule %s allows this port but is %s: %s%s%s.", rule->id,
             verdict->need_kind, rule_answer_text(decision->answer), facts[0] != '\0' ? ": " : "", facts);
    snprintf(verdict->fix, sizeof(verdict->fix), "%s", unsure_fix(decision->answer));
}

static void write_default(const struct decision *decision, const char *what, struct verdict *verdict)
{
    const struct baseline_row *row = decision->row;

    set_name(verdict->rule_id, "default");
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

/* A rule that would allow it, were more known or what is known another, is named: the reader wrote it and will ask. */
static void mention_rule(const struct decision *decision, struct verdict *verdict)
{
    char why[VERDICT_TEXT_SIZE];
    char facts[FACT_TEXT_SIZE];
    size_t length;

    memcpy(why, verdict->why, sizeof(why));
    decision_facts(decision, facts);
    if (decision->aside != NULL) {
        snprintf(verdict->why, sizeof(verdict->why), "The rule %s allows this port but is unproven: %s. ",
                 decision->aside->id, rule_answer_text(decision->aside_answer));
    } else if (facts[0] != '\0') {
        snprintf(verdict->why, sizeof(verdict->why), "The rule %s does not allow this port: %s. ", decision->unmet->id,
                 facts);
    } else {
        return;
    }
    length = strlen(verdict->why);
    if (length + strlen(why) < sizeof(verdict->why)) {
        memcpy(verdict->why + length, why, strlen(why) + 1);
    } else {
        verdict->why[length - 1] = '\0';
    }
}

static void (*const WRITERS[])(const struct decision *decision, const char *what, struct verdict *verdict) = {
    [DECISION_HARD] = write_row,      [DECISION_LOOPBACK] = write_loopback, [DECISION_DOOR] = write_door,
    [DECISION_FORBID] = write_forbid, [DECISION_ALLOW] = write_allow,       [DECISION_REDIRECT] = write_redirect,
    [DECISION_UNSURE] = write_unsure, [DECISION_ROW] = write_row,           [DECISION_DEFAULT] = write_default,
};

void decision_write(const struct decision *decision, struct verdict *ret_verdict)
{
    const struct exposure *exposure = &decision->exposure;
    char what[VERDICT_TEXT_SIZE / 2];

    set_terms(decision, ret_verdict);
    describe(decision, ret_verdict, what, sizeof(what));
    WRITERS[decision->kind](decision, what, ret_verdict);
    if (decision->kind == DECISION_ROW || decision->kind == DECISION_DEFAULT) {
        mention_rule(decision, ret_verdict);
    }
    compliance_note(ret_verdict, decision->rule != NULL ? decision->rule->controls : "",
                    exposure->address_count > 0 ? &exposure->addresses[0] : NULL);
}

int64_t verdict_hash(const struct verdict *verdict)
{
    static const unsigned char key[crypto_shorthash_KEYBYTES] = {0};
    const double numbers[] = {verdict->service_weight, verdict->breadth, verdict->evidence, verdict->need,
                              verdict->penalty};
    const char *const texts[] = {verdict->kind,          verdict->service,   verdict->rule_id, verdict->breadth_class,
                                 verdict->evidence_kind, verdict->need_kind, verdict->owner,   verdict->title,
                                 verdict->why,           verdict->fix,       verdict->controls};
    char text[sizeof(*verdict) + 256];
    unsigned char digest[crypto_shorthash_BYTES];
    size_t used = (size_t)snprintf(text, sizeof(text), "%d", (int)verdict->severity) + 1;
    int64_t hash;

    /* Rounded: a number that went through the database may be another in its last bit. */
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%lld", llround(numbers[i] * 1e6)) + 1;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        size_t length = strlen(texts[i]) + 1;
        memcpy(text + used, texts[i], length);
        used += length;
    }
    (void)crypto_shorthash(digest, (const unsigned char *)text, used, key);
    memcpy(&hash, digest, sizeof(hash));
    return hash == 0 ? 1 : hash;
}
