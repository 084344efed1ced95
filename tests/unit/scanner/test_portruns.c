#include "scanner/portruns.h"

#include "lib/portset.h"
#include "tests/unit/alloc_countdown.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t random_state = 88172645463325252;

/* xorshift64 (Marsaglia 2003): the same numbers in each run. */
static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state % limit);
}

static void assert_written(struct portruns *runs, const struct portset *set)
{
    char *wanted = portset_format(set);

    assert_non_null(wanted);
    for (int32_t port = portset_next(set, 0); port >= 0; port = portset_next(set, (uint32_t)port + 1)) {
        portruns_add(runs, (uint16_t)port);
    }
    assert_int_equal(runs->count, portset_count(set));
    assert_string_equal(portruns_end(runs), wanted);
    portruns_clear(runs);
    assert_int_equal(runs->count, 0);
    free(wanted);
}

static void writes_what_the_set_has(void **state)
{
    static const char *const texts[] = {"", "0", "65535", "0,65535", "0-65535", "0-1,65534", "1-2,4", "1,3,5-65535"};
    struct portruns runs = {0};
    struct portset set;
    size_t offset;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(portset_parse(texts[i], &set, &offset), 0);
        assert_written(&runs, &set);
    }
    for (int round = 0; round < 300; round++) {
        uint32_t few = 1 + random_below(200);
        uint32_t most = 1 + random_below(4) * 40;
        portset_clear(&set);
        for (uint32_t i = 0; i < few; i++) {
            uint32_t first = random_below(UINT16_MAX + 1);
            uint32_t last = first + random_below(most);
            portset_add_range(&set, (uint16_t)first, (uint16_t)(last > UINT16_MAX ? UINT16_MAX : last));
        }
        assert_written(&runs, &set);
    }
    /* The longest there is. */
    portset_clear(&set);
    for (uint32_t port = 0; port <= UINT16_MAX; port += 2) {
        portset_add(&set, (uint16_t)port);
    }
    assert_written(&runs, &set);
    portruns_done(&runs);
}

static int run_portruns(void)
{
    struct portruns runs = {0};
    const char *text;

    for (uint16_t port = 1; port < 2000; port += 2) {
        portruns_add(&runs, port);
    }
    text = portruns_end(&runs);
    assert_int_equal(text == NULL, alloc_failed);
    portruns_clear(&runs);
    portruns_add(&runs, 7);
    portruns_done(&runs);
    return text == NULL ? -ENOMEM : 0;
}

static void says_when_memory_is_out(void **state)
{
    (void)state;
    assert_true(alloc_count_down(run_portruns) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_the_set_has),
        cmocka_unit_test(says_when_memory_is_out),
    };
    return cmocka_run_group_tests_name("portruns", tests, NULL, NULL);
}
