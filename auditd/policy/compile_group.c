#include "auditd/policy/compile.h"

#include "auditd/policy/shape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How many conditions a group may come to when the groups that it names are written out. */
enum { GROUPS_NAMED_MAX = 2000, CONDITIONS_MOST = 20000 };

static int compare_to_name(const void *name, const void *known)
{
    return strcmp(name, ((const struct compiler_name *)known)->name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct compiler_name *)a)->name, ((const struct compiler_name *)b)->name);
}

bool compile_find_group(const struct compiler *compiler, const char *name, size_t *ret_index)
{
    const struct compiler_name *found =
        bsearch(name, compiler->names, compiler->named_count, sizeof(*compiler->names), compare_to_name);

    if (found == NULL) {
        return false;
    }
    *ret_index = found->group;
    return true;
}

int compile_refuse_name(struct compiler *compiler, const struct yaml_node *node, const char *what, bool words)
{
    const struct rule_set *set = compiler->set;
    const char *name = json_string_value(node->value);
    bool enough = problems_are_enough(compiler->problems, PROBLEM_ERROR);
    const char **known = enough ? NULL : calloc(compiler->named_count + 16, sizeof(*known));
    const char *likely;
    size_t count = 0;

    if (enough) {
        /* It is only counted. */
        problems_add(compiler->problems, PROBLEM_ERROR, node->mark, compiler->pointer, "%s", what);
        return 0;
    }
    if (known == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < compiler->named_count; i++) {
        known[count++] = set->groups[i].name;
    }
    for (size_t i = 1; words && policy_words[i] != NULL; i++) {
        known[count++] = policy_words[i];
    }
    likely = validate_suggest(name, known);
    problems_add(compiler->problems, PROBLEM_ERROR, node->mark, compiler->pointer, "\"%s\" is not %s%s%s%s", name, what,
                 likely == NULL ? "" : "; did you mean \"", likely == NULL ? "" : likely, likely == NULL ? "" : "\"?");
    free(known);
    return 0;
}

void compile_warn_host_bits(struct compiler *compiler, const struct yaml_node *node, const struct prefix *prefix)
{
    const char *text = json_string_value(node->value);
    char network[PREFIX_TEXT_SIZE];
    char address[ADDR_TEXT_SIZE];
    size_t length = strcspn(text, "/");
    struct addr written;

    snprintf(address, sizeof(address), "%.*s", (int)(length < sizeof(address) ? length : sizeof(address) - 1), text);
    if (addr_parse(address, &written) == 0 && !addr_equal(&written, &prefix->addr)) {
        problems_add(compiler->problems, PROBLEM_WARNING, node->mark, compiler->pointer,
                     "%s has bits past its prefix; it is read as %s", text, prefix_format(prefix, network));
    }
}

/* ---- conditions ---- */

static int compile_selector(struct compiler *compiler, const struct yaml_node *node, struct selector *selector);

static int compile_prefixes(struct compiler *compiler, const struct yaml_node *node, struct selector *selector)
{
    size_t count = compile_list_count(node);
    struct prefix *prefixes = calloc(count + 1, sizeof(*prefixes));
    int rc = prefixes == NULL ? -ENOMEM : 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        const struct yaml_node *item = compile_list_item(node, i);
        rc = prefix_parse(json_string_value(item->value), &prefixes[i]);
        if (rc == 0) {
            compile_warn_host_bits(compiler, item, &prefixes[i]);
        }
    }
    selector->kind = SELECTOR_CIDR;
    selector->prefixes = rc == 0 ? prefix_set_create(prefixes, count) : NULL;
    free(prefixes);
    return rc == 0 && selector->prefixes == NULL ? -ENOMEM : rc;
}

/* What stood there without quotes came as a number or a truth; a tag's value is text. */
static char *scalar_text(const json_t *value)
{
    char text[64];

    if (json_is_string(value)) {
        return strdup(json_string_value(value));
    }
    if (json_is_integer(value)) {
        snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(text, sizeof(text), "%.15g", json_real_value(value));
    } else {
        snprintf(text, sizeof(text), "%s", json_is_true(value) ? "true" : "false");
    }
    return strdup(text);
}

