/* The rules that findings name, as SARIF describes them, and where they stand in the policy's file. As many as the
 * policies have, however many findings there are. */
#ifndef LEASTPORT_AUDITD_EXPORT_SARIF_RULES_H
#define LEASTPORT_AUDITD_EXPORT_SARIF_RULES_H

#include "auditd/store/read.h"

#include <stdio.h>

struct sarif_rules;

/* Borrows the reader. NULL when out of memory. The caller owns the result: sarif_rules_destroy(). */
struct sarif_rules *sarif_rules_create(struct store_reader *reader);
void sarif_rules_destroy(struct sarif_rules *rules);

/* The index of the finding's rule. -ENOMEM. */
MUST_USE int sarif_rules_add(struct sarif_rules *rules, const struct store_finding *finding, size_t *ret_index);

/* The policy's file as a URI, which the caller frees, and the rule's line from 1; *ret_uri stays for a rule that stands
 * in no file. -errno of the reader, -ENOMEM. */
MUST_USE int sarif_rules_place(struct sarif_rules *rules, const struct store_finding *finding, char **ret_uri,
                               unsigned *ret_line);

/* The elements of an array of reportingDescriptors (SARIF 2.1.0, section 3.49). */
MUST_USE int sarif_rules_print(const struct sarif_rules *rules, FILE *out);

#endif
