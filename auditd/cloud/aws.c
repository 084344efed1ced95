#include "auditd/cloud/aws.h"

#include "auditd/cloud/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct aws {
    struct document *documents;
    size_t count;
};

/* The lists that are known, what is unread without them, and the command that prints them. */
static const struct {
    const char *key;
    enum reach_kind kind; /* REACH_KINDS: nothing is unread without it */
    const char *command;  /* NULL: one of the kind's others will do */
    const char *id;       /* what tells its records apart; NULL: nothing does */
} LISTS[] = {
    {"Vpcs", REACH_VPC, "ec2 describe-vpcs", "VpcId"},
    {"Subnets", REACH_SUBNET, "ec2 describe-subnets", "SubnetId"},
    {"NetworkAcls", REACH_ACL, "ec2 describe-network-acls", "NetworkAclId"},
    {"SecurityGroups", REACH_GROUP, "ec2 describe-security-groups", "GroupId"},
    {"SecurityGroupRules", REACH_KINDS, NULL, "SecurityGroupRuleId"},
    {"RouteTables", REACH_TABLE, "ec2 describe-route-tables", "RouteTableId"},
    {"InternetGateways", REACH_GATEWAY, "ec2 describe-internet-gateways", "InternetGatewayId"},
    {"VpcPeeringConnections", REACH_PEERING, "ec2 describe-vpc-peering-connections", "VpcPeeringConnectionId"},
    {"PrefixLists", REACH_LIST, "ec2 describe-prefix-lists", "PrefixListId"},
    {"Entries", REACH_KINDS, NULL, NULL},
    {"NetworkInterfaces", REACH_ENI, "ec2 describe-network-interfaces", "NetworkInterfaceId"},
    {"VpcBlockPublicAccessOptions", REACH_BLOCK, "ec2 describe-vpc-block-public-access-options", NULL},
    {"VpcBlockPublicAccessExclusions", REACH_KINDS, NULL, "ExclusionId"},
    {"LoadBalancers", REACH_BALANCER, "elbv2 describe-load-balancers", "LoadBalancerArn"},
    {"TargetGroups", REACH_TARGETS, "elbv2 describe-target-groups", "TargetGroupArn"},
    {"Listeners", REACH_KINDS, NULL, "ListenerArn"},
    {"Rules", REACH_KINDS, NULL, "RuleArn"},
    {"TargetHealthDescriptions", REACH_KINDS, NULL, NULL},
    {"Attributes", REACH_KINDS, NULL, NULL},
    {"Reservations", REACH_KINDS, NULL, "ReservationId"},
    {"DBInstances", REACH_DATABASE, NULL, "DBInstanceIdentifier"},
    {"CacheClusters", REACH_DATABASE, NULL, "CacheClusterId"},
    {"CacheSubnetGroups", REACH_KINDS, NULL, "CacheSubnetGroupName"},
    {"LeastportGaps", REACH_KINDS, NULL, NULL},
    /* Read for nothing: interfaces and routes say the same. */
    {"ManagedPrefixLists", REACH_KINDS, NULL, "PrefixListId"},
    {"PrefixListAssociations", REACH_KINDS, NULL, NULL},
    {"Addresses", REACH_KINDS, NULL, "AllocationId"},
    {"NatGateways", REACH_KINDS, NULL, "NatGatewayId"},
    {"EgressOnlyInternetGateways", REACH_KINDS, NULL, "EgressOnlyInternetGatewayId"},
    {"DBClusters", REACH_KINDS, NULL, "DBClusterIdentifier"},
    {"InstanceInformationList", REACH_KINDS, NULL, "InstanceId"},
};

enum { LIST_COUNT = sizeof(LISTS) / sizeof(*LISTS) };

struct aws *aws_create(void)
{
    return calloc(1, sizeof(struct aws));
}

void aws_destroy(struct aws *aws)
{
    if (aws == NULL) {
        return;
    }
    for (size_t i = 0; i < aws->count; i++) {
        json_decref(aws->documents[i].root);
    }
    free(aws->documents);
    free(aws);
}

/* Moves the records of `all` that have no prefixes to `managed`, the others to `plain`. How many moved; -ENOMEM. */
static int lists_part(const json_t *all, json_t *plain, json_t *managed)
{
    size_t index;
    json_t *record;
    int moved = 0;

    json_array_foreach(all, index, record)
    {
        bool is_managed = json_is_object(record) && json_object_get(record, "Cidrs") == NULL;
        moved += is_managed;
        if (json_array_append(is_managed ? managed : plain, record) != 0) {
            return -ENOMEM;
        }
    }
    return moved;
}

/* `aws ec2 describe-managed-prefix-lists` prints its lists under the name of describe-prefix-lists', but without their
 * prefixes: of a list that both have it would hide what is in it. Returns the document with those apart, or itself;
 * a new reference. NULL when out of memory. */
static json_t *document_part_lists(json_t *document)
{
    json_t *all = json_object_get(document, "PrefixLists");
    json_t *before = json_object_get(document, "ManagedPrefixLists");
    json_t *plain;
    json_t *managed;
    json_t *parted = NULL;
    int moved;

    if (!json_is_array(all) || (before != NULL && !json_is_array(before))) {
        return json_incref(document);
    }
    plain = json_array();
    managed = before == NULL ? json_array() : json_copy(before);
    moved = plain == NULL || managed == NULL ? -ENOMEM : lists_part(all, plain, managed);
    if (moved == 0) {
        parted = json_incref(document);
    } else if (moved > 0 && (parted = json_copy(document)) != NULL &&
               (json_object_set(parted, "PrefixLists", plain) != 0 ||
                json_object_set(parted, "ManagedPrefixLists", managed) != 0)) {
        json_decref(parted);
        parted = NULL;
    }
    json_decref(plain);
    json_decref(managed);
    return parted;
}

