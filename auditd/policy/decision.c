#include "auditd/policy/decision.h"

#include "auditd/policy/policy.h"
#include "auditd/policy/rule_index.h"
#include "lib/service.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

/* The table of factors (design: score). What is proven unused weighs more, but no source knows that yet. */
static const double SERVICE_OTHER = 5;
static const double SERVICE_OPEN_DOOR = 40;
static const double BREADTH_FLOOR_HARD = 0.6;
static const double BREADTH_BOUND = 0.15;
static const double EVIDENCE_SEEN = 1;
static const double NEED_UNKNOWN = 0.8;
static const double NEED_FORBIDDEN = 1;

bool exposure_is_loopback(const struct exposure *exposure)
{
    return exposure->vantage_class == VANTAGE_SELF && exposure->bound != NULL && addr_is_loopback(exposure->bound);
}

const char *decision_fact(const struct exposure *exposure, const char *name)
{
    char buffer[EXPOSURE_FACT_SIZE];
    const char *value = exposure_fact(exposure, name, buffer);

    assert(value != buffer);
    return value;
}

bool decision_fact_is(const struct exposure *exposure, const char *name, const char *value)
{
    const char *known = decision_fact(exposure, name);

    return known != NULL && strcmp(known, value) == 0;
}

/* What answers decides; the number only where nobody asked, or nobody recognised it. */
const struct baseline_row *decision_row(const struct policy *policy, const struct exposure *exposure)
{
    const char *service = decision_fact(exposure, "service");
    uint32_t number = policy_baseline(policy);

    return service == NULL ? baseline_find(number, exposure->proto, exposure->port)
                           : baseline_find_answer(number, exposure->proto, exposure->port, service,
                                                  decision_fact_is(exposure, "tls", "true"));
}

/* Its names: what was recognised, and what else it is called. */
static void name_services(const struct exposure *exposure, const struct baseline_row *row, const char *names[2])
{
    names[0] = decision_fact(exposure, "service");
    names[1] = NULL;
    if (names[0] == NULL && !exposure->asked) {
        names[0] = row != NULL ? row->service : NULL;
        names[1] = services_name(NULL, exposure->port, exposure->proto);
    } else if (names[0] != NULL && strcmp(names[0], "http") == 0 && decision_fact_is(exposure, "tls", "true")) {
        names[1] = "https";
    } else if (names[0] != NULL && row != NULL) {
        names[1] =
            strcmp(row->service, names[0]) != 0 ? row->service : services_name(NULL, row->ports[0], exposure->proto);
    }
}

static void make_view(const struct decision *decision, struct rule_view *ret_view)
{
    const struct exposure *exposure = &decision->exposure;
    bool offers_itself = exposure->vantage_class == VANTAGE_SELF && !exposure_is_loopback(exposure);

    *ret_view = (struct rule_view){
        .exposure = exposure,
        .host =
            {
                .realm = exposure->realm,
                .names = exposure->names,
                .name_count = exposure->name_count,
                .addresses = exposure->addresses,
                .address_count = exposure->address_count,
                .tags = exposure->tags,
                .tag_count = exposure->tag_count,
                .memo = exposure->memo,
            },
        .reach = offers_itself ? VANTAGE_OWN_VPC : exposure->vantage_class,
        .from = exposure->from,
        .services = {decision->services[0], decision->services[1]},
    };
}

void decision_view(const struct policy *policy, const struct exposure *exposure, struct rule_view *ret_view)
{
    struct decision decision = {.policy = policy, .exposure = *exposure, .row = decision_row(policy, exposure)};

    name_services(exposure, decision.row, decision.services);
    make_view(&decision, ret_view);
    ret_view->exposure = exposure;
}

/* Whoever gets to it is in: the one thing that is as bad on a port that nobody else reaches today. */
static bool is_open_door(const struct exposure *exposure)
{
    return decision_fact_is(exposure, "auth", "none") && decision_fact(exposure, "door") != NULL;
}

