"""Holds what was read live against what the AWS CLI prints: compare.py LIVE CLI

Every record of the one is in the other, and every member that was read live has the CLI's value. Prints what differs, and
at the end how many records were the same.
"""
import glob
import json
import os
import sys

# The list of managed prefix lists has another name here: the CLI prints two kinds of list by one.
RENAMED = {"ManagedPrefixLists"}
IDS = (
    "SecurityGroupRuleId", "NetworkInterfaceId", "InstanceId", "SubnetId", "VpcPeeringConnectionId", "NetworkAclId", "RouteTableId",
    "InternetGatewayId", "EgressOnlyInternetGatewayId", "NatGatewayId", "GroupId", "AllocationId", "PrefixListId", "RuleArn",
    "ListenerArn", "TargetGroupArn", "LoadBalancerArn", "DBInstanceIdentifier", "DBClusterIdentifier", "CacheClusterId",
    "CacheSubnetGroupName", "ReservationId", "VpcId",
)


def documents(folder):
    lists = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path) as file:
            document = json.load(file)
        of = ".".join(os.path.basename(path).split(".")[-3:-1])
        for key, records in document.items():
            if key in ("LeastportOf", "LeastportGaps"):
                continue
            for record in records:
                name = next((record[i] for i in IDS if i in record), None)
                if name is None:
                    name = (of.split(".")[-1], json.dumps(record.get("Target") or record.get("Key") or record.get("Cidr")))
                lists.setdefault(key, {})[name] = record
    return lists


def differ(live, cli, path):
    if isinstance(live, dict) and isinstance(cli, dict):
        return [text for key in live for text in differ(live[key], cli.get(key), f"{path}.{key}")]
    if isinstance(live, list) and isinstance(cli, list):
        if len(live) != len(cli):
            return [f"{path}: {len(live)} items, {len(cli)} by the CLI"]
        return [text for i, item in enumerate(live) for text in differ(item, cli[i], f"{path}[{i}]")]
    return [] if live == cli else [f"{path}: {live!r}, by the CLI {cli!r}"]


live, cli = documents(sys.argv[1]), documents(sys.argv[2])
same = 0
wrong = []
for key, records in cli.items():
    mine = live.get(key, {})
    wrong += [f"{key}: {name} was not read" for name in records if name not in mine]
    wrong += [f"{key}: {name} is the CLI's in no way" for name in mine if name not in records]
    for name in mine.keys() & records.keys():
        found = differ(mine[name], records[name], f"{key}[{name}]")
        wrong += found
        same += not found
wrong += [f"{key}: not by the CLI" for key in live.keys() - cli.keys() - RENAMED]
print("\n".join(wrong + [f"{same} records are the same"]))
