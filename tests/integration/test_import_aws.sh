#!/usr/bin/env bash
# `leastport import aws`: records as intervals, what is asked of the past, gaps, hosts that become assets of their VPC's
# realm, here and beside a running daemon. Prints TAP.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
. "$(dirname "$(readlink -f -- "$0")")/harness.sh"
enter "clouds that are imported" "$0" "$@"
begin
folder=$(readlink -f -- "$(dirname "$(readlink -f -- "$0")")/reach")
# shellcheck disable=SC2154 # harness.sh sets DIR
cd "$DIR" || exit
DB=$DIR/cloud.db
cp -r "$folder" cloud

# take ARGUMENT...: an import; its status and what it said.
take() {
    "$BIN/leastport" import aws "$@" --db "$DB" >out 2>err
    status=$?
    said=$(tr -s '\n' ' ' <err)
}

# surface ARGUMENT...: every line of `reach --all`, sorted.
surface() {
    "$BIN/leastport" reach --all --json "$@" 2>err | LC_ALL=C sort
}

# edit FILE FILTER: in the copy of the folder.
edit() {
    jq "$2" "$folder/$1" >"cloud/$1"
}

hosts() {
    sql "$DB" "SELECT group_concat(key, ' ') FROM (SELECT key FROM inventory_host WHERE gone_at IS NULL ORDER BY key)"
}

# now: a moment that lies before all that comes later, and after all that came before.
now() {
    local at
    at=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)
    until [[ $(date -u +%Y-%m-%dT%H:%M:%S.%3NZ) > $at ]]; do :; done
    printf '%s' "$at"
}

# ---- an asset that a scan knows by its address ----
cat >seen.xml <<XML
<nmaprun scanner="nmap" start="$(($(date +%s) - 100))">
<host endtime="$(($(date +%s) - 95))"><status state="up"/><address addr="10.0.1.5" addrtype="ipv4"/><ports>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack"/></port></ports></host>
<host endtime="$(($(date +%s) - 95))"><status state="up"/><address addr="192.0.2.90" addrtype="ipv4"/><ports>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack"/></port></ports></host>
<runstats><finished time="$(($(date +%s) - 90))" exit="success"/></runstats></nmaprun>
XML
"$BIN/leastport" import seen.xml --realm vpc-1 --scope 10.0.0.0/8 --scope 192.0.2.0/24 --db "$DB" 2>err || tap_fail "a scan is imported" "$(<err)"
seen=$(sql "$DB" "SELECT asset_id FROM asset_identity WHERE value = '10.0.1.5'")
outside=$(sql "$DB" "SELECT asset_id FROM asset_identity WHERE value = '192.0.2.90'")

# who ADDRESS: what has it now, by its own address within; "" for nobody.
who() {
    sql "$DB" "SELECT o.value FROM asset_identity i JOIN asset_identity o ON o.asset_id = i.asset_id AND o.kind = 'instance' AND o.valid_to IS NULL
        WHERE i.kind = 'address' AND i.value = '$1' AND i.valid_to IS NULL"
}

# ---- whole ----
before=$(now)
take cloud
tap_is "it is imported" "$status" 0
tap_like "what came is said" "$said" 'cloud aws: 37 records, 37 new, .*cloud aws: 5 hosts, 5 new'
tap_is "the store answers as the folder does" "$(surface --db "$DB")" "$(surface --aws "$folder")"
tap_is "nothing is missing" "$(<err)" ""
tap_is "a proof is the same, too" "$("$BIN/leastport" reach --to orders:5432 --from app --db "$DB")" \
    "$("$BIN/leastport" reach --to orders:5432 --from app --aws "$folder")"
tap_is "what was seen by its address is the instance now" \
    "$(sql "$DB" "SELECT group_concat(kind || '=' || value, ' ') FROM (SELECT kind, value FROM asset_identity WHERE asset_id = $seen AND valid_to IS NULL ORDER BY kind, value)")" \
    "address=10.0.1.5 address=192.0.2.80 address=2600:1:2:301::5 instance=i-web interface=eni-web name=web"
