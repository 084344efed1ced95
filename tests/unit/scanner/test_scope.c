#include "scanner/scope.h"

#include "tests/unit/seed.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct addr address(const char *text)
{
    struct addr addr;

    assert_int_equal(addr_parse(text, &addr), 0);
    return addr;
}

static struct prefix prefix(const char *text)
{
    struct prefix value;

    assert_int_equal(prefix_parse(text, &value), 0);
    return value;
}

static int permits(const struct scope *scope, const char *text, struct problem *problem)
{
    struct addr addr = address(text);

    return scope_permits(scope, &addr, problem);
}

static int permits_range(const struct scope *scope, const char *first_text, const char *last_text,
                         struct problem *problem)
{
    struct addr first = address(first_text);
    struct addr last = address(last_text);

    return scope_permits_range(scope, &first, &last, problem);
}

static void default_is_private_and_own(void **state)
{
    static const char *const in[] = {"127.0.0.1",  "127.255.255.255", "10.0.0.0",    "10.255.255.255",
                                     "172.16.0.0", "172.31.255.255",  "192.168.0.1", "169.254.1.1",
                                     "::1",        "fc00::",          "fdff::1",     "fe80::1",
                                     "fe80::1%lo", "198.51.100.7"};
    static const char *const out[] = {
        "0.0.0.1",    "9.255.255.255",   "11.0.0.0",    "126.255.255.255", "128.0.0.0",    "172.15.255.255",
        "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.51.100.6",    "198.51.100.8", "255.255.255.254",
        "::2",        "fbff::1",         "fe00::1",     "fec0::1",         "2001:db8::1"};
    struct addr own = address("198.51.100.7");
    struct scope_options options = {.own = &own, .own_count = 1};
    struct scope *scope;
    (void)state;
    assert_int_equal(scope_create(&options, &scope), 0);
    for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++) {
        assert_int_equal(permits(scope, in[i], NULL), 0);
    }
    for (size_t i = 0; i < sizeof(out) / sizeof(*out); i++) {
        struct problem problem = {{0}};
        assert_int_equal(permits(scope, out[i], &problem), -EPERM);
        assert_non_null(strstr(problem.text, out[i]));
        assert_non_null(strstr(problem.text, "--scope "));
    }
    scope_destroy(scope);
    scope_destroy(NULL);
}

static void configured_scope_replaces_the_default(void **state)
{
    struct prefix allowed[] = {prefix("203.0.113.0/25"), prefix("203.0.113.128/25"), prefix("2001:db8::/32"),
                               prefix("203.0.113.64/26")};
    struct addr own = address("198.51.100.7");
    struct scope_options options = {.allowed = allowed, .allowed_count = 4, .own = &own, .own_count = 1};
    struct scope *scope;
    (void)state;
    assert_int_equal(scope_create(&options, &scope), 0);
    assert_int_equal(permits(scope, "203.0.113.255", NULL), 0);
    assert_int_equal(permits(scope, "2001:db8:ffff::1", NULL), 0);
    assert_int_equal(permits(scope, "127.0.0.1", NULL), -EPERM);
    assert_int_equal(permits(scope, "198.51.100.7", NULL), -EPERM);
    /* The halves touch: a range over both lies inside. */
    assert_int_equal(permits_range(scope, "203.0.113.0", "203.0.113.255", NULL), 0);
    scope_destroy(scope);
}

static void never_scan_wins(void **state)
{
    struct prefix allowed = prefix("0.0.0.0/0");
    struct prefix never[] = {prefix("10.0.0.8/29"), prefix("fe80::5")};
    struct scope_options options = {.allowed = &allowed, .allowed_count = 1, .never = never, .never_count = 2};
    struct problem problem;
    struct scope *scope;
    (void)state;
    assert_int_equal(scope_create(&options, &scope), 0);
    assert_int_equal(permits(scope, "10.0.0.7", NULL), 0);
    assert_int_equal(permits(scope, "10.0.0.8", &problem), -EACCES);
    assert_non_null(strstr(problem.text, "10.0.0.8 is on the never-scan list, which no flag overrides"));
    assert_int_equal(permits(scope, "10.0.0.15", NULL), -EACCES);
    assert_int_equal(permits(scope, "10.0.0.16", NULL), 0);
    assert_int_equal(permits(scope, "fe80::5%lo", NULL), -EACCES);
    scope_destroy(scope);
}

