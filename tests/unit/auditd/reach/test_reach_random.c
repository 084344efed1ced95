/* The module against the brute-force evaluator on random clouds. */
#include "auditd/reach/engine.h"
#include "auditd/reach/proof.h"
#include "auditd/reach/through.h"
#include "tests/unit/auditd/reach/draw.h"
#include "tests/unit/seed.h"

#include <string.h>

enum { RANDOM_CLOUDS = 300, RANDOM_LONG = 100000, RANDOM_MANY = 10000, RANDOM_QUESTIONS = 4, RANDOM_POINTS = 24 };

/* How often each verdict came: a draw that never meets one would prove little. */
static uint64_t met[REACH_VERDICTS], met_through[REACH_VERDICTS];

static struct reach_question to_question(const struct b_question *drawn)
{
    return (struct reach_question){
        .from = (enum reach_from)drawn->from,
        .prefix = {draw_to_addr(drawn->net.base), (uint8_t)drawn->net.bits},
        .source = (uint32_t)drawn->source,
        .eni = (uint32_t)drawn->eni,
        .address = drawn->six ? 1 : 0,
        .proto = (uint16_t)drawn->proto,
        .ports = {0, UINT16_MAX},
        .client = {(uint16_t)drawn->client_first, (uint16_t)drawn->client_last},
    };
}

/* An address of the question, mostly; now and then one next to it. */
static struct b_addr draw_source(uint64_t *source, const struct b_world *world, const struct b_question *question)
{
    struct b_addr addr = draw_addr(source, question->six);
    int eni = question->from == B_FROM_ENI ? question->source : draw_below(source, B_ENIS);

    if (draw_below(source, 3) == 0 || question->from == B_FROM_ENI) {
        addr = question->six ? world->enis[eni].six : world->enis[eni].four;
    }
    if (draw_below(source, 3) == 0) {
        addr.bytes[question->six ? 15 : 3] = (uint8_t)(addr.bytes[question->six ? 15 : 3] + draw_below(source, 3) - 1);
    }
    return addr;
}

static const struct reach_cell *cell_at(const struct reach_answer *answer, int port)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (answer->cells[i].ports.first <= port && port <= answer->cells[i].ports.last) {
            return &answer->cells[i];
        }
    }
    fail_msg("no cell has port %d", port);
    return NULL;
}

static void check_asked(const struct b_world *world, const struct b_question *drawn, struct b_addr addr,
                        const struct reach_answer *answer)
{
    struct addr value = draw_to_addr(addr);

    if (b_asked(world, drawn, addr) != span_set_has(&answer->asked, span_value_of(&value))) {
        char text[ADDR_TEXT_SIZE];
        fail_msg("whether %s is asked", addr_format(&value, text));
    }
}

/* The steps of the proof add up to the verdict. */
static void check_proof(struct reach_engine *engine, const struct reach_question *question, span_value source,
                        uint16_t port, enum reach_verdict verdict)
{
    struct reach_proof proof;
    enum reach_maybe there = REACH_YES;
    enum reach_maybe back = REACH_YES;

    assert_int_equal(reach_prove(engine, question, source, (struct reach_ports){port, port}, &proof), 0);
    assert_int_equal(proof.verdict, verdict);
    for (size_t i = 0; i < proof.count; i++) {
        enum reach_maybe *way = proof.steps[i].is_answer ? &back : &there;
        *way = proof.steps[i].passes < *way ? proof.steps[i].passes : *way;
    }
    switch (verdict) {
    case REACH_BLOCKED:
        assert_int_equal(there, REACH_NO);
        break;
    case REACH_BLOCKED_RETURN:
        assert_int_not_equal(there, REACH_NO);
        assert_int_equal(back, REACH_NO);
        break;
    case REACH_UNKNOWN:
        assert_true(there == REACH_PERHAPS || back == REACH_PERHAPS);
        assert_true(there != REACH_NO && back != REACH_NO);
        break;
    case REACH_CONDITIONAL:
    case REACH_REACHABLE:
        assert_int_equal(there, REACH_YES);
        assert_int_equal(back, REACH_YES);
        break;
    }
}

static void check_point(uint64_t *source, const struct b_world *world, const struct b_question *drawn,
                        struct reach_engine *engine, const struct reach_answer *answer)
{
    const struct reach_question question = to_question(drawn);
    struct b_addr addr = draw_source(source, world, drawn);
    struct addr value = draw_to_addr(addr);
    int port = draw_port(source);
    enum reach_verdict ours;
    enum b_verdict theirs;

