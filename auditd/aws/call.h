/* The calls that an inventory is read by: which service, which action, how its answer is shaped and goes on, and what
 * is not known without it. A table; knows no connection. */
#ifndef LEASTPORT_AUDITD_AWS_CALL_H
#define LEASTPORT_AUDITD_AWS_CALL_H

#include "auditd/aws/shape.h"

enum call_service { CALL_EC2, CALL_ELB, CALL_RDS, CALL_CACHE, CALL_SSM, CALL_STS, CALL_SERVICES };

struct call_service_info {
    const char *signature; /* and, with the region, the host: "ec2" */
    const char *version;   /* of the API */
    const char *policy;    /* the prefix of its actions in IAM policies */
    const char *override;  /* AWS_ENDPOINT_URL_… */
    const char *section;   /* of a configuration file's services */
};

/* What a call is made for each of. */
enum call_each { CALL_ONCE, CALL_EACH_BALANCER, CALL_EACH_LISTENER, CALL_EACH_TARGETS, CALL_EACH_LIST };

struct call {
    enum call_service service;
    const char *action;
    const char *list;   /* the member of the answer that holds the records */
    const char *file;   /* the name of the document: "describe-vpcs" */
    const char *paging; /* parameters that ask for pages: "MaxResults=1000"; NULL: it has none */
    const char *token;  /* the parameter that asks for the next one */
    const char *next;   /* the member that has the next one's token */
    const struct shape *shape;
    enum call_each each;
    const char *each_parameter;
};

extern const struct call call_table[];
extern const size_t call_count;

extern const struct call call_regions; /* ec2:DescribeRegions */

const struct call_service_info *call_service_of(enum call_service service);

/* The smallest policy that lets all of these calls through, as IAM takes it. The caller owns it; NULL when out of
 * memory. */
json_t *call_policy(void);

/* The tables of the services, a file each. */
extern const struct shape call_shape_vpcs[], call_shape_subnets[], call_shape_acls[], call_shape_groups[],
    call_shape_group_rules[], call_shape_tables[], call_shape_gateways[], call_shape_egress[], call_shape_nats[],
    call_shape_peerings[], call_shape_lists[], call_shape_managed[], call_shape_entries[], call_shape_enis[],
    call_shape_instances[], call_shape_addresses[], call_shape_block[], call_shape_exclusions[], call_shape_regions[];
extern const struct shape call_shape_balancers[], call_shape_listeners[], call_shape_rules[], call_shape_targets[],
    call_shape_health[], call_shape_attributes[], call_shape_databases[], call_shape_clusters[], call_shape_caches[],
    call_shape_cache_subnets[];

#endif
