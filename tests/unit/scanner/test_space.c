#include "scanner/hostgroup.h"
#include "scanner/space.h"

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

static void put(struct space_builder *builder, bool exclude, const char *first_text, const char *last_text,
                const char *ports_text)
{
    struct addr first = address(first_text);
    struct addr last = address(last_text);
    struct portset ports;
    size_t offset;

    if (ports_text != NULL) {
        assert_int_equal(portset_parse(ports_text, &ports, &offset), 0);
    }
    assert_int_equal((exclude ? space_builder_exclude : space_builder_add)(builder, &first, &last,
                                                                           ports_text == NULL ? NULL : &ports),
                     0);
}

static struct space *build(struct space_builder *builder, uint32_t slab_probes, uint32_t slab_hosts)
{
    struct space_geometry geometry = {.slab_probes = slab_probes, .slab_hosts = slab_hosts};
    struct problem problem;
    struct space *space = NULL;

    assert_int_equal(space_build(builder, geometry, &space, &problem), 0);
    space_builder_destroy(builder);
    return space;
}

/* Walks all slabs; calls back for each probe, and checks that every way to ask for it agrees. */
static uint64_t walk(const struct space *space, void (*seen)(void *, const struct addr *, uint16_t), void *context)
{
    uint64_t probes = 0;

    for (uint64_t slab = 0; slab < space_slabs(space); slab++) {
        struct hostgroup *group;
        assert_int_equal(hostgroup_create(space, slab, &group), 0);
        assert_int_equal(space_probes_before(space, slab, 0, 1), probes);
        for (uint32_t probe = 0; probe < hostgroup_probes(group); probe++) {
            uint32_t host;
            uint16_t port;
            struct addr located;
            uint32_t located_host;
            uint16_t located_port;
            hostgroup_probe(group, probe, &host, &port);
            struct addr addr = hostgroup_addr(group, host);
            assert_in_range(probe, hostgroup_first_probe(group, host), hostgroup_first_probe(group, host + 1) - 1);
            assert_int_equal(hostgroup_find(group, &addr, port), probe);
            hostgroup_locate(group, probe, &located_host, &located, &located_port);
            assert_true(located_host == host && located_port == port && addr_equal(&located, &addr));
            assert_int_equal(hostgroup_find_host(group, &addr), host);
            assert_true(space_has(space, &addr, port));
            seen(context, &addr, port);
        }
        probes += hostgroup_probes(group);
        assert_int_equal(hostgroup_first_probe(group, hostgroup_hosts(group)), hostgroup_probes(group));
        hostgroup_destroy(group);
    }
    assert_int_equal(space_probes(space), probes);
    return probes;
}

enum { MODEL_HOSTS = 256, MODEL_PORTS = 32 };

struct model {
    uint8_t wanted[MODEL_HOSTS][MODEL_PORTS];
    uint8_t seen[MODEL_HOSTS][MODEL_PORTS];
};

static void model_seen(void *context, const struct addr *addr, uint16_t port)
{
    struct model *model = context;

    model->seen[addr->bytes[3]][port]++;
}

/* `ports` NULL: all of them. */
static void model_want(uint8_t wanted[MODEL_PORTS], const struct portset *ports, bool want)
{
    for (int port = 0; port < MODEL_PORTS; port++) {
        if (ports == NULL || portset_has(ports, (uint16_t)port)) {
            wanted[port] = want;
        }
    }
}

/* Random overlapping ranges against a plain table of all pairs. */
static void agrees_with_a_plain_table(void **state)
{
    (void)state;
    srandom(20261122);
    for (int round = 0; round < 300; round++) {
        struct model model = {0};
        struct space_builder *builder = space_builder_create();
        int spans = (int)(random() % 8) + 1;
        for (int i = 0; i < spans + 3; i++) {
            struct addr first = address("10.0.0.0");
            struct addr last = first;
            struct portset ports = {0};
            bool exclude = i >= spans;
            bool whole = exclude && random() % 2 == 0;
            first.bytes[3] = (uint8_t)(random() % MODEL_HOSTS);
            last.bytes[3] = (uint8_t)(first.bytes[3] + random() % (exclude ? 8 : MODEL_HOSTS - first.bytes[3]));
            if (last.bytes[3] < first.bytes[3]) {
                last.bytes[3] = 255;
            }
            for (int j = 0; j < 5; j++) {
                portset_add(&ports, (uint16_t)(random() % MODEL_PORTS));
            }
            for (int host = first.bytes[3]; host <= last.bytes[3]; host++) {
                model_want(model.wanted[host], whole ? NULL : &ports, !exclude);
            }
            assert_int_equal(exclude ? space_builder_exclude(builder, &first, &last, whole ? NULL : &ports)
                                     : space_builder_add(builder, &first, &last, &ports),
                             0);
        }
        struct space *space = build(builder, 65536, (uint32_t)(random() % 20) + 1);
        walk(space, model_seen, &model);
        assert_memory_equal(model.wanted, model.seen, sizeof(model.wanted));
        space_destroy(space);
    }
}

