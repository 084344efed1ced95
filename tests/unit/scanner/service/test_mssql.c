/* Built from the specification (MS-TDS, section 2.2.6.5). */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 1433};

static const struct talk_turn off[] = {
    EXPECT("\022\001\000\032\000\000\000\000\000\000\013\000\006\001\000\021\000\001\377\000\000\000\000\000\000\000"),
    SAY("\004\001\000+\000\000\001\000\000\000\032\000\006\001\000 "
        "\000\001\002\000!\000\001\003\000\042\000\000\004\000\042\000\001\377\020\000\020'\000\000\000\000\000"),
    {TALK_SECURE, {NULL, 0}}};
static const struct talk_turn unsecured[] = {
    EXPECT("\022\001\000\032\000\000\000\000\000\000\013\000\006\001\000\021\000\001\377\000\000\000\000\000\000\000"),
    SAY("\004\001\000+\000\000\001\000\000\000\032\000\006\001\000 "
        "\000\001\002\000!\000\001\003\000\042\000\000\004\000\042\000\001\377\020\000\020'\000\000\000\000\000"),
    {TALK_UNSECURE, {NULL, 0}}};
static const struct talk_turn on[] = {
    EXPECT("\022\001\000\032\000\000\000\000\000\000\013\000\006\001\000\021\000\001\377\000\000\000\000\000\000\000"),
    SAY("\004\001\000+\000\000\001\000\000\000\032\000\006\001\000 "
        "\000\001\002\000!\000\001\003\000\042\000\000\004\000\042\000\001\377\020\000\020'\000\000\001\000\000"),
    {TALK_SECURE, {NULL, 0}}};
static const struct talk_turn none[] = {
    EXPECT("\022\001\000\032\000\000\000\000\000\000\013\000\006\001\000\021\000\001\377\000\000\000\000\000\000\000"),
    SAY("\004\001\000+\000\000\001\000\000\000\032\000\006\001\000 "
        "\000\001\002\000!\000\001\003\000\042\000\000\004\000\042\000\001\377\0122\006@\000\000\002\000\000")};
static const struct talk_turn required[] = {
    EXPECT("\022\001\000\032\000\000\000\000\000\000\013\000\006\001\000\021\000\001\377\000\000\000\000\000\000\000"),
    SAY("\004\001\000+\000\000\001\000\000\000\032\000\006\001\000 "
        "\000\001\002\000!\000\001\003\000\042\000\000\004\000\042\000\001\377\017\000\007\320\000\000\003\000\000"),
    {TALK_SECURE, {NULL, 0}}};

static void check(const struct hostile_exchange *exchange, const char *version, const char *starttls,
                  const char *required_by_it)
{
    struct talk talk;

    hostile(exchange);
    hostile_learn(&talk, exchange, DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "product"), "Microsoft SQL Server");
    assert_string_equal(hostile_fact(&talk, "version"), version);
    assert_string_equal(hostile_fact(&talk, "starttls"), starttls);
    assert_string_equal(hostile_fact(&talk, "tls.required"), required_by_it);
    assert_string_equal(hostile_fact(&talk, "cleartext"), strcmp(required_by_it, "true") == 0 ? "false" : "true");
    talk_done(&talk);
}

static void learns_version_and_encryption(void **state)
{
    (void)state;
    check(HOSTILE_EXCHANGE("mssql", &target, off), "16.0.4135", "true", "false");
    check(HOSTILE_EXCHANGE("mssql", &target, on), "16.0.4135", "true", "true");
    check(HOSTILE_EXCHANGE("mssql", &target, none), "10.50.1600", "false", "false");
    check(HOSTILE_EXCHANGE("mssql", &target, unsecured), "16.0.4135", "true", "false");
    check(HOSTILE_EXCHANGE("mssql", &target, required), "15.0.2000", "true", "true");
}

static void is_recognised_by_its_first_token(void **state)
{
    (void)state;
    hostile_recognised("mssql", off[1].bytes);
    hostile_stranger("mssql", SPAN_OF("\4\1\0\x2b\0\0\1\0\1"));
    hostile_stranger("mssql", SPAN_OF("\x12\1\0\x2b\0\0\1\0\0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_version_and_encryption),
        cmocka_unit_test(is_recognised_by_its_first_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