int aws_take(struct aws *aws, const char *name, json_t *document)
{
    struct document *documents;
    bool known = false;
    json_t *root;

    for (size_t i = 0; i < LIST_COUNT; i++) {
        known |= json_object_get(document, LISTS[i].key) != NULL;
    }
    if (!known) {
        return -ENOENT;
    }
    documents = realloc(aws->documents, (aws->count + 1) * sizeof(*documents));
    if (documents == NULL) {
        return -ENOMEM;
    }
    aws->documents = documents;
    root = document_part_lists(document);
    if (root == NULL) {
        return -ENOMEM;
    }
    snprintf(documents[aws->count].name, sizeof(documents[aws->count].name), "%s", name);
    documents[aws->count++].root = root;
    return 0;
}

json_t *aws_document(const struct aws *aws, size_t n, const char **ret_name)
{
    if (n >= aws->count) {
        return NULL;
    }
    *ret_name = aws->documents[n].name;
    return aws->documents[n].root;
}

bool aws_is_cut_short(const json_t *document)
{
    const json_t *token = json_object_get(document, "NextToken");

    return (token != NULL && !json_is_null(token)) || json_object_get(document, "NextMarker") != NULL;
}

const char *aws_list(size_t n, const char **ret_id)
{
    if (n >= LIST_COUNT) {
        return NULL;
    }
    *ret_id = LISTS[n].id;
    return LISTS[n].key;
}

/* The text of a gap's member; "" for none. */
static const char *gap_text(const json_t *gap, const char *key)
{
    const char *text = json_string_value(json_object_get(gap, key));

    return text == NULL ? "" : text;
}

bool aws_gap(const struct aws *aws, size_t n, struct aws_gap *ret_gap)
{
    for (size_t i = 0; i < aws->count; i++) {
        const json_t *gaps = json_object_get(aws->documents[i].root, "LeastportGaps");
        if (n < json_array_size(gaps)) {
            const json_t *gap = json_array_get(gaps, n);
            *ret_gap = (struct aws_gap){gap_text(gap, "Account"), gap_text(gap, "Region"), gap_text(gap, "Action"),
                                        gap_text(gap, "List"),    gap_text(gap, "Of"),     gap_text(gap, "Reason")};
            return true;
        }
        n -= json_array_size(gaps);
    }
    return false;
}

bool aws_has_gap(const struct aws *aws, const char *key)
{
    struct aws_gap gap;

    for (size_t i = 0; aws_gap(aws, i, &gap); i++) {
        if (strcmp(gap.list, key) == 0 || strcmp(gap.list, AWS_EVERY_LIST) == 0) {
            return true;
        }
    }
    return false;
}

bool aws_has_whole(const struct aws *aws, const char *key)
{
    bool found = false;

    if (aws_has_gap(aws, key)) {
        return false;
    }
    for (size_t i = 0; i < aws->count; i++) {
        json_t *root = aws->documents[i].root;
        if (json_object_get(root, key) == NULL) {
            continue;
        }
        if (aws_is_cut_short(root)) {
            return false;
        }
        found = true;
    }
    return found;
}

const char *aws_missing(const struct aws *aws, size_t n)
{
    for (size_t i = 0; i < LIST_COUNT; i++) {
        if (LISTS[i].command != NULL && !aws_has_whole(aws, LISTS[i].key) && n-- == 0) {
            return LISTS[i].command;
        }
    }
    return NULL;
}

static bool has_records(const struct aws *aws, const char *list)
{
    for (size_t i = 0; i < aws->count; i++) {
        if (json_array_size(json_object_get(aws->documents[i].root, list)) > 0) {
            return true;
        }
    }
    return false;
}

static void note_unread(const struct aws *aws, bool *unread)
{
    /* What matters only where there is something that it belongs to: nobody asks for it without. */
    static const struct {
        const char *list, *of;
        enum reach_kind kind;
    } parts[] = {{"Listeners", "LoadBalancers", REACH_BALANCER},
                 {"CacheSubnetGroups", "CacheClusters", REACH_DATABASE}};

    for (size_t i = 0; i < LIST_COUNT; i++) {
        if (LISTS[i].kind != REACH_KINDS) {
            unread[LISTS[i].kind] |= !aws_has_whole(aws, LISTS[i].key);
        }
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        unread[parts[i].kind] |= has_records(aws, parts[i].of) && !aws_has_whole(aws, parts[i].list);
    }
}

int aws_model(struct aws *aws, struct reach_model *model, struct aws_fault *ret_fault)
{
    struct reading reading = {
        .model = model,
        .documents = aws->documents,
        .document_count = aws->count,
        .name = "",
        .seen = json_object(),
        .fault = ret_fault,
    };
    int rc;

    *model = (struct reach_model){0};
    ret_fault->text[0] = '\0';
    note_unread(aws, model->unread);
    reading.failed = reading.seen == NULL;
    reading_vpcs(&reading);
    reading_rules(&reading);
    reading_interfaces(&reading);
    reading_balancers(&reading);
    reading_databases(&reading);
    json_decref(reading.seen);
    reading_forget(&reading);
    if (reading.failed || model->failed) {
        return ret_fault->text[0] != '\0' ? -EBADMSG : -ENOMEM;
    }
    rc = reach_model_finish(model);
    return rc;
}
