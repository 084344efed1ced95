#include "auditd/ingest/observation.h"

#include "scanner/protocol.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENVELOPE(type)                                                                                                 \
    "{\"schema\":\"leastport.observation/1\",\"type\":\"" type                                                         \
    "\",\"scan_id\":\"00000000-0000-4000-8000-000000000000\","                                                         \
    "\"ts\":\"2026-11-22T11:05:00.123Z\""
#define PORT                                                                                                           \
    ENVELOPE("port") ",\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":22,\"state\":\"open\",\"reason\":\"syn-ack\""
#define SERVICE ENVELOPE("service") ",\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":22"
#define HOST ENVELOPE("host") ",\"host\":\"fd00::5\",\"state\":\"up\",\"reason\":\"reset\",\"slab\":0,\"open\":1"
#define SUMMARY "{\"proto\":\"tcp\",\"state\":\"closed\",\"reason\":\"reset\",\"count\":2,\"ports\":\"1-2\"}"
#define END ENVELOPE("scan_end") ",\"complete\":true,\"cause\":\"done\""

static void reads_every_type(void **state)
{
    static const char *const lines[] = {
        ENVELOPE("scan_start") ",\"plan\":{\"realm\":\"r\",\"vantage\":\"v\"},\"plan_hash\":\"ab\",\"slabs\":3,"
                               "\"from_slab\":0,\"hosts\":1,\"probes\":1}",
        PORT ",\"name\":\"a.example\",\"tries\":2,\"watch\":true,\"self\":true,\"bound\":\"::\",\"later\":{\"x\":1}}",
        SERVICE ",\"facts\":{\"tls\":true,\"of.tomorrow\":[]},\"evidence\":[{\"sent\":\"GET\",\"bytes\":3}]}",
        ENVELOPE("certificate") ",\"facts\":{\"cert.key_bits\":2048},\"der\":\"MIIB\"}",
        HOST ",\"not_shown\":[" SUMMARY "]}",
        ENVELOPE(
            "canary") ",\"host\":\"10.0.0.1\",\"proto\":\"udp\",\"port\":53,\"phase\":\"end\",\"state\":\"silent\","
                      "\"reason\":\"no-response\"}",
        ENVELOPE("slab") ",\"slab\":2,\"slabs\":3,\"probes_done\":1,\"probes_sent\":2}",
        ENVELOPE("progress") ",\"probes_done\":1,\"probes\":2,\"rate_pps\":3,\"open\":0,\"eta_s\":null}",
        ENVELOPE("notice") ",\"code\":\"limit\",\"message\":\"\\u001b[31mred\"}",
        END ",\"loss\":0.25,\"missed\":{\"low\":0,\"high\":1.5}}",
    };
    char reason[OBSERVATION_REASON_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct observation observation;
        if (observation_parse(lines[i], strlen(lines[i]), &observation, reason) != 0) {
            fail_msg("%s: %s", lines[i], reason);
        }
        assert_int_equal(observation.type, i);
        assert_int_equal(observation.ts_ms, 1795345500123);
        if (observation.type == OBSERVATION_PORT) {
            assert_string_equal(observation.port.bound, "::");
            assert_int_equal(observation.port.tries, 2);
            assert_int_equal(observation.port.answers, 0);
        } else if (observation.type == OBSERVATION_SERVICE) {
            assert_int_equal(json_object_size(observation.service.facts), 1);
            assert_int_equal(json_array_size(observation.service.evidence), 1);
        } else if (observation.type == OBSERVATION_CERTIFICATE) {
            assert_int_equal(observation.certificate.der_length, 4);
        } else if (observation.type == OBSERVATION_HOST) {
            assert_string_equal(observation.host.summaries[0].ports, "1-2");
        } else if (observation.type == OBSERVATION_SCAN_END) {
            assert_true(observation.scan_end.loss == 0.25 && observation.scan_end.missed_high == 1.5);
        }
        observation_done(&observation);
    }
}

