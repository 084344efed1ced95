#include "auditd/policy/compile.h"

#include "auditd/policy/port_expression.h"
#include "auditd/policy/rule_index.h"
#include "auditd/policy/shape.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { FACTS_NAMED_MOST = 64 };

static char *text_of(const struct yaml_node *parent, const char *key)
{
    const struct yaml_node *node = yaml_node_get(parent, key);

    return strdup(node != NULL ? json_string_value(node->value) : "");
}

size_t compile_list_count(const struct yaml_node *node)
{
    return node == NULL ? 0 : json_is_array(node->value) ? node->child_count : 1;
}

const struct yaml_node *compile_list_item(const struct yaml_node *node, size_t index)
{
    return json_is_array(node->value) ? &node->children[index] : node;
}

/* The words of "expect", which live for ever. */
static const char *find_word(const char *text)
{
    return strcmp(text, "finding") == 0 ? "finding" : strcmp(text, "allowed") == 0 ? "allowed" : "unproven";
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

static int compile_source(struct compiler *compiler, const struct yaml_node *node, struct rule_source *source)
{
    const char *text = json_string_value(node->value);

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
    if (prefix_parse(text, &source->prefix) == 0) {
        source->kind = RULE_SOURCE_PREFIX;
        compile_warn_host_bits(compiler, node, &source->prefix);
        return 0;
    }
    source->kind = RULE_SOURCE_GROUP;
    if (compile_find_group(compiler, text, &source->group)) {
        return 0;
    }
    if (selector_is_security_group_id(text)) {
        return compile_security_group(compiler, node, &source->group);
    }
    return compile_refuse_name(
        compiler, node,
        "a group, a security group (sg-…), a CIDR or one of world, public-range, peer, vpn, own-vpc and self", true);
}

static int compile_sources(struct compiler *compiler, const struct yaml_node *node, struct rule_source **sources,
                           size_t *ret_count)
{
    size_t count = compile_list_count(node);
    uint64_t public_total = 0;

    *sources = calloc(count + 1, sizeof(**sources));
    if (*sources == NULL) {
        return -ENOMEM;
    }
    while (*ret_count < count) {
        struct rule_source *source = &(*sources)[*ret_count];
        int rc = compile_source(compiler, compile_list_item(node, (*ret_count)++), source);
        if (rc != 0) {
            return rc;
        }
        public_total += source->kind == RULE_SOURCE_PREFIX ? public_weight(&source->prefix) : 0;
    }
    for (size_t i = 0; i < count && public_total >= UINT64_C(1) << 24; i++) {
        struct rule_source *source = &(*sources)[i];
        if (source->kind == RULE_SOURCE_PREFIX) {
            source->kind = RULE_SOURCE_CLASS;
            source->vantage_class = VANTAGE_WORLD;
        }
    }
    return 0;
}

static int compile_ports(const struct yaml_node *node, struct portset *set)
{
    char reason[PORT_EXPRESSION_REASON_SIZE];

    portset_clear(set);
    for (size_t i = 0; i < compile_list_count(node); i++) {
        const json_t *value = compile_list_item(node, i)->value;
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

/* Of a set that is not empty. */
static uint16_t last_port(const struct portset *set)
{
    size_t word = sizeof(set->words) / sizeof(*set->words) - 1;

    while (set->words[word] == 0) {
        word--;
    }
    return (uint16_t)(word * 64 + 63 - (size_t)__builtin_clzll(set->words[word]));
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
    const struct rule_set *set = compiler->set;
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

/* `of` is the key that it stands under. 1, 0 when an error was said, -ENOMEM. */
static int compile_condition(struct compiler *compiler, const struct yaml_node *node, const char *of,
                             struct condition *ret_condition)
{
    const struct fact_kind *kind = fact_kind_find(node->key);
    char pointer[PROBLEM_POINTER_SIZE + CONDITION_REASON_SIZE];
    char reason[CONDITION_REASON_SIZE];
    bool enough = problems_are_enough(compiler->problems, PROBLEM_ERROR);
    const char *meant = kind == NULL && !enough ? suggest_fact(node->key) : NULL;
    int rc;

    snprintf(pointer, sizeof(pointer), "%s/%s/%.200s", compiler->pointer, of, node->key);
    if (kind == NULL) {
        problems_add(compiler->problems, PROBLEM_ERROR, node->key_mark, pointer,
                     "there is no fact \"%s\"%s%s%s docs/facts.md lists what a condition can ask for", node->key,
                     meant == NULL ? ";" : "; did you mean \"", meant == NULL ? "" : meant, meant == NULL ? "" : "\"?");
        return 0;
    }
    rc = condition_parse(kind, node->value, ret_condition, reason);
    if (rc == -EINVAL) {
        problems_add(compiler->problems, PROBLEM_ERROR, node->mark, pointer, "%s", reason);
        return 0;
    }
    return rc < 0 ? rc : 1;
}

/* "declared: blocked" is one more condition. */
static int compile_declared(struct compiler *compiler, const struct yaml_node *declared, struct rule *rule)
{
    int rc = compile_condition(compiler, declared, "", &rule->conditions[rule->condition_count]);

    rule->condition_count += rc > 0;
    return rc < 0 ? rc : 0;
}

static int compile_conditions(struct compiler *compiler, const struct yaml_node *of, struct rule *rule)
{
    const struct yaml_node *when = yaml_node_get(of, "when");
    const struct yaml_node *declared = yaml_node_get(of, FACT_DECLARED);
    size_t count = when == NULL ? 0 : when->child_count;

    if (count == 0 && declared == NULL) {
        return 0;
    }
    rule->conditions = calloc(count + 1, sizeof(*rule->conditions));
    if (rule->conditions == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        int rc = compile_condition(compiler, &when->children[i], "when", &rule->conditions[rule->condition_count]);
        if (rc < 0) {
            return rc;
        }
        rule->condition_count += rc > 0;
    }
    return declared == NULL ? 0 : compile_declared(compiler, declared, rule);
}

/* With blanks between. */
static int compile_controls(const struct yaml_node *node, struct rule *rule)
{
    char text[VERDICT_CONTROLS_SIZE] = "";
    size_t used = 0;

    for (size_t i = 0; i < compile_list_count(node) && used < sizeof(text); i++) {
        int length = snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? " " : "",
                              json_string_value(compile_list_item(node, i)->value));
        used += (size_t)length;
    }
    rule->controls = strdup(text);
    return rule->controls == NULL ? -ENOMEM : 0;
}

/* Text with its end, so that "ab", "c" is not "a", "bc". */
static void hash_text(crypto_generichash_state *state, const char *text)
{
    (void)crypto_generichash_update(state, (const unsigned char *)text, strlen(text) + 1);
}

static uint64_t hash_rule(const struct rule *rule)
{
    const unsigned char severity = (unsigned char)(rule->has_severity ? rule->severity : 0);
    const char *texts[] = {rule->id, rule->why, rule->fix, rule->owner, rule->controls};
    crypto_generichash_state state;
    unsigned char digest[crypto_generichash_BYTES_MIN];
    uint64_t hash;

    (void)crypto_generichash_init(&state, NULL, 0, sizeof(digest));
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        hash_text(&state, texts[i]);
    }
    (void)crypto_generichash_update(&state, &severity, 1);
    (void)crypto_generichash_final(&state, digest, sizeof(digest));
    memcpy(&hash, digest, sizeof(hash));
    return hash;
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
    rule->column = node->mark.column;
    check_id(compiler, node, rule);
    rule->has_severity = severity != NULL;
    if (severity != NULL && severity_parse(json_string_value(severity->value), &rule->severity) != 0) {
        return -EBADMSG;
    }
    if (until != NULL && policy_until_parse(json_string_value(until->value), &rule->until_ms) != 0) {
        return -EBADMSG;
    }
    rc = compile_to(compiler, yaml_node_get(node, "to"), &rule->to);
    if (rc == 0) {
        rc = compile_ports(yaml_node_get(node, "ports"), &rule->ports);
    }
    if (rc == 0) {
        rule->port_first = (uint16_t)portset_next(&rule->ports, 0);
        rule->port_last = last_port(&rule->ports);
        rule->port_count = portset_count(&rule->ports);
        rc = compile_conditions(compiler, node, rule);
    }
    if (rc == 0) {
        rc = compile_controls(yaml_node_get(node, "controls"), rule);
    }
    if (rc == 0) {
        rc = compile_sources(compiler, yaml_node_get(node, "from"), &rule->sources, &rule->source_count);
    }
    rule->hash = rc == 0 ? hash_rule(rule) : 0;
    return rc;
}

static int compile_rules(struct compiler *compiler, const struct yaml_node *node, struct rule_list *list)
{
    size_t count = compile_list_count(node);

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

/* ---- tests ---- */

static int compile_given(struct compiler *compiler, const struct yaml_node *node, struct rule_test *test)
{
    struct condition condition;
    int rc = compile_condition(compiler, node, "facts", &condition);

    if (rc <= 0) {
        return rc;
    }
    if (condition.relation != CONDITION_IS) {
        problems_add(compiler->problems, PROBLEM_ERROR, node->mark, compiler->pointer,
                     "\"%s\" must be a value: a test says what is, not what is asked for", node->key);
        condition_done(&condition);
        return 0;
    }
    test->facts[test->fact_count++] = (struct exposure_fact){condition.kind->name, condition.text};
    return 0;
}

static int compile_test(struct compiler *compiler, const struct yaml_node *node, struct rule_test *test)
{
    const struct yaml_node *proto = yaml_node_get(node, "proto");
    const struct yaml_node *facts = yaml_node_get(node, "facts");
    size_t fact_count = facts == NULL ? 0 : facts->child_count;
    int rc;

    test->line = node->mark.line;
    test->column = node->mark.column;
    test->port = (uint16_t)json_integer_value(yaml_node_get(node, "port")->value);
    test->proto = proto != NULL && strcmp(json_string_value(proto->value), "udp") == 0 ? "udp" : "tcp";
    test->expect = find_word(json_string_value(yaml_node_get(node, "expect")->value));
    test->service = text_of(node, "service");
    test->facts = calloc(fact_count + 1, sizeof(*test->facts));
    if (test->service == NULL || test->facts == NULL) {
        return -ENOMEM;
    }
    rc = compile_to(compiler, yaml_node_get(node, "to"), &test->to);
    if (rc == 0) {
        rc = compile_sources(compiler, yaml_node_get(node, "from"), &test->sources, &test->source_count);
    }
    for (size_t i = 0; i < fact_count && rc == 0; i++) {
        rc = compile_given(compiler, &facts->children[i], test);
    }
    return rc;
}

static int compile_tests(struct compiler *compiler, const struct yaml_node *node)
{
    size_t count = compile_list_count(node);
    size_t questions = 0;
    int rc = 0;

    compiler->set->tests = calloc(count + 1, sizeof(*compiler->set->tests));
    if (compiler->set->tests == NULL) {
        return -ENOMEM;
    }
    while (compiler->set->test_count < count && rc == 0) {
        size_t at = compiler->set->test_count++;
        snprintf(compiler->pointer, sizeof(compiler->pointer), "/tests/%zu", at);
        rc = compile_test(compiler, &node->children[at], &compiler->set->tests[at]);
        questions += compiler->set->tests[at].source_count;
        if (questions > RULE_QUESTIONS_MAX) {
            problems_add(compiler->problems, PROBLEM_ERROR, node->children[at].mark, compiler->pointer,
                         "with this test, the tests list more than %d sources together", RULE_QUESTIONS_MAX);
            rc = rc == 0 ? -EBADMSG : rc;
        }
    }
    return rc;
}

static bool asks_outside(const struct rule_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = 0; j < list->items[i].source_count; j++) {
            enum rule_source_kind kind = list->items[i].sources[j].kind;
            if (kind == RULE_SOURCE_GROUP || kind == RULE_SOURCE_PREFIX) {
                return true;
            }
        }
    }
    return false;
}

/* How many groups the sources of the rules may ask for: those that look like security groups. */
static size_t count_security_groups(const struct yaml_node *rules)
{
    size_t count = 0;

    for (size_t i = 0; i < compile_list_count(rules); i++) {
        const struct yaml_node *from = yaml_node_get(compile_list_item(rules, i), "from");
        for (size_t j = 0; j < compile_list_count(from); j++) {
            count += selector_is_security_group_id(json_string_value(compile_list_item(from, j)->value));
        }
    }
    return count < RULE_SECURITY_GROUPS_MAX ? count : RULE_SECURITY_GROUPS_MAX;
}

static bool asks_declared(const struct rule_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = 0; j < list->items[i].condition_count; j++) {
            if (strcmp(list->items[i].conditions[j].kind->name, FACT_DECLARED) == 0) {
                return true;
            }
        }
    }
    return false;
}

