#!/usr/bin/env bash
# AWS accounts that the daemon reads itself: two side by side, faults that are gaps and retire nobody, readers that are killed
# or have no room, and keys that nobody else gets to see. Prints TAP.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "live inventories on a loopback of their own" "$0" "$@"
begin
# shellcheck disable=SC2154 # harness.sh sets DIR
cd "$DIR" || exit
DB=$DIR/audit.db
place=$DB.aws

node "$HERE/aws/server.mjs" "$DIR/asked" >port &
harness_pids+=($!)
wait_for 30 test -s port || tap_fail "the endpoint starts" ""
base=http://127.0.0.1:$(<port)
secret=secret/of+the/environment

cat >config.yaml <<YAML
version: 1
services: false
inventories:
  - name: cloud
    tags: {env: prod}
    aws:
      accounts:
        - {}
        - {roles: [{arn: "arn:aws:iam::123456789012:role/outer", external_id: who+we are}, {arn: "arn:aws:iam::222222222222:role/second"}]}
      regions: [eu-west-1]
      every: 1d
      timeout: 60s
      endpoint: $base/live
YAML

# start_daemon VARIABLE=VALUE...
start_daemon() {
    env -i PATH="$PATH" HOME="$DIR" TMPDIR="$DIR" AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY="$secret" AWS_MAX_ATTEMPTS=2 \
        AWS_EC2_METADATA_DISABLED=true ${ASAN_OPTIONS+"ASAN_OPTIONS=$ASAN_OPTIONS"} "$@" \
        "$BIN/leastport" serve --config config.yaml --db "$DB" --listen 127.0.0.1:0 2>>log >/dev/null &
    daemon=$!
    harness_pids+=("$daemon")
    wait_for 20 grep -q '"dashboard at' log || tap_fail "the daemon starts" "$(<log)"
}

# stop_daemon: by SIGTERM; its exit status.
stop_daemon() {
    kill "$daemon"
    wait "$daemon"
    status=$?
    : >log
}

inventory() {
    "$BIN/leastport" inventory "$@" --db "$DB" 2>&1
}

# now FAULT[/second]: what the endpoint does from here on.
now() {
    curl -sS "$base/now/$1"
}

reads() {
    sql "$DB" "SELECT coalesce(max(read_at), 0) FROM cloud_source"
}

# What is read after the daemon has answered is stored: it does one thing after the other.
has_read() {
    [[ $(reads) != "$read_before" ]] && inventory list
}

# read_now: has it read, and waits until that is done.
read_now() {
    read_before=$(reads)
    inventory read cloud >said || tap_fail "it is read" "$(<said)"
    wait_for 60 has_read || tap_fail "the reading ends" "$(<log)"
}

# error: what the list says is wrong; "" when nothing is.
error() {
    inventory list --json | jq -r 'select(.name == "cloud").error'
}

hosts() {
    sql "$DB" "SELECT group_concat(key, ' ') FROM (SELECT key FROM inventory_host WHERE gone_at IS NULL ORDER BY key)"
}

# gone: what was taken for gone: hosts, records, assets.
gone() {
    sql "$DB" "SELECT (SELECT count(*) FROM inventory_host WHERE gone_at IS NOT NULL) || ' '
        || (SELECT count(*) FROM cloud_record WHERE end_reason = 'gone') || ' ' || (SELECT count(*) FROM asset WHERE retired_at IS NOT NULL)"
}

reader() {
    reader=$(pgrep -P "$1" -f 'aws read' | head -n 1)
    [[ -n $reader ]]
}

# ---- whole ----
start_daemon
all="i-1 i-2 i-3 i-4 i-5"
has_hosts() { [[ $(hosts) == "$all" ]]; }
wait_for 30 has_hosts
tap_is "two accounts are read at the start" "$(hosts)" "$all"
tap_is "nothing is wrong" "$(error)" ""
tap_is "their VPCs are realms" "$(inventory list --json | jq -r '"\(.name) \(.realm) \(.hosts)"' | sort)" $'cloud/vpc-1 vpc-1 3\ncloud/vpc-2 vpc-2 2'
tap_is "what was read is for the owner alone" "$(find "$place" -type d -printf '%m %P\n' -o -printf '%m file\n' | sort -u)" \
    $'600 file\n700 \n700 cloud\n700 cloud/1\n700 cloud/2'
