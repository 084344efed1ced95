#include "auditd/config/web.h"

#include "auditd/config/config.h"
#include "auditd/config/shape.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool web_check_prefix(const json_t *value, char *reason, size_t size)
{
    struct prefix prefix;

    (void)reason;
    (void)size;
    return prefix_parse(json_string_value(value), &prefix) == 0;
}

static bool web_check_name(const json_t *value, char *reason, size_t size)
{
    (void)reason;
    (void)size;
    return strpbrk(json_string_value(value), ":/[] ") == NULL;
}

/* RFC 9110 section 5.6.2. */
static bool web_check_header(const json_t *value, char *reason, size_t size)
{
    (void)reason;
    (void)size;
    for (const char *at = json_string_value(value); *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && strchr("!#$%&'*+-.^_`|~", *at) == NULL) {
            return false;
        }
    }
    return true;
}

/* Above nought, and not beyond what is kept in 32 bits of milliseconds. */
static bool web_check_time(const json_t *value, char *reason, size_t size)
{
    int64_t ms;

    (void)reason;
    (void)size;
    return duration_parse(json_string_value(value), &ms) == 0 && ms > 0 && ms <= INT_MAX;
}

static const char *const web_fields_values[] = {"x-forwarded", "forwarded", NULL};

static const struct validate_schema NAME = {
    .types = VALIDATE_STRING, .max_length = 253, .expected = "a host's name alone", .check = web_check_name};
static const struct validate_schema NAMES = {.types = VALIDATE_STRING | VALIDATE_ARRAY,
                                             .max_length = 253,
                                             .expected = "a host's name, or a list of them",
                                             .check = web_check_name,
                                             .items = &NAME,
                                             .min_items = 1,
                                             .max_items = 100};
static const struct validate_schema PREFIX = {
    .types = VALIDATE_STRING, .expected = "an address or a CIDR like 10.0.0.0/24", .check = web_check_prefix};
static const struct validate_schema PREFIXES = {.types = VALIDATE_STRING | VALIDATE_ARRAY,
                                                .expected = "an address or a CIDR like 10.0.0.0/24, or a list of them",
                                                .check = web_check_prefix,
                                                .items = &PREFIX,
                                                .min_items = 1,
                                                .max_items = 64};
static const struct validate_schema FIELDS = {.types = VALIDATE_STRING, .values = web_fields_values};
static const struct validate_schema HEADER = {.types = VALIDATE_STRING,
                                              .max_length = 128,
                                              .expected = "a header field's name like X-Forwarded-User",
                                              .check = web_check_header};
static const struct validate_schema COUNT = {
    .types = VALIDATE_INTEGER, .has_range = true, .minimum = 0, .maximum = 1000000};
static const struct validate_schema SOME = {
    .types = VALIDATE_INTEGER, .has_range = true, .minimum = 1, .maximum = 1000000};
static const struct validate_schema TIME = {
    .types = VALIDATE_STRING, .expected = "a duration like 10s, at most 3w", .check = web_check_time};

/* Each key, and the option that carries it. */
static const struct web_option {
    const char *key;
    const char *option;
} web_options[] = {
    {"names", "name"},
    {"trusted_proxies", "trusted-proxy"},
    {"proxy_fields", "proxy-fields"},
    {"user_header", "user-header"},
    {"user_default", "user-default"},
    {"connections", "connections"},
    {"address_connections", "address-connections"},
    {"streams", "streams"},
    {"token_streams", "token-streams"},
    {"head_timeout", "head-ms"},
    {"request_timeout", "request-ms"},
    {"failures", "failures"},
    {"token_requests", "token-requests"},
};

static const struct validate_field WEB_FIELDS[] = {{"names", &NAMES, false},
                                                   {"trusted_proxies", &PREFIXES, false},
                                                   {"proxy_fields", &FIELDS, false},
                                                   {"user_header", &HEADER, false},
                                                   {"user_default", &shape_name, false},
                                                   {"connections", &SOME, false},
                                                   {"address_connections", &COUNT, false},
                                                   {"streams", &COUNT, false},
                                                   {"token_streams", &COUNT, false},
                                                   {"head_timeout", &TIME, false},
                                                   {"request_timeout", &TIME, false},
                                                   {"failures", &COUNT, false},
                                                   {"token_requests", &COUNT, false},
                                                   {NULL, NULL, false}};
const struct validate_schema web_schema = {
    .types = VALIDATE_OBJECT, .expected = "a mapping like {names: [audit.example.com]}", .fields = WEB_FIELDS};

static int web_add(struct config_list *flags, const char *option, const json_t *value)
{
    const char *text = json_string_value(value);
    bool is_time = strlen(option) > 3 && strcmp(option + strlen(option) - 3, "-ms") == 0;
    int64_t number = json_integer_value(value);
    char **items = reallocarray(flags->items, flags->count + 1, sizeof(*items));
    int length;

    if (items == NULL) {
        return -ENOMEM;
    }
    flags->items = items;
    if (is_time && duration_parse(text, &number) != 0) {
        return -EBADMSG;
    }
    length = text != NULL && !is_time ? asprintf(&items[flags->count], "--%s=%s", option, text)
                                      : asprintf(&items[flags->count], "--%s=%" PRId64, option, number);
    if (length < 0) {
        return -ENOMEM;
    }
    flags->count++;
    return 0;
}

int web_read(const struct yaml_node *node, struct config_list *flags)
{
    int rc = 0;

    for (size_t i = 0; node != NULL && i < sizeof(web_options) / sizeof(*web_options) && rc == 0; i++) {
        const struct yaml_node *member = yaml_node_get(node, web_options[i].key);
        if (member != NULL && json_is_array(member->value)) {
            for (size_t item = 0; item < json_array_size(member->value) && rc == 0; item++) {
                rc = web_add(flags, web_options[i].option, json_array_get(member->value, item));
            }
        } else if (member != NULL) {
            rc = web_add(flags, web_options[i].option, member->value);
        }
    }
    return rc;
}
