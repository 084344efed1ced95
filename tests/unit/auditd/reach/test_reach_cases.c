#include "auditd/reach/engine.h"
#include "auditd/reach/proof.h"
#include "auditd/reach/through.h"
#include "tests/unit/alloc_countdown.h"
#include "tests/unit/auditd/reach/scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What each case begins with, and may change before it is finished. */
struct stage {
    struct reach_model model;
    struct reach_acl *acl;
    struct reach_group *group;
    struct reach_table *table;
    struct reach_eni *eni;
};

static void stage_begin(struct stage *stage)
{
    struct reach_model *model = &stage->model;

    *stage = (struct stage){0};
    scene_vpc(model, "vpc-1", "10.0.0.0/16", "2600:1:2:300::/56");
    scene_subnet(model, "subnet-1", "vpc-1", "acl-1", "10.0.1.0/24", "2600:1:2:301::/64");
    stage->acl = scene_open_acl(model, "acl-1");
    stage->group = scene_group(model, "sg-1", "vpc-1");
    scene_rule(model, stage->group, REACH_TCP, 443, 443, "0.0.0.0/0");
    scene_rule(model, stage->group, REACH_PROTO_ALL, 0, 0, "0.0.0.0/0")->egress = true;
    stage->table = scene_table(model, "rtb-1", "vpc-1");
    scene_route(model, stage->table, "10.0.0.0/16", REACH_HOP_LOCAL, "local");
    scene_route(model, stage->table, "2600:1:2:300::/56", REACH_HOP_LOCAL, "local");
    scene_route(model, stage->table, "0.0.0.0/0", REACH_HOP_INTERNET, "igw-1");
    scene_gateway(model, "igw-1", "vpc-1");
    stage->eni = scene_eni(model, "eni-1", "subnet-1", "10.0.1.5", "203.0.113.80");
    scene_holds(model, stage->eni, "sg-1");
}

static struct reach_question ask_world(uint16_t proto, uint16_t port)
{
    return (struct reach_question){.from = REACH_FROM_WORLD, .proto = proto, .ports = {port, port}};
}

static struct reach_question ask_prefix(const char *prefix, uint16_t proto, uint16_t port)
{
    return (struct reach_question){
        .from = REACH_FROM_PREFIX, .prefix = scene_prefix(prefix), .proto = proto, .ports = {port, port}};
}

static struct reach_question ask_eni(uint32_t source, uint16_t proto, uint16_t port)
{
    return (struct reach_question){.from = REACH_FROM_ENI, .source = source, .proto = proto, .ports = {port, port}};
}

/* Asks, and ends the stage. */
static void stage_expect(struct stage *stage, struct reach_question question, enum reach_verdict verdict)
{
    struct reach_engine *engine;
    struct reach_answer answer;

    assert_int_equal(reach_model_finish(&stage->model), 0);
    engine = reach_engine_create(&stage->model);
    assert_non_null(engine);
    assert_int_equal(reach_ask(engine, &question, &answer), 0);
    assert_int_equal(answer.count, 1);
    assert_string_equal(reach_verdict_name(answer.cells[0].verdict), reach_verdict_name(verdict));
    reach_answer_done(&answer);
    reach_engine_destroy(engine);
    reach_model_done(&stage->model);
}

static void nothing_changed_is_reachable(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage);
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_REACHABLE);
    stage_begin(&stage);
    stage_expect(&stage, ask_world(REACH_TCP, 444), REACH_BLOCKED);
}

static void no_public_address_is_blocked(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage);
    stage.eni->addresses.items[0].is_public = false;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_BLOCKED);
    stage_begin(&stage);
    stage.eni->attached = false;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_BLOCKED);
}

static void a_route_to_a_nat_gateway_is_blocked(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage);
    stage.table->routes.items[2].hop = REACH_HOP_NAT;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_BLOCKED);
}

static void a_blackhole_is_blocked(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage);
    stage.table->routes.items[2].blackhole = true;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_BLOCKED);
}

