#include "auditd/config/validate.h"

#include <errno.h>
#include <string.h>

enum { REASON_SIZE = 256, LIST_SIZE = 400, WORD_MAX = 48, LENGTH_MAX = 1024 };

/* Where the walk is: the pointer grows and shrinks with it. */
struct walk {
    struct problems *problems;
    char pointer[PROBLEM_POINTER_SIZE];
};

static int walk_node(struct walk *walk, const struct yaml_node *node, const struct validate_schema *schema,
                     const char *label);

/* Appends one token (RFC 6901: ~ is ~0, / is ~1); a pointer that does not fit is cut. */
static size_t pointer_push(struct walk *walk, const char *token)
{
    size_t before = strlen(walk->pointer);
    size_t length = before;
    size_t room = sizeof(walk->pointer) - 3;

    if (length < room) {
        walk->pointer[length++] = '/';
    }
    for (; *token != '\0' && length < room; token++) {
        bool escape = *token == '~' || *token == '/';
        walk->pointer[length++] = escape ? '~' : *token;
        if (escape) {
            walk->pointer[length++] = *token == '~' ? '0' : '1';
        }
    }
    walk->pointer[length] = '\0';
    return before;
}

static void pointer_pop(struct walk *walk, size_t before)
{
    walk->pointer[before] = '\0';
}

/* Levenshtein with a swap of neighbours as one edit (optimal string alignment); words over WORD_MAX are far apart. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);

    if (a_length > WORD_MAX || b_length > WORD_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                size_t swap = rows[(i - 2) % 3][j - 2] + 1;
                best = swap < best ? swap : best;
            }
            row[j] = best;
        }
    }
    return rows[a_length % 3][b_length];
}

const char *validate_suggest(const char *word, const char *const *words)
{
    /* A third of the word may be wrong, but one letter at least. */
    size_t limit = strlen(word) < 4 ? 1 : strlen(word) / 3;
    const char *best = NULL;

    for (; *words != NULL; words++) {
        size_t distance = edit_distance(word, *words);
        if (distance <= limit) {
            limit = distance == 0 ? 0 : distance - 1;
            best = *words;
        }
        if (distance == 0) {
            return best;
        }
    }
    return best;
}

/* "a, b or c" */
static void list_words(const char *const *words, char *buffer, size_t size)
{
    size_t length = 0;

    buffer[0] = '\0';
    for (size_t i = 0; words[i] != NULL && length < size; i++) {
        const char *between = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";
        int wrote = snprintf(buffer + length, size - length, "%s%s", between, words[i]);
        length += wrote > 0 ? (size_t)wrote : 0;
    }
}

static unsigned type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return VALIDATE_OBJECT;
    case JSON_ARRAY:
        return VALIDATE_ARRAY;
    case JSON_STRING:
        return VALIDATE_STRING;
    case JSON_INTEGER:
        return VALIDATE_INTEGER | VALIDATE_NUMBER;
    case JSON_REAL:
        return VALIDATE_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return VALIDATE_BOOLEAN;
    case JSON_NULL:
        break;
    }
    return VALIDATE_NULL;
}

static const struct {
    unsigned type;
    const char *name;
} TYPE_NAMES[] = {
    {VALIDATE_STRING, "a text"},         {VALIDATE_INTEGER, "a whole number"}, {VALIDATE_NUMBER, "a number"},
    {VALIDATE_BOOLEAN, "true or false"}, {VALIDATE_OBJECT, "a mapping"},       {VALIDATE_ARRAY, "a list"},
    {VALIDATE_NULL, "nothing"},
};

enum { TYPE_NAME_COUNT = sizeof(TYPE_NAMES) / sizeof(*TYPE_NAMES) };

static void list_types(unsigned types, char *buffer, size_t size)
{
    const char *words[TYPE_NAME_COUNT + 1];
    size_t count = 0;

    for (size_t i = 0; i < TYPE_NAME_COUNT; i++) {
        if ((types & TYPE_NAMES[i].type) != 0) {
            words[count++] = TYPE_NAMES[i].name;
        }
    }
    words[count] = NULL;
    list_words(words, buffer, size);
}

