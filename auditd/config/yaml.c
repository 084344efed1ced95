#include "auditd/config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

struct yaml_tree {
    struct yaml_node root;
};

/* What composing a tree needs at hand; `pointer` is the path to where it is. */
struct composer {
    yaml_parser_t parser;
    struct problems *problems;
    const char *text;
    size_t size;
    size_t nodes;
};

static int compose(struct composer *composer, const yaml_event_t *event, unsigned depth, struct yaml_node *node);

static struct mark mark_of(yaml_mark_t mark)
{
    return (struct mark){.line = (uint32_t)mark.line + 1, .column = (uint32_t)mark.column + 1};
}

static struct mark mark_at_offset(const char *text, size_t offset)
{
    struct mark mark = {.line = 1, .column = 1};

    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            mark.line++;
            mark.column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

static void node_done(struct yaml_node *node)
{
    for (size_t i = 0; i < node->child_count; i++) {
        free((void *)(uintptr_t)node->children[i].key);
        node_done(&node->children[i]);
    }
    free(node->children);
    node->children = NULL;
    node->child_count = 0;
}

static int refuse(struct composer *composer, yaml_mark_t mark, const char *message)
{
    problems_add(composer->problems, PROBLEM_ERROR, mark_of(mark), NULL, "%s", message);
    return -EBADMSG;
}

/* What likely happened where libyaml stumbled over this character; "" where that is not clear. */
static const char *hint_at(const char *text, size_t size, struct mark mark)
{
    struct mark at = {.line = 1, .column = 1};
    size_t i = 0;

    while (i < size && at.line < mark.line) {
        at.line += text[i++] == '\n' ? 1 : 0;
    }
    while (i < size && text[i] != '\n' && at.column < mark.column) {
        i++;
        at.column += i < size && ((unsigned char)text[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    switch (i < size ? text[i] : '\0') {
    case '\t':
        return "; a tab cannot indent, use spaces";
    case ':':
        return "; a value with a colon at its begin, such as \"::1\", needs quotes";
    case '@':
    case '`':
    case '%':
        return "; a value that begins with this character needs quotes";
    default:
        return "";
    }
}

/* What libyaml found wrong, in its words: they are plain, and it knows the place. */
static int refuse_syntax(struct composer *composer)
{
    const yaml_parser_t *parser = &composer->parser;
    struct mark mark = mark_of(parser->problem_mark);
    const char *hint = hint_at(composer->text, composer->size, mark);

    if (parser->error == YAML_MEMORY_ERROR) {
        return -ENOMEM;
    }
    if (parser->error == YAML_READER_ERROR) {
        size_t offset = parser->problem_offset < composer->size ? parser->problem_offset : composer->size;
        mark = mark_at_offset(composer->text, offset);
        problems_add(composer->problems, PROBLEM_ERROR, mark, NULL, "not readable as UTF-8 text: %s", parser->problem);
    } else if (parser->context != NULL) {
        problems_add(composer->problems, PROBLEM_ERROR, mark, NULL, "not valid YAML: %s, %s that begins at line %u%s",
                     parser->problem, parser->context, mark_of(parser->context_mark).line, hint);
    } else {
        problems_add(composer->problems, PROBLEM_ERROR, mark, NULL, "not valid YAML: %s%s", parser->problem, hint);
    }
    return -EBADMSG;
}

static int next_event(struct composer *composer, yaml_event_t *ret_event)
{
    return yaml_parser_parse(&composer->parser, ret_event) ? 0 : refuse_syntax(composer);
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(text, *words) == 0) {
            return true;
        }
    }
    return false;
}

/* The digits after `text` are `count` or more of the set; returns the first byte that is none. */
static const char *skip_digits(const char *text, const char *set)
{
    return text + strspn(text, set);
}

static bool looks_integer(const char *text)
{
    const char *digits;

    if (text[0] == '0' && (text[1] == 'o' || text[1] == 'x')) {
        const char *set = text[1] == 'o' ? "01234567" : "0123456789abcdefABCDEF";
        return text[2] != '\0' && *skip_digits(text + 2, set) == '\0';
    }
    digits = text + (*text == '-' || *text == '+' ? 1 : 0);
    return *digits != '\0' && *skip_digits(digits, "0123456789") == '\0';
}

static bool looks_float(const char *text)
{
    static const char set[] = "0123456789";
    const char *from = text + (*text == '-' || *text == '+' ? 1 : 0);
    const char *end = skip_digits(from, set);
    size_t digits = (size_t)(end - from);

    if (*end == '.') {
        const char *fraction = end + 1;
        end = skip_digits(fraction, set);
        digits += (size_t)(end - fraction);
    }
    if (digits == 0) {
        return false;
    }
    if (*end == 'e' || *end == 'E') {
        const char *exponent = end + 1 + (end[1] == '-' || end[1] == '+' ? 1 : 0);
        end = skip_digits(exponent, set);
        return end != exponent && *end == '\0';
    }
    return *end == '\0';
}

/* -ERANGE when the number does not fit. */
static int number_value(const char *text, json_t **ret_value)
{
    bool octal = text[0] == '0' && text[1] == 'o';
    bool hexadecimal = text[0] == '0' && text[1] == 'x';
    double real = strtod(text, NULL);
    long long integer;

    errno = 0;
    if (looks_integer(text)) {
        integer = strtoll(octal ? text + 2 : text, NULL, octal ? 8 : hexadecimal ? 16 : 10);
        if (errno != 0) {
            return -ERANGE;
        }
        *ret_value = json_integer(integer);
    } else {
        if (!isfinite(real)) {
            return -ERANGE;
        }
        *ret_value = json_real(real);
    }
    return *ret_value != NULL ? 0 : -ENOMEM;
}

/* A plain scalar by the core schema (YAML 1.2.2, 10.3.2). */
static int plain_value(struct composer *composer, const yaml_event_t *event, const char *text, json_t **ret_value)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const not_finite[] = {".inf",  ".Inf",  ".INF", "-.inf", "-.Inf", "-.INF", "+.inf",
                                             "+.Inf", "+.INF", ".nan", ".NaN",  ".NAN",  NULL};
    int rc = 0;

    if (is_one_of(text, nulls)) {
        *ret_value = json_null();
    } else if (is_one_of(text, trues)) {
        *ret_value = json_true();
    } else if (is_one_of(text, falses)) {
        *ret_value = json_false();
    } else if (looks_integer(text) || looks_float(text)) {
        rc = number_value(text, ret_value);
    } else if (is_one_of(text, not_finite)) {
        rc = -ERANGE;
    } else {
        *ret_value = json_string(text);
        rc = *ret_value != NULL ? 0 : -ENOMEM;
    }
    if (rc == -ERANGE) {
        return refuse(composer, event->start_mark, "this number is too large; put it in quotes if it is a text");
    }
    return rc;
}

static int compose_scalar(struct composer *composer, const yaml_event_t *event, struct yaml_node *node)
{
    const char *text = (const char *)event->data.scalar.value;

    if (strlen(text) != event->data.scalar.length) {
        return refuse(composer, event->start_mark, "a text cannot hold a NUL character");
    }
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        return plain_value(composer, event, text, &node->value);
    }
    node->value = json_string(text);
    return node->value != NULL ? 0 : -ENOMEM;
}