static void keeps_families_and_zones_apart(void **state)
{
    struct space_builder *builder = space_builder_create();
    struct space *space;
    (void)state;
    put(builder, false, "0.0.0.0", "255.255.255.255", "1");
    put(builder, false, "::", "::ffff:ffff", "1");
    put(builder, false, "fe80::1%lo", "fe80::4%lo", "1");
    put(builder, false, "fe80::3", "fe80::8", "2");
    put(builder, false, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3");
    put(builder, true, "255.255.255.255", "255.255.255.255", NULL);
    space = build(builder, 65536, 1024);
    assert_int_equal(space_hosts(space), (UINT64_C(1) << 32) - 1 + (UINT64_C(1) << 32) + 4 + 6 + 16);
    struct addr zoned = address("fe80::3%lo");
    struct addr plain = address("fe80::3");
    struct addr last = address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    struct addr broadcast = address("255.255.255.255");
    assert_true(space_has(space, &zoned, 1));
    assert_false(space_has(space, &zoned, 2));
    assert_true(space_has(space, &plain, 2));
    assert_false(space_has(space, &plain, 1));
    assert_true(space_has(space, &last, 3));
    assert_false(space_has(space, &broadcast, 1));
    space_destroy(space);
}

static void costs_nothing_when_huge(void **state)
{
    struct space_builder *builder = space_builder_create();
    struct hostgroup *group;
    struct space *space;
    uint32_t host;
    uint16_t port;
    (void)state;
    put(builder, false, "10.0.0.0", "10.255.255.255", "1-65535");
    put(builder, false, "fd00::", "fd00::ffff:ffff:ffff:ffff", "22,443");
    put(builder, false, "fd00::7", "fd00::7", "80");
    space = build(builder, SPACE_SLAB_PROBES, SPACE_SLAB_HOSTS);
    assert_int_equal(space_probes(space), UINT64_MAX);
    assert_true(space_slabs(space) > UINT64_C(1) << 50);
    assert_int_equal(hostgroup_create(space, space_slabs(space) - 1, &group), 0);
    hostgroup_probe(group, hostgroup_probes(group) - 1, &host, &port);
    struct addr addr = hostgroup_addr(group, host);
    char text[ADDR_TEXT_SIZE];
    assert_string_equal(addr_format(&addr, text), "fd00::ffff:ffff:ffff:ffff");
    assert_int_equal(port, 443);
    hostgroup_destroy(group);
    assert_int_equal(hostgroup_create(space, 0, &group), 0);
    assert_int_equal(hostgroup_hosts(group), SPACE_SLAB_PROBES / 65535);
    hostgroup_destroy(group);
    space_destroy(space);
}

static void refuses_what_no_scan_ends(void **state)
{
    struct space_builder *builder = space_builder_create();
    struct space_geometry geometry = space_geometry_default();
    struct problem problem = {{0}};
    struct space *space = NULL;
    (void)state;
    put(builder, false, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "22");
    assert_int_equal(space_build(builder, geometry, &space, &problem), -EOVERFLOW);
    assert_non_null(strstr(problem.text, "narrow it"));
    space_builder_destroy(builder);
    builder = space_builder_create();
    put(builder, false, "fd00::", "fd00::3f:ffff:ffff:ffff:ffff", "1-65535");
    assert_int_equal(space_build(builder, geometry, &space, &problem), -EOVERFLOW);
    assert_non_null(strstr(problem.text, "narrow"));
    assert_null(space);
    space_builder_destroy(builder);
}

static void may_be_empty(void **state)
{
    struct space_builder *builder = space_builder_create();
    struct space *space;
    (void)state;
    put(builder, false, "10.0.0.0", "10.0.0.255", "22");
    put(builder, true, "10.0.0.0", "10.0.0.255", NULL);
    space = build(builder, 65536, 16);
    assert_int_equal(space_slabs(space), 0);
    assert_int_equal(space_shard_probes(space, 0, 1), 0);
    assert_int_equal(space_shard_probes(space, 1, 3), 0);
    space_destroy(space);
}

static void shards_add_up(void **state)
{
    struct space_builder *builder = space_builder_create();
    struct space *space;
    (void)state;
    put(builder, false, "10.0.0.0", "10.0.3.200", "1-7");
    put(builder, false, "10.0.9.0", "10.0.9.5", "1-2");
    put(builder, false, "10.0.1.3", "10.0.1.3", "443");
    space = build(builder, 65536, 100);
    for (uint32_t count = 1; count < 20; count++) {
        uint64_t sum = 0;
        for (uint32_t index = 0; index < count; index++) {
            sum += space_shard_probes(space, index, count);
        }
        assert_int_equal(sum, space_probes(space));
    }
    space_destroy(space);
}

static void many_single_hosts_share_slabs(void **state)
{
    struct space_builder *builder = space_builder_create();
    struct addr addr = address("10.0.0.0");
    struct portset ports = {0};
    struct space *space;
    (void)state;
    portset_add(&ports, 443);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(space_builder_add(builder, &addr, &addr, &ports), 0);
        assert_true(addr_add(&addr, 2));
    }
    space = build(builder, 65536, 4096);
    assert_int_equal(space_ranges(space), 10000);
    assert_int_equal(space_slabs(space), 3);
    assert_int_equal(space_hosts(space), 10000);
    space_destroy(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_plain_table),
        cmocka_unit_test(keeps_families_and_zones_apart),
        cmocka_unit_test(costs_nothing_when_huge),
        cmocka_unit_test(refuses_what_no_scan_ends),
        cmocka_unit_test(may_be_empty),
        cmocka_unit_test(shards_add_up),
        cmocka_unit_test(many_single_hosts_share_slabs),
    };
    return cmocka_run_group_tests_name("space", tests, NULL, NULL);
}
