#include "auditd/config/validate.h"

#include "auditd/config/config.h"
#include "auditd/policy/policy.h"

#include <errno.h>
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void suggests_what_was_likely_meant(void **state)
{
    static const char *const words[] = {"allow", "forbid", "groups", "baseline", "to", "ports", NULL};
    static const struct {
        const char *word;
        const char *likely;
    } cases[] = {
        {"alow", "allow"},   {"allwo", "allow"},      {"frobid", "forbid"},
        {"group", "groups"}, {"basline", "baseline"}, {"prots", "ports"},
        {"ot", "to"},        {"port", "ports"},       {"x", NULL},
        {"", NULL},          {"something", NULL},     {"baselinebaseline", NULL},
        {"allow", "allow"},  {"ALLOW", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *likely = validate_suggest(cases[i].word, words);
        if (cases[i].likely == NULL) {
            assert_null(likely);
        } else {
            assert_non_null(likely);
            assert_string_equal(likely, cases[i].likely);
        }
    }
    char *endless = calloc(1, 100001);
    memset(endless, 'a', 100000);
    assert_null(validate_suggest(endless, words));
    free(endless);
}

static const struct validate_schema LEAF = {.types = VALIDATE_INTEGER, .has_range = true, .minimum = -1, .maximum = 9};
static const struct validate_field FIELDS[] = {{"a", &LEAF, true}, {"b", &LEAF, false}, {NULL, NULL, false}};
static const struct validate_schema ITEM = {.types = VALIDATE_OBJECT, .fields = FIELDS};
static const struct validate_schema LIST = {.types = VALIDATE_ARRAY, .items = &ITEM, .min_items = 1, .max_items = 2};
static const struct validate_schema ROOT = {.types = VALIDATE_OBJECT, .any_field = &LIST};

static void walks_all_of_a_tree(void **state)
{
    static const struct {
        const char *text;
        size_t errors;
        const char *pointer;
    } cases[] = {
        {"{}", 0, NULL},
        {"x: [{a: 1}]", 0, NULL},
        {"x: [{a: 1, b: 9}, {a: -1}]", 0, NULL},
        {"x: []", 1, "/x"},
        {"x: [{a: 1}, {a: 1}, {a: 1}]", 1, "/x"},
        {"x: [{a: 10}]", 1, "/x/0/a"},
        {"x: [{a: 1.0}]", 1, "/x/0/a"},
        {"x: [{a: null}]", 1, "/x/0/a"},
        {"x: [{b: 1}]", 1, "/x/0"},
        {"x: [{a: 1, c: 1}]", 1, "/x/0/c"},
        {"x: [{a: true, b: [], c: 1}, 3]\ny: {}\n", 5, "/x/0/a"},
        {"'a/b~c': 1", 1, "/a~1b~0c"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct problems problems;
        struct yaml_tree *tree = NULL;
        problems_init(&problems);
        assert_int_equal(yaml_tree_parse(cases[i].text, strlen(cases[i].text), &problems, &tree), 0);
        assert_int_equal(validate_tree(yaml_tree_root(tree), &ROOT, &problems), cases[i].errors == 0 ? 0 : -EBADMSG);
        assert_int_equal(problems.error_count, cases[i].errors);
        if (cases[i].errors > 0) {
            assert_string_equal(problems.errors[0].pointer, cases[i].pointer);
        }
        yaml_tree_destroy(tree);
    }
}

/* ---- the JSON Schemas that are published must know the keys that the programs know ---- */

static json_t *load_schema(const char *name)
{
    char here[] = __FILE__;
    char path[512];
    json_t *schema;

    snprintf(path, sizeof(path), "%s/../../../schema/%s", dirname(here), name);
    schema = json_load_file(path, 0, NULL);
    assert_non_null(schema);
    return schema;
}

/* The first error of a text, which names every key that is known where an unknown one stood. */
static void known_keys(const char *text, bool is_policy, char *buffer, size_t size)
{
    struct problems problems;
    struct policy *policy = NULL;
    struct config config;
    const char *list;
    int rc;

    problems_init(&problems);
    rc = is_policy ? policy_parse(text, strlen(text), "p", &problems, &policy)
                   : config_parse(text, strlen(text), NULL, &problems, &config);
    assert_int_equal(rc, -EBADMSG);
    list = strstr(problems.errors[0].message, "known here: ");
    assert_non_null(list);
    snprintf(buffer, size, "%s", list + strlen("known here: "));
}

static void assert_same_keys(const json_t *properties, char *list)
{
    size_t count = 0;
    char *rest = NULL;

    for (char *word = strtok_r(list, ", ", &rest); word != NULL; word = strtok_r(NULL, ", ", &rest)) {
        /* The word between the last two, unless it is a key itself. */
        if (strcmp(word, "or") == 0 && strstr(rest, "or not") == NULL) {
            continue;
        }
        if (json_object_get(properties, word) == NULL) {
            fail_msg("the schema lacks %s", word);
        }
        count++;
    }
    assert_int_equal(count, json_object_size(properties));
}

static void knows_the_keys_of_the_schemas(void **state)
{
    static const struct {
        const char *schema;
        const char *definition; /* NULL: the root */
        const char *text;
    } cases[] = {
        {"policy.schema.json", NULL, "qqqqqqqqqqqq: 1"},
        {"policy.schema.json", "group", "version: 1\ngroups: {g: {qqqqqqqqqqqq: 1}}"},
        {"policy.schema.json", "allow", "version: 1\nallow: [{qqqqqqqqqqqq: 1}]"},
        {"policy.schema.json", "forbid", "version: 1\nforbid: [{qqqqqqqqqqqq: 1}]"},
        {"policy.schema.json", "test", "version: 1\ntests: [{qqqqqqqqqqqq: 1}]"},
        {"config.schema.json", NULL, "qqqqqqqqqqqq: 1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_t *schema = load_schema(cases[i].schema);
        const json_t *place = schema;
        char list[512];
        if (cases[i].definition != NULL) {
            place = json_object_get(json_object_get(schema, "$defs"), cases[i].definition);
        }
        known_keys(cases[i].text, strcmp(cases[i].schema, "policy.schema.json") == 0, list, sizeof(list));
        assert_same_keys(json_object_get(place, "properties"), list);
        json_decref(schema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suggests_what_was_likely_meant),
        cmocka_unit_test(walks_all_of_a_tree),
        cmocka_unit_test(knows_the_keys_of_the_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