static void a_group_admits_its_sources_only(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage);
    stage.group->rules.items[0].prefix = scene_prefix("203.0.113.0/24");
    stage_expect(&stage, ask_prefix("198.51.100.7", REACH_TCP, 443), REACH_BLOCKED);
    stage_begin(&stage);
    stage.group->rules.items[0].prefix = scene_prefix("203.0.113.0/24");
    stage_expect(&stage, ask_prefix("203.0.113.7", REACH_TCP, 443), REACH_REACHABLE);
    stage_begin(&stage);
    stage.group->rules.items[0].prefix = scene_prefix("203.0.113.0/24");
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_CONDITIONAL);
    stage_begin(&stage);
    stage.group->rules.items[0].prefix = scene_prefix("10.0.0.0/8");
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_BLOCKED);
}

static void protocols_and_ranges_admit_their_ports(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage);
    stage.group->rules.items[0].proto = REACH_PROTO_ALL;
    stage_expect(&stage, ask_world(REACH_TCP, 3306), REACH_REACHABLE);
    stage_begin(&stage);
    stage.group->rules.items[0].ports = (struct reach_ports){3000, 4000};
    stage_expect(&stage, ask_world(REACH_TCP, 3306), REACH_REACHABLE);
    stage_begin(&stage);
    stage.group->rules.items[0].proto = REACH_UDP;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_BLOCKED);
    stage_begin(&stage);
    stage.group->rules.items[0].proto = 50;
    stage_expect(&stage, ask_world(50, 0), REACH_REACHABLE);
    stage_begin(&stage);
    stage.group->rules.items[0].proto = 50;
    stage_expect(&stage, ask_world(REACH_PROTO_UNNAMED, 0), REACH_BLOCKED);
}

static void icmp_has_types_instead_of_ports(void **state)
{
    struct stage stage;

    (void)state;
    for (int asked = 0; asked < 3; asked++) {
        static const struct {
            uint16_t proto, port;
            enum reach_verdict verdict;
        } cases[] = {
            {REACH_TCP, 3, REACH_BLOCKED},
            {REACH_ICMP, 3 * 256 + 4, REACH_REACHABLE},
            {REACH_ICMP, 3 * 256 + 3, REACH_BLOCKED},
        };
        stage_begin(&stage);
        stage.group->rules.items[0].proto = REACH_ICMP;
        stage.group->rules.items[0].ports = (struct reach_ports){3 * 256 + 4, 3 * 256 + 4};
        stage_expect(&stage, ask_world(cases[asked].proto, cases[asked].port), cases[asked].verdict);
    }
    /* An echo wants its reply, which has another type; what wants no answer needs none. */
    stage_begin(&stage);
    stage.group->rules.items[0].proto = REACH_ICMP;
    stage.group->rules.items[0].ports = (struct reach_ports){0, UINT16_MAX};
    stage.acl->entries.items[2].proto = REACH_ICMP;
    stage.acl->entries.items[2].ports = (struct reach_ports){8 * 256, 8 * 256 + 255};
    stage_expect(&stage, ask_world(REACH_ICMP, 8 * 256), REACH_BLOCKED_RETURN);
    stage_begin(&stage);
    stage.group->rules.items[0].proto = REACH_ICMP;
    stage.group->rules.items[0].ports = (struct reach_ports){0, UINT16_MAX};
    stage.acl->entries.items[2].allow = false;
    stage_expect(&stage, ask_world(REACH_ICMP, 3 * 256 + 4), REACH_REACHABLE);
}

static void the_first_entry_of_an_acl_decides(void **state)
{
    struct stage stage;
    struct reach_entry *entry;

    (void)state;
    stage_begin(&stage);
    entry = scene_entry(&stage.model, stage.acl, 90, false, "0.0.0.0/0");
    entry->proto = REACH_TCP;
    entry->ports = (struct reach_ports){443, 443};
    entry->allow = false;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_BLOCKED);
    stage_begin(&stage);
    entry = scene_entry(&stage.model, stage.acl, 110, false, "0.0.0.0/0");
    entry->allow = false;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_REACHABLE);
}

