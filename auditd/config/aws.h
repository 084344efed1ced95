/* What the configuration says of AWS accounts that are read live. Knows the document; auditd/aws/ who is asked. */
#ifndef LEASTPORT_AUDITD_CONFIG_AWS_H
#define LEASTPORT_AUDITD_CONFIG_AWS_H

#include "auditd/config/schedules.h"
#include "auditd/config/validate.h"

enum { CONFIG_AWS_ACCOUNTS_MAX = 200, CONFIG_AWS_ROLES_MAX = 8, CONFIG_AWS_REGIONS_MAX = 64 };

struct config_aws_role {
    char *arn;
    char *external_id; /* NULL: none */
};

struct config_aws_account {
    char *profile;                 /* of the AWS CLI's files; NULL: the keys that are found without one */
    struct config_aws_role *roles; /* taken on one after the other */
    size_t role_count;
};

struct config_aws {
    struct config_aws_account *accounts; /* one at least */
    size_t account_count;
    struct config_list regions; /* empty: all that are on */
    int64_t every_ms;
    int64_t timeout_ms; /* for one account */
    char *endpoint;     /* instead of AWS's own, for every service; NULL */
    char *ca_file;      /* NULL: the system's */
};

/* The member "aws" of an inventory. */
extern const struct validate_schema config_aws_schema;

/* Whether it has the form of a region's name, as eu-central-1 has. */
bool config_aws_is_region(const char *text);

/* Of a node that says no folder; relative paths are relative to `folder`, unless that is NULL. -EBADMSG with an error
 * in *problems, -ENOMEM. The caller ends *ret_aws by config_aws_destroy(). */
MUST_USE int config_aws_read(const struct yaml_node *node, const char *folder, struct config_aws **ret_aws,
                             struct problems *problems);
void config_aws_destroy(struct config_aws *aws);

/* Whose account it is, for a person: the last role, else the profile. */
const char *config_aws_account_name(const struct config_aws_account *account);

#endif
