/* The exchange is recorded from RabbitMQ 3.10.8. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 5672, .doors = true};

static const struct talk_turn rabbit[] = {
    EXPECT("AMQP\000\000\011\001"),
    SAY("\001\000\000\000\000\001\360\000\012\000\012\000\011\000\000\001\313\014capabilitiesF\000\000\000\307\022publi"
        "sher_confirmst\001\032exchange_exchange_bindingst\001\012basic.nackt\001\026consumer_cancel_"
        "notifyt\001\022connection.blockedt\001\023consumer_prioritiest\001\034authentication_failure_"
        "closet\001\020per_consumer_qost\001\017direct_reply_tot\001\014cluster_nameS\000\000\000\011rabbit@"
        "vm\011copyrightS\000\000\0007Copyright (c) 2007-2022 VMware, Inc. or its "
        "affiliates.\013informationS\000\000\0009Licensed under the MPL 2.0. Website: "
        "https://rabbitmq.com\010platformS\000\000\000\021Erlang/OTP "
        "25.2.3\007productS\000\000\000\010RabbitMQ\007versionS\000\000\000\0063.10.8\000\000\000\016PLAIN "
        "AMQPLAIN\000\000\000\005en_US\316"),
};
static const struct talk_turn version_1[] = {EXPECT("AMQP\0\0\x09\x01"), SAY("AMQP\0\1\0\0"), {TALK_END, {NULL, 0}}};
static const struct talk_turn bad_end[] = {EXPECT("AMQP\0\0\x09\x01"),
                                           SAY("\1\0\0\0\0\0\x0e\0\x0a\0\x0a\0\x09\0\0\0\0\0\0\0\0\0!")};

static void learns_what_the_server_says_of_itself(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("amqp", &target, rabbit));
    hostile_learn(&talk, HOSTILE_EXCHANGE("amqp", &target, rabbit), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "product"), "RabbitMQ");
    assert_string_equal(hostile_fact(&talk, "version"), "3.10.8");
    assert_string_equal(hostile_fact(&talk, "hostname"), "vm");
    assert_string_equal(hostile_fact(&talk, "auth.methods"), "PLAIN AMQPLAIN");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    assert_int_equal(talk.dialogue.out_size, 0);
    talk_done(&talk);
}

static void another_version_is_amqp_too(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("amqp", &target, bad_end));
    talk_run(&talk, "amqp", &target, version_1, 2, false);
    assert_int_equal(talk.next, DIALOGUE_DONE);
    assert_true(talk.dialogue.recognised);
    assert_string_equal(hostile_fact(&talk, "product"), "");
    talk_done(&talk);
}

static void is_recognised_by_frame_or_header(void **state)
{
    (void)state;
    hostile_recognised("amqp", rabbit[1].bytes);
    hostile_recognised("amqp", version_1[1].bytes);
    hostile_stranger("amqp", SPAN_OF("AMQX\0\1\0\0"));
    hostile_stranger("amqp", SPAN_OF("\1\0\0\0\0\0\x0e\0\x0a\0\x0b"));
    hostile_stranger("amqp", SPAN_OF("\1\0\1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_what_the_server_says_of_itself),
        cmocka_unit_test(another_version_is_amqp_too),
        cmocka_unit_test(is_recognised_by_frame_or_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