/* The proof ends at the entry that stops it. */
static void a_proof_names_the_entry_that_denies(void **state)
{
    struct stage stage;
    struct reach_question question = ask_world(REACH_TCP, 443);
    const struct addr source = scene_addr("198.51.100.7");
    struct reach_entry *entry;
    struct reach_engine *engine;
    struct reach_proof proof;

    (void)state;
    stage_begin(&stage);
    entry = scene_entry(&stage.model, stage.acl, 90, false, "0.0.0.0/0");
    entry->allow = false;
    assert_int_equal(reach_model_finish(&stage.model), 0);
    engine = reach_engine_create(&stage.model);
    assert_non_null(engine);
    assert_int_equal(reach_prove(engine, &question, span_value_of(&source), (struct reach_ports){443, 443}, &proof), 0);
    assert_int_equal(proof.verdict, REACH_BLOCKED);
    assert_string_equal(proof.steps[proof.count - 1].id, "acl-1");
    assert_non_null(strstr(proof.steps[proof.count - 1].text, "rule 90 denies"));
    reach_engine_destroy(engine);
    reach_model_done(&stage.model);
}

static void an_acl_that_lets_no_answer_out_is_a_trap(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage);
    stage.acl->entries.items[2].allow = false;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_BLOCKED_RETURN);
    stage_begin(&stage);
    stage.acl->entries.items[2].proto = REACH_TCP;
    stage.acl->entries.items[2].ports = (struct reach_ports){443, 443};
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_BLOCKED_RETURN);
    /* Some of the ports are a condition. */
    stage_begin(&stage);
    stage.acl->entries.items[2].proto = REACH_TCP;
    stage.acl->entries.items[2].ports = (struct reach_ports){32768, 60999};
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_CONDITIONAL);
}

static void the_share_of_return_ports_is_said(void **state)
{
    struct stage stage;
    struct reach_question question = ask_world(REACH_TCP, 443);
    struct reach_engine *engine;
    struct reach_answer answer;

    (void)state;
    stage_begin(&stage);
    stage.acl->entries.items[2].proto = REACH_TCP;
    stage.acl->entries.items[2].ports = (struct reach_ports){1024, 1024 + 64512 / 4 - 1};
    assert_int_equal(reach_model_finish(&stage.model), 0);
    engine = reach_engine_create(&stage.model);
    assert_int_equal(reach_ask(engine, &question, &answer), 0);
    assert_true(answer.cells[0].return_share > 0.2499 && answer.cells[0].return_share < 0.2501);
    reach_answer_done(&answer);
    reach_engine_destroy(engine);
    reach_model_done(&stage.model);
}

static void groups_add_up(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage);
    stage.group->rules.items[0].prefix = scene_prefix("10.0.0.0/8");
    scene_rule(&stage.model, scene_group(&stage.model, "sg-2", "vpc-1"), REACH_TCP, 443, 443, "0.0.0.0/0");
    scene_holds(&stage.model, stage.eni, "sg-2");
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_REACHABLE);
}

static void what_a_group_lets_out_does_not_matter_to_answers(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage);
    stage.group->rules.count = 1;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_REACHABLE);
}

/* A second interface, with a group of its own that lets all out. */
static void stage_neighbour(struct stage *stage, const char *subnet, const char *vpc, const char *address)
{
    struct reach_eni *eni = scene_eni(&stage->model, "eni-2", subnet, address, NULL);
    struct reach_group *group = scene_group(&stage->model, "sg-2", vpc);

    scene_rule(&stage->model, group, REACH_PROTO_ALL, 0, 0, "0.0.0.0/0")->egress = true;
    scene_holds(&stage->model, eni, "sg-2");
}

static void no_acl_is_asked_within_a_subnet(void **state)
{
    struct stage stage;

    (void)state;
    for (int same = 0; same < 2; same++) {
        stage_begin(&stage);
        scene_subnet(&stage.model, "subnet-2", "vpc-1", "acl-1", "10.0.2.0/24", "2600:1:2:302::/64");
        stage_neighbour(&stage, same ? "subnet-1" : "subnet-2", "vpc-1", same ? "10.0.1.6" : "10.0.2.6");
        stage.acl->entries.count = 0;
        stage_expect(&stage, ask_eni(1, REACH_TCP, 443), same ? REACH_REACHABLE : REACH_BLOCKED);
    }
}

