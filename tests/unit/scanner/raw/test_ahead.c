#include "scanner/raw/ahead.h"

#include "lib/portset.h"
#include "scanner/space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t MS = 1000000;

/* What is on link: addresses up to `last`. */
struct world {
    struct space *space;
    struct pacer pacer;
    struct ahead *ahead;
    struct addr last;
    struct mono_time now;
};

static struct addr address(const char *text)
{
    struct addr addr;

    assert_int_equal(addr_parse(text, &addr), 0);
    return addr;
}

static bool on_link(void *context, const struct addr *addr, struct neighbour_question *ret_question,
                    struct addr *ret_last)
{
    const struct world *world = context;

    *ret_last = world->last;
    *ret_question = (struct neighbour_question){.link = 3};
    return addr_compare(addr, &world->last) <= 0;
}

static void add_range(struct space_builder *builder, const char *first, const char *last)
{
    struct addr from = address(first);
    struct addr to = address(last);
    struct portset ports;
    size_t offset;

    assert_int_equal(portset_parse("22", &ports, &offset), 0);
    assert_int_equal(space_builder_add(builder, &from, &to, &ports), 0);
}

static void world_init(struct world *world, const char *last_on_link)
{
    struct space_builder *builder = space_builder_create();
    struct problem problem;
    struct ahead_options options;

    *world = (struct world){.now = {.ns = 5000 * MS}, .last = address(last_on_link)};
    assert_non_null(builder);
    add_range(builder, "10.0.0.0", "10.0.0.255");
    add_range(builder, "10.0.2.0", "10.0.63.255");
    assert_int_equal(space_build(builder, space_geometry_default(), &world->space, &problem), 0);
    space_builder_destroy(builder);
    options =
        (struct ahead_options){.space = world->space, .pacer = &world->pacer, .on_link = on_link, .context = world};
    world->ahead = ahead_create(&options);
    assert_non_null(world->ahead);
}

static void world_done(struct world *world)
{
    ahead_destroy(world->ahead);
    space_destroy(world->space);
}

/* A slab whose hosts are first..last: how many of them were asked ahead. */
static uint32_t slab(struct world *world, const char *first, const char *last)
{
    struct addr at = address(first);
    struct addr end = address(last);
    uint32_t found = 0;
    const uint8_t *mac;

    ahead_begin(world->ahead, world->now);
    do {
        found += ahead_find(world->ahead, 3, &at, &mac) ? 1 : 0;
    } while (addr_compare(&at, &end) < 0 && addr_add(&at, 1));
    assert_int_equal(ahead_follow(world->ahead, &end, world->now), 0);
    return found;
}

/* Asks what is due within `ms`; every host whose last byte is 7 answers. How many questions. */
static uint32_t pass(struct world *world, uint32_t ms)
{
    static const uint8_t mac[ROUTE_MAC] = {2, 7, 7, 7, 7, 7};
    struct neighbour_question question;
    uint32_t questions = 0;

    for (uint32_t i = 0; i < ms; i++) {
        while (ahead_next(world->ahead, world->now, &question)) {
            questions++;
            assert_true(question.addr.bytes[2] != 1);
            if (question.addr.bytes[3] == 7) {
                ahead_learn(world->ahead, 3, &question.addr, mac);
            }
        }
        world->now.ns += MS;
    }
    return questions;
}

static void who_comes_next_is_asked_and_then_known(void **state)
{
    struct world world;
    struct addr present = address("10.0.2.7");
    struct addr absent = address("10.0.2.8");
    const uint8_t *mac;
    (void)state;
    world_init(&world, "10.255.255.255");
    assert_int_equal(slab(&world, "10.0.0.0", "10.0.0.63"), 0);
    assert_true(ahead_is_done(world.ahead, world.now));
    assert_int_equal(ahead_wakeup(world.ahead, world.now).ns <= world.now.ns, 1);
    /* 4,096 hosts, three times at 20,000 a second, and the rests behind. */
    assert_in_range(pass(&world, 1700), 3 * (AHEAD_HOSTS - 16), 3 * AHEAD_HOSTS);
    assert_true(ahead_wakeup(world.ahead, world.now).ns == UINT64_MAX);
    assert_int_equal(slab(&world, "10.0.0.64", "10.0.2.63"), 192 + 64);
    assert_true(ahead_is_done(world.ahead, world.now));
    assert_true(ahead_find(world.ahead, 3, &present, &mac));
    assert_int_equal(mac[1], 7);
    assert_true(ahead_find(world.ahead, 3, &absent, &mac));
    assert_null(mac);
    assert_false(ahead_find(world.ahead, 4, &present, &mac));
    world_done(&world);
}

