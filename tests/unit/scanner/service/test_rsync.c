/* rsync: a daemon that was recorded, and what its protocol allows. */
#include "tests/unit/scanner/service/exchange.h"

/* rsync 3.5.0, recorded: two modules, of which one is open, and one that wants a user. */
static const struct talk_turn open[] = {
    SAY("@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4\nWelcome to the archive\n\n\n"),
    EXPECT("@RSYNCD: 31.0\n#list\n"),
    SAY("locked         \twith a password\npub            \tfor anybody\n@RSYNCD: EXIT\n"),
    {TALK_AGAIN, {NULL, 0}},
    SAY("@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4\nWelcome to the archive\n\n\n"),
    EXPECT("@RSYNCD: 31.0\nlocked\n"),
    SAY("@RSYNCD: AUTHREQD W3c7WnjRntUUAzwP4lpA3A\n"),
    {TALK_AGAIN, {NULL, 0}},
    SAY("@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4\nWelcome to the archive\n\n\n"),
    EXPECT("@RSYNCD: 31.0\npub\n"),
    SAY("@RSYNCD: OK\n")};

static const struct talk_turn locked[] = {
    SAY("@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4\n"),        EXPECT("@RSYNCD: 31.0\n#list\n"),
    SAY("locked         \twith a password\n@RSYNCD: EXIT\n"), {TALK_AGAIN, {NULL, 0}},
    SAY("@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4\n"),        EXPECT("@RSYNCD: 31.0\nlocked\n"),
    SAY("@RSYNCD: AUTHREQD 3A/xoEaCkF1I7kHyx0XE7g\n")};

static const struct talk_turn unasked[] = {SAY("@RSYNCD: 31.0\n")};

/* Three modules are asked for, whoever lists more; a name that is too long is left out. */
static const struct talk_turn many[] = {
    SAY("@RSYNCD: 31.0\n"),
    EXPECT("@RSYNCD: 31.0\n#list\n"),
    SAY("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\ty\na b\t1\nb\t2\nc\t3\nd\t4\n@RSYNCD: EXIT\n"),
    {TALK_AGAIN, {NULL, 0}},
    SAY("@RSYNCD: 31.0\n"),
    EXPECT("@RSYNCD: 31.0\na b\n"),
    SAY("motd\n@ERROR: access denied\n"),
    {TALK_AGAIN, {NULL, 0}},
    SAY("@RSYNCD: 31.0\n"),
    EXPECT("@RSYNCD: 31.0\nb\n"),
    SAY("@ERROR: access denied\n"),
    {TALK_AGAIN, {NULL, 0}},
    SAY("@RSYNCD: 31.0\n"),
    EXPECT("@RSYNCD: 31.0\nc\n"),
    SAY("@ERROR: access denied\n")};

static const struct talk_turn none[] = {SAY("@RSYNCD: 31.0\n"), EXPECT("@RSYNCD: 31.0\n#list\n"),
                                        SAY("@RSYNCD: EXIT\n")};

static const struct talk_turn refused[] = {SAY("@RSYNCD: 31.0\n"), EXPECT("@RSYNCD: 31.0\n#list\n"),
                                           SAY("a\tb\n@ERROR: max connections (2) reached\n")};

static const struct talk_turn gone[] = {SAY("@RSYNCD: 31.0\n"),
                                        EXPECT("@RSYNCD: 31.0\n#list\n"),
                                        SAY("a\tb\n@RSYNCD: EXIT\n"),
                                        {TALK_AGAIN, {NULL, 0}},
                                        SAY("hello\n")};

static const struct talk_turn foreign[] = {SAY("@RSYNCD: x\n")};

static const struct exchange exchanges[] = {
    {.protocol = "rsync",
     .port = 873,
     TURNS(open),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "banner=@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4\n"
              "cleartext=true\n"
              "door=module pub\n"
              "product=rsync\n"},
    {.protocol = "rsync",
     .port = 873,
     TURNS(locked),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4\n"
              "cleartext=true\n"
              "product=rsync\n"},
    {.protocol = "rsync",
     .port = 873,
     .no_doors = true,
     TURNS(unasked),
     .next = DIALOGUE_DONE,
     .facts = "banner=@RSYNCD: 31.0\n"
              "cleartext=true\n"
              "product=rsync\n"},
    {.protocol = "rsync",
     .port = 873,
     TURNS(many),
     .next = DIALOGUE_DONE,
     .facts = "banner=@RSYNCD: 31.0\n"
              "cleartext=true\n"
              "product=rsync\n"},
    {.protocol = "rsync",
     .port = 873,
     TURNS(none),
     .next = DIALOGUE_DONE,
     .facts = "banner=@RSYNCD: 31.0\n"
              "cleartext=true\n"
              "product=rsync\n"},
    {.protocol = "rsync",
     .port = 873,
     TURNS(refused),
     .next = DIALOGUE_DONE,
     .facts = "banner=@RSYNCD: 31.0\n"
              "cleartext=true\n"
              "product=rsync\n"},
    {.protocol = "rsync",
     .port = 873,
     TURNS(gone),
     .next = DIALOGUE_DONE,
     .facts = "banner=@RSYNCD: 31.0\n"
              "cleartext=true\n"
              "product=rsync\n"},
    {.protocol = "rsync", .port = 873, .foreign = true, TURNS(foreign), .next = DIALOGUE_FOREIGN, .facts = ""},
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
    assert_int_equal(protocol_find("rsync")->recognise(SPAN_OF("@RSYNCD: 3")), PROTOCOL_YES);
    assert_int_equal(protocol_find("rsync")->recognise(SPAN_OF("")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("rsync")->recognise(SPAN_OF("@")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("rsync")->recognise(SPAN_OF("@RSYNCD: ")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("rsync")->recognise(SPAN_OF("@RSYNCX")), PROTOCOL_NO);
    assert_int_equal(protocol_find("rsync")->recognise(SPAN_OF("@RSYNCD: x")), PROTOCOL_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_bears_everything),
        cmocka_unit_test(is_recognised_by_its_first_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