static const char *type_name(unsigned types)
{
    for (size_t i = 0; i < TYPE_NAME_COUNT; i++) {
        if ((types & TYPE_NAMES[i].type) != 0) {
            return TYPE_NAMES[i].name;
        }
    }
    return "nothing";
}

static int refuse(struct walk *walk, const struct yaml_node *node, const char *label, const char *message)
{
    problems_add(walk->problems, PROBLEM_ERROR, node->mark, walk->pointer, "%s %s", label, message);
    return -EBADMSG;
}

static int refuse_type(struct walk *walk, const struct yaml_node *node, const struct validate_schema *schema,
                       const char *label)
{
    char expected[LIST_SIZE];
    char message[REASON_SIZE + LIST_SIZE];
    unsigned is = type_of(node->value);
    const char *hint = "";

    list_types(schema->types, expected, sizeof(expected));
    if ((schema->types & VALIDATE_STRING) != 0 && (is & (VALIDATE_NUMBER | VALIDATE_BOOLEAN)) != 0) {
        hint = "; put it in quotes";
    }
    snprintf(message, sizeof(message), "must be %s, not %s%s", schema->expected != NULL ? schema->expected : expected,
             type_name(is), hint);
    return refuse(walk, node, label, message);
}

static int check_values(struct walk *walk, const struct yaml_node *node, const char *const *values, const char *label)
{
    const char *text = json_string_value(node->value);
    const char *likely;
    char list[LIST_SIZE];

    for (size_t i = 0; values[i] != NULL; i++) {
        if (strcmp(values[i], text) == 0) {
            return 0;
        }
    }
    likely = problems_are_enough(walk->problems, PROBLEM_ERROR) ? NULL : validate_suggest(text, values);
    list_words(values, list, sizeof(list));
    if (likely != NULL) {
        problems_add(walk->problems, PROBLEM_ERROR, node->mark, walk->pointer,
                     "%s must be %s, not \"%s\"; did you mean \"%s\"?", label, list, text, likely);
    } else {
        problems_add(walk->problems, PROBLEM_ERROR, node->mark, walk->pointer, "%s must be %s, not \"%s\"", label, list,
                     text);
    }
    return -EBADMSG;
}

static int check_string(struct walk *walk, const struct yaml_node *node, const struct validate_schema *schema,
                        const char *label)
{
    size_t length = json_string_length(node->value);
    size_t most = schema->max_length == 0 ? LENGTH_MAX : schema->max_length;
    char message[REASON_SIZE];

    if (length == 0 && !schema->may_be_empty) {
        return refuse(walk, node, label, "must not be empty");
    }
    if (length > most) {
        snprintf(message, sizeof(message), "is %zu bytes long; at most %zu are taken", length, most);
        return refuse(walk, node, label, message);
    }
    return schema->values == NULL ? 0 : check_values(walk, node, schema->values, label);
}

static int check_scalar(struct walk *walk, const struct yaml_node *node, const struct validate_schema *schema,
                        const char *label)
{
    char reason[REASON_SIZE] = "";
    char message[REASON_SIZE * 2];
    double number = json_number_value(node->value);
    int rc = json_is_string(node->value) ? check_string(walk, node, schema, label) : 0;

    if (rc != 0) {
        return rc;
    }
    if (json_is_number(node->value) && schema->has_range && (number < schema->minimum || number > schema->maximum)) {
        if (schema->expected == NULL) {
            snprintf(message, sizeof(message), "must be from %.0f to %.0f", schema->minimum, schema->maximum);
            return refuse(walk, node, label, message);
        }
    } else if (schema->check == NULL || schema->check(node->value, reason, sizeof(reason))) {
        return 0;
    }
    snprintf(message, sizeof(message), "must be %s%s%s", schema->expected, reason[0] != '\0' ? ": " : "", reason);
    return refuse(walk, node, label, message);
}

static int unknown_key(struct walk *walk, const struct yaml_node *child, const struct validate_field *fields)
{
    enum { KEYS_MAX = 40 };
    const char *keys[KEYS_MAX + 1];
    char list[LIST_SIZE];
    const char *likely;
    size_t count = 0;

    for (; fields[count].key != NULL && count < KEYS_MAX; count++) {
        keys[count] = fields[count].key;
    }
    keys[count] = NULL;
    likely = problems_are_enough(walk->problems, PROBLEM_ERROR) ? NULL : validate_suggest(child->key, keys);
    if (likely != NULL) {
        problems_add(walk->problems, PROBLEM_ERROR, child->key_mark, walk->pointer,
                     "unknown key \"%s\"; did you mean \"%s\"?", child->key, likely);
    } else {
        list_words(keys, list, sizeof(list));
        problems_add(walk->problems, PROBLEM_ERROR, child->key_mark, walk->pointer,
                     "unknown key \"%s\"; known here: %s", child->key, list);
    }
    return -EBADMSG;
}

