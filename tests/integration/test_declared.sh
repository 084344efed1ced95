#!/usr/bin/env bash
# Findings that come of what a cloud declares beside what was seen: they open with an import, close when the rules
# change, and say nothing where a list was not read. Prints TAP.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
. "$(dirname "$(readlink -f -- "$0")")/harness.sh"
enter "what is declared beside what was seen" "$0" "$@"
begin
folder=$(readlink -f -- "$(dirname "$(readlink -f -- "$0")")/reach")
# shellcheck disable=SC2154 # harness.sh sets DIR
cd "$DIR" || exit
DB=$DIR/cloud.db
cp -r "$folder" cloud

# A hundred seconds after a scan began; the next begins after it.
begun=$(($(date +%s) - 200))

# host ADDRESS PORT...: of a scan that finds those ports open.
host() {
    local port
    printf '<host endtime="%s"><status state="up"/><address addr="%s" addrtype="ipv4"/><ports>' $((begun - 95)) "$1"
    shift
    for port; do
        printf '<port protocol="tcp" portid="%s"><state state="open" reason="syn-ack"/></port>' "$port"
    done
    printf '</ports></host>'
}

# scan NAME HOST...: a file of nmap's.
scan() {
    printf '<nmaprun scanner="nmap" start="%s">' $((begun - 100)) >"$1.xml"
    printf '%s' "${@:2}" >>"$1.xml"
    printf '<runstats><finished time="%s" exit="success"/></runstats></nmaprun>' $((begun - 90)) >>"$1.xml"
}

policy=()
take() {
    "$BIN/leastport" import aws cloud --db "$DB" "${policy[@]}" 2>err || tap_fail "the folder is imported" "$(<err)"
}

# found KIND: "PORT PRESENCE SEVERITY" of each finding of the kind.
found() {
    sql "$DB" "SELECT group_concat(port || ' ' || presence || ' ' || severity, ', ') FROM (SELECT * FROM finding WHERE kind = '$1' ORDER BY port, id)"
}

# edit FILE FILTER: in the copy of the folder.
edit() {
    jq "$2" "$folder/$1" >"cloud/$1"
}

scan inside "$(host 10.0.1.5 22 443 444)" "$(host 10.0.4.5 443 444)" "$(host 10.0.2.5 8080 8081)"
scan outside "$(host 192.0.2.80 443 444)" "$(host 192.0.2.99 444)"
"$BIN/leastport" import inside.xml --realm vpc-1 --vantage inside --db "$DB" 2>err || tap_fail "a scan from inside" "$(<err)"
"$BIN/leastport" import outside.xml --vantage outside:world --scope 192.0.2.0/24 --db "$DB" 2>err || tap_fail "a scan from outside" "$(<err)"
tap_is "without a cloud there is none of them" "$(sql "$DB" "SELECT count(*) FROM finding WHERE rule_id LIKE 'cloud/%'")" 0

# ---- they open ----
take
tap_is "open inside, and the world may reach it" "$(found declared-exposure)" "22 NEW medium, 443 NEW low, 8080 NEW medium"
tap_is "how sure that is, and for how many" "$(sql "$DB" "SELECT port, evidence, evidence_kind, breadth_class FROM finding WHERE kind = 'declared-exposure' AND port < 8080 ORDER BY port")" \
    "22|0.7|declared, not looked|public-range
443|0.7|declared, not looked|world"
tap_like "what decided is said" "$(sql "$DB" "SELECT why FROM finding WHERE kind = 'declared-exposure' AND port = 443")" 'sg-web: in: sgr-web443 allows tcp 443 from 0\.0\.0\.0/0'
tap_like "and what to do" "$(sql "$DB" "SELECT fix FROM finding WHERE kind = 'declared-exposure' AND port = 443")" 'Narrow the rule'
tap_is "the network ACL trap" "$(found acl-trap)" "443 OPEN low"
tap_like "by the ACL" "$(sql "$DB" "SELECT why FROM finding WHERE kind = 'acl-trap'")" 'acl-trap lets no answer leave'
tap_is "open to the world although nothing lets it, of the account's address alone" "$(found undeclared-exposure)" "444 NEW high"
tap_is "the score knows the term" "$("$BIN/leastport" score --db "$DB" --json 2>err | jq -s 'any(.. | objects; .evidence? == 0.7)')" true
before=$(sql "$DB" "SELECT count(*) FROM finding_event")
take
tap_is "the same once more changes nothing" "$(sql "$DB" "SELECT count(*) FROM finding_event")" "$before"

