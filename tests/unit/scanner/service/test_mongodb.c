/* Built from the specifications of the wire protocol and of BSON. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 27017, .doors = true};
static const struct dialogue_target no_doors = {.host = "10.0.0.5", .port = 27017};

static const struct talk_turn open_to_all[] = {
    EXPECT(":\000\000\000pL\000\000\000\000\000\000\324\007\000\000\000\000\000\000admin.$"
           "cmd\000\000\000\000\000\377\377\377\377\023\000\000\000\020isMaster\000\001\000\000\000\000"),
    SAY("\250\000\000\000M\000\000\000pL\000\000\001\000\000\000\010\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\001\000\000\000\204\000\000\000\010ismaster\000\001\002me\000\016\000\000\000db1.lab:"
        "27017\000\011localTime\000\000h\345\317\213\001\000\000\020maxBsonObjectSize\000\000\000\000\001\020minWireVer"
        "sion\000\000\000\000\000\020maxWireVersion\000\021\000\000\000\001ok\000\000\000\000\000\000\000\360\077\000"),
    EXPECT("8\000\000\000qL\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000#"
           "\000\000\000\020buildInfo\000\001\000\000\000\002$db\000\006\000\000\000admin\000\000"),
    SAY("\354\000\000\000N\000\000\000qL\000\000\335\007\000\000\000\000\000\000\000\327\000\000\000\002version\000\006"
        "\000\000\0006.0.5\000\002gitVersion\000)"
        "\000\000\000c9a99c120371d4d4c52cbb15dac34a36ce8d3b1d\000\004modules\000\005\000\000\000\000\003openssl\000 "
        "\000\000\000\002running\000\016\000\000\000OpenSSL "
        "3.0."
        "2\000\000\004versionArray\000\032\000\000\000\0200\000\006\000\000\000\0201\000\000\000\000\000\0202\000\005"
        "\000\000\000\000\022maxBsonObjectSize\000\000\000\000\001\000\000\000\000\001ok\000\000\000\000\000\000\000"
        "\360\077\000"),
    EXPECT("G\000\000\000rL\000\000\000\000\000\000\335\007\000\000\000\000\000\000\0002\000\000\000\020listDatabases"
           "\000\001\000\000\000\010nameOnly\000\001\002$db\000\006\000\000\000admin\000\000"),
    SAY("e\000\000\000N\000\000\000rL\000\000\335\007\000\000\000\000\000\000\000P\000\000\000\004databases\0004\000"
        "\000\000\0030\000\025\000\000\000\002name\000\006\000\000\000admin\000\000\0031\000\024\000\000\000\002name"
        "\000\005\000\000\000shop\000\000\000\001ok\000\000\000\000\000\000\000\360\077\000"),
};
static const struct talk_turn guarded[] = {
    EXPECT(":\000\000\000pL\000\000\000\000\000\000\324\007\000\000\000\000\000\000admin.$"
           "cmd\000\000\000\000\000\377\377\377\377\023\000\000\000\020isMaster\000\001\000\000\000\000"),
    SAY("\250\000\000\000M\000\000\000pL\000\000\001\000\000\000\010\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\001\000\000\000\204\000\000\000\010ismaster\000\001\002me\000\016\000\000\000db1.lab:"
        "27017\000\011localTime\000\000h\345\317\213\001\000\000\020maxBsonObjectSize\000\000\000\000\001\020minWireVer"
        "sion\000\000\000\000\000\020maxWireVersion\000\021\000\000\000\001ok\000\000\000\000\000\000\000\360\077\000"),
    EXPECT("8\000\000\000qL\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000#"
           "\000\000\000\020buildInfo\000\001\000\000\000\002$db\000\006\000\000\000admin\000\000"),
    SAY("\354\000\000\000N\000\000\000qL\000\000\335\007\000\000\000\000\000\000\000\327\000\000\000\002version\000\006"
        "\000\000\0006.0.5\000\002gitVersion\000)"
        "\000\000\000c9a99c120371d4d4c52cbb15dac34a36ce8d3b1d\000\004modules\000\005\000\000\000\000\003openssl\000 "
        "\000\000\000\002running\000\016\000\000\000OpenSSL "
        "3.0."
        "2\000\000\004versionArray\000\032\000\000\000\0200\000\006\000\000\000\0201\000\000\000\000\000\0202\000\005"
        "\000\000\000\000\022maxBsonObjectSize\000\000\000\000\001\000\000\000\000\001ok\000\000\000\000\000\000\000"
        "\360\077\000"),
    EXPECT("G\000\000\000rL\000\000\000\000\000\000\335\007\000\000\000\000\000\000\0002\000\000\000\020listDatabases"
           "\000\001\000\000\000\010nameOnly\000\001\002$db\000\006\000\000\000admin\000\000"),
    SAY("\205\000\000\000N\000\000\000rL\000\000\335\007\000\000\000\000\000\000\000p\000\000\000\001ok\000\000\000\000"
        "\000\000\000\000\000\002errmsg\000.\000\000\000command listDatabases requires "
        "authentication\000\020code\000\015\000\000\000\002codeName\000\015\000\000\000Unauthorized\000\000"),
};
static const struct talk_turn fails[] = {
    EXPECT(":\000\000\000pL\000\000\000\000\000\000\324\007\000\000\000\000\000\000admin.$"
           "cmd\000\000\000\000\000\377\377\377\377\023\000\000\000\020isMaster\000\001\000\000\000\000"),
    SAY("\250\000\000\000M\000\000\000pL\000\000\001\000\000\000\010\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\001\000\000\000\204\000\000\000\010ismaster\000\001\002me\000\016\000\000\000db1.lab:"
        "27017\000\011localTime\000\000h\345\317\213\001\000\000\020maxBsonObjectSize\000\000\000\000\001\020minWireVer"
        "sion\000\000\000\000\000\020maxWireVersion\000\021\000\000\000\001ok\000\000\000\000\000\000\000\360\077\000"),
    EXPECT("8\000\000\000qL\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000#"
           "\000\000\000\020buildInfo\000\001\000\000\000\002$db\000\006\000\000\000admin\000\000"),
    SAY("\354\000\000\000N\000\000\000qL\000\000\335\007\000\000\000\000\000\000\000\327\000\000\000\002version\000\006"
        "\000\000\0006.0.5\000\002gitVersion\000)"
        "\000\000\000c9a99c120371d4d4c52cbb15dac34a36ce8d3b1d\000\004modules\000\005\000\000\000\000\003openssl\000 "
        "\000\000\000\002running\000\016\000\000\000OpenSSL "
        "3.0."
        "2\000\000\004versionArray\000\032\000\000\000\0200\000\006\000\000\000\0201\000\000\000\000\000\0202\000\005"
        "\000\000\000\000\022maxBsonObjectSize\000\000\000\000\001\000\000\000\000\001ok\000\000\000\000\000\000\000"
        "\360\077\000"),
    EXPECT("G\000\000\000rL\000\000\000\000\000\000\335\007\000\000\000\000\000\000\0002\000\000\000\020listDatabases"
           "\000\001\000\000\000\010nameOnly\000\001\002$db\000\006\000\000\000admin\000\000"),
    SAY("@\000\000\000N\000\000\000rL\000\000\335\007\000\000\000\000\000\000\000+"
        "\000\000\000\004databases\000\005\000\000\000\000\001ok\000\000\000\000\000\000\000\000\000\020code\000P-"
        "\000\000\000"),
};
static const struct talk_turn stray[] = {
    EXPECT(":\000\000\000pL\000\000\000\000\000\000\324\007\000\000\000\000\000\000admin.$"
           "cmd\000\000\000\000\000\377\377\377\377\023\000\000\000\020isMaster\000\001\000\000\000\000"),
    SAY("\250\000\000\000M\000\000\000pL\000\000\001\000\000\000\010\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\001\000\000\000\204\000\000\000\010ismaster\000\001\002me\000\016\000\000\000db1.lab:"
        "27017\000\011localTime\000\000h\345\317\213\001\000\000\020maxBsonObjectSize\000\000\000\000\001\020minWireVer"
        "sion\000\000\000\000\000\020maxWireVersion\000\021\000\000\000\001ok\000\000\000\000\000\000\000\360\077\000"),
    EXPECT("8\000\000\000qL\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000#"
           "\000\000\000\020buildInfo\000\001\000\000\000\002$db\000\006\000\000\000admin\000\000"),
    SAY("9\000\000\000N\000\000\000wL\000\000\335\007\000\000\000\000\000\000\000$"
        "\000\000\000\002version\000\006\000\000\0006.0.5\000\001ok\000\000\000\000\000\000\000\360\077\000"),
};
static const struct talk_turn unasked[] = {
    EXPECT(":\000\000\000pL\000\000\000\000\000\000\324\007\000\000\000\000\000\000admin.$"
           "cmd\000\000\000\000\000\377\377\377\377\023\000\000\000\020isMaster\000\001\000\000\000\000"),
    SAY("\250\000\000\000M\000\000\000pL\000\000\001\000\000\000\010\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\001\000\000\000\204\000\000\000\010ismaster\000\001\002me\000\016\000\000\000db1.lab:"
        "27017\000\011localTime\000\000h\345\317\213\001\000\000\020maxBsonObjectSize\000\000\000\000\001\020minWireVer"
        "sion\000\000\000\000\000\020maxWireVersion\000\021\000\000\000\001ok\000\000\000\000\000\000\000\360\077\000"),
    EXPECT("8\000\000\000qL\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000#"
           "\000\000\000\020buildInfo\000\001\000\000\000\002$db\000\006\000\000\000admin\000\000"),
    SAY("\354\000\000\000N\000\000\000qL\000\000\335\007\000\000\000\000\000\000\000\327\000\000\000\002version\000\006"
        "\000\000\0006.0.5\000\002gitVersion\000)"
        "\000\000\000c9a99c120371d4d4c52cbb15dac34a36ce8d3b1d\000\004modules\000\005\000\000\000\000\003openssl\000 "
        "\000\000\000\002running\000\016\000\000\000OpenSSL "
        "3.0."
        "2\000\000\004versionArray\000\032\000\000\000\0200\000\006\000\000\000\0201\000\000\000\000\000\0202\000\005"
        "\000\000\000\000\022maxBsonObjectSize\000\000\000\000\001\000\000\000\000\001ok\000\000\000\000\000\000\000"
        "\360\077\000"),
};
static const struct talk_turn before_op_msg[] = {
    EXPECT(":\000\000\000pL\000\000\000\000\000\000\324\007\000\000\000\000\000\000admin.$"
           "cmd\000\000\000\000\000\377\377\377\377\023\000\000\000\020isMaster\000\001\000\000\000\000"),
    SAY("k\000\000\000M\000\000\000pL\000\000\001\000\000\000\010\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\001\000\000\000G\000\000\000\010ismaster\000\001\020maxBsonObjectSize\000\000\000\000\001\020maxWireV"
        "ersion\000\003\000\000\000\001ok\000\000\000\000\000\000\000\360\077\000"),
    EXPECT(";\000\000\000qL\000\000\000\000\000\000\324\007\000\000\000\000\000\000admin.$"
           "cmd\000\000\000\000\000\377\377\377\377\024\000\000\000\020buildInfo\000\001\000\000\000\000"),
    SAY("I\000\000\000M\000\000\000qL\000\000\001\000\000\000\010\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\001\000\000\000%\000\000\000\002version\000\007\000\000\0003.0."
        "15\000\001ok\000\000\000\000\000\000\000\360\077\000"),
    EXPECT("J\000\000\000rL\000\000\000\000\000\000\324\007\000\000\000\000\000\000admin.$"
           "cmd\000\000\000\000\000\377\377\377\377#"
           "\000\000\000\020listDatabases\000\001\000\000\000\010nameOnly\000\001\000"),
    SAY("\214\000\000\000M\000\000\000rL\000\000\001\000\000\000\010\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\001\000\000\000h\000\000\000\004databases\0009\000\000\000\0030\0001\000\000\000\002name\000\006"
        "\000\000\000local\000\001sizeOnDisk\000\000\000\000\000\000\000\224A\010empty\000\000\000\000\001totalSize\000"
        "\000\000\000\000\000\000\224A\001ok\000\000\000\000\000\000\000\360\077\000"),
};
static const struct talk_turn ferret[] = {
    EXPECT(":\000\000\000pL\000\000\000\000\000\000\324\007\000\000\000\000\000\000admin.$"
           "cmd\000\000\000\000\000\377\377\377\377\023\000\000\000\020isMaster\000\001\000\000\000\000"),
    SAY("\250\000\000\000M\000\000\000pL\000\000\001\000\000\000\010\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\001\000\000\000\204\000\000\000\010ismaster\000\001\002me\000\016\000\000\000db1.lab:"
        "27017\000\011localTime\000\000h\345\317\213\001\000\000\020maxBsonObjectSize\000\000\000\000\001\020minWireVer"
        "sion\000\000\000\000\000\020maxWireVersion\000\021\000\000\000\001ok\000\000\000\000\000\000\000\360\077\000"),
    EXPECT("8\000\000\000qL\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000#"
           "\000\000\000\020buildInfo\000\001\000\000\000\002$db\000\006\000\000\000admin\000\000"),
    SAY("^\000\000\000N\000\000\000qL\000\000\335\007\000\000\000\000\000\000\000I\000\000\000\002version\000\007\000"
        "\000\0007.0.42\000\003ferretdb\000\032\000\000\000\002version\000\010\000\000\000v1.24."
        "0\000\000\001ok\000\000\000\000\000\000\000\360\077\000"),
};

static void learns_version_and_door(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("mongodb", &target, open_to_all));
    hostile_learn(&talk, HOSTILE_EXCHANGE("mongodb", &target, open_to_all), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "product"), "MongoDB");
    assert_string_equal(hostile_fact(&talk, "version"), "6.0.5");
    assert_string_equal(hostile_fact(&talk, "hostname"), "db1.lab");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    assert_string_equal(hostile_fact(&talk, "auth"), "none");
    assert_string_equal(hostile_fact(&talk, "door"), "listDatabases");
    talk_done(&talk);
}

static void a_guarded_one_is_not_open(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("mongodb", &target, guarded));
    hostile_learn(&talk, HOSTILE_EXCHANGE("mongodb", &target, guarded), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "required");
    assert_string_equal(hostile_fact(&talk, "door"), "");
    talk_done(&talk);
}

static void an_answer_that_failed_or_is_another_s_proves_nothing(void **state)
{
    struct talk talk;

    (void)state;
    hostile_learn(&talk, HOSTILE_EXCHANGE("mongodb", &target, fails), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "");
    assert_string_equal(hostile_fact(&talk, "door"), "");
    talk_done(&talk);
    hostile_learn(&talk, HOSTILE_EXCHANGE("mongodb", &target, stray), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "version"), "");
    talk_done(&talk);
}

static void doors_are_asked_only_where_that_is_wanted(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("mongodb", &no_doors, unasked));
    hostile_learn(&talk, HOSTILE_EXCHANGE("mongodb", &no_doors, unasked), DIALOGUE_DONE);
    assert_int_equal(talk.dialogue.out_size, 0);
    assert_string_equal(hostile_fact(&talk, "auth"), "");
    talk_done(&talk);
}

static void speaks_the_old_messages_with_old_servers(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("mongodb", &target, before_op_msg));
    hostile_learn(&talk, HOSTILE_EXCHANGE("mongodb", &target, before_op_msg), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "version"), "3.0.15");
    assert_string_equal(hostile_fact(&talk, "door"), "listDatabases");
    talk_done(&talk);
}

static void tells_ferretdb_apart(void **state)
{
    struct talk talk;

    (void)state;
    hostile_learn(&talk, HOSTILE_EXCHANGE("mongodb", &no_doors, ferret), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "product"), "FerretDB");
    assert_string_equal(hostile_fact(&talk, "version"), "1.24.0");
    talk_done(&talk);
}

static void is_recognised_by_its_header(void **state)
{
    (void)state;
    hostile_recognised("mongodb", open_to_all[1].bytes);
    hostile_recognised("mongodb", open_to_all[3].bytes);
    hostile_stranger("mongodb", SPAN_OF("\x10\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0"));
    hostile_stranger("mongodb", SPAN_OF("\x20\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0"));
    hostile_stranger("mongodb", SPAN_OF("HTTP/1.1 200 OK\r\n\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_version_and_door),
        cmocka_unit_test(a_guarded_one_is_not_open),
        cmocka_unit_test(an_answer_that_failed_or_is_another_s_proves_nothing),
        cmocka_unit_test(doors_are_asked_only_where_that_is_wanted),
        cmocka_unit_test(speaks_the_old_messages_with_old_servers),
        cmocka_unit_test(tells_ferretdb_apart),
        cmocka_unit_test(is_recognised_by_its_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