static int compile_texts(const struct yaml_node *node, enum selector_kind kind, struct selector *selector)
{
    size_t count = compile_list_count(node);

    selector->kind = kind;
    selector->texts = calloc(count + 1, sizeof(*selector->texts));
    if (selector->texts == NULL) {
        return -ENOMEM;
    }
    for (; selector->text_count < count; selector->text_count++) {
        char *text = scalar_text(compile_list_item(node, selector->text_count)->value);
        if (text == NULL) {
            return -ENOMEM;
        }
        selector->texts[selector->text_count] = text;
    }
    return 0;
}

static int compile_children(struct compiler *compiler, const struct yaml_node *node, enum selector_kind kind,
                            struct selector *selector)
{
    int rc = 0;

    selector->kind = kind;
    selector->children = calloc(node->child_count + 1, sizeof(*selector->children));
    if (selector->children == NULL) {
        return -ENOMEM;
    }
    while (selector->child_count < node->child_count && rc == 0) {
        size_t at = selector->child_count++;
        rc = compile_selector(compiler, &node->children[at], &selector->children[at]);
    }
    return rc;
}

static int compile_tags(const struct yaml_node *node, struct selector *selector)
{
    int rc = 0;

    selector->kind = SELECTOR_AND;
    selector->children = calloc(node->child_count + 1, sizeof(*selector->children));
    if (selector->children == NULL) {
        return -ENOMEM;
    }
    while (selector->child_count < node->child_count && rc == 0) {
        const struct yaml_node *tag = &node->children[selector->child_count];
        struct selector *child = &selector->children[selector->child_count++];
        child->key = strdup(tag->key);
        rc = child->key == NULL ? -ENOMEM : compile_texts(tag, SELECTOR_TAG, child);
    }
    return rc;
}

static int compile_not(struct compiler *compiler, const struct yaml_node *node, struct selector *selector)
{
    selector->kind = SELECTOR_NOT;
    selector->children = calloc(1, sizeof(*selector->children));
    if (selector->children == NULL) {
        return -ENOMEM;
    }
    selector->child_count = 1;
    return compile_selector(compiler, node, &selector->children[0]);
}

static int compile_condition(struct compiler *compiler, const struct yaml_node *node, struct selector *selector)
{
    const char *key = node->key;

    if (strcmp(key, "cidr") == 0) {
        return compile_prefixes(compiler, node, selector);
    }
    if (strcmp(key, "realm") == 0) {
        return compile_texts(node, SELECTOR_REALM, selector);
    }
    if (strcmp(key, "name") == 0) {
        return compile_texts(node, SELECTOR_NAME, selector);
    }
    if (strcmp(key, "security_group") == 0) {
        return compile_texts(node, SELECTOR_SECURITY_GROUP, selector);
    }
    if (strcmp(key, "tags") == 0) {
        return compile_tags(node, selector);
    }
    if (strcmp(key, "and") == 0) {
        return compile_children(compiler, node, SELECTOR_AND, selector);
    }
    if (strcmp(key, "or") == 0) {
        return compile_children(compiler, node, SELECTOR_OR, selector);
    }
    if (strcmp(key, "not") == 0) {
        return compile_not(compiler, node, selector);
    }
    selector->kind = SELECTOR_ANY;
    return 0;
}

/* Each kind of condition that is given must hold, one of its values is enough. */
static int compile_conditions(struct compiler *compiler, const struct yaml_node *node, struct selector *selector)
{
    int rc = 0;

    selector->kind = SELECTOR_AND;
    selector->children = calloc(node->child_count + 1, sizeof(*selector->children));
    if (selector->children == NULL) {
        return -ENOMEM;
    }
    while (selector->child_count < node->child_count && rc == 0) {
        size_t at = selector->child_count++;
        rc = compile_condition(compiler, &node->children[at], &selector->children[at]);
    }
    return rc;
}

