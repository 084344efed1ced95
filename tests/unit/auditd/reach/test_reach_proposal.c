/* What is proposed for the groups of random clouds admits nobody new and keeps all that is needed, point by point; and
 * what does not is found by the check. */
#include "auditd/reach/proposal.h"
#include "tests/unit/auditd/reach/draw.h"
#include "tests/unit/auditd/reach/scene.h"
#include "tests/unit/seed.h"

#include <string.h>

enum { PROPOSAL_CLOUDS = 120, PROPOSAL_POINTS = 200, NEEDS_MOST = 4 };

/* How often each came: a draw that never changes a group would prove little. */
static uint64_t met[REACH_ADVICE_FAILED + 1], met_kept, met_closed;

/* ---- needs ---- */

static struct reach_need *need_add(struct reach_needs *needs, uint32_t eni)
{
    needs->items = realloc(needs->items, (needs->count + 1) * sizeof(*needs->items));
    assert_non_null(needs->items);
    needs->items[needs->count] = (struct reach_need){.eni = eni};
    return &needs->items[needs->count++];
}

static void draw_from(uint64_t *source, struct reach_need *need)
{
    for (int family = 0; family < 2; family++) {
        for (int i = draw_below(source, 3); i > 0; i--) {
            struct prefix prefix = {.addr = draw_to_addr(draw_addr(source, family == 1))};
            static const uint8_t bits[2][4] = {{0, 8, 24, 32}, {0, 32, 64, 128}};
            prefix.bits = bits[family][draw_below(source, 4)];
            span_set_add_prefix(&need->from[family],
                                &(struct prefix){span_addr(span_of_prefix(&prefix).first, family == 1), prefix.bits});
        }
    }
}

static struct reach_needs draw_needs(uint64_t *source, const struct reach_model *model)
{
    struct reach_needs needs = {0};

    for (uint32_t i = 0; i < model->enis.count; i++) {
        if (draw_below(source, 16) == 0) {
            *need_add(&needs, i) = (struct reach_need){.eni = i, .proto = REACH_PROTO_ALL, .ports = {0, UINT16_MAX}};
            continue;
        }
        for (int j = draw_below(source, NEEDS_MOST + 1); j > 0; j--) {
            struct reach_need *need = need_add(&needs, i);
            uint16_t port = (uint16_t)draw_port(source);
            uint16_t last = draw_below(source, 4) == 0 ? (uint16_t)draw_port(source) : port;
            need->proto = draw_below(source, 4) == 0 ? REACH_UDP : REACH_TCP;
            need->ports = (struct reach_ports){port < last ? port : last, port < last ? last : port};
            need->is_seen = draw_below(source, 6) != 0;
            draw_from(source, need);
        }
    }
    return needs;
}

static bool is_needed(const struct reach_needs *needs, const struct reach_question *question, uint16_t port,
                      const struct addr *source)
{
    for (size_t i = 0; i < needs->count; i++) {
        const struct reach_need *need = &needs->items[i];
        if (need->eni == question->eni && (need->proto == question->proto || need->proto == REACH_PROTO_ALL) &&
            need->ports.first <= port && port <= need->ports.last &&
            (!need->is_seen || span_set_has(&need->from[source->is_ipv6], span_value_of(source)))) {
            return true;
        }
    }
    return false;
}

/* ---- the cloud with it ---- */

static void put(struct reach_model *model, const struct reach_proposal *proposal)
{
    for (size_t i = 0; i < proposal->count; i++) {
        struct reach_group *group = &model->groups.items[i];
        struct reach_group old = *group;
        if (proposal->items[i].kind != REACH_ADVICE_CHANGE) {
            continue;
        }
        group->rules.items = NULL;
        group->rules.count = 0;
        for (size_t j = 0; j < proposal->items[i].count; j++) {
            *MADE_PUSH(model, &group->rules) = proposal->items[i].rules[j];
        }
        for (size_t j = 0; j < old.rules.count; j++) {
            if (old.rules.items[j].egress) {
                *MADE_PUSH(model, &group->rules) = old.rules.items[j];
            }
        }
        reach_model_finish_group(model, group);
    }
}

