#include "auditd/config/yaml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct yaml_tree *parse(const char *text)
{
    struct problems problems;
    struct yaml_tree *tree = NULL;

    problems_init(&problems);
    if (yaml_tree_parse(text, strlen(text), &problems, &tree) != 0) {
        problems_print(&problems, "text", stderr);
        fail_msg("must parse: %s", text);
    }
    return tree;
}

static void takes_scalars_by_the_core_schema(void **state)
{
    static const struct {
        const char *text;
        const char *json;
    } cases[] = {
        {"", "null"},
        {"~", "null"},
        {"null", "null"},
        {"true", "true"},
        {"FALSE", "false"},
        {"no", "\"no\""},
        {"on", "\"on\""},
        {"y", "\"y\""},
        {"12", "12"},
        {"-7", "-7"},
        {"+7", "7"},
        {"010", "10"},
        {"0x1F", "31"},
        {"0o17", "15"},
        {"9223372036854775807", "9223372036854775807"},
        {"1.5", "1.5"},
        {"1.", "1.0"},
        {".5", "0.5"},
        {"1e3", "1000.0"},
        {"1.2.3", "\"1.2.3\""},
        {"10.0.0.1", "\"10.0.0.1\""},
        {"8000-8099", "\"8000-8099\""},
        {"22,80", "\"22,80\""},
        {"2027-03-31", "\"2027-03-31\""},
        {"1_000", "\"1_000\""},
        {"12:30", "\"12:30\""},
        {"\"12\"", "\"12\""},
        {"'true'", "\"true\""},
        {"\"\"", "\"\""},
        {"|\n  12\n", "\"12\\n\""},
        {"[1, a, [b]]", "[1,\"a\",[\"b\"]]"},
        {"{a: 1, b: {c: [x]}}", "{\"a\":1,\"b\":{\"c\":[\"x\"]}}"},
        {"{\"a\": [1, 2.5, null, true, \"x\\u00e9\"]}", "{\"a\":[1,2.5,null,true,\"x\xc3\xa9\"]}"},
        {"22: ssh", "{\"22\":\"ssh\"}"},
        {"\xef\xbb\xbf"
         "a: b",
         "{\"a\":\"b\"}"},
        {"---\na: b\n...\n", "{\"a\":\"b\"}"},
        {"# nothing\n", "null"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct yaml_tree *tree = parse(cases[i].text);
        char *json = json_dumps(yaml_tree_root(tree)->value, JSON_COMPACT | JSON_ENCODE_ANY);
        assert_string_equal(json, cases[i].json);
        free(json);
        yaml_tree_destroy(tree);
    }
}

static void knows_every_place(void **state)
{
    struct yaml_tree *tree = parse("a: 1\nb:\n  - x\n  - {k: v}\n\xc3\xa9\xc3\xa9: z\n");
    const struct yaml_node *root = yaml_tree_root(tree);
    const struct yaml_node *b = yaml_node_get(root, "b");
    const struct yaml_node *wide = yaml_node_get(root, "\xc3\xa9\xc3\xa9");

    (void)state;
    assert_int_equal(root->child_count, 3);
    assert_int_equal(b->key_mark.line, 2);
    assert_int_equal(b->child_count, 2);
    assert_int_equal(b->children[1].mark.line, 4);
    assert_int_equal(b->children[1].mark.column, 5);
    assert_int_equal(b->children[1].children[0].mark.column, 9);
    /* Columns are characters, not bytes. */
    assert_int_equal(wide->mark.line, 5);
    assert_int_equal(wide->mark.column, 5);
    assert_null(yaml_node_get(root, "c"));
    yaml_tree_destroy(tree);
}

struct refusal {
    const char *text;
    uint32_t line, column;
    const char *says;
};

static void assert_refused(const char *text, size_t size, const struct refusal *refusal)
{
    struct problems problems;
    struct yaml_tree *tree = NULL;

    problems_init(&problems);
    assert_int_equal(yaml_tree_parse(text, size, &problems, &tree), -EBADMSG);
    assert_null(tree);
    assert_true(problems.error_count > 0);
    if (strstr(problems.errors[0].message, refusal->says) == NULL || problems.errors[0].mark.line != refusal->line ||
        problems.errors[0].mark.column != refusal->column) {
        problems_print(&problems, "text", stderr);
        fail_msg("%u:%u %s is not what it says", refusal->line, refusal->column, refusal->says);
    }
}

static void refuses_and_says_where(void **state)
{
    static const struct refusal cases[] = {
        {"a: 1\nb: 2\na: 3\n", 3, 1, "\"a\" stands here a second time; the first is at line 1"},
        {"{a: 1, a: 2}", 1, 8, "second time"},
        {"x: &n 1\ny: *n\n", 1, 4, "anchors"},
        {"x: *n\n", 1, 4, "aliases"},
        {"*n : 1\n", 1, 1, "aliases"},
        {"&k a: 1\n", 1, 1, "anchors"},
        {"x: !!int 3\n", 1, 4, "tags"},
        {"!t {a: 1}\n", 1, 1, "tags"},
        {"- !t [1]\n", 1, 3, "tags"},
        {"<<: {a: 1}\n", 1, 1, "merge keys"},
        {"? [a, b]\n: c\n", 1, 3, "a key must be a plain word"},
        {"a: 1\n---\nb: 2\n", 2, 1, "second document"},
        {"a: [1, 2\n", 2, 1, "not valid YAML"},
        {"a: b: c\n", 1, 5, "not valid YAML"},
        {"a:\n\t- b\n", 2, 1, "not valid YAML"},
        {"a:\n\t- b\n", 2, 1, "a tab cannot indent, use spaces"},
        {"\xc3\xa9: [::1, a]\n", 1, 5, "such as \"::1\", needs quotes"},
        {"a: @b\n", 1, 4, "that begins with this character needs quotes"},
        {"a: \"x\n", 2, 1, "not valid YAML"},
        {"a: 99999999999999999999\n", 1, 4, "too large"},
        {"a: .inf\n", 1, 4, "too large"},
        {"a: 1e999\n", 1, 4, "too large"},
        {"a: \"x\\0y\"\n", 1, 4, "NUL"},
        {"\"a\\0b\": 1\n", 1, 1, "NUL"},
        {"ok: 1\nb: \xff\xfe\n", 2, 4, "UTF-8"},
        {"a: \xc3(\n", 1, 5, "UTF-8"},
        {"a: \xed\xa0\x80\n", 1, 4, "UTF-8"},
        {"a: \x01\n", 1, 4, "UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_refused(cases[i].text, strlen(cases[i].text), &cases[i]);
    }
}

static void goes_on_after_a_key_that_stands_twice(void **state)
{
    static const char text[] = "a: {x: [1, {y: 2}]}\na: {z: [3]}\nb: 1\nb: 2\n";
    struct problems problems;
    struct yaml_tree *tree = NULL;

    (void)state;
    problems_init(&problems);
    assert_int_equal(yaml_tree_parse(text, strlen(text), &problems, &tree), -EBADMSG);
    assert_int_equal(problems.error_count, 2);
    assert_int_equal(problems.errors[1].mark.line, 4);
}

/* 33 levels are one too many; 100,000 must neither overflow the stack nor take long. */
static void refuses_deep_nesting(void **state)
{
    static const char *const openings[] = {"[", "{a: ", "- "};
    static const uint32_t columns[] = {34, 133, 67};

    (void)state;
    for (size_t i = 0; i < sizeof(openings) / sizeof(*openings); i++) {
        size_t step = strlen(openings[i]);
        char *text = malloc(100000 * step);
        struct refusal refusal = {NULL, 1, columns[i], "nested too deep"};
        for (size_t j = 0; j < 100000; j++) {
            memcpy(text + j * step, openings[i], step);
        }
        assert_refused(text, 100000 * step, &refusal);
        free(text);
    }
    struct yaml_tree *tree = parse("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    yaml_tree_destroy(tree);
}

static void refuses_too_much(void **state)
{
    size_t size = YAML_TEXT_MAX_BYTES + 1;
    char *text = malloc(size);
    struct refusal large = {NULL, 0, 0, "too large"};
    struct refusal many = {NULL, 1, 400000, "too much"};

    (void)state;
    memset(text, ' ', size);
    assert_refused(text, size, &large);
    text[0] = '[';
    for (size_t i = 0; i < 300000; i++) {
        text[1 + 2 * i] = '1';
        text[2 + 2 * i] = ',';
    }
    assert_refused(text, 600000, &many);
    free(text);
}

/* Bytes from a fixed generator: none may crash it, and what is refused says why. */
static void survives_noise(void **state)
{
    static const char pieces[] = "{}[]:,-#&*!|>'\"%@`\\ \n\tab1.\xc3\xa9\xff~?<=";
    uint32_t seed = 20261122;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[48];
        size_t size = 1 + (seed >> 8) % (sizeof(text) - 1);
        struct problems problems;
        struct yaml_tree *tree = NULL;
        int rc;
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = pieces[(seed >> 16) % (sizeof(pieces) - 1)];
        }
        problems_init(&problems);
        rc = yaml_tree_parse(text, size, &problems, &tree);
        assert_true(rc == 0 || rc == -EBADMSG);
        assert_int_equal(rc == 0, problems.error_count == 0);
        assert_int_equal(rc == 0, tree != NULL);
        yaml_tree_destroy(tree);
    }
}

static void reads_files(void **state)
{
    char path[] = "/tmp/leastport-yaml-XXXXXX";
    int fd = mkstemp(path);
    char *text = NULL;
    size_t size = 0;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a: 1\n", 5), 5);
    assert_int_equal(yaml_read_file(path, &text, &size), 0);
    assert_int_equal(size, 5);
    assert_string_equal(text, "a: 1\n");
    free(text);
    assert_int_equal(ftruncate(fd, YAML_TEXT_MAX_BYTES + 1), 0);
    assert_int_equal(yaml_read_file(path, &text, &size), -EFBIG);
    close(fd);
    unlink(path);
    assert_int_equal(yaml_read_file(path, &text, &size), -ENOENT);
    assert_int_equal(yaml_read_file("/tmp", &text, &size), -EISDIR);
    yaml_tree_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_scalars_by_the_core_schema),
        cmocka_unit_test(knows_every_place),
        cmocka_unit_test(refuses_and_says_where),
        cmocka_unit_test(goes_on_after_a_key_that_stands_twice),
        cmocka_unit_test(refuses_deep_nesting),
        cmocka_unit_test(refuses_too_much),
        cmocka_unit_test(survives_noise),
        cmocka_unit_test(reads_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