static void the_sources_group_must_let_it_out(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage);
    stage_neighbour(&stage, "subnet-1", "vpc-1", "10.0.1.6");
    stage.model.groups.items[1].rules.items[0].prefix = scene_prefix("10.0.2.0/24");
    stage_expect(&stage, ask_eni(1, REACH_TCP, 443), REACH_BLOCKED);
}

static void ipv6_needs_rules_of_its_own(void **state)
{
    struct stage stage;

    (void)state;
    for (int step = 0; step < 3; step++) {
        static const enum reach_verdict verdicts[] = {REACH_BLOCKED, REACH_REACHABLE, REACH_BLOCKED};
        stage_begin(&stage);
        stage.eni->addresses.items[0].prefix = scene_prefix("2600:1:2:301::5");
        scene_route(&stage.model, stage.table, "::/0", step == 2 ? REACH_HOP_EGRESS_ONLY : REACH_HOP_INTERNET,
                    step == 2 ? "eigw-1" : "igw-1");
        if (step > 0) {
            scene_rule(&stage.model, stage.group, REACH_TCP, 443, 443, "::/0");
        }
        stage_expect(&stage, ask_world(REACH_TCP, 443), verdicts[step]);
    }
}

/* A peer whose addresses the group admits; with a route back or without. */
static void stage_peer(struct stage *stage, bool has_route_back)
{
    struct reach_table *table;

    stage_begin(stage);
    scene_vpc(&stage->model, "vpc-2", "10.9.0.0/16", "2600:1:2:900::/56");
    scene_subnet(&stage->model, "subnet-9", "vpc-2", "acl-2", "10.9.1.0/24", "2600:1:2:901::/64");
    scene_open_acl(&stage->model, "acl-2");
    table = scene_table(&stage->model, "rtb-2", "vpc-2");
    scene_route(&stage->model, table, "10.0.0.0/16", REACH_HOP_PEERING, "pcx-1");
    if (has_route_back) {
        scene_route(&stage->model, &stage->model.tables.items[0], "10.9.0.0/16", REACH_HOP_PEERING, "pcx-1");
    }
    scene_peering(&stage->model, "pcx-1", "vpc-1", "vpc-2");
    stage->group->rules.items[0].prefix = scene_prefix("10.9.0.0/16");
}

static void a_peer_needs_a_route_back(void **state)
{
    struct stage stage;

    (void)state;
    stage_peer(&stage, true);
    stage_expect(&stage, ask_prefix("10.9.1.0/24", REACH_TCP, 443), REACH_REACHABLE);
    stage_peer(&stage, false);
    stage_expect(&stage, ask_prefix("10.9.1.0/24", REACH_TCP, 443), REACH_BLOCKED_RETURN);
    stage_peer(&stage, true);
    stage.model.peerings.items[0].active = false;
    stage_expect(&stage, ask_prefix("10.9.1.0/24", REACH_TCP, 443), REACH_BLOCKED);
}

static void a_group_as_source_means_those_that_hold_it(void **state)
{
    struct stage stage;

    (void)state;
    for (int holds = 0; holds < 2; holds++) {
        struct reach_rule *rule;
        stage_begin(&stage);
        stage_neighbour(&stage, "subnet-1", "vpc-1", "10.0.1.6");
        scene_group(&stage.model, "sg-3", "vpc-1");
        rule = &stage.model.groups.items[0].rules.items[0];
        rule->peer = REACH_PEER_GROUP;
        rule->ref = scene_ref(holds ? "sg-2" : "sg-3");
        stage_expect(&stage, ask_eni(1, REACH_TCP, 443), holds ? REACH_REACHABLE : REACH_BLOCKED);
    }
    /* Not by a public address. */
    stage_begin(&stage);
    stage.group->rules.items[0].peer = REACH_PEER_GROUP;
    stage.group->rules.items[0].ref = scene_ref("sg-1");
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_BLOCKED);
    /* Over a peering only within a region. */
    for (int far = 0; far < 2; far++) {
        stage_peer(&stage, true);
        stage_neighbour(&stage, "subnet-9", "vpc-2", "10.9.1.6");
        stage.model.groups.items[0].rules.items[0].peer = REACH_PEER_GROUP;
        stage.model.groups.items[0].rules.items[0].ref = scene_ref("sg-2");
        stage.model.peerings.items[0].sides[1].region = far ? "us-east-1" : "eu-central-1";
        stage_expect(&stage, ask_eni(1, REACH_TCP, 443), far ? REACH_BLOCKED : REACH_REACHABLE);
    }
}

