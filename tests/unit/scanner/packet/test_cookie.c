#include "scanner/packet/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

static const uint8_t key[COOKIE_KEY_BYTES] = "least exposure!";

static struct addr address(const char *text)
{
    struct addr addr;

    assert_int_equal(addr_parse(text, &addr), 0);
    return addr;
}

static uint64_t hash_of(enum packet_probe probe, const char *source, const char *destination, uint16_t port)
{
    struct addr from = address(source);
    struct addr to = address(destination);
    struct cookie_origin origin;

    cookie_origin_init(&origin, key, probe, &from);
    return cookie_hash(&origin, to.bytes, port);
}

/* The message that the comment in cookie.c describes, hashed by libsodium. */
static void is_siphash_of_all_that_tells_probes_apart(void **state)
{
    uint8_t message[42] = {10, 9, 0, 1, PACKET_UDP, 0, 0, 0, 10, 9, 0, 2, 0x90, 0x1f};
    struct addr source = address("fd00:9::1");
    uint64_t expected;
    (void)state;
    crypto_shorthash((uint8_t *)&expected, message, 14, key);
    assert_true(hash_of(PACKET_UDP, "10.9.0.1", "10.9.0.2", 8080) == le64toh(expected));
    memset(message, 0, sizeof(message));
    message[0] = PACKET_ECHO;
    memcpy(message + 8, source.bytes, 16);
    memcpy(message + 24, source.bytes, 16);
    message[40] = 0x50;
    crypto_shorthash((uint8_t *)&expected, message, 42, key);
    assert_true(hash_of(PACKET_ECHO, "fd00:9::1", "fd00:9::1", 80) == le64toh(expected));
}

static void every_part_counts(void **state)
{
    uint64_t hash = hash_of(PACKET_TCP_SYN, "10.9.0.1", "10.9.0.2", 80);
    (void)state;
    assert_true(hash != hash_of(PACKET_TCP_ACK, "10.9.0.1", "10.9.0.2", 80));
    assert_true(hash != hash_of(PACKET_TCP_SYN, "10.9.0.3", "10.9.0.2", 80));
    assert_true(hash != hash_of(PACKET_TCP_SYN, "10.9.0.1", "10.9.0.3", 80));
    assert_true(hash != hash_of(PACKET_TCP_SYN, "10.9.0.1", "10.9.0.2", 81));
    assert_true(hash_of(PACKET_TCP_SYN, "fd00::1", "fd00::2", 80) != hash_of(PACKET_TCP_SYN, "fd00::1", "fd01::2", 80));
    assert_true(hash_of(PACKET_TCP_SYN, "fd00::1", "fd00::2", 80) != hash_of(PACKET_TCP_SYN, "fd00::3", "fd00::2", 80));
}

static void a_port_names_its_try(void **state)
{
    static const struct cookie_ports ranges[] = {{40000, 1}, {40000, 7}, {1, 65535}, {61000, 4536}, {65535, 1}};
    struct addr source = address("10.9.0.1");
    struct cookie_origin origin;
    (void)state;
    cookie_origin_init(&origin, key, PACKET_TCP_SYN, &source);
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        for (uint16_t n = 0; n < 20000; n++) {
            uint64_t hash = cookie_hash(&origin, source.bytes, n);
            uint8_t tries = ranges[i].count < 21 ? (uint8_t)ranges[i].count : 21;
            uint8_t sent = (uint8_t)(n % tries);
            uint16_t port = cookie_source_port(ranges[i], hash, sent);
            uint8_t found = UINT8_MAX;
            assert_in_range(port, ranges[i].first, (uint32_t)ranges[i].first + ranges[i].count - 1);
            assert_true(cookie_find_try(ranges[i], hash, port, tries, &found));
            assert_int_equal(found, sent);
            assert_false(cookie_find_try(ranges[i], hash, port, sent, &found));
        }
    }
}

static void other_ports_are_of_no_try(void **state)
{
    struct cookie_ports ports = {40000, 1000};
    uint64_t hash = hash_of(PACKET_TCP_SYN, "10.9.0.1", "10.9.0.2", 80);
    unsigned int found = 0;
    uint8_t try_number;
    (void)state;
    for (uint32_t port = 0; port <= UINT16_MAX; port++) {
        found += cookie_find_try(ports, hash, (uint16_t)port, 3, &try_number);
    }
    assert_int_equal(found, 3);
}

/* Sequence numbers, source ports and identifications of neighbouring probes have nothing to do with each other. */
static void spreads_evenly(void **state)
{
    enum { PROBES = 1 << 16, PARTS = 64 };
    struct cookie_ports ports = {32768, 28000};
    struct addr source = address("10.9.0.1");
    unsigned int hits[3][PARTS] = {{0}};
    struct cookie_origin origin;
    (void)state;
    cookie_origin_init(&origin, key, PACKET_TCP_SYN, &source);
    for (uint32_t i = 0; i < PROBES; i++) {
        uint64_t hash = cookie_hash(&origin, source.bytes, (uint16_t)i);
        hits[0][cookie_value(hash) >> 26]++;
        hits[1][(cookie_source_port(ports, hash, 0) - ports.first) * PARTS / ports.count]++;
        hits[2][cookie_ip_id(hash, 0) >> 10]++;
        assert_true(cookie_flow_label(hash) >> 20 == 0);
        assert_int_not_equal(cookie_ip_id(hash, 0), cookie_ip_id(hash, 1));
    }
    for (size_t i = 0; i < 3; i++) {
        double chi = 0;
        for (size_t j = 0; j < PARTS; j++) {
            double off = hits[i][j] - (double)PROBES / PARTS;
            chi += off * off / ((double)PROBES / PARTS);
        }
        /* 63 degrees of freedom: above 130 once in a million. The key is fixed. */
        assert_true(chi < 130);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_siphash_of_all_that_tells_probes_apart),
        cmocka_unit_test(every_part_counts),
        cmocka_unit_test(a_port_names_its_try),
        cmocka_unit_test(other_ports_are_of_no_try),
        cmocka_unit_test(spreads_evenly),
    };
    return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
