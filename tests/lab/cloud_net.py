"""What a stored answer of the AWS CLI lets through, as routes and packet filters of a few network namespaces.

    cloud_net.py places FOLDER                 a line for each interface: id, place, address, prefix length, gateway, bridge, public address
    cloud_net.py links FOLDER                  the router's bridges, rules and routes, for `ip -batch`
    cloud_net.py router FOLDER                 the router's filter, for `nft -f`: network ACLs, and the internet gateway's addresses
    cloud_net.py interface FOLDER INTERFACE    an interface's filter, likewise: its security groups

Written from what AWS documents of a VPC (security groups, network ACLs, route tables, internet gateways), and from nothing
of Leastport's: what the kernel then does with a packet is a second opinion on the module that reads the same folder. It knows one
VPC, IPv4, TCP, UDP and all protocols, and refuses the rest. The internet is what stands behind the bridge "igw".
"""
import ipaddress
import json
import pathlib
import sys

EGRESS_PRIORITY = 150  # behind the translation of sources: what leaves has its own addresses
INGRESS_PRIORITY = -150  # behind connection tracking, before the translation of destinations
ROUTES_FROM = 100  # the first routing table of a subnet
PROTOCOLS = {"6": "tcp", "17": "udp", "tcp": "tcp", "udp": "udp"}


def load(folder):
    """All lists of all files, by their names."""
    lists = {}
    for file in sorted(pathlib.Path(folder).glob("*.json")):
        for name, items in json.loads(file.read_text() or "{}").items():
            if isinstance(items, list):
                lists.setdefault(name, []).extend(items)
    return lists


def addresses_of(interface):
    return [address["PrivateIpAddress"] for address in interface["PrivateIpAddresses"]]


def publics_of(interface):
    """Public address by private one."""
    return {
        address["PrivateIpAddress"]: address["Association"]["PublicIp"]
        for address in interface["PrivateIpAddresses"]
        if "Association" in address
    }


def place_of(interface):
    """Instances have one interface each."""
    return interface["NetworkInterfaceId"].removeprefix("eni-")


def bridge_of(cloud, subnet_id):
    return f"s{[subnet['SubnetId'] for subnet in cloud['Subnets']].index(subnet_id)}"


def gateway_of(subnet):
    """AWS keeps the first address of each subnet for its router."""
    return ipaddress.ip_network(subnet["CidrBlock"])[1]


def places(cloud):
    subnets = {subnet["SubnetId"]: subnet for subnet in cloud["Subnets"]}
    for interface in cloud["NetworkInterfaces"]:
        subnet = subnets[interface["SubnetId"]]
        address = addresses_of(interface)[0]
        yield " ".join(
            [
                interface["NetworkInterfaceId"],
                place_of(interface),
                address,
                str(ipaddress.ip_network(subnet["CidrBlock"]).prefixlen),
                str(gateway_of(subnet)),
                bridge_of(cloud, subnet["SubnetId"]),
                publics_of(interface).get(address, "-"),
            ]
        )


# ---- the router: subnets, routes, network ACLs ----


def is_gateway_attached(cloud, gateway_id):
    vpcs = {vpc["VpcId"] for vpc in cloud["Vpcs"]}
    return any(
        gateway["InternetGatewayId"] == gateway_id and attachment["VpcId"] in vpcs and attachment["State"] == "available"
        for gateway in cloud["InternetGateways"]
        for attachment in gateway["Attachments"]
    )


def route_table_of(cloud, subnet_id):
    """Its own, else the VPC's main one."""
    for wanted in ({"SubnetId": subnet_id}, {"Main": True}):
        for table in cloud["RouteTables"]:
            if any(wanted.items() <= association.items() for association in table["Associations"]):
                return table
    raise ValueError(f"{subnet_id} has no route table")


def route_of(cloud, route):
    """Where the kernel is to send it. A NAT gateway lets no answer out that belongs to no flow of its own."""
    prefix = route["DestinationCidrBlock"]
    target = route.get("GatewayId", "")
    if target == "local":
        return f"throw {prefix}"
    if route["State"] == "active" and target.startswith("igw-") and is_gateway_attached(cloud, target):
        return f"{prefix} dev igw"
    if route["State"] == "blackhole" or target.startswith("igw-") or "NatGatewayId" in route:
        return f"blackhole {prefix}"
    raise ValueError(f"a route that is not known here: {route}")


def links(cloud):
    yield "link add igw type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
    yield "link set igw up"
    yield "addr add 169.254.77.1/32 dev igw"
    for vpc in cloud["Vpcs"]:
        yield f"rule add pref 10 to {vpc['CidrBlock']} lookup main"
    for number, subnet in enumerate(cloud["Subnets"]):
        bridge = bridge_of(cloud, subnet["SubnetId"])
        length = ipaddress.ip_network(subnet["CidrBlock"]).prefixlen
        yield f"link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
        yield f"link set {bridge} up"
        yield f"addr add {gateway_of(subnet)}/{length} dev {bridge}"
        yield f"rule add pref {ROUTES_FROM + number} iif {bridge} lookup {ROUTES_FROM + number}"
        for route in route_table_of(cloud, subnet["SubnetId"])["Routes"]:
            kind, *rest = route_of(cloud, route).split()
            yield f"route add {kind} {' '.join(rest)} table {ROUTES_FROM + number}"


