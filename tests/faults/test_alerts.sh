#!/usr/bin/env bash
# Delivery that dies between any two of its steps, at each write of the database and each call of a socket: the alert
# arrives at least once, and whenever it is repeated it is the same, with the same id. With --long all points, else every
# other one; LEASTPORT_TEST_SEED chooses which.
set -uo pipefail
LEASTPORT_BIN=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/../../build/dev/bin
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/../integration/harness.sh"
enter "faults of alerts in a namespace" "$0" "$@"
FAULT_LIBRARY=$(readlink -f -- "$BIN/../faults/fault.so")
if [[ ! -r $FAULT_LIBRARY ]]; then
    tap_fail "the preset dev is built" "there is no build/dev/faults/fault.so"
    tap_done
    exit 1
fi
begin
MASTER=$DIR/master
mkdir "$MASTER" "$DIR/turn"
DB=$DIR/turn/audit.db

node -e '
    require("http").createServer((request, response) => {
        let body = "";
        request.on("error", () => {}).on("data", (part) => (body += part)).on("end", () => {
            console.log(request.headers["leastport-alert-id"], body);
            response.writeHead(204).end();
        });
    }).listen(8401, "127.0.0.1", () => console.log("ready"));' >>"$DIR/arrived" &
harness_pids+=("$!")
wait_for 20 grep -q ready "$DIR/arrived"
cat >"$DIR/config.yaml" <<END
version: 1
targets: [$THERE]
ports: 6379
services: false
alerts:
  receivers: [{name: ops, kind: webhook, url: "http://127.0.0.1:8401/"}]
  rules: [{name: all, severity: low, to: ops}]
  retry: {first: 1h, longest: 1h, for: 1d}
END
serve_ports there 0.0.0.0 6379
"$BIN/leastport" audit --config "$DIR/config.yaml" --db "$MASTER/audit.db" >/dev/null 2>"$DIR/err"
id=$(sql "$MASTER/audit.db" "SELECT uuid FROM alert WHERE state = 'waiting'")
tap_like "an audit left an alert" "$id" '^[0-9a-f-]{36}$'

# deliver COMMAND...: what waits, by a program that COMMAND starts.
deliver() {
    "$@" "$BIN/leastport" alert retry "$id" --config "$DIR/config.yaml" --db "$DB" >/dev/null 2>"$DIR/err"
}

# with_fault KIND N COMMAND...
with_fault() {
    local kind=$1 at=$2
    shift 2
    rm -f -- "$DIR/acted"
    LEASTPORT_FAULT_KIND=$kind LEASTPORT_FAULT_AT=$at LEASTPORT_FAULT_PATH='*' LEASTPORT_FAULT_LOG=$DIR/acted \
        LD_PRELOAD=$FAULT_LIBRARY "$@"
}

fresh() {
    rm -f -- "$DB"*
    cp -- "$MASTER"/* "$DIR/turn/"
    : >"$DIR/arrived"
}

fresh
deliver with_fault count 0
tap_is "without a fault it arrives once" "$(grep -c "^$id " "$DIR/arrived")" 1
points=$(wc -l <"$DIR/acted")
tap_is "database and socket are among the points" \
    "$(sed -E 's/^[0-9]+ //; s| /.*/| |; s/\[.*//' "$DIR/acted" | grep -c -E '^(pwrite64 audit.db-wal|fdatasync audit.db-wal|send socket:|recv socket:)$' | sed 's/^[1-9].*/yes/')" yes
whole=$(<"$DIR/arrived")

step=2
if [[ ${LEASTPORT_TEST_LONG:-0} == 1 ]]; then
    step=1
fi
first=$((1 + ${LEASTPORT_TEST_SEED:-0} % step))
for kind in before after; do
    twice=0
    : >"$DIR/wrong"
    for ((at = first; at <= points; at += step)); do
        fresh
        deliver with_fault "$kind" "$at"
        died=$?
        before=$(grep -c "^$id " "$DIR/arrived")
        state=$(sqlite3 "$DB" "SELECT state FROM alert WHERE uuid = '$id'")
        [[ $state == delivered ]] || deliver env
        state=$(sqlite3 "$DB" "SELECT state FROM alert WHERE uuid = '$id'")
        [[ $state == delivered ]] || echo "at $at ($(cat "$DIR/acted")): $state after $died: $(<"$DIR/err")" >>"$DIR/wrong"
        [[ $(sort -u "$DIR/arrived") == "$whole" ]] || echo "at $at: arrived: $(<"$DIR/arrived")" >>"$DIR/wrong"
        (($(grep -c "^$id " "$DIR/arrived") == 1 || before == 0)) || twice=$((twice + 1))
    done
    tap_is "$kind each of $points calls, by steps of $step" "$(<"$DIR/wrong")" ''
    tap_ok "some of them had it sent again, the same" test "$twice" -gt 0
done
tap_done
