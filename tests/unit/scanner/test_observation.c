#include "scanner/observation.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct addr address(const char *text)
{
    struct addr addr;

    assert_int_equal(addr_parse(text, &addr), 0);
    return addr;
}

static void assert_encodes(const struct observation *observation, const char *wanted)
{
    json_t *line = observation_encode(observation, "11111111-2222-3333-4444-555555555555");
    assert_non_null(line);
    char *text = json_dumps(line, JSON_COMPACT);
    assert_non_null(strstr(text, wanted));
    assert_memory_equal(text, "{\"schema\":\"leastport.observation/1\",\"type\":\"", 44);
    free(text);
    json_decref(line);
}

static void encodes_each_type(void **state)
{
    struct addr bound = address("127.0.0.1");
    struct observation_not_shown rest = {"tcp", PORT_CLOSED, REASON_CONN_REFUSED, 2, "1-2"};
    struct observation port = {.type = OBSERVATION_PORT, .ts_ms = 1};
    struct observation host = {.type = OBSERVATION_HOST};
    struct observation progress = {.type = OBSERVATION_PROGRESS};
    struct observation end = {.type = OBSERVATION_END};
    struct observation start = {.type = OBSERVATION_START};
    (void)state;
    port.port = (struct observation_port){.host = address("10.0.0.5"), .proto = "tcp", .port = 22, .bound = &bound};
    assert_encodes(&port, "\"ts\":\"1970-01-01T00:00:00.001Z\",\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":22,"
                          "\"state\":\"open\",\"reason\":\"syn-ack\",\"bound\":\"127.0.0.1\"}");
    host.host = (struct observation_host){
        .host = address("fd00::1"), .up = true, .reason = REASON_SYN_ACK, .not_shown = &rest, .not_shown_count = 1};
    assert_encodes(
        &host, "\"host\":\"fd00::1\",\"state\":\"up\",\"reason\":\"syn-ack\",\"slab\":0,\"open\":0,\"not_shown\":"
               "[{\"proto\":\"tcp\",\"state\":\"closed\",\"reason\":\"conn-refused\",\"count\":2,\"ports\":\"1-2\"}]}");
    progress.progress = (struct observation_progress){.eta_s = -1, .probes = UINT64_MAX};
    assert_encodes(&progress, "\"probes\":9223372036854775807");
    assert_encodes(&progress, "\"eta_s\":null}");
    end.end = (struct observation_end){.cause = SCAN_CAUSE_INTERRUPTED, .message = "bad \xff byte"};
    assert_encodes(&end, "\"complete\":false,\"cause\":\"interrupted\",\"message\":\"bad \\\\xff byte\"");
    assert_encodes(&end, "\"loss\":null,\"elapsed_ms\":0}");
    start.start = (struct observation_start){.plan_json = "{\"a\":1}", .plan_hash = "h", .slabs = 3};
    assert_encodes(&start, "\"plan\":{\"a\":1},\"plan_hash\":\"h\",\"slabs\":3,\"from_slab\":0,");
}

static void decodes_what_it_encoded(void **state)
{
    struct addr bound = address("::");
    struct observation_not_shown rest[] = {{"tcp", PORT_CLOSED, REASON_CONN_REFUSED, 2, "1-2"},
                                           {"tcp", PORT_FILTERED, REASON_ADMIN_PROHIBITED, 1, "9"}};
    struct observation given[4] = {{.type = OBSERVATION_PORT, .ts_ms = 1700000000123},
                                   {.type = OBSERVATION_HOST},
                                   {.type = OBSERVATION_CANARY},
                                   {.type = OBSERVATION_NOTICE}};
    struct observation_arena arena = {0};
    (void)state;
    given[0].port = (struct observation_port){.host = address("10.0.0.5"),
                                              .name = "db",
                                              .proto = "tcp",
                                              .port = 65535,
                                              .state = PORT_FILTERED,
                                              .reason = REASON_HOST_UNREACH,
                                              .service = "x",
                                              .tries = 3,
                                              .has_rtt = true,
                                              .rtt_us = 0,
                                              .watch = true,
                                              .self = true,
                                              .bound = &bound};
    given[1].host = (struct observation_host){
        .host = address("10.0.0.6"), .reason = REASON_NO_RESPONSE, .slab = 7, .not_shown = rest, .not_shown_count = 2};
    given[2].canary = (struct observation_canary){
        .host = address("::1"), .proto = "tcp", .port = 1, .at_end = true, .reason = REASON_RESET};
    given[3].notice = (struct observation_notice){.code = "limit", .message = "m", .host = &bound};
    for (size_t i = 0; i < 4; i++) {
        struct observation back;
        json_t *line = observation_encode(&given[i], "id");
        assert_int_equal(observation_decode(line, &arena, &back), 0);
        json_t *again = observation_encode(&back, "id");
        assert_true(json_equal(line, again));
        json_decref(again);
        json_decref(line);
    }
    observation_arena_done(&arena);
}

