/* What an inventory says: hosts with addresses, names and tags. Pure: knows no file, no store. */
#ifndef LEASTPORT_AUDITD_INVENTORY_INVENTORY_H
#define LEASTPORT_AUDITD_INVENTORY_INVENTORY_H

#include "auditd/policy/host.h"
#include "lib/addr.h"

#include <stdbool.h>

enum {
    INVENTORY_HOSTS_MAX = 100000,
    INVENTORY_ADDRESSES_MAX = 64,
    INVENTORY_TAGS_MAX = 50,
    INVENTORY_REASON_SIZE = 320
};

/* Owns all that it points to. At least one of id, name and addresses is there. */
struct inventory_host {
    char *id;   /* of the machine, whatever its address: "i-0abc…"; NULL: none */
    char *name; /* NULL: none */
    struct addr *addresses;
    size_t address_count;
    struct host_tag *tags;
    size_t tag_count;
};

struct inventory {
    struct inventory_host *hosts;
    size_t count;
    /* It says itself where it ends: what is not in it is gone. Else it may be cut off. */
    bool is_complete;
};

void inventory_done(struct inventory *inventory);

/* An empty one at the end, borrowed. -E2BIG beyond INVENTORY_HOSTS_MAX, -ENOMEM. */
MUST_USE int inventory_add(struct inventory *inventory, struct inventory_host **ret_host);

/* The parts of a host. -EINVAL with what is wrong in `reason`, -ENOMEM. An empty id or name is none. */
MUST_USE int inventory_set_id(struct inventory_host *host, const char *text, char reason[INVENTORY_REASON_SIZE]);
MUST_USE int inventory_set_name(struct inventory_host *host, const char *text, char reason[INVENTORY_REASON_SIZE]);
MUST_USE int inventory_add_address(struct inventory_host *host, const char *text, char reason[INVENTORY_REASON_SIZE]);
/* A second value for a key is an error. */
MUST_USE int inventory_add_tag(struct inventory_host *host, const char *key, const char *value,
                               char reason[INVENTORY_REASON_SIZE]);

/* What the host is called among the others of its inventory: its id, else its name, else its first address. */
const char *inventory_key(const struct inventory_host *host, char buffer[ADDR_TEXT_SIZE]);

/* Whether every host has a key, and none another's key or address. -EBADMSG with which is wrong in `reason`, -ENOMEM.
 */
MUST_USE int inventory_check(const struct inventory *inventory, char reason[INVENTORY_REASON_SIZE]);

/* Texts in the two formats. -EBADMSG with line and what is wrong there in `reason`, -ENOMEM; *ret_inventory is to be
 * ended by inventory_done().
 *
 * CSV (RFC 4180): the first line names the columns: address, id, name, tags ("app=shop;tier=edge"), tag:KEY; several
 * addresses have blanks or ; between. A last line "#end,N" says how many hosts there are: only then it is complete.
 * JSON: a list of {"address": … or "addresses": […], "id", "name", "tags": {…}}, or {"hosts": [that list]}; it is
 * complete, as its brackets show. */
MUST_USE int inventory_parse_csv(const char *text, size_t size, struct inventory *ret_inventory,
                                 char reason[INVENTORY_REASON_SIZE]);
MUST_USE int inventory_parse_json(const char *text, size_t size, struct inventory *ret_inventory,
                                  char reason[INVENTORY_REASON_SIZE]);

#endif
