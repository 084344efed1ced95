#!/usr/bin/env bash
# Schedules under a wall clock that jumps and a daemon that is killed at any moment: each run that is due happens once.
# LEASTPORT_TEST_SEED chooses when it is killed.
set -uo pipefail
LEASTPORT_BIN=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/../../build/dev/bin
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/../integration/harness.sh"
enter "schedules in a namespace" "$0" "$@"
CLOCK_LIBRARY=$(readlink -f -- "$BIN/../faults/clock.so")
if [[ ! -r $CLOCK_LIBRARY ]]; then
    tap_fail "the preset dev is built" "there is no build/dev/faults/clock.so"
    tap_done
    exit 1
fi
begin
export LEASTPORT_CLOCK=$DIR/clock
RANDOM=${LEASTPORT_TEST_SEED:-1}
tap_diag "LEASTPORT_TEST_SEED=${LEASTPORT_TEST_SEED:-1}"
rounds=$((3 * ${LEASTPORT_TEST_REPEATS:-2}))
daemon=

# set_clock TIME: what `date -d` takes, or "+SECONDS" from where it is.
set_clock() {
    local target now
    now=$(date +%s%3N)
    if [[ $1 == +* ]]; then
        printf '%-24s' $(($(cat "$LEASTPORT_CLOCK") + ${1#+} * 1000)) 1<>"$LEASTPORT_CLOCK"
        return
    fi
    target=$(date -d "$1" +%s)
    printf '%-24s' $((target * 1000 - now)) 1<>"$LEASTPORT_CLOCK"
}
printf '%-24s' 0 >"$LEASTPORT_CLOCK"

# configure SCHEDULE...: each a mapping of YAML.
configure() {
    printf 'version: 1\ntargets: [%s]\nports: %s\nservices: false\nverify: false\nrate: %s\nhost_rate: 0\nschedules:\n' \
        "$THERE" "${PORTS-22,6379,8000-8010}" "${RATE-0}"
    printf '  - %s\n' "$@"
} >"$DIR/config.yaml"

start_daemon() {
    : >"$DIR/log"
    LD_PRELOAD=$CLOCK_LIBRARY "$BIN/leastport" serve --config "$DIR/config.yaml" --db "$DB" --listen 127.0.0.1:0 \
        2>"$DIR/log" >/dev/null &
    daemon=$!
    harness_pids+=("$daemon")
    wait_for 20 grep -q '"dashboard at' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"
}

# end_daemon SIGNAL
end_daemon() {
    kill "-$1" "$daemon"
    wait "$daemon" 2>/dev/null
}

schedule() {
    LD_PRELOAD=$CLOCK_LIBRARY "$BIN/leastport" schedule "$@" --db "$DB" 2>&1
}

# runs NAME: "DUE STATE" of each, one a line.
runs() {
    sql "$DB" "SELECT strftime('%Y-%m-%dT%H:%M', due_at / 1000, 'unixepoch') || ' ' || r.state FROM schedule_run r
        JOIN schedule s ON s.id = r.schedule_id WHERE s.name = '$1' ORDER BY r.id"
}

runs_are() {
    [[ $(runs "$1") == "$2" ]]
}

# scans: how many whole plans were scanned or begun; looks that only verify have no request.
scans() {
    sql "$DB" "SELECT count(*) FROM scan WHERE request <> ''"
}

expect() {
    wait_for 20 runs_are "$2" "$3"
    tap_is "$1" "$(runs "$2")" "$3"
}

serve_ports there 0.0.0.0 22 6379

# ---- clocks that are set for summer and for winter ----
DB=$DIR/gap.db
set_clock 2026-03-29T00:59:57Z
configure '{name: gap, cron: "30 2 * * *", zone: Europe/Berlin}'
start_daemon
expect "a time that the clocks skip is run right after the gap" gap '2026-03-29T01:00 complete'
set_clock 2026-03-29T00:30:00Z
sleep 1.5
set_clock 2026-03-29T00:59:59Z
sleep 2.5
tap_is "a clock set back runs nothing twice" "$(runs gap)" '2026-03-29T01:00 complete'
end_daemon KILL
set_clock 2026-03-29T00:10:00Z
start_daemon
set_clock 2026-03-29T00:59:59Z
sleep 2.5
tap_is "not by a daemon that starts before that time, either" "$(runs gap)" '2026-03-29T01:00 complete'
end_daemon TERM

DB=$DIR/twice.db
set_clock 2026-10-25T00:29:57Z
configure '{name: twice, cron: "30 2 * * *", zone: Europe/Berlin}'
start_daemon
expect "a time that comes twice is run the first time" twice '2026-10-25T00:30 complete'
set_clock 2026-10-25T01:29:58Z
sleep 3.5
tap_is "and not the second time" "$(runs twice)" '2026-10-25T00:30 complete'
tap_is "one scan was made of it" "$(scans)" 1
end_daemon TERM

# ---- after a time without a daemon ----
DB=$DIR/away.db
set_clock 2026-11-02T10:00:10Z
configure '{name: once, cron: "*/10 * * * *"}' '{name: skip, cron: "*/10 * * * *", catch_up: skip}'
start_daemon
end_daemon TERM
set_clock 2026-11-02T13:25:00Z
start_daemon
expect "once: the last of those that were due is made up for" once '2026-11-02T13:20 complete'
expect "skip: none is" skip '2026-11-02T13:20 missed'
tap_like "the list says why" "$(schedule list skip)" 'missed: 20 runs were due while no daemon ran'
set_clock 2026-11-02T13:29:58Z
expect "both go on with the next" once $'2026-11-02T13:20 complete\n2026-11-02T13:30 complete'
expect "both go on with the next, skip too" skip $'2026-11-02T13:20 missed\n2026-11-02T13:30 complete'
end_daemon TERM
set_clock 2026-11-02T13:40:20Z
start_daemon
expect "a restart of seconds misses nothing" skip $'2026-11-02T13:20 missed\n2026-11-02T13:30 complete\n2026-11-02T13:40 complete'
end_daemon TERM
# The clock was in the year 2031 for a moment.
set_clock 2031-01-01T00:00:05Z
start_daemon
wait_for 20 grep -q 'schedule once' "$DIR/log"
expect "a clock that is years ahead makes up for one" once \
    $'2026-11-02T13:20 complete\n2026-11-02T13:30 complete\n2026-11-02T13:40 complete\n2031-01-01T00:00 complete'
set_clock 2026-11-02T13:49:58Z
expect "and set right again it goes on as planned" once \
    $'2026-11-02T13:20 complete\n2026-11-02T13:30 complete\n2026-11-02T13:40 complete\n2031-01-01T00:00 complete\n2026-11-02T13:50 complete'
end_daemon TERM

# ---- scans that are cut off ----
DB=$DIR/cut.db
RATE=300 PORTS=1-1200 configure '{name: slow, cron: "0 * * * *"}'
set_clock 2026-11-02T09:59:58Z
start_daemon
under_way() {
    [[ $(sql "$DB" "SELECT count(*) FROM scan WHERE state = 'running'") == 1 ]]
}
wait_for 20 under_way
scan=$(sql "$DB" "SELECT uuid FROM scan")
end_daemon TERM
tap_is "a scan that a daemon's end cuts off stays under way" "$(runs slow)" '2026-11-02T10:00 running'
start_daemon
expect "the next one goes on with it" slow '2026-11-02T10:00 complete'
tap_is "which is the same scan" "$(sql "$DB" "SELECT uuid || ' ' || state FROM scan WHERE request <> ''")" "$scan complete"
tap_is "as the run knows" "$(sql "$DB" "SELECT scan_uuid FROM schedule_run")" "$scan"
set_clock 2026-11-02T10:59:59Z
wait_for 20 under_way
set_clock 2026-11-02T12:00:01Z
expect "what is due while the one before is under way is left out" slow \
    $'2026-11-02T10:00 complete\n2026-11-02T11:00 complete\n2026-11-02T12:00 skipped'
end_daemon TERM

# ---- windows and deadlines ----
DB=$DIR/window.db
RATE=300 PORTS=1-1200 configure '{name: window, cron: "50 7 * * *", blackout: [{days: mon-fri, from: 08:00, to: 18:00}]}' \
    '{name: dead, cron: "0 20 * * *", deadline: 30m}'
set_clock 2026-11-03T07:49:58Z
start_daemon
wait_for 20 under_way
scan=$(sql "$DB" "SELECT uuid FROM scan")
set_clock 2026-11-03T08:00:01Z
is_resting() {
    [[ $(sql "$DB" "SELECT state FROM scan") == incomplete ]]
}
tap_ok "a scan rests when a window begins" wait_for 20 is_resting
tap_like "its run is under way all the same" "$(runs window)" '2026-11-03T07:50 running'
end_daemon KILL
start_daemon
set_clock 2026-11-03T18:00:01Z
expect "and goes on when the window has ended, also after a kill" window '2026-11-03T07:50 complete'
tap_is "as the same scan" "$(sql "$DB" "SELECT uuid || ' ' || state FROM scan WHERE request <> ''")" "$scan complete"
set_clock 2026-11-03T19:59:58Z
wait_for 20 under_way
set_clock 2026-11-03T20:30:02Z
expect "a deadline ends a scan early" dead '2026-11-03T20:00 incomplete'
tap_like "as the list says" "$(schedule list dead)" 'ended by its deadline'

# ---- by hand ----
set_clock 2026-11-04T03:00:00Z
sleep 1.2
tap_like "an unknown schedule is named" "$(schedule run nobody)" 'no schedule "nobody"'
tap_ok "run" schedule run dead
wait_for 20 under_way
tap_like "it is under way" "$(schedule list dead)" running
tap_like "and is not begun twice" "$(schedule run dead)" 'waits or is under way'
tap_like "its run tells who wanted it" "$(sql "$DB" "SELECT actor FROM schedule_run ORDER BY id DESC LIMIT 1")" "^$(id -un) "
tap_ok "pause" schedule pause window
tap_like "a schedule that pauses says by whom" "$(schedule list window)" "paused by $(id -un)"
tap_like "and is not run" "$(schedule run window)" 'schedule resume window'
job=$(sql "$DB" "SELECT id FROM schedule_run ORDER BY id DESC LIMIT 1")
run_has_ended() {
    [[ $(sql "$DB" "SELECT state FROM schedule_run WHERE id = $job") == complete ]]
}
tap_ok "what was run by hand ends" wait_for 30 run_has_ended
set_clock 2026-11-05T07:50:05Z
sleep 1.5
set_clock 2026-11-06T19:00:00Z
sleep 1.5
tap_is "while it pauses nothing is due" "$(runs window)" '2026-11-03T07:50 complete'
end_daemon KILL
start_daemon
tap_like "it pauses over a kill" "$(schedule list window)" "paused by"
tap_ok "resume" schedule resume window
sleep 1.5
tap_is "nothing is made up for then" "$(runs window)" '2026-11-03T07:50 complete'
end_daemon TERM

# ---- killed at any moment ----
DB=$DIR/kill.db
RATE=0 PORTS=1-2000 configure '{name: often, cron: "* * * * *"}'
set_clock 2026-12-01T00:00:10Z
start_daemon
wanted=
for ((round = 1; round <= rounds; round++)); do
    minute=$(printf '2026-12-01T00:%02d' "$round")
    set_clock "$(date -u -d "${minute}:00Z - 1 second" +%FT%TZ)"
    wait_ms=$((RANDOM % 3000))
    sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
    end_daemon KILL
    set_clock "${minute}:05Z"
    start_daemon
    wanted+=${wanted:+$'\n'}"$minute complete"
    wait_for 20 runs_are often "$wanted" || break
done
tap_is "$rounds kills at moments by chance: every run that was due happened once" "$(runs often)" "$wanted"
tap_is "and its scan is complete" \
    "$(sql "$DB" "SELECT count(*) FROM schedule_run r JOIN scan s ON s.uuid = r.scan_uuid WHERE s.state = 'complete'")" "$rounds"
tap_is "no other scan is" "$(sql "$DB" "SELECT count(*) FROM scan WHERE request <> '' AND state = 'complete'")" "$rounds"
end_daemon TERM
tap_done
