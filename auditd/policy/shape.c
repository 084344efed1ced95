#include "auditd/policy/shape.h"

#include "auditd/policy/baseline.h"
#include "auditd/policy/port_expression.h"
#include "auditd/policy/rule.h"
#include "lib/clock.h"
#include "lib/standard.h"

#include <errno.h>
#include <string.h>

enum { ID_MAX = 48, OWNER_MAX = 63, PROSE_MAX = 400, DAY_MS = 24 * 3600 * 1000 };

const char *const policy_words[] = {"any", "world", "public-range", "peer", "vpn", "own-vpc", "self", NULL};

static bool is_reserved(const char *name)
{
    for (size_t i = 0; policy_words[i] != NULL; i++) {
        if (strcmp(policy_words[i], name) == 0) {
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

/* What begins like an id is one. */
static bool check_security_group(const json_t *value, char *reason, size_t size)
{
    const char *text = json_string_value(value);

    snprintf(reason, size, "\"%.64s\" is no id of a security group", text);
    return strncmp(text, "sg-", 3) != 0 || selector_is_security_group_id(text);
}

static bool check_ports(const json_t *value, char *reason, size_t size)
{
    return port_expression_check(value, NULL, reason, size);
}

/* The day after the date, at 0:00 UTC: a date counts to its end. */
int policy_until_parse(const char *text, int64_t *ret_ms)
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
    return policy_until_parse(json_string_value(value), &ms) == 0;
}

static bool check_true(const json_t *value, char *reason, size_t size)
{
    (void)reason;
    (void)size;
    return json_is_true(value);
}

static bool check_control(const json_t *value, char *reason, size_t size)
{
    const char *id = json_string_value(value);
    const char *meant;

    if (standard_control_find(id) != NULL) {
        return true;
    }
    meant = validate_suggest(id, standard_control_ids());
    snprintf(reason, size, "\"%.64s\" is none%s%s%s", id, meant == NULL ? "" : "; did you mean \"",
             meant == NULL ? "" : meant, meant == NULL ? "" : "\"?");
    return false;
}

static const char *const PROTOS[] = {"tcp", "udp", NULL};
static const char *const SEVERITIES[] = {"low", "medium", "high", "critical", NULL};
static const char *const DECLAREDS[] = {"reachable", "conditional", "unknown", "blocked-return", "blocked", NULL};
static const char *const EXPECTS[] = {"finding", "allowed", "unproven", NULL};

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
static const struct validate_schema SECURITY_GROUP = {.types = VALIDATE_STRING,
                                                      .expected = "an id like sg-0123abcd or a group's name (globs)",
                                                      .max_length = 255,
                                                      .check = check_security_group};
static const struct validate_schema SECURITY_GROUPS = {
    .types = VALIDATE_STRING | VALIDATE_ARRAY,
    .expected = "an id like sg-0123abcd, a group's name (globs), or a list of them",
    .max_length = 255,
    .check = check_security_group,
    .items = &SECURITY_GROUP,
    .min_items = 1};
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
    .types = VALIDATE_STRING | VALIDATE_ARRAY, .items = &REFERENCE, .min_items = 1, .max_items = RULE_SOURCES_MAX};
static const struct validate_schema PROTO = {.types = VALIDATE_STRING, .values = PROTOS};
static const struct validate_schema SEVERITY = {.types = VALIDATE_STRING, .values = SEVERITIES};
static const struct validate_schema DECLARED = {.types = VALIDATE_STRING, .values = DECLAREDS};
static const struct validate_schema EXPECT = {.types = VALIDATE_STRING, .values = EXPECTS};
static const struct validate_schema SERVICE = {.types = VALIDATE_STRING, .max_length = OWNER_MAX};
static const struct validate_schema UNTIL = {
    .types = VALIDATE_STRING, .expected = "a date like 2027-03-31", .check = check_until};
static const struct validate_schema CONTROL = {
    .types = VALIDATE_STRING, .expected = "a control that docs/compliance.md lists", .check = check_control};
static const struct validate_schema CONTROLS = {.types = VALIDATE_STRING | VALIDATE_ARRAY,
                                                .expected =
                                                    "a control that docs/compliance.md lists, or a list of them",
                                                .check = check_control,
                                                .items = &CONTROL,
                                                .min_items = 1,
                                                .max_items = 8};
static const struct validate_schema ONE_PORT = {
    .types = VALIDATE_INTEGER, .has_range = true, .minimum = 0, .maximum = 65535};

/* Selectors nest: tables that refer to each other. The depth of a document is bounded (YAML_DEPTH_MAX). */
static const struct validate_schema SELECTOR;
static const struct validate_schema SELECTORS;

static const struct validate_schema TAG_VALUE = {
    .types = VALIDATE_STRING | VALIDATE_NUMBER | VALIDATE_BOOLEAN, .max_length = 253, .may_be_empty = true};
static const struct validate_schema TAG = {.types =
                                               VALIDATE_STRING | VALIDATE_NUMBER | VALIDATE_BOOLEAN | VALIDATE_ARRAY,
                                           .max_length = 253,
                                           .may_be_empty = true,
                                           .items = &TAG_VALUE,
                                           .min_items = 1};
static const struct validate_schema TAGS = {.types = VALIDATE_OBJECT,
                                            .expected = "a mapping like {app: shop, tier: [edge, app]}",
                                            .any_field = &TAG,
                                            .min_fields = 1};
static const struct validate_field SELECTOR_FIELDS[] = {
    {"any", &ANY, false},       {"cidr", &PREFIXES, false}, {"realm", &TEXTS, false},
    {"name", &TEXTS, false},    {"tags", &TAGS, false},     {"security_group", &SECURITY_GROUPS, false},
    {"and", &SELECTORS, false}, {"or", &SELECTORS, false},  {"not", &SELECTOR, false},
    {NULL, NULL, false}};
static const struct validate_schema SELECTOR = {.types = VALIDATE_STRING | VALIDATE_OBJECT,
                                                .expected =
                                                    "a group's name, any, or conditions like {tags: {app: shop}}",
                                                .fields = SELECTOR_FIELDS,
                                                .min_fields = 1};
static const struct validate_schema SELECTORS = {
    .types = VALIDATE_ARRAY, .expected = "a list of groups and conditions", .items = &SELECTOR, .min_items = 1};
static const struct validate_schema TO = {.types = VALIDATE_STRING | VALIDATE_OBJECT | VALIDATE_ARRAY,
                                          .expected =
                                              "a group's name, any, {not: GROUP}, conditions, or a list of these",
                                          .fields = SELECTOR_FIELDS,
                                          .min_fields = 1,
                                          .items = &SELECTOR,
                                          .min_items = 1};
static const struct validate_schema GROUP = {.types = VALIDATE_OBJECT, .fields = SELECTOR_FIELDS, .min_fields = 1};
static const struct validate_schema GROUPS = {
    .types = VALIDATE_OBJECT, .any_field = &GROUP, .check_key = check_group_name};

static const struct validate_field DEFAULTS_FIELDS[] = {{"owner", &OWNER, false}, {NULL, NULL, false}};
static const struct validate_schema DEFAULTS = {.types = VALIDATE_OBJECT, .fields = DEFAULTS_FIELDS};

static const struct validate_field ALLOW_FIELDS[] = {
    {"id", &ID, true},        {"to", &TO, true},        {"ports", &PORTS, true},        {"from", &SOURCES, true},
    {"why", &PROSE, true},    {"proto", &PROTO, false}, {"service", &SERVICE, false},   {"when", &CONDITIONS, false},
    {"owner", &OWNER, false}, {"until", &UNTIL, false}, {"controls", &CONTROLS, false}, {"declared", &DECLARED, false},
    {NULL, NULL, false}};
static const struct validate_schema ALLOW = {.types = VALIDATE_OBJECT, .fields = ALLOW_FIELDS};
static const struct validate_schema ALLOWS = {
    .types = VALIDATE_ARRAY, .expected = "a list of rules", .items = &ALLOW, .max_items = RULE_LIST_MAX};

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
                                                      {"controls", &CONTROLS, false},
                                                      {"declared", &DECLARED, false},
                                                      {NULL, NULL, false}};