static void batches_follow_each_other_without_a_gap(void **state)
{
    struct world world;
    struct addr at = address("10.0.2.0");
    struct addr end = address("10.0.63.255");
    uint32_t asked;
    (void)state;
    world_init(&world, "10.255.255.255");
    assert_int_equal(slab(&world, "10.0.0.0", "10.0.0.255"), 0);
    asked = pass(&world, 3000);
    while (addr_compare(&at, &end) < 0) {
        char first[ADDR_TEXT_SIZE];
        char last[ADDR_TEXT_SIZE];
        struct addr behind = at;
        assert_true(addr_add(&behind, 255));
        assert_int_equal(slab(&world, addr_format(&at, first), addr_format(&behind, last)), 256);
        assert_true(ahead_is_done(world.ahead, world.now));
        asked += pass(&world, 150);
        at = behind;
        assert_true(addr_add(&at, 1) || addr_compare(&at, &end) == 0);
    }
    /* Each of the absent three times and no more, each of the present once. */
    assert_int_equal(asked, 62 * (255 * 3 + 1));
    world_done(&world);
}

static void a_slab_waits_for_what_is_being_asked(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, "10.255.255.255");
    (void)slab(&world, "10.0.0.0", "10.0.0.63");
    (void)pass(&world, 10);
    assert_int_equal(slab(&world, "10.0.0.64", "10.0.0.127"), 64);
    assert_false(ahead_is_done(world.ahead, world.now));
    (void)pass(&world, 1700);
    assert_true(ahead_is_done(world.ahead, world.now));
    world_done(&world);
}

static void it_ends_where_the_link_ends(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, "10.0.2.9");
    (void)slab(&world, "10.0.0.0", "10.0.0.127");
    assert_int_equal(pass(&world, 2000), 3 * (128 + 10) - 2 * 1);
    assert_int_equal(slab(&world, "10.0.0.128", "10.0.2.255"), 128 + 10);
    assert_int_equal(pass(&world, 100), 0);
    world_done(&world);
}

static void what_is_old_or_was_forgotten_is_asked_anew(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, "10.255.255.255");
    (void)slab(&world, "10.0.0.0", "10.0.0.63");
    (void)pass(&world, 1700);
    world.now.ns += UINT64_C(1000) * MS * AHEAD_AGE_S;
    assert_int_equal(slab(&world, "10.0.0.64", "10.0.0.127"), 0);
    (void)pass(&world, 1700);
    assert_int_equal(slab(&world, "10.0.0.128", "10.0.0.191"), 64);
    ahead_forget(world.ahead);
    assert_int_equal(slab(&world, "10.0.0.192", "10.0.0.255"), 0);
    /* A slab that is elsewhere. */
    (void)pass(&world, 1700);
    assert_int_equal(slab(&world, "10.0.40.0", "10.0.40.63"), 0);
    (void)pass(&world, 1700);
    assert_int_equal(slab(&world, "10.0.40.64", "10.0.40.127"), 64);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_next_is_asked_and_then_known),
        cmocka_unit_test(batches_follow_each_other_without_a_gap),
        cmocka_unit_test(a_slab_waits_for_what_is_being_asked),
        cmocka_unit_test(it_ends_where_the_link_ends),
        cmocka_unit_test(what_is_old_or_was_forgotten_is_asked_anew),
    };
    return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
