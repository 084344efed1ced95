#include "auditd/config/label.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TARGETS_MAX = 100000, TAGS_MAX = 50, TAG_KEY_MAX = 128, TAG_VALUE_MAX = 256, NAME_MAX_BYTES = 253 };

static bool check_tag_key(const char *key, char *reason, size_t size)
{
    snprintf(reason, size, "cannot be a tag's key: 1 to %d bytes", TAG_KEY_MAX);
    return key[0] != '\0' && strlen(key) <= TAG_KEY_MAX;
}

static const struct validate_schema TAG = {
    .types = VALIDATE_STRING | VALIDATE_NUMBER | VALIDATE_BOOLEAN, .max_length = TAG_VALUE_MAX, .may_be_empty = true};
const struct validate_schema config_tags_shape = {.types = VALIDATE_OBJECT,
                                                  .expected = "a mapping like {app: shop, tier: edge}",
                                                  .any_field = &TAG,
                                                  .check_key = check_tag_key,
                                                  .min_fields = 1};
static const struct validate_schema TARGET = {.types = VALIDATE_STRING};
static const struct validate_schema NAME = {.types = VALIDATE_STRING, .max_length = NAME_MAX_BYTES};
static const struct validate_field LABEL_FIELDS[] = {
    {"target", &TARGET, true}, {"tags", &config_tags_shape, false}, {"name", &NAME, false}, {NULL, NULL, false}};
static const struct validate_schema LABELLED = {
    .types = VALIDATE_STRING | VALIDATE_OBJECT,
    .expected = "a target, or one with its tags like {target: 10.0.1.0/24, tags: {app: shop}}",
    .fields = LABEL_FIELDS};
const struct validate_schema config_targets_shape = {
    .types = VALIDATE_STRING | VALIDATE_ARRAY, .items = &LABELLED, .min_items = 1, .max_items = TARGETS_MAX};

void label_tags_done(struct host_tag *tags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)tags[i].key);
        free((void *)(uintptr_t)tags[i].value);
    }
    free(tags);
}

static char *scalar_text(const json_t *value)
{
    return json_is_string(value) ? strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);
}

int label_tags_read(const struct yaml_node *node, struct host_tag **tags, size_t *count)
{
    size_t wanted = node == NULL ? 0 : node->child_count;

    *tags = calloc(wanted + 1, sizeof(**tags));
    if (*tags == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < wanted; i++) {
        struct host_tag *tag = &(*tags)[*count];
        tag->key = strdup(node->children[i].key);
        tag->value = scalar_text(node->children[i].value);
        (*count)++;
        if (tag->key == NULL || tag->value == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

const char *label_target(const struct yaml_node *item)
{
    const struct yaml_node *target = json_is_object(item->value) ? yaml_node_get(item, "target") : item;

    return json_string_value(target->value);
}

static void label_done(struct config_label *label)
{
    free(label->target);
    free(label->name);
    label_tags_done(label->tags, label->tag_count);
}

void labels_done(struct config_labels *labels)
{
    for (size_t i = 0; i < labels->count; i++) {
        label_done(&labels->items[i]);
    }
    free(labels->items);
    *labels = (struct config_labels){0};
}

/* What the scanner would look up: letters, and nothing that makes it a range or a file. */
static bool is_host_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t length = strlen(text);

    return strpbrk(text, letters) != NULL && length <= NAME_MAX_BYTES && strcspn(text, "/:@, \t") == length;
}

static bool is_single(const struct prefix *prefix)
{
    return prefix->bits == (prefix->addr.is_ipv6 != 0 ? 128 : 32);
}

static int check_label(const struct yaml_node *item, const struct config_label *label, struct problems *problems)
{
    const struct yaml_node *name = yaml_node_get(item, "name");

    if (label->is_name && !is_host_name(label->target)) {
        problems_add(problems, PROBLEM_ERROR, yaml_node_get(item, "target")->mark, "/targets",
                     "\"%s\": only an address, a CIDR or a host name can carry tags and a name", label->target);
        return -EBADMSG;
    }
    if (name != NULL && (label->is_name || !is_single(&label->prefix))) {
        problems_add(problems, PROBLEM_ERROR, name->mark, "/targets",
                     "\"name\" goes with a single address, and \"%s\" is none", label->target);
        return -EBADMSG;
    }
    return 0;
}

static int label_read(const struct yaml_node *item, struct problems *problems, struct config_label *label)
{
    const struct yaml_node *name = yaml_node_get(item, "name");
    int rc;

    label->target = strdup(label_target(item));
    label->name = name == NULL ? NULL : strdup(json_string_value(name->value));
    if (label->target == NULL || (name != NULL && label->name == NULL)) {
        return -ENOMEM;
    }
    label->is_name = prefix_parse(label->target, &label->prefix) < 0;
    rc = check_label(item, label, problems);
    return rc < 0 ? rc : label_tags_read(yaml_node_get(item, "tags"), &label->tags, &label->tag_count);
}

int labels_read(const struct yaml_node *node, struct problems *problems, struct config_labels *labels)
{
    size_t count = node != NULL && json_is_array(node->value) ? node->child_count : 0;
    int rc = 0;

    labels->items = calloc(count + 1, sizeof(*labels->items));
    if (labels->items == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (json_is_object(node->children[i].value)) {
            rc = label_read(&node->children[i], problems, &labels->items[labels->count++]);
        }
    }
    return rc;
}
