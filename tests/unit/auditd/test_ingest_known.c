#include "auditd/ingest/known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { HOSTS = 1 << 16 };

static struct addr host_of(uint32_t number)
{
    struct addr address = {.bytes = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};

    return address;
}

static void test_finds_what_was_put(void **state)
{
    struct ingest_known *known = ingest_known_create();
    struct addr host = host_of(7);
    struct addr zoned = host;

    (void)state;
    assert_non_null(known);
    zoned.zone = 3;
    assert_int_equal(ingest_known_find(known, &host).id, 0);
    ingest_known_put(known, &host, (struct ingest_known_asset){5, true});
    assert_int_equal(ingest_known_find(known, &host).id, 5);
    assert_true(ingest_known_find(known, &host).is_new);
    assert_int_equal(ingest_known_find(known, &zoned).id, 0);
    ingest_known_clear(known);
    assert_int_equal(ingest_known_find(known, &host).id, 0);
    ingest_known_destroy(known);
    ingest_known_destroy(NULL);
}

/* More than there is room for: what is still known is right, the rest is not known. */
static void test_never_takes_one_host_for_another(void **state)
{
    struct ingest_known *known = ingest_known_create();
    uint32_t found = 0;

    (void)state;
    assert_non_null(known);
    for (uint32_t i = 0; i < HOSTS; i++) {
        struct addr host = host_of(i);
        ingest_known_put(known, &host, (struct ingest_known_asset){i + 1, false});
    }
    for (uint32_t i = 0; i < HOSTS; i++) {
        struct addr host = host_of(i);
        int64_t id = ingest_known_find(known, &host).id;
        assert_true(id == 0 || id == i + 1);
        found += id != 0;
    }
    assert_true(found > HOSTS / 8 && found < HOSTS);
    ingest_known_destroy(known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_was_put),
        cmocka_unit_test(test_never_takes_one_host_for_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
