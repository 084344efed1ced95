#!/usr/bin/env bash
# Audits of ranges that share nothing run side by side, as many as are allowed; those that share an address never do.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "audits side by side, in a namespace" "$0" "$@"
begin
DB=$DIR/audit.db
daemon=
printf 'version: 1\ntargets: [%s]\nservices: false\nprobe: connect\nverify: false\nrate: 400\nhost_rate: 0\n' "$THERE" >"$DIR/config.yaml"

start_daemon() {
    "$BIN/leastport" serve --config "$DIR/config.yaml" --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
    daemon=$!
    harness_pids+=("$daemon")
    wait_for 20 grep -q '"dashboard at' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"
}

# hand_over TARGET PORTS OPTION...: in the background.
hand_over() {
    local before
    before=$(jobs_of . | wc -l)
    "$BIN/leastport" audit "$1" --db "$DB" -p "$2" "${@:3}" >/dev/null 2>>"$DIR/err" &
    arrived() {
        (($(jobs_of . | wc -l) > before))
    }
    wait_for 20 arrived || tap_fail "the audit of $1 arrives" "$(<"$DIR/err")"
}

# jobs_of STATE: "STATE TARGET", a line for each audit of the daemon's list.
jobs_of() {
    python3 -c 'import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"{\"op\":\"status\"}\n")
for job in json.loads(s.makefile().readline())["jobs"]:
    print(job["state"], job["targets"][0])' "$DB.sock" | grep "$1"
}

jobs_are() {
    [[ $(jobs_of .) == "$1" ]]
}

# scans STATE: how many that were asked for are in it.
scans() {
    sql "$DB" "SELECT count(*) FROM scan WHERE request <> '' AND state = '$1'"
}

scans_are() {
    [[ $(scans "$1") == "$2" ]]
}

serve_ports there 0.0.0.0 22 3379
serve_ports here 0.0.0.0 5432
start_daemon
hand_over 10.99.0.2 1-4800
# Sooner through than the other: then there is room, and the range is not free.
hand_over 10.99.0.1 1-2400
hand_over 10.99.0.0/30 5432
hand_over 10.99.0.2 3379 --realm west
tap_ok "two run, one waits for its range and one for room" wait_for 20 jobs_are \
    $'running 10.99.0.2\nrunning 10.99.0.1\nqueued 10.99.0.0/30\nqueued 10.99.0.2'
tap_ok "both are scanned at the same time" wait_for 20 scans_are running 2
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null
tap_is "killed, both are cut off" "$(scans running)" 2
begun=$(sql "$DB" "SELECT group_concat(uuid) FROM (SELECT uuid FROM scan ORDER BY uuid)")
start_daemon
tap_ok "the next daemon goes on with all" wait_for 90 scans_are complete 4
tap_is "with the scans that had begun" "$(sql "$DB" "SELECT group_concat(uuid) FROM (SELECT uuid FROM scan WHERE instr('$begun', uuid) > 0
    AND state = 'complete' ORDER BY uuid)")" "$begun"
tap_is "no two of a range and realm overlapped in time" "$(sql "$DB" "SELECT count(*) FROM scan a JOIN scan b ON a.id < b.id
    AND a.realm_id = b.realm_id AND a.started_at < b.ended_at AND b.started_at < a.ended_at
    WHERE json_extract(a.plan, '$.targets[0]') = '10.99.0.0/30' OR json_extract(b.plan, '$.targets[0]') = '10.99.0.0/30'")" 0
tap_is "another realm's did not wait for a range" "$(sql "$DB" "SELECT (SELECT started_at FROM scan s JOIN realm r ON r.id = s.realm_id
    WHERE r.name = 'west') < (SELECT started_at FROM scan WHERE json_extract(plan, '$.targets[0]') = '10.99.0.0/30')")" 1
tap_is "each saw what there is" "$(sql "$DB" "SELECT group_concat(DISTINCT r.name || ' ' || e.address || ':' || e.port) FROM
    (SELECT * FROM endpoint ORDER BY address, port) e JOIN asset a ON a.id = e.asset_id JOIN realm r ON r.id = a.realm_id
    WHERE r.name = 'default'")" 'default 10.99.0.1:5432,default 10.99.0.2:22,default 10.99.0.2:3379'
tap_is "in the other realm, too" "$(sql "$DB" "SELECT e.address || ':' || e.port FROM endpoint e JOIN asset a ON a.id = e.asset_id
    JOIN realm r ON r.id = a.realm_id WHERE r.name = 'west'")" 10.99.0.2:3379
tap_is "the database is whole" "$(sql "$DB" "PRAGMA integrity_check")" ok
nothing_left() {
    [[ $(sql "$DB" "SELECT count(*) FROM handed_over") == 0 && -z $(jobs_of .) ]]
}
tap_ok "nothing waits any more" wait_for 20 nothing_left
kill -TERM "$daemon"
wait "$daemon"
tap_is "the daemon ends in order" "$?" 0
sed -i 's/^rate: 400/&\nscans_at_once: 1/' "$DIR/config.yaml"
start_daemon
hand_over 10.99.0.2 1-900
hand_over 10.99.0.1 1-900
tap_ok "scans_at_once: 1 lets one run at a time" wait_for 20 jobs_are $'running 10.99.0.2\nqueued 10.99.0.1'
kill -TERM "$daemon"
wait "$daemon"
tap_done
