/* YAML (and so JSON) text as a jansson value with the place of every node. Knows no schema.
 * The subset that leaves no doubt what was meant: one document, no anchors, aliases, tags or merge keys, no duplicate
 * keys, keys are strings; plain scalars by the core schema of YAML 1.2 (null, true, false, integers, floats: "no" and
 * "on" are strings); what is quoted stays a string. */
#ifndef LEASTPORT_AUDITD_CONFIG_YAML_H
#define LEASTPORT_AUDITD_CONFIG_YAML_H

#include "auditd/config/problem.h"

#include <jansson.h>

enum { YAML_TEXT_MAX_BYTES = 4 * 1024 * 1024, YAML_DEPTH_MAX = 32, YAML_NODES_MAX = 200000 };

/* A node; the children of a mapping or a sequence stand in the order of the text. */
struct yaml_node {
    json_t *value; /* borrowed from the root's value */
    struct mark mark;
    const char *key; /* in a mapping, else NULL; owned by the tree */
    struct mark key_mark;
    struct yaml_node *children;
    size_t child_count;
};

struct yaml_tree;

/* -EBADMSG with what is wrong added to *problems, -ENOMEM. An empty document is null. The caller owns the tree. */
MUST_USE int yaml_tree_parse(const char *text, size_t size, struct problems *problems, struct yaml_tree **ret_tree);
void yaml_tree_destroy(struct yaml_tree *tree);

/* Borrowed until yaml_tree_destroy(). */
const struct yaml_node *yaml_tree_root(const struct yaml_tree *tree);

/* The child of a mapping, or NULL. */
const struct yaml_node *yaml_node_get(const struct yaml_node *node, const char *key);

/* Reads a whole file: -errno, -EFBIG when it is over YAML_TEXT_MAX_BYTES, -EISDIR. The caller frees the text, which
 * has a NUL behind it. */
MUST_USE int yaml_read_file(const char *path, char **ret_text, size_t *ret_size);

#endif
