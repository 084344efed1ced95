#include "scanner/portpool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint32_t intern(struct portpool *pool, const char *text)
{
    struct portset set;
    size_t offset;
    uint32_t id;

    assert_int_equal(portset_parse(text, &set, &offset), 0);
    assert_int_equal(portpool_intern(pool, &set, &id), 0);
    return id;
}

static void equal_sets_are_one(void **state)
{
    struct portpool *pool = portpool_create();
    (void)state;
    assert_int_equal(intern(pool, "22,80"), 0);
    assert_int_equal(intern(pool, "22,81"), 1);
    assert_int_equal(intern(pool, "80,22"), 0);
    assert_int_equal(intern(pool, ""), 2);
    assert_int_equal(portpool_size(pool), 3);
    assert_int_equal(portpool_count(pool, 2), 0);
    assert_int_equal(portpool_find(pool, 2, 0), -1);
    portpool_destroy(pool);
    portpool_destroy(NULL);
}

static void index_and_port_agree(void **state)
{
    static const char *const texts[] = {"0", "65535", "0-65535", "1,3,5-9,65535", "0-1,63-64,127-129,40000-50000"};
    struct portpool *pool = portpool_create();
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct portset set;
        size_t offset;
        uint32_t id = intern(pool, texts[i]);
        uint32_t index = 0;
        assert_int_equal(portset_parse(texts[i], &set, &offset), 0);
        for (uint32_t port = 0; port <= UINT16_MAX; port++) {
            bool has = portset_has(&set, (uint16_t)port);
            assert_int_equal(portpool_find(pool, id, (uint16_t)port), has ? (int32_t)index : -1);
            if (has) {
                assert_int_equal(portpool_port(pool, id, index), port);
                index++;
            }
        }
        assert_int_equal(portpool_count(pool, id), index);
        struct portset back = {0};
        portpool_add_to(pool, id, &back);
        assert_true(portset_equal(&back, &set));
        portpool_remove_from(pool, id, &back);
        assert_int_equal(portset_count(&back), 0);
    }
    portpool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_sets_are_one),
        cmocka_unit_test(index_and_port_agree),
    };
    return cmocka_run_group_tests_name("portpool", tests, NULL, NULL);
}
