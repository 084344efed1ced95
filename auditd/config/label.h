/* What the configuration says of targets and of where a vantage stands: names and tags. A part of config.h. */
#ifndef LEASTPORT_AUDITD_CONFIG_LABEL_H
#define LEASTPORT_AUDITD_CONFIG_LABEL_H

#include "auditd/config/validate.h"
#include "auditd/policy/host.h"

/* A target that carries more than itself. Owns all that it points to. */
struct config_label {
    char *target; /* as written: an address, a CIDR or a host name */
    bool is_name; /* a host name; else `prefix` is what it is */
    struct prefix prefix;
    char *name; /* NULL: none; of a single address alone */
    struct host_tag *tags;
    size_t tag_count;
};

struct config_labels {
    struct config_label *items;
    size_t count;
};

/* {app: shop, tier: edge}. */
extern const struct validate_schema config_tags_shape;
/* A target expression, or a mapping with one, tags and a name. */
extern const struct validate_schema config_targets_shape;

/* -ENOMEM. What was read before stays in *tags and *count, to be freed by label_tags_done(). `node` NULL: none. */
MUST_USE int label_tags_read(const struct yaml_node *node, struct host_tag **tags, size_t *count);
void label_tags_done(struct host_tag *tags, size_t count);

/* The target of an item of "targets". Borrowed. */
const char *label_target(const struct yaml_node *item);

/* Of all items of "targets" that are mappings. -EBADMSG with an error in *problems, -ENOMEM; *labels is to be ended by
 * labels_done() in either case. `node` NULL: none. */
MUST_USE int labels_read(const struct yaml_node *node, struct problems *problems, struct config_labels *labels);
void labels_done(struct config_labels *labels);

#endif
