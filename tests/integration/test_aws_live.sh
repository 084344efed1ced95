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

within=()
# start_daemon VARIABLE=VALUE...: by the command `within`, if any.
start_daemon() {
    start_daemon_with config.yaml "$@"
}

# start_daemon_with FILE VARIABLE=VALUE...
start_daemon_with() {
    local file=$1
    shift
    # As much core as may be: it is the reader that has to refuse.
    ulimit -c unlimited
    "${within[@]}" env -i PATH="$PATH" HOME="$DIR" TMPDIR="$DIR" AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY="$secret" AWS_MAX_ATTEMPTS=2 \
        AWS_EC2_METADATA_DISABLED=true ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}disable_coredump=0" "$@" \
        "$BIN/leastport" serve --config "$file" --db "$DB" --listen 127.0.0.1:0 2>>log >/dev/null &
    daemon=$!
    harness_pids+=("$daemon")
    wait_for 20 grep -q '"dashboard at' log || tap_fail "the daemon starts" "$(<log)"
}

# stop_daemon: by SIGTERM; its exit status.
stop_daemon() {
    kill "$daemon"
    wait "$daemon"
    status=$?
    forget_log
}

# forget_log: what comes is a new daemon's; what was said is kept for the end.
forget_log() {
    cat log >>said.all
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

# reader PID: that daemon's youngest.
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
tap_like "what was not read cannot be confirmed" "$(inventory confirm cloud)" 'nothing says who is gone'
fault "a role that is refused" role '^1 gap: account arn:aws:iam::222222222222:role/second, region all: the account was not read .*AccessDenied'
now hang
inventory read cloud >said
wait_for 20 reader "$daemon"
tap_like "a second reading beside it is refused" "$(inventory read cloud)" 'being read already'
tap_like "and so is a confirmation" "$(inventory confirm cloud)" 'is being read'
read_before=$(reads)
tap_is "no core of a reader is permitted" "$(awk '/Max core file size/ {print $5, $6}' "/proc/$reader/limits")" "0 0"
tap_is "the daemon's own limit is as it was" "$(awk '/Max core file size/ {print $5}' "/proc/$daemon/limits")" "$(ulimit -c)"
tap_is "its environment has no secret any more" "$(tr '\0' '\n' <"/proc/$reader/environ" | grep -c "$secret")" 0
if node "$HERE/aws/memory.mjs" "$reader" "AKIATEST|$secret|secret-of-(outer|second)" >memory 2>memory.err; then
    tap_like "root's debugger finds its way through its memory, to the key's name" "$(sort -u memory)" '^AKIATEST'
    tap_is "and to no secret" "$(grep secret memory | sort | uniq -c)" ""
    node "$HERE/aws/memory.mjs" "$daemon" "$secret" >memory
    tap_is "the daemon's memory has none either" "$(grep secret memory | sort | uniq -c)" ""
else
    tap_skip "a debugger's copy of its memory" "nobody may look: $(tail -n 1 memory.err)"
fi

# ---- a reader that dies ----
# A process like any other leaves a core here, or the next tests say nothing.
mkdir control
(cd control && ulimit -c unlimited && exec sleep 60) &
control=$!
is_asleep() { [[ $(<"/proc/$control/comm") == sleep ]]; }
wait_for 10 is_asleep
kill -ABRT "$control"
wait "$control" 2>/dev/null
dumps=$(find control -name 'core*')
rm -rf control
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
if [[ -n $dumps ]]; then
    tap_is "no core was left, where others leave one" "$(find . -name 'core*')" ""
else
    tap_skip "no core was left" "no process leaves a core in its folder here"
fi

# ---- a daemon that ends while it reads ----
inventory read cloud >said
wait_for 20 reader "$daemon"
stop_daemon
tap_is "it ends at once, and in order" "$status" 0
is_gone() { ! kill -0 "$reader"; }
tap_ok "its readers end with it" wait_for 10 is_gone
tap_is "and nothing half is taken" "$(hosts), gone: $(gone)" "$all, gone: 0 0 0"
start_daemon
wait_for 20 reader "$daemon"
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null
forget_log
tap_ok "readers of a daemon that is killed end, too" wait_for 10 is_gone

# ---- no room ----
now ""
mkdir -p "$place/cloud/1"
# shellcheck disable=SC2016 # the inner shell's
within=(unshare -m bash -c 'mount -t tmpfs -o size=4k,mode=700 tmpfs "$0" && exec "$@"' "$place/cloud/1")
read_before=$(reads)
start_daemon
wait_for 30 has_read
tap_like "a disk that is full is a gap" "$(error)" '^1 gap: account of the keys that were found, region all: .*cannot write .*No space left'
tap_is "with nothing half, and nobody retired" "$(hosts), gone: $(gone)" "$all, gone: 0 0 0"
stop_daemon
within=()
read_before=$(reads)
start_daemon AWS_CONTAINER_AUTHORIZATION_TOKEN="the container's token"
wait_for 30 has_read
tap_is "with room all is well" "$(error)" ""

# ---- who is gone ----
now none
inventory read cloud >said
has_lost() { [[ $(inventory list --json | jq -s 'map(.withheld) | add') == 5 ]]; }
tap_ok "who is gone stays until somebody confirms it" wait_for 30 has_lost
tap_like "a confirmation is of what was read last" "$(inventory confirm cloud)$(hosts)" 'is gone$'
stop_daemon

# ---- many accounts, and one that never ends ----
cat >many.yaml <<YAML
version: 1
services: false
inventories:
  - name: many
    aws:
      accounts: [{}, {roles: [{arn: "arn:aws:iam::123456789012:role/a"}]}, {roles: [{arn: "arn:aws:iam::123456789012:role/b"}]},
                 {roles: [{arn: "arn:aws:iam::123456789012:role/c"}]}, {roles: [{arn: "arn:aws:iam::123456789012:role/d"}]}]
      regions: [eu-west-1]
      every: 1d
      timeout: 60s
      endpoint: $base/live
  - {name: more, aws: {regions: [eu-west-1], every: 1d, timeout: 60s, endpoint: "$base/live"}}
YAML
now hang
start_daemon_with many.yaml
readers() { pgrep -c -P "$daemon" -f 'aws read'; }
are_four() { [[ $(readers) == 4 ]]; }
tap_ok "four accounts are read at a time, of all inventories" wait_for 20 are_four
is_next() { is_gone && are_four; }
for ((i = 0; i < 2; i++)); do
    reader "$daemon" && kill -KILL "$reader"
    tap_ok "one that ends makes room for the next" wait_for 20 is_next
done
tap_is "and for no more" "$(readers)" 4
stop_daemon
if [[ ${LEASTPORT_TEST_LONG:-0} == 1 ]]; then
    sed -i 's/timeout: 60s$/timeout: 1s/' many.yaml
    start_daemon_with many.yaml
    wait_for 20 are_four
    # They cannot even end by themselves.
    for pid in $(pgrep -P "$daemon" -f 'aws read'); do
        kill -STOP "$pid"
    done
    is_late() { "$BIN/leastport" inventory --json --db "$DB" | jq -r .error | grep -q 'did not end in its time'; }
    tap_ok "a reader that takes too long is killed" wait_for 60 is_late
    stop_daemon
fi

# ---- certificates ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout key.pem -out cert.pem 2>openssl.err || tap_fail "a certificate" "$(<openssl.err)"
TLS=$DIR node "$HERE/aws/server.mjs" "$DIR/asked.tls" >port.tls &
harness_pids+=($!)
wait_for 30 test -s port.tls || tap_fail "the endpoint with TLS starts" ""
cat >tls.yaml <<YAML
version: 1
services: false
inventories:
  - {name: trusted, aws: {regions: [eu-west-1], endpoint: "https://localhost:$(<port.tls)/live", ca_file: cert.pem}}
  - {name: strange, aws: {regions: [eu-west-1], endpoint: "https://localhost:$(<port.tls)/live"}}
YAML
start_daemon_with tls.yaml
are_read() { [[ $(sql "$DB" "SELECT count(*) FROM cloud_source WHERE name IN ('trusted', 'strange')") == 2 ]]; }
wait_for 30 are_read
tap_like "whose certificate nobody vouches for is not asked" "$(inventory list --json | jq -r 'select(.name == "strange").error')" \
    '^1 gap: account .*GetCallerIdentity: .*(SSL|certificate)'
tap_is "with its ca_file all is read" "$(inventory list --json | jq -r 'select(.name | startswith("trusted")) | "\(.name) \(.hosts) \(.error)"')" \
    "trusted/vpc-1 3 null"
stop_daemon

# ---- what was written ----
tap_is "no secret is in anything that was written" "$(grep -r -l -a -E 'secret[-/]of|token-of|container.s token' . | sort)" ""
tap_done