static int compile_selector(struct compiler *compiler, const struct yaml_node *node, struct selector *selector)
{
    if (json_is_array(node->value)) {
        return compile_children(compiler, node, SELECTOR_OR, selector);
    }
    if (json_is_object(node->value)) {
        return compile_conditions(compiler, node, selector);
    }
    if (compile_find_group(compiler, json_string_value(node->value), &selector->group)) {
        selector->kind = selector->group == 0 ? SELECTOR_ANY : SELECTOR_GROUP;
        return 0;
    }
    selector->kind = SELECTOR_ANY;
    return compile_refuse_name(compiler, node, "a group of this policy", false);
}

/* ---- groups ---- */

static int add_group(struct compiler *compiler, const char *name, const struct mark *mark)
{
    struct rule_group *group = &compiler->set->groups[compiler->set->group_count];

    group->name = strdup(name);
    if (group->name == NULL) {
        return -ENOMEM;
    }
    group->line = mark->line;
    group->column = mark->column;
    compiler->set->group_count++;
    return 0;
}

int compile_to(struct compiler *compiler, const struct yaml_node *node, size_t *ret_group)
{
    char name[RULE_GROUP_NAME_SIZE];
    char *text;
    size_t at;
    int rc;

    if (json_is_string(node->value)) {
        *ret_group = 0;
        return compile_find_group(compiler, json_string_value(node->value), ret_group)
                   ? 0
                   : compile_refuse_name(compiler, node, "a group of this policy", false);
    }
    text = json_dumps(node->value, JSON_COMPACT);
    if (text == NULL) {
        return -ENOMEM;
    }
    snprintf(name, sizeof(name), "%s", text);
    free(text);
    at = compiler->set->group_count;
    rc = add_group(compiler, name, &node->mark);
    if (rc == 0) {
        rc = compile_selector(compiler, node, &compiler->set->groups[at].selector);
        *ret_group = at;
    }
    return rc;
}

/* The one that was made for this security group before; 0: none. */
static size_t find_security_group(const struct compiler *compiler, const char *id)
{
    const struct rule_set *set = compiler->set;

    for (size_t i = compiler->named_count; i < set->group_count; i++) {
        if (set->groups[i].is_security_group && strcmp(set->groups[i].name, id) == 0) {
            return i;
        }
    }
    return 0;
}

int compile_security_group(struct compiler *compiler, const struct yaml_node *node, size_t *ret_group)
{
    struct rule_set *set = compiler->set;
    size_t at = find_security_group(compiler, json_string_value(node->value));
    int rc;

    if (at != 0) {
        *ret_group = at;
        return 0;
    }
    if (compiler->security_groups == RULE_SECURITY_GROUPS_MAX) {
        problems_add(compiler->problems, PROBLEM_ERROR, node->mark, compiler->pointer,
                     "\"%s\" is one security group too many: a policy takes %d as sources",
                     json_string_value(node->value), RULE_SECURITY_GROUPS_MAX);
        return 0;
    }
    at = set->group_count;
    rc = add_group(compiler, json_string_value(node->value), &node->mark);
    if (rc == 0) {
        compiler->security_groups++;
        set->groups[at].is_security_group = true;
        rc = compile_texts(node, SELECTOR_SECURITY_GROUP, &set->groups[at].selector);
        *ret_group = at;
    }
    return rc;
}

/* What a group comes to, and whether it leads back to itself: it is being walked still when it is met again. */
enum { WALK_NEVER, WALK_NOW, WALK_DONE };

struct walk {
    const struct rule_set *set;
    uint8_t *states;
    uint32_t *costs;
    size_t circle; /* the group that was met again; 0: none */
};

static uint32_t walk_selector(struct walk *walk, const struct selector *selector);

static uint32_t walk_group(struct walk *walk, size_t group)
{
    if (walk->states[group] == WALK_NOW) {
        walk->circle = group;
        return 0;
    }
    if (walk->states[group] == WALK_NEVER) {
        walk->states[group] = WALK_NOW;
        walk->costs[group] = walk_selector(walk, &walk->set->groups[group].selector);
        walk->states[group] = WALK_DONE;
    }
    return walk->costs[group];
}