static const struct {
    const char *line;
    const char *named;
} refused[] = {
    {"", "no JSON"},
    {"[]", "\"schema\""},
    {"null", "no JSON"},
    {"{}", "\"schema\""},
    {"{\"schema\":\"leastport.observation/2\"}", "\"schema\""},
    {"{\"a\":1,\"a\":2}", "no JSON"},
    {PORT "} trailing", "no JSON"},
    {PORT ",\"tries\":0}", "\"tries\" is out of range"},
    {PORT ",\"tries\":1.5}", "\"tries\" is no whole number"},
    {PORT ",\"watch\":1}", "\"watch\""},
    {PORT ",\"name\":\"a b\"}", "\"name\" holds"},
    {PORT ",\"name\":\"<script>\"}", "\"name\" holds"},
    {PORT ",\"name\":\"\\u0000\"}", "no JSON"},
    {PORT ",\"bound\":\"everywhere\"}", "\"bound\" is no address"},
    {PORT ",\"port\":22}", "no JSON"},
    {ENVELOPE("port") ",\"host\":\"10.0.0.256\",\"proto\":\"tcp\"}", "\"host\" is no address"},
    {ENVELOPE("port") ",\"host\":\"10.0.0.5\",\"proto\":\"sctp\"}", "\"proto\""},
    {ENVELOPE("port") ",\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":65536}", "\"port\" is out of range"},
    {ENVELOPE("port") ",\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":-1}", "\"port\" is out of range"},
    {ENVELOPE("port") ",\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":\"22\"}", "\"port\" is no whole number"},
    {ENVELOPE("port") ",\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":99999999999999999999}", "no JSON"},
    {ENVELOPE("port") ",\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":1,\"state\":\"ajar\"}", "\"state\""},
    {ENVELOPE("port") ",\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":1,\"state\":\"open\"}",
     "\"reason\" is missing"},
    {SERVICE ",\"evidence\":[]}", "\"facts\" is no object"},
    {SERVICE ",\"facts\":{\"tls\":\"yes\"},\"evidence\":[]}", "\"facts\" holds one"},
    {SERVICE ",\"facts\":{}}", "\"evidence\" is missing"},
    {SERVICE ",\"facts\":{},\"evidence\":[{\"said\":\"\",\"bytes\":1}]}", "\"evidence\" holds what is no turn"},
    {ENVELOPE("certificate") ",\"facts\":{},\"der\":1}", "\"der\" is no certificate"},
    {HOST "}", "\"not_shown\" is missing"},
    {HOST ",\"not_shown\":{}}", "\"not_shown\" is no array"},
    {HOST ",\"not_shown\":[1]}", "\"not_shown/0/proto\""},
    {HOST ",\"not_shown\":[" SUMMARY ",{\"proto\":\"tcp\",\"state\":\"open\",\"reason\":\"x\",\"ports\":\"1\"}]}",
     "\"not_shown/1/state\" cannot be open"},
    {HOST ",\"not_shown\":[{\"proto\":\"tcp\",\"state\":\"closed\",\"reason\":\"x\",\"ports\":\"2-1\"}]}",
     "\"not_shown/0/ports\""},
    {ENVELOPE("slab") ",\"slab\":3,\"slabs\":3,\"probes_done\":1,\"probes_sent\":2}", "\"slab\" is not below"},
    {END ",\"loss\":1.5}", "\"loss\" is out of range"},
    {END ",\"loss\":\"x\"}", "\"loss\" is no number"},
    {END ",\"missed\":{\"low\":-1,\"high\":1}}", "\"missed/low\""},
    {ENVELOPE("scan_end") ",\"complete\":true,\"cause\":\"interrupted\"}", "\"cause\" is not"},
    {ENVELOPE("scan_start") ",\"plan\":[],\"plan_hash\":\"ab\"}", "\"plan\" is no object"},
    {ENVELOPE("scan_start") ",\"plan\":{\"realm\":\"\"},\"plan_hash\":\"ab\",\"slabs\":3,\"from_slab\":0,\"hosts\":1,"
                            "\"probes\":1}",
     "\"plan/realm\" is empty"},
    {"{\"schema\":\"leastport.observation/1\",\"type\":\"port\",\"scan_id\":\"x\"}", "\"scan_id\" is no UUID"},
    {"{\"schema\":\"leastport.observation/1\",\"type\":\"port\",\"scan_id\":\"00000000-0000-4000-8000-"
     "000000000000\",\"ts\":\"yesterday\"}",
     "\"ts\""},
};

static void refuses_and_names_the_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        char reason[OBSERVATION_REASON_SIZE] = "";
        struct observation observation;
        /* A copy of exactly its length: a read past its end is one past the allocation's. */
        size_t length = strlen(refused[i].line);
        char *line = malloc(length == 0 ? 1 : length);
        memcpy(line, refused[i].line, length);
        int rc = observation_parse(line, length, &observation, reason);
        if (rc != -EBADMSG || strstr(reason, refused[i].named) == NULL) {
            fail_msg("%s: %d %s", refused[i].line, rc, reason);
        }
        free(line);
    }
}

static void refuses_what_is_too_long(void **state)
{
    size_t length = SCAN_LINE_MAX_BYTES + 1;
    char *line = malloc(length);
    char reason[OBSERVATION_REASON_SIZE];
    struct observation observation;
    (void)state;
    memset(line, '[', length);
    assert_int_equal(observation_parse(line, length, &observation, reason), -EBADMSG);
    assert_non_null(strstr(reason, "longer"));
    /* Deep, but not too long: the parser's own bound on depth holds. */
    assert_int_equal(observation_parse(line, length - 1, &observation, reason), -EBADMSG);
    free(line);
}

/* Every prefix of a good line, and every line with one byte changed, is read or refused: never more. */
static void survives_damage(void **state)
{
    static const char good[] = HOST ",\"not_shown\":[" SUMMARY "]}";
    char line[sizeof(good)];
    char reason[OBSERVATION_REASON_SIZE];
    struct observation observation;
    (void)state;
    for (size_t length = 0; length < sizeof(good) - 1; length++) {
        assert_int_equal(observation_parse(good, length, &observation, reason), -EBADMSG);
    }
    for (size_t i = 0; i < sizeof(good) - 1; i++) {
        static const char bytes[] = {0, '"', '}', '9', -1, ' '};
        for (size_t j = 0; j < sizeof(bytes); j++) {
            memcpy(line, good, sizeof(good));
            line[i] = bytes[j];
            int rc = observation_parse(line, sizeof(good) - 1, &observation, reason);
            assert_true(rc == 0 || rc == -EBADMSG);
            if (rc == 0) {
                observation_done(&observation);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(refuses_and_names_the_field),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests_name("observation", tests, NULL, NULL);
}