# ---- a gap ----
: >cloud/network-acls.json
take
tap_is "what was not read closes none and opens none" "$(sql "$DB" "SELECT count(*) FROM finding_event")" "$before"
cp "$folder/network-acls.json" cloud/
take
tap_is "nor does reading it again" "$(sql "$DB" "SELECT count(*) FROM finding_event")" "$before"

# ---- they close ----
edit security-groups.json '.SecurityGroups |= map(if .GroupId == "sg-web" then .IpPermissions |= map(select(.FromPort != 443)) else . end)'
take
tap_is "443 is declared open no more" "$(found declared-exposure)" "22 NEW medium, 443 ALLOWED low, 8080 NEW medium"
tap_is "nor trapped" "$(found acl-trap)" "443 FIXED low"
tap_is "but seen open from outside all the same" "$(found undeclared-exposure)" "443 NEW high, 444 NEW high"
tap_is "why it closed is said" "$(sql "$DB" "SELECT DISTINCT reason FROM finding_event e JOIN finding f ON f.id = e.finding_id WHERE f.rule_id LIKE 'cloud/%' AND became = 'ALLOWED'")" \
    "the cloud's rules do not say so any more"
cp "$folder/security-groups.json" cloud/
take
tap_is "and opens again" "$(found declared-exposure)" "22 NEW medium, 443 OPEN low, 8080 NEW medium"

# ---- what no scan sees ----
DB=$DIR/claims.db
# looked ADDRESS STATE REASON PORTS: of a scan to whom all those ports answered the same way.
looked() {
    printf '<host endtime="%s"><status state="up" reason="echo-reply"/><address addr="%s" addrtype="ipv4"/><ports>' $((begun - 95)) "$1"
    printf '<extraports state="%s" count="9"><extrareasons reason="%s" count="9" proto="tcp" ports="%s"/></extraports></ports></host>' "${@:2}"
}

# claimed: "PORT KIND PRESENCE" of each finding of a host that no scan has seen.
claimed() {
    sql "$DB" "SELECT group_concat(port || ' ' || kind || ' ' || presence, ', ') FROM (SELECT f.* FROM finding f JOIN asset_identity i
        ON i.asset_id = f.asset_id AND i.kind = 'address' AND i.value = '$1' WHERE f.first_scan_id IS NULL ORDER BY port, kind)"
}

# seen NAME ADDRESS STATE REASON PORT...: from inside.
seen() {
    ((begun += 20))
    scan "$1" "$(looked "${@:2}")"
    "$BIN/leastport" import "$1.xml" --realm vpc-1 --vantage inside --db "$DB" 2>err || tap_fail "$1 is imported" "$(<err)"
}

take
tap_like "the report tells of it before anybody has scanned" "$("$BIN/leastport" report --db "$DB" 2>&1)" 'no scan yet; what clouds declare.*SSH on 22/tcp: the cloud.s rules let'
tap_is "nobody has looked" "$(claimed 10.0.1.5)" "22 declared-unlooked OPEN, 443 declared-unlooked OPEN, 9000 declared-unlooked OPEN"
seen refused 10.0.1.5 closed reset 22,443,9000
tap_is "nothing listens" "$(claimed 10.0.1.5)" \
    "22 declared-unlooked FIXED, 22 empty-room OPEN, 443 declared-unlooked FIXED, 443 empty-room OPEN, 9000 declared-unlooked FIXED, 9000 empty-room OPEN"
tap_is "with half the evidence of a port that is seen" \
    "$(sql "$DB" "SELECT DISTINCT evidence, evidence_kind FROM finding WHERE kind = 'empty-room'")" "0.4|declared, seen closed"
seen silent 10.0.1.5 filtered no-response 22
tap_is "who gets no answer inside has seen nothing of it, and 443 is as it was" "$(claimed 10.0.1.5)" \
    "22 declared-unlooked FIXED, 22 empty-room OPEN, 443 declared-unlooked FIXED, 443 empty-room OPEN, 9000 declared-unlooked FIXED, 9000 empty-room OPEN"