tap_is "what was seen by a public address is the balancer now" \
    "$(sql "$DB" "SELECT group_concat(kind || '=' || value, ' ') FROM (SELECT kind, value FROM asset_identity WHERE asset_id = $outside AND valid_to IS NULL ORDER BY kind, value)")" \
    "address=10.0.1.20 address=192.0.2.90 instance=eni-alb interface=eni-alb"
tap_is "with what was seen there" "$(sql "$DB" "SELECT asset_id = $outside FROM endpoint WHERE address = '192.0.2.90'")" 1
tap_is "no scan of the inventory goes outside" "$(sql "$DB" "SELECT count(*) FROM inventory_host WHERE addresses LIKE '%192.0.2%'")" 0
tap_is "the VPC is the realm, tags come along" \
    "$(sql "$DB" "SELECT r.name, t.key, t.value FROM asset_tag t JOIN asset a ON a.id = t.asset_id JOIN realm r ON r.id = a.realm_id WHERE t.asset_id = $seen AND t.valid_to IS NULL")" "vpc-1|Name|web
vpc-1|aws:sg:sg-web|"
tap_is "interfaces without an instance are hosts" "$(hosts)" "eni-alb i-app i-peer i-trap i-web"
first=$(now)

# verdicts WHERE: how many rows there are, and how many of them ended.
verdicts() {
    sql "$DB" "SELECT count(*), count(valid_to) FROM cloud_verdict WHERE $1"
}
# verdict INTERFACE PORT [WHEN]: of the world to TCP, now or then, with what decided.
verdict() {
    local when=${3:-(SELECT max(read_at) FROM cloud_source)}
    sql "$DB" "SELECT verdict, record FROM cloud_verdict WHERE interface = '$1' AND address NOT LIKE '%:%' AND way = '' AND protocol = 6 AND $2 BETWEEN first_port AND last_port AND valid_from <= $when AND (valid_to IS NULL OR valid_to > $when)"
}
tap_is "what the world reaches is stored" "$(verdict eni-web 443) $(verdict eni-web 444) $(verdict eni-trap 443) $(verdict eni-app 8080)" \
    "REACHABLE|sg-web BLOCKED|sg-web BLOCKED_RETURN|acl-trap BLOCKED|eni-app"
tap_is "by way of a balancer, too" "$(sql "$DB" "SELECT interface, first_port, last_port, verdict FROM cloud_verdict WHERE way LIKE '%/app/front/%:443'")" \
    "eni-app|8080|8080|REACHABLE"
tap_is "each port once, as spans" "$(sql "$DB" "SELECT DISTINCT sum(last_port - first_port + 1), max(last_port) FROM cloud_verdict WHERE way = '' AND protocol IN (6, 17) GROUP BY interface, address, protocol")" \
    "65536|65535"
tap_is "whose they are is known" "$(sql "$DB" "SELECT count(*) FROM cloud_verdict v WHERE interface LIKE 'eni-%' AND NOT EXISTS (SELECT 1 FROM asset_identity i WHERE i.asset_id = v.asset_id AND i.kind = 'interface' AND i.value = v.interface)")" 0
written=$(verdicts 1)

# ---- again ----
take cloud
tap_is "the same once more changes no row" "$status $(sql "$DB" "SELECT count(*), count(valid_to) FROM cloud_record")" "0 37|0"
tap_is "and no verdict" "$(verdicts 1)" "$written"

# ---- a change, and what was before ----
edit security-groups.json '.SecurityGroups |= map(if .GroupId == "sg-web" then .IpPermissions |= map(select(.FromPort != 443)) else . end)'
take cloud
tap_like "one record changed" "$said" '0 new, 1 changed, 0 gone'
tap_is "of its members alone are verdicts others" \
    "$(sql "$DB" "SELECT interface, count(*), count(valid_to) FROM cloud_verdict WHERE interface IN (SELECT interface FROM cloud_verdict WHERE valid_to IS NOT NULL) GROUP BY interface")" \
    "eni-trap|10|3
