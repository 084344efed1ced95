#include "auditd/cloud_entry.h"

#include "auditd/cloud/hosts.h"
#include "auditd/cloud/snapshot.h"
#include "auditd/cloud_verdicts.h"
#include "auditd/store/inventory.h"
#include "lib/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { ENTRY_NAME_SIZE = 320 };

/* ---- hosts ---- */

static int entry_fail(const struct cloud_entry *entry, int rc, char *reason)
{
    snprintf(reason, CLOUD_REASON_SIZE, "%s", rc == -ENOMEM ? "out of memory" : store_last_error(entry->store)->text);
    return rc;
}

static int entry_apply_vpc(const struct cloud_entry *entry, const char *vpc, const struct inventory *inventory,
                           struct cloud_entered *entered)
{
    char name[ENTRY_NAME_SIZE];
    const struct store_inventory_read read = {
        .name = name,
        .realm = vpc,
        .inventory = inventory,
        .tags = entry->tags,
        .tag_count = entry->tag_count,
        .is_confirmed = entry->is_confirmed,
        .actor = entry->actor,
        .now_ms = entry->now_ms,
    };
    struct store_inventory_change change = {0};
    int rc;

    snprintf(name, sizeof(name), "%.128s/%.128s", entry->name, vpc);
    rc = store_inventory_apply(entry->store, &read, &change);
    entered->hosts += change.hosts;
    entered->added += change.added;
    entered->changed += change.changed;
    entered->gone += change.gone;
    entered->withheld += change.withheld;
    return rc;
}

/* VPCs that were there before and have no interface any more. */
static int entry_apply_empty(const struct cloud_entry *entry, const struct cloud_hosts *hosts,
                             struct cloud_entered *entered)
{
    const struct inventory nobody = {.is_complete = true};
    json_t *realms = NULL;
    size_t index;
    json_t *realm;
    int rc = store_cloud_realms(entry->store, entry->name, &realms);

    json_array_foreach(realms, index, realm)
    {
        bool stands = false;
        for (size_t i = 0; i < hosts->count; i++) {
            stands = stands || strcmp(hosts->vpcs[i].id, json_string_value(realm)) == 0;
        }
        if (rc == 0 && !stands) {
            rc = entry_apply_vpc(entry, json_string_value(realm), &nobody, entered);
        }
    }
    json_decref(realms);
    return rc;
}

static int entry_apply_hosts(const struct cloud_entry *entry, const struct cloud_hosts *hosts,
                             struct cloud_entered *entered, char *reason)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < hosts->count; i++) {
        const struct cloud_vpc *vpc = &hosts->vpcs[i];
        const struct store_cloud_hosts coming = {.inventory = &vpc->inventory, .publics = vpc->publics};
        rc = store_cloud_join(entry->store, vpc->id, &coming, entry->now_ms);
        rc = rc < 0 ? rc : entry_apply_vpc(entry, vpc->id, &vpc->inventory, entered);
        rc = rc == 0 ? store_cloud_interfaces(entry->store, vpc->id, vpc->interfaces, entry->now_ms) : rc;
        rc = rc == 0 ? store_cloud_publics(entry->store, vpc->id, vpc->publics, entry->now_ms) : rc;
    }
    rc = rc == 0 ? entry_apply_empty(entry, hosts, entered) : rc;
    return rc == 0 ? 0 : entry_fail(entry, rc, reason);
}

/* ---- the whole ---- */

/* What the model of reachability refuses is not stored either. */
static int entry_check(struct aws *aws, struct cloud_entered *entered, char *reason)
{
    struct reach_model model;
    struct aws_fault fault = {""};
    int rc = aws_model(aws, &model, &fault);

    reach_model_done(&model);
    while (rc == 0 && aws_missing(aws, entered->unread_lists) != NULL) {
        entered->unread_lists++;
    }
    if (rc < 0) {
        snprintf(reason, CLOUD_REASON_SIZE, "%s", fault.text[0] != '\0' ? fault.text : "out of memory");
    }
    return rc;
}

static int entry_apply_records(const struct cloud_entry *entry, const struct aws *aws, struct cloud_entered *entered,
                               char *reason)
{
    const struct store_cloud_read read = {.name = entry->name, .now_ms = entry->now_ms};
    json_t *snapshot = cloud_snapshot_of(aws);
    int rc = snapshot == NULL ? -ENOMEM : store_cloud_apply(entry->store, &read, snapshot, &entered->records);

    json_decref(snapshot);
    return rc == 0 ? 0 : entry_fail(entry, rc, reason);
}

/* After hosts: verdicts say whose they are. */
static int entry_apply_verdicts(const struct cloud_entry *entry, struct aws *aws, struct cloud_entered *entered,
                                char *reason)
{
    int rc = cloud_verdicts_update(entry->store, entry->name, aws, entry->now_ms, &entered->verdicts);

    return rc == 0 ? 0 : entry_fail(entry, rc, reason);
}

