/* Built from the specification of the native protocol, version 4. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 9042, .doors = true};
static const struct dialogue_target no_doors = {.host = "10.0.0.5", .port = 9042};

static const struct talk_turn open_to_all[] = {
    EXPECT("\004\000\000\000\005\000\000\000\000"),
    SAY("\204\000\000\000\006\000\000\000[\000\003\000\021PROTOCOL_VERSIONS\000\003\000\0043/v3\000\0044/v4\000\0045/"
        "v5\000\013COMPRESSION\000\002\000\006snappy\000\003lz4\000\013CQL_VERSION\000\001\000\0053.4.5"),
    EXPECT("\004\000\000\000\001\000\000\000\026\000\001\000\013CQL_VERSION\000\0053.0.0"),
    SAY("\204\000\000\000\002\000\000\000\000"),
};
static const struct talk_turn guarded[] = {
    EXPECT("\004\000\000\000\005\000\000\000\000"),
    SAY("\204\000\000\000\006\000\000\000[\000\003\000\021PROTOCOL_VERSIONS\000\003\000\0043/v3\000\0044/v4\000\0045/"
        "v5\000\013COMPRESSION\000\002\000\006snappy\000\003lz4\000\013CQL_VERSION\000\001\000\0053.4.5"),
    EXPECT("\004\000\000\000\001\000\000\000\026\000\001\000\013CQL_VERSION\000\0053.0.0"),
    SAY("\204\000\000\000\003\000\000\0001\000/org.apache.cassandra.auth.PasswordAuthenticator"),
};
static const struct talk_turn busy[] = {
    EXPECT("\004\000\000\000\005\000\000\000\000"),
    SAY("\204\000\000\000\006\000\000\000[\000\003\000\021PROTOCOL_VERSIONS\000\003\000\0043/v3\000\0044/v4\000\0045/"
        "v5\000\013COMPRESSION\000\002\000\006snappy\000\003lz4\000\013CQL_VERSION\000\001\000\0053.4.5"),
    EXPECT("\004\000\000\000\001\000\000\000\026\000\001\000\013CQL_VERSION\000\0053.0.0"),
    SAY("\203\000\000\000\000\000\000\000I\000\000\000\012\000CInvalid or unsupported protocol version (4); highest "
        "supported is 3"),
};
static const struct talk_turn unasked[] = {
    EXPECT("\004\000\000\000\005\000\000\000\000"),
    SAY("\204\000\000\000\006\000\000\000[\000\003\000\021PROTOCOL_VERSIONS\000\003\000\0043/v3\000\0044/v4\000\0045/"
        "v5\000\013COMPRESSION\000\002\000\006snappy\000\003lz4\000\013CQL_VERSION\000\001\000\0053.4.5")};
static const struct talk_turn too_old[] = {EXPECT("\004\000\000\000\005\000\000\000\000"),
                                           SAY("\203\000\000\000\000\000\000\000I\000\000\000\012\000CInvalid or "
                                               "unsupported protocol version (4); highest supported is 3")};

static void check(const struct hostile_exchange *exchange, const char *banner, const char *auth, const char *door)
{
    struct talk talk;

    hostile(exchange);
    hostile_learn(&talk, exchange, DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "banner"), banner);
    assert_string_equal(hostile_fact(&talk, "auth"), auth);
    assert_string_equal(hostile_fact(&talk, "door"), door);
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    assert_int_equal(talk.dialogue.out_size, 0);
    talk_done(&talk);
}

static void learns_whether_a_credential_is_needed(void **state)
{
    (void)state;
    check(HOSTILE_EXCHANGE("cassandra", &target, open_to_all), "CQL 3.4.5", "none", "STARTUP");
    check(HOSTILE_EXCHANGE("cassandra", &target, guarded), "CQL 3.4.5", "required", "");
    check(HOSTILE_EXCHANGE("cassandra", &target, busy), "CQL 3.4.5", "", "");
    check(HOSTILE_EXCHANGE("cassandra", &no_doors, unasked), "CQL 3.4.5", "", "");
    check(HOSTILE_EXCHANGE("cassandra", &target, too_old), "", "", "");
}

static void is_recognised_by_its_frame(void **state)
{
    (void)state;
    hostile_recognised("cassandra", open_to_all[1].bytes);
    hostile_recognised("cassandra", too_old[1].bytes);
    hostile_stranger("cassandra", SPAN_OF("\4\0\0\0\6"));
    hostile_stranger("cassandra", SPAN_OF("\x84\0\0\1\6"));
    hostile_stranger("cassandra", SPAN_OF("\x84\0\0\0\7"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_whether_a_credential_is_needed),
        cmocka_unit_test(is_recognised_by_its_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
