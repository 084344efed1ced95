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
} LISTS[] = {
    {"Vpcs", REACH_VPC, "ec2 describe-vpcs"},
    {"Subnets", REACH_SUBNET, "ec2 describe-subnets"},
    {"NetworkAcls", REACH_ACL, "ec2 describe-network-acls"},
    {"SecurityGroups", REACH_GROUP, "ec2 describe-security-groups"},
    {"SecurityGroupRules", REACH_KINDS, NULL},
    {"RouteTables", REACH_TABLE, "ec2 describe-route-tables"},
    {"InternetGateways", REACH_GATEWAY, "ec2 describe-internet-gateways"},
    {"VpcPeeringConnections", REACH_PEERING, "ec2 describe-vpc-peering-connections"},
    {"PrefixLists", REACH_LIST, "ec2 describe-prefix-lists"},
    {"Entries", REACH_KINDS, NULL},
    {"NetworkInterfaces", REACH_ENI, "ec2 describe-network-interfaces"},
    {"VpcBlockPublicAccessOptions", REACH_BLOCK, "ec2 describe-vpc-block-public-access-options"},
    {"VpcBlockPublicAccessExclusions", REACH_KINDS, NULL},
    {"LoadBalancers", REACH_BALANCER, "elbv2 describe-load-balancers"},
    {"TargetGroups", REACH_TARGETS, "elbv2 describe-target-groups"},
    {"Listeners", REACH_KINDS, NULL},
    {"Rules", REACH_KINDS, NULL},
    {"TargetHealthDescriptions", REACH_KINDS, NULL},
    {"Attributes", REACH_KINDS, NULL},
    {"Reservations", REACH_KINDS, NULL},
    {"DBInstances", REACH_KINDS, NULL},
    {"CacheClusters", REACH_KINDS, NULL},
    {"CacheSubnetGroups", REACH_KINDS, NULL},
    /* Read for nothing: interfaces and routes say the same. */
    {"ManagedPrefixLists", REACH_KINDS, NULL},
    {"PrefixListAssociations", REACH_KINDS, NULL},
    {"Addresses", REACH_KINDS, NULL},
    {"NatGateways", REACH_KINDS, NULL},
    {"EgressOnlyInternetGateways", REACH_KINDS, NULL},
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

int aws_take(struct aws *aws, const char *name, json_t *document)
{
    struct document *documents;
    bool known = false;

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
    snprintf(documents[aws->count].name, sizeof(documents[aws->count].name), "%s", name);
    documents[aws->count++].root = json_incref(document);
    return 0;
}

/* A list is read when a document has it, and none of them was cut short. */
static bool list_is_read(const struct aws *aws, const char *key)
{
    bool found = false;

    for (size_t i = 0; i < aws->count; i++) {
        json_t *root = aws->documents[i].root;
        json_t *token = json_object_get(root, "NextToken");
        if (json_object_get(root, key) == NULL) {
            continue;
        }
        if ((token != NULL && !json_is_null(token)) || json_object_get(root, "NextMarker") != NULL) {
            return false;
        }
        found = true;
    }
    return found;
}

const char *aws_missing(const struct aws *aws, size_t n)
{
    for (size_t i = 0; i < LIST_COUNT; i++) {
        if (LISTS[i].command != NULL && !list_is_read(aws, LISTS[i].key) && n-- == 0) {
            return LISTS[i].command;
        }
    }
    return NULL;
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
    for (size_t i = 0; i < LIST_COUNT; i++) {
        if (LISTS[i].kind != REACH_KINDS) {
            model->unread[LISTS[i].kind] |= !list_is_read(aws, LISTS[i].key);
        }
    }
    reading.failed = reading.seen == NULL;
    reading_vpcs(&reading);
    reading_rules(&reading);
    reading_interfaces(&reading);
    reading_balancers(&reading);
    reading_databases(&reading);
    json_decref(reading.seen);
    if (reading.failed || model->failed) {
        return ret_fault->text[0] != '\0' ? -EBADMSG : -ENOMEM;
    }
    rc = reach_model_finish(model);
    return rc;
}
