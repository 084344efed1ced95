/* That of OpenLDAP is recorded from slapd 2.5; the others are built from the specifications. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 389, .doors = true};
static const struct dialogue_target no_doors = {.host = "10.0.0.5", .port = 389};

static const struct talk_turn openldap[] = {
    EXPECT(
        "0\204\000\000\000\244\002\001\001c\204\000\000\000\233\004\000\012\001\000\012\001\000\002\001\000\002\001\005"
        "\001\001\000\207\013objectClass0\204\000\000\000w\004\013objectClass\004\022supportedExtension\004\027supporte"
        "dSASLMechanisms\004\012vendorName\004\015vendorVersion\004\023domainFunctionality\004\013dnsHostName"),
    SAY("0\202\001G\002\001\001d\202\001@\004\0000\202\001:0%"
        "\004\013objectClass1\026\004\003top\004\017OpenLDAProotDSE0\201\215\004\022supportedExtension1w\004\0261.3.6."
        "1.4.1.1466.20037\004\0271.3.6.1.4.1.4203.1.11.1\004\0271.3.6.1.4.1.4203.1.11.3\004\0131.3.6.1.1.8\004\0161.3."
        "6.1.1.21.3\004\0161.3.6.1.1.21.10\201\200\004\027supportedSASLMechanisms1e\004\015SCRAM-SHA-512\004\015SCRAM-"
        "SHA-384\004\015SCRAM-SHA-256\004\015SCRAM-SHA-224\004\013SCRAM-SHA-1\004\012DIGEST-MD5\004\010CRAM-"
        "MD5\004\004NTLM"),
    SAY("0\014\002\001\001e\007\012\001\000\004\000\004\000"),
    EXPECT("0\014\002\001\002`\007\002\001\003\004\000\200\000"),
    SAY("0\014\002\001\002a\007\012\001\000\004\000\004\000"),
    EXPECT("0\035\002\001\003w\030\200\0261.3.6.1.4.1.1466.20037"),
    SAY("0\014\002\001\003x\007\012\001\000\004\000\004\000"),
    {TALK_SECURE, {NULL, 0}},
};

static const struct talk_turn openldap_unasked[] = {
    EXPECT(
        "0\204\000\000\000\244\002\001\001c\204\000\000\000\233\004\000\012\001\000\012\001\000\002\001\000\002\001\005"
        "\001\001\000\207\013objectClass0\204\000\000\000w\004\013objectClass\004\022supportedExtension\004\027supporte"
        "dSASLMechanisms\004\012vendorName\004\015vendorVersion\004\023domainFunctionality\004\013dnsHostName"),
    SAY("0\202\001G\002\001\001d\202\001@\004\0000\202\001:0%"
        "\004\013objectClass1\026\004\003top\004\017OpenLDAProotDSE0\201\215\004\022supportedExtension1w\004\0261.3.6."
        "1.4.1.1466.20037\004\0271.3.6.1.4.1.4203.1.11.1\004\0271.3.6.1.4.1.4203.1.11.3\004\0131.3.6.1.1.8\004\0161.3."
        "6.1.1.21.3\004\0161.3.6.1.1.21.10\201\200\004\027supportedSASLMechanisms1e\004\015SCRAM-SHA-512\004\015SCRAM-"
        "SHA-384\004\015SCRAM-SHA-256\004\015SCRAM-SHA-224\004\013SCRAM-SHA-1\004\012DIGEST-MD5\004\010CRAM-"
        "MD5\004\004NTLM0\014\002\001\001e\007\012\001\000\004\000\004\000"),
    EXPECT("0\035\002\001\003w\030\200\0261.3.6.1.4.1.1466.20037"),
    SAY("0\014\002\001\003x\007\012\001\000\004\000\004\000"),
    {TALK_SECURE, {NULL, 0}},
};

#define ASK                                                                                                            \
    "0\204\000\000\000\244\002\001\001c\204\000\000\000\233\004\000\012\001\000\012\001\000\002\001\000\002\001\005"   \
    "\001\001\000\207\013objectClass0\204\000\000\000w\004\013objectClass\004\022supportedExtension\004\027supportedS" \
    "ASLMechanisms\004\012vendorName\004\015vendorVersion\004\023domainFunctionality\004\013dnsHostName"
#define BIND "0\014\002\001\002`\007\002\001\003\004\000\200\000"
#define WANT_TLS "0\035\002\001\003w\030\200\0261.3.6.1.4.1.1466.20037"

static const struct talk_turn active_directory[] = {
    EXPECT(ASK),
    SAY("0\204\000\000\000\311\002\001\001d\204\000\000\000\300\004\0000\204\000\000\000\2700\032\004\023domainFunction"
        "ality1\003\004\00170\035\004\013dnsHostName1\016\004\014dc1.corp.lab0/"
        "\004\027supportedSASLMechanisms1\024\004\006GSSAPI\004\012GSS-SPNEGO0J\004\022supportedExtension14\004\0261.3."
        "6.1.4.1.1466.20037\004\0321.3.6.1.4.1.1466.101.119.10\014\002\001\001e\007\012\001\000\004\000\004\000"),
    EXPECT(BIND),
    SAY("0\014\002\001\002a\007\012\0010\004\000\004\000"),
    EXPECT(WANT_TLS),
    SAY("0\014\002\001\003x\007\012\0014\004\000\004\000"),
};

static const struct talk_turn directory_389[] = {
    EXPECT(ASK),
    SAY("0]\002\001\001dX\004\0000T0\033\004\012vendorName1\015\004\013389 "
        "Project05\004\015vendorVersion1$\004\042389-Directory/2.3.1 B2023.034.0000"),
    SAY("0\014\002\001\001e\007\012\001\000\004\000\004\000"),
    EXPECT(BIND),
    SAY("0\014\002\001\002a\007\012\001\000\004\000\004\000"),
};

static const struct talk_turn insists_on_tls[] = {
    EXPECT(ASK),
    SAY("0\014\002\001\001e\007\012\001\015\004\000\004\000"),
    EXPECT(BIND),
    SAY("0\014\002\001\002a\007\012\001\015\004\000\004\000"),
    EXPECT(WANT_TLS),
    SAY("0\014\002\001\003x\007\012\001\000\004\000\004\000"),
    {TALK_SECURE, {NULL, 0}},
};

static void learns_of_openldap(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("ldap", &target, openldap));
    hostile_learn(&talk, HOSTILE_EXCHANGE("ldap", &target, openldap), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "product"), "OpenLDAP");
    assert_string_equal(hostile_fact(&talk, "auth.methods"),
                        "SCRAM-SHA-512 SCRAM-SHA-384 SCRAM-SHA-256 SCRAM-SHA-224 SCRAM-SHA-1 DIGEST-MD5 CRAM-MD5 NTLM "
                        "anonymous");
    assert_string_equal(hostile_fact(&talk, "starttls"), "true");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    assert_string_equal(hostile_fact(&talk, "tls.required"), "false");
    assert_string_equal(hostile_fact(&talk, "door"), "");
    talk_done(&talk);
}

static void binds_only_where_doors_are_wanted(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("ldap", &no_doors, openldap_unasked));
    hostile_learn(&talk, HOSTILE_EXCHANGE("ldap", &no_doors, openldap_unasked), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "starttls"), "true");
    assert_string_equal(hostile_fact(&talk, "tls.required"), "");
    assert_null(strstr(hostile_fact(&talk, "auth.methods"), "anonymous"));
    talk_done(&talk);
}

static void learns_of_active_directory(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("ldap", &target, active_directory));
    hostile_learn(&talk, HOSTILE_EXCHANGE("ldap", &target, active_directory), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "product"), "Microsoft Active Directory");
    assert_string_equal(hostile_fact(&talk, "hostname"), "dc1.corp.lab");
    assert_string_equal(hostile_fact(&talk, "auth.methods"), "GSSAPI GSS-SPNEGO");
    assert_string_equal(hostile_fact(&talk, "starttls"), "false");
    talk_done(&talk);
}

static void learns_the_vendors_version(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("ldap", &target, directory_389));
    hostile_learn(&talk, HOSTILE_EXCHANGE("ldap", &target, directory_389), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "product"), "389 Project");
    assert_string_equal(hostile_fact(&talk, "version"), "2.3.1");
    assert_string_equal(hostile_fact(&talk, "banner"), "389-Directory/2.3.1 B2023.034.0000");
    assert_string_equal(hostile_fact(&talk, "starttls"), "false");
    talk_done(&talk);
}

static void learns_that_tls_is_required(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("ldap", &target, insists_on_tls));
    hostile_learn(&talk, HOSTILE_EXCHANGE("ldap", &target, insists_on_tls), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "tls.required"), "true");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "false");
    assert_string_equal(hostile_fact(&talk, "starttls"), "true");
    talk_done(&talk);
}

static void is_recognised_by_its_messages(void **state)
{
    (void)state;
    hostile_recognised("ldap", openldap[1].bytes);
    hostile_recognised("ldap", SPAN_OF("0\x0c\2\1\2\x61\7\x0a\1\0\4\0\4\0"));
    hostile_stranger("ldap", SPAN_OF("0\x0c\2\1\2\x60\7"));
    hostile_stranger("ldap", SPAN_OF("0\x0c\4\1"));
    hostile_stranger("ldap", SPAN_OF("0\x80"));
    hostile_stranger("ldap", SPAN_OF("0\x0c\2\5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_of_openldap),          cmocka_unit_test(binds_only_where_doors_are_wanted),
        cmocka_unit_test(learns_of_active_directory),  cmocka_unit_test(learns_the_vendors_version),
        cmocka_unit_test(learns_that_tls_is_required), cmocka_unit_test(is_recognised_by_its_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
