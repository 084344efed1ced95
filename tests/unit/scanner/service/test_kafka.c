/* Built from the protocol guide; the laboratory's listener, which answers ApiVersions alone, is as "guarded". */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 9092, .doors = true};
static const struct dialogue_target no_doors = {.host = "10.0.0.5", .port = 9092};

#define HANDSHAKE "\000\000\000\032\000\021\000\000LPRV\000\011leastport\000\005PLAIN"
#define NOT_HERE "\000\000\000\012LPRV\000\042\000\000\000\000"

static const struct talk_turn open_to_all[] = {
    EXPECT("\000\000\000\023\000\022\000\000LPRT\000\011leastport"),
    SAY("\000\000\000."
        "LPRT\000\000\000\000\000\006\000\000\000\000\000\011\000\001\000\000\000\017\000\002\000\000\000\010\000\003"
        "\000\000\000\014\000\021\000\000\000\001\000\022\000\000\000\003"),
    EXPECT(HANDSHAKE),
    SAY(NOT_HERE),
    EXPECT("\000\000\000\027\000\003\000\001LPRU\000\011leastport\000\000\000\000"),
    SAY("\000\000\000>LPRU\000\000\000\002\000\000\000\001\000\013broker1.lab\000\000#"
        "\204\377\377\000\000\000\002\000\013broker2.lab\000\000#\204\377\377\000\000\000\001\000\000\000\000"),
};
static const struct talk_turn guarded[] = {
    EXPECT("\000\000\000\023\000\022\000\000LPRT\000\011leastport"),
    SAY("\000\000\000."
        "LPRT\000\000\000\000\000\006\000\000\000\000\000\011\000\001\000\000\000\017\000\002\000\000\000\010\000\003"
        "\000\000\000\014\000\021\000\000\000\001\000\022\000\000\000\003"),
    EXPECT(HANDSHAKE),
    {TALK_END, {NULL, 0}},
};
static const struct talk_turn nobody[] = {
    EXPECT("\000\000\000\023\000\022\000\000LPRT\000\011leastport"),
    SAY("\000\000\000."
        "LPRT\000\000\000\000\000\006\000\000\000\000\000\011\000\001\000\000\000\017\000\002\000\000\000\010\000\003"
        "\000\000\000\014\000\021\000\000\000\001\000\022\000\000\000\003"),
    EXPECT(HANDSHAKE),
    SAY(NOT_HERE),
    EXPECT("\000\000\000\027\000\003\000\001LPRU\000\011leastport\000\000\000\000"),
    SAY("\000\000\000\020LPRU\000\000\000\000\377\377\377\377\000\000\000\000"),
};
static const struct talk_turn nobody_at_length[] = {
    EXPECT("\000\000\000\023\000\022\000\000LPRT\000\011leastport"),
    SAY("\000\000\000."
        "LPRT\000\000\000\000\000\006\000\000\000\000\000\011\000\001\000\000\000\017\000\002\000\000\000\010\000\003"
        "\000\000\000\014\000\021\000\000\000\001\000\022\000\000\000\003"),
    EXPECT(HANDSHAKE),
    SAY(NOT_HERE),
    EXPECT("\000\000\000\027\000\003\000\001LPRU\000\011leastport\000\000\000\000"),
    SAY("\000\000\000\025LPRU\000\000\000\000\000\000\000\001\000\003abc\000\000#\204"),
};
/* The mechanism that is named is one of the listener's (KIP-43), or not. */
static const struct talk_turn wants_sasl[] = {
    EXPECT("\000\000\000\023\000\022\000\000LPRT\000\011leastport"),
    SAY("\000\000\000."
        "LPRT\000\000\000\000\000\006\000\000\000\000\000\011\000\001\000\000\000\017\000\002\000\000\000\010\000\003"
        "\000\000\000\014\000\021\000\000\000\001\000\022\000\000\000\003"),
    EXPECT(HANDSHAKE),
    SAY("\000\000\000\040LPRV\000\000\000\000\000\002\000\005PLAIN\000\015SCRAM-SHA-256"),
};
static const struct talk_turn wants_another[] = {
    EXPECT("\000\000\000\023\000\022\000\000LPRT\000\011leastport"),
    SAY("\000\000\000."
        "LPRT\000\000\000\000\000\006\000\000\000\000\000\011\000\001\000\000\000\017\000\002\000\000\000\010\000\003"
        "\000\000\000\014\000\021\000\000\000\001\000\022\000\000\000\003"),
    EXPECT(HANDSHAKE),
    SAY("\000\000\000\022LPRV\000\041\000\000\000\001\000\006GSSAPI"),
    {TALK_END, {NULL, 0}},
};
static const struct talk_turn not_itself[] = {
    EXPECT("\000\000\000\023\000\022\000\000LPRT\000\011leastport"),
    SAY("\000\000\000\020LPRT\000\000\000\000\000\001\000\003\000\000\000\014")};