def entry_match(entry):
    direction = "daddr" if entry["Egress"] else "saddr"
    words = [f"ip {direction} {entry['CidrBlock']}"]
    if entry["Protocol"] != "-1":
        protocol = PROTOCOLS[entry["Protocol"]]
        ports = entry.get("PortRange", {"From": 0, "To": 65535})
        words.append(f"{protocol} dport {ports['From']}-{ports['To']}")
    return " ".join(words)


def acl_of(cloud, subnet_id):
    for acl in cloud["NetworkAcls"]:
        if any(association["SubnetId"] == subnet_id for association in acl["Associations"]):
            return acl
    raise ValueError(f"{subnet_id} has no network ACL")


def acl_chain(acl, egress):
    """The lowest number that matches decides, whatever came before: no state."""
    yield f"    chain {acl['NetworkAclId']}-{'out' if egress else 'in'} {{"
    for entry in sorted(acl["Entries"], key=lambda entry: entry["RuleNumber"]):
        if entry["Egress"] == egress:
            yield f"        {entry_match(entry)} {'return' if entry['RuleAction'] == 'allow' else 'drop'}"
    yield "        drop"
    yield "    }"


def router(cloud):
    publics = {}
    for interface in cloud["NetworkInterfaces"]:
        publics |= publics_of(interface)
    yield "table ip acls {"
    for acl in cloud["NetworkAcls"]:
        yield from acl_chain(acl, True)
        yield from acl_chain(acl, False)
    yield "    chain forward {"
    yield "        type filter hook forward priority 0; policy accept;"
    bridges = {bridge_of(cloud, subnet["SubnetId"]): acl_of(cloud, subnet["SubnetId"]) for subnet in cloud["Subnets"]}
    for bridge in bridges:
        yield f"        iifname {bridge} oifname {bridge} accept"
    for bridge, acl in bridges.items():
        yield f"        iifname {bridge} jump {acl['NetworkAclId']}-out"
    for bridge, acl in bridges.items():
        yield f"        oifname {bridge} jump {acl['NetworkAclId']}-in"
    yield "    }"
    yield "}"
    yield "table ip gateway {"
    yield "    chain in {"
    yield "        type nat hook prerouting priority dstnat;"
    yield f"        iifname igw dnat to ip daddr map {{ {', '.join(f'{public} : {own}' for own, public in publics.items())} }}"
    yield "    }"
    yield "    chain out {"
    yield "        type nat hook postrouting priority srcnat;"
    yield f"        oifname igw snat to ip saddr map {{ {', '.join(f'{own} : {public}' for own, public in publics.items())} }}"
    yield "    }"
    yield "}"


# ---- an interface: security groups ----


def members_of(cloud, group_id):
    """A group as a source is the private addresses of those that hold it."""
    for interface in cloud["NetworkInterfaces"]:
        if any(group["GroupId"] == group_id for group in interface["Groups"]):
            yield from addresses_of(interface)


def permission_rules(cloud, permission, direction):
    peers = [block["CidrIp"] for block in permission["IpRanges"]]
    for pair in permission["UserIdGroupPairs"]:
        peers += members_of(cloud, pair["GroupId"])
    if permission["PrefixListIds"] or permission["Ipv6Ranges"]:
        raise ValueError("prefix lists and IPv6 are not known here")
    ports = ""
    if permission["IpProtocol"] != "-1":
        ports = f" {PROTOCOLS[permission['IpProtocol']]} dport {permission['FromPort']}-{permission['ToPort']}"
    for peer in peers:
        yield f"        ip {direction} {peer}{ports} accept"


def interface_filter(cloud, interface):
    """All that any of its groups allows, and the answers to it: a flow once let in is let out, and the other way round."""
    held = {group["GroupId"] for group in interface["Groups"]}
    groups = [group for group in cloud["SecurityGroups"] if group["GroupId"] in held]
    chains = (
        ("in", "prerouting", INGRESS_PRIORITY, "saddr", "IpPermissions", "iifname"),
        ("out", "postrouting", EGRESS_PRIORITY, "daddr", "IpPermissionsEgress", "oifname"),
    )
    yield "table ip groups {"
    for name, hook, priority, direction, permissions, link in chains:
        yield f"    chain {name} {{"
        yield f"        type filter hook {hook} priority {priority}; policy drop;"
        yield f"        {link} lo accept"
        yield "        ct state established,related accept"
        for group in groups:
            for permission in group[permissions]:
                yield from permission_rules(cloud, permission, direction)
        yield "    }"
    yield "}"


def main():
    verb, cloud = sys.argv[1], load(sys.argv[2])
    if verb == "interface":
        wanted = [one for one in cloud["NetworkInterfaces"] if one["NetworkInterfaceId"] == sys.argv[3]]
        lines = interface_filter(cloud, wanted[0])
    else:
        lines = {"places": places, "links": links, "router": router}[verb](cloud)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