static enum reach_verdict ask(struct reach_engine *engine, const struct reach_question *question, struct addr source,
                              bool *ret_asked)
{
    struct reach_answer answer;
    enum reach_verdict verdict = REACH_BLOCKED;

    assert_int_equal(reach_ask(engine, question, &answer), 0);
    *ret_asked = answer.count == 1 && span_set_has(&answer.asked, span_value_of(&source));
    if (*ret_asked) {
        verdict = reach_cell_verdict_of(&answer.cells[0], span_value_of(&source));
    }
    reach_answer_done(&answer);
    return verdict;
}

static void check_point(uint64_t *source, const struct reach_needs *needs, struct reach_engine *const engines[2])
{
    static const uint16_t protos[] = {6, 6, 6, 17, 17, 1, 50, REACH_PROTO_UNNAMED};
    const struct reach_model *model = reach_engine_model(engines[0]);
    uint16_t port = needs->count > 0 && draw_below(source, 2) == 0
                        ? needs->items[draw_below(source, (int)needs->count)].ports.first
                        : (uint16_t)draw_port(source);
    bool six = draw_below(source, 3) == 0;
    struct reach_question question = {
        .from = (enum reach_from)draw_below(source, 3),
        .source = (uint32_t)draw_below(source, (int)model->enis.count),
        .eni = (uint32_t)draw_below(source, (int)model->enis.count),
        .address = six ? 1 : 0,
        .proto = protos[draw_below(source, 8)],
        .ports = {port, port},
    };
    struct addr addr = draw_to_addr(draw_addr(source, six));
    enum reach_verdict verdicts[2];
    bool asked[2];

    if (question.from == REACH_FROM_ENI) {
        addr = model->enis.items[question.source].addresses.items[question.address].prefix.addr;
    }
    question.prefix = (struct prefix){addr, six ? 128 : 32};
    for (int i = 0; i < 2; i++) {
        verdicts[i] = ask(engines[i], &question, addr, &asked[i]);
    }
    assert_int_equal(asked[0], asked[1]);
    assert_true(verdicts[1] <= verdicts[0]);
    if ((question.proto == REACH_TCP || question.proto == REACH_UDP) && is_needed(needs, &question, port, &addr)) {
        assert_int_equal(verdicts[0], verdicts[1]);
        met_kept += verdicts[0] > REACH_BLOCKED_RETURN;
    }
    met_closed += verdicts[1] < verdicts[0];
}

static void check_cloud(uint64_t seed)
{
    uint64_t source = seed;
    struct b_world world;
    struct reach_model models[2];
    struct reach_engine *engines[2];
    struct reach_needs needs;
    struct reach_proposal proposal;

    draw_world(&source, &world);
    draw_model(&world, &models[0]);
    draw_model(&world, &models[1]);
    needs = draw_needs(&source, &models[0]);
    assert_int_equal(reach_proposal_make(&models[0], &needs, &proposal), 0);
    assert_int_equal(reach_proposal_check(&models[0], &needs, &proposal), 0);
    for (size_t i = 0; i < proposal.count; i++) {
        met[proposal.items[i].kind]++;
        assert_int_not_equal(proposal.items[i].kind, REACH_ADVICE_FAILED);
    }
    put(&models[1], &proposal);
    for (int i = 0; i < 2; i++) {
        engines[i] = reach_engine_create(&models[i]);
        assert_non_null(engines[i]);
    }
    for (int i = 0; i < PROPOSAL_POINTS; i++) {
        check_point(&source, &needs, engines);
    }
    for (int i = 0; i < 2; i++) {
        reach_engine_destroy(engines[i]);
        reach_model_done(&models[i]);
    }
    reach_proposal_done(&proposal);
    reach_needs_done(&needs);
}

static void nothing_opens_and_the_needed_stays(void **state)
{
    uint64_t seed = seed_first();
    uint64_t clouds = seed_repeats(PROPOSAL_CLOUDS);

    (void)state;
    for (uint64_t i = 0; i < clouds; i++) {
        seed_at_hand = seed + i;
        check_cloud(seed_at_hand);
    }
    print_message("same %llu, changed %llu, unread %llu, unknown %llu; points kept %llu, closed %llu\n",
                  (unsigned long long)met[REACH_ADVICE_SAME], (unsigned long long)met[REACH_ADVICE_CHANGE],
                  (unsigned long long)met[REACH_ADVICE_UNREAD], (unsigned long long)met[REACH_ADVICE_UNKNOWN],
                  (unsigned long long)met_kept, (unsigned long long)met_closed);
    assert_true(met[REACH_ADVICE_CHANGE] > 0 && met[REACH_ADVICE_UNKNOWN] > 0 && met[REACH_ADVICE_UNREAD] > 0);
    assert_true(met_kept > 0 && met_closed > 0);
}