eni-web|12|3"
tap_is "ports that are next to each other are one span" "$(verdict eni-web 443) $(verdict eni-trap 443)" "BLOCKED|sg-web BLOCKED|sg-web"
tap_is "what held before is still known" "$(verdict eni-web 443 "(SELECT min(valid_from) FROM cloud_verdict)")" "REACHABLE|sg-web"
tap_is "443 is closed" "$("$BIN/leastport" reach --to 192.0.2.80:443 --json --db "$DB" | jq -r .verdict)" BLOCKED
tap_is "and was open before" "$("$BIN/leastport" reach --to 192.0.2.80:443 --json --db "$DB" --at "$first" | jq -r .verdict)" REACHABLE
tap_is "the whole surface as it was" "$(surface --db "$DB" --at "$first")" "$(surface --aws "$folder")"
surface --db "$DB" --at "$before" >out
tap_like "nothing is known of the time before" "$(<err)" 'nothing is stored of the cloud "aws" as it was at'
"$BIN/leastport" reach --all --db "$DB" --at yesterday 2>err
tap_is "a moment that is none" "$?" 2
tap_is "intervals meet" "$(sql "$DB" "SELECT count(*) FROM cloud_record a JOIN cloud_record b ON b.key = a.key AND b.list = a.list AND b.id > a.id WHERE a.valid_to <> b.valid_from")" 0
cp "$folder/security-groups.json" cloud/
take cloud

# ---- public addresses that move ----
edit network-interfaces.json '.NetworkInterfaces |= map(if .NetworkInterfaceId == "eni-web" then del(.PrivateIpAddresses[].Association) else . end)'
printf '{"Addresses": [{"AllocationId": "eipalloc-1", "PublicIp": "192.0.2.80", "NetworkInterfaceId": "eni-app"}]}' >cloud/addresses.json
take cloud
tap_is "an Elastic IP is whose interface it is on" "$(who 192.0.2.80)" i-app
rm cloud/addresses.json
take cloud
tap_is "and nobody's when it is on none" "$(who 192.0.2.80)" ""
cp "$folder/network-interfaces.json" cloud/
take cloud
tap_is "it comes back" "$(who 192.0.2.80)$(sql "$DB" "SELECT count(DISTINCT id) FROM asset")" i-web5

# ---- gaps ----
edit network-interfaces.json '.NextToken = "more" | .NetworkInterfaces |= .[:1]'
take cloud
tap_like "a list that was cut short is said" "$said" '4 no longer read.*hosts and their tags stay.*1 kinds of records were not read'
tap_is "and retires nobody" "$(hosts) $(sql "$DB" "SELECT count(*) FROM finding WHERE sight = 'RETIRED'")" "eni-alb i-app i-peer i-trap i-web 0"
surface --db "$DB" >out
tap_is "nor ends a verdict of what was not read" "$(verdict eni-web 443) $(verdict eni-app 8080)" "REACHABLE|sg-web UNKNOWN|"
tap_like "what it hides is said to be missing" "$(<err)" 'describe-network-interfaces. is missing or cut short'
cp "$folder/network-interfaces.json" cloud/
: >cloud/network-acls.json
take cloud
tap_is "a call that was denied" "$status $("$BIN/leastport" reach --to 192.0.2.80:443 --json --db "$DB" 2>/dev/null | jq -r .verdict)" "0 UNKNOWN"
tap_like "is stored so" "$(verdict eni-web 443)" '^UNKNOWN'
tap_is "is a gap, not an end" "$(sql "$DB" "SELECT DISTINCT end_reason FROM cloud_record WHERE list = 'NetworkAcls'")" unread
cp "$folder/network-acls.json" cloud/
take cloud
tap_is "and is over when it is read again" "$(surface --db "$DB")" "$(surface --aws "$folder")"
tap_is "also for what is stored" "$(verdict eni-web 443) $(verdict eni-trap 443)" "REACHABLE|sg-web BLOCKED_RETURN|acl-trap"

