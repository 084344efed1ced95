#!/usr/bin/env bash
# A cloud that changes at random, read again and again: what is found of it is what a fresh database finds of the same rules,
# however it came about; and lists that are not read begin and end nothing. Prints TAP.
set -uo pipefail
ROOT=$(dirname "$(readlink -f -- "$0")")/../..
BIN=$(readlink -f -- "${LEASTPORT_BIN:-$ROOT/build/dev/bin}")
# shellcheck source=tests/tap.sh
. "$ROOT/tests/tap.sh"
change=$(readlink -f -- "$ROOT/tests/random/change_cloud.py")
DIR=$(mktemp -d)
trap 'rm -rf -- "$DIR"' EXIT
cp -r "$ROOT/tests/integration/reach" "$DIR/cloud"
cd "$DIR" || exit
seed=${LEASTPORT_TEST_SEED:-1}
rounds=$((${LEASTPORT_TEST_REPEATS:-2} * 5))
tap_diag "LEASTPORT_TEST_SEED=$seed"

# A database whose interface was read, for what its group lets in.
jq '.NetworkInterfaces += [{NetworkInterfaceId: "eni-orders", SubnetId: "subnet-db", VpcId: "vpc-1", Status: "in-use", Description: "RDSNetworkInterface",
    Groups: [{GroupId: "sg-db"}], PrivateIpAddresses: [{PrivateIpAddress: "10.0.9.9", Primary: true}]}]' cloud/network-interfaces.json >with
mv with cloud/network-interfaces.json
printf '{"InstanceInformationList": []}' >cloud/instance-information.json

take() {
    "$BIN/leastport" import aws "$1" --inventory cloud --db "$2" --policy policy.yaml 2>said
}

# draw_policy: allows a port, or none that anybody has.
RANDOM=$((seed % 32768))
draw_policy() {
    local -a ports=(22 80 443 5432 8080 9000 65000 65000)
    printf 'version: 1\nallow:\n  - {id: drawn, to: any, ports: %s, from: any, why: drawn}\n' "${ports[RANDOM % 8]}" >policy.yaml
}

# found DB [COLUMN]: what stands, a line each.
found() {
    sqlite3 "$1" "SELECT (SELECT group_concat(value) FROM (SELECT value FROM asset_identity i WHERE i.asset_id = f.asset_id AND valid_to IS NULL
        AND kind IN ('interface', 'name') ORDER BY value)), proto, port, kind, severity, penalty, title${2:+, $2} FROM finding f
        WHERE presence IN ('NEW', 'OPEN', 'REAPPEARED') AND sight <> 'RETIRED' ORDER BY 1, 2, 3, 4"
}

fail() {
    tap_fail "$1" "round $2 of LEASTPORT_TEST_SEED=$seed"$'\n'"$3"
    tap_done
    exit
}

draw_policy
take cloud kept.db
begun=0
compared=0
for ((round = 0; round < rounds; round++)); do
    python3 "$change" cloud "$seed" "$round" change
    draw_policy
    take cloud kept.db || fail "a changed cloud is read" "$round" "$(<said)"
    rm -f fresh.db*
    take cloud fresh.db || fail "a fresh database reads it" "$round" "$(<said)"
    found kept.db why >kept
    found fresh.db why >fresh
    difference=$(diff kept fresh) || fail "what is found is what the rules say, however they came about" "$round" "$difference"
    compared=$((compared + $(wc -l <fresh)))
    rm -rf part
    cp -r cloud part
    python3 "$change" part "$seed" "$round" unread >gone
    events=$(sqlite3 kept.db 'SELECT count(*) FROM finding_event')
    found kept.db >kept
    take part kept.db || fail "a part of a cloud is read" "$round" "$(<gone)"$'\n'"$(<said)"
    found kept.db >after
    difference=$(diff kept after) || fail "lists that are not read begin and end nothing" "$round" "$(<gone)"$'\n'"$difference"
    ((events == $(sqlite3 kept.db 'SELECT count(*) FROM finding_event'))) || fail "nor is anything logged" "$round" "$(<gone)"
    take cloud kept.db || fail "all of it is read again" "$round" "$(<said)"
    found kept.db why >after
    difference=$(diff fresh after) || fail "what was not read once is as it was" "$round" "$(<gone)"$'\n'"$difference"
    begun=$((begun + 1))
done
tap_is "$begun changes, $compared findings: what is found is what the rules say, and gaps say nothing" "$begun" "$rounds"
tap_ok "there was something to find" test "$compared" -gt "$rounds"
tap_ok "the database is sound" "$BIN/leastport" check --db kept.db
tap_done
