#!/usr/bin/env bash
# Audits that were handed over to a daemon which is killed or stopped before they end: the next daemon goes on with them.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/../integration/harness.sh"
enter "audits handed over, in a namespace" "$0" "$@"
begin
DB=$DIR/audit.db
daemon=
printf 'version: 1\ntargets: [%s]\nservices: false\nprobe: connect\nverify: false\nrate: 400\nhost_rate: 0\n' "$THERE" >"$DIR/config.yaml"

start_daemon() {
    # What the one before said is no sign that this one is there.
    rm -f -- "$DIR/log"
    "$BIN/leastport" serve --config "$DIR/config.yaml" --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
    daemon=$!
    harness_pids+=("$daemon")
    wait_for 20 grep -q '"dashboard at' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"
}

# end_daemon SIGNAL
end_daemon() {
    kill "-$1" "$daemon"
    wait "$daemon" 2>/dev/null
}

# hand_over NAME PORTS OPTION...: in the background; what it says is in NAME.err, its status in NAME.status.
hand_over() {
    local name=$1 ports=$2
    shift 2
    ("$BIN/leastport" audit "$THERE" --db "$DB" -p "$ports" "$@" >/dev/null 2>"$DIR/$name.err"; echo $? >"$DIR/$name.status") &
}

scans_are() {
    [[ $(sql "$DB" "SELECT group_concat(state, ' ') FROM (SELECT state FROM scan WHERE request <> '' ORDER BY id)") == "$1" ]]
}

kept() {
    sql "$DB" "SELECT count(*) FROM handed_over"
}

kept_are() {
    [[ $(kept) == "$1" ]]
}


serve_ports there 0.0.0.0 22 6379
start_daemon

# ---- killed: one under way, one that waits ----
hand_over first 1-1200 --new-tenant "$THERE"
wait_for 20 scans_are running
hand_over second 6300-6400
wait_for 20 kept_are 2
scan=$(sql "$DB" "SELECT uuid FROM scan")
end_daemon KILL
tap_ok "a client hears that its daemon is gone" wait_for 20 test -s "$DIR/first.status"
tap_is "as an error" "$(<"$DIR/first.status")" 2
tap_like "and that it goes on" "$(<"$DIR/first.err")" 'the next daemon goes on with it'
start_daemon
tap_ok "the next daemon goes on with both" wait_for 40 scans_are 'complete complete'
tap_is "the one that had begun is the same scan" "$(sql "$DB" "SELECT uuid FROM scan WHERE request <> '' ORDER BY id LIMIT 1")" "$scan"
tap_ok "nothing is kept of what has ended" wait_for 20 kept_are 0
tap_is "both saw what there is" "$(sql "$DB" "SELECT group_concat(port) FROM (SELECT DISTINCT port FROM finding ORDER BY port)")" 22,6379
tap_like "the log says who had asked" "$(<"$DIR/log")" "asked for by $(id -un).*goes on"
tap_is "a new tenant was taken for one once" "$(sql "$DB" "SELECT count(*) FROM asset")" 1

# ---- stopped in order ----
hand_over third 1-1100
wait_for 20 scans_are 'complete complete running'
end_daemon TERM
tap_ok "its client is told" wait_for 20 test -s "$DIR/third.status"
tap_is "it stays promised" "$(kept)" 1
start_daemon
tap_ok "and is done" wait_for 40 scans_are 'complete complete complete'
tap_ok "once" wait_for 20 kept_are 0

# ---- cancelled: somebody does not want it any more ----
hand_over fourth 1-1000
wait_for 20 scans_are 'complete complete complete running'
job=$(sql "$DB" "SELECT uuid FROM handed_over")
control() {
    python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode() + b"\n"); print(s.recv(65536).decode())' "$@"
}
socket=$(find "$DIR" -type s | head -n 1)
tap_like "an audit is cancelled" "$(control "$socket" "{\"op\":\"cancel\",\"job\":\"$job\"}")" cancelling
tap_ok "and is kept no more" wait_for 20 kept_are 0
end_daemon KILL
start_daemon
tap_ok "so the next daemon leaves it" wait_for 20 scans_are 'complete complete complete incomplete'

# ---- too old ----
hand_over fifth 1-900
wait_for 20 scans_are 'complete complete complete incomplete running'
end_daemon KILL
sqlite3 "$DB" "UPDATE handed_over SET accepted_at = accepted_at - 90000000"
start_daemon
tap_ok "what was asked for more than a day ago is nobody's wish" wait_for 20 kept_are 0
tap_like "as the log says" "$(<"$DIR/log")" 'does not go on: it was asked for more than a day ago'
tap_is "it stays cut off" "$(sql "$DB" "SELECT state FROM scan ORDER BY id DESC LIMIT 1")" incomplete
end_daemon TERM
tap_done
