#!/usr/bin/env bash
# `leastport reach` on a folder of what the AWS CLI prints: each verdict with its proof, what a change would open, what is
# missing, and hostile files. Prints TAP.
set -uo pipefail
cd -- "$(dirname -- "$0")/../.." || exit 1
. tests/tap.sh
bin=$(readlink -f -- "${LEASTPORT_BIN:-build/asan/bin}")
folder=tests/integration/reach
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# ask ARGUMENT...: lines of JSON, the status, and what was said.
ask() {
    status=0
    "$bin/leastport" reach --json "$@" >"$work/out" 2>"$work/err" || status=$?
}

# verdict NAME WANTED ARGUMENT...: of the one line that is directly there.
verdict() {
    local name=$1 wanted=$2
    shift 2
    ask --aws "$folder" "$@"
    tap_is "$name" "$(jq -r 'select(.balancer == null) | .verdict' "$work/out" | LC_ALL=C sort -u | tr '\n' ' ')" "$wanted "
}

# proof STAGE: the text of its step in the last answer.
proof() {
    jq -r --arg stage "$1" 'select(.balancer == null) | .proof[] | select(.stage == $stage) | "\(.id) \(.text)"' "$work/out"
}

verdict "an instance by its name, from the world" REACHABLE --to 192.0.2.80:443
tap_like "the proof has the gateway" "$(proof gateway)" "igw-1 .*192\.0\.2\.80"
tap_like "the proof has the rule by its id" "$(proof group)" "sg-web .*sgr-web443 allows tcp 443 from 0\.0\.0\.0/0"
tap_like "the proof has the ACL's entry, both ways" "$(proof acl | tr '\n' ' ')" "acl-open in: rule 100 allows .* acl-open out: rule 100"
verdict "an office may, the world may not" CONDITIONAL --to 192.0.2.80:22
verdict "an address of the office" REACHABLE --to 192.0.2.80:22 --from 203.0.113.9
verdict "an address of another's" BLOCKED --to 192.0.2.80:22 --from 198.51.100.7
verdict "a prefix list that was read" REACHABLE --to 192.0.2.80:9000 --from 198.51.100.0/25
verdict "IPv6 by an egress-only gateway" BLOCKED --to '[2600:1:2:301::5]:443'
verdict "the network ACL trap" BLOCKED_RETURN --to trap:443
tap_like "the proof has what denies the answer" "$(proof acl | tail -n 1)" 'acl-trap out: rule 32767 denies'
verdict "a target behind its balancer, directly" BLOCKED --to app:8080
tap_is "and by way of the balancer" "$(jq -r 'select(.balancer != null) | "\(.verdict) \(.balancer.name) \(.balancer.port)"' "$work/out")" "REACHABLE front 443"
verdict "from the balancer" REACHABLE --to app:8080 --from front
verdict "a database from the world" BLOCKED --to orders:5432
verdict "a database from its application" REACHABLE --to orders:5432 --from app
verdict "a database from a peer's prefix" REACHABLE --to orders:5432 --from 10.9.1.0/24
verdict "a cache is never public" BLOCKED --to sessions:6379
verdict "a cache from another instance" REACHABLE --to sessions:6379 --from web

ask --aws "$folder" --all
tap_is "the whole surface" "$(jq -r '"\(.verdict) \(.interface) \(.proto) \(.ports)"' "$work/out" | LC_ALL=C sort)" \
    'BLOCKED_RETURN eni-trap tcp 22
BLOCKED_RETURN eni-trap tcp 443
BLOCKED_RETURN eni-trap tcp 9000
CONDITIONAL eni-web tcp 22
CONDITIONAL eni-web tcp 9000
REACHABLE eni-alb tcp 443
REACHABLE eni-app tcp 8080
REACHABLE eni-trap icmp 3/4
REACHABLE eni-web icmp 3/4
REACHABLE eni-web tcp 443'
tap_is "nothing is missing" "$(cat "$work/err")" ""
tap_like "the same as a table" "$("$bin/leastport" reach --aws "$folder" --all)" 'REACHABLE +tcp +443 +192\.0\.2\.80'

# What a change would open and close.
jq '.SecurityGroups |= (map(select(.GroupId == "sg-web")) | .[0].IpPermissions |= map(if .FromPort == 22 then .ToPort = 23 else . end | select(.FromPort != 9000)))' \
    "$folder/security-groups.json" >"$work/change.json"
