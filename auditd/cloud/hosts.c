#include "auditd/cloud/hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_KEY_SIZE = 80 };

struct gathering {
    const struct aws *aws;
    struct cloud_hosts *hosts;
    json_t *instances; /* {ID: the instance's record} */
    json_t *places;    /* {VPC: {ID: index of the host, from 1}} */
    json_t *named;     /* {VPC: {NAME: how many}} */
    char *reason;
};

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static json_t *object_in(json_t *object, const char *key)
{
    json_t *member = json_object_get(object, key);

    if (member == NULL && json_object_set_new(object, key, json_object()) == 0) {
        member = json_object_get(object, key);
    }
    return member;
}

/* Calls `take` with each record of a list, in all documents. */
static int each_record(struct gathering *gathering, const char *list,
                       int (*take)(struct gathering *gathering, json_t *record))
{
    const char *name;
    json_t *document;
    int rc = 0;

    for (size_t i = 0; rc == 0 && (document = aws_document(gathering->aws, i, &name)) != NULL; i++) {
        size_t index;
        json_t *record;
        json_array_foreach(json_object_get(document, list), index, record)
        {
            rc = rc < 0 ? rc : take(gathering, record);
        }
    }
    return rc;
}

/* ---- instances ---- */

static int take_reservation(struct gathering *gathering, json_t *reservation)
{
    size_t index;
    json_t *instance;

    json_array_foreach(json_object_get(reservation, "Instances"), index, instance)
    {
        const char *id = text_of(instance, "InstanceId");
        if (id != NULL && json_object_set(gathering->instances, id, instance) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static const json_t *tags_of(const struct gathering *gathering, const char *instance, const json_t *interface)
{
    return instance == NULL ? json_object_get(interface, "TagSet")
                            : json_object_get(json_object_get(gathering->instances, instance), "Tags");
}

static const char *name_of(const json_t *tags)
{
    size_t index;
    json_t *tag;

    json_array_foreach(tags, index, tag)
    {
        const char *key = text_of(tag, "Key");
        if (key != NULL && strcmp(key, "Name") == 0) {
            return text_of(tag, "Value");
        }
    }
    return NULL;
}

/* ---- hosts ---- */

static struct cloud_vpc *find_vpc(struct cloud_hosts *hosts, const char *id)
{
    struct cloud_vpc *grown;

    for (size_t i = 0; i < hosts->count; i++) {
        if (strcmp(hosts->vpcs[i].id, id) == 0) {
            return &hosts->vpcs[i];
        }
    }
    grown = reallocarray(hosts->vpcs, hosts->count + 1, sizeof(*grown));
    if (grown == NULL) {
        return NULL;
    }
    hosts->vpcs = grown;
    grown += hosts->count++;
    *grown = (struct cloud_vpc){
        .id = strdup(id), .inventory.is_complete = true, .interfaces = json_object(), .publics = json_object()};
    return grown->id == NULL || grown->interfaces == NULL || grown->publics == NULL ? NULL : grown;
}

/* What an inventory does not take is left out; out of memory is an error. */
static int tolerate(struct gathering *gathering, int rc)
{
    gathering->hosts->left_out += rc == -EINVAL;
    return rc == -EINVAL ? 0 : rc;
}

static int add_tags(struct gathering *gathering, struct inventory_host *host, const json_t *tags)
{
    size_t index;
    json_t *tag;
    int rc = 0;

    json_array_foreach(tags, index, tag)
    {
        const char *key = text_of(tag, "Key");
        const char *value = text_of(tag, "Value");
        if (rc == 0 && key != NULL && value != NULL) {
            rc = tolerate(gathering, inventory_add_tag(host, key, value, gathering->reason));
        }
    }
    return rc;
}

/* A name that is no host name stays a tag alone. */
static int add_name(struct gathering *gathering, struct inventory_host *host, const char *vpc, const char *name)
{
    char ignored[INVENTORY_REASON_SIZE];
    bool once = name != NULL && json_integer_value(json_object_get(json_object_get(gathering->named, vpc), name)) == 1;
    int rc = once ? inventory_set_name(host, name, ignored) : 0;

    return rc == -EINVAL ? 0 : rc;
}

static int add_addresses(struct gathering *gathering, struct inventory_host *host, const json_t *interface)
{
    static const struct {
        const char *list, *member;
    } lists[] = {{"PrivateIpAddresses", "PrivateIpAddress"}, {"Ipv6Addresses", "Ipv6Address"}};
    int rc = 0;

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        size_t index;
        json_t *item;
        json_array_foreach(json_object_get(interface, lists[i].list), index, item)
        {
            const char *address = text_of(item, lists[i].member);
            if (rc == 0 && address != NULL) {
                rc = tolerate(gathering, inventory_add_address(host, address, gathering->reason));
            }
        }
    }
    return rc;
}

/* The first host that says so has it. */
static int add_public(struct cloud_vpc *vpc, const char *text, const char *host)
{
    struct addr address;
    char canonical[ADDR_TEXT_SIZE];

    if (text == NULL || strchr(text, '%') != NULL || addr_parse(text, &address) < 0) {
        return 0;
    }
    addr_format(&address, canonical);
    return json_object_get(vpc->publics, canonical) != NULL ||
                   json_object_set_new(vpc->publics, canonical, json_string(host)) == 0
               ? 0
               : -ENOMEM;
}

static int add_publics(struct cloud_vpc *vpc, const json_t *interface, const char *host)
{
    int rc = add_public(vpc, text_of(json_object_get(interface, "Association"), "PublicIp"), host);
    size_t index;
    json_t *item;

    json_array_foreach(json_object_get(interface, "PrivateIpAddresses"), index, item)
    {
        rc = rc < 0 ? rc : add_public(vpc, text_of(json_object_get(item, "Association"), "PublicIp"), host);
    }
    return rc;
}

/* An Elastic IP says itself on which interface it is. */
static int take_elastic(struct gathering *gathering, json_t *record)
{
    const char *interface = text_of(record, "NetworkInterfaceId");
    int rc = 0;

    for (size_t i = 0; rc == 0 && interface != NULL && i < gathering->hosts->count; i++) {
        struct cloud_vpc *vpc = &gathering->hosts->vpcs[i];
        const char *host = text_of(vpc->interfaces, interface);
        rc = host == NULL ? 0 : add_public(vpc, text_of(record, "PublicIp"), host);
    }
    return rc;
}

/* The host of an instance or lone interface, made when it is not there yet. */
static int find_host(struct gathering *gathering, struct cloud_vpc *vpc, const char *id, const json_t *tags,
                     struct inventory_host **ret_host)
{
    json_t *places = object_in(gathering->places, vpc->id);
    json_int_t place = json_integer_value(json_object_get(places, id));
    int rc;

    if (place > 0) {
        *ret_host = &vpc->inventory.hosts[place - 1];
        return 0;
    }
    rc = inventory_add(&vpc->inventory, ret_host);
    if (rc == 0 &&
        (places == NULL || json_object_set_new(places, id, json_integer((json_int_t)vpc->inventory.count)) != 0)) {
        rc = -ENOMEM;
    }
    rc = rc == 0 ? inventory_set_id(*ret_host, id, gathering->reason) : rc;
    rc = rc == 0 ? add_name(gathering, *ret_host, vpc->id, name_of(tags)) : rc;
    return rc == 0 ? add_tags(gathering, *ret_host, tags) : rc;
}

/* A tag for each group that the interface holds, whose value is its name. */
static int add_groups(struct gathering *gathering, struct inventory_host *host, const json_t *interface)
{
    size_t index;
    json_t *group;
    int rc = 0;

    json_array_foreach(json_object_get(interface, "Groups"), index, group)
    {
        const char *id = text_of(group, "GroupId");
        const char *name = text_of(group, "GroupName");
        char key[GROUP_KEY_SIZE];
        bool is_new = id != NULL && strlen(id) < sizeof(key) - strlen(HOST_TAG_SECURITY_GROUP);
        snprintf(key, sizeof(key), "%s%.64s", HOST_TAG_SECURITY_GROUP, id == NULL ? "" : id);
        /* Another interface of the host may hold it, too. */
        for (size_t i = 0; is_new && i < host->tag_count; i++) {
            is_new = strcmp(host->tags[i].key, key) != 0;
        }
        rc = rc == 0 && is_new
                 ? tolerate(gathering, inventory_add_tag(host, key, name == NULL ? "" : name, gathering->reason))
                 : rc;
    }
    return rc;
}

struct interface {
    const char *id, *vpc;
    const char *instance; /* NULL: none */
};

static bool read_interface(const json_t *record, struct interface *ret_interface)
{
    *ret_interface = (struct interface){
        .id = text_of(record, "NetworkInterfaceId"),
        .vpc = text_of(record, "VpcId"),
        .instance = text_of(json_object_get(record, "Attachment"), "InstanceId"),
    };
    return ret_interface->id != NULL && ret_interface->vpc != NULL;
}

/* Counts names: of each host once. */
static int take_names(struct gathering *gathering, json_t *record)
{
    struct interface interface;
    const char *name;
    json_t *named;
    json_t *places;

    if (!read_interface(record, &interface)) {
        return 0;
    }
    name = name_of(tags_of(gathering, interface.instance, record));
    places = object_in(gathering->places, interface.vpc);
    if (name == NULL || (interface.instance != NULL && json_object_get(places, interface.instance) != NULL)) {
        return 0;
    }
    named = object_in(gathering->named, interface.vpc);
    if (named == NULL || places == NULL ||
        json_object_set_new(places, interface.instance != NULL ? interface.instance : interface.id, json_integer(0)) !=
            0) {
        return -ENOMEM;
    }
    return json_object_set_new(named, name, json_integer(json_integer_value(json_object_get(named, name)) + 1)) == 0
               ? 0
               : -ENOMEM;
}

static int take_interface(struct gathering *gathering, json_t *record)
{
    struct interface interface;
    struct inventory_host *host = NULL;
    struct cloud_vpc *vpc;
    const char *id;
    int rc;

    if (!read_interface(record, &interface)) {
        return 0;
    }
    vpc = find_vpc(gathering->hosts, interface.vpc);
    if (vpc == NULL) {
        return -ENOMEM;
    }
    /* The same interface in a second file. */
    if (json_object_get(vpc->interfaces, interface.id) != NULL) {
        return 0;
    }
    id = interface.instance != NULL ? interface.instance : interface.id;
    rc = find_host(gathering, vpc, id, tags_of(gathering, interface.instance, record), &host);
    rc = rc == 0 ? add_addresses(gathering, host, record) : rc;
    rc = rc == 0 ? add_groups(gathering, host, record) : rc;
    rc = rc == 0 ? add_publics(vpc, record, id) : rc;
    return rc == 0 && json_object_set_new(vpc->interfaces, interface.id, json_string(id)) != 0 ? -ENOMEM : rc;
}

static int check_all(const struct cloud_hosts *hosts, char *reason)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < hosts->count; i++) {
        char what[INVENTORY_REASON_SIZE];
        rc = inventory_check(&hosts->vpcs[i].inventory, what);
        if (rc == -EBADMSG) {
            snprintf(reason, INVENTORY_REASON_SIZE, "%.64s: %.240s", hosts->vpcs[i].id, what);
        }
    }
    return rc;
}

