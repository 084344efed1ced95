#include "scanner/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void reads_icmp(void **state)
{
    static const struct {
        uint8_t type;
        uint8_t code;
        enum reason reason;
    } cases[] = {
        {3, 0, REASON_NET_UNREACH},       {3, 1, REASON_HOST_UNREACH},   {3, 2, REASON_PROTO_UNREACH},
        {3, 3, REASON_PORT_UNREACH},      {3, 9, REASON_NET_PROHIBITED}, {3, 10, REASON_HOST_PROHIBITED},
        {3, 13, REASON_ADMIN_PROHIBITED}, {3, 77, REASON_DEST_UNREACH},  {11, 0, REASON_TIME_EXCEEDED},
        {12, 0, REASON_PARAM_PROBLEM},
    };
    enum reason reason;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_true(probe_reason_icmp(cases[i].type, cases[i].code, &reason));
        assert_int_equal(reason, cases[i].reason);
    }
    /* Fragmentation needed, source quench, redirect, echo reply: the packet was not refused. */
    assert_false(probe_reason_icmp(3, 4, &reason));
    assert_false(probe_reason_icmp(4, 0, &reason));
    assert_false(probe_reason_icmp(5, 0, &reason));
    assert_false(probe_reason_icmp(0, 0, &reason));
}

static void reads_icmp6(void **state)
{
    static const struct {
        uint8_t type;
        uint8_t code;
        enum reason reason;
    } cases[] = {
        {1, 0, REASON_NET_UNREACH},   {1, 1, REASON_ADMIN_PROHIBITED}, {1, 3, REASON_HOST_UNREACH},
        {1, 4, REASON_PORT_UNREACH},  {1, 5, REASON_ADMIN_PROHIBITED}, {1, 99, REASON_DEST_UNREACH},
        {3, 0, REASON_TIME_EXCEEDED}, {4, 1, REASON_PARAM_PROBLEM},
    };
    enum reason reason;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_true(probe_reason_icmp6(cases[i].type, cases[i].code, &reason));
        assert_int_equal(reason, cases[i].reason);
    }
    /* Packet too big, echo request. */
    assert_false(probe_reason_icmp6(2, 0, &reason));
    assert_false(probe_reason_icmp6(128, 0, &reason));
}

/* No type and code, however odd, leads outside the tables. */
static void takes_any_bytes(void **state)
{
    (void)state;
    for (int type = 0; type < 256; type++) {
        for (int code = 0; code < 256; code++) {
            enum reason reason = REASON_SYN_ACK;
            if (probe_reason_icmp((uint8_t)type, (uint8_t)code, &reason) ||
                probe_reason_icmp6((uint8_t)type, (uint8_t)code, &reason)) {
                assert_int_not_equal(reason, REASON_SYN_ACK);
            }
        }
    }
}

static void silence_and_icmp_are_filtered(void **state)
{
    (void)state;
    assert_int_equal(probe_port_state(PROBE_NONE), PORT_FILTERED);
    assert_int_equal(probe_port_state(PROBE_ICMP), PORT_FILTERED);
    assert_int_equal(probe_port_state(PROBE_RST), PORT_CLOSED);
    assert_int_equal(probe_port_state(PROBE_SYN_ACK), PORT_OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_icmp),
        cmocka_unit_test(reads_icmp6),
        cmocka_unit_test(takes_any_bytes),
        cmocka_unit_test(silence_and_icmp_are_filtered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
