/* What a cloud declared comes into the store: its records as intervals, its hosts as assets of a realm for each VPC. */
#ifndef LEASTPORT_AUDITD_CLOUD_ENTRY_H
#define LEASTPORT_AUDITD_CLOUD_ENTRY_H

#include "auditd/cloud/aws.h"
#include "auditd/config/inventories.h"
#include "auditd/store/cloud.h"
#include "auditd/store/cloud_verdict.h"

enum { CLOUD_REASON_SIZE = 640 };

struct cloud_entry {
    struct store *store;
    const char *name; /* of the inventory; each VPC's hosts are the inventory "NAME/VPC" in the realm VPC */
    const struct host_tag *tags;
    size_t tag_count;
    const char *actor;
    bool is_confirmed; /* what is gone is gone, however much it is */
    int64_t now_ms;
};

struct cloud_entered {
    struct store_cloud_change records;
    struct store_cloud_verdict_change verdicts;
    size_t hosts, added, changed, gone, withheld;
    size_t unread_lists; /* of those that hide something when they are missing */
    bool hosts_unread;   /* hosts stay as they were: interfaces or instances were not read to the end */
};

/* Nothing is stored of what cannot be understood: -EBADMSG with the reason. The store's errors, with the reason. */
MUST_USE int cloud_entry_run(const struct cloud_entry *entry, struct aws *aws, struct cloud_entered *ret_entered,
                             char reason[CLOUD_REASON_SIZE]);

/* Whether what is stored is to be judged anew: hosts, who reaches them, or what else is declared are others now. */
bool cloud_entered_matters(const struct cloud_entered *entered);

/* What came of it as an answer of the control socket, and back. NULL when out of memory. */
json_t *cloud_entered_json(const struct cloud_entered *entered);
void cloud_entered_read(const json_t *answer, struct cloud_entered *ret_entered);

/* What came of it, on the log. */
void cloud_entry_say(const char *name, const struct cloud_entered *entered);

#endif
