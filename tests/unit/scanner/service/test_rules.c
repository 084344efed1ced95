#include "scanner/service/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct rules *rules;

static int set_up(void **state)
{
    struct problem problem = {{0}};
    int rc = rules_create(&rules, &problem);

    (void)state;
    if (rc < 0) {
        print_error("%s\n", problem.text);
    }
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    rules_destroy(rules);
    return 0;
}

static void assert_fact(const struct facts *facts, const char *name, const char *wanted, const char *example)
{
    const char *found = facts_text(facts, name);

    if (strcmp(found == NULL ? "-" : found, wanted == NULL ? "-" : wanted) != 0) {
        fail_msg("%s: %s is %s, not %s", example, name, found == NULL ? "not known" : found,
                 wanted == NULL ? "not known" : wanted);
    }
}

/* Each by its own example, which no rule before it takes away. */
static void each_rule_knows_its_example(void **state)
{
    size_t count;
    const struct rule *table = rules_table(&count);

    (void)state;
    assert_true(count > 60);
    for (size_t i = 0; i < count; i++) {
        const struct rule *rule = &table[i];
        struct facts facts = {0};
        facts_set_string(&facts, "service", rule->service);
        facts_set_string(&facts, rule->fact, rule->example);
        rules_apply(rules, &facts);
        if (strchr(rule->product, '$') == NULL) {
            assert_fact(&facts, "product", rule->product, rule->example);
        }
        assert_fact(&facts, "version", rule->example_version, rule->example);
        assert_fact(&facts, "cpe", rule->example_cpe, rule->example);
        if (rule->example_cpe != NULL) {
            size_t fields = 1;
            for (const char *at = rule->example_cpe; *at != '\0'; at++) {
                fields += *at == ':';
            }
            assert_int_equal(fields, 13);
        }
    }
}

static void others_stay_as_they_are(void **state)
{
    struct facts facts = {0};

    (void)state;
    rules_apply(rules, &facts);
    assert_int_equal(facts.count, 0);
    facts_set_string(&facts, "service", "ftp");
    facts_set_string(&facts, "banner", "SSH-2.0-OpenSSH_9.2p1");
    rules_apply(rules, &facts);
    assert_int_equal(facts.count, 2);
    facts_set_string(&facts, "service", "ssh");
    facts_set_string(&facts, "banner", "SSH-2.0-\xc3\xa4");
    rules_apply(rules, &facts);
    assert_int_equal(facts.count, 2);
}

static void a_cpe_quotes_what_it_must(void **state)
{
    struct facts facts = {0};

    (void)state;
    facts_set_string(&facts, "service", "dns");
    facts_set_string(&facts, "banner", "dnsmasq-2.89_X.1");
    rules_apply(rules, &facts);
    assert_string_equal(facts_text(&facts, "cpe"), "cpe:2.3:a:thekelleys:dnsmasq:2.89_x.1:*:*:*:*:*:*:*");
    assert_string_equal(facts_text(&facts, "version"), "2.89_X.1");
}

/* xorshift (Marsaglia 2003). */
static uint32_t next_random(uint32_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 17;
    *random ^= *random << 5;
    return *random;
}

/* Examples with bytes changed and doubled, and the longest texts there can be. */
static void hostile_texts_end(void **state)
{
    static const char spice[] = "()[]./-0129aZ \\x";
    size_t count;
    const struct rule *table = rules_table(&count);
    uint32_t random = 1;
    uint8_t text[FACTS_TEXT_MAX];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        const struct rule *rule = &table[next_random(&random) % count];
        struct facts facts = {0};
        size_t length = strlen(rule->example);
        size_t used = 0;
        while (used < sizeof(text)) {
            text[used] = (uint8_t)rule->example[used % length];
            if (next_random(&random) % 16 == 0) {
                text[used] = (uint8_t)spice[next_random(&random) % (sizeof(spice) - 1)];
            }
            used++;
        }
        facts_set_string(&facts, "service", rule->service);
        facts_set_text(&facts, rule->fact, (struct span){text, next_random(&random) % sizeof(text)});
        rules_apply(rules, &facts);
        assert_true(facts.count <= FACTS_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_knows_its_example),
        cmocka_unit_test(others_stay_as_they_are),
        cmocka_unit_test(a_cpe_quotes_what_it_must),
        cmocka_unit_test(hostile_texts_end),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