/* ---- by hand ---- */

/* web and db in one VPC; sg-shared is held by both, sg-web by web, which db's rule refers to. */
static void make_scene(struct reach_model *model)
{
    struct reach_table *table;
    struct reach_group *group;
    struct reach_rule *rule;
    struct reach_eni *eni;

    scene_vpc(model, "vpc-1", "10.0.0.0/16", "2600:1:2:300::/56");
    scene_gateway(model, "igw-1", "vpc-1");
    table = scene_table(model, "rtb-1", "vpc-1");
    scene_route(model, table, "10.0.0.0/16", REACH_HOP_LOCAL, "local");
    scene_route(model, table, "0.0.0.0/0", REACH_HOP_INTERNET, "igw-1");
    scene_open_acl(model, "acl-1");
    scene_subnet(model, "subnet-1", "vpc-1", "acl-1", "10.0.1.0/24", "2600:1:2:301::/64");
    group = scene_group(model, "sg-web", "vpc-1");
    scene_rule(model, group, REACH_TCP, 443, 443, "0.0.0.0/0")->id = "sgr-443";
    scene_rule(model, group, REACH_TCP, 20, 25, "0.0.0.0/0")->id = "sgr-22";
    scene_rule(model, group, REACH_ICMP, 3 * 256 + 4, 3 * 256 + 4, "0.0.0.0/0")->id = "sgr-icmp";
    group = scene_group(model, "sg-shared", "vpc-1");
    scene_rule(model, group, REACH_PROTO_ALL, 0, 0, "10.0.0.0/8")->id = "sgr-all";
    rule = scene_rule(model, group, REACH_TCP, 5000, 6000, NULL);
    rule->id = "sgr-ref";
    rule->peer = REACH_PEER_GROUP;
    rule->ref = scene_ref("sg-web");
    scene_group(model, "sg-none", "vpc-1");
    scene_rule(model, &model->groups.items[2], REACH_TCP, 1, 2, "0.0.0.0/0");
    eni = scene_eni(model, "eni-web", "subnet-1", "10.0.1.5", "192.0.2.80");
    scene_holds(model, eni, "sg-web");
    scene_holds(model, eni, "sg-shared");
    eni = scene_eni(model, "eni-db", "subnet-1", "10.0.1.6", NULL);
    scene_holds(model, eni, "sg-shared");
    assert_int_equal(reach_model_finish(model), 0);
}

static void scene_need(struct reach_needs *needs, uint32_t eni, uint16_t port, const char *from)
{
    struct reach_need *need = need_add(needs, eni);
    struct prefix prefix = scene_prefix(from);

    need->proto = REACH_TCP;
    need->ports = (struct reach_ports){port, port};
    need->is_seen = true;
    span_set_add_prefix(&need->from[prefix.addr.is_ipv6], &prefix);
}

/* 443 from all, 22 from an office; 5432 of the database from its VPC. */
static struct reach_needs scene_needs(void)
{
    struct reach_needs needs = {0};

    scene_need(&needs, 0, 443, "0.0.0.0/0");
    scene_need(&needs, 0, 22, "203.0.113.0/24");
    scene_need(&needs, 1, 5432, "10.0.0.0/16");
    return needs;
}

static void check_rule(const struct reach_rule *rule, const char *id, uint16_t first, uint16_t last, const char *prefix)
{
    char text[PREFIX_TEXT_SIZE];

    assert_int_equal(rule->ports.first, first);
    assert_int_equal(rule->ports.last, last);
    if (id == NULL) {
        assert_null(rule->id);
    } else {
        assert_string_equal(rule->id, id);
    }
    if (prefix != NULL) {
        assert_string_equal(prefix_format(&rule->prefix, text), prefix);
    }
}