/* 0.0.0.0 and :: reach this machine, mapped addresses the IPv4 host: no way around a list that guards either. */
static void addresses_of_no_host_are_refused(void **state)
{
    static const char *const refused[] = {"0.0.0.0",         "::",     "224.0.0.1", "239.255.255.255",
                                          "255.255.255.255", "ff02::1"};
    struct prefix allowed[] = {prefix("0.0.0.0/0"), prefix("::/0")};
    struct prefix never[] = {prefix("127.0.0.0/8"), prefix("::1")};
    struct scope_options options = {.allowed = allowed, .allowed_count = 2, .never = never, .never_count = 2};
    struct addr mapped = {.is_ipv6 = true, .bytes = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
    struct problem problem;
    struct scope *scope;
    (void)state;
    assert_int_equal(scope_create(&options, &scope), 0);
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        assert_int_equal(permits(scope, refused[i], NULL), -EPERM);
    }
    assert_int_equal(permits(scope, "0.0.0.0", &problem), -EPERM);
    assert_non_null(strstr(problem.text, "127.0.0.1"));
    assert_int_equal(scope_permits(scope, &mapped, &problem), -EPERM);
    assert_non_null(strstr(problem.text, "write it as IPv4"));
    assert_int_equal(permits(scope, "0.0.0.1", NULL), 0);
    assert_int_equal(permits(scope, "223.255.255.255", NULL), 0);
    assert_int_equal(permits(scope, "255.255.255.254", NULL), 0);
    assert_int_equal(permits(scope, "::2", NULL), 0);
    assert_int_equal(permits(scope, "fec0::1", NULL), 0);
    scope_destroy(scope);
}

static void narrows_and_never_widens(void **state)
{
    struct prefix allowed[] = {prefix("10.0.0.0/8")};
    struct prefix never[] = {prefix("10.0.0.8/29")};
    struct prefix within[] = {prefix("10.0.0.0/24"), prefix("11.0.0.0/8")};
    struct prefix fragile[] = {prefix("10.0.0.4"), prefix("10.9.0.0/16")};
    struct scope_options options = {.allowed = allowed, .allowed_count = 1, .never = never, .never_count = 1};
    struct scope_options narrower = {.never = fragile, .never_count = 2};
    struct scope *scope;
    (void)state;
    assert_int_equal(scope_create(&options, &scope), 0);
    assert_int_equal(scope_narrow(scope, &narrower), 0);
    assert_int_equal(permits(scope, "10.0.0.4", NULL), -EACCES);
    assert_int_equal(permits(scope, "10.0.0.9", NULL), -EACCES);
    assert_int_equal(permits(scope, "10.1.0.1", NULL), 0);
    assert_int_equal(permits(scope, "10.9.255.255", NULL), -EACCES);
    scope_destroy(scope);
    narrower.allowed = within;
    narrower.allowed_count = 2;
    assert_int_equal(scope_create(&options, &scope), 0);
    assert_int_equal(scope_narrow(scope, &narrower), 0);
    assert_int_equal(permits(scope, "10.0.0.5", NULL), 0);
    assert_int_equal(permits(scope, "10.0.0.4", NULL), -EACCES);
    assert_int_equal(permits(scope, "10.0.1.0", NULL), -EPERM);
    assert_int_equal(permits(scope, "11.0.0.1", NULL), -EPERM);
    scope_destroy(scope);
}

