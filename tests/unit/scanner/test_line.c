/* The lines are the same, byte for byte, as by way of the tree; the tree's own text is test_observation's. */
#include "scanner/line.h"

#include "tests/unit/alloc_countdown.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 20000, GROUPS_MAX = 4, STRING_MAX = 40 };

static const char scan_id[] = "11111111-2222-3333-4444-555555555555";

static uint64_t random_state = 88172645463325252;

/* xorshift64 (Marsaglia 2003): the same numbers in each run. */
static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint32_t random_below(uint32_t limit)
{
    return (uint32_t)(random_number() % limit);
}

/* Of every size, the limits among them. */
static uint64_t random_value(void)
{
    static const uint64_t limits[] = {0, 1, UINT16_MAX, UINT32_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
    uint32_t kind = random_below(4);

    return kind == 0 ? limits[random_below(sizeof(limits) / sizeof(*limits))] : random_number() >> random_below(64);
}

/* Pieces of UTF-8, whole, broken and forbidden, and what JSON escapes. */
static const char *random_string(char buffer[STRING_MAX])
{
    static const char *const pieces[] = {"a",
                                         "db-1.example",
                                         "%lo",
                                         "\"",
                                         "\\",
                                         "/",
                                         "\n",
                                         "\x01",
                                         "\x1f",
                                         "\x7f",
                                         "\xff",
                                         "\x80",
                                         "\xc3",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xe2\x82",
                                         "\xf0\x9f\x94\x92",
                                         "\xed\xa0\x80",
                                         "\xc0\x80",
                                         "\xf5\x80\x80\x80",
                                         "\xef\xbf\xbf",
                                         "\xe2\x80\xa8",
                                         "\t",
                                         "\b",
                                         "\f",
                                         "\r",
                                         "'"};
    uint32_t count = random_below(4) == 0 ? random_below(8) : 0;
    size_t size;

    if (random_below(4) == 0) {
        return NULL;
    }
    size = (size_t)snprintf(buffer, STRING_MAX, "%s", random_below(8) == 0 ? "" : "host.example");
    for (uint32_t i = 0; i < count; i++) {
        const char *piece = pieces[random_below(sizeof(pieces) / sizeof(*pieces))];
        if (size + strlen(piece) < STRING_MAX) {
            size += (size_t)snprintf(buffer + size, STRING_MAX - size, "%s", piece);
        }
    }
    return buffer;
}

static struct addr random_addr(void)
{
    struct addr addr = {.is_ipv6 = random_below(3) == 0};

    for (size_t i = 0; i < (addr.is_ipv6 ? 16u : 4u); i++) {
        addr.bytes[i] = (uint8_t)(random_below(3) == 0 ? 0 : random_number());
    }
    if (addr.is_ipv6 && random_below(8) == 0) {
        addr.zone = 1 + random_below(3) * 100;
    }
    return addr;
}

/* Mostly the present, in runs of one second; also all that a number can be. */
static int64_t random_time(void)
{
    static int64_t now = 1700000000000;

    now += random_below(400);
    switch (random_below(16)) {
    case 0:
        return (int64_t)random_number();
    case 1:
        return (int64_t)random_below(4000) - 2000;
    case 2:
        return INT64_C(253402300799000) + (int64_t)random_below(3000); /* the year 9999 ends */
    case 3:
        return now - now % 1000 - 1;
    default:
        return now;
    }
}

static enum reason random_reason(void)
{
    return (enum reason)random_below(REASON_ABORTED + 1);
}

static enum port_state random_port_state(void)
{
    return (enum port_state)random_below(PORT_OPEN_FILTERED + 1);
}

struct strings {
    char at[2 * GROUPS_MAX + 4][STRING_MAX];
    struct addr bound;
    struct observation_not_shown groups[GROUPS_MAX];
};

static struct observation random_port(struct strings *strings)
{
    struct observation observation = {.type = OBSERVATION_PORT, .ts_ms = random_time()};

    strings->bound = random_addr();
    observation.port = (struct observation_port){.host = random_addr(),
                                                 .name = random_string(strings->at[0]),
                                                 .proto = random_below(4) > 0 ? "tcp" : random_string(strings->at[1]),
                                                 .port = (uint16_t)random_value(),
                                                 .state = random_port_state(),
                                                 .reason = random_reason(),
                                                 .service = random_string(strings->at[2]),
                                                 .proof = random_below(2) == 0 ? random_string(strings->at[3]) : NULL,
                                                 .tries = (uint32_t)random_value(),
                                                 .has_rtt = random_below(2) == 0,
                                                 .rtt_us = random_value(),
                                                 .watch = random_below(2) == 0,
                                                 .self = random_below(2) == 0,
                                                 .bound = random_below(2) == 0 ? &strings->bound : NULL};
    return observation;
}

static struct observation random_host(struct strings *strings)
{
    struct observation observation = {.type = OBSERVATION_HOST, .ts_ms = random_time()};
    bool is_sound = random_below(8) > 0;

    for (size_t i = 0; i < GROUPS_MAX; i++) {
        strings->groups[i] = (struct observation_not_shown){
            .proto = is_sound ? "udp" : random_string(strings->at[1 + 2 * i]),
            .state = random_port_state(),
            .reason = random_reason(),
            .count = (uint32_t)random_value(),
            .ports = is_sound ? "1-21,80" : random_string(strings->at[2 + 2 * i]),
        };
    }
    observation.host = (struct observation_host){.host = random_addr(),
                                                 .name = random_string(strings->at[0]),
                                                 .up = random_below(2) == 0,
                                                 .reason = random_reason(),
                                                 .slab = random_value(),
                                                 .self = random_below(2) == 0,
                                                 .open = (uint32_t)random_value(),
                                                 .has_rtt = random_below(2) == 0,
                                                 .rtt_us = random_value(),
                                                 .unasked = (uint32_t)random_below(2) * (uint32_t)random_value(),
                                                 .not_shown = strings->groups,
                                                 .not_shown_count = random_below(GROUPS_MAX + 1)};
    return observation;
}

/* Whether there is such a line. */
static bool assert_same(struct line *line, const struct observation *observation, const char *id)
{
    json_t *tree = observation_encode(observation, id);
    char *wanted = tree == NULL ? NULL : json_dumps(tree, JSON_COMPACT | JSON_REAL_PRECISION(15));
    bool is_there = wanted != NULL;

    if (is_there) {
        assert_int_equal(line_write(line, observation, id), 0);
        if (line->text.size != strlen(wanted) || memcmp(line->text.bytes, wanted, line->text.size) != 0) {
            fail_msg("wanted %s, got %.*s", wanted, (int)line->text.size, line->text.bytes);
        }
    } else {
        assert_int_equal(line_write(line, observation, id), -ENOMEM);
    }
    free(wanted);
    json_decref(tree);
    return is_there;
}

static void is_the_trees_text(void **state)
{
    struct line line = {0};
    size_t straight = 0;
    size_t refused = 0;
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct strings strings;
        struct observation observation = random_below(2) == 0 ? random_port(&strings) : random_host(&strings);
        const char *id = random_below(2) == 0 ? scan_id : random_below(8) == 0 ? "\xff\"" : NULL;
        refused += assert_same(&line, &observation, id) ? 0 : 1;
        straight += line.odd ? 0 : 1;
    }
    /* Both ways, and what has no line, must have come often. */
    assert_true(straight > ROUNDS / 4 && straight < ROUNDS * 9 / 10);
    assert_true(refused > ROUNDS / 100 && refused < ROUNDS / 4);
    line_done(&line);
}

