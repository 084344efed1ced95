#define PCRE2_CODE_UNIT_WIDTH 8

#include "scanner/service/rules.h"

#include <ctype.h>
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum { MATCH_LIMIT = 20000, DEPTH_LIMIT = 500, GROUPS = 10, CPE_FIELDS = 11 };

struct rules {
    pcre2_match_context *context;
    pcre2_match_data *match;
    const struct rule *table;
    size_t count;
    pcre2_code *codes[];
};

void rules_destroy(struct rules *rules)
{
    for (size_t i = 0; rules != NULL && i < rules->count; i++) {
        pcre2_code_free(rules->codes[i]);
    }
    if (rules != NULL) {
        pcre2_match_data_free(rules->match);
        pcre2_match_context_free(rules->context);
        free(rules);
    }
}

/* Machine code where that can be had; without it the same by PCRE2's interpreter. */
static int compile(const struct rule *rule, pcre2_code **ret_code, struct problem *problem)
{
    PCRE2_SIZE offset;
    int error;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)rule->pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &error, &offset, NULL);

    if (code == NULL) {
        PCRE2_UCHAR text[128] = "";
        pcre2_get_error_message(error, text, sizeof(text));
        return problem_set(problem, -EINVAL, "the pattern %s: %s at offset %zu", rule->pattern, (const char *)text,
                           (size_t)offset);
    }
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    *ret_code = code;
    return 0;
}

int rules_create(struct rules **ret_rules, struct problem *problem)
{
    size_t count;
    const struct rule *table = rules_table(&count);
    struct rules *rules = calloc(1, sizeof(*rules) + count * sizeof(*rules->codes));
    int rc = 0;

    if (rules == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    rules->table = table;
    rules->count = count;
    rules->context = pcre2_match_context_create(NULL);
    rules->match = pcre2_match_data_create(GROUPS, NULL);
    if (rules->context == NULL || rules->match == NULL) {
        rc = problem_set(problem, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = compile(&table[i], &rules->codes[i], problem);
    }
    if (rc < 0) {
        rules_destroy(rules);
        return rc;
    }
    pcre2_set_match_limit(rules->context, MATCH_LIMIT);
    pcre2_set_depth_limit(rules->context, DEPTH_LIMIT);
    *ret_rules = rules;
    return 0;
}

/* A match: the text and where its groups are. */
struct found {
    const char *text;
    const PCRE2_SIZE *ends;
    size_t groups;
};

static struct span group_of(const struct found *found, size_t group)
{
    const PCRE2_SIZE *ends = &found->ends[2 * group];

    if (group >= found->groups || ends[0] == PCRE2_UNSET || ends[0] > ends[1]) {
        return (struct span){NULL, 0};
    }
    return (struct span){(const uint8_t *)found->text + ends[0], ends[1] - ends[0]};
}

static void put_byte(char *text, size_t room, size_t *used, char byte)
{
    if (*used + 1 < room) {
        text[(*used)++] = byte;
    }
    text[*used] = '\0';
}

/* What a name may hold without a backslash before it (NISTIR 7695, section 6.2). */
static bool is_plain(char byte)
{
    return isalnum((unsigned char)byte) || byte == '.' || byte == '_' || byte == '-';
}

/* The template with its groups filled in; with `cpe` each of them in lower case, quoted, and "*" when it is empty. */
static void fill_in(const char *template, const struct found *found, bool cpe, char *text, size_t room)
{
    size_t used = 0;

    text[0] = '\0';
    for (const char *at = template; *at != '\0'; at++) {
        struct span group;
        if (*at != '$' || !isdigit((unsigned char)at[1])) {
            put_byte(text, room, &used, *at);
            continue;
        }
        group = group_of(found, (size_t)(*++at - '0'));
        if (cpe && group.size == 0) {
            put_byte(text, room, &used, '*');
        }
        for (size_t i = 0; i < group.size; i++) {
            char byte = (char)group.bytes[i];
            if (cpe && !is_plain(byte)) {
                put_byte(text, room, &used, '\\');
            }
            put_byte(text, room, &used, cpe ? (char)tolower((unsigned char)byte) : byte);
        }
    }
}

static void set_cpe(struct facts *facts, const char *template, const struct found *found)
{
    char name[FACTS_TEXT_MAX] = "cpe:2.3:";
    size_t head = strlen(name);
    size_t used;
    size_t fields = 1;

    fill_in(template, found, true, name + head, sizeof(name) - head);
    for (const char *at = template; *at != '\0'; at++) {
        fields += *at == ':';
    }
    used = strlen(name);
    for (; fields < CPE_FIELDS; fields++) {
        put_byte(name, sizeof(name), &used, ':');
        put_byte(name, sizeof(name), &used, '*');
    }
    facts_set_string(facts, "cpe", name);
}

static void set_filled(struct facts *facts, const char *fact, const char *template, const struct found *found)
{
    char text[FACTS_TEXT_MAX];

    if (template != NULL) {
        fill_in(template, found, false, text, sizeof(text));
        facts_set_string(facts, fact, text);
    }
}

static bool apply(const struct rules *rules, size_t i, struct facts *facts)
{
    const struct rule *rule = &rules->table[i];
    const char *said = facts_text(facts, rule->fact);
    char text[FACTS_TEXT_MAX + 1];
    struct found found = {.text = text};
    int groups;

    if (said == NULL) {
        return false;
    }
    /* The facts move when one is set. */
    memcpy(text, said, strlen(said) + 1);
    groups = pcre2_match(rules->codes[i], (PCRE2_SPTR)text, strlen(text), 0, PCRE2_NO_UTF_CHECK, rules->match,
                         rules->context);
    if (groups <= 0) {
        return false;
    }
    found.groups = (size_t)groups;
    found.ends = pcre2_get_ovector_pointer(rules->match);
    set_filled(facts, "product", rule->product, &found);
    set_filled(facts, "version", rule->version, &found);
    set_filled(facts, "os", rule->os, &found);
    if (rule->cpe != NULL) {
        set_cpe(facts, rule->cpe, &found);
    }
    return true;
}

void rules_apply(const struct rules *rules, struct facts *facts)
{
    const char *service = facts_text(facts, "service");
    char name[FACTS_TEXT_MAX + 1];

    if (service == NULL) {
        return;
    }
    memcpy(name, service, strlen(service) + 1);
    for (size_t i = 0; i < rules->count; i++) {
        if (strcmp(rules->table[i].service, name) == 0 && apply(rules, i, facts)) {
            return;
        }
    }
}