static struct yaml_node *add_child(struct yaml_node *node)
{
    /* Room doubles, so that it is there whenever the count is no power of two. */
    if ((node->child_count & (node->child_count - 1)) == 0) {
        size_t room = node->child_count == 0 ? 1 : node->child_count * 2;
        struct yaml_node *children = realloc(node->children, room * sizeof(*children));
        if (children == NULL) {
            return NULL;
        }
        node->children = children;
    }
    memset(&node->children[node->child_count], 0, sizeof(*node->children));
    return &node->children[node->child_count++];
}

static int compose_sequence(struct composer *composer, unsigned depth, struct yaml_node *node)
{
    yaml_event_t event;
    int rc;

    node->value = json_array();
    if (node->value == NULL) {
        return -ENOMEM;
    }
    for (;;) {
        struct yaml_node *child;
        rc = next_event(composer, &event);
        if (rc != 0) {
            return rc;
        }
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return 0;
        }
        child = add_child(node);
        rc = child == NULL ? -ENOMEM : compose(composer, &event, depth + 1, child);
        yaml_event_delete(&event);
        if (rc == 0 && json_array_append_new(node->value, child->value) != 0) {
            rc = -ENOMEM;
        }
        if (rc != 0) {
            return rc;
        }
    }
}

static int take_key(struct composer *composer, const yaml_event_t *event, struct yaml_node *child)
{
    const char *text;

    if (event->type == YAML_ALIAS_EVENT) {
        return refuse(composer, event->start_mark, "aliases (*name) are not taken: write the value out");
    }
    if (event->type != YAML_SCALAR_EVENT) {
        return refuse(composer, event->start_mark, "a key must be a plain word, not a list or a mapping");
    }
    text = (const char *)event->data.scalar.value;
    if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL) {
        return refuse(composer, event->start_mark, "anchors (&name) and tags (!name) are not taken");
    }
    if (strlen(text) != event->data.scalar.length) {
        return refuse(composer, event->start_mark, "a key cannot hold a NUL character");
    }
    if (strcmp(text, "<<") == 0) {
        return refuse(composer, event->start_mark, "merge keys (<<) are not taken: write the keys out");
    }
    child->key_mark = mark_of(event->start_mark);
    child->key = strdup(text);
    return child->key != NULL ? 0 : -ENOMEM;
}