static const struct talk_turn few[] = {EXPECT("\000\000\000\023\000\022\000\000LPRT\000\011leastport"),
                                       SAY("\000\000\000\020LPRT\000\000\000\000\000\001\000\022\000\000\000\003")};
static const struct talk_turn unasked[] = {
    EXPECT("\000\000\000\023\000\022\000\000LPRT\000\011leastport"),
    SAY("\000\000\000."
        "LPRT\000\000\000\000\000\006\000\000\000\000\000\011\000\001\000\000\000\017\000\002\000\000\000\010\000\003"
        "\000\000\000\014\000\021\000\000\000\001\000\022\000\000\000\003")};
static const struct talk_turn error[] = {EXPECT("\000\000\000\023\000\022\000\000LPRT\000\011leastport"),
                                         SAY("\000\000\000\012LPRT\000#\000\000\000\000")};

static void a_broker_that_names_its_cluster_is_open(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("kafka", &target, open_to_all));
    hostile_learn(&talk, HOSTILE_EXCHANGE("kafka", &target, open_to_all), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "none");
    assert_string_equal(hostile_fact(&talk, "door"), "Metadata");
    assert_string_equal(hostile_fact(&talk, "hostname"), "broker1.lab");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    talk_done(&talk);
}

static void a_listener_with_sasl_names_what_it_takes(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("kafka", &target, wants_sasl));
    hostile_learn(&talk, HOSTILE_EXCHANGE("kafka", &target, wants_sasl), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "required");
    assert_string_equal(hostile_fact(&talk, "auth.methods"), "PLAIN SCRAM-SHA-256");
    assert_string_equal(hostile_fact(&talk, "door"), "");
    talk_done(&talk);
    hostile(HOSTILE_EXCHANGE("kafka", &target, wants_another));
    hostile_learn(&talk, HOSTILE_EXCHANGE("kafka", &target, wants_another), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "required");
    assert_string_equal(hostile_fact(&talk, "auth.methods"), "GSSAPI");
    talk_done(&talk);
}

static void others_are_kafka_without_a_door(void **state)
{
    const struct hostile_exchange *others[] = {
        HOSTILE_EXCHANGE("kafka", &target, guarded),          HOSTILE_EXCHANGE("kafka", &target, nobody),
        HOSTILE_EXCHANGE("kafka", &target, nobody_at_length), HOSTILE_EXCHANGE("kafka", &target, few),
        HOSTILE_EXCHANGE("kafka", &no_doors, unasked),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        struct talk talk;
        hostile(others[i]);
        hostile_learn(&talk, others[i], DIALOGUE_DONE);
        assert_int_equal(talk.dialogue.out_size, 0);
        assert_string_equal(hostile_fact(&talk, "auth"), "");
        assert_string_equal(hostile_fact(&talk, "door"), "");
        talk_done(&talk);
    }
}

static void an_answer_that_lists_nothing_proves_nothing(void **state)
{
    struct talk talk;

    (void)state;
    hostile_learn(&talk, HOSTILE_EXCHANGE("kafka", &target, error), DIALOGUE_FOREIGN);
    talk_done(&talk);
    hostile_learn(&talk, HOSTILE_EXCHANGE("kafka", &target, not_itself), DIALOGUE_FOREIGN);
    talk_done(&talk);
}

static void is_recognised_by_our_number(void **state)
{
    (void)state;
    hostile_recognised("kafka", open_to_all[1].bytes);
    hostile_stranger("kafka", SPAN_OF("\0\0\0\x28LPRS\0\0"));
    hostile_stranger("kafka", SPAN_OF("\0\0\0\3LPRT"));
    hostile_stranger("kafka", SPAN_OF("\x7f\0\0\0LPRT"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broker_that_names_its_cluster_is_open),
        cmocka_unit_test(a_listener_with_sasl_names_what_it_takes),
        cmocka_unit_test(others_are_kafka_without_a_door),
        cmocka_unit_test(an_answer_that_lists_nothing_proves_nothing),
        cmocka_unit_test(is_recognised_by_our_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