ask --aws "$folder" --all --what-if "$work/change.json"
tap_is "what-if: what opens and what closes" "$(jq -r '"\(.type) \(.interface) \(.proto) \(.ports) \(.sources | join(","))"' "$work/out")" \
    'opens eni-web tcp 23 203.0.113.0/24
closes eni-web tcp 9000 198.51.100.0/25'
ask --aws "$folder" --all --what-if "$folder/security-groups.json"
tap_is "what-if of the same changes nothing" "$status$(cat "$work/out")" 0
ask --aws "$folder" --all --what-if "$folder/network-interfaces.json"
tap_is "what-if of interfaces that are the same is no change either" "$status$(cat "$work/out")" 0
jq '.NetworkInterfaces |= .[1:]' "$folder/network-interfaces.json" >"$work/change.json"
ask --aws "$folder" --all --what-if "$work/change.json"
tap_is "what-if of other records is refused" "$status" 2

# What was not read.
without() {
    rm -rf "$work/copy"
    cp -r "$folder" "$work/copy"
    rm "$work/copy/$1"
    ask --aws "$work/copy" --to 192.0.2.80:443
}
for file in network-acls security-groups route-tables internet-gateways block-public-access subnets; do
    without "$file.json"
    tap_is "without $file: UNKNOWN" "$(jq -r .verdict "$work/out")" UNKNOWN
done
tap_like "what is missing is said with its command" "$(cat "$work/err")" 'aws ec2 describe-subnets. is missing'
: >"$work/copy/subnets.json"
ask --aws "$work/copy" --to 192.0.2.80:443
tap_like "an empty file is a denied call" "$(cat "$work/err")" 'subnets\.json is empty, as a denied call leaves it'
jq '.NextToken = "more"' "$folder/network-acls.json" >"$work/copy/network-acls.json"
cp "$folder/subnets.json" "$work/copy/"
ask --aws "$work/copy" --to 192.0.2.80:443
tap_like "a list that was cut short is said" "$(cat "$work/err")" 'describe-network-acls. is missing or cut short'

without target-health.app.json
tap_like "targets that were not read are said" "$(cat "$work/err")" 'the targets of .*targetgroup/app/0123 were not read'
without listeners.json
tap_like "so are listeners" "$(cat "$work/err")" 'no listener of the balancer .*front.* was read'

# Hostile files.
# refused NAME FILE CONTENT PATTERN
refused() {
    cp -r "$folder/." "$work/copy/"
    printf '%s' "$3" >"$work/copy/$2"
    ask --aws "$work/copy" --all
    tap_is "$1: refused" "$status" 2
    tap_like "$1: says what and where" "$(cat "$work/err")" "$4"
    cp "$folder/$2" "$work/copy/$2"
}
refused "no JSON" vpcs.json '{"Vpcs": [' 'vpcs\.json:1: '
refused "a list that is none" vpcs.json '{"Vpcs": 1}' 'vpcs\.json: Vpcs: must be a list'
refused "a prefix that is none" vpcs.json '{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/33"}]}' 'vpcs\.json: Vpcs\[0\]\.CidrBlock: is no address'
refused "a port that is none" security-groups.json \
    '{"SecurityGroups": [{"GroupId": "sg-web", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 70000, "ToPort": 1}]}]}' \
    'SecurityGroups\[0\]\.IpPermissions\[0\]\.FromPort: must be a whole number'
refused "a protocol that is none" network-acls.json \
    '{"NetworkAcls": [{"NetworkAclId": "acl-open", "Entries": [{"Protocol": "tcpp", "RuleAction": "allow"}]}]}' \
    'NetworkAcls\[0\]\.Entries\[0\]\.Protocol: is no protocol'
rm "$work/copy/vpcs.json"
mkfifo "$work/copy/vpcs.json"
ask --aws "$work/copy" --all
tap_like "a pipe that nobody writes to is no file" "$status $(cat "$work/err")" '^2 .*vpcs\.json is no plain file'
rm "$work/copy/vpcs.json"
ask --aws "$work/none" --all
tap_is "a folder that is not there" "$status" 2
ask --aws "$folder" --to nobody:22
tap_is "an asset that is not there" "$status" 2
ask --aws "$folder" --to web:22x
tap_is "a port that is none" "$status" 2
ask --aws "$folder"
tap_is "neither --to nor --all" "$status" 2
tap_ok "its help fits a screen" test "$("$bin/leastport" reach --help | wc -l)" -le 24
tap_done
