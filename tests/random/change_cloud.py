"""change_cloud.py FOLDER SEED ROUND unread|change: alters what a folder says of a cloud, by drawing.

change: some groups, ACLs, routes, interfaces, databases, listeners and agents are otherwise than before.
unread: some lists are not there, and nothing else is altered. Prints their files.
"""
import json
import os
import random
import sys

folder, seed, turn, what = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
draw = random.Random(seed * 1000003 + turn)


def load(name):
    with open(os.path.join(folder, name), encoding="utf8") as file:
        return json.load(file)


def save(name, document):
    with open(os.path.join(folder, name), "w", encoding="utf8") as file:
        json.dump(document, file)


def prefix():
    return draw.choice(["0.0.0.0/0", "0.0.0.0/1", "10.0.0.0/8", "10.9.0.0/16", "203.0.113.0/24", "198.51.100.7/32"])


def ports():
    first = draw.choice([0, 20, 22, 80, 443, 1024, 3306, 5432, 6379, 8080])
    return first, draw.choice([first, first, first + 3, 65535])


def permission(groups):
    first, last = ports()
    rule = {"IpProtocol": draw.choice(["tcp", "tcp", "tcp", "udp", "-1"]), "FromPort": first, "ToPort": last, "IpRanges": [], "Ipv6Ranges": [],
            "PrefixListIds": [], "UserIdGroupPairs": []}
    if rule["IpProtocol"] == "-1":
        del rule["FromPort"], rule["ToPort"]
    kind = draw.randrange(5)
    if kind < 2:
        rule["IpRanges"].append({"CidrIp": prefix()})
    elif kind == 2:
        rule["Ipv6Ranges"].append({"CidrIpv6": draw.choice(["::/0", "2600:1:2:300::/56"])})
    else:
        rule["UserIdGroupPairs"].append({"GroupId": draw.choice(groups + ["sg-gone"])})
    return rule


def change_groups():
    document = load("security-groups.json")
    held = {group["GroupId"] for one in load("network-interfaces.json")["NetworkInterfaces"] for group in one["Groups"]}

    def is_spare(one):
        return one["GroupId"].startswith("sg-extra") and one["GroupId"] not in held

    ids = [group["GroupId"] for group in document["SecurityGroups"]]
    group = draw.choice(document["SecurityGroups"])
    turn = draw.randrange(4)
    if turn == 0 or not group["IpPermissions"]:
        group["IpPermissions"].append(permission(ids))
    elif turn == 1:
        group["IpPermissions"].pop(draw.randrange(len(group["IpPermissions"])))
    elif turn == 2:
        group["IpPermissions"][draw.randrange(len(group["IpPermissions"]))] = permission(ids)
    elif any(is_spare(one) for one in document["SecurityGroups"]):
        document["SecurityGroups"] = [one for one in document["SecurityGroups"] if not is_spare(one)]
    else:
        document["SecurityGroups"].append(dict(group, GroupId=f"sg-extra{draw.randrange(100)}", GroupName="extra"))
    save("security-groups.json", document)


def change_acls():
    document = load("network-acls.json")
    acl = draw.choice(document["NetworkAcls"])
    own = [entry for entry in acl["Entries"] if entry["RuleNumber"] < 32767]
    if own and draw.randrange(3) == 0:
        acl["Entries"].remove(draw.choice(own))
    else:
        first, last = ports()
        egress = draw.choice([True, False])
        taken = [entry["RuleNumber"] for entry in acl["Entries"] if entry["Egress"] == egress]
        acl["Entries"].append({"RuleNumber": draw.choice([number for number in range(50, 900) if number not in taken]), "Protocol": draw.choice(["6", "17"]),
                               "RuleAction": draw.choice(["allow", "deny"]), "Egress": egress, "CidrBlock": prefix(),
                               "PortRange": {"From": first, "To": last}})
    save("network-acls.json", document)


def change_routes():
    document = load("route-tables.json")
    route = draw.choice(draw.choice(document["RouteTables"])["Routes"])
    if route.get("GatewayId") != "local":
        route["State"] = draw.choice(["active", "blackhole"])
    save("route-tables.json", document)


def change_interfaces():
    document = load("network-interfaces.json")
    groups = [group["GroupId"] for group in load("security-groups.json")["SecurityGroups"]]
    # A database's interface holds what the database says that it does.
    interface = draw.choice([one for one in document["NetworkInterfaces"] if one["NetworkInterfaceId"] != "eni-orders"])
    interface["Groups"] = [{"GroupId": group} for group in draw.sample(groups, draw.choice([1, 1, 2]))]
    save("network-interfaces.json", document)


def change_listeners():
    document = load("listeners.json")
    listener = draw.choice(document["Listeners"])
    listener["Protocol"] = draw.choice(["HTTP", "HTTPS"])
    save("listeners.json", document)


def change_databases():
    document = load("db-instances.json")
    for database in document["DBInstances"]:
        database["Endpoint"] = {"Port": draw.choice([5432, 5433, 6000])}
    save("db-instances.json", document)


def change_agents():
    save("instance-information.json", {"InstanceInformationList": [
        {"InstanceId": "i-web", "PingStatus": draw.choice(["Online", "ConnectionLost"])}]})


if what == "change":
    for _ in range(draw.choice([1, 2, 4])):
        draw.choice([change_groups, change_groups, change_groups, change_acls, change_acls, change_routes, change_interfaces, change_interfaces,
                     change_listeners, change_databases, change_agents])()
else:
    # Ports that a prefix list divides are one range without it, and one finding, at the first of them.
    lists = [name for name in sorted(os.listdir(folder)) if "prefix-list" not in name]
    for name in draw.sample(lists, draw.choice([1, 2, 5])):
        os.unlink(os.path.join(folder, name))
        print(name)
