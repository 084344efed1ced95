/* A proposal for security groups as people and programs take it: commands of the AWS CLI, Terraform, JSON. */
#ifndef LEASTPORT_AUDITD_GROUP_PRINT_H
#define LEASTPORT_AUDITD_GROUP_PRINT_H

#include "auditd/reach/proposal.h"

#include <stdio.h>

enum group_format { GROUP_FORMAT_CLI, GROUP_FORMAT_TERRAFORM, GROUP_FORMAT_JSON };

/* "cli", "terraform", "json". -EINVAL. */
MUST_USE int group_format_parse(const char *name, enum group_format *ret_format);

/* A group, whatever its advice; what the account's owner wrote is quoted for the shell, HCL or JSON. -EIO, -ENOMEM. */
MUST_USE int group_print(FILE *out, enum group_format format, const struct reach_model *model, uint32_t group,
                         const struct reach_advice *advice);

/* The text as one word of a POSIX shell, on the heap; NULL when out of memory. The caller frees it. */
char *group_quote_shell(const char *text);

/* The text as a quoted template of HCL that stands for nothing but itself. As above. */
char *group_quote_hcl(const char *text);

#endif