static const struct validate_field *find_field(const struct validate_field *fields, const char *key)
{
    for (; fields != NULL && fields->key != NULL; fields++) {
        if (strcmp(fields->key, key) == 0) {
            return fields;
        }
    }
    return NULL;
}

static int walk_pair(struct walk *walk, const struct yaml_node *child, const struct validate_schema *schema)
{
    const struct validate_field *field = find_field(schema->fields, child->key);
    char label[REASON_SIZE];
    char reason[REASON_SIZE] = "";

    snprintf(label, sizeof(label), "\"%s\"", child->key);
    if (field != NULL) {
        return walk_node(walk, child, field->schema, label);
    }
    if (schema->any_field == NULL) {
        return schema->fields != NULL ? unknown_key(walk, child, schema->fields) : 0;
    }
    if (schema->check_key != NULL && !schema->check_key(child->key, reason, sizeof(reason))) {
        problems_add(walk->problems, PROBLEM_ERROR, child->key_mark, walk->pointer, "\"%s\" %s", child->key, reason);
        return -EBADMSG;
    }
    return walk_node(walk, child, schema->any_field, label);
}

static int walk_object(struct walk *walk, const struct yaml_node *node, const struct validate_schema *schema,
                       const char *label)
{
    int rc = 0;

    for (size_t i = 0; i < node->child_count; i++) {
        size_t before = pointer_push(walk, node->children[i].key);
        if (walk_pair(walk, &node->children[i], schema) != 0) {
            rc = -EBADMSG;
        }
        pointer_pop(walk, before);
    }
    for (const struct validate_field *field = schema->fields; field != NULL && field->key != NULL; field++) {
        if (field->required && yaml_node_get(node, field->key) == NULL) {
            problems_add(walk->problems, PROBLEM_ERROR, node->mark, walk->pointer, "%s lacks the key \"%s\"", label,
                         field->key);
            rc = -EBADMSG;
        }
    }
    if (node->child_count < schema->min_fields) {
        return refuse(walk, node, label, "must not be empty");
    }
    return rc;
}

static int walk_array(struct walk *walk, const struct yaml_node *node, const struct validate_schema *schema,
                      const char *label)
{
    char text[REASON_SIZE];
    int rc = 0;

    if (node->child_count < schema->min_items) {
        return refuse(walk, node, label, "must not be empty");
    }
    if (schema->max_items != 0 && node->child_count > schema->max_items) {
        snprintf(text, sizeof(text), "holds %zu items; at most %zu are taken", node->child_count, schema->max_items);
        return refuse(walk, node, label, text);
    }
    for (size_t i = 0; schema->items != NULL && i < node->child_count; i++) {
        char token[32];
        size_t before;
        snprintf(token, sizeof(token), "%zu", i);
        snprintf(text, sizeof(text), "item %zu of %.200s", i + 1, label);
        before = pointer_push(walk, token);
        if (walk_node(walk, &node->children[i], schema->items, text) != 0) {
            rc = -EBADMSG;
        }
        pointer_pop(walk, before);
    }
    return rc;
}

static int walk_node(struct walk *walk, const struct yaml_node *node, const struct validate_schema *schema,
                     const char *label)
{
    if ((type_of(node->value) & schema->types) == 0) {
        return refuse_type(walk, node, schema, label);
    }
    if (json_is_object(node->value)) {
        return walk_object(walk, node, schema, label);
    }
    if (json_is_array(node->value)) {
        return walk_array(walk, node, schema, label);
    }
    return check_scalar(walk, node, schema, label);
}

int validate_tree(const struct yaml_node *root, const struct validate_schema *schema, struct problems *problems)
{
    struct walk walk = {.problems = problems, .pointer = ""};

    return walk_node(&walk, root, schema, "the document");
}
