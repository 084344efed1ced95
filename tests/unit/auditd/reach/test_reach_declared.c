/* What is kept of a random cloud is what single questions answer: every port once, with the same verdict and share. */
#include "auditd/reach/declared.h"
#include "tests/unit/auditd/reach/draw.h"
#include "tests/unit/seed.h"

enum { DECLARED_CLOUDS = 40 };

/* The one that holds the port, directly; there must be exactly one. */
static const struct reach_declared *find(const struct reach_declareds *declareds, uint32_t address, uint16_t proto,
                                         uint32_t port)
{
    const struct reach_declared *found = NULL;

    for (size_t i = 0; i < declareds->count; i++) {
        const struct reach_declared *item = &declareds->items[i];
        if (item->balancer == REACH_NONE && item->address == address && item->proto == proto &&
            item->ports.first <= port && port <= item->ports.last) {
            assert_null(found);
            found = item;
        }
    }
    assert_non_null(found);
    return found;
}

/* How many cells were not BLOCKED. */
static size_t check_address(struct reach_engine *engine, const struct reach_declareds *declareds, uint32_t eni,
                            uint32_t address, uint16_t proto)
{
    const struct reach_question question = {
        .from = REACH_FROM_WORLD, .eni = eni, .address = address, .proto = proto, .ports = {0, UINT16_MAX}};
    struct reach_answer answer;
    size_t open = 0;

    assert_int_equal(reach_ask(engine, &question, &answer), 0);
    for (size_t i = 0; i < answer.count; i++) {
        const struct reach_cell *cell = &answer.cells[i];
        const struct reach_declared *first = find(declareds, address, proto, cell->ports.first);
        assert_ptr_equal(first, find(declareds, address, proto, cell->ports.last));
        assert_int_equal(first->verdict, cell->verdict);
        assert_true(first->decided.text[0] != '\0');
        assert_true((first->share > 0) == (cell->verdict == REACH_REACHABLE || cell->verdict == REACH_CONDITIONAL));
        assert_true(first->share <= 1);
        open += cell->verdict != REACH_BLOCKED;
    }
    reach_answer_done(&answer);
    return open;
}

static size_t check_through(const struct reach_model *model, const struct reach_surface *surface,
                            const struct reach_declareds *declareds, uint32_t eni)
{
    size_t ports = 0;
    size_t kept = 0;

    for (uint32_t i = 0; i < model->balancers.count; i++) {
        const struct reach_rows *rows = reach_surface_through(surface, i);
        for (size_t j = 0; j < rows->count; j++) {
            const struct reach_row *row = &rows->items[j];
            ports += row->eni != eni ? 0 : (size_t)(row->cell.ports.last - row->cell.ports.first) + 1;
        }
    }
    for (size_t i = 0; i < declareds->count; i++) {
        const struct reach_declared *item = &declareds->items[i];
        kept += item->balancer == REACH_NONE ? 0 : (size_t)(item->ports.last - item->ports.first) + 1;
    }
    assert_int_equal(ports, kept);
    return kept;
}

static void check_cloud(uint64_t seed, size_t *open, size_t *through)
{
    uint64_t source = seed;
    struct b_world world;
    struct reach_model model;
    struct reach_engine *engine;
    struct reach_surface *surface;

    draw_world(&source, &world);
    draw_model(&world, &model);
    model.balancers.items[0].listeners.items[0].tcp = true;
    engine = reach_engine_create(&model);
    assert_int_equal(reach_surface_create(engine, &surface), 0);
    for (uint32_t i = 0; i < B_ENIS; i++) {
        struct reach_declareds declareds;
        assert_int_equal(reach_declare(engine, surface, i, &declareds), 0);
        for (uint32_t j = 0; j < model.enis.items[i].addresses.count; j++) {
            *open += check_address(engine, &declareds, i, j, REACH_TCP);
            *open += check_address(engine, &declareds, i, j, REACH_UDP);
        }
        *through += check_through(&model, surface, &declareds, i);
        reach_declareds_done(&declareds);
    }
    reach_surface_destroy(surface);
    reach_engine_destroy(engine);
    reach_model_done(&model);
}

static void what_is_kept_is_what_is_answered(void **state)
{
    uint64_t seed = seed_first();
    size_t open = 0;
    size_t through = 0;

    (void)state;
    for (uint64_t i = 0; i < seed_repeats(DECLARED_CLOUDS); i++) {
        seed_at_hand = seed + i;
        check_cloud(seed_at_hand, &open, &through);
    }
    assert_true(open > DECLARED_CLOUDS);
    assert_true(through > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(what_is_kept_is_what_is_answered, seed_say)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