int cloud_entry_run(const struct cloud_entry *entry, struct aws *aws, struct cloud_entered *ret_entered,
                    char reason[CLOUD_REASON_SIZE])
{
    struct cloud_entered entered = {.hosts_unread = false};
    struct cloud_hosts hosts = {0};
    char wrong[INVENTORY_REASON_SIZE] = "";
    int rc = entry_check(aws, &entered, reason);

    if (rc < 0) {
        return rc;
    }
    rc = cloud_hosts_of(aws, &hosts, wrong);
    entered.hosts_unread = rc == -ENODATA;
    if (rc < 0 && rc != -ENODATA) {
        snprintf(reason, CLOUD_REASON_SIZE, "%s", wrong[0] != '\0' ? wrong : "out of memory");
        goto out;
    }
    rc = entry_apply_records(entry, aws, &entered, reason);
    rc = rc == 0 && !entered.hosts_unread ? entry_apply_hosts(entry, &hosts, &entered, reason) : rc;
    rc = rc == 0 ? entry_apply_verdicts(entry, aws, &entered, reason) : rc;
    if (rc == 0) {
        *ret_entered = entered;
    }
out:
    cloud_hosts_done(&hosts);
    return rc;
}

bool cloud_entered_matters(const struct cloud_entered *entered)
{
    const struct store_cloud_change *records = &entered->records;

    return entered->changed + entered->gone + entered->verdicts.begun + entered->verdicts.ended + records->added +
               records->changed + records->gone >
           0;
}

static const struct {
    const char *name;
    size_t offset;
} entered_members[] = {
    {"records", offsetof(struct cloud_entered, records.records)},
    {"records_added", offsetof(struct cloud_entered, records.added)},
    {"records_changed", offsetof(struct cloud_entered, records.changed)},
    {"records_gone", offsetof(struct cloud_entered, records.gone)},
    {"records_unread", offsetof(struct cloud_entered, records.unread)},
    {"verdicts_begun", offsetof(struct cloud_entered, verdicts.begun)},
    {"verdicts_ended", offsetof(struct cloud_entered, verdicts.ended)},
    {"hosts", offsetof(struct cloud_entered, hosts)},
    {"added", offsetof(struct cloud_entered, added)},
    {"changed", offsetof(struct cloud_entered, changed)},
    {"gone", offsetof(struct cloud_entered, gone)},
    {"withheld", offsetof(struct cloud_entered, withheld)},
    {"unread_lists", offsetof(struct cloud_entered, unread_lists)},
};

enum { ENTERED_MEMBERS = sizeof(entered_members) / sizeof(*entered_members) };

json_t *cloud_entered_json(const struct cloud_entered *entered)
{
    json_t *answer = json_pack("{s:b, s:b}", "ok", 1, "hosts_unread", entered->hosts_unread);

    for (size_t i = 0; answer != NULL && i < ENTERED_MEMBERS; i++) {
        const size_t *member = (const size_t *)(const void *)((const char *)entered + entered_members[i].offset);
        json_object_set_new(answer, entered_members[i].name, json_integer((json_int_t)*member));
    }
    return answer;
}

void cloud_entered_read(const json_t *answer, struct cloud_entered *ret_entered)
{
    *ret_entered = (struct cloud_entered){.hosts_unread = json_is_true(json_object_get(answer, "hosts_unread"))};
    for (size_t i = 0; i < ENTERED_MEMBERS; i++) {
        size_t *member = (size_t *)(void *)((char *)ret_entered + entered_members[i].offset);
        *member = (size_t)json_integer_value(json_object_get(answer, entered_members[i].name));
    }
}

void cloud_entry_say(const char *name, const struct cloud_entered *entered)
{
    const struct store_cloud_change *records = &entered->records;

    if (records->added + records->changed + records->gone + records->unread > 0) {
        log_notice("cloud %s: %zu records, %zu new, %zu changed, %zu gone, %zu no longer read", name, records->records,
                   records->added, records->changed, records->gone, records->unread);
    }
    if (entered->hosts_unread) {
        log_warning(
            "cloud %s: interfaces or instances were not read to the end: hosts and their tags stay as they were", name);
    } else if (entered->added > 0 || entered->gone > 0) {
        log_notice("cloud %s: %zu hosts, %zu new, %zu gone", name, entered->hosts, entered->added, entered->gone);
    }
    if (entered->withheld > 0) {
        log_warning("cloud %s: it lacks %zu hosts that it had, more than a fifth of a VPC's: they stay until that is "
                    "confirmed",
                    name, entered->withheld);
    }
    if (entered->unread_lists > 0) {
        log_warning("cloud %s: %zu kinds of records were not read, or not to the end: what they hide is UNKNOWN", name,
                    entered->unread_lists);
    }
}