# ---- hosts that go ----
edit network-interfaces.json '.NetworkInterfaces |= map(select(.NetworkInterfaceId == "eni-web"))'
take cloud
tap_like "most of a VPC at once is kept" "$said" 'it lacks 4 hosts that it had'
tap_is "until somebody confirms it" "$(hosts)" "eni-alb i-app i-peer i-trap i-web"
take cloud --confirm
tap_is "then they are gone" "$(hosts)" i-web
tap_is "and so are their verdicts" "$(sql "$DB" "SELECT DISTINCT interface FROM cloud_verdict WHERE valid_to IS NULL AND interface LIKE 'eni-%'")" eni-web
tap_is "with their interfaces" "$(sql "$DB" "SELECT group_concat(value) FROM asset_identity WHERE kind = 'interface' AND valid_to IS NULL")" eni-web
edit network-interfaces.json '.NetworkInterfaces = []'
take cloud --confirm
tap_is "a VPC without hosts" "$status $(hosts)" "0 "
cp "$folder/network-interfaces.json" cloud/
take cloud
tap_is "they come back as who they were" "$(hosts) $(sql "$DB" "SELECT asset_id FROM asset_identity WHERE value = 'eni-web' AND valid_to IS NULL")" \
    "eni-alb i-app i-peer i-trap i-web $seen"

# ---- a second account ----
take cloud --inventory other
tap_is "a second account" "$status" 0
surface --db "$DB" >out
tap_like "then one has to be named" "$(<err)" 'holds no cloud, or several.*--inventory'
tap_is "and is asked by its name" "$(surface --db "$DB" --inventory other)" "$(surface --aws "$folder")"

# ---- refused ----
rows=$(sql "$DB" "SELECT count(*) FROM cloud_record")
edit vpcs.json '.Vpcs[0].CidrBlock = "10.0.0.0/33"'
take cloud
tap_like "a folder that holds nonsense is refused" "$status $said" '^2 .*vpcs\.json: Vpcs\[0\]\.CidrBlock: is no address.*Nothing was imported'
edit network-interfaces.json '.NetworkInterfaces |= map(.PrivateIpAddresses[0].PrivateIpAddress = "10.0.1.5")'
cp "$folder/vpcs.json" cloud/
take cloud
tap_like "one address of two hosts, too" "$status $said" '^2 .*vpc-1: the address 10\.0\.1\.5 stands there twice'
tap_is "and nothing of it is stored" "$(sql "$DB" "SELECT count(*) FROM cloud_record")" "$rows"
cp "$folder/network-interfaces.json" cloud/
for wrong in "" "cloud more" "cloud --inventory a/b"; do
    # shellcheck disable=SC2086 # words
    take $wrong
    tap_is "misuse: import aws $wrong" "$status" 2
done

# ---- beside a daemon ----
DB=$DIR/daemon.db
: >log
"$BIN/leastport" serve --db "$DB" --listen 127.0.0.1:0 2>log >/dev/null &
daemon=$!
# shellcheck disable=SC2154 # harness.sh sets harness_pids
harness_pids+=("$daemon")
wait_for 60 grep -q '"dashboard at' log || tap_fail "the daemon starts" "$(<log)"
edit instances.json '.Reservations[0].Instances[0].Tags[0].Value = "wéb ☃"'
take cloud
tap_like "a running daemon takes it" "$status $said" '^0 .*37 records, 37 new.*5 hosts, 5 new'
tap_is "and it can be asked beside it" "$(surface --db "$DB")" "$(surface --aws cloud)"
tap_is "tags of all the world" "$(sql "$DB" "SELECT value FROM asset_tag WHERE value LIKE 'w%'")" "wéb ☃"

