/* Network interfaces, and the instances that they serve. */
#include "auditd/cloud/reading.h"

#include <string.h>

static void take_holding(struct reading *reading, json_t *item, void *context)
{
    struct reach_eni *eni = context;
    struct reach_ref *group = REACH_PUSH(reading->model, &eni->groups);

    if (group != NULL) {
        *group = reading_ref(reading, item, "GroupId");
    }
}

static struct reach_address *add_address(struct reading *reading, json_t *item, const char *key, struct reach_eni *eni)
{
    struct prefix prefix;
    struct reach_address *address;

    if (!reading_prefix(reading, item, key, &prefix)) {
        reading_fail(reading, key, "must be an address");
        return NULL;
    }
    address = REACH_PUSH(reading->model, &eni->addresses);
    if (address != NULL) {
        address->prefix = prefix;
        /* Of IPv6, global unicast addresses (RFC 4291) need no other one. */
        address->is_public = prefix.addr.is_ipv6 && (prefix.addr.bytes[0] & 0xe0) == 0x20;
    }
    return address;
}

static void take_ipv4(struct reading *reading, json_t *item, void *context)
{
    struct reach_address *address = add_address(reading, item, "PrivateIpAddress", context);
    json_t *association = reading_object(reading, item, "Association");
    struct prefix public_address;

    if (address != NULL && reading_prefix(reading, association, "PublicIp", &public_address)) {
        address->is_public = true;
        address->public_address = public_address.addr;
    }
}

static void take_ipv6(struct reading *reading, json_t *item, void *context)
{
    (void)add_address(reading, item, "Ipv6Address", context);
}

static void take_ipv4_prefix(struct reading *reading, json_t *item, void *context)
{
    (void)add_address(reading, item, "Ipv4Prefix", context);
}

static void take_ipv6_prefix(struct reading *reading, json_t *item, void *context)
{
    (void)add_address(reading, item, "Ipv6Prefix", context);
}

static bool is_text(const char *text, const char *wanted)
{
    return text != NULL && strcmp(text, wanted) == 0;
}

static void take_eni(struct reading *reading, json_t *item)
{
    const char *id = reading_id(reading, item, "NetworkInterfaceId");
    struct reach_eni *eni = id == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->enis);
    json_t *attachment = reading_object(reading, item, "Attachment");
    const char *status = reading_text(reading, item, "Status");
    const char *attached = reading_text(reading, attachment, "Status");

    if (eni == NULL) {
        return;
    }
    eni->id = id;
    eni->subnet = reading_ref(reading, item, "SubnetId");
    eni->owner = reading_keep(reading, attachment, "InstanceId");
    if (eni->owner == NULL) {
        eni->owner = reading_keep(reading, item, "Description");
    }
    eni->attached = is_text(status, "in-use") || is_text(status, "associated") || is_text(attached, "attached");
    reading_list(reading, item, "Groups", eni, take_holding);
    reading_list(reading, item, "PrivateIpAddresses", eni, take_ipv4);
    reading_list(reading, item, "Ipv6Addresses", eni, take_ipv6);
    reading_list(reading, item, "Ipv4Prefixes", eni, take_ipv4_prefix);
    reading_list(reading, item, "Ipv6Prefixes", eni, take_ipv6_prefix);
}

/* ---- instances ---- */

static void take_tag(struct reading *reading, json_t *item, void *context)
{
    const char **name = context;

    if (is_text(reading_text(reading, item, "Key"), "Name")) {
        *name = reading_keep(reading, item, "Value");
    }
}

static void take_instance(struct reading *reading, json_t *item, void *context)
{
    const char *id = reading_id(reading, item, "InstanceId");
    struct reach_asset *asset = id == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->assets);
    bool windows = is_text(reading_text(reading, item, "Platform"), "windows");

    (void)context;
    if (asset == NULL) {
        return;
    }
    asset->id = id;
    reading_list(reading, item, "Tags", &asset->name, take_tag);
    for (const struct index_number *at = index_find(&reading->found, id); at != NULL; at = at->next) {
        struct reach_eni *eni = &reading->model->enis.items[at->number];
        struct reach_ref *ref;
        /* What these systems take by default: Linux's ip_local_port_range; the dynamic ports of Windows (RFC 6335). */
        eni->client = windows ? (struct reach_ports){49152, 65535} : (struct reach_ports){32768, 60999};
        ref = REACH_PUSH(reading->model, &asset->enis);
        if (ref != NULL) {
            *ref = (struct reach_ref){.id = eni->id, .at = REACH_NONE};
        }
    }
}

static void take_reservation(struct reading *reading, json_t *item)
{
    reading_list(reading, item, "Instances", NULL, take_instance);
}

void reading_interfaces(struct reading *reading)
{
    reading_each(reading, "NetworkInterfaces", take_eni);
    for (size_t i = 0; !reading->failed && i < reading->model->enis.count; i++) {
        if (reading->model->enis.items[i].owner != NULL) {
            index_add(&reading->found, reading->model->enis.items[i].owner, i);
        }
    }
    reading_each(reading, "Reservations", take_reservation);
    reading_forget(reading);
}
