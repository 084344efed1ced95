"""Fills moto with a cloud, changes it, or prints what the AWS CLI would of it.

    cloud.py fill|change|print ENDPOINT FOLDER
"""
import json
import os
import sys

import boto3

REGIONS = ("eu-west-1", "us-east-1")


def client(service, region):
    return boto3.client(service, region_name=region, endpoint_url=ENDPOINT)


def fill(region, octet):
    ec2, elb = client("ec2", region), client("elbv2", region)
    vpc = ec2.create_vpc(CidrBlock=f"10.{octet}.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    other = ec2.create_vpc(CidrBlock=f"10.{octet + 1}.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "main <&> \u00fc"}, {"Key": "empty", "Value": ""}])
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{octet}.{i}.0/24", AvailabilityZone=zones[i])["Subnet"]["SubnetId"]
        for i in range(2)
    ]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    for subnet in subnets:
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    egress = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    ec2.create_route(
        RouteTableId=table,
        DestinationIpv6CidrBlock="::/0",
        EgressOnlyInternetGatewayId=egress["EgressOnlyInternetGatewayId"],
    )
    peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)["VpcPeeringConnection"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering["VpcPeeringConnectionId"])
    ec2.create_route(
        RouteTableId=table,
        DestinationCidrBlock=f"10.{octet + 1}.0.0/16",
        VpcPeeringConnectionId=peering["VpcPeeringConnectionId"],
    )
    offices = ec2.create_managed_prefix_list(
        PrefixListName="offices",
        MaxEntries=4,
        AddressFamily="IPv4",
        Entries=[{"Cidr": "198.51.100.0/25", "Description": "north"}, {"Cidr": "203.0.113.7/32"}],
    )["PrefixList"]["PrefixListId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    for egress in (False, True):
        ec2.create_network_acl_entry(
            NetworkAclId=acl, RuleNumber=100, Protocol="6", RuleAction="allow", Egress=egress,
            CidrBlock="0.0.0.0/0", PortRange={"From": 1, "To": 65535},
        )
    ec2.create_network_acl_entry(
        NetworkAclId=acl, RuleNumber=110, Protocol="1", RuleAction="deny", Egress=False,
        CidrBlock="0.0.0.0/0", IcmpTypeCode={"Type": -1, "Code": -1},
    )
    for association in ec2.describe_network_acls()["NetworkAcls"]:
        for held in association["Associations"]:
            if held["SubnetId"] == subnets[1]:
                ec2.replace_network_acl_association(
                    AssociationId=held["NetworkAclAssociationId"], NetworkAclId=acl
                )
    web = ec2.create_security_group(GroupName="web", Description="front", VpcId=vpc)["GroupId"]
    app = ec2.create_security_group(GroupName="app", Description="inner", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=web,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
             "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": [{"PrefixListId": offices}]},
            {"IpProtocol": "icmp", "FromPort": 3, "ToPort": 4, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        ],
    )
    ec2.authorize_security_group_ingress(
        GroupId=app,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": web}]}],
    )
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    instance = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnets[0], SecurityGroupIds=[web],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}],
    )["Instances"][0]["InstanceId"]
    inner = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnets[1], SecurityGroupIds=[app]
    )["Instances"][0]["InstanceId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=address, InstanceId=instance)
    nat = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=nat)
    balancer = elb.create_load_balancer(Name="front", Subnets=subnets, SecurityGroups=[web])["LoadBalancers"][0]
    targets = elb.create_target_group(Name="app", Protocol="HTTP", Port=8080, VpcId=vpc)["TargetGroups"][0]
    elb.register_targets(TargetGroupArn=targets["TargetGroupArn"], Targets=[{"Id": inner, "Port": 8080}])
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}],
    )["Listeners"][0]
    elb.create_rule(
        ListenerArn=listener["ListenerArn"], Priority=5,
        Conditions=[{"Field": "path-pattern", "Values": ["/app/*"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": targets["TargetGroupArn"]}],
    )
    rds = client("rds", region)
    rds.create_db_subnet_group(DBSubnetGroupName="inner", DBSubnetGroupDescription="inner", SubnetIds=subnets)
    rds.create_db_instance(
        DBInstanceIdentifier="orders", DBInstanceClass="db.t3.micro", Engine="postgres", AllocatedStorage=20,
        MasterUsername="orders", MasterUserPassword="not-a-secret-1", DBSubnetGroupName="inner",
        VpcSecurityGroupIds=[app], PubliclyAccessible=False,
    )
    cache = client("elasticache", region)
    cache.create_cache_cluster(
        CacheClusterId="sessions", Engine="redis", CacheNodeType="cache.t3.micro", NumCacheNodes=1
    )


def change(region):
    ec2 = client("ec2", region)
    group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["web"]}])["SecurityGroups"][0]
    ec2.authorize_security_group_ingress(
        GroupId=group["GroupId"],
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )


ONCE = {
    "ec2": "vpcs subnets network_acls security_groups security_group_rules route_tables internet_gateways "
    "egress_only_internet_gateways nat_gateways vpc_peering_connections prefix_lists network_interfaces instances addresses",
    "elbv2": "load_balancers target_groups",
    "rds": "db_instances db_clusters",
    "elasticache": "cache_clusters cache_subnet_groups",
    "ssm": "instance_information",
}


def show(region):
    def keep(name, answer):
        answer.pop("ResponseMetadata", None)
        for token in ("NextToken", "NextMarker", "Marker"):
            answer.pop(token, None)
        with open(os.path.join(FOLDER, name), "w") as file:
            json.dump(answer, file, default=str)

    for service, calls in ONCE.items():
        talk = client(service, region)
        for call in calls.split():
            try:
                keep(f"{call.replace('_', '-')}.{region}.json", getattr(talk, f"describe_{call}")())
            except (talk.exceptions.ClientError, NotImplementedError) as error:
                print(f"{service} {call}: {error}", file=sys.stderr)
    ec2, elb = client("ec2", region), client("elbv2", region)
    for entry in ec2.describe_managed_prefix_lists()["PrefixLists"]:
        name = entry["PrefixListId"]
        keep(f"prefix-list-entries.{name}.json", ec2.get_managed_prefix_list_entries(PrefixListId=name))
    for balancer in elb.describe_load_balancers()["LoadBalancers"]:
        arn, name = balancer["LoadBalancerArn"], balancer["LoadBalancerName"]
        listeners = elb.describe_listeners(LoadBalancerArn=arn)
        keep(f"listeners.{region}.{name}.json", listeners)
        for listener in listeners["Listeners"]:
            rules = elb.describe_rules(ListenerArn=listener["ListenerArn"])
            keep(f"rules.{region}.{listener['Port']}.json", rules)
        keep(f"load-balancer-attributes.{name}.json", elb.describe_load_balancer_attributes(LoadBalancerArn=arn))
    for targets in elb.describe_target_groups()["TargetGroups"]:
        arn, name = targets["TargetGroupArn"], targets["TargetGroupName"]
        keep(f"target-health.{name}.json", elb.describe_target_health(TargetGroupArn=arn))
        keep(f"target-group-attributes.{name}.json", elb.describe_target_group_attributes(TargetGroupArn=arn))


WHAT, ENDPOINT, FOLDER = sys.argv[1:4]
if WHAT == "fill":
    for octet, region in zip((20, 40), REGIONS):
        fill(region, octet)
elif WHAT == "change":
    change(REGIONS[0])
else:
    for region in sys.argv[4:] or REGIONS:
        show(region)