# ask LINE...: answers of the control socket, by one connection.
ask() {
    printf '%s\n' "$@" | node -e '
        const lines = require("fs").readFileSync(0, "utf8").trim().split("\n");
        const socket = require("net").connect(process.argv[1]);
        let answers = "", sent = 0;
        socket.on("connect", () => socket.write(lines[sent++] + "\n"));
        socket.on("data", (data) => {
            answers += data;
            if (answers.split("\n").length > sent) sent < lines.length ? socket.write(lines[sent++] + "\n") : socket.end();
        });
        socket.on("close", () => process.stdout.write(answers));' "$DB.sock"
}
cloud='{"op":"import","do":"cloud","inventory":"x"}'
store='{"op":"import","do":"store"}'
# text TEXT: a piece.
text() {
    jq -cn --arg text "$1" '{op: "import", do: "lines", text: $text}'
}
tap_like "a cloud without a name" "$(ask '{"op":"import","do":"cloud"}')" 'begins with \\"inventory\\"'
tap_like "no text" "$(ask "$cloud" "$store")" 'is no snapshot'
tap_like "no JSON" "$(ask "$cloud" "$(text '{"":')" "$store")" 'is no snapshot'
tap_like "no snapshot" "$(ask "$cloud" "$(text '{"":{"Vpcs":[]}}')" "$store")" 'is no snapshot'
tap_like "records that are none" "$(ask "$cloud" "$(text '{"":{"Vpcs":{"whole":true,"records":{"vpc-1":{"VpcId":7}}}}}')" "$store")" 'VpcId: must be a text'
tap_like "pieces are put together" "$(ask "$cloud" "$(text '{"":{"Vpcs":{"whole":tr')" "$(text 'ue,"records":{"vpc-1":{"VpcId":"vpc-1"}}}}}')" "$store")" '"records":1'
tap_is "the daemon goes on" "$(kill -0 "$daemon" && echo yes)" yes
kill -TERM "$daemon"
wait "$daemon"
tap_is "and ends well" "$?" 0

# ---- a folder that the daemon watches ----
DB=$DIR/watched.db
rm -rf cloud
cp -r "$folder" cloud
cat >config.yaml <<'YAML'
version: 1
inventories:
  - {name: account, aws: {folder: cloud}, tags: {env: prod}}
schedules:
  - {name: nightly, cron: "0 0 1 1 *", inventory: account, realm: vpc-1}
YAML
: >log
"$BIN/leastport" serve --config config.yaml --db "$DB" --listen 127.0.0.1:0 2>log >/dev/null &
daemon=$!
harness_pids+=("$daemon")
wait_for 60 grep -q '"dashboard at' log || tap_fail "the daemon starts" "$(<log)"
tap_is "it is read at start" "$(hosts)" "eni-alb i-app i-peer i-trap i-web"
tap_is "with the inventory's tags" "$(sql "$DB" "SELECT count(*) FROM asset_tag WHERE key = 'env' AND value = 'prod'")" 5
listed() {
    "$BIN/leastport" inventory --db "$DB" 2>&1 | grep -qE -- "$1"
}
tap_ok "the list has a line for the VPC" listed 'account/vpc-1 +vpc-1 +5 '
printf '{' >cloud/vpcs.json
tap_ok "a file that is cut off is an error that the list shows" wait_for 40 listed 'account .*cannot be read'
tap_is "what it said last stays" "$(surface --db "$DB")" "$(surface --aws "$folder")"
edit security-groups.json '.SecurityGroups |= map(if .GroupId == "sg-web" then .IpPermissions = [] else . end)'
cp "$folder/vpcs.json" cloud/
changed() {
    [[ $(sql "$DB" "SELECT count(*) FROM cloud_record WHERE end_reason = 'changed'") == 1 ]]
}
tap_ok "a change is noticed" wait_for 40 changed
tap_is "and told" "$(surface --db "$DB")" "$(surface --aws cloud)"
well() {
    ! listed 'cannot be read'
}
tap_ok "and the error is over" wait_for 40 well
edit network-interfaces.json '.NetworkInterfaces |= .[:1]'
tap_ok "a loss waits" wait_for 40 grep -q 'it lacks 4 hosts' log
"$BIN/leastport" inventory confirm account --db "$DB" 2>err || tap_fail "confirm" "$(<err)"
tap_is "until somebody confirms it" "$(hosts)" i-web
kill -TERM "$daemon"
wait "$daemon"
tap_is "the daemon ends well again" "$?" 0
tap_done