    check_asked(world, drawn, addr, answer);
    if (!b_asked(world, drawn, addr)) {
        return;
    }
    ours = reach_cell_verdict_of(cell_at(answer, port), span_value_of(&value));
    theirs = b_judge(world, drawn, addr, port);
    met[ours]++;
    if ((int)ours != (int)theirs) {
        char text[ADDR_TEXT_SIZE];
        fail_msg("%s to eni-%d, protocol %d, port %d, question %d: %s, by brute force %s", addr_format(&value, text),
                 drawn->eni, drawn->proto, port, (int)drawn->from, reach_verdict_name(ours),
                 reach_verdict_name((enum reach_verdict)theirs));
    }
    /* A proof takes as long as some answers. */
    if (draw_below(source, 8) == 0) {
        check_proof(engine, &question, span_value_of(&value), (uint16_t)port, ours);
    }
}

/* Cells ascend without a gap, and their sources lie apart within what was asked. */
static void check_shape(const struct reach_answer *answer)
{
    int next = 0;

    for (size_t i = 0; i < answer->count; i++) {
        const struct reach_cell *cell = &answer->cells[i];
        struct span_set all = {0};
        assert_int_equal(cell->ports.first, next);
        next = cell->ports.last + 1;
        for (int verdict = 0; verdict < REACH_VERDICTS; verdict++) {
            assert_false(span_set_meets(&all, &cell->sources[verdict]));
            span_set_or(&all, &cell->sources[verdict]);
        }
        span_set_minus(&all, &answer->asked);
        assert_int_equal(all.count, 0);
        span_set_done(&all);
    }
    assert_int_equal(next, UINT16_MAX + 1);
}

static void check_through(uint64_t *source, const struct b_world *world, struct b_question drawn,
                          struct reach_engine *engine)
{
    struct reach_passage passage = {.proto = draw_below(source, 4) == 0 ? REACH_UDP : REACH_TCP};
    struct reach_question question;
    struct reach_answer answer;

    drawn.proto = passage.proto;
    drawn.from = draw_below(source, 3) == 0 ? B_FROM_NET : B_FROM_WORLD;
    drawn.net = (struct b_net){.base.six = drawn.six};
    question = to_question(&drawn);
    assert_int_equal(reach_through(engine, &question, drawn.six, &passage, &answer), 0);
    for (int i = 0; i < RANDOM_POINTS / 4; i++) {
        struct b_addr addr = draw_source(source, world, &drawn);
        struct addr value = draw_to_addr(addr);
        enum reach_verdict ours = reach_cell_verdict_of(&answer.cells[0], span_value_of(&value));
        enum b_verdict theirs = b_judge_through(world, &drawn, addr);
        met_through[ours]++;
        if ((int)ours != (int)theirs) {
            char text[ADDR_TEXT_SIZE];
            fail_msg("%s by the balancer: %s, by brute force %s", addr_format(&value, text), reach_verdict_name(ours),
                     reach_verdict_name((enum reach_verdict)theirs));
        }
    }
    reach_answer_done(&answer);
}

static void check_cloud(uint64_t seed)
{
    uint64_t source = seed;
    struct b_world world;
    struct reach_model model;
    struct reach_engine *engine;

    draw_world(&source, &world);
    draw_model(&world, &model);
    engine = reach_engine_create(&model);
    assert_non_null(engine);
    for (int i = 0; i < RANDOM_QUESTIONS; i++) {
        struct b_question drawn;
        struct reach_question question;
        struct reach_answer answer;
        draw_question(&source, &drawn);
        question = to_question(&drawn);
        assert_int_equal(reach_ask(engine, &question, &answer), 0);
        check_shape(&answer);
        for (int j = 0; j < RANDOM_POINTS; j++) {
            check_point(&source, &world, &drawn, engine, &answer);
        }
        reach_answer_done(&answer);
        check_through(&source, &world, drawn, engine);
    }
    reach_engine_destroy(engine);
    reach_model_done(&model);
}

static void both_evaluators_agree(void **state)
{
    const char *is_long = getenv("LEASTPORT_TEST_LONG");
    uint64_t seed = seed_first();
    uint64_t clouds = is_long != NULL && strcmp(is_long, "1") == 0 ? RANDOM_LONG : seed_repeats(RANDOM_CLOUDS);

    (void)state;
    for (uint64_t i = 0; i < clouds; i++) {
        seed_at_hand = seed + i;
        check_cloud(seed_at_hand);
    }
    for (int verdict = 0; verdict < REACH_VERDICTS; verdict++) {
        print_message("%s: %llu, by the balancer %llu\n", reach_verdict_name((enum reach_verdict)verdict),
                      (unsigned long long)met[verdict], (unsigned long long)met_through[verdict]);
        assert_true(met[verdict] > 0);
        /* A share of the client ports is seldom what a balancer's clients meet: few clouds may hold none. */
        assert_true(met_through[verdict] > 0 || clouds < RANDOM_MANY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(both_evaluators_agree, seed_say)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
