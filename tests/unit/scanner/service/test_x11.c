/* Recorded from X.Org 21.1.7 (Xvfb), with a cookie, and without one, its screens left out. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 6000, .doors = true};
static const struct dialogue_target no_doors = {.host = "10.0.0.5", .port = 6000};

static const struct talk_turn denied[] = {
    EXPECT("l\000\013\000\000\000\000\000\000\000\000\000"),
    SAY("\000@\013\000\000\000\020\000Authorization required, but no authorization protocol specified\012"),
};

#define SETUP "l\000\013\000\000\000\000\000\000\000\000\000"
#define LIMITS                                                                                                         \
    "\000\000\000 \000\377\377\037\000\000\001\000\000\024\000\377\377\001\006\000\000  \010\377\000\000\000\000"

static const struct talk_turn open_to_all[] = {
    EXPECT(SETUP),
    SAY("\001\000\013\000\000\000S\011\217\245\270" LIMITS "The X.Org Foundation"),
};

/* 12013000 */
static const struct talk_turn older[] = {
    EXPECT(SETUP),
    SAY("\001\000\013\000\000\000S\011\310\115\267" LIMITS "The X.Org Foundation"),
};

static const struct talk_turn wants_more[] = {EXPECT(SETUP), SAY("\2\0\0\0\0\0\1\0XYZ\0")};

static void a_display_without_a_cookie_is_open(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("x11", &target, open_to_all));
    hostile_learn(&talk, HOSTILE_EXCHANGE("x11", &target, open_to_all), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "product"), "X.Org server");
    assert_string_equal(hostile_fact(&talk, "version"), "21.1.7");
    assert_string_equal(hostile_fact(&talk, "auth"), "none");
    assert_string_equal(hostile_fact(&talk, "door"), "connection setup");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    talk_done(&talk);
    hostile_learn(&talk, HOSTILE_EXCHANGE("x11", &no_doors, older), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "version"), "1.20.13");
    /* Nothing more is asked for that. */
    assert_string_equal(hostile_fact(&talk, "auth"), "none");
    talk_done(&talk);
}

static void one_with_a_cookie_says_why_not(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("x11", &target, denied));
    hostile_learn(&talk, HOSTILE_EXCHANGE("x11", &target, denied), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "required");
    assert_string_equal(hostile_fact(&talk, "banner"),
                        "Authorization required, but no authorization protocol specified");
    talk_done(&talk);
    hostile(HOSTILE_EXCHANGE("x11", &target, wants_more));
    hostile_learn(&talk, HOSTILE_EXCHANGE("x11", &target, wants_more), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "banner"), "XYZ");
    talk_done(&talk);
}

static void is_recognised_by_its_answer(void **state)
{
    (void)state;
    hostile_recognised("x11", open_to_all[1].bytes);
    hostile_recognised("x11", denied[1].bytes);
    hostile_recognised("x11", wants_more[1].bytes);
    hostile_stranger("x11", SPAN_OF("\1\0\x0c\0"));
    hostile_stranger("x11", SPAN_OF("\3"));
    hostile_stranger("x11", SPAN_OF("\0\0\0\0\0\0\1\0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_display_without_a_cookie_is_open),
        cmocka_unit_test(one_with_a_cookie_says_why_not),
        cmocka_unit_test(is_recognised_by_its_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
