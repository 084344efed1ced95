/* What the AWS CLI prints of an account (`aws … describe-* --output json`), as a model for reachability. Takes JSON
 * that others have read; knows no file and no network. Hostile JSON is refused by document and path. */
#ifndef LEASTPORT_AUDITD_CLOUD_AWS_H
#define LEASTPORT_AUDITD_CLOUD_AWS_H

#include "auditd/reach/model.h"

#include <jansson.h>

enum { AWS_FAULT_SIZE = 512 };

struct aws;

/* Where a document is not as the CLI prints it: "security-groups.json: SecurityGroups[3].GroupId: must be a text". */
struct aws_fault {
    char text[AWS_FAULT_SIZE];
};

/* NULL when out of memory. */
struct aws *aws_create(void);
void aws_destroy(struct aws *aws);

/* Keeps a document: whatever lists it has, their names say what they are. Of two records with one id the one that was
 * taken first counts. Some answers do not say what they are of; for those the name does, up to its ".json":
 * "…prefix-list-entries.pl-0123.json", "target-health.NAME.json", "target-group-attributes.NAME.json",
 * "load-balancer-attributes.NAME.json". Holds a reference of its own. -ENOMEM; -ENOENT when the document has no list
 * that is known. */
MUST_USE int aws_take(struct aws *aws, const char *name, json_t *document);

/* Makes the finished model of all that was taken; what was not is marked as unread. -EBADMSG with *ret_fault, -ENOMEM.
 * The caller ends the model, in any case, by reach_model_done(). */
MUST_USE int aws_model(struct aws *aws, struct reach_model *model, struct aws_fault *ret_fault);

/* What was taken, in that order: NULL behind the last. Name and document are borrowed. */
json_t *aws_document(const struct aws *aws, size_t n, const char **ret_name);

/* Whether some account or region has a gap in the list. */
bool aws_has_gap(const struct aws *aws, const char *list);

/* Whether an answer ends before its lists do: there are more pages. */
bool aws_is_cut_short(const json_t *document);

/* Whether the list is there, none of its documents is cut short, and no account or region has a gap in it. */
bool aws_has_whole(const struct aws *aws, const char *list);

/* The names of the lists that are known: NULL behind the last. *ret_id is the member that tells its records apart, NULL
 * where none does. */
const char *aws_list(size_t n, const char **ret_id);

/* Stands as `list` in a gap of all lists: an account that was not read at all. */
#define AWS_EVERY_LIST "*"

/* What reading an account live could not read (auditd/aws/inventory.h). Texts are "" where nothing is said; borrowed.
 */
struct aws_gap {
    const char *account, *region, *action, *list;
    const char *of; /* the ARN or id that the call was about */
    const char *reason;
};

/* The gap number n, from 0; false behind the last. */
bool aws_gap(const struct aws *aws, size_t n, struct aws_gap *ret_gap);

/* The commands whose answers are missing, one after the other: NULL behind the last. */
const char *aws_missing(const struct aws *aws, size_t n);

#endif
