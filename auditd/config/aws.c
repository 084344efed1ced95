#include "auditd/config/aws.h"

#include "auditd/config/config.h"
#include "auditd/config/shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AWS_EVERY_MIN_MS = 60000, AWS_EVERY_MS = 900000, AWS_TIMEOUT_MAX_MS = 86400000, AWS_TIMEOUT_MS = 900000 };

bool config_aws_is_region(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length < 32 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

static bool aws_check_region(const json_t *value, char *reason, size_t size)
{
    (void)reason;
    (void)size;
    return config_aws_is_region(json_string_value(value));
}

/* "arn:PARTITION:iam::ACCOUNT:role/NAME" ("IAM identifiers", IAM user guide). */
static bool aws_check_role(const json_t *value, char *reason, size_t size)
{
    const char *text = json_string_value(value);
    const char *account = strstr(text, ":iam::");

    (void)reason;
    (void)size;
    if (strncmp(text, "arn:aws", strlen("arn:aws")) != 0 || account == NULL) {
        return false;
    }
    account += strlen(":iam::");
    return strspn(account, "0123456789") == 12 && strncmp(account + 12, ":role/", strlen(":role/")) == 0 &&
           account[12 + strlen(":role/")] != '\0' && strpbrk(text, " \t\r\n") == NULL;
}

/* A user's name or password in it would be a secret in a file of no secrets. */
static bool aws_check_endpoint(const json_t *value, char *reason, size_t size)
{
    const char *text = json_string_value(value);
    size_t scheme = strncmp(text, "https://", strlen("https://")) == 0 ? strlen("https://")
                    : strncmp(text, "http://", strlen("http://")) == 0 ? strlen("http://")
                                                                       : 0;

    (void)reason;
    (void)size;
    return scheme > 0 && text[scheme] != '\0' && strpbrk(text, "@?# \t\r\n") == NULL;
}

static bool aws_check_every(const json_t *value, char *reason, size_t size)
{
    int64_t ms;

    (void)reason;
    (void)size;
    return duration_parse(json_string_value(value), &ms) == 0 && ms >= AWS_EVERY_MIN_MS;
}

static bool aws_check_timeout(const json_t *value, char *reason, size_t size)
{
    int64_t ms;

    (void)reason;
    (void)size;
    return duration_parse(json_string_value(value), &ms) == 0 && ms >= 1000 && ms <= AWS_TIMEOUT_MAX_MS;
}

static const struct validate_schema REGION = {
    .types = VALIDATE_STRING, .expected = "a region like eu-central-1", .check = aws_check_region};
static const struct validate_schema REGIONS = {
    .types = VALIDATE_ARRAY, .items = &REGION, .min_items = 1, .max_items = CONFIG_AWS_REGIONS_MAX};
static const struct validate_schema ARN = {.types = VALIDATE_STRING,
                                           .max_length = 512,
                                           .expected = "a role's ARN like arn:aws:iam::111122223333:role/leastport",
                                           .check = aws_check_role};
static const struct validate_field ROLE_FIELDS[] = {
    {"arn", &ARN, true}, {"external_id", &shape_name, false}, {NULL, NULL, false}};
static const struct validate_schema ROLE = {
    .types = VALIDATE_OBJECT, .expected = "a mapping like {arn: ..., external_id: ...}", .fields = ROLE_FIELDS};
static const struct validate_schema ROLES = {.types = VALIDATE_ARRAY,
                                             .expected = "a list like [{arn: ...}]",
                                             .items = &ROLE,
                                             .min_items = 1,
                                             .max_items = CONFIG_AWS_ROLES_MAX};
static const struct validate_field ACCOUNT_FIELDS[] = {
    {"profile", &shape_name, false}, {"roles", &ROLES, false}, {NULL, NULL, false}};
static const struct validate_schema ACCOUNT = {
    .types = VALIDATE_OBJECT, .expected = "a mapping like {profile: audit}", .fields = ACCOUNT_FIELDS};
static const struct validate_schema ACCOUNTS = {.types = VALIDATE_ARRAY,
                                                .expected = "a list like [{profile: audit}]",
                                                .items = &ACCOUNT,
                                                .min_items = 1,
                                                .max_items = CONFIG_AWS_ACCOUNTS_MAX};
static const struct validate_schema EVERY = {
    .types = VALIDATE_STRING, .expected = "a duration like 15m, at least 60s", .check = aws_check_every};
static const struct validate_schema TIMEOUT = {
    .types = VALIDATE_STRING, .expected = "a duration like 15m, from 1s to 1d", .check = aws_check_timeout};
static const struct validate_schema ENDPOINT = {.types = VALIDATE_STRING,
                                                .max_length = 256,
                                                .expected = "a URL like https://localhost:4566, without a user in it",
                                                .check = aws_check_endpoint};
static const struct validate_field FIELDS[] = {{"folder", &shape_path, false},  {"accounts", &ACCOUNTS, false},
                                               {"regions", &REGIONS, false},    {"every", &EVERY, false},
                                               {"timeout", &TIMEOUT, false},    {"endpoint", &ENDPOINT, false},
                                               {"ca_file", &shape_path, false}, {NULL, NULL, false}};
const struct validate_schema config_aws_schema = {
    .types = VALIDATE_OBJECT,
    .expected = "a mapping like {folder: cloud}, or {regions: [eu-central-1]} to read live",
    .fields = FIELDS};

const char *config_aws_account_name(const struct config_aws_account *account)
{
    return account->role_count > 0    ? account->roles[account->role_count - 1].arn
           : account->profile != NULL ? account->profile
                                      : "of the keys that were found";
}

/* ---- reading ---- */

static int aws_read_roles(const struct yaml_node *list, struct config_aws_account *account)
{
    int rc = 0;

    if (list == NULL) {
        return 0;
    }
    account->roles = calloc(list->child_count, sizeof(*account->roles));
    if (account->roles == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; rc == 0 && i < list->child_count; i++) {
        struct config_aws_role *role = &account->roles[account->role_count++];
        rc = config_read_text(&list->children[i], "arn", &role->arn);
        rc = rc == 0 ? config_read_text(&list->children[i], "external_id", &role->external_id) : rc;
    }
    return rc;
}

static bool aws_same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool aws_same_account(const struct config_aws_account *a, const struct config_aws_account *b)
{
    bool same = aws_same_text(a->profile, b->profile) && a->role_count == b->role_count;

    for (size_t i = 0; same && i < a->role_count; i++) {
        same = strcmp(a->roles[i].arn, b->roles[i].arn) == 0;
    }
    return same;
}

static int aws_read_account(const struct yaml_node *node, struct config_aws *aws, struct problems *problems)
{
    struct config_aws_account *account = &aws->accounts[aws->account_count++];
    int rc = config_read_text(node, "profile", &account->profile);

    rc = rc == 0 ? aws_read_roles(yaml_node_get(node, "roles"), account) : rc;
    for (size_t i = 0; rc == 0 && i + 1 < aws->account_count; i++) {
        if (aws_same_account(&aws->accounts[i], account)) {
            problems_add(problems, PROBLEM_ERROR, node->mark, "/inventories", "this account is in the list already");
            rc = -EBADMSG;
        }
    }
    return rc;
}

static int aws_read_accounts(const struct yaml_node *list, struct config_aws *aws, struct problems *problems)
{
    size_t count = list == NULL ? 1 : list->child_count;
    int rc = 0;

    aws->accounts = calloc(count, sizeof(*aws->accounts));
    if (aws->accounts == NULL) {
        return -ENOMEM;
    }
    if (list == NULL) {
        aws->account_count = 1;
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = aws_read_account(&list->children[i], aws, problems);
    }
    return rc;
}

static int aws_read_ca(const struct yaml_node *node, const char *folder, struct config_aws *aws)
{
    char *joined;
    int rc = config_read_text(node, "ca_file", &aws->ca_file);

    if (rc < 0 || aws->ca_file == NULL || folder == NULL || aws->ca_file[0] == '/') {
        return rc;
    }
    if (asprintf(&joined, "%s/%s", folder, aws->ca_file) < 0) {
        return -ENOMEM;
    }
    free(aws->ca_file);
    aws->ca_file = joined;
    return 0;
}

int config_aws_read(const struct yaml_node *node, const char *folder, struct config_aws **ret_aws,
                    struct problems *problems)
{
    struct config_aws *aws = calloc(1, sizeof(*aws));
    int rc;

    if (aws == NULL) {
        return -ENOMEM;
    }
    aws->every_ms = AWS_EVERY_MS;
    aws->timeout_ms = AWS_TIMEOUT_MS;
    rc = aws_read_accounts(yaml_node_get(node, "accounts"), aws, problems);
    rc = rc == 0 ? config_read_list(node, "regions", &aws->regions) : rc;
    rc = rc == 0 ? config_read_duration(node, "every", &aws->every_ms) : rc;
    rc = rc == 0 ? config_read_duration(node, "timeout", &aws->timeout_ms) : rc;
    rc = rc == 0 ? config_read_text(node, "endpoint", &aws->endpoint) : rc;
    rc = rc == 0 ? aws_read_ca(node, folder, aws) : rc;
    if (rc < 0) {
        config_aws_destroy(aws);
        return rc;
    }
    *ret_aws = aws;
    return 0;
}

void config_aws_destroy(struct config_aws *aws)
{
    if (aws == NULL) {
        return;
    }
    for (size_t i = 0; i < aws->account_count; i++) {
        struct config_aws_account *account = &aws->accounts[i];
        for (size_t j = 0; j < account->role_count; j++) {
            free(account->roles[j].arn);
            free(account->roles[j].external_id);
        }
        free(account->roles);
        free(account->profile);
    }
    free(aws->accounts);
    config_list_done(&aws->regions);
    free(aws->endpoint);
    free(aws->ca_file);
    free(aws);
}
