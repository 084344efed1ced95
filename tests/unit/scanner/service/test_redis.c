/* Redis: servers that were recorded, and what RESP allows. */
#include "tests/unit/scanner/service/exchange.h"

/* Redis 7.0.15, recorded: open, with a password, in protected mode, and with INFO renamed. */
static const struct talk_turn open[] = {
    EXPECT("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"),
    SAY("$571\r\n# "
        "Server\r\nredis_version:7.0.15\r\nredis_git_sha1:00000000\r\nredis_git_dirty:0\r\nredis_build_id:"
        "ae4d7c971a948f0\r\nredis_mode:standalone\r\nos:Linux 6.12.43-1-amd64 "
        "x86_64\r\narch_bits:64\r\nmonotonic_clock:POSIX "
        "clock_gettime\r\nmultiplexing_api:epoll\r\natomicvar_api:c11-builtin\r\ngcc_version:12.2.0\r\nprocess_id:"
        "86\r\nprocess_supervised:no\r\nrun_id:bd7f2992e6cdb8c372a3b9c2b43f7cf60c43572a\r\ntcp_port:6379\r\nserver_"
        "time_usec:1795371186557671\r\nuptime_in_seconds:46\r\nuptime_in_days:0\r\nhz:10\r\nconfigured_hz:10\r\nlru_"
        "clock:209074\r\nexecutable:/tmp/redis-server\r\nconfig_file:\r\nio_threads_active:0\r\n\r\n")};

static const struct talk_turn password[] = {EXPECT("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"),
                                            SAY("-NOAUTH Authentication required.\r\n")};

static const struct talk_turn protected[] = {
    SAY("-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the "
        "default user. In this mode connections are only accepted from the loopback interface. If you want to connect "
        "from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode "
        "sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from "
        "the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you "
        "do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected "
        "mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then "
        "restarting the server. 3) If you started the server manually just for testing, restart it with the "
        "'--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: You only need "
        "to do one of the above things in order for the server to start accepting connections from the outside.\r\n")};

static const struct talk_turn renamed[] = {EXPECT("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"),
                                           SAY("-ERR unknown command 'INFO', with args beginning with: 'server' \r\n"),
                                           EXPECT("*1\r\n$4\r\nPING\r\n"), SAY("+PONG\r\n")};

static const struct talk_turn unasked[] = {EXPECT("*1\r\n$4\r\nPING\r\n"), SAY("+PONG\r\n")};

/* Others keep the line of Redis and add their own. */
static const struct talk_turn valkey[] = {
    EXPECT("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"),
    SAY("$73\r\n# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n")};

static const struct talk_turn forbidden[] = {EXPECT("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"),
                                             SAY("-NOPERM this user has no permissions to run the 'info' command\r\n"),
                                             EXPECT("*1\r\n$4\r\nPING\r\n"), SAY("-NOAUTH x\r\n")};

static const struct talk_turn cut[] = {EXPECT("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"),
                                       SAY("$600\r\n# Server\r\nredis_version:6.0.16\r\n"),
                                       {TALK_END, {NULL, 0}}};

static const struct talk_turn other[] = {EXPECT("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"), SAY("$5\r\nhello\r\n")};

static const struct talk_turn lies[] = {EXPECT("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"),
                                        SAY("$99999999999999999999999999\r\n")};

static const struct talk_turn empty[] = {EXPECT("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"), SAY("$-1\r\n")};

static const struct talk_turn http[] = {EXPECT("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"),
                                        SAY("HTTP/1.1 400 Bad Request\r\n")};

static const struct talk_turn pop3[] = {EXPECT("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"),
                                        SAY("-ERR Unknown command.\r\n")};

static const struct exchange exchanges[] = {
    {.protocol = "redis",
     .port = 6379,
     TURNS(open),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "cleartext=true\n"
              "door=INFO\n"
              "os=Linux 6.12.43-1-amd64 x86_64\n"
              "product=Redis\n"
              "version=7.0.15\n"},
    {.protocol = "redis",
     .port = 6379,
     TURNS(password),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "cleartext=true\n"},
    {.protocol = "redis", .port = 6379, TURNS(protected), .next = DIALOGUE_DONE, .facts = "cleartext=true\n"},
    {.protocol = "redis",
     .port = 6379,
     TURNS(renamed),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "cleartext=true\n"
              "door=PING\n"},
    {.protocol = "redis",
     .port = 6379,
     .no_doors = true,
     TURNS(unasked),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "cleartext=true\n"
              "door=PING\n"},
    {.protocol = "redis",
     .port = 6379,
     .secured = true,
     TURNS(valkey),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "cleartext=false\n"
              "door=INFO\n"
              "product=Valkey\n"
              "version=8.0.1\n"},
    {.protocol = "redis",
     .port = 6379,
     TURNS(forbidden),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "cleartext=true\n"},
    {.protocol = "redis",
     .port = 6379,
     TURNS(cut),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "cleartext=true\n"
              "door=INFO\n"
              "product=Redis\n"
              "version=6.0.16\n"},
    {.protocol = "redis", .port = 6379, .foreign = true, TURNS(other), .next = DIALOGUE_FOREIGN, .facts = ""},
    {.protocol = "redis", .port = 6379, .foreign = true, TURNS(lies), .next = DIALOGUE_FOREIGN, .facts = ""},
    {.protocol = "redis", .port = 6379, .foreign = true, TURNS(empty), .next = DIALOGUE_FOREIGN, .facts = ""},
    {.protocol = "redis", .port = 6379, .foreign = true, TURNS(http), .next = DIALOGUE_FOREIGN, .facts = ""},
    {.protocol = "redis", .port = 6379, .foreign = true, TURNS(pop3), .next = DIALOGUE_FOREIGN, .facts = ""},
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
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("-NOAUTH x")), PROTOCOL_YES);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("-DENIED Redis is")), PROTOCOL_YES);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("+PONG\r\n")), PROTOCOL_YES);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("$571\r\n# Server\r\n")), PROTOCOL_YES);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("-ERR unknown command 'x'")), PROTOCOL_YES);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("-ERR wrong number of arguments for 'get' command\r\n")),
                     PROTOCOL_YES);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("-")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("+PON")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("$")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("$12")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("$12\r\n# S")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("-ERR Unknown")), PROTOCOL_NO);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("+OK\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("$x")), PROTOCOL_NO);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("$5\r\nhello")), PROTOCOL_NO);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("$1234567890\r\n# Server\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("redis")->recognise(SPAN_OF("HTTP")), PROTOCOL_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_bears_everything),
        cmocka_unit_test(is_recognised_by_its_first_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