static void judges_ranges_whole(void **state)
{
    struct scope_options options = {0};
    struct problem problem;
    struct scope *scope;
    (void)state;
    assert_int_equal(scope_create(&options, &scope), 0);
    assert_int_equal(permits_range(scope, "10.0.0.0", "10.255.255.255", NULL), 0);
    assert_int_equal(permits_range(scope, "fd00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL), 0);
    assert_int_equal(permits_range(scope, "fe80::%lo", "fe80::ffff%lo", NULL), 0);
    assert_int_equal(permits_range(scope, "10.255.255.0", "11.0.0.255", &problem), -EPERM);
    assert_int_equal(strncmp(problem.text, "11.0.0.0 is outside", 19), 0);
    assert_int_equal(permits_range(scope, "203.0.113.0", "203.0.113.255", &problem), -EPERM);
    assert_non_null(strstr(problem.text, "--scope 203.0.113.0/24"));
    assert_int_equal(permits_range(scope, "0.0.0.0", "255.255.255.255", &problem), -EPERM);
    assert_non_null(strstr(problem.text, "--scope 0.0.0.0/0"));
    assert_int_equal(permits_range(scope, "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", &problem), -EPERM);
    assert_non_null(strstr(problem.text, "--scope 2001:db8::/64"));
    scope_destroy(scope);
}

/* ---- drawn at random, against the lists themselves -----------------------------------------------------------------
 */

enum { DRAWN_MOST = 12, LISTS = 4 };

/* What was given: first what may be probed, what never; then the same of what narrows it. */
struct drawn {
    struct prefix items[LISTS][DRAWN_MOST];
    size_t counts[LISTS];
    struct addr edges[LISTS * DRAWN_MOST * 2 + 64];
    size_t edge_count;
};

/* Of few bits here and there, so that prefixes overlap, touch and hold each other; with short ones and both ends. */
static struct addr draw_addr(uint64_t *source)
{
    struct addr addr = {.is_ipv6 = seed_draw(source, 2) != 0};
    size_t width = addr.is_ipv6 ? 16 : 4;
    static const uint8_t heads[] = {0, 10, 127, 169, 172, 192, 224, 255, 0xfc, 0xfe, 0x20};

    addr.bytes[0] = heads[seed_draw(source, sizeof(heads))];
    addr.bytes[width - 1] = (uint8_t)seed_draw(source, 256);
    addr.bytes[1 + seed_draw(source, 2)] = (uint8_t)(seed_draw(source, 4) * 85);
    if (addr.is_ipv6 && seed_draw(source, 8) == 0) {
        memset(addr.bytes, 0, 10);
        memset(addr.bytes + 10, seed_draw(source, 2) != 0 ? 0xff : 0, 2);
    }
    return addr;
}

static struct prefix draw_prefix(uint64_t *source)
{
    struct prefix value = {.addr = draw_addr(source)};
    int width = value.addr.is_ipv6 ? 128 : 32;

    value.bits = (uint8_t)(width - seed_draw(source, seed_draw(source, 4) == 0 ? width + 1 : 12));
    for (int bit = value.bits; bit < width; bit++) {
        value.addr.bytes[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
    }
    return value;
}

static void keep_edges(struct drawn *drawn, const struct prefix *value)
{
    drawn->edges[drawn->edge_count++] = value->addr;
    drawn->edges[drawn->edge_count++] = prefix_last(value);
}

static void draw_lists(struct drawn *drawn, uint64_t *source)
{
    memset(drawn, 0, sizeof(*drawn));
    for (size_t list = 0; list < LISTS; list++) {
        drawn->counts[list] = (size_t)seed_draw(source, DRAWN_MOST + 1);
        for (size_t i = 0; i < drawn->counts[list]; i++) {
            drawn->items[list][i] = draw_prefix(source);
            keep_edges(drawn, &drawn->items[list][i]);
        }
    }
    drawn->counts[0] = drawn->counts[0] == 0 ? 1 : drawn->counts[0];
    for (size_t i = 0; scope_hostless_at(i) != NULL; i++) {
        keep_edges(drawn, &scope_hostless_at(i)->prefix);
    }
}

static bool is_listed(const struct drawn *drawn, size_t list, const struct addr *addr)
{
    for (size_t i = 0; i < drawn->counts[list]; i++) {
        if (prefix_contains(&drawn->items[list][i], addr)) {
            return true;
        }
    }
    return false;
}

static int expected(const struct drawn *drawn, bool narrowed, const struct addr *addr)
{
    if (scope_hostless_find(addr) != NULL) {
        return -EPERM;
    }
    if (is_listed(drawn, 1, addr) || (narrowed && is_listed(drawn, 3, addr))) {
        return -EACCES;
    }
    return is_listed(drawn, 0, addr) && (!narrowed || drawn->counts[2] == 0 || is_listed(drawn, 2, addr)) ? 0 : -EPERM;
}

static void check_addr(const struct scope *scope, const struct drawn *drawn, bool narrowed, struct addr addr)
{
    char text[ADDR_TEXT_SIZE];
    int said = scope_permits(scope, &addr, NULL);

    if (said != expected(drawn, narrowed, &addr)) {
        fail_msg("%s: %d", addr_format(&addr, text), said);
    }
    addr.zone = addr.is_ipv6 ? 1 : 0;
    assert_int_equal(scope_permits(scope, &addr, NULL), said);
}

/* At each edge of each list, beside it, and anywhere. */
static void check_scope(const struct scope *scope, const struct drawn *drawn, bool narrowed, uint64_t *source)
{
    static const struct addr ends[] = {{{0}, 0, false}, {{0}, 0, true}};

    for (size_t i = 0; i < drawn->edge_count; i++) {
        struct addr behind = drawn->edges[i];
        struct addr before = ends[behind.is_ipv6];
        uint64_t distance = addr_distance(&before, &behind);
        check_addr(scope, drawn, narrowed, behind);
        if (addr_add(&behind, 1)) {
            check_addr(scope, drawn, narrowed, behind);
        }
        if (distance != UINT64_MAX && distance > 0 && addr_add(&before, distance - 1)) {
            check_addr(scope, drawn, narrowed, before);
        }
    }
    for (int i = 0; i < 100; i++) {
        check_addr(scope, drawn, narrowed, draw_addr(source));
    }
}

static void says_of_each_address_what_the_lists_say(void **state)
{
    uint64_t first = seed_first();
    (void)state;
    for (uint64_t repeat = 0; repeat < seed_repeats(300); repeat++) {
        uint64_t source = seed_at_hand = first + repeat;
        struct drawn drawn;
        struct scope *scope;
        draw_lists(&drawn, &source);
        struct scope_options options = {.allowed = drawn.items[0],
                                        .allowed_count = drawn.counts[0],
                                        .never = drawn.items[1],
                                        .never_count = drawn.counts[1]};
        struct scope_options narrower = {.allowed = drawn.items[2],
                                         .allowed_count = drawn.counts[2],
                                         .never = drawn.items[3],
                                         .never_count = drawn.counts[3]};
        assert_int_equal(scope_create(&options, &scope), 0);
        check_scope(scope, &drawn, false, &source);
        assert_int_equal(scope_narrow(scope, &narrower), 0);
        check_scope(scope, &drawn, true, &source);
        scope_destroy(scope);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_is_private_and_own),
        cmocka_unit_test(configured_scope_replaces_the_default),
        cmocka_unit_test(never_scan_wins),
        cmocka_unit_test(addresses_of_no_host_are_refused),
        cmocka_unit_test(narrows_and_never_widens),
        cmocka_unit_test(judges_ranges_whole),
        cmocka_unit_test_teardown(says_of_each_address_what_the_lists_say, seed_say),
    };
    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
