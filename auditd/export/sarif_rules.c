#include "auditd/export/sarif_rules.h"

#include "auditd/export/text.h"
#include "auditd/policy/policy.h"
#include "auditd/policy/rule.h"
#include "lib/standard.h"

#include <ctype.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct sarif_rule {
    char *id;
    size_t index;
    char *why;
    char *fix;
    char *controls;
    enum severity severity; /* the worst of its findings */
};

struct sarif_rules {
    struct store_reader *reader;
    void *tree;
    struct sarif_rule **items; /* by index */
    size_t count;
    char *policy_hash; /* of what `policy` was read from */
    char *policy_name;
    struct policy *policy; /* NULL: it is no file, or cannot be read any more */
};

struct sarif_rules *sarif_rules_create(struct store_reader *reader)
{
    struct sarif_rules *rules = calloc(1, sizeof(*rules));

    if (rules != NULL) {
        rules->reader = reader;
    }
    return rules;
}

static void sarif_rule_free(struct sarif_rule *rule)
{
    if (rule == NULL) {
        return;
    }
    free(rule->id);
    free(rule->why);
    free(rule->fix);
    free(rule->controls);
    free(rule);
}

static int sarif_rule_compare(const void *a, const void *b)
{
    const struct sarif_rule *left = a;
    const struct sarif_rule *right = b;

    return strcmp(left->id, right->id);
}

static void sarif_rules_forget_policy(struct sarif_rules *rules)
{
    policy_destroy(rules->policy);
    free(rules->policy_hash);
    free(rules->policy_name);
    rules->policy = NULL;
    rules->policy_hash = rules->policy_name = NULL;
}

void sarif_rules_destroy(struct sarif_rules *rules)
{
    if (rules == NULL) {
        return;
    }
    for (size_t i = 0; i < rules->count; i++) {
        tdelete(rules->items[i], &rules->tree, sarif_rule_compare);
        sarif_rule_free(rules->items[i]);
    }
    sarif_rules_forget_policy(rules);
    free(rules->items);
    free(rules);
}

/* ---- what the rules are ---- */

static struct sarif_rule *sarif_rule_create(const struct store_finding *finding)
{
    struct sarif_rule *rule = calloc(1, sizeof(*rule));

    if (rule == NULL) {
        return NULL;
    }
    rule->id = strdup(finding->rule_id);
    rule->why = strdup(finding->why);
    rule->fix = strdup(finding->fix);
    rule->controls = strdup(finding->controls);
    if (rule->id == NULL || rule->why == NULL || rule->fix == NULL || rule->controls == NULL) {
        sarif_rule_free(rule);
        return NULL;
    }
    return rule;
}

static int sarif_rules_insert(struct sarif_rules *rules, const struct store_finding *finding,
                              struct sarif_rule **ret_rule)
{
    struct sarif_rule **items = reallocarray(rules->items, rules->count + 1, sizeof(struct sarif_rule *));
    struct sarif_rule *rule = sarif_rule_create(finding);

    if (items != NULL) {
        rules->items = items;
    }
    if (items == NULL || rule == NULL || tsearch(rule, &rules->tree, sarif_rule_compare) == NULL) {
        sarif_rule_free(rule);
        return -ENOMEM;
    }
    rule->index = rules->count;
    rules->items[rules->count++] = rule;
    *ret_rule = rule;
    return 0;
}

int sarif_rules_add(struct sarif_rules *rules, const struct store_finding *finding, size_t *ret_index)
{
    char *id = strdup(finding->rule_id);
    const struct sarif_rule key = {.id = id};
    struct sarif_rule **found = id == NULL ? NULL : tfind(&key, &rules->tree, sarif_rule_compare);
    struct sarif_rule *rule = found == NULL ? NULL : *found;
    enum severity severity;
    int rc = id == NULL ? -ENOMEM : 0;

    free(id);
    if (rc == 0 && rule == NULL) {
        rc = sarif_rules_insert(rules, finding, &rule);
    }
    if (rc < 0) {
        return rc;
    }
    if (severity_parse(finding->severity, &severity) == 0 && severity > rule->severity) {
        rule->severity = severity;
    }
    *ret_index = rule->index;
    return 0;
}

/* ---- where they stand ---- */

