/* "granted" and "refused" are recorded from Mosquitto 2.0.11; the answer of version 5 is built from its specification.
 */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 1883, .doors = true};
static const struct dialogue_target no_doors = {.host = "10.0.0.5", .port = 1883};

#define CONNECT "\020\014\000\004MQTT\004\002\000\012\000\000"

static const struct talk_turn granted[] = {EXPECT(CONNECT), SAY(" \002\000\000"), EXPECT("\340\000")};
static const struct talk_turn refused[] = {EXPECT(CONNECT), SAY(" \002\000\005")};
static const struct talk_turn busy[] = {EXPECT(CONNECT), SAY(" \002\000\003"), {TALK_END, {NULL, 0}}};
static const struct talk_turn refused_by_5[] = {EXPECT(CONNECT), SAY(" \003\000\207\000")};

static void check(const struct hostile_exchange *exchange, const char *auth, const char *door)
{
    struct talk talk;

    hostile(exchange);
    hostile_learn(&talk, exchange, DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), auth);
    assert_string_equal(hostile_fact(&talk, "door"), door);
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    talk_done(&talk);
}

static void learns_whether_a_credential_is_needed(void **state)
{
    struct talk talk;

    (void)state;
    check(HOSTILE_EXCHANGE("mqtt", &target, granted), "none", "CONNECT");
    check(HOSTILE_EXCHANGE("mqtt", &no_doors, granted), "none", "CONNECT");
    check(HOSTILE_EXCHANGE("mqtt", &target, refused), "required", "");
    talk_run(&talk, "mqtt", &target, busy, 2, false);
    assert_int_equal(talk.next, DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "");
    talk_done(&talk);
}

static void a_server_of_version_5_is_mqtt_too(void **state)
{
    struct talk talk;

    (void)state;
    talk_run(&talk, "mqtt", &target, refused_by_5, 2, false);
    assert_int_equal(talk.next, DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "required");
    talk_done(&talk);
}

static void is_recognised_by_its_answer(void **state)
{
    (void)state;
    hostile_recognised("mqtt", granted[1].bytes);
    hostile_stranger("mqtt", SPAN_OF(" \2\0\6"));
    hostile_stranger("mqtt", SPAN_OF(" \2\2\0"));
    hostile_stranger("mqtt", SPAN_OF(" \2\0\0\0"));
    hostile_stranger("mqtt", SPAN_OF(" \1"));
    hostile_stranger("mqtt", SPAN_OF("  Welcome"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_whether_a_credential_is_needed),
        cmocka_unit_test(a_server_of_version_5_is_mqtt_too),
        cmocka_unit_test(is_recognised_by_its_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