static void other_types_are_there(void **state)
{
    struct addr addr = addr_loopback(true);
    struct observation given[] = {
        {.type = OBSERVATION_START, .ts_ms = 1}, {.type = OBSERVATION_CANARY}, {.type = OBSERVATION_SLAB},
        {.type = OBSERVATION_PROGRESS},          {.type = OBSERVATION_NOTICE}, {.type = OBSERVATION_END}};
    struct line line = {0};
    (void)state;
    given[0].start = (struct observation_start){.plan_json = "{\"a\":1}", .plan_hash = "h", .slabs = UINT64_MAX};
    given[1].canary = (struct observation_canary){.host = addr, .proto = "tcp", .port = 1};
    given[2].slab = (struct observation_slab){.slab = 3, .slabs = 4};
    given[3].progress = (struct observation_progress){.eta_s = -1};
    given[4].notice = (struct observation_notice){.code = "c", .message = "\xff \"m\"\n", .host = &addr};
    given[5].end = (struct observation_end){.has_loss = true, .loss = 0.1, .has_missed = true, .missed_high = 1e-7};
    for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
        assert_true(assert_same(&line, &given[i], scan_id));
        assert_true(assert_same(&line, &given[i], NULL));
    }
    line_done(&line);
}

/* A time's text is kept for its second; each of these has to leave the one before. */
static void times_do_not_stick(void **state)
{
    static const int64_t times[] = {0,
                                    999,
                                    1000,
                                    1001,
                                    1999,
                                    -1,
                                    -999,
                                    -1000,
                                    -1001,
                                    0,
                                    1,
                                    INT64_MAX,
                                    1,
                                    INT64_MIN,
                                    2,
                                    1700000000999,
                                    1700000001000,
                                    1700000000999,
                                    253402300800000,
                                    253402300800001,
                                    253402300799999};
    struct observation observation = {.type = OBSERVATION_HOST};
    struct line line = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        observation.ts_ms = times[i];
        assert_true(assert_same(&line, &observation, NULL));
    }
    line_done(&line);
}

static int run_line(void)
{
    struct observation port = {.type = OBSERVATION_PORT};
    struct observation notice = {.type = OBSERVATION_NOTICE};
    static char message[2000];
    struct line line = {0};
    int rc;

    memset(message, 'm', sizeof(message) - 1);
    port.port = (struct observation_port){.host = addr_loopback(false), .proto = "tcp", .service = message};
    notice.notice = (struct observation_notice){.code = "c", .message = message};
    rc = line_write(&line, &port, NULL);
    if (rc == 0) {
        rc = line_write(&line, &notice, NULL);
    }
    assert_int_equal(rc, alloc_failed ? -ENOMEM : 0);
    line_done(&line);
    return rc;
}

static void says_when_memory_is_out(void **state)
{
    (void)state;
    assert_true(alloc_count_down(run_line) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_trees_text),
        cmocka_unit_test(other_types_are_there),
        cmocka_unit_test(times_do_not_stick),
        cmocka_unit_test(says_when_memory_is_out),
    };
    return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
