/* Network ACLs, security groups and prefix lists. */
#include "auditd/cloud/reading.h"

#include <stdio.h>
#include <string.h>

/* FromPort and ToPort are ports, or ICMP's type and code; -1 is all of them. */
static struct reach_ports ports_of(struct reading *reading, json_t *item, int16_t proto, const char *from,
                                   const char *to)
{
    int64_t first = reading_number(reading, item, from, (struct reading_range){-1, UINT16_MAX, -1});
    int64_t last = reading_number(reading, item, to, (struct reading_range){-1, UINT16_MAX, -1});

    if (proto == REACH_ICMP || proto == REACH_ICMPV6) {
        if (first > 255 || last > 255) {
            reading_fail(reading, from, "ICMP has types and codes up to 255");
            return (struct reach_ports){0, 0};
        }
        if (first < 0) {
            return (struct reach_ports){0, UINT16_MAX};
        }
        first = first * 256 + (last < 0 ? 0 : last);
        return (struct reach_ports){(uint16_t)first, (uint16_t)(last < 0 ? first + 255 : first)};
    }
    if (first < 0 || last < 0) {
        return (struct reach_ports){0, UINT16_MAX};
    }
    return (struct reach_ports){(uint16_t)first, (uint16_t)last};
}

/* ---- network ACLs ---- */

static void take_entry(struct reading *reading, json_t *item, void *context)
{
    struct reach_acl *acl = context;
    struct reach_entry *entry = REACH_PUSH(reading->model, &acl->entries);
    const char *action = reading_text(reading, item, "RuleAction");

    if (entry == NULL) {
        return;
    }
    entry->number =
        (uint32_t)reading_number(reading, item, "RuleNumber", (struct reading_range){1, UINT16_MAX, UINT16_MAX});
    entry->proto = reading_proto(reading, item, "Protocol");
    entry->egress = reading_bool(reading, item, "Egress");
    entry->allow = action != NULL && strcmp(action, "allow") == 0;
    if (action == NULL || (!entry->allow && strcmp(action, "deny") != 0)) {
        reading_fail(reading, "RuleAction", "must be allow or deny");
    }
    if (entry->proto == REACH_ICMP || entry->proto == REACH_ICMPV6) {
        entry->ports = ports_of(reading, reading_object(reading, item, "IcmpTypeCode"), entry->proto, "Type", "Code");
    } else {
        entry->ports = ports_of(reading, reading_object(reading, item, "PortRange"), entry->proto, "From", "To");
    }
    if (!reading_prefix(reading, item, "CidrBlock", &entry->prefix) &&
        !reading_prefix(reading, item, "Ipv6CidrBlock", &entry->prefix)) {
        reading_fail(reading, "CidrBlock", "an entry needs a prefix");
    }
}

static void take_subnet_of(struct reading *reading, json_t *item, void *context)
{
    const char *acl = context;
    const char *subnet = reading_text(reading, item, "SubnetId");

    for (size_t i = 0; subnet != NULL && i < reading->model->subnets.count; i++) {
        struct reach_subnet *record = &reading->model->subnets.items[i];
        if (record->acl.id == NULL && strcmp(record->id, subnet) == 0) {
            record->acl = (struct reach_ref){.id = reach_model_text(reading->model, acl), .at = REACH_NONE};
        }
    }
}

static void take_acl(struct reading *reading, json_t *item)
{
    const char *id = reading_id(reading, item, "NetworkAclId");
    struct reach_acl *acl = id == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->acls);
    char name[READING_NAME_SIZE] = "";

    /* Of a record that another one stands in for, the subnets count all the same. */
    if (!reading->failed) {
        snprintf(name, sizeof(name), "%s", reading_text(reading, item, "NetworkAclId"));
        reading_list(reading, item, "Associations", name, take_subnet_of);
    }
    if (acl != NULL) {
        acl->id = id;
        acl->vpc = reading_ref(reading, item, "VpcId");
        reading_list(reading, item, "Entries", acl, take_entry);
    }
}

/* ---- security groups ---- */

struct permission {
    struct reach_group *group;
    struct reach_rule like;
    const char *owner; /* the group's account */
};

/* A rule like the permission; NULL when out of memory. */
static struct reach_rule *permission_rule(struct reading *reading, struct permission *permission, enum reach_peer peer)
{
    struct reach_rule *rule = REACH_PUSH(reading->model, &permission->group->rules);

