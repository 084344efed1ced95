/* ZooKeeper: a server that was recorded, and what its guide says of others. */
#include "tests/unit/scanner/service/exchange.h"

/* ZooKeeper 3.8.0, recorded. */
static const struct talk_turn open[] = {
    EXPECT("srvr"),
    SAY("Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC\nLatency min/avg/max: "
        "0/0.0/0\nReceived: 1\nSent: 0\nConnections: 1\nOutstanding: 0\nZxid: 0x0\nMode: standalone\nNode count: 5\n"),
    {TALK_END, {NULL, 0}}};

/* The words of others (Administrator's Guide), with and without an end of line. */
static const struct talk_turn unlisted[] = {
    EXPECT("srvr"), SAY("srvr is not executed because it is not in the whitelist.\n"), {TALK_END, {NULL, 0}}};

static const struct talk_turn idle[] = {
    EXPECT("srvr"), SAY("This ZooKeeper instance is not currently serving requests"), {TALK_END, {NULL, 0}}};

static const struct talk_turn other[] = {EXPECT("srvr"), SAY("what?\n")};

static const struct talk_turn closed[] = {EXPECT("srvr"), {TALK_END, {NULL, 0}}};

static const struct exchange exchanges[] = {
    {.protocol = "zookeeper",
     .port = 2181,
     TURNS(open),
     .next = DIALOGUE_DONE,
     .facts = "banner=Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC\n"
              "cleartext=true\n"
              "product=ZooKeeper\n"
              "version=3.8.0\n"},
    {.protocol = "zookeeper",
     .port = 2181,
     TURNS(unlisted),
     .next = DIALOGUE_DONE,
     .facts = "banner=srvr is not executed because it is not in the whitelist.\n"
              "cleartext=true\n"
              "product=ZooKeeper\n"},
    {.protocol = "zookeeper",
     .port = 2181,
     TURNS(idle),
     .next = DIALOGUE_DONE,
     .facts = "banner=This ZooKeeper instance is not currently serving requests\n"
              "cleartext=true\n"
              "product=ZooKeeper\n"},
    {.protocol = "zookeeper", .port = 2181, .foreign = true, TURNS(other), .next = DIALOGUE_FOREIGN, .facts = ""},
    {.protocol = "zookeeper", .port = 2181, .foreign = true, TURNS(closed), .next = DIALOGUE_FOREIGN, .facts = ""},
};

static void learns_and_bears_everything(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(*exchanges); i++) {
        exchange_check(&exchanges[i]);
    }
}

static void is_recognised_by_its_first_bytes(void **state)
{
    (void)state;
    assert_int_equal(protocol_find("zookeeper")->recognise(SPAN_OF("Zookeeper version: 3")), PROTOCOL_YES);
    assert_int_equal(
        protocol_find("zookeeper")->recognise(SPAN_OF("srvr is not executed because it is not in the whitelist.")),
        PROTOCOL_YES);
    assert_int_equal(
        protocol_find("zookeeper")->recognise(SPAN_OF("This ZooKeeper instance is not currently serving requests")),
        PROTOCOL_YES);
    assert_int_equal(protocol_find("zookeeper")->recognise(SPAN_OF("")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("zookeeper")->recognise(SPAN_OF("Zoo")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("zookeeper")->recognise(SPAN_OF("srvr is")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("zookeeper")->recognise(SPAN_OF("This")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("zookeeper")->recognise(SPAN_OF("Zoo version")), PROTOCOL_NO);
    assert_int_equal(protocol_find("zookeeper")->recognise(SPAN_OF("srvr: unknown")), PROTOCOL_NO);
    assert_int_equal(protocol_find("zookeeper")->recognise(SPAN_OF("hello")), PROTOCOL_NO);
    assert_int_equal(protocol_find("zookeeper")->recognise(SPAN_OF("srv")), PROTOCOL_MAYBE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_bears_everything),
        cmocka_unit_test(is_recognised_by_its_first_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