tap_is "the roles were taken on in their order" "$(jq -r 'select(.action == "AssumeRole") | .who' asked | sed 's/[0-9]*$//')" $'AKIATEST\nASIAOUTER'
web=$(pgrep -P "$daemon" -f leastport-web)
tap_is "neither daemon nor dashboard has the keys in its environment" "$(cat "/proc/$daemon/environ" "/proc/$web/environ" | tr '\0' '\n' | grep AWS_)" ""

token=$("$BIN/leastport" token create --db "$DB" --name t --role viewer 2>/dev/null | tail -n 1)
url=$(grep -o 'dashboard at [^"]*' log | tail -n 1)
url=${url#dashboard at }
get() {
    curl -sS -H "Authorization: Bearer $token" "${url%/}$1"
}
metric() {
    get /metrics | sed -n "s/^leastport_inventories_failed //p"
}
tap_is "a whole inventory in the metrics" "$(metric)" 0

# ---- faults ----
# fault NAME FAULT WANTED: hides something, says so, retires nobody; and is over when it is over.
fault() {
    now "$2"
    read_now
    tap_like "$1: the gap has a name" "$(error)" "$3"
    tap_is "$1: everything stays" "$(hosts), gone: $(gone)" "$all, gone: 0 0 0"
}
fault "one call is denied" denied '^2 gaps: account 123456789012, region eu-west-1: ec2:DescribeNetworkAcls was not read .denied.*account 222222222222'
tap_is "the gap in the metrics" "$(metric)" 1
tap_like "the gap in the API" "$(get /api/v1/inventories | jq -r '.items[] | select(.name == "cloud").error')" 'DescribeNetworkAcls'
tap_like "the gap in the log" "$(<log)" 'inventory cloud: 2 gaps: .*UNKNOWN'
"$BIN/leastport" reach --to 10.0.1.1:22 --db "$DB" >out 2>err
tap_like "what it hides is UNKNOWN" "$(<out)$(<err)" UNKNOWN
now ""
read_now
tap_is "once all is read again nothing is wrong" "$(error)$(metric)" 0
fault "status 500, always" broken 'ec2:DescribeSubnets was not read .*status 500'
fault "half an answer" cut 'ec2:DescribeSubnets was not read .*not what the service prints'
fault "keys that expired" dead 'ec2:DescribeSubnets was not read .the keys expired'
fault "a region that is off" off 'the region is off'
fault "hosts that may not be read" fewer 'ec2:DescribeInstances was not read .denied'
fault "hosts of one account that may not be read" fewer/second '^2 gaps: account 222222222222'
fault "a role that is refused" role '^1 gap: account arn:aws:iam::222222222222:role/second, region all: the account was not read .*AccessDenied'
now hang
inventory read cloud >said
wait_for 20 reader "$daemon"
tap_like "a second reading beside it is refused" "$(inventory read cloud)" 'being read already'
tap_like "and so is a confirmation" "$(inventory confirm cloud)" 'is being read'
read_before=$(reads)
tap_is "no core of a reader is permitted" "$(awk '/Max core file size/ {print $5, $6}' "/proc/$reader/limits")" "0 0"

# ---- a reader that dies ----
ulimit -c >limit
kill -ABRT "$reader"
again() {
    reader "$daemon" && [[ $reader != "$aborted" ]]
}
aborted=$reader
wait_for 20 again
kill -KILL "$reader"
wait_for 20 has_read
tap_like "readers that are killed are gaps" "$(error)" '^2 gaps: .*signal (6|9) .*signal (6|9) '
tap_is "and nothing of them is taken" "$(hosts), gone: $(gone)" "$all, gone: 0 0 0"
tap_is "no core was left" "$(find . -name 'core*')" ""
