#include "tests/fuzz/auditd/same_port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SCHEMA "\"schema\":\"leastport.observation/1\""
#define TYPE "\"type\":\"port\""
#define SCAN "\"scan_id\":\"00000000-0000-4000-8000-00000000abcd\""
#define TS "\"ts\":\"2026-11-22T11:05:00.123Z\""
#define HOST "\"host\":\"10.0.0.5\""
#define PROTO "\"proto\":\"tcp\""
#define PORT "\"port\":22"
#define STATE "\"state\":\"open\""
#define REASON "\"reason\":\"syn-ack\""
#define ENVELOPE SCHEMA "," TYPE "," SCAN "," TS
#define BODY HOST "," PROTO "," PORT "," STATE "," REASON
#define ALL                                                                                                            \
    "{" ENVELOPE "," HOST ",\"name\":\"db.example\"," PROTO "," PORT "," STATE "," REASON                              \
    ",\"service\":\"ssh\",\"tries\":2,\"answers\":1,\"rtt_us\":310,\"watch\":true,\"self\":false,\"bound\":\"::\"}"

/* Read from a copy of exactly its length, so that a read past the line is one past its allocation. */
static enum port_readers compare(const char *line, size_t length)
{
    char *copy = malloc(length == 0 ? 1 : length);
    enum port_readers result;

    memcpy(copy, line, length);
    result = port_readers_compare(copy, length);
    free(copy);
    return result;
}

static void takes_what_the_scanner_writes(void **state)
{
    static const char *const lines[] = {
        "{" ENVELOPE "," BODY "}",
        ALL,
        "{" ENVELOPE "," HOST ",\"name\":\"\"," PROTO "," PORT "," STATE "," REASON ",\"service\":\"\",\"bound\":\"\"}",
        /* In any order. */
        "{" REASON "," STATE "," PORT ",\"rtt_us\":0," PROTO "," HOST "," TS "," SCAN "," TYPE "," SCHEMA "}",
        "{" ENVELOPE ",\"host\":\"fd00::5\",\"proto\":\"udp\",\"port\":0,\"state\":\"open|filtered\","
        "\"reason\":\"no-response\",\"self\":true,\"bound\":\"127.0.0.1\"}",
        "{" ENVELOPE ",\"host\":\"::ffff:10.0.0.5\",\"proto\":\"tcp\",\"port\":65535,\"state\":\"closed\","
        "\"reason\":\"x\",\"tries\":1000000,\"answers\":0}",
        "{" SCHEMA "," TYPE "," SCAN ",\"ts\":\"2026-11-22T11:05:00+01:00\"," BODY "}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        if (compare(lines[i], strlen(lines[i])) != PORT_READERS_AGREE) {
            fail_msg("not taken, or not with the same outcome: %s", lines[i]);
        }
    }
}

static void reads_every_member(void **state)
{
    struct observation line;

    (void)state;
    assert_true(port_line_parse(ALL, sizeof(ALL) - 1, &line));
    assert_int_equal(line.type, OBSERVATION_PORT);
    assert_null(line.json);
    assert_string_equal(line.scan_id, "00000000-0000-4000-8000-00000000abcd");
    assert_int_equal(line.ts_ms, 1795345500123);
    assert_string_equal(line.port.name, "db.example");
    assert_int_equal(line.port.port, 22);
    assert_int_equal(line.port.tries, 2);
    assert_int_equal(line.port.answers, 1);
    assert_true(line.port.watch && !line.port.self && !line.port.is_udp);
    assert_string_equal(line.port.reason, "syn-ack");
    assert_string_equal(line.port.service, "ssh");
    assert_string_equal(line.port.bound, "::");
}

