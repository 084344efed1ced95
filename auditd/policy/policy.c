#include "auditd/policy/policy.h"

#include "auditd/config/validate.h"
#include "auditd/policy/baseline.h"
#include "auditd/policy/port_expression.h"
#include "auditd/policy/rule.h"
#include "lib/clock.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { FACTS_NAMED_MOST = 64 };

enum { ID_MAX = 48, OWNER_MAX = 63, PROSE_MAX = 400, RULES_MAX = 5000, DAY_MS = 24 * 3600 * 1000 };

struct policy {
    char *name;
    char *source;
    char hash[POLICY_HASH_SIZE];
    uint32_t baseline;
    struct rule_set rules;
};

/* ---- the shape: what a policy file may hold ---- */

static const char *const RESERVED[] = {"any", "world", "public-range", "peer", "vpn", "own-vpc", "self", NULL};

static bool is_reserved(const char *name)
{
    for (size_t i = 0; RESERVED[i] != NULL; i++) {
        if (strcmp(RESERVED[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_name(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

    return length > 0 && length <= ID_MAX && text[length] == '\0' && text[0] != '.' && text[0] != '-';
}

static bool check_name(const json_t *value, char *reason, size_t size)
{
    (void)reason;
    (void)size;
    return is_name(json_string_value(value));
}

static bool check_group_name(const char *name, char *reason, size_t size)
{
    if (is_reserved(name)) {
        snprintf(reason, size, "is a word of the policy's own; give the group another name");
        return false;
    }
    snprintf(reason, size, "cannot be a group's name: letters, digits, \"_\", \".\" and \"-\", at most %d", ID_MAX);
    return is_name(name);
}

static bool check_prefix(const json_t *value, char *reason, size_t size)
{
    struct prefix prefix;

    (void)reason;
    (void)size;
    return prefix_parse(json_string_value(value), &prefix) == 0;
}

static bool check_ports(const json_t *value, char *reason, size_t size)
{
    return port_expression_check(value, NULL, reason, size);
}

/* The day after the date, at 0:00 UTC: a date counts to its end. */
static int until_parse(const char *text, int64_t *ret_ms)
{
    char moment[WALL_TEXT_SIZE];
    int64_t start;

    if (strlen(text) != strlen("2027-03-31")) {
        return -EINVAL;
    }
    snprintf(moment, sizeof(moment), "%sT00:00:00Z", text);
    if (wall_parse(moment, &start) != 0) {
        return -EINVAL;
    }
    *ret_ms = start + DAY_MS;
    return 0;
}

static bool check_until(const json_t *value, char *reason, size_t size)
{
    int64_t ms;

    (void)reason;
    (void)size;
    return until_parse(json_string_value(value), &ms) == 0;
}

static bool check_true(const json_t *value, char *reason, size_t size)
{
    (void)reason;
    (void)size;
    return json_is_true(value);
}

static const char *const PROTOS[] = {"tcp", "udp", NULL};
static const char *const SEVERITIES[] = {"low", "medium", "high", "critical", NULL};
static const char *const EXPECTS[] = {"finding", "allowed", NULL};

static const struct validate_schema VERSION = {.types = VALIDATE_INTEGER,
                                               .expected = "1, the version that this release reads",
                                               .has_range = true,
                                               .minimum = 1,
                                               .maximum = 1};
static const struct validate_schema BASELINE = {
    .types = VALIDATE_INTEGER, .has_range = true, .minimum = 1, .maximum = BASELINE_NEWEST};
static const struct validate_schema OWNER = {.types = VALIDATE_STRING, .max_length = OWNER_MAX};
static const struct validate_schema PROSE = {.types = VALIDATE_STRING, .max_length = PROSE_MAX};
static const struct validate_schema TEXT = {.types = VALIDATE_STRING, .max_length = 253};
static const struct validate_schema ID = {.types = VALIDATE_STRING,
                                          .expected = "a name of letters, digits, \"_\", \".\" and \"-\", at most 48",
                                          .check = check_name};
static const struct validate_schema REFERENCE = {.types = VALIDATE_STRING};
static const struct validate_schema PREFIX = {
    .types = VALIDATE_STRING, .expected = "an address or a CIDR like 10.0.0.0/8", .check = check_prefix};
static const struct validate_schema PREFIXES = {.types = VALIDATE_STRING | VALIDATE_ARRAY,
                                                .expected = "an address or a CIDR like 10.0.0.0/8, or a list of them",
                                                .check = check_prefix,
                                                .items = &PREFIX,
                                                .min_items = 1};
static const struct validate_schema TEXTS = {
    .types = VALIDATE_STRING | VALIDATE_ARRAY, .max_length = 253, .items = &TEXT, .min_items = 1};
static const struct validate_schema ANY = {.types = VALIDATE_BOOLEAN, .expected = "true", .check = check_true};
static const struct validate_schema SCALAR = {.types = VALIDATE_STRING | VALIDATE_NUMBER | VALIDATE_BOOLEAN,
                                              .may_be_empty = true};
static const struct validate_schema CONDITIONS = {.types = VALIDATE_OBJECT, .any_field = &SCALAR, .min_fields = 1};
static const struct validate_schema PORT = {.types = VALIDATE_STRING | VALIDATE_INTEGER,
                                            .expected = "a port expression like 22, 8000-8099 or https",
                                            .has_range = true,
                                            .minimum = 0,
                                            .maximum = 65535,
                                            .check = check_ports};
static const struct validate_schema PORTS = {.types = VALIDATE_STRING | VALIDATE_INTEGER | VALIDATE_ARRAY,
                                             .expected =
                                                 "a port expression like 22, \"80,443\", 8000-8099, https or any",
                                             .has_range = true,
                                             .minimum = 0,
                                             .maximum = 65535,
                                             .check = check_ports,
                                             .items = &PORT,
                                             .min_items = 1};
static const struct validate_schema SOURCES = {
    .types = VALIDATE_STRING | VALIDATE_ARRAY, .items = &REFERENCE, .min_items = 1};
static const struct validate_schema PROTO = {.types = VALIDATE_STRING, .values = PROTOS};
static const struct validate_schema SEVERITY = {.types = VALIDATE_STRING, .values = SEVERITIES};
static const struct validate_schema EXPECT = {.types = VALIDATE_STRING, .values = EXPECTS};
static const struct validate_schema SERVICE = {.types = VALIDATE_STRING, .max_length = OWNER_MAX};
static const struct validate_schema UNTIL = {
    .types = VALIDATE_STRING, .expected = "a date like 2027-03-31", .check = check_until};
static const struct validate_schema ONE_PORT = {
    .types = VALIDATE_INTEGER, .has_range = true, .minimum = 0, .maximum = 65535};

static const struct validate_field TO_FIELDS[] = {{"not", &REFERENCE, true}, {NULL, NULL, false}};
static const struct validate_schema TO = {.types = VALIDATE_STRING | VALIDATE_OBJECT,
                                          .expected = "a group's name, any, or {not: GROUP}",
                                          .fields = TO_FIELDS};

static const struct validate_field GROUP_FIELDS[] = {{"any", &ANY, false},         {"cidr", &PREFIXES, false},
                                                     {"realm", &TEXTS, false},     {"name", &TEXTS, false},
                                                     {"tags", &CONDITIONS, false}, {NULL, NULL, false}};
static const struct validate_schema GROUP = {.types = VALIDATE_OBJECT, .fields = GROUP_FIELDS, .min_fields = 1};
static const struct validate_schema GROUPS = {
    .types = VALIDATE_OBJECT, .any_field = &GROUP, .check_key = check_group_name};

static const struct validate_field DEFAULTS_FIELDS[] = {{"owner", &OWNER, false}, {NULL, NULL, false}};
static const struct validate_schema DEFAULTS = {.types = VALIDATE_OBJECT, .fields = DEFAULTS_FIELDS};

static const struct validate_field ALLOW_FIELDS[] = {
    {"id", &ID, true},        {"to", &TO, true},        {"ports", &PORTS, true},      {"from", &SOURCES, true},
    {"why", &PROSE, true},    {"proto", &PROTO, false}, {"service", &SERVICE, false}, {"when", &CONDITIONS, false},
    {"owner", &OWNER, false}, {"until", &UNTIL, false}, {NULL, NULL, false}};
static const struct validate_schema ALLOW = {.types = VALIDATE_OBJECT, .fields = ALLOW_FIELDS};
static const struct validate_schema ALLOWS = {
    .types = VALIDATE_ARRAY, .expected = "a list of rules", .items = &ALLOW, .max_items = RULES_MAX};

static const struct validate_field FORBID_FIELDS[] = {{"id", &ID, true},
                                                      {"to", &TO, true},
                                                      {"ports", &PORTS, true},
                                                      {"from", &SOURCES, false},
                                                      {"why", &PROSE, false},
                                                      {"fix", &PROSE, false},
                                                      {"severity", &SEVERITY, false},
                                                      {"proto", &PROTO, false},
                                                      {"service", &SERVICE, false},
                                                      {"when", &CONDITIONS, false},
                                                      {"owner", &OWNER, false},
                                                      {"until", &UNTIL, false},
                                                      {NULL, NULL, false}};
static const struct validate_schema FORBID = {.types = VALIDATE_OBJECT, .fields = FORBID_FIELDS};
static const struct validate_schema FORBIDS = {
    .types = VALIDATE_ARRAY, .expected = "a list of rules", .items = &FORBID, .max_items = RULES_MAX};

static const struct validate_field TEST_FIELDS[] = {{"to", &TO, true},         {"port", &ONE_PORT, true},
                                                    {"proto", &PROTO, false},  {"from", &SOURCES, true},
                                                    {"expect", &EXPECT, true}, {NULL, NULL, false}};
static const struct validate_schema TEST = {.types = VALIDATE_OBJECT, .fields = TEST_FIELDS};
static const struct validate_schema TESTS = {
    .types = VALIDATE_ARRAY, .expected = "a list of tests", .items = &TEST, .max_items = RULES_MAX};

static const struct validate_field POLICY_FIELDS[] = {{"version", &VERSION, true}, {"baseline", &BASELINE, false},
                                                      {"groups", &GROUPS, false},  {"defaults", &DEFAULTS, false},
                                                      {"allow", &ALLOWS, false},   {"forbid", &FORBIDS, false},
                                                      {"tests", &TESTS, false},    {NULL, NULL, false}};
static const struct validate_schema POLICY = {
    .types = VALIDATE_OBJECT, .expected = "a mapping that begins with \"version: 1\"", .fields = POLICY_FIELDS};

/* ---- from the tree, which has the right shape by now, to rules ---- */

struct compiler {
    struct policy *policy;
    struct problems *problems;
    char pointer[PROBLEM_POINTER_SIZE];
};

static char *text_of(const struct yaml_node *parent, const char *key)
{
    const struct yaml_node *node = yaml_node_get(parent, key);

    return strdup(node != NULL ? json_string_value(node->value) : "");
}

/* A scalar counts as a list of one. */
static size_t list_count(const struct yaml_node *node)
{
    return node == NULL ? 0 : json_is_array(node->value) ? node->child_count : 1;
}

static const struct yaml_node *list_item(const struct yaml_node *node, size_t index)
{
    return json_is_array(node->value) ? &node->children[index] : node;
}

static int compile_texts(const struct yaml_node *node, char ***ret_items, size_t *ret_count)
{
    size_t count = list_count(node);

    *ret_items = calloc(count + 1, sizeof(**ret_items));
    if (*ret_items == NULL) {
        return -ENOMEM;
    }
    for (; *ret_count < count; (*ret_count)++) {
        (*ret_items)[*ret_count] = strdup(json_string_value(list_item(node, *ret_count)->value));
        if ((*ret_items)[*ret_count] == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* "10.0.0.5/8" is likely a slip: said, and read as its network. */
static void warn_host_bits(struct compiler *compiler, const struct yaml_node *node, const struct prefix *prefix)
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

static int compile_prefixes(struct compiler *compiler, const struct yaml_node *node, struct rule_group *group)
{
    size_t count = list_count(node);

    group->prefixes = calloc(count + 1, sizeof(*group->prefixes));
    if (group->prefixes == NULL) {
        return -ENOMEM;
    }
    for (; group->prefix_count < count; group->prefix_count++) {
        const struct yaml_node *item = list_item(node, group->prefix_count);
        struct prefix *prefix = &group->prefixes[group->prefix_count];
        if (prefix_parse(json_string_value(item->value), prefix) != 0) {
            return -EBADMSG;
        }
        warn_host_bits(compiler, item, prefix);
    }
    return 0;
}

static int compile_group(struct compiler *compiler, const struct yaml_node *node, struct rule_group *group)
{
    const struct yaml_node *tags = yaml_node_get(node, "tags");
    int rc;

    snprintf(compiler->pointer, sizeof(compiler->pointer), "/groups/%s", node->key);
    group->any = yaml_node_get(node, "any") != NULL;
    group->has_tags = tags != NULL;
    group->name = strdup(node->key);
    if (group->name == NULL) {
        return -ENOMEM;
    }
    if (group->has_tags) {
        problems_add(compiler->problems, PROBLEM_WARNING, tags->key_mark, compiler->pointer,
                     "tags are not known to this release: the group \"%s\" matches no host yet", node->key);
    }
    rc = compile_prefixes(compiler, yaml_node_get(node, "cidr"), group);
    if (rc == 0) {
        rc = compile_texts(yaml_node_get(node, "realm"), &group->realms, &group->realm_count);
    }
    if (rc == 0) {
        rc = compile_texts(yaml_node_get(node, "name"), &group->name_globs, &group->name_glob_count);
    }
    return rc;
}

/* Group 0 is "any": every host. */
static int compile_groups(struct compiler *compiler, const struct yaml_node *node)
{
    struct rule_set *set = &compiler->policy->rules;
    size_t count = node != NULL ? node->child_count : 0;
    int rc = 0;

    set->groups = calloc(count + 1, sizeof(*set->groups));
    if (set->groups == NULL) {
        return -ENOMEM;
    }
    set->group_count = 1;
    set->groups[0].any = true;
    set->groups[0].name = strdup("any");
    if (set->groups[0].name == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = compile_group(compiler, &node->children[i], &set->groups[set->group_count++]);
    }
    return rc;
}

static bool find_group(const struct rule_set *set, const char *name, size_t *ret_index)
{
    for (size_t i = 0; i < set->group_count; i++) {
        if (strcmp(set->groups[i].name, name) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

/* Says that `name` is neither a group nor, where `words` are taken too, one of them. */
static int refuse_name(struct compiler *compiler, const struct yaml_node *node, const char *what, bool words)
{
    const struct rule_set *set = &compiler->policy->rules;
    const char *name = json_string_value(node->value);
    const char **known = calloc(set->group_count + sizeof(RESERVED) / sizeof(*RESERVED), sizeof(*known));
    const char *likely;
    size_t count = 0;

    if (known == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < set->group_count; i++) {
        known[count++] = set->groups[i].name;
    }
    for (size_t i = 1; words && RESERVED[i] != NULL; i++) {
        known[count++] = RESERVED[i];
    }
    likely = validate_suggest(name, known);
    if (likely != NULL) {
        problems_add(compiler->problems, PROBLEM_ERROR, node->mark, compiler->pointer,
                     "\"%s\" is not %s; did you mean \"%s\"?", name, what, likely);
    } else {
        problems_add(compiler->problems, PROBLEM_ERROR, node->mark, compiler->pointer, "\"%s\" is not %s", name, what);
    }
    free(known);
    return 0;
}

static int compile_to(struct compiler *compiler, const struct yaml_node *node, size_t *ret_group, bool *ret_not)
{
    *ret_not = json_is_object(node->value);
    if (*ret_not) {
        node = yaml_node_get(node, "not");
    }
    if (find_group(&compiler->policy->rules, json_string_value(node->value), ret_group)) {
        return 0;
    }
    return refuse_name(compiler, node, "a group of this policy", false);
}

/* How many public addresses the prefix holds, as far as it matters: 2^24 or an IPv6 prefix shorter than /32 are the
 * world. */
static uint64_t public_weight(const struct prefix *prefix)
{
    static const char *const not_public[] = {"10.0.0.0/8",  "172.16.0.0/12",  "192.168.0.0/16", "100.64.0.0/10",
                                             "127.0.0.0/8", "169.254.0.0/16", "fc00::/7",       "fe80::/10"};

    for (size_t i = 0; i < sizeof(not_public) / sizeof(*not_public); i++) {
        struct prefix outer;
        if (prefix_parse(not_public[i], &outer) == 0 && outer.bits <= prefix->bits &&
            prefix_contains(&outer, &prefix->addr)) {
            return 0;
        }
    }
    if (prefix->addr.is_ipv6 != 0) {
        return prefix->bits < 32 ? UINT64_C(1) << 24 : 0;
    }
    return UINT64_C(1) << (32 - prefix->bits);
}

static int compile_source(struct compiler *compiler, const struct yaml_node *node, struct rule_source *source,
                          uint64_t *public_total)
{
    const char *text = json_string_value(node->value);
    struct prefix prefix;
    size_t group;

    source->text = strdup(text);
    if (source->text == NULL) {
        return -ENOMEM;
    }
    if (strcmp(text, "any") == 0) {
        source->kind = RULE_SOURCE_ANYONE;
        return 0;
    }
    if (vantage_class_parse(text, &source->vantage_class) == 0) {
        source->kind = RULE_SOURCE_CLASS;
        return 0;
    }
    if (prefix_parse(text, &prefix) == 0) {
        source->kind = RULE_SOURCE_PREFIX;
        warn_host_bits(compiler, node, &prefix);
        *public_total += public_weight(&prefix);
        return 0;
    }
    source->kind = RULE_SOURCE_GROUP;
    if (find_group(&compiler->policy->rules, text, &group)) {
        return 0;
    }
    return refuse_name(compiler, node, "a group, a CIDR or one of world, public-range, peer, vpn, own-vpc and self",
                       true);
}

static int compile_sources(struct compiler *compiler, const struct yaml_node *node, struct rule *rule)
{
    size_t count = list_count(node);
    uint64_t public_total = 0;
    size_t unseen = 0;

    rule->sources = calloc(count + 1, sizeof(*rule->sources));
    if (rule->sources == NULL) {
        return -ENOMEM;
    }
    while (rule->source_count < count) {
        const struct yaml_node *item = list_item(node, rule->source_count);
        int rc = compile_source(compiler, item, &rule->sources[rule->source_count++], &public_total);
        if (rc != 0) {
            return rc;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct rule_source *source = &rule->sources[i];
        if (source->kind == RULE_SOURCE_PREFIX && public_total >= UINT64_C(1) << 24) {
            source->kind = RULE_SOURCE_CLASS;
            source->vantage_class = VANTAGE_WORLD;
        }
        unseen += source->kind == RULE_SOURCE_GROUP || source->kind == RULE_SOURCE_PREFIX ? 1 : 0;
    }
    if (unseen > 0) {
        problems_add(compiler->problems, PROBLEM_WARNING, node->mark, compiler->pointer,
                     "whether a vantage stands inside a group or a CIDR is not known to this release: seen from there "
                     "the rule \"%s\" is unproven and decides nothing",
                     rule->id);
    }
    return 0;
}

static int compile_ports(const struct yaml_node *node, struct portset *set)
{
    char reason[PORT_EXPRESSION_REASON_SIZE];

    portset_clear(set);
    for (size_t i = 0; i < list_count(node); i++) {
        const json_t *value = list_item(node, i)->value;
        struct portset some;
        if (json_is_integer(value)) {
            portset_add(set, (uint16_t)json_integer_value(value));
        } else if (port_expression_parse(json_string_value(value), NULL, &some, reason) == 0) {
            portset_union(set, &some);
        } else {
            return -EBADMSG;
        }
    }
    return 0;
}

static int compile_texts_of_rule(const struct yaml_node *node, struct rule *rule)
{
    rule->id = text_of(node, "id");
    rule->proto = text_of(node, "proto");
    rule->service = text_of(node, "service");
    rule->why = text_of(node, "why");
    rule->fix = text_of(node, "fix");
    rule->owner = text_of(node, "owner");
    return rule->id != NULL && rule->proto != NULL && rule->service != NULL && rule->why != NULL && rule->fix != NULL &&
                   rule->owner != NULL
               ? 0
               : -ENOMEM;
}

static const struct rule *find_rule(const struct rule_list *list, const char *id, const struct rule *but)
{
    for (size_t i = 0; i < list->count; i++) {
        if (&list->items[i] != but && strcmp(list->items[i].id, id) == 0) {
            return &list->items[i];
        }
    }
    return NULL;
}

static void check_id(struct compiler *compiler, const struct yaml_node *node, const struct rule *rule)
{
    const struct rule_set *set = &compiler->policy->rules;
    const struct rule *other = find_rule(&set->allow, rule->id, rule);

    if (other == NULL) {
        other = find_rule(&set->forbid, rule->id, rule);
    }
    if (other != NULL) {
        problems_add(compiler->problems, PROBLEM_ERROR, yaml_node_get(node, "id")->mark, compiler->pointer,
                     "the id \"%s\" is taken by the rule at line %u: each rule needs its own", rule->id, other->line);
    }
}

/* The names of all facts, for suggestions. */
static const char *suggest_fact(const char *name)
{
    const char *names[FACTS_NAMED_MOST + 1] = {NULL};
    size_t count;
    const struct fact_kind *kinds = fact_kinds(&count);

    for (size_t i = 0; i < count && i < FACTS_NAMED_MOST; i++) {
        names[i] = kinds[i].name;
    }
    return validate_suggest(name, names);
}

static int compile_condition(struct compiler *compiler, const struct yaml_node *node, struct condition *ret_condition)
{
    const struct fact_kind *kind = fact_kind_find(node->key);
    char pointer[PROBLEM_POINTER_SIZE + CONDITION_REASON_SIZE];
    char reason[CONDITION_REASON_SIZE];
    const char *meant = kind == NULL ? suggest_fact(node->key) : NULL;
    int rc;

    snprintf(pointer, sizeof(pointer), "%s/when/%.200s", compiler->pointer, node->key);
    if (kind == NULL) {
        problems_add(compiler->problems, PROBLEM_ERROR, node->key_mark, pointer,
                     "there is no fact \"%s\"%s%s%s; docs/facts.md lists what a condition can ask for", node->key,
                     meant == NULL ? "" : "; did you mean \"", meant == NULL ? "" : meant, meant == NULL ? "" : "\"?");
        return 0;
    }
    rc = condition_parse(kind, node->value, ret_condition, reason);
    if (rc == -EINVAL) {
        problems_add(compiler->problems, PROBLEM_ERROR, node->mark, pointer, "%s", reason);
        return 0;
    }
    return rc < 0 ? rc : 1;
}

static int compile_conditions(struct compiler *compiler, const struct yaml_node *when, struct rule *rule)
{
    if (when == NULL) {
        return 0;
    }
    rule->conditions = calloc(when->child_count + 1, sizeof(*rule->conditions));
    if (rule->conditions == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < when->child_count; i++) {
        int rc = compile_condition(compiler, &when->children[i], &rule->conditions[rule->condition_count]);
        if (rc < 0) {
            return rc;
        }
        rule->condition_count += rc > 0;
    }
    return 0;
}

static int compile_rule(struct compiler *compiler, const struct yaml_node *node, struct rule *rule)
{
    const struct yaml_node *severity = yaml_node_get(node, "severity");
    const struct yaml_node *until = yaml_node_get(node, "until");
    int rc = compile_texts_of_rule(node, rule);

    if (rc != 0) {
        return rc;
    }
    rule->line = node->mark.line;
    check_id(compiler, node, rule);
    rule->has_severity = severity != NULL;
    if (severity != NULL && severity_parse(json_string_value(severity->value), &rule->severity) != 0) {
        return -EBADMSG;
    }
    if (until != NULL && until_parse(json_string_value(until->value), &rule->until_ms) != 0) {
        return -EBADMSG;
    }
    rc = compile_to(compiler, yaml_node_get(node, "to"), &rule->to, &rule->to_not);
    if (rc == 0) {
        rc = compile_ports(yaml_node_get(node, "ports"), &rule->ports);
    }
    if (rc == 0) {
        rc = compile_conditions(compiler, yaml_node_get(node, "when"), rule);
    }
    return rc == 0 ? compile_sources(compiler, yaml_node_get(node, "from"), rule) : rc;
}

static int compile_rules(struct compiler *compiler, const struct yaml_node *node, struct rule_list *list)
{
    size_t count = list_count(node);

    list->items = calloc(count + 1, sizeof(*list->items));
    if (list->items == NULL) {
        return -ENOMEM;
    }
    while (list->count < count) {
        int rc;
        snprintf(compiler->pointer, sizeof(compiler->pointer), "/%s/%zu", node->key, list->count);
        rc = compile_rule(compiler, &node->children[list->count], &list->items[list->count]);
        list->count++;
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* A test is kept in shape: its groups must exist, so that it does not rot unseen. */
static int compile_tests(struct compiler *compiler, const struct yaml_node *node)
{
    int rc = 0;

    for (size_t i = 0; i < list_count(node) && rc == 0; i++) {
        const struct yaml_node *from = yaml_node_get(&node->children[i], "from");
        struct rule_source source = {0};
        uint64_t public_total = 0;
        size_t group;
        bool is_not;
        snprintf(compiler->pointer, sizeof(compiler->pointer), "/tests/%zu", i);
        rc = compile_to(compiler, yaml_node_get(&node->children[i], "to"), &group, &is_not);
        for (size_t j = 0; j < list_count(from) && rc == 0; j++) {
            rc = compile_source(compiler, list_item(from, j), &source, &public_total);
            free(source.text);
        }
    }
    if (rc == 0 && list_count(node) > 0) {
        problems_add(compiler->problems, PROBLEM_WARNING, node->key_mark, "/tests",
                     "tests are checked in shape only: this release does not run them");
    }
    return rc;
}

static int compile(struct compiler *compiler, const struct yaml_node *root)
{
    struct policy *policy = compiler->policy;
    const struct yaml_node *baseline = yaml_node_get(root, "baseline");
    const struct yaml_node *defaults = yaml_node_get(root, "defaults");
    int rc;

    policy->baseline = baseline != NULL ? (uint32_t)json_integer_value(baseline->value) : BASELINE_NEWEST;
    policy->rules.owner = defaults != NULL ? text_of(defaults, "owner") : strdup("");
    if (policy->rules.owner == NULL) {
        return -ENOMEM;
    }
    rc = compile_groups(compiler, yaml_node_get(root, "groups"));
    if (rc == 0) {
        rc = compile_rules(compiler, yaml_node_get(root, "allow"), &policy->rules.allow);
    }
    if (rc == 0) {
        rc = compile_rules(compiler, yaml_node_get(root, "forbid"), &policy->rules.forbid);
    }
    return rc == 0 ? compile_tests(compiler, yaml_node_get(root, "tests")) : rc;
}

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
    if (policy->rules.owner == NULL) {
        policy_destroy(policy);
        return NULL;
    }
    return policy;
}

int policy_parse(const char *text, size_t size, const char *name, struct problems *problems, struct policy **ret_policy)
{
    struct compiler compiler = {.problems = problems};
    size_t errors_before = problems->error_count;
    struct yaml_tree *tree;
    int rc = yaml_tree_parse(text, size, problems, &tree);

    if (rc != 0) {
        return rc;
    }
    rc = validate_tree(yaml_tree_root(tree), &POLICY, problems);
    if (rc == 0) {
        compiler.policy = create(text, size, name);
        rc = compiler.policy == NULL ? -ENOMEM : compile(&compiler, yaml_tree_root(tree));
    }
    yaml_tree_destroy(tree);
    if (rc == 0 && problems->error_count > errors_before) {
        rc = -EBADMSG;
    }
    if (rc != 0) {
        policy_destroy(compiler.policy);
        return rc;
    }
    *ret_policy = compiler.policy;
    return 0;
}

int policy_load(const char *path, struct problems *problems, struct policy **ret_policy)
{
    char *text;
    size_t size;
    int rc = yaml_read_file(path, &text, &size);

    if (rc != 0) {
        problems_add(problems, PROBLEM_ERROR, (struct mark){0}, NULL, "cannot read the policy: %s", strerror(-rc));
        return rc;
    }
    rc = policy_parse(text, size, path, problems, ret_policy);
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
