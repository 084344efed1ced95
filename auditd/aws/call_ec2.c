/* What is wanted of EC2's answers: element, member. */
#include "auditd/aws/call.h"

static const struct shape vpc_cidr_block_association[] = {
    {SHAPE_TEXT, "cidrBlock", "CidrBlock", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape vpc_ipv6_cidr_block_association[] = {
    {SHAPE_TEXT, "ipv6CidrBlock", "Ipv6CidrBlock", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape tag[] = {
    {SHAPE_TEXT, "key", "Key", NULL, NULL},
    {SHAPE_TEXT, "value", "Value", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape vpc[] = {
    {SHAPE_TEXT, "vpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "ownerId", "OwnerId", NULL, NULL},
    {SHAPE_TEXT, "state", "State", NULL, NULL},
    {SHAPE_BOOL, "isDefault", "IsDefault", NULL, NULL},
    {SHAPE_TEXT, "cidrBlock", "CidrBlock", NULL, NULL},
    {SHAPE_LIST, "cidrBlockAssociationSet", "CidrBlockAssociationSet", vpc_cidr_block_association, NULL},
    {SHAPE_LIST, "ipv6CidrBlockAssociationSet", "Ipv6CidrBlockAssociationSet", vpc_ipv6_cidr_block_association, NULL},
    {SHAPE_LIST, "tagSet", "Tags", tag, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_vpcs[] = {
    {SHAPE_LIST, "vpcSet", "Vpcs", vpc, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape subnet[] = {
    {SHAPE_TEXT, "subnetId", "SubnetId", NULL, NULL},
    {SHAPE_TEXT, "vpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "ownerId", "OwnerId", NULL, NULL},
    {SHAPE_TEXT, "availabilityZone", "AvailabilityZone", NULL, NULL},
    {SHAPE_TEXT, "cidrBlock", "CidrBlock", NULL, NULL},
    {SHAPE_TEXT, "state", "State", NULL, NULL},
    {SHAPE_BOOL, "mapPublicIpOnLaunch", "MapPublicIpOnLaunch", NULL, NULL},
    {SHAPE_LIST, "ipv6CidrBlockAssociationSet", "Ipv6CidrBlockAssociationSet", vpc_ipv6_cidr_block_association, NULL},
    {SHAPE_LIST, "tagSet", "Tags", tag, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_subnets[] = {
    {SHAPE_LIST, "subnetSet", "Subnets", subnet, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape network_acl_association[] = {
    {SHAPE_TEXT, "subnetId", "SubnetId", NULL, NULL},
    {SHAPE_TEXT, "networkAclId", "NetworkAclId", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape port_range[] = {
    {SHAPE_NUMBER, "from", "From", NULL, NULL},
    {SHAPE_NUMBER, "to", "To", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape icmp_type_code[] = {
    {SHAPE_NUMBER, "type", "Type", NULL, NULL},
    {SHAPE_NUMBER, "code", "Code", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape network_acl_entry[] = {
    {SHAPE_NUMBER, "ruleNumber", "RuleNumber", NULL, NULL},
    {SHAPE_TEXT, "protocol", "Protocol", NULL, NULL},
    {SHAPE_TEXT, "ruleAction", "RuleAction", NULL, NULL},
    {SHAPE_BOOL, "egress", "Egress", NULL, NULL},
    {SHAPE_TEXT, "cidrBlock", "CidrBlock", NULL, NULL},
    {SHAPE_TEXT, "ipv6CidrBlock", "Ipv6CidrBlock", NULL, NULL},
    {SHAPE_RECORD, "portRange", "PortRange", port_range, NULL},
    {SHAPE_RECORD, "icmpTypeCode", "IcmpTypeCode", icmp_type_code, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape network_acl[] = {
    {SHAPE_TEXT, "networkAclId", "NetworkAclId", NULL, NULL},
    {SHAPE_TEXT, "vpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "ownerId", "OwnerId", NULL, NULL},
    {SHAPE_BOOL, "default", "IsDefault", NULL, NULL},
    {SHAPE_LIST, "associationSet", "Associations", network_acl_association, NULL},
    {SHAPE_LIST, "entrySet", "Entries", network_acl_entry, NULL},
    {SHAPE_LIST, "tagSet", "Tags", tag, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_acls[] = {
    {SHAPE_LIST, "networkAclSet", "NetworkAcls", network_acl, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape ip_range[] = {
    {SHAPE_TEXT, "cidrIp", "CidrIp", NULL, NULL},
    {SHAPE_TEXT, "description", "Description", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape ipv6_range[] = {
    {SHAPE_TEXT, "cidrIpv6", "CidrIpv6", NULL, NULL},
    {SHAPE_TEXT, "description", "Description", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape prefix_list_id[] = {
    {SHAPE_TEXT, "prefixListId", "PrefixListId", NULL, NULL},
    {SHAPE_TEXT, "description", "Description", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape user_id_group_pair[] = {
    {SHAPE_TEXT, "groupId", "GroupId", NULL, NULL},
    {SHAPE_TEXT, "userId", "UserId", NULL, NULL},
    {SHAPE_TEXT, "vpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "vpcPeeringConnectionId", "VpcPeeringConnectionId", NULL, NULL},
    {SHAPE_TEXT, "peeringStatus", "PeeringStatus", NULL, NULL},
    {SHAPE_TEXT, "description", "Description", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape ip_permission[] = {
    {SHAPE_TEXT, "ipProtocol", "IpProtocol", NULL, NULL},
    {SHAPE_NUMBER, "fromPort", "FromPort", NULL, NULL},
    {SHAPE_NUMBER, "toPort", "ToPort", NULL, NULL},
    {SHAPE_LIST, "ipRanges", "IpRanges", ip_range, NULL},
    {SHAPE_LIST, "ipv6Ranges", "Ipv6Ranges", ipv6_range, NULL},
    {SHAPE_LIST, "prefixListIds", "PrefixListIds", prefix_list_id, NULL},
    {SHAPE_LIST, "groups", "UserIdGroupPairs", user_id_group_pair, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape security_group[] = {
    {SHAPE_TEXT, "groupId", "GroupId", NULL, NULL},
    {SHAPE_TEXT, "groupName", "GroupName", NULL, NULL},
    {SHAPE_TEXT, "groupDescription", "Description", NULL, NULL},
    {SHAPE_TEXT, "vpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "ownerId", "OwnerId", NULL, NULL},
    {SHAPE_LIST, "ipPermissions", "IpPermissions", ip_permission, NULL},
    {SHAPE_LIST, "ipPermissionsEgress", "IpPermissionsEgress", ip_permission, NULL},
    {SHAPE_LIST, "tagSet", "Tags", tag, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_groups[] = {
    {SHAPE_LIST, "securityGroupInfo", "SecurityGroups", security_group, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape referenced_security_group[] = {
    {SHAPE_TEXT, "groupId", "GroupId", NULL, NULL},
    {SHAPE_TEXT, "userId", "UserId", NULL, NULL},
    {SHAPE_TEXT, "vpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "vpcPeeringConnectionId", "VpcPeeringConnectionId", NULL, NULL},
    {SHAPE_TEXT, "peeringStatus", "PeeringStatus", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape security_group_rule[] = {
    {SHAPE_TEXT, "securityGroupRuleId", "SecurityGroupRuleId", NULL, NULL},
    {SHAPE_TEXT, "groupId", "GroupId", NULL, NULL},
    {SHAPE_TEXT, "groupOwnerId", "GroupOwnerId", NULL, NULL},
    {SHAPE_BOOL, "isEgress", "IsEgress", NULL, NULL},
    {SHAPE_TEXT, "ipProtocol", "IpProtocol", NULL, NULL},
    {SHAPE_NUMBER, "fromPort", "FromPort", NULL, NULL},
    {SHAPE_NUMBER, "toPort", "ToPort", NULL, NULL},
    {SHAPE_TEXT, "cidrIpv4", "CidrIpv4", NULL, NULL},
    {SHAPE_TEXT, "cidrIpv6", "CidrIpv6", NULL, NULL},
    {SHAPE_TEXT, "prefixListId", "PrefixListId", NULL, NULL},
    {SHAPE_RECORD, "referencedGroupInfo", "ReferencedGroupInfo", referenced_security_group, NULL},
    {SHAPE_TEXT, "description", "Description", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_group_rules[] = {
    {SHAPE_LIST, "securityGroupRuleSet", "SecurityGroupRules", security_group_rule, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape route_table_association[] = {
    {SHAPE_TEXT, "routeTableAssociationId", "RouteTableAssociationId", NULL, NULL},
    {SHAPE_TEXT, "subnetId", "SubnetId", NULL, NULL},
    {SHAPE_TEXT, "gatewayId", "GatewayId", NULL, NULL},
    {SHAPE_BOOL, "main", "Main", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape route[] = {
    {SHAPE_TEXT, "destinationCidrBlock", "DestinationCidrBlock", NULL, NULL},
    {SHAPE_TEXT, "destinationIpv6CidrBlock", "DestinationIpv6CidrBlock", NULL, NULL},
    {SHAPE_TEXT, "destinationPrefixListId", "DestinationPrefixListId", NULL, NULL},
    {SHAPE_TEXT, "gatewayId", "GatewayId", NULL, NULL},
    {SHAPE_TEXT, "natGatewayId", "NatGatewayId", NULL, NULL},
    {SHAPE_TEXT, "egressOnlyInternetGatewayId", "EgressOnlyInternetGatewayId", NULL, NULL},
    {SHAPE_TEXT, "vpcPeeringConnectionId", "VpcPeeringConnectionId", NULL, NULL},
    {SHAPE_TEXT, "transitGatewayId", "TransitGatewayId", NULL, NULL},
    {SHAPE_TEXT, "networkInterfaceId", "NetworkInterfaceId", NULL, NULL},
    {SHAPE_TEXT, "instanceId", "InstanceId", NULL, NULL},
    {SHAPE_TEXT, "localGatewayId", "LocalGatewayId", NULL, NULL},
    {SHAPE_TEXT, "carrierGatewayId", "CarrierGatewayId", NULL, NULL},
    {SHAPE_TEXT, "coreNetworkArn", "CoreNetworkArn", NULL, NULL},
    {SHAPE_TEXT, "state", "State", NULL, NULL},
    {SHAPE_TEXT, "origin", "Origin", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape route_table[] = {
    {SHAPE_TEXT, "routeTableId", "RouteTableId", NULL, NULL},
    {SHAPE_TEXT, "vpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "ownerId", "OwnerId", NULL, NULL},
    {SHAPE_LIST, "associationSet", "Associations", route_table_association, NULL},
    {SHAPE_LIST, "routeSet", "Routes", route, NULL},
    {SHAPE_LIST, "tagSet", "Tags", tag, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_tables[] = {
    {SHAPE_LIST, "routeTableSet", "RouteTables", route_table, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape internet_gateway_attachment[] = {
    {SHAPE_TEXT, "vpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "state", "State", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape internet_gateway[] = {
    {SHAPE_TEXT, "internetGatewayId", "InternetGatewayId", NULL, NULL},
    {SHAPE_TEXT, "ownerId", "OwnerId", NULL, NULL},
    {SHAPE_LIST, "attachmentSet", "Attachments", internet_gateway_attachment, NULL},
    {SHAPE_LIST, "tagSet", "Tags", tag, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_gateways[] = {
    {SHAPE_LIST, "internetGatewaySet", "InternetGateways", internet_gateway, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape egress_only_internet_gateway[] = {
    {SHAPE_TEXT, "egressOnlyInternetGatewayId", "EgressOnlyInternetGatewayId", NULL, NULL},
    {SHAPE_LIST, "attachmentSet", "Attachments", internet_gateway_attachment, NULL},
    {SHAPE_LIST, "tagSet", "Tags", tag, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_egress[] = {
    {SHAPE_LIST, "egressOnlyInternetGatewaySet", "EgressOnlyInternetGateways", egress_only_internet_gateway, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape nat_gateway_address[] = {
    {SHAPE_TEXT, "networkInterfaceId", "NetworkInterfaceId", NULL, NULL},
    {SHAPE_TEXT, "privateIp", "PrivateIp", NULL, NULL},
    {SHAPE_TEXT, "publicIp", "PublicIp", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape nat_gateway[] = {
    {SHAPE_TEXT, "natGatewayId", "NatGatewayId", NULL, NULL},
    {SHAPE_TEXT, "vpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "subnetId", "SubnetId", NULL, NULL},
    {SHAPE_TEXT, "state", "State", NULL, NULL},
    {SHAPE_LIST, "natGatewayAddressSet", "NatGatewayAddresses", nat_gateway_address, NULL},
    {SHAPE_LIST, "tagSet", "Tags", tag, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_nats[] = {
    {SHAPE_LIST, "natGatewaySet", "NatGateways", nat_gateway, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape vpc_peering_connection_vpc_info[] = {
    {SHAPE_TEXT, "vpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "region", "Region", NULL, NULL},
    {SHAPE_TEXT, "ownerId", "OwnerId", NULL, NULL},
    {SHAPE_TEXT, "cidrBlock", "CidrBlock", NULL, NULL},
    {SHAPE_LIST, "cidrBlockSet", "CidrBlockSet", vpc_cidr_block_association, NULL},
    {SHAPE_LIST, "ipv6CidrBlockSet", "Ipv6CidrBlockSet", vpc_ipv6_cidr_block_association, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape vpc_peering_connection_state_reason[] = {
    {SHAPE_TEXT, "code", "Code", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape vpc_peering_connection[] = {
    {SHAPE_TEXT, "vpcPeeringConnectionId", "VpcPeeringConnectionId", NULL, NULL},
    {SHAPE_RECORD, "requesterVpcInfo", "RequesterVpcInfo", vpc_peering_connection_vpc_info, NULL},
    {SHAPE_RECORD, "accepterVpcInfo", "AccepterVpcInfo", vpc_peering_connection_vpc_info, NULL},
    {SHAPE_RECORD, "status", "Status", vpc_peering_connection_state_reason, NULL},
    {SHAPE_LIST, "tagSet", "Tags", tag, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_peerings[] = {
    {SHAPE_LIST, "vpcPeeringConnectionSet", "VpcPeeringConnections", vpc_peering_connection, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape prefix_list[] = {
    {SHAPE_TEXT, "prefixListId", "PrefixListId", NULL, NULL},
    {SHAPE_TEXT, "prefixListName", "PrefixListName", NULL, NULL},
    {SHAPE_TEXTS, "cidrSet", "Cidrs", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_lists[] = {
    {SHAPE_LIST, "prefixListSet", "PrefixLists", prefix_list, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape managed_prefix_list[] = {
    {SHAPE_TEXT, "prefixListId", "PrefixListId", NULL, NULL},
    {SHAPE_TEXT, "prefixListName", "PrefixListName", NULL, NULL},
    {SHAPE_TEXT, "ownerId", "OwnerId", NULL, NULL},
    {SHAPE_TEXT, "addressFamily", "AddressFamily", NULL, NULL},
    {SHAPE_TEXT, "state", "State", NULL, NULL},
    {SHAPE_NUMBER, "maxEntries", "MaxEntries", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_managed[] = {
    {SHAPE_LIST, "prefixListSet", "ManagedPrefixLists", managed_prefix_list, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape prefix_list_entry[] = {
    {SHAPE_TEXT, "cidr", "Cidr", NULL, NULL},
    {SHAPE_TEXT, "description", "Description", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_entries[] = {
    {SHAPE_LIST, "entrySet", "Entries", prefix_list_entry, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape network_interface_attachment[] = {
    {SHAPE_TEXT, "attachmentId", "AttachmentId", NULL, NULL},
    {SHAPE_TEXT, "instanceId", "InstanceId", NULL, NULL},
    {SHAPE_TEXT, "instanceOwnerId", "InstanceOwnerId", NULL, NULL},
    {SHAPE_NUMBER, "deviceIndex", "DeviceIndex", NULL, NULL},
    {SHAPE_TEXT, "status", "Status", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape network_interface_association[] = {
    {SHAPE_TEXT, "publicIp", "PublicIp", NULL, NULL},
    {SHAPE_TEXT, "publicDnsName", "PublicDnsName", NULL, NULL},
    {SHAPE_TEXT, "allocationId", "AllocationId", NULL, NULL},
    {SHAPE_TEXT, "ipOwnerId", "IpOwnerId", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape group_identifier[] = {
    {SHAPE_TEXT, "groupId", "GroupId", NULL, NULL},
    {SHAPE_TEXT, "groupName", "GroupName", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape network_interface_association_2[] = {
    {SHAPE_TEXT, "publicIp", "PublicIp", NULL, NULL},
    {SHAPE_TEXT, "allocationId", "AllocationId", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape network_interface_private_ip_address[] = {
    {SHAPE_TEXT, "privateIpAddress", "PrivateIpAddress", NULL, NULL},
    {SHAPE_BOOL, "primary", "Primary", NULL, NULL},
    {SHAPE_TEXT, "privateDnsName", "PrivateDnsName", NULL, NULL},
    {SHAPE_RECORD, "association", "Association", network_interface_association_2, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape network_interface_ipv6_address[] = {
    {SHAPE_TEXT, "ipv6Address", "Ipv6Address", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape ipv4_prefix_specification[] = {
    {SHAPE_TEXT, "ipv4Prefix", "Ipv4Prefix", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape ipv6_prefix_specification[] = {
    {SHAPE_TEXT, "ipv6Prefix", "Ipv6Prefix", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape network_interface[] = {
    {SHAPE_TEXT, "networkInterfaceId", "NetworkInterfaceId", NULL, NULL},
    {SHAPE_TEXT, "subnetId", "SubnetId", NULL, NULL},
    {SHAPE_TEXT, "vpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "availabilityZone", "AvailabilityZone", NULL, NULL},
    {SHAPE_TEXT, "ownerId", "OwnerId", NULL, NULL},
    {SHAPE_TEXT, "description", "Description", NULL, NULL},
    {SHAPE_TEXT, "interfaceType", "InterfaceType", NULL, NULL},
    {SHAPE_TEXT, "requesterId", "RequesterId", NULL, NULL},
    {SHAPE_BOOL, "requesterManaged", "RequesterManaged", NULL, NULL},
    {SHAPE_TEXT, "status", "Status", NULL, NULL},
    {SHAPE_TEXT, "macAddress", "MacAddress", NULL, NULL},
    {SHAPE_TEXT, "privateIpAddress", "PrivateIpAddress", NULL, NULL},
    {SHAPE_TEXT, "privateDnsName", "PrivateDnsName", NULL, NULL},
    {SHAPE_RECORD, "attachment", "Attachment", network_interface_attachment, NULL},
    {SHAPE_RECORD, "association", "Association", network_interface_association, NULL},
    {SHAPE_LIST, "groupSet", "Groups", group_identifier, NULL},
    {SHAPE_LIST, "privateIpAddressesSet", "PrivateIpAddresses", network_interface_private_ip_address, NULL},
    {SHAPE_LIST, "ipv6AddressesSet", "Ipv6Addresses", network_interface_ipv6_address, NULL},
    {SHAPE_LIST, "ipv4PrefixSet", "Ipv4Prefixes", ipv4_prefix_specification, NULL},
    {SHAPE_LIST, "ipv6PrefixSet", "Ipv6Prefixes", ipv6_prefix_specification, NULL},
    {SHAPE_LIST, "tagSet", "TagSet", tag, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_enis[] = {
    {SHAPE_LIST, "networkInterfaceSet", "NetworkInterfaces", network_interface, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape instance_state[] = {
    {SHAPE_NUMBER, "code", "Code", NULL, NULL},
    {SHAPE_TEXT, "name", "Name", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape placement[] = {
    {SHAPE_TEXT, "availabilityZone", "AvailabilityZone", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape instance[] = {
    {SHAPE_TEXT, "instanceId", "InstanceId", NULL, NULL},
    {SHAPE_TEXT, "imageId", "ImageId", NULL, NULL},
    {SHAPE_TEXT, "instanceType", "InstanceType", NULL, NULL},
    {SHAPE_TEXT, "platform", "Platform", NULL, NULL},
    {SHAPE_TEXT, "platformDetails", "PlatformDetails", NULL, NULL},
    {SHAPE_RECORD, "instanceState", "State", instance_state, NULL},
    {SHAPE_TEXT, "vpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "subnetId", "SubnetId", NULL, NULL},
    {SHAPE_TEXT, "privateIpAddress", "PrivateIpAddress", NULL, NULL},
    {SHAPE_TEXT, "ipAddress", "PublicIpAddress", NULL, NULL},
    {SHAPE_TEXT, "privateDnsName", "PrivateDnsName", NULL, NULL},
    {SHAPE_TEXT, "dnsName", "PublicDnsName", NULL, NULL},
    {SHAPE_RECORD, "placement", "Placement", placement, NULL},
    {SHAPE_LIST, "tagSet", "Tags", tag, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape reservation[] = {
    {SHAPE_TEXT, "reservationId", "ReservationId", NULL, NULL},
    {SHAPE_TEXT, "ownerId", "OwnerId", NULL, NULL},
    {SHAPE_LIST, "instancesSet", "Instances", instance, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_instances[] = {
    {SHAPE_LIST, "reservationSet", "Reservations", reservation, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape address[] = {
    {SHAPE_TEXT, "allocationId", "AllocationId", NULL, NULL},
    {SHAPE_TEXT, "associationId", "AssociationId", NULL, NULL},
    {SHAPE_TEXT, "publicIp", "PublicIp", NULL, NULL},
    {SHAPE_TEXT, "privateIpAddress", "PrivateIpAddress", NULL, NULL},
    {SHAPE_TEXT, "networkInterfaceId", "NetworkInterfaceId", NULL, NULL},
    {SHAPE_TEXT, "networkInterfaceOwnerId", "NetworkInterfaceOwnerId", NULL, NULL},
    {SHAPE_TEXT, "instanceId", "InstanceId", NULL, NULL},
    {SHAPE_TEXT, "domain", "Domain", NULL, NULL},
    {SHAPE_LIST, "tagSet", "Tags", tag, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_addresses[] = {
    {SHAPE_LIST, "addressesSet", "Addresses", address, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape vpc_block_public_access_options[] = {
    {SHAPE_TEXT, "awsAccountId", "AwsAccountId", NULL, NULL},
    {SHAPE_TEXT, "awsRegion", "AwsRegion", NULL, NULL},
    {SHAPE_TEXT, "state", "State", NULL, NULL},
    {SHAPE_TEXT, "internetGatewayBlockMode", "InternetGatewayBlockMode", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_block[] = {
    {SHAPE_RECORD, "vpcBlockPublicAccessOptions", "VpcBlockPublicAccessOptions", vpc_block_public_access_options, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape vpc_block_public_access_exclusion[] = {
    {SHAPE_TEXT, "exclusionId", "ExclusionId", NULL, NULL},
    {SHAPE_TEXT, "internetGatewayExclusionMode", "InternetGatewayExclusionMode", NULL, NULL},
    {SHAPE_TEXT, "resourceArn", "ResourceArn", NULL, NULL},
    {SHAPE_TEXT, "state", "State", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_exclusions[] = {
    {SHAPE_LIST, "vpcBlockPublicAccessExclusionSet", "VpcBlockPublicAccessExclusions",
     vpc_block_public_access_exclusion, NULL},
    {SHAPE_TEXT, "nextToken", "NextToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape region[] = {
    {SHAPE_TEXT, "regionName", "RegionName", NULL, NULL},
    {SHAPE_TEXT, "optInStatus", "OptInStatus", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_regions[] = {
    {SHAPE_LIST, "regionInfo", "Regions", region, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};
