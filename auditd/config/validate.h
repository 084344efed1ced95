/* One validator for what people write, from a file or by REST: a tree of nodes against a table. Several errors in one
 * go, each with its place. Knows no particular document. */
#ifndef LEASTPORT_AUDITD_CONFIG_VALIDATE_H
#define LEASTPORT_AUDITD_CONFIG_VALIDATE_H

#include "auditd/config/yaml.h"

enum validate_type {
    VALIDATE_STRING = 1,
    VALIDATE_INTEGER = 2,
    VALIDATE_NUMBER = 4,
    VALIDATE_BOOLEAN = 8,
    VALIDATE_OBJECT = 16,
    VALIDATE_ARRAY = 32,
    VALIDATE_NULL = 64,
};

struct validate_schema;

struct validate_field {
    const char *key; /* NULL ends the table */
    const struct validate_schema *schema;
    bool required;
};

/* What a node may be. A member that is 0 or NULL asks nothing. */
struct validate_schema {
    unsigned types; /* of enum validate_type, several or-ed */
    /* Said when the type or the form is wrong: "an address or a CIDR". */
    const char *expected;
    /* A string. */
    const char *const *values; /* NULL ends them */
    size_t max_length;         /* in bytes; 0 is 1024. The empty string is refused unless `may_be_empty` */
    bool may_be_empty;
    /* Returns false when the scalar has not the form of `expected`; may say more exactly what is wrong in `reason`. */
    bool (*check)(const json_t *value, char *reason, size_t reason_size);
    /* A number. */
    bool has_range;
    double minimum;
    double maximum;
    /* An array. */
    const struct validate_schema *items;
    size_t min_items;
    size_t max_items; /* 0 is no limit */
    /* An object: known keys, and what keys of the writer's own choice may hold. */
    const struct validate_field *fields;
    const struct validate_schema *any_field;
    /* Keys that people bring along from elsewhere: a pattern that `any_field`'s keys must have; NULL is any name. */
    bool (*check_key)(const char *key, char *reason, size_t reason_size);
    size_t min_fields;
};

/* -EBADMSG when an error was added to *problems. */
MUST_USE int validate_tree(const struct yaml_node *root, const struct validate_schema *schema,
                           struct problems *problems);

/* The word of `words` (NULL ends them) that `word` was likely meant to be, or NULL. */
const char *validate_suggest(const char *word, const char *const *words);

#endif