static void what_was_not_read_is_unknown(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage);
    stage.model.subnets.items[0].acl = scene_ref("acl-unread");
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_UNKNOWN);
    stage_begin(&stage);
    stage.model.unread[REACH_BLOCK] = true;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_UNKNOWN);
    stage_begin(&stage);
    stage.group->rules.items[0].peer = REACH_PEER_LIST;
    stage.group->rules.items[0].ref = scene_ref("pl-unread");
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_UNKNOWN);
    stage_begin(&stage);
    scene_holds(&stage.model, stage.eni, "sg-unread");
    stage_expect(&stage, ask_world(REACH_TCP, 22), REACH_UNKNOWN);
    stage_begin(&stage);
    stage.table->is_main = false;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_UNKNOWN);
    /* What another rule blocks for sure is blocked all the same. */
    stage_begin(&stage);
    stage.model.subnets.items[0].acl = scene_ref("acl-unread");
    stage_expect(&stage, ask_world(REACH_TCP, 444), REACH_BLOCKED);
}

static void a_middlebox_is_unknown(void **state)
{
    struct stage stage;
    struct reach_table *edge;

    (void)state;
    stage_begin(&stage);
    stage.table->routes.items[2].hop = REACH_HOP_UNMODELED;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_UNKNOWN);
    stage_begin(&stage);
    edge = scene_table(&stage.model, "rtb-edge", "vpc-1");
    edge->is_main = false;
    edge->edge = scene_ref("igw-1");
    scene_route(&stage.model, edge, "10.0.1.0/24", REACH_HOP_UNMODELED, "vpce-1");
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_UNKNOWN);
}

static void public_access_can_be_blocked(void **state)
{
    struct stage stage;

    (void)state;
    for (int step = 0; step < 3; step++) {
        stage_begin(&stage);
        stage.model.blocks_public = true;
        if (step > 0) {
            *MADE_PUSH(&stage.model, &stage.model.exclusions) =
                (struct reach_exclusion){.id = "subnet-1", .inbound = step == 2};
        }
        stage_expect(&stage, ask_world(REACH_TCP, 443), step == 2 ? REACH_REACHABLE : REACH_BLOCKED);
    }
}

static void the_longest_prefix_decides(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage);
    scene_route(&stage.model, stage.table, "198.51.100.0/24", REACH_HOP_NAT, "nat-1");
    stage_expect(&stage, ask_prefix("198.51.100.7", REACH_TCP, 443), REACH_BLOCKED);
    /* Static before propagated. */
    stage_begin(&stage);
    scene_route(&stage.model, stage.table, "0.0.0.0/0", REACH_HOP_UNMODELED, "vgw-1")->rank = REACH_PROPAGATED;
    stage_expect(&stage, ask_world(REACH_TCP, 443), REACH_REACHABLE);
}