/* The one thing that plain HTTP is for. */
static bool only_redirects(const struct decision *decision)
{
    return decision->row != NULL && strcmp(decision->row->service, "http") == 0 &&
           decision_fact_is(&decision->exposure, "redirects_to_https", "true");
}

/* The rule that forbids and asks for the highest severity, the first of several. */
static const struct rule *find_forbid(const struct decision *decision, const struct rule_view *view)
{
    const struct rule_set *set = policy_rules(decision->policy);
    const struct rule_numbers numbers =
        rule_index_find(set->index, true, decision->exposure.proto, decision->exposure.port);
    const struct rule *found = NULL;

    for (size_t i = 0; i < numbers.count; i++) {
        const struct rule *rule = &set->forbid.items[numbers.items[i]];
        if ((found == NULL || rule->severity > found->severity) && rule_forbids(set, rule, view) == RULE_APPLIES) {
            found = rule;
        }
    }
    return found;
}

/* The first that applies; if none does, the first that something unknown keeps from it in decision->rule. */
static bool find_allow(struct decision *decision, const struct rule_view *view)
{
    const struct rule_set *set = policy_rules(decision->policy);
    const struct rule_numbers numbers =
        rule_index_find(set->index, false, decision->exposure.proto, decision->exposure.port);

    for (size_t i = 0; i < numbers.count; i++) {
        const struct rule *rule = &set->allow.items[numbers.items[i]];
        enum rule_answer answer = rule_allows(set, rule, view);
        if (answer == RULE_APPLIES) {
            decision->rule = rule;
            return true;
        }
        if (answer == RULE_OTHER_FACT && decision->unmet == NULL) {
            decision->unmet = rule;
        }
        if (rule_answer_is_aside(answer)) {
            decision->aside_answer = decision->aside == NULL ? answer : decision->aside_answer;
            decision->aside = decision->aside == NULL ? rule : decision->aside;
        } else if (decision->rule == NULL && rule_answer_is_unknown(answer)) {
            decision->rule = rule;
            decision->answer = answer;
        }
    }
    return false;
}

/* By what the policy says, where nothing comes before it. */
static enum decision_kind decide_by_rules(struct decision *decision, const struct rule_view *view, bool forbidden)
{
    decision->rule = find_forbid(decision, view);
    if (decision->rule != NULL) {
        return DECISION_FORBID;
    }
    if (find_allow(decision, view)) {
        return DECISION_ALLOW;
    }
    if (only_redirects(decision)) {
        decision->rule = NULL;
        return DECISION_REDIRECT;
    }
    if (decision->rule != NULL) {
        return DECISION_UNSURE;
    }
    return forbidden ? DECISION_ROW : DECISION_DEFAULT;
}

static enum decision_kind decide(struct decision *decision)
{
    const struct exposure *exposure = &decision->exposure;
    const struct baseline_row *row = decision->row;
    struct rule_view view;
    bool forbidden;

    make_view(decision, &view);
    forbidden = row != NULL && (row->forbidden_from & 1U << view.reach) != 0;
    if (forbidden && row->hard) {
        return DECISION_HARD;
    }
    if (exposure_is_loopback(exposure)) {
        return DECISION_LOOPBACK;
    }
    if (is_open_door(exposure)) {
        return DECISION_DOOR;
    }
    return decide_by_rules(decision, &view, forbidden);
}

static enum verdict_kind verdict_of(const struct decision *decision)
{
    switch (decision->kind) {
    case DECISION_LOOPBACK:
    case DECISION_ALLOW:
    case DECISION_REDIRECT:
        return VERDICT_ALLOWED;
    case DECISION_UNSURE:
        return rule_answer_is_unverified(decision->answer) ? VERDICT_UNVERIFIED : VERDICT_UNPROVEN;
    case DECISION_HARD:
    case DECISION_DOOR:
    case DECISION_FORBID:
    case DECISION_ROW:
    case DECISION_DEFAULT:
        break;
    }
    return VERDICT_FINDING;
}

