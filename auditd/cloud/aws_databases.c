/* RDS instances and ElastiCache clusters. Neither says which interface is its own: what it may be is found by its
 * groups and subnets. */
#include "auditd/cloud/reading.h"

#include <stdio.h>
#include <string.h>

enum { DATABASE_GROUPS = 32, DATABASE_SUBNETS = 64 };

struct database {
    const char *id;
    const char *description; /* how its interfaces' descriptions begin */
    const char *zone;        /* NULL: any of its subnets' */
    bool is_public;
    const char *groups[DATABASE_GROUPS];
    size_t group_count;
    const char *subnets[DATABASE_SUBNETS];
    size_t subnet_count;
};

static void take_vpc_group(struct reading *reading, json_t *item, void *context)
{
    struct database *database = context;
    const char *id = reading_text(reading, item, "VpcSecurityGroupId");

    id = id == NULL ? reading_text(reading, item, "SecurityGroupId") : id;
    if (id != NULL && database->group_count < DATABASE_GROUPS) {
        database->groups[database->group_count++] = id;
    }
}

static void take_subnet(struct reading *reading, json_t *item, void *context)
{
    struct database *database = context;
    const char *id = reading_text(reading, item, "SubnetIdentifier");

    if (id != NULL && database->subnet_count < DATABASE_SUBNETS) {
        database->subnets[database->subnet_count++] = id;
    }
}

static bool holds_exactly(const struct reach_eni *eni, const struct database *database)
{
    bool all = eni->groups.count == database->group_count;

    for (size_t i = 0; all && i < database->group_count; i++) {
        bool found = false;
        for (size_t j = 0; j < eni->groups.count; j++) {
            found |= eni->groups.items[j].id != NULL && strcmp(eni->groups.items[j].id, database->groups[i]) == 0;
        }
        all = found;
    }
    return all;
}

static bool lies_in(const struct reading *reading, const struct database *database, const char *subnet)
{
    for (size_t i = 0; subnet != NULL && i < database->subnet_count; i++) {
        if (strcmp(database->subnets[i], subnet) != 0) {
            continue;
        }
        for (size_t j = 0; database->zone != NULL && j < reading->model->subnets.count; j++) {
            const struct reach_subnet *record = &reading->model->subnets.items[j];
            if (strcmp(record->id, subnet) == 0 && record->zone != NULL) {
                return strcmp(record->zone, database->zone) == 0;
            }
        }
        return true;
    }
    return false;
}

static void add_ref(struct reading *reading, struct reach_asset *asset, const char *id)
{
    struct reach_ref *ref = REACH_PUSH(reading->model, &asset->enis);

    if (ref != NULL) {
        *ref = (struct reach_ref){.id = id, .at = REACH_NONE};
    }
}

/* Interfaces that were read and can be its own. */
static size_t add_read(struct reading *reading, const struct database *database, struct reach_asset *asset)
{
    size_t count = 0;

    for (size_t i = 0; i < reading->model->enis.count; i++) {
        const struct reach_eni *eni = &reading->model->enis.items[i];
        if (eni->owner != NULL && strncmp(eni->owner, database->description, strlen(database->description)) == 0 &&
            holds_exactly(eni, database) && lies_in(reading, database, eni->subnet.id)) {
            add_ref(reading, asset, eni->id);
            count++;
        }
    }
    return count;
}

/* An interface that must be there but was not read, in a subnet that it may lie in. */
static void add_assumed(struct reading *reading, const struct database *database, const char *subnet,
                        struct reach_asset *asset, bool is_only)
{
    struct reach_eni *eni = REACH_PUSH(reading->model, &reading->model->enis);
    struct reach_address *address = eni == NULL ? NULL : REACH_PUSH(reading->model, &eni->addresses);
    char id[READING_NAME_SIZE];

