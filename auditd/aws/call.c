#include "auditd/aws/call.h"

#include <stdio.h>
#include <string.h>

#define EC2(action, list, file, paging, shape)                                                                         \
    {                                                                                                                  \
        CALL_EC2, action, list, file, paging, "NextToken", "NextToken", shape, CALL_ONCE, NULL                         \
    }
#define ELB(action, list, file, paging, shape, each, parameter)                                                        \
    {                                                                                                                  \
        CALL_ELB, action, list, file, paging, "Marker", "NextMarker", shape, each, parameter                           \
    }

const struct call call_table[] = {
    EC2("DescribeVpcs", "Vpcs", "vpcs", "MaxResults=1000", call_shape_vpcs),
    EC2("DescribeSubnets", "Subnets", "subnets", "MaxResults=1000", call_shape_subnets),
    EC2("DescribeNetworkAcls", "NetworkAcls", "network-acls", "MaxResults=1000", call_shape_acls),
    EC2("DescribeSecurityGroups", "SecurityGroups", "security-groups", "MaxResults=1000", call_shape_groups),
    EC2("DescribeSecurityGroupRules", "SecurityGroupRules", "security-group-rules", "MaxResults=1000",
        call_shape_group_rules),
    EC2("DescribeRouteTables", "RouteTables", "route-tables", "MaxResults=100", call_shape_tables),
    EC2("DescribeInternetGateways", "InternetGateways", "internet-gateways", "MaxResults=1000", call_shape_gateways),
    EC2("DescribeEgressOnlyInternetGateways", "EgressOnlyInternetGateways", "egress-only-internet-gateways",
        "MaxResults=255", call_shape_egress),
    EC2("DescribeNatGateways", "NatGateways", "nat-gateways", "MaxResults=1000", call_shape_nats),
    EC2("DescribeVpcPeeringConnections", "VpcPeeringConnections", "vpc-peering-connections", "MaxResults=1000",
        call_shape_peerings),
    EC2("DescribePrefixLists", "PrefixLists", "prefix-lists", "MaxResults=1000", call_shape_lists),
    EC2("DescribeManagedPrefixLists", "ManagedPrefixLists", "managed-prefix-lists", "MaxResults=100",
        call_shape_managed),
    EC2("DescribeNetworkInterfaces", "NetworkInterfaces", "network-interfaces", "MaxResults=1000", call_shape_enis),
    EC2("DescribeInstances", "Reservations", "instances", "MaxResults=1000", call_shape_instances),
    EC2("DescribeAddresses", "Addresses", "addresses", NULL, call_shape_addresses),
    EC2("DescribeVpcBlockPublicAccessOptions", "VpcBlockPublicAccessOptions", "vpc-block-public-access-options", NULL,
        call_shape_block),
    EC2("DescribeVpcBlockPublicAccessExclusions", "VpcBlockPublicAccessExclusions",
        "vpc-block-public-access-exclusions", "MaxResults=1000", call_shape_exclusions),
    ELB("DescribeLoadBalancers", "LoadBalancers", "load-balancers", "PageSize=400", call_shape_balancers, CALL_ONCE,
        NULL),
    ELB("DescribeTargetGroups", "TargetGroups", "target-groups", "PageSize=400", call_shape_targets, CALL_ONCE, NULL),
    {CALL_RDS, "DescribeDBInstances", "DBInstances", "db-instances", "MaxRecords=100", "Marker", "Marker",
     call_shape_databases, CALL_ONCE, NULL},
    {CALL_RDS, "DescribeDBClusters", "DBClusters", "db-clusters", "MaxRecords=100", "Marker", "Marker",
     call_shape_clusters, CALL_ONCE, NULL},
    {CALL_CACHE, "DescribeCacheClusters", "CacheClusters", "cache-clusters", "MaxRecords=100", "Marker", "Marker",
     call_shape_caches, CALL_ONCE, NULL},
    {CALL_CACHE, "DescribeCacheSubnetGroups", "CacheSubnetGroups", "cache-subnet-groups", "MaxRecords=100", "Marker",
     "Marker", call_shape_cache_subnets, CALL_ONCE, NULL},
    {CALL_SSM, "DescribeInstanceInformation", "InstanceInformationList", "instance-information", "MaxResults=50",
     "NextToken", "NextToken", NULL, CALL_ONCE, NULL},
    {CALL_EC2, "GetManagedPrefixListEntries", "Entries", "prefix-list-entries", "MaxResults=100", "NextToken",
     "NextToken", call_shape_entries, CALL_EACH_LIST, "PrefixListId"},
    ELB("DescribeListeners", "Listeners", "listeners", "PageSize=400", call_shape_listeners, CALL_EACH_BALANCER,
        "LoadBalancerArn"),
    ELB("DescribeLoadBalancerAttributes", "Attributes", "load-balancer-attributes", NULL, call_shape_attributes,
        CALL_EACH_BALANCER, "LoadBalancerArn"),
    ELB("DescribeRules", "Rules", "rules", "PageSize=400", call_shape_rules, CALL_EACH_LISTENER, "ListenerArn"),
    ELB("DescribeTargetHealth", "TargetHealthDescriptions", "target-health", NULL, call_shape_health, CALL_EACH_TARGETS,
        "TargetGroupArn"),
    ELB("DescribeTargetGroupAttributes", "Attributes", "target-group-attributes", NULL, call_shape_attributes,
        CALL_EACH_TARGETS, "TargetGroupArn"),
};

const size_t call_count = sizeof(call_table) / sizeof(*call_table);

const struct call call_regions = EC2("DescribeRegions", "Regions", "regions", "AllRegions=true", call_shape_regions);

const struct call_service_info *call_service_of(enum call_service service)
{
    static const struct call_service_info services[CALL_SERVICES] = {
        {"ec2", "2016-11-15", "ec2", "EC2", "ec2"},
        {"elasticloadbalancing", "2015-12-01", "elasticloadbalancing", "ELASTIC_LOAD_BALANCING_V2",
         "elastic_load_balancing_v2"},
        {"rds", "2014-10-31", "rds", "RDS", "rds"},
        {"elasticache", "2015-02-02", "elasticache", "ELASTICACHE", "elasticache"},
        {"ssm", "2014-11-06", "ssm", "SSM", "ssm"},
        {"sts", "2011-06-15", "sts", "STS", "sts"},
    };

    return &services[service];
}

json_t *call_policy(void)
{
    json_t *actions = json_array();
    int rc = actions == NULL ? -1 : 0;

    for (size_t i = 0; rc == 0 && i <= call_count; i++) {
        const struct call *call = i < call_count ? &call_table[i] : &call_regions;
        rc =
            json_array_append_new(actions, json_sprintf("%s:%s", call_service_of(call->service)->policy, call->action));
    }
    if (rc != 0) {
        json_decref(actions);
        return NULL;
    }
    return json_pack("{s:s, s:[{s:s, s:s, s:o, s:s}]}", "Version", "2012-10-17", "Statement", "Sid",
                     "LeastportReadsTheNetwork", "Effect", "Allow", "Action", actions, "Resource", "*");
}