static void weigh(struct decision *decision)
{
    const struct exposure *exposure = &decision->exposure;
    bool self = exposure->vantage_class == VANTAGE_SELF;
    bool never = decision->kind == DECISION_DOOR || (decision->kind == DECISION_HARD && decision->row->hard);
    bool forbidden = never || decision->kind == DECISION_FORBID || decision->kind == DECISION_ROW;

    decision->breadth =
        self && !exposure_is_loopback(exposure) ? BREADTH_BOUND : vantage_class_weight(exposure->vantage_class);
    if (never && !self && decision->breadth < BREADTH_FLOOR_HARD) {
        decision->breadth = BREADTH_FLOOR_HARD;
    }
    decision->service_weight = decision->kind == DECISION_DOOR ? SERVICE_OPEN_DOOR
                               : decision->row != NULL         ? decision->row->service_weight
                                                               : SERVICE_OTHER;
    decision->severity = SEVERITY_LOW;
    if (decision->verdict == VERDICT_ALLOWED) {
        return;
    }
    decision->need = forbidden ? NEED_FORBIDDEN : NEED_UNKNOWN;
    decision->penalty = decision->service_weight * decision->breadth * EVIDENCE_SEEN * decision->need;
    decision->severity = judge_severity(decision->penalty);
    if (decision->kind == DECISION_DOOR) {
        decision->severity = SEVERITY_CRITICAL;
    }
    if (decision->kind == DECISION_FORBID && decision->rule->has_severity &&
        decision->rule->severity > decision->severity) {
        decision->severity = decision->rule->severity;
    }
}

static void decide_seen(const struct policy *policy, const struct exposure *exposure, struct decision *decision)
{
    *decision = (struct decision){.policy = policy, .exposure = *exposure, .row = decision_row(policy, exposure)};
    name_services(&decision->exposure, decision->row, decision->services);
    decision->kind = decide(decision);
    decision->verdict = verdict_of(decision);
    weigh(decision);
}

struct exposure exposure_seen_by(const struct exposure *exposure, const struct exposure_sight *sight)
{
    struct exposure seen = *exposure;

    seen.vantage_class = sight->vantage_class;
    seen.vantage = sight->vantage;
    seen.bound = sight->bound;
    seen.from = sight->host;
    return seen;
}

static int rank_of(enum verdict_kind verdict)
{
    static const int ranks[] = {
        [VERDICT_ALLOWED] = 0, [VERDICT_UNVERIFIED] = 1, [VERDICT_UNPROVEN] = 2, [VERDICT_FINDING] = 3};

    return ranks[verdict];
}

/* The first of them that has the worst; with the same weight the wider. */
static bool is_worse(const struct decision *a, const struct decision *b)
{
    if (rank_of(a->verdict) != rank_of(b->verdict)) {
        return rank_of(a->verdict) > rank_of(b->verdict);
    }
    if (a->severity != b->severity) {
        return a->severity > b->severity;
    }
    return a->penalty > b->penalty || (a->penalty >= b->penalty && a->breadth > b->breadth);
}

/* A listener's own host says nothing that somebody else who sees it does not say better. */
static bool is_to_judge(const struct exposure *exposure, const struct exposure_sight *sight)
{
    if (!sight->open || sight->vantage_class != VANTAGE_SELF) {
        return sight->open;
    }
    for (size_t i = 0; i < exposure->sight_count; i++) {
        if (exposure->sights[i].open && exposure->sights[i].vantage_class != VANTAGE_SELF) {
            return false;
        }
    }
    return true;
}

void decision_make(const struct policy *policy, const struct exposure *exposure, struct decision *ret_decision)
{
    bool made = false;

    for (size_t i = 0; i < exposure->sight_count; i++) {
        struct decision decision;
        struct exposure seen;
        if (!is_to_judge(exposure, &exposure->sights[i])) {
            continue;
        }
        seen = exposure_seen_by(exposure, &exposure->sights[i]);
        decide_seen(policy, &seen, &decision);
        if (!made || is_worse(&decision, ret_decision)) {
            *ret_decision = decision;
            made = true;
        }
    }
    if (!made) {
        decide_seen(policy, exposure, ret_decision);
    }
}