((begun += 20))
scan opened "$(host 10.0.1.5 443)"
"$BIN/leastport" import opened.xml --realm vpc-1 --vantage inside --db "$DB" 2>err || tap_fail "a port is open" "$(<err)"
tap_like "somebody has moved in" "$(claimed 10.0.1.5)" '443 empty-room FIXED'
tap_is "and is exposed by what is declared" "$(found declared-exposure)" "443 NEW low"
edit security-groups.json '.SecurityGroups |= map(if .GroupId == "sg-web" then .IpPermissions = [] else . end)'
take
tap_like "without the rule the room is shut" "$(claimed 10.0.1.5)" '22 empty-room FIXED.*9000 empty-room FIXED'
: >cloud/security-groups.json
before=$(sql "$DB" "SELECT count(*) FROM finding_event")
take
tap_is "a list that was not read opens and closes none" "$(sql "$DB" "SELECT count(*) FROM finding_event")" "$before"
cp "$folder/security-groups.json" cloud/
take
tap_like "it is told as what it is once more" "$(claimed 10.0.1.5)" '22 empty-room REAPPEARED'

# ---- Session Manager ----
agent() {
    jq -n --arg status "$1" --arg at "${2:-1}" '{InstanceInformationList: [{InstanceId: "i-web", PingStatus: $status, LastPingDateTime: $at}]}' \
        >cloud/instance-information.json
    take
}
agent ConnectionLost
tap_is "an agent that is away serves nobody" "$(found managed-login)" ""
agent Online
tap_is "a login that Session Manager makes needless" "$(found managed-login)" "22 OPEN low"
agent Online 2
tap_is "its next sign of life is no other record" "$(sql "$DB" "SELECT count(*) FROM cloud_record WHERE key = 'i-web'")" 2
: >cloud/instance-information.json
take
tap_is "a list that was not read changes nothing" "$(found managed-login)" "22 OPEN low"
agent ConnectionLost
tap_is "until it is told to be away" "$(found managed-login)" "22 FIXED low"

# ---- a listener in clear ----
sed -i 's/"FromPort": 443,/"FromPort": 80,/' cloud/security-groups.json
# plain PROTOCOL ACTION [RULE-ACTION]: what the balancer does on port 80.
plain() {
    jq --arg protocol "$1" --argjson action "$2" '.Listeners += [.Listeners[0] | .ListenerArn |= sub("/1$"; "/2") | .Port = 80 | .Protocol = $protocol
        | .DefaultActions = [$action]]' "$folder/listeners.json" >cloud/listeners.json
    jq -n --argjson action "${3:-null}" '{Rules: [if $action == null then empty else {Actions: [$action],
        RuleArn: "arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener-rule/app/front/0123456789abcdef/2/9"} end]}' >cloud/rules.json
    take
}
forward='{"Type": "forward", "TargetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/app/0123"}'
redirect='{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}'
plain HTTP "$redirect"
tap_is "a listener that redirects is none" "$(found plain-listener)" ""
plain HTTP "$forward"
tap_is "one that forwards is" "$(found plain-listener)" "80 OPEN medium"
tap_is "of the balancer" "$(sql "$DB" "SELECT i.value FROM finding f JOIN asset_identity i ON i.asset_id = f.asset_id AND i.kind = 'interface' WHERE f.kind = 'plain-listener'")" eni-alb
plain HTTP "$redirect" "$forward"
tap_is "so is one whose rule does" "$(found plain-listener)" "80 OPEN medium"
plain HTTP "$redirect" "$redirect"
tap_is "until all redirect" "$(found plain-listener)" "80 FIXED medium"
printf 'version: 1\nallow:\n  - {id: web, to: any, ports: 80, from: any, why: the shop}\n' >allow.yaml
policy=(--policy allow.yaml)
plain HTTP "$forward"
tap_is "who allows the port does not allow it to be read" "$(found plain-listener)" "80 REAPPEARED medium"

cp cloud/listeners.json kept.json
: >cloud/listeners.json
take
tap_is "listeners that were not read are as they were" "$(found plain-listener)" "80 REAPPEARED medium"
jq '.Listeners |= map(select(.Protocol != "HTTP"))' kept.json >cloud/listeners.json
take
tap_is "and one that is gone when they are read again is over" "$(found plain-listener)" "80 FIXED medium"

# ---- databases ----
policy=()
# orders GROUPS: the database has an interface that was read, and its group's rules are those of the filter.
orders() {
    edit network-interfaces.json '.NetworkInterfaces += [{NetworkInterfaceId: "eni-orders", SubnetId: "subnet-db", VpcId: "vpc-1", Status: "in-use",
        Description: "RDSNetworkInterface", Groups: [{GroupId: "sg-db"}], PrivateIpAddresses: [{PrivateIpAddress: "10.0.9.9", Primary: true}]}]'
    edit security-groups.json "(.SecurityGroups[] | select(.GroupId == \"sg-db\").IpPermissions) |= ($1)"
    take
}
edit db-instances.json '.DBInstances |= map(.Endpoint = {Port: 5432})'
orders 'map(select(.IpRanges == []))'
tap_is "a database that lets its application's group in, and nobody else" "$(found wide-database)" ""
orders .
tap_is "one that lets a range in" "$(found wide-database)" "5432 OPEN low"
tap_like "and by which rule" "$(sql "$DB" "SELECT title || ': ' || why FROM finding WHERE kind = 'wide-database'")" \
    "PostgreSQL on 5432/tcp: more than its applications' groups may reach the database: sg-db lets 10\.9\.0\.0/16 in"
