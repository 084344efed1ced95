"""Adds drawn hosts to a snapshot of AWS's answers: subnets with network ACLs and routes, and interfaces with groups, by a seed.

    cloud_draw.py FOLDER SEED HOSTS

An entry of a network ACL that lets answers out does so to all of the ports that clients take, or to none: what passes then
hangs on no client's choice of a port.
"""
import ipaddress
import json
import pathlib
import random
import sys

WORLD = "0.0.0.0/0"
SOURCES = (WORLD, WORLD, "198.51.100.0/24", "203.0.113.0/24", "198.51.100.7/32", "10.20.0.0/16", "10.20.1.0/24", "0.0.0.0/1", "192.0.0.0/3")
PORTS = ((0, 65535), (0, 1023), (443, 443), (80, 443), (22, 22), (3000, 6000), (5432, 5432), (5000, 9000), (8080, 8443), (3306, 3306))
ANSWERS = ((0, 65535), (1024, 65535), (443, 443), (0, 1023), None)
HOSTS_EACH = 2


class Folder:
    def __init__(self, path):
        self.path = pathlib.Path(path)

    def change(self, name, change):
        file = self.path / f"{name}.json"
        answer = json.loads(file.read_text())
        change(answer)
        file.write_text(json.dumps(answer, indent=1) + "\n")


def draw_permission(groups):
    peers, pairs = [], []
    if random.random() < 0.2:
        pairs = [{"GroupId": random.choice(groups), "UserId": "111122223333"}]
    else:
        peers = [{"CidrIp": source} for source in random.sample(sorted(set(SOURCES)), random.randint(1, 2))]
    permission = {"IpProtocol": "tcp", "IpRanges": peers, "Ipv6Ranges": [], "UserIdGroupPairs": pairs, "PrefixListIds": []}
    kind = random.random()
    if kind < 0.1:
        permission["IpProtocol"] = "-1"
    else:
        permission["IpProtocol"] = "udp" if kind < 0.2 else "tcp"
        permission["FromPort"], permission["ToPort"] = random.choice(PORTS)
    return permission


def draw_group(group_id, groups):
    return {
        "GroupId": group_id,
        "GroupName": group_id.removeprefix("sg-"),
        "VpcId": "vpc-lab",
        "OwnerId": "111122223333",
        "IpPermissions": [draw_permission(groups) for _ in range(random.randint(0, 4))],
        "IpPermissionsEgress": [],
    }


def draw_entry(number, egress):
    entry = {
        "RuleNumber": number,
        "Protocol": random.choice(("6", "6", "6", "-1", "17")),
        "RuleAction": random.choice(("allow", "allow", "allow", "deny")),
        "Egress": egress,
        "CidrBlock": random.choice(SOURCES),
    }
    ports = random.choice(ANSWERS if egress else PORTS)
    if entry["Protocol"] != "-1" and ports is not None:
        entry["PortRange"] = {"From": ports[0], "To": ports[1]}
    return entry


def draw_acl(acl_id, subnet_id):
    entries = [draw_entry(number, egress) for egress in (False, True) for number in random.sample(range(1, 200), random.randint(1, 5))]
    # Mostly all that nobody has named gets through, or nothing ever would.
    for egress in (False, True):
        if random.random() < 0.7:
            entries.append({"RuleNumber": 300, "Protocol": "-1", "RuleAction": "allow", "Egress": egress, "CidrBlock": WORLD})
        entries.append({"RuleNumber": 32767, "Protocol": "-1", "RuleAction": "deny", "Egress": egress, "CidrBlock": WORLD})
    random.shuffle(entries)
    return {"NetworkAclId": acl_id, "VpcId": "vpc-lab", "IsDefault": False, "Associations": [{"SubnetId": subnet_id}], "Entries": entries}


def draw_routes():
    """Those to the gateway, of one prefix or several, with holes in them."""
    gateway, hole = {"GatewayId": "igw-lab", "State": "active"}, {"GatewayId": "igw-gone", "State": "blackhole"}
    nat = {"NatGatewayId": "nat-lab", "State": "active"}
    targets = {WORLD: random.choice((gateway, gateway, gateway, nat))}
    for prefix in ("198.51.100.0/24", "203.0.113.0/24", "203.0.112.0/22"):
        if random.random() < 0.2:
            targets[prefix] = random.choice((gateway, hole, nat))
    local = {"DestinationCidrBlock": "10.20.0.0/16", "GatewayId": "local", "State": "active"}
    return [local] + [{"DestinationCidrBlock": prefix, **target} for prefix, target in targets.items()]


def draw_interface(number, subnet_id, address, groups):
    held = random.sample(groups, random.randint(1, 3))
    return {
        "NetworkInterfaceId": f"eni-drawn{number}",
        "SubnetId": subnet_id,
        "VpcId": "vpc-lab",
        "Status": "in-use",
        "Description": "",
        "Groups": [{"GroupId": group} for group in held],
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True, "Association": {"PublicIp": f"192.0.2.{100 + number}"}}],
        "Ipv6Addresses": [],
        "Attachment": {"Status": "attached", "InstanceId": f"i-drawn{number}"},
    }


def main():
    folder, count = Folder(sys.argv[1]), int(sys.argv[3])
    random.seed(int(sys.argv[2]))
    groups = [f"sg-drawn{i}" for i in range(count)]
    drawn = [draw_group(group, groups + ["sg-probe"]) for group in groups]
    interfaces, instances = [], []
    for i in range(0, count, HOSTS_EACH):
        subnet_id, block = f"subnet-drawn{i}", ipaddress.ip_network(f"10.20.{100 + i}.0/24")
        subnet = {"SubnetId": subnet_id, "VpcId": "vpc-lab", "CidrBlock": str(block), "AvailabilityZone": "eu-central-1a"}
        table = {"RouteTableId": f"rtb-drawn{i}", "VpcId": "vpc-lab", "Associations": [{"Main": False, "SubnetId": subnet_id}], "Routes": draw_routes()}
        folder.change("subnets", lambda answer, subnet=subnet: answer["Subnets"].append(subnet))
        folder.change("network-acls", lambda answer, acl=draw_acl(f"acl-drawn{i}", subnet_id): answer["NetworkAcls"].append(acl))
        folder.change("route-tables", lambda answer, table=table: answer["RouteTables"].append(table))
        for number in range(i, min(i + HOSTS_EACH, count)):
            interfaces.append(draw_interface(number, subnet_id, str(block[10 + number]), groups))
            instances.append({"InstanceId": f"i-drawn{number}", "Tags": [{"Key": "Name", "Value": f"drawn{number}"}]})
    folder.change("security-groups", lambda answer: answer["SecurityGroups"].extend(drawn))
    folder.change("network-interfaces", lambda answer: answer["NetworkInterfaces"].extend(interfaces))
    folder.change("instances", lambda answer: answer["Reservations"].append({"Instances": instances}))


if __name__ == "__main__":
    main()
