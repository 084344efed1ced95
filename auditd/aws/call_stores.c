/* What is wanted of RDS's and ElastiCache's answers. */
#include "auditd/aws/call.h"

static const struct shape endpoint[] = {
    {SHAPE_TEXT, "Address", "Address", NULL, NULL},
    {SHAPE_NUMBER, "Port", "Port", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape vpc_security_group_membership[] = {
    {SHAPE_TEXT, "VpcSecurityGroupId", "VpcSecurityGroupId", NULL, NULL},
    {SHAPE_TEXT, "Status", "Status", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape availability_zone[] = {
    {SHAPE_TEXT, "Name", "Name", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape subnet[] = {
    {SHAPE_TEXT, "SubnetIdentifier", "SubnetIdentifier", NULL, NULL},
    {SHAPE_RECORD, "SubnetAvailabilityZone", "SubnetAvailabilityZone", availability_zone, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape dbsubnet_group[] = {
    {SHAPE_TEXT, "DBSubnetGroupName", "DBSubnetGroupName", NULL, NULL},
    {SHAPE_TEXT, "VpcId", "VpcId", NULL, NULL},
    {SHAPE_LIST, "Subnets", "Subnets", subnet, "Subnet"},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape tag[] = {
    {SHAPE_TEXT, "Key", "Key", NULL, NULL},
    {SHAPE_TEXT, "Value", "Value", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape dbinstance[] = {
    {SHAPE_TEXT, "DBInstanceIdentifier", "DBInstanceIdentifier", NULL, NULL},
    {SHAPE_TEXT, "DBInstanceArn", "DBInstanceArn", NULL, NULL},
    {SHAPE_TEXT, "DBInstanceStatus", "DBInstanceStatus", NULL, NULL},
    {SHAPE_TEXT, "DBClusterIdentifier", "DBClusterIdentifier", NULL, NULL},
    {SHAPE_TEXT, "Engine", "Engine", NULL, NULL},
    {SHAPE_TEXT, "EngineVersion", "EngineVersion", NULL, NULL},
    {SHAPE_TEXT, "AvailabilityZone", "AvailabilityZone", NULL, NULL},
    {SHAPE_BOOL, "MultiAZ", "MultiAZ", NULL, NULL},
    {SHAPE_BOOL, "PubliclyAccessible", "PubliclyAccessible", NULL, NULL},
    {SHAPE_RECORD, "Endpoint", "Endpoint", endpoint, NULL},
    {SHAPE_LIST, "VpcSecurityGroups", "VpcSecurityGroups", vpc_security_group_membership, "VpcSecurityGroupMembership"},
    {SHAPE_RECORD, "DBSubnetGroup", "DBSubnetGroup", dbsubnet_group, NULL},
    {SHAPE_LIST, "TagList", "TagList", tag, "Tag"},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_databases[] = {
    {SHAPE_LIST, "DBInstances", "DBInstances", dbinstance, "DBInstance"},
    {SHAPE_TEXT, "Marker", "Marker", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape dbcluster_member[] = {
    {SHAPE_TEXT, "DBInstanceIdentifier", "DBInstanceIdentifier", NULL, NULL},
    {SHAPE_BOOL, "IsClusterWriter", "IsClusterWriter", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape dbcluster[] = {
    {SHAPE_TEXT, "DBClusterIdentifier", "DBClusterIdentifier", NULL, NULL},
    {SHAPE_TEXT, "DBClusterArn", "DBClusterArn", NULL, NULL},
    {SHAPE_TEXT, "Status", "Status", NULL, NULL},
    {SHAPE_TEXT, "Engine", "Engine", NULL, NULL},
    {SHAPE_TEXT, "EngineVersion", "EngineVersion", NULL, NULL},
    {SHAPE_TEXT, "Endpoint", "Endpoint", NULL, NULL},
    {SHAPE_TEXT, "ReaderEndpoint", "ReaderEndpoint", NULL, NULL},
    {SHAPE_NUMBER, "Port", "Port", NULL, NULL},
    {SHAPE_TEXT, "DBSubnetGroup", "DBSubnetGroup", NULL, NULL},
    {SHAPE_LIST, "VpcSecurityGroups", "VpcSecurityGroups", vpc_security_group_membership, "VpcSecurityGroupMembership"},
    {SHAPE_LIST, "DBClusterMembers", "DBClusterMembers", dbcluster_member, "DBClusterMember"},
    {SHAPE_LIST, "TagList", "TagList", tag, "Tag"},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_clusters[] = {
    {SHAPE_LIST, "DBClusters", "DBClusters", dbcluster, "DBCluster"},
    {SHAPE_TEXT, "Marker", "Marker", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape security_group_membership[] = {
    {SHAPE_TEXT, "SecurityGroupId", "SecurityGroupId", NULL, NULL},
    {SHAPE_TEXT, "Status", "Status", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape cache_cluster[] = {
    {SHAPE_TEXT, "CacheClusterId", "CacheClusterId", NULL, NULL},
    {SHAPE_TEXT, "ARN", "ARN", NULL, NULL},
    {SHAPE_TEXT, "Engine", "Engine", NULL, NULL},
    {SHAPE_TEXT, "EngineVersion", "EngineVersion", NULL, NULL},
    {SHAPE_TEXT, "CacheClusterStatus", "CacheClusterStatus", NULL, NULL},
    {SHAPE_NUMBER, "NumCacheNodes", "NumCacheNodes", NULL, NULL},
    {SHAPE_TEXT, "PreferredAvailabilityZone", "PreferredAvailabilityZone", NULL, NULL},
    {SHAPE_TEXT, "CacheSubnetGroupName", "CacheSubnetGroupName", NULL, NULL},
    {SHAPE_TEXT, "ReplicationGroupId", "ReplicationGroupId", NULL, NULL},
    {SHAPE_RECORD, "ConfigurationEndpoint", "ConfigurationEndpoint", endpoint, NULL},
    {SHAPE_LIST, "SecurityGroups", "SecurityGroups", security_group_membership, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_caches[] = {
    {SHAPE_LIST, "CacheClusters", "CacheClusters", cache_cluster, "CacheCluster"},
    {SHAPE_TEXT, "Marker", "Marker", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape cache_subnet_group[] = {
    {SHAPE_TEXT, "CacheSubnetGroupName", "CacheSubnetGroupName", NULL, NULL},
    {SHAPE_TEXT, "VpcId", "VpcId", NULL, NULL},
    {SHAPE_LIST, "Subnets", "Subnets", subnet, "Subnet"},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_cache_subnets[] = {
    {SHAPE_LIST, "CacheSubnetGroups", "CacheSubnetGroups", cache_subnet_group, "CacheSubnetGroup"},
    {SHAPE_TEXT, "Marker", "Marker", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};