void decision_facts(const struct decision *decision, char ret_text[FACT_TEXT_SIZE])
{
    bool nobody = decision->kind == DECISION_ROW || decision->kind == DECISION_DEFAULT;

    ret_text[0] = '\0';
    if (decision->kind == DECISION_UNSURE) {
        fact_text_of_rule(decision->rule, decision->answer, &decision->exposure, false, ret_text);
    } else if (nobody && decision->aside == NULL && decision->unmet != NULL) {
        fact_text_of_rule(decision->unmet, RULE_OTHER_FACT, &decision->exposure, false, ret_text);
    }
}

/* ---- the key ---- */

static void add_text(crypto_generichash_state *state, const char *text)
{
    static const unsigned char none = 0xff;

    if (text == NULL) {
        (void)crypto_generichash_update(state, &none, 1);
    } else {
        (void)crypto_generichash_update(state, (const unsigned char *)text, strlen(text) + 1);
    }
}

struct decision_key decision_key(const struct decision *decision)
{
    static const unsigned char key[crypto_shorthash_siphashx24_KEYBYTES] = {0};
    static const char *const facts[] = {"service", "tls", "door"};
    const struct exposure *exposure = &decision->exposure;
    struct decision_key result;
    struct {
        uint64_t row;
        uint64_t rule;
        uint64_t aside;
        uint64_t unmet;
        uint64_t known; /* of facts that are named */
        uint32_t kind, answer, aside_answer, port, vantage_class, is_udp, asked, has_bound, family;
        struct addr bound;
        char text[256];
    } block;
    char known[FACT_TEXT_SIZE];
    unsigned char digest[crypto_generichash_BYTES_MIN];
    size_t used = 0;

    memset(&block, 0, sizeof(block));
    block.row = (uint64_t)(uintptr_t)decision->row;
    block.rule = (uint64_t)(uintptr_t)decision->rule;
    block.kind = decision->kind;
    block.answer = decision->answer;
    block.aside = (uint64_t)(uintptr_t)decision->aside;
    block.aside_answer = decision->aside_answer;
    block.unmet = (uint64_t)(uintptr_t)decision->unmet;
    decision_facts(decision, known);
    if (known[0] != '\0') {
        (void)crypto_generichash(digest, sizeof(digest), (const unsigned char *)known, strlen(known), NULL, 0);
        memcpy(&block.known, digest, sizeof(block.known));
    }
    block.port = exposure->port;
    block.vantage_class = exposure->vantage_class;
    block.is_udp = strcmp(exposure->proto, "udp") == 0;
    block.asked = exposure->asked;
    block.has_bound = exposure->bound != NULL;
    block.family = exposure->address_count > 0 && exposure->addresses[0].is_ipv6 != 0;
    if (exposure->bound != NULL) {
        block.bound = *exposure->bound;
    }
    for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
        const char *value = decision_fact(exposure, facts[i]);
        size_t length = value == NULL ? 0 : strlen(value);
        if (used + length + 2 < sizeof(block.text)) {
            block.text[used++] = value == NULL ? '\1' : '\2';
            memcpy(block.text + used, value == NULL ? "" : value, length);
            used += length + 1;
        } else {
            crypto_generichash_state state;
            (void)crypto_generichash_init(&state, NULL, 0, crypto_generichash_BYTES_MIN);
            add_text(&state, value);
            (void)crypto_generichash_final(&state, (unsigned char *)block.text, crypto_generichash_BYTES_MIN);
        }
    }
    (void)crypto_shorthash_siphashx24((unsigned char *)&result, (const unsigned char *)&block,
                                      offsetof(__typeof__(block), text) + (used > 32 ? sizeof(block.text) : 32), key);
    return result;
}
