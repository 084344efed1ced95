/* From a policy's tree, which has the right shape (shape.h), to rules. Internal to compile.c and compile_group.c. */
#ifndef LEASTPORT_AUDITD_POLICY_COMPILE_H
#define LEASTPORT_AUDITD_POLICY_COMPILE_H

#include "auditd/config/yaml.h"
#include "auditd/policy/rule.h"

/* -EBADMSG with an error in *problems, -ENOMEM. *set, which was empty, is to be ended by rule_set_done() in either
 * case. Errors in *problems may also come with 0. */
MUST_USE int policy_compile(const struct yaml_node *root, struct problems *problems, struct rule_set *set);

struct compiler_name {
    const char *name;
    size_t group;
};

struct compiler {
    struct rule_set *set;
    struct problems *problems;
    struct compiler_name *names; /* of groups, "any" too, in their order */
    size_t named_count;
    size_t security_groups; /* that were made for sources */
    char pointer[PROBLEM_POINTER_SIZE];
};

/* A scalar counts as a list of one, nothing as an empty one. */
size_t compile_list_count(const struct yaml_node *node);
const struct yaml_node *compile_list_item(const struct yaml_node *node, size_t index);

/* Room for `more` groups without a name, then the named ones of the node, which may be NULL. */
MUST_USE int compile_groups(struct compiler *compiler, const struct yaml_node *node, size_t more);

/* After all of them: none is made of itself, and none comes to too much. -EBADMSG with an error, -ENOMEM. */
MUST_USE int compile_check_groups(struct compiler *compiler);

/* The group that "to" means: one of the named, or one made for it. An error that was said leaves *ret_group 0. */
MUST_USE int compile_to(struct compiler *compiler, const struct yaml_node *node, size_t *ret_group);

/* The group of hosts that hold the security group whose id the node is. An error that was said leaves *ret_group as it
 * is. -ENOMEM. */
MUST_USE int compile_security_group(struct compiler *compiler, const struct yaml_node *node, size_t *ret_group);

bool compile_find_group(const struct compiler *compiler, const char *name, size_t *ret_index);

/* Says that `name` is neither a group nor, where `words` are taken too, one of them. -ENOMEM. */
MUST_USE int compile_refuse_name(struct compiler *compiler, const struct yaml_node *node, const char *what, bool words);

/* "10.0.0.5/8" is likely a slip: said, and read as its network. */
void compile_warn_host_bits(struct compiler *compiler, const struct yaml_node *node, const struct prefix *prefix);

#endif