static int sarif_rules_take_policy(void *context, const struct store_read_policy *stored)
{
    struct sarif_rules *rules = context;
    struct problems problems;

    rules->policy_name = strdup(stored->name);
    if (rules->policy_name == NULL) {
        return -ENOMEM;
    }
    if (stored->source[0] == '\0') {
        return 0;
    }
    /* One that an older version took and this one does not has no lines to tell. */
    problems_init(&problems);
    if (policy_parse(stored->source, strlen(stored->source), stored->name, &problems, &rules->policy) < 0) {
        rules->policy = NULL;
    }
    return 0;
}

static int sarif_rules_load(struct sarif_rules *rules, const char *hash)
{
    if (rules->policy_hash != NULL && strcmp(rules->policy_hash, hash) == 0) {
        return 0;
    }
    sarif_rules_forget_policy(rules);
    rules->policy_hash = strdup(hash);
    return rules->policy_hash == NULL ? -ENOMEM
                                      : store_read_policy(rules->reader, hash, sarif_rules_take_policy, rules);
}

static unsigned sarif_rules_line(const struct policy *policy, const char *id)
{
    const struct rule_set *set = policy_rules(policy);
    const struct rule_list *const lists[] = {&set->forbid, &set->allow};

    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < lists[i]->count; j++) {
            if (strcmp(lists[i]->items[j].id, id) == 0) {
                return lists[i]->items[j].line;
            }
        }
    }
    return 1;
}

/* RFC 3986, section 2.3: unreserved characters and the slash stay. */
static char *sarif_uri(const char *path)
{
    char *uri = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&uri, &size);

    if (stream == NULL) {
        return NULL;
    }
    fputs(path[0] == '/' ? "file://" : "", stream);
    for (; *path != '\0'; path++) {
        unsigned char byte = (unsigned char)*path;
        fprintf(stream, byte < 0x80 && (isalnum(byte) || strchr("/-._~", byte) != NULL) ? "%c" : "%%%02X", byte);
    }
    if (fclose(stream) != 0) {
        free(uri);
        return NULL;
    }
    return uri;
}

int sarif_rules_place(struct sarif_rules *rules, const struct store_finding *finding, char **ret_uri,
                      unsigned *ret_line)
{
    int rc = sarif_rules_load(rules, finding->policy_hash);
    char *uri;

    if (rc != 0 || rules->policy == NULL) {
        return rc;
    }
    uri = sarif_uri(rules->policy_name);
    if (uri == NULL) {
        return -ENOMEM;
    }
    *ret_line = sarif_rules_line(rules->policy, finding->rule_id);
    *ret_uri = uri;
    return 0;
}

/* ---- as JSON ---- */

/* GitHub's code scanning reads the number: over 9.0 critical, 7.0 high, 4.0 medium. */
static const struct {
    const char *level;
    const char *number;
} sarif_severities[] = {
    [SEVERITY_LOW] = {"note", "2.0"},
    [SEVERITY_MEDIUM] = {"warning", "5.5"},
    [SEVERITY_HIGH] = {"error", "8.0"},
    [SEVERITY_CRITICAL] = {"error", "9.5"},
};

static json_t *sarif_tags(const struct sarif_rule *rule)
{
    const struct standard_control *control;
    const char *list = rule->controls;
    json_t *tags = json_pack("[s, s]", "security", "exposure");

    while (tags != NULL && (control = standard_control_next(&list)) != NULL) {
        json_array_append_new(tags, json_string(control->id));
    }
    return tags;
}

static json_t *sarif_rule_json(const struct sarif_rule *rule)
{
    const char *why = rule->why[0] != '\0' ? rule->why : "No rule allows that the port is open.";
    const char *fix = rule->fix[0] != '\0'
                          ? rule->fix
                          : "Close the port, or allow it in the policy with the reason why it is needed.";

    return json_pack("{s:o, s:o, s:{s:o}, s:{s:o}, s:{s:o, s:o}, s:{s:s}, s:{s:o, s:s, s:s}}", "id",
                     text_json(rule->id), "name", text_json(rule->id), "shortDescription", "text", text_json(why),
                     "fullDescription", "text", text_json(why), "help", "text", text_json(fix), "markdown",
                     json_sprintf("**How to fix it**: %s", fix), "defaultConfiguration", "level",
                     sarif_severities[rule->severity].level, "properties", "tags", sarif_tags(rule),
                     "security-severity", sarif_severities[rule->severity].number, "precision", "high");
}

int sarif_rules_print(const struct sarif_rules *rules, FILE *out)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < rules->count; i++) {
        fputs(i == 0 ? "\n" : ",\n", out);
        rc = text_print_json(out, sarif_rule_json(rules->items[i]));
    }
    return rc;
}
