#include "auditd/finding/claim_database.h"

#include "auditd/policy/cloud_declared.h"
#include "auditd/policy/policy.h"
#include "auditd/store/cloud.h"
#include "auditd/store/sql.h"
#include "lib/portset.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { DATABASE_WORDS_SIZE = 200 };

static const char database_kind[] = "wide-database";

/* The widest that a port is open to. */
struct database_source {
    enum vantage_class reach; /* VANTAGE_SELF: to nothing that is too wide */
    char group[DATABASE_WORDS_SIZE];
    char words[DATABASE_WORDS_SIZE];
};

struct database {
    struct store *store;
    const struct claim_options *options;
    const struct claim_asset *asset;
    struct claims *claims;
    json_t *interface;
    int64_t source_id;
    struct portset ports;
    bool is_known; /* each of its groups was read */
};

/* ---- what it is ---- */

/* -ENOENT: it is none. */
static int find_interface(struct database *this)
{
    sqlite3_stmt *row;
    int rc = store_query(
        this->store, &row,
        "SELECT r.body, r.source_id FROM asset_identity i CROSS JOIN cloud_source s CROSS JOIN cloud_record r ON"
        " r.source_id = s.id AND r.list = 'NetworkInterfaces' AND r.key = i.value AND " STORE_CLOUD_STANDS(
            "r") " WHERE i.asset_id = ?1 AND i.kind = 'interface' AND i.valid_to IS NULL AND"
                 " (json_extract(r.body, '$.Description') GLOB 'RDSNetworkInterface*' OR"
                 " json_extract(r.body, '$.Description') GLOB 'ElastiCache *') LIMIT 1",
        "i", this->asset->id);

    rc = rc < 0 ? rc : store_step(this->store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    this->interface = json_loads(store_text(row, 0), 0, NULL);
    this->source_id = sqlite3_column_int64(row, 1);
    store_walked(row);
    return this->interface == NULL ? -ENOMEM : 0;
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text == NULL ? "" : text;
}

static const char *group_of(const json_t *interface, size_t index)
{
    return text_of(json_array_get(json_object_get(interface, "Groups"), index), "GroupId");
}

static bool holds(const json_t *interface, const char *group)
{
    for (size_t i = 0; i < json_array_size(json_object_get(interface, "Groups")); i++) {
        if (strcmp(group_of(interface, i), group) == 0) {
            return true;
        }
    }
    return false;
}

/* The database holds some of the interface's groups and no other. */
static bool is_its_own(const json_t *interface, const json_t *database)
{
    static const char *const lists[][2] = {{"VpcSecurityGroups", "VpcSecurityGroupId"},
                                           {"SecurityGroups", "SecurityGroupId"}};
    size_t count = 0;

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        const json_t *groups = json_object_get(database, lists[i][0]);
        for (size_t j = 0; j < json_array_size(groups); j++, count++) {
            if (!holds(interface, text_of(json_array_get(groups, j), lists[i][1]))) {
                return false;
            }
        }
    }
    return count > 0;
}

/* What the engines listen at unless they are told otherwise (RDS and ElastiCache user guides). */
static uint16_t default_port(const char *engine)
{
    static const struct {
        const char *part;
        uint16_t port;
    } engines[] = {{"postgres", 5432},  {"mysql", 3306},      {"mariadb", 3306}, {"aurora", 3306}, {"oracle", 1521},
                   {"sqlserver", 1433}, {"memcached", 11211}, {"redis", 6379},   {"valkey", 6379}, {"db2", 50000}};

    for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++) {
        if (strstr(engine, engines[i].part) != NULL) {
            return engines[i].port;
        }
    }
    return 0;
}

static uint16_t port_of(const json_t *database)
{
    const json_t *node = json_array_get(json_object_get(database, "CacheNodes"), 0);
    const json_t *const places[] = {json_object_get(json_object_get(database, "Endpoint"), "Port"),
                                    json_object_get(database, "Port"), json_object_get(database, "DbInstancePort"),
                                    json_object_get(json_object_get(database, "ConfigurationEndpoint"), "Port"),
                                    json_object_get(json_object_get(node, "Endpoint"), "Port")};

    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        json_int_t port = json_integer_value(places[i]);
        if (port > 0 && port <= UINT16_MAX) {
            return (uint16_t)port;
        }
    }
    return default_port(text_of(database, "Engine"));
}

