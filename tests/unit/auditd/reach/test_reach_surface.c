/* The surface of a random cloud holds what single questions answer, and a changed group brings it to where a new one
 * would stand. */
#include "auditd/reach/surface.h"
#include "tests/unit/auditd/reach/draw.h"
#include "tests/unit/seed.h"

enum { SURFACE_CLOUDS = 60 };

static bool rows_same(const struct reach_row *a, const struct reach_row *b)
{
    bool same = a->eni == b->eni && a->address == b->address && a->proto == b->proto && a->balancer == b->balancer &&
                a->listener == b->listener && a->is_bypass == b->is_bypass && a->is_ipv6 == b->is_ipv6 &&
                a->asked == b->asked && a->cell.verdict == b->cell.verdict &&
                a->cell.ports.first == b->cell.ports.first && a->cell.ports.last == b->cell.ports.last;

    for (int verdict = 0; same && verdict < REACH_VERDICTS; verdict++) {
        same = span_set_equal(&a->cell.sources[verdict], &b->cell.sources[verdict]);
    }
    return same;
}

static size_t check_rows(const struct reach_rows *a, const struct reach_rows *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_true(rows_same(&a->items[i], &b->items[i]));
    }
    return a->count;
}

static size_t check_same(const struct reach_model *model, const struct reach_surface *a, const struct reach_surface *b)
{
    size_t count = 0;

    for (uint32_t i = 0; i < model->enis.count; i++) {
        count += check_rows(reach_surface_direct(a, i), reach_surface_direct(b, i));
    }
    for (uint32_t i = 0; i < model->balancers.count; i++) {
        count += check_rows(reach_surface_through(a, i), reach_surface_through(b, i));
    }
    return count;
}

/* All that may be asked of TCP, and no row says otherwise. */
static void check_asked(struct reach_engine *engine, const struct reach_surface *surface, uint32_t eni)
{
    const struct reach_rows *rows = reach_surface_direct(surface, eni);
    struct reach_question question = {.eni = eni, .proto = REACH_TCP, .ports = {0, UINT16_MAX}};
    struct reach_answer answer;
    size_t at = 0;

    if (!reach_engine_model(engine)->enis.items[eni].addresses.items[0].is_public) {
        return;
    }
    assert_int_equal(reach_ask(engine, &question, &answer), 0);
    for (size_t i = 0; i < answer.count; i++) {
        if (answer.cells[i].verdict == REACH_BLOCKED) {
            continue;
        }
        while (at < rows->count && (rows->items[at].proto != REACH_TCP || rows->items[at].address != 0)) {
            at++;
        }
        assert_true(at < rows->count);
        assert_int_equal(rows->items[at].cell.ports.first, answer.cells[i].ports.first);
        assert_int_equal(rows->items[at].cell.ports.last, answer.cells[i].ports.last);
        assert_int_equal(rows->items[at++].cell.verdict, answer.cells[i].verdict);
    }
    reach_answer_done(&answer);
}

static void change_group(uint64_t *source, struct reach_group *group)
{
    for (size_t i = 0; i < group->rules.count; i++) {
        struct reach_rule *rule = &group->rules.items[i];
        if (draw_below(source, 2) == 0) {
            rule->ports = (struct reach_ports){(uint16_t)draw_below(source, 500), 600};
            rule->proto = draw_below(source, 2) == 0 ? REACH_TCP : REACH_PROTO_ALL;
        }
    }
}

static size_t check_cloud(uint64_t seed)
{
    uint64_t source = seed;
    struct b_world world;
    struct reach_model model;
    struct reach_engine *engine;
    struct reach_engine *fresh_engine;
    struct reach_surface *surface;
    struct reach_surface *fresh;
    size_t count;

    draw_world(&source, &world);
    draw_model(&world, &model);
    model.balancers.items[0].listeners.items[0].tcp = true;
    model.balancers.items[0].listeners.items[0].udp = true;
    engine = reach_engine_create(&model);
    assert_int_equal(reach_surface_create(engine, &surface), 0);
    for (uint32_t i = 0; i < B_ENIS; i++) {
        check_asked(engine, surface, i);
    }
    for (uint32_t i = 0; i < B_GROUPS; i++) {
        change_group(&source, &model.groups.items[i]);
        reach_model_finish_group(&model, &model.groups.items[i]);
        assert_int_equal(reach_surface_refresh(surface, i), 0);
    }
    fresh_engine = reach_engine_create(&model);
    assert_int_equal(reach_surface_create(fresh_engine, &fresh), 0);
    count = check_same(&model, surface, fresh);
    reach_surface_destroy(fresh);
    reach_engine_destroy(fresh_engine);
    reach_surface_destroy(surface);
    reach_engine_destroy(engine);
    reach_model_done(&model);
    return count;
}

static void a_change_leads_to_what_a_new_surface_has(void **state)
{
    uint64_t seed = seed_first();
    size_t count = 0;

    (void)state;
    for (uint64_t i = 0; i < seed_repeats(SURFACE_CLOUDS); i++) {
        seed_at_hand = seed + i;
        count += check_cloud(seed_at_hand);
    }
    assert_true(count > SURFACE_CLOUDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(a_change_leads_to_what_a_new_surface_has, seed_say)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
