/* Reading of JSON with a path, sticky at the first fault. Inner to auditd/cloud. */
#ifndef LEASTPORT_AUDITD_CLOUD_READING_H
#define LEASTPORT_AUDITD_CLOUD_READING_H

#include "auditd/cloud/aws.h"
#include "auditd/cloud/index.h"

enum { READING_PATH_SIZE = 256, READING_NAME_SIZE = 256 };

struct document {
    char name[READING_NAME_SIZE];
    json_t *root;
};

struct reading {
    struct reach_model *model;
    const struct document *documents;
    size_t document_count;
    const char *name; /* of the document at hand */
    char path[READING_PATH_SIZE];
    json_t *seen;       /* ids that have a record, by kind */
    struct index found; /* records of the file at hand, by what leads to them */
    struct aws_fault *fault;
    bool failed; /* faulty, or out of memory: then the fault's text is empty */
};

/* Walks the items of a list that documents have under `key`; each is an object, or a fault. */
typedef void (*reading_item)(struct reading *reading, json_t *item);
void reading_each(struct reading *reading, const char *key, reading_item take);
/* Likewise of a list that an object has. */
void reading_list(struct reading *reading, json_t *object, const char *key, void *context,
                  void (*take)(struct reading *reading, json_t *item, void *context));

/* NULL where there is nothing. */
const char *reading_text(struct reading *reading, json_t *object, const char *key);
/* The same, copied to the model. */
const char *reading_keep(struct reading *reading, json_t *object, const char *key);
json_t *reading_object(struct reading *reading, json_t *object, const char *key);
bool reading_bool(struct reading *reading, json_t *object, const char *key);
struct reading_range {
    int64_t least, most;
    int64_t fallback; /* where there is nothing */
};
int64_t reading_number(struct reading *reading, json_t *object, const char *key, struct reading_range range);
/* False where there is nothing. */
bool reading_prefix(struct reading *reading, json_t *object, const char *key, struct prefix *ret_prefix);
/* "tcp", "6", "-1", … as a number. */
int16_t reading_proto(struct reading *reading, json_t *object, const char *key);
struct reach_ref reading_ref(struct reading *reading, json_t *object, const char *key);

/* The text of `key`, copied, if no record of the kind has it yet; else NULL. A fault when it is missing. */
const char *reading_id(struct reading *reading, json_t *object, const char *key);

/* Nothing leads to anything any more; a failure of the index is the reading's. */
void reading_forget(struct reading *reading);

void reading_fail(struct reading *reading, const char *key, const char *what);

/* What each kind of record is made of: a file each. */
void reading_vpcs(struct reading *reading);
void reading_rules(struct reading *reading);
void reading_interfaces(struct reading *reading);
void reading_balancers(struct reading *reading);
void reading_databases(struct reading *reading);

/* The prefix of a document's name that says what its answer is of: "target-health.web.json" has "target-health" and
 * "web". False when the name does not begin so. */
bool reading_name_of(const char *name, const char *begin, char *ret_of);

#endif