static void what_answers_goes_there_and_back(void **state)
{
    static const struct span noise = SPAN_AS("+OK \\x41 \xff\0\r\n<b>");
    struct facts facts = {0};
    struct evidence evidence = {0};
    struct observation given[2] = {{.type = OBSERVATION_SERVICE, .ts_ms = 1700000000123},
                                   {.type = OBSERVATION_CERTIFICATE}};
    struct observation_arena arena = {0};

    (void)state;
    facts_set_text(&facts, "banner", noise);
    facts_set_number(&facts, "http.status", 301);
    facts_set_truth(&facts, "tls", false);
    facts_set_number(&facts, "cert.not_after", 1800000000);
    evidence_note(&evidence, true, SPAN_OF("PING\r\n"));
    for (int i = 0; i < 100; i++) {
        evidence_note(&evidence, false, noise);
    }
    given[0].service = (struct observation_service){.host = address("fd00::5"),
                                                    .name = "db",
                                                    .proto = "tcp",
                                                    .port = 65535,
                                                    .self = true,
                                                    .facts = &facts,
                                                    .evidence = &evidence};
    given[1].certificate = (struct observation_certificate){.der = noise, .facts = &facts};
    for (size_t i = 0; i < 2; i++) {
        struct observation back;
        json_t *line = observation_encode(&given[i], "id");
        json_t *again;
        assert_int_equal(observation_decode(line, &arena, &back), 0);
        again = observation_encode(&back, "id");
        assert_true(json_equal(line, again));
        json_decref(again);
        json_decref(line);
        if (i == 0) {
            assert_int_equal(back.service.evidence->count, 2);
            assert_memory_equal(back.service.evidence->turns[1].bytes, noise.bytes, noise.size);
            assert_int_equal(back.service.evidence->turns[1].whole, 100 * noise.size);
        } else {
            assert_true(span_equal(back.certificate.der, noise));
        }
    }
    assert_encodes(&given[0], "\"facts\":{\"banner\":\"+OK \\\\x5Cx41 \\\\xFF\\\\x00\\\\x0D\\\\x0A<b>\","
                              "\"cert.not_after\":\"2027-01-15T08:00:00.000Z\",\"http.status\":301,\"tls\":false},"
                              "\"evidence\":[{\"sent\":\"PING\\\\x0D\\\\x0A\",\"bytes\":6},{\"received\":");
    observation_arena_done(&arena);
}

#define SERVICE(members)                                                                                               \
    "{\"type\":\"service\",\"ts\":\"2026-01-01T00:00:00Z\",\"host\":\"::1\",\"proto\":\"tcp\",\"port\":1," members "}"

#define NOT_SHOWN(members)                                                                                             \
    "{\"type\":\"host\",\"ts\":\"2026-01-01T00:00:00Z\",\"host\":\"::1\",\"state\":\"up\",\"reason\":\"syn-ack\","     \
    "\"not_shown\":[{\"proto\":\"tcp\",\"reason\":\"reset\"," members "}]}"