static int find_ports(struct database *this)
{
    sqlite3_stmt *row;
    int rc = store_query(this->store, &row,
                         "SELECT body FROM cloud_record r WHERE source_id = ?1 AND list IN ('DBInstances',"
                         " 'DBClusters', 'CacheClusters') AND " STORE_CLOUD_STANDS("r") " AND instr(body, ?2) > 0",
                         "it", this->source_id, group_of(this->interface, 0));

    while (rc == 0 && (rc = store_step(this->store, row)) == 1) {
        json_t *database = json_loads(store_text(row, 0), 0, NULL);
        uint16_t port = is_its_own(this->interface, database) ? port_of(database) : 0;
        if (port != 0) {
            portset_add(&this->ports, port);
        }
        json_decref(database);
        rc = 0;
    }
    return rc;
}

/* ---- who gets in ---- */

/* RFC 1918, RFC 6598, RFC 4193. */
static bool is_private(const struct prefix *prefix)
{
    static const char *const ranges[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"};

    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        struct prefix range;
        if (prefix_parse(ranges[i], &range) == 0 && prefix->bits >= range.bits &&
            prefix_contains(&range, &prefix->addr)) {
            return true;
        }
    }
    return false;
}

/* A single address is somebody. */
static enum vantage_class reach_of_range(const char *text)
{
    struct prefix prefix;

    if (prefix_parse(text, &prefix) < 0 || prefix.bits == (prefix.addr.is_ipv6 ? 128 : 32)) {
        return VANTAGE_SELF;
    }
    return prefix.bits == 0 ? VANTAGE_WORLD : is_private(&prefix) ? VANTAGE_OWN_VPC : VANTAGE_PUBLIC_RANGE;
}

static void widen(struct database_source *source, enum vantage_class reach, const char *group, const char *what,
                  const char *which)
{
    if (reach > source->reach) {
        source->reach = reach;
        snprintf(source->group, sizeof(source->group), "%s", group);
        snprintf(source->words, sizeof(source->words), "%s%s", what, which);
    }
}

/* Whoever is given no other group is in it. */
static int is_default_group(struct database *this, const char *group, bool *ret_is)
{
    int64_t is = 0;
    int rc = store_query_int(
        this->store, &is,
        "SELECT coalesce((SELECT json_extract(r.body, '$.GroupName') = 'default' FROM cloud_record"
        " r WHERE r.source_id = ?1 AND r.list = 'SecurityGroups' AND r.key = ?2 AND " STORE_CLOUD_STANDS(
            "r") " LIMIT 1), 0)",
        "it", this->source_id, group);

    *ret_is = is != 0;
    return rc;
}

static int look_at_permission(struct database *this, const char *group, const json_t *permission,
                              struct database_source *source)
{
    static const char *const ranges[][2] = {{"IpRanges", "CidrIp"}, {"Ipv6Ranges", "CidrIpv6"}};
    const json_t *lists = json_object_get(permission, "PrefixListIds");
    const json_t *pairs = json_object_get(permission, "UserIdGroupPairs");
    int rc = 0;

    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        const json_t *list = json_object_get(permission, ranges[i][0]);
        for (size_t j = 0; j < json_array_size(list); j++) {
            const char *range = text_of(json_array_get(list, j), ranges[i][1]);
            widen(source, reach_of_range(range), group, "", range);
        }
    }
    for (size_t i = 0; i < json_array_size(lists); i++) {
        widen(source, VANTAGE_OWN_VPC, group, "the prefix list ", text_of(json_array_get(lists, i), "PrefixListId"));
    }
    for (size_t i = 0; rc == 0 && i < json_array_size(pairs); i++) {
        const char *other = text_of(json_array_get(pairs, i), "GroupId");
        bool is = false;
        rc = is_default_group(this, other, &is);
        if (is) {
            widen(source, VANTAGE_OWN_VPC, group, "the VPC's default group ", other);
        }
    }
    return rc;
}