    if (rule != NULL) {
        *rule = permission->like;
        rule->peer = peer;
    }
    return rule;
}

static void take_range(struct reading *reading, json_t *item, void *context)
{
    struct prefix prefix;
    struct reach_rule *rule;

    if (!reading_prefix(reading, item, "CidrIp", &prefix) && !reading_prefix(reading, item, "CidrIpv6", &prefix)) {
        reading_fail(reading, "CidrIp", "a range needs a prefix");
        return;
    }
    rule = permission_rule(reading, context, REACH_PEER_PREFIX);
    if (rule != NULL) {
        rule->prefix = prefix;
    }
}

static void take_list_of(struct reading *reading, json_t *item, void *context)
{
    struct reach_rule *rule = permission_rule(reading, context, REACH_PEER_LIST);

    if (rule != NULL) {
        rule->ref = reading_ref(reading, item, "PrefixListId");
    }
}

/* EC2 API Reference, VpcPeeringConnectionStateReason: from these none comes back. */
static bool peering_is_over(const char *code)
{
    static const char *const codes[] = {"deleted", "deleting", "rejected", "expired", "failed"};

    for (size_t i = 0; code != NULL && i < sizeof(codes) / sizeof(*codes); i++) {
        if (strcmp(code, codes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void take_pair(struct reading *reading, json_t *item, void *context)
{
    struct permission *permission = context;
    struct reach_rule *rule = permission_rule(reading, context, REACH_PEER_GROUP);
    const char *user = reading_text(reading, item, "UserId");

    if (rule == NULL) {
        return;
    }
    rule->ref = reading_ref(reading, item, "GroupId");
    rule->stale = peering_is_over(reading_text(reading, item, "PeeringStatus"));
    rule->foreign = user != NULL && permission->owner != NULL && strcmp(user, permission->owner) != 0;
    if (rule->ref.id == NULL) {
        reading_fail(reading, "GroupId", "must be a text that is not empty");
    }
}

static void take_permission(struct reading *reading, json_t *item, void *context)
{
    struct permission *permission = context;

    permission->like.proto = reading_proto(reading, item, "IpProtocol");
    permission->like.ports = ports_of(reading, item, permission->like.proto, "FromPort", "ToPort");
    reading_list(reading, item, "IpRanges", permission, take_range);
    reading_list(reading, item, "Ipv6Ranges", permission, take_range);
    reading_list(reading, item, "PrefixListIds", permission, take_list_of);
    reading_list(reading, item, "UserIdGroupPairs", permission, take_pair);
}

static void take_group(struct reading *reading, json_t *item)
{
    const char *id = reading_id(reading, item, "GroupId");
    struct reach_group *group = id == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->groups);
    struct permission permission = {.group = group, .owner = reading_text(reading, item, "OwnerId")};

    if (group == NULL) {
        return;
    }
    group->id = id;
    group->name = reading_keep(reading, item, "GroupName");
    group->vpc = reading_ref(reading, item, "VpcId");
    reading_list(reading, item, "IpPermissions", &permission, take_permission);
    permission.like.egress = true;
    reading_list(reading, item, "IpPermissionsEgress", &permission, take_permission);
}

/* ---- the ids of rules ---- */

enum { RULE_KEY_SIZE = 640 };

/* What two answers say of the same rule: its group, direction, protocol, ports and peer. False when it has no peer, or
 * one with a name longer than AWS has. */
static bool rule_key(const char *group, const struct reach_rule *rule, char key[RULE_KEY_SIZE])
{
    char text[ADDR_TEXT_SIZE];
    bool is_prefix = rule->peer == REACH_PEER_PREFIX;
    const char *peer = is_prefix ? addr_format(&rule->prefix.addr, text) : rule->ref.id;
    int length = peer == NULL ? -1
                              : snprintf(key, RULE_KEY_SIZE, "%s %d %d %u-%u %d:%s/%d", group, rule->egress,
                                         rule->proto, rule->ports.first, rule->ports.last, rule->peer, peer,
                                         is_prefix ? rule->prefix.bits : 0);

    return length >= 0 && length < RULE_KEY_SIZE;
}

/* A rule by its place: that of its group, and within it. */
static void index_rules(struct reading *reading)
{
    char key[RULE_KEY_SIZE];

    for (size_t i = 0; !reading->failed && i < reading->model->groups.count; i++) {
        const struct reach_group *group = &reading->model->groups.items[i];
        for (size_t j = 0; j < group->rules.count; j++) {
            if (rule_key(group->id, &group->rules.items[j], key)) {
                index_add(&reading->found, key, (uint64_t)i << 32 | j);
            }
        }
    }
}

/* describe-security-group-rules says what describe-security-groups does, and the rules' ids. */
static void take_rule_id(struct reading *reading, json_t *item)
{
    const char *group = reading_text(reading, item, "GroupId");
    json_t *pair = reading_object(reading, item, "ReferencedGroupInfo");
    struct reach_rule rule = {.id = reading_keep(reading, item, "SecurityGroupRuleId"),
                              .egress = reading_bool(reading, item, "IsEgress")};
    char key[RULE_KEY_SIZE];

    rule.proto = reading_proto(reading, item, "IpProtocol");
    rule.ports = ports_of(reading, item, rule.proto, "FromPort", "ToPort");
    if (!reading_prefix(reading, item, "CidrIpv4", &rule.prefix) &&
        !reading_prefix(reading, item, "CidrIpv6", &rule.prefix)) {
        rule.peer = pair != NULL ? REACH_PEER_GROUP : REACH_PEER_LIST;
        rule.ref = pair != NULL ? reading_ref(reading, pair, "GroupId") : reading_ref(reading, item, "PrefixListId");
    }
    if (group == NULL || !rule_key(group, &rule, key)) {
        return;
    }
    for (const struct index_number *at = index_find(&reading->found, key); at != NULL; at = at->next) {
        reading->model->groups.items[at->number >> 32].rules.items[at->number & UINT32_MAX].id = rule.id;
    }
}

/* ---- prefix lists ---- */

static void take_list(struct reading *reading, json_t *item)
{
    const char *id = reading_id(reading, item, "PrefixListId");
    struct reach_list *list = id == NULL ? NULL : REACH_PUSH(reading->model, &reading->model->lists);
    json_t *prefixes = json_object_get(item, "Cidrs");

    if (list == NULL) {
        return;
    }
    list->id = id;
    list->is_read = json_is_array(prefixes);
    for (size_t i = 0; i < json_array_size(prefixes); i++) {
        const char *text = json_string_value(json_array_get(prefixes, i));
        struct prefix *prefix = REACH_PUSH(reading->model, &list->entries);
        if (text == NULL || strchr(text, '%') != NULL || (prefix != NULL && prefix_parse(text, prefix) < 0)) {
            reading_fail(reading, "Cidrs", "must be prefixes");
            return;
        }
    }
}

static void take_list_entry(struct reading *reading, json_t *item, void *context)
{
    struct reach_list *list = context;
    struct prefix prefix;
    struct prefix *place;

    if (!reading_prefix(reading, item, "Cidr", &prefix)) {
        reading_fail(reading, "Cidr", "an entry needs a prefix");
        return;
    }
    place = REACH_PUSH(reading->model, &list->entries);
    if (place != NULL) {
        *place = prefix;
    }
}

/* get-managed-prefix-list-entries does not say whose they are: the document's name does. */
static void take_entries(struct reading *reading, const struct document *document)
{
    char id[READING_NAME_SIZE];
    json_t *token = json_object_get(document->root, "NextToken");
    struct reach_list *list;

    if (json_object_get(document->root, "Entries") == NULL ||
        !reading_name_of(document->name, "prefix-list-entries", id)) {
        return;
    }
    if (index_find(&reading->found, id) != NULL) {
        return;
    }
    index_add(&reading->found, id, reading->model->lists.count);
    list = REACH_PUSH(reading->model, &reading->model->lists);
    if (list != NULL) {
        reading->name = document->name;
        reading->path[0] = '\0';
        list->id = reach_model_text(reading->model, id);
        list->is_read = token == NULL || json_is_null(token);
        reading_list(reading, document->root, "Entries", list, take_list_entry);
    }
}

void reading_rules(struct reading *reading)
{
    reading_each(reading, "NetworkAcls", take_acl);
    reading_each(reading, "SecurityGroups", take_group);
    index_rules(reading);
    reading_each(reading, "SecurityGroupRules", take_rule_id);
    reading_forget(reading);
    reading_each(reading, "PrefixLists", take_list);
    for (size_t i = 0; !reading->failed && i < reading->model->lists.count; i++) {
        index_add(&reading->found, reading->model->lists.items[i].id, i);
    }
    for (size_t i = 0; !reading->failed && i < reading->document_count; i++) {
        take_entries(reading, &reading->documents[i]);
    }
    reading_forget(reading);
}