int cloud_hosts_of(const struct aws *aws, struct cloud_hosts *ret_hosts, char reason[INVENTORY_REASON_SIZE])
{
    struct gathering gathering = {
        .aws = aws,
        .hosts = ret_hosts,
        .instances = json_object(),
        .places = json_object(),
        .named = json_object(),
        .reason = reason,
    };
    int rc = gathering.instances == NULL || gathering.places == NULL || gathering.named == NULL ? -ENOMEM : 0;

    *ret_hosts = (struct cloud_hosts){0};
    if (rc == 0 && !(aws_has_whole(aws, "NetworkInterfaces") && aws_has_whole(aws, "Reservations"))) {
        rc = -ENODATA;
    }
    rc = rc == 0 ? each_record(&gathering, "Reservations", take_reservation) : rc;
    rc = rc == 0 ? each_record(&gathering, "NetworkInterfaces", take_names) : rc;
    rc = rc == 0 ? each_record(&gathering, "NetworkInterfaces", take_interface) : rc;
    rc = rc == 0 ? each_record(&gathering, "Addresses", take_elastic) : rc;
    rc = rc == 0 ? check_all(ret_hosts, reason) : rc;
    json_decref(gathering.instances);
    json_decref(gathering.places);
    json_decref(gathering.named);
    return rc;
}

void cloud_hosts_done(struct cloud_hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++) {
        free(hosts->vpcs[i].id);
        inventory_done(&hosts->vpcs[i].inventory);
        json_decref(hosts->vpcs[i].interfaces);
        json_decref(hosts->vpcs[i].publics);
    }
    free(hosts->vpcs);
    *hosts = (struct cloud_hosts){0};
}
