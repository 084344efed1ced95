/* Hosts of a cloud account, by VPC: what an inventory of each would say. Pure. */
#ifndef LEASTPORT_AUDITD_CLOUD_HOSTS_H
#define LEASTPORT_AUDITD_CLOUD_HOSTS_H

#include "auditd/cloud/aws.h"
#include "auditd/inventory/inventory.h"

struct cloud_vpc {
    char *id;
    struct inventory inventory;
    json_t *interfaces; /* {ENI: the id of its host} */
    json_t *publics;    /* {public IPv4 address: the id of its host} */
};

struct cloud_hosts {
    struct cloud_vpc *vpcs;
    size_t count;
    size_t left_out; /* addresses, names and tags that no inventory takes: too many, too long */
};

/* An instance is a host with the addresses of its interfaces in the VPC and its own tags; so is every interface without
 * one, with the interface's tags (a balancer's, a database's). Its name is the tag Name where the VPC has it once.
 * Public addresses (of interfaces, Elastic IPs, balancers' interfaces) are apart: a scan of the inventory stays inside.
 * -ENODATA when interfaces or instances were not read to the end: who is missing then says nothing. -EBADMSG with which
 * is wrong in `reason`, -ENOMEM. The caller ends it by cloud_hosts_done(), in any case. */
MUST_USE int cloud_hosts_of(const struct aws *aws, struct cloud_hosts *ret_hosts, char reason[INVENTORY_REASON_SIZE]);
void cloud_hosts_done(struct cloud_hosts *hosts);

#endif