static void leaves_the_rest(void **state)
{
    static const char *const lines[] = {
        "",
        "{",
        "{}",
        "{" ENVELOPE "," BODY,
        "{" ENVELOPE "," BODY "} ",
        "{" ENVELOPE "," BODY "}}",
        "{" ENVELOPE "," BODY ",}",
        "{" ENVELOPE ", " BODY "}",
        "[" ENVELOPE "," BODY "]",
        "{" ENVELOPE "," BODY "," PORT "}",
        "{" ENVELOPE "," BODY ",\"later\":1}",
        "{" ENVELOPE "," BODY ",\"watch\":1}",
        "{" ENVELOPE "," BODY ",\"watch\":truer}",
        "{" ENVELOPE "," BODY ",\"watch\":null}",
        "{" ENVELOPE "," BODY ",\"tries\":0}",
        "{" ENVELOPE "," BODY ",\"tries\":1000001}",
        "{" ENVELOPE "," BODY ",\"tries\":1.5}",
        "{" ENVELOPE "," BODY ",\"tries\":1e1}",
        "{" ENVELOPE "," BODY ",\"tries\":01}",
        "{" ENVELOPE "," BODY ",\"tries\":-1}",
        "{" ENVELOPE "," BODY ",\"tries\":\"1\"}",
        "{" ENVELOPE "," BODY ",\"tries\":}",
        "{" ENVELOPE "," BODY ",\"rtt_us\":99999999999999999999}",
        "{" ENVELOPE "," BODY ",\"name\":\"a b\"}",
        "{" ENVELOPE "," BODY ",\"name\":\"\\u0061\"}",
        "{" ENVELOPE "," BODY ",\"name\":\"\xc3\xa4\"}",
        "{" ENVELOPE "," BODY ",\"bound\":\"everywhere\"}",
        "{" ENVELOPE "," BODY ",\"service\":\"123456789012345678901234567890123456789012345678\"}",
        "{" ENVELOPE "," HOST "," PROTO "," PORT "," STATE ",\"reason\":\"\"}",
        "{" ENVELOPE "," HOST "," PROTO "," PORT "," STATE "}",
        "{" ENVELOPE "," HOST ",\"proto\":\"sctp\"," PORT "," STATE "," REASON "}",
        "{" ENVELOPE "," HOST "," PROTO ",\"port\":65536," STATE "," REASON "}",
        "{" ENVELOPE "," HOST "," PROTO "," PORT ",\"state\":\"ajar\"," REASON "}",
        "{" ENVELOPE ",\"host\":\"10.0.0.256\"," PROTO "," PORT "," STATE "," REASON "}",
        "{" ENVELOPE ",\"host\":\"fe80::1%nowhere\"," PROTO "," PORT "," STATE "," REASON "}",
        "{\"schema\":\"leastport.observation/2\"," TYPE "," SCAN "," TS "," BODY "}",
        "{" SCHEMA ",\"type\":\"host\"," SCAN "," TS "," BODY "}",
        "{" SCHEMA "," TYPE ",\"scan_id\":\"00000000-0000-4000-8000-00000000abc\"," TS "," BODY "}",
        "{" SCHEMA "," TYPE "," SCAN ",\"ts\":\"2026-02-30T11:05:00Z\"," BODY "}",
        "{" SCHEMA "," TYPE "," SCAN "," BODY "}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        if (compare(lines[i], strlen(lines[i])) != PORT_READERS_LEFT) {
            fail_msg("taken: %s", lines[i]);
        }
    }
}

/* No member that is required may be missing, and none may be cut: that is for the other reader to name. */
static void leaves_every_prefix(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof(ALL) - 1; length++) {
        assert_int_equal(compare(ALL, length), PORT_READERS_LEFT);
    }
}

/* One byte put in another's place, put between two, or left out, at every place: where the quick reader still takes the
 * line, the other does too, and makes the same of it. */
static void agrees_on_damaged_lines(void **state)
{
    static const char good[] = ALL;
    char line[sizeof(good) + 1];
    size_t taken = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(good) - 1; i++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(line, good, sizeof(good));
            line[i] = (char)byte;
            enum port_readers changed = compare(line, sizeof(good) - 1);
            memmove(line + i + 1, good + i, sizeof(good) - i);
            enum port_readers added = compare(line, sizeof(good));
            if (changed == PORT_READERS_DIFFER || added == PORT_READERS_DIFFER) {
                fail_msg("byte %d at %zu is not read alike", byte, i);
            }
            taken += (changed == PORT_READERS_AGREE) + (added == PORT_READERS_AGREE);
        }
        memcpy(line, good, i);
        memcpy(line + i, good + i + 1, sizeof(good) - i - 1);
        assert_int_not_equal(compare(line, sizeof(good) - 2), PORT_READERS_DIFFER);
    }
    /* Digits, letters of names: thousands of them make good lines. */
    assert_true(taken > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_the_scanner_writes),
        cmocka_unit_test(reads_every_member),
        cmocka_unit_test(leaves_the_rest),
        cmocka_unit_test(leaves_every_prefix),
        cmocka_unit_test(agrees_on_damaged_lines),
    };
    return cmocka_run_group_tests_name("port_line", tests, NULL, NULL);
}
