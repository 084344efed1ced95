/* Memcached: servers that were recorded. */
#include "tests/unit/scanner/service/exchange.h"

/* Memcached 1.6.18, recorded: open, and with a file of passwords. */
static const struct talk_turn open[] = {EXPECT("version\r\n"), SAY("VERSION 1.6.18\r\n")};

static const struct talk_turn password[] = {EXPECT("version\r\n"), SAY("CLIENT_ERROR unauthenticated\r\n")};

static const struct talk_turn inside[] = {EXPECT("version\r\n"), SAY("VERSION 1.6.18\r\n")};

static const struct talk_turn other[] = {EXPECT("version\r\n"), SAY("ERROR\r\n")};

static const struct talk_turn closed[] = {EXPECT("version\r\n"), SAY("VERSION 1.6"), {TALK_END, {NULL, 0}}};

static const struct exchange exchanges[] = {
    {.protocol = "memcached",
     .port = 11211,
     TURNS(open),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "cleartext=true\n"
              "door=version\n"
              "product=Memcached\n"
              "version=1.6.18\n"},
    {.protocol = "memcached",
     .port = 11211,
     TURNS(password),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "cleartext=true\n"
              "product=Memcached\n"},
    {.protocol = "memcached",
     .port = 11211,
     .secured = true,
     TURNS(inside),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "cleartext=false\n"
              "door=version\n"
              "product=Memcached\n"
              "version=1.6.18\n"},
    {.protocol = "memcached", .port = 11211, .foreign = true, TURNS(other), .next = DIALOGUE_FOREIGN, .facts = ""},
    {.protocol = "memcached", .port = 11211, .foreign = true, TURNS(closed), .next = DIALOGUE_FOREIGN, .facts = ""},
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
    assert_int_equal(protocol_find("memcached")->recognise(SPAN_OF("VERSION 1")), PROTOCOL_YES);
    assert_int_equal(protocol_find("memcached")->recognise(SPAN_OF("CLIENT_ERROR unauthenticated\r\n")), PROTOCOL_YES);
    assert_int_equal(protocol_find("memcached")->recognise(SPAN_OF("")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("memcached")->recognise(SPAN_OF("V")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("memcached")->recognise(SPAN_OF("VERSION ")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("memcached")->recognise(SPAN_OF("CLIENT_ERROR u")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("memcached")->recognise(SPAN_OF("VERSION x")), PROTOCOL_NO);
    assert_int_equal(protocol_find("memcached")->recognise(SPAN_OF("ERROR\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("memcached")->recognise(SPAN_OF("CLIENT_ERROR bad")), PROTOCOL_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_bears_everything),
        cmocka_unit_test(is_recognised_by_its_first_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