/* A key that stands twice is an error, but what follows can still be looked at. */
static int keep_value(struct composer *composer, struct yaml_node *node, struct yaml_node *child)
{
    const struct yaml_node *first = node->children;

    if (json_object_get(node->value, child->key) == NULL) {
        return json_object_set_new(node->value, child->key, child->value) == 0 ? 0 : -ENOMEM;
    }
    while (!problems_are_enough(composer->problems, PROBLEM_ERROR) && strcmp(first->key, child->key) != 0) {
        first++;
    }
    problems_add(composer->problems, PROBLEM_ERROR, child->key_mark, NULL,
                 "the key \"%s\" stands here a second time; the first is at line %u", child->key, first->key_mark.line);
    json_decref(child->value);
    free((void *)(uintptr_t)child->key);
    node_done(child);
    node->child_count--;
    return 0;
}

static int compose_pair(struct composer *composer, const yaml_event_t *key, unsigned depth, struct yaml_node *node)
{
    struct yaml_node *child = add_child(node);
    yaml_event_t event;
    int rc;

    if (child == NULL) {
        return -ENOMEM;
    }
    rc = take_key(composer, key, child);
    if (rc != 0) {
        return rc;
    }
    rc = next_event(composer, &event);
    if (rc != 0) {
        return rc;
    }
    rc = compose(composer, &event, depth + 1, child);
    yaml_event_delete(&event);
    return rc == 0 ? keep_value(composer, node, child) : rc;
}

static int compose_mapping(struct composer *composer, unsigned depth, struct yaml_node *node)
{
    yaml_event_t event;
    int rc;

    node->value = json_object();
    if (node->value == NULL) {
        return -ENOMEM;
    }
    for (;;) {
        bool end;
        rc = next_event(composer, &event);
        if (rc != 0) {
            return rc;
        }
        end = event.type == YAML_MAPPING_END_EVENT;
        rc = end ? 0 : compose_pair(composer, &event, depth, node);
        yaml_event_delete(&event);
        if (end || rc != 0) {
            return rc;
        }
    }
}

static bool has_anchor_or_tag(const yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT) {
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    }
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    }
    return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
}

/* On failure node->value is dropped: what was composed hangs nowhere yet. */
static int compose(struct composer *composer, const yaml_event_t *event, unsigned depth, struct yaml_node *node)
{
    int rc;

    node->mark = mark_of(event->start_mark);
    if (event->type == YAML_ALIAS_EVENT) {
        return refuse(composer, event->start_mark, "aliases (*name) are not taken: write the value out");
    }
    if (has_anchor_or_tag(event)) {
        return refuse(composer, event->start_mark, "anchors (&name) and tags (!name) are not taken");
    }
    if (depth > YAML_DEPTH_MAX) {
        return refuse(composer, event->start_mark, "nested too deep: at most 32 levels are taken");
    }
    if (++composer->nodes > YAML_NODES_MAX) {
        return refuse(composer, event->start_mark, "too much: at most 200000 values are taken");
    }
    if (event->type == YAML_SCALAR_EVENT) {
        return compose_scalar(composer, event, node);
    }
    rc = event->type == YAML_SEQUENCE_START_EVENT ? compose_sequence(composer, depth, node)
                                                  : compose_mapping(composer, depth, node);
    if (rc != 0) {
        json_decref(node->value);
        node->value = NULL;
    }
    return rc;
}

