#include "auditd/policy/policy.h"

#include "auditd/config/yaml.h"
#include "auditd/policy/baseline.h"
#include "auditd/policy/compile.h"
#include "auditd/policy/rule_index.h"
#include "auditd/policy/shape.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct policy {
    char *name;
    char *source;
    char hash[POLICY_HASH_SIZE];
    uint32_t baseline;
    struct rule_set rules;
};

static struct policy *create(const char *source, size_t size, const char *name)
{
    struct policy *policy = calloc(1, sizeof(*policy));
    unsigned char hash[(POLICY_HASH_SIZE - 1) / 2];

    if (policy == NULL) {
        return NULL;
    }
    policy->source = strndup(source, size);
    policy->name = strdup(name);
    if (policy->source == NULL || policy->name == NULL) {
        policy_destroy(policy);
        return NULL;
    }
    crypto_generichash(hash, sizeof(hash), (const unsigned char *)source, size, NULL, 0);
    sodium_bin2hex(policy->hash, sizeof(policy->hash), hash, sizeof(hash));
    return policy;
}

struct policy *policy_create_builtin(void)
{
    char name[32];
    struct policy *policy;

    snprintf(name, sizeof(name), "baseline %d", BASELINE_NEWEST);
    policy = create("", 0, name);
    if (policy == NULL) {
        return NULL;
    }
    policy->baseline = BASELINE_NEWEST;
    policy->rules.owner = strdup("");
    policy->rules.index = rule_index_create(&policy->rules);
    if (policy->rules.owner == NULL || policy->rules.index == NULL) {
        policy_destroy(policy);
        return NULL;
    }
    return policy;
}

static int compile(struct policy *policy, const struct yaml_node *root, struct problems *problems)
{
    const struct yaml_node *baseline = yaml_node_get(root, "baseline");

    policy->baseline = baseline != NULL ? (uint32_t)json_integer_value(baseline->value) : BASELINE_NEWEST;
    return policy_compile(root, problems, &policy->rules);
}

int policy_parse(const char *text, size_t size, const char *name, struct problems *problems, struct policy **ret_policy)
{
    struct policy *policy = NULL;
    size_t errors_before = problems->error_count;
    struct yaml_tree *tree;
    int rc = yaml_tree_parse(text, size, problems, &tree);

    if (rc != 0) {
        return rc;
    }
    rc = validate_tree(yaml_tree_root(tree), &policy_shape, problems);
    if (rc == 0) {
        policy = create(text, size, name);
        rc = policy == NULL ? -ENOMEM : compile(policy, yaml_tree_root(tree), problems);
    }
    yaml_tree_destroy(tree);
    if (rc == 0 && problems->error_count > errors_before) {
        rc = -EBADMSG;
    }
    if (rc != 0) {
        policy_destroy(policy);
        return rc;
    }
    *ret_policy = policy;
    return 0;
}

static void say_unread(int rc, struct problems *problems)
{
    if (rc == -EFBIG) {
        problems_add(problems, PROBLEM_ERROR, (struct mark){0}, NULL,
                     "cannot read the policy: it is larger than %d bytes, which is all that is taken",
                     YAML_TEXT_MAX_BYTES);
    } else {
        problems_add(problems, PROBLEM_ERROR, (struct mark){0}, NULL, "cannot read the policy: %s", strerror(-rc));
    }
}

int policy_load(const char *path, struct problems *problems, struct policy **ret_policy)
{
    char *text;
    size_t size;
    int rc = yaml_read_file(path, &text, &size);

    if (rc != 0) {
        say_unread(rc, problems);
        return rc;
    }
    rc = policy_parse(text, size, path, problems, ret_policy);
    if (rc == -ENOMEM) {
        say_unread(rc, problems);
    }
    free(text);
    return rc;
}

void policy_destroy(struct policy *policy)
{
    if (policy != NULL) {
        rule_set_done(&policy->rules);
        free(policy->name);
        free(policy->source);
        free(policy);
    }
}

const char *policy_hash(const struct policy *policy)
{
    return policy->hash;
}

const char *policy_name(const struct policy *policy)
{
    return policy->name;
}

const char *policy_source(const struct policy *policy)
{
    return policy->source;
}

uint32_t policy_baseline(const struct policy *policy)
{
    return policy->baseline;
}

const struct rule_set *policy_rules(const struct policy *policy)
{
    return &policy->rules;
}