static const struct validate_schema FORBID = {.types = VALIDATE_OBJECT, .fields = FORBID_FIELDS};
static const struct validate_schema FORBIDS = {
    .types = VALIDATE_ARRAY, .expected = "a list of rules", .items = &FORBID, .max_items = RULE_LIST_MAX};

static const struct validate_field TEST_FIELDS[] = {
    {"to", &TO, true},         {"port", &ONE_PORT, true},    {"proto", &PROTO, false},
    {"from", &SOURCES, true},  {"service", &SERVICE, false}, {"facts", &CONDITIONS, false},
    {"expect", &EXPECT, true}, {NULL, NULL, false}};
static const struct validate_schema TEST = {.types = VALIDATE_OBJECT, .fields = TEST_FIELDS};
static const struct validate_schema TESTS = {
    .types = VALIDATE_ARRAY, .expected = "a list of tests", .items = &TEST, .max_items = RULE_LIST_MAX};

static const struct validate_field POLICY_FIELDS[] = {{"version", &VERSION, true}, {"baseline", &BASELINE, false},
                                                      {"groups", &GROUPS, false},  {"defaults", &DEFAULTS, false},
                                                      {"allow", &ALLOWS, false},   {"forbid", &FORBIDS, false},
                                                      {"tests", &TESTS, false},    {NULL, NULL, false}};
const struct validate_schema policy_shape = {
    .types = VALIDATE_OBJECT, .expected = "a mapping that begins with \"version: 1\"", .fields = POLICY_FIELDS};