static void refuses_damaged_lines(void **state)
{
    static const char *const lines[] = {
        "{}",
        "[]",
        "7",
        "{\"type\":\"port\"}",
        "{\"type\":\"no\",\"ts\":\"2026-01-01T00:00:00Z\"}",
        "{\"type\":\"slab\",\"ts\":\"2026-01-01T00:00:00Z\"}",
        "{\"type\":\"port\",\"ts\":\"2026-01-01T00:00:00Z\",\"host\":\"x\",\"proto\":\"tcp\",\"port\":1,\"state\":"
        "\"open\",\"reason\":\"syn-ack\"}",
        "{\"type\":\"port\",\"ts\":\"2026-01-01T00:00:00Z\",\"host\":\"::1\",\"proto\":\"sctp\",\"port\":1,\"state\":"
        "\"open\",\"reason\":\"syn-ack\"}",
        "{\"type\":\"port\",\"ts\":\"2026-01-01T00:00:00Z\",\"host\":\"::1\",\"proto\":\"tcp\",\"port\":65536,"
        "\"state\":\"open\",\"reason\":\"syn-ack\"}",
        "{\"type\":\"port\",\"ts\":\"2026-01-01T00:00:00Z\",\"host\":\"::1\",\"proto\":\"tcp\",\"port\":1,\"state\":"
        "\"ajar\",\"reason\":\"syn-ack\"}",
        "{\"type\":\"port\",\"ts\":\"2026-01-01T00:00:00Z\",\"host\":\"::1\",\"proto\":\"tcp\",\"port\":1,\"state\":"
        "\"open\",\"reason\":7}",
        "{\"type\":\"host\",\"ts\":\"2026-01-01T00:00:00Z\",\"host\":\"::1\",\"state\":\"up\",\"reason\":\"syn-ack\","
        "\"not_shown\":[7]}",
        "{\"type\":\"host\",\"ts\":\"2026-01-01T00:00:00Z\",\"host\":\"::1\",\"state\":\"up\",\"reason\":\"syn-ack\","
        "\"not_shown\":[],\"name\":\"a\\u001b[2J\"}",
        NOT_SHOWN("\"state\":\"closed\",\"count\":2,\"ports\":\"1-\""),
        NOT_SHOWN("\"state\":\"closed\",\"count\":3,\"ports\":\"1-2\""),
        NOT_SHOWN("\"state\":\"open\",\"count\":2,\"ports\":\"1-2\""),
        SERVICE("\"facts\":{},\"evidence\":7"),
        SERVICE("\"facts\":{\"nothing\":1},\"evidence\":[]"),
        SERVICE("\"facts\":{\"tls\":1},\"evidence\":[]"),
        SERVICE("\"facts\":{\"banner\":true},\"evidence\":[]"),
        SERVICE("\"facts\":{\"http.status\":\"200\"},\"evidence\":[]"),
        SERVICE("\"facts\":{\"cert.not_after\":\"soon\"},\"evidence\":[]"),
        SERVICE("\"facts\":{},\"evidence\":[{\"sent\":\"abc\",\"bytes\":2}]"),
        SERVICE("\"facts\":{},\"evidence\":[{\"said\":\"abc\",\"bytes\":3}]"),
        SERVICE("\"facts\":{},\"evidence\":[1,2,3,4,5,6,7,8,9]"),
        "{\"type\":\"certificate\",\"ts\":\"2026-01-01T00:00:00Z\",\"facts\":{},\"der\":\"!\"}",
        "{\"type\":\"host\",\"ts\":\"then\",\"host\":\"::1\",\"state\":\"up\",\"reason\":\"syn-ack\",\"not_shown\":[]}",
    };
    struct observation_arena arena = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct observation observation;
        json_error_t error;
        json_t *line = json_loads(lines[i], JSON_DECODE_ANY, &error);
        assert_non_null(line);
        if (observation_decode(line, &arena, &observation) != -EBADMSG) {
            fail_msg("taken: %s", lines[i]);
        }
        json_decref(line);
    }
    observation_arena_done(&arena);
}

static void names_go_there_and_back(void **state)
{
    enum port_state port_state;
    enum reason reason;
    (void)state;
    for (int i = PORT_OPEN; i <= PORT_OPEN_FILTERED; i++) {
        assert_int_equal(port_state_parse(port_state_name((enum port_state)i), &port_state), 0);
        assert_int_equal(port_state, i);
    }
    for (int i = REASON_SYN_ACK; i <= REASON_ABORTED; i++) {
        assert_int_equal(reason_parse(reason_name((enum reason)i), &reason), 0);
        assert_int_equal(reason, i);
    }
    assert_int_equal(reason_parse("because", &reason), -EINVAL);
    assert_int_equal(port_state_parse("", &port_state), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_each_type),
        cmocka_unit_test(decodes_what_it_encoded),
        cmocka_unit_test(what_answers_goes_there_and_back),
        cmocka_unit_test(refuses_damaged_lines),
        cmocka_unit_test(names_go_there_and_back),
    };
    return cmocka_run_group_tests_name("observation", tests, NULL, NULL);
}