int policy_compile(const struct yaml_node *root, struct problems *problems, struct rule_set *set)
{
    struct compiler compiler = {.set = set, .problems = problems};
    const struct yaml_node *defaults = yaml_node_get(root, "defaults");
    const struct yaml_node *allow = yaml_node_get(root, "allow");
    const struct yaml_node *forbid = yaml_node_get(root, "forbid");
    const struct yaml_node *tests = yaml_node_get(root, "tests");
    size_t more = compile_list_count(allow) + compile_list_count(forbid) + compile_list_count(tests) +
                  count_security_groups(allow) + count_security_groups(forbid) + count_security_groups(tests);
    int rc;

    set->owner = defaults != NULL ? text_of(defaults, "owner") : strdup("");
    if (set->owner == NULL) {
        return -ENOMEM;
    }
    rc = compile_groups(&compiler, yaml_node_get(root, "groups"), more);
    if (rc == 0) {
        rc = compile_rules(&compiler, allow, &set->allow);
    }
    if (rc == 0) {
        rc = compile_rules(&compiler, forbid, &set->forbid);
    }
    if (rc == 0) {
        rc = compile_tests(&compiler, tests);
    }
    if (rc == 0) {
        rc = compile_check_groups(&compiler);
        set->asks_outside = asks_outside(&set->allow);
        set->asks_declared = asks_declared(&set->allow) || asks_declared(&set->forbid);
    }
    if (rc == 0) {
        set->index = rule_index_create(set);
        rc = set->index == NULL ? -ENOMEM : 0;
    }
    free(compiler.names);
    return rc;
}
