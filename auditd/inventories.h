/* Keeps the store in step with the configuration's inventories while the daemon runs: reads them at start, when a file
 * changes, and before a scan of their hosts. Knows files and rows; auditd/inventory/ knows formats. */
#ifndef LEASTPORT_AUDITD_INVENTORIES_H
#define LEASTPORT_AUDITD_INVENTORIES_H

#include "auditd/keyring.h"
#include "auditd/queue.h"

struct inventories;

struct inventories_options {
    const struct settings *settings;
    const struct desk *desk;
    struct queue *queue;
    const struct keyring *keyring; /* for those that are read live */
};

/* What the options point to is borrowed until inventories_stop(). NULL when out of memory. */
struct inventories *inventories_create(uv_loop_t *loop, const struct inventories_options *options);
/* Reads nothing more. Takes NULL. */
void inventories_stop(struct inventories *inventories);
/* When the loop has closed its handles. Takes NULL. */
void inventories_destroy(struct inventories *inventories);

/* Reads the inventory, and gives what a scan of its hosts has for targets; when it cannot be read, of what it said
 * last. Not within a transaction. -ENOENT when it has no hosts. The caller owns *ret_targets. */
MUST_USE int inventories_targets(struct inventories *inventories, const char *name, json_t **ret_targets);

/* Answers `client` about its request "inventory". */
void inventories_request(struct inventories *inventories, struct control_client *client, const json_t *request);

#endif