static bool covers(const json_t *permission, uint16_t port)
{
    const char *protocol = text_of(permission, "IpProtocol");
    json_int_t first = json_integer_value(json_object_get(permission, "FromPort"));
    json_int_t last = json_integer_value(json_object_get(permission, "ToPort"));

    return strcmp(protocol, "-1") == 0 ||
           ((strcmp(protocol, "tcp") == 0 || strcmp(protocol, "6") == 0) && first <= port && port <= last);
}

/* NULL: it was never read. */
static int load_group(struct database *this, const char *group, json_t **ret_record)
{
    sqlite3_stmt *row;
    int rc = store_query(this->store, &row,
                         "SELECT body FROM cloud_record r WHERE source_id = ?1 AND list = 'SecurityGroups' AND"
                         " key = ?2 AND " STORE_CLOUD_STANDS("r") " ORDER BY valid_from DESC LIMIT 1",
                         "it", this->source_id, group);

    *ret_record = NULL;
    rc = rc < 0 ? rc : store_step(this->store, row);
    if (rc == 1) {
        *ret_record = json_loads(store_text(row, 0), 0, NULL);
        store_walked(row);
        return *ret_record == NULL ? -ENOMEM : 0;
    }
    return rc;
}

static int find_source(struct database *this, uint16_t port, struct database_source *source)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < json_array_size(json_object_get(this->interface, "Groups")); i++) {
        const char *group = group_of(this->interface, i);
        json_t *record;
        const json_t *permissions;
        rc = load_group(this, group, &record);
        permissions = json_object_get(record, "IpPermissions");
        this->is_known = this->is_known && record != NULL;
        for (size_t j = 0; rc == 0 && j < json_array_size(permissions); j++) {
            const json_t *permission = json_array_get(permissions, j);
            rc = covers(permission, port) ? look_at_permission(this, group, permission, source) : 0;
        }
        json_decref(record);
    }
    return rc;
}

/* ---- claims ---- */

static int claim_wide(struct database *this, uint16_t port, const struct database_source *source)
{
    const struct store_known *known = this->asset->known;
    const struct exposure exposure = {
        .realm = this->asset->realm,
        .names = (const char *const *)known->names,
        .name_count = known->name_count,
        .addresses = known->addresses,
        .address_count = known->address_count,
        .tags = known->tags,
        .tag_count = known->tag_count,
        .proto = "tcp",
        .port = port,
        .vantage_class = source->reach,
        .vantage = "the cloud's rules",
        .now_ms = this->options->now_ms,
    };
    struct claim *claim = claims_add(this->claims);
    struct verdict judged;

    if (claim == NULL) {
        return -ENOMEM;
    }
    judge_exposure(this->options->policy, &exposure, &judged);
    claim->port = port;
    cloud_declared_wide(&judged, source->group, source->words, known->address_count > 0 ? &known->addresses[0] : NULL,
                        &claim->verdict);
    claim->verdict.verdict = judged.verdict == VERDICT_FINDING ? VERDICT_FINDING : VERDICT_ALLOWED;
    return 0;
}

static int claim_each_port(struct database *this)
{
    int rc = find_ports(this);

    for (int32_t port = portset_next(&this->ports, 0); rc == 0 && port >= 0;
         port = portset_next(&this->ports, (uint32_t)port + 1)) {
        struct database_source source = {.reach = VANTAGE_SELF};
        rc = find_source(this, (uint16_t)port, &source);
        if (rc == 0 && source.reach != VANTAGE_SELF) {
            rc = claim_wide(this, (uint16_t)port, &source);
        }
    }
    if (rc == 0 && (!this->is_known || portset_count(&this->ports) == 0)) {
        rc = claims_doubt(this->claims, &(struct claim_doubt){false, 0, UINT16_MAX, database_kind});
    }
    return rc;
}

int claim_database(struct store *store, const struct claim_options *options, const struct claim_asset *asset,
                   struct claims *claims)
{
    struct database this = {.store = store, .options = options, .asset = asset, .claims = claims, .is_known = true};
    int rc = find_interface(&this);

    rc = rc == 0 ? claim_each_port(&this) : rc;
    json_decref(this.interface);
    return rc == -ENOENT ? 0 : rc;
}
