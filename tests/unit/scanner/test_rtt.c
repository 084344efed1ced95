#include "scanner/rtt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* RFC 6298, 2.2 and 2.3, worked by hand. */
static void follows_rfc_6298(void **state)
{
    struct rtt rtt;
    (void)state;
    rtt_init(&rtt, NULL);
    assert_int_equal(rtt.rto_us, RTT_RTO_INITIAL_US);
    rtt_sample(&rtt, 200000);
    assert_int_equal(rtt.srtt_us, 200000);
    assert_int_equal(rtt.rttvar_us, 100000);
    assert_int_equal(rtt.rto_us, 600000);
    rtt_sample(&rtt, 280000);
    assert_int_equal(rtt.rttvar_us, 95000); /* 3/4 * 100000 + 1/4 * 80000 */
    assert_int_equal(rtt.srtt_us, 210000);  /* 7/8 * 200000 + 1/8 * 280000 */
    assert_int_equal(rtt.rto_us, 590000);
}

static void stays_within_its_bounds(void **state)
{
    struct rtt rtt;
    (void)state;
    rtt_init(&rtt, NULL);
    rtt_sample(&rtt, 0);
    assert_int_equal(rtt.rto_us, RTT_RTO_MIN_US);
    rtt_sample(&rtt, UINT32_MAX);
    assert_in_range(rtt.rto_us, RTT_RTO_MIN_US, RTT_RTO_MAX_US);
    for (int i = 0; i < 40; i++) {
        rtt_back_off(&rtt);
    }
    assert_int_equal(rtt.rto_us, RTT_RTO_MAX_US);
}

static void expects_of_a_host_what_its_neighbours_showed(void **state)
{
    struct rtt seed;
    struct rtt rtt;
    (void)state;
    rtt_init(&seed, NULL);
    rtt_init(&rtt, &seed);
    assert_int_equal(rtt.rto_us, RTT_RTO_INITIAL_US);
    rtt_sample(&seed, 300);
    rtt_init(&rtt, &seed);
    assert_false(rtt.measured);
    assert_int_equal(rtt.rto_us, RTT_RTO_INITIAL_US / 2);
    rtt_init(&seed, NULL);
    rtt_sample(&seed, 600000);
    rtt_init(&rtt, &seed);
    assert_int_equal(rtt.rto_us, 1800000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_rfc_6298),
        cmocka_unit_test(stays_within_its_bounds),
        cmocka_unit_test(expects_of_a_host_what_its_neighbours_showed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
