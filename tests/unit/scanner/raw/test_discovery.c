#include "scanner/raw/discovery.h"
#include "tests/unit/alloc_countdown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { HOSTS = 5 };

/* Hosts 1 and 3 are asked. Host 3's ports are mostly those that are asked anyway. */
static bool asks(const void *context, uint32_t host)
{
    (void)context;
    return host % 2 == 1;
}

static uint16_t port(const void *context, uint32_t host, uint32_t turn)
{
    static const uint16_t common[] = {80, 443, 22, 8080};
    (void)context;
    return host == 3 ? common[turn % 4] : (uint16_t)(1000 + host + turn);
}

static struct discovery_options options_of(enum packet_probe probe)
{
    return (struct discovery_options){.hosts = HOSTS, .probe = probe, .asks = asks, .port = port};
}

static void asks_each_kind_once(void **state)
{
    struct discovery_options options = options_of(PACKET_TCP_SYN);
    struct discovery *discovery = discovery_create(&options);
    struct slab *slab = discovery_slab(discovery);
    uint32_t kinds[PACKET_ECHO + 1] = {0};
    (void)state;
    assert_int_equal(discovery_asked(discovery), 2);
    assert_int_equal(slab_probes(slab), 2 * DISCOVERY_KINDS);
    assert_int_equal(slab_host(slab, 2)->first_probe, slab_host(slab, 3)->first_probe);
    assert_int_equal(discovery_order(discovery)->count, 2);
    for (uint32_t probe = 0; probe < slab_probes(slab); probe++) {
        struct discovery_question question = discovery_question(discovery, probe);
        assert_true(question.host == 1 || question.host == 3);
        assert_int_equal(discovery_find(discovery, &question), probe);
        assert_true((question.port == 0) == (question.probe == PACKET_ECHO));
        kinds[question.probe]++;
    }
    assert_int_equal(kinds[PACKET_ECHO], 2);
    assert_int_equal(kinds[PACKET_TCP_ACK], 2);
    assert_int_equal(kinds[PACKET_UDP], 4);
    assert_int_equal(kinds[PACKET_TCP_SYN], 8);
    discovery_destroy(discovery);
}

static void asks_a_port_of_the_plan(void **state)
{
    static const struct {
        enum packet_probe probe;
        uint32_t host;
        uint16_t port;
    } cases[] = {{PACKET_TCP_SYN, 1, 1001}, {PACKET_TCP_SYN, 3, 8080}, {PACKET_UDP, 1, 1001}, {PACKET_UDP, 3, 80}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct discovery_options options = options_of(cases[i].probe);
        struct discovery *discovery = discovery_create(&options);
        struct discovery_question question = {cases[i].host, cases[i].probe, cases[i].port};
        assert_int_equal(discovery_find(discovery, &question), (cases[i].host / 2 + 1) * DISCOVERY_KINDS - 1);
        question.port++;
        assert_int_equal(discovery_find(discovery, &question), -1);
        question = (struct discovery_question){2, PACKET_ECHO, 0};
        assert_int_equal(discovery_find(discovery, &question), -1);
        discovery_destroy(discovery);
    }
}

static void one_answer_of_its_own_will_do(void **state)
{
    struct discovery_options options = options_of(PACKET_TCP_SYN);
    struct discovery *discovery = discovery_create(&options);
    struct slab *slab = discovery_slab(discovery);
    enum reason reason;
    (void)state;
    assert_false(discovery_is_up(discovery, 1, &reason));
    assert_int_equal(reason, REASON_NO_RESPONSE);
    slab_upgrade(slab, slab_host(slab, 1)->first_probe + 3, PROBE_ICMP, REASON_HOST_UNREACH);
    assert_false(discovery_is_up(discovery, 1, &reason));
    assert_int_equal(reason, REASON_HOST_UNREACH);
    slab_upgrade(slab, slab_host(slab, 1)->first_probe + 6, PROBE_RST, REASON_PORT_UNREACH);
    assert_true(discovery_is_up(discovery, 1, &reason));
    assert_int_equal(reason, REASON_PORT_UNREACH);
    slab_upgrade(slab, slab_host(slab, 1)->first_probe, PROBE_SYN_ACK, REASON_ECHO_REPLY);
    assert_true(discovery_is_up(discovery, 1, &reason));
    assert_int_equal(reason, REASON_ECHO_REPLY);
    assert_false(discovery_is_up(discovery, 3, &reason));
    discovery_destroy(discovery);
}

static bool nobody(const void *context, uint32_t host)
{
    (void)context;
    (void)host;
    return false;
}

static void asks_nobody_where_nobody_is_to_be_asked(void **state)
{
    struct discovery_options options = options_of(PACKET_UDP);
    struct discovery *discovery;
    (void)state;
    options.asks = nobody;
    discovery = discovery_create(&options);
    assert_non_null(discovery);
    assert_int_equal(discovery_asked(discovery), 0);
    discovery_destroy(discovery);
    discovery_destroy(NULL);
}

static int create(void)
{
    struct discovery_options options = options_of(PACKET_TCP_SYN);
    struct discovery *discovery = discovery_create(&options);

    assert_true((discovery == NULL) == alloc_failed);
    discovery_destroy(discovery);
    return discovery == NULL ? -ENOMEM : 0;
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    assert_true(alloc_count_down(create) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_each_kind_once),           cmocka_unit_test(asks_a_port_of_the_plan),
        cmocka_unit_test(one_answer_of_its_own_will_do), cmocka_unit_test(asks_nobody_where_nobody_is_to_be_asked),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
