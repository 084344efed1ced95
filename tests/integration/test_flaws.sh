#!/usr/bin/env bash
# Findings of a network's rules themselves: they open with an import, are the network's and no host's, close when the
# rules are mended, and stay as they are where a list was not read. Prints TAP.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
. "$(dirname "$(readlink -f -- "$0")")/harness.sh"
enter "flaws of a network's rules" "$0" "$@"
begin
folder=$(readlink -f -- "$(dirname "$(readlink -f -- "$0")")/reach")
# shellcheck disable=SC2154 # harness.sh sets DIR
cd "$DIR" || exit
DB=$DIR/cloud.db
cp -r "$folder" cloud

take() {
    "$BIN/leastport" import aws cloud --db "$DB" "$@" 2>err || tap_fail "the folder is imported" "$(<err)"
}

# edit FILE FILTER: in the copy of the folder.
edit() {
    jq "$2" "$folder/$1" >"cloud/$1"
}

# found KIND: "NETWORK PRESENCE SEVERITY" of each finding of the kind.
found() {
    sql "$DB" "SELECT group_concat(i.value || ' ' || presence || ' ' || severity, ', ') FROM finding f JOIN asset a ON a.id = f.asset_id AND a.kind = 'network'
        JOIN asset_identity i ON i.asset_id = a.id AND i.kind = 'name' WHERE f.kind = '$1' AND f.port = 0 ORDER BY i.value"
}

text() {
    sql "$DB" "SELECT title || ' / ' || why FROM finding WHERE kind = '$1'"
}

take
tap_is "rules without a flaw have no finding" "$(sql "$DB" "SELECT count(*) FROM asset WHERE kind = 'network'")" 0
tap_is "nor does the question tell one" "$("$BIN/leastport" reach --aws cloud --flaws 2>&1)" ""
hosts=$("$BIN/leastport" export --hosts --format csv --db "$DB" 2>err | wc -l)

# ---- shadowed rules ----
entry() {
    edit network-acls.json "(.NetworkAcls[] | select(.NetworkAclId == \"acl-open\").Entries) += [$1]"
}
late='{RuleNumber: 900, Protocol: "6", RuleAction: "deny", Egress: false, CidrBlock: "198.51.100.0/24", PortRange: {From: 22, To: 22}}'
entry "$late"
take
tap_is "an entry that is never asked" "$(found shadowed-rule)" "vpc-1 OPEN low"
tap_like "which, and by which other" "$(text shadowed-rule)" \
    'vpc-1: a rule of a network ACL is never asked / .*acl-open: in: rule 900 denies tcp 22 from 198\.51\.100\.0/24 and is never asked: [0-9]+ allows .* before it, and decides otherwise\.$'
tap_is "in the realm of its hosts" "$(sql "$DB" "SELECT r.name FROM finding f JOIN asset a ON a.id = f.asset_id JOIN realm r ON r.id = a.realm_id WHERE f.kind = 'shadowed-rule'")" vpc-1
tap_is "a network is no host" "$("$BIN/leastport" export --hosts --format csv --db "$DB" 2>err | wc -l)" "$hosts"
events=$(sql "$DB" "SELECT count(*) FROM finding_event")
take
tap_is "the same rules again say nothing new" "$(sql "$DB" "SELECT count(*) FROM finding_event")" "$events"
entry "$late, ($late | .RuleNumber = 901)"
take
tap_like "one more is the same finding" "$(found shadowed-rule) $(text shadowed-rule)" "vpc-1 OPEN low vpc-1: 2 rules of network ACLs are never asked / "
: >cloud/network-acls.json
take
tap_is "a list that was not read ends none" "$(found shadowed-rule)" "vpc-1 OPEN low"
tap_like "which the question says, too" "$("$BIN/leastport" reach --aws cloud --flaws 2>&1)" "shadowed-rule: not told, for what it depends on was not read"
cp "$folder/network-acls.json" cloud/
take
tap_is "mended" "$(found shadowed-rule)" "vpc-1 FIXED low"
entry "$late"
take
tap_is "and there again" "$(found shadowed-rule)" "vpc-1 REAPPEARED low"
cp "$folder/network-acls.json" cloud/