/* STREAM-START is over. Composes the only document; none at all is null. */
static int compose_document(struct composer *composer, struct yaml_node *root)
{
    yaml_event_t event;
    int rc = next_event(composer, &event);

    if (rc != 0) {
        return rc;
    }
    if (event.type == YAML_STREAM_END_EVENT) {
        yaml_event_delete(&event);
        root->value = json_null();
        root->mark = (struct mark){.line = 1, .column = 1};
        return 0;
    }
    yaml_event_delete(&event);
    rc = next_event(composer, &event);
    if (rc != 0) {
        return rc;
    }
    rc = compose(composer, &event, 0, root);
    yaml_event_delete(&event);
    if (rc != 0) {
        return rc;
    }
    /* DOCUMENT-END, then STREAM-END. */
    for (int i = 0; i < 2; i++) {
        rc = next_event(composer, &event);
        if (rc != 0) {
            return rc;
        }
        rc = event.type == YAML_DOCUMENT_START_EVENT
                 ? refuse(composer, event.start_mark, "a second document begins here: one file holds one document")
                 : 0;
        yaml_event_delete(&event);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int yaml_tree_parse(const char *text, size_t size, struct problems *problems, struct yaml_tree **ret_tree)
{
    struct composer composer = {.problems = problems, .text = text, .size = size};
    size_t errors_before = problems->error_count;
    struct yaml_tree *tree;
    yaml_event_t event;
    int rc;

    if (size > YAML_TEXT_MAX_BYTES) {
        problems_add(problems, PROBLEM_ERROR, (struct mark){0}, NULL, "too large: %zu bytes, at most %d are taken",
                     size, YAML_TEXT_MAX_BYTES);
        return -EBADMSG;
    }
    tree = calloc(1, sizeof(*tree));
    if (tree == NULL || !yaml_parser_initialize(&composer.parser)) {
        free(tree);
        return -ENOMEM;
    }
    yaml_parser_set_encoding(&composer.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&composer.parser, (const unsigned char *)text, size);
    rc = next_event(&composer, &event);
    if (rc == 0) {
        yaml_event_delete(&event);
        rc = compose_document(&composer, &tree->root);
    }
    yaml_parser_delete(&composer.parser);
    if (rc == 0 && problems->error_count > errors_before) {
        rc = -EBADMSG;
    }
    if (rc != 0) {
        yaml_tree_destroy(tree);
        return rc;
    }
    *ret_tree = tree;
    return 0;
}

void yaml_tree_destroy(struct yaml_tree *tree)
{
    if (tree != NULL) {
        node_done(&tree->root);
        json_decref(tree->root.value);
        free(tree);
    }
}

const struct yaml_node *yaml_tree_root(const struct yaml_tree *tree)
{
    return &tree->root;
}

const struct yaml_node *yaml_node_get(const struct yaml_node *node, const char *key)
{
    for (size_t i = 0; i < node->child_count; i++) {
        if (node->children[i].key != NULL && strcmp(node->children[i].key, key) == 0) {
            return &node->children[i];
        }
    }
    return NULL;
}

static int read_all(int fd, char *text, size_t *ret_size)
{
    size_t size = 0;

    while (size <= YAML_TEXT_MAX_BYTES) {
        ssize_t got = read(fd, text + size, YAML_TEXT_MAX_BYTES + 1 - size);
        if (got < 0 && errno != EINTR) {
            return -errno;
        }
        if (got == 0) {
            text[size] = '\0';
            *ret_size = size;
            return 0;
        }
        size += got > 0 ? (size_t)got : 0;
    }
    return -EFBIG;
}

int yaml_read_file(const char *path, char **ret_text, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    char *text = NULL;
    int rc = 0;

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &status) != 0) {
        rc = -errno;
    } else if (S_ISDIR(status.st_mode)) {
        rc = -EISDIR;
    }
    if (rc == 0) {
        text = malloc(YAML_TEXT_MAX_BYTES + 2);
        rc = text == NULL ? -ENOMEM : read_all(fd, text, ret_size);
    }
    close(fd);
    if (rc != 0) {
        free(text);
        return rc;
    }
    *ret_text = text;
    return 0;
}
