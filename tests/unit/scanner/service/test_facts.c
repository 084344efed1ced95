#include "scanner/service/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void values_are_found_again_and_replaced(void **state)
{
    struct facts facts = {0};

    (void)state;
    facts_set_string(&facts, "version", "9.2p1");
    facts_set_string(&facts, "banner", "SSH-2.0-x");
    facts_set_number(&facts, "http.status", 301);
    facts_set_truth(&facts, "tls", true);
    facts_set_string(&facts, "banner", "a longer banner than before");
    facts_set_string(&facts, "version", "1");
    assert_string_equal(facts_text(&facts, "version"), "1");
    assert_string_equal(facts_text(&facts, "banner"), "a longer banner than before");
    assert_int_equal(facts_number(&facts, "http.status", 0), 301);
    assert_true(facts_truth(&facts, "tls", false));
    assert_int_equal(facts.count, 4);
    for (size_t i = 1; i < facts.count; i++) {
        assert_true(strcmp(facts.items[i - 1].kind->name, facts.items[i].kind->name) < 0);
    }
    facts_remove(&facts, "banner");
    assert_null(facts_find(&facts, "banner"));
    assert_string_equal(facts_text(&facts, "version"), "1");
    facts_set_string(&facts, "version", "");
    assert_null(facts_find(&facts, "version"));
    assert_int_equal(facts.texts_used, 0);
}

static void hostile_text_is_escaped_and_cut(void **state)
{
    struct facts facts = {0};
    char huge[5000];

    (void)state;
    facts_set_text(&facts, "banner", SPAN_OF("a\0b\x1b[2J\xc3\xa4\xc3\\x41\xed\xa0\x80\xc2\x85\xe2\x80\xae"));
    assert_string_equal(facts_text(&facts, "banner"),
                        "a\\x00b\\x1B[2J\xc3\xa4\\xC3\\x5Cx41\\xED\\xA0\\x80\\xC2\\x85\\xE2\\x80\\xAE");
    memset(huge, 0xff, sizeof(huge));
    facts_set_text(&facts, "product", (struct span){(const uint8_t *)huge, sizeof(huge)});
    assert_in_range(strlen(facts_text(&facts, "product")), FACTS_TEXT_MAX - 4, FACTS_TEXT_MAX);
}

/* xorshift (Marsaglia 2003): the same in every run. */
static uint32_t next_random(uint32_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 17;
    *random ^= *random << 5;
    return *random;
}

static void room_is_never_exceeded(void **state)
{
    size_t count;
    const struct fact_kind *kinds = fact_kinds(&count);
    struct facts facts = {0};
    struct facts copy = {0};
    uint8_t noise[FACTS_TEXT_MAX];
    uint32_t random = 7;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        const struct fact_kind *kind = &kinds[next_random(&random) % count];
        size_t size = next_random(&random) % sizeof(noise);
        for (size_t i = 0; i < size; i++) {
            noise[i] = (uint8_t)next_random(&random);
        }
        if (kind->type == FACT_TEXT || kind->type == FACT_VERSION) {
            facts_set_text(&facts, kind->name, (struct span){noise, size});
        } else if (kind->type == FACT_TRUTH) {
            facts_set_truth(&facts, kind->name, (size & 1) != 0);
        } else {
            facts_set_number(&facts, kind->name, (int64_t)size);
        }
        assert_true(facts.texts_used <= sizeof(facts.texts) && facts.count <= FACTS_MAX);
        facts_copy(&copy, &facts);
        assert_int_equal(copy.count, facts.count);
        for (size_t i = 0; i < facts.count; i++) {
            assert_ptr_equal(copy.items[i].kind, facts.items[i].kind);
            if (facts.items[i].kind->type == FACT_TEXT || facts.items[i].kind->type == FACT_VERSION) {
                assert_string_equal(copy.items[i].text, facts.items[i].text);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_again_and_replaced),
        cmocka_unit_test(hostile_text_is_escaped_and_cut),
        cmocka_unit_test(room_is_never_exceeded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