static void rules_are_cut_down(void **state)
{
    struct reach_model model = {0};
    struct reach_needs needs = scene_needs();
    struct reach_proposal proposal;
    const struct reach_advice *advice;

    (void)state;
    make_scene(&model);
    assert_int_equal(reach_proposal_make(&model, &needs, &proposal), 0);
    assert_int_equal(reach_proposal_check(&model, &needs, &proposal), 0);
    advice = &proposal.items[0];
    assert_int_equal(advice->kind, REACH_ADVICE_CHANGE);
    assert_int_equal(advice->count, 3);
    check_rule(&advice->rules[0], "sgr-443", 443, 443, "0.0.0.0/0");
    check_rule(&advice->rules[1], "sgr-icmp", 3 * 256 + 4, 3 * 256 + 4, "0.0.0.0/0");
    check_rule(&advice->rules[2], NULL, 22, 22, "203.0.113.0/24");
    /* The union of what both need: of all traffic 443 and 5432, and the reference's ports are one. */
    advice = &proposal.items[1];
    assert_int_equal(advice->kind, REACH_ADVICE_CHANGE);
    assert_int_equal(advice->held, 2);
    assert_int_equal(advice->count, 3);
    check_rule(&advice->rules[0], NULL, 443, 443, "10.0.0.0/8");
    check_rule(&advice->rules[1], NULL, 5432, 5432, "10.0.0.0/16");
    check_rule(&advice->rules[2], NULL, 5432, 5432, NULL);
    assert_int_equal(advice->rules[2].peer, REACH_PEER_GROUP);
    assert_string_equal(advice->rules[2].ref.id, "sg-web");
    assert_int_equal(proposal.items[2].kind, REACH_ADVICE_UNHELD);
    reach_proposal_done(&proposal);
    reach_needs_done(&needs);
    reach_model_done(&model);
}

/* Makes the proposal, lets `spoil` alter it, and says what the check makes of the group. */
static enum reach_advice_kind spoilt(void (*spoil)(struct reach_advice *advice), uint32_t group)
{
    struct reach_model model = {0};
    struct reach_needs needs = scene_needs();
    struct reach_proposal proposal;
    enum reach_advice_kind kind;

    make_scene(&model);
    assert_int_equal(reach_proposal_make(&model, &needs, &proposal), 0);
    spoil(&proposal.items[group]);
    assert_int_equal(reach_proposal_check(&model, &needs, &proposal), 0);
    kind = proposal.items[group].kind;
    assert_int_equal(kind == REACH_ADVICE_FAILED, proposal.items[group].why[0] != '\0');
    /* The other one stands all the same where it does not hang on the spoilt one. */
    assert_true(group == 0 || proposal.items[0].kind != REACH_ADVICE_SAME);
    reach_proposal_done(&proposal);
    reach_needs_done(&needs);
    reach_model_done(&model);
    return kind;
}

static void spoil_nothing(struct reach_advice *advice)
{
    (void)advice;
}

static void spoil_port(struct reach_advice *advice)
{
    advice->rules[0].ports.last++;
}

static void spoil_source(struct reach_advice *advice)
{
    advice->rules[2].prefix = scene_prefix("0.0.0.0/0");
    advice->rules[2].ports.last = 26;
}

static void spoil_inside(struct reach_advice *advice)
{
    advice->rules[1].prefix = scene_prefix("11.0.0.0/8");
}

static void spoil_missing(struct reach_advice *advice)
{
    advice->count--;
}

static void spoil_needed(struct reach_advice *advice)
{
    advice->rules[1] = advice->rules[2];
    advice->count--;
}

static void the_check_finds_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(spoilt(spoil_nothing, 0), REACH_ADVICE_CHANGE);
    assert_int_equal(spoilt(spoil_port, 0), REACH_ADVICE_FAILED);
    assert_int_equal(spoilt(spoil_source, 0), REACH_ADVICE_FAILED);
    assert_int_equal(spoilt(spoil_missing, 0), REACH_ADVICE_FAILED);
    assert_int_equal(spoilt(spoil_inside, 1), REACH_ADVICE_FAILED);
    assert_int_equal(spoilt(spoil_needed, 1), REACH_ADVICE_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nothing_opens_and_the_needed_stays, seed_say),
        cmocka_unit_test(rules_are_cut_down),
        cmocka_unit_test(the_check_finds_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