    if (address == NULL) {
        return;
    }
    snprintf(id, sizeof(id), "%.120s in %.120s", database->id, subnet);
    eni->id = reach_model_text(reading->model, id);
    eni->owner = reach_model_text(reading->model, database->id);
    eni->subnet = (struct reach_ref){.id = reach_model_text(reading->model, subnet), .at = REACH_NONE};
    eni->attached = true;
    eni->assumed = !is_only;
    address->is_public = database->is_public;
    address->prefix.bits = 32;
    for (size_t i = 0; i < reading->model->subnets.count; i++) {
        const struct reach_subnet *record = &reading->model->subnets.items[i];
        if (strcmp(record->id, subnet) == 0 && record->prefixes.count > 0 && !record->prefixes.items[0].addr.is_ipv6) {
            address->prefix.addr = record->prefixes.items[0].addr;
        }
    }
    for (size_t i = 0; i < database->group_count; i++) {
        struct reach_ref *group = REACH_PUSH(reading->model, &eni->groups);
        if (group != NULL) {
            *group = (struct reach_ref){.id = reach_model_text(reading->model, database->groups[i]), .at = REACH_NONE};
        }
    }
    add_ref(reading, asset, eni->id);
}

static void add_database(struct reading *reading, const struct database *database)
{
    struct reach_asset *asset = REACH_PUSH(reading->model, &reading->model->assets);
    size_t candidates = 0;

    if (asset == NULL) {
        return;
    }
    asset->id = database->id;
    if (add_read(reading, database, asset) > 0) {
        return;
    }
    for (size_t i = 0; i < database->subnet_count; i++) {
        candidates += lies_in(reading, database, database->subnets[i]);
    }
    for (size_t i = 0; i < database->subnet_count; i++) {
        if (lies_in(reading, database, database->subnets[i])) {
            add_assumed(reading, database, database->subnets[i], asset, candidates == 1);
        }
    }
}

static void take_rds(struct reading *reading, json_t *item)
{
    json_t *subnets = reading_object(reading, item, "DBSubnetGroup");
    struct database database = {
        .id = reading_id(reading, item, "DBInstanceIdentifier"),
        .description = "RDSNetworkInterface",
        .zone = reading_text(reading, item, "AvailabilityZone"),
        .is_public = reading_bool(reading, item, "PubliclyAccessible"),
    };

    reading_list(reading, item, "VpcSecurityGroups", &database, take_vpc_group);
    reading_list(reading, subnets, "Subnets", &database, take_subnet);
    if (database.id != NULL) {
        add_database(reading, &database);
    }
}

struct cache {
    struct database *database;
    const char *subnets; /* the name of their group */
};

static void find_cache_subnets(struct reading *reading, struct cache *cache)
{
    for (size_t i = 0; cache->subnets != NULL && i < reading->document_count; i++) {
        json_t *groups = json_object_get(reading->documents[i].root, "CacheSubnetGroups");
        for (size_t j = 0; j < json_array_size(groups); j++) {
            json_t *group = json_array_get(groups, j);
            const char *name = json_string_value(json_object_get(group, "CacheSubnetGroupName"));
            if (name != NULL && strcmp(name, cache->subnets) == 0) {
                reading_list(reading, group, "Subnets", cache->database, take_subnet);
            }
        }
    }
}

static void take_cache(struct reading *reading, json_t *item)
{
    char description[READING_NAME_SIZE];
    struct database database = {
        .id = reading_id(reading, item, "CacheClusterId"),
        .description = description,
        .zone = reading_text(reading, item, "PreferredAvailabilityZone"),
    };
    struct cache cache = {&database, reading_text(reading, item, "CacheSubnetGroupName")};

    if (database.id == NULL) {
        return;
    }
    snprintf(description, sizeof(description), "ElastiCache %.200s", database.id);
    reading_list(reading, item, "SecurityGroups", &database, take_vpc_group);
    find_cache_subnets(reading, &cache);
    add_database(reading, &database);
}

void reading_databases(struct reading *reading)
{
    reading_each(reading, "DBInstances", take_rds);
    reading_each(reading, "CacheClusters", take_cache);
}