# ---- references to what is gone ----
edit route-tables.json '(.RouteTables[] | select(.RouteTableId == "rtb-main").Routes) += [{DestinationCidrBlock: "10.77.0.0/16", VpcPeeringConnectionId: "pcx-gone", State: "blackhole"}]'
take
tap_is "a route to a peering that is gone" "$(found dead-reference) $(found shadowed-rule)" "vpc-1 OPEN low vpc-1 FIXED low"
tap_like "which" "$(text dead-reference)" 'rtb-main: the route to 10\.77\.0\.0/16 by pcx-gone leads nowhere: the peering is gone\.$'
edit security-groups.json '(.SecurityGroups[] | select(.GroupId == "sg-app").IpPermissions) += [{IpProtocol: "tcp", FromPort: 9000, ToPort: 9000,
    UserIdGroupPairs: [{GroupId: "sg-deleted"}]}] | (.SecurityGroups[] | select(.GroupId == "sg-web").IpPermissions) += [{IpProtocol: "tcp", FromPort: 9001, ToPort: 9001,
    UserIdGroupPairs: [{GroupId: "sg-over-there", UserId: "999", VpcPeeringConnectionId: "pcx-1", PeeringStatus: "deleted"}]}]'
take
tap_like "a group that is gone, and one behind a peering that is" "$(text dead-reference)" \
    'vpc-1: 3 rules and routes lead to what is gone / .*sg-app: in: allows tcp 9000 from sg-deleted, a group that is gone; sg-web: in: allows tcp 9001 from sg-over-there, a group behind a peering that is gone; rtb-main: '
cp "$folder/security-groups.json" cloud/
: >cloud/peerings.json
take
tap_is "peerings that were not read end none" "$(found dead-reference)" "vpc-1 OPEN low"
cp "$folder/peerings.json" "$folder/route-tables.json" cloud/
take
tap_is "all mended" "$(found dead-reference)" "vpc-1 FIXED low"

# ---- groups that nothing holds ----
edit security-groups.json '.SecurityGroups += [.SecurityGroups[0] | .GroupId = "sg-old", .GroupId = "sg-new" | .GroupName = .GroupId] + [.SecurityGroups[0] | .GroupId = "sg-default" | .GroupName = "default"]'
take
tap_like "groups that nothing holds" "$(found unused-group) $(text unused-group)" \
    'vpc-1 OPEN low vpc-1: 2 security groups are held by nothing / .*sg-new: "sg-new", with [0-9]+ rules: no interface holds it; sg-old: '
: >cloud/network-interfaces.json
take
tap_is "interfaces that were not read end none" "$(found unused-group)" "vpc-1 OPEN low"
cp "$folder/network-interfaces.json" cloud/
printf 'version: 1\nallow:\n  - {id: all, to: any, ports: 1-65535, from: any, why: for once}\n' >all.yaml
take --policy all.yaml
tap_is "a policy of ports does not allow them" "$(found unused-group)" "vpc-1 OPEN low"
finding=$(sql "$DB" "SELECT uuid FROM finding WHERE kind = 'unused-group'")
tap_ok "they are waived as others are" "$BIN/leastport" waive "$finding" --owner net --reason "kept for the move" --until 2099-12-31 --db "$DB"
before=$(sql "$DB" "SELECT count(*) FROM asset")
edit vpcs.json '.Vpcs |= map(select(.VpcId != "vpc-1"))'
edit subnets.json '.Subnets |= map(select(.VpcId != "vpc-1"))'
edit network-interfaces.json '.NetworkInterfaces |= map(select(.VpcId != "vpc-1"))'
take
tap_is "of a network that is gone all is over" "$(found unused-group)" "vpc-1 FIXED low"
tap_is "and no other asset came of it" "$(sql "$DB" "SELECT count(*) FROM asset")" "$before"
tap_ok "the database is sound" "$BIN/leastport" check --db "$DB"
tap_done