static uint32_t walk_selector(struct walk *walk, const struct selector *selector)
{
    uint32_t cost = 1;

    if (selector->kind == SELECTOR_GROUP) {
        cost += walk_group(walk, selector->group);
    }
    for (size_t i = 0; i < selector->child_count && walk->circle == 0; i++) {
        cost += walk_selector(walk, &selector->children[i]);
        cost = cost > CONDITIONS_MOST ? CONDITIONS_MOST + 1 : cost;
    }
    return cost > CONDITIONS_MOST ? CONDITIONS_MOST + 1 : cost;
}

static void refuse_circle(struct compiler *compiler, const struct rule_group *group, const struct rule_group *again)
{
    const struct mark mark = {group->line, group->column};

    if (group == again) {
        problems_add(compiler->problems, PROBLEM_ERROR, mark, "/groups",
                     "the group \"%s\" is made of itself, by itself or by way of the groups that it names",
                     group->name);
    } else {
        problems_add(compiler->problems, PROBLEM_ERROR, mark, "/groups",
                     "the group \"%s\" is made of the group \"%s\", which is made of itself", group->name, again->name);
    }
}

int compile_check_groups(struct compiler *compiler)
{
    const struct rule_set *set = compiler->set;
    struct walk walk = {
        .set = set,
        .states = calloc(set->group_count, sizeof(*walk.states)),
        .costs = calloc(set->group_count, sizeof(*walk.costs)),
    };
    int rc = walk.states == NULL || walk.costs == NULL ? -ENOMEM : 0;

    for (size_t i = 1; i < set->group_count && rc == 0; i++) {
        const struct rule_group *group = &set->groups[i];
        const struct mark mark = {group->line, group->column};
        uint32_t cost = walk_group(&walk, i);
        if (walk.circle != 0) {
            refuse_circle(compiler, group, &set->groups[walk.circle]);
            rc = -EBADMSG;
        } else if (cost > CONDITIONS_MOST) {
            problems_add(compiler->problems, PROBLEM_ERROR, mark, "/groups",
                         "the group \"%s\", with the groups that it is made of, has more than %d conditions",
                         group->name, CONDITIONS_MOST);
            rc = -EBADMSG;
        }
    }
    free(walk.states);
    free(walk.costs);
    return rc;
}

static int name_groups(struct compiler *compiler, const struct yaml_node *node)
{
    size_t count = node == NULL ? 0 : node->child_count;
    int rc = add_group(compiler, "any", &(struct mark){0});

    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = add_group(compiler, node->children[i].key, &node->children[i].key_mark);
        compiler->set->groups[i + 1].is_named = true;
    }
    if (rc != 0) {
        return rc;
    }
    compiler->names = calloc(compiler->set->group_count, sizeof(*compiler->names));
    if (compiler->names == NULL) {
        return -ENOMEM;
    }
    compiler->named_count = compiler->set->group_count;
    for (size_t i = 0; i < compiler->named_count; i++) {
        compiler->names[i] = (struct compiler_name){compiler->set->groups[i].name, i};
    }
    qsort(compiler->names, compiler->named_count, sizeof(*compiler->names), compare_names);
    return 0;
}

int compile_groups(struct compiler *compiler, const struct yaml_node *node, size_t more)
{
    size_t count = node == NULL ? 0 : node->child_count;
    int rc;

    if (count > GROUPS_NAMED_MAX) {
        problems_add(compiler->problems, PROBLEM_ERROR, node->key_mark, "/groups",
                     "\"groups\" holds %zu groups; at most %d are taken", count, GROUPS_NAMED_MAX);
        return -EBADMSG;
    }
    compiler->set->groups = calloc(1 + count + more, sizeof(*compiler->set->groups));
    if (compiler->set->groups == NULL) {
        return -ENOMEM;
    }
    rc = name_groups(compiler, node);
    for (size_t i = 0; i < count && rc == 0; i++) {
        snprintf(compiler->pointer, sizeof(compiler->pointer), "/groups/%s", node->children[i].key);
        rc = compile_selector(compiler, &node->children[i], &compiler->set->groups[i + 1].selector);
    }
    return rc;
}