/* An Application Load Balancer on 443, its target on 8080 from the balancer's group alone. */
static void a_target_behind_its_balancer_is_blocked_but_for_the_balancer(void **state)
{
    static const enum reach_verdict verdicts[] = {REACH_REACHABLE, REACH_BLOCKED, REACH_REACHABLE};

    (void)state;
    for (int asked = 0; asked < 3; asked++) {
        const struct addr client = scene_addr("198.51.100.7");
        struct stage stage;
        struct reach_question question = ask_world(REACH_TCP, asked == 0 ? 443 : 8080);
        struct reach_passage passage = {.proto = REACH_TCP};
        struct reach_rule *rule;
        struct reach_balancer *balancer;
        struct reach_listener *listener;
        struct reach_targets *targets;
        struct reach_engine *engine;
        struct reach_answer answer;

        stage_begin(&stage);
        stage_neighbour(&stage, "subnet-1", "vpc-1", "10.0.1.6");
        rule = scene_rule(&stage.model, &stage.model.groups.items[1], REACH_TCP, 8080, 8080, NULL);
        rule->peer = REACH_PEER_GROUP;
        rule->ref = scene_ref("sg-1");
        balancer = MADE_PUSH(&stage.model, &stage.model.balancers);
        balancer->id = "lb-1";
        balancer->cross_zone = REACH_YES;
        *MADE_PUSH(&stage.model, &balancer->nodes) = scene_ref("eni-1");
        listener = MADE_PUSH(&stage.model, &balancer->listeners);
        listener->port = 443;
        listener->tcp = true;
        *MADE_PUSH(&stage.model, &listener->targets) = scene_ref("tg-1");
        targets = MADE_PUSH(&stage.model, &stage.model.targets);
        targets->id = "tg-1";
        targets->is_read = true;
        *MADE_PUSH(&stage.model, &targets->targets) = (struct reach_target){scene_ref("eni-2"), 8080};
        question.eni = asked == 0 ? 0 : 1;
        assert_int_equal(reach_model_finish(&stage.model), 0);
        engine = reach_engine_create(&stage.model);
        assert_non_null(engine);
        assert_int_equal(asked < 2 ? reach_ask(engine, &question, &answer)
                                   : reach_through(engine, &question, false, &passage, &answer),
                         0);
        assert_int_equal(reach_cell_verdict_of(&answer.cells[0], span_value_of(&client)), verdicts[asked]);
        reach_answer_done(&answer);
        reach_engine_destroy(engine);
        reach_model_done(&stage.model);
    }
}

static int run_out_of_memory(void)
{
    long left = alloc_left;
    struct stage stage;
    struct reach_question question = ask_prefix("0.0.0.0/0", REACH_TCP, 443);
    struct reach_engine *engine;
    struct reach_answer answer = {0};
    int rc = -ENOMEM;

    alloc_left = -1;
    stage_peer(&stage, true);
    assert_int_equal(reach_model_finish(&stage.model), 0);
    alloc_left = left;
    engine = reach_engine_create(&stage.model);
    if (engine != NULL) {
        rc = reach_ask(engine, &question, &answer);
        reach_answer_done(&answer);
    }
    reach_engine_destroy(engine);
    reach_model_done(&stage.model);
    return rc;
}

static void running_out_of_memory_is_said(void **state)
{
    (void)state;
    assert_true(alloc_count_down(run_out_of_memory) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changed_is_reachable),
        cmocka_unit_test(no_public_address_is_blocked),
        cmocka_unit_test(a_route_to_a_nat_gateway_is_blocked),
        cmocka_unit_test(a_blackhole_is_blocked),
        cmocka_unit_test(a_group_admits_its_sources_only),
        cmocka_unit_test(protocols_and_ranges_admit_their_ports),
        cmocka_unit_test(icmp_has_types_instead_of_ports),
        cmocka_unit_test(the_first_entry_of_an_acl_decides),
        cmocka_unit_test(a_proof_names_the_entry_that_denies),
        cmocka_unit_test(an_acl_that_lets_no_answer_out_is_a_trap),
        cmocka_unit_test(the_share_of_return_ports_is_said),
        cmocka_unit_test(groups_add_up),
        cmocka_unit_test(what_a_group_lets_out_does_not_matter_to_answers),
        cmocka_unit_test(no_acl_is_asked_within_a_subnet),
        cmocka_unit_test(the_sources_group_must_let_it_out),
        cmocka_unit_test(ipv6_needs_rules_of_its_own),
        cmocka_unit_test(a_peer_needs_a_route_back),
        cmocka_unit_test(a_group_as_source_means_those_that_hold_it),
        cmocka_unit_test(what_was_not_read_is_unknown),
        cmocka_unit_test(a_middlebox_is_unknown),
        cmocka_unit_test(public_access_can_be_blocked),
        cmocka_unit_test(the_longest_prefix_decides),
        cmocka_unit_test(a_target_behind_its_balancer_is_blocked_but_for_the_balancer),
        cmocka_unit_test(running_out_of_memory_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