orders 'map(.IpRanges |= map(.CidrIp = "10.9.0.7/32"))'
tap_is "a single address is somebody" "$(found wide-database)" "5432 FIXED low"
orders '[.[0] | .FromPort = 0 | .ToPort = 6000 | .UserIdGroupPairs = [] | .PrefixListIds = [{PrefixListId: "pl-partners"}]]'
tap_is "a prefix list is not" "$(found wide-database)" "5432 REAPPEARED low"
orders 'map(.FromPort = 5433 | .ToPort = 5433 | .IpRanges = [{CidrIp: "0.0.0.0/0"}])'
tap_is "another port is not the database's" "$(found wide-database)" "5432 FIXED low"
orders 'map(.IpProtocol = "-1" | .IpRanges = [{CidrIp: "198.51.100.0/24"}])'
tap_is "every protocol is" "$(found wide-database | cut -d ' ' -f 1-2)" "5432 REAPPEARED"
before=$(sql "$DB" "SELECT count(*) FROM finding_event")
: >cloud/security-groups.json
: >cloud/db-instances.json
take
tap_is "lists that were not read begin and end none" "$(sql "$DB" "SELECT count(*) FROM finding_event") $(found wide-database | cut -d ' ' -f 2)" "$before REAPPEARED"
edit db-instances.json '.DBInstances |= map(.Endpoint = {Port: 5433})'
orders .
tap_is "what is read again is as it is now, not as it was before the gap" "$(found wide-database | cut -d ' ' -f 1-2)" "5432 FIXED"
edit db-instances.json '.DBInstances |= map(.Engine = "postgres")'
orders .
tap_is "without a port that was told it is the engine's usual one" "$(found wide-database | cut -d ' ' -f 1-2)" "5432 REAPPEARED"
printf 'version: 1\nallow:\n  - {id: reports, to: any, ports: 5432, from: any, why: the reports}\n' >allow.yaml
policy=(--policy allow.yaml)
orders .
tap_is "and the policy may allow it" "$(found wide-database | cut -d ' ' -f 1-2)" "5432 ALLOWED"
cp "$folder/network-interfaces.json" "$folder/security-groups.json" "$folder/db-instances.json" cloud/

# ---- another policy ----
# changes WORD...: what applying all.yaml says of itself.
changes() {
    "$BIN/leastport" policy apply all.yaml --db "$DB" "$@" 2>&1
}
printf 'version: 1\nallow:\n  - {id: all, to: any, ports: 1-65535, from: any, why: for once}\n' >all.yaml
claims() {
    sql "$DB" "SELECT group_concat(n || ' ' || kind || ' ' || presence, ', ') FROM (SELECT count(*) AS n, kind, presence FROM finding
        WHERE first_scan_id IS NULL AND presence IN ('OPEN', 'REAPPEARED', 'ALLOWED') GROUP BY kind, presence ORDER BY kind, presence)"
}
were=$(claims)
events=$(sql "$DB" "SELECT count(*) FROM finding_event")
foreseen=$(changes --dry-run)
tap_like "what it would do to a finding that no scan has seen is shown" "$foreseen" \
    '22/tcp \(vpc-1\) empty-room: [a-z]+ by cloud/empty-room -> no finding.*nothing written: 0 findings would open, [1-9][0-9]* would be allowed, [0-9]+ altered'
tap_is "and not done" "$(sql "$DB" "SELECT count(*) FROM finding_event")" "$events"
foretold=$(grep -o '[0-9]* findings would open, [0-9]* would be allowed, [0-9]* altered' <<<"$foreseen" | tr -dc '0-9 ')
tap_is "as it then is" "$(changes | grep -o '[0-9]* findings open[a-z]*, [0-9]* allowed, [0-9]* altered' | head -n 1 | tr -dc '0-9 ' | xargs)" "$(xargs <<<"$foretold")"
tap_like "by the claims, too" "$were / $(claims)" 'declared-unlooked (OPEN|REAPPEARED).* / .*declared-unlooked ALLOWED'
tap_done
